//! From plain configuration to a working engine.

use std::sync::Arc;

use tillway_core::port::{Clock, IdSource, Spawner, Store};
use tillway_engine::{Engine, EngineConfig, Ports};

/// Which store to open.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreConfig {
    /// In memory: gone with the process.
    #[cfg(feature = "memory")]
    Memory,
    /// A file of this machine.
    #[cfg(feature = "sqlite")]
    Sqlite(tillway_sqlite::SqliteConfig),
}

impl StoreConfig {
    /// Opens the store.
    ///
    /// # Errors
    /// [`BuildError::Sqlite`]; it says what the operator can do.
    pub fn open(self) -> Result<Arc<dyn Store>, BuildError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory => Ok(Arc::new(tillway_memory::MemoryStore::new())),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Ok(Arc::new(tillway_sqlite::SqliteStore::open(config)?)),
        }
    }
}

/// Collects the ports of an [`Engine`]. Each is given once; the later one counts.
///
/// Under tokio, [`Builder::tokio`] gives clock, tasks and ids; what is set by hand goes before it.
#[derive(Clone, Debug)]
pub struct Builder {
    config: EngineConfig,
    store: Option<Arc<dyn Store>>,
    clock: Option<Arc<dyn Clock>>,
    spawner: Option<Arc<dyn Spawner>>,
    ids: Option<Arc<dyn IdSource>>,
}

impl Builder {
    /// Begins with the venue's rules.
    pub fn new(config: EngineConfig) -> Self {
        Self { config, store: None, clock: None, spawner: None, ids: None }
    }

    /// Opens the store that a configuration names.
    ///
    /// # Errors
    /// As [`StoreConfig::open`].
    pub fn open(self, store: StoreConfig) -> Result<Self, BuildError> {
        Ok(self.store(store.open()?))
    }

    /// Uses this store: one that is open already, a decorated one, one of your own.
    #[must_use]
    pub fn store(self, store: Arc<dyn Store>) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Uses this clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Runs tasks here.
    #[must_use]
    pub fn spawner(self, spawner: Arc<dyn Spawner>) -> Self {
        Self { spawner: Some(spawner), ..self }
    }

    /// Takes ids from here.
    #[must_use]
    pub fn ids(self, ids: Arc<dyn IdSource>) -> Self {
        Self { ids: Some(ids), ..self }
    }

    /// Clock, tasks and ids of a tokio runtime, where nothing else was given.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn tokio(mut self, runtime: tokio::runtime::Handle) -> Self {
        use crate::runtime::{RandomIds, TokioClock, TokioSpawner};

        self.clock.get_or_insert_with(|| Arc::new(TokioClock::new()));
        self.spawner.get_or_insert_with(|| Arc::new(TokioSpawner::new(runtime)));
        self.ids.get_or_insert_with(|| Arc::new(RandomIds));
        self
    }

    /// Joins the parts.
    ///
    /// # Errors
    /// [`BuildError::Missing`], which names the part.
    pub fn build(self) -> Result<Built, BuildError> {
        let missing = |port| BuildError::Missing { port };
        let ports = Ports {
            store: self.store.ok_or(missing("store"))?,
            clock: self.clock.ok_or(missing("clock"))?,
            spawner: self.spawner.ok_or(missing("spawner"))?,
            ids: self.ids.ok_or(missing("ids"))?,
        };
        Ok(Built { engine: Engine::new(ports.clone(), self.config), ports })
    }
}

/// An engine, and the ports that it works over.
#[derive(Clone, Debug)]
pub struct Built {
    /// The desks. Run [`Engine::keeper`] beside them.
    pub engine: Engine,
    /// Its ports.
    pub ports: Ports,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Name the part.
    #[error("no {port} was given")]
    Missing {
        /// Which.
        port: &'static str,
    },
    /// The file of the store does not open.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] tillway_sqlite::OpenError),
}

#[cfg(test)]
mod tests {
    use tillway_core::id::Uuid;

    use super::*;

    #[test]
    fn a_missing_part_is_named() {
        let missing = Builder::new(EngineConfig::new(Uuid::nil())).build().unwrap_err();
        assert_eq!(missing.to_string(), "no store was given");
    }

    #[cfg(all(feature = "memory", feature = "tokio"))]
    #[tokio::test]
    async fn memory_and_tokio_are_enough() {
        use tillway_core::port::LoyaltyDesk;

        let builder = Builder::new(EngineConfig::new(Uuid::nil()));
        let builder = builder.open(StoreConfig::Memory).unwrap();
        let built = builder.tokio(tokio::runtime::Handle::current()).build().unwrap();
        assert_eq!(built.engine.ready().await, Ok(()));
    }
}
