//! What a doubt is resolved by, question by question (acquiring.md B.10).
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{ADDRESS, BEGIN, PausedClock, Script, TokioSpawner, run};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{Attempt, Fault, Known, Operation, Resolution, TerminalError};
use tillway_core::port::{CardTerminal, Clock, async_trait};
use tillway_dualconnector::{Config, DualConnector};

/// Knows one reference number, and of whom it is; or cannot be asked.
#[derive(Debug)]
struct Books(Result<Option<u128>, ()>);

#[async_trait]
impl Known for Books {
    async fn owner(&self, _: &str) -> Result<Option<Uuid>, TerminalError> {
        let unreadable = |()| TerminalError::new(Fault::Setup, "the journal cannot be read");
        self.0.map(|owner| owner.map(Uuid::from_u128)).map_err(unreadable)
    }
}

const NOBODYS: Books = Books(Ok(None));
const OTHERS: Books = Books(Ok(Some(1)));

/// Begun at the time of the fixtures; the time for a card has passed unless `soon`.
fn resolve(answers: &[&str], books: &Books, soon: bool) -> (Resolution, usize) {
    run(async {
        let clock = PausedClock::new();
        let script = Arc::new(Script::of(answers));
        let config = Config { terminal: Some("00012345".into()), ..Config::new(ADDRESS) };
        let (http, spawner) = (Arc::<Script>::clone(&script), Arc::new(TokioSpawner));
        let terminal = DualConnector::try_new(config, http, Arc::new(clock), spawner).unwrap();
        let attempt = Attempt { id: Uuid::from_u128(417), at: BEGIN };
        clock.sleep(Duration::from_secs(if soon { 10 } else { 200 })).await;
        let pay = Operation::Pay { amount: Kopecks(12_500) };
        let resolution = terminal.resolve(&attempt, &pay, books).await;
        assert!(script.is_used_up(), "all was asked");
        (resolution, script.requests().len())
    })
}

const NONE: &str = "status_16";

#[test]
fn qb10_the_last_receipt_is_enough() {
    let (found, asked) = resolve(&["test", "status_1"], &NOBODYS, true);
    match found {
        Resolution::Approved(paid) => {
            assert_eq!((paid.amount, paid.partial), (Kopecks(12_500), false));
            assert_eq!(paid.reference.as_deref(), Some("607412207715"));
            assert_eq!(paid.slips.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(asked, 2);
}

#[test]
fn qb10_the_report_is_asked_when_the_receipt_is_of_another() {
    let (found, _) = resolve(&["test", NONE, "report_full"], &NOBODYS, true);
    assert!(matches!(found, Resolution::Approved(_)), "{found:?}");
}

#[test]
fn f19_not_performed_is_said_twice_and_late() {
    let once = ["test", "status_1", "report_full"];
    let twice = [once, once].concat();
    let (no, asked) = resolve(&twice, &OTHERS, false);
    assert!(matches!(no, Resolution::NotPerformed(_)), "{no:?}");
    assert_eq!(asked, 6);
    let (soon, _) = resolve(&once, &OTHERS, true);
    assert!(matches!(soon, Resolution::NotYet(_)), "{soon:?}");
}

#[test]
fn f19_the_second_answer_counts() {
    let answers = ["test", NONE, "reconcile_empty", "test", NONE, "report_full"];
    let (found, _) = resolve(&answers, &NOBODYS, false);
    assert!(matches!(found, Resolution::Approved(_)), "{found:?}");
    let (busy, _) = resolve(&["test", NONE, "reconcile_empty", "error_3"], &NOBODYS, false);
    assert!(matches!(busy, Resolution::NotYet(_)), "{busy:?}");
}

#[test]
fn f19_a_terminal_that_is_not_idle_is_asked_nothing_else() {
    for answer in ["error_3", "error_13", "status_0", "status_34", "status_missing"] {
        let (busy, asked) = resolve(&[answer], &NOBODYS, false);
        assert!(matches!(busy, Resolution::NotYet(_)), "{answer}: {busy:?}");
        assert_eq!(asked, 1);
    }
}

#[test]
fn a_journal_that_cannot_be_read_concludes_nothing() {
    let (unread, _) = resolve(&["test", "status_1"], &Books(Err(())), false);
    assert!(matches!(unread, Resolution::NotYet(_)), "{unread:?}");
}

#[test]
fn what_cannot_be_read_is_for_a_person() {
    // Sums without operations; a refusal; an answer without a report.
    for report in ["reconcile", "status_16", "test"] {
        let (person, _) = resolve(&["test", NONE, report], &NOBODYS, false);
        match person {
            Resolution::Person(_) => {}
            other => panic!("{report}: {other:?}"),
        }
    }
}
