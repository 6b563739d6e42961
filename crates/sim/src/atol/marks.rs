//! The check of marking codes, as far as a till sees it.
//!
//! The shapes of the answers are our choice, and so is the refusal of a code whose status does not
//! suit its receipt: no public source shows them.

use super::Code;
use super::settings::Settings;

/// How many codes the buffer takes.
const BUFFER_MAX: usize = 128;

const SELL: u8 = 1;
const SELL_RETURN: u8 = 2;

/// The buffer of codes, and the code whose check was begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    buffer: Vec<String>,
    begun: Option<String>,
}

impl Marks {
    /// Whether codes can be checked at all.
    pub(super) fn ready(settings: &Settings) -> Result<(), Code> {
        if settings.format.as_str() < "1.2" {
            return Err(Code::NOT_SUPPORTED);
        }
        if settings.marking_online { Ok(()) } else { Err(Code::NO_MARKING_SERVER) }
    }

    /// Whether a piece may have this status (tag 2003) after a receipt of this kind (tag 1054):
    /// what is sold is not returned by its sale, and the other way round, checked or not.
    pub(super) fn suits(kind: u8, status: Option<u8>) -> bool {
        !matches!((kind, status), (SELL, Some(3 | 4)) | (SELL_RETURN, Some(1 | 2)))
    }

    /// Whether all four flags of a code would be true.
    pub(super) fn is_good(settings: &Settings, mark: &str) -> bool {
        !settings.refused_marks.iter().any(|refused| refused == mark)
    }

    pub(super) fn add(&mut self, marks: Vec<String>) -> Result<(), Code> {
        if self.buffer.len().saturating_add(marks.len()) > BUFFER_MAX {
            return Err(Code::INVALID_PARAM);
        }
        self.buffer.extend(marks);
        Ok(())
    }

    pub(super) fn begin(&mut self, mark: Option<String>) {
        self.begun = mark;
    }

    pub(super) fn begun(&self) -> Result<&str, Code> {
        self.begun.as_deref().ok_or(Code::MARK_NOT_CHECKED)
    }

    /// Accepts the code: it goes into the buffer.
    pub(super) fn accept(&mut self) -> Result<(), Code> {
        let mark = self.begun.take().ok_or(Code::MARK_NOT_CHECKED)?;
        self.add(vec![mark])
    }

    /// Forgets the code.
    pub(super) fn decline(&mut self) -> Result<(), Code> {
        self.begun.take().map(drop).ok_or(Code::MARK_NOT_CHECKED)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
