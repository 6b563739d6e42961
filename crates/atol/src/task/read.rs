//! Reads what the driver answers, field by field: one that is missing, or that is something else
//! than it should be, is one that is not known (ATOL note 5.1).

use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use tillway_core::money::Kopecks;
use tillway_core::time::Timestamp;
use tillway_transport::json::{Members, NumberText};

/// An object of an answer.
#[derive(Debug)]
pub(super) struct Node<'a>(Members<'a>);

impl<'a> Node<'a> {
    /// The whole answer; `None` when it is no object, or is nested too deep.
    pub(super) fn parse(json: &'a str) -> Option<Self> {
        Members::parse(json.as_bytes()).ok().map(Self)
    }

    pub(super) fn node(&self, name: &str) -> Option<Self> {
        Members::of(self.0.raw(name)?).ok().map(Self)
    }

    /// The object of this name, or this one: some servers leave the envelope out.
    pub(super) fn within(self, name: &str) -> Self {
        self.node(name).unwrap_or(self)
    }

    pub(super) fn text(&self, name: &str) -> Option<Box<str>> {
        let text: String = self.0.read(name).ok()??;
        let text = text.trim();
        let bounded = !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
        (bounded && !text.chars().any(char::is_control)).then(|| text.into())
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.0.read(name).ok()?
    }

    /// A whole number, which some servers put between quotes.
    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        let text = self.number(name)?;
        text.parse().ok().or_else(|| {
            let hundredths = Kopecks::parse_rubles(&text).ok()?.0;
            (hundredths.checked_rem(100)? == 0).then(|| hundredths.checked_div(100))?
        })
    }

    /// A number that counts something.
    pub(super) fn count(&self, name: &str) -> Option<u32> {
        self.whole(name)?.try_into().ok()
    }

    pub(super) fn money(&self, name: &str) -> Option<Kopecks> {
        Kopecks::parse_rubles(&self.number(name)?).ok()
    }

    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        time(&self.text(name)?)
    }

    fn number(&self, name: &str) -> Option<Box<str>> {
        match self.0.read::<NumberText>(name) {
            Ok(number) => number.map(|number| number.as_str().into()),
            Err(_) => self.text(name),
        }
    }
}

/// No text that is read is longer.
const TEXT_BYTES_MAX: usize = 1_024;

/// `2026-03-02T12:41:00+03:00`. Without an offset it is taken for the register's wall.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    let civil = pieces.date().to_datetime(pieces.time()?);
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let moment = offset.to_timestamp(civil).ok()?;
    let offset_min = i16::try_from(offset.seconds().checked_div(60)?).ok()?;
    Some(Timestamp { utc_ms: moment.as_millisecond(), offset_min })
}
