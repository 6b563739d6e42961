//! What the store keeps of its reads, under a model checker: thousands of schedules of readers
//! and the writer.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../src/kept.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod kept;
#[path = "../../device/tests/model/sync.rs"]
mod sync;

use kept::{Bill, Changed, Found, Kept, Person};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;
use sync::check;
use tillway_core::Timestamp;
use tillway_core::book::{Change, Delta, Order};
use tillway_core::guest::Carrier;
use tillway_core::id::{GuestId, OrderId, Uuid};
use tillway_testkit::builders::anna;

const ORDER: OrderId = OrderId(Uuid::from_u128(82));
const CARD: &str = "149725735";
const AT: Timestamp = Timestamp::utc(5);

fn guest() -> GuestId {
    anna().guest.id
}

/// Stands for the file: a number, which an order has as its epoch; when it is odd, the guest has a
/// photo, and the card is blocked.
struct Book {
    committed: Mutex<u32>,
    kept: Kept,
}

impl Book {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { committed: Mutex::new(0), kept: Kept::new(most) })
    }

    fn number(&self) -> u32 {
        *self.committed.lock().unwrap()
    }

    /// As the writer does.
    fn commit(&self) {
        let row = |order| Some(Order::new(order, AT));
        let mut changed = Changed::default();
        changed.add(&Delta {
            orders: vec![Change { key: ORDER, row: row(ORDER), existed: true }],
            photos: vec![(guest(), None)],
            carriers: vec![Change { key: CARD.into(), row: None, existed: true }],
            ..Delta::default()
        });
        let _bar = self.kept.bar(changed);
        *self.committed.lock().unwrap() += 1;
    }

    fn bill(&self) -> u32 {
        match self.kept.bill(ORDER) {
            Found::Known(bill) => bill.order.epoch,
            Found::Read(reader) => {
                let epoch = self.number();
                thread::yield_now();
                let order = Order { epoch, ..Order::new(ORDER, AT) };
                let bill = Bill { order, holds: Vec::new(), payments: Vec::new() };
                self.kept.keep(ORDER, reader, Some(&Arc::new(bill)));
                epoch
            }
        }
    }

    fn has_photo(&self) -> bool {
        match self.kept.person(guest()) {
            Found::Known(person) => person.has_photo,
            Found::Read(reader) => {
                let has_photo = self.number() % 2 == 1;
                thread::yield_now();
                let person = Person { guest: anna().guest, accounts: Vec::new(), has_photo };
                self.kept.keep(guest(), reader, Some(&Arc::new(person)));
                has_photo
            }
        }
    }
}

impl Book {
    fn is_blocked(&self) -> bool {
        match self.kept.carrier(CARD) {
            Found::Known(carrier) => carrier.blocked,
            Found::Read(reader) => {
                let blocked = self.number() % 2 == 1;
                thread::yield_now();
                let (alias, guest) = (CARD.into(), guest());
                let carrier =
                    Carrier { alias, guest, blocked, valid_from: None, valid_until: None };
                self.kept.keep(Box::from(CARD), reader, Some(&Arc::new(carrier)));
                blocked
            }
        }
    }
}

/// A card that was blocked before somebody asks is blocked, whatever was read when.
#[test]
fn a_card_that_is_blocked_stays_so() {
    check(|| {
        let book = Book::new(8);
        let reader = {
            let book = Arc::clone(&book);
            thread::spawn(move || {
                book.is_blocked();
                let before = book.number();
                if book.is_blocked() {
                    assert_eq!(book.number(), 1);
                } else {
                    assert_eq!(before, 0);
                }
            })
        };
        book.commit();
        reader.join().unwrap();
        assert!(book.is_blocked());
        assert!(matches!(book.kept.carrier(CARD), Found::Known(card) if card.blocked));
    });
}

/// Nobody finds what was true before a commit that is known to have ended, or what is not true
/// yet; and in the end what is kept is what is.
#[test]
fn what_is_found_is_what_a_statement_would_read() {
    check(|| {
        let book = Book::new(8);
        let readers = [(); 2].map(|()| {
            let book = Arc::clone(&book);
            thread::spawn(move || {
                for _ in 0..2 {
                    let before = book.number();
                    let found = book.bill();
                    assert!((before..=book.number()).contains(&found), "{before}: {found}");
                }
            })
        });
        book.commit();
        book.commit();
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(book.bill(), 2);
        assert!(matches!(book.kept.bill(ORDER), Found::Known(bill) if bill.order.epoch == 2));
    });
}

/// A bill and its person are of one moment, whatever was read when.
#[test]
fn a_sheet_is_of_one_moment() {
    check(|| {
        let book = Book::new(8);
        let reader = {
            let book = Arc::clone(&book);
            thread::spawn(move || {
                for _ in 0..2 {
                    book.bill();
                    book.has_photo();
                    let Some((bill, Some(person))) = book.kept.sheet(ORDER, |_| Some(guest()))
                    else {
                        continue;
                    };
                    assert_eq!(bill.order.epoch % 2 == 1, person.has_photo);
                }
            })
        };
        book.commit();
        book.commit();
        reader.join().unwrap();
    });
}

#[test]
fn so_many_are_kept_and_no_more() {
    shuttle::check_random(
        || {
            let kept = Kept::new(2);
            let order = |n| OrderId(Uuid::from_u128(n));
            let ask = |n| match kept.bill(order(n)) {
                Found::Known(_) => true,
                Found::Read(reader) => {
                    let order = Order::new(order(n), AT);
                    let bill = Bill { order, holds: Vec::new(), payments: Vec::new() };
                    kept.keep(bill.order.id, reader, Some(&Arc::new(bill.clone())));
                    false
                }
            };
            let found: Vec<bool> = [1, 2, 1, 2, 3, 3, 1].map(ask).to_vec();
            assert_eq!(found, [false, false, true, true, false, true, false]);
            let none = Kept::new(0);
            assert!(matches!(none.bill(order(1)), Found::Read(_)));
        },
        1,
    );
}
