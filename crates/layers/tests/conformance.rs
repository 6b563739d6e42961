//! A layer over a store that passes the suite passes it too.

use std::sync::Arc;

use tillway_core::Timestamp;
use tillway_layers::Metered;
use tillway_memory::MemoryStore;
use tillway_testkit::runtime::TestClock;
use tillway_testkit::{Shared, store_conformance};

fn metered() -> Metered<MemoryStore> {
    Metered::new(Arc::new(MemoryStore::new()), Arc::new(TestClock::at(Timestamp::utc(0))))
}

store_conformance!(metered_memory, || Shared(metered()));
