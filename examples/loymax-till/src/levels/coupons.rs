//! Rows 7 to 12: coupons that guests show, and those that they take home.

use tillway::core::Kopecks;
use tillway::core::loyalty::print::{Print, Symbology};
use tillway::core::loyalty::{Answer, Carrier, PrintedCoupon, PurchaseId, Sale};
use tillway::core::port::processing::Command;
use tillway::loymax::{Loymax, dialect, input, texts};
use tillway::sim::loymax::house::{CouponState, Effect, Kind, Offer, Percent, Printed, Which};

use super::check::{Check, Failed, holds, same, some};
use super::place::{Place, card};
use crate::paper;
use crate::shop::{cheese, coffee, pay, sale, tea};

/// A coupon of the demo: 10 % off tea.
const SPRING: &str = "SPRING-20";

/// Row 7.
pub(super) async fn barcode(place: &Place) -> Check {
    let till = place.till()?;
    let without = sale(place.now(), Some(card()?), vec![tea(1)], Vec::new());
    let plain = place.done(&till, Command::Calculate { sale: without, wish: None }).await?;
    same("the discount without a coupon", discount(&plain)?, Kopecks::ZERO)?;
    let printed = place.house.with(|store| store.coupons.get(SPRING)?.barcode.clone());
    let coupon = input::coupon(Carrier::Barcode, &some("barcode of a coupon", printed)?)?;
    let mut sold = sale(place.now(), Some(card()?), vec![tea(1)], vec![coupon]);
    same("the discount with it", sell(place, &till, &mut sold).await?, Kopecks(3_000))?;
    same("the coupon", state(place, SPRING), Some(CouponState::Used))?;
    // It is good once.
    let again = Sale { purchase: sale_number(place), ..sold };
    place.refused(&till, Command::Calculate { sale: again, wish: None }, "225").await
}

/// Row 8.
pub(super) async fn stripe(place: &Place) -> Check {
    both_ways(place, Carrier::Track2, ";220020=01?\r", "220021=01", "Strip2").await
}

/// Row 9.
pub(super) async fn qr(place: &Place) -> Check {
    both_ways(place, Carrier::Qr, "LMXC:SPRING-20", "LMXC:SPRING-21", "QRCode").await
}

/// A coupon by its number alone, and by the attribute of what it was read from.
async fn both_ways(
    place: &Place,
    carrier: Carrier,
    first: &str,
    second: &str,
    label: &str,
) -> Check {
    let ways = [
        (dialect::Coupons::Number, first, SPRING, "Number=\""),
        (dialect::Coupons::Labelled, second, "SPRING-21", label),
    ];
    for (way, read, number, attribute) in ways {
        let till = place.till_with(|config| config.dialect.coupons = way)?;
        let coupon = input::coupon(carrier, read)?;
        let mut sold = sale(place.now(), Some(card()?), vec![tea(1)], vec![coupon]);
        let off = sell(place, &till, &mut sold).await?;
        same(&format!("the discount, coupons as {way:?}"), off, Kopecks(3_000))?;
        same("the coupon", state(place, number), Some(CouponState::Used))?;
        let sent = place.sent(Kind::Calculate);
        let last = some("request", sent.last())?;
        holds(&format!("{attribute} is sent"), last.contains(&format!("<Coupon {attribute}")))?;
        holds("no sentinels are sent", !last.contains("01?") && !last.contains(";2200"))?;
    }
    Ok(())
}

