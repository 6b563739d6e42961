//! Lives of a store on a simulated disk, and what must be left of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tillway_core::port::{ReadError, Store};
use tillway_faultfs::{Cut, Disk, FaultFs, Plan};
use tillway_sqlite::{Mode, OpenError, SqliteConfig, SqliteStore};
use tillway_testkit::Checked;

use crate::story::{Failed, Step, guests};

/// Each story opens chapters, and writes the filters of some.
const CHAPTER_NAMES: u32 = 8;

/// How the store is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) mode: Mode,
    pub(crate) checkpoint_pages: u32,
    pub(crate) cache_kib: u32,
}

/// In line; the log is copied when the store closes.
pub(crate) const PLAIN: Setting =
    Setting { mode: Mode::Inline, checkpoint_pages: 2_000, cache_kib: 2_000 };
/// The log is copied after nearly each commit.
pub(crate) const COPYING: Setting = Setting { checkpoint_pages: 8, ..PLAIN };
/// A cache so small that pages go to the log before their commit.
pub(crate) const SPILLING: Setting = Setting { cache_kib: 8, ..PLAIN };

/// A place for a book, with the guests in it, and all that the steps do there when nothing fails.
#[derive(Debug)]
pub(crate) struct Ground {
    folder: TempDir,
    pub(crate) steps: Vec<Step>,
    base: Disk,
    runs: RefCell<BTreeMap<Vec<usize>, Arc<Run>>>,
}

/// Every row of every table: what a store is compared by.
pub(crate) type Rows = BTreeMap<String, Vec<u8>>;

/// What some steps answer and leave on a disk that never fails.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) answers: Vec<String>,
    rows: Rows,
}

/// What callers heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Answers, in order.
    pub(crate) told: Vec<(usize, String)>,
    /// Failures, in order.
    pub(crate) failed: Vec<(usize, Failed)>,
}

/// A life of the store while the disk failed.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) fs: FaultFs,
    /// What all callers heard.
    pub(crate) heard: Heard,
    /// What they had heard, and what the disk had, right after the first failure.
    pub(crate) at_failure: Option<(Heard, Disk)>,
    /// Whether the store said at the end that it cannot be trusted.
    pub(crate) is_poisoned: bool,
    /// How many calls had failed before the store was closed.
    pub(crate) faults: u64,
}

