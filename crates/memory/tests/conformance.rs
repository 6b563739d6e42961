//! The store in memory passes every case of the suite.

use tillway_memory::MemoryStore;
use tillway_testkit::{Shared, store_conformance};

store_conformance!(memory, || Shared(MemoryStore::new()));
