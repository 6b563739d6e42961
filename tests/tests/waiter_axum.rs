//! The service inside a program that has a router of its own already.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use tillway_core::book::Order;
use tillway_testkit::builders::{self, anna};
use tillway_testkit::runtime::block_on;
use tillway_tests::venue::{ORDER_82, Setup, Wire, services};
use tillway_tests::waiter::{ANNA, faults, is_empty, of, shows};
use tillway_transport::server::PeerInfo;
use tillway_waiter::{AllowedPeers, WaiterConfig};

/// Tells the service who asks, as axum knows it.
async fn with_peer(mut request: Request, next: Next) -> axum::response::Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    if let Some(peer) = peer {
        request.extensions_mut().insert(PeerInfo::new(peer));
    }
    next.run(request).await
}

/// Serves on a socket; the runtime stops it when it is dropped.
fn mounted(setup: Setup) -> (SocketAddr, tokio::runtime::Runtime) {
    let (_, services) = services(setup);
    let service = services.into_iter().next().unwrap();
    let app = Router::new()
        .route("/about", get(|| async { "another program" }))
        .fallback_service(service)
        .layer(from_fn(with_peer));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    runtime.spawn(async move { axum::serve(listener, app).await });
    (address, runtime)
}

/// What the router's own route answers.
fn about(address: SocketAddr) -> String {
    Wire::to(address).of_others().ask("GET", "/about", &[], "").text().to_owned()
}

#[test]
fn mounts_in_axum_beside_other_routes() {
    let setup = Setup::default();
    let store = std::sync::Arc::clone(&setup.store);
    let (address, _runtime) = mounted(setup);
    let mut wire = Wire::to(address);
    assert_eq!(about(address), "another program");
    is_empty(&wire.ask("GET", "/ping", &[], ""), 204);
    let body = format!(r#"{{"Value":"{ANNA}"}}"#);
    is_empty(&wire.ask("POST", &of(ORDER_82, "checkin"), &[], &body), 204);
    let limits = of(ORDER_82, "paymentLimits");
    shows(&wire.ask("GET", &limits, &[], ""), r#"{"BonusSum":84865,"DepositSum":100941}"#);
    let head = wire.ask("HEAD", &limits, &[], "");
    assert_eq!((head.status, head.header("content-length")), (200, Some("38")));
    faults(&wire.ask("DELETE", "/orders/82/checkin", &[], ""), 400, "bad_order_id");
    // The limit of a body is the service's own, whatever server it runs on.
    let large = format!("{body}{}", " ".repeat(64 * 1024));
    let refused = Wire::to(address).ask("POST", &of(ORDER_82, "checkin"), &[], &large);
    faults(&refused, 413, "too_large");
    let order = block_on(store.order(builders::ORDER_82)).unwrap();
    assert_eq!(order.as_ref().and_then(Order::payer).unwrap().guest, anna().guest.id);
}

#[test]
fn w51_a_stranger_behind_axum_gets_403() {
    let edge = |config: &mut WaiterConfig| {
        config.allowed_peers = AllowedPeers::new(["10.0.0.0/8".parse().unwrap()]);
    };
    let (address, _runtime) = mounted(Setup { edge: Box::new(edge), ..Setup::default() });
    let mut wire = Wire::to(address);
    is_empty(&wire.ask("GET", "/ping", &[], ""), 403);
    assert_eq!(about(address), "another program");
}
