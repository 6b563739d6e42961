//! What a slip or a report says, read as a person reads it: no bank's layout is known to us.

use jiff::civil::DateTime;
use tillway_core::Kopecks;
use tillway_core::port::terminal::{CountSum, Operation, Totals};
use tillway_core::time::Timestamp;

/// An operation, as far as fields or a text name it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Record {
    /// What it was.
    pub kind: Option<Kind>,
    /// How much; `None` when it is not said, or several amounts stand there.
    pub amount: Option<Kopecks>,
    /// Its reference number.
    pub reference: Option<Box<str>>,
    /// The reference number of the payment that it undoes.
    pub original: Option<Box<str>>,
    /// Its authorisation code.
    pub authorisation: Option<Box<str>>,
    /// The terminal.
    pub terminal: Option<Box<str>>,
    /// When, by the terminal's clock: milliseconds on the wall since 1970.
    pub wall_ms: Option<i64>,
    /// It was refused: no money moved.
    pub refused: bool,
    /// It speaks of a refusal and of an approval: a person reads it.
    pub contradicts: bool,
}

/// What an operation was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A payment.
    Pay,
    /// A payment of the batch was undone, or the last operation was.
    Cancel,
    /// Money was given back.
    Refund,
}

impl Kind {
    /// What a terminal makes of an operation.
    pub fn of(what: &Operation) -> Self {
        match what {
            Operation::Pay { .. } => Self::Pay,
            Operation::Cancel { .. } | Operation::RollBack { .. } => Self::Cancel,
            Operation::Refund { .. } => Self::Refund,
        }
    }
}

impl Record {
    /// Whether money may have been moved by it.
    pub fn is_operation(&self) -> bool {
        self.amount.is_some() && (self.reference.is_some() || self.wall_ms.is_some())
    }
}

/// Reads one operation off a slip.
pub fn slip(lines: &[&str]) -> Record {
    let mut record = Record::default();
    let (mut named, mut others, mut bare) = (None, Vec::new(), Vec::new());
    let (mut day, mut time) = (None, None);
    let mut approved = false;
    for line in lines {
        let upper = line.to_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| upper.contains(word));
        record.refused |= has(REFUSED);
        approved |= has(APPROVED) && !has(REFUSED);
        record.kind = record.kind.or_else(|| kind(&upper));
        day = day.or_else(|| day_in(line));
        time = time.or_else(|| time_in(line));
        let twelve = runs(line).find(|run| run.len() == 12);
        if has(ORIGINAL) {
            record.original = record.original.or_else(|| twelve.map(Into::into));
        } else if has(REFERENCE) {
            record.reference = record.reference.or_else(|| twelve.map(Into::into));
        } else {
            bare.extend(twelve.filter(|_| !has(MERCHANT)));
        }
        if has(TERMINAL) {
            let eight = runs(line).find(|run| run.len() == 8);
            record.terminal = record.terminal.or_else(|| eight.map(Into::into));
        }
        if has(AUTHORISATION) {
            let word = line.split_whitespace().next_back().filter(|word| is_code(word));
            record.authorisation = record.authorisation.or_else(|| word.map(Into::into));
        }
        let amounts = amounts(line);
        if has(TOTAL) && named.is_none() {
            named = amounts.first().copied();
        }
        others.extend(amounts);
    }
    if let [only] = bare.as_slice()
        && record.reference.is_none()
    {
        record.reference = Some((*only).into());
    }
    others.dedup();
    let alone = if let [one] = others.as_slice() { Some(*one) } else { None };
    record.amount = named.or(alone);
    // A bank's small print tells the guest what to do after a refusal.
    record.contradicts = record.refused && approved;
    record.refused &= !approved;
    record.wall_ms = day.zip(time).and_then(|(day, time)| wall(day, time));
    record
}

const REFUSED: &[&str] = &[
    "ОТКАЗ",
    "ОТКЛОН",
    "НЕ ВЫПОЛН",
    "НЕ ПРОВЕД",
    "НЕ ОДОБР",
    "НЕУСПЕШ",
    "НЕ УСПЕШ",
    "ПРЕРВАН",
    "DECLINED",
    "NOT APPROVED",
    "REJECTED",
];
const APPROVED: &[&str] = &["ОДОБРЕН", "APPROVED"];
const ORIGINAL: &[&str] = &["ИСХ", "ОРИГ", "ORIG"];
const REFERENCE: &[&str] = &["RRN", "ССЫЛК", "REF"];
const MERCHANT: &[&str] = &["МЕРЧ", "ТОРГ", "MERCH", "ИНН"];
const TERMINAL: &[&str] = &["ТЕРМИНАЛ", "TERMINAL", "TID"];
const AUTHORISATION: &[&str] = &["АВТОР", "AUTH"];
const TOTAL: &[&str] = &["СУММА", "AMOUNT"];
const SUMS: &[&str] = &["ИТОГО", "ВСЕГО", "TOTAL"];

