//! What must be true when a story is over: three witnesses that share no code say the same, or
//! the difference stands on the operator's list.
//!
//! The witnesses: the service's book, iikoFront's orders, the paper of the fiscal register.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{join, join_all};
use tillway_core::book::{Audit, Binding, PaymentState, Status, StreamId, StreamKind, Why, audit};
use tillway_core::id::{OrderId, PaymentId, Uuid};
use tillway_core::port::{HeadRow, Query, Store};
use tillway_core::{AccountKind, Kopecks};
use tillway_sim::Stop;
use tillway_sim::iiko_front::{FrontSim, Kind, Order, OrderStatus};
use tillway_sim::story::Stage;
use tillway_testkit::builders;

use crate::house::House;

/// How long everything may take to come to rest once nothing goes wrong any more.
pub const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_secs(5);

/// What is left for a person.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// Charged, and iiko does not know: each stands on the operator's list.
    pub charged: Vec<PaymentId>,
    /// iiko has it, and nobody was charged: each stands on the operator's list.
    pub given: Vec<PaymentId>,
    /// All that stands on the operator's list.
    pub listed: Vec<StreamId>,
    /// Kopecks that were returned without a receipt.
    pub by_hand: i64,
    /// Records that the plugins gave up.
    pub dead: usize,
    /// How long it took to come to rest.
    pub rest: Duration,
}

/// Plays while the bridge and the outbox of every till run.
pub async fn beside_the_tills<T>(tills: &[Stage], play: impl Future<Output = T>) -> T {
    let stop = Stop::new();
    let loops = join_all(tills.iter().map(|till| {
        let front = &till.front;
        join(front.bridge_loop(stop.clone()), front.drain_loop(stop.clone()))
    }));
    let play = async {
        let played = play.await;
        stop.stop();
        played
    };
    join(play, loops).await.0
}

/// Heals everything, lets it come to rest, and compares the witnesses.
///
/// # Errors
/// What is not as it must be.
pub async fn verdict(house: &House, tills: &[Stage]) -> Result<Verdict, String> {
    house.heal();
    tills.iter().for_each(|till| till.hooks.heal());
    let began = house.clock().ticks();
    let rested = beside_the_tills(tills, come_to_rest(house, tills)).await;
    let rest = house.clock().ticks().saturating_sub(began);
    let verdict = compare(house, tills).await?;
    rested?;
    Ok(Verdict { rest, ..verdict })
}

async fn come_to_rest(house: &House, tills: &[Stage]) -> Result<(), String> {
    for till in tills {
        till.switch_on().await;
        till.hooks.deliver_late().await;
    }
    let until = house.clock().ticks() + PATIENCE;
    loop {
        house.clock().sleep(LOOK).await;
        let open = heads(&*house.store().await, Status::Open).await;
        let waiting: Vec<_> = tills.iter().flat_map(|till| till.front.outbox()).collect();
        if open.is_empty() && waiting.is_empty() {
            return Ok(());
        }
        if house.clock().ticks() >= until {
            return Err(format!("no rest: open {open:?}, outboxes {waiting:?}"));
        }
    }
}

/// The flows of this status.
pub async fn heads(store: &dyn Store, status: Status) -> Vec<HeadRow> {
    let query = Query { status: Some(status), ..Query::default() };
    store.heads(&query, None, 1_000).await.unwrap()
}

async fn compare(house: &House, tills: &[Stage]) -> Result<Verdict, String> {
    let store = house.store().await;
    let book = store.audit().await.map_err(|error| error.to_string())?;
    audit(&book).map_err(|fault| fault.to_string())?;
    effects(&book)?;
    balances(&book)?;
    let people = heads(&*store, Status::NeedsPerson).await;
    let mut verdict =
        Verdict { listed: people.iter().map(|head| head.stream).collect(), ..Verdict::default() };
    payments(&book, tills, &people, &mut verdict)?;
    for till in tills {
        verdict.by_hand += paper(&till.front)?;
        bindings(&*store, &till.front, &people).await?;
        verdict.dead += till.front.dead_records().len();
        let violations = till.hooks.violations();
        if !violations.is_empty() {
            return Err(format!("the service broke its contract: {violations:?}"));
        }
    }
    Ok(verdict)
}

