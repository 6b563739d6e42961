//! The fiscal register: shifts, receipts, and what its memory has.

use async_trait::async_trait;
use minicbor::{Decode, Encode};

use crate::fiscal::{Limits, Mark, Operator, Paid, Receipt, ReceiptError, Registered};
use crate::id::Uuid;
use crate::money::Kopecks;
use crate::port::Port;
use crate::time::Timestamp;

pub use crate::fiscal::{Slip, SlipItem};

/// A fiscal register (ККТ).
///
/// Three outcomes (ADR 4): a fiscal call is done, refused, or **in doubt**; a lost answer is never
/// a refusal. A doubt is settled by [`FiscalRegister::find`], which reads the fiscal memory and
/// never prints; only its *not written* allows a new attempt, under a new id.
///
/// - One call at a time: a register has one print head. Calls from several tasks wait for one
///   another, each at most as long as the adapter's configuration says.
/// - Dropping the future of a call does not stop the register; the outcome is then in doubt.
/// - A repeat of [`FiscalRegister::register`] under the same attempt id never prints twice where
///   the device can know ids ([`Capabilities::ids`]); where it cannot, the decorator
///   `layers::Guarded` answers a repeat from its journal and the adapter must not be called twice.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait FiscalRegister: Port {
    /// What this register can do. Known from the configuration or from the last probe; no I/O.
    fn capabilities(&self) -> Capabilities;

    /// Asks the device who it is. Call it at start: it finds the generation of the interface, the
    /// rates and the memory, and what [`FiscalRegister::capabilities`] answers from then on.
    async fn probe(&self) -> Result<Device, RegisterError>;

    /// Paper, cover, shift, fiscal mode: for the service menu and before a sale.
    async fn status(&self) -> Result<DeviceStatus, RegisterError>;

    /// The shift, by the register's own clock (F21).
    async fn shift(&self) -> Result<Shift, RegisterError>;

    /// Sums of the shift that is open, or of the last one.
    async fn totals(&self) -> Result<ShiftTotals, RegisterError>;

    /// What the OFD has not got yet.
    async fn exchange(&self) -> Result<Exchange, RegisterError>;

    /// Where the fiscal memory stands. Journal it with the intent before
    /// [`FiscalRegister::register`]; `layers::Guarded` does, and reads it anew when it has the
    /// register.
    async fn mark(&self) -> Result<Mark, RegisterError>;

    /// A document by its number; `None` when the memory has none.
    async fn document(&self, number: u32) -> Result<Option<Registered>, RegisterError>;

    /// Writes one fiscal document.
    ///
    /// A receipt is checked first ([`Receipt::check`] and the adapter's own limits); what is wrong
    /// is refused as [`Cause::BadReceipt`] before anything is sent. The shift is not opened on the
    /// way: a receipt in a closed shift is refused as [`Cause::ShiftClosed`] (trap A).
    async fn register(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome;

    /// Whether an attempt in doubt was written. Reads only; may be called as often as one likes.
    /// While its own receipt is open it cannot say yet: annul that first.
    async fn find(&self, attempt: &Attempt, what: &Fiscal) -> Found;

    /// Opens a receipt and registers its lines, without closing it: [`Capabilities::open_receipt`].
    /// It is checked first; `paid` may be empty ([`Receipt::check_open`]).
    /// Until [`FiscalRegister::close_receipt`] it can be annulled without a trace in the memory.
    /// Nothing else may be sent meanwhile: whoever opens holds the register's
    /// [lane](crate::flow::Lane). After an error it may be open all the same: annul it.
    async fn open_receipt(&self, attempt: &Attempt, receipt: &Receipt)
    -> Result<(), RegisterError>;

    /// Pays and closes the open receipt. In doubt when the answer is lost.
    ///
    /// *Not written* is final: payments that do not make up the total are refused before anything
    /// is sent ([`Cause::BadReceipt`]), and the receipt is annulled. A new one needs a new id.
    async fn close_receipt(&self, attempt: &Attempt, paid: &[Paid]) -> FiscalOutcome;

    /// Annuls the open receipt; done as well when none is open.
    async fn annul_receipt(&self) -> Result<(), RegisterError>;

    /// Prints the X report. Writes no document; refused in a closed shift.
    async fn report_x(&self, operator: Option<&Operator>) -> Result<(), RegisterError>;

    /// Prints what is not fiscal: slips, coupons, an order number.
    async fn print(&self, slip: &Slip) -> Result<(), RegisterError>;

    /// Prints a document of the memory again, marked as a copy.
    async fn print_again(&self, number: u32) -> Result<(), RegisterError>;

    /// Goes on with a print that paper or power interrupted; done as well when there is none.
    async fn continue_print(&self) -> Result<(), RegisterError>;
}

