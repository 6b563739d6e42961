//! What the pad says, and what we make of it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::script::Script;
use common::{Another, Bench, bench, original, pay, scripted, usual};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{
    Attempt, Copy, Fault, HoldError, MoneyOutcome, Operation, Reason, ReconcileOutcome, ReportKind,
    Resolution,
};
use tillway_core::port::{CardTerminal, Clock};
use tillway_sim::sberbank::{Kind, Letters, Says, Settings, State, Step};
use tillway_testkit::runtime::{TestClock, block_on};

/// Longer than any pad waits for a card.
const LATER: Duration = Duration::from_secs(121);

#[test]
fn an_approval_tells_everything() {
    let bench = usual();
    let approval = bench.paid(7, 12_500);
    assert_eq!(approval.amount, Kopecks(12_500));
    assert_eq!(approval.reference.as_deref(), Some("407400000000"));
    assert_eq!(approval.authorisation.as_deref(), Some("A00000"));
    assert_eq!(approval.terminal.as_deref(), Some("00012345"));
    assert_eq!(approval.card.unwrap().as_str(), "220200******0417");
    let copies: Vec<_> = approval.slips.iter().map(|slip| slip.copy).collect();
    assert_eq!(copies, [Copy::First, Copy::Second]);
    let first = &approval.slips[0].lines;
    assert_eq!(first[0].as_str(), "       СТОЛОВАЯ N 1");
    assert!(
        first
            .iter()
            .any(|line| line.as_str().contains("ОПЛАТА") && line.as_str().contains("125.00"))
    );
    assert_eq!(bench.twin.pad().paid_for(7), 12_500);
}

#[test]
fn files_are_read_whatever_the_build_writes() {
    for letters in [Letters::Koi8R, Letters::Ibm866, Letters::Windows1251, Letters::Utf8] {
        for (crlf, lines) in [(true, 22), (false, 14), (true, 11)] {
            let bench = bench(Settings { letters, crlf, lines, ..Settings::default() }, |_| {});
            let approval = bench.paid(7, 100);
            assert!(approval.evidence.as_str().contains("ОДОБРЕНО"), "{letters:?} {lines}");
            assert!(approval.slips[0].lines[0].as_str().contains("СТОЛОВАЯ"), "{letters:?}");
            assert!(approval.reference.is_some());
        }
    }
    let bench = bench(Settings { references: false, ..Settings::default() }, |_| {});
    assert_eq!(bench.paid(7, 100).reference, None);
}

#[test]
fn the_banks_no_is_a_no_and_a_lost_pad_is_a_doubt() {
    let rows = [
        (2000, Some(Reason::GuestCancelled)),
        (4334, Some(Reason::GuestTimeout)),
        (4119, Some(Reason::NoBankLink)),
        (4451, Some(Reason::Host)),
        (4353, Some(Reason::LoyaltyPause)),
        (4130, Some(Reason::ReconcileFirst)),
        (115, Some(Reason::NotStarted)),
        (99, None),
        (2004, None),
        (4104, None),
    ];
    for (code, reason) in rows {
        let bench = usual();
        bench.next(Step::refuses(code));
        match (bench.perform(7, &pay(500)), reason) {
            (MoneyOutcome::Declined(decline), Some(reason)) => {
                assert_eq!((decline.reason, &*decline.code), (reason, &*code.to_string()));
            }
            (MoneyOutcome::InDoubt(_), None) => {}
            other => panic!("{code}: {other:?}"),
        }
        assert_eq!(bench.twin.pad().paid_for(7), 0);
    }
}

/// Every lie with the money taken, and with the money not taken: never declined, and found out.
#[test]
fn qa8_a_lie_is_a_doubt_and_is_found_out() {
    let lies = [
        Says::Code(99),
        Says::Code(2004),
        Says::Code(4104),
        Says::Nothing,
        Says::Half,
        Says::Old,
        Says::Foreign,
        Says::Hangs,
    ];
    for lie in lies {
        for taken in [true, false] {
            let bench = usual();
            bench.paid(3, 700);
            bench.next(if taken { Step::says(lie) } else { Step::not_asked(lie) });
            let attempt = bench.attempt(7);
            let outcome = block_on(bench.terminal.perform(&attempt, &pay(500)));
            let half_tells = matches!(lie, Says::Half) && !taken;
            assert!(
                matches!(outcome, MoneyOutcome::InDoubt(_)) || (half_tells || taken),
                "{lie:?} {taken}: {outcome:?}"
            );
            assert!(!matches!(outcome, MoneyOutcome::Declined(_)), "{lie:?} {taken}: {outcome:?}");
            found_out(&bench, &attempt, taken, lie);
        }
    }
}

