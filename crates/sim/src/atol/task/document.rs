//! A document of the fiscal memory, tag by tag (ATOL note 5.6).

use crate::atol::Code;
use crate::atol::calendar;
use crate::atol::json::Json;
use crate::atol::memory::{Body, Document, Item, Sale};
use crate::atol::register::Register;
use crate::atol::tape;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// The result of `getFnDocument`.
pub(super) fn of(register: &mut Register, number: u32, raw: bool) -> Result<Json, Code> {
    register.memory.read(number)?;
    let register = &*register;
    let document = register.memory.document(number).ok_or(Code::FN_NO_MORE_DATA)?;
    let age = register.now().saturating_sub(document.at);
    let short = age > i64::from(register.settings.full_text_days).saturating_mul(DAY_MS);
    let mut members = vec![
        ("fiscalDocumentType".to_owned(), Json::Text(kind(document).to_owned())),
        ("short".to_owned(), Json::Bool(short)),
    ];
    let mut put = |name: &str, value: Option<Json>| {
        members.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("qr", qr(document, register, short).map(Json::Text));
    put("1012", Json::text(calendar::iso(document.at, register.settings.offset_min)));
    put("1038", Json::number(document.shift));
    put("1040", Json::number(document.number));
    put("1041", Json::text(&*register.memory.serial));
    put("1077", Json::text(sign(document, short)));
    let sale = match &document.body {
        Body::Receipt(sale) => Some(sale),
        _ => None,
    };
    if let Some(sale) = sale {
        put("1042", Json::number(sale.number));
        put("1054", Json::number(sale.kind));
        put("1020", Json::money(sale.total));
    }
    if !short {
        put("1037", Json::text(&*register.settings.registration));
        put("1018", Json::text(&*register.settings.vatin));
        put("1021", document.operator.clone().map(Json::Text));
        if let Body::CloseShift { receipts } = &document.body {
            put("1118", Json::number(*receipts));
        }
        if let Some(sale) = sale {
            details(sale, &mut put);
        }
    }
    let raw_data = raw.then(|| Json::Text(raw_hex(document)));
    Ok(Json::object([("documentTLV", Some(Json::Object(members))), ("rawData", raw_data)]))
}

fn kind(document: &Document) -> &'static str {
    match &document.body {
        Body::OpenShift => "openShift",
        Body::CloseShift { .. } => "closeShift",
        Body::Receipt(sale) if sale.correction => "receiptCorrection",
        Body::Receipt(_) => "receipt",
        Body::Exchange => "ofdExchangeStatus",
    }
}

/// Six bytes in hex, of which the last four are the sign; only those four in the short form.
fn sign(document: &Document, short: bool) -> String {
    if short { format!("{:08X}", document.sign) } else { format!("3104{:08X}", document.sign) }
}

/// The driver's own text; in the short form it takes the wrong half of the sign.
fn qr(document: &Document, register: &Register, short: bool) -> Option<String> {
    let wrong = Document { sign: document.sign & 0xFFFF, ..document.clone() };
    tape::qr_text(if short { &wrong } else { document }, &register.memory.serial)
}

fn details(sale: &Sale, put: &mut impl FnMut(&str, Option<Json>)) {
    let [cash, card, prepaid, credit, other] = sale.paid;
    for (tag, sum) in
        [("1031", cash), ("1081", card), ("1215", prepaid), ("1216", credit), ("1217", other)]
    {
        put(tag, Json::money(sum));
    }
    put("1055", sale.taxation.as_deref().and_then(taxation).and_then(Json::number));
    put("1008", sale.contact.clone().map(Json::Text));
    put("1036", sale.machine.clone().map(Json::Text));
    put("1009", sale.address.clone().map(Json::Text));
    put("1187", sale.place.clone().map(Json::Text));
    put("1192", sale.attribute.clone().map(Json::Text));
    if let Some((name, value)) = &sale.user_attribute {
        let both = Json::object([("1085", Json::text(&**name)), ("1086", Json::text(&**value))]);
        put("1084", Some(both));
    }
    if let Some((kind, date, number)) = &sale.basis {
        put("1173", Json::number(*kind));
        let number = number.clone().map(Json::Text);
        put("1174", Some(Json::object([("1178", Json::text(&**date)), ("1179", number)])));
    }
    put("1059", Some(Json::List(sale.items.iter().map(item).collect())));
}

fn item(item: &Item) -> Json {
    let (whole, part) = (item.quantity / 1_000_000, item.quantity % 1_000_000);
    let quantity = format!("{whole}.{part:06}");
    let quantity = quantity.trim_end_matches('0').trim_end_matches('.').to_owned();
    Json::object([
        ("1030", Json::text(&*item.name)),
        ("1079", Json::money(item.price)),
        ("1023", Some(Json::Number(quantity))),
        ("1043", Json::money(item.amount)),
        ("1199", rate(&item.vat).and_then(Json::number)),
        ("1214", Json::number(item.method)),
        ("1212", Json::number(item.object)),
        ("2108", Json::number(item.measure)),
    ])
}

/// Tag 1055.
fn taxation(word: &str) -> Option<u8> {
    Some(match word {
        "osn" => 1,
        "usnIncome" => 2,
        "usnIncomeOutcome" => 4,
        "envd" => 8,
        "esn" => 16,
        "patent" => 32,
        _ => return None,
    })
}

/// Tag 1199.
fn rate(word: &str) -> Option<u8> {
    Some(match word {
        "vat18" | "vat20" => 1,
        "vat10" => 2,
        "vat118" | "vat120" => 3,
        "vat110" => 4,
        "vat0" => 5,
        "none" => 6,
        "vat5" => 7,
        "vat7" => 8,
        "vat105" => 9,
        "vat107" => 10,
        "vat22" => 11,
        "vat122" => 12,
        _ => return None,
    })
}

/// Number and sign as tags with lengths, in hex.
fn raw_hex(document: &Document) -> String {
    let tag = |tag: u16, bytes: [u8; 4]| {
        let [low, high] = tag.to_le_bytes();
        let head = [low, high, 4, 0].into_iter();
        head.chain(bytes).map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    tag(1040, document.number.to_le_bytes()) + &tag(1077, document.sign.to_be_bytes())
}
