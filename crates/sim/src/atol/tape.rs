//! What a guest holds in hand: documents as text, as wide as the paper.

use std::collections::BTreeMap;

use tillway_core::fiscal::{DocumentKind, ReceiptKind, Registered, VatRate, qr};
use tillway_core::{Kopecks, Timestamp};

use super::memory::{Body, Document, Sale};
use super::register::Register;

/// Names of the tenders on paper.
const TENDERS: [&str; 5] = [
    "НАЛИЧНЫМИ",
    "БЕЗНАЛИЧНЫМИ",
    "ПРЕДВАРИТЕЛЬНАЯ ОПЛАТА (АВАНС)",
    "ПОСЛЕДУЮЩАЯ ОПЛАТА (КРЕДИТ)",
    "ИНАЯ ФОРМА ОПЛАТЫ",
];

/// A document of the register's memory, line by line.
pub fn document(document: &Document, register: &Register) -> Vec<String> {
    let width = register.printer.width;
    let settings = &register.settings;
    let mut lines = vec![middle(&settings.organisation, width), middle(&settings.address, width)];
    match &document.body {
        Body::OpenShift => lines.push(middle("ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ", width)),
        Body::CloseShift { receipts } => {
            lines.push(middle("ОТЧЕТ О ЗАКРЫТИИ СМЕНЫ", width));
            lines.push(pair("ЧЕКОВ ЗА СМЕНУ", &receipts.to_string(), width));
        }
        Body::Exchange => lines.push(middle("ОТЧЕТ О СОСТОЯНИИ РАСЧЕТОВ", width)),
        Body::Receipt(sale) => receipt(&mut lines, sale, width),
    }
    if !matches!(document.body, Body::Receipt(_)) {
        lines.extend(document.operator.iter().map(|operator| pair("КАССИР", operator, width)));
    }
    if let Body::Receipt(sale) = &document.body {
        let number = sale.number;
        let shift = format!("СМЕНА №{}", document.shift);
        lines.push(pair(&shift, &format!("ЧЕК №{number}"), width));
    } else {
        lines.push(format!("СМЕНА №{}", document.shift));
    }
    let (day, minute) = Timestamp::utc(document.at).wall();
    let time = match (day.get(..4), day.get(4..6), day.get(6..), minute.get(..2), minute.get(2..)) {
        (Some(y), Some(m), Some(d), Some(h), Some(min)) => format!("{d}.{m}.{y} {h}:{min}"),
        _ => day,
    };
    lines.push(pair(&time, &format!("ИНН {}", settings.vatin), width));
    lines.push(pair("РН ККТ", &settings.registration, width));
    lines.push(pair("ФН", &register.memory.serial, width));
    let number = format!("ФД №{}", document.number);
    lines.push(pair(&number, &format!("ФП {}", document.sign), width));
    lines.extend(qr_text(document, &register.memory.serial).map(|text| format!("QR {text}")));
    lines
}

/// The text of the QR code of a receipt.
pub fn qr_text(document: &Document, memory: &str) -> Option<String> {
    let Body::Receipt(sale) = &document.body else { return None };
    let kind = ReceiptKind::from_tag(sale.kind)?;
    qr(&Registered {
        sign: Some(document.sign),
        at: Some(Timestamp::utc(document.at)),
        memory: Some(memory.into()),
        total: Some(sale.total),
        ..Registered::new(DocumentKind::Receipt(kind), document.number)
    })
}

fn receipt(lines: &mut Vec<String>, sale: &Sale, width: usize) {
    let title = if sale.correction {
        "КАССОВЫЙ ЧЕК КОРРЕКЦИИ"
    } else {
        "КАССОВЫЙ ЧЕК"
    };
    lines.push(middle(title, width));
    lines.push(middle(kind_name(sale.kind), width));
    body(lines, sale, width);
    let mut taxes = BTreeMap::<&str, Kopecks>::new();
    for item in &sale.items {
        let rate = VatRate::from_word(&item.vat);
        let tax = rate.and_then(|rate| rate.tax_in(item.amount).ok()).unwrap_or_default();
        let sum = taxes.entry(&item.vat).or_default();
        *sum = sum.add(tax).unwrap_or(*sum);
    }
    for (rate, tax) in taxes {
        lines.push(pair(&format!("СУММА {}", rate_name(rate)), &sum(tax), width));
    }
    if let Some(operator) = &sale.operator {
        lines.push(pair("КАССИР", operator, width));
    }
    if let Some(contact) = &sale.contact {
        lines.push(pair("ЭЛ. АДР. ПОКУПАТЕЛЯ", contact, width));
    }
    if let Some((kind, date, number)) = &sale.basis {
        let why =
            if *kind == 0 { "САМОСТОЯТЕЛЬНО" } else { "ПО ПРЕДПИСАНИЮ" };
        lines.push(pair("ТИП КОРРЕКЦИИ", why, width));
        lines.push(pair("ОСНОВАНИЕ", number.as_deref().unwrap_or_default(), width));
        lines.push(pair("ДАТА РАСЧЕТА", date, width));
    }
    let details = [
        ("АВТОМАТ", &sale.machine),
        ("АДРЕС РАСЧЕТОВ", &sale.address),
        ("МЕСТО РАСЧЕТОВ", &sale.place),
        ("ДОП. РЕКВИЗИТ", &sale.attribute),
    ];
    for (name, value) in details {
        lines.extend(value.iter().map(|value| pair(name, value, width)));
    }
    lines.extend(sale.user_attribute.iter().map(|(name, value)| pair(name, value, width)));
    lines.extend(sale.notes.iter().flat_map(|note| match note.chars().count() <= width {
        true => vec![note.clone()],
        false => wrap(note, width),
    }));
}

