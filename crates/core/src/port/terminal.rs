//! The card terminal: payments, their undoing, the reconciliation with the bank.

use async_trait::async_trait;
use minicbor::{Decode, Encode};

use crate::id::Uuid;
use crate::money::Kopecks;
use crate::pan::Masked;
use crate::port::Port;
use crate::port::fiscal::{self, SlipItem};
use crate::time::Timestamp;

/// The largest amount of one operation: 21 474 836.47 rubles, the integer of both vendors.
pub const AMOUNT_MAX: Kopecks = Kopecks(i32::MAX as i64);

/// A card terminal.
///
/// Three outcomes (ADR 4): money was moved, was not, or nobody knows yet. **Only the device's own
/// final answer declines**, or the proof that no request left us; a lost answer, half of one, a
/// killed process, an undefined status and a deadline are all in doubt (acquiring.md C.2).
///
/// - One call at a time: a terminal has one customer. Calls from several tasks wait for one another,
///   each at most as long as the adapter's configuration says, and are then refused as
///   [`Fault::Busy`], which moves nothing.
/// - Dropping the future of a call does not stop the terminal; the outcome is then in doubt.
/// - An adapter sends what it is given. That an attempt is never sent twice, that its intent is
///   durable before, and that a doubt keeps new money off the terminal, is what `layers::Guarded`
///   adds to every adapter; do not use one without it.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait CardTerminal: Port {
    /// What this terminal can do. Known from the configuration or the last probe; no I/O.
    fn capabilities(&self) -> Capabilities;

    /// Asks the terminal who it is. Never moves money.
    async fn probe(&self) -> Result<TerminalInfo, TerminalError>;

    /// Moves money, or gives it back.
    ///
    /// What [`Operation::check`] refuses is declined as [`Reason::NotStarted`] before the device is
    /// touched. An operation may take minutes, because a person stands before the terminal.
    async fn perform(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome;

    /// Suspends the last payment until [`CardTerminal::confirm`]: where the terminal can
    /// ([`TwoPhase::Native`]) it gives the money back by itself when nobody confirms. Elsewhere
    /// nothing is done. A repeat is done as well.
    async fn hold(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError>;

    /// Makes a payment final. A repeat is done as well.
    async fn confirm(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError>;

    /// What became of an attempt in doubt. Reads only; may be called as often as one likes.
    ///
    /// *Not performed* is said only when the terminal is idle, the time for a card has passed, and it
    /// said so twice (F19). `known` tells operations of other attempts apart.
    async fn resolve(&self, attempt: &Attempt, what: &Operation, known: &dyn Known) -> Resolution;

    /// What the terminal did since the last reconciliation.
    async fn report(&self, kind: ReportKind) -> Result<Report, TerminalError>;

    /// The slip of the last operation once more; empty when there is none.
    async fn last_slip(&self) -> Result<Vec<Slip>, TerminalError>;

    /// Compares sums with the bank and begins a new batch (F22). Minutes. Forbidden while an
    /// operation is held or in doubt (F7), which `layers::Guarded` sees to. A repeat of one whose
    /// answer was lost ends with an empty batch.
    async fn reconcile(&self) -> ReconcileOutcome;
}

/// Whose an operation is that a report names.
#[async_trait]
pub trait Known: Port {
    /// The attempt to which a reference number belongs; `None` when it is nobody's yet.
    ///
    /// # Errors
    /// The journal cannot be read now; nothing may be concluded.
    async fn owner(&self, reference: &str) -> Result<Option<Uuid>, TerminalError>;
}

/// One attempt to move money. Its id is chosen once, journaled, and never used for another.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Attempt {
    /// The id in our books.
    #[cbor(n(0), with = "crate::id::uuid_bytes")]
    pub id: Uuid,
    /// When it was begun, by our clock.
    #[n(1)]
    pub at: Timestamp,
}

impl Attempt {
    /// The id in the 32 bits that terminals have room for; never zero.
    ///
    /// Two attempts may share it, so it proves nothing by itself: what a terminal says about a
    /// number must name the amount and a time of the attempt too.
    pub fn number(&self) -> u32 {
        let [a, b, c, d] = self.id.as_u128().to_le_bytes().first_chunk().copied().unwrap_or([0; 4]);
        u32::from_le_bytes([a, b, c, d]).max(1)
    }
}

/// What a terminal is asked to do with money.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum Operation {
    /// Take money from a card.
    #[n(0)]
    Pay {
        /// How much.
        #[n(0)]
        amount: Kopecks,
    },
    /// Undo a payment of the batch that is open.
    #[n(1)]
    Cancel {
        /// The payment.
        #[n(0)]
        of: Original,
        /// How much of it.
        #[n(1)]
        amount: Kopecks,
    },
    /// Give money of a payment back, of an earlier batch too.
    #[n(2)]
    Refund {
        /// The payment.
        #[n(0)]
        of: Original,
        /// How much of it.
        #[n(1)]
        amount: Kopecks,
    },
    /// Undo the last operation of the terminal, which is this one and is not confirmed.
    #[n(3)]
    RollBack {
        /// The payment.
        #[n(0)]
        of: Original,
    },
}

