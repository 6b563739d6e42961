//! What only a person can say.

use tillway_core::book::{Status, StreamKind};
use tillway_core::fiscal::Why;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found};
use tillway_core::port::{FiscalRegister, Journal, Query};
use tillway_layers::Guarded;
use tillway_layers::attempts::Trouble;
use tillway_layers::guarded::Judgement;
use tillway_memory::Mishap;

use super::cut::{Fuse, World, able, attempt, run, sale};

fn what() -> Fiscal {
    Fiscal::Receipt(Box::new(sale(100)))
}

/// A receipt is in doubt, and another program has written one over the same sum.
fn several() -> (World, Guarded<dyn FiscalRegister>) {
    let world = World::new(able(false));
    let register = world.start(&Fuse::never());
    let opened = run(register.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    assert!(matches!(opened, FiscalOutcome::Written(_)));
    world.device.befall(Mishap::LostAnswer);
    let doubt = run(register.register(&attempt(2), &what())).unwrap();
    assert!(matches!(doubt, FiscalOutcome::InDoubt(_)));
    world.device.write_as_another(&what()).unwrap();
    (world, register)
}

/// Attempts that are listed for a person.
fn listed(world: &World) -> usize {
    let (kind, status) = (Some(StreamKind::Attempt), Some(Status::NeedsPerson));
    let query = Query { kind, status, ..Query::default() };
    run(world.store.heads(&query, None, 10)).unwrap().unwrap().len()
}

#[test]
fn what_the_memory_cannot_tell_is_listed_until_a_person_decides() {
    let (world, register) = several();
    for _ in 0..2 {
        match run(register.find(&attempt(2), &what())).unwrap() {
            Found::Person(evidence) => assert_eq!(evidence.why, Why::Several),
            other => panic!("{other:?}"),
        }
        assert_eq!(listed(&world), 1);
    }
    let report = run(register.recover()).unwrap().unwrap();
    assert!(matches!(report.as_slice(), [one] if matches!(one.found, Found::Person(_))));
    let kept_off = run(register.register(&attempt(3), &Fiscal::CloseShift(None))).unwrap();
    assert!(matches!(&kept_off, FiscalOutcome::NotWritten(error) if error.cause == Cause::Doubt));

    let ours = run(register.document(2)).unwrap().unwrap().unwrap();
    let judged = Judgement::Written(Box::new(ours.clone()));
    run(register.judge(attempt(2).id, judged, "Анна")).unwrap().unwrap();
    assert_eq!(listed(&world), 0);
    let again = run(register.register(&attempt(2), &what())).unwrap();
    assert_eq!(again, FiscalOutcome::Written(Box::new(ours)));
    assert_eq!(world.device.documents().len(), 3);
    let free = run(register.register(&attempt(3), &Fiscal::CloseShift(None))).unwrap();
    assert!(matches!(free, FiscalOutcome::Written(_)), "{free:?}");
}

/// The device is gone for good: a person decides without it.
#[test]
fn a_person_decides_about_a_device_that_is_gone() {
    let (world, register) = several();
    world.device.link(false);
    assert!(matches!(run(register.find(&attempt(2), &what())).unwrap(), Found::NotYet(_)));
    let judged = run(register.judge(attempt(2).id, Judgement::NotWritten, "Анна")).unwrap();
    assert_eq!(judged, Ok(()));
    assert_eq!(run(register.find(&attempt(2), &what())).unwrap(), Found::NotWritten);
    assert_eq!(run(register.recover()).unwrap().unwrap(), []);
}

#[test]
fn nobody_decides_what_is_settled_open_or_unheard_of() {
    let (world, register) = several();
    let judge = |number: u128, by: &str| {
        let id = attempt(number).id;
        (run(register.judge(id, Judgement::NotWritten, by)).unwrap(), Err(Trouble::Moved { id }))
    };
    for (number, by) in [(1, "Анна"), (2, ""), (9, "Анна")] {
        let (told, moved) = judge(number, by);
        assert_eq!(told, moved, "attempt {number}");
    }
    let (told, moved) = judge(2, &"я".repeat(65));
    assert_eq!(told, moved);
    let found = run(register.judge(attempt(2).id, Judgement::NotWritten, "Анна")).unwrap();
    assert_eq!(found, Ok(()));
    run(register.open_receipt(&attempt(4), &sale(400))).unwrap().unwrap();
    let (told, moved) = judge(4, "Анна");
    assert_eq!(told, moved, "the guest is paying");
    assert_eq!(world.device.documents().len(), 3);
}

/// The shelf of one device is not that of another.
#[test]
fn recovery_reports_its_own_device() {
    let (world, _) = several();
    let device: std::sync::Arc<dyn FiscalRegister> = std::sync::Arc::new(world.device.clone());
    let store = std::sync::Arc::new(world.store.clone());
    let clock = std::sync::Arc::new(world.clock.clone());
    let config = tillway_layers::guarded::DeviceConfig::new("kiosk 2");
    let ids = tillway_testkit::runtime::CountingIds::new();
    let other = Guarded::try_new(device, store, clock, &ids, config).unwrap();
    assert_eq!(run(other.recover()).unwrap().unwrap(), []);
    match run(other.register(&attempt(2), &what())).unwrap() {
        FiscalOutcome::NotWritten(error) => assert_eq!(error.cause, Cause::Conflict),
        told => panic!("an attempt of another device: {told:?}"),
    }
}
