//! Words for labels. There are few of them, and none comes from outside.

use tillway_core::book::{Op, Refusal, Verdict};
use tillway_core::port::{ClaimError, CommitError, Committed, ReadError};

/// Every word that [`outcome`] has, and the one for commits that nobody waited for.
pub(crate) const OUTCOMES: [&str; 12] = [
    "done",
    "refused",
    "replayed",
    "dropped",
    "key_conflict",
    "stale",
    "fenced",
    "in_doubt",
    "unavailable",
    "full",
    "corrupt",
    "other",
];

/// What a commit came to.
pub(crate) fn outcome(result: &Result<Committed, CommitError>) -> &'static str {
    match result {
        Ok(committed) if committed.replayed => "replayed",
        Ok(Committed { verdict: Verdict::Done(_), .. }) => "done",
        Ok(Committed { verdict: Verdict::Refused(_), .. }) => "refused",
        Err(CommitError::KeyConflict) => "key_conflict",
        Err(CommitError::Stale { .. }) => "stale",
        Err(CommitError::Fenced) => "fenced",
        Err(CommitError::InDoubt) => "in_doubt",
        Err(CommitError::Unavailable) => "unavailable",
        Err(CommitError::Full) => "full",
        Err(CommitError::Corrupt) => "corrupt",
        Err(_) => "other",
    }
}

/// Why a read failed.
pub(crate) fn failure(error: &ReadError) -> &'static str {
    match error {
        ReadError::Unavailable => "unavailable",
        ReadError::Corrupt => "corrupt",
        _ => "other",
    }
}

/// What a claim came to.
pub(crate) fn claimed<T>(result: &Result<T, ClaimError>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(ClaimError::Held) => "held",
        Err(ClaimError::Unavailable) => "unavailable",
        Err(_) => "other",
    }
}

/// An operation of the book.
pub(crate) fn operation(op: &Op) -> &'static str {
    match op {
        Op::Refuse(_) => "refuse",
        Op::Hold { .. } => "hold",
        Op::Void { .. } => "void",
        Op::Expire { .. } => "lapse",
        Op::Capture { .. } => "capture",
        Op::Cancel { .. } => "cancel",
        Op::Refund { .. } => "refund",
        Op::RefundOrder { .. } => "refund_order",
        Op::Acknowledge { .. } => "acknowledge",
        Op::Close { .. } => "close",
        Op::Move { .. } => "move",
        Op::Bind { .. } => "bind",
        Op::Tell { .. } => "tell",
        Op::PutGuest(_) | Op::PutPhoto { .. } | Op::PutCarrier(_) => "put_guest",
        Op::OpenAccount(_) | Op::SetTerms { .. } => "put_account",
        Op::Pair(_) | Op::Unpair { .. } => "pair",
        Op::Append { .. } => "append",
        _ => "other",
    }
}

/// A refusal, as the payment API calls it where it has a word for it.
pub(crate) fn refusal(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::InsufficientFunds { .. } => "insufficient_funds",
        Refusal::MixedMoneyAccounts => "mixed_money_accounts",
        Refusal::OverTotal { .. } => "over_total",
        Refusal::TransactionCancelled => "transaction_cancelled",
        Refusal::AlreadyRefunded => "already_refunded",
        Refusal::RefundExceeds { .. } => "refund_exceeds",
        Refusal::RefundSequence { .. } => "refund_sequence",
        Refusal::BindingChanged { .. } => "binding_changed",
        Refusal::WrongPaymentType { .. } => "wrong_payment_type",
        Refusal::UnknownPaymentType => "unknown_payment_type",
        Refusal::ExceedsReservation { .. } => "exceeds_reservation",
        Refusal::HoldExists { .. } => "hold_exists",
        Refusal::ReservationVoided => "reservation_voided",
        Refusal::AlreadyCaptured => "already_captured",
        Refusal::WeakIdentification => "weak_identification",
        Refusal::AccountBlocked => "account_blocked",
        Refusal::NoGuest => "no_guest",
        Refusal::UnknownWallet => "unknown_wallet",
        Refusal::UnknownTransaction => "unknown_transaction",
        Refusal::UnknownReservation => "unknown_reservation",
        Refusal::BadAmount => "bad_amount",
        Refusal::BadCurrency => "bad_currency",
        Refusal::OrderRequired => "order_required",
        Refusal::FieldRequired => "field_required",
        Refusal::OtherGuest => "other_guest",
        Refusal::HasPayment => "has_payment",
        Refusal::TokenUsed => "token_used",
        Refusal::OrderClosed => "order_closed",
        Refusal::WrongTill => "wrong_till",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use tillway_core::book::{Seq, StreamId, StreamKind};
    use tillway_core::id::Uuid;

    use super::*;

    #[test]
    fn every_outcome_has_a_word() {
        let stream = StreamId { kind: StreamKind::Binding, id: Uuid::nil() };
        let rows = [
            (CommitError::KeyConflict, "key_conflict"),
            (CommitError::Stale { stream, head: Seq(1) }, "stale"),
            (CommitError::Fenced, "fenced"),
            (CommitError::InDoubt, "in_doubt"),
            (CommitError::Unavailable, "unavailable"),
            (CommitError::Full, "full"),
            (CommitError::Corrupt, "corrupt"),
        ];
        for (error, word) in rows {
            assert_eq!(outcome(&Err(error)), word);
            assert!(OUTCOMES.contains(&word));
        }
        assert_eq!(failure(&ReadError::Unavailable), "unavailable");
        assert_eq!(failure(&ReadError::Corrupt), "corrupt");
        assert_eq!(claimed::<()>(&Err(ClaimError::Held)), "held");
        assert_eq!(claimed::<()>(&Err(ClaimError::Unavailable)), "unavailable");
        assert_eq!(claimed(&Ok(())), "done");
    }
}
