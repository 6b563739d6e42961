//! Each request and each answer that counts, as a file (acquiring.md B.2 to B.6). The files are
//! ours; `UPDATE=1` writes those of requests and outcomes anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fmt::Write;
use std::sync::Arc;

use support::{ADDRESS, BEGIN, Script, fixture};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    Attempt, MoneyOutcome, Operation, Original, ReconcileOutcome, ReportKind, Slip,
};
use tillway_dualconnector::{Config, DualConnector, Offline};
use tillway_testkit::runtime::{InlineSpawner, TestClock, block_on};
use tillway_transport::HttpTransport;

/// A terminal of which the number is known, and what it is asked and answers.
fn terminal(answers: &[&str], change: impl FnOnce(&mut Config)) -> (DualConnector, Arc<Script>) {
    let script = Arc::new(Script::of(answers));
    let mut config = Config::new(ADDRESS);
    config.terminal = Some("00012345".into());
    change(&mut config);
    let (clock, spawner) = (Arc::new(TestClock::at(BEGIN)), Arc::new(InlineSpawner));
    let http: Arc<dyn HttpTransport> = Arc::<Script>::clone(&script);
    (DualConnector::try_new(config, http, clock, spawner).unwrap(), script)
}

fn attempt(number: u128) -> Attempt {
    Attempt { id: Uuid::from_u128(number), at: BEGIN }
}

const PAY: Operation = Operation::Pay { amount: Kopecks(12_500) };

