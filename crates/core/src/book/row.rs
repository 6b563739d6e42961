//! The rows of the book.

use crate::Unit;
use crate::account::{AccountKind, Parts};
use crate::book::refusal::Refusal;
use crate::book::stream::StreamId;
use crate::guest::Identification;
use crate::id::{AccountId, Fingerprint, GuestId, HoldId, OrderId, PaymentId, RefundId};
use crate::id::{TillId, Uuid};
use crate::money::{Kopecks, MoneyError};
use crate::time::Timestamp;
use crate::wallet::Kinds;

/// What a key remembers: which request it was, and whether it was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRow {
    /// The digest of the request.
    pub body: Fingerprint,
    /// `None` when it was done; the stored refusal otherwise.
    pub refusal: Option<Refusal>,
    /// When.
    pub at: Timestamp,
}

/// A part of an account set aside for an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// Whose order or sale it is for: every hold has an owner (F35).
    pub order: OrderId,
    /// The account.
    pub account: AccountId,
    /// The account's kind.
    pub kind: AccountKind,
    /// How much, and from which part of the account (fixed at hold time, F4).
    pub parts: Parts,
    /// Where it stands.
    pub state: HoldState,
    /// When it lapses; `None` while a flow owns it.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub at: Timestamp,
}

impl Hold {
    /// The whole amount.
    ///
    /// # Errors
    /// When the parts do not fit together, which no stored hold does.
    pub fn amount(&self) -> Result<Kopecks, MoneyError> {
        self.parts.total()
    }

    /// Whether it still sets money aside.
    pub fn is_live(&self) -> bool {
        self.state == HoldState::Held
    }
}

/// A hold ends exactly once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HoldState {
    /// Sets money aside.
    Held,
    /// Given up; a late capture is refused.
    Voided,
    /// Lapsed; a late capture is a new one with every check (F13).
    Expired,
    /// Became this payment.
    Captured(PaymentId),
}

/// A payment, refused payment, or tombstone: this row is the key of its id, for ever (F1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payment {
    /// iikoFront's transaction id.
    pub id: PaymentId,
    /// The order it was for.
    pub order: OrderId,
    /// The till that asked.
    pub till: Option<TillId>,
    /// The attempt that was judged last; counts from 1.
    pub attempt: u16,
    /// The digest of that attempt's request.
    pub body: Fingerprint,
    /// Where it stands.
    pub state: PaymentState,
    /// When it was captured, refused, or forbidden. A capture that is cancelled keeps its time: it
    /// belongs to the day it was made.
    pub at: Timestamp,
}

/// Where a payment stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PaymentState {
    /// Refused; a higher attempt is judged anew.
    Refused(Refusal),
    /// Taken from the guest.
    Captured(Capture),
    /// Taken and given back whole before anything was refunded.
    Cancelled(Capture),
    /// Cancelled before it was ever captured; it never will be.
    Tombstoned,
}

impl Payment {
    /// The capture behind it, if there ever was one.
    pub fn capture(&self) -> Option<&Capture> {
        match &self.state {
            PaymentState::Captured(c) | PaymentState::Cancelled(c) => Some(c),
            _ => None,
        }
    }

    /// What of it the guest has not got back.
    ///
    /// # Errors
    /// When the sums do not fit, which no stored payment does.
    pub fn live(&self) -> Result<Kopecks, MoneyError> {
        match &self.state {
            PaymentState::Captured(c) => c.parts.total()?.sub(c.refunded),
            _ => Ok(Kopecks::ZERO),
        }
    }

    /// The word of the payment API.
    pub fn state_word(&self) -> &'static str {
        match &self.state {
            PaymentState::Refused(_) => "refused",
            PaymentState::Tombstoned => "tombstoned",
            PaymentState::Cancelled(_) => "cancelled",
            PaymentState::Captured(c) if c.refunded.is_zero() => "captured",
            PaymentState::Captured(c) if c.parts.total() == Ok(c.refunded) => "refunded",
            PaymentState::Captured(_) => "partially_refunded",
        }
    }
}

