//! The parts that requests share: guests, cheques, coupons, payments, parameters.

use rust_decimal::Decimal;

use super::schema::{check_attributes, check_children, check_list};
use super::tree::Node;
use super::value::{amount, format_of, id, moment, number, quantity, required};
use crate::loymax::house::{
    Cheque, Code, CouponKey, GoodsKey, Key, KeyKind, Label, Line, Param, Pay, Refusal, Rules, Sale,
};

const LABELS: &[&str] = &["Number", "BarCode", "QRCode", "Strip1", "Strip2", "Strip3"];

const LINE: &[&str] = &[
    "PosID",
    "GoodsId",
    "Barcode",
    "Name",
    "Price",
    "Quantity",
    "Amount",
    "Discount",
    "Cashback",
    "Correction",
];

/// Where some shops put what others put into parameters.
const LINE_MORE: &[&str] = &["MinPrice", "IsPromo"];

pub(super) fn sale(node: &Node, offset: i16, rules: &Rules) -> Result<Sale, Refusal> {
    Ok(Sale {
        purchase: id(node, "PurchaseID")?,
        guest: guest(node)?,
        cheque: cheque(node, offset, rules)?,
        coupons: coupons(node)?,
        params: params(node)?,
    })
}

pub(super) fn guest(node: &Node) -> Result<Option<Key>, Refusal> {
    if let Some(found) = child(node, "Identifier") {
        return identifier(found).map(Some);
    }
    let Some(card) = child(node, "Card") else { return Ok(None) };
    let (label, value) = labelled(card)?;
    let kind = match label {
        Label::Number => KeyKind::CardNumber,
        Label::BarCode => KeyKind::CardBarCode,
        Label::QrCode => KeyKind::QrCode,
        Label::Strip(track) => KeyKind::CardTrack(track),
    };
    Ok(Some(Key { kind, value }))
}

pub(super) fn guest_required(node: &Node) -> Result<Key, Refusal> {
    guest(node)?.ok_or_else(|| missing(node, "Identifier"))
}

pub(super) fn new_card(node: &Node) -> Result<Key, Refusal> {
    let name = "NewIdentifier";
    identifier(child(node, name).ok_or_else(|| missing(node, name))?)
}

fn identifier(node: &Node) -> Result<Key, Refusal> {
    check_attributes(node, &[&["Type", "Value"]])?;
    check_children(node, &[])?;
    let kind = match required(node, "Type")? {
        "Auto" => KeyKind::Auto,
        "CardNumber" => KeyKind::CardNumber,
        "CardBarCode" => KeyKind::CardBarCode,
        "CardTrack1" => KeyKind::CardTrack(1),
        "CardTrack2" => KeyKind::CardTrack(2),
        "CardTrack3" => KeyKind::CardTrack(3),
        "Phone" => KeyKind::Phone,
        "PhoneHash" => KeyKind::PhoneHash,
        "QrCode" => KeyKind::QrCode,
        _ => return Err(format_of(node, "Type")),
    };
    Ok(Key { kind, value: required(node, "Value")?.to_owned() })
}

pub(super) fn cheque(node: &Node, offset: i16, rules: &Rules) -> Result<Cheque, Refusal> {
    let found = child(node, "Cheque").ok_or_else(|| missing(node, "Cheque"))?;
    check_attributes(found, &[&["ChequeNumber", "ChequeDate"]])?;
    check_list(found, "ChequeLine")?;
    let lines: Result<Vec<_>, _> = found.children.iter().map(|it| line(it, rules)).collect();
    Ok(Cheque {
        number: found.attribute("ChequeNumber").map(str::to_owned),
        at: moment(found, "ChequeDate", Some(offset))?,
        lines: lines?,
    })
}

fn line(node: &Node, rules: &Rules) -> Result<Line, Refusal> {
    let more = if rules.line_attributes { LINE_MORE } else { &[] };
    check_attributes(node, &[LINE, more])?;
    check_children(node, &["Params"])?;
    let goods = match (node.attribute("GoodsId"), node.attribute("Barcode")) {
        (Some(code), _) => GoodsKey::Code(code.to_owned()),
        (None, Some(barcode)) => GoodsKey::Barcode(barcode.to_owned()),
        (None, None) => return Err(missing(node, "GoodsId")),
    };
    let mut params = params(node)?;
    for name in LINE_MORE {
        let told = node.attribute(name).map(str::to_owned);
        params.extend(told.map(|value| Param { name: (*name).to_owned(), value }));
    }
    required(node, "Amount")?;
    Ok(Line {
        position: number(node, "PosID")?,
        goods,
        name: node.attribute("Name").map(str::to_owned),
        price: amount(node, "Price")?,
        quantity: quantity(node, "Quantity")?,
        amount: amount(node, "Amount")?.unwrap_or_default(),
        discount: amount(node, "Discount")?,
        cashback: amount(node, "Cashback")?,
        correction: amount(node, "Correction")?,
        params,
    })
}

fn params(node: &Node) -> Result<Vec<Param>, Refusal> {
    let mut all = Vec::new();
    for node in list(node, "Params", "Param")? {
        check_attributes(node, &[&["Name", "Type", "Value"]])?;
        check_children(node, &[])?;
        let value = required(node, "Value")?.to_owned();
        let fits = match required(node, "Type")? {
            "string" => true,
            "decimal" => Decimal::from_str_exact(&value).is_ok(),
            _ => false,
        };
        if !fits {
            return Err(format_of(node, "Type"));
        }
        all.push(Param { name: required(node, "Name")?.to_owned(), value });
    }
    Ok(all)
}

fn coupons(node: &Node) -> Result<Vec<CouponKey>, Refusal> {
    let mut all = Vec::new();
    for node in list(node, "Coupons", "Coupon")? {
        let (label, value) = labelled(node)?;
        all.push(CouponKey { label, value });
    }
    Ok(all)
}

pub(super) fn pays(node: &Node) -> Result<Vec<Pay>, Refusal> {
    let mut all = Vec::new();
    for node in list(node, "Pays", "Pay")? {
        check_attributes(node, &[&["Type", "Amount", "Details"]])?;
        check_children(node, &[])?;
        required(node, "Amount")?;
        all.push(Pay {
            kind: required(node, "Type")?.to_owned(),
            amount: amount(node, "Amount")?.unwrap_or_default(),
            details: node.attribute("Details").map(str::to_owned),
        });
    }
    Ok(all)
}

/// A card or a coupon: exactly one attribute, which says where its value was read from.
fn labelled(node: &Node) -> Result<(Label, String), Refusal> {
    check_attributes(node, &[LABELS])?;
    check_children(node, &[])?;
    let [(name, value)] = node.attributes.as_slice() else {
        return Err(missing(node, "Number"));
    };
    let label = match name.as_str() {
        "BarCode" => Label::BarCode,
        "QRCode" => Label::QrCode,
        "Strip1" => Label::Strip(1),
        "Strip2" => Label::Strip(2),
        "Strip3" => Label::Strip(3),
        _ => Label::Number,
    };
    Ok((label, value.clone()))
}

/// The children of a list that may be left out.
fn list<'a>(node: &'a Node, list: &str, name: &str) -> Result<&'a [Node], Refusal> {
    let Some(found) = child(node, list) else { return Ok(&[]) };
    check_attributes(found, &[])?;
    check_list(found, name)?;
    Ok(&found.children)
}

fn child<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    node.children.iter().find(|child| child.name == name)
}

fn missing(node: &Node, name: &str) -> Refusal {
    let why = format!("'{name}' of '{}' is missing.", node.name);
    Refusal::new(Code::RequereFieldException, why)
}
