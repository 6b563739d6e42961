//! Two thousand payments through a pad that lies and a till that dies: the bank and the journal
//! agree at the end, or a person is asked.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use common::{NOON, pay};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    Approval, Attempt, Capabilities, HoldError, Known, MoneyOutcome, Operation, Original,
    ReconcileOutcome, Report, ReportKind, Resolution, Slip, TerminalError, TerminalInfo,
};
use tillway_core::port::{CardTerminal, Clock};
use tillway_device::Mode;
use tillway_layers::Guarded;
use tillway_layers::guarded::{DeviceConfig, MoneyJudgement};
use tillway_memory::MemoryStore;
use tillway_sberbank::{Config, Sberbank};
use tillway_sim::ids::SeededIds;
use tillway_sim::sberbank::{Kind, Pad, Says, Settings, Step, Twin};
use tillway_testkit::runtime::{TestClock, block_on};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn step(&mut self) -> Step {
        match self.roll(18) {
            0 => Step::refuses(4451),
            1 => Step::refuses(2000),
            2 => Step::refuses(4119),
            3 => Step::says(Says::Code(99)),
            4 => Step::not_asked(Says::Code(99)),
            5 => Step::not_asked(Says::Nothing),
            6 => Step::says(Says::Nothing),
            7 => Step::says(Says::Half),
            8 => Step::says(Says::Old),
            9 => Step::says(Says::FirstLine),
            10 => Step::says(Says::Hangs),
            11 => Step::says(Says::Foreign),
            12 => Step { exit: 1, ..Step::default() },
            _ => Step::default(),
        }
    }
}

/// The till dies: before the terminal is touched, or after it answered.
#[derive(Debug)]
struct Dies {
    inner: Sberbank,
    when: Arc<AtomicU8>,
}

const BEFORE: u8 = 1;
const AFTER: u8 = 2;

