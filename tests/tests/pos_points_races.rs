//! Points at a processing while something else happens: calls that race, a clock that jumps, an
//! answer that cannot be stored, a message that cannot be made (F10). Nothing stays reserved, and
//! nobody is charged who is not told so.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tillway_core::AccountKind::Deposit;
use tillway_core::book::{Op, Refusal};
use tillway_core::flow::purchase::{Stage, Trouble, What};
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::processing::{
    self, Capabilities, Class, Kind, Operation, Outcome, SealError, Sealed,
};
use tillway_core::port::{Clock, LoyaltyProcessing};
use tillway_core::{AccountStatus, Kopecks};
use tillway_engine::PointsJudgement;
use tillway_memory::{MemoryProcessing, ProcessingMishap};
use tillway_testkit::builders::anna;
use tillway_testkit::runtime::block_on;
use tillway_tests::outage::Outage;
use tillway_tests::points::{CARD, pay, processing, settle, tell_lines, wallet, with};
use tillway_tests::pos::Pay;
use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue, Wire, order_id};

const ANNA: &str = "149725735";

type During = Box<dyn FnOnce(&mut Outcome) + Send>;

/// A processing that lets something happen while it works, and may have no key.
#[derive(Clone)]
struct Busy {
    inner: MemoryProcessing,
    /// Before the answer to the next message of this kind arrives.
    during: Arc<Mutex<Option<(Kind, During)>>>,
    /// How many messages were sent.
    sends: Arc<AtomicUsize>,
    /// No message of this kind can be made.
    unsealed: Arc<Mutex<Option<Kind>>>,
}

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Busy").finish_non_exhaustive()
    }
}

#[async_trait]
impl LoyaltyProcessing for Busy {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        if *self.unsealed.lock().unwrap() == Some(operation.command.kind()) {
            return Err(SealError::Signature);
        }
        self.inner.seal(operation)
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        self.sends.fetch_add(1, Ordering::SeqCst);
        let mut outcome = self.inner.send(message).await;
        let during = self.during.lock().unwrap().take_if(|(kind, _)| *kind == message.kind);
        if let Some((_, work)) = during {
            work(&mut outcome);
        }
        outcome
    }
}

struct Table {
    venue: Venue,
    store: Outage,
    busy: Busy,
}

impl Table {
    fn lay() -> Self {
        let busy = Busy {
            inner: processing(25_000),
            during: Arc::default(),
            sends: Arc::default(),
            unsealed: Arc::default(),
        };
        let store = Outage::default();
        let setup = Setup { store: Arc::new(store.clone()), ..Setup::default() };
        let venue = with(Arc::new(busy.clone()), setup);
        venue.bound(ORDER_82, ANNA);
        tell_lines(&venue);
        Self { venue, store, busy }
    }

    fn during(&self, kind: Kind, work: impl FnOnce() + Send + 'static) {
        self.changes(kind, move |_| work());
    }

    /// The answer to the next message of this kind is changed on its way.
    fn changes(&self, kind: Kind, work: impl FnOnce(&mut Outcome) + Send + 'static) {
        *self.busy.during.lock().unwrap() = Some((kind, Box::new(work)));
    }

    /// A request that can be sent from anywhere.
    fn later(
        &self,
        method: &'static str,
        path: String,
        body: String,
    ) -> impl FnOnce() -> Answer + Send + use<> {
        let address = self.venue.address(1);
        move || {
            let bearer = [("Authorization", "Bearer till-1-secret")];
            Wire::to(address).ask(method, &format!("/pos/v1{path}"), &bearer, &body)
        }
    }

    fn put(&self, pay: &Pay) -> impl FnOnce() -> Answer + Send + use<> {
        self.later("PUT", pay.path(), pay.json().to_string())
    }

    fn balance(&self) -> i64 {
        self.busy.inner.balance(CARD).unwrap().0
    }

    fn told(&self, kind: Kind) -> usize {
        self.busy.inner.done().iter().filter(|(_, done)| *done == kind).count()
    }

    /// Nothing is reserved or on its way, and this much is there.
    fn ends_with(&self, points: i64) {
        for _ in 0..3 {
            settle(&self.venue);
            self.venue.clock.advance(Duration::from_secs(300));
        }
        let reserved = self.busy.inner.reserved(CARD).unwrap();
        assert_eq!((self.balance(), reserved), (points, Kopecks::ZERO));
        assert_eq!(self.busy.inner.unfinished(), []);
        let account = block_on(self.venue.store.account(wallet())).unwrap().unwrap();
        assert_eq!((account.balance, account.held), (Kopecks::ZERO, Kopecks::ZERO));
        self.venue.holds();
    }
}

