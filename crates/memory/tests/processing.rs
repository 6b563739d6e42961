//! The states of a purchase, row by row, and what moves when.
#![allow(clippy::unwrap_used, reason = "tests")]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use tillway_core::fiscal::Quantity;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{
    Answer, Cheque, Goods, Identifier, IdentifierKind, Line, Pin, PurchaseId, Sale,
};
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{Class, Command, Operation, Outcome};
use tillway_core::{Kopecks, Timestamp};
use tillway_memory::{Duplicates, Member, MemoryProcessing, ProcessingMishap, Programme};

const CARD: &str = "2990000000019";
const PHONE: &str = "79990000001";

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn purchase(number: u128) -> PurchaseId {
    Uuid::from_u128(number).into()
}

fn card() -> Identifier {
    Identifier { kind: IdentifierKind::CardBarcode, value: CARD.into() }
}

fn line(position: u32, micro: i64, amount: i64) -> Line {
    Line {
        position,
        goods: Goods::Code(format!("SKU-{position}").into()),
        name: None,
        price: None,
        quantity: Quantity::from_micro(micro).unwrap(),
        amount: Kopecks(amount),
        discount: None,
        cashback: None,
        correction: None,
        promo: position == 2,
        price_min: (position == 2).then_some(Kopecks(7_000)),
        params: Vec::new(),
    }
}

/// Tea and cheese of loymax.md 7, before the discount on tea or after.
fn sale(number: u128, tea: i64) -> Sale {
    let lines = vec![line(1, 2_000_000, tea), line(2, 1_250_000, 10_000)];
    let cheque = Cheque { number: None, at: Timestamp::default(), lines };
    let (purchase, guest) = (purchase(number), Some(card()));
    Sale { purchase, guest, cheque, coupons: Vec::new(), params: Vec::new() }
}

struct Till {
    processing: MemoryProcessing,
    ids: u128,
}

impl Till {
    fn new(duplicates: Duplicates) -> Self {
        let processing = MemoryProcessing::new(Programme { duplicates, ..Programme::default() });
        let shows = vec![CARD.into(), PHONE.into()];
        processing.join(Member { shows, points: Kopecks(25_000), ..Member::default() });
        Self { processing, ids: 0 }
    }

    fn ask(&mut self, command: Command) -> Result<Answer, Class> {
        self.ids += 1;
        let (id, at) = (Uuid::from_u128(self.ids), Timestamp::default());
        let operation = Operation { id, at, cashier: None, command };
        let sealed = self.processing.seal(&operation).unwrap();
        match now(self.processing.send(&sealed)) {
            Outcome::Done(answer) => Ok(*answer),
            Outcome::Refused(refusal) => Err(refusal.class),
            other => panic!("{other:?}"),
        }
    }

    fn points(&self) -> (i64, i64) {
        let of = |points: Option<Kopecks>| points.unwrap().0;
        (of(self.processing.balance(CARD)), of(self.processing.reserved(PHONE)))
    }

    fn step(&mut self, step: char) -> Result<Answer, Class> {
        let (sale, reduced) = (sale(1, 30_000), sale(1, 27_000));
        let amount = Kopecks(10_000);
        self.ask(match step {
            'c' => Command::Calculate { sale, wish: None },
            'v' => Command::Available { sale: reduced },
            'p' => Command::Pay { sale: reduced, amount, pin: None },
            'd' => Command::Accrue { sale: reduced, pays: Vec::new() },
            'o' => Command::Confirm { purchase: purchase(1) },
            'x' => Command::Cancel { purchase: purchase(1) },
            _ => Command::Refund { sale: reduced, of: Some(purchase(9)), transaction: None },
        })
    }
}

