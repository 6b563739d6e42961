//! Strings of the driver: `wchar_t`, which is UTF-32 on Linux and macOS, UTF-16 on Windows.
//!
//! Both widths are compiled everywhere, so that both are tested everywhere.

/// One `wchar_t` of the target.
#[cfg(windows)]
pub type Wide = u16;
/// One `wchar_t` of the target.
#[cfg(not(windows))]
pub type Wide = u32;

/// The first buffer that is offered for an answer, in units.
const FIRST: usize = 1_024;
/// The longest text that is taken, in units. A receipt of 200 lines has about 100 000.
pub const TEXT_MAX: usize = 4 << 20;
/// How often a text may turn out longer than the driver has just said.
const ASKS_MAX: usize = 4;

/// A unit of wide text: 16 or 32 bits.
pub trait Unit: Copy + Default + PartialEq {
    /// The units of a text.
    fn encode(text: &str) -> Vec<Self>;

    /// The text of units. What is no character becomes U+FFFD: a broken name on a receipt must not
    /// cost the number that stands beside it.
    fn decode(units: &[Self]) -> String;
}

impl Unit for u16 {
    fn encode(text: &str) -> Vec<Self> {
        text.encode_utf16().collect()
    }

    fn decode(units: &[Self]) -> String {
        String::from_utf16_lossy(units)
    }
}

impl Unit for u32 {
    fn encode(text: &str) -> Vec<Self> {
        text.chars().map(Self::from).collect()
    }

    fn decode(units: &[Self]) -> String {
        let character = |unit: &Self| char::from_u32(*unit).unwrap_or(char::REPLACEMENT_CHARACTER);
        units.iter().map(character).collect()
    }
}

/// A text that ends with NUL and has none before: what the driver takes.
#[derive(Clone)]
pub struct Text<U = Wide>(Box<[U]>);

impl<U: Unit> Text<U> {
    /// The text, for the driver.
    ///
    /// # Errors
    /// [`TextError::Nul`]: the driver would take it for the end.
    pub fn try_new(text: &str) -> Result<Self, TextError> {
        if text.contains('\0') {
            return Err(TextError::Nul);
        }
        let mut units = U::encode(text);
        units.push(U::default());
        Ok(Self(units.into()))
    }

    /// The units, the NUL at the end among them.
    pub fn units(&self) -> &[U] {
        &self.0
    }
}

/// Texts may be passwords.
impl<U> std::fmt::Debug for Text<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} units)", self.0.len())
    }
}

/// Why a text was not had.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// A NUL stands inside.
    #[error("a text for the driver has a NUL inside")]
    Nul,
    /// The driver says that it is longer than any honest text.
    #[error("the driver's text has {units} units, more than {TEXT_MAX}")]
    TooLong {
        /// What the driver says.
        units: usize,
    },
    /// It grew each time it was asked for.
    #[error("the driver's text grew each of {ASKS_MAX} times it was asked for")]
    Growing,
}

/// Reads a text by the driver's contract: `ask` fills a buffer as far as it goes and says how many
/// units the whole text has, its NUL included; none or fewer is no text. The buffer grows until it
/// fits.
///
/// # Errors
/// [`TextError::TooLong`] and [`TextError::Growing`].
pub fn read<U: Unit>(mut ask: impl FnMut(&mut [U]) -> i32) -> Result<String, TextError> {
    let mut buffer = vec![U::default(); FIRST];
    for _ in 0..ASKS_MAX {
        let Ok(needed @ 1..) = usize::try_from(ask(&mut buffer)) else { return Ok(String::new()) };
        if let Some(written) = buffer.get(..needed) {
            let end = written.iter().position(|unit| *unit == U::default());
            return Ok(U::decode(written.get(..end.unwrap_or(needed)).unwrap_or_default()));
        }
        if needed > TEXT_MAX {
            return Err(TextError::TooLong { units: needed });
        }
        buffer.clear();
        buffer.resize(needed, U::default());
    }
    Err(TextError::Growing)
}

#[cfg(test)]
mod tests;
