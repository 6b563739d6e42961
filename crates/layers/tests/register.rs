//! The conformance suite of fiscal registers on guarded ones, over registers that can more or less.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../testkit/tests/counter/mod.rs"]
mod counter;

use std::sync::Arc;
use std::time::Duration;

use counter::Counter;
use tillway_core::fiscal::Registered;
use tillway_core::port::fiscal::{Capabilities, Fiscal};
use tillway_core::port::{FiscalRegister, async_trait};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::MemoryStore;
use tillway_testkit::fiscal::{Piece, Trouble, Venue};
use tillway_testkit::fiscal_conformance;
use tillway_testkit::runtime::CountingIds;

/// A counter whose register is guarded; the store outlives the program.
#[derive(Debug)]
struct Shop {
    counter: Counter,
    store: MemoryStore,
    runs: CountingIds,
}

impl Shop {
    fn new(counter: Counter) -> Self {
        Self { counter, store: MemoryStore::new(), runs: CountingIds::new() }
    }
}

#[async_trait]
impl Venue for Shop {
    async fn connect(&mut self) -> Arc<dyn FiscalRegister> {
        let (store, clock) = (Arc::new(self.store.clone()), Arc::new(self.counter.clock.clone()));
        let device = self.counter.connect().await;
        let config = DeviceConfig::new("kiosk 1");
        Arc::new(Guarded::try_new(device, store, clock, &self.runs, config).unwrap())
    }
    async fn advance(&mut self, by: Duration) {
        self.counter.advance(by).await;
    }
    async fn befall(&mut self, trouble: Trouble) {
        self.counter.befall(trouble).await;
    }
    async fn mend(&mut self) {
        self.counter.mend().await;
    }
    async fn write_as_another(&mut self, what: &Fiscal) {
        self.counter.write_as_another(what).await;
    }
    fn documents(&self) -> Vec<Registered> {
        self.counter.documents()
    }
    fn tape(&self) -> Vec<Piece> {
        self.counter.tape()
    }
}

fn can(ids: bool, operations: bool, open_receipt: bool) -> Shop {
    let mut capabilities = Capabilities::default();
    capabilities.ids = ids;
    capabilities.operations = operations;
    capabilities.open_receipt = open_receipt;
    Shop::new(Counter::with(capabilities))
}

// A guarded register knows every id, whatever the device can do.
fiscal_conformance!(everything, || Shop::new(Counter::new()), lacks: []);
fiscal_conformance!(nothing, || can(false, false, false), lacks: [OpenReceipt, Operations]);
fiscal_conformance!(opens, || can(false, false, true), lacks: [Operations]);
fiscal_conformance!(names, || can(false, true, false), lacks: [OpenReceipt]);
