//! The driver's JSON tasks: one model for the web server and the native library (ATOL note 4-6).
//!
//! A task is validated whole before the register is touched; what is wrong is 501. Then it runs as
//! the driver's scripts do: whatever receipt is open is annulled, the document is written, and
//! after a failed close the register is asked whether it was closed. The answer to that question
//! is not looked at when the link is down: then the task fails although the document may be in
//! the memory (trap D).
//!
//! Stricter than the driver, on purpose: money with more than two decimals is 501 and not
//! rounded, and so is a field that the note does not name
//! ([`Settings::unknown_fields_refused`](super::Settings::unknown_fields_refused)). Known but not
//! imitated, answered 11: registration of the register, its parameters and licences, picture
//! memory, the cash drawer's lock, reports by department.

mod answer;
mod document;
mod fields;
mod items;
mod marking;
mod receipt;
mod run;
mod state;

use std::fmt;

pub(super) use self::answer::recovered;
use self::fields::Fields;
use self::marking::Marking;
use self::receipt::Receipt;
use self::run::Desk;
use self::state::State;
use super::Code;
use super::json::Json;
use super::register::Register;
use super::settings::Settings;

/// Why a task was not performed, or not to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The driver's number.
    pub code: Code,
    /// The driver's text; for 501 it names the field.
    pub text: String,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, text: code.text().to_owned() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.0, self.text)
    }
}

impl std::error::Error for Refusal {}

/// Performs one task, as `libfptr_process_json` does. The text is its result, empty when it has
/// none. Blocks nobody: the register answers at once.
///
/// # Errors
/// [`Refusal`]. Whether a document was written in spite of it, only the fiscal memory can tell.
pub fn process_json(register: &mut Register, text: &str) -> Result<String, Refusal> {
    let json = Json::parse(text).ok_or_else(|| Refusal::from(Code::PARSE_ERROR))?;
    let task = Task::read(&json, &register.settings)?;
    register.current().task = json.get("type").and_then(Json::as_text).map(ToOwned::to_owned);
    let done = task.run(register);
    register.current().task = None;
    let result = done?;
    Ok(if result == Json::Null { String::new() } else { result.to_string() })
}

/// Looks through one task and touches nothing, as `libfptr_validate_json` does.
///
/// # Errors
/// [`Refusal`]: 501 for what is wrong, 504 for a task without arguments, which nothing can be
/// wrong with.
pub fn validate_json(register: &Register, text: &str) -> Result<(), Refusal> {
    let json = Json::parse(text).ok_or_else(|| Refusal::from(Code::PARSE_ERROR))?;
    match Task::read(&json, &register.settings)? {
        Task::ContinuePrint | Task::PrintLast | Task::State(_) | Task::NotImitated => {
            Err(Code::VALIDATE_FUNC_NOT_FOUND.into())
        }
        _ => Ok(()),
    }
}

/// Whether a task of this type writes a fiscal document, as the web servers see it.
pub fn is_fiscal(task: &str) -> bool {
    const OTHER: [&str; 7] = [
        "openShift",
        "closeShift",
        "reportOfdExchangeStatus",
        "registration",
        "fnChange",
        "changeRegistrationParameters",
        "closeArchive",
    ];
    OTHER.contains(&task) || receipt::kind(task).is_some()
}

/// A task that was read whole.
enum Task {
    OpenShift(Desk),
    CloseShift(Desk),
    ReportX(Desk),
    Exchange(Desk),
    Receipt(Box<Receipt>),
    Cash {
        desk: Desk,
        amount: tillway_core::Kopecks,
    },
    NonFiscal {
        lines: Vec<String>,
        footer: bool,
    },
    ContinuePrint,
    PrintLast,
    PrintDocument(u32),
    SetClock(i64),
    State(State),
    Marking(Marking),
    /// Known to the driver, not to this simulator.
    NotImitated,
}

