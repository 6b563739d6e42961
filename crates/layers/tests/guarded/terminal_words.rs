//! What people and callers may say of payments at a guarded terminal, and when.

use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    Fault, HoldError, MoneyOutcome, Operation, Reason, ReconcileOutcome, ReportKind, Resolution,
    TwoPhase,
};
use tillway_layers::attempts::Trouble;
use tillway_layers::guarded::MoneyJudgement;
use tillway_memory::TerminalMishap;

use super::cut::{Fuse, run};
use super::terminal_cut::{Nobody, PAY, Place, original, paid};

#[test]
fn what_was_rolled_back_is_not_confirmed() {
    for phases in [TwoPhase::Native, TwoPhase::Emulated] {
        let place = Place::new(phases);
        let terminal = place.start(&Fuse::never());
        let attempt = place.attempt(1);
        let approval = paid(&terminal, &attempt);
        run(terminal.hold(&attempt, &approval)).unwrap().unwrap();
        let what = Operation::RollBack { of: original(attempt, &approval) };
        let undone = run(terminal.perform(&place.attempt(2), &what)).unwrap();
        assert!(matches!(undone, MoneyOutcome::Approved(_)), "{undone:?}");
        let confirmed = run(terminal.confirm(&attempt, &approval)).unwrap();
        assert_eq!(confirmed, Err(HoldError::NotHeld), "the sale would be finished without money");
        assert_eq!(run(terminal.hold(&attempt, &approval)).unwrap(), Err(HoldError::NotHeld));
    }
}

#[test]
fn nothing_is_confirmed_while_its_undoing_is_in_doubt() {
    for phases in [TwoPhase::Native, TwoPhase::Emulated] {
        let place = Place::new(phases);
        let terminal = place.start(&Fuse::never());
        let attempt = place.attempt(1);
        let approval = paid(&terminal, &attempt);
        run(terminal.hold(&attempt, &approval)).unwrap().unwrap();
        place.device.befall(TerminalMishap::LostAnswer);
        let what = Operation::RollBack { of: original(attempt, &approval) };
        let lost = run(terminal.perform(&place.attempt(2), &what)).unwrap();
        assert!(matches!(lost, MoneyOutcome::InDoubt(_)), "{lost:?}");
        match run(terminal.confirm(&attempt, &approval)).unwrap() {
            Err(HoldError::Fault(error)) => assert_eq!(error.fault, Fault::Unsettled),
            other => panic!("{other:?}"),
        }
    }
}

/// The sale of yesterday confirms once more while the guest of today is in doubt.
#[test]
fn a_payment_that_was_confirmed_is_confirmed_again() {
    let place = Place::new(TwoPhase::Native);
    let terminal = place.start(&Fuse::never());
    let attempt = place.attempt(1);
    let approval = paid(&terminal, &attempt);
    run(terminal.hold(&attempt, &approval)).unwrap().unwrap();
    run(terminal.confirm(&attempt, &approval)).unwrap().unwrap();
    place.device.befall(TerminalMishap::LostAnswer);
    let lost = run(terminal.perform(&place.attempt(2), &PAY)).unwrap();
    assert!(matches!(lost, MoneyOutcome::InDoubt(_)), "{lost:?}");
    assert_eq!(run(terminal.confirm(&attempt, &approval)).unwrap(), Ok(()));
    // Nothing new is held meanwhile.
    assert!(run(terminal.hold(&attempt, &approval)).unwrap().is_err());
}

#[test]
fn f19_an_approval_that_comes_after_a_persons_word_counts() {
    let place = Place::new(TwoPhase::Emulated);
    let terminal = place.start(&Fuse::never());
    let attempt = place.attempt(1);
    place.device.befall(TerminalMishap::LostAnswer);
    let lost = run(terminal.perform(&attempt, &PAY)).unwrap();
    assert!(matches!(lost, MoneyOutcome::InDoubt(_)), "{lost:?}");
    run(terminal.judge(attempt.id, MoneyJudgement::NotPerformed, "Анна")).unwrap().unwrap();
    let told = run(terminal.perform(&attempt, &PAY)).unwrap();
    assert!(matches!(told, MoneyOutcome::Declined(_)), "{told:?}");
    // Silence changes nothing.
    place.device.link(false);
    let silent = run(terminal.resolve(&attempt, &PAY, &Nobody)).unwrap();
    assert!(matches!(silent, Resolution::NotPerformed(_)), "{silent:?}");
    place.device.link(true);
    let late = run(terminal.resolve(&attempt, &PAY, &Nobody)).unwrap();
    assert!(matches!(late, Resolution::Approved(_)), "{late:?}");
    let told = run(terminal.perform(&attempt, &PAY)).unwrap();
    assert!(matches!(told, MoneyOutcome::Approved(_)), "{told:?}");
}

