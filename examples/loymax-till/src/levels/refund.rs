//! Row 20: goods that come back.

use tillway::core::Kopecks;
use tillway::core::loyalty::{Answer, Carrier, Line, PurchaseId, Sale};
use tillway::core::port::LoyaltyProcessing;
use tillway::core::port::processing::{Command, Outcome};
use tillway::loymax::input;
use tillway::sim::loymax::house::RefundType;

use super::check::{Check, Failed, holds, same};
use super::place::{Place, TILL, card};
use crate::shop::{cheese, example, pay, sale, tea, thousandths};

/// Row 20.
pub(super) async fn refund(place: &Place) -> Check {
    in_parts(place).await?;
    bonus_first(&place.another().await?).await
}

/// Half of the tea, then the rest; the points are those of before the sale to the kopeck.
async fn in_parts(place: &Place) -> Check {
    let till = place.till()?;
    let of = sold(place, &till).await?;
    place.has("points after the sale", 16_351)?;
    let half = || vec![Line { quantity: thousandths(1_000), amount: Kopecks(13_500), ..tea(1) }];
    let (back, answer) = give_back(place, &till, &of, half()).await?;
    same("points for half of the tea", answer.amount, Some(Kopecks(4_375)))?;
    same("money for half of the tea", money(&back, &answer)?, Kopecks(9_125))?;
    same("the kind of the refund", answer.refund_kind.as_deref(), Some("Normal"))?;
    place.done(&till, Command::Cancel { purchase: back.purchase }).await?;
    place.has("points after a refund that was cancelled", 16_351)?;

    let (back, _) = give_back(place, &till, &of, half()).await?;
    place.done(&till, Command::Confirm { purchase: back.purchase }).await?;
    // 163.51 + 43.75 − 4.57.
    place.has("points after half of the tea", 20_269)?;
    let much = vec![Line { amount: Kopecks(27_000), ..tea(1) }];
    let much = refund_of(place, &of, much);
    let outcome = place.ask(&till, much).await?;
    holds("more than was sold is refused", matches!(outcome, Outcome::Refused(_)))?;

    let mut rest = half();
    rest.push(cheese(2));
    let (back, answer) = give_back(place, &till, &of, rest).await?;
    same("points for the rest", answer.amount, Some(Kopecks(5_625)))?;
    place.done(&till, Command::Confirm { purchase: back.purchase }).await?;
    place.has("points when all came back", 25_000)
}

/// Where points come back first.
async fn bonus_first(place: &Place) -> Check {
    place.house.with(|store| {
        if let Some(till) = store.tills.get_mut(TILL) {
            till.refund_type = RefundType::BonusFirst;
        }
    });
    let till = place.till()?;
    let of = sold(place, &till).await?;
    let half = vec![Line { quantity: thousandths(1_000), amount: Kopecks(13_500), ..tea(1) }];
    let (back, answer) = give_back(place, &till, &of, half).await?;
    same("points, which come first", answer.amount, Some(Kopecks(10_000)))?;
    same("money then", money(&back, &answer)?, Kopecks(3_500))?;
    same("the kind of the refund", answer.refund_kind.as_deref(), Some("BonusFirst"))
}

/// The worked example, sold to the end, 100.00 of it with points.
async fn sold(place: &Place, till: &dyn LoyaltyProcessing) -> Result<PurchaseId, Failed> {
    let coupon = input::coupon(Carrier::Number, "SPRING-20")?;
    let mut sold = sale(place.now(), Some(card()?), example(), vec![coupon]);
    let calculated =
        place.done(till, Command::Calculate { sale: sold.clone(), wish: None }).await?;
    sold.cheque = sold.cheque.discounted(&calculated)?;
    let amount = Kopecks(10_000);
    place.done(till, Command::Pay { sale: sold.clone(), amount, pin: None }).await?;
    let pays = vec![pay("Cash", 20_000), pay("Card", 7_000)];
    place.done(till, Command::Accrue { sale: sold.clone(), pays }).await?;
    place.done(till, Command::Confirm { purchase: sold.purchase.clone() }).await?;
    Ok(sold.purchase)
}

fn refund_of(place: &Place, of: &PurchaseId, lines: Vec<Line>) -> Command {
    let sale = sale(place.now(), None, lines, Vec::new());
    Command::Refund { sale, of: Some(of.clone()), transaction: None }
}

async fn give_back(
    place: &Place,
    till: &dyn LoyaltyProcessing,
    of: &PurchaseId,
    lines: Vec<Line>,
) -> Result<(Sale, Answer), Failed> {
    let command = refund_of(place, of, lines);
    let sale = command.sale().cloned().ok_or_else(|| Failed::new("a refund has a cheque"))?;
    let answer = place.done(till, command).await?;
    Ok((sale, answer))
}

fn money(back: &Sale, answer: &Answer) -> Result<Kopecks, Failed> {
    Ok(back.cheque.total()?.sub(answer.amount.unwrap_or_default())?)
}
