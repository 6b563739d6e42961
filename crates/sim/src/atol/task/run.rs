//! Documents, as the driver's scripts write them (ATOL note 4.3-4.4, 4.7).

use tillway_core::Kopecks;

use super::Refusal;
use super::answer;
use super::fields::Fields;
use super::items;
use super::receipt::Receipt;
use crate::atol::Code;
use crate::atol::json::Json;
use crate::atol::marks::Marks;
use crate::atol::memory::Body;
use crate::atol::register::{Closed, Register, Written};

/// What the script of a document does not mind when it annuls the receipt that may be open.
const IGNORED: [i32; 12] = [81, 12, 34, 68, 32, 151, 173, 174, 175, 176, 177, 96];

/// What all documents have in common.
#[derive(Default)]
pub(super) struct Desk {
    /// Name and tax number.
    pub(super) operator: Option<(String, Option<String>)>,
    pub(super) electronic: bool,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

impl Desk {
    /// Reads it; `known` are the names of what else the task has.
    pub(super) fn read(fields: &Fields<'_>, known: &[&str]) -> Result<Self, Refusal> {
        let ours = ["type", "operator", "electronically", "preItems", "postItems"];
        fields.only(&ours.iter().chain(known).copied().collect::<Vec<_>>())?;
        let mut operator = None;
        if let Some(who) = fields.object("operator")? {
            who.only(&["name", "vatin"])?;
            operator = Some((who.need_text("name")?.to_owned(), who.owned("vatin")?));
        }
        Ok(Self {
            operator,
            electronic: fields.flag("electronically")?.unwrap_or(false),
            before: items::texts(fields, "preItems")?,
            after: items::texts(fields, "postItems")?,
        })
    }

