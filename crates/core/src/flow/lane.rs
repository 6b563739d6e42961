//! The lease of a device across the steps of a flow.

use core::fmt;

/// A device that a flow holds from one of its steps to a later one: a register with an open
/// receipt, a terminal with a payment that is not settled. Nobody else may touch it meanwhile.
///
/// Ordered by name, so that whoever needs several takes them in one order.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Lane(Box<str>);

impl Lane {
    /// The lane of the device that the venue calls so.
    pub fn of(device: &str) -> Self {
        Self(device.into())
    }

    /// The device's name.
    pub fn device(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
