//! What the server does with bytes, the same over pipes in memory and over sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::{Raw, config, in_memory, on_socket, pipe, pipe_from, socket};
use tillway_transport::server::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};

/// Any stream a raw client speaks over.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<Io: AsyncRead + AsyncWrite + Unpin> Stream for Io {}

/// One story, told over a pipe and over a socket.
macro_rules! over_both {
    ($($name:ident)*) => {
        mod over_pipes {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    let (_server, dialer) = super::in_memory(super::config());
                    super::$name(super::pipe(&dialer)).await;
                }
            )*
        }
        mod over_sockets {
            $(
                #[tokio::test]
                async fn $name() {
                    let (_server, address) = super::on_socket(super::config()).await;
                    super::$name(super::socket(address).await).await;
                }
            )*
        }
    };
}

over_both! {
    asks_for_an_expected_body
    takes_chunked_bodies_on_post_and_delete
    serves_http_1_0_and_closes
    answers_three_requests_on_one_connection
    answers_pipelined_requests_in_order
    finds_heads_cut_anywhere
    refuses_large_heads
    refuses_many_headers
    refuses_an_announced_large_body
    refuses_a_large_body_without_asking_for_it
    refuses_a_large_chunked_body
    refuses_two_framings
    refuses_two_framings_after_a_good_request
    never_takes_a_body_for_a_head
    refuses_garbage
    breaks_off_a_broken_chunked_body
    reads_what_the_service_left
    closes_when_an_expected_body_was_not_asked_for
    answers_204_without_length_and_type
    gives_every_answer_a_length
    answers_head_without_a_body
    answers_500_for_a_failing_service
}

