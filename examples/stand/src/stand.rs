//! Store and engine on a data folder, whether they serve or only perform one command.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tillway::Builder;
use tillway::core::book::Verdict;
use tillway::core::id::Uuid;
use tillway::core::port::{AccountBook, Clock, Store};
use tillway::engine::Engine;
use tillway::layers::Metered;
use tillway::runtime::{RandomIds, TokioClock, TokioSpawner};
use tillway::sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::command::store::Whole;
use crate::command::{Command, Desk, Jobs};
use crate::config::{Config, Till};
use crate::control;
use crate::demo;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::loyalty;

/// The parts of a stand, ready to work.
#[derive(Debug)]
pub(crate) struct Stand {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) spawner: TokioSpawner,
    pub(crate) folder: Folder,
    tills: Vec<Till>,
    installation: Uuid,
}

impl Stand {
    /// Opens the data; in the demo, an empty store gets the demo's guests.
    pub(crate) async fn open(config: &Config, folder: Folder) -> Result<Self, Failure> {
        let installation = folder.claim(config)?;
        let store = Arc::new(folder.store()?);
        let clock = Arc::new(TokioClock::new());
        let spawner = TokioSpawner::new(Handle::current());
        if config.demo {
            fill(&store, &clock).await?;
        }
        let metered = Metered::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>);
        let mut engine = config.engine(installation);
        if let Some(loyalty) = &config.loyalty {
            engine.points = loyalty::points(loyalty, Arc::clone(&clock) as Arc<dyn Clock>)?;
        }
        let built = Builder::new(engine)
            .store(Arc::new(metered))
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .spawner(Arc::new(spawner.clone()))
            .ids(Arc::new(RandomIds))
            .build();
        let built = built.map_err(|error| Failure::of("the engine does not start", &error))?;
        let tills = config.tills.clone();
        if config.demo {
            // A demo of last week goes on today: there is no money that a wrong clock could move.
            built.engine.confirm_clock().await?;
        }
        Ok(Self { engine: built.engine, store, clock, spawner, folder, tills, installation })
    }

    /// What commands work on.
    pub(crate) fn desk(&self) -> Desk {
        Desk {
            engine: self.engine.clone(),
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            tills: self.tills.clone(),
            installation: self.installation,
            whole: Whole {
                store: Arc::clone(&self.store),
                folder: self.folder.path().to_owned(),
                clock: Arc::clone(&self.clock),
            },
            jobs: Jobs::new(
                Arc::clone(&self.clock) as Arc<dyn Clock>,
                Arc::new(self.spawner.clone()),
            ),
        }
    }
}

/// Writes the demo's guests into a store that has none.
async fn fill(store: &SqliteStore, clock: &TokioClock) -> Result<(), Failure> {
    let known = store.guests(None, 1).await?;
    if !known.is_empty() {
        return Ok(());
    }
    let committed = store.commit(demo::commit(clock.now())).await;
    let committed = committed.map_err(|error| Failure::of("the demo data is not saved", &error))?;
    match committed.verdict {
        Verdict::Done(_) => {
            tracing::info!("a new folder: the demo data is written");
            Ok(())
        }
        Verdict::Refused(refusal) => Err(Failure::of("the demo data is refused", &refusal)),
    }
}

/// What a configuration asks of this machine and cannot have: for `check-config`.
pub(crate) async fn check_machine(config: &Config, data: &Path) -> Vec<String> {
    // A stand that runs on this folder has its ports and its lock, and that is as it should be.
    let running = control::ask(data, &Command::TillList).await;
    if matches!(running, Ok(Some(_))) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let listeners = config.tills.iter().map(|till| till.listen).chain([config.page]);
    let listeners =
        listeners.chain(config.register).chain(config.terminal).chain(config.processing);
    for address in listeners {
        if let Err(failure) = listen(address).await {
            found.push(failure.to_string());
        }
    }
    if let Err(failure) = check_folder(config, data) {
        found.push(failure.to_string());
    }
    found
}

/// Whether the data folder can be used; leaves nothing behind where there was nothing.
fn check_folder(config: &Config, data: &Path) -> Result<(), Failure> {
    if data.is_dir() {
        return Folder::open(data)?.check(config);
    }
    if data.exists() {
        return Err(Failure::new(format!("{} is not a folder", data.display())));
    }
    std::fs::create_dir_all(data).map_err(|error| Failure::of(data.display(), &error))?;
    std::fs::remove_dir(data).map_err(|error| Failure::of(data.display(), &error))
}

/// Opens a listener.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(format!(
            "{address} is in use by another program; stop that one, or choose other ports with \
             --port-base"
        )),
        _ => Failure::of(format!("{address} cannot be listened on"), &error),
    })
}
