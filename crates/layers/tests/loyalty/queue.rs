//! What waits is sent between sales, each purchase in its order; what is refused waits for a person.

use std::time::Duration;

use tillway_core::Kopecks;
use tillway_core::flow::purchase::{Stage, Trouble};
use tillway_core::port::Clock;
use tillway_core::port::processing::{Class, Kind};
use tillway_layers::Loyalty;
use tillway_layers::loyalty::{
    BodyKeys, Drained, LoyaltyConfig, Mode, Reason, ResendId, Resolution, Settled, Stop,
};
use tillway_memory::{Duplicates, ProcessingMishap};

use super::till::{cheque, drain, id, pays, sale};
use super::world::{CARD, Cut, Fuse, World, in_time, run};

fn world() -> World {
    World::new(Duplicates::Reject, ResendId::Same)
}

/// A sale that is told later.
fn sell_offline(world: &World, loyalty: &Loyalty, number: u128) {
    world.processing.link(false);
    run(loyalty.accrue(&sale(number, &cheque(30_000)), &pays(Kopecks(40_000)), None))
        .unwrap()
        .unwrap();
    run(loyalty.confirm(&id(number), None)).unwrap().unwrap();
}

fn wait(world: &World, seconds: u64) {
    world.clock.advance(Duration::from_secs(seconds));
}

#[test]
fn the_queue_is_sent_when_the_link_is_back() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    (1..=3).for_each(|number| sell_offline(&world, &loyalty, number));
    assert_eq!(run(loyalty.unfinished()).unwrap(), Ok(3));
    wait(&world, 10);
    let stopped = Drained { sent: 1, stopped: Some(Stop::Link), ..Drained::default() };
    assert_eq!(run(loyalty.drain(100)).unwrap(), stopped, "one try, and the link is known");
    assert_eq!(run(loyalty.drain(100)).unwrap().sent, 0);
    world.processing.link(true);
    wait(&world, 301);
    let drained = run(loyalty.drain(3)).unwrap();
    assert_eq!((drained.sent, drained.stopped), (4, Some(Stop::Limit)), "whole purchases");
    assert_eq!(loyalty.mode(), Mode::Online);
    let drained = run(loyalty.drain(100)).unwrap();
    assert_eq!((drained.sent, drained.settled, drained.stopped), (2, 1, None));
    let kinds: Vec<_> = world.processing.done().into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [Kind::Accrue, Kind::Confirm].repeat(3));
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(106_000)));
}

/// What nobody answered waits for its time, and longer each time.
#[test]
fn a_message_without_an_answer_waits() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    sell_offline(&world, &loyalty, 1);
    world.processing.link(true);
    wait(&world, 301);
    let loyalty = world.start(&Fuse::cutting(0, Cut::Request, 0));
    for seconds in [0, 4] {
        wait(&world, seconds);
        let sent = run(loyalty.drain(100)).unwrap().sent;
        assert_eq!(sent, u32::from(seconds == 0), "after {seconds} s");
    }
    wait(&world, 300);
    assert_eq!(run(loyalty.drain(100)).unwrap().settled, 1);
}

/// A sale comes first: the queue rests while the till is at one.
#[test]
fn the_queue_rests_during_a_sale() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    sell_offline(&world, &loyalty, 1);
    world.processing.link(true);
    wait(&world, 301);
    run(loyalty.calculate(&sale(2, &cheque(30_000)), None, None)).unwrap().unwrap();
    assert_eq!(run(loyalty.drain(100)).unwrap().stopped, Some(Stop::Sale));
    run(loyalty.cancel(&id(2), None)).unwrap().unwrap();
    assert_eq!(run(loyalty.drain(100)).unwrap().stopped, None);
    assert_eq!(run(loyalty.unfinished()).unwrap(), Ok(0));
    // A till that says nothing for a while has no sale.
    sell_offline(&world, &loyalty, 3);
    world.processing.link(true);
    wait(&world, 301);
    run(loyalty.calculate(&sale(4, &cheque(30_000)), None, None)).unwrap().unwrap();
    wait(&world, 16);
    assert_eq!(run(loyalty.drain(100)).unwrap().settled, 1);
}

