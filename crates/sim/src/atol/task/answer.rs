//! What comes back after a document (ATOL note 5.1-5.2).

use crate::atol::calendar;
use crate::atol::json::Json;
use crate::atol::memory::Body;
use crate::atol::register::{Register, Written};

/// The result of a document that is in the memory.
pub(super) fn written(register: &Register, written: Written, auto_opened: bool) -> Json {
    let warnings = Json::object([
        ("notPrinted", (!written.printed).then_some(Json::Bool(true))),
        ("shiftAutoOpened", auto_opened.then_some(Json::Bool(true))),
    ]);
    let params = fiscal_params(register, written.number);
    Json::object([("fiscalParams", params), ("warnings", Some(warnings))])
}

/// The result as it is rebuilt from the memory after a break; `None` without such a document.
pub(in crate::atol) fn recovered(register: &Register, number: u32, whole: bool) -> Option<Json> {
    let params = if whole {
        fiscal_params(register, number)?
    } else {
        Json::object([("fiscalDocumentNumber", Json::number(number))])
    };
    let warnings = Json::object([("recovered", Json::flag(true))]);
    Some(Json::object([("fiscalParams", Some(params)), ("warnings", Some(warnings))]))
}

fn fiscal_params(register: &Register, number: u32) -> Option<Json> {
    let document = register.memory.document(number)?;
    let settings = &register.settings;
    let (receipt, total) = match &document.body {
        Body::Receipt(sale) => (Json::number(sale.number), Json::money(sale.total)),
        _ => (None, None),
    };
    let receipts = match &document.body {
        Body::CloseShift { receipts } => Json::number(*receipts),
        _ => None,
    };
    let members = [
        ("fiscalDocumentNumber", Json::number(document.number)),
        ("fiscalDocumentSign", Json::text(document.sign.to_string())),
        ("fiscalDocumentDateTime", Json::text(calendar::iso(document.at, settings.offset_min))),
        ("fnNumber", Json::text(&*register.memory.serial)),
        ("registrationNumber", Json::text(&*settings.registration)),
        ("shiftNumber", Json::number(document.shift)),
        ("fiscalReceiptNumber", receipt),
        ("total", total),
        ("receiptsCount", receipts),
        ("fnsUrl", Json::text("www.nalog.gov.ru")),
    ];
    let unread = |name: &str| settings.unread_fields.iter().any(|unread| unread == name);
    Some(Json::object(members.map(|(name, value)| (name, value.filter(|_| !unread(name))))))
}
