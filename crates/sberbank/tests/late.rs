//! The guest takes longer than the sale waits.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use common::{NOON, Nobody, pay};
use tillway_core::id::Uuid;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{Attempt, Fault, MoneyOutcome, Resolution};
use tillway_device::{Ended, Exec, Mode};
use tillway_sberbank::{Config, Sberbank};
use tillway_sim::sberbank::{Pad, Step, Twin};
use tillway_testkit::runtime::{TestClock, block_on};

const PATIENCE: Duration = Duration::from_secs(180);

/// A program that answers when the test lets it.
#[derive(Debug)]
struct Gated(Twin, Receiver<()>);

impl Exec for Gated {
    fn run(&mut self, arguments: &[String], most: Duration) -> io::Result<Ended> {
        self.1.recv().unwrap();
        self.0.run(arguments, most)
    }

    fn read(&mut self, file: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        self.0.read(file, bytes_max)
    }

    fn remove(&mut self, file: &str) -> io::Result<()> {
        self.0.remove(file)
    }
}

struct Place {
    terminal: Arc<Sberbank>,
    clock: TestClock,
    twin: Twin,
    gate: Sender<()>,
}

fn place() -> Place {
    let clock = TestClock::at(NOON);
    let twin = Twin::new(Pad::default(), Arc::new(clock.clone()));
    let (gate, gated) = channel();
    let exec = Gated(twin.clone(), gated);
    let shared = Arc::new(clock.clone());
    let terminal = Sberbank::start(Config::default(), exec, shared, Mode::Thread).unwrap();
    Place { terminal: Arc::new(terminal), clock, twin, gate }
}

fn attempt(number: u32) -> Attempt {
    Attempt { id: Uuid::from_u128(u128::from(number)), at: NOON }
}

impl Place {
    fn start(&self, number: u32) -> JoinHandle<MoneyOutcome> {
        let terminal = Arc::clone(&self.terminal);
        std::thread::spawn(move || block_on(terminal.perform(&attempt(number), &pay(500))))
    }

    /// Lets a wait of this length pass, once somebody is in it.
    fn pass(&self, wait: Duration) {
        while self.clock.next_wake() != Some(wait) {
            std::thread::yield_now();
        }
        self.clock.advance(wait);
    }

    /// The first payment is in doubt, and its program goes on.
    fn in_doubt(&self) {
        let first = self.start(7);
        self.pass(PATIENCE);
        match first.join().unwrap() {
            MoneyOutcome::InDoubt(error) => assert_eq!(error.fault, Fault::Timeout),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_late_answer_is_found() {
    for (step, approved) in [(Step::default(), true), (Step::refuses(4451), false)] {
        let place = place();
        place.twin.pad().steps.push_back(step);
        place.in_doubt();
        place.gate.send(()).unwrap();
        match block_on(place.terminal.resolve(&attempt(7), &pay(500), &Nobody)) {
            Resolution::Approved(_) => assert!(approved),
            Resolution::NotPerformed(_) => assert!(!approved),
            other => panic!("{other:?}"),
        }
    }
}

/// Nobody starts a second program beside the first, and nothing is concluded while it runs.
#[test]
fn a_program_that_runs_keeps_the_pad() {
    let place = place();
    place.in_doubt();
    let second = place.start(8);
    place.pass(Duration::from_secs(5));
    match second.join().unwrap() {
        MoneyOutcome::Declined(decline) => assert!(decline.text.as_str().contains("busy")),
        other => panic!("{other:?}"),
    }
    let terminal = Arc::clone(&place.terminal);
    let asks = move || block_on(terminal.resolve(&attempt(7), &pay(500), &Nobody));
    let asks = std::thread::spawn(asks);
    place.pass(Duration::from_secs(5));
    assert!(matches!(asks.join().unwrap(), Resolution::NotYet(_)));
    place.gate.send(()).unwrap();
}

/// The sale is gone; the program is not, and its answer is kept.
#[test]
fn a_dropped_call_stops_nothing() {
    let place = place();
    let dropped = attempt(7);
    let what = pay(500);
    let mut call = place.terminal.perform(&dropped, &what);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    drop(call);
    place.gate.send(()).unwrap();
    let resolved = block_on(place.terminal.resolve(&attempt(7), &pay(500), &Nobody));
    assert!(matches!(resolved, Resolution::Approved(_)), "{resolved:?}");
    assert_eq!(place.twin.pad().paid_for(7), 500);
}
