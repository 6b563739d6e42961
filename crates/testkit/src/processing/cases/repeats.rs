//! Messages that are sent again: done once, whatever is answered.

use tillway_core::Kopecks;
use tillway_core::port::processing::{Class, Command, Operation, Outcome, Sealed};

use crate::conformance::{Failure, check, same};
use crate::processing::Ground;
use crate::processing::ground::{accrue, half_the_tea, pay, refund};
use crate::processing::house::{CARD, PAID, SOLD, guest};

type Done = Result<(), Failure>;

/// Every message of a sale and its refund twice: the books are those of one of each.
pub async fn repeats_do_nothing_twice(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    let purchase = sale.purchase.clone();
    let steps = [accrue(&sale, PAID)?, Command::Confirm { purchase }];
    for command in steps {
        let message = ground.seal(command)?;
        ground.repeated(&message).await?;
        ground.repeated(&message).await?;
    }
    same(ground.books().points, SOLD)?;
    let back = ground.back(Some(&sale), vec![half_the_tea()]);
    for command in [refund(&back, Some(&sale)), Command::Confirm { purchase: back.purchase }] {
        let message = ground.seal(command)?;
        ground.repeated(&message).await?;
        ground.repeated(&message).await?;
    }
    ground.expects(Kopecks(20_269));
    let other = ground.paid().await?;
    let cancel = ground.seal(Command::Cancel { purchase: other.purchase })?;
    ground.repeated(&cancel).await?;
    ground.repeated(&cancel).await?;
    same(ground.books().reserved, Kopecks::ZERO)
}

/// A repeat is answered as it was, where it is not refused.
pub async fn repeat_is_answered_as_it_was(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    let message = ground.seal(accrue(&sale, PAID)?)?;
    let first = ground.send(&message).await?;
    match ground.send(&message).await? {
        Outcome::Refused(refusal) => same(refusal.class, Class::Repeated),
        again => same(again, first),
    }
}

/// An id that was used does nothing else, and says so.
pub async fn used_id_does_nothing_else(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let message = ground.seal(pay(&sale, PAID))?;
    ground.repeated(&message).await?;
    let operation = Operation { id: message.id, ..ground.operation(pay(&sale, Kopecks(5_000))) };
    let other = ground.processing().seal(&operation);
    let other = other.map_err(|error| Failure::new(error.to_string()))?;
    match ground.send(&other).await? {
        Outcome::Refused(refusal) => same(refusal.class, Class::Repeated)?,
        other => return Err(Failure::new(format!("the id was used: {other:?}"))),
    }
    same(ground.books().reserved, PAID)
}

/// A message of an earlier run is sent as well as a fresh one: all that is kept of it is bytes.
pub async fn message_outlives_the_program(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    let commands = [accrue(&sale, PAID)?, Command::Confirm { purchase: sale.purchase.clone() }];
    for command in commands {
        let message = ground.seal(command)?;
        let stored = minicbor::to_vec(&message).map_err(|e| Failure::new(e.to_string()))?;
        ground.restart().await;
        let kept: Sealed = minicbor::decode(&stored).map_err(|e| Failure::new(e.to_string()))?;
        ground.repeated(&kept).await?;
        ground.restart().await;
        ground.repeated(&kept).await?;
    }
    ground.expects(SOLD);
    Ok(())
}

/// What the caller stores is the whole of what is sent.
pub async fn same_operation_same_message(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    for command in [accrue(&sale, Kopecks::ZERO)?, pay(&sale, PAID)] {
        let operation = ground.operation(command);
        let seal = |ground: &Ground| {
            let sealed = ground.processing().seal(&operation);
            sealed.map_err(|error| Failure::new(error.to_string()))
        };
        let one = seal(ground)?;
        ground.restart().await;
        same(seal(ground)?, one)?;
    }
    Ok(())
}

/// Nothing is sent before it is asked to be.
pub async fn sealing_sends_nothing(ground: &mut Ground) -> Done {
    let before = ground.books();
    let sale = ground.sale();
    ground.seal(Command::Calculate { sale: sale.clone(), wish: None })?;
    ground.seal(accrue(&sale, Kopecks::ZERO)?)?;
    ground.seal(Command::Balance { guest: guest(CARD) })?;
    same(ground.books(), before)
}

/// A refusal uses nothing up: the same message may be sent when what was wrong has been put right.
pub async fn refused_message_may_be_sent_again(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let mut sale = sale;
    sale.coupons.clear();
    let confirm = ground.seal(Command::Confirm { purchase: sale.purchase.clone() })?;
    match ground.send(&confirm).await? {
        Outcome::Refused(refusal) => same(refusal.class, Class::UnknownPurchase)?,
        other => return Err(Failure::new(format!("nothing was sold yet: {other:?}"))),
    }
    ground.done(accrue(&sale, Kopecks::ZERO)?).await?;
    match ground.send(&confirm).await? {
        Outcome::Done(_) => {}
        other => return Err(Failure::new(format!("it was accrued by now: {other:?}"))),
    }
    ground.expects(Kopecks(27_000));
    check(ground.books().open.is_empty(), "it is still open")
}
