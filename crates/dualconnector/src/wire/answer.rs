//! What comes back.

use encoding_rs::WINDOWS_1251;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::charset::decode;
use super::{Packet, ServiceError};

/// The longest answer: a report of a long day is some hundred kilobytes.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const DEPTH_MAX: usize = 8;
const FIELDS_MAX: usize = 512;
const ERROR_CHARS_MAX: usize = 200;

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Longer than [`ANSWER_BYTES_MAX`].
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// More than 8 elements in one another, or more than 512 fields.
    #[error("the answer has too many elements")]
    TooMany,
    /// Not well-formed, or not whole.
    #[error("the answer is no XML, or not all of it")]
    Syntax,
    /// It has a document type, or names an entity: nobody needs either.
    #[error("the answer has a document type or an entity")]
    Entity,
    /// Its root is another.
    #[error("the answer is no response of DualConnector")]
    Foreign,
    /// It says two things of one field.
    #[error("the answer says two things of field {0}")]
    Contradiction(u16),
}

/// Reads an answer. Ids are numbers, padded or not; other elements are passed over.
///
/// # Errors
/// [`WireError`]: nothing may be concluded from it.
pub fn read(bytes: &[u8], content_type: Option<&str>) -> Result<Packet, WireError> {
    if bytes.len() > ANSWER_BYTES_MAX {
        return Err(WireError::TooLong);
    }
    let text = decode(bytes, content_type);
    let mut reader = Reader::from_str(&text);
    let mut parser = Parser::default();
    loop {
        match reader.read_event().map_err(|_| WireError::Syntax)? {
            Event::Eof => return parser.end(),
            event => parser.event(event)?,
        }
    }
}

/// What the text between two tags belongs to.
enum Place {
    Field { id: u16, hex: bool },
    ErrorCode,
    ErrorText,
    Nothing,
}

#[derive(Default)]
struct Parser {
    packet: Packet,
    open: Vec<Place>,
    root_seen: bool,
    text: String,
    code: Option<String>,
    words: Option<String>,
}

