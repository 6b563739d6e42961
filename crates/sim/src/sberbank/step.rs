//! What happens the next time, as a test wants it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One run of the program: what the bank does, and what the till is told.
///
/// As JSON, for people: `{"bank":{"refuses":4451}}`, `{"says":"nothing"}`, `{"says":{"code":99}}`,
/// `{"says":"hangs"}`, `{"bank":"notAsked","says":"half","takesMs":3000,"exit":1}`; each is as usual
/// when it is left out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Step {
    /// What the bank does.
    pub bank: Bank,
    /// What the till is told.
    pub says: Says,
    /// How long it takes.
    #[serde(rename = "takesMs", with = "ms")]
    pub takes: Duration,
    /// The exit code of the process, which nobody should believe.
    pub exit: u8,
}

/// What the bank does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bank {
    /// What it is asked to, where its rules allow it.
    #[default]
    Obeys,
    /// It refuses with this result code.
    Refuses(u32),
    /// It is not asked: the run ends before.
    NotAsked,
}

/// What the till is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Says {
    /// The truth.
    #[default]
    Truth,
    /// Another result code, as when the pad is lost in the middle: 99, 2004, 4104.
    Code(u32),
    /// Nothing: the program dies before it writes.
    Nothing,
    /// Half of the file.
    Half,
    /// Nothing new: the file stays as it was, if it is still there.
    Old,
    /// The answer of the last operation before that was approved, with its number.
    Foreign,
    /// Only the first line.
    FirstLine,
    /// Nothing, and it never ends: whoever waits has to kill it.
    Hangs,
}

impl Step {
    /// The bank obeys, and the till is told this.
    pub fn says(says: Says) -> Self {
        Self { says, ..Self::default() }
    }

    /// The bank refuses.
    pub fn refuses(code: u32) -> Self {
        Self { bank: Bank::Refuses(code), ..Self::default() }
    }

    /// The bank is not asked, and the till is told this.
    pub fn not_asked(says: Says) -> Self {
        Self { bank: Bank::NotAsked, says, ..Self::default() }
    }

    /// It takes this long.
    #[must_use]
    pub fn taking(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }
}

/// Milliseconds, of which there are an hour's at most.
mod ms {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    const MAX: u64 = 3_600_000;

    pub(super) fn serialize<S: Serializer>(it: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(it.as_millis()).unwrap_or(MAX).min(MAX))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Duration, D::Error> {
        let ms = u64::deserialize(from)?;
        if ms > MAX {
            Err(D::Error::custom(format!("at most {MAX} ms")))
        } else {
            Ok(Duration::from_millis(ms))
        }
    }
}
