//! The code of the commit queue and of its worker under a model checker: thousands of schedules
//! of callers and writer.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../src/queue.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod queue;
#[path = "../../device/tests/model/sync.rs"]
mod sync;
#[path = "../../device/src/worker.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
#[allow(clippy::large_enum_variant, reason = "a model checker's parts are large")]
mod worker;

use queue::{Health, Outcome, Queue, Task};
use shuttle::future::block_on;
use shuttle::sync::{Arc, Mutex, MutexGuard, PoisonError};
use shuttle::thread;
use sync::check;
use tillway_core::Timestamp;
use tillway_core::book::{Commit, Verdict};
use tillway_core::port::{CommitError, Committed};
use tokio::sync::oneshot::{self, Receiver};
use worker::{Mode, Worker};

/// How many tasks one batch has at most.
const BATCH_MAX: usize = 2;

type Answer = Result<Committed, CommitError>;

/// Stands for the writer: notes what it is given, batch by batch.
#[derive(Default)]
struct Book {
    batches: Vec<Vec<i64>>,
    /// Panics over a batch with this one.
    fatal: Option<i64>,
}

/// Stands for the store: the queue, the health and the worker, put together as there.
struct Store {
    queue: Arc<Queue>,
    health: Arc<Health>,
    writer: Worker<Arc<Mutex<Book>>>,
    book: Arc<Mutex<Book>>,
}

impl Store {
    fn open(queue_max: usize, fatal: Option<i64>) -> Arc<Self> {
        let book = Arc::new(Mutex::new(Book { batches: Vec::new(), fatal }));
        let writer = Worker::start("writer", Mode::Thread, 2, Arc::clone(&book)).unwrap();
        let queue = Arc::new(Queue::new(queue_max));
        Arc::new(Self { queue, health: Arc::default(), writer, book })
    }

    /// Hands over a commit that is known by its number.
    fn hand(&self, number: i64) -> Result<Receiver<Answer>, CommitError> {
        let (sender, answer) = oneshot::channel();
        let commit = Commit::of(Timestamp::utc(number), Vec::new());
        self.queue.hand(&self.health, Task::Commit(Box::new(commit), sender), |call| {
            drop(
                self.writer.submit(move |book| call.answer(BATCH_MAX, |batch| write(book, batch))),
            );
        })?;
        Ok(answer)
    }

    /// As a caller of the store does.
    fn commit(&self, number: i64) -> Answer {
        block_on(self.hand(number)?).unwrap_or(Err(CommitError::InDoubt))
    }

    /// What was written, in order.
    fn written(&self) -> Vec<i64> {
        lock(&self.book).batches.concat()
    }
}

fn write(book: &Mutex<Book>, batch: Vec<Task>) {
    let number = |task: &Task| match task {
        Task::Commit(commit, _) => commit.at.utc_ms,
        _ => panic!("only commits"),
    };
    let numbers: Vec<_> = batch.iter().map(number).collect();
    // Not under the lock: others look at the queue while the writer writes.
    let fatal = lock(book).fatal;
    if fatal.is_some_and(|fatal| numbers.contains(&fatal)) {
        std::panic::resume_unwind(Box::new("on purpose"));
    }
    lock(book).batches.push(numbers);
    for task in batch {
        let committed = Committed { verdict: Verdict::Done(Vec::new()), replayed: false };
        task.answer(Outcome::Commit(Ok(committed)));
    }
}

/// A panic in one of the scene's threads poisons what another holds: all are the same thread.
fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each caller commits two tasks one after the other; answers what became of them.
fn callers<const N: usize>(store: &Arc<Store>) -> [Vec<(i64, Answer)>; N] {
    let callers = [(); N].map(|()| Arc::clone(store));
    let mut first = 0;
    let callers = callers.map(|store| {
        first += 10;
        let numbers = [first, first + 1];
        thread::spawn(move || numbers.map(|number| (number, store.commit(number))).to_vec())
    });
    callers.map(|caller| caller.join().unwrap())
}

/// No wake-up is lost, each task is written once, in the order of its caller, and each caller
/// hears of it.
#[test]
fn each_task_is_written_once_and_answered() {
    check(|| {
        let store = Store::open(8, None);
        let answers: [_; 3] = callers(&store);
        let written = store.written();
        for answers in &answers {
            assert!(answers.iter().all(|(_, answer)| answer.is_ok()));
            let own: Vec<_> = answers.iter().map(|(number, _)| *number).collect();
            let found: Vec<_> = written.iter().copied().filter(|n| own.contains(n)).collect();
            assert_eq!(found, own);
        }
        assert_eq!(written.len(), 6);
        assert!(lock(&store.book).batches.iter().all(|batch| batch.len() <= BATCH_MAX));
    });
}

