//! A till that keeps its own book, and what its guests must have in the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tillway_core::fiscal::Quantity;
use tillway_core::flow::purchase::Stage;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{
    Cheque, Goods, Identifier, IdentifierKind, Line, Pay, PurchaseId, Sale,
};
use tillway_core::port::processing::{Command, Kind, Operation, Outcome};
use tillway_core::port::{Clock, LoyaltyProcessing};
use tillway_core::{Kopecks, Timestamp};
use tillway_layers::Loyalty;
use tillway_layers::loyalty::{Settled, Standing};

use super::world::{Way, World, card};

/// A sale as the till's own journal has it, which survives the program.
#[derive(Clone, Debug)]
pub(crate) struct Till {
    pub(crate) number: u128,
    pub(crate) guest: u64,
    pub(crate) cheque: Cheque,
    /// How much the guest wants to pay with points.
    pub(crate) wish: Kopecks,
    /// Time that passes between two calls.
    pub(crate) pause: Duration,
    /// After a death it cancels, and begins anew under another number; otherwise it goes on.
    pub(crate) begins_anew: bool,
    /// The cheque with the discounts that were shown to the guest: after a break the driver no
    /// longer tells them.
    pub(crate) granted: Option<Cheque>,
    pub(crate) begun: bool,
    /// Numbers of sales that did not come about.
    pub(crate) left: Vec<u128>,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) done: bool,
}

/// What the guest has in hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Receipt {
    pub(crate) cheque: Cheque,
    pub(crate) points: Kopecks,
    /// The guest was told of points to be earned, now or later.
    pub(crate) earns: bool,
}

pub(crate) fn id(number: u128) -> PurchaseId {
    Uuid::from_u128(number).into()
}

fn line(position: u32, goods: &str, amount: i64, promo: bool) -> Line {
    Line {
        position,
        goods: Goods::Code(goods.into()),
        name: Some("Чай".into()),
        price: None,
        quantity: Quantity::units(2).unwrap(),
        amount: Kopecks(amount),
        discount: None,
        cashback: None,
        correction: None,
        promo,
        price_min: promo.then_some(Kopecks(1_000)),
        params: Vec::new(),
    }
}

/// Tea that is off, tea that is promoted, and cheese.
pub(crate) fn cheque(at: Timestamp, tea: i64) -> Cheque {
    let lines = vec![
        line(1, "SKU-1001", tea, false),
        line(2, "SKU-1001", 9_999, true),
        line(5, "SKU-1002", tea / 3 + 1, false),
    ];
    Cheque { number: None, at, lines }
}

pub(crate) fn sale(number: u128, guest: u64, cheque: &Cheque) -> Sale {
    let guest = Identifier { kind: IdentifierKind::CardBarcode, value: card(guest).into() };
    Sale {
        purchase: id(number),
        guest: Some(guest),
        cheque: cheque.clone(),
        coupons: Vec::new(),
        params: Vec::new(),
    }
}

fn pays(amount: Kopecks) -> Vec<Pay> {
    vec![Pay { kind: "Cash".into(), amount, details: None }]
}

impl Till {
    pub(crate) fn new(world: &World, number: u128, guest: u64, tea: i64, wish: i64) -> Self {
        Self {
            number,
            guest,
            cheque: cheque(world.clock.now(), tea),
            wish: Kopecks(wish),
            pause: Duration::ZERO,
            begins_anew: false,
            granted: None,
            begun: false,
            left: Vec::new(),
            receipt: None,
            done: false,
        }
    }

    /// One run of the program at this sale.
    pub(crate) async fn sell(&mut self, loyalty: &Loyalty, world: &World) {
        drop(loyalty.recover().await);
        if self.begun && self.receipt.is_none() && self.begins_anew {
            // Written before it is done: the number is not used again.
            self.left.push(self.number);
            self.number += 1_000_000;
            (self.begun, self.granted) = (false, None);
        }
        for number in self.left.clone() {
            if loyalty.cancel(&id(number), None).await.is_ok() {
                self.left.retain(|left| *left != number);
            }
        }
        self.begun = true;
        if self.receipt.is_none() {
            self.receipt = Some(self.until_printed(loyalty, world).await);
        }
        let earns = self.receipt.as_ref().is_some_and(|receipt| receipt.earns);
        world.clock.advance(self.pause);
        let ended = match earns {
            true => loyalty.confirm(&id(self.number), None).await,
            false => loyalty.cancel(&id(self.number), None).await,
        };
        self.done = ended.is_ok();
    }

