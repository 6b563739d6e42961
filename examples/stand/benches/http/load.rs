//! A load generator: connections that each send their next request when the last one is answered,
//! on one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use tillway_measure::Round;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked, and what the answers mean.
pub(crate) trait Script {
    /// Writes the next request of a connection; `None` when it has no more.
    fn ask(&mut self, connection: usize, out: &mut Vec<u8>) -> Option<()>;

    /// Takes an answer in. True: with it a unit of work is done.
    fn answer(&mut self, connection: usize, status: u16, body: &[u8]) -> bool;
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) round: Round,
    /// How much of the time the generator had something to do: near 1, it was the limit.
    pub(crate) busy: f64,
}

/// Runs until the time is over, or until the script has nothing more to ask; units that were begun
/// are finished.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    script: &mut dyn Script,
) -> Ran {
    let mut poll = Poll::new().unwrap();
    let mut lines: Vec<Line> =
        (0..connections).map(|nth| Line::open(&poll, address, nth)).collect();
    let mut events = Events::with_capacity(1_024);
    let (began, mut waited) = (Instant::now(), Duration::ZERO);
    let mut times = Vec::new();
    let mut running = 0;
    for (nth, line) in lines.iter_mut().enumerate() {
        running += usize::from(line.next(nth, script));
    }
    while running > 0 {
        let before = Instant::now();
        poll.poll(&mut events, Some(PATIENCE)).unwrap();
        waited += before.elapsed();
        assert!(!events.is_empty(), "no answer within {PATIENCE:?}");
        for event in &events {
            let nth = event.token().0;
            if lines[nth].turn(nth, script, &mut times) {
                let goes_on = began.elapsed() < time || lines[nth].begun.is_some();
                if !goes_on || !lines[nth].next(nth, script) {
                    running -= 1;
                }
            }
        }
    }
    let elapsed = began.elapsed();
    let busy = 1.0 - waited.as_secs_f64() / elapsed.as_secs_f64();
    Ran { round: Round::of(times, elapsed), busy }
}

/// One connection.
struct Line {
    stream: TcpStream,
    out: Vec<u8>,
    sent: usize,
    inbox: Vec<u8>,
    /// When the unit of work was begun; `None` between two.
    begun: Option<Instant>,
}

impl Line {
    fn open(poll: &Poll, address: SocketAddr, nth: usize) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(nth), both).unwrap();
        let (out, inbox) = (Vec::new(), Vec::with_capacity(4_096));
        Self { stream, out, sent: 0, inbox, begun: None }
    }

    /// Sends the next request, if there is one.
    fn next(&mut self, nth: usize, script: &mut dyn Script) -> bool {
        self.out.clear();
        self.sent = 0;
        if script.ask(nth, &mut self.out).is_none() {
            return false;
        }
        self.begun.get_or_insert_with(Instant::now);
        self.send();
        true
    }

    fn send(&mut self) {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("a request is not sent: {error}"),
            }
        }
    }

    /// Takes in what has come. True: an answer is whole, and the next request may go.
    fn turn(&mut self, nth: usize, script: &mut dyn Script, times: &mut Vec<Duration>) -> bool {
        self.send();
        let mut step = [0; 16 * 1_024];
        match self.stream.read(&mut step) {
            Ok(0) => panic!("the server has closed a connection"),
            Ok(count) => self.inbox.extend_from_slice(&step[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => panic!("an answer is not read: {error}"),
        }
        let Some((status, head, length)) = parsed(&self.inbox) else { return false };
        if self.inbox.len() < head + length {
            return false;
        }
        let done = script.answer(nth, status, &self.inbox[head..head + length]);
        self.inbox.clear();
        if done && let Some(begun) = self.begun.take() {
            times.push(begun.elapsed());
        }
        true
    }
}

/// Status, and how long head and body are, when the head is whole.
fn parsed(bytes: &[u8]) -> Option<(u16, usize, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(bytes).unwrap() else { return None };
    let length = answer.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let length = length.map_or(0, |h| std::str::from_utf8(h.value).unwrap().parse().unwrap());
    Some((answer.code.unwrap(), head, length))
}

/// One request on a connection of its own.
pub(crate) fn once(address: SocketAddr, request: &[u8]) -> (u16, Vec<u8>) {
    struct Once<'a>(Option<&'a [u8]>, u16, Vec<u8>);
    impl Script for Once<'_> {
        fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> Option<()> {
            out.extend_from_slice(self.0.take()?);
            Some(())
        }
        fn answer(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
            (self.1, self.2) = (status, body.to_vec());
            true
        }
    }
    let mut once = Once(Some(request), 0, Vec::new());
    run(address, 1, PATIENCE, &mut once);
    (once.1, once.2)
}
