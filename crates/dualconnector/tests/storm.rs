//! 2 000 payments while everything goes wrong that can: at the end bank and journal agree, or the
//! entry is listed with its evidence. Never a double charge, never a lost approval.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{Either, select};
use support::{ADDRESS, Inside, Way, run};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    Approval, Attempt, Known, MoneyOutcome, Operation, Original, ReconcileOutcome, Resolution,
    TerminalError,
};
use tillway_core::port::{CardTerminal, Clock, async_trait};
use tillway_dualconnector::{Config, DualConnector};
use tillway_layers::Guarded;
use tillway_layers::guarded::{DeviceConfig, MoneyJudgement};
use tillway_memory::MemoryStore;
use tillway_sim::dualconnector::{Answer, Decide, Kind, Letters, Settings, Step};
use tillway_sim::ids::SeededIds;
use tillway_transport::fault::Fault;

/// xorshift: the same seed is the same storm.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What is known of an attempt in the end.
#[derive(Clone, Debug)]
enum Ended {
    Approved(Box<Approval>),
    NotPerformed,
    Person(Masked),
}

/// A journal: each attempt once, and whose a reference number is.
#[derive(Clone, Debug, Default)]
struct Journal(Arc<Mutex<BTreeMap<Box<str>, Uuid>>>);

#[async_trait]
impl Known for Journal {
    async fn owner(&self, reference: &str) -> Result<Option<Uuid>, TerminalError> {
        Ok(self.0.lock().unwrap().get(reference).copied())
    }
}

struct Storm {
    inside: Inside,
    till: Till,
    /// What outlives a guarded till.
    guard: Option<(Arc<MemoryStore>, SeededIds)>,
    journal: Journal,
    dice: Dice,
    attempts: u32,
    ended: Vec<(Attempt, Operation, Ended)>,
}

/// The program at the terminal.
#[derive(Clone)]
enum Till {
    Bare(Arc<DualConnector>),
    Guarded(Arc<Guarded<dyn CardTerminal>>),
}

impl Till {
    fn start(inside: &Inside, guard: Option<&(Arc<MemoryStore>, SeededIds)>) -> Self {
        let bare = Arc::new(inside.adapter(Config::new(ADDRESS)));
        let Some((store, ids)) = guard else { return Self::Bare(bare) };
        let (store, clock) = (Arc::clone(store), Arc::new(inside.clock));
        let bare: Arc<dyn CardTerminal> = bare;
        let config = DeviceConfig::new("terminal 1");
        Self::Guarded(Arc::new(Guarded::try_new(bare, store, clock, ids, config).unwrap()))
    }

    fn terminal(&self) -> &dyn CardTerminal {
        match self {
            Self::Bare(bare) => &**bare,
            Self::Guarded(guarded) => &**guarded,
        }
    }
}

impl Storm {
    fn new(seed: u64, way: Way, guarded: bool) -> Self {
        let inside = Inside::new(way, Settings::default());
        let guard = guarded.then(|| (Arc::default(), SeededIds::new(seed)));
        let till = Till::start(&inside, guard.as_ref());
        let (journal, dice) = (Journal::default(), Dice(seed));
        Self { inside, till, guard, journal, dice, attempts: 0, ended: Vec::new() }
    }

    /// A person looks into the bank's cabinet.
    async fn person(&self, attempt: &Attempt) {
        let Till::Guarded(guarded) = &self.till else { return };
        let bank = self.inside.device.bank();
        let says = match bank.iter().find(|one| one.number == attempt.number()) {
            None => MoneyJudgement::NotPerformed,
            Some(one) => MoneyJudgement::Approved(Box::new(Approval {
                amount: one.amount,
                reference: Some(one.reference.as_str().into()),
                authorisation: None,
                terminal: None,
                merchant: None,
                sequence: None,
                batch: None,
                at: None,
                card: None,
                brand: None,
                partial: false,
                offline: false,
                slips: Vec::new(),
                evidence: Masked::default(),
            })),
        };
        guarded.judge(attempt.id, says, "Анна").await.unwrap();
    }