impl Parser {
    fn event(&mut self, event: Event<'_>) -> Result<(), WireError> {
        match event {
            Event::Start(start) => self.start(&start),
            Event::Empty(start) => {
                self.start(&start)?;
                self.close()
            }
            Event::End(_) => self.close(),
            Event::Text(text) => self.push(&text),
            Event::CData(text) => self.push(&text),
            Event::GeneralRef(reference) => {
                let c = character(&reference)?;
                self.push(c.encode_utf8(&mut [0; 4]))
            }
            Event::DocType(_) => Err(WireError::Entity),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), WireError> {
        let name = start.name();
        let name = name.as_ref();
        let place = match self.open.len() {
            0 if self.root_seen => return Err(WireError::Syntax),
            0 if name != "response" => return Err(WireError::Foreign),
            0 => {
                self.root_seen = true;
                Place::Nothing
            }
            1 => match name {
                "field" => field(start)?,
                "errorcode" => Place::ErrorCode,
                "errordescription" => Place::ErrorText,
                _ => Place::Nothing,
            },
            DEPTH_MAX => return Err(WireError::TooMany),
            _ => Place::Nothing,
        };
        if self.open.len() == 1 {
            self.text.clear();
        }
        self.open.push(place);
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), WireError> {
        match self.open.len() {
            0 if !text.trim().is_empty() => Err(WireError::Syntax),
            2 => {
                self.text.push_str(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), WireError> {
        match self.open.pop().ok_or(WireError::Syntax)? {
            Place::Nothing => {}
            Place::ErrorCode => self.code = Some(std::mem::take(&mut self.text)),
            Place::ErrorText => self.words = Some(std::mem::take(&mut self.text)),
            Place::Field { id, hex } => {
                let text = std::mem::take(&mut self.text);
                let value = if hex { unhexed(&text) } else { text };
                let fields = &mut self.packet.fields;
                if fields.len() >= FIELDS_MAX {
                    return Err(WireError::TooMany);
                }
                if fields.get(&id).is_some_and(|before| before.trim() != value.trim()) {
                    return Err(WireError::Contradiction(id));
                }
                fields.insert(id, value.into());
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<Packet, WireError> {
        if !self.root_seen || !self.open.is_empty() {
            return Err(WireError::Syntax);
        }
        if let Some(code) = self.code {
            let text: String =
                self.words.unwrap_or_default().chars().take(ERROR_CHARS_MAX).collect();
            let code = code.trim().parse().ok();
            self.packet.error = Some(ServiceError { code, text: text.trim().into() });
        }
        Ok(self.packet)
    }
}

/// A field without a number is passed over like any other element.
fn field(start: &BytesStart<'_>) -> Result<Place, WireError> {
    let (mut id, mut hex) = (None, false);
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| WireError::Syntax)?;
        match attribute.key.as_ref() {
            "id" => id = attribute.value.trim().parse().ok(),
            "hex" => hex = attribute.value.eq_ignore_ascii_case("true"),
            _ => {}
        }
    }
    Ok(id.map_or(Place::Nothing, |id| Place::Field { id, hex }))
}

fn character(reference: &BytesRef<'_>) -> Result<char, WireError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| WireError::Entity)? {
        return Ok(c);
    }
    match reference.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(WireError::Entity),
    }
}

/// Bytes that are text are shown as text; others stay as they came.
fn unhexed(text: &str) -> String {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| {
        let [high, low] = pair else { return None };
        let (high, low) = (char::from(*high).to_digit(16)?, char::from(*low).to_digit(16)?);
        u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    let readable = |bytes: &Vec<u8>| {
        bytes.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\r' | b'\n' | b'\t'))
    };
    match bytes.filter(readable) {
        Some(bytes) => match core::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => WINDOWS_1251.decode_without_bom_handling(&bytes).0.into_owned(),
        },
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(inside: &str) -> Result<Packet, WireError> {
        read(format!("<?xml version=\"1.0\"?><response>{inside}</response>").as_bytes(), None)
    }

    #[test]
    fn qb2_fields_are_read_padded_or_not() {
        let packet = fields(
            r#"<field id="0">125</field><field id="04"> 643 </field><field id="999">x</field>
            <field id="63" hex="true">31 32 c0</field><field id="86" hex="true">00FF</field>
            <field id="90">a&#13;&#10;&lt;b&gt;&amp;<![CDATA[<c>]]></field><field>no id</field>
            <other><field id="39">1</field></other><field id="19"/>"#,
        )
        .unwrap();
        let got: Vec<_> = packet.iter().collect();
        let want = [
            (0, "125"),
            (4, " 643 "),
            (19, ""),
            (63, "12А"),
            (86, "00FF"),
            (90, "a\r\n<b>&<c>"),
            (999, "x"),
        ];
        assert_eq!(got, want);
        assert_eq!(
            format!("{packet:?}"),
            "Packet { fields: [0, 4, 19, 63, 86, 90, 999], error: None }"
        );
    }

    #[test]
    fn errors_of_the_service_are_read() {
        let error = |inside: &str| fields(inside).unwrap().error;
        let coded = |code, text: &str| Some(ServiceError { code, text: text.into() });
        assert_eq!(error("<errorcode>13</errorcode>"), coded(Some(13), ""));
        let both = "<errordescription>Нет связи</errordescription><errorcode> 1 </errorcode>";
        assert_eq!(error(both), coded(Some(1), "Нет связи"));
        assert_eq!(error("<errorcode>E7</errorcode>"), coded(None, ""));
        assert_eq!(error("<errordescription>?</errordescription>"), None);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(8), "</a>".repeat(8));
        let many: String = (0..=512).map(|id| format!(r#"<field id="{id}">1</field>"#)).collect();
        for (inside, error) in [
            (deep.as_str(), WireError::TooMany),
            (many.as_str(), WireError::TooMany),
            (r#"<field id="39">1"#, WireError::Syntax),
            ("</response><response>", WireError::Syntax),
            ("<field id=\"1\">&ext;</field>", WireError::Entity),
            (r#"<field id="39">1</field><field id="039">16</field>"#, WireError::Contradiction(39)),
        ] {
            assert_eq!(fields(inside), Err(error), "{inside}");
        }
        for (bytes, error) in [
            ("", WireError::Syntax),
            ("<response>", WireError::Syntax),
            ("<response></response>tail", WireError::Syntax),
            ("<html><body/></html>", WireError::Foreign),
            (
                "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><response/>",
                WireError::Entity,
            ),
        ] {
            assert_eq!(read(bytes.as_bytes(), None), Err(error), "{bytes}");
        }
        assert_eq!(read(&vec![b' '; ANSWER_BYTES_MAX + 1], None), Err(WireError::TooLong));
        assert_eq!(read(b"<response/>", None), Ok(Packet::default()));
    }
}
