//! A copy of the book while payments go on.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;

use futures::executor::block_on;
use futures::task::noop_waker;
use rusqlite::Connection;
use tempfile::TempDir;
use tillway_core::book::{Fault, PaymentState};
use tillway_core::id::PaymentId;
use tillway_core::port::{AccountBook, Store};
use tillway_sqlite::{
    BackupError, CheckError, Mode, OpenError, Progress, SqliteConfig, SqliteStore, Stage,
};

use support::{account_id, capture, guest_with_deposit, open, uuid};

const CALLERS: usize = 4;

/// A store with a guest and some payments, and a place for its copy.
fn begun(payments: u64) -> (TempDir, SqliteStore, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("book.db"));
    block_on(guest_with_deposit(&store, 1, 1_000_000_000));
    (0..payments).for_each(|n| pay(&store, n));
    let to = folder.path().join("copy.db");
    (folder, store, to)
}

fn pay(store: &SqliteStore, n: u64) {
    let committed = block_on(store.commit(capture(n, account_id(1), 100, None))).unwrap();
    assert!(!committed.replayed, "{n}");
}

fn is_captured(store: &SqliteStore, n: u64) -> bool {
    let payment = block_on(store.payment(PaymentId(uuid(5, n)))).unwrap();
    payment.is_some_and(|payment| matches!(payment.state, PaymentState::Captured(_)))
}

fn refusal(store: &SqliteStore, to: &Path) -> BackupError {
    block_on(store.backup(to, |_| {})).unwrap_err()
}

/// The names in a folder, but for those of the store.
fn others(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("book.db")).collect();
    names.sort();
    names
}