    /// Something goes wrong with the next operation, or nothing.
    fn trouble(&mut self) {
        let Inside { device, cable, .. } = self.inside.clone();
        let minute = Duration::from_secs(60);
        let step = match self.dice.roll(30) {
            0 => Step::of(Decide::decline()),
            1 => Step::of(Decide::Abort),
            2 => Step::of(Decide::NoLink),
            3 => Step::of(Decide::Partial),
            4 => Step::of(Decide::Offline),
            5 => Step::of(Decide::Undefined { taken: true }),
            6 => Step::of(Decide::Undefined { taken: false }),
            7 => Step::of(Decide::ServiceError(13)),
            8 => Step::of(Decide::ServiceError(1)),
            9 => Step::heard(Answer::CutBefore),
            10 => Step::heard(Answer::CutHalf),
            11 => Step::heard(Answer::Half),
            12 => Step::heard(Answer::Http(500)),
            13 => Step::heard(Answer::Broken),
            14 => Step::heard(Answer::NoStatus),
            15 => Step::heard(Answer::Foreign),
            16 => Step { card: Some(Duration::from_secs(200)), ..Step::default() },
            17 => Step { late: Duration::from_secs(400), ..Step::default() },
            18 => Step { restart: Some(minute), ..Step::of(Decide::Undefined { taken: true }) },
            19 => Step { restart: Some(minute), ..Step::of(Decide::Undefined { taken: false }) },
            20 => Step { restart: Some(minute), ..Step::heard(Answer::CutHalf) },
            21 => Step { letters: Some(Letters::lie("koi8-r", "utf-8")), ..Step::default() },
            22 => Step { letters: Some(Letters::lie("utf-8", "ibm866")), ..Step::default() },
            23 => return cable.next(Fault::LoseRequest),
            24 => return cable.next(Fault::LoseAnswer),
            25 => return cable.next(Fault::Refuse),
            _ => return,
        };
        device.push(step);
    }

    /// One attempt, from its intent to its end. The till may die meanwhile.
    async fn attempt(&mut self, what: Operation) -> Ended {
        self.attempts += 1;
        let attempt =
            Attempt { id: Uuid::from_u128(u128::from(self.attempts)), at: self.inside.clock.now() };
        self.trouble();
        let outcome = if self.dice.roll(12) == 0 {
            let alive = Duration::from_millis(self.dice.roll(6_000));
            let till = self.till.clone();
            let died = self.inside.clock.sleep(alive);
            match select(till.terminal().perform(&attempt, &what), died).await {
                Either::Left((outcome, _)) => Some(outcome),
                Either::Right(_) => None,
            }
        } else if self.dice.roll(25) == 0 {
            // The terminal is switched off and on while the guest stands there.
            let (till, device) = (self.till.clone(), self.inside.device.clone());
            let off = async {
                self.inside.clock.sleep(Duration::from_secs(2)).await;
                device.restart(Duration::from_secs(40));
            };
            Some(futures::future::join(till.terminal().perform(&attempt, &what), off).await.0)
        } else {
            Some(self.till.terminal().perform(&attempt, &what).await)
        };
        if outcome.is_none() {
            self.till = Till::start(&self.inside, self.guard.as_ref());
        }
        let ended = match outcome {
            Some(MoneyOutcome::Approved(approval)) => Ended::Approved(approval),
            Some(MoneyOutcome::Declined(_)) => Ended::NotPerformed,
            Some(MoneyOutcome::InDoubt(_)) | None => self.resolve(&attempt, &what).await,
        };
        // What was planned for a device that was not reached does not befall the next guest.
        self.inside.device.forget_steps();
        if let Ended::Approved(approval) = &ended
            && let Some(reference) = &approval.reference
        {
            let before = self.journal.0.lock().unwrap().insert(reference.clone(), attempt.id);
            assert_eq!(before, None, "{reference} is of two attempts");
        }
        self.ended.push((attempt, what, ended.clone()));
        ended
    }

    async fn resolve(&self, attempt: &Attempt, what: &Operation) -> Ended {
        let mut last = None;
        for _ in 0..60 {
            match self.till.terminal().resolve(attempt, what, &self.journal).await {
                Resolution::Approved(approval) => return Ended::Approved(approval),
                Resolution::NotPerformed(_) => return Ended::NotPerformed,
                Resolution::Person(evidence) => {
                    self.person(attempt).await;
                    return Ended::Person(evidence);
                }
                Resolution::NotYet(error) => last = Some(error),
            }
            self.inside.clock.sleep(Duration::from_secs(60)).await;
        }
        panic!("never says what became of {what:?}: {last:?}");
    }

