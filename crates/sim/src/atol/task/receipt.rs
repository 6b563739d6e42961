//! Receipts and corrections as tasks name them (ATOL note 4.4-4.5).

use tillway_core::Kopecks;

use super::Refusal;
use super::fields::{Fields, refusal};
use super::items::{self, Entry};
use super::run::Desk;
use crate::atol::calendar;
use crate::atol::memory::{Item, Sale};

/// The largest receipt that the driver estimates it can send, in bytes.
const BYTES_MAX: usize = 32_768;

/// A receipt that was read whole.
pub(super) struct Receipt {
    pub(super) desk: Desk,
    /// Its head; lines and payments are empty.
    pub(super) head: Sale,
    pub(super) lines: Vec<Item>,
    pub(super) total: Option<Kopecks>,
    /// Tender and amount, those that are not cash first.
    pub(super) paid: Vec<(usize, Kopecks)>,
    pub(super) checks_marks: bool,
    pub(super) tolerates_text: bool,
}

/// The tag 1054 of a task's type, and whether it is a correction; `None` for what is no receipt.
pub(super) fn kind(task: &str) -> Option<(u8, bool)> {
    Some(match task {
        "sell" => (1, false),
        "sellReturn" => (2, false),
        "buy" => (3, false),
        "buyReturn" => (4, false),
        "sellCorrection" => (1, true),
        "sellReturnCorrection" => (2, true),
        "buyCorrection" => (3, true),
        "buyReturnCorrection" => (4, true),
        _ => return None,
    })
}

const KNOWN: [&str; 18] = [
    "taxationType",
    "ignoreNonFiscalPrintErrors",
    "clientInfo",
    "companyInfo",
    "agentInfo",
    "supplierInfo",
    "paymentsAddress",
    "paymentsPlace",
    "machineNumber",
    "operationInfo",
    "industryInfo",
    "items",
    "payments",
    "taxes",
    "total",
    "validateMarkingCodes",
    "useVAT18",
    "customParameters",
];

const BASIS: [&str; 4] =
    ["correctionType", "correctionBaseDate", "correctionBaseNumber", "correctionBaseName"];

const TAXATIONS: [(&str, &str); 6] = [
    ("osn", "osn"),
    ("usnIncome", "usnIncome"),
    ("usnIncomeOutcome", "usnIncomeOutcome"),
    ("envd", "envd"),
    ("esn", "esn"),
    ("patent", "patent"),
];

const TENDERS: [(&str, usize); 10] = [
    ("cash", 0),
    ("electronically", 1),
    ("prepaid", 2),
    ("credit", 3),
    ("other", 4),
    ("0", 0),
    ("1", 1),
    ("2", 2),
    ("3", 3),
    ("4", 4),
];

impl Receipt {
    pub(super) fn read(fields: &Fields<'_>, kind: u8, correction: bool) -> Result<Self, Refusal> {
        let basis: &[&str] = if correction { &BASIS } else { &[] };
        let known: Vec<_> = KNOWN.into_iter().chain(basis.iter().copied()).collect();
        let desk = Desk::read(fields, &known)?;
        let mut head = head(fields, kind, &desk)?;
        if correction {
            head.correction = true;
            head.basis = Some(read_basis(fields)?);
        }
        let mut lines = Vec::new();
        for item in fields.need_objects("items")? {
            match items::entry(&item)? {
                Entry::Position(item) => lines.push(*item),
                Entry::Text(text) => head.notes.extend(text),
                Entry::Attribute(value) => head.attribute = Some(value),
                Entry::UserAttribute(name, value) => head.user_attribute = Some((name, value)),
            }
        }
        head.notes.extend(desk.after.iter().cloned());
        if lines.is_empty() && !correction {
            return Err(fields.bad("items"));
        }
        let paid = payments(fields)?;
        for tax in fields.objects("taxes")? {
            tax.only(&["type", "sum"])?;
            items::known_rate(&tax)?;
            tax.need_money("sum")?;
        }
        check_size(&lines, &head)?;
        Ok(Self {
            desk,
            head,
            lines,
            total: fields.money("total")?,
            paid,
            checks_marks: fields.flag("validateMarkingCodes")?.unwrap_or(false),
            tolerates_text: fields.flag("ignoreNonFiscalPrintErrors")?.unwrap_or(false),
        })
    }
}

