//! A till that keeps its own book, and what must come of it.

use std::collections::BTreeSet;
use std::time::Duration;

use tillway_core::fiscal::Quantity;
use tillway_core::flow::purchase::Stage;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{
    Cheque, Goods, Identifier, IdentifierKind, Line, Pay, PurchaseId, Sale,
};
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{Command, Kind, Operation, Outcome};
use tillway_core::{Kopecks, Timestamp};
use tillway_layers::Loyalty;
use tillway_layers::loyalty::{Settled, Standing};
use tillway_memory::{Duplicates, MemoryProcessing};

use super::world::{CARD, Fuse, World, processing, run};

/// What a till does after its program died in the middle of a sale.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Habit {
    /// It looks how the sale stands, and goes on.
    GoesOn,
    /// It cancels, and begins anew under another number.
    BeginsAnew,
}

/// A sale as the till's own journal has it, which survives the program.
#[derive(Clone, Debug)]
pub(crate) struct Till {
    pub(crate) number: u128,
    pub(crate) cheque: Cheque,
    /// How much the guest wants to pay with points.
    pub(crate) wish: Kopecks,
    /// Time that passes between two calls: a link that broke is tried again after some.
    pub(crate) pause: Duration,
    pub(crate) habit: Habit,
    pub(crate) begun: bool,
    /// Numbers of sales that did not come about.
    pub(crate) left: Vec<u128>,
    /// The receipt, once it is printed.
    pub(crate) receipt: Option<Receipt>,
    pub(crate) done: bool,
}

/// What the guest has in hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Receipt {
    pub(crate) cheque: Cheque,
    pub(crate) points: Kopecks,
    /// Whether the guest was told of points to be earned, now or later.
    pub(crate) earns: bool,
    pub(crate) discounted: bool,
}

pub(crate) fn id(number: u128) -> PurchaseId {
    Uuid::from_u128(number).into()
}

pub(crate) fn line(position: u32, amount: i64) -> Line {
    Line {
        position,
        goods: Goods::Code(format!("SKU-{position}").into()),
        name: Some("Чай".into()),
        price: None,
        quantity: Quantity::units(2).unwrap(),
        amount: Kopecks(amount),
        discount: None,
        cashback: None,
        correction: None,
        promo: position == 2,
        price_min: None,
        params: Vec::new(),
    }
}

pub(crate) fn cheque(tea: i64) -> Cheque {
    Cheque { number: None, at: Timestamp::default(), lines: vec![line(1, tea), line(2, 10_000)] }
}

pub(crate) fn card() -> Identifier {
    Identifier { kind: IdentifierKind::CardBarcode, value: CARD.into() }
}

pub(crate) fn sale(number: u128, cheque: &Cheque) -> Sale {
    Sale {
        purchase: id(number),
        guest: Some(card()),
        cheque: cheque.clone(),
        coupons: Vec::new(),
        params: Vec::new(),
    }
}

pub(crate) fn pays(amount: Kopecks) -> Vec<Pay> {
    vec![Pay { kind: "Cash".into(), amount, details: None }]
}

impl Till {
    pub(crate) fn new(number: u128, tea: i64, wish: i64) -> Self {
        Self {
            number,
            cheque: cheque(tea),
            wish: Kopecks(wish),
            pause: Duration::ZERO,
            habit: Habit::GoesOn,
            begun: false,
            left: Vec::new(),
            receipt: None,
            done: false,
        }
    }

    /// One run of the program at this sale, to its end or to its death.
    pub(crate) fn play(&mut self, world: &World, fuse: &std::sync::Arc<Fuse>) -> bool {
        let loyalty = world.start(fuse);
        run(self.sell(&loyalty, world)).is_some()
    }

    async fn sell(&mut self, loyalty: &Loyalty, world: &World) {
        let undecided = loyalty.recover().await.unwrap_or_default();
        if self.begun && self.receipt.is_none() && self.habit == Habit::BeginsAnew {
            // Written before it is done: the number is not used again.
            self.left.push(self.number);
            self.number += 1_000_000;
            self.begun = false;
        }
        for number in self.left.clone() {
            if loyalty.cancel(&id(number), None).await.is_ok() {
                self.left.retain(|left| *left != number);
            }
        }
        drop(undecided);
        self.begun = true;
        if self.receipt.is_none() {
            let receipt = self.until_printed(loyalty, world).await;
            self.receipt = Some(receipt);
        }
        let receipt = self.receipt.clone().unwrap();
        world.clock.advance(self.pause);
        let ended = if receipt.earns {
            loyalty.confirm(&id(self.number), None).await
        } else {
            loyalty.cancel(&id(self.number), None).await
        };
        self.done = ended.is_ok();
    }