/// The payment that is undone.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Original {
    /// What was taken.
    #[n(0)]
    pub amount: Kopecks,
    /// What of it was given back already.
    #[n(1)]
    pub returned: Kopecks,
    /// Its reference number at the bank (RRN).
    #[n(2)]
    pub reference: Option<Box<str>>,
    /// Its authorisation code.
    #[n(3)]
    pub authorisation: Option<Box<str>>,
    /// Its attempt.
    #[n(4)]
    pub attempt: Attempt,
    /// It was made final by [`CardTerminal::confirm`].
    #[n(5)]
    pub confirmed: bool,
}

impl Operation {
    /// How much money is at stake.
    pub fn amount(&self) -> Kopecks {
        match self {
            Self::Pay { amount } | Self::Cancel { amount, .. } | Self::Refund { amount, .. } => {
                *amount
            }
            Self::RollBack { of } => of.amount,
        }
    }

    /// The payment that is undone.
    pub fn original(&self) -> Option<&Original> {
        match self {
            Self::Pay { .. } => None,
            Self::Cancel { of, .. } | Self::Refund { of, .. } | Self::RollBack { of } => Some(of),
        }
    }

    /// Refuses what no terminal may be asked to do.
    ///
    /// # Errors
    /// A mistake of the caller; the text names field and limit.
    pub fn check(&self) -> Result<(), TerminalError> {
        let wrong = |text: String| Err(TerminalError::new(Fault::BadRequest, &text));
        let amount = self.amount();
        if amount <= Kopecks::ZERO || amount > AMOUNT_MAX {
            let (amount, most) = (amount.rubles(), AMOUNT_MAX.rubles());
            return wrong(format!("amount {amount}: more than 0, at most {most}"));
        }
        let Some(of) = self.original() else { return Ok(()) };
        if let Self::RollBack { .. } = self
            && (of.confirmed || of.returned != Kopecks::ZERO)
        {
            return wrong("what is confirmed or given back cannot be rolled back".to_owned());
        }
        match of.amount.sub(of.returned) {
            Ok(left) if amount <= left => Ok(()),
            Ok(left) => {
                let (amount, left) = (amount.rubles(), left.rubles());
                wrong(format!("amount {amount}: {left} of the payment is left"))
            }
            Err(error) => wrong(error.to_string()),
        }
    }
}

