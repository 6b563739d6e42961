//! Every row comes back as it was written.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tillway_core::account::Parts;
use tillway_core::book::{
    Binding, Capture, Chain, Change, Delta, Fence, Head, Hold, HoldState, KeyRow, KindSums, Live,
    Movement, Order, Party, Payer, Payment, PaymentState, PhotoRow, Record, Refund, Refusal, Scope,
    Seq, Status, Stored, StreamId, StreamKind, StreamRow, TokenId, TokenRow, Why,
};
use tillway_core::guest::{Carrier, Guest, Identification, Names};
use tillway_core::id::{
    AccountId, DeviceId, Fingerprint, GuestId, HoldId, OrderId, Owner, PaymentId, RefundId, TillId,
    Uuid,
};
use tillway_core::pairing::Pairing;
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks, Timestamp, Unit};

use crate::config::SqliteConfig;
use crate::ids::Db;
use crate::row::{self, Columns, columns, many};
use crate::{load, names, open, save};

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn kopecks() -> impl Strategy<Value = Kopecks> {
    prop_oneof![Just(0), Just(i64::MIN), Just(i64::MAX), any::<i64>()].prop_map(Kopecks)
}

fn time() -> impl Strategy<Value = Timestamp> {
    let ms = prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>()];
    (ms, -1_080..=1_080_i16).prop_map(|(utc_ms, offset_min)| Timestamp { utc_ms, offset_min })
}

fn coded<T: std::fmt::Debug>(of: impl Fn(u8) -> Option<T>) -> impl Strategy<Value = T> {
    (0..=255_u8).prop_filter_map("no such number", of)
}

fn kind() -> impl Strategy<Value = AccountKind> {
    (0..3_u8).prop_filter_map("kind", AccountKind::from_code)
}

fn text() -> impl Strategy<Value = Box<str>> {
    "[а-яA-Z0-9 '\"]{0,20}".prop_map(Into::into)
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._-]{1,64}"
}

fn till() -> impl Strategy<Value = TillId> {
    name().prop_map(|text| TillId::try_new(&text).unwrap())
}

fn parts() -> impl Strategy<Value = Parts> {
    (kopecks(), kopecks()).prop_map(|(own, overdraft)| Parts { own, overdraft })
}

fn sums() -> impl Strategy<Value = KindSums> {
    (kopecks(), kopecks(), kopecks()).prop_map(|(credit, deposit, bonus)| KindSums {
        credit,
        deposit,
        bonus,
    })
}

fn bytes() -> impl Strategy<Value = Box<[u8]>> {
    vec(any::<u8>(), 0..200).prop_map(Into::into)
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        kopecks().prop_map(|limit| Refusal::InsufficientFunds { limit }),
        Just(Refusal::MixedMoneyAccounts),
        (kopecks(), kopecks()).prop_map(|(captured, total)| Refusal::OverTotal { captured, total }),
        uuid().prop_map(|id| Refusal::HoldExists { hold: HoldId(id) }),
        kind().prop_map(|wallet| Refusal::WrongPaymentType { wallet }),
        any::<u32>().prop_map(|epoch| Refusal::BindingChanged { epoch }),
    ]
}

fn capture() -> impl Strategy<Value = Capture> {
    let ids = (uuid(), uuid(), option::of(uuid()));
    let flags = (any::<bool>(), any::<bool>());
    (ids, kind(), parts(), kopecks(), flags).prop_map(|(ids, kind, parts, refunded, flags)| {
        Capture {
            account: AccountId(ids.0),
            guest: GuestId(ids.1),
            kind,
            parts,
            refunded,
            hold: ids.2.map(HoldId),
            acknowledged: flags.0,
            settled: flags.1,
        }
    })
}

fn payment_state() -> impl Strategy<Value = PaymentState> {
    prop_oneof![
        refusal().prop_map(PaymentState::Refused),
        capture().prop_map(PaymentState::Captured),
        capture().prop_map(PaymentState::Cancelled),
        Just(PaymentState::Tombstoned),
    ]
}

