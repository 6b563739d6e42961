//! What is printed and is not fiscal: slips of their own, and what stands below a receipt.

use core::fmt;

use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

use super::receipt::Problem;

/// What is printed and is not fiscal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Slip {
    /// From top to bottom; at most 500.
    pub items: Vec<SlipItem>,
}

/// A piece of a slip, or of what stands below a receipt.
///
/// Codes may be worth money, as those of coupons are: `Debug` shows how long they are, not more.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum SlipItem {
    /// A line of text, its columns kept.
    Text(Box<str>),
    /// Text in the middle, tall.
    Title(Box<str>),
    /// A QR code.
    Qr(Box<str>),
    /// A barcode: EAN-13 where [`is_ean13`], else Code 128.
    Barcode(Box<str>),
    /// The paper is cut here. Never below a receipt, whose end is cut anyway.
    Cut,
}

/// Whether a text is a number of EAN-13: 13 digits, the last of which proves the others.
pub fn is_ean13(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let thrice = digits.iter().skip(1).step_by(2).cycle().take(18);
    let sum: u32 = digits.iter().step_by(2).chain(thrice).sum();
    text.len() == 13 && digits.len() == 13 && sum.is_multiple_of(10)
}

impl SlipItem {
    /// Refuses what no register prints: control characters, empty codes, barcodes of other
    /// characters than those of ASCII, and what has more than `max` characters.
    ///
    /// # Errors
    /// The [`Problem`]. An empty text is a line that is left out, and right.
    pub fn check(&self, max: usize) -> Result<(), Problem> {
        let (shown, code) = match self {
            Self::Text(text) | Self::Title(text) => (text, false),
            Self::Qr(text) | Self::Barcode(text) => (text, true),
            Self::Cut => return Ok(()),
        };
        if code && shown.is_empty() {
            Err(Problem::Empty)
        } else if shown.chars().count() > max {
            Err(Problem::TooLong { max })
        } else if shown.chars().any(char::is_control) {
            Err(Problem::Control)
        } else if matches!(self, Self::Barcode(_)) && !shown.is_ascii() {
            Err(Problem::NotAscii)
        } else {
            Ok(())
        }
    }

    /// Its text or code; empty for a cut.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Title(text) | Self::Qr(text) | Self::Barcode(text) => text,
            Self::Cut => "",
        }
    }

    /// The stored number of its kind; a text is stored as such, without one.
    fn tag(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Title(_) => 1,
            Self::Qr(_) => 2,
            Self::Barcode(_) => 3,
            Self::Cut => 4,
        }
    }
}

impl From<&str> for SlipItem {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for SlipItem {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Debug for SlipItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chars = self.as_str().chars().count();
        match self {
            Self::Text(text) => write!(f, "Text({text:?})"),
            Self::Title(text) => write!(f, "Title({text:?})"),
            Self::Qr(_) => write!(f, "Qr({chars} characters)"),
            Self::Barcode(_) => write!(f, "Barcode({chars} characters)"),
            Self::Cut => f.write_str("Cut"),
        }
    }
}

/// A line of text is a CBOR text, as it was when there was nothing else; the others are pairs of
/// their number and what they show.
impl<C> Encode<C> for SlipItem {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        match self {
            Self::Text(text) => e.str(text)?.ok(),
            other => e.array(2)?.u8(other.tag())?.str(other.as_str())?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for SlipItem {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        if d.datatype()? == Type::String {
            return Ok(Self::Text(d.str()?.into()));
        }
        if d.array()? != Some(2) {
            return Err(DecodeError::message("a piece of a slip is a text or a pair"));
        }
        let (tag, text) = (d.u8()?, d.str()?.into());
        match tag {
            1 => Ok(Self::Title(text)),
            2 => Ok(Self::Qr(text)),
            3 => Ok(Self::Barcode(text)),
            4 => Ok(Self::Cut),
            _ => Err(DecodeError::message("a slip has no such piece")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_digit_tells_ean13_from_other_digits() {
        let rows = [
            ("2200000001238", true),
            ("4600000000015", true),
            ("4600000000017", false),
            ("460000000001", false),
            ("46000000000151", false),
            ("460000000001x", false),
            ("٤600000000015", false),
            ("", false),
        ];
        for (text, ean) in rows {
            assert_eq!(is_ean13(text), ean, "{text}");
        }
    }

    #[test]
    fn a_line_of_text_is_stored_as_it_was() {
        let lines: Vec<Box<str>> = vec!["Заказ 82".into(), "".into()];
        let before = minicbor::to_vec(&lines).unwrap();
        let items: Vec<SlipItem> = minicbor::decode(&before).unwrap();
        assert_eq!(items, ["Заказ 82".into(), SlipItem::Text("".into())]);
        assert_eq!(minicbor::to_vec(&items).unwrap(), before);
    }

    #[test]
    fn every_piece_is_stored() {
        let items = vec![
            SlipItem::Text("a".into()),
            SlipItem::Title("b".into()),
            SlipItem::Qr("c".into()),
            SlipItem::Barcode("d".into()),
            SlipItem::Cut,
        ];
        let stored = minicbor::to_vec(&items).unwrap();
        assert_eq!(minicbor::decode::<Vec<SlipItem>>(&stored).unwrap(), items);
        assert!(minicbor::decode::<SlipItem>(&[0x82, 9, 0x60]).is_err());
        assert!(minicbor::decode::<SlipItem>(&[0x81, 4]).is_err());
    }

    #[test]
    fn codes_are_not_shown() {
        let shown =
            format!("{:?}", [SlipItem::Qr("NEXT-1".into()), SlipItem::Barcode("77".into())]);
        assert_eq!(shown, "[Qr(6 characters), Barcode(2 characters)]");
    }
}
