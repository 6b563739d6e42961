//! The states of a purchase: loymax.md 9, row by row.

use tillway_core::Kopecks;
use tillway_core::loyalty::Sale;
use tillway_core::port::processing::{Class, Command};

use crate::conformance::{Failure, same};
use crate::processing::Ground;
use crate::processing::ground::{accrue, half_the_tea, pay, refund};
use crate::processing::house::PAID;

type Done = Result<(), Failure>;

fn calculate(sale: &Sale) -> Command {
    Command::Calculate { sale: sale.clone(), wish: None }
}

fn available(sale: &Sale) -> Command {
    Command::Available { sale: sale.clone() }
}

fn confirm(sale: &Sale) -> Command {
    Command::Confirm { purchase: sale.purchase.clone() }
}

fn cancel(sale: &Sale) -> Command {
    Command::Cancel { purchase: sale.purchase.clone() }
}

/// Each of these commands is refused so, and leaves the books as they were.
async fn refuses(ground: &mut Ground, rows: Vec<(Command, Class)>) -> Done {
    for (command, class) in rows {
        let (kind, before) = (command.kind(), ground.books());
        let said = ground.refused(command).await?;
        same((kind, said), (kind, class))?;
        same(ground.books(), before)?;
    }
    Ok(())
}

/// A refund under the number of a purchase.
fn refund_as(ground: &Ground, sale: &Sale) -> Command {
    let back = ground.back(Some(sale), vec![half_the_tea()]);
    refund(&Sale { purchase: sale.purchase.clone(), ..back }, Some(sale))
}

/// Nothing is paid, confirmed or cancelled that nobody told.
pub async fn s9_nothing_was_told(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let rows = vec![
        (pay(&sale, PAID), Class::WrongOrder),
        (confirm(&sale), Class::UnknownPurchase),
        (cancel(&sale), Class::UnknownPurchase),
    ];
    refuses(ground, rows).await
}

/// Calculated: not confirmed yet; the rest goes on.
pub async fn s9_calculated(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let taken = refund_as(ground, &sale);
    refuses(ground, vec![(confirm(&sale), Class::WrongOrder), (taken, Class::PurchaseTaken)])
        .await?;
    ground.done(available(&sale)).await?;
    ground.done(pay(&sale, PAID)).await.map(drop)
}

/// Paid: no other cheque, no other payment, not confirmed yet.
pub async fn s9_paid(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    let taken = refund_as(ground, &sale);
    let rows = vec![
        (calculate(&sale), Class::WrongOrder),
        (pay(&sale, Kopecks(1_000)), Class::AlreadyPaid),
        (confirm(&sale), Class::WrongOrder),
        (taken, Class::PurchaseTaken),
    ];
    refuses(ground, rows).await?;
    ground.done(available(&sale)).await?;
    ground.done(accrue(&sale, PAID)?).await.map(drop)
}

/// Final: the same cheque is answered again, all else comes too late.
pub async fn s9_closed(ground: &mut Ground) -> Done {
    let sale = ground.closed().await?;
    let mut other = sale.clone();
    other.cheque.lines.truncate(1);
    let taken = refund_as(ground, &sale);
    let rows = vec![
        (calculate(&sale), Class::WrongOrder),
        (available(&sale), Class::WrongOrder),
        (pay(&sale, PAID), Class::WrongOrder),
        (accrue(&other, Kopecks::ZERO)?, Class::OtherCheque),
        (taken, Class::PurchaseTaken),
    ];
    refuses(ground, rows).await?;
    // The same cheque under another id is answered as before.
    let before = ground.books();
    ground.done(accrue(&sale, PAID)?).await?;
    same((ground.books().points, ground.books().reserved), (before.points, before.reserved))
}

/// Confirmed: nothing is done any more.
pub async fn s9_confirmed(ground: &mut Ground) -> Done {
    let sale = ground.sold().await?;
    let taken = refund_as(ground, &sale);
    let rows = vec![
        (calculate(&sale), Class::Confirmed),
        (available(&sale), Class::Confirmed),
        (pay(&sale, PAID), Class::Confirmed),
        (accrue(&sale, PAID)?, Class::Confirmed),
        (confirm(&sale), Class::Confirmed),
        (cancel(&sale), Class::Confirmed),
        (taken, Class::PurchaseTaken),
    ];
    refuses(ground, rows).await
}

/// Cancelled: nothing is done any more.
pub async fn s9_cancelled(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    ground.done(cancel(&sale)).await?;
    let taken = refund_as(ground, &sale);
    let rows = vec![
        (calculate(&sale), Class::Cancelled),
        (available(&sale), Class::Cancelled),
        (pay(&sale, PAID), Class::Cancelled),
        (accrue(&sale, PAID)?, Class::Cancelled),
        (confirm(&sale), Class::Cancelled),
        (cancel(&sale), Class::Cancelled),
        (taken, Class::PurchaseTaken),
    ];
    refuses(ground, rows).await
}

/// What is paid and accrued is what was calculated, line by line.
pub async fn cheque_must_stay_the_same(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let (mut dearer, mut shorter) = (sale.clone(), sale.clone());
    if let Some(line) = dearer.cheque.lines.first_mut() {
        line.amount = line.amount.add(Kopecks(100))?;
    }
    shorter.cheque.lines.truncate(1);
    let rows = vec![
        (pay(&dearer, PAID), Class::OtherCheque),
        (pay(&shorter, Kopecks(1_000)), Class::OtherCheque),
        (accrue(&dearer, Kopecks::ZERO)?, Class::OtherCheque),
        (accrue(&shorter, Kopecks::ZERO)?, Class::OtherCheque),
    ];
    refuses(ground, rows).await?;
    ground.done(pay(&sale, PAID)).await.map(drop)
}

/// The processing can forget; the sale is told anew.
pub async fn forgotten_purchase_is_told_anew(ground: &mut Ground) -> Done {
    let mut sale = ground.sale();
    sale.coupons.clear();
    ground.done(accrue(&sale, Kopecks::ZERO)?).await?;
    ground.change(crate::processing::Change::Forget(sale.purchase.clone())).await;
    same(ground.refused(confirm(&sale)).await?, Class::UnknownPurchase)?;
    ground.done(accrue(&sale, Kopecks::ZERO)?).await?;
    ground.done(confirm(&sale)).await?;
    ground.expects(Kopecks(27_000));
    Ok(())
}

/// Sales of one till do not disturb each other.
pub async fn purchases_are_apart(ground: &mut Ground) -> Done {
    let (one, other) = (ground.calculated().await?, ground.calculated().await?);
    ground.done(pay(&one, PAID)).await?;
    ground.done(accrue(&other, Kopecks::ZERO)?).await?;
    ground.done(confirm(&other)).await?;
    same(ground.books().reserved, PAID)?;
    ground.done(cancel(&one)).await?;
    ground.expects(Kopecks(26_850));
    same((ground.books().reserved, ground.books().open), (Kopecks::ZERO, Vec::new()))
}