/// Money taken from an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Capture {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub guest: GuestId,
    /// The account's kind.
    pub kind: AccountKind,
    /// How much, by part (F4).
    pub parts: Parts,
    /// Σ of refunds.
    pub refunded: Kopecks,
    /// The hold it came from.
    pub hold: Option<HoldId>,
    /// iiko is known to have it (F1).
    pub acknowledged: bool,
    /// It left clearing for sales: the order was closed with it.
    pub settled: bool,
}

/// Money given back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Of which payment.
    pub of: PaymentId,
    /// How much, by part: the mirror of the capture's parts.
    pub parts: Parts,
    /// When.
    pub at: Timestamp,
}

/// Amounts by account kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KindSums {
    /// Credit accounts.
    pub credit: Kopecks,
    /// Deposits.
    pub deposit: Kopecks,
    /// Points.
    pub bonus: Kopecks,
}

impl KindSums {
    /// The amount of one kind.
    pub fn of(&self, kind: AccountKind) -> Kopecks {
        match kind {
            AccountKind::Credit => self.credit,
            AccountKind::Deposit => self.deposit,
            AccountKind::Bonus => self.bonus,
        }
    }

    /// The amount of one kind, to change.
    pub fn of_mut(&mut self, kind: AccountKind) -> &mut Kopecks {
        match kind {
            AccountKind::Credit => &mut self.credit,
            AccountKind::Deposit => &mut self.deposit,
            AccountKind::Bonus => &mut self.bonus,
        }
    }

    /// All kinds together.
    ///
    /// # Errors
    /// When the sum does not fit.
    pub fn total(&self) -> Result<Kopecks, MoneyError> {
        Kopecks::total([self.credit, self.deposit, self.bonus])
    }
}

/// What is alive on an order: kept in its row, so that one write judges mixing and the total.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Live {
    /// Σ live holds.
    pub held: KindSums,
    /// Σ captured and not given back.
    pub captured: KindSums,
}

impl Live {
    /// Whether a kind has a live hold or a capture that is not wholly returned (M3).
    pub fn has(&self, kind: AccountKind) -> bool {
        self.held.of(kind).is_positive() || self.captured.of(kind).is_positive()
    }

    /// The kinds that are alive (M3).
    pub fn kinds(&self) -> Kinds {
        use AccountKind::{Bonus, Credit, Deposit};
        [Credit, Deposit, Bonus].into_iter().filter(|k| self.has(*k)).collect()
    }

    /// Whether anything is held or captured.
    pub fn any(&self) -> bool {
        self.kinds() != Kinds::NONE
    }
}

/// An order as the table knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// iikoFront's order id.
    pub id: OrderId,
    /// The first till that named it.
    pub till: Option<TillId>,
    /// Counts binds and unbinds; the first bind makes it 1 (F15).
    pub epoch: u32,
    /// Who pays.
    pub binding: Binding,
    /// The money account that was chosen for `DepositSum` (M5).
    pub money: Option<AccountId>,
    /// The total that the plugin told (F11).
    pub total: Option<Kopecks>,
    /// The lines that the plugin told, in core's codec.
    pub lines: Option<Box<[u8]>>,
    /// What is held and captured.
    pub live: Live,
    /// When iiko closed it.
    pub closed: Option<Timestamp>,
    /// The last time somebody used it.
    pub touched: Timestamp,
}

impl Order {
    /// An order that nobody named yet.
    pub fn new(id: OrderId, at: Timestamp) -> Self {
        Self {
            id,
            till: None,
            epoch: 0,
            binding: Binding::None,
            money: None,
            total: None,
            lines: None,
            live: Live::default(),
            closed: None,
            touched: at,
        }
    }

