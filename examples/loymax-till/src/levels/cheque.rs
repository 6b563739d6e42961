//! Rows 13 to 15 and 17 to 19: what is bought, and what it costs.

use tillway::core::Kopecks;
use tillway::core::loyalty::{Carrier, Goods, Line, Sale};
use tillway::core::port::processing::Command;
use tillway::loymax::{Dialect, dialect, input};
use tillway::memory::MemoryStore;
use tillway::sim::loymax::house::{Coupon, Kind};

use super::check::{Check, Failed, holds, same, some};
use super::place::{Place, card};
use crate::shop::{cheese, example, line, sale, tea, thousandths};

/// The worked example, not calculated yet.
fn worked(place: &Place) -> Result<Sale, Failed> {
    let coupon = input::coupon(Carrier::Number, "SPRING-20")?;
    Ok(sale(place.now(), Some(card()?), example(), vec![coupon]))
}

/// Row 13.
pub(super) async fn goods(place: &Place) -> Check {
    let till = place.till()?;
    let by_barcode = Goods::Barcode("4600000000022".into());
    let lines = vec![tea(1), Line { goods: by_barcode, ..tea(2) }];
    let sold = Sale { cheque: sale(place.now(), None, lines, Vec::new()).cheque, ..worked(place)? };
    let answer = place.done(&till, Command::Calculate { sale: sold, wish: None }).await?;
    let off: Vec<_> = answer.lines.iter().map(|line| (line.position, line.discount)).collect();
    let tenth = Some(Kopecks(3_000));
    same("the discounts of both lines", off, vec![(1, tenth), (2, tenth)])?;
    let sent = place.sent(Kind::Calculate);
    let last = some("request", sent.last())?;
    holds("a code is sent", last.contains("GoodsId=\"SKU-1001\""))?;
    holds("a barcode is sent", last.contains("Barcode=\"4600000000022\""))
}

/// Row 14.
pub(super) async fn promo(place: &Place) -> Check {
    place.house.with(|store| store.rules.line_attributes = true);
    for carrier in [dialect::Carrier::Param, dialect::Carrier::Attribute] {
        let till = place.till_with(|config| config.dialect.promo = carrier)?;
        let lines = vec![Line { promo: true, ..tea(1) }, tea(2)];
        let cheque = sale(place.now(), None, lines, Vec::new()).cheque;
        let sold = Sale { cheque, ..worked(place)? };
        let answer = place.done(&till, Command::Calculate { sale: sold, wish: None }).await?;
        let off: Vec<_> = answer.lines.iter().map(|line| (line.position, line.discount)).collect();
        let expected = vec![(1, Some(Kopecks::ZERO)), (2, Some(Kopecks(3_000)))];
        same(&format!("the discounts, the flag as {carrier:?}"), off, expected)?;
        let sent = place.sent(Kind::Calculate);
        let last = some("request", sent.last())?;
        same("lines with the flag", last.matches("IsPromo").count(), 1)?;
    }
    Ok(())
}