fn kind(upper: &str) -> Option<Kind> {
    let words: [(Kind, &[&str]); 3] = [
        (Kind::Cancel, &["ОТМЕН", "CANCEL", "VOID"]),
        (Kind::Refund, &["ВОЗВРАТ", "REFUND"]),
        (Kind::Pay, &["ОПЛАТ", "ПРОДАЖ", "ПОКУПК", "SALE", "PURCHASE"]),
    ];
    let found = words.iter().find(|(_, words)| words.iter().any(|word| upper.contains(word)));
    found.map(|(kind, _)| *kind)
}

fn is_code(word: &str) -> bool {
    (4..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Reads the operations of a full report: blocks between blank lines or rules, or one to a line.
/// A terminal that is named above holds for all.
pub fn records(lines: &[&str]) -> Vec<Record> {
    let mut terminal = None;
    let mut records = Vec::new();
    for block in lines.split(|line| is_rule(line)) {
        // Behind the word *total* there are sums, which look like operations without numbers.
        let block: Vec<&str> = block.iter().copied().take_while(|line| !is_sum(line)).collect();
        let own = |line: &&&str| {
            let upper = line.to_uppercase();
            !ORIGINAL.iter().any(|word| upper.contains(word))
        };
        let with_reference =
            block.iter().filter(own).filter(|line| runs(line).any(|run| run.len() == 12)).count();
        let whole = |line: &&str| {
            let record = slip(&[line]);
            record.amount.is_some() && record.reference.is_some()
        };
        let read: Vec<Record> = if with_reference > 1 || block.iter().any(whole) {
            block.iter().map(|line| slip(&[line])).collect()
        } else {
            vec![slip(&block)]
        };
        for mut record in read {
            terminal = record.terminal.clone().or(terminal);
            record.terminal = record.terminal.or_else(|| terminal.clone());
            if record.is_operation() {
                records.push(record);
            }
        }
    }
    records
}

fn is_rule(line: &str) -> bool {
    line.trim().chars().all(|c| matches!(c, '-' | '=' | '_' | '*'))
}

/// Names a total, as a word of its own: *СВЕРКА ИТОГОВ* is a title.
fn is_sum(line: &str) -> bool {
    let upper = line.to_uppercase();
    let mut words = upper.split(|c: char| !c.is_alphabetic());
    words.any(|word| SUMS.contains(&word))
}

/// Whether a report speaks of no money at all.
pub fn is_empty(lines: &[&str]) -> bool {
    lines.iter().flat_map(|line| amounts(line)).all(Kopecks::is_zero)
}

/// Reads sums: those behind the last word *total*, else those that are named once only. `None`
/// when that is not plain.
pub fn totals(lines: &[&str]) -> Option<Totals> {
    let last = lines.iter().rposition(|line| is_sum(line) && amounts(line).is_empty());
    let part = lines.get(last.map_or(0, |at| at.saturating_add(1))..)?;
    let mut totals = Totals::default();
    let mut seen = Vec::new();
    for line in part {
        let (Some(kind), Some(sum)) = (kind(&line.to_uppercase()), count_sum(line)) else {
            continue;
        };
        if seen.contains(&kind) {
            return None;
        }
        seen.push(kind);
        match kind {
            Kind::Pay => totals.payments = sum,
            Kind::Cancel => totals.cancels = sum,
            Kind::Refund => totals.refunds = sum,
        }
    }
    (!seen.is_empty()).then_some(totals)
}

/// A count and one amount behind it.
fn count_sum(line: &str) -> Option<CountSum> {
    let [sum] = amounts(line).try_into().ok()?;
    let counts = line.split_whitespace().filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let count = counts.take(1).next()?.parse().ok()?;
    Some(CountSum { count, sum })
}

/// Whether it is said that the sums of terminal and bank are the same.
pub fn agreed(lines: &[&str]) -> Option<bool> {
    let text = lines.join("\n").to_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["НЕ СОВПА", "РАСХОЖД", "НЕ СОШЛ"]) {
        Some(false)
    } else if has(&["СОВПАЛ", "СОВПАДАЮТ", "СОШЛИСЬ"]) {
        Some(true)
    } else {
        None
    }
}

/// Runs of digits.
fn runs(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty())
}

/// Amounts with two decimals: `125.00`, `1'250,00`. No time and no date looks like one.
pub fn amounts(line: &str) -> Vec<Kopecks> {
    line.split_whitespace().filter_map(amount).collect()
}