    /// The guest who may pay now.
    pub fn payer(&self) -> Option<&Payer> {
        match &self.binding {
            Binding::Bound(payer) => Some(payer),
            _ => None,
        }
    }
}

/// One guest per order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Binding {
    /// Never bound.
    None,
    /// The till was asked to attach the guest; nobody may pay.
    Pending(Payer),
    /// The guest may pay.
    Bound(Payer),
    /// Was bound, or was pending and rolled back.
    Unbound,
}

impl Binding {
    /// The guest, pending or bound.
    pub fn who(&self) -> Option<&Payer> {
        match self {
            Self::Pending(payer) | Self::Bound(payer) => Some(payer),
            Self::None | Self::Unbound => None,
        }
    }
}

/// Who pays, and how sure we are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct Payer {
    /// The guest.
    #[n(0)]
    pub guest: GuestId,
    /// By carrier, or by phone number alone (F16).
    #[n(1)]
    pub identified: Identification,
    /// The one-time token that was used.
    #[n(2)]
    pub token: Option<TokenId>,
}

/// The `jti` of a dynamic token.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, minicbor::Encode, minicbor::Decode,
)]
#[cbor(transparent)]
pub struct TokenId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

/// A used one-time token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// The order that used it: a repeat for this order is not a second use.
    pub order: OrderId,
    /// The order was checked out: never valid again (F16).
    pub spent: bool,
    /// After this the signature check alone refuses it, and the row may go.
    pub expires: Timestamp,
}

/// One side of a movement.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Party {
    /// A guest account: a credit raises its balance.
    Guest(AccountId),
    /// A house account.
    House(House),
}

/// The house's accounts: append-only, summed on demand.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum House {
    /// Captured and not yet closed in iiko; what stays is "charged, not known to iiko".
    Clearing(OrderId),
    /// Sales of the venue.
    Sales,
    /// Returns after the close.
    SalesReturns,
    /// Returns that name no payment.
    SalesReturnsUnlinked,
    /// Owed to a guest whose account is closed.
    RefundsPayable(GuestId),
    /// Cash in the till.
    TillCash,
    /// Money at the acquirer.
    Acquirer,
    /// Money at the bank.
    Bank,
    /// Money received outside, declared by the venue (`fiscal = external_declared`).
    Declared,
    /// Points given.
    BonusIssued,
    /// Points spent.
    BonusRedeemed,
    /// Points lapsed.
    BonusExpired,
    /// Corrections without an original.
    Suspense,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// A guest paid in.
    TopUp,
    /// Points given.
    Accrual,
    /// A payment of an order.
    Capture,
    /// A payment taken back before any refund.
    Cancel,
    /// A refund.
    Refund,
    /// iiko closed the order.
    Close,
    /// A refund that names no payment.
    Unlinked,
    /// A correction by a manager.
    Correction,
}

/// An entry of the book: what is credited grows, what is debited shrinks, by one amount.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Movement {
    /// From here.
    pub debit: Party,
    /// To here.
    pub credit: Party,
    /// Rubles or points.
    pub unit: Unit,
    /// How much; at least one kopeck.
    pub amount: Kopecks,
    /// Why.
    pub why: Why,
    /// The payment, refund or operation behind it.
    pub by: Uuid,
    /// When.
    pub at: Timestamp,
}

impl Movement {
    /// Whether both sides are the house's: it stands in no account's chain, only in the digest of
    /// its day.
    pub fn is_of_the_house(&self) -> bool {
        matches!((self.debit, self.credit), (Party::House(_), Party::House(_)))
    }
}

/// Names a stream for a payment.
impl From<PaymentId> for StreamId {
    fn from(id: PaymentId) -> Self {
        Self { kind: crate::book::StreamKind::Payment, id: id.0 }
    }
}

/// Names the stream of an order's binding.
impl From<OrderId> for StreamId {
    fn from(id: OrderId) -> Self {
        Self { kind: crate::book::StreamKind::Binding, id: id.0 }
    }
}
