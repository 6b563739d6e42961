//! A program that dies at a chosen point, over a store and a device that live on.

use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tillway_core::book::{
    Audit, Commit, Day, Digest, Fence, Hold, Key, Order, Payment, Seq, Stored, StreamId,
};
use tillway_core::fiscal::{Mark, Operator, Paid, Receipt, ReceiptKind, Registered, Tender};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId, Uuid};
use tillway_core::pairing::Pairing;
use tillway_core::port::fiscal::{
    Attempt, Capabilities, Cause, Device, DeviceStatus, Exchange, Fiscal, FiscalOutcome, Found,
    RegisterError, Shift, ShiftTotals, Slip,
};
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, FiscalRegister, HeadRow, Journal,
    Query, ReadError, Readiness, Recalled, Reconciliation, Sheet, StatementLine, Store,
    async_trait,
};
use tillway_core::{Account, Kopecks, Timestamp};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::{MemoryRegister, MemoryStore};
use tillway_testkit::builders::BEGIN;
use tillway_testkit::fiscal::receipt;
use tillway_testkit::runtime::{CountingIds, TestClock};

/// What outlives the program: the store, the device, and the clock on the wall.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) device: MemoryRegister,
    pub(crate) clock: TestClock,
    runs: CountingIds,
}

/// One run of the program: when it dies, and what its store does not say.
#[derive(Debug)]
pub(crate) struct Fuse {
    /// Points that are left until it dies.
    left: AtomicU64,
    /// The commits that are not answered as they should be: how many are left before, and how.
    commit: Mutex<Option<(u64, CommitError, bool)>>,
    /// What happens elsewhere just before the next commit.
    meanwhile: Mutex<Option<Meanwhile>>,
    /// Why the device does not annul a receipt.
    annul: Mutex<Option<Cause>>,
    /// The device does not tell when its shift expires.
    untold: AtomicBool,
}

/// What another run of the program does.
struct Meanwhile(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Fuse {
    /// A run that dies at this point, counted from zero.
    pub(crate) fn at(point: u64) -> Arc<Self> {
        let (commit, meanwhile, annul) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (left, untold) = (AtomicU64::new(point), AtomicBool::default());
        Arc::new(Self { left, commit, meanwhile, annul, untold })
    }

    /// A run that does not die.
    pub(crate) fn never() -> Arc<Self> {
        Self::at(u64::MAX)
    }

    /// Its commit number `nth` is answered with an error, saved or not.
    pub(crate) fn doubting(
        self: Arc<Self>,
        nth: u64,
        error: CommitError,
        saved: bool,
    ) -> Arc<Self> {
        *self.commit.lock().unwrap() = Some((nth, error, saved));
        self
    }

    /// It lives on after all: only the call that was on its way is gone.
    pub(crate) fn live_on(&self) {
        self.left.store(u64::MAX, Ordering::Relaxed);
    }

    /// Just before its next commit this happens elsewhere.
    pub(crate) fn meanwhile(self: Arc<Self>, what: impl FnOnce() + Send + 'static) -> Arc<Self> {
        *self.meanwhile.lock().unwrap() = Some(Meanwhile(Box::new(what)));
        self
    }

    /// The device refuses to annul a receipt.
    pub(crate) fn without_annulment(self: Arc<Self>, cause: Cause) -> Arc<Self> {
        *self.annul.lock().unwrap() = Some(cause);
        self
    }

    /// The device does not tell when its shift expires.
    pub(crate) fn without_expiry(self: Arc<Self>) -> Arc<Self> {
        self.untold.store(true, Ordering::Relaxed);
        self
    }

    /// Whether the commit that was to fail has come.
    pub(crate) fn has_failed(&self) -> bool {
        self.commit.lock().unwrap().is_none()
    }

    /// A point at which it may die.
    pub(crate) async fn point(&self) {
        if self.left.load(Ordering::Relaxed) == 0 {
            pending::<()>().await;
        }
        self.left.fetch_sub(1, Ordering::Relaxed);
    }

    fn fails_now(&self) -> Option<(CommitError, bool)> {
        let mut commit = self.commit.lock().unwrap();
        match commit.take() {
            Some((0, error, saved)) => Some((error, saved)),
            Some((left, error, saved)) => {
                *commit = Some((left - 1, error, saved));
                None
            }
            None => None,
        }
    }
}

impl World {
    /// A venue with a closed shift, and a register that can do this much.
    pub(crate) fn new(capabilities: Capabilities) -> Self {
        let clock = TestClock::at(BEGIN);
        let device = MemoryRegister::with(Arc::new(clock.clone()), capabilities);
        Self { store: MemoryStore::new(), device, clock, runs: CountingIds::new() }
    }

    /// The program starts.
    pub(crate) fn start(&self, fuse: &Arc<Fuse>) -> Guarded<dyn FiscalRegister> {
        let (inner, device) = (self.store.clone(), Arc::new(self.device.clone()));
        let store = Arc::new(CutStore { inner, fuse: Arc::clone(fuse) });
        let device: Arc<dyn FiscalRegister> =
            Arc::new(CutRegister { inner: device, fuse: Arc::clone(fuse) });
        let clock = Arc::new(self.clock.clone());
        let config = DeviceConfig::new("kiosk 1");
        Guarded::try_new(device, store, clock, &self.runs, config).unwrap()
    }

    /// Receipts in the memory with this total.
    pub(crate) fn receipts(&self, total: Kopecks) -> usize {
        let documents = self.device.documents().into_iter();
        documents.filter(|document| document.total == Some(total)).count()
    }
}

/// Runs a future to its end, or to the death of its program: nothing here ever waits for anything.
pub(crate) fn run<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A register that opens receipts and prints operations into them, or one that can do nothing.
pub(crate) fn able(all: bool) -> Capabilities {
    let mut capabilities = Capabilities::default();
    capabilities.operations = all;
    capabilities.ids = all;
    capabilities.open_receipt = true;
    capabilities
}

pub(crate) fn sale(total: i64) -> Receipt {
    receipt(ReceiptKind::Sell, Kopecks(total), Tender::Card)
}

pub(crate) fn attempt(number: u128) -> Attempt {
    let before = Mark { memory: "".into(), last: 0, at: Timestamp::default(), operations: None };
    Attempt { id: Uuid::from_u128(number), before }
}

/// A store whose program dies before or after a commit.
#[derive(Debug)]
pub(crate) struct CutStore {
    pub(crate) inner: MemoryStore,
    pub(crate) fuse: Arc<Fuse>,
}

#[async_trait]
impl Store for CutStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.fuse.point().await;
        let meanwhile = self.fuse.meanwhile.lock().unwrap().take();
        if let Some(Meanwhile(what)) = meanwhile {
            what();
        }
        let fails = self.fuse.fails_now();
        if let Some((error, false)) = fails {
            return Err(error);
        }
        let answer = self.inner.commit(commit).await;
        self.fuse.point().await;
        match fails {
            Some((error, _)) => Err(error),
            None => answer,
        }
    }
    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        self.inner.recall(key).await
    }
    fn ready(&self) -> Readiness<ReadError> {
        self.inner.ready()
    }
}

