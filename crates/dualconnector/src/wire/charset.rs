//! Which letters the bytes are. Services differ, and say what is not so.

use encoding_rs::{Encoding, IBM866, KOI8_R, UTF_16BE, UTF_16LE, WINDOWS_1251};

/// How far into the bytes a declaration is looked for.
const DECLARATION_BYTES: usize = 200;

/// The bytes as text: by the byte order mark, the `Content-Type`, the XML declaration, or by the
/// look of it, among UTF-8, windows-1251, CP866 and KOI8-R.
///
/// What is declared is not believed when the bytes do not fit it: malformed UTF-8, UTF-8 that is
/// said to be something else, text that would be far more Russian in other letters. No amount and no status depends on any of this: they are ASCII.
pub fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    if let Some((marked, length)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(length..).unwrap_or_default();
        return marked.decode_without_bom_handling(rest).0.into_owned();
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let (best, guessed) = guess(bytes);
    let declared = [content_type.and_then(of_content_type), of_declaration(bytes)];
    // A declaration is believed unless its text is much worse than that of another.
    let fits = |encoding: &&'static Encoding| {
        score(bytes, encoding).is_some_and(|score| score >= best.saturating_sub(best / 2))
    };
    let encoding = declared.into_iter().flatten().find(fits).unwrap_or(guessed);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn of_content_type(value: &str) -> Option<&'static Encoding> {
    let label = value.split(';').find_map(|part| {
        let (name, label) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| label.trim().trim_matches('"'))
    })?;
    named(label)
}

fn of_declaration(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..DECLARATION_BYTES.min(bytes.len()))?;
    let head = WINDOWS_1251.decode_without_bom_handling(head).0;
    let declaration = head.trim_start().strip_prefix("<?xml")?.split("?>").next()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    named(value.get(1..)?.split(quote).next()?)
}

/// UTF-16 would have shown its mark: nobody who writes it without one is known.
fn named(label: &str) -> Option<&'static Encoding> {
    let also = match label.to_ascii_lowercase().as_str() {
        "cp1251" | "1251" | "ansi" => Some(WINDOWS_1251),
        "866" | "dos" | "oem" => Some(IBM866),
        "koi8r" => Some(KOI8_R),
        _ => None,
    };
    let found = also.or_else(|| Encoding::for_label(label.as_bytes()))?;
    (found != UTF_16BE && found != UTF_16LE).then_some(found)
}

/// How Russian a text is; `None` when the bytes are none of that encoding.
fn score(bytes: &[u8], encoding: &'static Encoding) -> Option<i64> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.chars().map(weigh).fold(0, i64::saturating_add))
}

fn guess(bytes: &[u8]) -> (i64, &'static Encoding) {
    let mut best = (i64::MIN, WINDOWS_1251);
    for encoding in [WINDOWS_1251, IBM866, KOI8_R] {
        let score = score(bytes, encoding).unwrap_or(i64::MIN);
        if score > best.0 {
            best = (score, encoding);
        }
    }
    best
}

/// Russian text has Russian letters, and some of them more often.
fn weigh(c: char) -> i64 {
    const OFTEN: &str = "оеаинтсрвлОЕАИНТСРВЛ";
    match c {
        _ if c.is_ascii() => 0,
        _ if OFTEN.contains(c) => 2,
        'а'..='я' | 'А'..='Я' | 'ё' | 'Ё' => 1,
        '№' | '«' | '»' | '—' | '\u{a0}' => 0,
        _ => -3,
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::UTF_8;

    use super::*;

    const TEXT: &str = "ОДОБРЕНО. Оплата картой, спасибо за покупку!";

    fn answer(label: &str, encoding: &'static Encoding) -> Vec<u8> {
        let xml = format!("<?xml version=\"1.0\" encoding=\"{label}\"?><r>{TEXT}</r>");
        encoding.encode(&xml).0.into_owned()
    }

    #[test]
    fn qb2_letters_are_found_whatever_is_said_of_them() {
        let rows = [
            ("windows-1251", WINDOWS_1251, Some("text/xml; charset=windows-1251")),
            ("windows-1251", WINDOWS_1251, None),
            ("UTF-8", UTF_8, Some("text/xml; charset=\"utf-8\"")),
            ("cp866", IBM866, None),
            ("koi8-r", KOI8_R, Some("text/xml")),
            // Lies.
            ("UTF-8", WINDOWS_1251, Some("text/xml; charset=utf-8")),
            ("windows-1251", UTF_8, Some("text/xml; charset=windows-1251")),
            ("utf-8", IBM866, None),
            ("utf-8", KOI8_R, None),
            ("windows-1251", IBM866, Some("text/xml; charset=windows-1251")),
            ("no-such-letters", WINDOWS_1251, Some("text/xml; charset=nonsense")),
        ];
        for (label, encoding, content_type) in rows {
            let text = decode(&answer(label, encoding), content_type);
            assert!(text.contains(TEXT), "{label} in {}: {text}", encoding.name());
        }
        // The header is nearer to the truth than the document.
        let bytes = answer("koi8-r", IBM866);
        assert!(decode(&bytes, Some("text/xml; charset=ibm866")).contains(TEXT));
    }

    #[test]
    fn a_mark_wins() {
        let mut bytes = vec![0xEF, 0xBB, 0xBF];
        bytes.extend(answer("windows-1251", UTF_8));
        assert!(decode(&bytes, Some("text/xml; charset=windows-1251")).contains(TEXT));
        assert_eq!(decode(&[0xFF, 0xFE, b'a', 0], None), "a");
        assert_eq!(decode(&[], None), "");
    }
}
