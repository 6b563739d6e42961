//! The TOML file, as it is written. Unknown keys are refused, secrets never come back in an error.

mod loyalty;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use tillway::core::Kopecks;

pub(super) use self::loyalty::{KnownBy, Letters, Level, Loyalty, Signature};
use crate::failure::Failure;

/// The longest file that is read.
const BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) mode: Mode,
    pub(super) installation: Option<String>,
    pub(super) page: Option<SocketAddr>,
    pub(super) till: Vec<Till>,
    pub(super) payment_types: BTreeMap<String, Kind>,
    pub(super) payment_type_names: BTreeMap<Kind, String>,
    pub(super) token_keys: Vec<TokenKey>,
    pub(super) token_prefix: Option<String>,
    pub(super) mint_with: Option<String>,
    pub(super) reader: Vec<Reader>,
    pub(super) bridge: Bridge,
    pub(super) bridge_seconds: Option<u64>,
    pub(super) pin: Pin,
    pub(super) pins: Vec<Secret>,
    pub(super) phone_lookup: Switch,
    pub(super) phone_spend: Permission,
    pub(super) fiscal: Option<Fiscal>,
    pub(super) photo: Option<Switch>,
    pub(super) overdraft_fiscal: Option<Permission>,
    pub(super) min_money: Option<Rubles>,
    pub(super) bonus_cap_percent: Option<Rubles>,
    pub(super) money_priority: Option<Vec<Kind>>,
    pub(super) mix: Mix,
    pub(super) limits_on_failure: LimitsOnFailure,
    pub(super) ping_checks_store: Option<Switch>,
    pub(super) json_case: JsonCase,
    pub(super) name_in_suggestions: Option<Switch>,
    pub(super) allow_orderless_refund: Switch,
    pub(super) texts: BTreeMap<String, String>,
    pub(super) limits: Limits,
    pub(super) atol: Option<Atol>,
    pub(super) terminal: Option<Terminal>,
    pub(super) loyalty: Option<Loyalty>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    #[default]
    Venue,
    Demo,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Till {
    pub(super) id: String,
    pub(super) listen: Option<SocketAddr>,
    pub(super) token: Secret,
    pub(super) plugin: Option<String>,
    #[serde(default)]
    pub(super) allowed_peers: Vec<String>,
}

/// A fiscal register of ATOL, behind the web server of its driver.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Atol {
    pub(super) address: String,
    pub(super) device: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    #[serde(default)]
    pub(super) shared: bool,
    pub(super) rates: Option<Vec<String>>,
}

