//! Which Waiter device works with which till (rules D1 and D2).
//!
//! Waiter's requests carry no device id (T8), so nothing can be checked per request: the rule lives
//! in our registry, and each till listens on an address of its own, which only its device is
//! given (D2).

use crate::id::{DeviceId, TillId};

/// One device at one till.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pairing {
    /// The till.
    pub till: TillId,
    /// The device.
    pub device: DeviceId,
}

/// What a permitted pairing means for the registry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PairOutcome {
    /// Store the pair.
    New,
    /// It is stored already; nothing changes.
    Same,
}

/// Rule D1: a till has at most one device, a device belongs to at most one till.
///
/// `existing` is the whole registry. The caller stores the pair in the same transaction it read
/// the registry in, so that two requests at once cannot both be new.
///
/// # Errors
/// [`PairRefusal`]; unpair the one it names first. When both are taken, the till is named.
pub fn pair(
    existing: &[Pairing],
    till: &TillId,
    device: &DeviceId,
) -> Result<PairOutcome, PairRefusal> {
    if existing.iter().any(|p| p.till == *till && p.device == *device) {
        return Ok(PairOutcome::Same);
    }
    if existing.iter().any(|p| p.till == *till) {
        return Err(PairRefusal::TillHasDevice);
    }
    if existing.iter().any(|p| p.device == *device) {
        return Err(PairRefusal::DeviceHasTill);
    }
    Ok(PairOutcome::New)
}

/// Why a till and a device cannot be paired.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PairRefusal {
    /// The till works with another device. Unpair the till first.
    #[error("the till has another device")]
    TillHasDevice,
    /// The device works with another till. Unpair the device first.
    #[error("the device has another till")]
    DeviceHasTill,
}

impl PairRefusal {
    /// The word for peers and logs: `till_has_device` or `device_has_till`.
    pub fn code(self) -> &'static str {
        match self {
            Self::TillHasDevice => "till_has_device",
            Self::DeviceHasTill => "device_has_till",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(
        existing: &[(&str, &str)],
        till: &str,
        device: &str,
    ) -> Result<PairOutcome, PairRefusal> {
        let till_id = |text: &str| TillId::try_new(text).unwrap();
        let device_id = |text: &str| DeviceId::try_new(text).unwrap();
        let pairing = |(till, device): &(&str, &str)| Pairing {
            till: till_id(till),
            device: device_id(device),
        };
        let registry: Vec<_> = existing.iter().map(pairing).collect();
        pair(&registry, &till_id(till), &device_id(device))
    }

    #[test]
    fn d1_one_device_per_till_and_one_till_per_device() {
        let paired = [("till-1", "phone-1"), ("till-2", "phone-2")];
        let rows = [
            ("till-3", "phone-3", Ok(PairOutcome::New)),
            ("till-1", "phone-1", Ok(PairOutcome::Same)),
            ("till-1", "phone-3", Err(PairRefusal::TillHasDevice)),
            ("till-3", "phone-1", Err(PairRefusal::DeviceHasTill)),
            ("till-1", "phone-2", Err(PairRefusal::TillHasDevice)),
        ];
        for (till, device, expected) in rows {
            assert_eq!(ask(&paired, till, device), expected, "{till} {device}");
        }
        assert_eq!(ask(&[], "till-1", "phone-1"), Ok(PairOutcome::New));
    }

    #[test]
    fn d1_the_refusals_have_words() {
        assert_eq!(PairRefusal::TillHasDevice.code(), "till_has_device");
        assert_eq!(PairRefusal::DeviceHasTill.code(), "device_has_till");
    }
}
