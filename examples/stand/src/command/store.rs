//! Work on the whole store: look through it, and copy it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tillway::core::port::Clock;
use tillway::runtime::TokioClock;
use tillway::sqlite::{BackupError, CheckError, Checked, OpenError, Progress, SqliteStore, Stage};

use super::job::{Jobs, Teller};
use super::{Command, Reply, Said};
use crate::cli::Options;
use crate::control;
use crate::failure::Failure;
use crate::folder::{Folder, sync, write_whole};

/// Work that may take minutes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Long {
    /// Looks through the file and the book.
    Check,
    /// Writes a copy to this path.
    Backup(String),
}

/// What is needed for it.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    pub(crate) store: Arc<SqliteStore>,
    /// Where `stand.toml` is.
    pub(crate) folder: PathBuf,
    pub(crate) clock: Arc<TokioClock>,
}

/// At the end of a file name: whose data the copy beside it is.
pub(crate) const MARK: &str = ".stand.toml";

/// How often a person at the terminal hears how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

impl Long {
    /// A path means the same for the running stand, wherever that was started.
    pub(crate) fn backup(to: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::of(to.display(), &error);
        let whole = std::path::absolute(to).map_err(failed)?;
        let text = whole.into_os_string().into_string();
        let text = text.map_err(|_| Failure::new(format!("{} is not UTF-8", to.display())))?;
        Ok(Self::Backup(text))
    }
}

/// Asks the running stand and waits for the end, or does it alone when none runs.
pub(crate) async fn perform(options: &Options, long: Long) -> Result<(), Failure> {
    let Some(mut said) = control::ask(&options.data, &Command::Long(long.clone())).await? else {
        return alone(options, long).await;
    };
    loop {
        let job = match said {
            Said::Done(reply) => {
                reply.lines.iter().for_each(|line| crate::say(line));
                return Ok(());
            }
            Said::Running(running) => {
                tell(&running.progress);
                running.job
            }
        };
        let next = control::ask(&options.data, &Command::Wait { job }).await?;
        said = next.ok_or_else(|| Failure::new("the running stand has stopped meanwhile"))?;
    }
}

async fn alone(options: &Options, long: Long) -> Result<(), Failure> {
    let folder = Folder::existing(&options.data)?;
    let clock = Arc::new(TokioClock::new());
    let store = Arc::new(folder.existing_store()?);
    let whole = Whole { store, folder: folder.path().to_owned(), clock: Arc::clone(&clock) };
    let reply = whole.work(long, now_and_then(&clock)).await?;
    reply.lines.iter().for_each(|line| crate::say(line));
    Ok(())
}

/// Tells a person how far a work is, once a second.
pub(crate) fn now_and_then(clock: &Arc<TokioClock>) -> impl FnMut(Progress) + Send + use<> {
    let clock = Arc::clone(clock);
    let mut last = clock.ticks();
    move |progress| {
        let now = clock.ticks();
        if now.saturating_sub(last) >= TELL_EVERY {
            last = now;
            tell(&words(progress));
        }
    }
}

#[expect(clippy::print_stderr, reason = "how far a long command is, beside its answer")]
fn tell(progress: &str) {
    eprintln!("{}", crate::harmless(progress));
}

impl Whole {
    /// Starts it in a running stand.
    pub(crate) async fn start(&self, jobs: &Jobs, long: Long) -> Result<Said, Failure> {
        let whole = self.clone();
        let work = |teller: Teller| async move {
            whole.work(long, move |progress| teller.tell(words(progress))).await
        };
        jobs.start(work).await
    }