impl Task {
    fn read(json: &Json, settings: &Settings) -> Result<Self, Refusal> {
        let fields = Fields::root(json, settings)?;
        let kind = fields.need_text("type")?;
        if let Some((tag, correction)) = receipt::kind(kind) {
            return Receipt::read(&fields, tag, correction).map(Box::new).map(Self::Receipt);
        }
        if let Some(state) = State::read(kind, &fields)? {
            return Ok(Self::State(state));
        }
        if let Some(marking) = Marking::read(kind, &fields)? {
            return Ok(Self::Marking(marking));
        }
        match kind {
            "openShift" => Desk::read(&fields, &[]).map(Self::OpenShift),
            "closeShift" => Desk::read(&fields, &[]).map(Self::CloseShift),
            "reportX" => Desk::read(&fields, &[]).map(Self::ReportX),
            "reportOfdExchangeStatus" => Desk::read(&fields, &[]).map(Self::Exchange),
            "cashIn" | "cashOut" => {
                let desk = Desk::read(&fields, &["cashSum"])?;
                let sum = fields.need_money("cashSum")?;
                let amount = if kind == "cashIn" { Ok(sum) } else { sum.neg() };
                let amount = amount.map_err(|_| fields.bad("cashSum"))?;
                Ok(Self::Cash { desk, amount })
            }
            "nonFiscal" => {
                fields.only(&["type", "items", "printFooter"])?;
                let lines = items::texts(&fields, "items")?;
                let footer = fields.flag("printFooter")?.unwrap_or(false);
                Ok(Self::NonFiscal { lines, footer })
            }
            "continuePrint" => fields.only(&["type"]).map(|()| Self::ContinuePrint),
            "printLastReceiptCopy" => fields.only(&["type"]).map(|()| Self::PrintLast),
            "printFnDocument" => {
                fields.only(&["type", "fiscalDocumentNumber"])?;
                fields.need_u32("fiscalDocumentNumber").map(Self::PrintDocument)
            }
            "setDateTime" => {
                fields.only(&["type", "dateTime"])?;
                let at = super::calendar::moment(fields.need_text("dateTime")?);
                at.map(Self::SetClock).ok_or_else(|| fields.bad("dateTime"))
            }
            other if NOT_IMITATED.contains(&other) => Ok(Self::NotImitated),
            _ => Err(fields.bad("type")),
        }
    }

    fn run(self, register: &mut Register) -> Result<Json, Refusal> {
        let done = match self {
            Self::OpenShift(desk) => run::open_shift(register, &desk),
            Self::CloseShift(desk) => run::close_shift(register, &desk),
            Self::ReportX(desk) => run::report_x(register, &desk),
            Self::Exchange(desk) => run::exchange(register, &desk),
            Self::Receipt(receipt) => run::receipt(register, &receipt),
            Self::Cash { desk, amount } => run::cash(register, &desk, amount),
            Self::NonFiscal { lines, footer } => run::non_fiscal(register, lines, footer),
            Self::ContinuePrint => register.continue_print().map(|()| Json::Null),
            Self::PrintLast => run::print_last(register),
            Self::PrintDocument(number) => run::print_document(register, number),
            Self::SetClock(at) => register.set_clock(at).map(|()| Json::Null),
            Self::State(state) => state.run(register),
            Self::Marking(marking) => marking.run(register),
            Self::NotImitated => register.reach().and(Err(Code::NOT_SUPPORTED)),
        };
        done.map_err(Refusal::from)
    }
}

const NOT_IMITATED: [&str; 17] = [
    "reportDepartments",
    "reportFnRegistrations",
    "openCashDrawer",
    "getCashDrawerStatus",
    "printDocumentsFromJournal",
    "uploadPictureCliche",
    "getOverallTotals",
    "getDepartmentSum",
    "ismExchangeStatus",
    "getLicenses",
    "getMcu",
    "getDeviceParameters",
    "setDeviceParameters",
    "registration",
    "changeRegistrationParameters",
    "fnChange",
    "closeArchive",
];

#[cfg(test)]
mod tests;
