//! Settings of the native way.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::wide::{Text, TextError};

/// How a register is reached through the driver's library.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NativeConfig {
    /// The library: `libfptr10.so`, `fptr10.dll`. Its word size is that of this program.
    pub library: PathBuf,
    /// How the register is connected.
    pub link: Link,
    /// The driver's number of the model; 500 lets it find out.
    pub model: u32,
    /// The driver carries documents from the register to the OFD.
    pub ofd_through_driver: bool,
    /// The password to the register, where it has one.
    pub access_password: Option<SecretString>,
    /// The user's password, where it has one.
    pub user_password: Option<SecretString>,
    /// How receipts are written.
    pub receipts: Receipts,
    /// Other programs print with the same register, in turn with this one: a text that tells our
    /// receipts from theirs goes into each as tag 1192 (F20). A receipt in doubt is looked for as it
    /// was printed, whatever is set by then: the mark that is journaled before says how.
    pub shared: bool,
    /// How long a call waits for those before it.
    pub wait_turn: Duration,
    /// How long one call of the driver is waited for. A task that prints takes seconds; a driver
    /// without a link gives up by itself well before this.
    pub wait_call: Duration,
    /// How often a register without a link is asked what became of a receipt before the outcome is
    /// in doubt.
    pub ask_closed: u32,
    /// The pause between two such questions.
    pub ask_pause: Duration,
}

/// How a register is connected.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Link {
    /// By USB; `auto` finds the only one.
    Usb {
        /// The driver's path of the device.
        path: Box<str>,
    },
    /// By a serial port.
    Com {
        /// `COM3`, `/dev/ttyS0`.
        port: Box<str>,
        /// Its speed.
        baud: u32,
    },
    /// By TCP.
    Tcp {
        /// Name or address.
        host: Box<str>,
        /// The register listens on 5555 when nobody changed it.
        port: u16,
    },
    /// By Bluetooth.
    Bluetooth {
        /// The address of the device.
        mac: Box<str>,
    },
}

/// How receipts are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Receipts {
    /// By one JSON task, which the driver finishes or annuls.
    #[default]
    Json,
    /// By single commands. Corrections and receipts with marking codes go by JSON all the same.
    LowLevel,
}

impl NativeConfig {
    /// The settings of most registers, at this connection.
    pub fn new(library: impl Into<PathBuf>, link: Link) -> Self {
        Self {
            library: library.into(),
            link,
            model: 500,
            ofd_through_driver: true,
            access_password: None,
            user_password: None,
            receipts: Receipts::default(),
            shared: false,
            wait_turn: Duration::from_secs(60),
            wait_call: Duration::from_secs(120),
            ask_closed: 5,
            ask_pause: Duration::from_millis(500),
        }
    }

    /// The driver's own settings. They may have passwords: never in a log.
    pub(super) fn settings(&self) -> Result<Text, TextError> {
        let mut settings = Map::new();
        let mut set = |key: &str, value: Value| settings.insert(key.to_owned(), value);
        set("Model", json!(self.model));
        set("OfdChannel", json!(if self.ofd_through_driver { 2 } else { 0 }));
        set("AutoReconnect", json!(true));
        match &self.link {
            Link::Com { port, baud } => {
                set("Port", json!(0));
                set("ComFile", json!(port));
                set("BaudRate", json!(baud));
            }
            Link::Usb { path } => {
                set("Port", json!(1));
                set("UsbDevicePath", json!(path));
            }
            Link::Tcp { host, port } => {
                set("Port", json!(2));
                set("IPAddress", json!(host));
                set("IPPort", json!(port));
            }
            Link::Bluetooth { mac } => {
                set("Port", json!(3));
                set("MACAddress", json!(mac));
            }
        }
        for (key, secret) in
            [("AccessPassword", &self.access_password), ("UserPassword", &self.user_password)]
        {
            if let Some(secret) = secret {
                set(key, json!(secret.expose_secret()));
            }
        }
        Text::try_new(&Value::Object(settings).to_string())
    }
}