fn found_out(
    bench: &Bench,
    attempt: &tillway_core::port::terminal::Attempt,
    taken: bool,
    lie: Says,
) {
    let first = bench.resolve(attempt, &pay(500));
    if taken {
        assert!(matches!(first, Resolution::Approved(_)), "{lie:?}: {first:?}");
        return;
    }
    // F19: the pad may still wait for the card.
    assert!(matches!(first, Resolution::NotYet(_)), "{lie:?}: {first:?}");
    bench.clock.advance(LATER);
    let second = bench.resolve(attempt, &pay(500));
    assert!(matches!(second, Resolution::NotPerformed(_)), "{lie:?}: {second:?}");
}

#[test]
fn only_the_first_line_is_enough_for_money() {
    let bench = usual();
    bench.next(Step::says(Says::FirstLine));
    assert_eq!(bench.paid(7, 500).reference, None);
}

#[test]
fn an_exit_code_is_not_believed() {
    let bench = usual();
    bench.next(Step { exit: 1, ..Step::default() });
    bench.paid(7, 500);
}

#[test]
fn an_operation_of_another_attempt_is_not_ours() {
    let bench = usual();
    bench.next(Step::says(Says::Nothing));
    let attempt = bench.attempt(7);
    block_on(bench.terminal.perform(&attempt, &pay(500)));
    let resolved = block_on(bench.terminal.resolve(&attempt, &pay(500), &Another));
    assert!(matches!(resolved, Resolution::Person(_)), "{resolved:?}");
}

#[test]
fn a_status_may_say_zero_for_the_number() {
    let bench = bench(Settings { zero_in_status: true, ..Settings::default() }, |_| {});
    bench.next(Step::says(Says::Nothing));
    let attempt = bench.attempt(7);
    block_on(bench.terminal.perform(&attempt, &pay(500)));
    let resolved = bench.resolve(&attempt, &pay(500));
    assert!(matches!(resolved, Resolution::Approved(_)), "{resolved:?}");
}

