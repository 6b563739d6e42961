//! Bugs of other people's ledgers and payment systems, as tests (quality note 4.3b).
//!
//! Each scenario runs over our stores and must hold; then over a naive book, which is right but for
//! the one thing that the peer did, and must not. What the same bugs would do at a table, over the
//! wire, with the till in the play, is told in `story_bugs.rs`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod book;
mod naive;
mod ours;

use std::thread;

use book::{Book, Said, Seen, same};
use naive::{Bug, Naive};
use ours::ours;

/// The scenario holds over ours and over a naive book without a bug, and breaks over one with it.
fn proves(scenario: fn(&dyn Book) -> Seen, bug: Bug) {
    for (name, book) in ours() {
        assert_eq!(scenario(book.as_ref()), Ok(()), "{name}");
    }
    assert_eq!(scenario(&Naive::honest()), Ok(()), "the naive book is right but for the bug");
    let broken = scenario(&Naive::with(bug));
    assert!(broken.is_err(), "{bug:?} goes unseen");
}

/// Holds and what is free after them: 1 000.00 are the guest's own, 500.00 are the overdraft.
fn left(book: &dyn Book, available: i64) -> Seen {
    let purse = book.purse();
    same("available", purse.available, available)?;
    same("the book sums to zero", purse.whole, true)
}

/// Credit limit of an account, and pending transfers: two holds that fit one by one, not together.
fn two_holds_do_not_fit_together(book: &dyn Book) -> Seen {
    same("the first", book.hold(1, 1, 80_000), Said::Done)?;
    same("the second", book.hold(2, 2, 80_000), Said::Refused)?;
    left(book, 70_000)?;
    same("what is left of the limit", book.hold(3, 2, 70_000), Said::Done)?;
    left(book, 0)
}

#[test]
fn bug_tigerbeetle_2955() {
    proves(two_holds_do_not_fit_together, Bug::CountsHoldsLate);
}

/// Six reservations of a sixth more than there is: the sixth is refused, not found out when all
/// are captured and the balance is below its limit.
fn the_sixth_hold_is_one_too_many(book: &dyn Book) -> Seen {
    for hold in 1..=5 {
        same("one of five", book.hold(hold, hold, 30_000), Said::Done)?;
    }
    same("the sixth", book.hold(6, 6, 30_000), Said::Refused)?;
    for hold in 1..=5 {
        same("its capture", book.capture(hold, hold, 30_000, Some(hold)), Said::Done)?;
    }
    same("the balance", book.purse().balance, -50_000)?;
    left(book, 0)
}

#[test]
fn bug_blnk_181() {
    proves(the_sixth_hold_is_one_too_many, Bug::CountsHoldsLate);
}

/// A reservation that was refused cannot be captured by its id.
fn a_refused_hold_is_not_captured(book: &dyn Book) -> Seen {
    same("more than there is", book.hold(1, 1, 150_001), Said::Refused)?;
    same("its capture", book.capture(1, 1, 150_001, Some(1)), Said::Refused)?;
    same("a part of it", book.capture(2, 1, 100, Some(1)), Said::Refused)?;
    left(book, 150_000)
}

#[test]
fn bug_blnk_182() {
    proves(a_refused_hold_is_not_captured, Bug::CapturesRefusedHolds);
}

/// A reservation that is given up twice is given up once.
fn a_second_void_changes_nothing(book: &dyn Book) -> Seen {
    same("a hold", book.hold(1, 1, 60_000), Said::Done)?;
    for _ in 0..3 {
        same("a void", book.void(1), Said::Done)?;
        left(book, 150_000)?;
    }
    Ok(())
}

#[test]
fn bug_blnk_41() {
    proves(a_second_void_changes_nothing, Bug::VoidsAgain);
}

/// A payment that comes after its reservation was given up is refused, and one that comes after
/// its own cancel too: the money may be somebody else's by then.
fn a_late_payment_meets_the_tombstone(book: &dyn Book) -> Seen {
    same("a hold", book.hold(1, 1, 120_000), Said::Done)?;
    same("its void", book.void(1), Said::Done)?;
    same("another order", book.capture(2, 2, 120_000, None), Said::Done)?;
    same("the late payment", book.capture(1, 1, 120_000, Some(1)), Said::Refused)?;
    left(book, 30_000)?;
    same("a cancel that overtakes", book.cancel(3, 3), Said::Done)?;
    same("its payment", book.capture(3, 3, 1_000, None), Said::Refused)?;
    left(book, 30_000)
}

#[test]
fn bug_blnk_42() {
    proves(a_late_payment_meets_the_tombstone, Bug::CapturesVoidedHolds);
}