    async fn work(
        &self,
        long: Long,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Failure> {
        match long {
            Long::Check => {
                let checked = self.store.check_telling(progress).await;
                let checked = checked.map_err(|error| unsound(&self.folder, &error))?;
                let mut lines = vec![self.store.path().display().to_string()];
                lines.extend(report(&checked));
                lines.push("ok".to_owned());
                Ok(Reply { lines })
            }
            Long::Backup(to) => self.backup(Path::new(&to), progress).await,
        }
    }

    async fn backup(
        &self,
        to: &Path,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Failure> {
        let (mark, beside) = (self.folder.join("stand.toml"), mark_of(to));
        if beside.exists() {
            return Err(Failure::new(format!(
                "{} is there already; choose another name",
                beside.display()
            )));
        }
        let began = self.clock.ticks();
        let backup = self.store.backup(to, progress).await;
        let backup = backup.map_err(|error| not_copied(&self.folder, &error))?;
        let took = self.clock.ticks().saturating_sub(began).as_millis();
        let kept = keep(&mark, &beside).map_err(|error| Failure::of(beside.display(), &error))?;
        let mut lines = vec![format!(
            "{}: {} bytes, copied and checked in {}.{:03} s",
            to.display(),
            backup.bytes,
            took / 1_000,
            took % 1_000
        )];
        lines.extend(report(&backup.checked));
        if kept {
            lines.push(format!("{}: whose data it is; keep both together", beside.display()));
        }
        Ok(Reply { lines })
    }
}

/// Copies the file that says whose data it is; `false` when there is none.
fn keep(mark: &Path, beside: &Path) -> io::Result<bool> {
    let mark = match fs::read(mark) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    write_whole(beside, &mark, true)?;
    let folder = beside.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync(folder.unwrap_or(Path::new(".")))?;
    Ok(true)
}

/// Where a backup says whose data it is.
pub(crate) fn mark_of(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(MARK);
    PathBuf::from(name)
}

/// What was looked through.
pub(crate) fn report(checked: &Checked) -> Vec<String> {
    let row = |name: &str, count: u64| format!("  {name:<11} {count}");
    let mut lines = vec![
        row("schema", checked.schema.into()),
        row("guests", checked.guests),
        row("accounts", checked.accounts),
        row("movements", checked.movements),
        row("payments", checked.payments),
        row("orders", checked.orders),
        row("streams", checked.streams),
        row("records", checked.records),
        row("digests", checked.digests),
    ];
    if let Some(last) = checked.last {
        let day = last.day.start().to_string();
        let day = day.split('T').next().unwrap_or_default();
        lines.push(format!("  last digest {day} {}", last.root));
    }
    lines
}

fn words(progress: Progress) -> String {
    let Progress { stage, done, total } = progress;
    let what = match stage {
        Stage::Copy => "copying the file",
        Stage::File => "looking through the file",
        _ => "making up the book again",
    };
    match done.saturating_mul(100).checked_div(total) {
        Some(percent) => format!("{what}: {percent} %"),
        None => what.to_owned(),
    }
}

/// What a person does about a store that does not open. The file was left as it was.
pub(crate) fn unopened(folder: &Path, error: &OpenError) -> Failure {
    let advice = match error {
        OpenError::Damaged { .. }
        | OpenError::NotADatabase { .. }
        | OpenError::LogAlone { .. }
        | OpenError::Migration { .. } => format!("nothing was changed; {}", restore(folder)),
        OpenError::NewerSchema { .. } | OpenError::ChangedMigration { .. } => {
            format!("run the program that wrote it, or {}", restore(folder))
        }
        OpenError::Foreign { .. } => "choose another folder with --data".to_owned(),
        OpenError::ReadOnly { .. } => {
            "give the account that runs the stand the right to read and write there".to_owned()
        }
        OpenError::Full { .. } => "free some space and start again".to_owned(),
        OpenError::Locked { .. } => "stop the other program".to_owned(),
        _ => "look at the disk, then start again".to_owned(),
    };
    Failure::new(format!("{}; {advice}", Failure::of("the store does not open", error)))
}

/// What a person does about a store that does not hold.
pub(crate) fn unsound(folder: &Path, error: &CheckError) -> Failure {
    let advice = match error {
        CheckError::Read { .. } => "try again".to_owned(),
        CheckError::Book { .. } => format!(
            "something else than this program wrote there, or this program is wrong: keep the \
             file and ask for help; stop the stand, and {}",
            restore(folder)
        ),
        _ => format!("keep the file; stop the stand, and {}", restore(folder)),
    };
    Failure::new(format!("{}; {advice}", Failure::of("the store does not hold", error)))
}

fn not_copied(folder: &Path, error: &BackupError) -> Failure {
    let what = "no backup was made";
    let advice = match error {
        BackupError::Check(error) => {
            return Failure::new(format!("{what}: {}", unsound(folder, error)));
        }
        BackupError::Exists { .. } => "choose another name",
        BackupError::FolderMissing { .. } => "create it",
        BackupError::ReadOnly { .. } => "choose another folder",
        BackupError::Full { .. } => "free some space, or choose another disk",
        _ => "look at the disk, and check the store: stand check",
    };
    Failure::new(format!("{}; {advice}", Failure::of(what, error)))
}

fn restore(folder: &Path) -> String {
    format!("restore a backup: stand restore FILE --replace --data {}", folder.display())
}