/// A card terminal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub(super) enum Terminal {
    Dualconnector { address: String, terminal: Option<String> },
    Sberbank { folder: PathBuf },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenKey {
    pub(super) kid: String,
    pub(super) key: Secret,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub(super) enum Reader {
    Prefix { prefix: String },
    Url { parameter: String },
    Json { field: String },
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Bonus,
    Deposit,
    Credit,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bridge {
    #[default]
    Poll,
    Push,
    Message,
    None,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(try_from = "Secret")]
pub(super) enum Pin {
    #[default]
    Off,
    List,
    Bridge,
}

/// Who writes a PIN here by mistake does not read it in an error.
impl TryFrom<Secret> for Pin {
    type Error = &'static str;

    fn try_from(word: Secret) -> Result<Self, Self::Error> {
        match word.0.expose_secret() {
            "off" => Ok(Self::Off),
            "list" => Ok(Self::List),
            "bridge" => Ok(Self::Bridge),
            _ => Err("expected `off`, `list` or `bridge`"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Switch {
    On,
    #[default]
    Off,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Permission {
    Allow,
    #[default]
    Deny,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fiscal {
    Register,
    ExternalDeclared,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mix {
    #[default]
    OneMoneyKind,
    Free,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) enum LimitsOnFailure {
    #[default]
    #[serde(rename = "503")]
    Unavailable,
    #[serde(rename = "zero")]
    Zero,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JsonCase {
    #[default]
    AsDocumented,
    Pascal,
    Camel,
}

/// Limits of the listeners; what is absent has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) header_kib: Option<u32>,
    pub(super) body_kib: Option<u32>,
    pub(super) connections: Option<u32>,
    pub(super) header_seconds: Option<u32>,
    pub(super) body_seconds: Option<u32>,
    pub(super) idle_seconds: Option<u32>,
    pub(super) stop_seconds: Option<u32>,
    pub(super) wrong_tokens_per_minute: Option<u32>,
}

/// A text that no error repeats.
#[derive(Clone, Debug)]
pub(super) struct Secret(pub(super) SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(text.into()))
            }

            // The usual error of a wrong type repeats the value.
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::custom("a text in quotes is expected"))
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
                Err(E::custom("a text in quotes is expected"))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// An amount: `50`, `"50"` or `"50.70"`; never a floating-point number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rubles(pub(super) Kopecks);

impl<'de> Deserialize<'de> for Rubles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;

        impl Visitor<'_> for Amount {
            type Value = Rubles;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number such as 50 or \"50.70\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Rubles, E> {
                Kopecks::parse_rubles(text).map(Rubles).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Rubles, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Rubles, E> {
                Err(E::custom("write an amount with kopecks in quotes: \"50.70\""))
            }
        }

        deserializer.deserialize_any(Amount)
    }
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<File, Failure> {
    let failed = |error: std::io::Error| Failure::of(path.display(), &error);
    let bytes = crate::folder::read_at_most(path, BYTES_MAX).map_err(failed)?;
    let shown = path.display();
    let Some(bytes) = bytes else {
        return Err(Failure::new(format!("{shown}: larger than 1 MiB")));
    };
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Failure::new(format!("{shown}: not a text in UTF-8")))?;
    parse(&text).map_err(|what| Failure::new(format!("{shown}{what}")))
}

/// Says line and key instead of quoting the line or the value, which may be a secret.
fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let message = error.message().trim_end_matches(['\n', '.']);
        let wrong_type = message.strip_prefix("invalid type: ");
        let message = match wrong_type.and_then(|what| what.rsplit_once(", expected ")) {
            Some((_, expected)) => &format!("expected {expected}"),
            None => message,
        };
        let Some(span) = error.span() else { return format!(": {message}") };
        let before = text.get(..span.start).unwrap_or_default();
        let number = before.matches('\n').count() + 1;
        let line = text.lines().nth(number - 1).unwrap_or_default();
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        let key = if key.is_empty() { String::new() } else { format!(", key {key}") };
        format!(", line {number}{key}: {message}")
    })
}

#[cfg(test)]
mod random;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_is_told_by_line_and_key() {
        let rows = [
            ("bridge = \"pull\"", "line 1, key bridge: unknown variant `pull`"),
            ("\n\nfizz = 1", "line 3, key fizz: unknown field `fizz`"),
            ("[[till]]\nid = \"till-1\"", "line 1: missing field `token`"),
            ("[[till]]\nid = \"a\"\ntoken = 12345678", "key token: a text in quotes is expected"),
            ("[[till]]\nid = \"a\"\ntoken = 1.5", "key token: a text in quotes is expected"),
            ("min_money = 1.5", "key min_money: write an amount with kopecks in quotes"),
            ("min_money = \"1.505\"", "key min_money: "),
            ("page = \"localhost\"", "key page: invalid socket address"),
            ("[payment_types]\nx = \"cash\"", "line 2, key x: unknown variant `cash`"),
            ("[limits]\nbody_kib = -1", "line 2, key body_kib: "),
            ("limits = 5", "line 1, key limits: "),
            ("mode = ", "line 1, key mode: "),
            ("pin = \"off\"\npin = \"off\"", "line 2, key pin: duplicate key"),
            ("pins = \"12345678\"", "line 1, key pins: expected a sequence"),
            ("pin = \"12345678\"", "key pin: expected `off`, `list` or `bridge`"),
            ("token_keys = \"12345678\"", "key token_keys: expected "),
            (
                "[[till]]\nid = \"a\"\ntoken = 12345678999999999999",
                "key token: expected a text in quotes",
            ),
        ];
        for (text, expected) in rows {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("12345678"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_without_an_end_is_read_to_the_limit() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(error, "/dev/zero: larger than 1 MiB");
    }

    #[test]
    fn amounts_are_exact() {
        let file = parse("min_money = \"50.70\"\nbonus_cap_percent = 50").unwrap();
        assert_eq!(file.min_money.unwrap().0, Kopecks(5_070));
        assert_eq!(file.bonus_cap_percent.unwrap().0, Kopecks(5_000));
    }
}
