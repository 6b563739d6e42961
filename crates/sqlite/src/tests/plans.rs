//! Every list that is asked for while guests wait goes through an index.

use rusqlite::{Connection, params_from_iter};
use tillway_core::Timestamp;
use tillway_core::book::{Status, StreamId, StreamKind};
use tillway_core::id::Uuid;
use tillway_core::port::Query;

use crate::config::SqliteConfig;
use crate::ids::Db;
use crate::{chains, chapters, ids, load, names, open, read};

fn plan(db: &Connection, sql: &str, count: usize) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = params_from_iter(std::iter::repeat_n(None::<i64>, count));
    statement.query_map(nothing, |row| row.get(3)).unwrap().map(Result::unwrap).collect()
}

fn db() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = open::writer(&SqliteConfig::new(folder.path().join("book.db"))).unwrap();
    (folder, db)
}

#[test]
fn lists_of_streams_find_their_index() {
    let (_folder, db) = db();
    let after = StreamId { kind: StreamKind::Payment, id: Uuid::nil() };
    for kind in [None, Some(StreamKind::Binding)] {
        for status in [None, Some(Status::Open), Some(Status::NeedsPerson)] {
            for due in [None, Some(Timestamp::utc(1))] {
                for shelf in [None, Some("till-1")] {
                    for after in [None, Some(after)] {
                        if status.is_none() && due.is_none() && shelf.is_none() {
                            continue;
                        }
                        let query = Query { kind, status, due, shelf: shelf.map(Into::into) };
                        let (sql, bound) = read::indexed(&query, after, 10);
                        let plan = plan(&db, &sql, bound.len());
                        let index = match (due, shelf) {
                            (None, None) => "streams_open (status=?",
                            (None, Some(_)) => "streams_on_shelf (shelf=?",
                            (Some(_), None) => "streams_due (wake_ms<?",
                            (Some(_), Some(_)) => "streams_",
                        };
                        let index = format!("SEARCH streams USING INDEX {index}");
                        assert!(
                            plan.iter().any(|step| step.starts_with(&index)),
                            "{sql}: {plan:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn rows_of_a_commit_find_their_index() {
    let (_folder, db) = db();
    for (sql, count, index) in [
        (load::ORDER_PAYMENTS, 1, "payments USING INDEX payments_of_order (order_no=?)"),
        (chains::PAYMENTS, 1, "payments USING INDEX payments_of_order (order_no=?)"),
        (load::ORDER_HOLDS, 1, "holds USING INDEX holds_live_of_order (order_id=?)"),
        (load::PAYMENT, 4, "payments USING INTEGER PRIMARY KEY (rowid=?)"),
        (load::HOLD, 4, "holds USING INTEGER PRIMARY KEY (rowid=?)"),
        (load::ORDER, 4, "orders USING INTEGER PRIMARY KEY (rowid=?)"),
        (load::KEY, 4, "keys USING INTEGER PRIMARY KEY (rowid=?)"),
        (load::STREAM, 4, "streams USING INTEGER PRIMARY KEY (rowid=?)"),
        (load::RECORDS, 6, "records USING PRIMARY KEY (stream_no=? AND seq>?)"),
    ] {
        let plan = plan(&db, sql, count);
        assert!(plan.contains(&format!("SEARCH {index}")), "{sql}: {plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{sql}: {plan:?}");
    }
}

#[test]
fn names_are_found_in_their_chapter_and_read_in_its_order() {
    let (_folder, db) = db();
    for (sql, count, range) in [
        (ids::NUMBER, 3, "chapter=? AND id=? AND what=?"),
        (chapters::IDS, 3, "chapter=? AND id>?"),
        (read::STREAMS, 7, "chapter=? AND id>? AND id<?"),
        (chains::STREAMS_OF_KIND, 2, "chapter=?"),
        (chains::KEYS_OF_SCOPE, 2, "chapter=?"),
        (names::NAMES, 1, "chapter=?"),
    ] {
        let plan = plan(&db, sql, count);
        let search = format!("SEARCH ids USING PRIMARY KEY ({range})");
        assert_eq!(plan.first(), Some(&search), "{sql}: {plan:?}");
        let is_slow = |step: &String| step.starts_with("SCAN") || step.contains("TEMP");
        assert!(!plan.iter().any(is_slow), "{sql}: {plan:?}");
    }
}
