//! In which letters the files are written. No field that decides about money depends on it.

use encoding_rs::{Encoding, IBM866, KOI8_R, UTF_8, WINDOWS_1251};

/// The letters of `e` and `p` (acquiring.md A.4: builds differ).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Charset {
    /// The one of these that gives the most Russian text.
    #[default]
    Auto,
    /// KOI8-R, as on Linux.
    Koi8R,
    /// CP866, as on Windows.
    Ibm866,
    /// Windows-1251.
    Windows1251,
    /// UTF-8.
    Utf8,
}

impl Charset {
    /// Text of bytes. What is no text becomes replacement characters; nothing fails.
    pub fn decode(self, bytes: &[u8]) -> String {
        let encoding = match self {
            Self::Auto => guess(bytes),
            Self::Koi8R => KOI8_R,
            Self::Ibm866 => IBM866,
            Self::Windows1251 => WINDOWS_1251,
            Self::Utf8 => UTF_8,
        };
        encoding.decode_without_bom_handling(bytes).0.into_owned()
    }
}

/// The encoding in which the text looks most like Russian; ASCII looks alike in each.
fn guess(bytes: &[u8]) -> &'static Encoding {
    if core::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let score = |encoding: &&'static Encoding| {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        likeness(&text)
    };
    // The last of equals wins: the builds for Linux come last.
    [WINDOWS_1251, IBM866, KOI8_R].into_iter().max_by_key(score).unwrap_or(KOI8_R)
}

/// Russian letters for, box drawing and control characters against. KOI8-R and windows-1251 read
/// each other's letters in the other case, so case tells them apart: no capital comes after a small
/// letter, and a line begins with a capital.
fn likeness(text: &str) -> i64 {
    let mut points: i64 = 0;
    for line in text.lines() {
        let mut before = None;
        for c in line.chars() {
            let small = matches!(c, 'а'..='я' | 'ё');
            let capital = matches!(c, 'А'..='Я' | 'Ё');
            points = points.saturating_add(match (c, before) {
                (_, None) if capital => 4,
                (_, None) if small => -4,
                (_, Some(true)) if capital => -3,
                _ if small || capital => 2,
                ('\u{2500}'..='\u{259F}' | '\u{80}'..='\u{9F}' | '\u{FFFD}', _) => -3,
                ('\t' | '\u{1}' | '№' | '«' | '»' | '—', _) => 0,
                _ if c.is_control() => -3,
                _ if c.is_ascii() => 0,
                _ => -1,
            });
            if small || capital {
                before = Some(small);
            } else if before.is_some() {
                before = Some(false);
            }
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qa4_each_encoding_is_told_apart() {
        let texts = [
            "ОДОБРЕНО",
            "0,ОДОБРЕНО\n220200******0417",
            "Недостаточно средств",
            "ЧЕК № 12\nИтого: Сумма (Руб): 125.00",
        ];
        for text in texts {
            for encoding in [IBM866, KOI8_R, WINDOWS_1251, UTF_8] {
                let (bytes, _, lost) = encoding.encode(text);
                if !lost {
                    assert_eq!(Charset::Auto.decode(&bytes), text, "{}", encoding.name());
                }
            }
        }
    }

    #[test]
    fn a_setting_is_obeyed() {
        let (bytes, ..) = KOI8_R.encode("ОТКАЗ");
        assert_eq!(Charset::Koi8R.decode(&bytes), "ОТКАЗ");
        assert_ne!(Charset::Windows1251.decode(&bytes), "ОТКАЗ");
        assert_eq!(Charset::Utf8.decode(b"\xFF"), "\u{FFFD}");
    }
}
