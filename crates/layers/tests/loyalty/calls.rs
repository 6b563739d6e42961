//! What a till hears, call by call.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tillway_core::flow::purchase::Stage;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{Identifier, IdentifierKind, Pin};
use tillway_core::port::Clock;
use tillway_core::port::processing::{Class, Kind};
use tillway_core::{Kopecks, Timestamp};
use tillway_layers::Loyalty;
use tillway_layers::loyalty::{BodyKeys, LoyaltyConfig, Mode, Reason, ResendId, Settled, Without};
use tillway_memory::{Duplicates, Member, ProcessingMishap};

use super::till::{card, cheque, drain, id, pays, sale};
use super::world::{CARD, Cut, Fuse, POINTS, World, in_time, run};

fn world() -> World {
    World::new(Duplicates::Replay, ResendId::Same)
}

fn why<T: std::fmt::Debug>(result: Result<T, Without>) -> Reason {
    result.unwrap_err().reason
}

/// The cheque as it is told after *calculate*: 30 % may be paid with points.
fn calculated(loyalty: &Loyalty, number: u128) -> tillway_core::loyalty::Sale {
    let mut told = sale(number, &cheque(30_000));
    let granted = run(loyalty.calculate(&told, None, None)).unwrap().unwrap();
    told.cheque = granted.cheque;
    told
}

/// A sale with points, as the table of loymax.md 9.1 has it, and half of it given back.
#[test]
fn a_sale_and_a_refund() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    let balance = run(loyalty.balance(card(), Some("Анна"))).unwrap().unwrap();
    assert_eq!((balance.balance, loyalty.mode()), (Some(POINTS), Mode::Online));
    let told = calculated(&loyalty, 1);
    assert_eq!(told.cheque.total().unwrap(), Kopecks(37_000));
    let most = run(loyalty.available(&told, None)).unwrap().unwrap();
    assert_eq!(most.points, Some(Kopecks(11_100)));
    let too_much = run(loyalty.pay(&told, Kopecks(11_101), None, None)).unwrap();
    assert_eq!(why(too_much), Reason::Refused(Class::TooMuch));
    let paid = run(loyalty.pay(&told, Kopecks(10_000), None, None)).unwrap().unwrap();
    assert_eq!(paid.amount, Kopecks(10_000));
    let again = run(loyalty.pay(&told, Kopecks(10_000), None, None)).unwrap().unwrap();
    assert_eq!(again, paid, "a repeat is answered from the journal");
    let accrued = run(loyalty.accrue(&told, &pays(Kopecks(27_000)), None)).unwrap();
    let Ok(Settled::Done(answer)) = accrued else { panic!("{accrued:?}") };
    assert_eq!(answer.points, Some(Kopecks(1_350)));
    let standing = run(loyalty.standing(&id(1))).unwrap().unwrap();
    assert_eq!((standing.stage, standing.waiting.len()), (Stage::Closed, 0));
    let kinds: Vec<_> = standing.answers.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Calculate, Kind::Pay, Kind::Accrue]);
    assert_eq!(standing.answers[2].1, *answer, "what is printed is known after a restart");
    for _ in 0..2 {
        let ended = run(loyalty.confirm(&id(1), None)).unwrap();
        assert!(matches!(ended, Ok(Settled::Done(_))), "{ended:?}");
    }
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(100_000 - 10_000 + 1_350)));
    assert_eq!(why(run(loyalty.cancel(&id(1), None)).unwrap()), Reason::State);
    // The tea goes back, and what was paid for it.
    let mut back = sale(2, &told.cheque);
    back.cheque.lines.truncate(1);
    let refunded = run(loyalty.refund(&back, Some(&id(1)), None, None)).unwrap();
    let Ok(Settled::Done(answer)) = refunded else { panic!("{refunded:?}") };
    assert_eq!(answer.points, Some(Kopecks(7_297)));
    assert!(matches!(run(loyalty.confirm(&id(2), None)), Some(Ok(Settled::Done(_)))));
    assert_eq!(world.processing.done().len(), 8);
    assert_eq!(run(loyalty.unfinished()).unwrap(), Ok(0));
}