    /// Annuls what is open, prints what comes before, logs in.
    fn begin(&self, register: &mut Register, tolerant: bool) -> Result<(), Code> {
        annul(register)?;
        if !self.electronic && !self.before.is_empty() {
            let printed = register.print_text(&self.before);
            printed.or_else(|code| if tolerant { Ok(()) } else { Err(code) })?;
        }
        register.login(self.operator.clone());
        Ok(())
    }
}

pub(super) fn open_shift(register: &mut Register, desk: &Desk) -> Result<Json, Code> {
    desk.begin(register, false)?;
    let written = register.open_shift_as(desk.electronic);
    report(register, desk, written)
}

pub(super) fn close_shift(register: &mut Register, desk: &Desk) -> Result<Json, Code> {
    desk.begin(register, false)?;
    let written = register.close_shift_as(desk.electronic);
    report(register, desk, written)
}

pub(super) fn exchange(register: &mut Register, desk: &Desk) -> Result<Json, Code> {
    desk.begin(register, false)?;
    let written = register.exchange_report(desk.electronic);
    report(register, desk, written)
}

pub(super) fn report_x(register: &mut Register, desk: &Desk) -> Result<Json, Code> {
    desk.begin(register, false)?;
    register.report_x()?;
    print_after(register, desk);
    Ok(Json::Null)
}

pub(super) fn receipt(register: &mut Register, receipt: &Receipt) -> Result<Json, Code> {
    check_marks(register, receipt)?;
    receipt.desk.begin(register, receipt.tolerates_text)?;
    let filled = fill(register, receipt);
    if let Err(code) = filled {
        // Whatever the annulment says: the first error is the task's.
        let _ = register.cancel_receipt();
        return Err(code);
    }
    let closed = register.close_receipt();
    let auto = register.shift_auto_opened();
    let written = match closed {
        Err(Code::DENIED_IN_CLOSED_SHIFT) => {
            let _ = register.cancel_receipt();
            return Err(Code::DENIED_IN_CLOSED_SHIFT);
        }
        other => settle(register, other)?,
    };
    Ok(answer::written(register, written, auto))
}

/// Moves cash; an amount below zero goes out.
pub(super) fn cash(register: &mut Register, desk: &Desk, amount: Kopecks) -> Result<Json, Code> {
    desk.begin(register, false)?;
    let drawer = register.move_cash(amount)?;
    let counters = Json::object([("cashSum", Json::money(drawer))]);
    Ok(Json::object([("counters", Some(counters))]))
}

pub(super) fn non_fiscal(
    register: &mut Register,
    mut lines: Vec<String>,
    footer: bool,
) -> Result<Json, Code> {
    annul(register)?;
    if footer {
        lines.push(register.settings.organisation.clone());
    }
    register.print_text(&lines)?;
    Ok(Json::Null)
}

/// A copy of the last receipt.
pub(super) fn print_last(register: &mut Register) -> Result<Json, Code> {
    register.reach()?;
    let receipts = register.memory.documents().filter(|d| matches!(d.body, Body::Receipt(_)));
    let last = receipts.last().map(|document| document.number).ok_or(Code::FN_NO_MORE_DATA)?;
    print_document(register, last)
}

pub(super) fn print_document(register: &mut Register, number: u32) -> Result<Json, Code> {
    annul(register)?;
    register.print_copy(number)?;
    Ok(Json::Null)
}

/// Annuls the receipt that may be open.
fn annul(register: &mut Register) -> Result<(), Code> {
    match register.cancel_receipt() {
        Err(code) if !IGNORED.contains(&code.0) => Err(code),
        _ => Ok(()),
    }
}

/// A shift or exchange report, once it was asked for.
fn report(
    register: &mut Register,
    desk: &Desk,
    written: Result<Written, Code>,
) -> Result<Json, Code> {
    let written = settle(register, written)?;
    if written.printed {
        print_after(register, desk);
    }
    Ok(answer::written(register, written, false))
}

/// What comes after a report; the document is written whether this prints or not.
fn print_after(register: &mut Register, desk: &Desk) {
    if !desk.electronic && !desk.after.is_empty() {
        let _ = register.print_text(&desk.after);
    }
}

/// After a failure the script asks whether the document was closed all the same.
fn settle(register: &mut Register, written: Result<Written, Code>) -> Result<Written, Code> {
    let code = match written {
        Ok(written) => return Ok(written),
        Err(code) => code,
    };
    // Trap D: the script does not see that the question itself failed, and takes it for a no.
    match register.check_closed() {
        Ok(Closed { document: Some(number), printed }) => Ok(Written { number, printed }),
        _ => {
            let _ = register.cancel_receipt();
            Err(code)
        }
    }
}

/// Opens the receipt and fills it, up to the close.
fn fill(register: &mut Register, receipt: &Receipt) -> Result<(), Code> {
    register.open_receipt(receipt.head.clone())?;
    for item in &receipt.lines {
        register.line(item.clone())?;
    }
    if let Some(total) = receipt.total {
        register.total(total)?;
    }
    let paid = Kopecks::total(receipt.paid.iter().map(|(_, sum)| *sum));
    let total = register.open().map(|sale| sale.total).ok_or(Code::DENIED_IN_CLOSED_RECEIPT)?;
    if paid.map_err(|_| Code::INVALID_TOTAL)? < total {
        return Err(Code::NOT_FULLY_PAID);
    }
    for (tender, sum) in &receipt.paid {
        if *tender > 4 {
            return Err(Code::INVALID_PAYMENT_TYPE);
        }
        register.pay(*tender, *sum)?;
    }
    Ok(())
}

fn check_marks(register: &mut Register, receipt: &Receipt) -> Result<(), Code> {
    register.reach()?;
    let marked = receipt.lines.iter().filter(|item| item.mark.is_some());
    if !marked.clone().all(|item| Marks::suits(receipt.head.kind, item.status)) {
        return Err(Code::MARKING_DENIED);
    }
    let marks: Vec<_> = marked.filter_map(|item| item.mark.as_deref()).collect();
    if marks.is_empty() || !receipt.checks_marks {
        return Ok(());
    }
    Marks::ready(&register.settings)?;
    let good = marks.iter().all(|mark| Marks::is_good(&register.settings, mark));
    if good { Ok(()) } else { Err(Code::MARKING_DENIED) }
}
