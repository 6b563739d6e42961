use super::*;
use crate::AccountKind::{self, Bonus, Credit, Deposit};
use crate::account::Parts;
use crate::book::{Capture, DayDigest, HoldState, KindSums, Record, Refusal, StreamKind};
use crate::id::{Fingerprint, GuestId, HoldId, RefundId};
use crate::time::Timestamp;

const NOON: Timestamp = Timestamp::utc(43_200_000);
const STREAM: StreamId = StreamId { kind: StreamKind::Payment, id: id(11) };

const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

const fn account_id(number: u128) -> AccountId {
    AccountId(id(number))
}

const fn order_id(number: u128) -> OrderId {
    OrderId(id(number))
}

const fn payment_id(number: u128) -> PaymentId {
    PaymentId(id(number))
}

const fn guest(number: u128) -> Party {
    Party::Guest(account_id(number))
}

const fn clearing(order: u128) -> Party {
    Party::House(House::Clearing(order_id(order)))
}

/// The deposit of a guest (1), the points (2), a credit account that only has a hold (3), and a
/// deposit that was spent (4).
fn sound() -> Audit {
    let house = Party::House;
    let rub = |debit, credit, amount, why, by| {
        let (unit, amount, by) = (Unit::Rub, Kopecks(amount), id(by));
        Movement { debit, credit, unit, amount, why, by, at: NOON }
    };
    let points = |debit, credit, amount, why, by| Movement {
        unit: Unit::Points,
        ..rub(debit, credit, amount, why, by)
    };
    let movements = vec![
        rub(house(House::TillCash), guest(1), 5_000, Why::TopUp, 1),
        points(house(House::BonusIssued), guest(2), 800, Why::Accrual, 2),
        rub(house(House::Declared), guest(4), 100, Why::TopUp, 3),
        rub(guest(1), clearing(1), 1_500, Why::Capture, 11),
        points(guest(2), house(House::BonusRedeemed), 300, Why::Capture, 12),
        rub(guest(1), clearing(1), 700, Why::Capture, 13),
        rub(clearing(1), guest(1), 700, Why::Cancel, 13),
        rub(guest(1), clearing(2), 200, Why::Capture, 14),
        rub(guest(4), clearing(2), 100, Why::Capture, 15),
        rub(clearing(2), house(House::Sales), 300, Why::Close, 2),
        rub(clearing(1), guest(1), 400, Why::Refund, 21),
        rub(house(House::SalesReturns), guest(1), 50, Why::Refund, 22),
        rub(guest(1), clearing(1), 250, Why::Capture, 16),
        rub(clearing(1), guest(1), 250, Why::Refund, 23),
    ];
    let mut book = Audit { movements, ..Audit::default() };
    book.accounts = vec![
        Account { held: Kopecks(4_000), held_own: Kopecks(3_750), ..account(&book, 1, Deposit) },
        account(&book, 2, Bonus),
        Account { held: Kopecks(700), ..account(&book, 3, Credit) },
        account(&book, 4, Deposit),
    ];
    book.holds = vec![
        hold(31, (1, 1, Deposit), (3_750, 250), HoldState::Held),
        hold(32, (3, 3, Credit), (0, 700), HoldState::Held),
        hold(33, (1, 1, Deposit), (9, 9), HoldState::Voided),
    ];
    book.payments = vec![
        payment(11, 1, captured(1, Deposit, 1_500, 400)),
        payment(12, 1, captured(2, Bonus, 300, 0)),
        payment(13, 1, PaymentState::Cancelled(capture(1, Deposit, 700, 0))),
        payment(14, 2, settled(1, 200, 50)),
        payment(15, 2, settled(4, 100, 0)),
        payment(16, 1, captured(1, Deposit, 250, 250)),
        payment(17, 1, PaymentState::Refused(Refusal::BadAmount)),
        payment(18, 9, PaymentState::Tombstoned),
    ];
    book.refunds = vec![refund(21, 11, 400), refund(22, 14, 50), refund(23, 16, 250)];
    let sums = |credit, deposit, bonus| {
        let (credit, deposit, bonus) = (Kopecks(credit), Kopecks(deposit), Kopecks(bonus));
        KindSums { credit, deposit, bonus }
    };
    let order = |number, held, captured| Order {
        live: Live { held, captured },
        ..Order::new(order_id(number), NOON)
    };
    book.orders = vec![
        order(1, sums(0, 4_000, 0), sums(0, 1_100, 300)),
        order(2, sums(0, 0, 0), sums(0, 250, 0)),
        order(3, sums(700, 0, 0), sums(0, 0, 0)),
    ];
    let row = KeyRow { body: Fingerprint([1; 16]), refusal: None, at: NOON };
    book.keys = vec![((Scope::TopUp, id(1)), row)];
    write(&mut book, STREAM, NOON, &[1, 2]);
    seal(&mut book);
    book
}

