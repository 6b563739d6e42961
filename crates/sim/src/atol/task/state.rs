//! Questions about the state of the register (ATOL note 5.3-5.5).

use super::Refusal;
use super::document;
use super::fields::Fields;
use crate::atol::Code;
use crate::atol::calendar;
use crate::atol::json::Json;
use crate::atol::memory::Phase;
use crate::atol::register::{KindTotal, Moved, Register, SHIFT_MAX_MS};

/// A question.
#[derive(Clone, Copy)]
pub(super) enum State {
    Shift,
    ShiftTotals,
    Device,
    DeviceStatus,
    Memory,
    MemoryStatus,
    Exchange,
    Registration,
    Document { number: u32, raw: bool },
}

impl State {
    pub(super) fn read(kind: &str, fields: &Fields<'_>) -> Result<Option<Self>, Refusal> {
        let plain = match kind {
            "getShiftStatus" => Self::Shift,
            "getShiftTotals" => Self::ShiftTotals,
            "getDeviceInfo" => Self::Device,
            "getDeviceStatus" => Self::DeviceStatus,
            "getFnInfo" => Self::Memory,
            "getFnStatus" => Self::MemoryStatus,
            "ofdExchangeStatus" => Self::Exchange,
            "getRegistrationInfo" => Self::Registration,
            "getFnDocument" => {
                fields.only(&["type", "fiscalDocumentNumber", "withRawData"])?;
                let number = fields.need_u32("fiscalDocumentNumber")?;
                let raw = fields.flag("withRawData")?.unwrap_or(false);
                return Ok(Some(Self::Document { number, raw }));
            }
            _ => return Ok(None),
        };
        fields.only(&["type"])?;
        Ok(Some(plain))
    }

    pub(super) fn run(self, register: &mut Register) -> Result<Json, Code> {
        register.reach()?;
        let asks_memory = !matches!(self, Self::Shift | Self::ShiftTotals | Self::Device);
        let lacks_memory = register.memory.phase == Phase::Missing;
        if asks_memory && lacks_memory && !matches!(self, Self::DeviceStatus) {
            return Err(Code::FN_NOT_FOUND);
        }
        match self {
            Self::Shift => Ok(shift(register)),
            Self::ShiftTotals => Ok(totals(register)),
            Self::Device => Ok(device(register)),
            Self::DeviceStatus => Ok(device_status(register)),
            Self::Memory => Ok(memory(register)),
            Self::MemoryStatus => Ok(memory_status(register)),
            Self::Exchange => Ok(exchange(register)),
            Self::Registration => Ok(registration(register)),
            Self::Document { number, raw } => document::of(register, number, raw),
        }
    }
}

fn state_word(register: &Register) -> &'static str {
    match register.shift().opened {
        None => "closed",
        Some(_) if register.is_expired() => "expired",
        Some(_) => "opened",
    }
}

fn shift(register: &Register) -> Json {
    let shift = register.shift();
    let ends = shift.opened.map_or(0, |opened| opened.saturating_add(SHIFT_MAX_MS));
    let documents = if shift.opened.is_none() { Json::number(shift.documents) } else { None };
    let status = Json::object([
        ("number", Json::number(shift.number)),
        ("state", Json::text(state_word(register))),
        ("expiredTime", Json::text(calendar::iso(ends, register.settings.offset_min))),
        ("documentsCount", documents),
    ]);
    Json::object([("shiftStatus", Some(status))])
}

fn totals(register: &Register) -> Json {
    let [sell, sell_return, buy, buy_return] = register.totals().kinds.map(kind_total);
    let receipts = Json::object([
        ("sell", Some(sell)),
        ("sellReturn", Some(sell_return)),
        ("buy", Some(buy)),
        ("buyReturn", Some(buy_return)),
    ]);
    let moved = |moved: Moved| {
        Json::object([("sum", Json::money(moved.sum)), ("count", Json::number(moved.count))])
    };
    let drawer = Json::object([("sum", Json::money(register.totals().drawer))]);
    let totals = Json::object([
        ("shiftNumber", Json::number(register.shift().number)),
        ("receipts", Some(receipts)),
        ("income", Some(moved(register.totals().income))),
        ("outcome", Some(moved(register.totals().outcome))),
        ("cashDrawer", Some(drawer)),
    ]);
    Json::object([("shiftTotals", Some(totals))])
}

fn kind_total(total: KindTotal) -> Json {
    let [cash, card, prepaid, credit, other] = total.paid;
    let payments = Json::object([
        ("cash", Json::money(cash)),
        ("electronically", Json::money(card)),
        ("prepaid", Json::money(prepaid)),
        ("credit", Json::money(credit)),
        ("other", Json::money(other)),
    ]);
    Json::object([
        ("count", Json::number(total.count)),
        ("sum", Json::money(total.sum)),
        ("payments", Some(payments)),
    ])
}

fn device(register: &Register) -> Json {
    let settings = &register.settings;
    let width = u32::try_from(settings.width).unwrap_or(0);
    let info = Json::object([
        ("model", Json::number(69)),
        ("modelName", Json::text(&*settings.model)),
        ("serial", Json::text(&*settings.serial)),
        ("firmwareVersion", Json::text(&*settings.firmware)),
        ("configurationVersion", Json::text("5.8.0")),
        ("receiptLineLength", Json::number(width)),
        ("receiptLineLengthPix", Json::number(width.saturating_mul(12))),
        ("ffdVersion", Json::text(&*settings.format)),
        ("fnFfdVersion", Json::text(&*settings.format)),
    ]);
    Json::object([("deviceInfo", Some(info))])
}

