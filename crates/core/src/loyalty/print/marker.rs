//! Codes inside a message: a line of its own that stands for a barcode or a QR code.

use super::Print;

/// How codes stand in messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Markers {
    /// A barcode; `None` where messages have none.
    pub barcode: Option<Marker>,
    /// A QR code.
    pub qr: Option<Marker>,
}

/// `[[BARCODE:…]]` and `[[QR:…]]`.
impl Default for Markers {
    fn default() -> Self {
        let marker = |before: &str| Some(Marker { before: before.into(), after: "]]".into() });
        Self { barcode: marker("[[BARCODE:"), qr: marker("[[QR:") }
    }
}

impl Markers {
    pub(super) fn read(&self, line: &str) -> Option<Print> {
        let data = |marker: &Option<Marker>| marker.as_ref().and_then(|marker| marker.data(line));
        let code = match data(&self.barcode) {
            Some(data) => Print::barcode(data),
            None => Print::qr(data(&self.qr)?),
        };
        // What is no code is printed as it stands.
        (!matches!(code, Print::Text(_))).then_some(code)
    }
}

/// What stands around the data of a code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Marker {
    before: Box<str>,
    after: Box<str>,
}

/// Why a pattern marks nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a pattern has one `{{}}` for the data, and something before it")]
pub struct MarkerError;

impl Marker {
    /// A pattern: `{}` stands for the data, as in `[[QR:{}]]`.
    ///
    /// # Errors
    /// [`MarkerError`] when every line, or none, would be a code.
    pub fn try_new(pattern: &str) -> Result<Self, MarkerError> {
        let (before, after) = pattern.split_once("{}").ok_or(MarkerError)?;
        if before.trim().is_empty() || after.contains("{}") {
            return Err(MarkerError);
        }
        Ok(Self { before: before.trim_start().into(), after: after.trim_end().into() })
    }

    fn data<'l>(&self, line: &'l str) -> Option<&'l str> {
        line.trim().strip_prefix(&*self.before)?.strip_suffix(&*self.after)
    }
}
