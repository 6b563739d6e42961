//! The letters of a message: those that its declaration names, and the answer's are the same.

use encoding_rs::{Encoding, IBM866, KOI8_R, WINDOWS_1251};

/// How a message is written. UTF-7 and UTF-32, which processings are said to know, are not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Letters {
    Utf8,
    Ascii,
    Windows1251,
    Cp866,
    Koi8r,
    /// "Unicode": little-endian, with its mark.
    Utf16,
}

impl Letters {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Ascii => "us-ascii",
            Self::Windows1251 => "windows-1251",
            Self::Cp866 => "cp866",
            Self::Koi8r => "koi8-r",
            Self::Utf16 => "utf-16",
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "us-ascii" | "ascii" => Some(Self::Ascii),
            "windows-1251" | "cp1251" => Some(Self::Windows1251),
            "cp866" | "ibm866" => Some(Self::Cp866),
            "koi8-r" => Some(Self::Koi8r),
            _ => None,
        }
    }

    fn table(self) -> Option<&'static Encoding> {
        match self {
            Self::Windows1251 => Some(WINDOWS_1251),
            Self::Cp866 => Some(IBM866),
            Self::Koi8r => Some(KOI8_R),
            Self::Utf8 | Self::Ascii | Self::Utf16 => None,
        }
    }

    /// Text as bytes; letters that there are not become references.
    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        match (self, self.table()) {
            (_, Some(table)) => table.encode(text).0.into_owned(),
            (Self::Utf16, _) => {
                let marked = std::iter::once(0xFEFF).chain(text.encode_utf16());
                marked.flat_map(u16::to_le_bytes).collect()
            }
            (Self::Ascii, _) => {
                let mut out = String::with_capacity(text.len());
                for letter in text.chars() {
                    if letter.is_ascii() {
                        out.push(letter);
                    } else {
                        out.push_str(&format!("&#{};", u32::from(letter)));
                    }
                }
                out.into_bytes()
            }
            _ => text.as_bytes().to_vec(),
        }
    }
}

/// The letters of a message and its text.
pub(super) fn decode(body: &[u8]) -> Result<(Letters, String), &'static str> {
    let unreadable = "the letters are not those of the declaration";
    if let Some(rest) = body.strip_prefix(&[0xFF, 0xFE]) {
        let units: Vec<u16> =
            rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let text = String::from_utf16(&units).map_err(|_| unreadable)?;
        return Ok((Letters::Utf16, text));
    }
    let body = body.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(body);
    let letters = match declared(body) {
        Some(name) => Letters::named(&name).ok_or("unknown encoding")?,
        None => Letters::Utf8,
    };
    let text = match letters.table() {
        Some(table) => table.decode_without_bom_handling(body).0.into_owned(),
        None => std::str::from_utf8(body).map_err(|_| unreadable)?.to_owned(),
    };
    if letters == Letters::Ascii && !text.is_ascii() {
        return Err(unreadable);
    }
    Ok((letters, text))
}

/// What the XML declaration says.
fn declared(body: &[u8]) -> Option<String> {
    let end = body.windows(2).take(200).position(|pair| pair == b"?>")?;
    let head = std::str::from_utf8(body.get(..end)?).ok()?;
    let (_, after) = head.strip_prefix("<?xml")?.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_and_go() {
        let all = [Letters::Windows1251, Letters::Cp866, Letters::Koi8r, Letters::Utf8];
        for letters in all {
            let text = format!("<?xml version='1.0' encoding=\"{}\"?><a>Сыр</a>", letters.name());
            let bytes = letters.encode(&text);
            assert_eq!(decode(&bytes), Ok((letters, text)));
        }
        let wide = Letters::Utf16.encode("<a>Сыр</a>");
        assert_eq!(decode(&wide), Ok((Letters::Utf16, "<a>Сыр</a>".to_owned())));
        assert_eq!(Letters::Ascii.encode("я"), b"&#1103;");
        assert_eq!(Letters::Windows1251.encode("☕"), b"&#9749;");
        assert!(decode(b"<?xml version='1.0' encoding='utf-7'?><a/>").is_err());
        assert!(decode(b"<?xml version='1.0' encoding='ascii'?><a>\xD0\xB0</a>").is_err());
        assert!(decode(b"<a>\xFF</a>").is_err());
    }
}
