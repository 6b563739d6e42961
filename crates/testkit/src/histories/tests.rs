//! Histories made by hand: what has an order, and what has none.

use tillway_core::AccountKind::Deposit;
use tillway_core::book::{Commit, Expiry, Op};
use tillway_core::id::{AccountId, HoldId, OrderId};
use tillway_core::port::CommitError;

use super::book::Book;
use super::call::{Answer, Call, Came};
use super::history::{Entry, Event, History};
use super::plan::{Plan, Size};
use super::search::{Found, search};
use crate::builders::{Pay, Persona, Reserve, at, id};

const SIZE: Size = Size { callers: 2, calls: 1 };

/// The first guest of every plan: 600.00 on deposit, 400.00 overdraft; the first order is bound.
fn ground() -> (Plan, Book, AccountId, OrderId) {
    let plan = Plan::new(7, SIZE);
    let book = plan.groups[0].book();
    let guest = Persona::new("40000", Default::default());
    let account = AccountId::derived(
        crate::builders::INSTALLATION,
        &format!("account:{}:{}", guest.guest.client_id, Deposit.word()),
    );
    (plan, book, account, OrderId(id(1 << 8)))
}

fn pay(number: u64, amount: i64) -> Call {
    let (_, _, account, order) = ground();
    Call::Commit(Box::new(Pay::new(number, order, account, amount).commit(at(1))))
}

/// What an honest store says when these are called one after another.
fn told(calls: &[Call]) -> Vec<Answer> {
    let (_, mut book, ..) = ground();
    let mut answers = Vec::new();
    for call in calls {
        let step = book.ask(call);
        answers.push(step.answer.clone());
        drop(book.take(step));
    }
    answers
}

fn entry(call: &Call, (invoked, ended): (u64, u64), answer: Option<&Answer>) -> Entry {
    let (call, answer) = (call.clone(), answer.cloned());
    Entry { caller: 0, group: 0, call, invoked, ended, answer }
}

fn history(entries: Vec<Entry>) -> History {
    History::by_hand(&ground().0, entries)
}

#[test]
fn calls_one_after_another_have_their_order() {
    let calls = [pay(1, 60_000), pay(2, 50_000), Call::Account(ground().2)];
    let told = told(&calls);
    let in_turn = |n: usize| (10 * n as u64, 10 * n as u64 + 5);
    let entries = (0..3).map(|n| entry(&calls[n], in_turn(n), Some(&told[n]))).collect();
    let explained = history(entries).check().unwrap();
    assert_eq!((explained.calls, explained.overlapping), (3, 0));
    // The same answers the other way round: the second payment was refused for the first.
    let entries = (0..3).map(|n| entry(&calls[n], in_turn(2 - n), Some(&told[n]))).collect();
    assert!(history(entries).check().is_err());
}

#[test]
fn calls_at_once_may_have_happened_either_way() {
    let calls = [pay(1, 60_000), pay(2, 50_000)];
    let told = told(&calls);
    for times in [[(0, 10), (1, 11)], [(1, 11), (0, 10)]] {
        let entries = (0..2).map(|n| entry(&calls[n], times[n], Some(&told[n]))).collect();
        assert_eq!(history(entries).check().unwrap().overlapping, 2);
    }
}

#[test]
fn two_who_checked_before_either_acted_have_no_order() {
    let calls = [pay(1, 60_000), pay(2, 50_000)];
    // Each was told what it would have been told alone.
    let alone: Vec<_> =
        calls.iter().map(|call| told(std::slice::from_ref(call)).remove(0)).collect();
    let entries = (0..2).map(|n| entry(&calls[n], (n as u64, 10 + n as u64), Some(&alone[n])));
    let noise = entry(&Call::Hold(HoldId(id(9))), (20, 21), Some(&Answer::of(&None::<()>)));
    let found = history(entries.chain([noise]).collect()).check().unwrap_err().to_string();
    assert!(found.starts_with("seed 7: no order of these 2 calls"), "{found}");
    assert!(found.contains("capture 000001: 60000") && found.contains("capture 000002"), "{found}");
    assert!(!found.contains("read hold"), "what came later is not shown: {found}");
    assert!(found.contains("InsufficientFunds"), "what the book would say is shown: {found}");
}

#[test]
fn a_read_sees_what_returned_before_it_began() {
    let (_, _, account, _) = ground();
    let calls = [pay(1, 100), Call::Account(account)];
    let (now, before) = (told(&calls).remove(1), told(&calls[1..]).remove(0));
    let paid = told(&calls).remove(0);
    let read_at = |times, answer: &Answer| {
        history(vec![entry(&calls[0], (0, 5), Some(&paid)), entry(&calls[1], times, Some(answer))])
    };
    read_at((6, 7), &now).check().unwrap();
    assert!(read_at((6, 7), &before).check().is_err(), "a stale read");
    // While the payment is on its way, both are right.
    read_at((4, 7), &now).check().unwrap();
    read_at((4, 7), &before).check().unwrap();
}

/// An expiry says the same whether it ended a hold or found none: the search must not take the
/// first place where it fits.
#[test]
fn a_call_that_fits_early_may_have_happened_late() {
    let (_, _, account, order) = ground();
    let short = Expiry::At(at(1));
    let held = Reserve { expiry: short, ..Reserve::new(1, order, account, 100) }.commit(at(0));
    let expire = Commit::of(at(60), vec![Op::Expire { hold: HoldId(id(1)) }]);
    let calls = [held, expire].map(|commit| Call::Commit(Box::new(commit)));
    let calls = [calls[0].clone(), calls[1].clone(), Call::Account(account)];
    let told = told(&calls);
    let times = [(1, 11), (0, 10), (12, 13)];
    let entries = (0..3).map(|n| entry(&calls[n], times[n], Some(&told[n]))).collect();
    history(entries).check().unwrap();
}

