//! The section `[loyalty]`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// A Loymax processing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Loyalty {
    pub(in crate::config) url: Option<String>,
    pub(in crate::config) login: Option<String>,
    pub(in crate::config) password: Option<Secret>,
    pub(in crate::config) password_file: Option<PathBuf>,
    pub(in crate::config) level: Level,
    pub(in crate::config) letters: Letters,
    pub(in crate::config) signature: Signature,
    pub(in crate::config) key_file: Option<PathBuf>,
    pub(in crate::config) certificate_file: Option<PathBuf>,
    pub(in crate::config) processing_certificate_files: Vec<PathBuf>,
    pub(in crate::config) points: bool,
    pub(in crate::config) wallet: Option<String>,
    pub(in crate::config) known_by: Option<Vec<KnownBy>>,
    pub(in crate::config) rest: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Level {
    #[default]
    Minimum,
    Middle,
    Maximum,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(in crate::config) enum Letters {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1251")]
    Windows1251,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Signature {
    #[default]
    None,
    Detached,
    Enveloped,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum KnownBy {
    Card,
    Phone,
}
