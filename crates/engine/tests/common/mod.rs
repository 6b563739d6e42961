//! An engine over the memory store, with the guests of the seed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    missing_debug_implementations,
    unreachable_pub,
    reason = "shared by several tests"
)]

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tillway_core::AccountKind;
use tillway_core::book::{Actor, Caller, Commit};
use tillway_core::id::{CommandId, OrderId, PaymentId, TillId, Uuid};
use tillway_core::money::Kopecks;
use tillway_core::port::{
    AccountBook, BridgeCommand, BridgeDesk, BridgeError, CaptureRequest, CheckedIn, CommandOutcome,
    LoyaltyDesk, PaymentInfo, Store, TableRefusal,
};
use tillway_core::time::Timestamp;
use tillway_core::token::Scan;
use tillway_engine::{Engine, EngineConfig, Ports};
use tillway_memory::MemoryStore;
use tillway_testkit::builders::{self, id, till};
use tillway_testkit::runtime::{CountingIds, TestClock, ThreadSpawner, block_on};

pub const BONUS_TYPE: Uuid = Uuid::from_u128(0xB0);
pub const DEPOSIT_TYPE: Uuid = Uuid::from_u128(0xDE);
pub const CREDIT_TYPE: Uuid = Uuid::from_u128(0xC0);
pub const NOON: Timestamp = Timestamp::utc(1_790_000_000_000);

pub struct Table {
    pub engine: Engine,
    pub store: Arc<MemoryStore>,
    pub clock: TestClock,
    pub spawner: ThreadSpawner,
}

/// A venue of the seed under these rules.
pub fn table(change: impl FnOnce(&mut EngineConfig)) -> Table {
    let store = Arc::new(MemoryStore::new());
    for persona in builders::seed() {
        block_on(store.commit(Commit::of(NOON, persona.ops()))).unwrap();
    }
    reopen(&store, TestClock::at(NOON), change)
}

/// The program started again over the same store.
pub fn reopen(
    store: &Arc<MemoryStore>,
    clock: TestClock,
    change: impl FnOnce(&mut EngineConfig),
) -> Table {
    let mut config = EngineConfig::new(Uuid::from_u128(0x7711));
    config.payment_types = vec![
        (BONUS_TYPE, AccountKind::Bonus),
        (DEPOSIT_TYPE, AccountKind::Deposit),
        (CREDIT_TYPE, AccountKind::Credit),
    ];
    change(&mut config);
    let spawner = ThreadSpawner::new();
    let ports = Ports {
        store: Arc::clone(store) as Arc<dyn Store>,
        clock: Arc::new(clock.clone()),
        spawner: Arc::new(spawner.clone()),
        ids: Arc::new(CountingIds::new()),
    };
    Table { engine: Engine::new(ports, config), store: Arc::clone(store), clock, spawner }
}

pub fn caller(number: u32) -> Caller {
    Caller { actor: Actor::Plugin, till: Some(till(number)), deadline: None, cause: None }
}

pub fn order(number: u64) -> OrderId {
    OrderId(id(number))
}

impl Table {
    /// A check-in whose flow runs on a thread, while the test plays the till.
    pub fn start_check_in(
        &self,
        order: OrderId,
        value: &str,
    ) -> std::thread::JoinHandle<Result<CheckedIn, TableRefusal>> {
        let (engine, scan) = (self.engine.clone(), Scan::new(value));
        let pin = Some(SecretString::from("80085"));
        std::thread::spawn(move || block_on(engine.check_in(&caller(1), order, scan, pin)))
    }

    pub fn start_check_out(
        &self,
        order: OrderId,
    ) -> std::thread::JoinHandle<Result<(), TableRefusal>> {
        let engine = self.engine.clone();
        std::thread::spawn(move || block_on(engine.check_out(&caller(1), order, None)))
    }

    /// What the till finds on its shelf; looks until something is there.
    pub fn fetch(&self) -> Vec<BridgeCommand> {
        loop {
            let commands = block_on(self.engine.commands(&caller(1), Duration::ZERO)).unwrap();
            if !commands.is_empty() {
                return commands;
            }
            std::thread::yield_now();
        }
    }

    pub fn result(&self, command: CommandId, outcome: CommandOutcome) -> Result<(), BridgeError> {
        block_on(self.engine.result(&caller(1), command, outcome))
    }

    /// Binds through the till, as it goes when all is well.
    pub fn bound(&self, order: OrderId, value: &str) {
        let check_in = self.start_check_in(order, value);
        let commands = self.fetch();
        self.result(commands[0].id, CommandOutcome::Done).unwrap();
        assert_eq!(check_in.join().unwrap(), Ok(CheckedIn::Attached));
    }

    /// Returns when a flow waits for the till, and does nothing else.
    pub fn waits_for_till(&self) {
        while self.clock.next_wake() != Some(Duration::from_secs(6)) {
            std::thread::yield_now();
        }
    }

    /// Lets the till's six seconds pass, once the flow waits for it, and takes the answer.
    pub fn until<T>(&self, thread: std::thread::JoinHandle<T>) -> T {
        while !thread.is_finished() {
            match self.clock.next_wake() {
                // One that is over already belongs to a thread that is only slow to notice.
                Some(wake) if !wake.is_zero() && wake <= Duration::from_secs(6) => {
                    self.clock.advance(wake);
                    break;
                }
                _ => std::thread::yield_now(),
            }
        }
        thread.join().unwrap()
    }

    pub fn holds(&self) {
        let book = block_on(self.store.audit()).unwrap();
        tillway_core::book::audit(&book).unwrap();
    }
}

pub fn capture(number: u64, order: OrderId, kind: AccountKind, amount: i64) -> CaptureRequest {
    let anna = builders::anna();
    let all = builders::all_three();
    let wallet = if kind == AccountKind::Credit { all.account(kind) } else { anna.account(kind) };
    CaptureRequest {
        id: PaymentId(id(number)),
        attempt: 1,
        order,
        wallet,
        amount: Kopecks(amount),
        total: Kopecks(165_000),
        epoch: 1,
        hold: None,
        payment_type: match kind {
            AccountKind::Bonus => BONUS_TYPE,
            AccountKind::Deposit => DEPOSIT_TYPE,
            AccountKind::Credit => CREDIT_TYPE,
        },
        info: PaymentInfo::default(),
        refuse: None,
    }
}

pub fn till_id(number: u32) -> TillId {
    till(number)
}