fn amount(word: &str) -> Option<Kopecks> {
    let word = word.trim_start_matches(['=', ':', '≡', '*']);
    let word = word.trim_end_matches(|c: char| c.is_alphabetic() || matches!(c, '.' | ':'));
    let (rubles, kopecks) = word.rsplit_once(['.', ','])?;
    if kopecks.len() != 2 || !kopecks.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut groups = rubles.split('\'');
    let first = groups.next()?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut whole = first.to_owned();
    if !digits(first) {
        return None;
    }
    for group in groups {
        if group.len() != 3 || !digits(group) {
            return None;
        }
        whole.push_str(group);
    }
    // No amount is longer than the largest integer of the protocol.
    (whole.len() <= 10).then(|| Kopecks::parse_rubles(&format!("{whole}.{kopecks}")).ok())?
}

/// `15.03.2026`, `15.03.26`, `15/03/2026`, `2026-03-15`.
fn day_in(line: &str) -> Option<(i16, i8, i8)> {
    line.split(|c: char| c.is_whitespace() || c == 'T').find_map(|word| {
        let parts: Vec<&str> = word.split(['.', '/', '-']).collect();
        let [a, b, c] = parts.as_slice() else { return None };
        let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, b, a) };
        if !matches!(year.len(), 2 | 4) || month.len() != 2 || day.len() != 2 {
            return None;
        }
        let year: i16 = year.parse().ok()?;
        let year = if year < 100 { year.checked_add(2000)? } else { year };
        Some((year, month.parse().ok()?, day.parse().ok()?))
    })
}

/// `14:22`, `14:22:07`.
fn time_in(line: &str) -> Option<(i8, i8, i8)> {
    line.split(|c: char| c.is_whitespace() || c == 'T').find_map(|word| {
        let parts: Vec<&str> = word.split(':').collect();
        let two = |text: &str| if text.len() == 2 { text.parse().ok() } else { None };
        match parts.as_slice() {
            [h, m] => Some((two(h)?, two(m)?, 0)),
            [h, m, s] => Some((two(h)?, two(m)?, two(s)?)),
            _ => None,
        }
    })
}