fn head(fields: &Fields<'_>, kind: u8, desk: &Desk) -> Result<Sale, Refusal> {
    const CLIENT: [&str; 8] = [
        "emailOrPhone",
        "vatin",
        "name",
        "birthDate",
        "citizenship",
        "identityDocumentCode",
        "identityDocumentData",
        "address",
    ];
    let mut contact = None;
    if let Some(client) = fields.object("clientInfo")? {
        client.only(&CLIENT)?;
        CLIENT.iter().try_for_each(|name| client.text(name).map(drop))?;
        contact = client.owned("emailOrPhone")?;
    }
    if let Some(company) = fields.object("companyInfo")? {
        company.text("email")?;
    }
    if let Some(operation) = fields.object("operationInfo")? {
        operation.only(&["id", "data", "dateTime"])?;
        let at = operation.text("dateTime")?;
        if at.is_some_and(|at| calendar::moment(at).is_none()) {
            return Err(operation.bad("dateTime"));
        }
    }
    fields.flag("useVAT18")?;
    for name in ["agentInfo", "supplierInfo"] {
        fields.object(name)?;
    }
    for name in ["industryInfo", "customParameters"] {
        fields.objects(name)?;
    }
    Ok(Sale {
        kind,
        taxation: fields.word("taxationType", &TAXATIONS)?.map(ToOwned::to_owned),
        operator: desk.operator.as_ref().map(|(name, _)| name.clone()),
        contact,
        machine: fields.owned("machineNumber")?,
        address: fields.owned("paymentsAddress")?,
        place: fields.owned("paymentsPlace")?,
        electronic: desk.electronic,
        ..Sale::default()
    })
}

fn read_basis(fields: &Fields<'_>) -> Result<(u8, String, Option<String>), Refusal> {
    fields.need_text("correctionType")?;
    let kind = fields.word("correctionType", &[("self", 0_u8), ("instruction", 1)])?.unwrap_or(0);
    let date = fields.need_text("correctionBaseDate")?;
    if calendar::day(date).is_none() {
        return Err(fields.bad("correctionBaseDate"));
    }
    fields.text("correctionBaseName")?;
    let number = match kind {
        0 => fields.owned("correctionBaseNumber")?,
        _ => Some(fields.need_text("correctionBaseNumber")?.to_owned()),
    };
    Ok((kind, date.to_owned(), number))
}

fn payments(fields: &Fields<'_>) -> Result<Vec<(usize, Kopecks)>, Refusal> {
    let mut paid = Vec::new();
    for payment in fields.need_objects("payments")? {
        payment.only(&["type", "sum", "printItems"])?;
        items::texts(&payment, "printItems")?;
        let own = payment.need_text("type")?.parse::<usize>().ok().filter(|tender| *tender > 4);
        let tender = match own {
            Some(tender) => tender,
            None => payment.word("type", &TENDERS)?.unwrap_or(0),
        };
        paid.push((tender, payment.need_money("sum")?));
    }
    paid.sort_by_key(|(tender, _)| *tender == 0);
    Ok(paid)
}

/// The driver's estimate, with a quarter more: the head, and for each position its name and about
/// sixty bytes of tags.
fn check_size(lines: &[Item], head: &Sale) -> Result<(), Refusal> {
    let mark = |item: &Item| item.mark.as_ref().map_or(0, String::len);
    let positions = lines.iter().map(|item| item.name.chars().count() + mark(item) + 60);
    let notes = head.notes.iter().map(|note| note.chars().count());
    let estimate: usize = positions.chain(notes).sum::<usize>() + 300;
    if estimate * 5 / 4 > BYTES_MAX {
        return Err(refusal(format!("Размер чека превышает {BYTES_MAX} байт")));
    }
    Ok(())
}
