//! A shift opens by itself before a sale, and is closed by itself when too little of it is left.

use std::time::Duration;

use tillway_core::fiscal::DocumentKind;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome};
use tillway_layers::guarded::{Early, LEFT_MIN, Readied};
use tillway_memory::Mishap;
use tillway_testkit::runtime::CountingIds;

use super::cut::{Fuse, World, able, attempt, run, sale};

use DocumentKind::{CloseShift, OpenShift};

const HOUR: Duration = Duration::from_secs(3_600);

fn kinds(world: &World) -> Vec<DocumentKind> {
    world.device.documents().iter().map(|document| document.kind).collect()
}

fn ids() -> CountingIds {
    CountingIds::new()
}

#[test]
fn a_closed_shift_is_opened_once() {
    let world = World::new(able(true));
    let (register, ids) = (world.start(&Fuse::never()), ids());
    let first = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
    assert!(first.closed.is_none() && first.opened.is_some());
    let again = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
    assert_eq!(again, Readied::default());
    assert_eq!(kinds(&world), [OpenShift]);
}

#[test]
fn f21_a_shift_that_is_nearly_over_is_changed_before_the_sale() {
    for (age, changed) in [
        (23 * HOUR + HOUR / 4 * 3, false),
        (23 * HOUR + HOUR / 4 * 3 + Duration::from_secs(1), true),
        (24 * HOUR, true),
        (30 * HOUR, true),
    ] {
        let world = World::new(able(true));
        let (register, ids) = (world.start(&Fuse::never()), ids());
        run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
        world.clock.advance(age);
        let readied = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
        assert_eq!(readied.closed.is_some(), changed, "{age:?}");
        assert_eq!(kinds(&world).len(), if changed { 3 } else { 1 }, "{age:?}");
        let receipt = Fiscal::Receipt(Box::new(sale(100)));
        let sold = run(register.register(&attempt(9), &receipt)).unwrap();
        assert!(matches!(sold, FiscalOutcome::Written(_)), "{age:?}: {sold:?}");
    }
}

/// A register that does not tell when its shift expires is believed when it says that it has.
#[test]
fn f21_a_shift_whose_end_is_not_told_is_changed_when_it_is_over() {
    for (age, changed) in [(23 * HOUR + 59 * MINUTE, false), (24 * HOUR, true)] {
        let world = World::new(able(true));
        let (register, ids) = (world.start(&Fuse::never().without_expiry()), ids());
        run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
        world.clock.advance(age);
        let readied = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
        assert_eq!(readied.closed.is_some(), changed, "{age:?}");
    }
}

/// Between the question and the document another program opens the shift, or closes it.
#[test]
fn a_shift_that_another_has_changed_meanwhile_is_welcome() {
    let world = World::new(able(true));
    let another = |what: Fiscal, number: u128| {
        let device = world.device.clone();
        Fuse::never().meanwhile(move || {
            let written = run(device.register(&attempt(number), &what)).unwrap();
            assert!(matches!(written, FiscalOutcome::Written(_)), "{written:?}");
        })
    };
    let (register, ids) = (world.start(&another(Fiscal::OpenShift(None), 7)), ids());
    let readied = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
    assert_eq!(readied, Readied::default());
    assert_eq!(kinds(&world), [OpenShift]);
    world.clock.advance(25 * HOUR);
    let register = world.start(&another(Fiscal::CloseShift(None), 8));
    let readied = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
    assert!(readied.closed.is_none() && readied.opened.is_some(), "{readied:?}");
    assert_eq!(kinds(&world), [OpenShift, CloseShift, OpenShift]);
}

/// The answer to each of the two documents is lost: neither is written twice.
#[test]
fn a_lost_answer_makes_no_second_shift() {
    let world = World::new(able(true));
    let (register, ids) = (world.start(&Fuse::never()), ids());
    run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
    world.clock.advance(25 * HOUR);
    for _ in 0..2 {
        world.device.befall(Mishap::LostAnswer);
        let lost = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap_err();
        assert_ne!(lost.cause, Cause::Doubt);
        let doubted = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap();
        if let Err(error) = doubted {
            assert_eq!(error.cause, Cause::Doubt, "what is in doubt keeps the next off");
        }
        run(register.recover()).unwrap().unwrap();
    }
    assert_eq!(kinds(&world), [OpenShift, CloseShift, OpenShift]);
    let readied = run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
    assert_eq!(readied, Readied::default());
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn f21_a_shift_is_closed_early_when_nobody_sells() {
    let early = Early { left: HOUR, idle: 10 * MINUTE };
    // When the last receipt is sold, when somebody looks, and whether the shift is closed then.
    for (sold, looked, closed) in [
        (HOUR, 22 * HOUR + 59 * MINUTE, false),
        (HOUR, 23 * HOUR + MINUTE, true),
        (22 * HOUR + 52 * MINUTE, 23 * HOUR + MINUTE, false),
        (22 * HOUR + 51 * MINUTE, 23 * HOUR + MINUTE, true),
        (23 * HOUR + 30 * MINUTE, 24 * HOUR + MINUTE, true),
    ] {
        let world = World::new(able(true));
        let (register, ids) = (world.start(&Fuse::never()), ids());
        let look = || run(register.close_early(&ids, None, &early)).unwrap().unwrap();
        assert_eq!(look(), None, "nothing is open");
        run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
        world.clock.advance(sold);
        let receipt = Fiscal::Receipt(Box::new(sale(100)));
        let written = run(register.register(&attempt(9), &receipt)).unwrap();
        assert!(matches!(written, FiscalOutcome::Written(_)), "{written:?}");
        world.clock.advance(looked - sold);
        let said = look();
        assert_eq!(said.is_some(), closed, "{sold:?} {looked:?}");
        assert_eq!(kinds(&world).last() == Some(&CloseShift), closed, "{sold:?} {looked:?}");
        assert_eq!(look(), None, "once");
    }
}

#[test]
fn f21_a_shift_with_a_doubt_or_an_open_receipt_is_left_alone() {
    let early = Early::default();
    let world = World::new(able(true));
    let (register, ids) = (world.start(&Fuse::never()), ids());
    let is_time = || run(register.is_time_to_close(&early)).unwrap().unwrap();
    run(register.ready_for_sale(&ids, None, LEFT_MIN)).unwrap().unwrap();
    run(register.open_receipt(&attempt(8), &sale(100))).unwrap().unwrap();
    world.clock.advance(23 * HOUR + 30 * MINUTE);
    assert!(!is_time(), "a guest is paying");
    run(register.annul_receipt()).unwrap().unwrap();
    assert!(!is_time(), "a guest was here a moment ago");
    world.device.befall(Mishap::LostAnswer);
    let receipt = Fiscal::Receipt(Box::new(sale(100)));
    let lost = run(register.register(&attempt(9), &receipt)).unwrap();
    assert!(matches!(lost, FiscalOutcome::InDoubt(_)), "{lost:?}");
    world.clock.advance(20 * MINUTE);
    assert!(!is_time(), "a receipt is in doubt");
    run(register.recover()).unwrap().unwrap();
    world.clock.advance(10 * MINUTE);
    assert!(is_time());
    world.device.link(false);
    assert_eq!(run(register.is_time_to_close(&early)).unwrap().unwrap_err().cause, Cause::Link);
}
