//! Peers that mean harm, over sockets: each costs a bounded amount of memory, and others are
//! served meanwhile.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::host::{Host, patiently};
use support::spawn;
use tillway_transport::server::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Short enough for a test, long enough for a healthy client on a busy machine.
const SHORT: Duration = Duration::from_millis(400);

/// Requests of a healthy client during each abuse.
const HEALTHY: usize = 50;

/// Fewer than there are abusers.
const FEW: usize = 16;

fn few_places() -> ServerConfig {
    ServerConfig { connections_max: FEW, ..ServerConfig::default() }
}

/// Does something until it is told to end.
struct Abuse {
    ended: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Abuse {
    fn new() -> Self {
        Self { ended: Arc::default(), tasks: Vec::new() }
    }

    /// `once` again and again, by `many` at once.
    fn by<F: Future<Output = ()> + Send + 'static>(
        many: usize,
        once: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let mut abuse = Self::new();
        for _ in 0..many {
            let (ended, once) = (Arc::clone(&abuse.ended), once.clone());
            abuse.tasks.push(spawn(async move {
                while !ended.load(Ordering::SeqCst) {
                    once().await;
                    tokio::task::yield_now().await;
                }
            }));
        }
        abuse
    }

    async fn ends(self) {
        self.ended.store(true, Ordering::SeqCst);
        for task in self.tasks {
            patiently("an abuser", task).await.unwrap();
        }
    }
}

