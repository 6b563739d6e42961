//! Results of tasks (ATOL notes 5.1 to 5.5).

use tillway_core::fiscal::{DocumentKind, Paid, Registered};
use tillway_core::port::fiscal::{
    Cause, DeviceStatus, Exchange, KindTotal, RegisterError, Shift, ShiftState, ShiftTotals,
};

use super::read::Node;
use super::words::TENDERS;

/// An answer without what it must have: another program, or a driver that nobody has seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the answer has no {field}")]
pub struct BadAnswer {
    /// What is missing.
    pub field: &'static str,
}

/// Unknown: for a fiscal call it is a doubt.
impl From<BadAnswer> for RegisterError {
    fn from(bad: BadAnswer) -> Self {
        Self::new(Cause::Unknown, bad.to_string())
    }
}

fn missing(field: &'static str) -> BadAnswer {
    BadAnswer { field }
}

fn parse(json: &str) -> Result<Node<'_>, BadAnswer> {
    Node::parse(json).ok_or(missing("object"))
}

/// A document that was written, as its task tells it. All but the number may be missing.
///
/// # Errors
/// [`BadAnswer`] when the number is missing: then read the memory.
pub fn registered(kind: DocumentKind, json: &str) -> Result<Registered, BadAnswer> {
    let root = parse(json)?;
    let params = root.node("fiscalParams").ok_or(missing("fiscalParams"))?;
    let number = params.count("fiscalDocumentNumber").filter(|number| *number > 0);
    let number = number.ok_or(missing("fiscalParams.fiscalDocumentNumber"))?;
    let warned = |name| root.node("warnings").and_then(|node| node.flag(name)).unwrap_or(false);
    Ok(Registered {
        sign: params.whole("fiscalDocumentSign").and_then(|sign| sign.try_into().ok()),
        at: params.time("fiscalDocumentDateTime"),
        memory: params.text("fnNumber"),
        registration: params.text("registrationNumber"),
        shift: params.count("shiftNumber"),
        receipt: params.count("fiscalReceiptNumber"),
        total: params.money("total"),
        receipts: params.count("receiptsCount"),
        unprinted: warned("notPrinted"),
        training: warned("nonFiscal"),
        ..Registered::new(kind, number)
    })
}

/// Whether the server found the document after a break, instead of having seen it written: then
/// it may be another one, such as a shift that the receipt opened by itself (trap A).
pub(crate) fn was_recovered(json: &str) -> bool {
    let warnings = Node::parse(json).and_then(|root| root.node("warnings"));
    warnings.and_then(|node| node.flag("recovered")).unwrap_or(false)
}

/// The shift.
///
/// # Errors
/// [`BadAnswer`] without a state that is known.
pub fn shift(json: &str) -> Result<Shift, BadAnswer> {
    let node = parse(json)?.within("shiftStatus");
    let state = match node.text("state").as_deref() {
        Some("closed") => ShiftState::Closed,
        Some("opened") => ShiftState::Open,
        Some("expired") => ShiftState::Expired,
        _ => return Err(missing("shiftStatus.state")),
    };
    // What it says of a closed shift is the beginning of time, or of the last one.
    let expires = node.time("expiredTime").filter(|_| state != ShiftState::Closed);
    Ok(Shift { state, number: node.count("number").unwrap_or(0), expires })
}

/// Paper, cover, fiscal mode. What is not said is taken for good, so that an old driver stops no
/// sale; the task itself refuses what cannot be.
///
/// # Errors
/// [`BadAnswer`] for an answer that says none of it.
pub fn status(json: &str) -> Result<DeviceStatus, BadAnswer> {
    let node = parse(json)?.within("deviceStatus");
    let paper = node.flag("paperPresent");
    let at = node.time("currentDateTime");
    if paper.is_none() && at.is_none() {
        return Err(missing("deviceStatus"));
    }
    Ok(DeviceStatus {
        paper: paper.unwrap_or(true),
        cover_open: node.flag("coverOpened").unwrap_or(false),
        fiscal: node.flag("fiscal").unwrap_or(true),
        memory: node.flag("fnPresent").unwrap_or(true),
        blocked: node.flag("blocked").unwrap_or(false),
        at,
    })
}

