//! The conformance suite of card terminals on `sb_pilot`, with one phase and with two, bare and
//! under the guard.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use common::NOON;
use tillway_core::port::{CardTerminal, Clock};
use tillway_core::{Kopecks, Timestamp};
use tillway_device::{Exec, Mode};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::MemoryStore;
use tillway_sberbank::{Config, Sberbank};
use tillway_sim::ids::SeededIds;
use tillway_sim::sberbank::{Kind, Pad, Says, Settings, State, Step, Twin};
use tillway_testkit::runtime::TestClock;
use tillway_testkit::terminal::{Move, MoveKind, Trouble, Venue};
use tillway_testkit::terminal_conformance;

#[derive(Debug)]
struct Place {
    clock: TestClock,
    twin: Twin,
    config: Config,
    guard: Option<(Arc<MemoryStore>, SeededIds)>,
}

fn place(change: impl FnOnce(&mut Config, &mut Settings), guarded: bool) -> Place {
    let clock = TestClock::at(NOON);
    let (mut config, mut settings) = (Config::default(), Settings::default());
    change(&mut config, &mut settings);
    let twin = Twin::new(Pad::new(settings), Arc::new(clock.clone()));
    let guard = guarded.then(|| (Arc::default(), SeededIds::new(5)));
    Place { clock, twin, config, guard }
}

#[async_trait]
impl Venue for Place {
    async fn connect(&mut self) -> Arc<dyn CardTerminal> {
        let (exec, clock) = (self.twin.clone(), Arc::new(self.clock.clone()));
        let bare = Sberbank::start(self.config.clone(), exec, clock, Mode::Inline).unwrap();
        let Some((store, ids)) = &self.guard else { return Arc::new(bare) };
        let (bare, store): (Arc<dyn CardTerminal>, _) = (Arc::new(bare), Arc::clone(store));
        let clock = Arc::new(self.clock.clone());
        Arc::new(Guarded::try_new(bare, store, clock, ids, DeviceConfig::new("pad")).unwrap())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    async fn befall(&mut self, trouble: Trouble) {
        let step = match trouble {
            Trouble::Declined => Step::refuses(4451),
            Trouble::GuestCancels => Step::refuses(2000),
            Trouble::NoBankLink => Step::refuses(4119),
            Trouble::Partial | Trouble::Offline => unreachable!("it does not befall here"),
            Trouble::LostRequest => Step::not_asked(Says::Nothing),
            Trouble::LostAnswer => Step::says(Says::Nothing),
            Trouble::HalfAnswer => Step::says(Says::Half),
            Trouble::LateAnswer => Step::default().taking(self.config.late_within * 2),
            Trouble::UndefinedTaken => Step::says(Says::Code(2004)),
            Trouble::UndefinedNotTaken => Step::not_asked(Says::Code(2004)),
            Trouble::RestartBefore => Step::not_asked(Says::Code(99)),
            Trouble::RestartAfter => Step::says(Says::Code(99)),
            Trouble::Unplugged => {
                self.twin.pad().unplugged = true;
                return;
            }
        };
        self.twin.pad().steps.push_back(step);
    }

    fn befalls(&self, trouble: Trouble) -> bool {
        !matches!(trouble, Trouble::Partial | Trouble::Offline)
    }

    async fn mend(&mut self) {
        let mut pad = self.twin.pad();
        pad.steps.clear();
        pad.unplugged = false;
    }

    async fn pay_as_another(&mut self, amount: Kopecks) {
        let arguments = ["1", &amount.0.to_string(), "0", "0", "/q=FFFF0001"].map(str::to_owned);
        self.twin.clone().run(&arguments, Duration::from_secs(60)).unwrap();
    }

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for moved in self.twin.pad().operations() {
            let amount = Kopecks(moved.kopecks);
            let to = |kind| Move { kind, amount };
            moves.push(to(if moved.kind == Kind::Payment {
                MoveKind::Taken
            } else {
                MoveKind::Back
            }));
            if moved.state == State::Undone {
                moves.push(to(MoveKind::Back));
            }
        }
        moves
    }
}

fn one_phase() -> Place {
    place(|_, _| {}, false)
}

fn two_phases() -> Place {
    place(|config, _| config.two_phase = true, false)
}

/// A pad that keeps no numbers, and whose program tells as little as a build may.
fn without_numbers() -> Place {
    let change = |config: &mut Config, settings: &mut Settings| {
        config.commands.status = String::new();
        (settings.numbers, settings.lines, settings.crlf) = (false, 11, true);
    };
    place(change, false)
}

fn guarded() -> Place {
    Place { guard: Some((Arc::default(), SeededIds::new(5))), ..one_phase() }
}

fn guarded_two_phases() -> Place {
    Place { guard: Some((Arc::default(), SeededIds::new(5))), ..two_phases() }
}

terminal_conformance!(one, one_phase, lacks: [Offline, Partial, Totals, TwoPhase]);
terminal_conformance!(two, two_phases, lacks: [Offline, Partial, Totals]);
terminal_conformance!(numberless, without_numbers, lacks: [Offline, Partial, Resolve, Totals, TwoPhase]);
terminal_conformance!(one_guarded, guarded, lacks: [Offline, Partial, Totals, TwoPhase]);
terminal_conformance!(two_guarded, guarded_two_phases, lacks: [Offline, Partial, Totals]);