/// Without a status a person decides, with the report in hand.
#[test]
fn a_pad_without_numbers_is_read_by_a_person() {
    let no_numbers = || Settings { numbers: false, ..Settings::default() };
    for bench in [
        bench(no_numbers(), |_| {}),
        bench(no_numbers(), |config| config.commands.status = String::new()),
    ] {
        bench.next(Step::says(Says::Nothing));
        let attempt = bench.attempt(7);
        block_on(bench.terminal.perform(&attempt, &pay(12_345)));
        match bench.resolve(&attempt, &pay(12_345)) {
            Resolution::Person(evidence) => assert!(evidence.as_str().contains("123.45")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn money_goes_back_by_reference_and_never_more_than_was_taken() {
    let bench = usual();
    let approval = bench.paid(7, 1_000);
    let of = original(&approval, 7);
    let refund = |amount| Operation::Refund { of: of.clone(), amount: Kopecks(amount) };
    assert!(matches!(bench.perform(8, &refund(400)), MoneyOutcome::Approved(_)));
    let before = bench.twin.pad().operations().len();
    match bench.perform(9, &refund(1_001)) {
        MoneyOutcome::Declined(decline) => assert_eq!(decline.reason, Reason::NotStarted),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.twin.pad().operations().len(), before, "the device was not touched");
    let cancel = Operation::Cancel { of, amount: Kopecks(600) };
    assert!(matches!(bench.perform(10, &cancel), MoneyOutcome::Approved(_)));
    match bench.perform(11, &cancel) {
        MoneyOutcome::Declined(decline) => assert_eq!(decline.reason, Reason::NotFound),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.twin.pad().paid_for(7), 0);
}

#[test]
fn qa7_a_suspended_payment_gives_itself_back() {
    let bench = bench(Settings::default(), |config| config.two_phase = true);
    let first = bench.paid(7, 1_000);
    block_on(bench.terminal.hold(&bench.attempt(7), &first)).unwrap();
    assert_eq!(bench.twin.pad().operations()[0].state, State::Suspended);
    let second = bench.paid(8, 2_000);
    assert_eq!(bench.twin.pad().paid_for(7), 0, "nobody confirmed it");
    assert_eq!(
        block_on(bench.terminal.confirm(&bench.attempt(7), &first)),
        Err(HoldError::Mismatch)
    );
    block_on(bench.terminal.hold(&bench.attempt(8), &second)).unwrap();
    block_on(bench.terminal.confirm(&bench.attempt(8), &second)).unwrap();
    block_on(bench.terminal.confirm(&bench.attempt(8), &second)).unwrap();
    assert_eq!(block_on(bench.terminal.hold(&bench.attempt(8), &second)), Err(HoldError::NotHeld));
    let back = Operation::RollBack { of: original(&second, 8) };
    match bench.perform(9, &back) {
        MoneyOutcome::Declined(decline) => assert_eq!(&*decline.code, "4141"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.twin.pad().paid_for(8), 2_000);
}

#[test]
fn qa7_a_roll_back_undoes_the_last_payment() {
    for two_phase in [true, false] {
        let bench = bench(Settings::default(), |config| config.two_phase = two_phase);
        let approval = bench.paid(7, 1_000);
        block_on(bench.terminal.hold(&bench.attempt(7), &approval)).unwrap();
        let back = Operation::RollBack { of: original(&approval, 7) };
        assert!(matches!(bench.perform(8, &back), MoneyOutcome::Approved(_)), "{two_phase}");
        assert_eq!(bench.twin.pad().paid_for(7), 0, "{two_phase}");
    }
}

#[test]
fn a_day_is_closed_with_its_paper() {
    let bench = usual();
    bench.paid(7, 1_000);
    let approval = bench.paid(8, 2_000);
    bench.perform(9, &Operation::Refund { of: original(&approval, 8), amount: Kopecks(500) });
    let report = block_on(bench.terminal.report(ReportKind::Full)).unwrap();
    assert!(!report.empty && report.slips[0].lines.len() > 5);
    match block_on(bench.terminal.reconcile()) {
        ReconcileOutcome::Done(done) => assert!(!done.empty && !done.slips.is_empty()),
        other => panic!("{other:?}"),
    }
    assert!(block_on(bench.terminal.report(ReportKind::Full)).unwrap().empty);
    match block_on(bench.terminal.reconcile()) {
        ReconcileOutcome::Done(done) => assert!(done.empty),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.twin.pad().reconciliations(), 2);
}

#[test]
fn a_lost_reconciliation_is_in_doubt_and_a_refused_one_is_not() {
    let bench = usual();
    bench.paid(7, 1_000);
    bench.next(Step::refuses(4128));
    assert!(matches!(block_on(bench.terminal.reconcile()), ReconcileOutcome::Refused(_)));
    bench.next(Step::says(Says::Nothing));
    assert!(matches!(block_on(bench.terminal.reconcile()), ReconcileOutcome::InDoubt(_)));
    // F22: an empty report says that it was done.
    assert!(block_on(bench.terminal.report(ReportKind::Short)).unwrap().empty);
}

#[test]
fn a_probe_moves_nothing() {
    let bench = usual();
    block_on(bench.terminal.probe()).unwrap();
    assert!(bench.twin.pad().operations().is_empty());
    bench.twin.breaks(Some(std::io::ErrorKind::NotFound));
    let error = block_on(bench.terminal.probe()).unwrap_err();
    assert_eq!(error.fault, Fault::Setup);
}

#[test]
fn a_wrong_amount_never_reaches_the_pad() {
    let bench = usual();
    for amount in [0, -1, 2_147_483_648] {
        match bench.perform(7, &pay(amount)) {
            MoneyOutcome::Declined(decline) => {
                assert_eq!(decline.reason, Reason::NotStarted);
                assert!(decline.text.as_str().contains("amount"), "{}", decline.text);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(bench.twin.pad().operations().is_empty());
    bench.paid(8, 2_147_483_647);
    assert_eq!(bench.twin.pad().operations()[0].kind, Kind::Payment);
}

/// A pad that restarts or works for another is asked again later; no person is needed for that.
#[test]
fn a_pad_that_is_busy_is_asked_again() {
    let report = "0,ДА";
    for code in ["5", "115", "99", "2004", "4104"] {
        for answers in [vec![format!("{code},НЕТ"), report.to_owned()], {
            vec!["4301,НЕ ЗНАЮ".to_owned(), format!("{code},НЕТ")]
        }] {
            let script = Script::saying(answers.iter().map(String::as_str));
            let (terminal, clock) = scripted(&script, |_| {});
            let attempt = attempt(7, &clock);
            clock.advance(LATER);
            let told = block_on(terminal.resolve(&attempt, &pay(500), &common::Nobody));
            assert!(matches!(told, Resolution::NotYet(_)), "{answers:?}: {told:?}");
        }
    }
}

/// A yes without an operation may be the answer to something else than a status.
#[test]
fn a_bare_yes_to_a_status_is_no_approval() {
    for (said, approved) in [
        ("0,ДА\n", false),
        ("0,ДА\n\n\n5K7Q12\n", true),
        ("0,ДА\n\n\n\n\n\n\n\n\n407414220712\n", true),
    ] {
        let script = Script::saying([said, "0,ОТЧЕТ"]);
        let (terminal, clock) = scripted(&script, |_| {});
        let attempt = attempt(7, &clock);
        clock.advance(LATER);
        let told = block_on(terminal.resolve(&attempt, &pay(500), &common::Nobody));
        assert_eq!(matches!(told, Resolution::Approved(_)), approved, "{said:?}: {told:?}");
    }
}

/// That a batch is empty means that it was reconciled (F22): only the pad may say so.
#[test]
fn f22_a_report_without_paper_is_not_empty() {
    for (code, empty) in [("0,ДА", None), ("4333,НЕТ ОПЕРАЦИЙ", Some(true))] {
        let (terminal, _) = scripted(&Script::saying([code]), |_| {});
        let report = block_on(terminal.report(ReportKind::Full));
        assert_eq!(report.as_ref().ok().map(|report| report.empty), empty, "{report:?}");
    }
}

/// The newest operations stand at the end of a report.
#[test]
fn a_person_sees_the_end_of_a_report() {
    let lines: String = (1..=900).map(|n| format!("ОПЕРАЦИЯ {n:04}\n")).collect();
    let script = Script::of([(Some(b"0,".to_vec()), Some(lines.into_bytes()))]);
    let (terminal, clock) = scripted(&script, |config| config.commands.status = String::new());
    match block_on(terminal.resolve(&attempt(7, &clock), &pay(500), &common::Nobody)) {
        Resolution::Person(evidence) => {
            assert!(evidence.as_str().contains("ОПЕРАЦИЯ 0900"), "{evidence}");
            assert!(evidence.as_str().lines().count() < 300);
        }
        other => panic!("{other:?}"),
    }
}

/// A bank that gives an undoing the number of the payment needs no person for it.
#[test]
fn an_undoing_may_have_the_number_of_its_payment() {
    let bench = usual();
    let paid = bench.paid(7, 500);
    let reference = paid.reference.clone().unwrap();
    let said = format!("0,ДА\n\n\n5K7Q12\n\n\n\n\n\n{reference}\n");
    let (terminal, clock) = scripted(&Script::saying([said.as_str()]), |_| {});
    let what = Operation::Refund { of: original(&paid, 7), amount: Kopecks(500) };
    let told = block_on(terminal.resolve(&attempt(8, &clock), &what, &Another));
    assert!(matches!(told, Resolution::Approved(_)), "{told:?}");
}

fn attempt(number: u128, clock: &TestClock) -> Attempt {
    Attempt { id: Uuid::from_u128(number), at: clock.now() }
}
