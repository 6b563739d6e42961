//! The book and the oracle agree, step by step, over random steps.

use std::sync::Arc;

use proptest::prelude::*;
use tillway_memory::MemoryStore;
use tillway_testkit::oracle::agree;
use tillway_testkit::runtime::block_on;
use tillway_testkit::strategies::acts;
use tillway_testkit::{Checked, Failure};

proptest! {
    #[test]
    fn the_book_agrees_with_the_oracle(acts in acts(60)) {
        let store = Checked::new(Arc::new(MemoryStore::new()));
        let agreed: Result<(), Failure> = block_on(agree(&store, &acts));
        prop_assert!(agreed.is_ok(), "{:?}", agreed);
    }
}
