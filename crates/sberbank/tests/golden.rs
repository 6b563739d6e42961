//! Each line of `e`, each shape of `p` and each command line, as files (acquiring.md A.3 to A.5). The
//! files are ours; `UPDATE=1` writes those of outcomes, papers and commands anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fmt::Write;
use std::path::PathBuf;

use common::script::Script;
use common::{NOON, pay, scripted};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    Approval, Attempt, MoneyOutcome, Operation, Original, ReportKind, Slip,
};
use tillway_sberbank::Config;
use tillway_testkit::runtime::block_on;

/// The number that the files of answers have.
const ATTEMPT: Attempt = Attempt { id: Uuid::from_u128(0xA1B2_C3D4), at: NOON };

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The files of a folder, in order.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(fixture(folder)).unwrap();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(&path).unwrap())
    };
    let mut files: Vec<_> = entries.map(|entry| read(entry.unwrap().path())).collect();
    files.sort();
    files
}

/// Compares with a file, or writes it.
fn golden(name: &str, text: &str) {
    let path = fixture(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, want, "{name}");
}

fn outcome(text: &mut String, outcome: &MoneyOutcome) {
    let _ = match outcome {
        MoneyOutcome::Approved(paid) => {
            let Approval { amount, reference, authorisation, .. } = &**paid;
            let Approval { terminal, merchant, sequence, at, card, brand, evidence, .. } = &**paid;
            let words = [reference, authorisation, terminal, merchant, sequence, brand];
            let words = words.map(|word| word.as_deref().unwrap_or("-")).join(" ");
            let card = card.as_ref().map_or("-", Masked::as_str);
            let at = at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            writeln!(text, "approved {} {words} card {card} at {at}\n  {evidence}", amount.0)
        }
        MoneyOutcome::Declined(no) => {
            writeln!(text, "declined {:?} {} {}", no.reason, no.code, no.text)
        }
        MoneyOutcome::InDoubt(error) => writeln!(text, "in doubt {:?} {}", error.fault, error.text),
    };
}

fn paper(text: &mut String, slips: &[Slip]) {
    for slip in slips {
        let _ = writeln!(text, "  {:?}", slip.copy);
        for line in &slip.lines {
            let _ = writeln!(text, "    |{line}");
        }
    }
}

#[test]
fn qa4_every_line_of_an_answer() {
    let mut text = String::new();
    for (name, bytes) in files("answers") {
        let script = Script::of([(Some(bytes), None)]);
        let (terminal, _) = scripted(&script, |_| {});
        let _ = write!(text, "{name}: ");
        outcome(&mut text, &block_on(terminal.perform(&ATTEMPT, &pay(12_500))));
    }
    golden("outcomes.txt", &text);
}

/// Only what this run has written is read: an approval of an earlier run is none.
#[test]
fn qa4_an_old_answer_is_none() {
    let old = std::fs::read(fixture("answers/lines_22.e")).unwrap();
    let script = Script::of([(None, None)]).with_old("e", &old).with_old("p", b"SLIP");
    let (terminal, _) = scripted(&script, |_| {});
    let told = block_on(terminal.perform(&ATTEMPT, &pay(12_500)));
    assert!(matches!(told, MoneyOutcome::InDoubt(_)), "{told:?}");
    let fresh = Script::of([(Some(old), None)]).with_old("p", b"SLIP");
    let (terminal, _) = scripted(&fresh, |_| {});
    match block_on(terminal.perform(&ATTEMPT, &pay(12_500))) {
        MoneyOutcome::Approved(paid) => assert_eq!(paid.slips, [], "the slip is another's"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn qa5_every_shape_of_a_slip() {
    let answer = std::fs::read(fixture("answers/lines_22.e")).unwrap();
    let mut text = String::new();
    for (name, bytes) in files("slips") {
        let script = Script::of([(Some(answer.clone()), Some(bytes))]);
        let (terminal, _) = scripted(&script, |_| {});
        let told = block_on(terminal.perform(&ATTEMPT, &pay(12_500)));
        let MoneyOutcome::Approved(paid) = told else { panic!("{name}: {told:?}") };
        let _ = writeln!(text, "{name}:");
        paper(&mut text, &paid.slips);
    }
    golden("papers.txt", &text);
}

#[test]
fn qa3_every_command_line() {
    let of = Original {
        amount: Kopecks(12_500),
        returned: Kopecks::ZERO,
        reference: Some("407414220712".into()),
        authorisation: Some("5K7Q12".into()),
        attempt: Attempt { id: Uuid::from_u128(0x1234), at: NOON },
        confirmed: false,
    };
    let part = Kopecks(2_500);
    let operations = [
        ("pay", pay(12_500)),
        ("cancel", Operation::Cancel { of: of.clone(), amount: of.amount }),
        ("cancel a part", Operation::Cancel { of: of.clone(), amount: part }),
        ("refund", Operation::Refund { of: of.clone(), amount: part }),
        ("roll back", Operation::RollBack { of }),
    ];
    let mut text = String::new();
    type Change = fn(&mut Config);
    let ways: [(&str, Change); 3] = [
        ("one phase", |_| {}),
        ("two phases", |config| config.two_phase = true),
        ("department 3", |config| config.department = Some(3)),
    ];
    for (way, change) in ways {
        let _ = writeln!(text, "{way}");
        let mut line = |name: &str, script: &Script| {
            let _ = writeln!(text, "  {name}: {}", script.asked().join(" | "));
        };
        for (name, what) in &operations {
            let script = Script::saying(["4451,НЕТ"]);
            block_on(scripted(&script, change).0.perform(&ATTEMPT, what));
            line(name, &script);
        }
        let script = Script::saying(["0,ДА\n\n\n5K7Q12\n"; 3]);
        let (terminal, _) = scripted(&script, change);
        let told = block_on(terminal.perform(&ATTEMPT, &pay(12_500)));
        let MoneyOutcome::Approved(paid) = told else { panic!("{told:?}") };
        block_on(terminal.hold(&ATTEMPT, &paid)).unwrap();
        block_on(terminal.confirm(&ATTEMPT, &paid)).unwrap();
        line("pay, hold, confirm", &script);
        let script = Script::saying(["99,НЕТ"; 5]);
        let (terminal, clock) = scripted(&script, change);
        let _ = block_on(terminal.probe());
        let _ = block_on(terminal.report(ReportKind::Short));
        let _ = block_on(terminal.report(ReportKind::Full));
        let _ = block_on(terminal.reconcile());
        clock.advance(std::time::Duration::from_secs(600));
        block_on(terminal.resolve(&ATTEMPT, &pay(12_500), &common::Nobody));
        line("probe, reports, reconcile, resolve", &script);
    }
    golden("commands.txt", &text);
}