fn payment() -> impl Strategy<Value = Payment> {
    let head = (uuid(), uuid(), option::of(till()), any::<u16>(), any::<[u8; 16]>());
    (head, payment_state(), time()).prop_map(|((id, order, till, attempt, body), state, at)| {
        let (id, order, body) = (PaymentId(id), OrderId(order), Fingerprint(body));
        Payment { id, order, till, attempt, body, state, at }
    })
}

fn hold() -> impl Strategy<Value = Hold> {
    let state = prop_oneof![
        Just(HoldState::Held),
        Just(HoldState::Voided),
        Just(HoldState::Expired),
        uuid().prop_map(|id| HoldState::Captured(PaymentId(id))),
    ];
    let ids = (uuid(), uuid(), uuid());
    (ids, kind(), parts(), state, option::of(time()), time()).prop_map(
        |(ids, kind, parts, state, expires, at)| {
            let (id, order, account) = (HoldId(ids.0), OrderId(ids.1), AccountId(ids.2));
            Hold { id, order, account, kind, parts, state, expires, at }
        },
    )
}

fn account() -> impl Strategy<Value = Account> {
    let money = (kopecks(), kopecks(), kopecks(), kopecks());
    (uuid(), uuid(), kind(), text(), money, coded(AccountStatus::from_code), chain()).prop_map(
        |(id, guest, kind, name, money, status, chain)| Account {
            id: AccountId(id),
            guest: GuestId(guest),
            kind,
            name,
            balance: money.0,
            overdraft: money.1,
            held: money.2,
            held_own: money.3,
            status,
            chain,
        },
    )
}

fn chain() -> impl Strategy<Value = Chain> {
    prop_oneof![Just(Chain::START), any::<[u8; 32]>().prop_map(Chain)]
}

fn payer() -> impl Strategy<Value = Payer> {
    let token = option::of(any::<[u8; 16]>().prop_map(TokenId));
    (uuid(), coded(Identification::from_code), token).prop_map(|(id, identified, token)| Payer {
        guest: GuestId(id),
        identified,
        token,
    })
}

fn order() -> impl Strategy<Value = Order> {
    let binding = prop_oneof![
        Just(Binding::None),
        Just(Binding::Unbound),
        payer().prop_map(Binding::Pending),
        payer().prop_map(Binding::Bound),
    ];
    let told = (option::of(uuid()), option::of(kopecks()), option::of(bytes()));
    let times = (option::of(time()), time());
    let head = (uuid(), option::of(till()), any::<u32>());
    (head, binding, told, sums(), sums(), times).prop_map(
        |((id, till, epoch), binding, (money, total, lines), held, captured, times)| Order {
            id: OrderId(id),
            till,
            epoch,
            binding,
            money: money.map(AccountId),
            total,
            lines,
            live: Live { held, captured },
            closed: times.0,
            touched: times.1,
        },
    )
}

fn movement() -> impl Strategy<Value = Movement> {
    let party = || {
        (0..14_u8, uuid()).prop_filter_map("party", |(code, id)| {
            Party::from_code(code, Some(id)).or_else(|| Party::from_code(code, None))
        })
    };
    let what = (coded(Unit::from_code), kopecks(), coded(Why::from_code));
    (party(), party(), what, uuid(), time()).prop_map(
        |(debit, credit, (unit, amount, why), by, at)| Movement {
            debit,
            credit,
            unit,
            amount,
            why,
            by,
            at,
        },
    )
}

fn stream_id() -> impl Strategy<Value = StreamId> {
    (coded(StreamKind::from_code), uuid()).prop_map(|(kind, id)| StreamId { kind, id })
}

fn head() -> impl Strategy<Value = Head> {
    let shelf = option::of(text());
    (coded(Status::from_code), option::of(time()), shelf, kopecks())
        .prop_map(|(status, wake_at, shelf, total)| Head { status, wake_at, shelf, total })
}

fn stream() -> impl Strategy<Value = StreamRow> {
    let lease = option::of((uuid().prop_map(Owner), time()));
    let seq = 0..=i64::MAX.cast_unsigned();
    (stream_id(), seq, head(), time(), chain(), any::<u64>(), lease).prop_map(
        |(id, seq, head, at, chain, fence, lease)| StreamRow {
            id,
            seq: Seq(seq),
            head,
            at,
            chain,
            fence: Fence(fence),
            lease,
        },
    )
}

