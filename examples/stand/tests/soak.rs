//! The stand under load and faults for minutes: memory and handles stay flat, the log of the store
//! stays short. By hand: `tests/soak.sh [minutes]`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "the table is for people")]
#![allow(clippy::disallowed_methods, reason = "a soak takes real time")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Serving, folder, serve};
use serde_json::{Value, json};

const TOKEN: &str = "a-long-random-text";
const BONUS_TYPE: &str = "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc";
const CLIENTS: u64 = 8;
/// One order of each client in so long.
const ORDER_EVERY: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Rows of the table.
const ROWS: usize = 30;
/// So many tenths of the samples are not compared: caches fill then.
const WARM: usize = 3;

/// Growth that is none, in KiB.
const MEMORY_SLACK_KIB: u64 = 4 * 1024;
const HANDLES_SLACK: u64 = 16;
/// The log is copied at 8 MiB; a reader may hold it up for a while.
const LOG_MAX_KIB: u64 = 32 * 1024;

/// What all threads share.
struct Soak {
    port: u16,
    over: AtomicBool,
    orders: AtomicU64,
    requests: AtomicU64,
    odd: AtomicU64,
    abuse: AtomicU64,
}

impl Soak {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }
}

/// A client over a kept connection, which it opens again when it was closed.
struct Client<'s> {
    soak: &'s Soak,
    stream: Option<TcpStream>,
    /// The `Idempotency-Key`, where one is wanted.
    key: Option<String>,
}

impl<'s> Client<'s> {
    fn new(soak: &'s Soak) -> Self {
        Self { soak, stream: None, key: None }
    }

    /// Status and body of the answer.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        self.soak.requests.fetch_add(1, Ordering::Relaxed);
        let key = self.key.as_ref().map(|key| format!("Idempotency-Key: {key}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/json\r\nAccept: application/json\r\n{}\
             Content-Length: {}\r\n\r\n{body}",
            key.unwrap_or_default(),
            body.len()
        );
        // A connection that the stand closed meanwhile is opened again: every call may be repeated.
        for _ in 0..3 {
            let stream = self.stream.get_or_insert_with(|| self.soak.connect());
            let answer = stream.write_all(request.as_bytes()).ok().and_then(|()| hear(stream));
            match answer {
                Some((head, body)) => {
                    if head.contains("connection: close") {
                        self.stream = None;
                    }
                    return (head[9..12].parse().unwrap(), body);
                }
                None => self.stream = None,
            }
        }
        panic!("no answer to {method} {path}");
    }

    /// Asks; another status than these is counted and told.
    fn expects(&mut self, statuses: &[u16], method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask(method, path, body);
        if !statuses.contains(&status) && self.soak.goes_on() {
            self.soak.odd.fetch_add(1, Ordering::Relaxed);
            println!("{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        }
        serde_json::from_slice(&answer).unwrap_or(Value::Null)
    }
}

fn hear(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 8_192];
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if bytes.len() >= end + 4 + length.map_or(0, |length| length.parse().unwrap()) {
            return Some((head, bytes.split_off(end + 4)));
        }
    }
}

fn uuid(kind: u64, client: u64, nth: u64) -> String {
    format!("{kind:08x}-0000-4000-8000-{client:04x}{nth:08x}")
}

