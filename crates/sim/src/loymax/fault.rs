//! What goes wrong with requests.

use std::collections::VecDeque;
use std::time::Duration;

use super::house::Kind;

/// How many steps wait.
pub(super) const STEPS_MAX: usize = 10_000;

/// What goes wrong with one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// For a message with this command alone; any, when `None`.
    pub only: Option<Kind>,
    /// What goes wrong.
    pub fault: Fault,
}

/// What goes wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// No connection: nothing is done.
    Refused,
    /// Nothing is done, and no answer comes.
    LostBefore,
    /// Done, and no answer comes.
    LostAfter,
    /// Another status of HTTP, and no XML.
    Http {
        /// The status.
        status: u16,
        /// The commands are done before.
        done: bool,
    },
    /// Done; half of the answer comes, and its length says so.
    Truncated,
    /// Nothing is done, every command is answered with this number.
    Code(u32),
    /// Nothing is done, the whole message is answered with this number.
    MessageCode(u32),
    /// Done; the answer has no `Version`.
    NoVersion,
    /// Done; the lines come in another order.
    Reordered,
    /// Done; the lines have other numbers.
    Renumbered,
    /// Done; the answer has no `Cheque`.
    NoCheque,
    /// Done; the answer was changed after it was signed. Nothing for tills that do not sign.
    BadSignature,
    /// Done; the answer is not signed.
    NoSignature,
    /// Done; the answer takes so long.
    Slow(Duration),
    /// The processing's clock is this many milliseconds ahead from now on.
    Skew(i64),
}

impl Step {
    /// This goes wrong with the next request, whatever it asks.
    pub fn next(fault: Fault) -> Self {
        Self { only: None, fault }
    }

    /// This goes wrong with the next message that has this command.
    pub fn at(kind: Kind, fault: Fault) -> Self {
        Self { only: Some(kind), fault }
    }
}

/// What waits to go wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    steps: VecDeque<Step>,
    seed: u64,
    permille: u16,
    asked: u64,
}

impl Faults {
    /// More than [`STEPS_MAX`] steps are not kept.
    pub(super) fn push(&mut self, step: Step) -> bool {
        let room = self.steps.len() < STEPS_MAX;
        if room {
            self.steps.push_back(step);
        }
        room
    }

    pub(super) fn seed(&mut self, seed: u64, permille: u16) {
        (self.seed, self.permille, self.asked) = (seed, permille, 0);
    }

    /// What goes wrong with a message of these commands.
    pub(super) fn take(&mut self, kinds: &[Kind]) -> Option<Fault> {
        self.asked = self.asked.saturating_add(1);
        let fits = |step: &Step| step.only.is_none_or(|kind| kinds.contains(&kind));
        if let Some(place) = self.steps.iter().position(fits) {
            return self.steps.remove(place).map(|step| step.fault);
        }
        let drawn = mixed(self.seed ^ mixed(self.asked));
        if drawn % 1_000 >= u64::from(self.permille) {
            return None;
        }
        let mut all = by_chance();
        let count = u64::try_from(all.len()).ok()?;
        let place = usize::try_from((drawn / 1_000).checked_rem(count)?).ok()?;
        Some(all.swap_remove(place))
    }
}

/// What chance may bring: what a network and a busy service do, no wrong set-up.
fn by_chance() -> Vec<Fault> {
    vec![
        Fault::Refused,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Http { status: 500, done: false },
        Fault::Http { status: 503, done: true },
        Fault::Truncated,
        Fault::MessageCode(101),
        Fault::NoVersion,
        Fault::Reordered,
        Fault::Renumbered,
        Fault::BadSignature,
        Fault::Slow(Duration::from_millis(200)),
    ]
}

/// One step of splitmix64.
fn mixed(seed: u64) -> u64 {
    let state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_waits_for_its_command() {
        let mut faults = Faults::default();
        faults.push(Step::at(Kind::Pay, Fault::Refused));
        faults.push(Step::next(Fault::Truncated));
        assert_eq!(faults.take(&[Kind::Balance]), Some(Fault::Truncated));
        assert_eq!(faults.take(&[Kind::Balance]), None);
        assert_eq!(faults.take(&[Kind::Balance, Kind::Pay]), Some(Fault::Refused));
    }

    #[test]
    fn a_seed_gives_the_same_faults_again() {
        let run = |seed, permille| {
            let mut faults = Faults::default();
            faults.seed(seed, permille);
            (0..500).map(|_| faults.take(&[])).collect::<Vec<_>>()
        };
        assert_eq!(run(7, 300), run(7, 300));
        assert_ne!(run(7, 300), run(8, 300));
        let count = run(7, 300).iter().flatten().count();
        assert!((100..200).contains(&count), "{count}");
        assert!(run(7, 0).iter().all(Option::is_none));
        assert!(run(7, 1_000).iter().all(Option::is_some));
    }
}
