//! What a target does, told step by step when `TALK` is set: for people who look at one input.

use std::fmt::Display;
use std::sync::LazyLock;

static TALKS: LazyLock<bool> = LazyLock::new(|| std::env::var_os("TALK").is_some());

pub(crate) fn talk<T: Display>(what: impl FnOnce() -> T) {
    if *TALKS {
        eprintln!("{}", what());
    }
}