fn original() -> Original {
    Original {
        amount: Kopecks(12_500),
        returned: Kopecks::ZERO,
        reference: Some("7412207715".into()),
        authorisation: Some("512774".into()),
        attempt: attempt(417),
        confirmed: false,
    }
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

#[test]
fn qb4_requests_that_move_money() {
    let part = Kopecks(2_500);
    let rows = [
        ("sale", PAY),
        ("cancel", Operation::Cancel { of: original(), amount: Kopecks(12_500) }),
        ("cancel_part", Operation::Cancel { of: original(), amount: part }),
        ("refund", Operation::Refund { of: original(), amount: part }),
    ];
    for (name, what) in rows {
        let (terminal, script) = terminal(&["status_0"], |_| {});
        block_on(terminal.perform(&attempt(418), &what));
        golden(&format!("requests/{name}.xml"), &script.requests()[0]);
    }
    // The last receipt is asked for first; then 53 repeats number and time of what it undoes.
    let (terminal, script) = terminal(&["status_1", "status_0"], |_| {});
    let of = Original { reference: Some("607412207715".into()), ..original() };
    block_on(terminal.perform(&attempt(418), &Operation::RollBack { of }));
    golden("requests/last_receipt.xml", &script.requests()[0]);
    golden("requests/emergency.xml", &script.requests()[1]);
}

#[test]
fn qb4_requests_that_move_nothing() {
    let ask = |name: &str, change: fn(&mut Config), call: &dyn Fn(&DualConnector)| {
        let (terminal, script) = terminal(&["test"], change);
        call(&terminal);
        golden(&format!("requests/{name}.xml"), &script.requests()[0]);
    };
    ask("test", |_| {}, &|t| drop(block_on(t.probe())));
    ask("test_of_an_unknown", |c| c.terminal = None, &|t| drop(block_on(t.probe())));
    ask("report_short", |_| {}, &|t| drop(block_on(t.report(ReportKind::Short))));
    ask("report_full", |_| {}, &|t| drop(block_on(t.report(ReportKind::Full))));
    ask("reconcile", |_| {}, &|t| drop(block_on(t.reconcile())));
    let short = |c: &mut Config| c.profile.short_ids = true;
    ask("test_with_short_ids", short, &|t| drop(block_on(t.probe())));
}

/// Another bank's codes and fields are configuration.
#[test]
fn qb3_profile_is_configuration() {
    use tillway_dualconnector::profile::{Call, Field};
    let change = |config: &mut Config| {
        config.profile.codes.insert(Call::Refund, 3);
        config.profile.fields.insert(Field::Number, 126);
        config.profile.requests.insert(
            Call::Refund,
            vec![Field::Code, Field::Amount, Field::Reference, Field::Number],
        );
    };
    let (terminal, script) = terminal(&["status_0"], change);
    let refund = Operation::Refund { of: original(), amount: Kopecks(12_500) };
    block_on(terminal.perform(&attempt(418), &refund));
    golden("requests/refund_of_another_bank.xml", &script.requests()[0]);
}

fn shown(slips: &[Slip], text: &mut String) {
    for slip in slips {
        let _ = writeln!(text, "  {:?}", slip.copy);
        slip.lines.iter().for_each(|line| {
            let _ = writeln!(text, "    |{line}");
        });
    }
}

fn outcome(outcome: &MoneyOutcome) -> String {
    let mut text = String::new();
    match outcome {
        MoneyOutcome::Approved(paid) => {
            let part = if paid.partial { " partial" } else { "" };
            let offline = if paid.offline { " offline" } else { "" };
            let _ = writeln!(text, "approved {}{part}{offline}", paid.amount.0);
            let _ = writeln!(text, "  rrn {:?} code {:?}", paid.reference, paid.authorisation);
            let _ = writeln!(text, "  terminal {:?} merchant {:?}", paid.terminal, paid.merchant);
            let _ = writeln!(text, "  at {:?} card {:?} {:?}", paid.at, paid.card, paid.brand);
            let _ = writeln!(text, "  evidence {}", paid.evidence);
            shown(&paid.slips, &mut text);
        }
        MoneyOutcome::Declined(decline) => {
            let (reason, code) = (decline.reason, &decline.code);
            let _ = writeln!(text, "declined {reason:?} {code:?} {}", decline.text);
            shown(&decline.slips, &mut text);
        }
        MoneyOutcome::InDoubt(error) => {
            let _ = writeln!(text, "in doubt {:?} {}", error.fault, error.text);
        }
    }
    text
}

/// Every answer that a payment may get, and what it means.
#[test]
fn qb5_answers_to_a_payment() {
    let mut names: Vec<String> = std::fs::read_dir(fixture("answers"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("status_") || name.starts_with("error_"))
        .collect();
    names.sort();
    assert!(names.len() > 40, "the fixtures are there");
    let mut all = String::new();
    for name in names {
        let (terminal, _) = terminal(&[&name], |_| {});
        let became = block_on(terminal.perform(&attempt(417), &PAY));
        let _ = write!(all, "{name}: {}", outcome(&became));
    }
    golden("outcomes.txt", &all);
}

/// What a status means is looked at once more by hand: the file above may be written by a mistake.
#[test]
fn qb5_statuses_and_errors() {
    let rows = [
        ("status_1", "approved 12500"),
        ("status_1_host_code_refused", "approved 12500"),
        ("status_1_beside_error_3", "approved 12500"),
        ("status_1_long_amount", "approved 12500"),
        ("status_1_smaller", "approved 10000 partial"),
        ("status_1_larger", "in doubt Garbled"),
        ("status_1_of_another_number", "in doubt Garbled"),
        ("status_1_of_another_operation", "in doubt Garbled"),
        ("status_1_of_another_terminal", "in doubt Garbled"),
        ("status_2", "approved 10000 partial"),
        ("status_2_of_all", "in doubt Undefined"),
        ("status_2_without_amount", "in doubt Undefined"),
        ("status_16", "declined Host \"16/076\" НЕДОСТАТОЧНО СРЕДСТВ"),
        ("status_16_host_code_approved", "declined Host"),
        ("status_17", "approved 12500 offline"),
        ("status_34", "declined NoBankLink"),
        ("status_34_with_reference", "in doubt Undefined"),
        ("status_53", "declined GuestCancelled \"53/ER3\" ОПЕРАЦИЯ ПРЕРВАНА\n"),
        ("status_0", "in doubt Undefined"),
        ("status_0_host_code_approved", "in doubt Undefined"),
        ("status_99", "in doubt Undefined"),
        ("status_text", "in doubt Undefined"),
        ("status_missing", "in doubt Undefined"),
        ("error_0", "in doubt Undefined"),
        ("error_1", "in doubt Timeout"),
        ("error_2", "in doubt Undefined"),
        ("error_3", "in doubt Busy"),
        ("error_4", "declined NotStarted"),
        ("error_6", "declined NotStarted"),
        ("error_11", "declined NotStarted"),
        ("error_12", "in doubt Undefined"),
        ("error_13", "declined NotStarted"),
        ("error_13_with_reference", "in doubt Link"),
        ("error_14", "declined NotStarted"),
        ("error_15", "in doubt Undefined"),
        ("error_15_status_53", "declined GuestCancelled"),
    ];
    for (name, want) in rows {
        let (terminal, _) = terminal(&[name], |_| {});
        let became = outcome(&block_on(terminal.perform(&attempt(417), &PAY)));
        assert!(became.starts_with(want), "{name}: {became}");
    }
    let (terminal, _) = terminal(&["status_17"], |c| c.offline = Offline::InDoubt);
    let became = block_on(terminal.perform(&attempt(417), &PAY));
    assert!(matches!(became, MoneyOutcome::InDoubt(_)), "{became:?}");
}

#[test]
fn qb6_reports_and_reconciliations() {
    let (full, _) = terminal(&["report_full"], |_| {});
    let report = block_on(full.report(ReportKind::Full)).unwrap();
    let totals = report.totals.unwrap();
    assert_eq!((totals.payments.count, totals.payments.sum), (1, Kopecks(12_500)));
    assert!(!report.empty);
    let reconciled = |name| {
        let (terminal, _) = terminal(&[name], |_| {});
        match block_on(terminal.reconcile()) {
            ReconcileOutcome::Done(done) => done,
            other => panic!("{other:?}"),
        }
    };
    let done = reconciled("reconcile");
    let totals = done.totals.unwrap();
    assert_eq!((totals.payments.count, totals.payments.sum), (10, Kopecks(825_000)));
    assert_eq!((totals.refunds.count, totals.refunds.sum), (1, Kopecks(12_500)));
    assert_eq!((done.empty, done.agreed, done.slips.len()), (false, Some(true), 1));
    let empty = reconciled("reconcile_empty");
    assert_eq!((empty.empty, empty.agreed, empty.totals), (true, None, None));
}
