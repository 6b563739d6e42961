//! What the bells are made of. The tests of schedules put a model checker's parts in their place.

pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
