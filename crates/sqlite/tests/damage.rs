//! Files that are damaged, are somebody else's, or may not be touched: each is named for what it
//! is, and nothing in it changes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use rusqlite::Connection;
use tempfile::TempDir;
use tillway_sqlite::{CheckError, OpenError, SqliteConfig, SqliteStore};

use support::{account_id, capture, guest_with_deposit, hold, open};

const PAGE: usize = 4_096;
const PAYMENTS: u64 = 300;

/// A store after a calm night: a file of some pages, no log.
fn closed() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let store = open(&path);
    fill(&store);
    drop(store);
    assert!(!beside(&path, "-wal").exists());
    (folder, path)
}

/// A store after a kill: the newest payments are in the log alone. Two files to copy from.
fn killed() -> (TempDir, PathBuf) {
    let (folder, path) = closed();
    let store = open(&path);
    for n in PAYMENTS..PAYMENTS + 5 {
        let paid = tillway_core::port::Store::commit(&store, capture(n, account_id(1), 100, None));
        block_on(paid).unwrap();
    }
    let other = folder.path().join("killed.db");
    fs::copy(&path, &other).unwrap();
    fs::copy(beside(&path, "-wal"), beside(&other, "-wal")).unwrap();
    drop(store);
    (folder, other)
}

fn fill(store: &SqliteStore) {
    use tillway_core::port::Store;

    block_on(guest_with_deposit(store, 1, 1_000_000));
    for n in 0..PAYMENTS {
        block_on(store.commit(capture(n, account_id(1), 100, None))).unwrap();
    }
    block_on(store.commit(hold(9_999, account_id(1), 100))).unwrap();
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Bytes of the file and of its log.
fn bytes(path: &Path) -> [Option<Vec<u8>>; 2] {
    // SQLite may leave an empty log.
    [path.to_owned(), beside(path, "-wal")]
        .map(|file| fs::read(file).ok().filter(|bytes| !bytes.is_empty()))
}

/// The number of the first page of a table or an index, from 0.
fn page_of(path: &Path, name: &str) -> usize {
    let db = Connection::open(path).unwrap();
    let sql = "SELECT rootpage - 1 FROM sqlite_schema WHERE name = ?1";
    let page: u32 = db.query_row(sql, [name], |row| row.get(0)).unwrap();
    page.try_into().unwrap()
}

/// Who finds the damage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    Damaged,
    NotADatabase,
    Foreign,
    LogAlone,
    /// It opens; `check` finds it.
    ByCheck,
}

/// How a file is damaged.
type Damage = fn(&Path, &mut Vec<u8>);

/// Opens a copy of a sound file after the damage; it must be named, and stay as it is.
fn refused(what: &str, sound: &Path, damage: Damage, expected: Found) {
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("book.db");
    if beside(sound, "-wal").exists() {
        fs::copy(beside(sound, "-wal"), beside(path, "-wal")).unwrap();
    }
    let mut file = fs::read(sound).unwrap();
    fs::write(path, &file).unwrap();
    damage(path, &mut file);
    fs::write(path, &file).unwrap();
    let before = bytes(path);
    let (found, said) = look(path);
    assert_eq!(found, expected, "{what}: {said}");
    assert!(said.contains(path.to_str().unwrap()), "{what}: {said} does not name the file");
    assert!(bytes(path) == before, "{what}: the file was changed");
}