async fn asks_for_an_expected_body(mut raw: Raw<impl Stream>) {
    raw.send("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    assert_eq!(raw.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    let answer = raw.call("hello").await;
    assert_eq!((answer.status, &*answer.body), (200, "POST /a hello"));
    assert_eq!(raw.call("GET /b HTTP/1.1\r\n\r\n").await.body, "GET /b ");
}

async fn takes_chunked_bodies_on_post_and_delete(mut raw: Raw<impl Stream>) {
    for method in ["POST", "DELETE"] {
        let answer = raw
            .call(format!(
                "{method} /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"
            ))
            .await;
        assert_eq!((answer.status, &*answer.body), (200, &*format!("{method} /a abcde")));
        assert!(!answer.has("connection: close"));
    }
}

async fn serves_http_1_0_and_closes(mut raw: Raw<impl Stream>) {
    let answer = raw.call("POST /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!((answer.status, &*answer.body), (200, "POST /a hi"));
    assert!(answer.closes());
    raw.closed().await;
}

async fn answers_three_requests_on_one_connection(mut raw: Raw<impl Stream>) {
    for _ in 0..3 {
        let answer = raw.call("DELETE /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx").await;
        assert_eq!((answer.status, &*answer.body), (200, "DELETE /a x"));
        assert!(!answer.closes());
    }
}

async fn answers_pipelined_requests_in_order(mut raw: Raw<impl Stream>) {
    raw.send(
        "POST /1 HTTP/1.1\r\nContent-Length: 1\r\n\r\na\r\n\
         POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n\
         GET /empty HTTP/1.1\r\n\r\n\
         GET /4 HTTP/1.1\r\n\r\n",
    )
    .await;
    assert_eq!(raw.answer().await.body, "POST /1 a");
    assert_eq!(raw.answer().await.body, "POST /2 b");
    assert_eq!(raw.answer().await.status, 204);
    assert_eq!(raw.answer().await.body, "GET /4 ");
}

async fn finds_heads_cut_anywhere(mut raw: Raw<impl Stream>) {
    let bytes = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n";
    for cut in 1..bytes.len() {
        raw.send(&bytes[..cut]).await;
        tokio::task::yield_now().await;
        let answer = raw.call(&bytes[cut..]).await;
        assert_eq!((answer.status, &*answer.body), (200, "POST /a b"), "{cut}");
    }
}

async fn refuses_large_heads(mut raw: Raw<impl Stream>) {
    let head = |bytes: usize| {
        let frame = "GET /a HTTP/1.1\r\nX: \r\n\r\n".len();
        format!("GET /a HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(bytes - frame))
    };
    assert_eq!(raw.call(head(16 * 1024)).await.status, 200);
    let answer = raw.call(head(16 * 1024 + 1)).await;
    assert_eq!(answer.status, 431);
    assert!(answer.closes());
    raw.closed().await;
}

async fn refuses_many_headers(mut raw: Raw<impl Stream>) {
    let answer = raw.call(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101))).await;
    assert_eq!(answer.status, 431);
    raw.closed().await;
}

async fn refuses_an_announced_large_body(mut raw: Raw<impl Stream>) {
    let whole = "x".repeat(64 * 1024);
    let good = format!("POST /a HTTP/1.1\r\nContent-Length: 65536\r\n\r\n{whole}");
    assert_eq!(raw.call(good).await.body.len(), "POST /a ".len() + whole.len());
    // The body goes out before the answer is read, as most clients do it.
    let bad = format!("POST /a HTTP/1.1\r\nContent-Length: 65537\r\n\r\n{whole}x");
    let answer = raw.call(bad).await;
    assert_eq!((answer.status, &*answer.body), (413, ""));
    assert!(answer.closes());
    raw.closed().await;
}

async fn refuses_a_large_body_without_asking_for_it(mut raw: Raw<impl Stream>) {
    let answer =
        raw.call("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n").await;
    assert_eq!(answer.status, 413);
    raw.closed().await;
}

async fn refuses_a_large_chunked_body(mut raw: Raw<impl Stream>) {
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    raw.send(format!("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")).await;
    raw.send(&chunk).await;
    // One byte more than 64 KiB; the rest of the body never comes.
    let answer = raw.call("1\r\nx\r\n").await;
    assert_eq!(answer.status, 413);
    assert!(answer.closes());
    raw.closed().await;
}

async fn refuses_two_framings(mut raw: Raw<impl Stream>) {
    let answer = raw
        .call(
            "POST /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
        )
        .await;
    assert_eq!((answer.status, &*answer.body), (400, ""));
    assert!(answer.closes());
    raw.closed().await;
}

async fn refuses_two_framings_after_a_good_request(mut raw: Raw<impl Stream>) {
    raw.send(
        "POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nxPOST /b HTTP/1.1\r\n\
         Transfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(raw.answer().await.body, "POST /a x");
    let answer = raw.answer().await;
    assert_eq!(answer.status, 400);
    assert!(answer.closes());
    raw.closed().await;
}

async fn never_takes_a_body_for_a_head(mut raw: Raw<impl Stream>) {
    let bad = "POST /b HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    let size = bad.len();
    let answer = raw.call(format!("POST /a HTTP/1.1\r\nContent-Length: {size}\r\n\r\n{bad}")).await;
    assert_eq!((answer.status, answer.body), (200, format!("POST /a {bad}")));
    let answer = raw
        .call(format!(
            "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{bad}\r\n0\r\n\r\n"
        ))
        .await;
    assert_eq!((answer.status, answer.body), (200, format!("POST /a {bad}")));
}

async fn refuses_garbage(mut raw: Raw<impl Stream>) {
    let answer = raw.call("\u{16}\u{3}\u{1} hello\r\n\r\n").await;
    assert_eq!(answer.status, 400);
    assert!(answer.closes());
    raw.closed().await;
}

async fn breaks_off_a_broken_chunked_body(mut raw: Raw<impl Stream>) {
    let answer =
        raw.call("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n").await;
    assert_eq!(answer.status, 400);
    assert!(answer.closes());
    raw.closed().await;
}

async fn reads_what_the_service_left(mut raw: Raw<impl Stream>) {
    raw.send("POST /ignore HTTP/1.1\r\nContent-Length: 10\r\n\r\n01234").await;
    tokio::task::yield_now().await;
    let answer = raw.call("56789").await;
    assert_eq!(answer.status, 404);
    assert!(!answer.closes());
    assert_eq!(raw.call("GET /b HTTP/1.1\r\n\r\n").await.body, "GET /b ");
}

async fn closes_when_an_expected_body_was_not_asked_for(mut raw: Raw<impl Stream>) {
    let answer = raw
        .call("POST /ignore HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
        .await;
    assert_eq!(answer.status, 404);
    assert!(answer.closes());
    raw.closed().await;
}

async fn answers_204_without_length_and_type(mut raw: Raw<impl Stream>) {
    let answer = raw.call("GET /empty HTTP/1.1\r\n\r\n").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.value("content-length"), None);
    assert_eq!(answer.value("content-type"), None);
    assert!(answer.value("date").is_some());
    assert_eq!(raw.call("GET /b HTTP/1.1\r\n\r\n").await.body, "GET /b ");
}

async fn gives_every_answer_a_length(mut raw: Raw<impl Stream>) {
    assert_eq!(raw.call("GET /pieces HTTP/1.1\r\n\r\n").await.body, "piece piece piece ");
    assert_eq!(
        raw.call("POST /ignore HTTP/1.1\r\n\r\n").await.value("content-length").unwrap(),
        "0"
    );
    let answer = raw.call("GET /endless HTTP/1.1\r\n\r\n").await;
    assert_eq!(answer.status, 500);
    raw.closed().await;
}

async fn answers_head_without_a_body(mut raw: Raw<impl Stream>) {
    raw.send("HEAD /pieces HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n").await;
    assert!(raw.head().await.contains("content-length: 18\r\n"));
    assert_eq!(raw.answer().await.body, "GET /b ");
}

async fn answers_500_for_a_failing_service(mut raw: Raw<impl Stream>) {
    let answer = raw.call("GET /fail HTTP/1.1\r\n\r\n").await;
    assert_eq!((answer.status, &*answer.body), (500, ""));
    raw.closed().await;
}

#[tokio::test(start_paused = true)]
async fn refused_requests_never_reach_the_service() {
    let (server, dialer) = in_memory(config());
    for bytes in [
        "POST /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /a HTTP/1.1\r\nContent-Length: 65537\r\n\r\n",
        "GET / HTTP/1.1",
    ] {
        let mut raw = pipe(&dialer);
        assert!(raw.call(bytes).await.status >= 400);
        raw.closed().await;
    }
    assert_eq!(server.service.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn peers_that_are_not_accepted_get_403() {
    let (server, dialer) = in_memory(config());
    let mut raw = pipe_from(&dialer, support::BANNED);
    let answer = raw.call("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!((answer.status, &*answer.body), (403, ""));
    assert!(answer.closes());
    raw.closed().await;
    assert_eq!(server.service.calls(), 0);
    assert_eq!(pipe(&dialer).call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn connections_over_the_limit_wait() {
    let (server, dialer) = in_memory(ServerConfig { connections_max: 1, ..config() });
    let mut first = pipe(&dialer);
    let mut second = pipe(&dialer);
    second.send("GET /2 HTTP/1.1\r\n\r\n").await;
    assert_eq!(first.call("GET /1 HTTP/1.1\r\n\r\n").await.status, 200);
    assert_eq!(server.service.calls(), 1);
    drop(first);
    assert_eq!(second.answer().await.body, "GET /2 ");
}

#[tokio::test(start_paused = true)]
async fn the_date_can_be_left_out() {
    let (_server, dialer) = in_memory(ServerConfig { date_header: false, ..config() });
    assert_eq!(
        pipe(&dialer).call("GET /a HTTP/1.1\r\n\r\n").await.head,
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"
    );
}