/// The example of loymax.md 7, to the kopeck.
#[test]
fn a_sale_as_in_the_note() {
    let mut till = Till::new(Duplicates::Replay);
    let calculated = till.step('c').unwrap();
    assert_eq!(calculated.points, Some(Kopecks(11_100)));
    assert_eq!(calculated.lines[0].discount, Some(Kopecks(3_000)));
    let reduced = sale(1, 30_000).cheque.discounted(&calculated).unwrap();
    assert_eq!(reduced, sale(1, 27_000).cheque);
    let paid = till.step('p').unwrap();
    assert_eq!(
        paid.lines.iter().map(|line| line.paid.unwrap().0).collect::<Vec<_>>(),
        [8_750, 1_250]
    );
    assert_eq!(till.points(), (25_000, 10_000));
    assert_eq!(till.step('d').unwrap().points, Some(Kopecks(1_351)));
    assert_eq!(till.step('o').unwrap().balance, Some(Kopecks(16_351)));
    assert_eq!((till.points(), till.processing.unfinished()), ((16_351, 0), vec![]));
    // Half of the tea goes back: 43.75 as points, and 4.57 of those earned.
    let mut back = sale(2, 13_500);
    back.cheque.lines.truncate(1);
    back.cheque.lines[0].quantity = Quantity::ONE;
    let refund = |of, sale| Command::Refund { sale, of: Some(of), transaction: None };
    assert_eq!(till.ask(refund(purchase(1), back.clone())).unwrap().points, Some(Kopecks(4_375)));
    till.ask(Command::Confirm { purchase: purchase(2) }).unwrap();
    assert_eq!(till.points().0, 16_351 + 4_375 - 457);
    // The other half takes what is left, and there is no third one.
    let mut rest = Sale { purchase: purchase(3), ..back };
    assert_eq!(till.ask(refund(purchase(1), rest.clone())).unwrap().points, Some(Kopecks(4_375)));
    till.ask(Command::Confirm { purchase: purchase(3) }).unwrap();
    assert_eq!(till.points().0, 16_351 + 8_750 - 913);
    rest.purchase = purchase(4);
    assert_eq!(till.ask(refund(purchase(1), rest)), Err(Class::OtherCheque));
}

/// The table of loymax.md 9: what each command meets in each state, and where it leads.
#[test]
fn every_command_in_every_state() {
    use Class::{AlreadyPaid, Cancelled, Confirmed, PurchaseTaken, UnknownPurchase, WrongOrder};
    let (ok, order) = (None, Some(WrongOrder));
    // A refund needs a number that nobody had.
    let ended = |class| {
        let same = Some(class);
        [same, same, same, same, same, same, Some(PurchaseTaken)]
    };
    let rows: [(&str, [Option<Class>; 7]); 6] = [
        (
            "",
            [
                ok,
                ok,
                order,
                ok,
                Some(UnknownPurchase),
                Some(UnknownPurchase),
                Some(UnknownPurchase),
            ],
        ),
        ("c", [ok, ok, ok, ok, order, ok, Some(PurchaseTaken)]),
        ("cp", [order, ok, Some(AlreadyPaid), ok, order, ok, Some(PurchaseTaken)]),
        ("cpd", [order, order, order, ok, ok, ok, Some(PurchaseTaken)]),
        ("cpdo", ended(Confirmed)),
        ("cx", ended(Cancelled)),
    ];
    for (before, expected) in rows {
        for (step, expected) in "cvpdoxr".chars().zip(expected) {
            let mut till = Till::new(Duplicates::Reject);
            before.chars().for_each(|step| drop(till.step(step).unwrap()));
            let refused = till.step(step).err();
            assert_eq!(refused, expected, "{step} after {before:?}");
        }
    }
}

#[test]
fn an_operation_is_done_once() {
    for duplicates in [Duplicates::Replay, Duplicates::Reject] {
        let mut till = Till::new(duplicates);
        till.step('d').unwrap();
        till.processing.befall(ProcessingMishap::LostAnswer);
        let command = Command::Confirm { purchase: purchase(1) };
        let operation =
            Operation { id: Uuid::from_u128(77), at: Timestamp::default(), cashier: None, command };
        let sealed = till.processing.seal(&operation).unwrap();
        assert!(matches!(now(till.processing.send(&sealed)), Outcome::InDoubt(_)));
        let balance = till.points().0;
        match (duplicates, now(till.processing.send(&sealed))) {
            (Duplicates::Replay, Outcome::Done(_)) => {}
            (Duplicates::Reject, Outcome::Refused(why)) => assert!(why.is_done(sealed.kind)),
            other => panic!("{other:?}"),
        }
        assert_eq!((till.points().0, till.processing.done().len()), (balance, 2));
        assert_eq!(till.processing.arrived().len(), 3);
        // Other bytes under the id are not done, whatever the policy.
        let other = Operation { command: Command::Cancel { purchase: purchase(1) }, ..operation };
        let sealed = till.processing.seal(&other).unwrap();
        let outcome = now(till.processing.send(&sealed));
        assert!(matches!(outcome, Outcome::Refused(why) if why.class == Class::Repeated));
    }
}

