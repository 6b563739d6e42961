//! The stand as the program of a Sberbank terminal.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tillway::core::id::Uuid;
use tillway::core::port::CardTerminal;
use tillway::core::port::terminal::{Attempt, MoneyOutcome, Operation, ReconcileOutcome};
use tillway::core::{Kopecks, Timestamp};
use tillway::device::{Mode, Process};
use tillway::sberbank::{Config, Sberbank};
use tillway_testkit::runtime::{TestClock, block_on};

const BINARY: &str = env!("CARGO_BIN_EXE_stand");
const NOON: Timestamp = Timestamp::utc(1_773_576_000_000);

#[test]
fn a_terminal_pays_through_the_stand() {
    let folder = TempDir::new().unwrap();
    let program = Process::new(BINARY, folder.path()).with_arguments([OsString::from("sb-pilot")]);
    let clock = Arc::new(TestClock::at(NOON));
    let terminal = Sberbank::start(Config::default(), program, clock, Mode::Thread).unwrap();
    block_on(terminal.probe()).unwrap();
    let attempt = Attempt { id: Uuid::from_u128(7), at: NOON };
    let amount = Kopecks(12_500);
    let paid = block_on(terminal.perform(&attempt, &Operation::Pay { amount }));
    let MoneyOutcome::Approved(approval) = paid else { panic!("{paid:?}") };
    assert_eq!(approval.amount, amount);
    assert!(approval.slips.len() == 2 && approval.reference.is_some(), "{approval:?}");
    let reconciled = block_on(terminal.reconcile());
    assert!(matches!(reconciled, ReconcileOutcome::Done(_)), "{reconciled:?}");
}

#[test]
fn its_arguments_are_its_own_and_the_help_does_not_name_it() {
    let folder = TempDir::new().unwrap();
    let pilot = |arguments: &[&str]| run(folder.path(), &[&["sb-pilot"], arguments].concat());
    assert_eq!(pilot(&["1", "12500", "0", "0", "/q=A1B2C3D4"]), "return:0\n");
    assert_eq!(pilot(&["9", "0", "--help"]), "return:0\n");
    assert!(folder.path().join("p").exists());
    assert!(!run(folder.path(), &["--help"]).contains("sb-pilot"));
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let run = Command::new(BINARY).args(arguments).current_dir(folder).output().unwrap();
    String::from_utf8(run.stdout).unwrap()
}
