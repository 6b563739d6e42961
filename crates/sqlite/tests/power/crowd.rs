//! Many callers at once, so that commits share syncs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use futures::executor::block_on;
use futures::future::join_all;
use tillway_core::AccountKind;
use tillway_core::book::{Commit, HoldState, PaymentState, Verdict};
use tillway_core::id::{HoldId, OrderId, PaymentId};
use tillway_core::port::{AccountBook, Store};
use tillway_faultfs::{FaultFs, Plan};
use tillway_sqlite::{Mode, SqliteStore};
use tillway_testkit::Checked;
use tillway_testkit::builders::{Pay, Reserve, anna, at, id};

use crate::ground::{COPYING, Ground, PLAIN, Setting, left_by_cuts};

const CALLERS: u64 = 4;
const ROUNDS: u64 = 6;
/// Lifecycles that one caller has under way at once.
const AT_ONCE: u64 = 3;

const CROWD: Setting = Setting { mode: Mode::Thread, ..COPYING };

/// A hold and the payment that uses it, as far as the store answers.
async fn lifecycle(store: &SqliteStore, n: u64) -> Vec<(u64, bool)> {
    let account = anna().account(AccountKind::Bonus);
    let order = OrderId(id(n));
    let done = |verdict: Verdict| assert!(matches!(verdict, Verdict::Done(_)), "{verdict:?}");
    let unbound = |commit: Commit| Commit { guard: None, ..commit };
    let hold = unbound(Reserve::new(n, order, account, 100).commit(at(1)));
    let Ok(held) = store.commit(hold).await else { return vec![] };
    done(held.verdict);
    let pay = Pay { hold: Some(HoldId(id(n))), ..Pay::new(n, order, account, 100) };
    let Ok(paid) = store.commit(unbound(pay.commit(at(2)))).await else { return vec![(n, false)] };
    done(paid.verdict);
    vec![(n, false), (n, true)]
}

/// Callers pay until the power goes; what they were told: holds, and payments (true).
fn evening(ground: &Ground, cut_before: Option<u64>) -> (FaultFs, BTreeSet<(u64, bool)>) {
    let fs = FaultFs::new(ground.base());
    let store = Arc::new(ground.open(&fs, CROWD).unwrap());
    fs.plan(cut_before.map_or(Plan::new(), |change| Plan::new().cut_before(change)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let mut told = BTreeSet::new();
                for round in 0..ROUNDS {
                    let first = 1_000 + (caller * ROUNDS + round) * AT_ONCE;
                    let all = (first..first + AT_ONCE).map(|n| lifecycle(&store, n));
                    told.extend(block_on(join_all(all)).into_iter().flatten());
                }
                told
            })
        })
        .collect();
    let told = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
    drop(store);
    (fs, told)
}

#[test]
fn r5_a_cut_while_many_pay() {
    let ground = Ground::new(Vec::new());
    let (fs, told) = evening(&ground, None);
    assert_eq!(told.len() as u64, CALLERS * ROUNDS * AT_ONCE * 2);
    let changes = fs.counts().changes();
    let (mut cuts, mut answers) = (0, 0);
    for change in (1..=changes).step_by(9) {
        let (fs, told) = evening(&ground, Some(change));
        answers += told.len();
        for (cut, left) in left_by_cuts(&fs.disk(), change) {
            let fs = FaultFs::new(left);
            let store = Arc::new(ground.open(&fs, PLAIN).unwrap());
            for (n, paid) in &told {
                let there = block_on(is_there(&store, *n, *paid));
                assert!(there, "before change {change}, {cut:?}: {n} {paid}");
            }
            block_on(store.check()).unwrap();
            let checked = Checked::new(store as Arc<dyn Store>);
            block_on(checked.inspect()).unwrap();
            cuts += 1;
        }
    }
    println!("a crowd: {changes} changes of the disk, {cuts} cuts, {answers} answers");
}

async fn is_there(store: &SqliteStore, n: u64, paid: bool) -> bool {
    let hold = store.hold(HoldId(id(n))).await.unwrap();
    let payment = store.payment(PaymentId(id(n))).await.unwrap().map(|payment| payment.state);
    let captured = matches!(payment, Some(PaymentState::Captured(_)));
    let held = match hold.map(|hold| hold.state) {
        Some(HoldState::Held) => !captured,
        Some(HoldState::Captured(_)) => captured,
        _ => false,
    };
    held && (captured || !paid)
}
