//! What an operation comes to.

use std::time::Duration;

use encoding_rs::{Encoding, IBM866, KOI8_R, UTF_8, WINDOWS_1251};

/// One step of a scenario: what is decided, how it is told, and how long both take.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Step {
    /// What becomes of the operation.
    pub decide: Decide,
    /// How the client hears of it.
    pub answer: Answer,
    /// How long the guest takes; the setting of the terminal by default.
    pub card: Option<Duration>,
    /// How long the answer is held back once money has moved; the terminal is idle meanwhile.
    pub late: Duration,
    /// The terminal restarts behind it, and is away for so long.
    pub restart: Option<Duration>,
    /// Other letters than the terminal's.
    pub letters: Option<Letters>,
}

/// What becomes of an operation. The rules of the bank come first: what it refuses is refused.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Decide {
    /// Done (1).
    #[default]
    Approve,
    /// Done for the half of it (2). A kopeck is not halved.
    Partial,
    /// Done without asking the bank (17).
    Offline,
    /// Refused (16), with the bank's code and words.
    Decline {
        /// For field 15.
        code: String,
        /// For field 19.
        text: String,
    },
    /// The guest pressed the red key (53).
    Abort,
    /// The bank is not reached (34).
    NoLink,
    /// The terminal loses track of it (0), and money moved or not.
    Undefined {
        /// Whether it moved.
        taken: bool,
    },
    /// The service is busy, or has lost its terminal: an error of this number, nothing moves.
    ServiceError(i32),
}

impl Decide {
    /// A refusal as banks give it.
    pub fn decline() -> Self {
        Self::Decline {
            code: "076".to_owned(), text: "НЕДОСТАТОЧНО СРЕДСТВ".to_owned()
        }
    }
}

/// How the client hears of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Answer {
    /// As it is.
    #[default]
    Whole,
    /// The connection breaks before the body.
    CutBefore,
    /// The connection breaks after half of the body.
    CutHalf,
    /// Half of the body, and its length says so.
    Half,
    /// Another status of HTTP, and no XML.
    Http(u16),
    /// XML that is none.
    Broken,
    /// Without field 39.
    NoStatus,
    /// With the number of somebody else's operation.
    Foreign,
}

/// How an answer is written, and what it says of that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Letters {
    /// What the bytes are: `windows-1251`, `utf-8`, `ibm866`, `koi8-r`.
    pub are: String,
    /// What the XML declaration says.
    pub declared: String,
    /// What the `Content-Type` says; it is left out when `None`.
    pub content_type: Option<String>,
}

impl Default for Letters {
    fn default() -> Self {
        Self {
            are: "windows-1251".to_owned(),
            declared: "windows-1251".to_owned(),
            content_type: Some("text/xml; charset=windows-1251".to_owned()),
        }
    }
}

impl Letters {
    /// Bytes that are one thing and say another, everywhere.
    pub fn lie(are: &str, say: &str) -> Self {
        let content_type = Some(format!("text/xml; charset={say}"));
        Self { are: are.to_owned(), declared: say.to_owned(), content_type }
    }

    pub(super) fn encode(&self, text: &str) -> Vec<u8> {
        let encoding: &'static Encoding = match self.are.as_str() {
            "utf-8" => UTF_8,
            "ibm866" => IBM866,
            "koi8-r" => KOI8_R,
            _ => WINDOWS_1251,
        };
        encoding.encode(text).0.into_owned()
    }
}

impl Step {
    /// A step that comes to this, told as it is.
    pub fn of(decide: Decide) -> Self {
        Self { decide, ..Self::default() }
    }

    /// An approval that the client hears of like this.
    pub fn heard(answer: Answer) -> Self {
        Self { answer, ..Self::default() }
    }
}