fn device_status(register: &Register) -> Json {
    let (memory, printer) = (&register.memory, &register.printer);
    let now = calendar::iso(register.now(), register.settings.offset_min);
    let blocked = register.unfinished().is_some() || memory.phase != Phase::Fiscal;
    let status = Json::object([
        ("blocked", Json::flag(blocked)),
        ("coverOpened", Json::flag(printer.cover_open)),
        ("currentDateTime", Json::text(now)),
        ("fiscal", Json::flag(memory.phase != Phase::Init)),
        ("fnFiscal", Json::flag(memory.phase == Phase::Fiscal)),
        ("fnPresent", Json::flag(memory.phase != Phase::Missing)),
        ("paperPresent", Json::flag(printer.paper > 0)),
        ("cashDrawerOpened", Json::flag(false)),
        ("shift", Json::text(state_word(register))),
    ]);
    Json::object([("deviceStatus", Some(status))])
}

fn memory_warnings(register: &Register) -> Json {
    let phase = register.memory.phase;
    let overdue = register.memory.is_overdue(register.now());
    Json::object([
        ("criticalError", Json::flag(phase == Phase::Fault)),
        ("memoryOverflow", Json::flag(phase == Phase::Full)),
        ("needReplacement", Json::flag(matches!(phase, Phase::Full | Phase::Expired))),
        ("ofdTimeout", Json::flag(overdue)),
        ("resourceExhausted", Json::flag(phase == Phase::Expired)),
    ])
}

fn memory(register: &Register) -> Json {
    let settings = &register.settings;
    let phase = match register.memory.phase {
        Phase::Init => "init",
        Phase::Fiscal | Phase::Full | Phase::Expired => "fiscalMode",
        Phase::Archive => "accessArchive",
        Phase::Fault | Phase::Missing => "unknown",
    };
    let valid = register.now().saturating_add(400 * 24 * 3_600 * 1_000);
    let info = Json::object([
        ("serial", Json::text(&*register.memory.serial)),
        ("version", Json::text("fn debug v 1.39")),
        ("execution", Json::text("Fn36-1M")),
        ("numberOfRegistrations", Json::number(1)),
        ("registrationsRemaining", Json::number(29)),
        ("validityDate", Json::text(calendar::iso(valid, settings.offset_min))),
        ("ffdVersion", Json::text(&*settings.format)),
        ("fnFfdVersion", Json::text(&*settings.format)),
        ("fnContainsKeysUpdaterServerUri", Json::flag(false)),
        ("livePhase", Json::text(phase)),
        ("warnings", Some(memory_warnings(register))),
    ]);
    Json::object([("fnInfo", Some(info))])
}

fn memory_status(register: &Register) -> Json {
    let status = Json::object([
        ("fiscalDocumentNumber", Json::number(register.memory.last())),
        ("fiscalReceiptNumber", Json::number(register.shift().receipts)),
        ("warnings", Some(memory_warnings(register))),
    ]);
    Json::object([("fnStatus", Some(status))])
}

fn exchange(register: &Register) -> Json {
    let offset = register.settings.offset_min;
    let never = calendar::iso(0, offset);
    let (count, first) = register.memory.unsent();
    let first_at = first.map_or_else(|| never.clone(), |d| calendar::iso(d.at, offset));
    let status = Json::object([
        ("notSentCount", Json::number(count)),
        ("notSentFirstDocNumber", Json::number(first.map_or(0, |document| document.number))),
        ("notSentFirstDocDateTime", Json::text(first_at)),
        ("lastSuccessKeysUpdate", Json::text(never)),
    ]);
    let offline = i64::from(!register.memory.online);
    let problem = |code: i64| {
        let text = if code == 0 { "Нет ошибок" } else { "Нет связи" };
        Json::object([("code", Json::number(code)), ("description", Json::text(text))])
    };
    let last = calendar::iso(register.now(), offset);
    let errors = Json::object([
        ("fnCommandCode", Json::number(0)),
        ("documentNumber", Json::number(0)),
        ("fn", Some(problem(0))),
        ("network", Some(problem(offline))),
        ("ofd", Some(problem(0))),
        ("lastSuccessConnectionDateTime", Json::text(last)),
    ]);
    let warnings = Json::object([("dataForSendIsEmpty", Json::flag(count == 0))]);
    Json::object([("status", Some(status)), ("errors", Some(errors)), ("warnings", Some(warnings))])
}

fn registration(register: &Register) -> Json {
    let settings = &register.settings;
    let words = settings.taxations.iter().cloned().map(Json::Text).collect();
    let organization = Json::object([
        ("name", Json::text(&*settings.organisation)),
        ("vatin", Json::text(&*settings.vatin)),
        ("address", Json::text(&*settings.address)),
        ("taxationTypes", Some(Json::List(words))),
    ]);
    let device = Json::object([
        ("registrationNumber", Json::text(&*settings.registration)),
        ("ffdVersion", Json::text(&*settings.format)),
        ("fnsUrl", Json::text("www.nalog.gov.ru")),
        ("paymentsAddress", Json::text(&*settings.address)),
        ("autoMode", Json::flag(true)),
    ]);
    let ofd = Json::object([("name", Json::text("ОФД")), ("dns", Json::text("ofd.invalid"))]);
    let ism = Json::object([("url", Json::text("ism.invalid"))]);
    Json::object([
        ("organization", Some(organization)),
        ("device", Some(device)),
        ("ofd", Some(ofd)),
        ("ism", Some(ism)),
    ])
}
