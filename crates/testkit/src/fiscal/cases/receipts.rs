//! Receipts: what is written, and what is refused before anything is sent.

use tillway_core::Kopecks;
use tillway_core::fiscal::{
    Basis, BasisKind, DocumentKind, Field, Limits, Method, Object, Operator, Paid, Portion,
    Quantity, Receipt, ReceiptKind, ReturnError, Tender, VatRate,
};
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome};

use crate::conformance::{Failure, check, same};
use crate::fiscal::ground::receipt;
use crate::fiscal::{Ground, Settled, Trouble};

/// The register says whose memory it writes to, and which rates it knows.
pub async fn probe_names_the_memory(g: &mut Ground) -> Result<(), Failure> {
    let device = g.register().probe().await?;
    same(device.memory, g.register().mark().await?.memory)?;
    let limits = g.register().capabilities().limits;
    check(!limits.rates.is_empty() && limits.lines > 0, "it takes a receipt")?;
    let status = g.register().status().await?;
    check(status.paper && !status.cover_open && !status.blocked, "it is ready")
}

/// Calls of several tasks wait for one another, or are told that the register is busy.
pub async fn calls_at_once_wait_for_one_another(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let (one, two) = (g.sale_document(), g.sale_document());
    let (first, second) = (g.attempt().await?, g.attempt().await?);
    let register = g.register();
    let (first_answer, second_answer) =
        futures::join!(register.register(&first, &one), register.register(&second, &two));
    for (attempt, what, answer) in [(&first, &one, first_answer), (&second, &two, second_answer)] {
        if let FiscalOutcome::NotWritten(error) = &answer {
            same(error.cause, Cause::Busy)?;
        }
        if g.settle(attempt, what, answer).await? == Settled::NotWritten {
            g.write(what).await?;
        }
    }
    Ok(())
}

/// A receipt is in the memory with kind, total, shift and the next number, and is printed.
pub async fn receipt_is_in_the_memory(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let shift = g.register().shift().await?.number;
    let before = g.register().mark().await?;
    let sale = g.sale_document();
    let written = g.write(&sale).await?;
    same(written.kind, DocumentKind::Receipt(ReceiptKind::Sell))?;
    same(written.number, before.last.saturating_add(1))?;
    same(written.shift.unwrap_or(shift), shift)?;
    same(written.memory.clone().unwrap_or(before.memory.clone()), before.memory.clone())?;
    let after = g.register().mark().await?;
    same((after.memory, after.last), (before.memory, written.number))?;
    let Some(read) = g.register().document(written.number).await? else {
        return Err(Failure::new("the memory does not give the document back"));
    };
    same((read.kind, read.number, read.total), (written.kind, written.number, written.total))?;
    same(g.register().document(written.number.saturating_add(1)).await?, None)
}

/// Numbers grow by one, whatever is written.
pub async fn receipt_numbers_have_no_gaps(g: &mut Ground) -> Result<(), Failure> {
    let mut last = g.open_shift().await?.number;
    for _ in 0..10 {
        let sale = g.sale_document();
        let number = g.write(&sale).await?.number;
        same(number, last.saturating_add(1))?;
        last = number;
    }
    same(g.register().mark().await?.last, last)
}

/// A return is its own kind.
pub async fn receipt_of_a_return(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let sale = g.sale();
    let back = Receipt { kind: ReceiptKind::SellReturn, ..sale.clone() };
    g.write(&Fiscal::Receipt(Box::new(sale))).await?;
    let written = g.write(&Fiscal::Receipt(Box::new(back))).await?;
    same(written.kind, DocumentKind::Receipt(ReceiptKind::SellReturn))
}

