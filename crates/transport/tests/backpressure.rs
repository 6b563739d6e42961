//! However much a peer sends, the server takes a bounded amount of it ahead of the service: what
//! is not taken stays with the peer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use support::{config, in_memory, pipe, sleep};
use tillway_transport::server::{MemoryListener, ServerConfig};
use tokio::io::AsyncWriteExt;

/// What the server holds beside the pipe itself: a head, a read, and what hyper keeps.
const HELD_MAX: usize = 64 * 1024;

#[tokio::test(start_paused = true)]
async fn a_flood_waits_outside_while_the_service_works() {
    let long = Duration::from_secs(1_000);
    let config = ServerConfig { body_read_timeout: long, write_timeout: long, ..config() };
    let request = "GET /a HTTP/1.1\r\n\r\n".repeat(400);
    let body = "x".repeat(8 * 1024);
    let chunks = "1\r\nx\r\n".repeat(1_000);
    let floods = [
        ("GET /hang HTTP/1.1\r\n\r\n", &request),
        ("GET /big HTTP/1.1\r\n\r\n", &request),
        ("POST /hang HTTP/1.1\r\nContent-Length: 65536\r\n\r\n", &body),
        ("POST /hang HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &chunks),
    ];
    for (begin, piece) in floods {
        let (server, dialer) = in_memory(config.clone());
        let mut raw = pipe(&dialer);
        raw.send(begin).await;
        let mut taken = 0;
        loop {
            tokio::select! {
                biased;
                written = raw.0.write(piece.as_bytes()) => taken += written.unwrap(),
                () = sleep(Duration::from_secs(1)) => break,
            }
        }
        assert!(taken <= MemoryListener::PIPE_BYTES + HELD_MAX, "{begin:?} {taken}");
        assert_eq!(server.service.calls(), 1, "{begin:?}");
    }
}
