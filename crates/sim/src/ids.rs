//! Ids from a seed, so that two runs of a story are alike.

use std::sync::{Mutex, PoisonError};

use tillway_core::id::Uuid;
use tillway_core::port::IdSource;

/// An [`IdSource`] that counts on from a seed. Not for secrets of real systems.
///
/// A service that remembers payments must never meet the same seed twice: the second run would
/// pay under the transaction ids of the first.
#[derive(Debug)]
pub struct SeededIds(Mutex<u64>);

impl SeededIds {
    /// Starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// The next number of the sequence (SplitMix64).
    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl IdSource for SeededIds {
    fn fresh(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.secret()).into_uuid()
    }

    fn secret(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence() {
        let (a, b) = (SeededIds::new(7), SeededIds::new(7));
        let first: Vec<_> = (0..4).map(|_| a.fresh()).collect();
        assert_eq!(first, (0..4).map(|_| b.fresh()).collect::<Vec<_>>());
        assert_ne!(first[0], first[1]);
        assert_eq!(first[0].get_version_num(), 4);
        assert_ne!(SeededIds::new(8).fresh(), first[0]);
    }
}