/// One attempt to write a document. Its id is chosen once, journaled, and never used for another.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Attempt {
    /// The id the device gets, where it takes ids.
    #[cbor(n(0), with = "crate::id::uuid_bytes")]
    pub id: Uuid,
    /// Where the memory stood before.
    #[n(1)]
    pub before: Mark,
}

/// A fiscal document to write.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum Fiscal {
    /// Open a shift.
    #[n(0)]
    OpenShift(#[n(0)] Option<Operator>),
    /// Close the shift, an expired one too.
    #[n(1)]
    CloseShift(#[n(0)] Option<Operator>),
    /// A receipt or a correction.
    #[n(2)]
    Receipt(#[n(0)] Box<Receipt>),
    /// A report on the exchange with the OFD.
    #[n(3)]
    Exchange(#[n(0)] Option<Operator>),
}

/// What is written down about an attempt before the register is touched.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum Intent {
    /// [`FiscalRegister::register`].
    #[n(0)]
    Register(#[n(0)] Fiscal),
    /// [`FiscalRegister::open_receipt`]: what may be left open is annulled before it is searched.
    #[n(1)]
    Open(#[n(0)] Box<Receipt>),
}

/// What became of a fiscal call.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum FiscalOutcome {
    /// It is in the fiscal memory.
    #[n(0)]
    Written(#[n(0)] Box<Registered>),
    /// It is not in the memory and will not be.
    #[n(1)]
    NotWritten(#[n(0)] RegisterError),
    /// Unknown: ask [`FiscalRegister::find`] before anything else.
    #[n(2)]
    InDoubt(#[n(0)] RegisterError),
}

/// What [`FiscalRegister::find`] found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found {
    /// It was written.
    Written(Box<Registered>),
    /// It was not, and will not be: a new attempt needs a new id.
    NotWritten,
    /// The device cannot say now: no link, no paper while its queue is blocked. Ask again later,
    /// and show this to a person meanwhile.
    NotYet(RegisterError),
    /// The memory cannot say. A person decides.
    Person(Box<crate::fiscal::Evidence>),
}

/// What a register can do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// A receipt can stay open while the guest pays, and be annulled.
    pub open_receipt: bool,
    /// The device refuses an id that it has seen.
    pub ids: bool,
    /// The attempt's id is printed into its receipt and read back, so that receipts of other
    /// programs on the same register are told apart (F20).
    pub operations: bool,
    /// Marking codes can be checked and sent.
    pub marking: bool,
    /// The version of the fiscal data format: `1.05`, `1.1`, `1.2`; unknown before the probe.
    pub format: Option<Box<str>>,
    /// Rates and sizes.
    pub limits: Limits,
}

impl Default for Capabilities {
    fn default() -> Self {
        let limits = Limits::default();
        let (open_receipt, ids, operations, marking) = (false, false, false, false);
        Self { open_receipt, ids, operations, marking, format: None, limits }
    }
}

/// Who the device is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Device {
    /// Its model.
    pub model: Box<str>,
    /// Its serial number.
    pub serial: Box<str>,
    /// Its firmware.
    pub firmware: Box<str>,
    /// The driver's version, as the driver says it.
    pub driver: Box<str>,
    /// The serial number of its fiscal memory.
    pub memory: Box<str>,
    /// How many characters fit on a line of its paper.
    pub width: Option<u16>,
}

/// What a service menu shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeviceStatus {
    /// There is paper.
    pub paper: bool,
    /// The cover is open.
    pub cover_open: bool,
    /// Documents are fiscal; `false` in training.
    pub fiscal: bool,
    /// The fiscal memory is there.
    pub memory: bool,
    /// An interrupted print, or the device itself, keeps documents back.
    pub blocked: bool,
    /// Its clock.
    pub at: Option<Timestamp>,
}

/// A shift.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shift {
    /// Its state.
    pub state: ShiftState,
    /// Its number; of the last one when closed.
    pub number: u32,
    /// When it expires, by the register's clock.
    pub expires: Option<Timestamp>,
}

/// The state of a shift.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShiftState {
    /// Closed.
    Closed,
    /// Open.
    Open,
    /// Open for 24 hours: only closing it is allowed.
    Expired,
}

/// Sums of a shift by kind of receipt.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ShiftTotals {
    /// Its number.
    pub shift: u32,
    /// Sales.
    pub sell: KindTotal,
    /// Returns.
    pub sell_return: KindTotal,
    /// Cash in the drawer.
    pub drawer: Kopecks,
}

/// Receipts of one kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KindTotal {
    /// How many.
    pub count: u32,
    /// Their sum.
    pub sum: Kopecks,
    /// By tender, those that are not zero.
    pub paid: Vec<Paid>,
}