/// F24 to F26: parts of a sale go back at its rates and by its tenders, and add up to it.
pub async fn f24_to_f26_returns_by_lines_add_up(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let rates = g.register().capabilities().limits.rates;
    let mut sale = receipt(ReceiptKind::Sell, Kopecks(4_000), Tender::Card);
    sale.lines.extend(receipt(ReceiptKind::Sell, Kopecks(19_999), Tender::Card).lines);
    for (line, vat) in sale.lines.iter_mut().zip(rates) {
        line.vat = vat;
    }
    if let Some(three) = sale.lines.first_mut() {
        three.quantity = Quantity::units(3)?;
        three.amount = Kopecks(10_001);
    }
    let tenders = [(Tender::Cash, 8_000), (Tender::Card, 12_000), (Tender::Prepaid, 10_000)];
    let paid = tenders.map(|(tender, amount)| Paid { tender, amount: Kopecks(amount) });
    sale.paid = paid.to_vec();
    g.write(&Fiscal::Receipt(Box::new(sale.clone()))).await?;
    let mut parts = Vec::new();
    for lines in [&[0_usize][..], &[0], &[0, 1]] {
        let portions: Vec<_> =
            lines.iter().map(|line| Portion { line: *line, quantity: Quantity::ONE }).collect();
        let part = sale.give_back(&parts, &portions)?;
        let written = g.write(&Fiscal::Receipt(Box::new(part.receipt.clone()))).await?;
        same(written.kind, DocumentKind::Receipt(ReceiptKind::SellReturn))?;
        parts.push(part);
    }
    same(sale.give_back_rest(&parts), Err(ReturnError::Nothing))?;
    let totals = g.register().totals().await?;
    let mut back = totals.sell_return;
    back.paid.sort_by_key(|paid| paid.tender);
    same((back.count, back.sum), (3, sale.total()?))?;
    same(back.paid, paid.to_vec())?;
    same(totals.drawer, Kopecks::ZERO)
}

/// F12: a correction is a document of its own kind.
pub async fn f12_receipt_of_a_correction(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for kind in [ReceiptKind::Sell, ReceiptKind::SellReturn] {
        let basis = Some(Basis { kind: BasisKind::Own, date: (2026, 3, 1), number: None });
        let correction = Receipt { kind, basis, ..g.sale() };
        let written = g.write(&Fiscal::Receipt(Box::new(correction))).await?;
        same(written.kind, DocumentKind::Correction(kind))?;
    }
    Ok(())
}

/// F24: every rate that the register says it knows is taken.
pub async fn f24_every_rate_is_taken(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for vat in g.register().capabilities().limits.rates {
        let mut sale = g.sale();
        for line in &mut sale.lines {
            line.vat = vat;
        }
        g.write(&Fiscal::Receipt(Box::new(sale))).await?;
    }
    Ok(())
}

/// Section 5 of the rules of money: each way a line is settled, with its tender.
pub async fn receipt_of_every_method(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let rows = [
        (Method::Advance, Object::Payment, Tender::Card, VatRate::Vat122),
        (Method::FullPayment, Object::Commodity, Tender::Prepaid, VatRate::Vat22),
        (Method::Credit, Object::Commodity, Tender::Credit, VatRate::Vat22),
        (Method::CreditPayment, Object::Payment, Tender::Cash, VatRate::None),
    ];
    let known = g.register().capabilities().limits.rates;
    for (method, object, tender, vat) in rows {
        let mut sale = g.sale();
        for line in &mut sale.lines {
            (line.method, line.object) = (method, object);
            line.vat = if known.contains(&vat) { vat } else { line.vat };
        }
        sale.paid.iter_mut().for_each(|paid| paid.tender = tender);
        g.write(&Fiscal::Receipt(Box::new(sale))).await?;
    }
    Ok(())
}

