//! A pad under the guard, where both must agree on what is held.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{NOON, Nobody, original, pay};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{
    Approval, Attempt, MoneyOutcome, Operation, ReconcileOutcome, Resolution,
};
use tillway_core::port::{CardTerminal, Clock};
use tillway_device::{Exec, Mode};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::MemoryStore;
use tillway_sberbank::{Config, Sberbank};
use tillway_sim::ids::SeededIds;
use tillway_sim::sberbank::{Pad, Twin};
use tillway_testkit::runtime::{TestClock, block_on};

struct Place {
    clock: TestClock,
    twin: Twin,
    terminal: Guarded<dyn CardTerminal>,
}

fn place() -> Place {
    let clock = TestClock::at(NOON);
    let twin = Twin::new(Pad::default(), Arc::new(clock.clone()));
    let mut config = Config::default();
    config.two_phase = true;
    let shared = || Arc::new(clock.clone());
    let bare: Arc<dyn CardTerminal> =
        Arc::new(Sberbank::start(config, twin.clone(), shared(), Mode::Inline).unwrap());
    let (store, ids) = (Arc::new(MemoryStore::new()), SeededIds::new(5));
    let terminal = Guarded::try_new(bare, store, shared(), &ids, DeviceConfig::new("pad")).unwrap();
    Place { clock, twin, terminal }
}

impl Place {
    fn attempt(&self, number: u128) -> Attempt {
        Attempt { id: Uuid::from_u128(number), at: self.clock.now() }
    }

    fn held(&self) -> (Attempt, Approval) {
        let attempt = self.attempt(7);
        let told = block_on(self.terminal.perform(&attempt, &pay(500)));
        let MoneyOutcome::Approved(paid) = told else { panic!("{told:?}") };
        block_on(self.terminal.hold(&attempt, &paid)).unwrap();
        (attempt, *paid)
    }

    /// Somebody pays at the pad itself: what is suspended gives itself back.
    fn pays_beside(&self) {
        let line = ["1", "100", "0", "0", "/q=FFFF0001"].map(str::to_owned);
        self.twin.clone().run(&line, Duration::from_secs(60)).unwrap();
    }
}

/// The pad gave it back by itself. The till finds that out, and goes on.
#[test]
fn qa7_and_qa8_a_held_payment_that_gave_itself_back_blocks_nobody() {
    let place = place();
    let (attempt, paid) = place.held();
    place.pays_beside();
    assert!(block_on(place.terminal.confirm(&attempt, &paid)).is_err());
    let blocked = block_on(place.terminal.perform(&place.attempt(8), &pay(100)));
    assert!(matches!(blocked, MoneyOutcome::Declined(_)), "{blocked:?}");
    let (back, what) = (place.attempt(9), Operation::RollBack { of: original(&paid, 7) });
    let told = block_on(place.terminal.perform(&back, &what));
    assert!(matches!(told, MoneyOutcome::InDoubt(_)), "{told:?}");
    place.clock.advance(Duration::from_secs(121));
    let told = block_on(place.terminal.resolve(&back, &what, &Nobody));
    assert!(matches!(told, Resolution::Approved(_)), "{told:?}");
    assert_eq!(place.twin.pad().paid_for(7), 0);
    let next = block_on(place.terminal.perform(&place.attempt(10), &pay(100)));
    assert!(matches!(next, MoneyOutcome::Approved(_)), "{next:?}");
    let day = block_on(place.terminal.reconcile());
    assert!(matches!(day, ReconcileOutcome::Done(_)), "{day:?}");
}

/// What is not held and not found is simply declined: nothing was lost.
#[test]
fn a_roll_back_of_what_is_not_held_is_declined() {
    let place = place();
    let attempt = place.attempt(7);
    let told = block_on(place.terminal.perform(&attempt, &pay(500)));
    let MoneyOutcome::Approved(paid) = told else { panic!("{told:?}") };
    place.pays_beside();
    let what = Operation::RollBack { of: original(&paid, 7) };
    let told = block_on(place.terminal.perform(&place.attempt(8), &what));
    assert!(matches!(told, MoneyOutcome::Declined(_)), "{told:?}");
    assert_eq!(place.twin.pad().paid_for(7), 500);
    let refund = Operation::Refund { of: original(&paid, 7), amount: Kopecks(500) };
    let told = block_on(place.terminal.perform(&place.attempt(9), &refund));
    assert!(matches!(told, MoneyOutcome::Approved(_)), "{told:?}");
}
