//! The worker on real threads, and in line.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::mpsc::channel;
use std::time::Duration;

use futures::executor::block_on;
use tillway_device::{Answer, Mode, Worker, WorkerError};

const MODES: [Mode; 2] = [Mode::Thread, Mode::Inline];

fn worker(mode: Mode, queue_max: usize) -> Worker<Vec<u32>> {
    Worker::start("test", mode, queue_max, Vec::new()).unwrap()
}

#[test]
fn jobs_run_in_order_and_answer() {
    for mode in MODES {
        let worker = worker(mode, 8);
        let answers: Vec<_> = (0..8)
            .map(|n| worker.submit(move |state: &mut Vec<u32>| (state.push(n), state.len())))
            .collect();
        for (n, answer) in answers.into_iter().enumerate() {
            let ((), len) = block_on(answer.unwrap()).unwrap();
            assert_eq!(len, n + 1);
        }
        assert_eq!(block_on(worker.submit(|s| s.clone()).unwrap()), Ok((0..8).collect()));
    }
}

#[test]
fn a_dropped_answer_does_not_stop_the_job() {
    for mode in MODES {
        let worker = worker(mode, 8);
        drop(worker.submit(|state| state.push(1)).unwrap());
        assert_eq!(block_on(worker.submit(|s| s.len()).unwrap()), Ok(1), "{mode:?}");
    }
}

#[test]
fn a_full_queue_refuses() {
    let worker = worker(Mode::Thread, 1);
    let (started, is_started) = channel();
    let (go, wait) = channel::<()>();
    let first = worker.submit(move |_| (started.send(()).unwrap(), wait.recv().unwrap()));
    is_started.recv().unwrap();
    let second = worker.submit(|_| ()).unwrap();
    assert_eq!(worker.submit(|_| ()).unwrap_err(), WorkerError::Full);
    go.send(()).unwrap();
    block_on(first.unwrap()).unwrap();
    block_on(second).unwrap();
    assert_eq!(block_on(worker.submit(|_| 7).unwrap()), Ok(7));
}

#[test]
fn a_panic_poisons() {
    for mode in MODES {
        let worker = worker(mode, 8);
        let answer = worker.submit(|_| std::panic::resume_unwind(Box::new("on purpose")));
        let answer: Answer<()> = answer.unwrap();
        assert_eq!(block_on(answer), Err(WorkerError::Poisoned), "{mode:?}");
        assert!(worker.is_poisoned());
        assert_eq!(worker.submit(|_| ()).unwrap_err(), WorkerError::Poisoned, "{mode:?}");
        worker.stop();
    }
}

#[test]
fn stop_waits_for_taken_jobs() {
    for mode in MODES {
        let worker = worker(mode, 8);
        let answer = worker.submit(|state| state.push(1)).unwrap();
        worker.stop();
        assert_eq!(block_on(answer), Ok(()), "{mode:?}");
        assert_eq!(worker.submit(|_| ()).unwrap_err(), WorkerError::Stopped, "{mode:?}");
        worker.stop();
    }
}

#[test]
fn a_stop_waits_no_longer_than_it_may() {
    for mode in MODES {
        let worker = worker(mode, 8);
        let answer = worker.submit(|state| state.push(1)).unwrap();
        assert!(worker.stop_within(Duration::from_secs(60)), "{mode:?}");
        assert_eq!(block_on(answer), Ok(()), "{mode:?}");
        assert_eq!(worker.submit(|_| ()).unwrap_err(), WorkerError::Stopped, "{mode:?}");
        assert!(worker.stop_within(Duration::ZERO), "{mode:?}");
    }
    let worker = worker(Mode::Thread, 8);
    let (go, wait) = channel::<()>();
    let hangs = worker.submit(move |_| wait.recv().unwrap()).unwrap();
    let behind = worker.submit(|state| state.push(1)).unwrap();
    assert!(!worker.stop_within(Duration::from_millis(1)));
    assert_eq!(worker.submit(|_| ()).unwrap_err(), WorkerError::Stopped);
    // It was taken, so it runs when it can.
    go.send(()).unwrap();
    assert_eq!((block_on(hangs), block_on(behind)), (Ok(()), Ok(())));
}