/// What the OFD has not got yet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Exchange {
    /// How many documents.
    pub unsent: u32,
    /// The number of the first.
    pub first: Option<u32>,
    /// When it was made.
    pub since: Option<Timestamp>,
}

/// Why a register did not do what it was asked.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq, thiserror::Error)]
#[error("{cause}{}", in_words(*code, text))]
pub struct RegisterError {
    /// What kind of trouble it is: what to do about it depends on this alone.
    #[n(0)]
    pub cause: Cause,
    /// The driver's number.
    #[n(1)]
    pub code: Option<i32>,
    /// The driver's words, for the operator.
    #[n(2)]
    pub text: Box<str>,
}

fn in_words(code: Option<i32>, text: &str) -> String {
    match (code, text) {
        (None, "") => String::new(),
        (None, text) => format!(": {text}"),
        (Some(code), text) => format!(": {code} {text}").trim_end().to_owned(),
    }
}

impl RegisterError {
    /// An error of our own, without a number of the driver.
    pub fn new(cause: Cause, text: impl Into<Box<str>>) -> Self {
        Self { cause, code: None, text: text.into() }
    }
}

impl From<ReceiptError> for RegisterError {
    fn from(error: ReceiptError) -> Self {
        Self::new(Cause::BadReceipt, error.to_string())
    }
}

/// What kind of trouble a register has, and what to do about it.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq, thiserror::Error)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Cause {
    /// No link to the device. Open it again; a fiscal call is in doubt.
    #[n(0)]
    #[error("no link to the register")]
    Link,
    /// No paper, or the cover is open. Ask for paper, then go on printing.
    #[n(1)]
    #[error("the register has no paper")]
    Paper,
    /// The printer is broken or hot.
    #[n(2)]
    #[error("the printer of the register does not work")]
    Printer,
    /// The shift is older than 24 hours: close it, open one, repeat under a new id.
    #[n(3)]
    #[error("the shift is older than 24 hours")]
    ShiftExpired,
    /// The shift is closed: open one. For a close: it is closed already.
    #[n(4)]
    #[error("the shift is closed")]
    ShiftClosed,
    /// The shift is open. For an opening: it is open already.
    #[n(5)]
    #[error("the shift is open")]
    ShiftOpen,
    /// A receipt is open: close or annul it.
    #[n(6)]
    #[error("a receipt is open")]
    ReceiptOpen,
    /// No receipt is open.
    #[n(7)]
    #[error("no receipt is open")]
    NoReceipt,
    /// The fiscal memory is full, expired or broken: replace it.
    #[n(8)]
    #[error("the fiscal memory must be replaced")]
    Memory,
    /// Documents have not reached the OFD for 30 days: nothing is sold until they do.
    #[n(9)]
    #[error("documents have not reached the OFD for 30 days")]
    Unsent,
    /// The clock is wrong: a person sets it, with the shift closed.
    #[n(10)]
    #[error("the register's clock is wrong")]
    Clock,
    /// Not registered, no licence, wrong password, another program holds it: a person sets it up.
    #[n(11)]
    #[error("the register is not set up")]
    Setup,
    /// The receipt is wrong; the text names field and limit. A mistake of the caller.
    #[n(12)]
    #[error("the receipt is wrong")]
    BadReceipt,
    /// The driver does not know the task or a value in it: an old driver, or a mistake of ours.
    #[n(13)]
    #[error("the driver does not understand")]
    BadTask,
    /// More is given back than was taken.
    #[n(14)]
    #[error("the register has too little to give back")]
    Money,
    /// A marking code was refused or not checked.
    #[n(15)]
    #[error("a marking code was refused")]
    Marking,
    /// Busy. Again in a moment.
    #[n(16)]
    #[error("the register is busy")]
    Busy,
    /// A print was interrupted: go on printing, then ask what was written.
    #[n(17)]
    #[error("a print was interrupted")]
    Interrupted,
    /// The device cannot do this.
    #[n(18)]
    #[error("the register cannot do this")]
    Unsupported,
    /// It was cancelled before it began.
    #[n(19)]
    #[error("it was cancelled before it began")]
    Cancelled,
    /// Needs a mechanic.
    #[n(20)]
    #[error("the register needs service")]
    Service,
    /// An error that nobody has seen.
    #[n(21)]
    #[error("an unknown error of the register")]
    Unknown,
    /// An earlier attempt is not settled: find out what became of it first.
    #[n(22)]
    #[error("an earlier document is in doubt")]
    Doubt,
    /// The attempt's id belongs to another document. A mistake of the caller.
    #[n(23)]
    #[error("the attempt belongs to another document")]
    Conflict,
    /// The journal did not take the attempt or its outcome. Try again when the store is back.
    #[n(24)]
    #[error("the journal cannot be written")]
    Journal,
}
