//! The files `e` and `p`, as builds of the program write them.

use encoding_rs::{Encoding, IBM866, KOI8_R, UTF_8, WINDOWS_1251};
use serde::{Deserialize, Serialize};
use tillway_core::Timestamp;

use super::pad::{Kind, Moved, Pad, Settings, State};

/// The letters of the files.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Letters {
    /// As on Linux.
    #[default]
    Koi8R,
    /// As on Windows.
    Ibm866,
    /// As some builds on Windows.
    Windows1251,
    /// As none known, but allowed.
    Utf8,
}

impl Letters {
    /// Bytes of a text, as a build with these letters writes them.
    pub fn encode(self, text: &str) -> Vec<u8> {
        self.encoding().encode(text).0.into_owned()
    }

    /// The text of such bytes.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        self.encoding().decode_without_bom_handling(bytes).0.into_owned()
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Koi8R => KOI8_R,
            Self::Ibm866 => IBM866,
            Self::Windows1251 => WINDOWS_1251,
            Self::Utf8 => UTF_8,
        }
    }
}

/// The words of a result code.
pub(super) fn words(code: u32) -> &'static str {
    match code {
        0 => "ОДОБРЕНО",
        99 => "НЕТ СВЯЗИ С ПИНПАДОМ",
        115 => "ПИНПАД ЗАНЯТ",
        2000 => "ОПЕРАЦИЯ ПРЕРВАНА",
        2004 => "ПИНПАД НЕ ОТВЕТИЛ",
        4118 => "ОПЕРАЦИЯ НЕ НАЙДЕНА",
        4119 => "НЕТ СВЯЗИ С БАНКОМ",
        4140 => "ПАРАМЕТРЫ НЕ СОВПАДАЮТ",
        4300 => "МАЛО ПАРАМЕТРОВ",
        4301 => "НЕВЕРНАЯ ОПЕРАЦИЯ",
        4311 => "ОПЕРАЦИЯ НЕ ВЫПОЛНЯЛАСЬ",
        4451 => "НЕДОСТАТОЧНО СРЕДСТВ",
        _ => "ОТКАЗ",
    }
}

/// The lines of `e` for a code, with the operation that it is about.
pub(super) fn answer(
    settings: &Settings,
    code: u32,
    about: Option<(&Moved, u32)>,
    at: Timestamp,
) -> Vec<String> {
    let mut lines = vec![format!("{code},{}", words(code))];
    let Some((moved, number)) = about else { return lines };
    let (date, time) = at.wall();
    lines.extend([
        "220200******0417".to_owned(),
        "11/29".to_owned(),
        moved.authorisation.clone(),
        format!("{:04}", moved.sequence),
        "MIR".to_owned(),
        "1".to_owned(),
        settings.terminal.clone(),
        format!("{date}{time}07"),
        if settings.references { moved.reference.clone() } else { String::new() },
        "1F2E3D4C5B6A79880011223344556677889900AA".to_owned(),
        String::new(),
        "0".to_owned(),
        "790000000001".to_owned(),
        "00".to_owned(),
        "00".to_owned(),
        String::new(),
        "0".to_owned(),
        String::new(),
        format!("{number:08X}"),
        "12".to_owned(),
        "00FF00FF00FF00FF".to_owned(),
    ]);
    lines.truncate(usize::from(settings.lines).max(1));
    lines
}

/// The name of a kind.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Payment => "ОПЛАТА",
        Kind::Refund => "ВОЗВРАТ",
        Kind::Cancel => "ОТМЕНА",
    }
}

/// An operation in one line.
pub(super) fn movement(moved: &Moved) -> String {
    let Moved { kind, kopecks, reference, sequence, .. } = moved;
    format!("{} {} RRN {reference} операция {sequence:04}", name(*kind), rubles(*kopecks))
}

/// Both copies of a slip.
pub(super) fn slip(settings: &Settings, moved: &Moved, at: Timestamp) -> String {
    let (date, time) = at.wall();
    let kind = name(moved.kind);
    let copy = [
        "       СТОЛОВАЯ N 1        ".to_owned(),
        format!("ТЕРМИНАЛ: {:>17}", settings.terminal),
        format!("{date} {time} ЧЕК {:04}", moved.sequence),
        format!("{kind:<14}{:>13}", rubles(moved.kopecks)),
        "КАРТА: (E1)   220200******0417".to_owned(),
        format!("RRN: {:>22}", moved.reference),
        format!("КОД АВТОРИЗАЦИИ: {:>10}", moved.authorisation),
        "===========================".to_owned(),
    ]
    .join("\r\n");
    format!("{copy}\r\n~S\u{1}{copy}\r\n~S\u{1}")
}

/// A report of the batch.
pub(super) fn report(pad: &Pad, full: bool) -> String {
    let counted: Vec<&Moved> = pad.batch_operations().collect();
    if counted.is_empty() {
        return String::new();
    }
    let mut lines = vec!["      КОНТРОЛЬНАЯ ЛЕНТА      ".to_owned()];
    if full {
        lines.extend(counted.iter().map(|moved| {
            let kind = name(moved.kind);
            format!(
                "{:04} {kind:<8}{:>12} {}",
                moved.sequence,
                rubles(moved.kopecks),
                moved.reference
            )
        }));
    }
    for (kind, name) in
        [(Kind::Payment, "ОПЛАТА"), (Kind::Refund, "ВОЗВРАТ"), (Kind::Cancel, "ОТМЕНА")]
    {
        let of = counted.iter().filter(|moved| moved.kind == kind);
        let (count, sum) = of.fold((0, 0), |(count, sum), moved| (count + 1, sum + moved.kopecks));
        lines.push(format!("{name:<8}{count:>4}{:>15}", rubles(sum)));
    }
    lines.push("===========================".to_owned());
    lines.join("\r\n") + "\r\n\u{1}"
}

fn rubles(kopecks: i64) -> String {
    format!("{}.{:02}", kopecks / 100, kopecks % 100)
}

impl Moved {
    /// Whether the money is where the operation has put it.
    pub fn counts(&self) -> bool {
        matches!(self.state, State::Normal | State::Confirmed)
    }
}