fn guest() -> impl Strategy<Value = Guest> {
    let names = (option::of(text()), option::of(text()));
    let lists = (vec(text(), 0..3), vec(text(), 0..3));
    (uuid(), text(), names, option::of(text()), lists, any::<bool>(), option::of(text())).prop_map(
        |(id, client_id, names, phone, (gifts, hints), blocked, card)| Guest {
            id: GuestId(id),
            client_id,
            names: Names { salutation: names.0, first: names.1, ..Names::default() },
            phone,
            gifts,
            hints,
            blocked,
            card,
        },
    )
}

fn carrier() -> impl Strategy<Value = Carrier> {
    (text(), uuid(), any::<bool>(), option::of(time()), option::of(time())).prop_map(
        |(alias, guest, blocked, valid_from, valid_until)| Carrier {
            alias,
            guest: GuestId(guest),
            blocked,
            valid_from,
            valid_until,
        },
    )
}

fn new<K, V>(key: K, row: V) -> Vec<Change<K, V>> {
    vec![Change { key, row: Some(row), existed: false }]
}

fn now<K, V>(key: K, row: V) -> Vec<Change<K, V>> {
    vec![Change { key, row: Some(row), existed: true }]
}

fn gone<K, V>(key: K) -> Vec<Change<K, V>> {
    vec![Change { key, row: None, existed: true }]
}

/// An empty book in memory would do, but this is the real way to open one.
fn db() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let connection = open::writer(&SqliteConfig::new(folder.path().join("book.db"))).unwrap();
    connection.pragma_update(None, "synchronous", "off").unwrap();
    (folder, connection)
}

/// All rows of a table, after saving.
fn after<T>(
    connection: &Db,
    delta: &Delta,
    sql: &str,
    read: impl Fn(&Columns<'_>) -> Result<T, crate::error::Fail>,
) -> Vec<T> {
    save::delta(connection, delta).unwrap();
    many(connection, sql, [], read).unwrap()
}

/// Runs a property over one open book; each case starts with empty tables.
fn check<S: Strategy>(strategy: S, property: impl Fn(&Db, S::Value) -> Result<(), TestCaseError>) {
    let (_folder, connection) = db();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&strategy, |value| {
        connection.execute_batch("BEGIN").unwrap();
        let outcome = property(&connection, value);
        connection.execute_batch("ROLLBACK").unwrap();
        connection.forget();
        outcome
    });
    outcome.unwrap();
}

macro_rules! changes {
    ($(
        $test:ident: $strategy:expr, $table:ident, $id:ident, $sql:expr, $read:expr, $next:expr;
    )*) => {$(
        #[test]
        fn $test() {
            check(($strategy, $strategy), |db, (was, other)| {
                let id = was.$id.clone();
                let delta = Delta { $table: new(id.clone(), was.clone()), ..Delta::default() };
                prop_assert_eq!(after(db, &delta, $sql, $read), vec![was.clone()]);
                let next: fn(_, _) -> _ = $next;
                let next = next(was, other);
                let delta = Delta { $table: now(id.clone(), next.clone()), ..Delta::default() };
                prop_assert_eq!(after(db, &delta, $sql, $read), vec![next]);
                let delta = Delta { $table: gone(id), ..Delta::default() };
                prop_assert!(after(db, &delta, $sql, $read).is_empty());
                Ok(())
            });
        }
    )*};
}