/// Sends some bytes and waits for the end, whatever it is. Errors are what abuse earns.
async fn send_and_wait(address: std::net::SocketAddr, bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let mut rest = Vec::new();
    if stream.write_all(bytes).await.is_ok() {
        let _ = stream.read_to_end(&mut rest).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_never_read_lose_their_places() {
    let host = Host::start(ServerConfig { write_timeout: SHORT, ..few_places() }).await;
    let mut readers = Vec::new();
    for _ in 0..FEW {
        let mut raw = host.connect_narrow().await;
        raw.send("GET /huge HTTP/1.1\r\n\r\n").await;
        readers.push(raw);
    }
    host.has_admitted(FEW).await;
    host.answers(HEALTHY).await;
    host.is_empty().await;
    for raw in &mut readers {
        let mut got = Vec::new();
        let _ = raw.0.read_to_end(&mut got).await;
        assert!(got.len() < 32 * 1024 * 1024, "{}", got.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_keep_nobody_out() {
    let config = ServerConfig { header_read_timeout: SHORT, ..few_places() };
    let host = Host::start(config).await;
    let address = host.address;
    let abuse = Abuse::by(4 * FEW, move || send_and_wait(address, b"GET / HTTP/1.1\r\nX: slow"));
    host.has_admitted(FEW).await;
    host.answers(HEALTHY).await;
    abuse.ends().await;
    host.is_empty().await;
    assert_eq!((host.most(), host.calls()), (FEW, HEALTHY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_keep_nobody_out() {
    let config = ServerConfig { body_read_timeout: SHORT / 4, ..few_places() };
    for framing in ["Content-Length: 50\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n32\r\n"] {
        let host = Host::start(config.clone()).await;
        let address = host.address;
        let request = format!("POST /a HTTP/1.1\r\n{framing}slow");
        let abuse = Abuse::by(2 * FEW, move || {
            let request = request.clone();
            async move { send_and_wait(address, request.as_bytes()).await }
        });
        host.has_admitted(FEW).await;
        // Each waits its turn here: a body may take its time.
        host.answers(HEALTHY / 5).await;
        abuse.ends().await;
        host.is_empty().await;
        assert_eq!(host.most(), FEW);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_keep_nobody_out() {
    let host = Host::start(ServerConfig::default()).await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(host.connect().await);
    }
    host.answers(HEALTHY).await;
    // The last of them have their places still.
    for raw in &mut idle[..700] {
        let (Ok(0) | Err(_)) = raw.0.read(&mut [0]).await else { panic!("an answer to nothing") };
    }
    assert_eq!(host.most(), 256);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections_keeps_nobody_out() {
    let host = Host::start(ServerConfig::default()).await;
    let address = host.address;
    let held = Arc::new(std::sync::Mutex::new(VecDeque::new()));
    let abuse = Abuse::by(8, move || {
        let held = Arc::clone(&held);
        async move {
            let Ok(stream) = TcpStream::connect(address).await else { return };
            let mut held = held.lock().unwrap();
            held.push_back(stream);
            if held.len() > 1_000 {
                held.pop_front();
            }
        }
    });
    host.has_admitted(1_000).await;
    host.answers(HEALTHY).await;
    abuse.ends().await;
    host.is_empty().await;
    assert_eq!((host.most(), host.calls()), (256, HEALTHY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_reset_leave_nothing() {
    let host = Host::start(ServerConfig::default()).await;
    let address = host.address;
    let cuts: [&[u8]; 5] = [
        b"",
        b"GET /a HT",
        b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
        b"GET /hang HTTP/1.1\r\n\r\n",
        b"GET /huge HTTP/1.1\r\n\r\n",
    ];
    let abuse = Abuse::by(8, move || async move {
        for bytes in cuts {
            let Ok(mut stream) = TcpStream::connect(address).await else { return };
            let _ = stream.write_all(bytes).await;
            stream.set_zero_linger().unwrap();
        }
    });
    host.answers(HEALTHY).await;
    abuse.ends().await;
    host.is_empty().await;
    let report = host.stop().await;
    assert_eq!((report.idle, report.finished, report.cut), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_end() {
    let config = ServerConfig { idle_timeout: SHORT, header_read_timeout: SHORT, ..few_places() };
    let host = Host::start(config).await;
    // One side of each is gone, or both, without a word.
    let mut open = Vec::new();
    for bytes in ["", "GET /a HT", "GET /a HTTP/1.1\r\n\r\n"] {
        for finish in [false, true] {
            let mut raw = host.connect().await;
            raw.send(bytes).await;
            if finish {
                raw.0.shutdown().await.unwrap();
            }
            open.push(raw);
        }
    }
    host.answers(HEALTHY).await;
    host.answers_kept(HEALTHY).await;
    host.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_floods_are_stopped_where_nobody_reads() {
    let host = Host::start(ServerConfig { write_timeout: SHORT, ..few_places() }).await;
    let flood = "GET /a HTTP/1.1\r\n\r\n".repeat(1_000);
    let mut floods = Vec::new();
    for _ in 0..4 {
        let (mut raw, flood) = (host.connect_narrow().await, flood.clone());
        floods.push(spawn(async move { while raw.0.write_all(flood.as_bytes()).await.is_ok() {} }));
    }
    host.answers(HEALTHY).await;
    host.answers_kept(HEALTHY).await;
    for flood in floods {
        patiently("a flood to be cut", flood).await.unwrap();
    }
    host.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_heads_and_bodies_are_refused() {
    let host = Host::start(few_places()).await;
    let piece = |bytes: &str| bytes.repeat(8 * 1024 / bytes.len());
    // What begins well and never ends; the answer is 431, 413, or 400.
    let endless = [
        ("GET /a HTTP/1.1\r\nX: ", piece("x"), 431),
        ("GET /a HTTP/1.1\r\n", piece("A: b\r\n"), 431),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", piece("1\r\nx\r\n"), 413),
        (
            "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n",
            piece("x"),
            413,
        ),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", piece("x"), 400),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", piece("0"), 400),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", piece("A: b\r\n"), 400),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", piece("x"), 400),
    ];
    let mut abusers = Vec::new();
    for (begin, piece, status) in endless {
        let raw = host.connect().await;
        let (mut read, mut write) = raw.0.into_split();
        let begin = begin.to_owned();
        let sender = spawn(async move {
            let _ = write.write_all(begin.as_bytes()).await;
            while write.write_all(piece.as_bytes()).await.is_ok() {}
        });
        abusers.push((
            sender,
            spawn(async move {
                let mut got = [0; 12];
                read.read_exact(&mut got).await.unwrap();
                (String::from_utf8_lossy(&got).into_owned(), format!("HTTP/1.1 {status}"))
            }),
        ));
    }
    host.answers(HEALTHY).await;
    host.answers_kept(HEALTHY).await;
    for (sender, reader) in abusers {
        let (got, expected) = patiently("a refusal", reader).await.unwrap();
        assert_eq!(got, expected);
        patiently("the end of a refused connection", sender).await.unwrap();
    }
    host.is_empty().await;
}
