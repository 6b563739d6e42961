#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "the address is for the person who started it")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use tillway::core::book::{Caller, Chain};
use tillway::core::guest::{Carrier, Guest, Names};
use tillway::core::id::{AccountId, GuestId, TillId, Uuid};
use tillway::core::port::{GuestDesk, GuestRef};
use tillway::core::{Account, AccountKind, AccountStatus, Kopecks};
use tillway::engine::{Bridge, Engine, EngineConfig};
use tillway::transport::server::PeerInfo;
use tillway::waiter::{Desks, Till, WaiterConfig, WaiterService};
use tillway::{Builder, StoreConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "7750".into()).parse::<u16>()?;
    // There is no plugin to tell: a guest is attached here alone.
    let config = EngineConfig { bridge: Bridge::None, ..EngineConfig::new(Uuid::from_u128(7)) };
    let builder = Builder::new(config).open(StoreConfig::Memory)?;
    let built = builder.tokio(tokio::runtime::Handle::current()).build()?;
    let engine = built.engine;
    open_guest(&engine).await?;
    let keeper = engine.keeper();
    keeper.recover().await;
    built.ports.spawner.spawn("keeper", Box::pin(async move { keeper.run().await }));

    let desks = Desks {
        loyalty: Arc::new(engine.clone()),
        payment: Arc::new(engine.clone()),
        bridge: Arc::new(engine.clone()),
    };
    let till = Till::new(TillId::try_new("till-1")?, "till-1-secret");
    let service = WaiterService::try_new(WaiterConfig::new(till), desks, built.ports.clock)?;
    let app = Router::new()
        .route("/club/{card}", get(balance))
        .with_state(engine)
        .nest_service("/till-1", service.clone())
        .fallback_service(service)
        .layer(from_fn(with_peer));

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// A route of the program's own, over the same engine.
async fn balance(State(engine): State<Engine>, Path(card): Path<String>) -> String {
    match engine.guest(GuestRef::Carrier(card.into())).await {
        Ok(file) => {
            let sums = file.accounts.iter().filter_map(|account| account.available().ok());
            sums.map(|sum| format!("{}\n", sum.for_people())).collect()
        }
        Err(_) => "nobody\n".to_owned(),
    }
}

/// Tells the service who asks, so that `allowed_peers` means something.
async fn with_peer(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(PeerInfo::new(peer));
    next.run(request).await
}

/// A guest with a card and 1 000.00 points.
async fn open_guest(engine: &Engine) -> Result<(), Box<dyn Error>> {
    let (me, guest, id) = (Caller::system(), GuestId(Uuid::from_u128(1)), Uuid::from_u128(2));
    let names = Names { first: Some("Анна".into()), ..Names::default() };
    let (client_id, phone, gifts, hints) = ("10541".into(), None, vec![], vec![]);
    let anna =
        Guest { id: guest, client_id, names, phone, gifts, hints, blocked: false, card: None };
    engine.put_guest(&me, anna).await?;
    let (alias, valid_from, valid_until) = ("149725735".into(), None, None);
    engine
        .put_carrier(&me, Carrier { alias, guest, blocked: false, valid_from, valid_until })
        .await?;
    let points = Account {
        id: AccountId(id),
        guest,
        kind: AccountKind::Bonus,
        name: "Бонусы".into(),
        balance: Kopecks::ZERO,
        overdraft: Kopecks::ZERO,
        held: Kopecks::ZERO,
        held_own: Kopecks::ZERO,
        status: AccountStatus::Active,
        chain: Chain::START,
    };
    engine.open_account(&me, points).await?;
    engine.accrue(&me, Uuid::from_u128(10), AccountId(id), Kopecks(100_000)).await?;
    Ok(())
}
