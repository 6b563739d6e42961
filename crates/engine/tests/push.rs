//! Push mode: a till whose plugin listens, is away, forgets, or comes back.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Table, order, table, till_id};
use tillway_core::id::TillId;
use tillway_core::port::{
    BridgeCommand, BridgeError, CheckedIn, CommandKind, CommandOutcome, GuestBridge, TableRefusal,
    async_trait,
};
use tillway_engine::Bridge;
use tillway_testkit::runtime::block_on;

const ANNA: &str = "149725735";

/// A plugin that tells the test what it was handed, and takes it as often as it is told to.
#[derive(Debug)]
struct Listener {
    handed: Mutex<Sender<BridgeCommand>>,
    away: Mutex<u32>,
}

#[async_trait]
impl GuestBridge for Listener {
    async fn deliver(&self, till: &TillId, commands: &[BridgeCommand]) -> Result<(), BridgeError> {
        assert_eq!(*till, till_id(1));
        let mut away = self.away.lock().unwrap();
        if *away > 0 {
            *away -= 1;
            return Err(BridgeError::Unavailable);
        }
        for command in commands {
            self.handed.lock().unwrap().send(command.clone()).unwrap();
        }
        Ok(())
    }
}

/// A table in push mode whose pusher runs on a thread, until it is told to end.
fn pushed(away: u32) -> (Table, Receiver<BridgeCommand>, std::thread::JoinHandle<()>) {
    let table = table(|config| config.bridge = Bridge::Push);
    let (sender, handed) = channel();
    let listener = Listener { handed: Mutex::new(sender), away: Mutex::new(away) };
    let pusher = table.engine.pusher(till_id(1), Arc::new(listener));
    let runs = std::thread::spawn(move || block_on(pusher.run()));
    (table, handed, runs)
}

/// What is handed over next, after `most` at the latest. Time passes as the pusher waits for it,
/// and no further: no thread has to be quick.
fn next(table: &Table, handed: &Receiver<BridgeCommand>, most: Duration) -> BridgeCommand {
    let mut left = most;
    loop {
        if let Ok(command) = handed.try_recv() {
            return command;
        }
        match table.clock.next_wake() {
            // One that is over already belongs to a thread that is only slow to notice.
            Some(wake) if !wake.is_zero() && wake <= left => {
                table.clock.advance(wake);
                left -= wake;
            }
            _ => std::thread::yield_now(),
        }
    }
}

fn end(table: &Table, runs: std::thread::JoinHandle<()>) {
    table.engine.end_polls();
    runs.join().unwrap();
}

#[test]
fn a_command_is_handed_over_as_it_comes() {
    let (table, handed, runs) = pushed(0);
    let check_in = table.start_check_in(order(82), ANNA);
    let command = handed.recv().unwrap();
    assert!(matches!(command.what, CommandKind::BindGuest(_)));
    assert!(command.pin.is_some());
    table.result(command.id, CommandOutcome::Done).unwrap();
    assert_eq!(check_in.join().unwrap(), Ok(CheckedIn::Attached));
    end(&table, runs);
    assert!(handed.try_recv().is_err(), "what was answered is not handed over again");
}

#[test]
fn a_till_that_comes_back_in_time_gets_its_command() {
    let (table, handed, runs) = pushed(2);
    let check_in = table.start_check_in(order(82), ANNA);
    let command = next(&table, &handed, Duration::from_millis(1_500));
    table.result(command.id, CommandOutcome::Done).unwrap();
    assert_eq!(check_in.join().unwrap(), Ok(CheckedIn::Attached));
    end(&table, runs);
}

/// At least once: the plugin took the command and died before it answered.
#[test]
fn a_command_that_is_not_answered_is_handed_over_again() {
    let (table, handed, runs) = pushed(0);
    let check_in = table.start_check_in(order(82), ANNA);
    let first = handed.recv().unwrap();
    let again = next(&table, &handed, Duration::from_secs(5));
    assert_eq!(again.id, first.id);
    table.result(again.id, CommandOutcome::Done).unwrap();
    assert_eq!(check_in.join().unwrap(), Ok(CheckedIn::Attached));
    end(&table, runs);
}

#[test]
fn a_till_that_stays_away_is_unreachable_and_unbound_later() {
    let (table, handed, runs) = pushed(1_000);
    let check_in = table.start_check_in(order(82), ANNA);
    // Once it is on the shelf its six seconds count; no thread has to be quick about the rest.
    table.fetch();
    for _ in 0..61 {
        table.clock.advance(Duration::from_millis(100));
    }
    assert_eq!(check_in.join().unwrap(), Err(TableRefusal::TillUnreachable));
    assert!(handed.try_recv().is_err());
    end(&table, runs);
}

/// A plugin that takes a connection and never answers; says when it is called.
#[derive(Debug)]
struct Hangs(Mutex<Sender<()>>);

#[async_trait]
impl GuestBridge for Hangs {
    async fn deliver(&self, _: &TillId, _: &[BridgeCommand]) -> Result<(), BridgeError> {
        self.0.lock().unwrap().send(()).unwrap();
        std::future::pending().await
    }
}

#[test]
fn a_plugin_that_hangs_is_waited_for_five_seconds() {
    let table = table(|config| config.bridge = Bridge::Push);
    let (sender, called) = channel();
    let pusher = table.engine.pusher(till_id(1), Arc::new(Hangs(Mutex::new(sender))));
    let runs = std::thread::spawn(move || block_on(pusher.run()));
    let check_in = table.start_check_in(order(82), ANNA);
    called.recv().unwrap();
    table.engine.end_polls();
    // Its five seconds counted before it was called; it takes its sender along.
    table.clock.advance(Duration::from_secs(5));
    assert!(called.recv().is_err());
    runs.join().unwrap();
    drop(table.until(check_in));
}