/// A capture takes no more than its reservation, though the account has it.
fn a_capture_stays_within_its_hold(book: &dyn Book) -> Seen {
    same("a hold", book.hold(1, 1, 60_000), Said::Done)?;
    same("more than it", book.capture(1, 1, 60_001, Some(1)), Said::Refused)?;
    same("less than it", book.capture(2, 1, 50_000, Some(1)), Said::Done)?;
    left(book, 100_000)
}

#[test]
fn bug_blnk_62() {
    proves(a_capture_stays_within_its_hold, Bug::CapturesMore);
}

/// A reservation across the border of own money and overdraft, given up: both parts come back.
fn a_void_gives_the_overdraft_back(book: &dyn Book) -> Seen {
    let parts = || (book.purse().own, book.purse().in_use);
    same("across the border", book.hold(1, 1, 120_000), Said::Done)?;
    left(book, 30_000)?;
    same("own money and overdraft", parts(), (0, 20_000))?;
    same("its void", book.void(1), Said::Done)?;
    left(book, 150_000)?;
    same("own money and overdraft", parts(), (100_000, 0))?;
    same("all of it", book.hold(2, 2, 150_000), Said::Done)?;
    same("and no more", book.hold(3, 3, 1), Said::Refused)?;
    left(book, 0)
}

#[test]
fn bug_midaz_2317() {
    proves(a_void_gives_the_overdraft_back, Bug::ForgetsTheOverdraft);
}

/// Money comes in between the two phases: what the hold took stays taken once, and the refund
/// gives it all back.
fn money_between_the_phases(book: &dyn Book) -> Seen {
    same("across the border", book.hold(1, 1, 120_000), Said::Done)?;
    book.pay_in(1, 40_000);
    left(book, 70_000)?;
    same("its capture", book.capture(1, 1, 120_000, Some(1)), Said::Done)?;
    left(book, 70_000)?;
    same("a part back", book.refund(1, 1, 50_000), Said::Done)?;
    same("the rest back", book.refund(2, 1, 70_000), Said::Done)?;
    left(book, 190_000)
}

#[test]
fn bug_midaz_2437() {
    proves(money_between_the_phases, Bug::TakesAgainAtCapture);
}

/// Sixty-four refunds at once, each within the payment, give back no more than was taken.
fn refunds_at_once_stay_within_the_payment(book: &dyn Book) -> Seen {
    same("a payment", book.capture(1, 1, 100_000, None), Said::Done)?;
    let done = thread::scope(|scope| {
        let refund = |nth| scope.spawn(move || book.refund(nth, 1, 60_000));
        let raced: Vec<_> = (1..=64).map(refund).collect();
        let said = raced.into_iter().map(|one| one.join().unwrap());
        said.filter(|said| *said == Said::Done).count()
    });
    same("refunds that were made", done, 1)?;
    left(book, 110_000)
}

#[test]
fn bug_hyperswitch_13182() {
    proves(refunds_at_once_stay_within_the_payment, Bug::ReadsThenRefunds);
}

/// Two who complete one order: the page and the bank's message. Each takes the payment, and takes
/// it back when it could not be taken.
fn two_complete_one_order(book: &dyn Book) -> Seen {
    let complete = || {
        if book.capture(1, 1, 100_000, None) == Said::Refused {
            book.cancel(1, 1);
        }
    };
    complete();
    left(book, 50_000)?;
    complete();
    left(book, 50_000)?;
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(complete))));
    left(book, 50_000)
}

#[test]
fn bug_medusa_13301() {
    proves(two_complete_one_order, Bug::RefusesRepeats);
}

/// Pays, and does not hear the answer the first two times; `key` names the payment of an attempt.
fn pay_until_heard(book: &dyn Book, key: impl Fn(u64) -> u64) -> Seen {
    for attempt in 1..=3 {
        let said = book.capture(key(attempt), 1, 30_000, None);
        if attempt == 3 {
            same("in the end", said != Said::Refused, true)?;
        }
    }
    left(book, 120_000)
}

/// The naive part is the caller's: our store is asked by one who makes the key once, before the
/// first attempt, and by one who makes it anew in each.
#[test]
fn bug_medusa_16466() {
    for (name, book) in ours() {
        assert_eq!(pay_until_heard(book.as_ref(), |_| 1), Ok(()), "{name}");
    }
    for (name, book) in ours() {
        let broken = pay_until_heard(book.as_ref(), |attempt| attempt);
        assert!(broken.is_err(), "{name}: a new key for each attempt goes unseen");
    }
}
