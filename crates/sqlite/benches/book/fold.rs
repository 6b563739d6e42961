//! G17: how fast a restart takes up the journal: read a stream, decode it, fold it into its flow.

use std::time::Instant;

use futures::executor::block_on;
use rusqlite::{Connection, params};
use tillway_core::Kopecks;
use tillway_core::book::{Commit, Op, Payer, Seq, Stored, StreamId, StreamKind};
use tillway_core::flow::{Asked, BindingEvent, BindingFlow, Flow, PaymentEvent, PaymentFlow};
use tillway_core::flow::{append, fold};
use tillway_core::guest::Identification;
use tillway_core::id::{CommandId, GuestId, OrderId, PaymentId, TillId, Uuid};
use tillway_core::port::{Journal, PaymentInfo};
use tillway_measure::{Figure, Goal, Plan};
use tokio::runtime::Runtime;

use crate::floor;
use crate::work::{NOW, Ours, mixed};

const NAMES: [&str; 2] = ["G17-fold", "G17-fold-long"];

/// How many records the engine reads at once.
const PAGE: u32 = 256;

/// How many events a long stream has: an order that is used for days.
const LONG: usize = 1_000;

pub(crate) fn run(plan: &Plan, runtime: &Runtime) {
    if !NAMES.iter().any(|name| plan.wants(name)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let store = Ours::open(&path);
    let (short, long) = (plan.pick(20_000, 200), plan.pick(50, 2));
    runtime.block_on(fill(&store, short, long));
    let db = floor::connect(&path);
    let table = [
        (NAMES[0], streams(0..short), format!("{short} orders with their payments")),
        (NAMES[1], streams(short..short + long), format!("{long} orders of {LONG} events")),
    ];
    for (name, streams, about) in table.into_iter().filter(|(name, ..)| plan.wants(name)) {
        let mut ours = || per_second(|| streams.iter().map(|id| folded(&store, *id)).sum());
        let mut floor = || per_second(|| streams.iter().map(|id| stepped(&db, *id)).sum());
        let [ours, floor] = plan.interleave(&mut ours, &mut floor);
        let about = format!("{about}; the floor steps over the same rows and reads no column");
        let figure = Figure::new(name, "/s", ours).against(floor).about(about);
        plan.show(&figure.goal(Goal::ratio_at_least(0.3, 0.6)));
    }
}

fn per_second(events: impl FnOnce() -> usize) -> f64 {
    let began = Instant::now();
    let events = u32::try_from(events()).unwrap();
    f64::from(events) / began.elapsed().as_secs_f64()
}

/// What the engine does with each open flow when it starts.
fn folded(store: &Ours, stream: StreamId) -> usize {
    let read = |after| block_on(store.store().load(stream, after, PAGE)).unwrap();
    fn whole<F: Flow>(stream: StreamId, read: impl Fn(Seq) -> Vec<Stored>) -> usize {
        let (mut flow, mut seq, mut events) = (F::new(stream), Seq(0), 0);
        loop {
            let page = read(seq);
            fold(&mut flow, &page).unwrap();
            events += page.len();
            match page.last() {
                Some(last) if page.len() == PAGE as usize => seq = last.seq,
                _ => break,
            }
        }
        std::hint::black_box(&flow);
        events
    }
    match stream.kind {
        StreamKind::Payment => whole::<PaymentFlow>(stream, read),
        _ => whole::<BindingFlow>(stream, read),
    }
}

fn stepped(db: &Connection, stream: StreamId) -> usize {
    let sql = "SELECT seq, kind, version, at_ms, at_off, body FROM records \
               WHERE stream_no = (SELECT no FROM ids WHERE chapter = 0 AND id = ?2 AND what = 32 + ?1) \
               AND seq > 0 ORDER BY seq";
    let mut statement = db.prepare_cached(sql).unwrap();
    let bound = params![stream.kind.code(), stream.id.as_bytes()];
    let mut rows = statement.query(bound).unwrap();
    let mut events = 0;
    while rows.next().unwrap().is_some() {
        events += 1;
    }
    events
}

fn id(space: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair(mixed(n ^ (space << 56)), n)
}

fn streams(orders: std::ops::Range<u64>) -> Vec<StreamId> {
    let both = |n| [StreamId::from(OrderId(id(1, n))), StreamId::from(PaymentId(id(2, n)))];
    orders.flat_map(both).collect()
}

/// A paid order leaves three events of its binding and two of its payment. A long one is used
/// again and again.
async fn fill(store: &Ours, short: u64, long: u64) {
    for n in 0..short + long {
        let order = OrderId(id(1, n));
        let mut events = bound(order);
        if n < short {
            events.push(BindingEvent::OrderClosed);
        } else {
            events.resize_with(LONG, || BindingEvent::Touched { at: NOW });
        }
        let (stream, payment) = (StreamId::from(order), PaymentId(id(2, n)));
        let (first, _) = append(&BindingFlow::new(stream), stream, None, &events).unwrap();
        let (second, _) = watched(order, payment);
        store.done(Commit::of(NOW, vec![first, second])).await;
    }
}

fn till() -> Option<TillId> {
    Some(TillId::try_new("till-1").unwrap())
}

fn bound(order: OrderId) -> Vec<BindingEvent> {
    let guest = GuestId(order.0);
    let payer = Payer { guest, identified: Identification::Strong, token: None };
    let command = CommandId(order.0);
    let asked = Asked { payer, command, tries: 0, not_before: NOW, deadline: NOW };
    vec![
        BindingEvent::Asked { asked, till: till() },
        BindingEvent::Bound { payer, on_till: command, at: NOW },
    ]
}

fn watched(order: OrderId, payment: PaymentId) -> (Op, PaymentFlow) {
    let (amount, at_ms) = (Kopecks(90_000), NOW.utc_ms);
    let info = PaymentInfo::default();
    let taken = PaymentEvent::Captured { order, till: till(), amount, info, at_ms };
    let stream = StreamId::from(payment);
    let events = [taken, PaymentEvent::Acknowledged];
    append(&PaymentFlow::new(stream), stream, None, &events).unwrap()
}
