//! What is asked of the book.

use crate::account::OverdraftUse;
use crate::book::refusal::Refusal;
use crate::book::row::{Binding, Hold, Order, Party, Payment, Refund, TokenId, Why};
use crate::book::stream::{Fence, Head, Record, Seq, StreamId};
use crate::guest::{Carrier, Guest};
use crate::id::{
    AccountId, DeviceId, Fingerprint, HoldId, OrderId, PaymentId, RefundId, TillId, Uuid,
};
use crate::money::Kopecks;
use crate::pairing::Pairing;
use crate::time::Timestamp;
use crate::wallet::Mix;
use crate::{Account, AccountKind, AccountStatus};

/// One atomic durable step. All of it happens, or nothing but the memory of a refusal.
#[derive(Clone, Debug)]
pub struct Commit {
    /// What makes a repeat recognisable. `None` where the ops do: an append with `expect`, a void.
    pub key: Option<Key>,
    /// When, by the clock of the caller's desk.
    pub at: Timestamp,
    /// The rules of the order that the ops are judged under.
    pub guard: Option<OrderGuard>,
    /// What to do, in order.
    pub ops: Vec<Op>,
}

impl Commit {
    /// A step without a key and without a guard.
    pub fn of(at: Timestamp, ops: Vec<Op>) -> Self {
        Self { key: None, at, guard: None, ops }
    }
}

/// One key, one effect. The same key with another body is a conflict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key {
    /// Whose ids these are.
    pub scope: Scope,
    /// The id.
    pub id: Uuid,
    /// Counts from 1; above 1 only for [`Scope::Payment`] (F1).
    pub attempt: u16,
    /// The digest of the typed request.
    pub body: Fingerprint,
}

/// Whose ids a key holds. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Scope {
    /// Payments: the payment's own row is the key.
    Payment,
    /// Refunds of a payment.
    Refund,
    /// Refunds that name no payment.
    Unlinked,
    /// Reservations.
    Reserve,
    /// Money into guest accounts.
    TopUp,
    /// Points.
    Accrue,
    /// Guests, accounts, carriers.
    Guests,
    /// Everything else that an integrator commits.
    Custom,
}

/// Under which rules an order is paid. Policy comes from the venue's configuration.
#[derive(Clone, Debug)]
pub struct OrderGuard {
    /// The order.
    pub order: OrderId,
    /// The till that asks; `None` skips the ownership check.
    pub till: Option<TillId>,
    /// The epoch that the plugin saw; `None` skips the check.
    pub epoch: Option<u32>,
    /// The kind that the payment type is set up for (F5); `None` skips the check.
    pub expects: Option<AccountKind>,
    /// The order's total; `None` uses the one that the plugin told before, if any.
    pub total: Option<Kopecks>,
    /// The venue's rules.
    pub rules: OrderRules,
}

/// The venue's rules for paying an order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OrderRules {
    /// Which kinds may pay together.
    pub mix: Mix,
    /// Whether a deposit may be overdrawn (F4).
    pub overdraft: OverdraftUse,
    /// Whether a phone number alone may pay (F16).
    pub phone_spend: bool,
    /// The share of a known total that points may pay, in basis points (L5).
    pub bonus_cap_bp: Option<u32>,
    /// What points leave to pay of a known total (F28); zero at the table.
    pub min_money: Kopecks,
}

/// When a hold lapses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// At this moment.
    At(Timestamp),
    /// Never by itself: the flow that owns the order ends it (F35).
    WithOwner,
}

/// The use of a one-time token, judged in the commit that makes the binding pending (F16).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenUse {
    /// Its id.
    pub id: TokenId,
    /// When its signature lapses.
    pub expires: Timestamp,
}

