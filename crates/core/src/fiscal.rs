//! Fiscal documents: receipts, shifts, and the question whether a document was written.
//!
//! A **receipt** is checked whole before anything is sent ([`Receipt::check`]). A **register**
//! writes it into its fiscal memory (FN), where documents are numbered without gaps; only a number
//! there makes it fiscal. When an answer is lost, [`Search`] walks those numbers from the
//! [`Mark`] that was read before, and says written, not written, or ask a person (ATOL note 11).
//!
//! What goes **back** of a sale is reckoned from the sale itself ([`Receipt::give_back`]), and a
//! receipt that comes **late** is a correction ([`late()`]).

mod back;
mod document;
mod late;
mod quantity;
mod receipt;
mod search;
mod slip;
mod vat;

pub use back::{Portion, Return, ReturnError, due_back};
pub use document::{DocumentKind, Mark, Registered, qr};
pub use late::{Late, OpenShift, late};
pub use quantity::{Quantity, QuantityError};
pub use receipt::{
    Basis, BasisKind, Field, Limits, Line, MarkCode, Measure, Method, NOTE_CHARS_MAX, NOTES_MAX,
    Object, Operator, Paid, Place, Problem, Receipt, ReceiptError, ReceiptKind, Taxation, Tender,
};
pub use search::{Answer, Ask, Evidence, Expected, Finding, Search, Why};
pub use slip::{Slip, SlipItem, is_ean13};
pub use vat::VatRate;
