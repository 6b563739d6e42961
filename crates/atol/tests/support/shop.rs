//! A venue whose register is guarded; the store outlives the program.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tillway_core::fiscal::Registered;
use tillway_core::port::fiscal::Fiscal;
use tillway_core::port::{Clock, FiscalRegister};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::MemoryStore;
use tillway_testkit::fiscal::{Piece, Trouble, Venue};
use tillway_testkit::runtime::CountingIds;

#[derive(Debug)]
pub(crate) struct Shop<V> {
    venue: V,
    clock: Arc<dyn Clock>,
    store: MemoryStore,
    runs: CountingIds,
}

impl<V> Shop<V> {
    pub(crate) fn new(venue: V, clock: Arc<dyn Clock>) -> Self {
        Self { venue, clock, store: MemoryStore::new(), runs: CountingIds::new() }
    }
}

#[async_trait]
impl<V: Venue> Venue for Shop<V> {
    async fn connect(&mut self) -> Arc<dyn FiscalRegister> {
        let (store, clock) = (Arc::new(self.store.clone()), Arc::clone(&self.clock));
        let device = self.venue.connect().await;
        let config = DeviceConfig::new("kiosk 1");
        Arc::new(Guarded::try_new(device, store, clock, &self.runs, config).unwrap())
    }
    async fn advance(&mut self, by: Duration) {
        self.venue.advance(by).await;
    }
    async fn befall(&mut self, trouble: Trouble) {
        self.venue.befall(trouble).await;
    }
    async fn mend(&mut self) {
        self.venue.mend().await;
    }
    async fn write_as_another(&mut self, what: &Fiscal) {
        self.venue.write_as_another(what).await;
    }
    fn documents(&self) -> Vec<Registered> {
        self.venue.documents()
    }
    fn tape(&self) -> Vec<Piece> {
        self.venue.tape()
    }
}
