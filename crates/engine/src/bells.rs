//! Bells: "look again" for whoever waits on a key. They carry nothing and prove nothing: the truth
//! is in the store, and a missed ring only costs a longer wait.

use core::fmt;
use core::hash::Hash;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The bells of one kind of key. Only keys that somebody listens to take room.
pub(crate) struct Bells<K>(Mutex<HashMap<K, Weak<Notify>>>);

impl<K> Default for Bells<K> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K> fmt::Debug for Bells<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bells")
    }
}

impl<K: Eq + Hash + Clone> Bells<K> {
    /// A bell to listen to. Arm it with `notified` before looking at the store.
    pub(crate) fn listen(&self, key: &K) -> Arc<Notify> {
        let mut bells = self.lock();
        if let Some(bell) = bells.get(key).and_then(Weak::upgrade) {
            return bell;
        }
        // Whoever listened last is gone: this is the moment to forget such keys.
        if bells.len() >= bells.capacity() {
            bells.retain(|_, bell| bell.strong_count() > 0);
        }
        let bell = Arc::new(Notify::new());
        bells.insert(key.clone(), Arc::downgrade(&bell));
        bell
    }

    /// Wakes everybody who listens.
    pub(crate) fn ring(&self, key: &K) {
        if let Some(bell) = self.lock().get(key).and_then(Weak::upgrade) {
            bell.notify_waiters();
        }
    }

    /// Wakes everybody who listens to any key.
    pub(crate) fn ring_all(&self) {
        for bell in self.lock().values().filter_map(Weak::upgrade) {
            bell.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Weak<Notify>>> {
        // A map of weak pointers has no state that a panic could leave half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
