//! A receipt as a task (ATOL notes 4.4 to 4.6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tillway_core::fiscal::{
    Basis, Field, Line, MarkCode, Measure, Paid, Problem, Receipt, ReceiptError, Tender,
};
use tillway_core::money::Kopecks;
use tillway_core::port::fiscal::{Cause, RegisterError};

use super::words::{self, Count, Money, Who};
use super::{Context, print, text};

/// The largest receipt that the driver takes, by its own estimate of the size in the memory.
pub const RECEIPT_BYTES_MAX: usize = 32_768;

pub(super) fn task(receipt: &Receipt, context: &Context) -> Result<String, RegisterError> {
    let format_12 = context.is_format_12();
    check(receipt, format_12)?;
    let total = receipt.total().map_err(|_| too_large())?;
    let mut items: Vec<_> =
        receipt.lines.iter().map(|line| Item::of_line(line, format_12)).collect();
    let operation = context.operation.as_deref();
    items.extend(operation.map(|value| Item::Attribute(Attribute { value, print: false })));
    let marked = receipt.lines.iter().any(|line| line.mark.is_some());
    let place = receipt.place.as_ref();
    let notes = || receipt.notes.iter().map(print::Item::note).collect();
    text(&Task {
        kind: words::receipt(receipt.kind, receipt.basis.is_some()),
        taxation: receipt.taxation.map(words::taxation),
        electronically: receipt.electronic,
        ignore_print_errors: true,
        operator: receipt.operator.as_ref().map(Who::of),
        client: receipt.contact.as_deref().map(|contact| Client { contact }),
        machine: place.map(|place| &*place.machine),
        address: place.and_then(|place| place.address.as_deref()),
        place: place.and_then(|place| place.name.as_deref()),
        correction: receipt.basis.as_ref().map(Correction::of),
        items,
        // An electronic receipt has no paper to print text on.
        post_items: if receipt.electronic { Vec::new() } else { notes() },
        payments: payments(&receipt.paid),
        total: Money(total),
        validate_marks: marked,
    })
}

fn too_large() -> ReceiptError {
    ReceiptError { field: Field::Lines, problem: Problem::TooLarge }
}

fn check(receipt: &Receipt, format_12: bool) -> Result<(), RegisterError> {
    if size(receipt) > RECEIPT_BYTES_MAX {
        let problem = Problem::TooBig { max: RECEIPT_BYTES_MAX };
        return Err(ReceiptError { field: Field::Whole, problem }.into());
    }
    let marked = receipt.lines.iter().position(|line| line.mark.is_some());
    match marked {
        Some(index) if !format_12 => {
            let text = format!("lines[{index}].mark: needs data format 1.2");
            Err(RegisterError::new(Cause::Unsupported, text))
        }
        _ => Ok(()),
    }
}

/// What the receipt takes in the memory, about: texts in one byte a character, 4 bytes before
/// each value, a quarter on top, as the driver estimates it.
fn size(receipt: &Receipt) -> usize {
    let text = |text: &str| text.chars().count().saturating_add(4);
    let lines = receipt.lines.iter().map(|line| {
        let mark = line.mark.as_ref().map_or(0, |mark| mark.code.len().saturating_mul(2));
        text(&line.name).saturating_add(mark).saturating_add(64)
    });
    let notes = receipt.notes.iter().map(|note| text(note.as_str()));
    let sum = lines.chain(notes).fold(512_usize, usize::saturating_add);
    sum.saturating_add(sum / 4)
}

#[derive(Serialize)]
struct Task<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "taxationType", skip_serializing_if = "Option::is_none")]
    taxation: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    electronically: bool,
    #[serde(rename = "ignoreNonFiscalPrintErrors")]
    ignore_print_errors: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<Who<'a>>,
    #[serde(rename = "clientInfo", skip_serializing_if = "Option::is_none")]
    client: Option<Client<'a>>,
    #[serde(rename = "machineNumber", skip_serializing_if = "Option::is_none")]
    machine: Option<&'a str>,
    #[serde(rename = "paymentsAddress", skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(rename = "paymentsPlace", skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    correction: Option<Correction<'a>>,
    items: Vec<Item<'a>>,
    #[serde(rename = "postItems", skip_serializing_if = "Vec::is_empty")]
    post_items: Vec<print::Item<'a>>,
    payments: Vec<Payment>,
    total: Money,
    #[serde(rename = "validateMarkingCodes", skip_serializing_if = "is_false")]
    validate_marks: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[derive(Serialize)]
