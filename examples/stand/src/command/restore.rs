//! Puts a backup where the store was. The store that was there is moved aside, never deleted.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillway::core::port::{AccountBook, Clock};
use tillway::runtime::TokioClock;
use tillway::sqlite::{Checked, SqliteConfig, SqliteStore};

use super::store::{mark_of, now_and_then, report};
use crate::cli::Options;
use crate::failure::Failure;
use crate::folder::{Folder, STORE, sync};
use crate::say;

/// The copy while it is looked through.
const FRESH: &str = "tillway.db.new";
/// What SQLite and the store put beside a file.
const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];
/// How many stores of one day stand aside at most.
const ASIDE_MAX: u32 = 1_000;

/// Replaces the store of the data folder by this backup.
pub(crate) async fn restore(options: &Options, file: &Path, replace: bool) -> Result<(), Failure> {
    let about = fs::metadata(file).map_err(|error| Failure::of(file.display(), &error))?;
    let log = ending(file, "-wal");
    if !about.is_file() {
        return Err(Failure::new(format!("{} is not a file", file.display())));
    }
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(Failure::new(format!(
            "{} is no backup, but a store with a log beside it, {}; the newest payments are there",
            file.display(),
            log.display()
        )));
    }
    let folder = Folder::open(&options.data)?;
    let store = folder.path().join(STORE);
    let occupied = folder.has_store();
    if occupied && same(file, &store) {
        return Err(Failure::new(format!("{} is the store itself", file.display())));
    }
    if occupied && !replace {
        return Err(Failure::new(format!(
            "{} has a store; with --replace it is moved aside, and stays there",
            folder.path().display()
        )));
    }
    let clock = Arc::new(TokioClock::new());
    let mark = folder.adoptable(&mark_of(file))?;
    let fresh = Fresh::copy(file, folder.path())?;
    let (checked, latest) = look(&fresh, file, &clock).await?;
    folder.adopt(&mark)?;
    let failed = |error: io::Error| Failure::of(folder.path().display(), &error);
    let aside = if occupied { Some(move_aside(&folder, &clock)?) } else { None };
    fs::rename(&fresh.path, &store).and_then(|()| sync(folder.path())).map_err(failed)?;
    say(&format!("{} is restored from {}", store.display(), file.display()));
    report(&checked).iter().for_each(|line| say(line));
    if let Some(latest) = latest {
        say(&format!(
            "  the newest movement is of {latest}: compare later payments with the tills"
        ));
    }
    if let Some(aside) = aside {
        say(&format!("the store that was there is {}", aside.display()));
    }
    Ok(())
}

/// Looks through the copy as a store, and brings its schema up to date.
async fn look(
    fresh: &Fresh,
    file: &Path,
    clock: &Arc<TokioClock>,
) -> Result<(Checked, Option<tillway::core::Timestamp>), Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        let what = format!("{} is not restored, and nothing was changed", file.display());
        Failure::of(what, error)
    };
    let store = SqliteStore::open(SqliteConfig::new(&fresh.path)).map_err(|e| failed(&e))?;
    let checked = store.check_telling(now_and_then(clock)).await.map_err(|e| failed(&e))?;
    let latest = store.latest().await.map_err(|e| failed(&e))?;
    drop(store);
    let log = fs::metadata(ending(&fresh.path, "-wal"));
    if log.is_ok_and(|log| log.len() > 0) {
        return Err(Failure::new(format!("{} could not be closed", fresh.path.display())));
    }
    Ok((checked, latest))
}

/// Moves the store aside under the date of today; says where it is. The file goes first: a log
/// without its file is refused by a start, a file without its log is not.
fn move_aside(folder: &Folder, clock: &TokioClock) -> Result<PathBuf, Failure> {
    let failed = |error: io::Error| Failure::of(folder.path().display(), &error);
    let now = clock.now().to_string();
    let day = now.split('T').next().unwrap_or_default();
    let names = (1..=ASIDE_MAX).map(|nth| match nth {
        1 => format!("{STORE}.{day}"),
        nth => format!("{STORE}.{day}.{nth}"),
    });
    let mut free = names.map(|name| folder.path().join(name)).filter(|path| {
        !path.exists() && BESIDE.iter().all(|beside| !ending(path, beside).exists())
    });
    let aside = free.next().ok_or_else(|| Failure::new("too many stores stand aside today"))?;
    let store = folder.path().join(STORE);
    for beside in ["", "-wal", "-shm", "-journal"] {
        match fs::rename(ending(&store, beside), ending(&aside, beside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        // In this order on the disk, too.
        sync(folder.path()).map_err(failed)?;
    }
    Ok(aside)
}

/// A copy in the data folder. Removed when this is dropped, with what stands beside it.
struct Fresh {
    path: PathBuf,
}

impl Fresh {
    fn copy(file: &Path, folder: &Path) -> Result<Self, Failure> {
        let fresh = Self { path: folder.join(FRESH) };
        // Of a restore that was killed.
        fresh.remove();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;

            options.mode(0o600);
        }
        let copied = File::open(file).and_then(|mut from| {
            let mut to = options.open(&fresh.path)?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()
        });
        copied.map_err(|error| Failure::of(fresh.path.display(), &error))?;
        Ok(fresh)
    }

    fn remove(&self) {
        for beside in [""].iter().chain(&BESIDE) {
            // What is not there need not go.
            let _ = fs::remove_file(ending(&self.path, beside));
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.remove();
    }
}

fn ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
