//! A service that is stopped while 64 clients pay: real sockets, the real engine, SQLite. Every
//! request is answered or was never read; what was acknowledged is in the store, and what nobody
//! read is not.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stderr, reason = "how it went is for people")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tillway_core::AccountKind::Deposit;
use tillway_core::book::{Actor, Caller, audit};
use tillway_core::id::PaymentId;
use tillway_core::port::{AccountBook, CheckedIn, LoyaltyDesk, Store};
use tillway_core::token::Scan;
use tillway_testkit::builders::{anna, till};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, order, sqlite};
use tillway_tests::storm::Dice;
use tillway_tests::venue::{Setup, services};
use tillway_transport::Runtime;
use tillway_transport::server::{Server, ServerConfig, StopReport};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const CLIENTS: u64 = 64;
const SEEDS: u64 = 8;
/// No client pays more often: the stop comes long before.
const PAYS_MAX: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client heard of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heard {
    /// An answer with this status, whole.
    Answer(u16),
    /// The connection ended before the first byte of an answer.
    Nothing,
}

/// Reads one answer; whether more may be asked on the connection.
fn hear(stream: &mut TcpStream) -> (Heard, bool) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4_096];
        let read = match stream.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("{error} after {bytes:?}"),
        };
        if read == 0 {
            assert!(bytes.is_empty(), "half an answer: {}", String::from_utf8_lossy(&bytes));
            return (Heard::Nothing, false);
        }
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            let status = head[9..12].parse().unwrap();
            return (Heard::Answer(status), !head.contains("connection: close"));
        }
    }
}

/// The id of a client's nth payment.
fn number(client: u64, nth: u64) -> u64 {
    client * PAYS_MAX + nth + 1
}

/// Pays one kopeck after the other over one connection, until it ends.
fn pay(address: SocketAddr, client: u64, answered: impl Fn()) -> Vec<(u64, Heard)> {
    let Ok(mut stream) = TcpStream::connect(address) else { return Vec::new() };
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = Vec::new();
    for nth in 0..PAYS_MAX {
        let number = number(client, nth);
        let pay = Pay::new(number, &anna(), Deposit, 1).on(order(100 + client));
        let (path, body) = (pay.path(), pay.json().to_string());
        let request = format!(
            "PUT /pos/v1{path} HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer till-1-secret\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let goes_on = match stream.write_all(request.as_bytes()) {
            Ok(()) => {
                let (one, goes_on) = hear(&mut stream);
                heard.push((number, one));
                goes_on
            }
            Err(_) => {
                heard.push((number, Heard::Nothing));
                false
            }
        };
        answered();
        if !goes_on {
            break;
        }
    }
    heard
}

/// Serves, and stops after so many answers.
fn serve(
    setup: Setup,
    drain_timeout: Duration,
    stop_after: usize,
) -> (StopReport, Vec<(u64, Heard)>) {
    let config = ServerConfig { drain_timeout, ..ServerConfig::default() };
    let (engine, services) = services(setup);
    let waiter = Caller { actor: Actor::Waiter, till: Some(till(1)), deadline: None, cause: None };
    for client in 0..CLIENTS {
        let asked = engine.check_in(&waiter, order(100 + client), Scan::new("149725735"), None);
        assert_eq!(block_on(asked), Ok(CheckedIn::Attached));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let service = services.into_iter().next().unwrap();
    let server = runtime.spawn(async move {
        let make = move |peer| service.for_peer(peer);
        let server = Server::new(config, Runtime::tokio());
        server.serve(listener, make, async move { drop(stopped.await) }).await
    });
    let stop = std::sync::Mutex::new(Some(stop));
    let answers = AtomicUsize::new(0);
    let answered = &|| {
        if answers.fetch_add(1, Ordering::SeqCst) == stop_after {
            drop(stop.lock().unwrap().take());
        }
    };
    let heard = thread::scope(|scope| {
        let one = |client| scope.spawn(move || pay(address, client, answered));
        let clients: Vec<_> = (0..CLIENTS).map(one).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    (runtime.block_on(server).unwrap(), heard)
}

fn stopped_once(seed: u64, drain_timeout: Duration) -> StopReport {
    let mut dice = Dice::new(seed);
    let stop_after = usize::try_from(CLIENTS + dice.below(1_000)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(sqlite(&folder));
    let setup = Setup { store: Arc::clone(&store) as Arc<dyn Store>, ..Setup::default() };
    let (report, heard) = serve(setup, drain_timeout, stop_after);
    drop(Arc::into_inner(store).unwrap());

    let store = sqlite(&folder);
    let mut counts = [0; 3];
    let mut captured = 0;
    for (number, heard) in heard {
        let id = PaymentId(tillway_testkit::builders::id(number));
        let found = block_on(store.payment(id)).unwrap();
        let taken = found.as_ref().is_some_and(|payment| payment.state_word() == "captured");
        captured += i64::from(taken);
        match heard {
            Heard::Answer(201) => assert!(taken, "acknowledged and lost: {number} {found:?}"),
            // Refused in the middle: the till asks what became of it.
            Heard::Answer(503) => assert!(taken || found.is_none(), "{number} {found:?}"),
            Heard::Answer(status) => panic!("{number} is answered {status}"),
            Heard::Nothing => assert!(found.is_none(), "nobody heard of {number} {found:?}"),
        }
        counts[match heard {
            Heard::Answer(201) => 0,
            Heard::Answer(_) => 1,
            Heard::Nothing => 2,
        }] += 1;
    }
    let account = block_on(store.account(anna().account(Deposit))).unwrap().unwrap();
    let (_, first) = anna().accounts.into_iter().find(|(a, _)| a.kind == Deposit).unwrap();
    assert_eq!(account.balance.0, first.0 - captured);
    audit(&block_on(store.audit()).unwrap()).unwrap();
    eprintln!("seed {seed}, stop after {stop_after}: answered, refused, never read {counts:?}");
    assert!(counts[2] <= CLIENTS, "one each at most");
    report
}

#[test]
fn a_stop_answers_every_request_that_was_read() {
    for seed in 0..SEEDS {
        let report = stopped_once(seed, PATIENCE);
        assert_eq!(report.cut, 0);
    }
}

#[test]
fn a_stop_without_patience_refuses_what_runs() {
    for seed in 100..100 + SEEDS {
        stopped_once(seed, Duration::ZERO);
    }
}
