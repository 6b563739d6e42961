//! Devices: a register, its queue, and what the settings page says of it (ATOL note 3.3).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::config::WebConfig;
use super::queue::Queue;
use crate::atol::Code;
use crate::atol::json::Json;
use crate::atol::register::Register;
use crate::atol::settings::Settings;
use crate::atol::shared::SharedRegister;

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) active: bool,
    pub(super) default: bool,
    connection: Json,
    other: Json,
    pub(super) register: SharedRegister,
    pub(super) queue: Queue,
    /// Up to when the register's clock has gone, by the server's.
    pub(super) synced: Duration,
    /// As whom the server opens the register.
    client: u64,
}

/// The first client of a server; those of the library are larger.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Device {
    pub(super) fn new(
        id: &str,
        name: &str,
        default: bool,
        register: SharedRegister,
        now: Duration,
    ) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            active: true,
            default,
            connection: connection(),
            other: other(),
            register,
            queue: Queue::new(now),
            synced: now,
            client: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// A device as somebody adds it: with a register of its own, not active yet.
    pub(super) fn added(place: usize, at: i64, body: &Json, now: Duration) -> Result<Self, String> {
        let id = body.get("id").and_then(Json::as_text).unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if !(1..=16).contains(&id.len()) || !id.bytes().all(allowed) {
            return Err("Некорректное значение поля 'id'".to_owned());
        }
        let settings = Settings {
            serial: format!("{:014}", 106_500_000_001_usize.saturating_add(place)),
            memory: format!("{:016}", 9_999_078_900_001_234_usize.saturating_add(place)),
            ..Settings::default()
        };
        let register = SharedRegister::new(Register::new(settings, at));
        let mut device = Self::new(id, id, false, register, now);
        device.active = false;
        device.change(body)?;
        Ok(device)
    }

    /// Opens the register for a task. It is held until [`Device::close`]: the server lets go of it
    /// between two tasks.
    pub(super) fn open(&self) -> Result<(), Code> {
        self.register.lock().hold(self.client)
    }

    /// Lets go of the register.
    pub(super) fn close(&self) {
        self.register.lock().release(self.client);
    }

    /// Takes over what somebody sets.
    pub(super) fn change(&mut self, body: &Json) -> Result<(), String> {
        let wrong = |name: &str| format!("Некорректное значение поля '{name}'");
        if let Some(name) = body.get("name") {
            self.name = name.as_text().ok_or_else(|| wrong("name"))?.to_owned();
        }
        let object = |name: &str| match body.get(name) {
            None => Ok(None),
            Some(value @ Json::Object(_)) => Ok(Some(value)),
            Some(_) => Err(wrong(name)),
        };
        if let Some(connection) = object("connectionSettings")? {
            let one_of = |name: &str, words: &[&str]| match connection.get(name) {
                None => true,
                Some(value) => value.as_text().is_some_and(|word| words.contains(&word)),
            };
            if !one_of("port", &["usb", "com", "tcp", "bluetooth"]) {
                return Err(wrong("port"));
            }
            if !one_of("ofdChannel", &["none", "auto"]) {
                return Err(wrong("ofdChannel"));
            }
            merge(&mut self.connection, connection);
        }
        if let Some(other) = object("otherSettings")? {
            merge(&mut self.other, other);
        }
        Ok(())
    }

    pub(super) fn shown(&self, config: &WebConfig) -> Json {
        Json::object([
            ("id", Json::text(&*self.id)),
            ("name", Json::text(&*self.name)),
            ("isActive", Json::flag(self.active)),
            ("isDefault", Json::flag(self.default)),
            ("isLock", Json::flag(self.queue.block.is_some())),
            ("hasLicense", Json::flag(config.has_license)),
            ("connectionSettings", Some(self.connection.clone())),
            ("otherSettings", Some(self.other.clone())),
        ])
    }
}

/// Sets the members that are known already.
fn merge(into: &mut Json, from: &Json) {
    let Json::Object(members) = into else { return };
    for (name, value) in members {
        if let Some(new) = from.get(name) {
            *value = new.clone();
        }
    }
}

fn connection() -> Json {
    Json::object([
        ("model", Json::number(500)),
        ("port", Json::text("usb")),
        ("ipAddress", Json::text("")),
        ("ipPort", Json::number(5_555)),
        ("com", Json::text("")),
        ("baudRate", Json::number(115_200)),
        ("usbDevice", Json::text("auto")),
        ("mac", Json::text("")),
        ("ofdChannel", Json::text("auto")),
        ("accessPassword", Json::text("")),
        ("userPassword", Json::text("")),
    ])
}

fn other() -> Json {
    Json::object([
        ("useGlobalScriptsSettings", Json::flag(true)),
        ("scriptsPath", Json::text("")),
        ("useGlobalInvertCashDrawerStatusFlag", Json::flag(true)),
        ("invertCashDrawerStatus", Json::flag(false)),
        ("useGlobalAdditionalHeaderLines", Json::flag(true)),
        ("additionalHeaderLines", Json::text("")),
        ("useGlobalAdditionalFooterLines", Json::flag(true)),
        ("additionalFooterLines", Json::text("")),
    ])
}
