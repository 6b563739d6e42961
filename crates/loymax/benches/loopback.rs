//! What the client adds to a command: a message of 20 lines sealed, sent over a kept connection on
//! loopback and its answer judged, against the same bytes through the bare HTTP client. Nothing is
//! durable here.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures real time"
)]

mod cheque;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use tillway_core::Timestamp;
use tillway_core::port::processing::Outcome;
use tillway_core::port::{Clock, LoyaltyProcessing, async_trait};
use tillway_loymax::{Config, Loymax};
use tillway_measure::{Figure, Plan, Round};
use tillway_transport::client::{ClientConfig, HyperClient};
use tillway_transport::{HttpTransport, Runtime};

const LINES: u32 = 20;

#[derive(Debug)]
struct RealClock(Instant);

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::utc(i64::try_from(since.as_millis()).unwrap())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Gives every request the same answer.
fn serve(listener: &TcpListener, answer: &str) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
    let answer = [head.as_bytes(), answer.as_bytes()].concat();
    for stream in listener.incoming() {
        let (mut stream, answer) = (stream.unwrap(), answer.clone());
        stream.set_nodelay(true).unwrap();
        thread::spawn(move || {
            while request(&mut stream) {
                stream.write_all(&answer).unwrap()
            }
        });
    }
}

/// Reads a request; whether there was one.
fn request(stream: &mut TcpStream) -> bool {
    let (mut bytes, mut part) = (Vec::new(), [0; 16_384]);
    loop {
        match stream.read(&mut part) {
            Ok(length) if length > 0 => bytes.extend_from_slice(&part[..length]),
            _ => return false,
        }
        if bytes.ends_with(b"</XMLRequest>") {
            return true;
        }
    }
}

fn main() {
    let plan = Plan::of(std::env::args().skip(1));
    if !plan.wants("G15-loymax-loopback") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/XmlExchange/demo", listener.local_addr().unwrap());
    thread::spawn(move || serve(&listener, &cheque::answer(LINES)));
    let http = Arc::new(HyperClient::new(&ClientConfig::default(), Runtime::tokio()));
    let config = Config::new(url.clone(), support::TILL, "secret");
    let clock = Arc::new(RealClock(Instant::now()));
    let bare = Arc::clone(&http);
    let till = Loymax::try_new(config, http, clock).unwrap();
    let operation = cheque::operation(LINES);
    let body = Bytes::from(till.seal(&operation).unwrap().body);
    let calls = plan.pick(3_000, 4);

    let round = |call: &mut dyn FnMut()| {
        let (began, mut times) = (Instant::now(), Vec::with_capacity(calls));
        for _ in 0..calls {
            let began = Instant::now();
            call();
            times.push(began.elapsed());
        }
        Round::of(times, began.elapsed()).p99_us
    };
    let mut ours = || {
        round(&mut || {
            let message = till.seal(&operation).unwrap();
            let outcome = runtime.block_on(till.send(&message));
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        })
    };
    let mut floor = || {
        round(&mut || {
            let mut request =
                Request::post(format!("{url}/TILL-0007/")).body(body.clone()).unwrap();
            request.headers_mut().insert(CONTENT_TYPE, "application/xml".parse().unwrap());
            let answer = runtime.block_on(bare.send(request)).unwrap();
            assert_eq!(answer.status(), 200);
        })
    };
    let [ours, floor] = plan.interleave(&mut ours, &mut floor);
    let about = format!(
        "p99 of {calls} calls one after another: a calculate of {LINES} lines sealed, sent over \
         loopback, its answer judged; the floor sends and receives the same bytes"
    );
    plan.show(&Figure::new("G15-loymax-loopback", "µs", ours).against(floor).about(about));
}