/// A guest comes, looks, holds and pays, gets the money back and goes; again and again.
fn guests(soak: &Soak, client: u64) {
    let mut wire = Client::new(soak);
    let mut next = Instant::now();
    for nth in 0.. {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += ORDER_EVERY;
        if !soak.goes_on() {
            return;
        }
        let order = uuid(1, client, nth);
        let path = format!("/orders/{order}");
        let scan = json!({"Value": "4711", "WaiterPin": "1"}).to_string();
        // 200 is a text for the waiter: the till was silent.
        let (status, _) = wire.ask("POST", &format!("{path}/checkin"), &scan);
        if status != 204 {
            continue;
        }
        let seen = wire.expects(&[200], "GET", &format!("{path}/loyalty"), "");
        wire.expects(&[200], "GET", &format!("{path}/paymentLimits"), "");
        let wallet = &seen["UserWallets"][0]["Id"];
        let plan = json!({"dueMinor": 165_000, "input": {"choose": wallet}}).to_string();
        wire.expects(&[200], "POST", &format!("/pos/v1{path}/plan"), &plan);
        let mut pay = json!({
            "orderId": order, "walletId": wallet, "bindingEpoch": 1, "amountMinor": 700,
            "orderTotalMinor": 165_000,
        });
        wire.key = Some(uuid(4, client, nth));
        let hold = wire.expects(&[201], "POST", "/pos/v1/reservations", &pay.to_string());
        wire.key = None;
        let hold = hold["reservationId"].as_str().unwrap_or_default();
        wire.expects(&[200], "POST", &format!("/pos/v1/reservations/{hold}/void"), "");
        pay["paymentTypeId"] = BONUS_TYPE.into();
        let payment = format!("/pos/v1/payments/{}", uuid(2, client, nth));
        wire.expects(&[201], "PUT", &payment, &pay.to_string());
        wire.expects(&[200], "PUT", &payment, &pay.to_string());
        let listed = if nth % 2 == 0 {
            let order = json!({"orderId": order}).to_string();
            wire.expects(&[200], "POST", &format!("{payment}/cancel"), &order);
            json!([])
        } else {
            wire.expects(&[204], "POST", &format!("{payment}/acknowledge"), "");
            let refund = json!({"amountMinor": 700, "refundedBeforeMinor": 0}).to_string();
            let path = format!("{payment}/refunds/{}", uuid(3, client, nth));
            wire.expects(&[201, 200], "PUT", &path, &refund);
            json!([{"transactionId": uuid(2, client, nth), "amountMinor": 700}])
        };
        let closed = json!({
            "closedAt": "2026-11-22T09:41:00Z", "totalMinor": 165_000, "payments": listed,
        });
        let closed = closed.to_string();
        wire.expects(&[204], "POST", &format!("/pos/v1{path}/closed"), &closed);
        if nth % 16 == 15 {
            wire.stream = None;
        }
        soak.orders.fetch_add(1, Ordering::Relaxed);
    }
}

