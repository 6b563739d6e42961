//! The sale of loymax.md 7: tea and cheese, a card and a coupon.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use tillway_core::fiscal::Quantity;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{
    Carrier, Cheque, Goods, Identifier, IdentifierKind, Line, Param, ParamKind, Pay, PurchaseId,
    Sale,
};
use tillway_core::port::processing::{Command, Kind, Operation, Sealed};
use tillway_core::{Kopecks, Timestamp};
use tillway_loymax::{Dialect, input, wire};

pub const TILL: &str = "TILL-0007";

pub fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap()
}

/// Noon and so many seconds of 2026-03-14 in Moscow.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp { utc_ms: 1_773_478_800_000 + seconds * 1_000, offset_min: 180 }
}

pub fn card() -> Identifier {
    input::identifier(IdentifierKind::CardBarcode, " 2990000000019\n").unwrap()
}

pub fn purchase() -> PurchaseId {
    PurchaseId::try_new("c0ffee00112233445566778899aabbcc").unwrap()
}

fn line(position: u32, goods: Goods, name: &str, price: i64, micro: i64, amount: i64) -> Line {
    Line {
        position,
        goods,
        name: Some(name.into()),
        price: Some(Kopecks(price)),
        quantity: Quantity::from_micro(micro).unwrap(),
        amount: Kopecks(amount),
        discount: None,
        cashback: None,
        correction: None,
        promo: false,
        price_min: None,
        params: Vec::new(),
    }
}

pub fn tea(amount: i64) -> Line {
    line(1, Goods::Code("SKU-1001".into()), "Чай", 15_000, 2_000_000, amount)
}

pub fn cheese() -> Line {
    let goods = Goods::Barcode("4600000000015".into());
    Line { discount: Some(Kopecks(1_238)), ..line(2, goods, "Сыр", 8_990, 1_250_000, 10_000) }
}

/// The sale before discounts, or after them.
pub fn sale(discounted: bool) -> Sale {
    let lines = if discounted {
        vec![tea(27_000), cheese()]
    } else {
        vec![tea(30_000), Line { promo: true, price_min: Some(Kopecks(7_000)), ..cheese() }]
    };
    Sale {
        purchase: purchase(),
        guest: Some(card()),
        cheque: Cheque { number: Some("7-0042".into()), at: at(60), lines },
        coupons: vec![input::coupon(Carrier::Barcode, "SPRING-20").unwrap()],
        params: Vec::new(),
    }
}

pub fn text(name: &str, value: &str) -> Param {
    Param { name: name.into(), kind: ParamKind::Text, value: value.into() }
}

fn pay(kind: &str, amount: i64) -> Pay {
    Pay { kind: kind.into(), amount: Kopecks(amount), details: None }
}

fn refund() -> Command {
    let tea = Line { name: None, quantity: Quantity::ONE, ..tea(13_500) };
    let at = Timestamp { utc_ms: at(0).utc_ms + 86_400_000 - 7_220_000, ..at(0) };
    let sale = Sale {
        purchase: PurchaseId::try_new("deadbeef00112233445566778899aabb").unwrap(),
        guest: None,
        cheque: Cheque { number: Some("7-0051".into()), at, lines: vec![tea] },
        coupons: Vec::new(),
        params: Vec::new(),
    };
    Command::Refund { sale, of: Some(purchase()), transaction: None }
}

/// The operation that the golden file of this kind tells.
pub fn operation(kind: Kind) -> Operation {
    let (id_text, seconds, command) = match kind {
        Kind::Balance => {
            ("0b1f6c1e7a5d4c8f9e20aa11bb22cc33", 5, Command::Balance { guest: card() })
        }
        Kind::Calculate => {
            let command = Command::Calculate { sale: sale(false), wish: None };
            ("5d0f2a7b9c3e4f10a1b2c3d4e5f60718", 70, command)
        }
        Kind::Available => {
            ("51aa00000000400080000000000000c1", 100, Command::Available { sale: sale(true) })
        }
        Kind::Pay => {
            let command = Command::Pay { sale: sale(true), amount: Kopecks(10_000), pin: None };
            ("77aa00000000400080000000000000d1", 120, command)
        }
        Kind::Accrue => {
            let pays = vec![pay("Cash", 20_000), pay("Card", 7_000)];
            let command = Command::Accrue { sale: sale(true), pays };
            ("99aa00000000400080000000000000e1", 180, command)
        }
        Kind::Confirm => {
            let command = Command::Confirm { purchase: purchase() };
            ("aa01bb02cc03dd04ee05ff0611223344", 210, command)
        }
        Kind::Cancel => {
            let command = Command::Cancel { purchase: purchase() };
            ("aa01bb02cc03dd04ee05ff0611223344", 210, command)
        }
        Kind::CancelOne => {
            let operation = id("77aa00000000400080000000000000d1");
            let command = Command::CancelOne { purchase: purchase(), operation };
            ("aa01bb02cc03dd04ee05ff0611223344", 210, command)
        }
        Kind::Refund => ("0f0e0d0c0b0a49088007060504030201", 86_400 - 7_200, refund()),
        Kind::Card => {
            let guest = input::identifier(IdentifierKind::Phone, "8 (999) 000-00-01").unwrap();
            let new = input::identifier(IdentifierKind::CardBarcode, "2990000000026").unwrap();
            let command = Command::Card { guest: Some(guest), old: None, new };
            ("1234123412344123812341234123412a", 3_600, command)
        }
    };
    let cashier = Some("Кассир 1".into());
    Operation { id: id(id_text), at: at(seconds), cashier, command }
}

pub fn dialect() -> Dialect {
    Dialect { cancel_one: true, ..Dialect::default() }
}

pub fn sealed(kind: Kind) -> Sealed {
    wire::seal(&dialect(), TILL, &operation(kind)).unwrap()
}
