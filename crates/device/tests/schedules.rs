//! The worker's own code under a model checker: thousands of schedules of its threads.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../src/worker.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
#[allow(clippy::large_enum_variant, reason = "a model checker's parts are large")]
mod worker;

#[path = "model/sync.rs"]
mod sync;

use std::time::Duration;

use shuttle::future::block_on;
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;
use sync::check;
use worker::{Answer, Mode, Worker, WorkerError};

/// The model checker has no time: a wait ends when what it waits for has happened.
const SOON: Duration = Duration::ZERO;

type Log = Arc<Mutex<Vec<u32>>>;

fn worker(queue_max: usize) -> (Arc<Worker<Log>>, Log) {
    let log = Log::default();
    let worker = Worker::start("test", Mode::Thread, queue_max, Arc::clone(&log)).unwrap();
    (Arc::new(worker), log)
}

fn write(worker: &Worker<Log>, line: u32) -> Result<Answer<u32>, WorkerError> {
    worker.submit(move |log: &mut Log| {
        log.lock().unwrap().push(line);
        line
    })
}

fn panics(worker: &Worker<Log>) -> Result<Answer<()>, WorkerError> {
    worker.submit(|_| std::panic::resume_unwind(Box::new("on purpose")))
}

/// Every job that was taken runs once, in the order of its caller, and its caller hears of it.
#[test]
fn each_job_that_was_taken_runs_once_and_in_order() {
    check(|| {
        let (worker, log) = worker(2);
        let callers: Vec<_> = (0..2)
            .map(|caller| {
                let worker = Arc::clone(&worker);
                thread::spawn(move || {
                    let mut taken = Vec::new();
                    for line in [caller * 10, caller * 10 + 1] {
                        match write(&worker, line) {
                            Ok(answer) => taken.push((line, answer)),
                            Err(WorkerError::Full) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    for (line, answer) in &mut taken {
                        assert_eq!(block_on(answer), Ok(*line));
                    }
                    taken.into_iter().map(|(line, _)| line).collect::<Vec<_>>()
                })
            })
            .collect();
        let taken: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        worker.stop();
        let log = log.lock().unwrap();
        for (caller, taken) in (0..).zip(&taken) {
            let ran: Vec<_> = log.iter().copied().filter(|line| line / 10 == caller).collect();
            assert_eq!(&ran, taken);
        }
        assert_eq!(log.len(), taken.iter().map(Vec::len).sum::<usize>());
    });
}

/// No more jobs wait than may: one runs, `queue_max` wait.
#[test]
fn the_queue_is_bounded() {
    check(|| {
        let (worker, _log) = worker(1);
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().unwrap();
        let mut taken = Vec::new();
        for _ in 0..4 {
            let gate = Arc::clone(&gate);
            taken.extend(worker.submit(move |_| drop(gate.lock().unwrap())).ok());
        }
        assert!((1..=2).contains(&taken.len()), "{}", taken.len());
        drop(closed);
        for answer in taken {
            assert_eq!(block_on(answer), Ok(()));
        }
        worker.stop();
    });
}

/// Whoever hands over a job while another panics hears of it, sooner or later.
#[test]
fn nobody_waits_for_a_worker_that_panicked() {
    check(|| {
        let (worker, log) = worker(4);
        let callers: Vec<_> = (0..2)
            .map(|line| {
                let worker = Arc::clone(&worker);
                thread::spawn(move || match write(&worker, line) {
                    Ok(answer) => block_on(answer),
                    Err(error) => Err(error),
                })
            })
            .collect();
        assert_eq!(block_on(panics(&worker).unwrap()), Err(WorkerError::Poisoned));
        assert!(worker.is_poisoned());
        let before = log.lock().unwrap().len();
        assert_eq!(write(&worker, 7).unwrap_err(), WorkerError::Poisoned);
        let mut ran = 0;
        for (line, caller) in (0..).zip(callers) {
            match caller.join().unwrap() {
                Ok(answer) => {
                    assert_eq!(answer, line);
                    ran += 1;
                }
                Err(error) => assert_eq!(error, WorkerError::Poisoned),
            }
        }
        worker.stop();
        // Nobody touches what a panic left behind.
        assert_eq!((log.lock().unwrap().len(), before), (ran, ran));
    });
}

/// When a stop returns, all that was taken has run.
#[test]
fn a_stop_is_the_end() {
    for stop in [|w: &Worker<Log>| w.stop(), |w: &Worker<Log>| assert!(w.stop_within(SOON))] {
        check(move || {
            let (worker, log) = worker(4);
            for line in 0..2 {
                drop(write(&worker, line).unwrap());
            }
            stop(&worker);
            assert_eq!(*log.lock().unwrap(), [0, 1]);
        });
    }
}

/// A stop lets what was taken run, whoever stops and however often.
#[test]
fn a_stop_waits_for_what_was_taken() {
    check(|| {
        let (worker, log) = worker(4);
        let caller = {
            let worker = Arc::clone(&worker);
            thread::spawn(move || match write(&worker, 1) {
                Ok(answer) => block_on(answer).map(|_| 1),
                Err(error) => {
                    assert_eq!(error, WorkerError::Stopped);
                    Ok(0)
                }
            })
        };
        let other = {
            let worker = Arc::clone(&worker);
            thread::spawn(move || worker.stop())
        };
        assert!(worker.stop_within(SOON));
        let ran = caller.join().unwrap().unwrap();
        other.join().unwrap();
        assert_eq!(log.lock().unwrap().len(), ran);
    });
}

/// A dropped worker does what it took.
#[test]
fn a_dropped_worker_ends_by_itself() {
    check(|| {
        let (worker, log) = worker(4);
        let answers: Vec<_> = (0..2).map(|line| write(&worker, line).unwrap()).collect();
        drop(worker);
        for (line, answer) in (0..).zip(answers) {
            assert_eq!(block_on(answer), Ok(line));
        }
        assert_eq!(*log.lock().unwrap(), [0, 1]);
    });
}
