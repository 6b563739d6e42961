//! Days are sealed in a file that is opened again and again; its check holds them against the book.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use tillway_core::AccountKind::Deposit;
use tillway_core::Kopecks;
use tillway_core::book::{Caller, Day, Digest, Fault, Seq, Status, StreamKind};
use tillway_core::port::{AccountBook, Clock, GuestDesk, Journal, Query};
use tillway_engine::Fiscal;
use tillway_sqlite::{CheckError, SqliteStore};
use tillway_testkit::builders::{anna, id};
use tillway_testkit::runtime::{TestClock, block_on};
use tillway_tests::pos::sqlite;
use tillway_tests::venue::{NOON, Setup, services};

const SIX_HOURS: Duration = Duration::from_secs(6 * 3_600);

/// One run of the program, of six hours, in which one top-up is made; then the power fails.
fn run(folder: &tempfile::TempDir, clock: &TestClock, number: u64) {
    let store = Arc::new(sqlite(folder));
    let rules = Box::new(|config: &mut tillway_engine::EngineConfig| {
        config.fiscal = Fiscal::ExternalDeclared;
    });
    let setup = Setup { store, clock: clock.clone(), rules, ..Setup::default() };
    let (engine, _) = services(setup);
    let keeper = engine.keeper();
    block_on(keeper.recover());
    let (asks, wallet) = (Caller::system(), anna().account(Deposit));
    block_on(engine.top_up(&asks, id(500 + number), wallet, Kopecks(100))).unwrap();
    clock.advance(SIX_HOURS);
    block_on(keeper.look());
}

fn kept(store: &SqliteStore) -> Vec<Digest> {
    let stored = block_on(store.load(Digest::STREAM, Seq(0), 100)).unwrap();
    stored.iter().map(|stored| Digest::decode(&stored.record).unwrap()).collect()
}

#[test]
fn i11_days_are_sealed_over_restarts_and_a_rewritten_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::at(NOON);
    for number in 0..20 {
        run(&folder, &clock, number);
    }
    let store = sqlite(&folder);
    let digests = kept(&store);
    let last = Day::of(clock.now()).0 - Day::of(NOON).0;
    let days: Vec<_> = (0..last).map(|n| Day(Day::of(NOON).0 + n)).collect();
    assert_eq!(digests.iter().map(|digest| digest.day).collect::<Vec<_>>(), days);
    for digest in &digests {
        assert_eq!(block_on(store.digest(digest.day)).unwrap().as_ref(), Some(digest));
    }
    block_on(store.check()).unwrap();
    let book = block_on(store.audit()).unwrap();
    drop(store);
    // Somebody changes who made a top-up, and all links of the account after it.
    let wallet = anna().account(Deposit);
    let mut chain = tillway_core::book::Chain::START;
    for mut movement in book.movements {
        let ours = tillway_core::book::Party::Guest(wallet);
        if movement.by == id(505) {
            movement.by = id(9);
        }
        if movement.credit == ours || movement.debit == ours {
            chain = chain.movement(&movement);
        }
    }
    let db = rusqlite::Connection::open(folder.path().join("book.db")).unwrap();
    let by = "UPDATE movements SET by_id = ?1 WHERE by_id = ?2";
    assert_eq!(db.execute(by, (id(9).as_bytes(), id(505).as_bytes())).unwrap(), 1);
    let link = "UPDATE accounts SET chain = ?1 WHERE id = ?2";
    assert_eq!(db.execute(link, (&chain.0[..], wallet.0.as_bytes())).unwrap(), 1);
    drop(db);
    let found = block_on(sqlite(&folder).check()).unwrap_err();
    let CheckError::Book { fault, .. } = &found else { panic!("{found:?}") };
    // Of the first day that has it: later ones go on from there.
    let first = Day::of(NOON.after(5 * SIX_HOURS));
    assert_eq!(*fault, Fault::Digest { day: first });
}

/// A book that does not hold is not sealed: a person is asked, and the rest goes on.
#[test]
fn i11_a_day_whose_chains_do_not_hold_is_left_to_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::at(NOON);
    run(&folder, &clock, 1);
    let store = Arc::new(sqlite(&folder));
    let setup = Setup { store: Arc::clone(&store) as _, clock: clock.clone(), ..Setup::default() };
    let (engine, _) = services(setup);
    let keeper = engine.keeper();
    block_on(keeper.recover());
    let db = rusqlite::Connection::open(folder.path().join("book.db")).unwrap();
    let amount = |kopecks: i64| {
        let sql = "UPDATE movements SET amount = ?1 WHERE by_id = ?2";
        assert_eq!(db.execute(sql, (kopecks, id(501).as_bytes())).unwrap(), 1);
    };
    amount(101);
    clock.advance(4 * SIX_HOURS);
    let status = || {
        let query = Query { kind: Some(StreamKind::Digest), ..Query::default() };
        block_on(store.heads(&query, None, 1)).unwrap().remove(0).head.status
    };
    for _ in 0..2 {
        block_on(keeper.look());
        assert_eq!((kept(&store).len(), status()), (0, Status::NeedsPerson));
    }
    // Somebody has put it right; it is looked at again after a while.
    amount(100);
    clock.advance(Duration::from_secs(599));
    block_on(keeper.look());
    assert_eq!(kept(&store).len(), 0);
    clock.advance(Duration::from_secs(1));
    block_on(keeper.look());
    assert_eq!((kept(&store).len(), status()), (1, Status::Done));
    block_on(store.check()).unwrap();
}