fn look(path: &Path) -> (Found, String) {
    match SqliteStore::open(SqliteConfig::new(path)) {
        Err(error) => {
            let said = error.to_string();
            match error {
                OpenError::Damaged { .. } => (Found::Damaged, said),
                OpenError::NotADatabase { .. } => (Found::NotADatabase, said),
                OpenError::Foreign { .. } => (Found::Foreign, said),
                OpenError::LogAlone { .. } => (Found::LogAlone, said),
                other => panic!("{other:?}"),
            }
        }
        Ok(store) => match block_on(store.check()) {
            Err(error @ CheckError::Damaged { .. }) => (Found::ByCheck, error.to_string()),
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn damage_in_a_file_is_named_and_nothing_changes() {
    let rows: &[(&str, Damage, Found)] = &[
        ("its first bytes", |_, file| file[..16].fill(0xAA), Found::NotADatabase),
        ("the size of its pages", |_, file| file[16] = 0x77, Found::NotADatabase),
        ("the format of its schema", |_, file| file[47] = 99, Found::Damaged),
        ("whose it is", |_, file| file[68] ^= 1, Found::Foreign),
        ("all of its header", |_, file| file[..100].fill(0), Found::NotADatabase),
        ("the page of its schema", |_, file| file[100..PAGE].fill(0xAA), Found::Damaged),
        ("the text of its schema", |_, file| file[PAGE - 200..PAGE].fill(b'x'), Found::Damaged),
        ("a page of a table", |path, file| spoil(file, page_of(path, "movements")), Found::ByCheck),
        (
            "its list of chapters",
            |path, file| spoil(file, page_of(path, "chapters")),
            Found::Damaged,
        ),
        ("its last page's head", |_, file| spoil_last(file), Found::Damaged),
        (
            "a page of an index",
            |path, file| spoil(file, page_of(path, "payments_of_order")),
            Found::ByCheck,
        ),
        ("its last byte", |_, file| file.truncate(file.len() - 1), Found::Damaged),
        ("its last page", |_, file| file.truncate(file.len() - PAGE), Found::Damaged),
        ("its second half", |_, file| file.truncate(file.len() / 2), Found::Damaged),
        ("all but a page", |_, file| file.truncate(PAGE), Found::Damaged),
        ("all but half a page", |_, file| file.truncate(PAGE / 2), Found::Damaged),
        ("all but the header", |_, file| file.truncate(100), Found::Damaged),
        ("all but a word", |_, file| file.truncate(10), Found::NotADatabase),
    ];
    let (_folder, path) = closed();
    for (what, damage, expected) in rows {
        refused(what, &path, *damage, *expected);
    }
}

/// Overwrites the head of a page.
fn spoil(file: &mut [u8], page: usize) {
    file[page * PAGE..page * PAGE + 16].fill(0xAA);
}

fn spoil_last(file: &mut [u8]) {
    let last = file.len() / PAGE - 1;
    spoil(file, last);
}

#[test]
fn damage_of_a_store_that_was_killed_is_named_and_nothing_changes() {
    let rows: &[(&str, Damage, Found)] = &[
        ("its log's header", |path, _| overwrite(path, 0..32), Found::Damaged),
        ("a word of its log's header", |path, _| overwrite(path, 12..16), Found::Damaged),
        ("a frame of its log", |path, _| overwrite(path, 32 + 100..32 + 116), Found::Damaged),
        ("all of its log", |path, _| overwrite(path, 0..usize::MAX), Found::Damaged),
        ("all of its file", |_, file| file.clear(), Found::LogAlone),
    ];
    let (_folder, path) = killed();
    for (what, damage, expected) in rows {
        refused(what, &path, *damage, *expected);
    }
    let sound = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let before = bytes(&path);
    assert_eq!(look(&path).0, Found::LogAlone);
    assert!(bytes(&path) == before);
    // Nothing of this is said of one that was only killed.
    fs::write(&path, sound).unwrap();
    assert_eq!(block_on(open(&path).check()).unwrap().payments, PAYMENTS + 5);
}

/// Overwrites bytes of the log, as far as there are any.
fn overwrite(path: &Path, range: std::ops::Range<usize>) {
    let log = beside(path, "-wal");
    let mut bytes = fs::read(&log).unwrap();
    let end = range.end.min(bytes.len());
    bytes[range.start..end].fill(0xAA);
    fs::write(log, bytes).unwrap();
}

type Is = fn(&OpenError) -> bool;

#[test]
fn a_file_that_is_not_ours_stays_as_it_is() {
    let (_folder, path) = closed();
    let newer = "INSERT INTO schema_version VALUES (99, zeroblob(16), 0)";
    let other = "UPDATE schema_version SET checksum = zeroblob(16) WHERE version = 2";
    let wal = "PRAGMA journal_mode = wal";
    let changes: [(&str, &str, Is); 3] = [
        ("a newer schema", newer, |e| matches!(e, OpenError::NewerSchema { found: 99, .. })),
        ("a changed step", other, |e| matches!(e, OpenError::ChangedMigration { version: 2, .. })),
        ("a step that is gone", "DELETE FROM schema_version WHERE version = 1", |e| {
            matches!(e, OpenError::ChangedMigration { version: 1, .. })
        }),
    ];
    let sound = fs::read(&path).unwrap();
    for (what, sql, is) in changes {
        for mode in ["PRAGMA journal_mode = delete", wal] {
            fs::write(&path, &sound).unwrap();
            let db = Connection::open(&path).unwrap();
            db.execute_batch(&format!("{mode}; {sql}")).unwrap();
            drop(db);
            unchanged(what, &path, is);
        }
    }
    fs::write(&path, b"").unwrap();
    let recipes = Connection::open(&path).unwrap();
    recipes.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    drop(recipes);
    unchanged("recipes", &path, |e| matches!(e, OpenError::Foreign { .. }));
    fs::write(&path, b"a letter to grandmother\n".repeat(300)).unwrap();
    unchanged("a letter", &path, |e| matches!(e, OpenError::NotADatabase { .. }));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = SqliteStore::open(SqliteConfig::new(&path)).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

fn unchanged(what: &str, path: &Path, is: impl Fn(&OpenError) -> bool) {
    let before = bytes(path);
    let error = SqliteStore::open(SqliteConfig::new(path)).unwrap_err();
    assert!(is(&error), "{what}: {error:?}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{what}: {error}");
    assert!(bytes(path) == before, "{what}: the file was changed");
}

/// Opening and closing writes nothing when there is nothing to write.
#[test]
fn a_start_and_a_stop_leave_the_file_as_it_was() {
    let (_folder, path) = closed();
    let before = bytes(&path);
    for _ in 0..2 {
        block_on(open(&path).check()).unwrap();
        assert!(bytes(&path) == before);
    }
}
