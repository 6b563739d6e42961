//! The book: the ledger's rules, once, for every store.
//!
//! A store loads the rows that [`needs`] asks for, takes the decision of [`judge`], and saves the
//! [`Delta`]; it never decides by itself. Everything here is pure: the same rows and the same
//! [`Commit`] give the same verdict everywhere.
//!
//! Double entry: every [`Movement`] has a debit and a credit side, so balances sum to zero in each
//! [`Unit`](crate::Unit). Guest accounts have terms (overdraft, holds); house accounts are
//! append-only and summed on demand, so that no hot row serialises a venue.

mod audit;
mod chain;
mod claim;
pub mod code;
mod digest;
mod guests;
mod judge;
mod op;
mod order;
mod payment;
mod refusal;
mod row;
mod stream;
mod view;

pub use audit::{Audit, Auditor, Fault, audit};
pub use chain::Chain;
pub use claim::{ClaimRefused, claim, release};
pub use digest::{AccountWalk, Day, DayDigest, Digest, StreamWalk};
pub use judge::{Conflict, Judgement, judge};
pub use op::{
    Actor, Caller, Commit, Expiry, Key, Op, OrderGuard, OrderRules, Outcome, Scope, TokenUse,
    Verdict,
};
pub use refusal::Refusal;
pub use row::{
    Binding, Capture, Hold, HoldState, House, KeyRow, KindSums, Live, Movement, Order, Party,
    Payer, Payment, PaymentState, Refund, TokenId, TokenRow, Why,
};
pub use stream::{
    Fence, Head, RECORD_BODY_MAX, Record, Seq, Status, Stored, StreamId, StreamKind, StreamRow,
};
pub use view::{Change, Delta, Needs, OVERDUE_MAX, PhotoRow, Rows, View, needs};