#[test]
fn a_backup_under_load_has_all_that_was_answered_before() {
    let (folder, store, _) = begun(0);
    drop(store);
    // So that the copy takes some steps.
    let path = folder.path().join("book.db");
    let photos = "INSERT INTO photos SELECT randomblob(16), randomblob(1000000) FROM \
                  (SELECT 1 FROM sqlite_schema LIMIT 4)";
    Connection::open(&path).unwrap().execute_batch(photos).unwrap();
    let store = Arc::new(open(&path));
    let stop = Arc::new(AtomicBool::new(false));
    // How many payments of each caller were answered.
    let paid: Arc<[AtomicU64; CALLERS]> = Arc::default();
    let callers = (0..CALLERS).map(|caller| {
        let (store, stop, paid) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&paid));
        thread::spawn(move || {
            for nth in 0.. {
                pay(&store, number(caller, nth));
                paid[caller].store(nth + 1, Ordering::Release);
                if stop.load(Ordering::Acquire) {
                    break;
                }
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    let answers = Arc::clone(&paid);
    let answered = move || answers.each_ref().map(|of_one| of_one.load(Ordering::Acquire));
    let mut copies = Vec::new();
    for round in 1..=3 {
        let to = folder.path().join(format!("copy{round}.db"));
        let before = answered();
        let heard = answered.clone();
        let backup = block_on(store.backup(&to, move |_| {
            // Between any two steps somebody pays.
            let so_far: u64 = heard().iter().sum();
            while heard().iter().sum::<u64>() < so_far + 20 {
                thread::yield_now();
            }
        }));
        let backup = backup.unwrap();
        assert_eq!(backup.bytes, fs::metadata(&to).unwrap().len());
        copies.push((to, before, backup.checked.payments, answered()));
    }
    stop.store(true, Ordering::Release);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    for (to, before, payments, after) in copies {
        let copy = open(&to);
        assert_eq!(block_on(copy.check()).unwrap().payments, payments);
        // Each caller pays one after the other: of each the first ones are there.
        let kept: Vec<u64> = (0..CALLERS)
            .map(|caller| (0..).take_while(|nth| is_captured(&copy, number(caller, *nth))).count())
            .map(|count| count.try_into().unwrap())
            .collect();
        assert_eq!(kept.iter().sum::<u64>(), payments, "there are gaps");
        for ((kept, before), after) in kept.iter().zip(before).zip(after) {
            // One more may be on its way while it is counted.
            assert!((before..=after + 1).contains(kept), "{before} <= {kept} <= {after}");
        }
    }
    block_on(store.check()).unwrap();
}

/// Of the payment that a caller makes as its n-th.
fn number(caller: usize, nth: u64) -> u64 {
    1_000_000 * (caller as u64 + 1) + nth
}

#[test]
fn a_backup_goes_on_as_a_store() {
    let (_folder, store, to) = begun(3);
    let backup = block_on(store.backup(&to, |_| {})).unwrap();
    assert_eq!((backup.checked.guests, backup.checked.payments), (1, 3));
    pay(&store, 3);
    drop(store);
    let copy = open(&to);
    let again = block_on(copy.commit(capture(1, account_id(1), 100, None))).unwrap();
    assert!(again.replayed, "a payment from before the backup is a replay");
    assert!(!is_captured(&copy, 3));
    pay(&copy, 3);
    block_on(copy.check()).unwrap();
    let second = to.with_extension("second");
    assert_eq!(block_on(copy.backup(&second, |_| {})).unwrap().checked.payments, 4);
}

#[test]
fn a_backup_is_one_file_for_its_owner_alone() {
    for mode in [Mode::Thread, Mode::Inline] {
        let (folder, store, to) = begun(2);
        drop(store);
        let mut config = SqliteConfig::new(folder.path().join("book.db"));
        config.mode = mode;
        let store = SqliteStore::open(config).unwrap();
        pay(&store, 2);
        block_on(store.backup(&to, |_| {})).unwrap();
        assert_eq!(others(folder.path()), ["copy.db"], "{mode:?}");
        let header = fs::read(&to).unwrap();
        assert_eq!(&header[18..20], [1, 1], "it needs no log");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn a_backup_says_how_far_it_is() {
    let (_folder, store, to) = begun(2);
    let (told, heard) = mpsc::channel();
    block_on(store.backup(&to, move |progress| told.send(progress).unwrap())).unwrap();
    let heard: Vec<Progress> = heard.iter().collect();
    let mut stages: Vec<_> = heard.iter().map(|progress| progress.stage).collect();
    stages.dedup();
    assert_eq!(stages, [Stage::Copy, Stage::File, Stage::Book]);
    let copied = heard.iter().rfind(|progress| progress.stage == Stage::Copy).unwrap();
    assert!(copied.done == copied.total && copied.total > 10, "{copied:?}");
}

#[test]
fn a_backup_replaces_nothing_and_needs_a_folder() {
    let (folder, store, to) = begun(1);
    fs::write(&to, "mine").unwrap();
    assert!(matches!(refusal(&store, &to), BackupError::Exists { path } if path == to));
    assert_eq!(fs::read(&to).unwrap(), b"mine");
    let own = folder.path().join("book.db");
    assert!(matches!(refusal(&store, &own), BackupError::Exists { path } if path == own));
    let missing = folder.path().join("missing");
    let refused = refusal(&store, &missing.join("copy.db"));
    assert!(matches!(refused, BackupError::FolderMissing { path } if path == missing));
    assert_eq!(others(folder.path()), ["copy.db"]);
    pay(&store, 1);
}

/// Not even the system's own account writes there.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let (_folder, store, _) = begun(1);
    let refused = refusal(&store, Path::new("/sys/copy.db"));
    let is = matches!(&refused, BackupError::ReadOnly { path } if path == Path::new("/sys"));
    assert!(is, "{refused:?}");
}

#[test]
fn a_damaged_store_has_no_backup() {
    let (folder, store, to) = begun(200);
    drop(store);
    let path = folder.path().join("book.db");
    let mut bytes = fs::read(&path).unwrap();
    let page = page_of(&path, "movements");
    bytes[page * 4_096 + 8..page * 4_096 + 16].fill(0xAA);
    fs::write(&path, &bytes).unwrap();
    let store = open(&path);
    let refused = refusal(&store, &to);
    assert!(matches!(refused, BackupError::Check(CheckError::Damaged { .. })), "{refused:?}");
    assert_eq!(others(folder.path()), Vec::<String>::new());
}

#[test]
fn a_book_that_does_not_hold_has_no_backup() {
    let (folder, store, to) = begun(2);
    drop(store);
    let path = folder.path().join("book.db");
    let forged = "UPDATE movements SET at_ms = at_ms + 1 WHERE entry = 2";
    Connection::open(&path).unwrap().execute_batch(forged).unwrap();
    let refused = refusal(&open(&path), &to);
    let is =
        matches!(refused, BackupError::Check(CheckError::Book { fault: Fault::Chain { .. }, .. }));
    assert!(is, "{refused:?}");
    assert_eq!(others(folder.path()), Vec::<String>::new());
}

/// The number of a table's first page, from 0.
fn page_of(path: &Path, table: &str) -> usize {
    let db = Connection::open(path).unwrap();
    let sql = "SELECT rootpage - 1 FROM sqlite_schema WHERE name = ?1";
    let page: u32 = db.query_row(sql, [table], |row| row.get(0)).unwrap();
    page.try_into().unwrap()
}

#[test]
fn a_backup_that_nobody_waits_for_ends() {
    let (folder, store, to) = begun(2);
    let (told, heard) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    {
        let mut backup = pin!(store.backup(&to, move |_| {
            told.send(()).unwrap();
            // Until the one who waits is gone.
            let _ = wait.recv();
        }));
        let waker = noop_waker();
        let polled = backup.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(matches!(polled, Poll::Pending));
        heard.recv().unwrap();
    }
    drop(go);
    // Ends with the thread, which drops what it tells by.
    heard.iter().for_each(drop);
    assert_eq!(others(folder.path()), Vec::<String>::new());
    assert!(block_on(store.backup(&to, |_| {})).is_ok());
}

const FILE: &str = "TILLWAY_BACKUP_FILE";
const FULL: &str = "TILLWAY_BACKUP_DISK";

/// The child: backs up, and stops where the parent kills it.
fn back_up_for_ever(path: &Path, stage: Stage) {
    let store = open(path);
    let to = path.with_file_name("copy.db");
    let done = block_on(store.backup(&to, move |progress| {
        if progress.stage == stage {
            let mut out = std::io::stdout().lock();
            writeln!(out, "here").unwrap();
            drop(out);
            loop {
                thread::park();
            }
        }
    }));
    panic!("{done:?}");
}

#[test]
fn a_killed_backup_leaves_no_file_under_its_name() {
    if let Ok(path) = std::env::var(FILE) {
        let (path, stage) = path.rsplit_once(' ').unwrap();
        let stage = if stage == "Copy" { Stage::Copy } else { Stage::Book };
        return back_up_for_ever(Path::new(path), stage);
    }
    let (folder, store, to) = begun(50);
    drop(store);
    let path = folder.path().join("book.db");
    let mut left = Vec::new();
    for stage in ["Copy", "Book"] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_backup_leaves_no_file_under_its_name", "--nocapture"])
            .env(FILE, format!("{} {stage}", path.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("here")), "{stage}");
        child.kill().unwrap();
        child.wait().unwrap();
        left.push(if left.is_empty() { "copy.db.part" } else { "copy.db.1.part" });
        left.sort_unstable();
        assert_eq!(others(folder.path()), left, "{stage}");
    }
    let store = open(&path);
    assert_eq!(block_on(store.backup(&to, |_| {})).unwrap().checked.payments, 50);
    block_on(store.check()).unwrap();
}

/// In a namespace of its own the child may mount a small disk, which goes away with it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_backup_and_not_the_store() {
    if let Ok(disk) = std::env::var(FULL) {
        let (_folder, store, _) = begun(100);
        let to = Path::new(&disk).join("copy.db");
        assert!(matches!(refusal(&store, &to), BackupError::Full { .. }));
        assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
        pay(&store, 100);
        block_on(store.check()).unwrap();
        // There is not even space for the store.
        let refused = SqliteStore::open(SqliteConfig::new(Path::new(&disk).join("book.db")));
        assert!(matches!(refused, Err(OpenError::Full { .. })), "{refused:?}");
        return println!("full");
    }
    let disk = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=64k tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let exe = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .args([disk.path(), &exe])
        .args(["--exact", "a_full_disk_ends_the_backup_and_not_the_store", "--nocapture"])
        .env(FULL, disk.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            assert!(String::from_utf8_lossy(&output.stdout).contains("full\n"), "{output:?}");
        }
        Ok(output) if output.status.code() == Some(101) => panic!("{output:?}"),
        other => println!("skipped: this account mounts no small disk: {other:?}"),
    }
}