/// Row 15.
pub(super) async fn price_min(place: &Place) -> Check {
    place.house.with(|store| {
        store.rules.line_attributes = true;
        let coupon = Coupon::issued("NEXT-1", "NEXT");
        store.coupons.insert(coupon.number.clone(), coupon);
    });
    for carrier in [dialect::Carrier::Param, dialect::Carrier::Attribute] {
        let change = |dialect: &mut Dialect| dialect.price_min = carrier;
        let till = place.till_with(|config| change(&mut config.dialect))?;
        // 20 % would make it 80.00; 70.00 × 1.250 is 87.50.
        let floor = Line { price_min: Some(Kopecks(7_000)), ..cheese(1) };
        let coupon = input::coupon(Carrier::Number, "NEXT-1")?;
        let cheap = sale(place.now(), Some(card()?), vec![floor], vec![coupon]);
        let purchase = cheap.purchase.clone();
        let answer = place.done(&till, Command::Calculate { sale: cheap, wish: None }).await?;
        let amounts: Vec<_> = answer.lines.iter().map(|line| line.amount).collect();
        same("the least that cheese costs", amounts, vec![Some(Kopecks(8_750))])?;
        place.done(&till, Command::Cancel { purchase }).await?;

        let mut sold = worked(place)?;
        let calculated =
            place.done(&till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
        sold.cheque = sold.cheque.discounted(&calculated)?;
        let amount = Kopecks(10_000);
        let command = Command::Pay { sale: sold.clone(), amount, pin: None };
        let paid = place.done(&till, command).await?;
        let laid: Vec<_> = paid.lines.iter().map(|line| (line.position, line.paid)).collect();
        let expected = vec![(1, Some(Kopecks(8_750))), (2, Some(Kopecks(1_250)))];
        same("the points on the lines", laid, expected)?;
        place.done(&till, Command::Cancel { purchase: sold.purchase }).await?;
    }
    Ok(())
}

/// Row 17.
pub(super) async fn available(place: &Place) -> Check {
    let till = place.till()?;
    let mut sold = worked(place)?;
    let calculated =
        place.done(&till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    let most = Some(Kopecks(11_100));
    same("points by the calculation", (calculated.points, calculated.amount), (most, most))?;
    sold.cheque = sold.cheque.discounted(&calculated)?;
    let asked = place.done(&till, Command::Available { sale: sold.clone() }).await?;
    same("points that may be taken", (asked.points, asked.amount), (most, most))?;
    let pay = |amount| Command::Pay { sale: sold.clone(), amount, pin: None };
    place.refused(&till, pay(Kopecks(11_101)), "203").await?;
    let paid = place.done(&till, pay(Kopecks(11_100))).await?;
    same("points that were taken", paid.points, most)
}

/// Row 18.
pub(super) async fn local_discount(place: &Place) -> Check {
    place.house.with(|store| {
        let coupon = Coupon::issued("NEXT-1", "NEXT");
        store.coupons.insert(coupon.number.clone(), coupon);
    });
    let till = place.till()?;
    let coupon = input::coupon(Carrier::Number, "NEXT-1")?;
    let sold = sale(place.now(), Some(card()?), vec![cheese(1)], vec![coupon]);
    let answer = place.done(&till, Command::Calculate { sale: sold, wish: None }).await?;
    let first = some("line", answer.lines.first())?;
    // A fifth of 100.00, not of 112.38.
    same("the discount", first.discount, Some(Kopecks(2_000)))?;
    same("what is left", first.amount, Some(Kopecks(8_000)))?;
    let sent = place.sent(Kind::Calculate);
    let last = some("request", sent.last())?;
    let told = last.contains("Amount=\"100.00\"") && last.contains("Discount=\"12.38\"");
    holds("amount 100.00 and discount 12.38 are sent", told)
}

/// Row 19.
pub(super) async fn direct_discount(place: &Place) -> Check {
    let loyalty = place.loyalty(place.till()?, &MemoryStore::new())?;
    let mut sold = worked(place)?;
    let first = loyalty.calculate(&sold, None, None).await?;
    let off: Vec<_> = first.answer.lines.iter().map(|it| (it.position, it.discount)).collect();
    let expected = vec![(1, Some(Kopecks(3_000))), (2, Some(Kopecks::ZERO))];
    same("the discounts", off, expected)?;
    same("the sum of the receipt", first.cheque.total()?, Kopecks(37_000))?;
    // The guest takes a third one.
    let goods = Goods::Code("SKU-1001".into());
    if let Some(tea) = sold.cheque.lines.first_mut() {
        *tea = line(1, goods, "Чай", 15_000, thousandths(3_000));
    }
    let second = loyalty.calculate(&sold, None, None).await?;
    same("the sum of the changed cheque", second.cheque.total()?, Kopecks(50_500))?;
    let records: Vec<_> =
        place.processing.journal().into_iter().flat_map(|it| it.commands).collect();
    let [one, two] = records.as_slice() else {
        return Err(Failed::new(format!("{} messages instead of 2", records.len())));
    };
    same("the purchase of both", &one.purchase, &two.purchase)?;
    same("the purchase", one.purchase.as_deref(), Some(sold.purchase.as_str()))?;
    holds("each message has an id of its own", one.operation != two.operation)
}