/// An account as its movements make it, with nothing held.
fn account(book: &Audit, number: u128, kind: AccountKind) -> Account {
    let (of, owner) = (account_id(number), GuestId(id(90)));
    let mut row = Account::new(of, owner, kind, "", Kopecks(9_000));
    for movement in &book.movements {
        for (party, sign) in [(movement.debit, -1), (movement.credit, 1)] {
            if party == Party::Guest(of) {
                row.balance = Kopecks(row.balance.0 + sign * movement.amount.0);
                row.chain = row.chain.movement(movement);
            }
        }
    }
    row
}

fn hold(
    number: u128,
    (order, account, kind): (u128, u128, AccountKind),
    (own, overdraft): (i64, i64),
    state: HoldState,
) -> Hold {
    let (id, order, account) = (HoldId(id(number)), order_id(order), account_id(account));
    let parts = Parts { own: Kopecks(own), overdraft: Kopecks(overdraft) };
    Hold { id, order, account, kind, parts, state, expires: None, at: NOON }
}

fn capture(account: u128, kind: AccountKind, amount: i64, refunded: i64) -> Capture {
    Capture {
        account: account_id(account),
        guest: GuestId(id(90)),
        kind,
        parts: Parts { own: Kopecks(amount - 1), overdraft: Kopecks(1) },
        refunded: Kopecks(refunded),
        hold: None,
        acknowledged: true,
        settled: false,
    }
}

fn captured(account: u128, kind: AccountKind, amount: i64, refunded: i64) -> PaymentState {
    PaymentState::Captured(capture(account, kind, amount, refunded))
}

fn settled(account: u128, amount: i64, refunded: i64) -> PaymentState {
    let capture = capture(account, Deposit, amount, refunded);
    PaymentState::Captured(Capture { settled: true, ..capture })
}

fn payment(number: u128, order: u128, state: PaymentState) -> Payment {
    let (id, order, body) = (payment_id(number), order_id(order), Fingerprint([2; 16]));
    Payment { id, order, till: None, attempt: 1, body, state, at: NOON }
}

fn refund(number: u128, of: u128, amount: i64) -> Refund {
    let parts = Parts { own: Kopecks(amount - 1), overdraft: Kopecks(1) };
    Refund { id: RefundId(id(number)), of: payment_id(of), parts, at: NOON }
}

/// Appends a record with each of these bodies to a stream, at its end.
fn write(book: &mut Audit, stream: StreamId, at: Timestamp, bodies: &[u8]) {
    let records = bodies.iter().map(|body| Record { kind: 7, version: 1, body: [*body].into() });
    records.for_each(|record| append(book, stream, at, record));
}

fn append(book: &mut Audit, stream: StreamId, at: Timestamp, record: Record) {
    let known = book.streams.iter().position(|row| row.id == stream);
    let index = known.unwrap_or_else(|| {
        book.streams.push(StreamRow::new(stream));
        book.streams.len() - 1
    });
    let row = &mut book.streams[index];
    (row.seq, row.at) = (Seq(row.seq.0 + 1), at);
    let stored = Stored { seq: row.seq, at, record };
    row.chain = row.chain.record(stream, &stored);
    book.records.push((stream, stored));
}

/// Keeps the digest of the first day on the day after.
fn seal(book: &mut Audit) {
    let digest = digest(book);
    append(book, Digest::STREAM, digest.day.next().start(), digest.encode());
}

fn digest(book: &Audit) -> Digest {
    let mut digest = DayDigest::new(Day::of(NOON));
    for row in &book.streams {
        let mut walk = StreamWalk::new(row);
        let records = book.records.iter().filter(|(stream, _)| *stream == row.id);
        records.for_each(|(_, stored)| walk.record(stored).unwrap());
        digest.stream(&walk).unwrap();
    }
    for row in &book.accounts {
        let mut walk = AccountWalk::new(row);
        let is_of = |m: &&Movement| [m.debit, m.credit].contains(&Party::Guest(row.id));
        book.movements
            .iter()
            .filter(is_of)
            .try_for_each(|movement| walk.movement(movement))
            .unwrap();
        digest.account(&walk).unwrap();
    }
    book.movements.iter().for_each(|movement| digest.movement(movement));
    book.keys.iter().for_each(|(key, row)| digest.key(*key, row));
    digest.end().unwrap()
}

type Change = fn(&mut Audit);

/// Each of the changes to a sound book is found, as this.
fn found(changes: &[(Fault, Change)]) {
    assert_eq!(audit(&sound()), Ok(()));
    for (number, (fault, change)) in changes.iter().enumerate() {
        let mut book = sound();
        change(&mut book);
        assert_eq!(audit(&book).as_ref(), Err(fault), "change {number}");
    }
}

