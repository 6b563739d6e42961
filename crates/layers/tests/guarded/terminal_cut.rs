//! A card terminal whose program dies at a chosen point.

use std::sync::Arc;
use std::time::Duration;

use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{
    Approval, Attempt, Capabilities, HoldError, Known, MoneyOutcome, Operation, Original,
    ReconcileOutcome, Report, ReportKind, Resolution, ResolveBy, Slip, TerminalError, TerminalInfo,
    TwoPhase,
};
use tillway_core::port::{CardTerminal, Clock, async_trait};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::{MemoryStore, MemoryTerminal};
use tillway_testkit::builders::BEGIN;
use tillway_testkit::runtime::{CountingIds, TestClock};

use super::cut::{CutStore, Fuse, run};

/// What outlives the program: the store, the terminal with its bank, and the clock on the wall.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) store: MemoryStore,
    pub(crate) device: MemoryTerminal,
    pub(crate) clock: TestClock,
    runs: CountingIds,
}

/// A guarded terminal.
pub(crate) type Terminal = Guarded<dyn CardTerminal>;

/// What every payment here takes.
pub(crate) const AMOUNT: Kopecks = Kopecks(12_500);

impl Place {
    /// A terminal that can suspend, or one that cannot.
    pub(crate) fn new(two_phase: TwoPhase) -> Self {
        let clock = TestClock::at(BEGIN);
        let capabilities = Capabilities {
            two_phase,
            resolve: ResolveBy::Number,
            partial_cancel: true,
            ..Capabilities::default()
        };
        let device = MemoryTerminal::with(Arc::new(clock.clone()), capabilities);
        Self { store: MemoryStore::new(), device, clock, runs: CountingIds::new() }
    }

    /// The program starts.
    pub(crate) fn start(&self, fuse: &Arc<Fuse>) -> Terminal {
        let (inner, fuse) = (self.store.clone(), Arc::clone(fuse));
        let store = Arc::new(CutStore { inner, fuse: Arc::clone(&fuse) });
        let inner = Arc::new(self.device.clone());
        let device: Arc<dyn CardTerminal> = Arc::new(CutTerminal { inner, fuse });
        let clock = Arc::new(self.clock.clone());
        let config = DeviceConfig::new("pad 1");
        Guarded::try_new(device, store, clock, &self.runs, config).unwrap()
    }

    /// An attempt that is begun now.
    pub(crate) fn attempt(&self, number: u128) -> Attempt {
        Attempt { id: Uuid::from_u128(number), at: self.clock.now() }
    }

    /// Longer than a guest has for a card.
    pub(crate) fn wait(&self) {
        self.clock.advance(Duration::from_secs(200));
    }
}

/// A payment of the usual amount.
pub(crate) const PAY: Operation = Operation::Pay { amount: AMOUNT };

/// The payment of an approval.
pub(crate) fn original(attempt: Attempt, of: &Approval) -> Original {
    let (reference, authorisation) = (of.reference.clone(), of.authorisation.clone());
    let (returned, confirmed) = (Kopecks::ZERO, false);
    Original { amount: of.amount, returned, reference, authorisation, attempt, confirmed }
}

/// A payment that is approved.
pub(crate) fn paid(terminal: &Terminal, attempt: &Attempt) -> Box<Approval> {
    match run(terminal.perform(attempt, &PAY)).unwrap() {
        MoneyOutcome::Approved(approval) => approval,
        other => panic!("{other:?}"),
    }
}

/// The port's own handle of a journal that nobody reads here.
#[derive(Debug)]
pub(crate) struct Nobody;

#[async_trait]
impl Known for Nobody {
    async fn owner(&self, _: &str) -> Result<Option<Uuid>, TerminalError> {
        Ok(None)
    }
}

#[derive(Debug)]
struct CutTerminal {
    inner: Arc<dyn CardTerminal>,
    fuse: Arc<Fuse>,
}

macro_rules! calls {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl CardTerminal for CutTerminal {
            fn capabilities(&self) -> Capabilities {
                self.inner.capabilities()
            }
            $(async fn $name(&self, $($arg: $type),*) -> $out {
                self.fuse.point().await;
                let answer = self.inner.$name($($arg),*).await;
                self.fuse.point().await;
                answer
            })*
        }
    };
}

calls! {
    probe() -> Result<TerminalInfo, TerminalError>;
    perform(attempt: &Attempt, what: &Operation) -> MoneyOutcome;
    hold(attempt: &Attempt, of: &Approval) -> Result<(), HoldError>;
    confirm(attempt: &Attempt, of: &Approval) -> Result<(), HoldError>;
    resolve(attempt: &Attempt, what: &Operation, known: &dyn Known) -> Resolution;
    report(kind: ReportKind) -> Result<Report, TerminalError>;
    last_slip() -> Result<Vec<Slip>, TerminalError>;
    reconcile() -> ReconcileOutcome;
}
