//! Every fault at every point of a document (ATOL note 10.3), over every generation. Whatever
//! the adapter answers, in the end the journal, the memory and the tape tell one story.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use futures::executor::block_on;
use support::house::{House, Plan};
use support::journal::{journaled, number};
use support::{receipt, sale};
use tillway_core::fiscal::ReceiptKind;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found};
use tillway_sim::atol::web::{Death, Generation};
use tillway_sim::atol::{Fault, Phase, Point, Trouble};

/// What the memory has in the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Written,
    NotWritten,
}

/// The table of the note: written from the signature on.
fn end(at: Point, fault: Fault) -> End {
    match fault {
        Fault::Memory { signed: true } if at == Point::P3 => End::Written,
        _ if at >= Point::P4 => End::Written,
        _ => End::NotWritten,
    }
}

const FAULTS: [Fault; 6] = [
    Fault::Paper,
    Fault::Link { calls: 3 },
    Fault::Link { calls: u32::MAX },
    Fault::Power,
    Fault::Memory { signed: false },
    Fault::Memory { signed: true },
];

/// Registers a document through the guard and answers with what its journal has of it in the end.
fn journal(house: &House, what: &Fiscal, context: &str) -> End {
    let attempt = house.attempt();
    let before = house.mark().last;
    let outcome = block_on(house.guarded.register(&attempt, what));
    // Whatever was said at once is true already.
    let last = house.sim(|register| register.memory.last());
    match &outcome {
        FiscalOutcome::Written(document) => assert_eq!(last, document.number, "{context}"),
        FiscalOutcome::NotWritten(_) => assert_eq!(last, before, "{context}: {outcome:?}"),
        FiscalOutcome::InDoubt(_) => {}
    }
    house.repair();
    let found = number(&house.settle_with(&house.guarded, &attempt, what));
    assert_eq!(journaled(&house.guarded, attempt.id), found, "{context}: {outcome:?}");
    assert_eq!(found.is_some(), house.mark().last > before, "{context}: {outcome:?}");
    match (&outcome, found) {
        (FiscalOutcome::Written(said), Some(number)) if said.number == number => End::Written,
        (FiscalOutcome::InDoubt(_), Some(_)) => End::Written,
        (FiscalOutcome::InDoubt(_) | FiscalOutcome::NotWritten(_), None) => End::NotWritten,
        other => panic!("{context}: {other:?}"),
    }
}

/// Registers a document without any trouble, and answers with what the journal has of it.
fn journal_again(house: &House, what: &Fiscal) -> Option<u32> {
    let attempt = house.attempt();
    let outcome = block_on(house.guarded.register(&attempt, what));
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    journaled(&house.guarded, attempt.id)
}

fn check(generation: Generation, at: Point, fault: Fault) {
    let context = format!("{generation:?} {at:?} {fault:?}");
    let house = House::open(generation);
    let what = sale(36_000);
    house.sim(|register| {
        let task = Some("sell".to_owned());
        register.inject_when(Trouble { task, ..Trouble::once(at, fault) });
    });
    let came_to = journal(&house, &what, &context);
    assert_eq!(house.sim(|register| register.pending_faults()), 0, "{context}");
    assert_eq!(came_to, end(at, fault), "{context}");
    if came_to == End::NotWritten {
        assert_eq!(journal_again(&house, &what), Some(2), "{context}");
    }
    assert_eq!(house.receipts(), [(2, 36_000)], "{context}");
    house.check();
    assert_eq!(house.papers(), [(1, 1), (2, 1)], "{context}");
}

/// Points and faults that the simulator does not combine have nothing to prove.
fn is_possible(at: Point, fault: Fault) -> bool {
    match fault {
        Fault::Memory { signed } => at == Point::P3 || (!signed && at < Point::P3),
        Fault::Paper => at != Point::P6,
        _ => true,
    }
}

