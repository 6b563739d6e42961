//! A venue whose points are at a loyalty processing.

use std::sync::Arc;

use serde_json::json;
use tillway_core::Kopecks;
use tillway_core::book::Op;
use tillway_core::guest::Guest;
use tillway_core::id::{AccountId, Uuid};
use tillway_core::port::LoyaltyProcessing;
use tillway_engine::{EngineConfig, Points};
use tillway_memory::{Member, MemoryProcessing, Programme};
use tillway_testkit::builders::{INSTALLATION, anna};
use tillway_testkit::runtime::block_on;

use crate::pos::{Pay, TOTAL};
use crate::venue::{BONUS_TYPE, ORDER_82, Setup, Venue, order_id, uuid};

/// What the processing knows Anna by.
pub const CARD: &str = "2990000000019";

/// A processing where Anna has so many points: 5 % back, 30 % by points, no discounts.
pub fn processing(points: i64) -> MemoryProcessing {
    let programme = Programme { discount: 0, ..Programme::default() };
    let processing = MemoryProcessing::new(programme);
    let shows = vec![CARD.into()];
    processing.join(Member { shows, points: Kopecks(points), ..Member::default() });
    processing
}

/// The rules of such a venue.
pub fn rules(processing: Arc<dyn LoyaltyProcessing>) -> impl FnOnce(&mut EngineConfig) {
    move |config| {
        let rest = Some("Cash".into());
        config.points = Some(Points { rest, ..Points::new(processing) });
    }
}

/// The venue, with Anna's card known.
pub fn venue(processing: &MemoryProcessing) -> Venue {
    with(Arc::new(processing.clone()), Setup::default())
}

/// The same of this set-up.
pub fn with(processing: Arc<dyn LoyaltyProcessing>, setup: Setup) -> Venue {
    let venue = Venue::with(Setup { rules: Box::new(rules(processing)), ..setup });
    venue.commits(vec![card()]);
    venue
}

/// Anna gets her card.
pub fn card() -> Op {
    Op::PutGuest(Box::new(Guest { card: Some(CARD.into()), ..anna().guest }))
}

/// Anna's points wallet.
pub fn wallet() -> AccountId {
    let name = format!("points {}", anna().guest.id.0);
    AccountId(Uuid::new_v5(&INSTALLATION, name.as_bytes()))
}

/// A first attempt to pay order 82 from it.
pub fn pay(number: u64, amount: i64) -> Pay {
    let any = Pay::new(number, &anna(), tillway_core::AccountKind::Bonus, amount);
    Pay { wallet: wallet(), payment_type: uuid(BONUS_TYPE), order: order_id(ORDER_82), ..any }
}

/// The lines of order 82, as the plugin tells them: 1 650.00 together.
pub fn lines() -> serde_json::Value {
    let line = |sku: &str, name: &str, quantity: &str, price: i64, amount: i64| {
        let quantity: serde_json::Value = serde_json::from_str(quantity).unwrap();
        json!({"sku": sku, "name": name, "quantity": quantity, "priceMinor": price,
            "amountMinor": amount})
    };
    let lines = [
        line("00042", "Стейк", "1", 120_000, 120_000),
        line("00108", "Морс", "2", 15_000, 30_000),
        line("00109", "Сыр", "0.5", 30_000, 15_000),
    ];
    json!({"totalMinor": TOTAL, "lines": lines})
}

/// The plugin tells the lines of order 82.
pub fn tell_lines(venue: &Venue) {
    let answer = venue.pos(1, "PUT", &format!("/orders/{ORDER_82}"), &lines().to_string());
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// The keeper looks so often that all is told that can be.
pub fn settle(venue: &Venue) {
    let keeper = venue.engine.keeper();
    for _ in 0..4 {
        block_on(keeper.look());
    }
}
