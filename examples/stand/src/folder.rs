//! The data folder: who may use it, whose data it holds, and starting it again.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tillway::core::id::Uuid;
use tillway::core::port::{AccountBook, IdSource};
use tillway::runtime::RandomIds;
use tillway::sqlite::{SqliteConfig, SqliteStore};

use crate::command::store::unopened;
use crate::config::Config;
use crate::demo;
use crate::failure::Failure;

pub(crate) const STORE: &str = "tillway.db";
/// What SQLite has not moved into the store yet.
const STORE_LOG: &str = "tillway.db-wal";
const MARK: &str = "stand.toml";
const LOCK: &str = "stand.lock";
/// What the stand and its store write here; anything else is somebody's own.
const OURS: [&str; 15] = [
    STORE,
    STORE_LOG,
    "tillway.db-shm",
    "tillway.db-journal",
    "tillway.db.lock",
    // A backup that is being restored.
    "tillway.db.new",
    "tillway.db.new-wal",
    "tillway.db.new-shm",
    "tillway.db.new-journal",
    "tillway.db.new.lock",
    MARK,
    LOCK,
    "stand.toml.new",
    crate::control::FILE,
    "control.toml.new",
];

/// How many guests are looked at in one read.
const PAGE: u32 = 500;

/// A data folder that no other process uses while this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Whose data the folder holds. Written once, at the first start.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// `demo` or `venue`.
    mode: String,
    /// The namespace of derived ids.
    installation: String,
    /// Whether the store was ever opened: from then on a missing file is a loss, not a beginning.
    #[serde(default)]
    begun: bool,
}