fn capture_of(book: &mut Audit, index: usize) -> &mut Capture {
    match &mut book.payments[index].state {
        PaymentState::Captured(capture) | PaymentState::Cancelled(capture) => capture,
        other => panic!("{other:?}"),
    }
}

#[test]
fn i2_balances_are_what_moved() {
    let balance = |number, stored, rebuilt| {
        let (stored, rebuilt) = (Kopecks(stored), Kopecks(rebuilt));
        Fault::Balance { account: account_id(number), stored, rebuilt }
    };
    let chain = |number| Fault::Chain { account: account_id(number) };
    found(&[
        (balance(1, 3_751, 3_750), |b| b.accounts[0].balance = Kopecks(3_751)),
        (balance(2, 499, 500), |b| b.accounts[1].balance = Kopecks(499)),
        (balance(1, 3_750, 3_751), |b| b.movements[0].amount = Kopecks(5_001)),
        (chain(2), |b| b.movements[1].unit = Unit::Rub),
        (chain(1), |b| b.movements[0].by = id(404)),
        (chain(3), |b| b.accounts[2].chain.0[31] = 1),
        // It has nothing, and nothing held.
        (Fault::Accounts, |b| drop(b.accounts.remove(3))),
        (Fault::Accounts, |b| drop(b.accounts.remove(0))),
        // Rubles on an account of points; its chain is right.
        (chain(2), |b| {
            b.movements.push(Movement { credit: guest(2), ..b.movements[0].clone() });
            b.accounts[1].chain = account(b, 2, Bonus).chain;
        }),
    ]);
}

#[test]
fn i1_what_is_held_is_what_the_live_holds_say() {
    let held = |number, stored, rebuilt| {
        let (stored, rebuilt) = (Kopecks(stored), Kopecks(rebuilt));
        Fault::Held { account: account_id(number), stored, rebuilt }
    };
    found(&[
        (held(1, 4_001, 4_000), |b| b.accounts[0].held = Kopecks(4_001)),
        (held(1, 4_000, 4_000), |b| b.accounts[0].held_own = Kopecks(3_749)),
        (held(1, 4_000, 0), |b| b.holds[0].state = HoldState::Expired),
        (held(1, 4_000, 4_000), |b| {
            b.holds[0].parts = Parts { own: Kopecks(3_749), overdraft: Kopecks(251) };
        }),
        (held(1, 4_000, 4_018), |b| b.holds[2].state = HoldState::Held),
        (held(2, 0, 18), |b| {
            b.holds[2].state = HoldState::Held;
            b.holds[2].account = account_id(2);
        }),
        // It never moved.
        (held(3, 0, 700), |b| drop(b.accounts.remove(2))),
    ]);
}

#[test]
fn i4_orders_have_what_is_held_and_captured() {
    let live = |number| Fault::Live { order: order_id(number) };
    found(&[
        (live(1), |b| b.orders[0].live.held.deposit = Kopecks(3_999)),
        (live(1), |b| b.orders[0].live.captured.bonus = Kopecks(301)),
        (live(2), |b| b.orders[1].live.captured = KindSums::default()),
        (live(1), |b| b.holds[0].kind = Credit),
        (live(1), |b| b.holds[0].order = order_id(2)),
        (live(1), |b| b.payments[1].order = order_id(3)),
        (live(1), |b| capture_of(b, 0).kind = Credit),
        (live(1), |b| drop(b.orders.remove(0))),
        (live(3), |b| drop(b.orders.remove(2))),
    ]);
}

#[test]
fn i4_nothing_is_given_back_beyond_its_payment() {
    let refunds = |number| Fault::Refunds { payment: payment_id(number) };
    found(&[
        (Fault::OverRefunded { order: order_id(1) }, |b| {
            capture_of(b, 0).refunded = Kopecks(1_501);
            b.refunds[0].parts.own = Kopecks(1_500);
        }),
        (refunds(11), |b| capture_of(b, 0).refunded = Kopecks(399)),
        (refunds(11), |b| b.refunds[0].parts.overdraft = Kopecks(2)),
        (refunds(12), |b| b.refunds.push(refund(24, 12, 1))),
        (refunds(13), |b| capture_of(b, 2).refunded = Kopecks(700)),
        (refunds(17), |b| b.refunds.push(refund(24, 17, 1))),
        (refunds(404), |b| b.refunds.push(refund(24, 404, 1))),
    ]);
}