/// loymax.md 9.3: without a link the sale is told later, and the cashier knows.
#[test]
fn a_sale_without_a_link() {
    let world = world();
    world.processing.link(false);
    let loyalty = world.start(&Fuse::never());
    let told = sale(1, &cheque(30_000));
    let without = run(loyalty.calculate(&told, None, None)).unwrap().unwrap_err();
    assert_eq!(without.reason, Reason::Offline);
    assert_eq!(without.text(), "Нет связи с программой лояльности. Продажа без скидок и баллов");
    assert_eq!(loyalty.mode(), Mode::Offline);
    // A moment later nobody waits for the link again.
    let arrived = world.processing.arrived().len();
    assert_eq!(why(run(loyalty.balance(card(), None)).unwrap()), Reason::Offline);
    assert_eq!(why(run(loyalty.calculate(&told, None, None)).unwrap()), Reason::Offline);
    let accrued = run(loyalty.accrue(&told, &pays(Kopecks(40_000)), None)).unwrap();
    assert!(matches!(accrued, Ok(Settled::Later(ref why)) if why.reason == Reason::Offline));
    let ended = run(loyalty.confirm(&id(1), None)).unwrap();
    assert!(matches!(ended, Ok(Settled::Later(_))), "{ended:?}");
    assert_eq!(world.processing.arrived().len(), arrived);
    drain(&world, "the link is back");
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(102_000)));
    // A card is not issued behind the guest's back.
    world.processing.link(false);
    let new = Identifier { kind: IdentifierKind::CardNumber, value: "77".into() };
    let issued = run(loyalty.card(&id(9), Some(card()), None, new.clone(), None)).unwrap();
    assert_eq!(why(issued), Reason::Offline);
    drain(&world, "no card");
    assert_eq!(world.processing.balance("77"), None);
    let loyalty = world.start(&Fuse::never());
    let issued = run(loyalty.card(&id(10), Some(card()), None, new, None)).unwrap();
    assert!(matches!(issued, Ok(Settled::Done(_))), "{issued:?}");
    assert_eq!(world.processing.balance("77"), world.processing.balance(CARD));
}

/// The row of loymax.md 9.3 for a payment that nobody answered.
#[test]
fn a_payment_without_an_answer() {
    for cut in [Cut::Request, Cut::Answer] {
        let world = world();
        let loyalty = world.start(&Fuse::cutting(1, cut, 0));
        let told = calculated(&loyalty, 1);
        let paid = run(loyalty.pay(&told, Kopecks(10_000), None, None)).unwrap();
        let without = paid.unwrap_err();
        assert_eq!(without.reason, Reason::NoAnswer);
        let reserved = world.processing.reserved(CARD).unwrap();
        assert_eq!(reserved.is_positive(), cut == Cut::Answer);
        // The full sum is paid otherwise; the sale has another number there, and its own here.
        let pays = pays(Kopecks(37_000));
        assert!(run(loyalty.accrue(&told, &pays, None)).unwrap().is_ok());
        assert!(run(loyalty.confirm(&id(1), None)).unwrap().is_ok());
        let standing = run(loyalty.standing(&id(1))).unwrap().unwrap();
        assert_ne!(standing.purchase, id(1));
        // A till that is started again prints the prices that it showed.
        let (kind, granted) = &standing.answers[0];
        let shown = sale(1, &cheque(30_000)).cheque.discounted(granted).unwrap();
        assert_eq!((*kind, shown), (Kind::Calculate, told.cheque.clone()));
        drain(&world, "a payment is cancelled");
        assert_eq!(world.processing.balance(CARD), Some(Kopecks(100_000 + 1_850)), "{cut:?}");
        let payments = world.processing.arrived();
        let of = |number: u64| {
            payments
                .iter()
                .filter(|(id, _)| *id == payments[usize::try_from(number).unwrap()].0)
                .count()
        };
        assert_eq!(of(1), 1, "a payment is never sent twice");
    }
}

/// Discounts and points that are not what was asked are on no receipt.
#[test]
fn an_answer_that_does_not_add_up_is_none() {
    for lie_at in [Kind::Calculate, Kind::Pay] {
        let world = world();
        let fuse = Fuse::never();
        let loyalty = world.start(&fuse);
        fuse.lies.store(lie_at == Kind::Calculate, Ordering::Relaxed);
        let mut told = sale(1, &cheque(30_000));
        match run(loyalty.calculate(&told, None, None)).unwrap() {
            Ok(granted) => told.cheque = granted.cheque,
            Err(without) => assert_eq!(without.reason, Reason::NoAnswer),
        }
        fuse.lies.store(true, Ordering::Relaxed);
        assert!(run(loyalty.pay(&told, Kopecks(5_000), None, None)).unwrap().is_err());
        fuse.lies.store(false, Ordering::Relaxed);
        assert!(run(loyalty.accrue(&told, &[], None)).unwrap().is_ok());
        assert!(run(loyalty.confirm(&id(1), None)).unwrap().is_ok());
        drain(&world, "it does not add up");
        let total = told.cheque.total().unwrap().0;
        assert_eq!(world.processing.balance(CARD), Some(Kopecks(100_000 + total / 20)));
        assert_eq!(world.processing.unfinished(), []);
    }
}