fn matrix(generation: Generation) {
    for at in Point::ALL {
        for fault in FAULTS.into_iter().filter(|fault| is_possible(at, *fault)) {
            check(generation, at, fault);
        }
    }
}

#[test]
fn every_fault_at_every_point_on_v1_flat() {
    matrix(Generation::V1Flat);
}

#[test]
fn every_fault_at_every_point_on_v1() {
    matrix(Generation::V1);
}

#[test]
fn every_fault_at_every_point_on_v2_java() {
    matrix(Generation::V2Java);
}

#[test]
fn every_fault_at_every_point_on_v2_web_requests() {
    matrix(Generation::V2WebRequests);
}

#[test]
fn the_process_of_the_server_dies() {
    for generation in Generation::ALL {
        for (death, expected) in
            [(Death::BeforeTask, End::NotWritten), (Death::AfterTask, End::Written)]
        {
            let context = format!("{generation:?} {death:?}");
            let house = House::open(generation);
            house.server.die(death);
            assert_eq!(journal(&house, &sale(36_000), &context), expected, "{context}");
            if expected == End::NotWritten {
                assert_eq!(journal_again(&house, &sale(36_000)), Some(2), "{context}");
            }
            assert_eq!(house.receipts(), [(2, 36_000)], "{context}");
            house.check();
            assert_eq!(house.papers(), [(1, 1), (2, 1)], "{context}");
        }
    }
}

#[test]
fn the_server_comes_back_without_its_database() {
    for generation in Generation::ALL {
        for (death, expected) in
            [(Death::BeforeTask, Found::NotWritten), (Death::AfterTask, Found::NotWritten)]
        {
            let house = House::open(generation);
            let attempt = house.attempt();
            house.server.die(death);
            let outcome = house.register(&attempt, &sale(36_000));
            assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{outcome:?}");
            house.server.restart(false);
            let found = house.settle(&attempt, &sale(36_000));
            match death {
                Death::BeforeTask => assert_eq!(found, expected, "{generation:?}"),
                Death::AfterTask => {
                    assert!(matches!(found, Found::Written(_)), "{generation:?} {found:?}");
                    // A repeat in the same run sees it too, though the server knows nothing.
                    let again = house.register(&attempt, &sale(36_000));
                    assert!(matches!(again, FiscalOutcome::Written(_)), "{again:?}");
                    assert_eq!(house.receipts(), [(2, 36_000)]);
                }
            }
        }
    }
}

#[test]
fn what_is_not_printed_is_written_and_printed_on_once() {
    for generation in Generation::ALL {
        let house = House::open(generation);
        house.sim(|register| {
            register.inject_when(Trouble::once(Point::P5, Fault::Paper));
        });
        let attempt = house.attempt();
        match house.register(&attempt, &sale(36_000)) {
            FiscalOutcome::Written(document) => assert!(document.unprinted, "{generation:?}"),
            other => panic!("{generation:?} {other:?}"),
        }
        // Nothing else is printed before, and that is no new doubt.
        let next = house.attempt();
        let outcome = house.register(&next, &sale(100));
        assert!(
            matches!(&outcome, FiscalOutcome::NotWritten(e) if e.cause == Cause::Interrupted)
                || matches!(&outcome, FiscalOutcome::InDoubt(_)),
            "{generation:?} {outcome:?}"
        );
        house.repair();
        assert_eq!(house.settle(&next, &sale(100)), Found::NotWritten);
        block_on(house.register.continue_print()).unwrap();
        assert_eq!(house.sell(100), 3);
        house.check();
    }
}

