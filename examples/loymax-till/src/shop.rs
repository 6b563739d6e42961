//! What the shop of the demo sells, and the sale of the worked example: tea and cheese.

use tillway::core::fiscal::Quantity;
use tillway::core::loyalty::{Cheque, Coupon, Goods, Identifier, Line, Pay, PurchaseId, Sale};
use tillway::core::port::IdSource;
use tillway::core::{Kopecks, Timestamp};
use tillway::runtime::RandomIds;

/// A line without anything special about it.
pub fn line(position: u32, goods: Goods, name: &str, price: i64, quantity: Quantity) -> Line {
    let price = Kopecks(price);
    Line {
        position,
        goods,
        name: Some(name.into()),
        price: Some(price),
        quantity,
        amount: quantity.times(price).unwrap_or(price),
        discount: None,
        cashback: None,
        correction: None,
        promo: false,
        price_min: None,
        params: Vec::new(),
    }
}

/// A quantity in thousandths; one where it is out of range.
pub fn thousandths(count: i64) -> Quantity {
    let micro = count.checked_mul(1_000).map(Quantity::from_micro);
    micro.and_then(Result::ok).unwrap_or(Quantity::ONE)
}

/// Two of tea: 300.00.
pub fn tea(position: u32) -> Line {
    line(position, Goods::Code("SKU-1001".into()), "Чай", 15_000, thousandths(2_000))
}

/// Cheese by weight: 112.38, of which the till itself takes 12.38 off.
pub fn cheese(position: u32) -> Line {
    let goods = Goods::Barcode("4600000000015".into());
    let line = line(position, goods, "Сыр", 8_990, thousandths(1_250));
    Line { amount: Kopecks(10_000), discount: Some(Kopecks(1_238)), ..line }
}

/// Coffee, which earns a coupon: 100.00.
pub fn coffee(position: u32) -> Line {
    line(position, Goods::Code("SKU-1003".into()), "Кофе", 10_000, Quantity::ONE)
}

/// The lines of the worked example: the cheese is on offer, and costs no less than 70.00 each.
pub fn example() -> Vec<Line> {
    let cheese = Line { promo: true, price_min: Some(Kopecks(7_000)), ..cheese(2) };
    vec![tea(1), cheese]
}

/// A sale under a number of its own.
pub fn sale(
    at: Timestamp,
    guest: Option<Identifier>,
    lines: Vec<Line>,
    coupons: Vec<Coupon>,
) -> Sale {
    let purchase = PurchaseId::from(RandomIds.fresh());
    let cheque = Cheque { number: Some("7-0042".into()), at, lines };
    Sale { purchase, guest, cheque, coupons, params: Vec::new() }
}

/// What is paid with money.
pub fn pay(kind: &str, amount: i64) -> Pay {
    Pay { kind: kind.into(), amount: Kopecks(amount), details: None }
}