/// The cheque changes when the link is gone: the processing has the old one, and would refuse.
#[test]
fn a_cheque_that_changed_without_a_link() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    let _ = calculated(&loyalty, 1);
    world.processing.link(false);
    let more = sale(1, &cheque(50_000));
    assert_eq!(why(run(loyalty.calculate(&more, None, None)).unwrap()), Reason::Offline);
    assert!(run(loyalty.accrue(&more, &pays(Kopecks(60_000)), None)).unwrap().is_ok());
    assert!(run(loyalty.confirm(&id(1), None)).unwrap().is_ok());
    drain(&world, "another cheque");
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(103_000)));
    // And with a link, when the till did not ask again.
    let loyalty = world.start(&Fuse::never());
    let _ = calculated(&loyalty, 2);
    let more = sale(2, &cheque(50_000));
    let accrued = run(loyalty.accrue(&more, &pays(Kopecks(60_000)), None)).unwrap();
    assert!(matches!(accrued, Ok(Settled::Done(_))), "{accrued:?}");
    // The same number with other goods is a mistake of the caller.
    let other = run(loyalty.accrue(&sale(2, &cheque(1)), &[], None)).unwrap();
    assert_eq!(why(other), Reason::State);
    assert!(run(loyalty.confirm(&id(2), None)).unwrap().is_ok());
    drain(&world, "another cheque with a link");
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(106_000)));
}

#[test]
fn a_pin_is_asked_three_times() {
    let world = world();
    let (shows, pin) = (vec![CARD.into()], Some("4711".into()));
    world.processing.join(Member { shows, points: POINTS, pin, blocked: false });
    let loyalty = world.start(&Fuse::never());
    let told = calculated(&loyalty, 1);
    let pay = |pin| run(loyalty.pay(&told, Kopecks(1_000), Some(Pin::new(pin)), None)).unwrap();
    for _ in 0..3 {
        assert_eq!(why(pay("0000")), Reason::Refused(Class::WrongPin));
    }
    let without = pay("4711").unwrap_err();
    assert_eq!(without.reason, Reason::Pins);
    assert!(without.text().contains("три раза"));
    assert!(run(loyalty.accrue(&told, &pays(Kopecks(37_000)), None)).unwrap().is_ok());
}

/// 237: again after a second, three times at most.
#[test]
fn a_purchase_that_is_busy_is_asked_again() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    let busy = || world.processing.befall(ProcessingMishap::Refused(Class::Conflict));
    let told = sale(1, &cheque(30_000));
    (0..3).for_each(|_| busy());
    let begun = world.clock.ticks();
    let granted = in_time(&world.clock, loyalty.calculate(&told, None, None)).unwrap();
    assert_eq!(world.clock.ticks() - begun, Duration::from_secs(3));
    (0..4).for_each(|_| busy());
    let told = sale(1, &granted.cheque);
    let paid = loyalty.pay(&told, Kopecks(1_000), None, None);
    assert_eq!(why(in_time(&world.clock, paid)), Reason::Refused(Class::Conflict));
    let paid = loyalty.pay(&told, Kopecks(1_000), None, None);
    assert!(in_time(&world.clock, paid).is_ok());
}

/// A processing that never answers holds nobody longer than was agreed.
#[test]
fn no_call_takes_longer_than_it_may() {
    let world = world();
    let loyalty = world.start(&Fuse::at(2));
    let begun = world.clock.ticks();
    let told = sale(1, &cheque(30_000));
    let without = in_time(&world.clock, loyalty.calculate(&told, None, None)).unwrap_err();
    assert!(matches!(without.reason, Reason::NoAnswer | Reason::Slow), "{without:?}");
    let max = LoyaltyConfig::new("till-1", BodyKeys::new(1, [0; 32])).call_max;
    assert!(world.clock.ticks() - begun <= max);
    // The queue waits for an answer that does not come: the sale does not wait with it.
    let offline = world.start(&Fuse::cutting(0, Cut::NoLink, 9));
    run(offline.accrue(&sale(2, &cheque(30_000)), &[], None)).unwrap().unwrap();
    run(offline.confirm(&id(2), None)).unwrap().unwrap();
    world.clock.advance(Duration::from_secs(6));
    let loyalty = world.start(&Fuse::at(0));
    let mut queue = Box::pin(loyalty.drain(100));
    assert!(run(queue.as_mut()).is_none());
    let mut balance = Box::pin(loyalty.balance(card(), None));
    assert!(run(balance.as_mut()).is_none());
    world.clock.advance(max);
    assert_eq!(why(run(balance.as_mut()).unwrap()), Reason::Slow);
}

