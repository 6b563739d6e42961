//! Time limits of a connection, on a paused clock over pipes in memory (rows W22, H2, H5).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::pending;
use std::time::Duration;

use tillway_engine::Engine;
use tillway_testkit::builders::ORDER_82;
use tillway_testkit::runtime::block_on;
use tillway_tests::venue::{Setup, services};
use tillway_transport::Runtime;
use tillway_transport::server::{MemoryListener, Server, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const PING: &str = "GET /ping HTTP/1.1\r\nHost: till\r\n\r\n";

#[expect(clippy::disallowed_methods, reason = "the clock of these tests is tokio's paused one")]
async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A connection to a till of the seed.
struct Pipe {
    stream: DuplexStream,
    engine: Engine,
}

fn pipe() -> Pipe {
    let (engine, services) = services(Setup::default());
    let service = services.into_iter().next().unwrap();
    let (listener, dialer) = MemoryListener::new();
    let config = ServerConfig { date_header: false, ..ServerConfig::default() };
    let server = Server::new(config, Runtime::tokio());
    #[expect(clippy::disallowed_methods, reason = "the server under test runs beside the test")]
    tokio::spawn(async move {
        server.serve(listener, move |peer| service.for_peer(peer), pending()).await
    });
    let stream = dialer.connect("127.0.0.1:50007".parse().unwrap()).unwrap();
    // The listener lives as long as a dialer does.
    std::mem::forget(dialer);
    Pipe { stream, engine }
}

impl Pipe {
    async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Reads exactly these bytes.
    async fn reads(&mut self, expected: &str) {
        let mut got = vec![0; expected.len()];
        self.stream.read_exact(&mut got).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&got), expected);
    }

    /// Reads to the end of the connection.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).await.unwrap();
        rest
    }

    fn holds(&self) {
        // The book of a venue that nobody came to is whole as well.
        assert_eq!(block_on(self.engine.keeper().recover()), 0);
    }
}

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\ncache-control: no-store\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn w22_and_h2_a_connection_that_is_idle_for_110_seconds_is_used_again() {
    let mut pipe = pipe();
    let limits = format!("GET /orders/{ORDER_82}/paymentLimits HTTP/1.1\r\n\r\n");
    for _ in 0..3 {
        pipe.send(PING).await;
        pipe.reads(NO_CONTENT).await;
        pipe.send(&limits).await;
        pipe.reads(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
             cache-control: no-store\r\ncontent-length: 29\r\n\r\n\
             {\"BonusSum\":0,\"DepositSum\":0}",
        )
        .await;
        sleep(110 * SECOND).await;
    }
    pipe.send(PING).await;
    pipe.reads(NO_CONTENT).await;
    // After two minutes of nothing we close, without a word.
    let idle = Instant::now();
    assert_eq!(pipe.rest().await, "");
    assert_eq!(idle.elapsed().as_secs(), 120);
    pipe.holds();
}

#[tokio::test(start_paused = true)]
async fn h2_the_client_closes_first_when_it_lets_go_after_100_seconds() {
    let mut pipe = pipe();
    pipe.send(PING).await;
    pipe.reads(NO_CONTENT).await;
    sleep(100 * SECOND).await;
    pipe.stream.shutdown().await.unwrap();
    assert_eq!(pipe.rest().await, "");
    pipe.holds();
}

#[tokio::test(start_paused = true)]
async fn h5_a_head_has_ten_seconds() {
    let mut pipe = pipe();
    let begun = Instant::now();
    pipe.send("GET /ping HT").await;
    sleep(9 * SECOND).await;
    pipe.send("TP/1.1\r\nHost: ti").await;
    let answer = pipe.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(begun.elapsed().as_secs(), 10);
    pipe.holds();
}

#[tokio::test(start_paused = true)]
async fn h5_a_body_has_ten_seconds() {
    for framing in ["Content-Length: 41", "Transfer-Encoding: chunked"] {
        for method in ["POST", "DELETE"] {
            let mut pipe = pipe();
            let begun = Instant::now();
            let path = format!("/orders/{ORDER_82}/checkin");
            pipe.send(&format!("{method} {path} HTTP/1.1\r\n{framing}\r\n\r\n")).await;
            sleep(9 * SECOND).await;
            pipe.send("1").await;
            let answer = pipe.rest().await;
            assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
            assert!(answer.contains("connection: close\r\n"), "{answer}");
            let body = r#"{"WaiterMessage":"Запрос не пришёл целиком вовремя","Code":"timed_out"}"#;
            assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
            assert_eq!(begun.elapsed().as_secs(), 10);
            pipe.holds();
        }
    }
}