/// What one caller hands over without waiting is written in that order.
#[test]
fn the_order_of_tasks_is_kept() {
    check(|| {
        let store = Store::open(8, None);
        let other = {
            let store = Arc::clone(&store);
            thread::spawn(move || store.commit(10).unwrap())
        };
        let answers: Vec<_> = (0..4).map(|number| store.hand(number).unwrap()).collect();
        for answer in answers {
            block_on(answer).unwrap().unwrap();
        }
        other.join().unwrap();
        let written = store.written();
        let own: Vec<_> = written.iter().copied().filter(|number| *number < 10).collect();
        assert_eq!((own, written.len()), (vec![0, 1, 2, 3], 5));
    });
}

/// No more tasks wait than may; the others are refused at once, and not written.
#[test]
fn the_bound_of_the_queue_is_kept() {
    check(|| {
        let store = Store::open(2, None);
        let answers: [_; 3] = callers(&store);
        let mut taken = 0;
        for (number, answer) in answers.into_iter().flatten() {
            match answer {
                Ok(_) => taken += 1,
                Err(error) => {
                    assert_eq!(error, CommitError::Full);
                    assert!(!store.written().contains(&number));
                }
            }
        }
        assert_eq!(store.written().len(), taken);
    });
    check(|| {
        let store = Store::open(2, None);
        // The writer stands still at its first look at the book.
        let book = lock(&store.book);
        let handed: Vec<_> = (0..6).map(|number| store.hand(number)).collect();
        let taken = handed.iter().filter(|handed| handed.is_ok()).count();
        assert!((2..=2 + BATCH_MAX).contains(&taken), "{taken}");
        drop(book);
        for answer in handed.into_iter().flatten() {
            block_on(answer).unwrap().unwrap();
        }
    });
}

/// Whatever a caller does while the writer panics, it hears of it: its task is written and
/// answered, in doubt, or refused.
#[test]
fn nobody_waits_for_a_writer_that_panicked() {
    check(|| {
        let store = Store::open(8, Some(10));
        let answers: [_; 3] = callers(&store);
        let written = store.written();
        assert!(!written.contains(&10));
        for (number, answer) in answers.into_iter().flatten() {
            match answer {
                Ok(_) => assert!(written.contains(&number)),
                Err(CommitError::InDoubt | CommitError::Corrupt) => {
                    assert!(!written.contains(&number));
                }
                Err(error) => panic!("{number}: {error}"),
            }
        }
        assert!(store.health.is_broken());
        assert_eq!(store.commit(99).unwrap_err(), CommitError::Corrupt);
    });
}

/// A store that is dropped writes what it took, even if nobody waits for it any more.
#[test]
fn a_dropped_store_writes_what_it_took() {
    check(|| {
        let store = Store::open(8, None);
        let book = Arc::clone(&store.book);
        let caller = {
            let store = Arc::clone(&store);
            thread::spawn(move || drop(store.hand(10).unwrap()))
        };
        drop(store.hand(20).unwrap());
        caller.join().unwrap();
        let store = Arc::into_inner(store).unwrap();
        store.writer.stop();
        let mut written = lock(&book).batches.concat();
        written.sort_unstable();
        assert_eq!(written, [10, 20]);
    });
}

/// A task that comes when the worker is stopped is told so, and so are those behind it.
#[test]
fn a_task_that_comes_too_late_is_answered() {
    check(|| {
        let store = Store::open(8, None);
        let late = {
            let store = Arc::clone(&store);
            thread::spawn(move || [10, 11].map(|number| (number, store.commit(number))))
        };
        let other = {
            let store = Arc::clone(&store);
            thread::spawn(move || [(20, store.commit(20))])
        };
        store.writer.stop();
        let mut answers = late.join().unwrap().to_vec();
        answers.extend(other.join().unwrap());
        let written = store.written();
        for (number, answer) in answers {
            assert_eq!(answer.is_ok(), written.contains(&number), "{number}: {answer:?}");
            assert!(matches!(answer, Ok(_) | Err(CommitError::InDoubt)), "{answer:?}");
        }
    });
}