/// What became of an operation.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum MoneyOutcome {
    /// Money was moved.
    #[n(0)]
    Approved(#[n(0)] Box<Approval>),
    /// No money was moved, and will not be.
    #[n(1)]
    Declined(#[n(0)] Decline),
    /// Unknown: ask [`CardTerminal::resolve`] before anything else.
    #[n(2)]
    InDoubt(#[n(0)] TerminalError),
}

/// What the terminal said about money that was moved.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Approval {
    /// What was really moved: less than was asked when [partial](Self::partial) (F18).
    #[n(0)]
    pub amount: Kopecks,
    /// The reference number at the bank (RRN).
    #[n(1)]
    pub reference: Option<Box<str>>,
    /// The authorisation code.
    #[n(2)]
    pub authorisation: Option<Box<str>>,
    /// The terminal.
    #[n(3)]
    pub terminal: Option<Box<str>>,
    /// The merchant.
    #[n(4)]
    pub merchant: Option<Box<str>>,
    /// The number within the terminal's batch.
    #[n(5)]
    pub sequence: Option<Box<str>>,
    /// The batch, where the terminal says it (F22).
    #[n(6)]
    pub batch: Option<Box<str>>,
    /// When, by the terminal's own clock.
    #[n(7)]
    pub at: Option<Timestamp>,
    /// The card: its last digits and its system.
    #[n(8)]
    pub card: Option<Masked>,
    /// The name of the card's system.
    #[n(9)]
    pub brand: Option<Box<str>>,
    /// Less than was asked.
    #[n(10)]
    pub partial: bool,
    /// The bank was not asked: nothing is sure before a reconciliation contains it (F18).
    #[n(11)]
    pub offline: bool,
    /// What to print.
    #[n(12)]
    pub slips: Vec<Slip>,
    /// What the terminal sent, card numbers masked, for support.
    #[n(13)]
    pub evidence: Masked,
}

/// What the terminal said when it moved no money.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Decline {
    /// What it means.
    #[n(0)]
    pub reason: Reason,
    /// The device's own code.
    #[n(1)]
    pub code: Box<str>,
    /// The device's own words.
    #[n(2)]
    pub text: Masked,
    /// What to print: some banks give a slip for a refusal too.
    #[n(3)]
    pub slips: Vec<Slip>,
}

/// Why no money was moved.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq, thiserror::Error)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Reason {
    /// The bank refused. The guest may take another card.
    #[n(0)]
    #[error("the bank refused")]
    Host,
    /// The guest pressed cancel.
    #[n(1)]
    #[error("the guest gave up")]
    GuestCancelled,
    /// The guest showed no card, or entered no PIN, in time.
    #[n(2)]
    #[error("no card and no PIN in time")]
    GuestTimeout,
    /// The terminal could not reach the bank.
    #[n(3)]
    #[error("the terminal cannot reach the bank")]
    NoBankLink,
    /// The terminal wants a reconciliation first.
    #[n(4)]
    #[error("the terminal wants a reconciliation first")]
    ReconcileFirst,
    /// The payment to undo is not known there.
    #[n(5)]
    #[error("the terminal does not know the payment")]
    NotFound,
    /// The bank's own loyalty programme interrupted the payment.
    #[n(6)]
    #[error("interrupted by the bank's loyalty programme")]
    LoyaltyPause,
    /// Nothing was sent: the text says what to set up or to mend.
    #[n(7)]
    #[error("nothing was sent to the terminal")]
    NotStarted,
    /// Another reason of the device.
    #[n(8)]
    #[error("the terminal refused")]
    Other,
}

/// What is known of an attempt that was in doubt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// Money was moved.
    Approved(Box<Approval>),
    /// It was not, and will not be.
    NotPerformed(Masked),
    /// The terminal cannot say now. Ask again, and show this to a person meanwhile.
    NotYet(TerminalError),
    /// The terminal cannot say at all. A person decides by this evidence.
    Person(Masked),
}

/// What a terminal can do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// Whether a payment can be suspended.
    pub two_phase: TwoPhase,
    /// How a doubt is resolved.
    pub resolve: ResolveBy,
    /// The operation that runs can be broken off from here.
    pub abort: bool,
    /// A payment can be undone without its card.
    pub cancel_without_card: bool,
    /// A part of a payment can be undone.
    pub partial_cancel: bool,
    /// The reconciliation has sums that a program can read.
    pub totals: bool,
}

/// Whether a payment can be suspended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TwoPhase {
    /// The terminal gives back what nobody confirms.
    Native,
    /// What is not confirmed is given back by an operation of its own, which can fail.
    #[default]
    Emulated,
}

