//! Two runs of the program over one store and one device.

use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found};

use super::cut::{Fuse, World, able, attempt, run, sale};

fn opened() -> World {
    let world = World::new(able(false));
    let register = world.start(&Fuse::never());
    let opened = run(register.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    assert!(matches!(opened, FiscalOutcome::Written(_)));
    world
}

/// Both begin the same attempt: the one that comes second sends nothing.
#[test]
fn an_attempt_that_two_runs_begin_is_sent_once() {
    let (world, what) = (opened(), Fiscal::Receipt(Box::new(sale(100))));
    let (other, same) = (world.clone(), what.clone());
    let fuse = Fuse::never().meanwhile(move || {
        let register = other.start(&Fuse::never());
        let outcome = run(register.register(&attempt(2), &same)).unwrap();
        assert!(matches!(outcome, FiscalOutcome::Written(_)));
    });
    let register = world.start(&fuse);
    let outcome = run(register.register(&attempt(2), &what)).unwrap();
    assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{outcome:?}");
    assert_eq!(world.device.documents().len(), 2);
    let found = run(register.find(&attempt(2), &what)).unwrap();
    assert!(matches!(found, Found::Written(_)), "{found:?}");
}

/// As above, and the other run dies before it sends: what it wrote down is not taken for our own.
#[test]
fn an_attempt_that_a_dead_run_began_is_not_sent() {
    for point in 0..8 {
        let (world, what) = (opened(), Fiscal::Receipt(Box::new(sale(100))));
        let (other, same) = (world.clone(), what.clone());
        let fuse = Fuse::never().meanwhile(move || {
            let register = other.start(&Fuse::at(point));
            let _ = run(register.register(&attempt(2), &same));
        });
        let register = world.start(&fuse);
        let outcome = run(register.register(&attempt(2), &what)).unwrap();
        let found = run(register.find(&attempt(2), &what)).unwrap();
        let written = world.device.documents().len() - 1;
        assert!(written <= 1, "point {point}: written {written} times");
        assert_eq!(matches!(found, Found::Written(_)), written == 1, "point {point}: {found:?}");
        if let FiscalOutcome::Written(_) = outcome {
            assert_eq!(written, 1, "point {point}");
        }
    }
}

/// Both begin an attempt of their own: while the other's is not settled, ours is not sent.
#[test]
fn an_attempt_beside_one_of_another_run_is_not_sent() {
    // Dies after its intent is durable: reads its mark, commits.
    for point in [4, 5] {
        let (world, what) = (opened(), Fiscal::Receipt(Box::new(sale(100))));
        let (other, theirs) = (world.clone(), Fiscal::Receipt(Box::new(sale(200))));
        let fuse = Fuse::never().meanwhile(move || {
            let register = other.start(&Fuse::at(point));
            assert!(run(register.register(&attempt(3), &theirs)).is_none());
        });
        let register = world.start(&fuse);
        let refused = match run(register.register(&attempt(2), &what)).unwrap() {
            FiscalOutcome::NotWritten(error) => error.cause,
            other => panic!("point {point}: {other:?}"),
        };
        assert_eq!(refused, Cause::Doubt);
        assert_eq!(world.receipts(sale(100).total().unwrap()), 0);
        // It was begun, so its refusal is for ever.
        let left = run(register.recover()).unwrap().unwrap();
        assert_eq!(left.len(), 1, "theirs");
        let again = run(register.register(&attempt(2), &what)).unwrap();
        assert!(matches!(again, FiscalOutcome::NotWritten(_)), "{again:?}");
        let fresh = run(register.register(&attempt(4), &what)).unwrap();
        assert!(matches!(fresh, FiscalOutcome::Written(_)), "{fresh:?}");
    }
}

/// It is asked about while a call is on its way to begin it: it never begins.
#[test]
fn what_was_asked_about_first_never_begins() {
    let (world, what) = (opened(), Fiscal::Receipt(Box::new(sale(100))));
    let (other, same) = (world.clone(), what.clone());
    let fuse = Fuse::never().meanwhile(move || {
        let register = other.start(&Fuse::never());
        assert_eq!(run(register.find(&attempt(2), &same)).unwrap(), Found::NotWritten);
    });
    let register = world.start(&fuse);
    let outcome = run(register.register(&attempt(2), &what)).unwrap();
    assert!(!matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    assert_eq!(run(register.find(&attempt(2), &what)).unwrap(), Found::NotWritten);
    assert_eq!(world.device.documents().len(), 1);
}

/// It begins while it is asked about: the question is not answered with no.
#[test]
fn what_begins_meanwhile_is_not_found_missing() {
    let (world, what) = (opened(), Fiscal::Receipt(Box::new(sale(100))));
    let (other, same) = (world.clone(), what.clone());
    let fuse = Fuse::never().meanwhile(move || {
        let register = other.start(&Fuse::never());
        let outcome = run(register.register(&attempt(2), &same)).unwrap();
        assert!(matches!(outcome, FiscalOutcome::Written(_)));
    });
    let register = world.start(&fuse);
    match run(register.find(&attempt(2), &what)).unwrap() {
        Found::NotYet(error) => assert_eq!(error.cause, Cause::Journal),
        other => panic!("{other:?}"),
    }
    let found = run(register.find(&attempt(2), &what)).unwrap();
    assert!(matches!(found, Found::Written(_)), "{found:?}");
}
