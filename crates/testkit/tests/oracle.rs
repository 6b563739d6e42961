//! The book and the oracle agree, step by step, over random steps.
//!
//! The seed is fixed; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` try others, and more.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tillway_memory::MemoryStore;
use tillway_testkit::oracle::agree;
use tillway_testkit::runtime::block_on;
use tillway_testkit::strategies::acts;
use tillway_testkit::{Checked, Failure};

fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    match config.rng_seed {
        RngSeed::Random => ProptestConfig { rng_seed: RngSeed::Fixed(82), ..config },
        RngSeed::Fixed(_) => config,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_book_agrees_with_the_oracle(acts in acts(60)) {
        let store = Checked::new(Arc::new(MemoryStore::new()));
        let agreed: Result<(), Failure> = block_on(agree(&store, &acts));
        prop_assert!(agreed.is_ok(), "seed {}: {:?}", config().rng_seed, agreed);
    }
}