/// The till gives up waiting and cancels, and the payment is captured in that very moment.
#[test]
fn f10_a_cancel_that_a_capture_overtakes_cancels_the_purchase() {
    let table = Table::lay();
    let pay = pay(1, 10_000);
    let put = table.put(&pay);
    table.store.meanwhile(move || assert_eq!(put().status, 201));
    assert_eq!(pay.cancel(&table.venue, 1).state_of(200), "cancelled");
    table.ends_with(25_000);
    assert_eq!(table.told(Kind::Cancel), 1);
}

/// The cancel is there before the points are.
#[test]
fn f10_a_payment_that_is_cancelled_while_the_points_are_taken_is_not_captured() {
    for kind in [Kind::Calculate, Kind::Pay] {
        let table = Table::lay();
        let pay = pay(1, 10_000);
        let body = json!({"orderId": ORDER_82, "reason": "test"}).to_string();
        let cancel = table.later("POST", format!("{}/cancel", pay.path()), body);
        table.during(kind, move || assert_eq!(cancel().state_of(200), "tombstoned"));
        pay.put(&table.venue).refused(409, "transaction_cancelled");
        table.ends_with(25_000);
    }
}

/// The second part of a refund is sent before the first one is written.
#[test]
fn f10_a_refund_that_another_overtakes_goes_back_at_the_processing() {
    let table = Table::lay();
    let pay = pay(1, 10_000);
    pay.taken(&table.venue);
    assert_eq!(table.venue.close(order_id(ORDER_82), &[&pay]).status, 204);
    settle(&table.venue);
    let refund = Uuid::new_v5(&pay.id, b"0:4000");
    let body = json!({"amountMinor": 4_000, "refundedBeforeMinor": 0, "reason": "test"});
    let path = format!("{}/refunds/{refund}", pay.path());
    let first = table.later("PUT", path, body.to_string());
    table.store.meanwhile(move || assert_eq!(first().status, 201));
    assert_eq!(pay.refund(&table.venue, 4_000, 6_000).status, 201);
    table.ends_with(25_000);
    assert_eq!(table.told(Kind::Refund), 2);
}

/// The clock is set forward while the processing works: another look gives the payment up, and the
/// till hears that.
#[test]
fn f10_a_clock_that_jumps_while_points_are_taken_gives_the_payment_up() {
    for kind in [Kind::Calculate, Kind::Pay] {
        let table = Table::lay();
        let (engine, clock) = (table.venue.engine.clone(), table.venue.clock.clone());
        let pay = pay(1, 10_000);
        table.during(kind, move || {
            clock.jump(clock.now().after(Duration::from_secs(60)));
            block_on(engine.keeper().look());
        });
        pay.put(&table.venue).denied(504, "processing_timeout");
        assert_eq!(pay.state(&table.venue), "tombstoned");
        table.ends_with(25_000);
    }
}

/// The same id is sent again while it is on its way, and after.
#[test]
fn f10_a_repeat_while_the_points_are_taken_is_in_progress() {
    for kind in [Kind::Calculate, Kind::Pay] {
        let table = Table::lay();
        let pay = pay(1, 10_000);
        let again = table.put(&pay);
        table.during(kind, move || again().denied(409, "in_progress"));
        assert_eq!(pay.put(&table.venue).status, 201);
        pay.put(&table.venue).replays();
        assert_eq!(table.told(Kind::Pay), 1);
        assert_eq!(pay.cancel(&table.venue, 1).state_of(200), "cancelled");
        table.ends_with(25_000);
    }
}

/// Two payments with points of one order at once: one is taken.
#[test]
fn f28_two_payments_with_points_at_once_are_one() {
    for kind in [Kind::Calculate, Kind::Pay] {
        let table = Table::lay();
        let other = table.put(&pay(2, 5_000));
        table.during(kind, move || other().refused(409, "insufficient_funds"));
        let pay = pay(1, 10_000);
        assert_eq!(pay.put(&table.venue).status, 201);
        assert_eq!(table.told(Kind::Pay), 1);
        self::pay(2, 5_000).put(&table.venue).refused(409, "insufficient_funds");
        assert_eq!(pay.cancel(&table.venue, 1).state_of(200), "cancelled");
        table.ends_with(25_000);
    }
}