/// Row 10.
pub(super) async fn with_card(place: &Place) -> Check {
    place.house.with(|store| {
        let off = vec![Effect::Discount(Percent::of(5))];
        let which = Which::Goods(vec!["SKU-1002".to_owned()]);
        let offer = Offer { which, guests_only: true, ..Offer::new(61, "Гостям -5%", off) };
        store.offers.insert(61, offer);
    });
    let till = place.till()?;
    let coupon = input::coupon(Carrier::Number, SPRING)?;
    let mut sold = sale(place.now(), Some(card()?), vec![tea(1), cheese(2)], vec![coupon]);
    let calculated =
        place.done(&till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    // 30.00 by the coupon, 5.00 by the card.
    same("both discounts", discount(&calculated)?, Kopecks(3_500))?;
    sold.cheque = sold.cheque.discounted(&calculated)?;
    place.done(&till, Command::Available { sale: sold.clone() }).await?;
    let amount = Kopecks(5_000);
    place.done(&till, Command::Pay { sale: sold.clone(), amount, pin: None }).await?;
    let pays = vec![pay("Cash", 31_500)];
    place.done(&till, Command::Accrue { sale: sold.clone(), pays }).await?;
    place.done(&till, Command::Confirm { purchase: sold.purchase }).await?;
    for (kind, coupons) in
        [(Kind::Calculate, true), (Kind::Pay, true), (Kind::Accrue, true), (Kind::Available, false)]
    {
        let sent = place.sent(kind);
        let last = some("request", sent.last())?;
        holds(&format!("{kind:?} names the guest"), last.contains("<Identifier"))?;
        same(&format!("{kind:?} has coupons"), last.contains("<Coupon"), coupons)?;
    }
    Ok(())
}

/// Row 11.
pub(super) async fn printed_barcode(place: &Place) -> Check {
    for how in [Printed::Element, Printed::Marker] {
        let place = place.another().await?;
        let prints = earned(&place, how).await?;
        let found = prints.iter().find_map(|print| match print {
            Print::Barcode { symbology, data } => Some((*symbology, data.clone())),
            _ => None,
        });
        let (symbology, data) = some("barcode on paper", found)?;
        same("its bars", symbology, Symbology::Ean13)?;
        holds("its check digit", tillway::core::fiscal::is_ean13(&data))?;
        shown_again(&place, Carrier::Barcode, &data).await?;
    }
    // A number that is no EAN-13 is printed in bars too.
    let coupon = PrintedCoupon { number: "NEXT-7".into(), ..PrintedCoupon::default() };
    let answer = Answer { coupons: vec![coupon], ..Answer::default() };
    let code = Print::Barcode { symbology: Symbology::Code128, data: "NEXT-7".into() };
    holds("a number in Code 128", paper::of_one(&answer, &texts::style()).contains(&code))
}

/// Row 12.
pub(super) async fn printed_qr(place: &Place) -> Check {
    for how in [Printed::Element, Printed::Marker] {
        let place = place.another().await?;
        let prints = earned(&place, how).await?;
        let found = prints.iter().find_map(|print| match print {
            Print::Qr { data } => Some(data.clone()),
            _ => None,
        });
        let data = some("QR code on paper", found)?;
        let content = place.house.with(|store| {
            store.coupons.values().find(|it| it.series == "NEXT").and_then(|it| it.qr.clone())
        });
        same("its content", Some(data.to_string()), content)?;
        shown_again(&place, Carrier::Qr, &data).await?;
    }
    Ok(())
}

/// Coffee is bought, which earns a coupon: what is printed.
async fn earned(place: &Place, how: Printed) -> Result<Vec<Print>, Failed> {
    place.house.with(|store| store.rules.printed = how);
    let till = place.till()?;
    let sold = sale(place.now(), Some(card()?), vec![coffee(1)], Vec::new());
    place.done(&till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    let pays = vec![pay("Cash", 10_000)];
    let accrued = place.done(&till, Command::Accrue { sale: sold.clone(), pays }).await?;
    place.done(&till, Command::Confirm { purchase: sold.purchase }).await?;
    Ok(paper::of_one(&accrued, &texts::style()))
}

/// What was printed is scanned at the next visit: 20 % off cheese.
async fn shown_again(place: &Place, carrier: Carrier, data: &str) -> Check {
    let till = place.till()?;
    let coupon = input::coupon(carrier, data)?;
    let mut sold = sale(place.now(), Some(card()?), vec![cheese(1)], vec![coupon]);
    same("the discount by it", sell(place, &till, &mut sold).await?, Kopecks(2_000))?;
    let used = place.house.with(|store| {
        let mut all = store.coupons.values().filter(|it| it.series == "NEXT");
        all.any(|it| it.state == CouponState::Used)
    });
    holds("it is used then", used)
}

/// Sells to the end; the discount that was granted.
async fn sell(place: &Place, till: &Loymax, sold: &mut Sale) -> Result<Kopecks, Failed> {
    let calculated =
        place.done(till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    sold.cheque = sold.cheque.discounted(&calculated)?;
    let pays = vec![pay("Cash", sold.cheque.total()?.0)];
    place.done(till, Command::Accrue { sale: sold.clone(), pays }).await?;
    place.done(till, Command::Confirm { purchase: sold.purchase.clone() }).await?;
    discount(&calculated)
}

fn discount(calculated: &Answer) -> Result<Kopecks, Failed> {
    let of_lines = calculated.lines.iter().filter_map(|line| line.discount);
    Ok(Kopecks::total(of_lines)?)
}

fn state(place: &Place, number: &str) -> Option<CouponState> {
    place.house.with(|store| store.coupons.get(number).map(|coupon| coupon.state))
}

fn sale_number(place: &Place) -> PurchaseId {
    sale(place.now(), None, Vec::new(), Vec::new()).purchase
}
