//! A store that loses answers, or is gone for a while.

use tillway_core::port::CommitError;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found};

use super::cut::{Fuse, World, able, attempt, run, sale};

/// A commit in doubt is recalled: saved or not, the document is written once and known to be.
#[test]
fn a_commit_in_doubt_is_recalled() {
    for saved in [true, false] {
        for nth in 0..3 {
            let world = World::new(able(false));
            let fuse = Fuse::never().doubting(nth, CommitError::InDoubt, saved);
            let register = world.start(&fuse);
            let what = Fiscal::OpenShift(None);
            let outcome = run(register.register(&attempt(1), &what)).unwrap();
            let place = format!("commit {nth}, saved: {saved}");
            assert!(matches!(outcome, FiscalOutcome::Written(_)), "{place}: {outcome:?}");
            assert_eq!(fuse.has_failed(), nth < 2, "an attempt has two commits");
            assert_eq!(world.device.documents().len(), 1, "{place}");
            let again = run(world.start(&Fuse::never()).register(&attempt(1), &what)).unwrap();
            assert_eq!(again, outcome, "{place}");
        }
    }
}

/// A store that takes nothing keeps the device from being touched; one that is gone when the
/// answer comes leaves a doubt, which the device settles.
#[test]
fn what_is_not_durable_is_not_known() {
    for error in [CommitError::Unavailable, CommitError::Full, CommitError::Corrupt] {
        let world = World::new(able(true));
        let what = Fiscal::OpenShift(None);
        let fuse = Fuse::never().doubting(0, error.clone(), false);
        let register = world.start(&fuse);
        let outcome = run(register.register(&attempt(1), &what)).unwrap();
        let journal = |outcome: &FiscalOutcome| match outcome {
            FiscalOutcome::InDoubt(told) => told.cause == Cause::Journal,
            _ => false,
        };
        assert!(journal(&outcome), "{outcome:?}");
        assert_eq!(world.device.documents().len(), 0, "nothing durable, nothing sent");
        assert_eq!(run(register.find(&attempt(1), &what)).unwrap(), Found::NotWritten);

        let fuse = Fuse::never().doubting(1, error, false);
        let register = world.start(&fuse);
        let outcome = run(register.register(&attempt(2), &what)).unwrap();
        assert!(journal(&outcome), "{outcome:?}");
        assert_eq!(world.device.documents().len(), 1);
        let found = run(register.find(&attempt(2), &what)).unwrap();
        assert!(matches!(found, Found::Written(_)), "{found:?}");
        let again = run(register.register(&attempt(2), &what)).unwrap();
        assert!(matches!(again, FiscalOutcome::Written(_)), "{again:?}");
        assert_eq!(world.device.documents().len(), 1);
    }
}

/// A store that is gone when a doubt is settled: the device is asked again.
#[test]
fn what_was_found_is_found_again() {
    let world = World::new(able(true));
    world.device.befall(tillway_memory::Mishap::LostAnswer);
    let what = Fiscal::OpenShift(None);
    let register = world.start(&Fuse::never());
    let outcome = run(register.register(&attempt(1), &what)).unwrap();
    assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{outcome:?}");
    let fuse = Fuse::never().doubting(0, CommitError::Unavailable, false);
    let register = world.start(&fuse);
    let told = match run(register.find(&attempt(1), &what)).unwrap() {
        Found::NotYet(error) => error.cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(told, Cause::Journal);
    let next = Fiscal::Receipt(Box::new(sale(1)));
    let kept_off = run(register.register(&attempt(2), &next)).unwrap();
    let cause = match &kept_off {
        FiscalOutcome::NotWritten(error) => error.cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause, Cause::Doubt);
    let found = run(register.find(&attempt(1), &what)).unwrap();
    assert!(matches!(found, Found::Written(_)), "{found:?}");
    let outcome = run(register.register(&attempt(2), &next)).unwrap();
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
}
