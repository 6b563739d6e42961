//! Answers as they are written.

use std::fmt::Write;

use super::letters::Letters;
use super::message::Asked;
use super::schema::command;
use super::value::quantity_text;
use super::{Refused, Shape};
use crate::loymax::house::words::money;
use crate::loymax::house::{GoodsKey, Kind, Reply, ReplyLine, Rules};

/// How far lines are renumbered.
const OTHER_NUMBERS: u32 = 1_000;

/// The answers to the commands of a message.
pub(super) fn answered(
    answers: &[(Asked, Result<Reply, Refused>)],
    till: &str,
    rules: &Rules,
    letters: Letters,
    shape: Shape,
) -> Vec<u8> {
    let mut xml = begun(0, letters, shape);
    let mut open: Option<Kind> = None;
    for (asked, came) in answers {
        let kind = asked.request.command.kind();
        if open != Some(kind) {
            close(&mut xml, open);
            xml.push_str(&format!("<{}>", command(kind)[0]));
            open = Some(kind);
        }
        let name = command(kind)[2];
        let _ = write!(xml, "<{name}");
        let code = came.as_ref().err().map_or(0, |refused| refused.number);
        put(&mut xml, "ErrorCode", &code.to_string());
        if let Err(refused) = came {
            put(&mut xml, "ErrorMessage", &refused.message);
        }
        put(&mut xml, "DeviceLogicalID", till);
        put(&mut xml, "OperationID", &asked.request.operation);
        if let Ok(reply) = came {
            attributes(&mut xml, kind, reply, rules);
            xml.push('>');
            children(&mut xml, reply, shape);
        } else {
            xml.push('>');
        }
        let _ = write!(xml, "</{name}>");
    }
    close(&mut xml, open);
    xml.push_str("</XMLResponse>");
    letters.encode(&xml)
}

/// The whole message is refused.
pub(super) fn refused(code: u32, message: &str, letters: Letters, shape: Shape) -> Vec<u8> {
    let mut xml = begun(code, letters, shape);
    element(&mut xml, "ErrorMessage", message);
    xml.push_str("</XMLResponse>");
    letters.encode(&xml)
}

fn begun(code: u32, letters: Letters, shape: Shape) -> String {
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"{}\"?>\n<XMLResponse>", letters.name());
    if !shape.no_version {
        element(&mut xml, "Version", "3.2");
    }
    element(&mut xml, "ErrorCode", &code.to_string());
    xml
}

fn close(xml: &mut String, open: Option<Kind>) {
    if let Some(kind) = open {
        let _ = write!(xml, "</{}>", command(kind)[0]);
    }
}

fn attributes(xml: &mut String, kind: Kind, reply: &Reply, rules: &Rules) {
    if let Some(transaction) = reply.transaction {
        put(xml, "TransactionID", &transaction.to_string());
    }
    if let Some(code) = &reply.auth_code {
        put(xml, "AuthCode", code);
    }
    let sums: &[(&str, _)] = match kind {
        Kind::Balance => &[("BonusAmount", reply.balance)],
        Kind::Calculate => &[
            ("Balance", reply.balance),
            ("AvailableBonusAmount", reply.available_points),
            ("AvailableAmount", reply.available),
        ],
        Kind::Available | Kind::Pay | Kind::Refund => {
            &[("Amount", reply.amount), ("BonusAmount", reply.points)]
        }
        _ => &[],
    };
    for (name, sum) in sums {
        if let Some(sum) = sum {
            put(xml, name, &money(*sum));
        }
    }
    if kind == Kind::Balance {
        put(xml, "Currency", &rules.currency);
    }
    if let Some(kind) = reply.refund_type {
        put(xml, "RefundOperationType", kind.name());
    }
}

