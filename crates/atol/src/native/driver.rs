//! The driver's contract above the bare functions: errors are read at once, texts whole, and a
//! JSON task is one call.

use std::sync::Arc;

use tillway_core::Kopecks;
use tillway_core::port::fiscal::Cause;

use super::abi::{Call, Handle, Library};
use super::error::{Failure, LoadError};
use super::ids::Param;
use super::wide::{self, Text};

/// What it says after −1 when it does not say why.
const UNKNOWN: i32 = 15;

/// One handle of the driver, for one register.
#[derive(Debug)]
pub(super) struct Driver(Handle);

impl Driver {
    /// A handle with these settings; it is not open.
    pub(super) fn create(library: &Arc<Library>, settings: &Text) -> Result<Self, Failure> {
        let mut driver = Self(library.create()?);
        match driver.0.set_settings(settings) {
            0 => Ok(driver),
            _ => Err(driver.failure()),
        }
    }

    /// Opens the register anew, whatever the handle thought of it before.
    pub(super) fn open(&mut self) -> Result<(), Failure> {
        if self.0.call(Call::IsOpened).is_some_and(|opened| opened != 0) {
            // Without a link there is nothing to close, and nothing depends on it.
            let _ = self.run(Call::Close);
        }
        self.run(Call::Open)
    }

    /// Calls a function that says how it went.
    pub(super) fn run(&mut self, call: Call) -> Result<(), Failure> {
        match self.0.call(call) {
            Some(0) => Ok(()),
            Some(_) => Err(self.failure()),
            None => {
                Err(Failure::refused(Cause::Unsupported, format!("the driver has no {call:?}")))
            }
        }
    }

    /// The driver keeps what went wrong until the next call: read it before anything else.
    fn failure(&mut self) -> Failure {
        let number = self.0.call(Call::ErrorCode).filter(|number| *number != 0);
        let text = wide::read(|buffer| self.0.error_description(buffer)).unwrap_or_default();
        Failure::of_driver(number.unwrap_or(UNKNOWN), &text)
    }

    /// Runs a JSON task; its result, empty where it has none.
    pub(super) fn process_json(&mut self, task: &str) -> Result<String, Failure> {
        self.set_str(Param::JSON_DATA, task)?;
        self.run(Call::ProcessJson)?;
        Ok(wide::read(|buffer| self.0.str(Param::JSON_DATA, buffer))?)
    }

    /// Whether the driver would take a task; nothing is sent to the register.
    pub(super) fn validate_json(&mut self, task: &str) -> Result<(), Failure> {
        self.set_str(Param::JSON_DATA, task)?;
        self.run(Call::ValidateJson)
    }

    pub(super) fn set_str(&mut self, id: Param, value: &str) -> Result<(), Failure> {
        self.0.set_str(id, &Text::try_new(value)?);
        Ok(())
    }

    pub(super) fn set_int(&mut self, id: Param, value: u32) {
        self.0.set_int(id, value);
    }

    pub(super) fn set_bool(&mut self, id: Param, value: bool) {
        self.0.set_bool(id, value);
    }

    /// The driver takes numbers as doubles and rounds them itself: it gets the one that is nearest
    /// to the exact number, from its text.
    pub(super) fn set_number(&mut self, id: Param, exact: &str) -> Result<(), Failure> {
        let value = nearest(exact).ok_or_else(|| {
            Failure::refused(Cause::BadReceipt, format!("{exact} is too large for the driver"))
        })?;
        self.0.set_double(id, value);
        Ok(())
    }

    pub(super) fn set_money(&mut self, id: Param, amount: Kopecks) -> Result<(), Failure> {
        self.set_number(id, &amount.rubles().to_string())
    }

    pub(super) fn bool(&mut self, id: Param) -> bool {
        self.0.bool(id)
    }

    pub(super) fn int(&mut self, id: Param) -> u32 {
        self.0.int(id)
    }
}

/// The double whose shortest text is this number; `None` when two numbers would share one.
fn nearest(exact: &str) -> Option<f64> {
    exact.parse().ok().filter(|value: &f64| value.to_string() == exact)
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Lets go of the register; a driver that was never open says no, which is as well.
        let _ = self.0.call(Call::Close);
    }
}

/// The driver's version.
pub(super) fn version(library: &Library) -> String {
    library.version()
}

/// Loads the library.
pub(super) fn load(path: &std::path::Path) -> Result<Arc<Library>, LoadError> {
    Library::load(path).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_stands_for_one_number_or_is_refused() {
        for kopecks in [0, 1, 7, 10, 99, 100, 8_555, 36_005, 999_999_999_999_999] {
            let text = Kopecks(kopecks).rubles().to_string();
            let back = nearest(&text).map(|value| Kopecks::parse_rubles(&value.to_string()));
            assert_eq!(back, Some(Ok(Kopecks(kopecks))), "{text}");
        }
        for quantity in ["1", "0.333333", "99999999", "0.000001", "12345678.654321"] {
            assert_eq!(nearest(quantity).unwrap().to_string(), quantity);
        }
        assert_eq!(nearest(&Kopecks(i64::MAX).rubles().to_string()), None);
        assert_eq!((nearest("1e3"), nearest("1.50"), nearest("")), (None, None, None));
    }
}
