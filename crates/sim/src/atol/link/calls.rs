//! The functions of the library (ATOL notes 7.4 and 7.5). Numbers of parameters are the driver's.

use std::collections::BTreeMap;

use tillway_core::{Kopecks, Timestamp};

use super::control;
use super::{Call, Param};
use crate::atol::code::Code;
use crate::atol::json::Json;
use crate::atol::memory::{Body, Item, Sale};
use crate::atol::register::Register;
use crate::atol::task::{self, Refusal};

type Params = BTreeMap<i32, Param>;
type Done = Result<Params, Refusal>;

const DATE_TIME: i32 = 65_590;
const DATA_TYPE: i32 = 65_587;
const DOCUMENT_CLOSED: i32 = 65_644;
const DOCUMENT_NUMBER: i32 = 65_598;
const DOCUMENT_PRINTED: i32 = 65_709;
const FISCAL_SIGN: i32 = 65_626;
const FN_DATA_TYPE: i32 = 65_622;
const JSON_DATA: i32 = 65_645;
const RECEIPT_NUMBER: i32 = 65_597;
const RECEIPT_SUM: i32 = 65_600;
const RECEIPT_TYPE: i32 = 65_545;
const REMAINDER: i32 = 65_566;
const CHANGE: i32 = 65_567;
const REPORT_ELECTRONICALLY: i32 = 65_749;
const REPORT_TYPE: i32 = 65_546;
const SERIAL_NUMBER: i32 = 65_559;
const SHIFT_NUMBER: i32 = 65_599;
const SHIFT_STATE: i32 = 65_592;
const SUM: i32 = 65_613;

pub(super) fn perform(register: &mut Register, client: u64, call: &Call) -> Done {
    let given = Given(&call.params);
    match call.name.as_str() {
        "open" => {
            register.reach()?;
            register.hold(client)?;
        }
        "close" => register.release(client),
        "process_json" => {
            let result = task::process_json(register, given.text(JSON_DATA).unwrap_or_default())?;
            return Ok([(JSON_DATA, Param::Text(result))].into());
        }
        "validate_json" => {
            task::validate_json(register, given.text(JSON_DATA).unwrap_or_default())?;
        }
        "operator_login" => {
            let name = given.text(1_021).ok_or(Code::INVALID_PARAM)?.to_owned();
            let vatin = given.text(1_203).map(ToOwned::to_owned);
            register.reach()?;
            register.login(Some((name, vatin)));
        }
        "open_shift" => {
            register.open_shift_as(given.flag(REPORT_ELECTRONICALLY))?;
        }
        "report" => report(register, &given)?,
        "open_receipt" => register.open_receipt(sale(&given)?)?,
        "registration" => register.line(item(&given)?)?,
        "receipt_total" => register.total(given.money(SUM)?)?,
        "payment" => return pay(register, &given),
        "close_receipt" => {
            register.close_receipt()?;
        }
        "cancel_receipt" => register.cancel_receipt()?,
        "check_document_closed" => {
            let closed = register.check_closed()?;
            return Ok([
                (DOCUMENT_CLOSED, Param::Bool(closed.document.is_some())),
                (DOCUMENT_PRINTED, Param::Bool(closed.printed)),
            ]
            .into());
        }
        "continue_print" => register.continue_print()?,
        "query_data" => return query(register, given.int(DATA_TYPE)),
        "fn_query_data" => return query_memory(register, given.int(FN_DATA_TYPE), &given),
        "control" => control::perform(register, given.text(JSON_DATA).unwrap_or_default())?,
        _ => return Err(Code::NOT_SUPPORTED.into()),
    }
    Ok(Params::new())
}

/// The name of a function; `read` for a JSON task that writes no document.
pub(super) fn name(call: &Call) -> &str {
    let task = Given(&call.params).text(JSON_DATA).and_then(Json::parse);
    let kind = task.as_ref().and_then(|task| task.get("type")).and_then(Json::as_text);
    match call.name.as_str() {
        "process_json" if !kind.is_some_and(task::is_fiscal) => "read",
        name => name,
    }
}

fn report(register: &mut Register, given: &Given<'_>) -> Result<(), Code> {
    let electronic = given.flag(REPORT_ELECTRONICALLY);
    match given.int(REPORT_TYPE) {
        Some(0) => register.close_shift_as(electronic).map(drop),
        Some(1) => register.report_x(),
        Some(2) => register.print_copy(register.memory.last()),
        Some(3) => register.exchange_report(electronic).map(drop),
        Some(7) => register.print_copy(given.int(DOCUMENT_NUMBER).unwrap_or(0)),
        _ => Err(Code::INVALID_PARAM),
    }
}

