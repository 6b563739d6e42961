//! What is scanned, swiped and typed, made ready for the wire (loymax.md 5.1, 5.3).

use sha2::{Digest, Sha256};

use tillway_core::loyalty::{Carrier, Coupon, Identifier, IdentifierKind};

/// The longest text that any of this can be, in bytes: the largest QR code.
pub const INPUT_BYTES_MAX: usize = 2_953;

/// Why an input is of no use. Ask for it again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Nothing was read.
    #[error("nothing was read")]
    Empty,
    /// Longer than [`INPUT_BYTES_MAX`].
    #[error("what was read is too long")]
    TooLong,
    /// It has control characters.
    #[error("what was read has control characters")]
    Control,
    /// Not a Russian phone number.
    #[error("a phone number has 10 digits, or 11 with 7 or 8 first")]
    Phone,
    /// No digits, or something else among them.
    #[error("a card number is digits")]
    CardNumber,
}

/// An identifier of a guest.
///
/// A card number keeps its digits and leading zeros, a track loses its sentinels and what follows
/// them, a phone becomes 11 digits with 7 first, a QR code stays as it is. A phone hash is made of
/// the phone number: the SHA-256 of its 11 digits.
///
/// # Errors
/// [`InputError`]: nobody can be found by it.
pub fn identifier(kind: IdentifierKind, read: &str) -> Result<Identifier, InputError> {
    let value = match kind {
        IdentifierKind::CardNumber => card_number(read)?,
        IdentifierKind::Track1 | IdentifierKind::Track2 | IdentifierKind::Track3 => track(read)?,
        IdentifierKind::Phone => phone(read)?,
        IdentifierKind::PhoneHash => hash(&phone(read)?),
        IdentifierKind::Qr => checked(read.trim_end_matches(['\r', '\n']))?.to_owned(),
        _ => checked(read.trim())?.to_owned(),
    };
    Ok(Identifier { kind, value: value.into() })
}

/// A coupon, prepared in the same ways.
///
/// # Errors
/// [`InputError`]: it cannot be one.
pub fn coupon(carrier: Carrier, read: &str) -> Result<Coupon, InputError> {
    let value = match carrier {
        Carrier::Track1 | Carrier::Track2 | Carrier::Track3 => track(read)?,
        Carrier::Qr => checked(read.trim_end_matches(['\r', '\n']))?.to_owned(),
        _ => checked(read.trim())?.to_owned(),
    };
    Ok(Coupon { carrier, value: value.into() })
}

fn checked(text: &str) -> Result<&str, InputError> {
    match text {
        "" => Err(InputError::Empty),
        _ if text.len() > INPUT_BYTES_MAX => Err(InputError::TooLong),
        _ if text.chars().any(char::is_control) => Err(InputError::Control),
        _ => Ok(text),
    }
}

/// Between the sentinels: `%` or `;` and `?`. What follows the second is a checksum.
fn track(read: &str) -> Result<String, InputError> {
    let inner = read.trim();
    let inner = inner.strip_prefix(['%', ';']).unwrap_or(inner);
    let inner = inner.split_once('?').map_or(inner, |(before, _)| before);
    Ok(checked(inner)?.to_owned())
}

fn digits(read: &str, between: &[char]) -> Option<String> {
    let kept = || read.chars().filter(|c| !between.contains(c));
    kept().all(|c| c.is_ascii_digit()).then(|| kept().collect())
}

fn card_number(read: &str) -> Result<String, InputError> {
    let text = checked(read.trim())?;
    let number = digits(text, &[' ', '-', '\u{a0}']).ok_or(InputError::CardNumber)?;
    if number.is_empty() { Err(InputError::CardNumber) } else { Ok(number) }
}

fn phone(read: &str) -> Result<String, InputError> {
    let text = checked(read.trim())?;
    let (plus, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let number = digits(rest, &[' ', '-', '(', ')', '.', '\u{a0}']).ok_or(InputError::Phone)?;
    match (number.len(), number.as_bytes().first()) {
        (10, _) if !plus => Ok(format!("7{number}")),
        (11, Some(b'7')) => Ok(number),
        (11, Some(b'8')) if !plus => {
            Ok(format!("7{}", number.strip_prefix('8').unwrap_or_default()))
        }
        _ => Err(InputError::Phone),
    }
}

fn hash(phone: &str) -> String {
    Sha256::digest(phone.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: IdentifierKind, text: &str) -> Result<String, InputError> {
        identifier(kind, text).map(|identifier| identifier.value.into())
    }

    #[test]
    fn one_phone_is_one_value() {
        for text in ["+7 (999) 000-00-01", "89990000001", "9990000001", "7.999.000.00.01"] {
            assert_eq!(read(IdentifierKind::Phone, text).unwrap(), "79990000001", "{text}");
        }
        for text in ["+8 999 000 00 01", "+9990000001", "999000000", "799900000012", "7999a000001"]
        {
            assert_eq!(read(IdentifierKind::Phone, text), Err(InputError::Phone), "{text}");
        }
        let hash = read(IdentifierKind::PhoneHash, "8 999 000-00-01").unwrap();
        assert_eq!(hash, read(IdentifierKind::PhoneHash, "+79990000001").unwrap());
        assert_eq!(hash.len(), 64);
    }

    #[test]
    fn tracks_lose_their_sentinels() {
        let rows = [
            (IdentifierKind::Track1, "%B2990000000019^TEST/GUEST^?", "B2990000000019^TEST/GUEST^"),
            (IdentifierKind::Track2, ";2990000000019=00000?\r\n", "2990000000019=00000"),
            (IdentifierKind::Track2, ";2990000000019=00000?5", "2990000000019=00000"),
            (IdentifierKind::Track3, "2990000000019", "2990000000019"),
        ];
        for (kind, text, value) in rows {
            assert_eq!(read(kind, text).unwrap(), value);
        }
        assert_eq!(read(IdentifierKind::Track2, ";?"), Err(InputError::Empty));
        let coupon = coupon(Carrier::Track2, ";SPRING=20?").unwrap();
        assert_eq!(coupon.value.as_ref(), "SPRING=20");
    }

    #[test]
    fn cards_keep_their_zeros_and_codes_their_text() {
        assert_eq!(read(IdentifierKind::CardBarcode, " 0029900000001\n").unwrap(), "0029900000001");
        assert_eq!(read(IdentifierKind::CardNumber, "0299 0000-0019").unwrap(), "029900000019");
        assert_eq!(read(IdentifierKind::CardNumber, "2990A"), Err(InputError::CardNumber));
        assert_eq!(read(IdentifierKind::CardNumber, "-"), Err(InputError::CardNumber));
        assert_eq!(read(IdentifierKind::Qr, " a?b=1 \n").unwrap(), " a?b=1 ");
        assert_eq!(read(IdentifierKind::Qr, "a\u{1d}b"), Err(InputError::Control));
        assert_eq!(read(IdentifierKind::CardBarcode, "  "), Err(InputError::Empty));
        assert!(read(IdentifierKind::Qr, &"x".repeat(2_953)).is_ok());
        assert_eq!(read(IdentifierKind::Qr, &"x".repeat(2_954)), Err(InputError::TooLong));
    }
}
