//! Slips and reports. Their layout is ours: every bank has another.

use tillway_core::{Kopecks, Timestamp};

use super::Settings;
use super::bank::{Bank, Kind, Move};
use super::xml::Answered;

/// The last receipt, from which a copy is made.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    pub(super) lines: Vec<String>,
    /// The operation; `None` for a refused one.
    pub(super) made: Option<(Move, i64)>,
}

pub(super) fn receipt(settings: &Settings, made: &Move, wall_ms: i64) -> Receipt {
    let mut lines = vec![
        "          КАФЕ РОМАШКА".to_owned(),
        format!("ТЕРМИНАЛ {}", settings.terminal),
        format!("МЕРЧАНТ {}", settings.merchant),
        format!("ЧЕК {:04}", made.sequence),
    ];
    lines.extend(block(made, wall_ms));
    lines.push("КАРТА MIR ************0417".to_owned());
    lines.push(format!("КОД АВТОРИЗАЦИИ {}", made.authorisation));
    lines.push("КОМИССИЯ 0.00".to_owned());
    lines.push("          ОДОБРЕНО".to_owned());
    Receipt { lines, made: Some((made.clone(), wall_ms)) }
}

pub(super) fn refusal(settings: &Settings, kopecks: i64, wall_ms: i64, text: &str) -> Receipt {
    let lines = vec![
        format!("ТЕРМИНАЛ {}", settings.terminal),
        "ОПЛАТА".to_owned(),
        moment(wall_ms),
        format!("СУММА {} RUB", money(kopecks)),
        format!("ОТКАЗ {text}"),
    ];
    Receipt { lines, made: None }
}

fn block(made: &Move, wall_ms: i64) -> Vec<String> {
    let mut lines = vec![
        word(made.kind).to_owned(),
        moment(wall_ms),
        format!("СУММА {} RUB", money(made.amount.0)),
        format!("RRN {}", made.reference),
    ];
    lines.extend(made.original.iter().map(|original| format!("ИСХОДНЫЙ RRN {original}")));
    lines
}

/// Field 90 of an operation: two slips, or tags alone.
pub(super) fn field_90(receipt: &Receipt, tags_only: bool) -> String {
    let tags = "0xDE^^MIR~0x4F^^A0000006581010~0x95^^8000000000~0xDD^^ /~";
    if tags_only {
        return tags.to_owned();
    }
    let text = receipt.lines.join("\r\n");
    format!("0xDF^^{text}~0xDA^^{text}~{tags}")
}

/// A report, wrapped as services wrap it.
pub(super) fn wrapped(lines: &[String]) -> String {
    format!("0xDF^^{}~", lines.join("\r\n"))
}

/// The report of the open batch, sums only or every operation.
pub(super) fn report(
    settings: &Settings,
    bank: &Bank,
    now_wall_ms: i64,
    full: bool,
) -> Vec<String> {
    let mut lines = vec![
        if full { "ПОЛНЫЙ ОТЧЕТ" } else { "КРАТКИЙ ОТЧЕТ" }.to_owned(),
        format!("ТЕРМИНАЛ {}", settings.terminal),
        moment(now_wall_ms),
    ];
    if bank.batch().next().is_none() {
        lines.push("ОТЧЕТ ЗАВЕРШЕН".to_owned());
        return lines;
    }
    lines.push("--------------------".to_owned());
    for made in bank.batch().filter(|_| full) {
        let wall = wall_of(settings, made.at);
        if settings.line_reports {
            let (when, kind, sum) = (moment(wall), word(made.kind), money(made.amount.0));
            lines.push(format!("{when} {kind} {sum} {}", made.reference));
        } else {
            lines.extend(block(made, wall));
            lines.push("--------------------".to_owned());
        }
    }
    lines.push("ИТОГО".to_owned());
    lines.extend(sums(bank));
    lines
}

/// The reconciliation: sums by system and in all.
pub(super) fn reconciliation(settings: &Settings, bank: &Bank, now_wall_ms: i64) -> Vec<String> {
    let mut lines = vec!["СВЕРКА ИТОГОВ".to_owned(), format!("ТЕРМИНАЛ {}", settings.terminal)];
    lines.push(moment(now_wall_ms));
    if bank.batch().next().is_none() {
        lines.push("ОТЧЕТ ЗАВЕРШЕН".to_owned());
        return lines;
    }
    lines.push("MIR".to_owned());
    lines.extend(sums(bank));
    lines.push("ИТОГО".to_owned());
    lines.extend(sums(bank));
    lines.push("ИТОГИ СОВПАЛИ".to_owned());
    lines
}

fn sums(bank: &Bank) -> Vec<String> {
    let of = |kind: Kind| {
        let these: Vec<i64> =
            bank.batch().filter(|one| one.kind == kind).map(|one| one.amount.0).collect();
        format!("{} {} {} RUB", word(kind), these.len(), money(these.iter().sum()))
    };
    vec![of(Kind::Pay), of(Kind::Refund), of(Kind::Cancel)]
}

/// The copy of a receipt: its text, and its fields when the terminal sends them.
pub(super) fn copy(settings: &Settings, receipt: &Receipt, answer: &mut Answered) {
    answer.put(39, "1");
    match &receipt.made {
        Some((made, wall_ms)) if settings.receipt_fields || settings.tags_only => {
            operation(settings, made, *wall_ms, answer);
            answer.put(34, code(made.kind));
        }
        _ => {}
    }
    answer.put(90, field_90(receipt, settings.tags_only));
}

/// The fields of an operation that was done.
pub(super) fn operation(settings: &Settings, made: &Move, wall_ms: i64, answer: &mut Answered) {
    answer.put(0, made.amount.0.to_string());
    answer.put(4, "643");
    answer.put(6, digits(wall_ms));
    answer.put(10, "************0417");
    answer.put(11, "2911");
    answer.put(13, made.authorisation.clone());
    answer.put(14, made.reference.clone());
    answer.put(28, settings.merchant.clone());
    answer.put(33, made.batch.to_string());
    answer.put(108, format!("{:04}", made.sequence));
}

fn code(kind: Kind) -> &'static str {
    match kind {
        Kind::Pay => "1",
        Kind::Cancel => "4",
        Kind::Refund => "29",
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Pay => "ОПЛАТА",
        Kind::Cancel => "ОТМЕНА",
        Kind::Refund => "ВОЗВРАТ",
    }
}

pub(super) fn wall_of(settings: &Settings, at: Timestamp) -> i64 {
    at.wall_ms().saturating_add(settings.clock_error_ms)
}

/// `15.03.2026 14:22:07`.
fn moment(wall_ms: i64) -> String {
    let all = digits(wall_ms);
    let part = |from: usize, to: usize| all.get(from..to).unwrap_or_default();
    let day = format!("{}.{}.{}", part(6, 8), part(4, 6), part(0, 4));
    format!("{day} {}:{}:{}", part(8, 10), part(10, 12), part(12, 14))
}

/// `20260315142207`.
pub(super) fn digits(wall_ms: i64) -> String {
    let (day, minute) = Timestamp::utc(wall_ms).wall();
    format!("{day}{minute}{:02}", wall_ms.rem_euclid(60_000) / 1_000)
}

/// `1'250.00`.
fn money(kopecks: i64) -> String {
    let amount = Kopecks(kopecks).0;
    let rubles = (amount / 100).to_string();
    let groups: Vec<&str> =
        rubles.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    format!("{}.{:02}", groups.join("'"), amount % 100)
}
