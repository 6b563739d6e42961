//! The journal of a guarded register.

use std::sync::Arc;

use futures::executor::block_on;
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{FiscalOutcome, Found};
use tillway_core::port::{Clock, FiscalRegister, IdSource};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::MemoryStore;

/// A journal. It outlives the program.
#[derive(Debug, Default)]
pub(crate) struct Journal(MemoryStore);

impl Journal {
    /// A program at a register, with this journal.
    pub(crate) fn guard(
        &self,
        device: Arc<dyn FiscalRegister>,
        clock: Arc<dyn Clock>,
        ids: &dyn IdSource,
    ) -> Guarded<dyn FiscalRegister> {
        let (store, config) = (Arc::new(self.0.clone()), DeviceConfig::new("kiosk 1"));
        Guarded::try_new(device, store, clock, ids, config).unwrap()
    }
}

/// What the journal says of an attempt: the number of its document, or that there is none. An
/// attempt of which it says nothing was never sent.
pub(crate) fn journaled(guarded: &Guarded<dyn FiscalRegister>, attempt: Uuid) -> Option<u32> {
    let turn = block_on(guarded.attempts().turn()).unwrap();
    assert_eq!(block_on(turn.unsettled()).unwrap(), [], "everything is settled");
    let entry = block_on(turn.load(attempt)).unwrap();
    match entry.flow.known()?.body.read::<FiscalOutcome>().unwrap() {
        FiscalOutcome::Written(document) => Some(document.number),
        FiscalOutcome::NotWritten(_) => None,
        FiscalOutcome::InDoubt(error) => panic!("{attempt} is not settled: {error}"),
    }
}

/// The document that was found.
pub(crate) fn number(found: &Found) -> Option<u32> {
    match found {
        Found::Written(document) => Some(document.number),
        Found::NotWritten => None,
        other => panic!("{other:?}"),
    }
}