// A changed row keeps what the book never changes.
changes! {
    holds: hold(), holds, id, concat!("SELECT ", columns!(hold), " FROM holds"), row::hold,
        |was: Hold, other: Hold| Hold { state: other.state, ..was };
    refunds: refund(), refunds, id, concat!("SELECT ", columns!(refund), " FROM refunds"),
        row::refund, |was: Refund, other: Refund| Refund { id: was.id, ..other };
    accounts: account(), accounts, id, concat!("SELECT ", columns!(account), " FROM accounts"),
        row::account, |was: Account, other: Account| {
            Account { id: was.id, guest: was.guest, kind: was.kind, ..other }
        };
    tokens: token(), tokens, id, concat!("SELECT ", columns!(token), " FROM tokens"), row::token,
        |was: TokenRow, other: TokenRow| TokenRow { id: was.id, ..other };
    pairings: pairing(), pairings, till, "SELECT till, device FROM pairings", row::pairing,
        |was: Pairing, other: Pairing| Pairing { till: was.till, ..other };
    guests: guest(), guests, id, "SELECT body FROM guests", row::guest,
        |was: Guest, other: Guest| Guest { id: was.id, ..other };
    carriers: carrier(), carriers, alias,
        concat!("SELECT ", columns!(carrier), " FROM carriers"), row::carrier,
        |was: Carrier, other: Carrier| Carrier { alias: was.alias, ..other };
    streams: stream(), streams, id, concat!("SELECT ", columns!(stream), " FROM streams"),
        row::stream, |was: StreamRow, other: StreamRow| StreamRow { id: was.id, ..other };
}

fn refund() -> impl Strategy<Value = Refund> {
    (uuid(), uuid(), parts(), time()).prop_map(|(id, of, parts, at)| Refund {
        id: RefundId(id),
        of: PaymentId(of),
        parts,
        at,
    })
}

fn token() -> impl Strategy<Value = TokenRow> {
    (any::<[u8; 16]>(), uuid(), any::<bool>(), time()).prop_map(|(id, order, spent, expires)| {
        TokenRow { id: TokenId(id), order: OrderId(order), spent, expires }
    })
}

fn pairing() -> impl Strategy<Value = Pairing> {
    (till(), name())
        .prop_map(|(till, name)| Pairing { till, device: DeviceId::try_new(&name).unwrap() })
}

#[test]
fn orders() {
    let sql =
        concat!("SELECT ", columns!(order), " FROM orders LEFT JOIN order_lines ON order_no = no");
    check((order(), order()), |db, (was, other)| {
        let delta = Delta { orders: new(was.id, was.clone()), ..Delta::default() };
        prop_assert_eq!(after(db, &delta, sql, row::order), vec![was.clone()]);
        // Lines are replaced, never taken away.
        let lines = other.lines.clone().or(was.lines);
        let next = Order { id: was.id, lines, ..other };
        let delta = Delta { orders: now(was.id, next.clone()), ..Delta::default() };
        save::delta(db, &delta).unwrap();
        prop_assert_eq!(load::order(db, was.id).unwrap(), Some(next));
        Ok(())
    });
}

/// The capture of a payment brings its movement, which gives the payment its place.
fn captured(payment: &Payment) -> Vec<Movement> {
    let Some(capture) = payment.capture() else { return Vec::new() };
    vec![Movement {
        debit: Party::Guest(capture.account),
        credit: Party::House(tillway_core::book::House::Clearing(payment.order)),
        unit: Unit::Rub,
        amount: Kopecks(1),
        why: Why::Capture,
        by: payment.id.0,
        at: payment.at,
    }]
}

/// The order that a captured payment belongs to.
fn bill(payment: &Payment) -> Vec<Change<OrderId, Order>> {
    new(payment.order, Order::new(payment.order, payment.at))
}

#[test]
fn payments() {
    let sql = concat!("SELECT ", columns!(payment), " FROM payments");
    check((payment(), payment(), any::<bool>()), |db, (was, other, flag)| {
        let movements = captured(&was);
        let payments = new(was.id, was.clone());
        let delta = Delta { orders: bill(&was), payments, movements, ..Delta::default() };
        prop_assert_eq!(after(db, &delta, sql, row::payment), vec![was.clone()]);
        // What was captured only moves on; anything else may become whatever the next attempt is.
        let (next, movements) = match was.capture() {
            Some(capture) => {
                let refunded = capture.parts.own;
                let capture =
                    Capture { refunded, acknowledged: flag, settled: !flag, ..capture.clone() };
                let state = PaymentState::Cancelled(capture);
                (Payment { state, at: other.at, ..was.clone() }, Vec::new())
            }
            None => {
                let next = Payment { id: was.id, ..other };
                let movements = captured(&next);
                (next, movements)
            }
        };
        let payments = now(was.id, next.clone());
        let orders = if next.order == was.order { Vec::new() } else { bill(&next) };
        let delta = Delta { orders, payments, movements, ..Delta::default() };
        prop_assert_eq!(after(db, &delta, sql, row::payment), vec![next.clone()]);
        let of_order = load::order_payments(db, next.order).unwrap();
        prop_assert_eq!(of_order.len(), usize::from(next.capture().is_some()));
        Ok(())
    });
}