impl Ground {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runs = RefCell::default();
        let mut ground = Self { folder, steps, base: Disk::new(), runs };
        let fs = FaultFs::new(Disk::new());
        let store = ground.open(&fs, PLAIN).unwrap();
        guests().iter().for_each(|step| drop(step.take(&store).unwrap()));
        drop(store);
        ground.base = fs.disk();
        assert!(ground.base.bytes(&ground.log()).is_none_or(<[u8]>::is_empty));
        ground
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("book.db")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("book.db-wal")
    }

    /// The disk that every life begins with: the guests, and the store closed.
    pub(crate) fn base(&self) -> Disk {
        self.base.clone()
    }

    pub(crate) fn open(&self, fs: &FaultFs, setting: Setting) -> Result<SqliteStore, OpenError> {
        open(&self.path(), fs, setting)
    }

    /// What these steps do, one after the other, on a disk that never fails.
    pub(crate) fn run(&self, steps: &[usize]) -> Arc<Run> {
        if let Some(run) = self.runs.borrow().get(steps) {
            return Arc::clone(run);
        }
        // The lock on the path is a real one, and the store under test may have it.
        let path = self.folder.path().join("sound.db");
        let mut disk = Disk::new();
        disk.put(&path, self.base.bytes(&self.path()).unwrap());
        let fs = FaultFs::new(disk);
        let store = open(&path, &fs, PLAIN).unwrap();
        let answers = steps.iter().map(|n| self.steps[*n].take(&store).unwrap()).collect();
        let run = Arc::new(Run { answers, rows: rows(&path, &fs) });
        self.runs.borrow_mut().insert(steps.to_vec(), Arc::clone(&run));
        run
    }

    /// How many chapters are closed and have their filters after all steps.
    pub(crate) fn filters(&self) -> u64 {
        let life = self.live(PLAIN, Plan::new());
        let sql = "SELECT count(filter) FROM chapters";
        let count: i64 =
            stranger(&self.path(), &life.fs).query_row(sql, [], |row| row.get(0)).unwrap();
        count.cast_unsigned()
    }

    /// Opens the store, takes all steps, closes it; the disk fails as planned.
    pub(crate) fn live(&self, setting: Setting, plan: Plan) -> Life {
        self.live_beside(setting, plan, |_, _| ())
    }

    /// The same, with somebody else who does something before each step.
    pub(crate) fn live_beside(
        &self,
        setting: Setting,
        plan: Plan,
        mut beside: impl FnMut(usize, &FaultFs),
    ) -> Life {
        let fs = FaultFs::new(self.base());
        let store = self.open(&fs, setting).unwrap();
        fs.plan(plan);
        let (mut heard, mut at_failure) = (Heard::default(), None);
        let mut is_poisoned = false;
        for (n, step) in self.steps.iter().enumerate() {
            beside(n, &fs);
            let was_off = fs.is_off();
            match step.take(&store) {
                Ok(answer) => {
                    assert!(!was_off && !is_poisoned, "step {n} was told {answer}");
                    heard.told.push((n, answer));
                }
                Err(why) => heard.failed.push((n, why)),
            }
            if at_failure.is_none() && !heard.failed.is_empty() {
                at_failure = Some((heard.clone(), fs.disk()));
            }
            is_poisoned = is_poisoned || poisoned(&store);
        }
        let faults = fs.counts().faults();
        drop(store);
        Life { fs, heard, at_failure, is_poisoned, faults }
    }

    /// The disk as the next process finds it, without a power cut. Before it does anything else it
    /// writes the log once more (on a simulated disk the store cannot: it does so to real files).
    pub(crate) fn restarted(&self, mut disk: Disk) -> Disk {
        disk.rewrite(&self.log());
        disk
    }

    /// Opens what is left and checks it: exactly the steps that it may have are there.
    pub(crate) fn verify(&self, left: Disk, heard: &Heard, deeply: bool) -> Result<(), String> {
        let fs = FaultFs::new(left);
        let store = self.open(&fs, PLAIN).map_err(|error| format!("does not open: {error:?}"))?;
        let rows = rows(&self.path(), &fs);
        let there = heard.outcomes().into_iter().find(|steps| self.run(steps).rows == rows);
        let Some(there) = there else {
            let told: Vec<usize> = heard.told.iter().map(|(n, _)| *n).collect();
            let wanted = &self.run(&told).rows;
            let differ: Vec<_> = rows.keys().filter(|k| wanted.get(*k) != rows.get(*k)).collect();
            return Err(format!("told {told:?}, failed {:?}, differs {differ:?}", heard.failed));
        };
        block_on(store.ready()).map_err(|error| error.to_string())?;
        block_on(store.check()).map_err(|error| format!("{error:?}"))?;
        if !deeply {
            return Ok(());
        }
        let store = Arc::new(store);
        let checked = Checked::new(Arc::clone(&store) as Arc<dyn Store>);
        block_on(checked.inspect()).map_err(|violation| violation.to_string())?;
        self.repeat(&fs, &store, &there)
    }

    /// Puts what is left into real files.
    pub(crate) fn save_really(&self, left: &Disk) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.path().display()));
        }
        left.save().unwrap();
    }

    /// Opens a store on real files: it looks at them before SQLite does, which a simulated disk
    /// does not show it.
    pub(crate) fn open_really(&self, left: &Disk) -> Result<SqliteStore, OpenError> {
        self.save_really(left);
        self.open_saved()
    }

    /// Opens a store on the real files as they are.
    pub(crate) fn open_saved(&self) -> Result<SqliteStore, OpenError> {
        let mut config = SqliteConfig::new(self.path());
        config.mode = Mode::Inline;
        SqliteStore::open(config)
    }

    /// That real files open, and have what they may have.
    pub(crate) fn verify_really(&self, left: &Disk, heard: &Heard) -> Result<(), String> {
        let store = self.open_really(left).map_err(|error| format!("really: {error:?}"))?;
        let rows = rows_of(&Connection::open(self.path()).unwrap());
        drop(store);
        let there = heard.outcomes().into_iter().any(|steps| self.run(&steps).rows == rows);
        if there { Ok(()) } else { Err("differs really".into()) }
    }

    /// All steps again, as everybody would who missed an answer: those that are there answer and
    /// change nothing, those that are not happen now.
    fn repeat(&self, fs: &FaultFs, store: &SqliteStore, there: &[usize]) -> Result<(), String> {
        let again = there.iter().copied().chain(0..self.steps.len());
        let wanted = self.run(&again.collect::<Vec<_>>());
        for (step, wanted) in self.steps.iter().zip(&wanted.answers[there.len()..]) {
            let answer = step.take(store).map_err(|failed| format!("{failed:?}"))?;
            if answer != *wanted {
                return Err(format!("{step:?} again is {answer}, not {wanted}"));
            }
        }
        if rows(&self.path(), fs) != wanted.rows {
            return Err("differs after repeats".into());
        }
        // All of that was answered: a cut now takes nothing away.
        let fs = FaultFs::new(fs.disk().after(Cut::Lose));
        if rows(&self.path(), &fs) != wanted.rows {
            return Err("differs after repeats and a cut".into());
        }
        Ok(())
    }
}

