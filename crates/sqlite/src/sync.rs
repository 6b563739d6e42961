//! What the queue is made of. The tests of schedules put a model checker's parts in their place.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic};