fn body(lines: &mut Vec<String>, sale: &Sale, width: usize) {
    for item in &sale.items {
        lines.extend(wrap(&item.name, width));
        let quantity = tillway_core::fiscal::Quantity::from_micro(item.quantity)
            .map_or_else(|_| "0".to_owned(), |quantity| quantity.to_string());
        let times = format!("  {quantity} × {}", plain(item.price));
        lines.push(pair(&times, &sum(item.amount), width));
        lines.push(format!("  {}", rate_name(&item.vat)));
    }
    lines.push(pair("ИТОГ", &sum(sale.total), width));
    for (name, paid) in TENDERS.iter().zip(sale.paid) {
        if paid.is_positive() {
            lines.push(pair(name, &sum(paid), width));
        }
    }
    let change = Kopecks::total(sale.paid).and_then(|paid| paid.sub(sale.total));
    if let Ok(change) = change
        && change.is_positive()
    {
        lines.push(pair("СДАЧА", &sum(change), width));
    }
}

/// What is printed when a receipt was begun and annulled.
pub(super) fn annulled(sale: &Sale, width: usize) -> Vec<String> {
    let mut lines = vec![middle("КАССОВЫЙ ЧЕК", width), middle(kind_name(sale.kind), width)];
    lines.extend(sale.items.iter().flat_map(|item| wrap(&item.name, width)));
    lines.push(middle("ЧЕК АННУЛИРОВАН", width));
    lines
}

/// The X report.
pub(super) fn report_x(register: &Register) -> Vec<String> {
    let width = register.printer.width;
    let mut lines = vec![
        middle("ОТЧЕТ БЕЗ ГАШЕНИЯ", width),
        pair("СМЕНА", &register.shift().number.to_string(), width),
    ];
    for (kind, total) in (1..).zip(register.totals().kinds) {
        let name = format!("{} ({})", kind_name(kind), total.count);
        lines.push(pair(&name, &sum(total.sum), width));
    }
    lines.push(pair("НАЛИЧНЫХ В КАССЕ", &sum(register.totals().drawer), width));
    lines
}

fn kind_name(kind: u8) -> &'static str {
    match kind {
        1 => "ПРИХОД",
        2 => "ВОЗВРАТ ПРИХОДА",
        3 => "РАСХОД",
        _ => "ВОЗВРАТ РАСХОДА",
    }
}

fn rate_name(word: &str) -> String {
    match VatRate::from_word(word) {
        None | Some(VatRate::None) => "БЕЗ НДС".to_owned(),
        Some(rate) => match (rate.is_calculated(), rate.percent().unwrap_or(0)) {
            (true, percent) => format!("НДС {percent}/{}", u16::from(percent).saturating_add(100)),
            (false, percent) => format!("НДС {percent}%"),
        },
    }
}

fn plain(amount: Kopecks) -> String {
    let (sign, abs) = (if amount < Kopecks::ZERO { "-" } else { "" }, amount.0.unsigned_abs());
    format!("{sign}{}.{:02}", abs / 100, abs % 100)
}

fn sum(amount: Kopecks) -> String {
    format!("={}", plain(amount))
}

/// In the middle of the line.
pub(super) fn middle(text: &str, width: usize) -> String {
    let left = width.saturating_sub(text.chars().count()) / 2;
    format!("{}{text}", " ".repeat(left))
}

/// One text at the left, one at the right; in two lines' width when they do not fit.
pub(super) fn pair(left: &str, right: &str, width: usize) -> String {
    let used = left.chars().count().saturating_add(right.chars().count());
    let gap = width.saturating_sub(used).max(1);
    format!("{left}{}{right}", " ".repeat(gap))
}

/// Broken between words, and within one that is wider than the paper.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        for part in word.chars().collect::<Vec<_>>().chunks(width) {
            let part: String = part.iter().collect();
            let room = lines.last().map_or(0, |line| width.saturating_sub(line.chars().count()));
            match lines.last_mut() {
                Some(line) if room > part.chars().count() => {
                    line.push(' ');
                    line.push_str(&part);
                }
                _ => lines.push(part),
            }
        }
    }
    lines
}
