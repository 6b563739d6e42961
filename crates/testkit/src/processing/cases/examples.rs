//! The worked example of loymax.md 7, to the kopeck.

use tillway_core::Kopecks;
use tillway_core::loyalty::{Answer, LineAnswer, Sale};
use tillway_core::port::processing::{Class, Command};

use crate::conformance::{Failure, check, same};
use crate::processing::Ground;
use crate::processing::ground::{accrue, pay};
use crate::processing::house::{
    AVAILABLE, CARD, EARNED_PARTS, PAID, PAID_PARTS, POINTS, SOLD, guest,
};

type Done = Result<(), Failure>;

/// What an answer says of tea and cheese.
fn parts(answer: &Answer, part: fn(&LineAnswer) -> Option<Kopecks>) -> Vec<(u32, Kopecks)> {
    let mut parts: Vec<_> = answer
        .lines
        .iter()
        .map(|line| (line.position, part(line).unwrap_or(Kopecks::ZERO)))
        .collect();
    parts.sort_unstable();
    parts
}

fn of_lines([tea, cheese]: [Kopecks; 2]) -> Vec<(u32, Kopecks)> {
    vec![(1, tea), (2, cheese)]
}

/// A guest is told all that is there.
pub async fn balance_is_told(ground: &mut Ground) -> Done {
    same(ground.balance(CARD).await?, POINTS)
}

