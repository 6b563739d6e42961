//! What is counted, and under which words.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tillway_core::AccountKind::Deposit;
use tillway_core::Kopecks;
use tillway_core::book::{Binding, Commit, Scope};
use tillway_core::id::{OrderId, Uuid};
use tillway_core::port::{AccountBook, Bindings, CommitError, Journal, Query, Store};
use tillway_layers::{Metered, describe};
use tillway_memory::MemoryStore;
use tillway_testkit::builders::{Pay, anna, at, bind, id, keyed, top_up};
use tillway_testkit::runtime::{TestClock, block_on};

/// Every series that a program leaves behind, as `name{label="value"}`; a histogram by its count.
fn counted(program: impl Future<Output = ()>) -> BTreeMap<String, u64> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        describe();
        block_on(program);
    });
    let mut series = BTreeMap::new();
    for (key, _, described, value) in snapshotter.snapshot().into_vec() {
        assert!(described.is_some(), "{key:?} is not described");
        let key = key.key();
        let labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let count = match value {
            DebugValue::Counter(count) => count,
            DebugValue::Gauge(level) => level.into_inner().to_bits(),
            DebugValue::Histogram(values) => u64::try_from(values.len()).unwrap(),
        };
        series.insert(format!("{}{{{}}}", key.name(), labels.join(",")), count);
    }
    series
}

fn store() -> (Metered<MemoryStore>, TestClock) {
    let clock = TestClock::at(at(0));
    (Metered::new(Arc::new(MemoryStore::new()), Arc::new(clock.clone())), clock)
}

#[test]
fn commits_are_counted_by_what_they_came_to() {
    let order = OrderId(Uuid::from_u128(82));
    let deposit = anna().account(Deposit);
    let series = counted(async {
        let (store, _) = store();
        store.commit(Commit::of(at(0), anna().ops())).await.unwrap();
        let more = |sum| vec![top_up(deposit, Kopecks(sum), id(7))];
        let once = keyed(Scope::TopUp, id(7), at(1), more(100));
        store.commit(once.clone()).await.unwrap();
        store.commit(once).await.unwrap();
        let mut other = keyed(Scope::TopUp, id(7), at(1), more(200));
        other.key.as_mut().unwrap().body = tillway_core::id::Fingerprint::of(b"another");
        assert_eq!(store.commit(other).await, Err(CommitError::KeyConflict));
        store.commit(Pay::new(1, order, deposit, 100).commit(at(2))).await.unwrap();
        let bound = Commit::of(at(3), vec![bind(order, Binding::Bound(anna().payer()))]);
        store.commit(bound).await.unwrap();
        store.commit(Pay::new(2, order, deposit, 100).commit(at(4))).await.unwrap();
    });
    let count = |name: &str| series.get(&format!("tillway_store_{name}")).copied();
    assert_eq!(count("commits_total{outcome=done}"), Some(4), "{series:#?}");
    assert_eq!(count("commits_total{outcome=replayed}"), Some(1), "{series:#?}");
    assert_eq!(count("commits_total{outcome=refused}"), Some(1), "{series:#?}");
    assert_eq!(count("commits_total{outcome=key_conflict}"), Some(1), "{series:#?}");
    assert_eq!(count("refusals_total{code=no_guest}"), Some(1), "{series:#?}");
    assert_eq!(count("operations_total{operation=bind}"), Some(1), "{series:#?}");
    assert_eq!(count("operations_total{operation=capture}"), Some(1), "{series:#?}");
    assert_eq!(count("operations_total{operation=put_account}"), Some(2), "{series:#?}");
    assert_eq!(count("commit_seconds{}"), Some(7), "{series:#?}");
    assert_eq!(count("commits_waiting{}"), Some(0), "nothing waits any more: {series:#?}");
}

#[test]
fn reads_are_counted_each_by_its_name() {
    let series = counted(async {
        let (store, _) = store();
        store.guests(None, 10).await.unwrap();
        store.sheet(OrderId(Uuid::from_u128(82))).await.unwrap();
        store.heads(&Query::default(), None, 10).await.unwrap();
        store.heads(&Query::default(), None, 10).await.unwrap();
        store.ready().await.unwrap();
    });
    let read =
        |name: &str| series.get(&format!("tillway_store_read_seconds{{read={name}}}")).copied();
    assert_eq!(
        (read("guests"), read("sheet"), read("heads"), read("ready")),
        (Some(1), Some(1), Some(2), None),
        "{series:#?}"
    );
    let begun = series.iter().filter(|(name, _)| name.contains("commits_total{outcome="));
    assert_eq!(begun.clone().count(), 12, "{series:#?}");
    assert!(begun.clone().all(|(_, count)| *count == 0), "{series:#?}");
    assert_eq!(series.len(), 12 + 3, "{series:#?}");
}

#[test]
fn time_is_the_clocks() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let (store, clock) = store();
        clock.advance(Duration::from_secs(3_600));
        block_on(store.guests(None, 10)).unwrap();
    });
    let (_, _, _, value) = snapshotter.snapshot().into_vec().remove(0);
    let DebugValue::Histogram(values) = value else { panic!("no histogram: {value:?}") };
    assert_eq!(values.into_iter().map(|value| value.to_bits()).collect::<Vec<_>>(), [0]);
}