impl Folder {
    /// Creates the folder when it is missing, and takes it for this process.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path.exists() && !path.is_dir() {
            return Err(Failure::new(format!("{} is not a folder", path.display())));
        }
        create(path).map_err(|error| told(path, &error))?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.map_err(|error| told(path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::new(format!(
                "{} is in use by another stand; stop it, or choose another folder with --data",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(told(path, &error)),
        }
    }

    /// Takes a folder that is there for this process.
    pub(crate) fn existing(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            let text = "does not exist; name the data folder with --data";
            return Err(Failure::new(format!("{} {text}", path.display())));
        }
        Self::open(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the folder's data is what the configuration is for, and says which
    /// installation it is.
    pub(crate) fn claim(&self, config: &Config) -> Result<Uuid, Failure> {
        let mode = mode_word(config.demo);
        let Some(mark) = self.mark()? else { return self.settle(config) };
        if mark.mode != mode {
            return Err(self.failure(format_args!(
                "holds data of a {}, and this start is for a {mode}; choose another folder with \
                 --data",
                mark.mode
            )));
        }
        let known = Uuid::try_parse(&mark.installation)
            .map_err(|error| Failure::of(self.path.join(MARK).display(), &error))?;
        match config.installation {
            Some(wanted) if wanted != known => Err(self.failure(format_args!(
                "belongs to installation {known}, and the configuration says {wanted}"
            ))),
            _ => Ok(known),
        }
    }

    /// Whether a start with this configuration would be refused, or could not write here.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Failure> {
        let probe = self.path.join("stand.toml.new");
        let written = fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe));
        written.map_err(|error| told(&self.path, &error))?;
        match self.mark()? {
            Some(_) => self.claim(config).map(drop),
            None => Ok(()),
        }
    }

    /// The first start in this folder.
    fn settle(&self, config: &Config) -> Result<Uuid, Failure> {
        if self.path.join(STORE).exists() {
            // A file that is no database is the more useful thing to hear about.
            drop(self.store()?);
            return Err(self.failure(format_args!(
                "holds {STORE} but no {MARK}, so nobody knows whose data it is; put {MARK} back"
            )));
        }
        if let Some(strange) = self.strange()? {
            return Err(self.failure(format_args!(
                "holds {strange}, which is not the stand's; choose an empty folder with --data"
            )));
        }
        let installation = config.installation.unwrap_or_else(|| RandomIds.fresh());
        let mode = mode_word(config.demo).to_owned();
        self.write(&Mark { mode, installation: installation.to_string(), begun: false })?;
        Ok(installation)
    }

    fn write(&self, mark: &Mark) -> Result<(), Failure> {
        let path = self.path.join(MARK);
        let text = toml::to_string(mark).map_err(|error| Failure::of(path.display(), &error))?;
        let text = format!("# Written by the stand. Ids that iiko knows derive from it.\n{text}");
        write_whole(&path, text.as_bytes(), false).map_err(|error| told(&path, &error))
    }

    /// Opens the store.
    pub(crate) fn store(&self) -> Result<SqliteStore, Failure> {
        // SQLite throws away a log that has no database.
        if self.length(STORE) == 0 && self.length(STORE_LOG) > 0 {
            return Err(self.failure(format_args!(
                "holds {STORE_LOG}, and {STORE} is missing or empty; put {STORE} back, since the \
                 newest payments may be in the other"
            )));
        }
        let mark = self.mark()?;
        let lost = |mark: &Mark| mark.begun && mark.mode == mode_word(false);
        if self.length(STORE) == 0 && mark.as_ref().is_some_and(lost) {
            return Err(self.failure(format_args!(
                "had a venue's data, and {STORE} is missing or empty; put {STORE} back"
            )));
        }
        let config = SqliteConfig::new(self.path.join(STORE));
        let store = SqliteStore::open(config);
        let store = store.map_err(|error| unopened(&self.path, &error))?;
        if let Some(mark) = mark.filter(|mark| !mark.begun) {
            self.write(&Mark { begun: true, ..mark })?;
        }
        Ok(store)
    }

    /// Opens the store that is there.
    pub(crate) fn existing_store(&self) -> Result<SqliteStore, Failure> {
        if !self.has_store() {
            return Err(self.failure(format_args!("holds no {STORE}")));
        }
        self.store()
    }

    /// Whether there is anything of a store.
    pub(crate) fn has_store(&self) -> bool {
        self.path.join(STORE).exists() || self.length(STORE_LOG) > 0
    }

    /// Zero for what is not there.
    fn length(&self, name: &str) -> u64 {
        fs::metadata(self.path.join(name)).map_or(0, |about| about.len())
    }

    /// Whose data the folder holds after a store came into it that this file is about. Refuses what
    /// does not fit together.
    pub(crate) fn adoptable(&self, of_store: &Path) -> Result<Mark, Failure> {
        let theirs = read_mark(of_store)?;
        let mark = match (self.mark()?, theirs) {
            (Some(own), Some(theirs)) if own.is_like(&theirs) => own,
            (Some(own), None) => own,
            (None, Some(theirs)) => {
                if let Some(strange) = self.strange()? {
                    return Err(self.failure(format_args!(
                        "holds {strange}, which is not the stand's; choose an empty folder with \
                         --data"
                    )));
                }
                theirs
            }
            (Some(own), Some(theirs)) => {
                return Err(self.failure(format_args!(
                    "holds data of a {}, installation {}, and {} is of a {}, installation {}; \
                     choose another folder with --data",
                    own.mode,
                    own.installation,
                    of_store.display(),
                    theirs.mode,
                    theirs.installation
                )));
            }
            (None, None) => {
                return Err(self.failure(format_args!(
                    "holds no {MARK}, and there is no {}, so nobody knows whose data it is; put \
                     one of them back",
                    of_store.display()
                )));
            }
        };
        Ok(Mark { begun: true, ..mark })
    }

    /// Says from now on whose data the folder holds.
    pub(crate) fn adopt(&self, mark: &Mark) -> Result<(), Failure> {
        if self.mark()?.as_ref() == Some(mark) {
            return Ok(());
        }
        self.write(mark)
    }

    /// Throws the demo data away. Refused unless everything here is demo.
    pub(crate) async fn start_again(&self, config: &Config) -> Result<(), Failure> {
        if !config.demo {
            return Err(Failure::new(
                "--fresh is for the demo, and the configuration is a venue's",
            ));
        }
        if let Some(strange) = self.strange()? {
            return Err(self.failure(format_args!(
                "holds {strange}, which is not the demo's; --fresh removes nothing"
            )));
        }
        let Some(mark) = self.mark()? else {
            if self.path.join(STORE).exists() {
                let text = "holds a database of unknown origin; --fresh removes nothing";
                return Err(self.failure(format_args!("{text}")));
            }
            return Ok(());
        };
        if mark.mode != mode_word(true) {
            return Err(self.failure(format_args!("holds a venue's data; --fresh removes nothing")));
        }
        if self.path.join(STORE).exists() {
            self.only_demo_guests().await?;
        }
        for name in OURS.into_iter().filter(|name| *name != LOCK && *name != MARK) {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(told(&path, &error)),
            }
        }
        Ok(())
    }

    async fn only_demo_guests(&self) -> Result<(), Failure> {
        let store = self.store().map_err(|error| {
            let path = self.path.display();
            Failure::new(format!(
                "{error}; --fresh removes only what it can read, so remove {path} by hand"
            ))
        })?;
        let known: Vec<_> = demo::guests().into_iter().map(|demo| demo.guest.id).collect();
        let mut after = None;
        loop {
            let guests = store.guests(after, PAGE).await?;
            if let Some(own) = guests.iter().find(|guest| !known.contains(&guest.id)) {
                return Err(self.failure(format_args!(
                    "holds guest {}, who is not of the demo; --fresh removes nothing",
                    own.client_id
                )));
            }
            match guests.last() {
                Some(last) => after = Some(last.id),
                None => return Ok(()),
            }
        }
    }

    fn mark(&self) -> Result<Option<Mark>, Failure> {
        read_mark(&self.path.join(MARK))
    }

    /// The name of something here that the stand did not write.
    fn strange(&self) -> Result<Option<String>, Failure> {
        let entries = fs::read_dir(&self.path).map_err(|error| told(&self.path, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| told(&self.path, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !OURS.contains(&name.as_str()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn failure(&self, what: std::fmt::Arguments<'_>) -> Failure {
        Failure::new(format!("{} {what}", self.path.display()))
    }
}

impl Mark {
    fn is_like(&self, other: &Self) -> bool {
        self.mode == other.mode && self.installation == other.installation
    }
}

fn read_mark(path: &Path) -> Result<Option<Mark>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(path, &error)),
    };
    let mark = toml::from_str(&text);
    mark.map(Some).map_err(|error: toml::de::Error| {
        Failure::new(format!("{}: {}", path.display(), error.message()))
    })
}

fn mode_word(demo: bool) -> &'static str {
    if demo { "demo" } else { "venue" }
}

fn told(path: &Path, error: &io::Error) -> Failure {
    Failure::of(path.display(), error)
}

/// Creates a folder, for its owner alone: it holds names, phone numbers and cards.
fn create(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;

        folder.mode(0o700);
    }
    folder.create(path)
}

/// The bytes of a file; `None` when there are more. A file may also be one without an end.
pub(crate) fn read_at_most(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= max);
    Ok(fits.then_some(bytes))
}

/// Makes the names in a folder durable.
#[cfg(unix)]
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems have no such call.
#[cfg(not(unix))]
pub(crate) fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes a file so that it is there whole or not at all; `private` lets its owner alone read it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    // A leftover may have other rights.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt;

        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}
