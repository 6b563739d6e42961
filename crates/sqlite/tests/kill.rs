//! What was acknowledged survives the death of the process (I5, R5).
//!
//! The process is killed `TILLWAY_KILLS` times, 200 when nothing is said.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use futures::executor::block_on;
use tillway_core::book::{PaymentState, Verdict, audit};
use tillway_core::id::PaymentId;
use tillway_core::port::{AccountBook, Store};
use tillway_sqlite::SqliteStore;

use support::{account_id, capture, guest_with_deposit, hold, open, open_in_chapters, uuid};

const FILE: &str = "TILLWAY_KILL_FILE";
const START: &str = "TILLWAY_KILL_START";
const KILLS: &str = "TILLWAY_KILLS";
const CALLERS: u64 = 8;
/// After so many kills the whole book is read, not what the last life was told alone.
const WHOLE_EVERY: u64 = 25;

/// The child: pays until it is killed, and tells each payment that was acknowledged.
fn pay_for_ever(path: &Path, start: u64) {
    let store = Arc::new(open_in_chapters(path, 500));
    if start == 0 {
        block_on(guest_with_deposit(&*store, 1, 1_000_000_000));
    }
    println!("open");
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                for n in (start + caller..).step_by(CALLERS.try_into().unwrap()) {
                    pay(&store, n);
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
}

fn pay(store: &SqliteStore, n: u64) {
    let held = hold(n, account_id(1), 100);
    let id = held.key.unwrap().id;
    let verdicts = [
        block_on(store.commit(held)).unwrap().verdict,
        block_on(store.commit(capture(n, account_id(1), 100, Some(tillway_core::id::HoldId(id)))))
            .unwrap()
            .verdict,
    ];
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Done(_))), "{verdicts:?}");
    let mut out = std::io::stdout().lock();
    writeln!(out, "paid {n}.").unwrap();
}

#[test]
fn acknowledged_survives_a_kill() {
    if let (Ok(path), Ok(start)) = (std::env::var(FILE), std::env::var(START)) {
        return pay_for_ever(Path::new(&path), start.parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let kills = std::env::var(KILLS).ok().map_or(200, |text| text.parse().unwrap());
    let mut paid = BTreeSet::new();
    for round in 0..kills {
        let told = one_life(&path, round * 1_000_000, round);
        let store = open(&path);
        told.iter().for_each(|n| payment_is_there(&store, *n));
        paid.extend(told);
        if round % WHOLE_EVERY == 0 || round + 1 == kills {
            every_payment_is_there_once(&store, &paid);
        }
    }
    println!("{} payments survived {kills} kills", paid.len());
}

/// Kills the child after some number of answers that changes from life to life.
fn one_life(path: &Path, start: u64, round: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "acknowledged_survives_a_kill", "--nocapture"])
        .env(FILE, path)
        .env(START, start.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let enough = 1 + round * 37 % 211;
    let mut paid = Vec::new();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if let Some(n) = told(&line) {
            paid.push(n);
        }
        if paid.len() as u64 == enough {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(paid.len() as u64 >= enough, "the child died by itself");
    paid
}

/// A line that the kill cut short was not told.
fn told(line: &str) -> Option<u64> {
    line.strip_prefix("paid ")?.strip_suffix('.')?.parse().ok()
}

fn payment_is_there(store: &SqliteStore, n: u64) {
    let payment = block_on(store.payment(PaymentId(uuid(5, n)))).unwrap();
    let state = payment.map(|p| p.state);
    assert!(matches!(state, Some(PaymentState::Captured(_))), "payment {n}: {state:?}");
}

fn every_payment_is_there_once(store: &SqliteStore, paid: &BTreeSet<u64>) {
    paid.iter().for_each(|n| payment_is_there(store, *n));
    let book = block_on(store.audit()).unwrap();
    audit(&book).unwrap();
    let captures = book.movements.iter().filter(|m| m.why == tillway_core::book::Why::Capture);
    let ids: Vec<_> = captures.map(|m| m.by).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "captured twice");
    block_on(store.check()).unwrap();
}