/// A later attempt of the same transaction took money from the deposit while nobody knew what
/// became of the points: that payment stands.
#[test]
fn f10_giving_points_up_leaves_a_later_attempt_alone() {
    let table = Table::lay();
    let pay = pay(1, 10_000);
    let money = Pay { attempt: 2, ..Pay::new(1, &anna(), Deposit, 10_000) };
    let put = table.put(&money);
    let busy = table.busy.inner.clone();
    table.during(Kind::Calculate, move || {
        assert_eq!(put().status, 201);
        busy.befall(ProcessingMishap::LostAnswer);
    });
    assert_ne!(pay.put(&table.venue).status, 201);
    assert_eq!(money.state(&table.venue), "captured");
    table.ends_with(25_000);
    assert_eq!(table.venue.available(&anna(), Deposit), 10_094_100 - 10_000);
}

/// The processing refuses, and the store is away when that is to be written: the id is answered all
/// the same in the end.
#[test]
fn f10_a_refusal_that_cannot_be_stored_leaves_no_id_without_an_answer() {
    let table = Table::lay();
    let store = table.store.clone();
    let again = table.store.clone();
    table.busy.inner.befall(ProcessingMishap::Refused(Class::NoPoints));
    table.during(Kind::Calculate, move || store.down());
    let pay = pay(1, 10_000);
    assert_eq!(pay.put(&table.venue).status, 503);
    again.up();
    for _ in 0..2 {
        settle(&table.venue);
        table.venue.clock.advance(Duration::from_secs(60));
    }
    pay.put(&table.venue).refused(409, "transaction_cancelled");
    table.ends_with(25_000);
}

/// What cannot be made, for want of a key, does not wait unseen: a person is asked.
#[test]
fn f10_what_cannot_be_sealed_is_listed_for_a_person() {
    let table = Table::lay();
    let pay = pay(1, 10_000);
    pay.taken(&table.venue);
    *table.busy.unsealed.lock().unwrap() = Some(Kind::Accrue);
    assert_eq!(table.venue.close(order_id(ORDER_82), &[&pay]).status, 204);
    settle(&table.venue);
    let engine = &table.venue.engine;
    let listed = block_on(engine.points_listed()).unwrap();
    let [letter] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((letter.what, letter.stage), (What::Sale, Stage::Paid));
    assert_eq!(letter.points, Kopecks(10_000));
    assert!(matches!(letter.why, Trouble::Refused { kind: Kind::Accrue, .. }), "{letter:?}");
    // The key is there again.
    *table.busy.unsealed.lock().unwrap() = None;
    let retry = || {
        let judged = engine.points_judge(&letter.purchase, "Ирина", PointsJudgement::Retry);
        block_on(judged)
    };
    retry().unwrap();
    assert_eq!(retry(), Err(Refusal::PurchaseState.into()));
    table.ends_with(22_750);
    assert_eq!(block_on(engine.points_listed()).unwrap(), []);
}

/// The refusal cannot be written, and a moment later the store works again.
#[test]
fn f10_a_refusal_that_is_lost_is_a_tombstone() {
    let table = Table::lay();
    let store = table.store.clone();
    table.changes(Kind::Pay, move |outcome| {
        *outcome = refused(Class::NoPoints);
        store.fail_once();
    });
    let pay = pay(1, 10_000);
    pay.put(&table.venue).denied(504, "processing_timeout");
    pay.put(&table.venue).refused(409, "transaction_cancelled");
}

fn refused(class: Class) -> Outcome {
    let (code, text) = ("".into(), Masked::new(""));
    Outcome::Refused(processing::Refusal { class, code, text })
}

/// A look at what is to be told leaves a payment alone that is on its way.
#[test]
fn f10_a_look_gives_up_no_payment_that_somebody_waits_for() {
    for kind in [Kind::Calculate, Kind::Pay] {
        let table = Table::lay();
        let engine = table.venue.engine.clone();
        let pay = pay(1, 10_000);
        table.during(kind, move || block_on(engine.keeper().look()));
        assert_eq!(pay.put(&table.venue).status, 201);
        assert_eq!(pay.cancel(&table.venue, 1).state_of(200), "cancelled");
        table.ends_with(25_000);
    }
}

