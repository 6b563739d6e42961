//! How a processing is set up for the suite: the worked example of loymax.md 7.
//!
//! Guest [`CARD`] has [`POINTS`]. Tea, `SKU-1001`, is 10 % off, where the processing knows coupons
//! only with one of `SPRING-20` to `SPRING-29`; what is promoted already is not. Every line earns
//! 5 % of what is paid with money; points pay at most 30 % of a cheque, one point for a rouble, and
//! no line below its minimal price. Payments are named `Cash` and `Card`. A repeat and a purchase
//! behave by loymax.md 9 and 10; a sale need not be calculated before it is accrued.

use tillway_core::fiscal::Quantity;
use tillway_core::loyalty::{Cheque, Goods, Identifier, IdentifierKind, Line, Pay};
use tillway_core::{Kopecks, Timestamp};

/// The guest's card: its number and its barcode.
pub const CARD: &str = "2990000000019";
/// A card of nobody.
pub const UNKNOWN_CARD: &str = "2990000000996";
/// A card that can be issued.
pub const BLANK_CARD: &str = "2990000000026";
/// What the guest enters where a PIN is asked for.
pub const PIN: &str = "1234";
/// What the guest has.
pub const POINTS: Kopecks = Kopecks(25_000);
/// What may be paid with points of the example.
pub const AVAILABLE: Kopecks = Kopecks(11_100);
/// What is paid with points in the example.
pub const PAID: Kopecks = Kopecks(10_000);
/// How that lies on tea and cheese: cheese is taken to its minimal price.
pub const PAID_PARTS: [Kopecks; 2] = [Kopecks(8_750), Kopecks(1_250)];
/// What tea and cheese earn.
pub const EARNED_PARTS: [Kopecks; 2] = [Kopecks(913), Kopecks(438)];
/// What the guest has after the example.
pub const SOLD: Kopecks = Kopecks(16_351);

/// A guest who shows this card.
pub fn guest(number: &str) -> Identifier {
    Identifier { kind: IdentifierKind::CardBarcode, value: number.into() }
}

/// Two packs of tea for 300.00, or what is left of that after the discount.
pub fn tea(amount: Kopecks, quantity: Quantity) -> Line {
    Line {
        price: Some(Kopecks(15_000)),
        ..line(1, Goods::Code("SKU-1001".into()), quantity, amount)
    }
}

/// Cheese for 100.00 after the till's own discount of 12.38; it is promoted, and may not cost less
/// than 70.00 the kilogram.
pub fn cheese() -> Line {
    let quantity = Quantity::from_micro(1_250_000).unwrap_or(Quantity::ONE);
    Line {
        price: Some(Kopecks(8_990)),
        discount: Some(Kopecks(1_238)),
        promo: true,
        price_min: Some(Kopecks(7_000)),
        ..line(2, Goods::Barcode("4600000000015".into()), quantity, Kopecks(10_000))
    }
}

/// Two of something.
pub fn pair() -> Quantity {
    Quantity::from_micro(2_000_000).unwrap_or(Quantity::ONE)
}

/// Tea and cheese at the prices of the till.
pub fn cheque(at: Timestamp) -> Cheque {
    let lines = vec![tea(Kopecks(30_000), pair()), cheese()];
    Cheque { number: Some("7-0042".into()), at, lines }
}

/// All of it in cash.
pub fn cash(amount: Kopecks) -> Vec<Pay> {
    vec![Pay { kind: "Cash".into(), amount, details: None }]
}

fn line(position: u32, goods: Goods, quantity: Quantity, amount: Kopecks) -> Line {
    Line {
        position,
        goods,
        name: None,
        price: None,
        quantity,
        amount,
        discount: None,
        cashback: None,
        correction: None,
        promo: false,
        price_min: None,
        params: Vec::new(),
    }
}
