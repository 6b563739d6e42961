//! Who has to go when there is no place for a newcomer, on a paused clock over pipes in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use support::{BANNED, Raw, Running, config, in_memory, pipe, pipe_from, sleep};
use tillway_transport::server::{MemoryDialer, ServerConfig};
use tokio::io::DuplexStream;
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HELLO: &str = "GET /a HTTP/1.1\r\n\r\n";

fn places(connections_max: usize) -> (Running, MemoryDialer) {
    let long = 1_000 * SECOND;
    in_memory(ServerConfig {
        connections_max,
        header_read_timeout: long,
        body_read_timeout: long,
        idle_timeout: long,
        write_timeout: long,
        answer_timeout: long,
        linger_timeout: long,
        ..config()
    })
}

async fn kept(dialer: &MemoryDialer) -> Raw<DuplexStream> {
    let mut raw = pipe(dialer);
    assert_eq!(raw.call(HELLO).await.status, 200);
    raw
}

/// A newcomer that is served, and how long it waited.
async fn newcomer(dialer: &MemoryDialer) -> (Raw<DuplexStream>, Duration) {
    let start = Instant::now();
    (kept(dialer).await, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn nobody_goes_while_nobody_waits() {
    let (_server, dialer) = places(2);
    let mut open = [kept(&dialer).await, kept(&dialer).await];
    sleep(100 * SECOND).await;
    for raw in &mut open {
        assert!(!raw.call(HELLO).await.closes());
    }
}

#[tokio::test(start_paused = true)]
async fn who_said_nothing_goes_at_once_and_the_oldest_first() {
    let (_server, dialer) = places(3);
    let mut kept = kept(&dialer).await;
    sleep(100 * SECOND).await;
    let mut old = pipe(&dialer);
    sleep(MS).await;
    let mut young = pipe(&dialer);
    let (_first, waited) = newcomer(&dialer).await;
    assert!(waited <= 6 * MS, "{waited:?}");
    old.closed().await;
    let (_second, waited) = newcomer(&dialer).await;
    assert!(waited <= 6 * MS, "{waited:?}");
    young.closed().await;
    assert!(!kept.call(HELLO).await.closes());
}

#[tokio::test(start_paused = true)]
async fn strangers_go_first() {
    let (_server, dialer) = places(3);
    let mut silent = pipe(&dialer);
    sleep(10 * SECOND).await;
    let mut stranger = pipe_from(&dialer, BANNED);
    let mut refused = pipe_from(&dialer, BANNED);
    // Its answer is there, and it does not close.
    assert_eq!(refused.call(HELLO).await.status, 403);
    sleep(10 * MS).await;
    let (_first, waited) = newcomer(&dialer).await;
    assert!(waited <= 6 * MS, "{waited:?}");
    sleep(10 * MS).await;
    let (_second, waited) = newcomer(&dialer).await;
    assert!(waited <= 6 * MS, "{waited:?}");
    stranger.closed().await;
    refused.closed().await;
    assert_eq!(silent.call(HELLO).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_keeps_us_waiting_goes_after_a_second_and_is_told() {
    let rows = [
        ("", None),
        (HELLO, Some(200)),
        ("GET /a HT", Some(408)),
        ("GET /a HTTP/1.1\r\n\r\nGET /b HT", Some(200)),
        ("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", Some(408)),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", Some(408)),
        ("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", Some(100)),
        ("nonsense\r\n\r\n", Some(400)),
    ];
    for (bytes, status) in rows {
        let (_server, dialer) = places(1);
        let mut slow = pipe(&dialer);
        slow.send(bytes).await;
        sleep(MS).await;
        let (_raw, waited) = newcomer(&dialer).await;
        assert!(waited <= 2 * SECOND, "{bytes:?} {waited:?}");
        if let Some(status) = status {
            let head = slow.head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes:?} {head}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_goes_too() {
    let (_server, dialer) = places(1);
    let mut raw = pipe(&dialer);
    raw.send("GET /big HTTP/1.1\r\n\r\n").await;
    sleep(MS).await;
    let (_raw, waited) = newcomer(&dialer).await;
    assert!(waited <= 2 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_service_works_on_is_never_cut() {
    let (server, dialer) = places(2);
    let mut busy = [pipe(&dialer), pipe(&dialer)];
    for raw in &mut busy {
        raw.send("GET /slow HTTP/1.1\r\n\r\n").await;
    }
    sleep(MS).await;
    let mut late = pipe(&dialer);
    late.send(HELLO).await;
    for raw in &mut busy {
        assert_eq!(raw.answer().await.body, "slow");
    }
    // Then they are as idle as others.
    assert_eq!(late.answer().await.status, 200);
    assert_eq!(server.service.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_arrived_is_answered_before_its_peer_goes() {
    let (_server, dialer) = places(1);
    let mut first = kept(&dialer).await;
    sleep(10 * SECOND).await;
    let mut second = pipe(&dialer);
    second.send(HELLO).await;
    // Looked at for the first time now, and found idle.
    sleep(500 * MS).await;
    first.send(HELLO).await;
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(second.answer().await.status, 200);
    first.closed().await;
}
