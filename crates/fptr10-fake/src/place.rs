//! Where the register of a handle is: in this process, or at the end of a line.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tillway_sim::atol::Code;
use tillway_sim::atol::link::{Call, LINE_MAX, Reply, Session};

use crate::world;

/// A register that answers no sooner than this has gone.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What the settings say about the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Address {
    /// A register of this process.
    Usb(String),
    /// A register of a simulator.
    Tcp(String),
}

impl Address {
    /// Of settings; they may be numbers or texts of numbers.
    pub(crate) fn of(settings: &Value) -> Option<Self> {
        let text = |key| match settings.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let named = |key| Some(Self::Usb(text(key).unwrap_or_else(|| "auto".to_owned())));
        match text("Port").as_deref() {
            Some("0") => named("ComFile"),
            Some("1") => named("UsbDevicePath"),
            Some("2") => match text("IPAddress").filter(|address| !address.is_empty()) {
                Some(address) => Some(Self::Tcp(format!("{address}:{}", text("IPPort")?))),
                None => named(""),
            },
            Some("3") => named("MACAddress"),
            _ => None,
        }
    }

    /// By its name in commands.
    pub(crate) fn named(name: &str) -> Self {
        match name.strip_prefix("usb:") {
            Some(path) => Self::Usb(path.to_owned()),
            None => Self::Tcp(name.to_owned()),
        }
    }

    /// Its name in commands.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Usb(path) => format!("usb:{path}"),
            Self::Tcp(place) => place.clone(),
        }
    }
}

/// A way to a register.
pub(crate) enum Place {
    Here(Session),
    There { address: String, line: Option<BufReader<TcpStream>> },
}

impl Place {
    pub(crate) fn new(address: &Address) -> Self {
        match address {
            Address::Usb(path) => Self::Here(Session::new(world::register(path))),
            Address::Tcp(place) => Self::There { address: place.clone(), line: None },
        }
    }

    /// Lets the register do what the function does.
    pub(crate) fn call(&mut self, call: &Call) -> Reply {
        match self {
            Self::Here(session) => session.call(call),
            Self::There { address, line } => {
                if line.is_none() && call.name != "close" {
                    match connect(address) {
                        Ok(connected) => *line = Some(connected),
                        Err(_) => return refusal(Code::NO_CONNECTION),
                    }
                    // The driver connects again by itself, and has to take the register anew.
                    let again = Call { name: "open".into(), ..Call::default() };
                    if call.name != "open" && call.name != "control" {
                        let reply = exchange(line, &again);
                        if reply.code != 0 {
                            return reply;
                        }
                    }
                }
                exchange(line, call)
            }
        }
    }
}

pub(crate) fn refusal(code: Code) -> Reply {
    Reply { code: code.0, text: code.text().to_owned(), ..Reply::default() }
}

fn connect(address: &str) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    Ok(BufReader::new(stream))
}

fn exchange(line: &mut Option<BufReader<TcpStream>>, call: &Call) -> Reply {
    let Some(open) = line else { return refusal(Code::CONNECTION_DISABLED) };
    ask(open, call).unwrap_or_else(|_| {
        *line = None;
        refusal(Code::CONNECTION_LOST)
    })
}

fn ask(line: &mut BufReader<TcpStream>, call: &Call) -> io::Result<Reply> {
    let mut text = serde_json::to_string(call).map_err(io::Error::other)?;
    text.push('\n');
    line.get_mut().write_all(text.as_bytes())?;
    let mut answer = String::new();
    line.by_ref().take(LINE_MAX).read_line(&mut answer)?;
    serde_json::from_str(&answer).map_err(io::Error::other)
}