#[test]
fn a_person_names_no_payment_of_another() {
    let place = Place::new(TwoPhase::Emulated);
    let terminal = place.start(&Fuse::never());
    let first = place.attempt(1);
    let approval = paid(&terminal, &first);
    place.device.befall(TerminalMishap::LostRequest);
    let second = place.attempt(2);
    let lost = run(terminal.perform(&second, &PAY)).unwrap();
    assert!(matches!(lost, MoneyOutcome::InDoubt(_)), "{lost:?}");
    let says = MoneyJudgement::Approved(approval);
    let refused = run(terminal.judge(second.id, says, "Анна")).unwrap();
    assert_eq!(refused, Err(Trouble::Owned { id: first.id }), "one payment would pay two sales");
    run(terminal.judge(second.id, MoneyJudgement::NotPerformed, "Анна")).unwrap().unwrap();
}

#[test]
fn a_person_says_that_a_held_payment_stands() {
    let place = Place::new(TwoPhase::Emulated);
    let terminal = place.start(&Fuse::never());
    let attempt = place.attempt(1);
    let approval = paid(&terminal, &attempt);
    run(terminal.hold(&attempt, &approval)).unwrap().unwrap();
    let gone = run(terminal.judge(attempt.id, MoneyJudgement::NotPerformed, "Анна")).unwrap();
    assert_eq!(gone, Err(Trouble::Moved { id: attempt.id }));
    let says = MoneyJudgement::Approved(approval.clone());
    run(terminal.judge(attempt.id, says, "Анна")).unwrap().unwrap();
    assert_eq!(run(terminal.confirm(&attempt, &approval)).unwrap(), Ok(()));
    let next = run(terminal.perform(&place.attempt(2), &PAY)).unwrap();
    assert!(matches!(next, MoneyOutcome::Approved(_)), "{next:?}");
}

/// What to do with a payment that was held, the sale decides.
#[test]
fn f6_recovery_reports_and_moves_nothing() {
    for phases in [TwoPhase::Native, TwoPhase::Emulated] {
        let place = Place::new(phases);
        let terminal = place.start(&Fuse::never());
        let attempt = place.attempt(1);
        let approval = paid(&terminal, &attempt);
        run(terminal.hold(&attempt, &approval)).unwrap().unwrap();
        drop(terminal);
        let (terminal, before) = (place.start(&Fuse::never()), place.device.moves());
        for _ in 0..3 {
            let report = run(terminal.recover()).unwrap().unwrap();
            let [one] = report.as_slice() else { panic!("{report:?}") };
            assert!(one.held && one.attempt == attempt && one.what == PAY, "{one:?}");
            assert!(matches!(one.found, Resolution::Approved(_)), "{one:?}");
        }
        assert_eq!(place.device.moves(), before);
        run(terminal.confirm(&attempt, &approval)).unwrap().unwrap();
        assert_eq!(run(terminal.recover()).unwrap().unwrap(), []);
    }
}

#[test]
fn f7_nothing_reaches_a_terminal_that_holds_a_payment() {
    let place = Place::new(TwoPhase::Native);
    let terminal = place.start(&Fuse::never());
    let attempt = place.attempt(1);
    let approval = paid(&terminal, &attempt);
    run(terminal.hold(&attempt, &approval)).unwrap().unwrap();
    let before = place.device.moves();
    let faults = [
        run(terminal.probe()).unwrap().unwrap_err().fault,
        run(terminal.report(ReportKind::Full)).unwrap().unwrap_err().fault,
        run(terminal.last_slip()).unwrap().unwrap_err().fault,
    ];
    assert_eq!(faults, [Fault::Unsettled; 3]);
    let pays = run(terminal.perform(&place.attempt(2), &PAY)).unwrap();
    let MoneyOutcome::Declined(no) = pays else { panic!("{pays:?}") };
    assert_eq!(no.reason, Reason::NotStarted);
    is_refused(&run(terminal.reconcile()).unwrap());
    assert_eq!(place.device.moves(), before);
}

#[test]
fn f7_nothing_is_reconciled_while_an_operation_is_in_doubt() {
    let place = Place::new(TwoPhase::Emulated);
    let terminal = place.start(&Fuse::never());
    let attempt = place.attempt(1);
    place.device.befall(TerminalMishap::LostAnswer);
    let lost = run(terminal.perform(&attempt, &PAY)).unwrap();
    assert!(matches!(lost, MoneyOutcome::InDoubt(_)), "{lost:?}");
    is_refused(&run(terminal.reconcile()).unwrap());
    // Its report is what the doubt is settled by.
    assert!(!run(terminal.report(ReportKind::Full)).unwrap().unwrap().empty);
    place.wait();
    let found = run(terminal.resolve(&attempt, &PAY, &Nobody)).unwrap();
    assert!(matches!(found, Resolution::Approved(_)), "{found:?}");
    let done = run(terminal.reconcile()).unwrap();
    assert!(matches!(done, ReconcileOutcome::Done(_)), "{done:?}");
}

fn is_refused(outcome: &ReconcileOutcome) {
    match outcome {
        ReconcileOutcome::Refused(error) => assert_eq!(error.fault, Fault::Unsettled),
        other => panic!("{other:?}"),
    }
}