fn children(xml: &mut String, reply: &Reply, shape: Shape) {
    if !reply.guest.is_empty() {
        xml.push_str("<IdentifierData>");
        for (name, value) in &reply.guest {
            xml.push_str("<Item");
            put(xml, "Name", name);
            let _ = write!(xml, ">{}</Item>", escaped(value));
        }
        xml.push_str("</IdentifierData>");
    }
    if let Some(message) = &reply.cashier_message {
        element(xml, "CashierMessage", message);
    }
    if let Some(message) = &reply.cheque_message {
        element(xml, "ChequeMessage", message);
    }
    if !reply.lines.is_empty() && !shape.no_cheque {
        cheque(xml, reply, shape);
    }
    coupons(xml, reply);
    if !reply.programs.is_empty() {
        xml.push_str("<LoyaltyPrograms>");
        for name in &reply.programs {
            xml.push_str("<LoyaltyProgram");
            put(xml, "Name", name);
            xml.push_str("></LoyaltyProgram>");
        }
        xml.push_str("</LoyaltyPrograms>");
    }
}

fn cheque(xml: &mut String, reply: &Reply, shape: Shape) {
    xml.push_str("<Cheque");
    if let Some(totals) = &reply.totals {
        put(xml, "TotalAmount", &money(totals.amount));
        put(xml, "TotalDiscount", &money(totals.discount));
        put(xml, "TotalCashback", &money(totals.cashback));
    }
    xml.push('>');
    let mut lines: Vec<&ReplyLine> = reply.lines.iter().collect();
    if shape.reordered {
        lines.reverse();
    }
    for one in lines {
        line(xml, one, shape);
    }
    xml.push_str("</Cheque>");
}

fn line(xml: &mut String, line: &ReplyLine, shape: Shape) {
    let shift = if shape.renumbered { OTHER_NUMBERS } else { 0 };
    xml.push_str("<ChequeLine");
    put(xml, "PosID", &line.position.saturating_add(shift).to_string());
    match &line.goods {
        GoodsKey::Code(code) => put(xml, "GoodsId", code),
        GoodsKey::Barcode(barcode) => put(xml, "Barcode", barcode),
    }
    put(xml, "Quantity", &quantity_text(line.quantity));
    put(xml, "Amount", &money(line.amount));
    put(xml, "Discount", &money(line.discount));
    if let Some(cashback) = line.cashback {
        put(xml, "Cashback", &money(cashback));
    }
    if let Some(pay) = line.pay {
        put(xml, "PayAmount", &money(pay));
    }
    xml.push('>');
    if !line.offers.is_empty() {
        xml.push_str("<AppliedOffers>");
        for offer in &line.offers {
            xml.push_str("<Offer");
            put(xml, "Id", &offer.id.to_string());
            put(xml, "VersionId", &offer.version.to_string());
            put(xml, "Name", &offer.name);
            put(xml, "ExternalId", &offer.external);
            put(xml, "Quantity", &offer.quantity.to_string());
            put(xml, "PrerefenceValue", &money(offer.value));
            put(xml, "CurrencyAbbreviation", "руб.");
            xml.push_str("></Offer>");
        }
        xml.push_str("</AppliedOffers>");
    }
    xml.push_str("</ChequeLine>");
}

fn coupons(xml: &mut String, reply: &Reply) {
    if reply.coupons.is_empty() {
        return;
    }
    xml.push_str("<Coupons>");
    for coupon in &reply.coupons {
        xml.push_str("<Coupon");
        put(xml, "Number", &coupon.number);
        if let Some(barcode) = &coupon.barcode {
            put(xml, "BarCode", barcode);
        }
        if let Some(qr) = &coupon.qr {
            put(xml, "QRCode", qr);
        }
        if let Some(until) = coupon.until {
            let day = until.wall().0;
            let parts = (day.get(..4), day.get(4..6), day.get(6..));
            if let (Some(year), Some(month), Some(day)) = parts {
                put(xml, "ExpiryDate", &format!("{year}-{month}-{day}"));
            }
        }
        let _ = write!(xml, ">{}</Coupon>", escaped(&coupon.text));
    }
    xml.push_str("</Coupons>");
}

fn element(xml: &mut String, name: &str, text: &str) {
    let _ = write!(xml, "<{name}>{}</{name}>", escaped(text));
}

fn put(xml: &mut String, name: &str, value: &str) {
    let _ = write!(xml, " {name}=\"{}\"", escaped(value).replace('\n', "&#10;"));
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\r', "&#13;")
}