/// No sum needs what these change.
#[test]
fn i2_payments_and_refunds_are_those_that_moved() {
    fn swapped(book: &mut Audit) {
        (capture_of(book, 3).parts.own, capture_of(book, 4).parts.own) =
            (Kopecks(99), Kopecks(199));
    }
    let changes: [Change; 8] = [
        |b| drop(b.payments.remove(2)),
        |b| b.payments[2].id = payment_id(404),
        |b| b.payments[2].state = PaymentState::Tombstoned,
        |b| capture_of(b, 2).parts.own = Kopecks(698),
        |b| capture_of(b, 2).account = account_id(4),
        |b| b.payments.push(payment(404, 1, PaymentState::Cancelled(capture(1, Deposit, 7, 0)))),
        |b| b.refunds[0].id = RefundId(id(404)),
        swapped,
    ];
    found(&changes.map(|change| (Fault::Payments, change)));
}

#[test]
fn f1_clearing_has_the_payments_that_are_not_settled() {
    let clearing_of = |number, stored, rebuilt| {
        let (stored, rebuilt) = (Kopecks(stored), Kopecks(rebuilt));
        Fault::Clearing { order: order_id(number), stored, rebuilt }
    };
    fn slipped(book: &mut Audit, order: u128) {
        let sales = Party::House(House::Sales);
        let entry = Movement { debit: sales, credit: clearing(order), ..book.movements[9].clone() };
        book.movements.push(entry);
    }
    found(&[
        (clearing_of(1, 1_100, 0), |b| capture_of(b, 0).settled = true),
        (clearing_of(2, 0, 150), |b| capture_of(b, 3).settled = false),
        (clearing_of(1, 1_400, 1_100), |b| slipped(b, 1)),
        (clearing_of(2, 300, 0), |b| slipped(b, 2)),
        (clearing_of(404, 300, 0), |b| slipped(b, 404)),
        (clearing_of(2, 300, 0), |b| b.movements.retain(|m| m.why != Why::Close)),
    ]);
}

#[test]
fn i11_streams_are_what_was_written() {
    let stream = |stream| Fault::Stream { stream };
    let gap = |after| Fault::Gap { stream: STREAM, after: Seq(after) };
    found(&[
        (stream(STREAM), |b| b.records[1].1.record.kind = 8),
        (stream(STREAM), |b| drop(b.records.remove(1))),
        (stream(STREAM), |b| drop(b.streams.remove(0))),
        (stream(STREAM), |b| b.streams[0].seq = Seq(3)),
        (gap(0), |b| drop(b.records.remove(0))),
        (gap(1), |b| b.records[1].1.at = Timestamp::utc(0)),
        // The chain is right, but it is no digest.
        (stream(Digest::STREAM), |b| write(b, Digest::STREAM, Day(1).start(), &[9])),
    ]);
}

/// Sums, rows and chains are right again: the digest of the day was kept.
#[test]
fn i11_a_day_is_what_was_sealed() {
    let sealed = |day| Fault::Digest { day: Day(day) };
    found(&[
        (sealed(0), |b| b.movements[9].by = id(404)),
        (sealed(0), |b| b.keys.clear()),
        (sealed(0), |b| b.keys[0].1.at = Day(1).start()),
        (sealed(0), |b| {
            b.movements[0].by = id(404);
            b.accounts[0].chain = account(b, 1, Deposit).chain;
        }),
        (sealed(0), |b| write(b, STREAM, NOON, &[3])),
        (sealed(0), |b| write(b, StreamId { id: id(12), ..STREAM }, NOON, &[1])),
        (sealed(0), |b| {
            b.streams.remove(0);
            b.records.drain(..2);
        }),
        // Of a day that never was.
        (sealed(-1), |b| {
            let digest = Digest { day: Day(-1), ..digest(b) };
            append(b, Digest::STREAM, Day(1).start(), digest.encode());
        }),
    ]);
}

/// There are many more of them than of anything else.
#[test]
fn orders_that_are_settled_take_no_memory() {
    let mut auditor = Auditor::default();
    sound().movements.iter().for_each(|movement| auditor.movement(movement).unwrap());
    let has = |order| auditor.cleared.contains_key(&(order_id(order), Unit::Rub));
    assert_eq!([1, 2].map(has), [true, false]);
}

/// The house may owe more than any one balance has room for; a guest may not have it.
#[test]
fn sums_of_the_house_are_larger_than_a_balance() {
    let mut book = sound();
    let entry = Movement { amount: Kopecks(i64::MAX), ..book.movements[0].clone() };
    for number in [5, 6] {
        book.movements.push(Movement { credit: guest(number), ..entry.clone() });
        let account = account(&book, number, Deposit);
        book.accounts.push(account);
    }
    (book.streams, book.records) = (Vec::new(), Vec::new());
    assert_eq!(audit(&book), Ok(()));
    book.movements.push(Movement { credit: guest(5), ..entry });
    assert_eq!(audit(&book), Err(Fault::Overflow));
}
