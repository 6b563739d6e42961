//! JSON tasks of the driver and their results, in the words of the port (ATOL notes 4 and 5).
//!
//! The web server hands tasks to the driver unchanged, so they are the same on every way to the
//! register. Nothing here knows HTTP or the library. Money goes as exact text; no float is read
//! or written.

mod answer;
mod document;
mod print;
mod read;
mod receipt;
mod words;

use serde::Serialize;
use tillway_core::fiscal::{DocumentKind, Expected, Operator};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{Attempt, Fiscal, RegisterError};
use tillway_core::time::Timestamp;

pub(crate) use self::answer::was_recovered;
pub use self::answer::{
    BadAnswer, DeviceInfo, MemoryInfo, device, exchange, last, memory, registered, shift, status,
    totals,
};
pub use self::document::document;
pub(crate) use self::document::is_short;
pub use self::print::{SLIP_ITEMS_MAX, slip};
pub use self::receipt::RECEIPT_BYTES_MAX;

/// What a task must know beside the document: what the driver can do, and what is to be found
/// again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Context {
    /// The version of the fiscal data format, as [`MemoryInfo::format`] says it; `1.2` when it is
    /// not known.
    pub format: Option<Box<str>>,
    /// A text to find the receipt by, printed into it as tag 1192, where several programs share
    /// the register (F20): see [`operation`]. At most 16 characters.
    pub operation: Option<Box<str>>,
}

impl Context {
    /// Quantities have a code of their measure, and marks may be sent.
    pub(crate) fn is_format_12(&self) -> bool {
        self.format.as_deref().is_none_or(|format| !matches!(format, "1.0" | "1.05" | "1.1"))
    }
}

/// The text that stands for an attempt in tag 1192, which has room for 16 characters.
pub fn operation(attempt: Uuid) -> Box<str> {
    let hex = attempt.simple().to_string();
    hex.get(16..).unwrap_or_default().into()
}

/// What an attempt's receipt has in that tag: what was decided when its mark was read, or by the
/// setting where that is not known.
pub(crate) fn printed(attempt: &Attempt, shared: bool) -> Option<Box<str>> {
    attempt.before.operations.unwrap_or(shared).then(|| operation(attempt.id))
}

/// What is asked of the register and changes nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Query {
    /// The shift: [`shift`] reads the answer.
    Shift,
    /// Its sums: [`totals`].
    Totals,
    /// Paper, cover, clock: [`status`].
    Status,
    /// Model, serial number, firmware: [`device`].
    Device,
    /// The fiscal memory: [`memory`].
    Memory,
    /// The number of its last document: [`last`].
    Last,
    /// A document: [`document`]. Number 123 means that there is none.
    Document(u32),
    /// What the OFD has not got: [`exchange`].
    Exchange,
}

impl Query {
    /// The task.
    pub fn task(self) -> String {
        match self {
            Self::Document(number) => {
                format!(r#"{{"type":"getFnDocument","fiscalDocumentNumber":{number}}}"#)
            }
            other => format!(r#"{{"type":"{}"}}"#, other.word()),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Shift => "getShiftStatus",
            Self::Totals => "getShiftTotals",
            Self::Status => "getDeviceStatus",
            Self::Device => "getDeviceInfo",
            Self::Memory => "getFnInfo",
            Self::Last => "getFnStatus",
            Self::Document(_) => "getFnDocument",
            Self::Exchange => "ofdExchangeStatus",
        }
    }
}

/// The task that writes a fiscal document.
///
/// # Errors
/// [`Cause::BadReceipt`] for a receipt over [`RECEIPT_BYTES_MAX`] and [`Cause::Unsupported`] for a
/// mark where the data format is older than 1.2. Everything else is for `Receipt::check`, which
/// comes first.
///
/// [`Cause::BadReceipt`]: tillway_core::port::fiscal::Cause::BadReceipt
/// [`Cause::Unsupported`]: tillway_core::port::fiscal::Cause::Unsupported
pub fn fiscal(what: &Fiscal, context: &Context) -> Result<String, RegisterError> {
    let report = |kind, operator: &Option<Operator>| {
        let operator = operator.as_ref().map(words::Who::of);
        text(&Report { kind, operator })
    };
    match what {
        Fiscal::OpenShift(operator) => report("openShift", operator),
        Fiscal::CloseShift(operator) => report("closeShift", operator),
        Fiscal::Exchange(operator) => report("reportOfdExchangeStatus", operator),
        Fiscal::Receipt(receipt) => receipt::task(receipt, context),
    }
}

/// What kind of document it would be.
pub fn kind(what: &Fiscal) -> DocumentKind {
    match what {
        Fiscal::OpenShift(_) => DocumentKind::OpenShift,
        Fiscal::CloseShift(_) => DocumentKind::CloseShift,
        Fiscal::Exchange(_) => DocumentKind::Exchange,
        Fiscal::Receipt(receipt) if receipt.basis.is_some() => {
            DocumentKind::Correction(receipt.kind)
        }
        Fiscal::Receipt(receipt) => DocumentKind::Receipt(receipt.kind),
    }
}

/// What it would look like in the memory. `until` is the register's clock now.
pub fn expected(what: &Fiscal, context: &Context, until: Timestamp) -> Expected {
    let (total, operation) = match what {
        Fiscal::Receipt(receipt) => (receipt.total().ok(), context.operation.clone()),
        _ => (None, None),
    };
    Expected { kind: kind(what), total, until, operation }
}

/// The task that prints the X report.
///
/// # Errors
/// None that an operator's name could cause.
pub fn report_x(operator: Option<&Operator>) -> Result<String, RegisterError> {
    text(&Report { kind: "reportX", operator: operator.map(words::Who::of) })
}

/// The task that goes on with an interrupted print. 81 means that there is none.
pub fn continue_print() -> String {
    r#"{"type":"continuePrint"}"#.to_owned()
}

/// The task that prints a document of the memory again.
pub fn print_document(number: u32) -> String {
    format!(r#"{{"type":"printFnDocument","fiscalDocumentNumber":{number}}}"#)
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<words::Who<'a>>,
}

/// Our own types are always text; should one not be, it is a mistake of ours and is not sent.
fn text(task: &impl Serialize) -> Result<String, RegisterError> {
    serde_json::to_string(task).map_err(|error| {
        RegisterError::new(tillway_core::port::fiscal::Cause::BadTask, error.to_string())
    })
}

#[cfg(test)]
mod tests;