/// Several lines and tenders make one total; more cash than that is change.
pub async fn receipt_of_several_tenders(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let mut sale = receipt(ReceiptKind::Sell, Kopecks(10_001), Tender::Card);
    sale.lines.extend(receipt(ReceiptKind::Sell, Kopecks(333), Tender::Card).lines);
    if let Some(line) = sale.lines.last_mut() {
        line.quantity = Quantity::units(3)?;
        line.amount = Kopecks(998);
    }
    let paid = |tender, amount| Paid { tender, amount: Kopecks(amount) };
    sale.paid =
        vec![paid(Tender::Prepaid, 5_000), paid(Tender::Card, 4_000), paid(Tender::Cash, 5_000)];
    let written = g.write(&Fiscal::Receipt(Box::new(sale))).await?;
    same(written.total.unwrap_or(Kopecks(10_999)), Kopecks(10_999))?;
    let totals = g.register().totals().await?;
    same((totals.sell.sum, totals.drawer), (Kopecks(10_999), Kopecks(1_999)))
}

/// More cash is given back than the drawer has: refused, and nothing is written.
pub async fn receipt_needs_the_money(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let back = receipt(ReceiptKind::SellReturn, Kopecks(100), Tender::Cash);
    same(g.refused(&Fiscal::Receipt(Box::new(back))).await?.cause, Cause::Money)
}

/// A receipt that is wrong is refused before anything is sent: also when nobody is at the other
/// end of the cable. The text names the field.
pub async fn receipt_is_checked_before_it_is_sent(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let limits = g.register().capabilities().limits;
    let wrong = wrong(&g.sale(), &limits);
    let documents = g.documents();
    for unplugged in [false, true] {
        let before = g.register().mark().await?;
        if unplugged {
            g.venue().befall(Trouble::Unplugged).await;
        }
        for (field, receipt) in &wrong {
            let attempt = g.attempt_from(before.clone());
            let what = Fiscal::Receipt(Box::new(receipt.clone()));
            match g.register().register(&attempt, &what).await {
                FiscalOutcome::NotWritten(error) if error.cause == Cause::BadReceipt => {
                    let (text, field) = (&error.text, field.to_string());
                    check(text.contains(&field), &format!("{text:?} does not name {field}"))?;
                }
                other => return Err(Failure::new(format!("wrong {field}: {other:?}"))),
            }
        }
        same(g.documents(), documents.clone())?;
    }
    Ok(())
}

/// Receipts that are wrong in one way each, with the field that is to blame.
fn wrong(right: &Receipt, limits: &Limits) -> Vec<(Field, Receipt)> {
    let line = |part, change: &dyn Fn(&mut tillway_core::fiscal::Line)| {
        let mut receipt = right.clone();
        receipt.lines.iter_mut().for_each(change);
        (Field::Line { index: 0, part }, receipt)
    };
    let too_many = right.lines.iter().cycle().take(limits.lines.saturating_add(1));
    let paid = |amount| Paid { tender: Tender::Card, amount };
    let nobody = Operator { name: " ".into(), vatin: None };
    let above = Kopecks(i64::MAX / 2);
    let mut rows = vec![
        (Field::Lines, Receipt { lines: Vec::new(), ..right.clone() }),
        (Field::Lines, Receipt { lines: too_many.cloned().collect(), ..right.clone() }),
        line("name", &|line| line.name = "".into()),
        line("name", &|line| line.name = "я".repeat(129).into()),
        line("name", &|line| line.name = "кофе\n".into()),
        line("price", &|line| line.price = Kopecks(-1)),
        line("amount", &|line| line.amount = Kopecks(-1)),
        line("amount", &|line| line.amount = above),
        (Field::Payments, Receipt { paid: Vec::new(), ..right.clone() }),
        (Field::Payments, Receipt { paid: vec![paid(Kopecks(1))], ..right.clone() }),
        (Field::Payments, Receipt { paid: vec![paid(above)], ..right.clone() }),
        (Field::Paid { index: 0 }, Receipt { paid: vec![paid(Kopecks(-1))], ..right.clone() }),
        (Field::Operator, Receipt { operator: Some(nobody), ..right.clone() }),
        (Field::Notes, Receipt { notes: vec!["я".repeat(257).into()], ..right.clone() }),
    ];
    let unknown = VatRate::ALL.into_iter().find(|rate| !limits.rates.contains(rate));
    rows.extend(unknown.map(|rate| line("vat", &|line| line.vat = rate)));
    rows
}
