//! Row 25: a link that breaks, and a program that dies.

use std::collections::BTreeSet;

use futures::future::{Either, select};
use tillway::core::Kopecks;
use tillway::core::loyalty::{Carrier, Sale};
use tillway::layers::Loyalty;
use tillway::loymax::input;
use tillway::memory::MemoryStore;
use tillway::sim::loymax::house::{Duplicates, Kind, State};
use tokio::net::TcpListener;

use super::check::{Check, Failed, holds, same, some};
use super::place::{Place, TILL, card, http};
use crate::cable::{Cable, Cut};
use crate::shop::{example, pay, sale};

/// The commands of a sale, in their order.
const STEPS: [&str; 4] = ["calculate", "pay", "accrue", "confirm"];

/// How often the queue is drained at most.
const DRAINS_MAX: u32 = 20;

/// Row 25: each step under each cut, at a processing that replays answers and at one that does not.
pub(super) async fn offline(place: &Place) -> Check {
    for duplicates in [Duplicates::Replay, Duplicates::Reject] {
        for cut in [Cut::Refused, Cut::RequestLost, Cut::AnswerLost, Cut::Killed] {
            for (step, name) in (0_u32..).zip(STEPS) {
                let place = place.another().await?;
                place.house.with(|store| store.rules.duplicates = duplicates);
                let check = one(&place, step, cut).await;
                let what = format!("{duplicates:?}, {cut:?} at {name}");
                check.map_err(|failed| Failed::new(format!("{what}: {failed}")))?;
            }
        }
    }
    down(&place.another().await?).await
}

/// One sale, one of whose messages is cut.
async fn one(place: &Place, step: u32, cut: Cut) -> Check {
    let cable = Cable::new(http());
    let store = MemoryStore::new();
    let till = place.till_of(place.config(TILL)?, &cable)?;
    let loyalty = place.loyalty(till.clone(), &store)?;
    let coupon = input::coupon(Carrier::Number, "SPRING-20")?;
    let mut cart = Cart::new(sale(place.now(), Some(card()?), example(), vec![coupon]));
    cable.cut_after(step, cut);
    let died = {
        let (sold, died) = (Box::pin(cart.sell(&loyalty)), Box::pin(cable.died()));
        match select(sold, died).await {
            Either::Left((sold, _)) => sold.map(|()| false)?,
            Either::Right(_) => true,
        }
    };
    same("the program died", died, cut == Cut::Killed)?;
    drop(loyalty);
    holds("the cut came", !cable.is_waiting())?;
    // The next run of the program finds the same journal.
    let loyalty = place.loyalty(till, &store)?;
    loyalty.recover().await?;
    place.later(120);
    cart.sell(&loyalty).await?;
    drain(place, &loyalty).await?;
    place.has("points after all", expected(step, cut))?;
    once(place)?;
    same("letters for a person", loyalty.listed().await?.len(), 0)
}

/// Nobody listens for a whole sale.
async fn down(place: &Place) -> Check {
    let store = MemoryStore::new();
    let free = TcpListener::bind("127.0.0.1:0").await?;
    let nowhere = format!("http://{}/XmlExchange/demo", free.local_addr()?);
    drop(free);
    let unreached = place.till_with(|config| config.url = nowhere.into())?;
    let loyalty = place.loyalty(unreached, &store)?;
    let mut cart = Cart::new(sale(place.now(), Some(card()?), example(), Vec::new()));
    cart.sell(&loyalty).await?;
    same("the sum at the prices of the till", cart.sale.cheque.total()?, Kopecks(40_000))?;
    place.has("points while nobody listens", 25_000)?;
    drop(loyalty);
    let loyalty = place.loyalty(place.till()?, &store)?;
    loyalty.recover().await?;
    drain(place, &loyalty).await?;
    place.has("points when somebody listens again", 27_000)?;
    once(place)
}

/// A sale as the till's own journal has it, which outlives the program.
struct Cart {
    sale: Sale,
    next: usize,
    points: Kopecks,
}

impl Cart {
    fn new(sale: Sale) -> Self {
        Self { sale, next: 0, points: Kopecks::ZERO }
    }

    /// Goes on where it was, to the end. Whatever the processing does, the guest is served.
    async fn sell(&mut self, loyalty: &Loyalty) -> Check {
        while let Some(step) = STEPS.get(self.next) {
            match *step {
                "calculate" => {
                    if let Ok(done) = loyalty.calculate(&self.sale, None, None).await {
                        self.sale.cheque = done.cheque;
                    }
                }
                "pay" => {
                    let paid = loyalty.pay(&self.sale, Kopecks(10_000), None, None).await;
                    self.points = paid.map(|paid| paid.amount).unwrap_or_default();
                }
                "accrue" => {
                    let due = self.sale.cheque.total()?.sub(self.points)?;
                    loyalty.accrue(&self.sale, &[pay("Cash", due.0)], None).await?;
                }
                _ => {
                    loyalty.confirm(&self.sale.purchase, None).await?;
                }
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(())
    }
}

/// The points of the guest when all is told: those of an online run of what the guest was given.
fn expected(step: u32, cut: Cut) -> i64 {
    match (step, cut) {
        // The till asks again when it comes back, before it goes on.
        (0, Cut::Killed) => 16_351,
        // No discount and no points: 5 % of 300.00 and of 100.00.
        (0, _) => 27_000,
        // The discount and no points: 5 % of 270.00 and of 100.00.
        (1, _) => 26_850,
        _ => 16_351,
    }
}

/// Until nothing waits.
async fn drain(place: &Place, loyalty: &Loyalty) -> Check {
    for _ in 0..DRAINS_MAX {
        place.later(120);
        let drained = loyalty.drain(100).await;
        if drained.sent == 0 && drained.stopped.is_none() {
            return Ok(());
        }
    }
    Err(Failed::new("the queue does not end"))
}

/// Each operation was done once, and one purchase was confirmed.
fn once(place: &Place) -> Check {
    let records = place.processing.journal().into_iter().flat_map(|entry| entry.commands);
    let done: Vec<_> = records.filter(|record| record.done).collect();
    let ids: BTreeSet<&str> = done.iter().map(|record| record.operation.as_str()).collect();
    same("operations that were done", done.len(), ids.len())?;
    let confirmed = done.iter().filter(|record| record.kind == Kind::Confirm).count();
    same("confirmations that were done", confirmed, 1)?;
    let open = place.house.with(|store| {
        let over = |state| matches!(state, State::Confirmed | State::Cancelled);
        store.purchases.iter().find(|(_, it)| !over(it.state)).map(|(id, _)| id.clone())
    });
    same("purchases that are left open", open, None)?;
    let last = some("request", place.processing.journal().pop())?;
    same("the status of the last answer", last.status, Some(200))
}
