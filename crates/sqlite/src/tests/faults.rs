//! Group commit, and what callers hear when it fails.

use std::sync::{Arc, mpsc};
use std::thread;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;
use tillway_core::book::{Commit, House, Key, Op, Outcome, Party, Scope, StreamId, StreamKind};
use tillway_core::book::{Record, Seq, Status, Verdict, Why};
use tillway_core::id::{Fingerprint, Owner, Uuid};
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, Journal, Query, ReadError, Store,
};
use tillway_core::{Kopecks, Timestamp};

use crate::{Mode, SqliteConfig, SqliteStore};

fn store(folder: &tempfile::TempDir, change: impl FnOnce(&mut SqliteConfig)) -> SqliteStore {
    let mut config = SqliteConfig::new(folder.path().join("book.db"));
    change(&mut config);
    SqliteStore::open(config).unwrap()
}

/// Money from the till to the bank under a key.
pub(super) fn carry(n: u128) -> Commit {
    let (from, to) = (Party::House(House::TillCash), Party::House(House::Bank));
    let by = Uuid::from_u128(n);
    let key = Key { scope: Scope::Custom, id: by, attempt: 1, body: Fingerprint([1; 16]) };
    let op = Op::Move { from, to, amount: Kopecks(100), why: Why::Correction, by };
    Commit { key: Some(key), ..Commit::of(Timestamp::utc(5), vec![op]) }
}

fn append(n: u128, expect: u64) -> Commit {
    let record = Record { kind: 1, version: 1, body: vec![7; 10].into() };
    let op = Op::Append {
        stream: stream(n),
        expect: Some(Seq(expect)),
        fence: None,
        records: vec![record],
        head: tillway_core::book::Head::default(),
    };
    Commit::of(Timestamp::utc(5), vec![op])
}

fn stream(n: u128) -> StreamId {
    StreamId { kind: StreamKind::Payment, id: Uuid::from_u128(n) }
}

fn movements(store: &SqliteStore) -> usize {
    block_on(store.audit()).unwrap().movements.len()
}

/// Runs SQL on the write connection.
pub(super) fn on_writer(store: &SqliteStore, sql: &'static str) {
    let done = store.writer.submit(move |w| w.connection.execute_batch(sql)).unwrap();
    block_on(done).unwrap().unwrap();
}

/// Lets the tasks pile up while the writer waits, so that they become one batch.
pub(super) fn as_one_batch(
    store: &Arc<SqliteStore>,
    commits: Vec<Commit>,
) -> Vec<Result<Committed, CommitError>> {
    let (go, wait) = mpsc::channel::<()>();
    let held = store.writer.submit(move |_| wait.recv().unwrap()).unwrap();
    let mut all = join_all(commits.into_iter().map(|commit| store.commit(commit)));
    // Each waits in the queue, or was refused, before the writer goes on.
    assert!((&mut all).now_or_never().is_none());
    go.send(()).unwrap();
    let answers = block_on(all);
    block_on(held).unwrap();
    answers
}

#[test]
fn i5_raced_key_has_one_effect() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |_| {}));
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            thread::spawn(move || block_on(store.commit(carry(1))).unwrap())
        })
        .collect();
    let answers: Vec<_> = callers.into_iter().map(|c| c.join().unwrap()).collect();
    assert_eq!(answers.iter().filter(|a| !a.replayed).count(), 1);
    assert_eq!(movements(&store), 1);
}

#[test]
fn a_batch_is_judged_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |_| {}));
    let answers =
        as_one_batch(&store, vec![append(1, 0), append(1, 1), append(1, 1), carry(2), carry(2)]);
    let verdict = |n: usize| answers[n].as_ref().map(|a| a.verdict.clone());
    assert_eq!(verdict(0), Ok(Verdict::Done(vec![Outcome::Appended(Seq(1))])));
    assert_eq!(verdict(1), Ok(Verdict::Done(vec![Outcome::Appended(Seq(2))])));
    let stale = CommitError::Stale { stream: stream(1), head: Seq(2) };
    assert_eq!(answers[2], Err(stale));
    assert_eq!([3, 4].map(|n: usize| answers[n].as_ref().unwrap().replayed), [false, true]);
    assert_eq!(block_on(store.load(stream(1), Seq(0), 10)).unwrap().len(), 2);
}

#[test]
fn batches_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |config| config.batch_max = 2));
    assert_eq!(store.stats(), crate::Stats::default());
    let answers = as_one_batch(&store, (0..5).map(carry).collect());
    assert!(answers.iter().all(Result::is_ok));
    let stats = store.stats();
    assert_eq!((stats.waiting, stats.batches, stats.batched), (0, 3, 5));
}

#[test]
fn a_full_queue_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |config| config.queue_max = 3));
    let answers = as_one_batch(&store, (0..5).map(carry).collect());
    let full = answers.iter().filter(|a| **a == Err(CommitError::Full)).count();
    assert_eq!((full, movements(&store)), (2, 3));
    assert!(block_on(store.commit(carry(9))).is_ok());
}