    /// The sale up to the receipt: with what the processing grants, or without.
    async fn until_printed(&self, loyalty: &Loyalty, world: &World) -> Receipt {
        let mut sale = sale(self.number, &self.cheque);
        let (mut points, mut discounted) = (Kopecks::ZERO, false);
        let standing = loyalty.standing(&sale.purchase).await;
        let told = |one: &Standing| {
            let accrued = one.waiting.contains(&Kind::Accrue);
            accrued || matches!(one.stage, Stage::Paid | Stage::Closed)
        };
        let reserved = standing.ok().filter(told);
        let granted = reserved
            .as_ref()
            .and_then(|one| one.answers.iter().find(|(kind, _)| *kind == Kind::Calculate));
        match (&reserved, granted) {
            (Some(standing), Some((_, answer))) => {
                sale.cheque = self.cheque.discounted(answer).unwrap();
                (points, discounted) = (standing.paid.map_or(points, |paid| paid.amount), true);
            }
            (Some(_), None) => {}
            (None, _) => {
                if let Ok(calculated) = loyalty.calculate(&sale, None, None).await {
                    (sale.cheque, discounted) = (calculated.cheque, true);
                }
                world.clock.advance(self.pause);
                if discounted && self.wish.is_positive() {
                    let paid = loyalty.pay(&sale, self.wish, None, None).await;
                    points = paid.map_or(Kopecks::ZERO, |paid| paid.amount);
                }
            }
        }
        world.clock.advance(self.pause);
        let rest = sale.cheque.total().unwrap().sub(points).unwrap();
        match loyalty.accrue(&sale, &pays(rest), None).await {
            Ok(Settled::Done(_) | Settled::Later(_)) => {
                Receipt { cheque: sale.cheque, points, earns: true, discounted }
            }
            Ok(Settled::Listed(why)) => panic!("nothing here is refused for good: {why:?}"),
            // The guest pays the full sum, and earns nothing.
            Err(_) => {
                let points = Kopecks::ZERO;
                Receipt { cheque: sale.cheque, points, earns: false, discounted }
            }
        }
    }

    /// Whether the guest was told of points, now or later.
    pub(crate) fn earns(&self) -> bool {
        self.receipt.as_ref().is_some_and(|receipt| receipt.earns)
    }

    /// Whether the program has nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.done && self.left.is_empty()
    }

    /// What the receipts of this till come to at a processing where nothing ever fails.
    pub(crate) fn online(&self, processing: &MemoryProcessing, next: &mut u128) {
        let receipt = self.receipt.as_ref().unwrap();
        if !receipt.earns {
            return;
        }
        let (before, after) = (sale(self.number, &self.cheque), sale(self.number, &receipt.cheque));
        let purchase = before.purchase.clone();
        let mut ask = |command| {
            *next += 1;
            let (id, at) = (Uuid::from_u128(*next), Timestamp::default());
            let operation = Operation { id, at, cashier: None, command };
            let sealed = processing.seal(&operation).unwrap();
            let outcome = run(processing.send(&sealed)).unwrap();
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        };
        if receipt.points.is_positive() {
            ask(Command::Calculate { sale: before, wish: None });
            let (sale, amount) = (after.clone(), receipt.points);
            ask(Command::Pay { sale, amount, pin: None });
        }
        ask(Command::Accrue { sale: after, pays: Vec::new() });
        ask(Command::Confirm { purchase });
    }
}

/// The link is whole again: whatever waits is sent.
pub(crate) fn drain(world: &World, place: &str) {
    world.processing.mend();
    let loyalty = world.start(&Fuse::never());
    run(loyalty.recover()).unwrap().unwrap();
    for _ in 0..100 {
        if run(loyalty.unfinished()).unwrap().unwrap() == 0 {
            break;
        }
        world.clock.advance(Duration::from_secs(301));
        let drained = run(loyalty.drain(1_000)).unwrap();
        assert_eq!((drained.damaged, drained.stopped), (0, None), "{place}");
    }
    assert_eq!(run(loyalty.listed()).unwrap().unwrap(), [], "{place}");
    assert_eq!(run(loyalty.unfinished()).unwrap(), Ok(0), "{place}");
}

/// Everything is as if nothing had ever failed.
pub(crate) fn check(world: &World, tills: &[Till], place: &str) {
    drain(world, place);
    let (online, mut next) = (processing(Duplicates::Reject), 0);
    tills.iter().for_each(|till| till.online(&online, &mut next));
    let balance = world.processing.balance(CARD);
    assert_eq!(balance, online.balance(CARD), "{place}: {tills:#?}");
    assert_eq!(world.processing.reserved(CARD), Some(Kopecks::ZERO), "{place}");
    assert_eq!(world.processing.unfinished(), [], "{place}");
    let done = world.processing.done();
    let ids: BTreeSet<_> = done.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), done.len(), "{place}: an operation was done twice");
    let payments = done.iter().filter(|(_, kind)| *kind == Kind::Pay).count();
    assert!(payments <= tills.len() * 3, "{place}");
}
