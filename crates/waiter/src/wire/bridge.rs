//! The bridge: commands out, results in.

use secrecy::ExposeSecret;
use serde::Serialize;
use tillway_core::id::{CommandId, OrderId, PaymentId, Uuid};
use tillway_core::port::{BridgeCommand, BridgeGuest, CommandKind, CommandOutcome};

use crate::error::Flaw;
use crate::wire::fields::Fields;
use crate::wire::{Minor, Text};

const MESSAGE_CHARS_MAX: usize = 512;

/// The answer to a poll that found something.
#[derive(Serialize)]
pub(crate) struct CommandsOut<'a> {
    pub(crate) commands: Vec<CommandOut<'a>>,
}

/// A command. It holds the waiter's PIN, so it has no `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandOut<'a> {
    command_id: Text<CommandId>,
    kind: &'static str,
    order_id: Text<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding_epoch: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiter_pin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<GuestOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<Text<PaymentId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_minor: Option<Minor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GuestOut<'a> {
    brd_client_id: Text<Uuid>,
    display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<&'a str>,
}

impl<'a> CommandOut<'a> {
    /// `None` for a command of a kind that this version cannot say.
    pub(crate) fn of(command: &'a BridgeCommand) -> Option<Self> {
        let mut out = Self {
            command_id: Text(command.id),
            kind: "",
            order_id: Text(command.order),
            binding_epoch: command.epoch,
            waiter_pin: command.pin.as_ref().map(|pin| pin.expose_secret()),
            guest: None,
            deadline_ms: None,
            transaction_id: None,
            amount_minor: None,
        };
        match &command.what {
            CommandKind::BindGuest(guest) => {
                out.kind = "bindGuest";
                out.guest = Some(GuestOut::of(guest));
                let left = u64::try_from(command.deadline.as_millis());
                out.deadline_ms = Some(left.unwrap_or(u64::MAX));
            }
            CommandKind::UnbindGuest(guest) => {
                out.kind = "unbindGuest";
                out.guest = Some(GuestOut::of(guest));
            }
            CommandKind::VerifyPayment { payment, amount } => {
                out.kind = "verifyPayment";
                out.transaction_id = Some(Text(*payment));
                out.amount_minor = Some(Minor(*amount));
            }
            _ => return None,
        }
        Some(out)
    }
}

impl<'a> GuestOut<'a> {
    fn of(guest: &'a BridgeGuest) -> Self {
        Self {
            brd_client_id: Text(guest.brd_client),
            display_name: &guest.display_name,
            phone: guest.phone.as_deref(),
            card_number: guest.card.as_deref(),
        }
    }
}

/// What became of a command.
pub(crate) fn outcome(body: &Fields<'_>) -> Result<CommandOutcome, Flaw> {
    let _for_people = body.text("message", MESSAGE_CHARS_MAX)?;
    let word = body.text("outcome", 32)?.ok_or(Flaw::FieldRequired)?;
    match word.as_str() {
        "done" => Ok(CommandOutcome::Done),
        "busy" => Ok(CommandOutcome::Busy),
        "refused" => Ok(CommandOutcome::Refused),
        "not_found" => Ok(CommandOutcome::NotFound),
        "closed" => Ok(CommandOutcome::Closed),
        _ => Err(Flaw::BadJson),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_words() {
        let read = |body: &'static str| outcome(&Fields::parse(body.as_bytes()).unwrap());
        assert_eq!(read(r#"{"outcome":"done"}"#), Ok(CommandOutcome::Done));
        assert_eq!(read(r#"{"outcome":"busy","message":"edited"}"#), Ok(CommandOutcome::Busy));
        assert_eq!(read(r#"{"outcome":"refused"}"#), Ok(CommandOutcome::Refused));
        assert_eq!(read(r#"{"outcome":"not_found"}"#), Ok(CommandOutcome::NotFound));
        assert_eq!(read(r#"{"outcome":"closed"}"#), Ok(CommandOutcome::Closed));
        assert_eq!(read("{}"), Err(Flaw::FieldRequired));
        assert_eq!(read(r#"{"outcome":"maybe"}"#), Err(Flaw::BadJson));
        assert_eq!(read(r#"{"outcome":1}"#), Err(Flaw::BadJson));
    }
}