/// One change of the book.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Refuses: remembers a refusal that a desk found before the book (an unknown payment type).
    Refuse(Refusal),
    /// Sets money aside. A repeat with the same id and terms is done already.
    Hold {
        /// Its id.
        id: HoldId,
        /// The order it is for.
        order: OrderId,
        /// The account.
        account: AccountId,
        /// At least one kopeck.
        amount: Kopecks,
        /// When it lapses.
        expiry: Expiry,
        /// The live hold that it replaces (PV5).
        supersedes: Option<HoldId>,
    },
    /// Gives a hold up. On one that lapsed or was voided, or whose payment was cancelled, it
    /// changes nothing.
    Void {
        /// The hold.
        hold: HoldId,
    },
    /// Lapses a hold whose time has come; on any other it changes nothing.
    Expire {
        /// The hold.
        hold: HoldId,
    },
    /// Takes money. The payment's row is the key (F1).
    Capture {
        /// iikoFront's transaction id.
        id: PaymentId,
        /// The order it pays.
        order: OrderId,
        /// The account.
        account: AccountId,
        /// At least one kopeck.
        amount: Kopecks,
        /// The hold that it uses.
        hold: Option<HoldId>,
    },
    /// Takes a payment back, or forbids it for ever when it was never captured.
    Cancel {
        /// The payment.
        id: PaymentId,
        /// Its order, for the tombstone.
        order: OrderId,
        /// The till that asks, for the tombstone.
        till: Option<TillId>,
    },
    /// Gives money back; Σ refunds never exceeds the capture.
    Refund {
        /// Its id.
        id: RefundId,
        /// The payment.
        of: PaymentId,
        /// At least one kopeck.
        amount: Kopecks,
        /// Σ of refunds that the caller saw (F2); `None` skips the check.
        before: Option<Kopecks>,
    },
    /// Gives money back over the captures of one kind of an order, newest first (B17).
    RefundOrder {
        /// Its id; the refunds derive theirs from it.
        id: RefundId,
        /// The order.
        order: OrderId,
        /// The kind.
        kind: AccountKind,
        /// At least one kopeck.
        amount: Kopecks,
        /// Σ of refunds over this order and kind that the caller saw (F2); `None` skips the check.
        before: Option<Kopecks>,
    },
    /// iiko has this payment.
    Acknowledge {
        /// The payment.
        id: PaymentId,
    },
    /// iiko closed the order with these payments: they leave clearing for sales, holds are voided,
    /// the binding ends. A repeat settles what is new.
    Close {
        /// The order.
        order: OrderId,
        /// The payments that iiko listed.
        listed: Vec<PaymentId>,
    },
    /// Moves money between two parties of one unit; the key makes a repeat harmless.
    Move {
        /// From here.
        from: Party,
        /// To here.
        to: Party,
        /// At least one kopeck.
        amount: Kopecks,
        /// Why. Capture, cancel, refund and close are refused: they are of payments.
        why: Why,
        /// The operation behind it.
        by: Uuid,
    },
    /// Changes who pays for an order.
    Bind {
        /// The order.
        order: OrderId,
        /// The till it is at.
        till: Option<TillId>,
        /// The new binding.
        to: Binding,
        /// The one-time token that is used up.
        once: Option<TokenUse>,
    },
    /// Remembers what the plugin or the flow knows of an order.
    Tell {
        /// The order.
        order: OrderId,
        /// The till that tells.
        till: Option<TillId>,
        /// Its total.
        total: Option<Kopecks>,
        /// Its lines, in core's codec; at most 64 KiB.
        lines: Option<Box<[u8]>>,
        /// The money account chosen for `DepositSum` (M5).
        money: Option<AccountId>,
    },
    /// Creates or replaces a guest.
    PutGuest(Box<Guest>),
    /// Replaces a guest's photo, or removes it.
    PutPhoto {
        /// The guest.
        guest: crate::id::GuestId,
        /// JPEG or PNG, at most 512 KiB.
        photo: Option<Box<[u8]>>,
    },
    /// Creates an account: balance and holds are zero whatever is given.
    OpenAccount(Box<Account>),
    /// Changes an account's terms. Live holds stay good (F14).
    SetTerms {
        /// The account.
        account: AccountId,
        /// The new overdraft.
        overdraft: Option<Kopecks>,
        /// The new status.
        status: Option<AccountStatus>,
    },
    /// Creates or replaces a carrier of the same guest.
    PutCarrier(Box<Carrier>),
    /// Puts a device to a till (D1).
    Pair(Pairing),
    /// Takes it away; a pairing that is not there is gone already.
    Unpair {
        /// The till.
        till: TillId,
        /// The device.
        device: DeviceId,
    },
    /// Writes to the journal. Without records it replaces the head, and makes the commit depend on
    /// `expect` and `fence`.
    Append {
        /// The stream.
        stream: StreamId,
        /// The length that the writer saw; `None` appends whatever came between.
        expect: Option<Seq>,
        /// The writer's claim.
        fence: Option<Fence>,
        /// The records.
        records: Vec<Record>,
        /// The head from now on.
        head: Head,
    },
}

/// What the book decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Done: one outcome for each op.
    Done(Vec<Outcome>),
    /// Refused, and nothing but the key remembers.
    Refused(Refusal),
}

/// What became of one op: the rows as they stand now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing to tell.
    Done,
    /// A hold.
    Hold(Hold),
    /// A payment, and its account after the step.
    Payment(Box<Payment>, Option<Box<Account>>),
    /// A refund and its payment.
    Refund(Refund, Box<Payment>),
    /// Refunds over an order.
    Refunds(Vec<Refund>),
    /// An order.
    Order(Box<Order>),
    /// An order was closed: which captures iiko did not list, which it listed and we do not know.
    Closed {
        /// The order.
        order: Box<Order>,
        /// Captured, not listed.
        orphan_captures: Vec<PaymentId>,
        /// Listed, not captured.
        orphans_in_iiko: Vec<PaymentId>,
    },
    /// An account.
    Account(Box<Account>),
    /// A stream's length.
    Appended(Seq),
}

/// Who asks, from where, until when, and because of what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// The till it comes from.
    pub till: Option<TillId>,
    /// When the answer is of no more use, as a reading of [`Clock::ticks`](crate::port::Clock).
    pub deadline: Option<core::time::Duration>,
    /// What it belongs to, for logs.
    pub cause: Option<Uuid>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Actor {
    /// A waiter, through WaiterServer.
    Waiter,
    /// The plugin in iikoFront.
    Plugin,
    /// A person at a desk or console.
    Person,
    /// tillway itself: recovery, sweeps.
    System,
}

impl Caller {
    /// A caller of tillway's own.
    pub fn system() -> Self {
        Self { actor: Actor::System, till: None, deadline: None, cause: None }
    }
}
