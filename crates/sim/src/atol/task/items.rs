//! Positions, and what is printed around them (ATOL note 4.6, 6.2).

use super::Refusal;
use super::fields::Fields;
use crate::atol::memory::Item;
use crate::atol::tape;

/// A member of `items`.
pub(super) enum Entry {
    Position(Box<Item>),
    Text(Vec<String>),
    /// Tag 1192.
    Attribute(String),
    /// Tags 1085 and 1086.
    UserAttribute(String, String),
}

const POSITION: [&str; 25] = [
    "type",
    "name",
    "price",
    "quantity",
    "amount",
    "tax",
    "paymentMethod",
    "paymentObject",
    "department",
    "measurementUnit",
    "piece",
    "infoDiscountAmount",
    "imcParams",
    "markingCode",
    "productCodes",
    "nomenclatureCode",
    "exciseSum",
    "countryCode",
    "customsDeclaration",
    "additionalAttribute",
    "additionalAttributePrint",
    "agentInfo",
    "supplierInfo",
    "industryInfo",
    "customParameters",
];

const METHODS: [(&str, u8); 7] = [
    ("fullPrepayment", 1),
    ("prepayment", 2),
    ("advance", 3),
    ("fullPayment", 4),
    ("partialPayment", 5),
    ("credit", 6),
    ("creditPayment", 7),
];

const OBJECTS: [(&str, u8); 23] = [
    ("commodity", 1),
    ("excise", 2),
    ("job", 3),
    ("service", 4),
    ("gamblingBet", 5),
    ("gamblingPrize", 6),
    ("lottery", 7),
    ("lotteryPrize", 8),
    ("intellectualActivity", 9),
    ("payment", 10),
    ("agentCommission", 11),
    ("composite", 12),
    ("pay", 12),
    ("another", 13),
    ("proprietaryLaw", 14),
    ("nonOperatingIncome", 15),
    ("insuranceContributions", 16),
    ("otherContributions", 16),
    ("merchantTax", 17),
    ("exciseWithoutMarking", 30),
    ("exciseWithMarking", 31),
    ("commodityWithoutMarking", 32),
    ("commodityWithMarking", 33),
];

const UNITS: [(&str, u8); 24] = [
    ("piece", 0),
    ("gram", 10),
    ("kilogram", 11),
    ("ton", 12),
    ("centimeter", 20),
    ("decimeter", 21),
    ("meter", 22),
    ("squareCentimeter", 30),
    ("squareDecimeter", 31),
    ("squareMeter", 32),
    ("milliliter", 40),
    ("liter", 41),
    ("cubicMeter", 42),
    ("kilowattHour", 50),
    ("gkal", 51),
    ("day", 70),
    ("hour", 71),
    ("minute", 72),
    ("second", 73),
    ("kilobyte", 80),
    ("megabyte", 81),
    ("gigabyte", 82),
    ("terabyte", 83),
    ("otherUnits", 255),
];

/// Reads one member of a receipt's `items`.
pub(super) fn entry(fields: &Fields<'_>) -> Result<Entry, Refusal> {
    let required = |name: &str| fields.need_text(name).map(ToOwned::to_owned);
    match fields.text("type")?.unwrap_or("position") {
        "position" => position(fields).map(Box::new).map(Entry::Position),
        "userAttribute" => {
            fields.only(&["type", "name", "value", "print"])?;
            fields.flag("print")?;
            Ok(Entry::UserAttribute(required("name")?, required("value")?))
        }
        "additionalAttribute" => {
            fields.only(&["type", "value", "print"])?;
            fields.flag("print")?;
            required("value").map(Entry::Attribute)
        }
        _ => text(fields).map(Entry::Text),
    }
}