fn sale(given: &Given<'_>) -> Result<Sale, Code> {
    let kind = match given.int(RECEIPT_TYPE) {
        Some(1) => 1,
        Some(2) => 2,
        Some(4) => 3,
        Some(5) => 4,
        // Corrections by single commands need tags in a form of their own.
        Some(7..=10) => return Err(Code::NOT_SUPPORTED),
        _ => return Err(Code::INVALID_PARAM),
    };
    let taxation = match given.int(1_055) {
        None => None,
        Some(1) => Some("osn"),
        Some(2) => Some("usnIncome"),
        Some(4) => Some("usnIncomeOutcome"),
        Some(16) => Some("esn"),
        Some(32) => Some("patent"),
        Some(_) => return Err(Code::INVALID_TAXATION_TYPE),
    };
    let text = |id| given.text(id).map(ToOwned::to_owned);
    Ok(Sale {
        kind,
        taxation: taxation.map(ToOwned::to_owned),
        contact: text(1_008),
        address: text(1_009),
        machine: text(1_036),
        place: text(1_187),
        attribute: text(1_192),
        electronic: given.flag(RECEIPT_ELECTRONICALLY),
        ..Sale::default()
    })
}

const RECEIPT_ELECTRONICALLY: i32 = 65_572;
const COMMODITY_NAME: i32 = 65_631;
const PRICE: i32 = 65_632;
const QUANTITY: i32 = 65_633;
const POSITION_SUM: i32 = 65_634;
const TAX_TYPE: i32 = 65_569;
const PAYMENT_TYPE: i32 = 65_564;
const PAYMENT_SUM: i32 = 65_565;

/// The driver's numbers of the rates.
const RATES: [(u32, &str); 12] = [
    (6, "none"),
    (5, "vat0"),
    (9, "vat5"),
    (10, "vat7"),
    (2, "vat10"),
    (7, "vat20"),
    (13, "vat22"),
    (11, "vat105"),
    (12, "vat107"),
    (4, "vat110"),
    (8, "vat120"),
    (14, "vat122"),
];

fn item(given: &Given<'_>) -> Result<Item, Code> {
    let (price, quantity) = (given.money(PRICE)?, given.micro(QUANTITY)?);
    let whole = || price.share(quantity, 1_000_000).map_err(|_| Code::INVALID_PARAM);
    let amount = match given.0.get(&POSITION_SUM) {
        Some(_) => given.money(POSITION_SUM)?,
        None => whole()?,
    };
    let rate = given.int(TAX_TYPE).ok_or(Code::INVALID_TAX_TYPE)?;
    let rate = RATES.iter().find(|(number, _)| *number == rate).ok_or(Code::INVALID_TAX_TYPE)?;
    let byte = |id, usual| given.int(id).map_or(Ok(usual), u8::try_from);
    let tag = |id, usual| byte(id, usual).map_err(|_| Code::INVALID_PARAM);
    Ok(Item {
        name: given.text(COMMODITY_NAME).ok_or(Code::INVALID_PARAM)?.to_owned(),
        price,
        quantity,
        amount,
        vat: rate.1.to_owned(),
        method: tag(1_214, 4)?,
        object: tag(1_212, 1)?,
        measure: tag(2_108, 0)?,
        mark: None,
        status: None,
    })
}

fn pay(register: &mut Register, given: &Given<'_>) -> Done {
    let tender = given.int(PAYMENT_TYPE).and_then(|tender| usize::try_from(tender).ok());
    let tender = tender.ok_or(Code::INVALID_PAYMENT_TYPE)?;
    register.pay(tender, given.money(PAYMENT_SUM)?)?;
    let Some(sale) = register.open() else { return Ok(Params::new()) };
    let paid = Kopecks::total(sale.paid).map_err(|_| Code::INVALID_TOTAL)?;
    let left = |a: Kopecks, b| a.sub(b).map(Kopecks::floor_zero).unwrap_or_default();
    let money = |amount: Kopecks| Param::Number(amount.rubles().to_string());
    let (remainder, change) = (left(sale.total, paid), left(paid, sale.total));
    Ok([(REMAINDER, money(remainder)), (CHANGE, money(change))].into())
}

