//! Which letters the bytes are.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251};

use crate::dialect::Letters;

/// How far into the bytes a declaration is looked for.
const DECLARATION_BYTES: usize = 200;

impl Letters {
    /// What the declaration calls them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Windows1251 => "windows-1251",
        }
    }

    /// XML as bytes; characters without a letter become references.
    pub(super) fn encode(self, xml: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => xml.as_bytes().to_vec(),
            Self::Windows1251 => WINDOWS_1251.encode(xml).0.into_owned(),
        }
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Windows1251 => WINDOWS_1251,
        }
    }
}

/// The bytes as text: by the byte order mark, by the declaration, else UTF-8, else `otherwise`.
/// `None` when they are no letters of that.
pub fn decode(bytes: &[u8], otherwise: Letters) -> Option<Cow<'_, str>> {
    if let Some((marked, length)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(length..).unwrap_or_default();
        return marked.decode_without_bom_handling_and_without_replacement(rest);
    }
    match declared(bytes) {
        Some(encoding) => encoding.decode_without_bom_handling_and_without_replacement(bytes),
        None => match core::str::from_utf8(bytes) {
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(_) => {
                otherwise.encoding().decode_without_bom_handling_and_without_replacement(bytes)
            }
        },
    }
}

/// UTF-16 would have shown its mark.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..DECLARATION_BYTES.min(bytes.len()))?.trim_ascii_start();
    let inner = head.strip_prefix(b"<?xml")?;
    let end = inner.windows(2).position(|pair| pair == b"?>").unwrap_or(inner.len());
    // A declaration has letters of ASCII alone.
    let declaration = core::str::from_utf8(inner.get(..end)?).ok()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let label = value.get(1..)?.split(quote).next()?;
    let found = match label.to_ascii_lowercase().as_str() {
        "cp1251" | "windows1251" => Some(WINDOWS_1251),
        _ => Encoding::for_label(label.as_bytes()),
    };
    found.filter(|encoding| *encoding != UTF_16BE && *encoding != UTF_16LE)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{IBM866, KOI8_R};

    use super::*;

    #[test]
    fn letters_are_as_declared() {
        let rows = [("utf-8", UTF_8), ("windows-1251", WINDOWS_1251), ("cp1251", WINDOWS_1251)];
        for (label, encoding) in rows.into_iter().chain([("cp866", IBM866), ("koi8-r", KOI8_R)]) {
            let xml = format!("<?xml version=\"1.0\" encoding=\"{label}\"?><a>Чай</a>");
            let bytes = encoding.encode(&xml).0;
            assert_eq!(decode(&bytes, Letters::Utf8).as_deref(), Some(xml.as_str()), "{label}");
        }
    }

    #[test]
    fn undeclared_letters_are_the_tills() {
        let (bytes, ..) = WINDOWS_1251.encode("<a>Чай</a>");
        assert_eq!(decode(&bytes, Letters::Windows1251).as_deref(), Some("<a>Чай</a>"));
        assert_eq!(decode(&bytes, Letters::Utf8), None);
        assert_eq!(decode("Чай".as_bytes(), Letters::Windows1251).as_deref(), Some("Чай"));
        assert_eq!(decode(&[0xFF, 0xFE, b'a', 0], Letters::Utf8).as_deref(), Some("a"));
        let lie = WINDOWS_1251.encode("<?xml version='1.0' encoding='utf-8'?><a>Чай</a>").0;
        assert_eq!(decode(&lie, Letters::Windows1251), None);
    }
}
