//! A till that speaks to a house without a wire.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tillway_core::fiscal::Quantity;
use tillway_core::port::Clock;
use tillway_core::{Kopecks, Timestamp};

use super::super::{
    Cheque, Code, Command, CouponKey, GoodsKey, House, Key, KeyKind, Label, Line, Param, Pay,
    Reply, Request, Sale, Store,
};

/// 14 March 2026, 12:00:05 in Moscow.
pub(super) const NOW: Timestamp = Timestamp { utc_ms: 1_773_478_805_000, offset_min: 180 };

#[derive(Debug, Default)]
struct Still(Mutex<Duration>);

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

pub(super) struct Book {
    pub(super) house: House,
    pub(super) till: &'static str,
    next: AtomicU64,
}

impl Book {
    pub(super) fn demo() -> Self {
        let house = House::new(Store::demo(), Arc::new(Still::default()));
        Self { house, till: "TILL-0007", next: AtomicU64::new(0) }
    }

    pub(super) fn ask(&self, command: Command) -> Result<Reply, Code> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = Request {
            till: self.till.to_owned(),
            operation: format!("op-{number}"),
            at: NOW,
            cashier: None,
            digest: [0; 32],
            command,
        };
        self.house.perform(&request).map(|it| it.reply).map_err(|refusal| refusal.code)
    }

    pub(super) fn confirm(&self, purchase: &str) -> Result<Reply, Code> {
        self.ask(Command::Confirm { purchase: purchase.to_owned() })
    }

    pub(super) fn cancel(&self, purchase: &str) -> Result<Reply, Code> {
        self.ask(Command::Cancel { purchase: purchase.to_owned() })
    }

    pub(super) fn refund(&self, id: &str, of: &str, lines: Vec<Line>) -> Result<Reply, Code> {
        self.ask(Command::Refund {
            purchase: id.to_owned(),
            of_purchase: Some(of.to_owned()),
            of_transaction: None,
            guest: None,
            cheque: cheque(lines),
        })
    }

    /// The sale of the note, up to this command.
    pub(super) fn example(&self, id: &str) -> Reply {
        self.ask(Command::Calculate { sale: sale(id, raw_lines()), wish: None }).unwrap();
        let pay = Command::Pay { sale: sale(id, lines()), amount: Kopecks(10_000), pin: None };
        self.ask(pay).unwrap();
        self.ask(Command::Accrue { sale: sale(id, lines()), pays: pays() }).unwrap()
    }

    pub(super) fn points(&self) -> (i64, i64) {
        let client = super::super::ClientId::DEMO;
        (self.house.points(client).unwrap().0, self.house.available(client).unwrap().0)
    }
}

pub(super) fn auto(value: &str) -> Key {
    Key { kind: KeyKind::Auto, value: value.to_owned() }
}

pub(super) fn cheque(lines: Vec<Line>) -> Cheque {
    Cheque { number: Some("7-0042".to_owned()), at: NOW, lines }
}

pub(super) fn sale(id: &str, lines: Vec<Line>) -> Sale {
    Sale {
        purchase: id.to_owned(),
        guest: Some(auto("2990000000019")),
        cheque: cheque(lines),
        coupons: vec![CouponKey { label: Label::Number, value: "SPRING-20".to_owned() }],
        params: Vec::new(),
    }
}

pub(super) fn line(position: u32, goods: GoodsKey, micro: i64, amount: i64) -> Line {
    Line {
        position,
        goods,
        name: None,
        price: None,
        quantity: Quantity::from_micro(micro).unwrap(),
        amount: Kopecks(amount),
        discount: None,
        cashback: None,
        correction: None,
        params: Vec::new(),
    }
}

pub(super) fn tea() -> GoodsKey {
    GoodsKey::Code("SKU-1001".to_owned())
}

pub(super) fn cheese() -> GoodsKey {
    GoodsKey::Barcode("4600000000015".to_owned())
}

pub(super) fn raw_lines() -> Vec<Line> {
    let param = |name: &str, value: &str| Param { name: name.to_owned(), value: value.to_owned() };
    let promo = Line {
        discount: Some(Kopecks(1_238)),
        params: vec![param("IsPromo", "true"), param("MinPrice", "70.00")],
        ..line(2, cheese(), 1_250_000, 10_000)
    };
    vec![line(1, tea(), 2_000_000, 30_000), promo]
}

/// Discounts taken off; the line's parameters are left to the processing's memory.
pub(super) fn lines() -> Vec<Line> {
    vec![line(1, tea(), 2_000_000, 27_000), line(2, cheese(), 1_250_000, 10_000)]
}

pub(super) fn pays() -> Vec<Pay> {
    let pay =
        |kind: &str, amount| Pay { kind: kind.to_owned(), amount: Kopecks(amount), details: None };
    vec![pay("Cash", 20_000), pay("Card", 7_000)]
}
