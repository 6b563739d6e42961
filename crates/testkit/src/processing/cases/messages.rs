//! What a message is, and what none can be made of.

use tillway_core::Kopecks;
use tillway_core::loyalty::{Pin, Sale};
use tillway_core::port::processing::{Command, Kind, SealError, Sealed};

use crate::conformance::{Failure, check, same};
use crate::processing::Ground;
use crate::processing::ground::{accrue, half_the_tea, pay, refund};
use crate::processing::house::{BLANK_CARD, CARD, PAID, PIN, cash, guest};

type Done = Result<(), Failure>;

/// A message says which operation it is and knows the lines that it tells.
pub async fn message_says_what_it_is(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let confirm = Command::Confirm { purchase: sale.purchase.clone() };
    for command in [Command::Calculate { sale: sale.clone(), wish: None }, confirm] {
        let (kind, lines) = (command.kind(), command.cheque().map(Sealed::lines_of));
        let operation = ground.operation(command);
        let message = ground.processing().seal(&operation);
        let message = message.map_err(|error| Failure::new(error.to_string()))?;
        same((message.id, message.kind, message.at), (operation.id, kind, operation.at))?;
        same(message.purchase.as_ref(), Some(&sale.purchase))?;
        same(message.lines, lines.unwrap_or_default())?;
    }
    Ok(())
}

/// No `Debug` names the guest, the coupon or the PIN.
pub async fn message_shows_nobody(ground: &mut Ground) -> Done {
    let sale = ground.calculated().await?;
    let pin = Some(Pin::new(PIN));
    let message = ground.seal(Command::Pay { sale, amount: PAID, pin })?;
    let shown = format!("{message:?} {:?}", ground.processing());
    check(!shown.contains(CARD) && !shown.contains("SPRING"), "a message shows the guest")
}

/// What no processing may be asked is not sealed.
pub async fn mistakes_are_not_sealed(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let (mut empty, mut twice, mut below) = (sale.clone(), sale.clone(), sale.clone());
    empty.cheque.lines.clear();
    for line in &mut twice.cheque.lines {
        line.position = 1;
    }
    if let Some(line) = below.cheque.lines.first_mut() {
        line.amount = Kopecks(-1);
    }
    let mut pays = cash(Kopecks(1));
    if let Some(pay) = pays.first_mut() {
        pay.amount = Kopecks(-1);
    }
    let nobody = Sale { guest: None, ..sale.clone() };
    let rows = [
        pay(&sale, Kopecks::ZERO),
        pay(&sale, Kopecks(-1)),
        pay(&nobody, PAID),
        Command::Calculate { sale: empty.clone(), wish: None },
        Command::Calculate { sale: sale.clone(), wish: Some(Kopecks(-1)) },
        Command::Accrue { sale: twice, pays: Vec::new() },
        Command::Accrue { sale: below, pays: Vec::new() },
        Command::Accrue { sale, pays },
        refund(&empty, None),
    ];
    for command in rows {
        let kind = command.kind();
        if ground.try_seal(command).is_ok() {
            return Err(Failure::new(format!("{kind:?} should not be sealed")));
        }
    }
    Ok(())
}

/// The capabilities say what can be sealed.
pub async fn what_is_lacking_is_not_sealed(ground: &mut Ground) -> Done {
    let sale = ground.sale();
    let payment = ground.operation(pay(&sale, PAID)).id;
    let has = ground.processing().capabilities();
    let rows = [
        (
            has.cancel_one,
            Command::CancelOne { purchase: sale.purchase.clone(), operation: payment },
        ),
        (has.cards, Command::Card { guest: Some(guest(CARD)), old: None, new: guest(BLANK_CARD) }),
    ];
    for (able, command) in rows {
        match ground.try_seal(command) {
            Ok(_) if able => {}
            Err(SealError::Unsupported) if !able => {}
            other => return Err(Failure::new(format!("able {able}: {other:?}"))),
        }
    }
    // The rest is what every processing knows.
    let back = ground.back(Some(&sale), vec![half_the_tea()]);
    let purchase = sale.purchase.clone();
    let usual = [
        Command::Balance { guest: guest(CARD) },
        Command::Calculate { sale: sale.clone(), wish: Some(PAID) },
        Command::Available { sale: sale.clone() },
        pay(&sale, PAID),
        accrue(&sale, Kopecks::ZERO)?,
        Command::Confirm { purchase: purchase.clone() },
        Command::Cancel { purchase },
        refund(&back, Some(&sale)),
    ];
    let mut kinds = Vec::new();
    for command in usual {
        kinds.push(ground.seal(command)?.kind);
    }
    check(!kinds.contains(&Kind::Card), "a card among them")
}
