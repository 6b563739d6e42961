//! The real devices of a venue, as its file names them.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use tillway::atol::{Credentials, DeviceId, WebConfig};
use tillway::core::fiscal::VatRate;
use tillway::dualconnector;

use super::file;
use crate::failure::Failure;

/// What there is, each already checked as far as it can be without the device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Devices {
    pub(crate) register: Option<WebConfig>,
    pub(crate) terminal: Option<Terminal>,
}

/// A card terminal.
#[derive(Clone, Debug)]
pub(crate) enum Terminal {
    DualConnector(Box<dualconnector::Config>),
    /// The folder of `sb_pilot`.
    Sberbank(PathBuf),
}

pub(super) fn devices_of(file: &file::File) -> Result<Devices, Failure> {
    let register = file.atol.as_ref().map(register_of).transpose()?;
    let terminal = file.terminal.as_ref().map(terminal_of).transpose()?;
    Ok(Devices { register, terminal })
}

fn register_of(atol: &file::Atol) -> Result<WebConfig, Failure> {
    let wrong = |error| Failure::of("section atol", &error);
    let mut config = WebConfig::new(atol.address.as_str());
    config.device = atol.device.as_deref().map(DeviceId::try_new).transpose().map_err(wrong)?;
    config.credentials = match (&atol.user, &atol.password) {
        (None, None) => None,
        (Some(user), Some(password)) => {
            Some(Credentials::new(user.as_str(), password.0.expose_secret().to_owned()))
        }
        _ => return Err(Failure::new("section atol: user and password go together")),
    };
    config.shared = atol.shared;
    config.rates = atol.rates.as_deref().map(rates_of).transpose()?;
    config.check().map_err(wrong)?;
    Ok(config)
}

fn rates_of(words: &[String]) -> Result<Vec<VatRate>, Failure> {
    let rate = |word: &String| {
        VatRate::from_word(word).ok_or_else(|| {
            let known = VatRate::ALL.map(VatRate::word).join(", ");
            Failure::new(format!("section atol, key rates: {word:?} is none of {known}"))
        })
    };
    words.iter().map(rate).collect()
}

fn terminal_of(terminal: &file::Terminal) -> Result<Terminal, Failure> {
    match terminal {
        file::Terminal::Dualconnector { address, terminal } => {
            let terminal = terminal.as_deref().map(Box::from);
            let new = dualconnector::Config::new(address.as_str());
            let config = dualconnector::Config { terminal, ..new };
            config.check().map_err(|error| Failure::of("section terminal", &error))?;
            Ok(Terminal::DualConnector(Box::new(config)))
        }
        file::Terminal::Sberbank { folder } if folder.as_os_str().is_empty() => {
            Err(Failure::new("section terminal, key folder: empty"))
        }
        file::Terminal::Sberbank { folder } => Ok(Terminal::Sberbank(folder.clone())),
    }
}
