//! Every row of the specification has a test that bears its name, or a reason why not.

use std::path::Path;

use tillway_tests::rows::{page, proofs};

#[test]
fn every_row_is_proven_and_the_page_says_by_what() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let (fresh, missing) = page(&proofs(root));
    let file = root.join("docs/conformance.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    assert!(missing.is_empty(), "rows that nothing proves: {missing:?}");
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == fresh, "docs/conformance.md is old: run with UPDATE=1 and commit it");
}