#[test]
fn what_befalls_a_message() {
    let mut till = Till::new(Duplicates::Replay);
    for (mishap, done) in [
        (ProcessingMishap::NoLink, 0),
        (ProcessingMishap::LostRequest, 0),
        (ProcessingMishap::LostAnswer, 1),
    ] {
        till.processing.befall(mishap.clone());
        let command = Command::Balance { guest: card() };
        till.ids += 1;
        let (id, at) = (Uuid::from_u128(till.ids), Timestamp::default());
        let operation = Operation { id, at, cashier: None, command };
        let sealed = till.processing.seal(&operation).unwrap();
        let outcome = now(till.processing.send(&sealed));
        match mishap {
            ProcessingMishap::NoLink => assert!(matches!(outcome, Outcome::Unreached(_))),
            _ => assert!(matches!(outcome, Outcome::InDoubt(_))),
        }
        assert_eq!(till.processing.done().len(), done);
    }
    till.processing.befall(ProcessingMishap::Refused(Class::Settings));
    assert_eq!(till.step('c'), Err(Class::Settings));
    till.step('c').unwrap();
    till.processing.befall(ProcessingMishap::Forgotten(purchase(1)));
    assert_eq!(till.step('x'), Err(Class::UnknownPurchase));
}

#[test]
fn who_pays_and_how_much() {
    let mut till = Till::new(Duplicates::Replay);
    till.processing.join(Member {
        shows: vec![CARD.into(), PHONE.into()],
        points: Kopecks(5_000),
        pin: Some("4711".into()),
        blocked: false,
    });
    till.step('c').unwrap();
    let pay = |amount, entered: Option<&str>| Command::Pay {
        sale: sale(1, 27_000),
        amount: Kopecks(amount),
        pin: entered.map(Pin::new),
    };
    assert_eq!(till.ask(pay(5_000, None)), Err(Class::WrongPin));
    assert_eq!(till.ask(pay(5_001, Some("4711"))), Err(Class::TooMuch));
    let other = Command::Pay { sale: sale(1, 26_999), amount: Kopecks(1), pin: None };
    assert_eq!(till.ask(other), Err(Class::OtherCheque));
    till.ask(pay(5_000, Some("4711"))).unwrap();
    let stranger = Identifier { kind: IdentifierKind::Phone, value: "70000000000".into() };
    assert_eq!(till.ask(Command::Balance { guest: stranger.clone() }), Err(Class::UnknownGuest));
    let new = stranger.clone();
    till.ask(Command::Card { guest: Some(card()), old: None, new: new.clone() }).unwrap();
    assert_eq!(till.ask(Command::Card { guest: None, old: None, new }), Err(Class::Rule));
    let balance = till.ask(Command::Balance { guest: stranger }).unwrap().balance;
    assert_eq!(balance, Some(Kopecks::ZERO), "all of it is reserved");
    till.processing.join(Member { shows: vec![CARD.into()], blocked: true, ..Member::default() });
    assert_eq!(till.ask(Command::Balance { guest: card() }), Err(Class::CardBlocked));
}

/// A thousand refunds in any parts give back what was sold, to the kopeck (seeded).
#[test]
fn refunds_in_any_parts_never_drift() {
    let mut state = 1_u64;
    let mut below = |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    for _ in 0..100 {
        let mut till = Till::new(Duplicates::Replay);
        let before = till.points().0;
        "cpdo".chars().for_each(|step| drop(till.step(step).unwrap()));
        let mut number = 10;
        for (position, mut left) in [(1, 2_000_000), (2, 1_250_000)] {
            while left > 0 {
                let micro = i64::try_from(below(700_000)).unwrap().min(left - 1) + 1;
                number += 1;
                let mut back = sale(number, 27_000);
                back.cheque.lines = vec![line(position, micro, 1)];
                let of = Some(purchase(1));
                till.ask(Command::Refund { sale: back, of, transaction: None }).unwrap();
                let purchase = purchase(number);
                if below(4) == 0 {
                    till.ask(Command::Cancel { purchase }).unwrap();
                } else {
                    till.ask(Command::Confirm { purchase }).unwrap();
                    left -= micro;
                }
            }
        }
        assert_eq!((till.points(), till.processing.unfinished()), ((before, 0), vec![]));
    }
}