/// A purchase that is refused, or never answered, keeps no other from being told.
#[test]
fn a_dead_letter_blocks_only_its_own_purchase() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    (1..=3).for_each(|number| sell_offline(&world, &loyalty, number));
    world.processing.link(true);
    wait(&world, 301);
    world.processing.befall(ProcessingMishap::Refused(Class::Settings));
    world.processing.befall(ProcessingMishap::LostAnswer);
    assert_eq!(run(loyalty.drain(100)).unwrap().stopped, None);
    wait(&world, 6);
    run(loyalty.drain(100)).unwrap();
    let letters = run(loyalty.listed()).unwrap().unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((&letter.purchase, letter.stage), (&id(1), Stage::Open));
    assert_eq!(letter.waiting, [Kind::Accrue, Kind::Confirm], "and the rest of it waits");
    assert!(matches!(letter.why, Trouble::Refused { kind: Kind::Accrue, .. }));
    assert!(letter.text().starts_with("Процессинг отклонил начисление"), "{}", letter.text());
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(104_000)));
    let done = world.processing.done().len();
    run(loyalty.drain(100)).unwrap();
    assert_eq!(world.processing.done().len(), done, "it waits for a person");
    // The settings are put right.
    run(loyalty.resolve(&id(1), Resolution::Retry, "Мария")).unwrap().unwrap();
    drain(&world, "retried");
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(106_000)));
    let again = run(loyalty.resolve(&id(1), Resolution::Retry, "Мария")).unwrap();
    assert_eq!(again.unwrap_err().reason, Reason::State);
}

#[test]
fn a_person_cancels_or_gives_up() {
    for (resolution, left) in [(Resolution::Cancel, 0), (Resolution::GiveUp, 1)] {
        let world = world();
        let loyalty = world.start(&Fuse::never());
        let told = sale(1, &cheque(30_000));
        run(loyalty.accrue(&told, &[], None)).unwrap().unwrap();
        world.processing.befall(ProcessingMishap::Refused(Class::Rule));
        let ended = run(loyalty.confirm(&id(1), None)).unwrap().unwrap();
        assert!(matches!(ended, Settled::Listed(_)), "the cashier hears of it: {ended:?}");
        run(loyalty.resolve(&id(1), resolution, "Мария")).unwrap().unwrap();
        drain(&world, "resolved");
        assert_eq!(world.processing.unfinished().len(), left, "{resolution:?}");
        assert_eq!(world.processing.balance(CARD), Some(Kopecks(100_000)));
    }
}

/// 216 to *confirm*: it is told anew.
#[test]
fn a_purchase_that_the_processing_lost_is_told_anew() {
    for world in World::all() {
        let loyalty = world.start(&Fuse::never());
        let told = sale(1, &cheque(30_000));
        run(loyalty.accrue(&told, &[], None)).unwrap().unwrap();
        world.processing.befall(ProcessingMishap::Forgotten(id(1)));
        let ended = run(loyalty.confirm(&id(1), None)).unwrap().unwrap();
        assert!(matches!(ended, Settled::Done(_)), "{ended:?}");
        assert_eq!(world.processing.balance(CARD), Some(Kopecks(102_000)));
        let kinds: Vec<_> = world.processing.done().into_iter().map(|(_, kind)| kind).collect();
        assert_eq!(kinds, [Kind::Accrue, Kind::Accrue, Kind::Confirm]);
    }
}

/// Nobody said how the sale ended: what is at stake is put before a person.
#[test]
fn a_sale_that_nobody_ended() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    let mut told = sale(1, &cheque(30_000));
    told.cheque = run(loyalty.calculate(&told, None, None)).unwrap().unwrap().cheque;
    run(loyalty.pay(&told, Kopecks(5_000), None, None)).unwrap().unwrap();
    run(loyalty.calculate(&sale(2, &cheque(30_000)), None, None)).unwrap().unwrap();
    let loyalty = world.start(&Fuse::never());
    let undecided = run(loyalty.recover()).unwrap().unwrap();
    let stages: Vec<_> = undecided.iter().map(|one| (one.sale.clone(), one.stage)).collect();
    assert_eq!(stages, [(id(1), Stage::Paid), (id(2), Stage::Calculated)]);
    wait(&world, 1_801);
    run(loyalty.drain(100)).unwrap();
    wait(&world, 6);
    run(loyalty.drain(100)).unwrap();
    assert_eq!(world.processing.unfinished(), [id(1)], "discounts alone are cancelled");
    let letters = run(loyalty.listed()).unwrap().unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(
        (letter.why.clone(), letter.paid.unwrap().amount),
        (Trouble::Undecided, Kopecks(5_000))
    );
    run(loyalty.resolve(&id(1), Resolution::Cancel, "Мария")).unwrap().unwrap();
    drain(&world, "cancelled by a person");
    assert_eq!(world.processing.reserved(CARD), Some(Kopecks::ZERO));
}

