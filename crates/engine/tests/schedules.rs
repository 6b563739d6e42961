//! The code of the bells under a model checker: thousands of schedules of those who wait and
//! those who ring. A wake-up that is lost is a scene that never ends.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../src/bells.rs"]
mod bells;
#[path = "../../device/tests/model/sync.rs"]
mod sync;

use std::collections::BTreeSet;
use std::pin::pin;

use bells::Bells;
use shuttle::future::block_on;
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;
use sync::check;

/// What is true, and the bells that tell of it: the order of a desk.
#[derive(Default)]
struct Table {
    bells: Bells<u32>,
    served: Mutex<BTreeSet<u32>>,
}

impl Table {
    /// Waits as the desks do: the bell is armed before the truth is looked at.
    fn wait_for(&self, key: u32) {
        let bell = self.bells.listen(&key);
        block_on(async {
            loop {
                let mut rung = pin!(bell.notified());
                rung.as_mut().enable();
                if self.served.lock().unwrap().contains(&key) {
                    return;
                }
                rung.await;
            }
        });
    }

    fn serve(&self, key: u32) {
        self.served.lock().unwrap().insert(key);
        self.bells.ring(&key);
    }
}

fn run(table: &Arc<Table>, work: impl FnOnce(&Table) + Send + 'static) -> thread::JoinHandle<()> {
    let table = Arc::clone(table);
    thread::spawn(move || work(&table))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn no_ring_is_lost() {
    check(|| {
        let table = Arc::default();
        let waits = [1, 1, 2].map(|key| run(&table, move |table| table.wait_for(key)));
        let serves = [1, 2].map(|key| run(&table, move |table| table.serve(key)));
        join(waits.into_iter().chain(serves));
    });
}

/// Listeners that go make room for others, and take nobody's bell along.
#[test]
fn a_listener_that_goes_takes_no_bell_along() {
    check(|| {
        let table = Arc::default();
        let goes = run(&table, |table: &Table| {
            for key in [1, 3, 4, 5, 6] {
                drop(table.bells.listen(&key));
            }
        });
        let waits = [1, 2].map(|key| run(&table, move |table| table.wait_for(key)));
        let serves = [1, 2].map(|key| run(&table, move |table| table.serve(key)));
        join(waits.into_iter().chain(serves).chain([goes]));
    });
}

/// The end of a program reaches whoever waits, and whoever comes.
#[test]
fn the_end_reaches_everybody() {
    check(|| {
        let table = Arc::default();
        let waits = [1, 2, 2].map(|key| run(&table, move |table| table.wait_for(key)));
        let end = run(&table, |table: &Table| {
            table.served.lock().unwrap().extend([1, 2]);
            table.bells.ring_all();
        });
        join(waits.into_iter().chain([end]));
    });
}