#[test]
fn a_full_disk_fails_the_batch_and_the_store_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |_| {}));
    assert!(block_on(store.commit(carry(1))).is_ok());
    // No page more than there are.
    on_writer(&store, "PRAGMA max_page_count = 1");
    let big = |n| {
        let Commit { mut ops, .. } = append(n, 0);
        let Op::Append { records, .. } = &mut ops[0] else { panic!("append") };
        records[0].body = vec![7; 60_000].into();
        Commit::of(Timestamp::utc(5), ops)
    };
    let answers = as_one_batch(&store, vec![carry(2), big(3), carry(4)]);
    assert_eq!(answers, vec![Err(CommitError::Full); 3]);
    assert_eq!(movements(&store), 1);
    on_writer(&store, "PRAGMA max_page_count = 1000000");
    for commit in [carry(2), big(3), carry(4)] {
        assert!(block_on(store.commit(commit)).is_ok());
    }
    assert_eq!(movements(&store), 3);
    block_on(store.ready()).unwrap();
}

#[test]
fn one_bad_task_does_not_spoil_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |_| {}));
    // No commit of core breaks a rule of the schema; this one is made to.
    on_writer(
        &store,
        "CREATE TEMP TRIGGER no AFTER INSERT ON movements WHEN new.by_id = zeroblob(16) \
         BEGIN SELECT RAISE(ABORT, 'on purpose'); END",
    );
    let answers = as_one_batch(&store, vec![carry(1), carry(0), carry(2)]);
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1], Err(CommitError::Corrupt));
    assert_eq!(movements(&store), 2);
    block_on(store.ready()).unwrap();
}

#[test]
fn a_row_that_does_not_read_stops_its_own_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |_| {}));
    assert!(block_on(store.commit(carry(1))).is_ok());
    on_writer(&store, "UPDATE keys SET body = x'00'");
    let answers = as_one_batch(&store, vec![carry(1), carry(2)]);
    assert_eq!(answers[0], Err(CommitError::Corrupt));
    assert!(answers[1].is_ok());
}

#[test]
fn a_broken_disk_stops_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |_| {}));
    assert!(block_on(store.commit(carry(1))).is_ok());
    store.health.breaks();
    assert_eq!(block_on(store.ready()), Err(ReadError::Corrupt));
    assert_eq!(block_on(store.commit(carry(2))), Err(CommitError::Corrupt));
    assert_eq!(block_on(store.pairings()), Err(ReadError::Corrupt));
    let owner = Owner(Uuid::from_u128(1));
    let ttl = core::time::Duration::from_secs(1);
    let claimed = block_on(store.claim(stream(1), owner, ttl, Timestamp::utc(1)));
    assert_eq!(claimed, Err(ClaimError::Unavailable));
}

#[test]
fn a_dead_writer_leaves_callers_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&folder, |_| {}));
    let panics = store.writer.submit(|_| std::panic::resume_unwind(Box::new("on purpose")));
    let panics: tillway_device::Answer<()> = panics.unwrap();
    assert!(block_on(panics).is_err());
    assert_eq!(block_on(store.commit(carry(1))), Err(CommitError::InDoubt));
    assert_eq!(block_on(store.ready()), Err(ReadError::Unavailable));
}

#[test]
fn a_dropped_commit_happens_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [Mode::Thread, Mode::Inline] {
        let store = store(&folder, |config| config.mode = mode);
        let mut commit = Box::pin(store.commit(carry(mode as u128)));
        let waker = futures::task::noop_waker();
        let _ = commit.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        drop(commit);
        block_on(store.ready()).unwrap();
        assert_eq!(movements(&store), 1 + mode as usize, "{mode:?}");
    }
}

#[test]
fn a_long_log_goes_into_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, |config| config.checkpoint_pages = 8);
    let size = || std::fs::metadata(store.path()).unwrap().len();
    let before = size();
    (0..200).for_each(|n| assert!(block_on(store.commit(append(n, 0))).is_ok()));
    assert!(size() > before);
    block_on(store.check()).unwrap();
}

#[test]
fn claims_and_heads() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, |config| config.mode = Mode::Inline);
    let owner = |n| Owner(Uuid::from_u128(n));
    let ttl = core::time::Duration::from_millis(10);
    let claim = |n, at| block_on(store.claim(stream(1), owner(n), ttl, Timestamp::utc(at)));
    let first = claim(1, 0).unwrap();
    assert_eq!(claim(2, 5), Err(ClaimError::Held));
    assert_eq!(claim(1, 5), Ok(first));
    let second = claim(2, 15).unwrap();
    assert!(second > first);
    block_on(store.release(stream(1), first)).unwrap();
    assert_eq!(claim(1, 16), Err(ClaimError::Held));
    block_on(store.release(stream(1), second)).unwrap();
    assert!(claim(1, 17).unwrap() > second);
    (1..=2).for_each(|n| assert!(block_on(store.commit(append(n, 0))).is_ok()));
    let query = Query { status: Some(Status::Open), ..Query::default() };
    let all = block_on(store.heads(&query, None, 10)).unwrap();
    assert_eq!(all.iter().map(|h| h.stream).collect::<Vec<_>>(), [stream(1), stream(2)]);
    let rest = block_on(store.heads(&query, Some(stream(1)), 10)).unwrap();
    assert_eq!(rest, all[1..]);
}