/// One transaction id, at most one effect of each sort.
fn effects(book: &Audit) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for one in &book.movements {
        let sort = match one.why {
            Why::Capture => 0,
            Why::Cancel => 1,
            Why::Refund => 2,
            Why::Close => 3,
            _ => continue,
        };
        if !seen.insert((sort, one.by)) {
            return Err(format!("a second {:?} of {}", one.why, one.by));
        }
    }
    Ok(())
}

/// Balances are those of the beginning, less the live payments.
fn balances(book: &Audit) -> Result<(), String> {
    let mut left: BTreeMap<_, Kopecks> = BTreeMap::new();
    for (account, balance) in builders::seed().iter().flat_map(|persona| &persona.accounts) {
        left.insert(account.id, *balance);
    }
    for payment in &book.payments {
        let (Some(capture), Ok(live)) = (payment.capture(), payment.live()) else { continue };
        let left = left.get_mut(&capture.account).ok_or("a payment of an unknown account")?;
        *left = left.sub(live).map_err(|error| error.to_string())?;
    }
    for account in &book.accounts {
        let due = left.get(&account.id).copied().unwrap_or_default();
        if account.balance != due {
            return Err(format!("{} has {:?}, due {due:?}", account.name, account.balance));
        }
    }
    // A hold of an order that goes on may live; it lapses by itself.
    let closed = |order| book.orders.iter().any(|row| row.id == order && row.closed.is_some());
    match book.holds.iter().find(|hold| hold.is_live() && closed(hold.order)) {
        Some(hold) => Err(format!("a closed order holds: {hold:?}")),
        None => Ok(()),
    }
}

/// Per transaction: captured − refunded here, processed − returned in iiko.
fn payments(
    book: &Audit,
    tills: &[Stage],
    people: &[HeadRow],
    verdict: &mut Verdict,
) -> Result<(), String> {
    let mut ours = BTreeMap::new();
    for payment in &book.payments {
        ours.insert(payment.id.0, payment.live().map_err(|error| error.to_string())?);
    }
    let mut theirs = BTreeMap::new();
    for till in tills {
        let books = till.front.books().map_err(|error| error.to_string())?;
        if !books.unexplained.is_zero() {
            return Err(format!("returns without a payment: {:?}", books.unexplained));
        }
        for (id, row) in books.processed {
            let net = row.amount.sub(row.returned).map_err(|error| error.to_string())?;
            theirs.insert(id, net);
        }
    }
    let ids: BTreeSet<Uuid> = ours.keys().chain(theirs.keys()).copied().collect();
    for id in ids {
        let here = ours.get(&id).copied().unwrap_or_default();
        let there = theirs.get(&id).copied().unwrap_or_default();
        if here == there {
            continue;
        }
        let listed = people.iter().any(|head| head.stream == StreamId::from(PaymentId(id)));
        let state = book.payments.iter().find(|payment| payment.id.0 == id);
        let what = format!("{id}: {here:?} here, {there:?} in iiko, {state:?}");
        if here > there {
            verdict.charged.push(PaymentId(id));
            if !listed {
                return Err(format!("charged in vain and not listed: {what}"));
            }
        } else {
            verdict.given.push(PaymentId(id));
            if !listed {
                return Err(format!("given away and not listed: {what}"));
            }
        }
    }
    Ok(())
}

/// Per tender: what the register printed is what iikoFront's orders say. Answers how many kopecks
/// were returned without paper, while the register was broken.
fn paper(front: &FrontSim) -> Result<i64, String> {
    let books = front.books().map_err(|error| error.to_string())?;
    let name = |id| front.config().payment_type(id).map_or_else(String::new, |t| t.name.clone());
    let mut due: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in books.processed.values() {
        if front.order(row.order).is_some_and(|order| order.printed) {
            let (paid, returned) = due.entry(name(row.type_id)).or_default();
            *paid += row.amount.0;
            *returned += row.returned.0;
        }
    }
    let mut printed: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for receipt in front.receipts() {
        for (tender, amount) in receipt.payments {
            let (paid, returned) = printed.entry(tender).or_default();
            *(if receipt.is_return { returned } else { paid }) += amount.0;
        }
    }
    let mut by_hand = 0;
    for tender in due.keys().chain(printed.keys()) {
        let of = |sums: &BTreeMap<_, _>| sums.get(tender).copied().unwrap_or_default();
        let ((paid, returned), (paid_paper, returned_paper)) = (of(&due), of(&printed));
        if paid != paid_paper || returned < returned_paper {
            return Err(format!("paper {printed:?}, orders {due:?}"));
        }
        by_hand += returned - returned_paper;
    }
    Ok(by_hand)
}

