//! The book against the model, with every invariant after every step.

use std::sync::Arc;

use tillway_memory::MemoryStore;
use tillway_testkit::Checked;
use tillway_testkit::oracle::agree;
use tillway_testkit::runtime::block_on;
use tillway_testkit::strategies::Act;

use crate::bytes::{Bytes, amount};
use crate::talk::talk;

/// More steps than this only make a finding harder to read.
const ACTS_MAX: usize = 64;
/// Few enough that steps meet each other.
const ORDERS: usize = 3;
const ACCOUNTS: usize = 5;
const IDS: usize = 6;

/// Steps over two guests, five accounts and three orders.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut acts = vec![
        Act::Bind { order: 0, guest: 0 },
        Act::Bind { order: 1, guest: 1 },
        Act::Bind { order: 2, guest: 0 },
    ];
    while let (Some(mut step), true) = (bytes.step(), acts.len() < ACTS_MAX) {
        acts.push(act(&mut step));
    }
    talk(|| format!("{acts:#?}"));
    let store = Checked::new(Arc::new(MemoryStore::new()));
    if let Err(failure) = block_on(agree(&store, &acts)) {
        panic!("{failure:?}\nafter {acts:#?}");
    }
}

fn act(bytes: &mut Bytes<'_>) -> Act {
    let kind = bytes.below(16);
    let order = bytes.below(ORDERS) as u8;
    let account = bytes.below(ACCOUNTS) as u8;
    let id = bytes.below(IDS) as u8;
    match kind {
        0..=2 => {
            let lapses = bytes.flag().then(|| bytes.byte());
            Act::Hold { hold: id, order, account, amount: amount(bytes), lapses }
        }
        3 => Act::Void { hold: id },
        4 => Act::Expire { hold: id },
        5..=7 => {
            let hold = bytes.flag().then(|| bytes.below(IDS) as u8);
            Act::Capture { payment: id, order, account, amount: amount(bytes), hold }
        }
        8 => Act::Cancel { payment: id, order },
        9 | 10 => {
            let refund = bytes.below(IDS) as u8;
            Act::Refund { refund, payment: id, amount: amount(bytes) }
        }
        11 => Act::TopUp { account, amount: amount(bytes) },
        12 => match bytes.flag() {
            true => Act::Block { account, blocked: bytes.flag() },
            false => Act::Overdraft { account, amount: amount(bytes) },
        },
        13 => match bytes.flag() {
            true => Act::Bind { order, guest: bytes.below(2) as u8 },
            false => Act::Unbind { order },
        },
        14 => {
            let count = bytes.below(4);
            let listed = (0..count).map(|_| bytes.below(IDS) as u8).collect();
            Act::Close { order, listed }
        }
        _ => Act::Wait { seconds: bytes.byte() },
    }
}
