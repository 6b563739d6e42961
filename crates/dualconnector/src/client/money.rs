//! Payments and their undoing.

use std::sync::Arc;

use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    Attempt, Decline, Fault, MoneyOutcome, Operation, Original, Reason, TerminalError,
};

use super::line::{Heard, Line, Turn};
use super::{reports, resolve};
use crate::judge::{self, Asked};
use crate::profile::{Call, Field};
use crate::read::wall_digits;

pub(super) async fn perform(line: &Arc<Line>, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
    if let Err(error) = what.check().and_then(|()| is_possible(line, what)) {
        return not_started(&error);
    }
    let turn = match line.turn().await {
        Ok(turn) => turn,
        Err(error) => return not_started(&error),
    };
    if line.terminal().is_none()
        && let Err(error) = reports::probe(line, &turn).await
    {
        return not_started(&error);
    }
    let call = match call(line, &turn, what).await {
        Ok(call) => call,
        Err(error) => return not_started(&error),
    };
    send(line, &turn, attempt, what, call).await
}

/// Nothing was sent.
fn not_started(error: &TerminalError) -> MoneyOutcome {
    MoneyOutcome::Declined(Decline {
        reason: Reason::NotStarted,
        code: "".into(),
        text: Masked::new(&error.to_string()),
        slips: Vec::new(),
    })
}

fn is_possible(line: &Line, what: &Operation) -> Result<(), TerminalError> {
    let bad = |text: &str| Err(TerminalError::new(Fault::BadRequest, text));
    match what {
        Operation::Pay { .. } | Operation::RollBack { .. } => Ok(()),
        Operation::Cancel { of, .. } | Operation::Refund { of, .. } if sendable(of).is_none() => {
            bad("reference of the payment: 1 to 12 digits and letters are needed")
        }
        Operation::Cancel { of, amount } if *amount < of.amount && !line.config.partial_cancel => {
            Err(TerminalError::new(Fault::Unsupported, "the bank cancels no parts"))
        }
        Operation::Cancel { .. } | Operation::Refund { .. } => Ok(()),
    }
}

/// Which call it is. An emergency cancel undoes whatever was last, so that must be the payment.
async fn call(line: &Arc<Line>, turn: &Turn, what: &Operation) -> Result<Call, TerminalError> {
    match what {
        Operation::Pay { .. } => Ok(Call::Sale),
        Operation::Cancel { .. } => Ok(Call::Cancel),
        Operation::Refund { .. } => Ok(Call::Refund),
        Operation::RollBack { of } => {
            if resolve::is_last(line, turn, of).await {
                Ok(Call::Emergency)
            } else if sendable(of).is_some() {
                Ok(Call::Cancel)
            } else {
                let text = "the payment is not the last operation, and has no reference";
                Err(TerminalError::new(Fault::BadRequest, text))
            }
        }
    }
}

async fn send(
    line: &Arc<Line>,
    turn: &Turn,
    attempt: &Attempt,
    what: &Operation,
    call: Call,
) -> MoneyOutcome {
    // An emergency cancel repeats the request that it undoes.
    let named = match what {
        Operation::RollBack { of } if call == Call::Emergency => of.attempt,
        _ => *attempt,
    };
    let number = named.number();
    let waits = line.config.waits;
    let body = line.request(call, &values(&named, what), waits.deadline);
    let asked =
        Asked { what: what.clone(), call, number, terminal: line.terminal(), at: attempt.at };
    let (id, keeper) = (attempt.id, Arc::clone(line));
    let read = move |heard| {
        let outcome = match heard {
            Heard::Answer(packet) => judge::money(&asked, &packet, &keeper.config),
            Heard::Unsent(error) => not_started(&error),
            Heard::Lost(error) => MoneyOutcome::InDoubt(error),
        };
        keeper.keep(id, &outcome);
        outcome
    };
    match line.exchange(turn, body, (waits.deadline, waits.late), read).await {
        Ok(outcome) => outcome,
        Err(error) => MoneyOutcome::InDoubt(error),
    }
}

fn values(named: &Attempt, what: &Operation) -> Vec<(Field, String)> {
    let amount = what.amount();
    let mut values = vec![
        (Field::Amount, amount.0.to_string()),
        (Field::Time, wall_digits(named.at)),
        (Field::Number, named.number().to_string()),
    ];
    let Some(of) = what.original() else { return values };
    if amount < of.amount && matches!(what, Operation::Cancel { .. }) {
        values.push((Field::Original, of.amount.0.to_string()));
    }
    if let Some(reference) = sendable(of) {
        values.push((Field::Reference, format!("{reference:0>12}")));
    }
    if let Some(code) = of.authorisation.as_deref().filter(|code| is_plain(code)) {
        values.push((Field::Authorisation, code.to_owned()));
    }
    values
}

/// A reference number that the protocol has room for.
fn sendable(of: &Original) -> Option<&str> {
    of.reference.as_deref().filter(|reference| reference.len() <= 12 && is_plain(reference))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