/// 10 % off the tea, nothing off what is promoted; 111.00 may be paid with points.
pub async fn calculate_grants_discounts(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let answer = ground.done(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    same(parts(&answer, |line| line.discount), of_lines([Kopecks(3_000), Kopecks::ZERO]))?;
    same(parts(&answer, |line| line.amount), of_lines([Kopecks(27_000), Kopecks(10_000)]))?;
    same((answer.points, answer.amount), (Some(AVAILABLE), Some(AVAILABLE)))?;
    let books = ground.books();
    same((books.reserved, books.open), (Kopecks::ZERO, vec![sale.purchase]))
}

/// It changes nothing, so that it may be asked at any time.
pub async fn available_is_what_may_be_taken(ground: &mut Ground) -> Done {
    let mut sale = ground.calculated().await?;
    let answer = ground.done(Command::Available { sale: sale.clone() }).await?;
    same((answer.points, answer.amount), (Some(AVAILABLE), Some(AVAILABLE)))?;
    same(ground.books().reserved, Kopecks::ZERO)?;
    // Of a sale that nobody calculated as well.
    sale.purchase = ground.number();
    ground.done(Command::Available { sale: sale.clone() }).await?;
    check(!ground.books().open.contains(&sale.purchase), "a question opened a purchase")
}

/// 87.50 on the tea, 12.50 on the cheese.
pub async fn payment_lies_on_the_lines(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let answer = ground.done(pay(&sale, PAID)).await?;
    same((answer.points, answer.amount), (Some(PAID), Some(PAID)))?;
    same(parts(&answer, |line| line.paid), of_lines(PAID_PARTS))
}

/// Cheese is taken to its floor, tea bears the rest.
pub async fn payment_of_all_that_is_available(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let answer = ground.done(pay(&sale, AVAILABLE)).await?;
    same(parts(&answer, |line| line.paid), of_lines([Kopecks(9_850), Kopecks(1_250)]))
}

/// The points of a payment are kept for it and gone for every other, but not moved.
pub async fn payment_is_reserved(ground: &mut Ground) -> Done {
    same(ground.balance(CARD).await?, POINTS)?;
    ground.paid().await?;
    let books = ground.books();
    same((books.points, books.reserved), (POINTS, PAID))?;
    same(ground.balance(CARD).await?, POINTS.sub(PAID)?)
}

/// 9.13 and 4.38, each rounded by itself.
pub async fn accrual_is_line_by_line(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    let answer = ground.done(accrue(&sale, PAID)?).await?;
    same(parts(&answer, |line| line.cashback), of_lines(EARNED_PARTS))?;
    if let Some(total) = answer.totals.cashback {
        same(total, Kopecks::total(EARNED_PARTS)?)?;
    }
    // Nothing is earned before it is confirmed.
    same((ground.books().points, ground.books().reserved), (POINTS, PAID))
}

/// 250.00 − 100.00 + 13.51.
pub async fn confirm_moves_points(ground: &mut Ground) -> Done {
    ground.sold().await?;
    let books = ground.books();
    same((books.points, books.reserved, books.open), (SOLD, Kopecks::ZERO, Vec::new()))?;
    same(ground.balance(CARD).await?, SOLD)
}

/// Whatever was reserved.
pub async fn cancel_releases_everything(ground: &mut Ground) -> Done {
    for stage in 0..3 {
        let sale = match stage {
            0 => ground.calculated().await?,
            1 => ground.paid().await?,
            _ => ground.closed().await?,
        };
        ground.done(Command::Cancel { purchase: sale.purchase }).await?;
        let books = ground.books();
        same((books.points, books.reserved, books.open), (POINTS, Kopecks::ZERO, Vec::new()))?;
    }
    Ok(())
}

/// A cheque may be calculated again while it changes; the last one counts.
pub async fn recalculation_replaces(ground: &mut Ground) -> Done {
    let mut sale = ground.sale();
    ground.done(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    sale.cheque.lines.truncate(1);
    let answer = ground.done(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    same(parts(&answer, |line| line.amount), vec![(1, Kopecks(27_000))])?;
    same(answer.points, Some(Kopecks(8_100)))?;
    same(ground.books().open.len(), 1)
}

/// At the prices of the till, told when the link is back (loymax.md 9.3).
pub async fn offline_sale_earns(ground: &mut Ground) -> Done {
    let mut sale = ground.sale();
    sale.coupons.clear();
    let answer = ground.done(accrue(&sale, Kopecks::ZERO)?).await?;
    same(parts(&answer, |line| line.cashback), of_lines([Kopecks(1_500), Kopecks(500)]))?;
    ground.done(Command::Confirm { purchase: sale.purchase }).await?;
    ground.expects(Kopecks(27_000));
    Ok(())
}

/// A cheque without a card is told and confirmed all the same.
pub async fn sale_of_nobody_moves_nothing(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let sale = Sale { guest: None, coupons: Vec::new(), ..sale };
    ground.done(accrue(&sale, Kopecks::ZERO)?).await?;
    ground.done(Command::Confirm { purchase: sale.purchase }).await?;
    same(ground.books().open, Vec::new())
}

/// What the totals of an answer say is the sum of its lines.
pub async fn totals_are_sums_of_lines(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let granted = ground.done(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    let mut sale = sale;
    sale.cheque = sale.cheque.discounted(&granted).map_err(|e| Failure::new(e.to_string()))?;
    let paid = ground.done(pay(&sale, PAID)).await?;
    let earned = ground.done(accrue(&sale, PAID)?).await?;
    for answer in [&granted, &paid, &earned] {
        let sum = |part: fn(&LineAnswer) -> Option<Kopecks>| {
            Kopecks::total(answer.lines.iter().filter_map(part))
        };
        let rows = [
            (answer.totals.amount, sum(|line| line.amount)?),
            (answer.totals.discount, sum(|line| line.discount)?),
            (answer.totals.cashback, sum(|line| line.cashback)?),
        ];
        for (total, sum) in rows {
            // A part that no line names is not told.
            check(total.is_none_or(|total| total == sum || sum.is_zero()), "a total is no sum")?;
        }
    }
    let laid = Kopecks::total(paid.lines.iter().filter_map(|line| line.paid))?;
    same(paid.amount, Some(laid))
}

/// The same cheque without the coupon and with it.
pub async fn discount_hangs_on_the_coupon(ground: &mut Ground) -> Done {
    let mut sale = ground.sale();
    let coupons = core::mem::take(&mut sale.coupons);
    let without = ground.done(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    same(parts(&without, |line| line.amount), of_lines([Kopecks(30_000), Kopecks(10_000)]))?;
    sale.coupons = coupons;
    let with = ground.done(Command::Calculate { sale, wish: None }).await?;
    same(parts(&with, |line| line.amount), of_lines([Kopecks(27_000), Kopecks(10_000)]))
}

/// And is given back with a sale that is cancelled.
pub async fn coupon_is_used_once(ground: &mut Ground) -> Done {
    let first = ground.closed().await?;
    ground.done(Command::Cancel { purchase: first.purchase }).await?;
    let mut again = ground.sale();
    again.coupons.clone_from(&first.coupons);
    let answer = ground.done(Command::Calculate { sale: again.clone(), wish: None }).await?;
    again.cheque = again.cheque.discounted(&answer).map_err(|e| Failure::new(e.to_string()))?;
    ground.done(accrue(&again, Kopecks::ZERO)?).await?;
    ground.done(Command::Confirm { purchase: again.purchase.clone() }).await?;
    // 5 % of 370.00.
    ground.expects(Kopecks(26_850));
    let mut third = ground.sale();
    third.coupons = again.coupons;
    same(ground.refused(Command::Calculate { sale: third, wish: None }).await?, Class::Coupon)
}

/// Discount, withdrawal, accrual and balance have words of their own.
pub async fn words_come_with_the_answers(ground: &mut Ground) -> Done {
    let told = ground.done(Command::Balance { guest: guest(CARD) }).await?;
    check(told.for_cashier.contains("250"), "the cashier is not told the balance")?;
    let mut sale = ground.sale();
    let granted = ground.done(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    check(!granted.for_cashier.is_empty(), "no word about the discount")?;
    check(granted.for_receipt.contains("30"), "the receipt does not tell the discount")?;
    sale.cheque = sale.cheque.discounted(&granted).map_err(|e| Failure::new(e.to_string()))?;
    let paid = ground.done(pay(&sale, PAID)).await?;
    check(paid.for_receipt.contains("100"), "the receipt does not tell the withdrawal")?;
    let earned = ground.done(accrue(&sale, PAID)?).await?;
    check(earned.for_receipt.contains("13.51"), "the receipt does not tell the accrual")?;
    check(earned.for_receipt.contains("163.51"), "the receipt does not tell the balance")
}