/// The processing reserved another amount than the guest agreed to: it is given back.
#[test]
fn f10_points_for_another_amount_are_not_taken() {
    let table = Table::lay();
    table.changes(Kind::Pay, |outcome| {
        let Outcome::Done(answer) = outcome else { panic!("{outcome:?}") };
        answer.amount = Some(Kopecks(9_999));
    });
    let refused = pay(1, 10_000).put(&table.venue);
    refused.refused(409, "insufficient_funds");
    assert_eq!(refused.json()["error"]["limitMinor"], 9_999);
    table.ends_with(25_000);
}

/// What the processing says of points that it may have taken is no refusal.
#[test]
fn f10_an_answer_that_says_neither_yes_nor_no_is_504_and_cancelled() {
    for class in [Class::Repeated, Class::Pending, Class::Unavailable, Class::AlreadyPaid] {
        let table = Table::lay();
        table.changes(Kind::Pay, move |outcome| *outcome = refused(class));
        let pay = pay(1, 10_000);
        pay.put(&table.venue).denied(504, "processing_timeout");
        assert_eq!(pay.state(&table.venue), "tombstoned", "{class:?}");
        table.ends_with(25_000);
    }
}

/// F8: the processing gives back another amount than the book did. Nobody confirms that.
#[test]
fn f10_a_refund_that_does_not_agree_waits_for_a_person() {
    let table = Table::lay();
    let pay = pay(1, 10_000);
    pay.taken(&table.venue);
    assert_eq!(table.venue.close(order_id(ORDER_82), &[&pay]).status, 204);
    settle(&table.venue);
    table.changes(Kind::Refund, |outcome| {
        let Outcome::Done(answer) = outcome else { panic!("{outcome:?}") };
        answer.amount = Some(Kopecks(9_000));
    });
    assert_eq!(pay.refund(&table.venue, 0, 10_000).status, 201);
    settle(&table.venue);
    assert_eq!(table.balance(), 22_750, "it is not confirmed");
    confirmed_by_a_person(&table);
}

/// The processing says no more than that it knows the refund: the split is lost.
#[test]
fn f10_a_refund_whose_split_is_lost_waits_for_a_person() {
    let table = Table::lay();
    let pay = pay(1, 10_000);
    pay.taken(&table.venue);
    assert_eq!(table.venue.close(order_id(ORDER_82), &[&pay]).status, 204);
    settle(&table.venue);
    table.changes(Kind::Refund, |outcome| *outcome = refused(Class::Repeated));
    assert_eq!(pay.refund(&table.venue, 0, 10_000).status, 201);
    settle(&table.venue);
    confirmed_by_a_person(&table);
}

/// The one listed purchase is a refund; it is made final as it stands.
fn confirmed_by_a_person(table: &Table) {
    let engine = &table.venue.engine;
    let listed = block_on(engine.points_listed()).unwrap();
    let [letter] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((letter.what, &letter.why), (What::Refund, &Trouble::Undecided));
    let confirm =
        || block_on(engine.points_judge(&letter.purchase, "Ирина", PointsJudgement::Confirm));
    confirm().unwrap();
    assert_eq!(confirm(), Err(Refusal::PurchaseState.into()));
    table.ends_with(25_000);
}

/// A person blocked the wallet: the payment is cancelled all the same.
#[test]
fn f10_a_blocked_wallet_keeps_no_points_at_the_processing() {
    let table = Table::lay();
    let pay = pay(1, 10_000);
    pay.taken(&table.venue);
    let status = Some(AccountStatus::Blocked);
    table.venue.commits(vec![Op::SetTerms { account: wallet(), overdraft: None, status }]);
    assert_eq!(pay.cancel(&table.venue, 1).state_of(200), "cancelled");
    settle(&table.venue);
    assert_eq!(table.busy.inner.reserved(CARD).unwrap(), Kopecks::ZERO);
    assert_eq!((table.balance(), table.busy.inner.unfinished()), (25_000, Vec::new()));
    table.venue.holds();
}

/// While the link is cut one message a look tries it, however many wait.
#[test]
fn f10_a_link_that_is_cut_is_tried_once_a_look() {
    let table = Table::lay();
    for pay in [pay(1, 1_000), pay(2, 1_000), pay(3, 1_000)] {
        pay.taken(&table.venue);
        assert_eq!(pay.cancel(&table.venue, 1).state_of(200), "cancelled");
    }
    table.busy.inner.link(false);
    table.busy.sends.store(0, Ordering::SeqCst);
    block_on(table.venue.engine.keeper().look());
    assert_eq!(table.busy.sends.load(Ordering::SeqCst), 1);
    table.busy.inner.link(true);
    table.venue.clock.advance(Duration::from_secs(300));
    table.ends_with(25_000);
}