/// A key that was dropped forgets what it covered; nothing is lost unseen.
#[test]
fn a_message_whose_key_is_gone_is_listed() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    sell_offline(&world, &loyalty, 1);
    world.processing.link(true);
    wait(&world, 301);
    let with = |keys| world.start_with(&Fuse::never(), LoyaltyConfig::new("till-1", keys));
    let loyalty = with(BodyKeys::new(2, [8; 32]));
    run(loyalty.drain(100)).unwrap();
    assert_eq!(run(loyalty.listed()).unwrap().unwrap().len(), 1);
    run(loyalty.resolve(&id(1), Resolution::Retry, "Мария")).unwrap().unwrap();
    let loyalty = with(BodyKeys::new(2, [8; 32]).and_older(1, [7; 32]));
    run(loyalty.drain(100)).unwrap();
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(102_000)));
}

/// Another till of the venue has its own queue in the same store.
#[test]
fn a_till_sends_its_own() {
    let world = world();
    let loyalty = world.start(&Fuse::never());
    sell_offline(&world, &loyalty, 1);
    world.processing.link(true);
    wait(&world, 301);
    let other =
        world.start_with(&Fuse::never(), LoyaltyConfig::new("till-2", BodyKeys::new(1, [7; 32])));
    assert_eq!(run(other.drain(100)).unwrap(), Drained::default());
    assert_eq!(run(loyalty.drain(100)).unwrap().settled, 1);
}

/// The same bytes under the same id, or a fresh id each time: as the venue says.
#[test]
fn a_repeat_has_the_bytes_it_had() {
    for (resend, same) in [(ResendId::Same, true), (ResendId::Fresh, false)] {
        let world = World::new(Duplicates::Replay, resend);
        let loyalty = world.start(&Fuse::cutting(0, Cut::Answer, 0));
        run(loyalty.accrue(&sale(1, &cheque(30_000)), &[], None)).unwrap().unwrap();
        wait(&world, 6);
        run(loyalty.confirm(&id(1), None)).unwrap().unwrap();
        let arrived = world.processing.arrived();
        assert_eq!(arrived[0].0 == arrived[1].0, same);
        assert_eq!(arrived[0].1, arrived[1].1, "what it says is the same");
        assert_eq!(world.processing.balance(CARD), Some(Kopecks(102_000)));
        assert!(world.clock.ticks() > Duration::ZERO);
    }
}

/// A store that says nothing any more holds nobody up for ever.
#[test]
fn a_store_that_is_stuck_is_given_up() {
    let world = world();
    let (fuse, other) = (Fuse::never(), Fuse::never());
    let loyalty = world.start(&fuse);
    sell_offline(&world, &loyalty, 1);
    world.processing.link(true);
    wait(&world, 301);
    let stuck = world.start(&other);
    other.stuck.store(true, std::sync::atomic::Ordering::Relaxed);
    let clock = &world.clock;
    let journal = |why: Result<(), tillway_layers::loyalty::Without>| {
        assert_eq!(why.unwrap_err().reason, Reason::Journal);
    };
    journal(in_time(clock, stuck.recover()).map(drop));
    assert_eq!(in_time(clock, stuck.drain(10)).stopped, Some(Stop::Journal));
    journal(in_time(clock, stuck.listed()).map(drop));
    journal(in_time(clock, stuck.unfinished()).map(drop));
    journal(in_time(clock, stuck.resolve(&id(1), Resolution::Retry, "Анна")));
    other.stuck.store(false, std::sync::atomic::Ordering::Relaxed);
    drain(&world, "a store that was stuck");
    assert_eq!(world.processing.balance(CARD), Some(Kopecks(102_000)));
}