    async fn pay(&mut self) {
        // Few amounts: what one guest pays looks like what another paid.
        let amount = Kopecks([12_500, 12_500, 30_000, 99].map(i64::from)[self.die(4)]);
        let ended = self.attempt(Operation::Pay { amount }).await;
        let Ended::Approved(paid) = ended else { return };
        let of = Original {
            amount: paid.amount,
            returned: Kopecks::ZERO,
            reference: paid.reference,
            authorisation: paid.authorisation,
            attempt: self.ended.last().unwrap().0,
            confirmed: false,
        };
        let (whole, part) = (of.amount, Kopecks((of.amount.0 / 3).max(1)));
        let what = match self.die(10) {
            0 => Operation::RollBack { of },
            1 => Operation::Cancel { of, amount: whole },
            2 => Operation::Cancel { of, amount: part },
            3 => Operation::Refund { of, amount: part },
            _ => return,
        };
        self.attempt(what).await;
    }

    fn die(&mut self, sides: u64) -> usize {
        usize::try_from(self.dice.roll(sides)).unwrap()
    }

    /// The end of a day: never while something is open, which here nothing is.
    async fn reconcile(&self) {
        for _ in 0..20 {
            match self.till.terminal().reconcile().await {
                ReconcileOutcome::Done(done) => return assert_ne!(done.agreed, Some(false)),
                ReconcileOutcome::Refused(_) | ReconcileOutcome::InDoubt(_) => {
                    self.inside.clock.sleep(Duration::from_secs(60)).await;
                }
            }
        }
        panic!("no reconciliation");
    }

    /// Bank and journal agree, or the entry is listed.
    fn settle(&self) -> (usize, usize) {
        let mut bank = self.inside.device.bank();
        let mut persons = 0;
        for (attempt, what, ended) in &self.ended {
            let kind = match what {
                Operation::Pay { .. } => [Kind::Pay, Kind::Pay],
                Operation::Cancel { .. } | Operation::RollBack { .. } => [Kind::Cancel; 2],
                Operation::Refund { .. } => [Kind::Refund, Kind::Cancel],
            };
            match ended {
                Ended::Approved(approval) => {
                    let reference = approval.reference.as_deref().unwrap();
                    let at = bank.iter().position(|one| one.reference == reference).unwrap();
                    let one = bank.remove(at);
                    assert_eq!(one.amount, approval.amount, "{what:?}");
                    assert!(kind.contains(&one.kind), "{what:?}: {one:?}");
                    // An emergency cancel goes under the number of what it undoes.
                    let numbers =
                        [Some(attempt.number()), what.original().map(|of| of.attempt.number())];
                    assert!(numbers.contains(&Some(one.number)), "{attempt:?}: {one:?}");
                }
                Ended::NotPerformed => {}
                Ended::Person(evidence) => {
                    assert!(!evidence.as_str().is_empty(), "evidence of {what:?}");
                    persons += 1;
                    let numbers =
                        [Some(attempt.number()), what.original().map(|of| of.attempt.number())];
                    let at = bank.iter().position(|one| {
                        numbers.contains(&Some(one.number)) && kind.contains(&one.kind)
                    });
                    at.map(|at| bank.remove(at));
                }
            }
        }
        assert!(bank.is_empty(), "nobody knows of {bank:#?}");
        (self.ended.len(), persons)
    }
}

fn storm(seed: u64, payments: usize, way: Way, guarded: bool) {
    run(async {
        let mut storm = Storm::new(seed, way, guarded);
        storm.till.terminal().probe().await.unwrap();
        for nth in 1..=payments {
            storm.pay().await;
            if nth % 12 == 0 {
                storm.reconcile().await;
            }
        }
        // What is late comes now, or never.
        storm.inside.clock.sleep(Duration::from_secs(3_600)).await;
        let (attempts, persons) = storm.settle();
        let approved =
            storm.ended.iter().filter(|(_, _, it)| matches!(it, Ended::Approved(_))).count();
        println!("seed {seed}: {attempts} attempts, {approved} approved, {persons} for a person");
        assert!(approved * 2 > attempts, "most are approved");
        assert!(persons * 20 < attempts, "few are for a person: {persons} of {attempts}");
    });
}

#[test]
fn two_thousand_payments_in_a_storm() {
    storm(0x5EED_0001, 2_000, Way::Direct, true);
}

#[test]
fn payments_in_a_storm_over_http() {
    storm(0x5EED_0002, 200, Way::Http, false);
}

#[test]
fn unguarded_payments_in_a_storm() {
    storm(0x5EED_0003, 600, Way::Direct, false);
}