/// Sums of the shift. Counters that the model lacks are zero.
///
/// # Errors
/// [`BadAnswer`] without a shift, or with a sum that cannot be read.
pub fn totals(json: &str) -> Result<ShiftTotals, BadAnswer> {
    let node = parse(json)?.within("shiftTotals");
    let shift = node.count("shiftNumber").ok_or(missing("shiftTotals.shiftNumber"))?;
    let receipts = node.node("receipts");
    let of_kind = |name| match receipts.as_ref().and_then(|node| node.node(name)) {
        Some(node) => kind_total(&node),
        None => Ok(KindTotal::default()),
    };
    let drawer = node.node("cashDrawer").and_then(|node| node.money("sum"));
    let (sell, sell_return) = (of_kind("sell")?, of_kind("sellReturn")?);
    Ok(ShiftTotals { shift, sell, sell_return, drawer: drawer.unwrap_or_default() })
}

fn kind_total(node: &Node<'_>) -> Result<KindTotal, BadAnswer> {
    let payments = node.node("payments");
    let paid = |word| payments.as_ref().and_then(|node| node.money(word)).unwrap_or_default();
    let by_tender = TENDERS.into_iter().map(|(tender, word)| Paid { tender, amount: paid(word) });
    Ok(KindTotal {
        count: node.count("count").unwrap_or(0),
        sum: node.money("sum").ok_or(missing("sum of receipts"))?,
        paid: by_tender.filter(|paid| !paid.amount.is_zero()).collect(),
    })
}

/// What the OFD has not got.
///
/// # Errors
/// [`BadAnswer`] without the number of documents.
pub fn exchange(json: &str) -> Result<Exchange, BadAnswer> {
    let node = parse(json)?.within("status");
    let unsent = node.count("notSentCount").ok_or(missing("status.notSentCount"))?;
    Ok(Exchange {
        unsent,
        first: node.count("notSentFirstDocNumber").filter(|number| unsent > 0 && *number > 0),
        since: node.time("notSentFirstDocDateTime").filter(|_| unsent > 0),
    })
}

/// What a register says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeviceInfo {
    /// The name of its model, or the number where it has no name.
    pub model: Box<str>,
    /// Its serial number.
    pub serial: Box<str>,
    /// Its firmware.
    pub firmware: Box<str>,
    /// How many characters fit on a line.
    pub width: Option<u16>,
    /// The version of the fiscal data format that it works by.
    pub format: Option<Box<str>>,
}

/// Model, serial number, firmware. All of it may be missing.
///
/// # Errors
/// [`BadAnswer`] for what is no object.
pub fn device(json: &str) -> Result<DeviceInfo, BadAnswer> {
    let node = parse(json)?.within("deviceInfo");
    let text = |name| node.text(name).unwrap_or_default();
    let number = || node.whole("model").map_or_else(Box::default, |n| n.to_string().into());
    Ok(DeviceInfo {
        model: node.text("modelName").unwrap_or_else(number),
        serial: text("serial"),
        firmware: text("firmwareVersion"),
        width: node.whole("receiptLineLength").and_then(|width| width.try_into().ok()),
        format: node.text("ffdVersion"),
    })
}

/// What a fiscal memory says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemoryInfo {
    /// Its serial number.
    pub serial: Box<str>,
    /// The version of the fiscal data format that the register works by.
    pub format: Option<Box<str>>,
    /// It takes documents.
    pub fiscal: bool,
}

/// The fiscal memory.
///
/// # Errors
/// [`BadAnswer`] without its serial number.
pub fn memory(json: &str) -> Result<MemoryInfo, BadAnswer> {
    let node = parse(json)?.within("fnInfo");
    let serial = node.text("serial").ok_or(missing("fnInfo.serial"))?;
    let phase = node.text("livePhase");
    let fiscal = phase.is_none_or(|phase| &*phase == "fiscalMode");
    Ok(MemoryInfo { serial, format: node.text("ffdVersion"), fiscal })
}

/// The number of the last document; zero before the first.
///
/// # Errors
/// [`BadAnswer`] without it.
pub fn last(json: &str) -> Result<u32, BadAnswer> {
    let node = parse(json)?.within("fnStatus");
    node.count("fiscalDocumentNumber").ok_or(missing("fnStatus.fiscalDocumentNumber"))
}
