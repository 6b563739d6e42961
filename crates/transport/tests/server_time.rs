//! Time limits and stopping, on a paused clock over pipes in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use support::{SLOW, config, in_memory, on_socket, pipe, pipe_from, sleep, socket};
use tillway_transport::server::ServerConfig;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn seconds(from: Instant) -> u64 {
    from.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_answered_408() {
    let (_server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    let start = Instant::now();
    // Bytes that keep coming do not buy time.
    for _ in 0..9 {
        raw.send("G").await;
        sleep(SECOND).await;
    }
    let answer = raw.answer().await;
    assert_eq!((answer.status, seconds(start)), (408, 10));
    assert!(answer.closes());
    raw.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_second_head_is_answered_408() {
    let (_server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    // The head's time runs from the end of the answer before it.
    raw.send("GET /slow HTTP/1.1\r\n\r\nGET /b").await;
    assert_eq!(raw.answer().await.body, "slow");
    let start = Instant::now();
    assert_eq!((raw.answer().await.status, seconds(start)), (408, 10));
    raw.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_answered_408() {
    let (_server, dialer) = in_memory(config());
    for framing in ["Content-Length: 50", "Transfer-Encoding: chunked"] {
        for path in ["/a", "/ignore"] {
            let mut raw = pipe(&dialer);
            let start = Instant::now();
            raw.send(format!("POST {path} HTTP/1.1\r\n{framing}\r\n\r\n")).await;
            for _ in 0..9 {
                raw.send("1").await;
                sleep(SECOND).await;
            }
            let answer = raw.answer().await;
            // A service that does not want the body answers as it likes, and still closes.
            let status = if path == "/a" { 408 } else { 404 };
            assert_eq!((answer.status, seconds(start)), (status, 10), "{framing}");
            assert!(answer.closes());
            raw.closed().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn idle_for_longer_than_a_head_may_take_is_fine() {
    let (_server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    for _ in 0..3 {
        sleep(110 * SECOND).await;
        let answer = raw.call("POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx").await;
        assert_eq!((answer.status, &*answer.body), (200, "POST /a x"));
        assert!(!answer.closes());
    }
    let start = Instant::now();
    raw.closed().await;
    assert_eq!(seconds(start), 120);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed() {
    let (_server, dialer) = in_memory(config());
    for (peer, limit) in [(support::FRIEND, 120), (support::BANNED, 10)] {
        let mut raw = pipe_from(&dialer, peer);
        let start = Instant::now();
        raw.closed().await;
        assert_eq!(seconds(start), limit, "{peer}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_clock_runs_while_the_service_works() {
    let config = ServerConfig {
        header_read_timeout: SECOND,
        body_read_timeout: SECOND,
        idle_timeout: SECOND,
        write_timeout: SECOND,
        ..config()
    };
    let (_server, dialer) = in_memory(config);
    let mut raw = pipe(&dialer);
    for _ in 0..2 {
        assert_eq!(raw.call("GET /slow HTTP/1.1\r\n\r\n").await.body, "slow");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_is_dropped() {
    let (server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    raw.send("GET /big HTTP/1.1\r\n\r\n").await;
    sleep(11 * SECOND).await;
    // What the pipe held is there, the rest is not.
    let mut got = Vec::new();
    raw.0.read_to_end(&mut got).await.unwrap();
    assert!(got.len() < 100 * 1024, "{}", got.len());
    assert_eq!(server.stop().await.unwrap().cut, 0);
}

/// Reads a piece every nine seconds; answers how much there was, and how long it took.
async fn read_slowly(config: ServerConfig, piece: usize) -> (usize, u64) {
    let (_server, dialer) = in_memory(config);
    let mut raw = pipe(&dialer);
    raw.send("GET /big HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    let (start, mut got) = (Instant::now(), 0);
    loop {
        sleep(9 * SECOND).await;
        match raw.0.read(&mut vec![0; piece]).await {
            Ok(read @ 1..) => got += read,
            _ => return (got, seconds(start)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_makes_progress_is_served() {
    let config = ServerConfig { answer_timeout: 1_000 * SECOND, ..config() };
    let (got, _) = read_slowly(config, 64 * 1024).await;
    assert!(got > 4 * 1024 * 1024, "dropped after {got} bytes");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_trickles_is_dropped_in_the_end() {
    let (got, took) = read_slowly(config(), 1024).await;
    // After a minute there was what it had read, and what its pipe still held.
    assert!(got < 80 * 1024, "{got}");
    assert!((60..1_000).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn each_answer_has_its_time() {
    for (path, pipelined) in [("big", false), ("big", true), ("frames", false), ("frames", true)] {
        let request = format!("GET /{path} HTTP/1.1\r\n\r\n");
        let (_server, dialer) = in_memory(config());
        let mut raw = pipe(&dialer);
        if pipelined {
            raw.send(request.repeat(3)).await;
        }
        for _ in 0..3 {
            if !pipelined {
                sleep(50 * SECOND).await;
                raw.send(&request).await;
            }
            let start = Instant::now();
            while raw.1.len() < 4 * 1024 * 1024 {
                sleep(SECOND * 7 / 10).await;
                let mut piece = vec![0; 64 * 1024];
                let read = raw.0.read(&mut piece).await.unwrap();
                assert!(read > 0, "dropped after {} bytes", raw.1.len());
                raw.1.extend_from_slice(&piece[..read]);
            }
            assert!((40..60).contains(&seconds(start)), "{}", seconds(start));
            assert_eq!(raw.answer().await.body.len(), 4 * 1024 * 1024);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_closes_after_a_refusal_is_dropped() {
    let (server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    let start = Instant::now();
    assert_eq!(raw.call("nonsense\r\n\r\n").await.status, 400);
    raw.closed().await;
    assert_eq!(seconds(start), 0);
    sleep(2 * SECOND).await;
    assert_eq!(server.stop().await.unwrap().idle, 0);
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_idle_connections_and_finishes_running_requests() {
    let (server, dialer) = in_memory(config());
    let mut fresh = pipe(&dialer);
    let mut idle = pipe(&dialer);
    let mut busy = pipe(&dialer);
    assert_eq!(idle.call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
    busy.send("GET /slow HTTP/1.1\r\n\r\n").await;
    sleep(SECOND).await;
    let start = Instant::now();
    let report = server.stop();
    fresh.closed().await;
    idle.closed().await;
    assert_eq!(seconds(start), 0);
    assert!(dialer.connect(support::FRIEND.parse().unwrap()).is_err());
    let answer = busy.answer().await;
    assert_eq!((answer.status, &*answer.body), (200, "slow"));
    assert!(answer.closes());
    busy.closed().await;
    let report = report.await.unwrap();
    assert_eq!((report.idle, report.finished, report.cut), (2, 1, 0));
    assert!(start.elapsed() < SLOW);
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_an_answer_to_be_read() {
    let (server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    raw.send("GET /big HTTP/1.1\r\n\r\n").await;
    sleep(SECOND).await;
    let report = server.stop();
    sleep(SECOND).await;
    assert_eq!(raw.answer().await.body.len(), 4 * 1024 * 1024);
    raw.closed().await;
    assert_eq!(report.await.unwrap().finished, 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_cuts_what_does_not_finish() {
    let (server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    raw.send("GET /hang HTTP/1.1\r\n\r\n").await;
    sleep(SECOND).await;
    let start = Instant::now();
    let report = server.stop().await.unwrap();
    assert_eq!((report.idle, report.finished, report.cut), (0, 0, 1));
    assert_eq!(seconds(start), 10);
    let answer = raw.answer().await;
    assert_eq!((answer.status, &*answer.body), (503, ""));
    assert!(answer.closes());
    raw.closed().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_leaves_nobody_without_an_answer() {
    let config = ServerConfig {
        header_read_timeout: 100 * SECOND,
        body_read_timeout: 100 * SECOND,
        ..config()
    };
    let (server, dialer) = in_memory(config);
    let unfinished = [
        "GET /hang HTTP/1.1\r\n\r\n",
        "GET /never HTTP/1.1\r\n\r\n",
        "GET /a HTT",
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ];
    let mut open = Vec::new();
    for bytes in unfinished {
        let mut raw = pipe(&dialer);
        raw.send(bytes).await;
        open.push(raw);
    }
    sleep(SECOND).await;
    assert_eq!(server.stop().await.unwrap().cut, 4);
    for (raw, bytes) in open.iter_mut().zip(unfinished) {
        let answer = raw.answer().await;
        assert_eq!(answer.status, 503, "{bytes}");
        assert!(answer.closes());
        raw.closed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_nobody_reads_ends_too() {
    let config = ServerConfig { write_timeout: 100 * SECOND, ..config() };
    let (server, dialer) = in_memory(config);
    let mut raw = pipe(&dialer);
    raw.send("GET /big HTTP/1.1\r\n\r\n").await;
    sleep(SECOND).await;
    let start = Instant::now();
    assert_eq!(server.stop().await.unwrap().cut, 1);
    // The time to finish, and the time to take the refusal.
    assert_eq!(seconds(start), 11);
}

#[tokio::test]
async fn what_has_arrived_at_the_stop_is_answered() {
    let (server, address) = on_socket(config()).await;
    let mut kept = socket(address).await;
    assert_eq!(kept.call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
    // The system has all of this when the server is told, and the runtime knows nothing of it yet.
    let kept = kept.0.into_std().unwrap();
    let fresh = std::net::TcpStream::connect(address).unwrap();
    let silent = std::net::TcpStream::connect(address).unwrap();
    for (mut stream, path) in [(&kept, "b"), (&fresh, "c")] {
        stream.write_all(format!("GET /{path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    }
    let report = server.stop().await.unwrap();
    assert_eq!(report.cut, 0);
    for (mut stream, path) in [(&kept, "b"), (&fresh, "c")] {
        stream.set_nonblocking(false).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("GET /{path} ")), "{answer}");
    }
    assert_eq!((&silent).read(&mut [0]).unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_half_read_head_is_still_served_while_stopping() {
    let (server, dialer) = in_memory(config());
    let mut raw = pipe(&dialer);
    raw.send("GET /a HT").await;
    sleep(SECOND).await;
    let report = server.stop();
    sleep(SECOND).await;
    let answer = raw.call("TP/1.1\r\n\r\n").await;
    assert_eq!(answer.status, 200);
    assert!(answer.closes());
    assert_eq!(report.await.unwrap().cut, 0);
}

#[tokio::test]
async fn stopping_closes_idle_sockets() {
    let (server, address) = on_socket(config()).await;
    let mut idle = socket(address).await;
    assert_eq!(idle.call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
    let report = server.stop().await.unwrap();
    assert_eq!((report.idle, report.finished, report.cut), (1, 0, 0));
    idle.closed().await;
}