fn query(register: &mut Register, data: Option<u32>) -> Done {
    register.reach()?;
    let money = |amount: Kopecks| Param::Number(amount.rubles().to_string());
    let shift = register.shift();
    let state = match (shift.opened, register.is_expired()) {
        (None, _) => 0,
        (Some(_), false) => 1,
        (Some(_), true) => 2,
    };
    let kind = register.open().map_or(0, |sale| match sale.kind {
        1 => 1,
        2 => 2,
        3 => 4,
        _ => 5,
    });
    let total = register.open().map(|sale| sale.total).unwrap_or_default();
    match data {
        Some(1) => Ok([(SUM, money(register.totals().drawer))].into()),
        Some(14) => Ok([
            (SHIFT_STATE, Param::Int(state)),
            (SHIFT_NUMBER, Param::Int(shift.number)),
            (DATE_TIME, time(register.now())),
        ]
        .into()),
        Some(15) => Ok([
            (RECEIPT_TYPE, Param::Int(kind)),
            (RECEIPT_NUMBER, Param::Int(shift.receipts)),
            (DOCUMENT_NUMBER, Param::Int(register.memory.last())),
            (RECEIPT_SUM, money(total)),
        ]
        .into()),
        _ => Err(Code::NOT_SUPPORTED.into()),
    }
}

fn query_memory(register: &mut Register, data: Option<u32>, given: &Given<'_>) -> Done {
    register.reach()?;
    let number = match data {
        Some(2) => {
            let serial = register.memory.serial.clone();
            return Ok([(SERIAL_NUMBER, Param::Text(serial))].into());
        }
        Some(4) => {
            let is_receipt = |body: &Body| matches!(body, Body::Receipt(_));
            let receipts = register.memory.documents().filter(|d| is_receipt(&d.body));
            receipts.last().map_or(0, |document| document.number)
        }
        Some(5) => register.memory.last(),
        Some(13) => given.int(DOCUMENT_NUMBER).unwrap_or(0),
        _ => return Err(Code::NOT_SUPPORTED.into()),
    };
    let document = register.memory.document(number).ok_or(Code::FN_NO_MORE_DATA)?;
    let mut told = Params::from([
        (DOCUMENT_NUMBER, Param::Int(number)),
        (FISCAL_SIGN, Param::Text(document.sign.to_string())),
        (DATE_TIME, time(document.at)),
    ]);
    if let Body::Receipt(sale) = &document.body {
        told.insert(RECEIPT_SUM, Param::Number(sale.total.rubles().to_string()));
    }
    Ok(told)
}

/// A moment of the register's clock.
fn time(at: i64) -> Param {
    let (day, minute) = Timestamp::utc(at).wall();
    let part = |text: &str, from: usize, to: usize| {
        text.get(from..to).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    };
    let second = i32::try_from(at.div_euclid(1_000).rem_euclid(60)).unwrap_or(0);
    let day_parts = [part(&day, 0, 4), part(&day, 4, 6), part(&day, 6, 8)];
    let [year, month, date] = day_parts;
    Param::Time([year, month, date, part(&minute, 0, 2), part(&minute, 2, 4), second])
}

/// The parameters that were set.
struct Given<'a>(&'a Params);

impl Given<'_> {
    fn text(&self, id: i32) -> Option<&str> {
        match self.0.get(&id) {
            Some(Param::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn int(&self, id: i32) -> Option<u32> {
        match self.0.get(&id) {
            Some(Param::Int(number)) => Some(*number),
            _ => None,
        }
    }

    fn flag(&self, id: i32) -> bool {
        self.0.get(&id) == Some(&Param::Bool(true))
    }

    fn number(&self, id: i32) -> Result<&str, Code> {
        match self.0.get(&id) {
            Some(Param::Number(number)) => Ok(number),
            _ => Err(Code::INVALID_PARAM),
        }
    }

    fn money(&self, id: i32) -> Result<Kopecks, Code> {
        Kopecks::parse_rubles(self.number(id)?).map_err(|_| Code::INVALID_PARAM)
    }

    /// Millionths of a unit.
    fn micro(&self, id: i32) -> Result<i64, Code> {
        let number = self.number(id)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{part:0<6}");
        let micro = digits.parse().ok().filter(|_| part.len() <= 6);
        micro.ok_or(Code::INVALID_PARAM)
    }
}