#[test]
fn the_shift_is_opened_and_closed_through_every_fault() {
    for generation in Generation::ALL {
        for at in Point::ALL {
            for fault in [Fault::Paper, Fault::Link { calls: 3 }, Fault::Power] {
                // A report has no lines and no payments.
                if at == Point::P2 || !is_possible(at, fault) {
                    continue;
                }
                let house = House::new(generation);
                for (what, task) in [
                    (Fiscal::OpenShift(None), "openShift"),
                    (Fiscal::CloseShift(None), "closeShift"),
                ] {
                    let context = format!("{generation:?} {at:?} {fault:?} {what:?}");
                    let task = Some(task.to_owned());
                    let trouble = Trouble { task, ..Trouble::once(at, fault) };
                    house.sim(|register| register.inject_when(trouble));
                    let last = house.mark().last;
                    let came_to = journal(&house, &what, &context);
                    assert_eq!(came_to, end(at, fault), "{context}");
                    if came_to == End::NotWritten {
                        assert_eq!(journal_again(&house, &what), Some(last + 1), "{context}");
                    }
                    assert_eq!(house.mark().last, last + 1, "{context}");
                }
                house.check();
                assert_eq!(house.papers(), [(1, 1), (2, 1)], "{generation:?} {at:?} {fault:?}");
            }
        }
    }
}

#[test]
fn a_memory_at_its_end_takes_nothing() {
    let rows = [
        (Phase::Missing, Cause::Service),
        (Phase::Fault, Cause::Memory),
        (Phase::Expired, Cause::Memory),
        (Phase::Full, Cause::Memory),
        (Phase::Archive, Cause::Setup),
    ];
    for generation in Generation::ALL {
        for (phase, cause) in rows {
            let house = House::open(generation);
            let attempt = house.attempt();
            house.sim(|register| register.memory.phase = phase);
            let outcome = house.register(&attempt, &sale(100));
            match outcome {
                FiscalOutcome::NotWritten(error) => {
                    assert_eq!(error.cause, cause, "{generation:?} {phase:?}");
                }
                // Whether a memory that is gone has the document nobody can say.
                FiscalOutcome::InDoubt(_) if phase == Phase::Missing => {}
                other => panic!("{generation:?} {phase:?} {other:?}"),
            }
            assert_eq!(house.receipts(), []);
        }
    }
}

#[test]
fn the_ofd_is_silent_for_30_days() {
    for generation in Generation::ALL {
        let house = House::new(generation);
        house.sim(|register| register.memory.online = false);
        house.written(&Fiscal::OpenShift(None));
        house.written(&Fiscal::CloseShift(None));
        house.wait(Duration::from_secs(31 * 24 * 3_600));
        assert_eq!(house.refused(&Fiscal::OpenShift(None)).cause, Cause::Unsent);
        assert_eq!(block_on(house.register.exchange()).unwrap().unsent, 2);
        house.sim(|register| register.memory.online = true);
        house.wait(Duration::from_secs(1));
        house.written(&Fiscal::OpenShift(None));
    }
}

#[test]
fn f23_another_memory_is_a_persons_case() {
    use tillway_core::fiscal::Why;
    for generation in Generation::ALL {
        let house = House::open(generation);
        let attempt = house.attempt();
        house.server.die(Death::AfterTask);
        let outcome = house.register(&attempt, &sale(100));
        assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{outcome:?}");
        house.server.restart(false);
        house.sim(|register| register.memory = tillway_sim::atol::Memory::new("9999078900005678"));
        match house.find(&attempt, &sale(100)) {
            Found::Person(evidence) => assert_eq!(evidence.why, Why::OtherMemory),
            other => panic!("{generation:?} {other:?}"),
        }
    }
}