fn wall(day: (i16, i8, i8), time: (i8, i8, i8)) -> Option<i64> {
    let moment = DateTime::new(day.0, day.1, day.2, time.0, time.1, time.2, 0).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// `YYYYMMDDhhmmss` on the wall: milliseconds since 1970 began there.
pub fn digits_wall_ms(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let small = |from, to| number(from, to).and_then(|n| i8::try_from(n).ok());
    let day = (number(0, 4)?, small(4, 6)?, small(6, 8)?);
    wall(day, (small(8, 10)?, small(10, 12)?, small(12, 14)?))
}

/// A moment as the protocol writes it.
pub fn wall_digits(at: Timestamp) -> String {
    let (day, minute) = at.wall();
    let second = at.wall_ms().rem_euclid(60_000).div_euclid(1_000);
    format!("{day}{minute}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLIP: &str = "      КАФЕ РОМАШКА\nТЕРМИНАЛ 00012345\nМЕРЧАНТ 790000000001\nОПЛАТА\n\
        15.03.2026 14:22:07\nКАРТА MIR ************0417\nСУММА 1'250.00 RUB\nКОМИССИЯ 0.00\n\
        RRN 607412207715\nКОД АВТОРИЗАЦИИ 512774\nОДОБРЕНО";

    fn of(text: &str) -> Record {
        slip(&text.lines().collect::<Vec<_>>())
    }

    #[test]
    fn a_slip_is_read() {
        let record = of(SLIP);
        let want = Record {
            kind: Some(Kind::Pay),
            amount: Some(Kopecks(125_000)),
            reference: Some("607412207715".into()),
            original: None,
            authorisation: Some("512774".into()),
            terminal: Some("00012345".into()),
            wall_ms: digits_wall_ms("20260315142207"),
            refused: false,
            contradicts: false,
        };
        assert_eq!(record, want);
        assert!(of("ОТКАЗАНО\nСУММА 1.00").refused);
        assert!(of("НЕ ОДОБРЕНО\nСУММА 1.00").refused);
        let small_print = of("ОДОБРЕНО\nСУММА 1.00\nВ СЛУЧАЕ ОТКАЗА ОТ ТОВАРА СОХРАНИТЕ ЧЕК");
        assert!(small_print.contradicts && !small_print.refused);
        let undone = of("ОТМЕНА ОПЛАТЫ\nИСХОДНЫЙ RRN 607412207715\nRRN 607412207716");
        assert_eq!(undone.kind, Some(Kind::Cancel));
        assert_eq!(undone.original.as_deref(), Some("607412207715"));
        assert_eq!(undone.reference.as_deref(), Some("607412207716"));
    }

    #[test]
    fn amounts_are_told_from_other_numbers() {
        for (word, kopecks) in [
            ("125.00", Some(12_500)),
            ("1'250,05", Some(125_005)),
            ("=0.01", Some(1)),
            ("125.00RUB", Some(12_500)),
            ("15.03.2026", None),
            ("14:22:07", None),
            ("125.0", None),
            ("12'50.00", None),
            ("125", None),
            ("99999999999.00", None),
            ("-5.00", None),
        ] {
            assert_eq!(amount(word), kopecks.map(Kopecks), "{word}");
        }
    }

    #[test]
    fn a_report_is_read_in_blocks_or_in_lines() {
        let blocks = "ПОЛНЫЙ ОТЧЕТ\nТЕРМИНАЛ 00012345\n----\nОПЛАТА\n15.03.26 14:22\nСУММА 1.00\n\
            RRN 607412207715\n----\nВОЗВРАТ\n15.03.26 14:25\nСУММА 2.00\nRRN 607412207716\n\n\
            ИТОГО\nОПЛАТА 1 1.00\n";
        let lines = "ТЕРМИНАЛ 00012345\n15.03.26 14:22 ОПЛАТА 1.00 607412207715\n\
            15.03.26 14:25 ВОЗВРАТ 2.00 607412207716\nИТОГО 3.00";
        for text in [blocks, lines] {
            let read = records(&text.lines().collect::<Vec<_>>());
            let seen: Vec<_> = read.iter().map(|r| (r.kind, r.amount)).collect();
            let want = [(Kind::Pay, 100), (Kind::Refund, 200)];
            assert_eq!(seen, want.map(|(kind, sum)| (Some(kind), Some(Kopecks(sum)))), "{text}");
            assert!(read.iter().all(|r| r.terminal.as_deref() == Some("00012345")));
            assert!(read.iter().all(|r| r.wall_ms.is_some() && r.reference.is_some()));
        }
    }

    #[test]
    fn sums_are_no_operations() {
        let one = "СВЕРКА ИТОГОВ\nТЕРМИНАЛ 00012345\n15.03.26 14:22 ОПЛАТА 1.00 607412207715\n\
            ИТОГО:\nОПЛАТА 1 1.00\nВОЗВРАТ 0 0.00";
        let block = "ОПЛАТА\n15.03.26 14:22\nСУММА 1.00\nRRN 607412207715\nВСЕГО\nОПЛАТА 1 1.00";
        for text in [one, block] {
            let read = records(&text.lines().collect::<Vec<_>>());
            let seen: Vec<_> = read.iter().map(|r| (r.kind, r.amount)).collect();
            assert_eq!(seen, [(Some(Kind::Pay), Some(Kopecks(100)))], "{text}");
        }
    }

    #[test]
    fn totals_are_read_or_not() {
        let sums = |text: &str| totals(&text.lines().collect::<Vec<_>>());
        let pay = |count, sum| CountSum { count, sum: Kopecks(sum) };
        let all = "КАРТЫ\nОПЛАТА 2 3.00\nQR\nОПЛАТА 1 1.00\nИТОГО\nОПЛАТА 3 4.00 RUB\n\
            ВОЗВРАТ 1 1'000.00 RUB\nОТМЕНА 0 0.00";
        let read = sums(all).unwrap();
        assert_eq!((read.payments, read.refunds), (pay(3, 400), pay(1, 100_000)));
        assert_eq!(read.cancels, pay(0, 0));
        assert_eq!(sums("ОПЛАТА 1 1.00").map(|t| t.payments), Some(pay(1, 100)));
        assert_eq!(sums("ОПЛАТА 1 1.00\nОПЛАТА 2 2.00"), None);
        assert_eq!(sums("ОТЧЕТ ЗАВЕРШЕН"), None);
        assert!(is_empty(&["ОТЧЕТ ЗАВЕРШЕН", "ИТОГО 0.00"]) && !is_empty(&["X 0.01"]));
        assert_eq!(agreed(&["ИТОГИ СОВПАЛИ"]), Some(true));
        assert_eq!(agreed(&["ИТОГИ НЕ СОВПАЛИ"]), Some(false));
        assert_eq!(agreed(&["ИТОГИ"]), None);
    }

    #[test]
    fn moments_go_both_ways() {
        let wall = digits_wall_ms("20260315142207").unwrap();
        let at = Timestamp { utc_ms: wall - 3 * 3_600_000, offset_min: 180 };
        assert_eq!(wall_digits(at), "20260315142207");
        for bad in ["", "2026031514220", "20260230142207", "2026031514220x"] {
            assert_eq!(digits_wall_ms(bad), None, "{bad}");
        }
    }
}