/// Plays the plugin: attaches every guest, but for one now and then that it says nothing about.
fn plugin(soak: &Soak) {
    let mut wire = Client::new(soak);
    let mut seen = 0_u64;
    while soak.goes_on() {
        let (_, answer) = wire.ask("GET", "/pos/v1/commands?wait=1", "");
        let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        for command in answer["commands"].as_array().into_iter().flatten() {
            seen += 1;
            if seen.is_multiple_of(997) {
                continue;
            }
            let path =
                format!("/pos/v1/commands/{}/result", command["commandId"].as_str().unwrap());
            // 410: the guest is not wanted any more.
            wire.expects(&[204, 410], "POST", &path, r#"{"outcome":"done"}"#);
        }
    }
}

/// Begins what it does not end, and breaks off, in every way there is.
fn abuse(soak: &Soak) {
    let order = uuid(9, 0, 0);
    let cut = [
        String::new(),
        "GET /ping HT".to_owned(),
        format!("GET /orders/{order}/loyalty HTTP/1.1\r\n\r\n"),
        format!("POST /orders/{order}/checkin HTTP/1.1\r\nContent-Length: 50\r\n\r\n{{"),
        "GET /ping HTTP/1.1\r\n\r\n".repeat(100),
        "\u{16}\u{3}\u{1}nonsense\r\n\r\n".to_owned(),
        format!("GET /ping HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000)),
    ];
    let mut kept = Vec::new();
    for bytes in cut.iter().cycle() {
        if !soak.goes_on() {
            return;
        }
        let mut stream = soak.connect();
        let _ = stream.write_all(bytes.as_bytes());
        kept.push(stream);
        if kept.len() > 100 {
            kept.drain(..50);
        }
        soak.abuse.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(20));
    }
}

/// One look at the process.
#[derive(Clone, Copy, Debug)]
struct Sample {
    memory_kib: u64,
    handles: u64,
    threads: u64,
    log_kib: u64,
    file_kib: u64,
}

fn look(pid: u32, data: &Path) -> Sample {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let kib = |name: &str| fs::metadata(data.join(name)).map_or(0, |meta| meta.len() / 1024);
    Sample {
        memory_kib: field("VmRSS:"),
        handles: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64,
        threads: field("Threads:"),
        log_kib: kib("tillway.db-wal"),
        file_kib: kib("tillway.db"),
    }
}

/// A venue with one guest who has points enough.
fn venue(folder: &Path, data: &Path) -> (Serving, PathBuf) {
    let config = folder.join("venue.toml");
    let text = format!(
        "[[till]]\nid = \"till-1\"\ntoken = \"{TOKEN}\"\n[payment_types]\n\"{BONUS_TYPE}\" = \"bonus\"\n"
    );
    fs::write(&config, text).unwrap();
    let stand = serve(data, &["--log", "error", "--config", config.to_str().unwrap()]);
    for args in [
        &["guest", "add", "7", "--bonus", "--card", "4711"][..],
        &["guest", "accrue", "7", "1000000"],
    ] {
        let done = stand.command(args);
        assert!(done.status.success(), "{done:?}");
    }
    (stand, config)
}

fn median(samples: &[Sample], of: fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<_> = samples.iter().map(of).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Compares the end with the time after the warm-up; answers what is wrong.
fn judge(samples: &[Sample]) -> Vec<String> {
    let warm = &samples[samples.len() * WARM / 10..];
    let third = (warm.len() / 3).max(1);
    let (first, last) = (&warm[..third], &warm[warm.len() - third..]);
    let mut wrong = Vec::new();
    let memory = |samples| median(samples, |sample| sample.memory_kib);
    let (before, after) = (memory(first), memory(last));
    println!("memory after the warm-up {before} KiB, at the end {after} KiB");
    if after > before + before / 10 + MEMORY_SLACK_KIB {
        wrong.push(format!("memory grows from {before} to {after} KiB"));
    }
    let handles = |samples| median(samples, |sample| sample.handles);
    let (before, after) = (handles(first), handles(last));
    println!("handles after the warm-up {before}, at the end {after}");
    if after > before + HANDLES_SLACK {
        wrong.push(format!("handles grow from {before} to {after}"));
    }
    let log = samples.iter().map(|sample| sample.log_kib).max().unwrap();
    println!("the log of the store was {log} KiB at most");
    if log > LOG_MAX_KIB {
        wrong.push(format!("the log of the store grew to {log} KiB"));
    }
    wrong
}

#[test]
#[ignore = "takes minutes: tests/soak.sh"]
fn memory_and_handles_stay_flat_under_load_and_faults() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(60, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    let (folder, data) = folder();
    let (stand, _config) = venue(folder.path(), &data);
    let soak = Soak {
        port: stand.till,
        over: AtomicBool::new(false),
        orders: AtomicU64::new(0),
        requests: AtomicU64::new(0),
        odd: AtomicU64::new(0),
        abuse: AtomicU64::new(0),
    };
    let mut samples = Vec::new();
    println!(
        "   time  memory KiB  handles  threads  log KiB   file KiB   orders  requests   cut off"
    );
    thread::scope(|scope| {
        let soak = &soak;
        scope.spawn(|| plugin(soak));
        scope.spawn(|| abuse(soak));
        for client in 0..CLIENTS {
            scope.spawn(move || guests(soak, client));
        }
        let start = Instant::now();
        let every = (usize::try_from(seconds).unwrap() / ROWS).max(1);
        while start.elapsed() < time {
            thread::sleep(LOOK_EVERY);
            let sample = look(stand.pid(), &data);
            samples.push(sample);
            if samples.len() % every == 0 {
                let Sample { memory_kib, handles, threads, log_kib, file_kib } = sample;
                let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
                println!(
                    "{:6}s {memory_kib:11} {handles:8} {threads:8} {log_kib:8} {file_kib:10} {:8} \
                     {:9} {:9}",
                    start.elapsed().as_secs(),
                    count(&soak.orders),
                    count(&soak.requests),
                    count(&soak.abuse),
                );
            }
        }
        soak.over.store(true, Ordering::Relaxed);
    });
    let mut wrong = judge(&samples);
    let odd = soak.odd.load(Ordering::Relaxed);
    if odd > 0 {
        wrong.push(format!("{odd} answers were not as expected"));
    }
    let (code, log) = stand.stop();
    if code != Some(0) {
        wrong.push(format!("the stand ended with {code:?}: {log}"));
    }
    let verdict = if wrong.is_empty() { "flat".to_owned() } else { wrong.join("; ") };
    println!("verdict: {verdict}");
    assert!(wrong.is_empty(), "{verdict}");
}