/// Who is bound here stands on the till's order, and nobody else does.
async fn bindings(store: &dyn Store, front: &FrontSim, people: &[HeadRow]) -> Result<(), String> {
    for order in front.orders() {
        let row = store.order(OrderId(order.id)).await.map_err(|error| error.to_string())?;
        let Some(row) = row else {
            if order.clients.is_empty() {
                continue;
            }
            return Err(format!("order {}: a guest that we never bound", order.number));
        };
        match order.status {
            OrderStatus::Closed => {
                let ended = row.closed.is_some() && row.binding.who().is_none();
                if !ended {
                    return Err(format!("order {} is closed in iiko alone", order.number));
                }
            }
            _ => same_guest(store, &order, &row.binding, people).await?,
        }
    }
    Ok(())
}

async fn same_guest(
    store: &dyn Store,
    order: &Order,
    binding: &Binding,
    people: &[HeadRow],
) -> Result<(), String> {
    let mut wanted = BTreeSet::new();
    match binding {
        Binding::Bound(payer) => {
            let guest = store.guest(payer.guest).await.map_err(|error| error.to_string())?;
            let client_id = guest.map(|guest| guest.client_id).unwrap_or_default();
            wanted.insert(Uuid::new_v5(&builders::INSTALLATION, client_id.as_bytes()));
        }
        Binding::Pending(_) => return Err(format!("order {} hangs", order.number)),
        Binding::None | Binding::Unbound => {}
    }
    let listed = people
        .iter()
        .any(|head| head.stream.kind == StreamKind::Binding && head.stream.id == order.id);
    if wanted == order.clients || listed {
        return Ok(());
    }
    let clients = &order.clients;
    Err(format!("order {}: {clients:?} on the till, {wanted:?} here", order.id))
}

/// The kind behind a payment type of the till.
pub fn kind_of(kind: Kind) -> AccountKind {
    match kind {
        Kind::Bonus => AccountKind::Bonus,
        Kind::Deposit => AccountKind::Deposit,
        Kind::Credit => AccountKind::Credit,
    }
}

/// The states of the payments of an order, oldest first.
pub async fn states(house: &House, order: Uuid) -> Vec<&'static str> {
    let book = house.store().await.audit().await.unwrap();
    let mut rows: Vec<_> = book.payments.iter().filter(|p| p.order.0 == order).collect();
    rows.sort_by_key(|payment| payment.at.utc_ms);
    rows.iter().map(|payment| payment.state_word()).collect()
}

/// Whether a payment is captured and nothing of it went back.
pub fn is_live(state: &PaymentState) -> bool {
    matches!(state, PaymentState::Captured(_))
}

/// The last exchanges of the tills (`TRACE=1000` for more), and where they lost their power.
pub fn trace(house: &House, tills: &[Stage]) -> String {
    let many = std::env::var("TRACE").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let mut lines = vec![format!("{:?}", house.passed())];
    for (nth, till) in tills.iter().enumerate() {
        lines.push(format!("till {}: cuts {:?}", nth + 1, till.hooks.cuts()));
        let log = till.hooks.log();
        for one in log.iter().skip(log.len().saturating_sub(many)) {
            let fault = one.fault.map(|fault| format!("  <- {fault:?}")).unwrap_or_default();
            let status = one.status.map_or("-".to_owned(), |status| status.to_string());
            lines.push(format!("  {:?} {} {} {status}{fault}", one.side, one.nth, one.what));
        }
    }
    lines.join("\n")
}
