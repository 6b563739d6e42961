//! Goods that go back: the checks of loymax.md 7.9, and that parts never drift.

use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::port::processing::{Class, Command};

use crate::conformance::{Failure, same};
use crate::processing::ground::{half_the_tea, refund};
use crate::processing::house::{POINTS, SOLD, cheese, pair, tea};
use crate::processing::{Change, Ground};

type Done = Result<(), Failure>;

/// Half of the tea: 43.75 come back as points, 91.25 as money, and 4.57 are no longer earned.
pub async fn refund_of_a_part(ground: &mut Ground) -> Done {
    let sale = ground.sold().await?;
    let back = ground.back(Some(&sale), vec![half_the_tea()]);
    let answer = ground.done(refund(&back, Some(&sale))).await?;
    let part = Some(Kopecks(4_375));
    same((answer.points, answer.amount), (part, part))?;
    same(ground.books().points, SOLD)?;
    ground.done(Command::Confirm { purchase: back.purchase }).await?;
    ground.expects(Kopecks(20_269));
    Ok(())
}

/// Then all of them come back with the half of the tea.
pub async fn refund_with_points_first(ground: &mut Ground) -> Done {
    ground.change(Change::PointsFirst).await;
    let sale = ground.sold().await?;
    let back = ground.back(Some(&sale), vec![half_the_tea()]);
    let answer = ground.done(refund(&back, Some(&sale))).await?;
    same((answer.points, answer.amount), (Some(Kopecks(10_000)), Some(Kopecks(10_000))))?;
    ground.done(Command::Confirm { purchase: back.purchase }).await?;
    ground.expects(Kopecks(25_894));
    Ok(())
}

/// One pack, the other, the cheese: the guest has what was there before the sale.
pub async fn refund_in_parts_does_not_drift(ground: &mut Ground) -> Done {
    let sale = ground.sold().await?;
    let mut points = Vec::new();
    for line in [half_the_tea(), cheese(), half_the_tea()] {
        let back = ground.back(Some(&sale), vec![line]);
        points.extend(ground.done(refund(&back, Some(&sale))).await?.points);
        ground.done(Command::Confirm { purchase: back.purchase }).await?;
    }
    same(points, vec![Kopecks(4_375), Kopecks(1_250), Kopecks(4_375)])?;
    ground.expects(POINTS);
    Ok(())
}

/// Neither in one refund nor in two.
pub async fn refund_of_more_than_was_sold(ground: &mut Ground) -> Done {
    let sale = ground.sold().await?;
    let three = Quantity::from_micro(3_000_000)?;
    let back = ground.back(Some(&sale), vec![tea(Kopecks(40_500), three)]);
    same(ground.refused(refund(&back, Some(&sale))).await?, Class::OtherCheque)?;
    // An open refund counts.
    let all = ground.back(Some(&sale), vec![tea(Kopecks(27_000), pair())]);
    ground.done(refund(&all, Some(&sale))).await?;
    let more = ground.back(Some(&sale), vec![half_the_tea()]);
    same(ground.refused(refund(&more, Some(&sale))).await?, Class::OtherCheque)
}

/// And what it held may go back later.
pub async fn cancelled_refund_moves_nothing(ground: &mut Ground) -> Done {
    let sale = ground.sold().await?;
    for _ in 0..2 {
        let back = ground.back(Some(&sale), vec![tea(Kopecks(27_000), pair())]);
        ground.done(refund(&back, Some(&sale))).await?;
        ground.done(Command::Cancel { purchase: back.purchase.clone() }).await?;
        let confirm = Command::Confirm { purchase: back.purchase };
        same(ground.refused(confirm).await?, Class::Cancelled)?;
        same((ground.books().points, ground.books().open), (SOLD, Vec::new()))?;
    }
    Ok(())
}

/// A sale that is unknown, or not confirmed.
pub async fn refund_of_what_was_not_sold(ground: &mut Ground) -> Done {
    let nobodys = ground.sale();
    let back = ground.back(Some(&nobodys), vec![half_the_tea()]);
    same(ground.refused(refund(&back, Some(&nobodys))).await?, Class::UnknownPurchase)?;
    let unconfirmed = ground.closed().await?;
    let back = ground.back(Some(&unconfirmed), vec![half_the_tea()]);
    same(ground.refused(refund(&back, Some(&unconfirmed))).await?, Class::WrongOrder)
}

/// All of it is money.
pub async fn refund_without_a_sale(ground: &mut Ground) -> Done {
    let back = ground.back(None, vec![half_the_tea()]);
    let answer = ground.done(refund(&back, None)).await?;
    same(answer.amount.unwrap_or(Kopecks::ZERO), Kopecks::ZERO)?;
    ground.done(Command::Confirm { purchase: back.purchase }).await.map(drop)
}