/// How a doubt is resolved.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResolveBy {
    /// By the number of the attempt.
    Number,
    /// By the last receipt and the report of the batch.
    Report,
    /// Only by a person.
    #[default]
    Person,
}

/// Who the terminal is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TerminalInfo {
    /// Its number at the bank.
    pub terminal: Option<Box<str>>,
    /// The merchant's.
    pub merchant: Option<Box<str>>,
    /// The device.
    pub model: Option<Box<str>>,
    /// Its serial number.
    pub serial: Option<Box<str>>,
}

/// How much a report says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReportKind {
    /// Sums.
    Short,
    /// Every operation.
    Full,
}

/// What a terminal did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// To show and to print.
    pub slips: Vec<Slip>,
    /// Sums, where they can be read.
    pub totals: Option<Totals>,
    /// It has no operation.
    pub empty: bool,
}

/// What became of a reconciliation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReconcileOutcome {
    /// A new batch has begun.
    Done(Reconciliation),
    /// It was not done; the batch stays open. Try again later.
    Refused(TerminalError),
    /// Unknown. The next report tells: empty means done (F22).
    InDoubt(TerminalError),
}

/// A reconciliation.
#[derive(Clone, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct Reconciliation {
    /// To show and to print.
    #[n(0)]
    pub slips: Vec<Slip>,
    /// Sums, where they can be read.
    #[n(1)]
    pub totals: Option<Totals>,
    /// There was nothing to compare.
    #[n(2)]
    pub empty: bool,
    /// Whether the bank's sums are the terminal's, where it says so.
    #[n(3)]
    pub agreed: Option<bool>,
}

/// Sums of a batch.
#[derive(Clone, Copy, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct Totals {
    /// Payments.
    #[n(0)]
    pub payments: CountSum,
    /// Refunds.
    #[n(1)]
    pub refunds: CountSum,
    /// Cancels.
    #[n(2)]
    pub cancels: CountSum,
}

/// How many, and how much.
#[derive(Clone, Copy, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct CountSum {
    /// How many.
    #[n(0)]
    pub count: u32,
    /// Their sum.
    #[n(1)]
    pub sum: Kopecks,
}

/// A slip of the terminal: its lines as they came, columns kept, card numbers masked.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Slip {
    /// Which copy.
    #[n(0)]
    pub copy: Copy,
    /// From top to bottom.
    #[n(1)]
    pub lines: Vec<Masked>,
}

/// Which copy a slip is. Who gets which, no vendor says.
#[derive(Clone, core::marker::Copy, Debug, Decode, Encode, Eq, PartialEq)]
#[cbor(index_only)]
pub enum Copy {
    /// The only one.
    #[n(0)]
    Single,
    /// The first.
    #[n(1)]
    First,
    /// The second.
    #[n(2)]
    Second,
}

impl fiscal::Slip {
    /// Slips of a terminal for the printer of a register, a cut after each.
    pub fn of_card(slips: &[Slip]) -> Self {
        let lines =
            |slip: &Slip| slip.lines.iter().map(|l| SlipItem::Text(l.as_str().into())).collect();
        let cut = |mut items: Vec<SlipItem>| {
            items.push(SlipItem::Cut);
            items
        };
        Self { items: slips.iter().map(lines).flat_map(cut).collect() }
    }
}

/// Why a terminal gave no answer that counts.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq, thiserror::Error)]
#[error("{fault}{}{text}", if text.as_str().is_empty() { "" } else { ": " })]
pub struct TerminalError {
    /// What kind of trouble it is: what to do about it depends on this alone.
    #[n(0)]
    pub fault: Fault,
    /// For the operator; card numbers masked.
    #[n(1)]
    pub text: Masked,
}

impl TerminalError {
    /// An error; card numbers in its text are masked.
    pub fn new(fault: Fault, text: &str) -> Self {
        Self { fault, text: Masked::new(text) }
    }
}

