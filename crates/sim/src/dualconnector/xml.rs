//! The simulator's own XML: it reads the few shapes that a till writes, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A request: its fields by number.
pub(super) type Fields = BTreeMap<u16, String>;

/// Reads `<request>` with `<field id="…">` and `<timeout>`. `None` for anything else.
pub(super) fn read(body: &str) -> Option<Fields> {
    let mut rest = body.trim();
    if let Some(declared) = rest.strip_prefix("<?xml") {
        rest = declared.split_once("?>")?.1.trim_start();
    }
    rest = rest.strip_prefix("<request>")?.strip_suffix("</request>")?.trim();
    let mut fields = Fields::new();
    while !rest.is_empty() {
        if let Some(timeout) = rest.strip_prefix("<timeout>") {
            let (value, after) = timeout.split_once("</timeout>")?;
            value.parse::<u64>().ok()?;
            rest = after.trim_start();
            continue;
        }
        let field = rest.strip_prefix("<field id=\"")?;
        let (id, field) = field.split_once("\">")?;
        let (value, after) = field.split_once("</field>")?;
        let plain = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<');
        if !plain || id.len() > 3 || fields.insert(id.parse().ok()?, value.to_owned()).is_some() {
            return None;
        }
        rest = after.trim_start();
    }
    Some(fields)
}

/// An answer to be written: fields, or an error of the service.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered {
    pub(super) fields: Fields,
    pub(super) error: Option<(i32, String)>,
}

impl Answered {
    pub(super) fn error(code: i32, text: &str) -> Self {
        Self { fields: Fields::new(), error: Some((code, text.to_owned())) }
    }

    pub(super) fn put(&mut self, id: u16, value: impl Into<String>) {
        self.fields.insert(id, value.into());
    }
}

pub(super) fn write(answer: &Answered, declared: &str, short_ids: bool) -> String {
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"{declared}\" standalone=\"no\"?>");
    xml.push_str("<response>");
    for (id, value) in &answer.fields {
        let id = if short_ids { id.to_string() } else { format!("{id:02}") };
        let _ = write!(xml, "<field id=\"{id}\"");
        if id == "63" {
            // Binary fields are flagged.
            let _ = write!(xml, " hex=\"true\">");
            for byte in value.bytes() {
                let _ = write!(xml, "{byte:02X}");
            }
        } else {
            let _ = write!(xml, ">{}", escape(value));
        }
        xml.push_str("</field>");
    }
    if let Some((code, text)) = &answer.error {
        let text = escape(text);
        let _ = write!(xml, "<errorcode>{code}</errorcode><errordescription>{text}");
        xml.push_str("</errordescription>");
    }
    xml.push_str("</response>");
    xml
}

fn escape(value: &str) -> String {
    let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    value.replace('\r', "&#13;").replace('\n', "&#10;")
}