    /// The sale up to the receipt: with what the processing grants, or without.
    async fn until_printed(&mut self, loyalty: &Loyalty, world: &World) -> Receipt {
        let mut sale = sale(self.number, self.guest, &self.cheque);
        let mut points = Kopecks::ZERO;
        let told = |one: &Standing| {
            let accrued = one.waiting.contains(&Kind::Accrue);
            accrued || matches!(one.stage, Stage::Paid | Stage::Closed)
        };
        let reserved = loyalty.standing(&sale.purchase).await.ok().filter(told);
        if let Some(standing) = &reserved {
            let granted = standing.answers.iter().find(|(kind, _)| *kind == Kind::Calculate);
            if let Some((_, answer)) = granted {
                sale.cheque = self.cheque.discounted(answer).unwrap();
            } else if let Some(granted) = &self.granted {
                sale.cheque = granted.clone();
            }
            points = standing.paid.map_or(points, |paid| paid.amount);
        } else if let Ok(calculated) = loyalty.calculate(&sale, None, None).await {
            sale.cheque = calculated.cheque;
            self.granted = Some(sale.cheque.clone());
            world.clock.advance(self.pause);
            if self.wish.is_positive() {
                let paid = loyalty.pay(&sale, self.wish, None, None).await;
                points = paid.map_or(Kopecks::ZERO, |paid| paid.amount);
            }
        }
        world.clock.advance(self.pause);
        let rest = sale.cheque.total().unwrap().sub(points).unwrap();
        match loyalty.accrue(&sale, &pays(rest), Some("Анна")).await {
            Ok(Settled::Done(_) | Settled::Later(_)) => {
                Receipt { cheque: sale.cheque, points, earns: true }
            }
            Ok(Settled::Listed(why)) => panic!("nothing here is refused for good: {why:?}"),
            // The guest pays the full sum, and earns nothing.
            Err(_) => Receipt { cheque: sale.cheque, points: Kopecks::ZERO, earns: false },
        }
    }

    pub(crate) fn earns(&self) -> bool {
        self.receipt.as_ref().is_some_and(|receipt| receipt.earns)
    }

    /// Whether the program has nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.done && self.left.is_empty()
    }

    /// What the receipt of this till comes to at a processing where nothing ever fails.
    pub(crate) async fn online(
        &self,
        world: &World,
        processing: &dyn LoyaltyProcessing,
        next: &mut u128,
    ) {
        let receipt = self.receipt.as_ref().unwrap();
        if !receipt.earns {
            return;
        }
        let before = sale(self.number, self.guest, &self.cheque);
        let after = sale(self.number, self.guest, &receipt.cheque);
        let discounted = before.cheque != after.cheque;
        let mut commands = Vec::new();
        if discounted || receipt.points.is_positive() {
            commands.push(Command::Calculate { sale: before, wish: None });
        }
        if receipt.points.is_positive() {
            let (sale, amount) = (after.clone(), receipt.points);
            commands.push(Command::Pay { sale, amount, pin: None });
        }
        let purchase = after.purchase.clone();
        commands.push(Command::Accrue { sale: after, pays: Vec::new() });
        commands.push(Command::Confirm { purchase });
        for command in commands {
            *next += 1;
            let (id, at) = (Uuid::from_u128(*next), world.clock.now());
            let operation = Operation { id, at, cashier: None, command };
            let outcome = processing.send(&processing.seal(&operation).unwrap()).await;
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        }
    }
}

/// What a day when nothing failed comes to, by its receipts. Stories end in few ways: each is told
/// once.
async fn online(way: Way, tills: &[Till]) -> Vec<Kopecks> {
    type Known = Mutex<BTreeMap<String, Vec<Kopecks>>>;
    static KNOWN: OnceLock<Known> = OnceLock::new();
    let known = KNOWN.get_or_init(Known::default);
    let receipts: Vec<_> = tills.iter().map(|till| (till.guest, &till.receipt)).collect();
    let key = format!("{way:?} {receipts:?}");
    if let Some(points) = known.lock().unwrap().get(&key) {
        return points.clone();
    }
    let world = World::new(way);
    let http = Arc::new(world.processing.clone());
    let processing = world.adapter(http, "http://processing");
    let mut next = 1 << 100;
    for till in tills {
        till.online(&world, processing.as_ref(), &mut next).await;
    }
    let points = world.books().0;
    known.lock().unwrap().insert(key, points.clone());
    points
}

/// Everything is as if nothing had ever failed.
pub(crate) async fn check(world: &World, loyalty: &Loyalty, tills: &[Till], place: &str) {
    super::world::drain(world, loyalty, place).await;
    let (points, reserved, open) = world.books();
    assert_eq!(points, online(world.way, tills).await, "{place}");
    assert_eq!((reserved, open), (Kopecks::ZERO, 0), "{place}");
    world.once(place);
}