/// What kind of trouble a terminal has, and what to do about it.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq, thiserror::Error)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Fault {
    /// The program or the service does not answer. Start it; look at cable and address.
    #[n(0)]
    #[error("no link to the terminal")]
    Link,
    /// It did not answer in time.
    #[n(1)]
    #[error("the terminal did not answer in time")]
    Timeout,
    /// Its answer cannot be read, or is not ours.
    #[n(2)]
    #[error("the answer of the terminal cannot be read")]
    Garbled,
    /// It answered that it does not know.
    #[n(3)]
    #[error("the terminal does not know what became of it")]
    Undefined,
    /// Another operation runs. Again in a moment.
    #[n(4)]
    #[error("the terminal is busy")]
    Busy,
    /// A program, a folder, an address is missing: a person sets it up. Nothing was sent.
    #[n(5)]
    #[error("the terminal is not set up")]
    Setup,
    /// A mistake of the caller; the text names field and limit. Nothing was sent.
    #[n(6)]
    #[error("a wrong request")]
    BadRequest,
    /// The device cannot do this. Nothing was sent.
    #[n(7)]
    #[error("the terminal cannot do this")]
    Unsupported,
    /// The device refused what moves no money: a report, a reconciliation.
    #[n(8)]
    #[error("the terminal refused")]
    Refused,
    /// An earlier operation is in doubt or held; settle it first. Nothing was sent.
    #[n(9)]
    #[error("an earlier operation is not settled")]
    Unsettled,
    /// The journal cannot be read or written. Nothing new is begun; try again.
    #[n(10)]
    #[error("the journal of the terminal")]
    Journal,
}

/// Why a payment was not held or confirmed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// It is not the last operation, or amount or code differ. Nothing happened.
    #[error("the terminal's last operation is another one")]
    Mismatch,
    /// It is not held any more: look at what became of it.
    #[error("the payment is not held")]
    NotHeld,
    /// Unknown: do it again.
    #[error("in doubt: {0}")]
    InDoubt(TerminalError),
    /// Nothing happened.
    #[error(transparent)]
    Fault(#[from] TerminalError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(amount: i64, returned: i64) -> Original {
        Original {
            amount: Kopecks(amount),
            returned: Kopecks(returned),
            reference: None,
            authorisation: None,
            attempt: Attempt { id: Uuid::from_u128(7), at: Timestamp::default() },
            confirmed: false,
        }
    }

    #[test]
    fn an_amount_has_limits() {
        for (amount, fits) in [(0, false), (-1, false), (1, true), (2_147_483_647, true)] {
            assert_eq!(
                Operation::Pay { amount: Kopecks(amount) }.check().is_ok(),
                fits,
                "{amount}"
            );
        }
        let error = Operation::Pay { amount: Kopecks(2_147_483_648) }.check().unwrap_err();
        assert_eq!(error.fault, Fault::BadRequest);
        assert!(error.text.as_str().contains("21474836.47"), "{error}");
    }

    #[test]
    fn no_more_is_given_back_than_was_taken() {
        let refund = |amount, returned| {
            let of = original(1_000, returned);
            let amount = Kopecks(amount);
            let refund = Operation::Refund { of: of.clone(), amount };
            assert_eq!(refund.check(), Operation::Cancel { of, amount }.check());
            refund.check().is_ok()
        };
        assert!(refund(1_000, 0) && refund(400, 600));
        assert!(!refund(1_001, 0) && !refund(401, 600));
    }

    #[test]
    fn what_is_confirmed_is_not_rolled_back() {
        assert!(Operation::RollBack { of: original(5, 0) }.check().is_ok());
        let of = Original { confirmed: true, ..original(5, 0) };
        assert!(Operation::RollBack { of }.check().is_err());
        assert!(Operation::RollBack { of: original(5, 1) }.check().is_err());
    }

    #[test]
    fn a_number_is_never_zero() {
        let number = |id| Attempt { id: Uuid::from_u128(id), at: Timestamp::default() }.number();
        assert_eq!((number(0), number(1 << 32), number(0xA1B2_C3D4)), (1, 1, 0xA1B2_C3D4));
    }
}