#[test]
fn a_call_in_doubt_happened_or_never_did_but_not_both() {
    let (_, _, account, _) = ground();
    let calls = [pay(1, 100), Call::Account(account)];
    let (now, before) = (told(&calls).remove(1), told(&calls[1..]).remove(0));
    let doubtful = || entry(&calls[0], (0, u64::MAX), None);
    let read = |times, answer| entry(&calls[1], times, Some(answer));
    history(vec![doubtful(), read((1, 2), &before), read((3, 4), &before)]).check().unwrap();
    history(vec![doubtful(), read((1, 2), &before), read((3, 4), &now)]).check().unwrap();
    let undone = vec![doubtful(), read((1, 2), &now), read((3, 4), &before)];
    assert!(history(undone).check().is_err(), "what was seen does not go away");
}

#[test]
fn what_was_in_doubt_when_its_process_died_does_not_happen_later() {
    let (_, _, account, _) = ground();
    let calls = [pay(1, 100), Call::Account(account)];
    let (now, before) = (told(&calls).remove(1), told(&calls[1..]).remove(0));
    let died = || history(vec![entry(&calls[0], (0, u64::MAX), None)]);
    let reads = |answers: [&Answer; 2]| {
        let times = [(0, 1), (2, 3)];
        let read = |n: usize| entry(&calls[1], times[n], Some(answers[n]));
        history(vec![read(0), read(1)])
    };
    died().then(reads([&now, &now])).check().unwrap();
    died().then(reads([&before, &before])).check().unwrap();
    assert!(died().then(reads([&before, &now])).check().is_err());
}

#[test]
fn a_search_is_bounded() {
    let calls = [pay(1, 60_000), pay(2, 50_000)];
    let told = told(&calls);
    let entries: Vec<_> =
        (0..2).map(|n| entry(&calls[n], (n as u64, 10 + n as u64), Some(&told[n]))).collect();
    let entries: Vec<_> = entries.iter().collect();
    let settled = |steps| search(&mut ground().1, &entries, steps);
    assert!(matches!(settled(0), Found::Unsettled));
    assert!(matches!(settled(100), Found::Order(2)));
}

#[test]
fn a_book_taken_back_is_the_book_it_was() {
    let (plan, mut book, account, order) = ground();
    let before = (book.digest(), book.ask(&Call::Account(account)).answer);
    let held = Reserve::new(1, order, account, 100).commit(at(1));
    let calls = [Call::Commit(Box::new(held)), pay(1, 60_000), pay(2, 90_000), pay(1, 60_000)];
    let digests: Vec<u128> = (0..3)
        .map(|_| {
            let steps = calls.iter().map(|call| {
                let step = book.ask(call);
                book.take(step)
            });
            let undone: Vec<_> = steps.collect();
            let digest = book.digest();
            undone.into_iter().rev().for_each(|undo| book.back(undo));
            digest
        })
        .collect();
    assert_eq!((book.digest(), book.ask(&Call::Account(account)).answer), before);
    assert!(digests.iter().all(|digest| *digest == digests[0] && *digest != before.0));
    assert_eq!(plan.groups[0].book().digest(), before.0);
}

#[test]
fn a_seed_decides_what_is_asked() {
    let size = Size { callers: 4, calls: 30 };
    let asked = |seed, life| format!("{:?}", Plan::later(seed, size, life).callers);
    assert_eq!(asked(1, 0), asked(1, 0));
    assert_ne!(asked(1, 0), asked(2, 0));
    assert_ne!(asked(1, 0), asked(1, 1));
}

#[test]
fn events_survive_a_line_of_text() {
    let told = Answer::committed(&Err(CommitError::KeyConflict));
    let cames = [None, Some(Came::Told(told)), Some(Came::InDoubt), Some(Came::Nothing)];
    for came in cames {
        let event = Event { caller: 3, nth: 14, tick: 15, came };
        assert_eq!(Event::from_line(&event.to_string()), Some(event));
    }
    for cut in ["", "call 1", "told 1 2 3", "call 1 2 x", "open", "call 1 2 3 4"] {
        assert_eq!(Event::from_line(cut), None, "{cut}");
    }
}

#[test]
fn what_did_nothing_is_left_out() {
    let plan = Plan::new(7, SIZE);
    let begin = |caller, tick| Event { caller, nth: 0, tick, came: None };
    let end = |caller, tick, came| Event { caller, nth: 0, tick, came: Some(came) };
    let events = vec![
        begin(0, 0),
        begin(1, 1),
        end(0, 2, Came::Nothing),
        end(1, 3, Came::Told(Answer::of(&"nonsense"))),
    ];
    let found = plan.history(events).check().unwrap_err().to_string();
    assert!(found.contains("these 1 calls") && found.contains("nonsense"), "{found}");
}

#[test]
fn a_call_is_told_in_few_words() {
    let expire = Commit::of(at(60), vec![Op::Expire { hold: HoldId(id(0xabc)) }]);
    assert_eq!(Call::Commit(Box::new(expire)).to_string(), "at 60 s, expire 000abc");
}