#[test]
fn what_cannot_be_told_is_said() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    let mut told = sale(1, &cheque(30_000));
    told.cheque.lines.clear();
    assert_eq!(why(run(loyalty.calculate(&told, None, None)).unwrap()), Reason::Message);
    told = sale(1, &cheque(30_000));
    told.guest = Some(Identifier { kind: IdentifierKind::Phone, value: "7".into() });
    let without = run(loyalty.calculate(&told, None, None)).unwrap().unwrap_err();
    assert_eq!(without.text(), "Карта не найдена. Продажа без карты");
    told.guest = None;
    assert!(run(loyalty.calculate(&told, None, None)).unwrap().is_ok(), "without a card");
    assert_eq!(why(run(loyalty.confirm(&id(77), None)).unwrap()), Reason::State);
    assert!(run(loyalty.cancel(&id(77), None)).unwrap().is_ok(), "nobody ever heard of it");
    for till in ["", "a\n", &"t".repeat(49)] {
        let keys = BodyKeys::new(1, [0; 32]);
        let made = Loyalty::try_new(
            std::sync::Arc::new(world.processing.clone()),
            std::sync::Arc::new(world.store.clone()),
            std::sync::Arc::new(world.clock.clone()),
            std::sync::Arc::new(tillway_testkit::runtime::CountingIds::new()),
            LoyaltyConfig::new(till, keys),
        );
        assert!(made.is_err(), "{till:?}");
    }
}

/// The texts of every reason are for a cashier: Russian, one line, no code of a program.
#[test]
fn every_reason_has_a_text() {
    let classes = [
        Class::Settings,
        Class::UnknownGuest,
        Class::TooMuch,
        Class::CardBlocked,
        Class::AccrualOnly,
        Class::WrongPin,
        Class::OtherCheque,
        Class::AlreadyPaid,
        Class::NoPoints,
        Class::Coupon,
        Class::Round,
        Class::Rule,
        Class::WrongTill,
        Class::Confirmed,
        Class::Cancelled,
        Class::UnknownPurchase,
        Class::Other,
    ];
    let others = [
        Reason::Offline,
        Reason::NoAnswer,
        Reason::Slow,
        Reason::Journal,
        Reason::Message,
        Reason::State,
        Reason::Pins,
    ];
    let reasons = classes.map(Reason::Refused).into_iter().chain(others);
    for reason in reasons {
        let text = Without { reason, said: None }.text();
        assert!(text.chars().any(|c| ('а'..='я').contains(&c)), "{text}");
        assert!(!text.contains('\n') && !text.chars().any(|c| c.is_ascii_alphabetic()), "{text}");
        assert_ne!(Without { reason, said: None }.to_string(), "");
    }
    let said = Some(tillway_core::pan::Masked::new("Скидка только по будням"));
    let text = Without { reason: Reason::Refused(Class::Rule), said }.text();
    assert_eq!(text, "Отказ программы лояльности: Скидка только по будням");
}

/// A message keeps the moment it was begun, whenever it is sent.
#[test]
fn a_late_message_tells_when_it_was_begun() {
    let world = world();
    world.processing.link(false);
    let loyalty = world.start(&Fuse::never());
    let begun = world.clock.now();
    let told = sale(1, &cheque(30_000));
    run(loyalty.accrue(&told, &[], None)).unwrap().unwrap();
    run(loyalty.confirm(&id(1), None)).unwrap().unwrap();
    drain(&world, "late");
    let stream = tillway_core::flow::purchase::stream(&Uuid::from_u128(1).into());
    let records = run(tillway_core::port::Journal::load(
        &world.store,
        stream,
        tillway_core::book::Seq(0),
        100,
    ));
    let first: Timestamp = records.unwrap().unwrap()[0].at;
    assert_eq!(first, begun);
}