impl Dies {
    async fn die(&self, now: u8) {
        if self.when.compare_exchange(now, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl CardTerminal for Dies {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    async fn probe(&self) -> Result<TerminalInfo, TerminalError> {
        self.inner.probe().await
    }
    async fn perform(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
        self.die(BEFORE).await;
        let outcome = self.inner.perform(attempt, what).await;
        self.die(AFTER).await;
        outcome
    }
    async fn hold(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError> {
        self.die(BEFORE).await;
        let held = self.inner.hold(attempt, of).await;
        self.die(AFTER).await;
        held
    }
    async fn confirm(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError> {
        self.die(BEFORE).await;
        let confirmed = self.inner.confirm(attempt, of).await;
        self.die(AFTER).await;
        confirmed
    }
    async fn resolve(&self, attempt: &Attempt, what: &Operation, known: &dyn Known) -> Resolution {
        self.inner.resolve(attempt, what, known).await
    }
    async fn report(&self, kind: ReportKind) -> Result<Report, TerminalError> {
        self.inner.report(kind).await
    }
    async fn last_slip(&self) -> Result<Vec<Slip>, TerminalError> {
        self.inner.last_slip().await
    }
    async fn reconcile(&self) -> ReconcileOutcome {
        self.inner.reconcile().await
    }
}

/// A kiosk that is restarted whenever it dies.
struct Kiosk {
    clock: TestClock,
    twin: Twin,
    store: Arc<MemoryStore>,
    ids: SeededIds,
    dies: Arc<AtomicU8>,
    two_phase: bool,
    terminal: Guarded<dyn CardTerminal>,
    judged: u32,
}

fn boot(
    clock: &TestClock,
    twin: &Twin,
    store: &Arc<MemoryStore>,
    ids: &SeededIds,
    dies: &Arc<AtomicU8>,
    two_phase: bool,
) -> Guarded<dyn CardTerminal> {
    let mut config = Config::default();
    config.two_phase = two_phase;
    let now = Arc::new(clock.clone());
    let inner = Sberbank::start(config, twin.clone(), now, Mode::Inline).unwrap();
    let inner: Arc<dyn CardTerminal> = Arc::new(Dies { inner, when: Arc::clone(dies) });
    let store = Arc::clone(store);
    let config = DeviceConfig::new("kiosk 1");
    Guarded::try_new(inner, store, Arc::new(clock.clone()), ids, config).unwrap()
}

impl Kiosk {
    fn new(settings: Settings, two_phase: bool) -> Self {
        let clock = TestClock::at(NOON);
        let twin = Twin::new(Pad::new(settings), Arc::new(clock.clone()));
        let (store, ids, dies) = (Arc::default(), SeededIds::new(1), Arc::default());
        let terminal = boot(&clock, &twin, &store, &ids, &dies, two_phase);
        Self { clock, twin, store, ids, dies, two_phase, terminal, judged: 0 }
    }

    /// Runs a call of the terminal; `None` when the till died in it and is up again.
    fn live<T>(&mut self, call: impl AsyncFnOnce(&Guarded<dyn CardTerminal>) -> T) -> Option<T> {
        let done = {
            let mut call = Box::pin(call(&self.terminal));
            match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            }
        };
        self.dies.store(0, Ordering::SeqCst);
        if done.is_none() {
            let Self { clock, twin, store, ids, dies, two_phase, .. } = &*self;
            self.terminal = boot(clock, twin, store, ids, dies, *two_phase);
        }
        done
    }

    /// Settles everything; what only a person can say, the person looks up at the bank.
    fn settle(&mut self) {
        for _ in 0..4 {
            let left = block_on(self.terminal.recover()).unwrap();
            if left.is_empty() {
                return;
            }
            for resolved in left {
                let id = resolved.attempt.id;
                if resolved.held {
                    self.give_back(&resolved.attempt, &resolved.found);
                } else if let Resolution::Person(evidence) = resolved.found {
                    assert!(!evidence.as_str().is_empty());
                    self.judge(id, &resolved.what);
                }
            }
            self.clock.advance(Duration::from_secs(121));
        }
        panic!("something is never settled");
    }

    /// What was held when the till died is undone by the sale.
    fn give_back(&mut self, held: &Attempt, found: &Resolution) {
        let Resolution::Approved(approval) = found else { panic!("{found:?}") };
        let of = original(held, approval);
        let attempt =
            Attempt { id: Uuid::from_u128(held.id.as_u128() | 1 << 31), at: self.clock.now() };
        let undone = block_on(self.terminal.perform(&attempt, &Operation::RollBack { of }));
        if let MoneyOutcome::Declined(_) = undone {
            // It was confirmed before the till died.
            block_on(self.terminal.confirm(held, approval)).unwrap();
        }
    }

    fn judge(&mut self, id: Uuid, what: &Operation) {
        self.judged += 1;
        let number = Attempt { id, at: NOON }.number();
        let pad = self.twin.pad();
        let moved = match what {
            Operation::RollBack { of } => pad.paid_for(of.attempt.number()) == 0,
            _ => pad.operations().iter().any(|moved| moved.number == Some(number)),
        };
        drop(pad);
        let says = if moved {
            MoneyJudgement::Approved(Box::new(approval(what.amount())))
        } else {
            MoneyJudgement::NotPerformed
        };
        block_on(self.terminal.judge(id, says, "Анна")).unwrap();
    }

    fn answer(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
        block_on(self.terminal.perform(attempt, what))
    }
}

fn approval(amount: Kopecks) -> Approval {
    Approval {
        amount,
        reference: None,
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
        evidence: Masked::new("the bank's cabinet"),
    }
}

fn original(attempt: &Attempt, approval: &Approval) -> Original {
    Original {
        amount: approval.amount,
        returned: Kopecks::ZERO,
        reference: approval.reference.clone(),
        authorisation: approval.authorisation.clone(),
        attempt: *attempt,
        confirmed: false,
    }
}

/// After so many payments the day is closed: nothing is open then.
const DAY: u32 = 200;

/// Every payment is sent, perhaps again, perhaps with a crash; some are given back in part.
fn run(seed: u64, count: u32, settings: Settings, two_phase: bool) -> Kiosk {
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut kiosk = Kiosk::new(settings, two_phase);
    for number in 1..=count {
        let amount = i64::try_from(dice.roll(90_000)).unwrap() + 100;
        let attempt = Attempt { id: Uuid::from_u128(u128::from(number)), at: kiosk.clock.now() };
        kiosk.twin.pad().steps.clear();
        kiosk.twin.pad().steps.push_back(dice.step());
        kiosk.dies.store(u8::try_from(dice.roll(8)).unwrap(), Ordering::SeqCst);
        kiosk.live(async |terminal| terminal.perform(&attempt, &pay(amount)).await);
        if dice.roll(3) == 0 {
            let before = kiosk.twin.pad().operations().len();
            kiosk.answer(&attempt, &pay(amount));
            assert_eq!(kiosk.twin.pad().operations().len(), before, "a repeat is never sent");
        }
        kiosk.settle();
        let outcome = kiosk.answer(&attempt, &pay(amount));
        let expected = match &outcome {
            MoneyOutcome::Approved(approval) => {
                amount - after(&mut kiosk, &mut dice, &attempt, approval, amount)
            }
            MoneyOutcome::Declined(_) => 0,
            MoneyOutcome::InDoubt(error) => panic!("{number}: {error}"),
        };
        assert_eq!(kiosk.twin.pad().paid_for(number), expected, "{number}: {outcome:?}");
        if number % DAY == 0 {
            kiosk.twin.pad().steps.clear();
            kiosk.dies.store(0, Ordering::SeqCst);
            let closed = block_on(kiosk.terminal.reconcile());
            assert!(matches!(closed, ReconcileOutcome::Done(_)), "{number}: {closed:?}");
        }
    }
    assert_eq!(kiosk.twin.pad().reconciliations(), count / DAY);
    kiosk
}

/// What happens to an approved payment; answers how much of it went back.
fn after(
    kiosk: &mut Kiosk,
    dice: &mut Dice,
    attempt: &Attempt,
    approval: &Approval,
    amount: i64,
) -> i64 {
    kiosk.dies.store(u8::try_from(dice.roll(6)).unwrap(), Ordering::SeqCst);
    let (what, back) = match dice.roll(3) {
        0 if approval.reference.is_some() => {
            let part = amount / 3 + 1;
            (Operation::Refund { of: original(attempt, approval), amount: Kopecks(part) }, part)
        }
        1 if kiosk.two_phase && approval.authorisation.is_some() => {
            let held = kiosk.live(async |terminal| terminal.hold(attempt, approval).await);
            if held == Some(Ok(())) {
                kiosk.live(async |terminal| terminal.confirm(attempt, approval).await);
            }
            kiosk.settle();
            // Held at a crash, it was undone; confirmed before it, it stays.
            return amount - kiosk.twin.pad().paid_for(attempt.number());
        }
        _ => return 0,
    };
    kiosk.twin.pad().steps.push_back(dice.step());
    let id = Uuid::from_u128(attempt.id.as_u128() | 1 << 30);
    let refund = Attempt { id, at: kiosk.clock.now() };
    kiosk.live(async |terminal| terminal.perform(&refund, &what).await);
    kiosk.settle();
    match kiosk.answer(&refund, &what) {
        MoneyOutcome::Approved(_) => back,
        MoneyOutcome::Declined(_) => 0,
        MoneyOutcome::InDoubt(error) => panic!("{error}"),
    }
}

fn nobody_paid_twice(kiosk: &Kiosk) {
    let pad = kiosk.twin.pad();
    let mut numbers: Vec<_> = pad
        .operations()
        .iter()
        .filter(|moved| moved.kind == Kind::Payment)
        .map(|moved| moved.number.unwrap())
        .collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all);
}

#[test]
fn qa8_two_thousand_payments_agree_with_the_bank() {
    let kiosk = run(2_026, 2_000, Settings::default(), false);
    nobody_paid_twice(&kiosk);
    assert_eq!(kiosk.judged, 0, "a pad that knows numbers needs no person");
}

#[test]
fn two_thousand_payments_on_a_pad_without_numbers_need_a_person() {
    let settings = Settings { numbers: false, ..Settings::default() };
    let kiosk = run(7, 2_000, settings, false);
    nobody_paid_twice(&kiosk);
    assert!(kiosk.judged > 100, "{}", kiosk.judged);
}

/// A person says that a held payment was rolled back: its terminal is free again.
#[test]
fn a_judged_roll_back_frees_the_terminal() {
    let settings = Settings { numbers: false, ..Settings::default() };
    let kiosk = Kiosk::new(settings, true);
    let attempt = |number| Attempt { id: Uuid::from_u128(number), at: NOON };
    let MoneyOutcome::Approved(paid) = kiosk.answer(&attempt(1), &pay(500)) else { panic!() };
    block_on(kiosk.terminal.hold(&attempt(1), &paid)).unwrap();
    kiosk.twin.pad().steps.push_back(Step::says(Says::Nothing));
    let back = Operation::RollBack { of: original(&attempt(1), &paid) };
    assert!(matches!(kiosk.answer(&attempt(2), &back), MoneyOutcome::InDoubt(_)));
    let says = MoneyJudgement::Approved(Box::new(approval(Kopecks(500))));
    block_on(kiosk.terminal.judge(attempt(2).id, says, "Анна")).unwrap();
    assert!(block_on(kiosk.terminal.recover()).unwrap().is_empty());
    let next = kiosk.answer(&attempt(3), &pay(700));
    assert!(matches!(next, MoneyOutcome::Approved(_)), "{next:?}");
}

#[test]
fn qa7_and_qa8_two_thousand_payments_in_two_phases() {
    let kiosk = run(11, 2_000, Settings::default(), true);
    nobody_paid_twice(&kiosk);
}
