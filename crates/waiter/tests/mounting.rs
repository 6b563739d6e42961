//! The service inside an axum router.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use support::{Fake, ORDER, config, service};
use tillway_transport::server::PeerInfo;
use tillway_waiter::{AllowedPeers, WaiterConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Tells the service who the peer is.
async fn peer(info: ConnectInfo<SocketAddr>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(PeerInfo::new(info.0));
    next.run(request).await
}

#[expect(clippy::disallowed_methods, reason = "the server under test runs beside the test")]
async fn serve(config: WaiterConfig) -> (Arc<Fake>, SocketAddr) {
    let desks = Arc::new(Fake::default());
    let router = Router::new()
        .route("/about", get(|| async { "a service of the integrator's" }))
        .nest_service("/loyalty", service(config.clone(), &desks))
        .fallback_service(service(config, &desks))
        .layer(from_fn(peer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let make = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, make).await });
    (desks, address)
}

async fn ask(address: SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const CLOSE: &str = "HTTP/1.1\r\nHost: t\r\nConnection: close\r\n";

#[tokio::test]
async fn mounts_into_an_axum_router() {
    let open = WaiterConfig { allowed_peers: AllowedPeers::default(), ..config() };
    let (desks, address) = serve(open).await;
    let about = ask(address, format!("GET /about {CLOSE}\r\n")).await;
    assert!(about.ends_with("a service of the integrator's"), "{about}");
    for prefix in ["", "/loyalty"] {
        let ping = ask(address, format!("GET {prefix}/ping {CLOSE}\r\n")).await;
        assert!(ping.starts_with("HTTP/1.1 204 No Content\r\n"), "{ping}");
        let body = r#"{"Value":"149725735","WaiterPin":"7"}"#;
        let head = format!("POST {prefix}/orders/{ORDER}/checkin {CLOSE}");
        let length = body.len();
        let answer = ask(address, format!("{head}Content-Length: {length}\r\n\r\n{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n"), "{answer}");
        let limits =
            ask(address, format!("GET {prefix}/orders/{ORDER}/paymentLimits {CLOSE}\r\n")).await;
        assert!(limits.ends_with(r#"{"BonusSum":0,"DepositSum":0}"#), "{limits}");
        assert!(limits.to_ascii_lowercase().contains("content-length: 29\r\n"), "{limits}");
    }
    assert_eq!(desks.state().asked.scans.len(), 2);
}

#[tokio::test]
async fn w51_a_peer_among_the_extensions_is_judged() {
    // Only the network 10.0.0.0/24 is allowed, and we come from loopback.
    let (desks, address) = serve(config()).await;
    let ping = ask(address, format!("GET /ping {CLOSE}\r\n")).await;
    assert!(ping.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{ping}");
    assert!(desks.state().asked.callers.is_empty());
}