#[async_trait]
impl Journal for CutStore {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        self.inner.load(stream, after, limit).await
    }
    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
        self.inner.heads(query, after, limit).await
    }
    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError> {
        self.inner.digest(day).await
    }
    async fn claim(
        &self,
        stream: StreamId,
        owner: Owner,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Fence, ClaimError> {
        self.inner.claim(stream, owner, ttl, now).await
    }
    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
        self.inner.release(stream, fence).await
    }
}

macro_rules! reads {
    ($trait:ident: $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl $trait for CutStore {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$out, ReadError> {
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

reads! { Bindings:
    order(id: OrderId) -> Option<Order>;
    sheet(id: OrderId) -> Option<Sheet>;
    pairings() -> Vec<Pairing>;
}

reads! { AccountBook:
    guest(id: GuestId) -> Option<Guest>;
    guests_by_phone(phone: &str) -> Vec<Guest>;
    guest_by_client_id(client_id: &str) -> Option<Guest>;
    guests(after: Option<GuestId>, limit: u32) -> Vec<Guest>;
    photo(guest: GuestId) -> Option<Box<[u8]>>;
    carrier(alias: &str) -> Option<Carrier>;
    carriers(guest: GuestId) -> Vec<Carrier>;
    account(id: AccountId) -> Option<Account>;
    accounts(guest: GuestId) -> Vec<Account>;
    payment(id: PaymentId) -> Option<Payment>;
    hold(id: HoldId) -> Option<Hold>;
    overdue(at: Timestamp, limit: u32) -> Vec<HoldId>;
    statement(account: AccountId, before: Option<u64>, limit: u32) -> Vec<StatementLine>;
    reconciliation(till: &TillId, from: Timestamp, to: Timestamp) -> Reconciliation;
    latest() -> Option<Timestamp>;
    audit() -> Audit;
}

#[derive(Debug)]
struct CutRegister {
    inner: Arc<dyn FiscalRegister>,
    fuse: Arc<Fuse>,
}

macro_rules! calls {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl FiscalRegister for CutRegister {
            fn capabilities(&self) -> Capabilities {
                self.inner.capabilities()
            }
            $(async fn $name(&self, $($arg: $type),*) -> $out {
                self.fuse.point().await;
                let answer = self.inner.$name($($arg),*).await;
                self.fuse.point().await;
                answer
            })*
            async fn annul_receipt(&self) -> Result<(), RegisterError> {
                self.fuse.point().await;
                let refused = *self.fuse.annul.lock().unwrap();
                let answer = match refused {
                    Some(cause) => Err(RegisterError::new(cause, "")),
                    None => self.inner.annul_receipt().await,
                };
                self.fuse.point().await;
                answer
            }
            async fn shift(&self) -> Result<Shift, RegisterError> {
                self.fuse.point().await;
                let shift = self.inner.shift().await;
                self.fuse.point().await;
                match self.fuse.untold.load(Ordering::Relaxed) {
                    true => shift.map(|shift| Shift { expires: None, ..shift }),
                    false => shift,
                }
            }
        }
    };
}

calls! {
    probe() -> Result<Device, RegisterError>;
    status() -> Result<DeviceStatus, RegisterError>;
    totals() -> Result<ShiftTotals, RegisterError>;
    exchange() -> Result<Exchange, RegisterError>;
    mark() -> Result<Mark, RegisterError>;
    document(number: u32) -> Result<Option<Registered>, RegisterError>;
    register(attempt: &Attempt, what: &Fiscal) -> FiscalOutcome;
    find(attempt: &Attempt, what: &Fiscal) -> Found;
    open_receipt(attempt: &Attempt, receipt: &Receipt) -> Result<(), RegisterError>;
    close_receipt(attempt: &Attempt, paid: &[Paid]) -> FiscalOutcome;
    report_x(operator: Option<&Operator>) -> Result<(), RegisterError>;
    print(slip: &Slip) -> Result<(), RegisterError>;
    print_again(number: u32) -> Result<(), RegisterError>;
    continue_print() -> Result<(), RegisterError>;
}
