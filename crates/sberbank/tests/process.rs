//! The program as a process of its own, in a folder of its own.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::{NOON, Nobody, pay};
use tempfile::TempDir;
use tillway_core::id::Uuid;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{Attempt, Fault, MoneyOutcome, Reason, Resolution};
use tillway_device::{Mode, Process};
use tillway_sberbank::{Config, Sberbank};
use tillway_sim::sberbank::{Pad, STEP_VARIABLE, Says, Settings, Step, push_step};
use tillway_testkit::runtime::{TestClock, block_on};

/// The fake, which cargo builds beside the tests.
fn pilot() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    folder.join("examples").join(format!("sb_pilot{}", std::env::consts::EXE_SUFFIX))
}

struct Place {
    folder: TempDir,
    terminal: Sberbank,
}

fn place_with(program: &Path, change: impl FnOnce(&mut Config)) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let terminal = start(Process::new(program, folder.path()), change);
    Place { folder, terminal }
}

fn start(exec: Process, change: impl FnOnce(&mut Config)) -> Sberbank {
    let mut config = Config::default();
    change(&mut config);
    let clock = Arc::new(TestClock::at(NOON));
    Sberbank::start(config, exec, clock, Mode::Thread).unwrap()
}

fn place(change: impl FnOnce(&mut Config)) -> Place {
    place_with(&pilot(), change)
}

impl Place {
    fn scenario(&self, steps: impl IntoIterator<Item = Step>) {
        let mut pad = Pad::new(Settings::default());
        pad.steps.extend(steps);
        std::fs::write(self.folder.path().join("pad.json"), serde_json::to_vec(&pad).unwrap())
            .unwrap();
    }

    fn pad(&self) -> Pad {
        let state = std::fs::read(self.folder.path().join("pad.json")).unwrap();
        serde_json::from_slice(&state).unwrap()
    }

    fn perform(&self, attempt: &Attempt) -> MoneyOutcome {
        block_on(self.terminal.perform(attempt, &pay(500)))
    }
}

fn attempt(number: u32) -> Attempt {
    Attempt { id: Uuid::from_u128(u128::from(number)), at: NOON }
}

#[test]
fn a_payment_goes_through_files() {
    let place = place(|_| {});
    match place.perform(&attempt(7)) {
        MoneyOutcome::Approved(approval) => assert_eq!(approval.slips.len(), 2),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.pad().paid_for(7), 500);
}

#[test]
fn a_program_that_dies_leaves_a_doubt_that_is_resolved() {
    let place = place(|_| {});
    place.scenario([Step::says(Says::Nothing)]);
    assert!(matches!(place.perform(&attempt(7)), MoneyOutcome::InDoubt(_)));
    let resolved = block_on(place.terminal.resolve(&attempt(7), &pay(500), &Nobody));
    assert!(matches!(resolved, Resolution::Approved(_)), "{resolved:?}");
}

#[test]
fn a_program_that_hangs_is_killed_and_in_doubt() {
    let place = place(|config| {
        config.money_within = Duration::from_millis(300);
        config.late_within = Duration::from_millis(300);
    });
    place.scenario([Step::says(Says::Hangs)]);
    match place.perform(&attempt(7)) {
        MoneyOutcome::InDoubt(error) => assert_eq!(error.fault, Fault::Timeout),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.pad().paid_for(7), 500, "the bank has the money all the same");
}

/// What happens next is said beside a pad, or in the environment of one run.
#[test]
fn qa10_a_step_is_said_beside_the_pad_or_in_the_environment() {
    let place = place(|_| {});
    let folder = place.folder.path();
    push_step(folder, &Step::refuses(4451)).unwrap();
    push_step(folder, &Step::refuses(2000)).unwrap();
    block_on(place.terminal.probe()).unwrap();
    for reason in [Reason::Host, Reason::GuestCancelled] {
        match place.perform(&attempt(7)) {
            MoneyOutcome::Declined(decline) => assert_eq!(decline.reason, reason),
            other => panic!("{other:?}"),
        }
    }
    let run = |step: &str| {
        let mut run = std::process::Command::new(pilot());
        run.args(["1", "500", "0", "0", "/q=00000008"]).current_dir(folder);
        let run = run.env(STEP_VARIABLE, step).output().unwrap();
        (run.status.code(), String::from_utf8(run.stdout).unwrap())
    };
    assert_eq!(run(r#"{"says":{"code":2004},"exit":3}"#), (Some(3), "return:2004\n".to_owned()));
    assert_eq!(place.pad().paid_for(8), 500, "the bank has the money all the same");
    assert_eq!(run("{}").1, "return:0\n");
    assert_eq!(run(r#"{"says":"?"}"#), (Some(1), String::new()));
    let (shown, runs) = place.pad().shown_since(3);
    assert_eq!(runs, 5);
    assert_eq!(shown.len(), 4);
    assert!(shown[0].starts_with("sb_pilot 1 500 0 0 /q=00000008: 2004,"), "{shown:?}");
    assert!(shown[1].starts_with("  ОПЛАТА 5.00 RRN "), "{shown:?}");
}

#[test]
fn two_calls_wait_for_each_other() {
    let place = place(|_| {});
    std::thread::scope(|scope| {
        let place = &place;
        let run = |number| scope.spawn(move || place.perform(&attempt(number)));
        let runs: Vec<_> = (1..=4).map(run).collect();
        for run in runs {
            assert!(matches!(run.join().unwrap(), MoneyOutcome::Approved(_)));
        }
    });
    assert_eq!(place.pad().operations().len(), 4);
}

/// A set-up that cannot work says what is wrong, and nothing is in doubt.
#[cfg(unix)]
#[test]
fn a_bad_set_up_is_told() {
    let nowhere = Path::new("/nonexistent/sb_pilot");
    let plain = tempfile::NamedTempFile::new().unwrap();
    let missing = place_with(nowhere, |_| {});
    let not_executable = place_with(plain.path(), |_| {});
    let gone = place(|_| {});
    let folder = gone.folder.path().to_owned();
    std::fs::remove_dir_all(&folder).unwrap();
    let mut rows = vec![
        ("missing", &missing.terminal, nowhere),
        ("not executable", &not_executable.terminal, plain.path()),
        ("no folder", &gone.terminal, &folder),
    ];
    // Not even root writes there.
    let folder = Path::new("/proc");
    let read_only = start(Process::new(pilot(), folder), |_| {});
    if cfg!(target_os = "linux") {
        rows.push(("read-only folder", &read_only, folder));
    }
    for (what, terminal, path) in rows {
        match block_on(terminal.perform(&attempt(7), &pay(500))) {
            MoneyOutcome::Declined(decline) => {
                assert_eq!(decline.reason, Reason::NotStarted, "{what}");
                let text = decline.text.as_str();
                let path = format!("cannot be started: {}: ", path.display());
                assert!(text.contains(&path), "{what}: {text}");
            }
            other => panic!("{what}: {other:?}"),
        }
        let told = block_on(terminal.probe()).unwrap_err();
        assert_eq!(told.fault, Fault::Setup, "{what}: {told}");
    }
    // A file that cannot be removed would be taken for the next answer. A folder in its place is
    // one for root too, whom permissions do not stop.
    let stuck = place(|_| {});
    std::fs::create_dir(stuck.folder.path().join("e")).unwrap();
    match stuck.perform(&attempt(7)) {
        MoneyOutcome::Declined(decline) => {
            assert!(decline.text.as_str().contains("file e cannot be removed"), "{}", decline.text);
        }
        other => panic!("{other:?}"),
    }
}