struct Client<'a> {
    #[serde(rename = "emailOrPhone")]
    contact: &'a str,
}

#[derive(Serialize)]
struct Correction<'a> {
    #[serde(rename = "correctionType")]
    kind: &'static str,
    #[serde(rename = "correctionBaseDate")]
    date: String,
    #[serde(rename = "correctionBaseNumber", skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
}

impl<'a> Correction<'a> {
    fn of(basis: &'a Basis) -> Self {
        let (year, month, day) = basis.date;
        Self {
            kind: words::basis(basis.kind),
            date: format!("{year:04}.{month:02}.{day:02}"),
            number: basis.number.as_deref(),
        }
    }
}

/// Written without a tag of serde's, which would buffer the numbers and lose their text.
#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Position(Box<Position<'a>>),
    Attribute(Attribute<'a>),
}

#[derive(Serialize)]
struct Position<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    price: Money,
    quantity: Count,
    amount: Money,
    tax: Tax,
    #[serde(rename = "paymentMethod")]
    method: &'static str,
    #[serde(rename = "paymentObject")]
    object: &'static str,
    #[serde(rename = "measurementUnit", skip_serializing_if = "Option::is_none")]
    measure: Option<&'static str>,
    #[serde(rename = "imcParams", skip_serializing_if = "Option::is_none")]
    mark: Option<Mark>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "additionalAttribute")]
struct Attribute<'a> {
    value: &'a str,
    print: bool,
}

#[derive(Serialize)]
struct Tax {
    #[serde(rename = "type")]
    rate: &'static str,
}

#[derive(Serialize)]
struct Mark {
    imc: String,
    #[serde(rename = "imcType")]
    kind: &'static str,
    #[serde(rename = "itemEstimatedStatus")]
    status: &'static str,
    #[serde(rename = "imcModeProcessing")]
    mode: u8,
}

impl Mark {
    fn of(mark: &MarkCode, measure: Measure) -> Self {
        let status = match (measure == Measure::Piece, mark.returned) {
            (true, false) => "itemPieceSold",
            (true, true) => "itemPieceReturn",
            (false, false) => "itemDryForSale",
            (false, true) => "itemDryReturn",
        };
        Self { imc: STANDARD.encode(&mark.code), kind: "auto", status, mode: 0 }
    }
}

impl<'a> Item<'a> {
    fn of_line(line: &'a Line, format_12: bool) -> Self {
        Self::Position(Box::new(Position {
            kind: "position",
            name: &line.name,
            price: Money(line.price),
            quantity: Count(line.quantity),
            amount: Money(line.amount),
            tax: Tax { rate: line.vat.word() },
            method: words::method(line.method),
            object: words::object(line.object),
            measure: words::measure(line.measure, format_12),
            mark: line.mark.as_ref().map(|mark| Mark::of(mark, line.measure)),
        }))
    }
}

#[derive(Serialize)]
struct Payment {
    #[serde(rename = "type")]
    tender: &'static str,
    sum: Money,
}

/// The driver wants at least one; a receipt that points have paid has none but nothing in cash.
fn payments(paid: &[Paid]) -> Vec<Payment> {
    let payment = |tender, sum| Payment { tender: words::tender(tender), sum: Money(sum) };
    let paid = paid.iter().filter(|paid| paid.amount.is_positive());
    let payments: Vec<_> = paid.map(|paid| payment(paid.tender, paid.amount)).collect();
    if payments.is_empty() { vec![payment(Tender::Cash, Kopecks::ZERO)] } else { payments }
}