impl Heard {
    /// The steps that may be there, each way in which it can be: what was told is, what was not
    /// saved is not, and of what is in doubt any part.
    pub(crate) fn outcomes(&self) -> Vec<Vec<usize>> {
        let told = self.told.iter().map(|(n, _)| *n);
        let mut outcomes: Vec<Vec<usize>> = vec![told.collect()];
        let doubts = self.failed.iter().filter(|(_, why)| *why == Failed::InDoubt);
        for (doubt, _) in doubts {
            let with = outcomes.clone().into_iter().map(|mut steps| {
                steps.push(*doubt);
                steps.sort_unstable();
                steps
            });
            outcomes.extend(with.collect::<Vec<_>>());
        }
        outcomes
    }

    /// That what was answered is what a sound disk would have answered.
    pub(crate) fn same_answers(&self, ground: &Ground) {
        // A claim in doubt may show in later answers; all others are last.
        let found = self.outcomes().into_iter().any(|steps| {
            let run = ground.run(&steps);
            let answers = steps.iter().zip(&run.answers);
            let told: BTreeMap<_, _> = self.told.iter().map(|(n, answer)| (n, answer)).collect();
            answers.into_iter().all(|(n, answer)| told.get(n).is_none_or(|t| *t == answer))
        });
        assert!(found, "{:?}", self.told);
    }
}

fn open(path: &Path, fs: &FaultFs, setting: Setting) -> Result<SqliteStore, OpenError> {
    let mut config = SqliteConfig::new(path);
    config.vfs = Some(fs.name().to_owned());
    config.read_connections = 1;
    config.mode = setting.mode;
    config.checkpoint_pages = setting.checkpoint_pages;
    config.cache_kib = setting.cache_kib;
    config.chapter_names = CHAPTER_NAMES;
    SqliteStore::open(config)
}

/// Another program's connection to the same file.
pub(crate) fn stranger(path: &Path, fs: &FaultFs) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    Connection::open_with_flags_and_vfs(path, flags, fs.name()).unwrap()
}

/// Every row of every table.
pub(crate) fn rows(path: &Path, fs: &FaultFs) -> Rows {
    rows_of(&stranger(path, fs))
}

fn rows_of(connection: &Connection) -> Rows {
    // Which chapter a name is in depends on the batches, and `check` goes through them.
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'chapters'";
    let mut tables = connection.prepare(sql).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    tables.map(|table| table.unwrap()).map(|t| (t.clone(), table(connection, &t))).collect()
}

/// What different power cuts leave of a disk, each once.
pub(crate) fn left_by_cuts(disk: &Disk, seed: u64) -> Vec<(Cut, Disk)> {
    let mut all: Vec<(Cut, Disk)> = Vec::new();
    for cut in Cut::all(seed) {
        let left = disk.after(cut);
        if !all.iter().any(|(_, other)| same(other, &left)) {
            all.push((cut, left));
        }
    }
    all
}

fn same(one: &Disk, other: &Disk) -> bool {
    one.paths().eq(other.paths()) && one.paths().all(|path| one.bytes(path) == other.bytes(path))
}

/// Whether the store says that it cannot be trusted any more.
pub(crate) fn poisoned(store: &SqliteStore) -> bool {
    block_on(store.ready()) == Err(ReadError::Corrupt)
}

fn table(connection: &Connection, name: &str) -> Vec<u8> {
    let sql = match name {
        "ids" => "SELECT id, what, no FROM ids ORDER BY id, what".to_owned(),
        name => format!("SELECT * FROM {name}"),
    };
    let mut statement = connection.prepare(&sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut bytes = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            match row.get_ref(column).unwrap() {
                ValueRef::Null => bytes.push(0),
                ValueRef::Integer(n) => bytes.extend(n.to_be_bytes()),
                ValueRef::Real(_) => panic!("the book has no floats"),
                ValueRef::Text(text) | ValueRef::Blob(text) => {
                    bytes.extend(text.len().to_be_bytes());
                    bytes.extend(text);
                }
            }
        }
    }
    bytes
}