/// The lines of a list of texts, barcodes and pictures.
pub(super) fn texts(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, Refusal> {
    let mut lines = Vec::new();
    for item in fields.objects(name)? {
        lines.extend(text(&item)?);
    }
    Ok(lines)
}

fn position(fields: &Fields<'_>) -> Result<Item, Refusal> {
    fields.only(&POSITION)?;
    let name = fields.need_text("name")?.to_owned();
    let price = fields.need_money("price")?;
    let quantity = fields.need_quantity("quantity")?;
    let amount = fields.need_money("amount")?;
    for name in ["infoDiscountAmount", "exciseSum"] {
        fields.money(name)?;
    }
    for name in ["countryCode", "customsDeclaration", "additionalAttribute"] {
        fields.text(name)?;
    }
    fields.u32("department")?;
    fields.flag("piece")?;
    let measure = unit(fields)?;
    let object = numbered(fields, "paymentObject", &OBJECTS)?.unwrap_or(1);
    let method = fields.word("paymentMethod", &METHODS)?.unwrap_or(4);
    let vat = rate(fields)?;
    let (mark, status) = mark(fields)?.unzip();
    let status = status.flatten();
    Ok(Item { name, price, quantity, amount, vat, method, object, measure, mark, status })
}

fn rate(fields: &Fields<'_>) -> Result<String, Refusal> {
    let settings = fields.settings;
    let Some(tax) = fields.object("tax")? else { return Ok(settings.department_rate.clone()) };
    tax.only(&["type", "sum"])?;
    tax.money("sum")?;
    known_rate(&tax)
}

/// The word of a rate that the driver knows.
pub(super) fn known_rate(tax: &Fields<'_>) -> Result<String, Refusal> {
    let word = tax.need_text("type")?;
    let known = tax.settings.driver_rates.iter().any(|rate| rate == word);
    if known { Ok(word.to_owned()) } else { Err(tax.bad("type")) }
}

/// A word, or the number it stands for as a text.
fn numbered(fields: &Fields<'_>, name: &str, words: &[(&str, u8)]) -> Result<Option<u8>, Refusal> {
    let number = fields.text(name)?.and_then(|text| text.parse::<u8>().ok());
    match number {
        Some(number) if words.iter().any(|(_, value)| *value == number) => Ok(Some(number)),
        Some(18..=27) if name == "paymentObject" => Ok(number),
        Some(_) => Err(fields.bad(name)),
        None => fields.word(name, words),
    }
}

/// A word, a number, or free text below FFD 1.2.
fn unit(fields: &Fields<'_>) -> Result<u8, Refusal> {
    const NAME: &str = "measurementUnit";
    if fields.settings.format.as_str() < "1.2" {
        return Ok(0);
    }
    match fields.raw(NAME).and_then(crate::atol::json::Json::as_u32) {
        None => Ok(numbered(fields, NAME, &UNITS)?.unwrap_or(0)),
        Some(number) => {
            let mut known = UNITS.iter().map(|(_, value)| *value);
            known.find(|value| u32::from(*value) == number).ok_or_else(|| fields.bad(NAME))
        }
    }
}

/// A marking code, and what becomes of the piece (tag 2003), which old formats do not tell.
type Mark = (String, Option<u8>);

/// The marking code of a position: `imcParams` from FFD 1.2 on, `markingCode` below.
fn mark(fields: &Fields<'_>) -> Result<Option<Mark>, Refusal> {
    if let Some(old) = fields.object("markingCode")? {
        return Ok(Some((old.need_text("mark")?.to_owned(), None)));
    }
    fields.object("imcParams")?.map(|params| mark_of(&params)).transpose()
}

/// The code of `imcParams`, or of a member of a marking task's `params`.
pub(super) fn mark_of(params: &Fields<'_>) -> Result<Mark, Refusal> {
    const KNOWN: [&str; 11] = [
        "imc",
        "imcType",
        "itemEstimatedStatus",
        "imcModeProcessing",
        "itemFractionalAmount",
        "itemInfoCheckResult",
        "imcBarcode",
        "itemQuantity",
        "itemUnits",
        "id",
        "imcValidateNotFormatted",
    ];
    const TYPES: [(&str, ()); 7] = [
        ("auto", ()),
        ("imcUnrecognized", ()),
        ("imcShort", ()),
        ("imcFmVerifyCode88", ()),
        ("imcVerifyCode44", ()),
        ("imcFmVerifyCode44", ()),
        ("imcVerifyCode4", ()),
    ];
    const STATES: [(&str, u8); 7] = [
        ("itemPieceSold", 1),
        ("itemDryForSale", 2),
        ("itemPieceReturn", 3),
        ("itemDryReturn", 4),
        ("itemPieceForSale", 5),
        ("itemDrySold", 6),
        ("itemStatusUnchanged", 255),
    ];
    const FLAGS: [&str; 5] = [
        "imcCheckFlag",
        "imcCheckResult",
        "imcStatusInfo",
        "imcEstimatedStatusCorrect",
        "ecrStandAloneFlag",
    ];
    params.only(&KNOWN)?;
    params.word("imcType", &TYPES)?;
    let status = params.word("itemEstimatedStatus", &STATES)?;
    params.u32("imcModeProcessing")?;
    if let Some(result) = params.object("itemInfoCheckResult")? {
        result.only(&FLAGS)?;
        FLAGS.iter().try_for_each(|flag| result.flag(flag).map(drop))?;
    }
    let mark = params.need_text("imc")?;
    if is_base64(mark) { Ok((mark.to_owned(), status)) } else { Err(params.bad("imc")) }
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let letters = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    !body.is_empty() && letters && text.len().is_multiple_of(4) && text.len() - body.len() <= 2
}

fn text(fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let width = fields.settings.width;
    let alignments = [("left", 0_u8), ("center", 1), ("right", 2)];
    let kind = fields.need_text("type")?;
    let lines = match kind {
        "text" => {
            const WRAPS: [(&str, Wrap); 3] =
                [("none", Wrap::None), ("chars", Wrap::Chars), ("words", Wrap::Words)];
            let mut known = vec!["type", "text", "alignment", "wrap", "font", "doubleWidth"];
            known.extend(["doubleHeight", "brightness", "linespacing"]);
            fields.only(&known)?;
            let wrap = fields.word("wrap", &WRAPS)?.unwrap_or(Wrap::Words);
            fields.u32("font")?;
            fields.flag("doubleWidth")?;
            fields.flag("doubleHeight")?;
            wrap.lines(fields.text("text")?.unwrap_or_default(), width)
        }
        "barcode" => {
            let known = ["type", "barcode", "barcodeType", "scale", "height", "printText"];
            let known: Vec<_> = known.into_iter().chain(["alignment", "overlay"]).collect();
            fields.only(&known)?;
            let kind = fields.need_text("barcodeType")?;
            vec![format!("[{kind} {}]", fields.need_text("barcode")?)]
        }
        "pictureFromMemory" => {
            fields.only(&["type", "pictureNumber", "alignment"])?;
            vec![format!("[КАРТИНКА {}]", fields.need_u32("pictureNumber")?)]
        }
        "pixels" => {
            fields.only(&["type", "pixels", "width", "scale", "alignment"])?;
            let wide = fields.need_u32("width")?;
            let pixels = fields.need_text("pixels")?;
            if !is_base64(pixels) {
                return Err(fields.bad("pixels"));
            }
            vec![format!("[КАРТИНКА {wide} точек]")]
        }
        _ => return Err(fields.bad("type")),
    };
    let alignment = fields.word("alignment", &alignments)?.unwrap_or(0);
    Ok(lines.into_iter().map(|line| aligned(line, alignment, width)).collect())
}

/// How a text that is wider than the paper is broken.
#[derive(Clone, Copy)]
enum Wrap {
    /// Not at all: the rest is lost.
    None,
    /// Anywhere; columns are kept.
    Chars,
    /// Between words, which are moved together.
    Words,
}

impl Wrap {
    fn lines(self, text: &str, width: usize) -> Vec<String> {
        let chars: Vec<_> = text.chars().collect();
        let lines = chars.chunks(width.max(1)).map(|line| line.iter().collect());
        match self {
            Self::Words => tape::wrap(text, width),
            Self::Chars => lines.collect(),
            Self::None => lines.take(1).collect(),
        }
    }
}

fn aligned(line: String, alignment: u8, width: usize) -> String {
    match alignment {
        1 => tape::middle(&line, width),
        2 => format!("{line:>width$}"),
        _ => line,
    }
}