/// F23: the sale is in a memory that is gone; its refund has no deadline and goes to the new one.
#[test]
fn f23_a_refund_goes_to_the_new_memory() {
    for generation in Generation::ALL {
        let house = House::open(generation);
        let mut lunch = receipt(ReceiptKind::Sell, 36_000);
        lunch.lines.push(support::line("Морс", 8_500));
        lunch.paid[0].amount = tillway_core::Kopecks(44_500);
        house.written(&Fiscal::Receipt(Box::new(lunch.clone())));
        house.written(&Fiscal::CloseShift(None));
        house.sim(|register| register.replace_memory("9999078900005678")).unwrap();
        house.wait(Duration::from_secs(400 * 24 * 3_600));
        house.written(&Fiscal::OpenShift(None));
        // At the rate of the sale, whatever the law says by then.
        let back = lunch.give_back_rest(&[]).unwrap();
        let attempt = house.attempt();
        assert_eq!(&*attempt.before.memory, "9999078900005678");
        let what = Fiscal::Receipt(Box::new(back.receipt));
        let outcome = block_on(house.guarded.register(&attempt, &what));
        let FiscalOutcome::Written(document) = outcome else { panic!("{outcome:?}") };
        assert_eq!(document.memory.as_deref(), Some("9999078900005678"));
        assert_eq!(house.receipts(), [(2, 44_500)], "{generation:?}");
        assert_eq!(journaled(&house.guarded, attempt.id), Some(2));
    }
}

#[test]
fn two_receipts_alike_are_told_apart_by_their_operation_only() {
    for (shared, person) in [(false, true), (true, false)] {
        let mut plan = Plan::new(Generation::V2Java);
        plan.adapter.shared = shared;
        let house = plan.build();
        house.written(&Fiscal::OpenShift(None));
        let attempt = house.attempt();
        house.server.die(Death::AfterTask);
        house.register(&attempt, &sale(100));
        house.server.restart(false);
        // Somebody else sells for the same sum meanwhile.
        let other = block_on(house.register.mark()).unwrap();
        let other = tillway_core::port::fiscal::Attempt { id: support::id(77), before: other };
        house.register(&other, &sale(100));
        match house.find(&attempt, &sale(100)) {
            Found::Person(evidence) => assert!(person && evidence.candidates.len() == 2),
            Found::Written(document) => assert!(!person && document.number == 2),
            other => panic!("{other:?}"),
        }
    }
}

/// Somebody changes the setting while a receipt is in doubt: what was printed is looked for.
#[test]
fn f20_what_was_printed_is_looked_for_whatever_is_set_by_then() {
    for (was, is) in [(false, true), (true, false)] {
        for death in [Death::BeforeTask, Death::AfterTask] {
            let context = format!("shared {was}, then {is}, {death:?}");
            let mut plan = Plan::new(Generation::V2Java);
            plan.adapter.shared = was;
            let house = plan.build();
            house.written(&Fiscal::OpenShift(None));
            let attempt = house.attempt();
            house.server.die(death);
            let outcome = block_on(house.guarded.register(&attempt, &sale(100)));
            assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{context}: {outcome:?}");
            house.server.restart(false);
            let guarded = house.restarted_with(is);
            let recovered = block_on(guarded.recover()).unwrap();
            assert_eq!(recovered.len(), 1, "{context}");
            let written = (death == Death::AfterTask).then_some(2);
            assert_eq!(number(&recovered[0].found), written, "{context}");
            assert_eq!(journaled(&guarded, attempt.id), written, "{context}");
            // From now on the new setting holds.
            let next = house.attempt();
            let outcome = block_on(guarded.register(&next, &sale(200)));
            let FiscalOutcome::Written(document) = outcome else { panic!("{context}") };
            let kept = block_on(house.register.document(document.number)).unwrap().unwrap();
            let operation = tillway_atol::task::operation(next.id);
            assert_eq!(kept.operation, is.then_some(operation), "{context}");
        }
    }
}

#[test]
fn a_return_needs_cash_in_the_drawer_and_that_is_no_doubt() {
    use tillway_core::fiscal::{Paid, Tender};
    use tillway_core::money::Kopecks;
    let house = House::open(Generation::V2WebRequests);
    let mut back = receipt(ReceiptKind::SellReturn, 100);
    back.paid = vec![Paid { tender: Tender::Cash, amount: Kopecks(100) }];
    let refused = house.refused(&Fiscal::Receipt(Box::new(back)));
    assert_eq!((refused.cause, refused.code), (Cause::Money, Some(80)));
}
