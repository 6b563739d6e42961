//! Whether the store can still be trusted.

use std::time::Duration;

use tillway::core::port::{Clock, ReadError, Store};

use crate::failure::Failure;
use crate::metrics;

/// How often the store is asked whether it is whole.
const EVERY: Duration = Duration::from_secs(1);

/// A store that takes longer to answer is told of.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Ready when the store is damaged: a program that goes on would answer from what may not be on
/// the disk. A store that is only away, or slow, is waited for. `each` is called after every look.
pub(crate) async fn damaged(store: &dyn Store, clock: &dyn Clock, each: impl Fn()) -> Failure {
    let mut was_up = true;
    loop {
        let answer = tokio::select! {
            answer = look(store) => Some(answer),
            () = clock.sleep(ANSWER_MAX) => None,
        };
        if answer == Some(Err(ReadError::Corrupt)) {
            metrics::store_is_up(false);
            return Failure::new(
                "the store is damaged or its disk failed; nothing more is written. Look at the \
                 disk, then start again: a start reads what is really there",
            );
        }
        let up = answer == Some(Ok(()));
        metrics::store_is_up(up);
        match (was_up, up) {
            (true, false) => tracing::error!(?answer, "the store does not answer"),
            (false, true) => tracing::info!("the store answers again"),
            _ => {}
        }
        was_up = up;
        each();
        clock.sleep(EVERY).await;
    }
}

/// A store that has nothing to write is ready without a look at its file; this is one, and as short
/// in a large file as in a small one.
async fn look(store: &dyn Store) -> Result<(), ReadError> {
    store.ready().await?;
    store.latest().await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;

    use tillway::core::Timestamp;
    use tillway::core::book::{Commit, Key, Op, Scope, Verdict};
    use tillway::core::id::{Fingerprint, Uuid};
    use tillway::core::port::CommitError;
    use tillway::sqlite::{SqliteConfig, SqliteStore};
    use tillway_faultfs::{Call, Disk, Fault, FaultFs, Plan};
    use tillway_testkit::builders::anna;
    use tillway_testkit::runtime::{TestClock, block_on};

    use super::*;

    const NOW: Timestamp = Timestamp::utc(1_790_000_000_000);

    fn guest() -> Commit {
        let ops: Vec<Op> = anna().ops();
        Commit::of(NOW, ops)
    }

    fn clock() -> TestClock {
        TestClock::at(NOW)
    }

    /// A store on a disk that does as it is told.
    fn store(disk: &FaultFs, folder: &tempfile::TempDir) -> SqliteStore {
        let mut config = SqliteConfig::new(folder.path().join("tillway.db"));
        config.vfs = Some(disk.name().to_owned());
        SqliteStore::open(config).unwrap()
    }

    #[test]
    fn a_sync_that_fails_ends_the_watch() {
        let (disk, folder) = (FaultFs::new(Disk::new()), tempfile::tempdir().unwrap());
        let store = store(&disk, &folder);
        let done = block_on(store.commit(guest())).unwrap();
        assert!(matches!(done.verdict, Verdict::Done(_)));
        let clock = clock();
        let looks = Cell::new(0);
        {
            let mut watch = pin!(damaged(&store, &clock, || looks.set(looks.get() + 1)));
            // The store is whole: after a look the watch sleeps.
            block_on(until(&mut watch, || clock.next_wake() == Some(EVERY)));
            assert_eq!(looks.get(), 1);
        }
        disk.plan(Plan::new().fail(Call::Sync, 1, Fault::Io));
        let mut again = guest();
        again.ops.truncate(1);
        assert_eq!(block_on(store.commit(again)), Err(CommitError::InDoubt));
        let mut watch = pin!(damaged(&store, &clock, || looks.set(looks.get() + 1)));
        let failure = block_on(std::future::poll_fn(|cx| {
            let answer = watch.as_mut().poll(cx);
            assert!(answer.is_ready() || clock.next_wake() != Some(EVERY), "the watch goes on");
            answer
        }));
        assert!(failure.to_string().contains("the store is damaged or its disk failed"));
        assert_eq!(looks.get(), 1, "it ends at once");
    }

    /// Keys of an import, and not one flow yet.
    #[test]
    fn a_look_reads_few_pages_of_a_large_file() {
        let (disk, folder) = (FaultFs::new(Disk::new()), tempfile::tempdir().unwrap());
        let mut config = SqliteConfig::new(folder.path().join("tillway.db"));
        (config.vfs, config.cache_kib) = (Some(disk.name().to_owned()), 16);
        let store = SqliteStore::open(config).unwrap();
        block_on(store.commit(guest())).unwrap();
        for number in 0..2_000 {
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &u32::to_be_bytes(number));
            let body = Fingerprint([0; 16]);
            let key = Some(Key { scope: Scope::Custom, id, attempt: 1, body });
            let done = block_on(store.commit(Commit { key, ..Commit::of(NOW, Vec::new()) }));
            assert!(matches!(done.unwrap().verdict, Verdict::Done(_)));
        }
        disk.plan(Plan::new());
        block_on(look(&store)).unwrap();
        let pages = disk.counts().of(Call::Read);
        assert!((1..=8).contains(&pages), "{pages}");
    }

    #[test]
    fn a_full_disk_is_waited_for() {
        let (disk, folder) = (FaultFs::new(Disk::new()), tempfile::tempdir().unwrap());
        let store = store(&disk, &folder);
        disk.plan(Plan::new().fail_from(Call::Write, 1, Fault::Full));
        assert_eq!(block_on(store.commit(guest())), Err(CommitError::Full));
        let clock = clock();
        let looks = Cell::new(0);
        let mut watch = pin!(damaged(&store, &clock, || looks.set(looks.get() + 1)));
        for look in 1..=3 {
            block_on(until(&mut watch, || looks.get() == look));
            block_on(until(&mut watch, || clock.next_wake() == Some(EVERY)));
            clock.advance(EVERY);
        }
        disk.plan(Plan::new());
        assert!(block_on(store.commit(guest())).is_ok());
    }

    /// Polls until something holds, which must not end the watch.
    async fn until<F: Future<Output = Failure> + Unpin>(watch: &mut F, holds: impl Fn() -> bool) {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *watch).poll(cx) {
            std::task::Poll::Ready(failure) => panic!("ended: {failure}"),
            std::task::Poll::Pending if holds() => std::task::Poll::Ready(()),
            std::task::Poll::Pending => std::task::Poll::Pending,
        })
        .await;
    }
}
