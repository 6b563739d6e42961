//! Who the guest is, and what the guest may do.

use tillway_core::Kopecks;
use tillway_core::loyalty::{Pin, Sale};
use tillway_core::port::processing::{Class, Command};

use crate::conformance::{Failure, same};
use crate::processing::ground::{accrue, pay};
use crate::processing::house::{
    AVAILABLE, BLANK_CARD, CARD, PAID, PIN, POINTS, UNKNOWN_CARD, guest,
};
use crate::processing::{Change, Ground};

type Done = Result<(), Failure>;

/// A card of nobody is known nowhere, and opens nothing.
pub async fn stranger_is_unknown(ground: &mut Ground) -> Done {
    let stranger = guest(UNKNOWN_CARD);
    let balance = ground.refused(Command::Balance { guest: stranger.clone() }).await?;
    let sale = Sale { guest: Some(stranger), coupons: Vec::new(), ..ground.sale() };
    let calculated = ground.refused(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    let accrued = ground.refused(accrue(&sale, Kopecks::ZERO)?).await?;
    same([balance, calculated, accrued], [Class::UnknownGuest; 3])?;
    same(ground.books().open, Vec::new())
}

/// The same sale goes on without the card.
pub async fn sale_goes_on_without_a_stranger(ground: &mut Ground) -> Done {
    let sale = Sale { guest: Some(guest(UNKNOWN_CARD)), coupons: Vec::new(), ..ground.sale() };
    ground.refused(Command::Calculate { sale: sale.clone(), wish: None }).await?;
    let sale = Sale { guest: None, ..sale };
    ground.done(accrue(&sale, Kopecks::ZERO)?).await?;
    ground.done(Command::Confirm { purchase: sale.purchase }).await.map(drop)
}

/// A card that is blocked while the guest stands there is told from an unknown one.
pub async fn blocked_card_serves_nobody(ground: &mut Ground) -> Done {
    ground.balance(CARD).await?;
    ground.change(Change::Block).await;
    let sale = ground.sale();
    let balance = ground.refused(Command::Balance { guest: guest(CARD) }).await?;
    let calculated = ground.refused(Command::Calculate { sale, wish: None }).await?;
    same([balance, calculated], [Class::CardBlocked; 2])
}

/// Points are taken with the right PIN alone.
pub async fn wrong_pin_takes_nothing(ground: &mut Ground) -> Done {
    ground.change(Change::AskPin).await;
    let sale = ground.calculated().await?;
    let with = |entered: Option<&str>| Command::Pay {
        sale: sale.clone(),
        amount: PAID,
        pin: entered.map(Pin::new),
    };
    let none = ground.refused(with(None)).await?;
    let wrong = ground.refused(with(Some("0000"))).await?;
    same([none, wrong], [Class::WrongPin; 2])?;
    same(ground.books().reserved, Kopecks::ZERO)?;
    ground.done(with(Some(PIN))).await?;
    same(ground.books().reserved, PAID)
}

/// Not a kopeck more than is available; all of it is.
pub async fn more_than_is_available_is_refused(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let one_more = AVAILABLE.add(Kopecks(1))?;
    for much in [one_more, POINTS, POINTS.add(Kopecks(1))?] {
        same(ground.refused(pay(&sale, much)).await?, Class::TooMuch)?;
    }
    same(ground.books().reserved, Kopecks::ZERO)?;
    ground.done(pay(&sale, AVAILABLE)).await.map(drop)
}

/// Points that one sale holds are not there for another.
pub async fn reserved_points_are_not_available(ground: &mut Ground) -> Done {
    let (first, second) = (ground.calculated().await?, ground.calculated().await?);
    ground.done(pay(&first, AVAILABLE)).await?;
    let third = ground.calculated().await?;
    ground.done(pay(&second, AVAILABLE)).await?;
    // 250.00 − 111.00 − 111.00.
    let left = ground.done(Command::Available { sale: third.clone() }).await?;
    same(left.points, Some(Kopecks(2_800)))?;
    same(ground.refused(pay(&third, Kopecks(2_801))).await?, Class::TooMuch)?;
    ground.done(Command::Cancel { purchase: first.purchase }).await?;
    ground.done(pay(&third, Kopecks(2_801))).await.map(drop)
}

/// And the sale goes on as calculated.
pub async fn one_payment_is_taken_back(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let payment = ground.seal(pay(&sale, PAID))?;
    ground.repeated(&payment).await?;
    let purchase = sale.purchase.clone();
    let undo = Command::CancelOne { purchase: purchase.clone(), operation: payment.id };
    ground.done(undo).await?;
    same((ground.books().reserved, ground.books().open), (Kopecks::ZERO, vec![purchase]))?;
    ground.done(pay(&sale, AVAILABLE)).await?;
    same(ground.books().reserved, AVAILABLE)
}

/// A card is issued in one phase, once however often it is told.
pub async fn card_is_issued(ground: &mut Ground) -> Done {
    let command = Command::Card { guest: Some(guest(CARD)), old: None, new: guest(BLANK_CARD) };
    let message = ground.seal(command)?;
    ground.repeated(&message).await?;
    ground.repeated(&message).await?;
    same(ground.books().open, Vec::new())?;
    same(ground.balance(BLANK_CARD).await?, POINTS)
}