#[test]
fn keys() {
    let row = (any::<[u8; 16]>(), option::of(refusal()), time());
    let row = row.prop_map(|(body, refusal, at)| KeyRow { body: Fingerprint(body), refusal, at });
    check((uuid(), row), |db, (id, row)| {
        let sql = concat!("SELECT ", columns!(key), " FROM keys WHERE scope = 8");
        let delta = Delta { keys: new((Scope::Custom, id), row.clone()), ..Delta::default() };
        prop_assert_eq!(after(db, &delta, sql, row::key), vec![row]);
        Ok(())
    });
}

#[test]
fn movements_are_numbered_in_order() {
    check(vec(movement(), 1..9), |db, movements| {
        let sql = concat!("SELECT ", columns!(movement), " FROM movements ORDER BY entry");
        let delta = Delta { movements: movements.clone(), ..Delta::default() };
        let saved = after(db, &delta, sql, row::movement);
        prop_assert_eq!(saved, (1..).zip(movements).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn records_and_photos() {
    let record = (any::<u16>(), any::<u16>(), bytes(), time());
    check((stream_id(), 1..=i64::MAX.cast_unsigned(), record), |db, (id, seq, record)| {
        let (kind, version, body, at) = record;
        let photo = PhotoRow(body.clone());
        let stored = Stored { seq: Seq(seq), at, record: Record { kind, version, body } };
        let streams = new(id, StreamRow::new(id));
        let records = vec![(id, stored.clone())];
        let photos = vec![(GuestId(id.id), Some(photo.clone()))];
        let delta = Delta { streams, records, photos, ..Delta::default() };
        let sql = concat!("SELECT ", columns!(record), " FROM records");
        prop_assert_eq!(after(db, &delta, sql, row::record), vec![stored]);
        let photos = many(db, "SELECT photo FROM photos", [], |c| c.blob().map(Box::<[u8]>::from));
        prop_assert_eq!(photos.unwrap(), vec![photo.0]);
        let photos = vec![(GuestId(id.id), None)];
        save::delta(db, &Delta { photos, ..Delta::default() }).unwrap();
        let photos = many(db, "SELECT photo FROM photos", [], |c| c.blob().map(<[u8]>::len));
        prop_assert!(photos.unwrap().is_empty());
        Ok(())
    });
}

/// The number of a row that was deleted goes to the next one; nothing else of it does.
#[test]
fn what_is_deleted_leaves_nothing_to_the_next() {
    let (_folder, db) = db();
    let order = |n| Order::new(OrderId(Uuid::from_u128(n)), Timestamp::utc(1));
    let told = Order { lines: Some([1, 2].into()), ..order(1) };
    let stream = |n| StreamId { kind: StreamKind::Payment, id: Uuid::from_u128(n) };
    let record = Record { kind: 1, version: 1, body: [3].into() };
    let stored = Stored { seq: Seq(1), at: Timestamp::utc(1), record };
    let was = Delta {
        orders: new(told.id, told.clone()),
        streams: new(stream(1), StreamRow::new(stream(1))),
        records: vec![(stream(1), stored.clone())],
        ..Delta::default()
    };
    save::delta(&db, &was).unwrap();
    let gone = Delta { orders: gone(told.id), streams: gone(stream(1)), ..Delta::default() };
    save::delta(&db, &gone).unwrap();
    let next = Delta {
        orders: new(order(2).id, order(2)),
        streams: new(stream(2), StreamRow::new(stream(2))),
        records: vec![(stream(2), stored)],
        ..Delta::default()
    };
    save::delta(&db, &next).unwrap();
    assert_eq!(load::order(&db, order(2).id).unwrap(), Some(order(2)));
    // Nor does its id lead there.
    assert_eq!(load::order(&db, told.id).unwrap(), None);
    assert_eq!(load::stream(&db, stream(1)).unwrap(), None);
    assert!(names::check(&db, || ()).is_ok());
}
