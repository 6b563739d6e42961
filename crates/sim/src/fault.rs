//! Faults on purpose: what may happen to each exchange of the simulators, and where the till may
//! lose its power.
//!
//! Every HTTP exchange has a number, counted from 0 per [`Side`], and so has every [`Point`] of
//! the payment. A story is run once without faults to count them ([`Hooks::counts`]), and then
//! again with a fault at each.
//!
//! Not imitated: broken TCP segments, slow bytes, wrong TLS, a proxy that answers for the peer
//! (but see [`ExchangeFault::Garbage`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{Request, Response, StatusCode};
use tillway_core::port::Clock;
use tillway_transport::{Cause, HttpTransport, RequestLimits, TransportError};

use crate::power::{Boot, Power, PowerCut};

/// How many exchanges and violations are remembered; older ones are forgotten.
const MEMORY: usize = 4096;

/// Who makes an exchange. Each side is counted apart, so that the bridge, which polls all the
/// time, does not move the numbers of the others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// The front plugin's bridge: polls and results.
    Bridge,
    /// The front plugin: everything else.
    Plugin,
    /// WaiterServer.
    Waiter,
}

impl Side {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bridge, Self::Plugin, Self::Waiter];
}

/// What happens to one exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExchangeFault {
    /// No connection: the peer sees nothing, and the caller knows at once.
    Refuse,
    /// Lost on the way: the peer sees nothing, the caller waits in vain.
    LoseRequest,
    /// Performed, the answer lost: the caller waits in vain.
    LoseAnswer,
    /// Performed twice; the caller gets the second answer.
    SendTwice,
    /// Performed; the caller gets 502 with a page of HTML.
    Garbage,
    /// Performed; the caller gets the first half of the body under the true status, as from a peer
    /// that died while rendering.
    Truncate,
    /// Stuck in the network: the caller waits in vain, and the request is performed after this
    /// many further exchanges of its side, or by [`Hooks::deliver_late`].
    Late {
        /// How many exchanges later.
        after: u64,
    },
    /// The till loses its power before the request leaves.
    CutBefore,
    /// The till loses its power after the peer performed the request.
    CutAfter,
}

/// A place in the till where a power cut matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Point {
    /// Before `Pay` of an item.
    BeforePay,
    /// `Pay` returned, the item is not saved.
    AfterPay,
    /// The item is saved as processed.
    AfterSave,
    /// `EmergencyCancelPayment` returned, the item is not saved.
    AfterCancel,
    /// Before the fiscal receipt.
    BeforePrint,
    /// The receipt is on paper, the order is not saved as closed.
    AfterPrint,
    /// The order is saved as closed, nobody has been told.
    AfterClose,
    /// `ReturnPayment` returned, the return is not saved.
    AfterReturn,
    /// The plugin is about to write a record to its outbox.
    BeforeOutbox,
    /// The plugin's record is on disk.
    AfterOutbox,
    /// The bridge attached or detached a guest and has not said so.
    AfterGuest,
}

/// What goes wrong, and where.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    exchanges: BTreeMap<(Side, u64), ExchangeFault>,
    outages: Vec<(Side, Range<u64>)>,
    cuts: BTreeSet<u64>,
    cuts_at: BTreeSet<(Point, u64)>,
}

impl Plan {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A fault at the `nth` exchange of a side.
    #[must_use]
    pub fn exchange(mut self, side: Side, nth: u64, fault: ExchangeFault) -> Self {
        self.exchanges.insert((side, nth), fault);
        self
    }

    /// All requests of a side with these numbers are lost.
    #[must_use]
    pub fn outage(mut self, side: Side, range: Range<u64>) -> Self {
        self.outages.push((side, range));
        self
    }

    /// A power cut at the `nth` [`Point`].
    #[must_use]
    pub fn cut(mut self, nth: u64) -> Self {
        self.cuts.insert(nth);
        self
    }

    /// A power cut at the `nth` [`Point`] of this kind.
    #[must_use]
    pub fn cut_at(mut self, what: Point, nth: u64) -> Self {
        self.cuts_at.insert((what, nth));
        self
    }

    /// Both plans; where they name the same exchange, the other one wins.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.exchanges.extend(other.exchanges);
        self.outages.extend(other.outages);
        self.cuts.extend(other.cuts);
        self.cuts_at.extend(other.cuts_at);
        self
    }

    fn fault(&self, side: Side, nth: u64) -> Option<ExchangeFault> {
        let out = || self.outages.iter().any(|(s, range)| *s == side && range.contains(&nth));
        let planned = self.exchanges.get(&(side, nth)).copied();
        planned.or_else(|| out().then_some(ExchangeFault::LoseRequest))
    }
}

/// How many exchanges and points a story has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Exchanges of the bridge.
    pub bridge: u64,
    /// Exchanges of the plugin.
    pub plugin: u64,
    /// Exchanges of WaiterServer.
    pub waiter: u64,
    /// Points at which a power cut is possible.
    pub points: u64,
}

impl Counts {
    /// The exchanges of one side.
    #[must_use]
    pub fn of(&self, side: Side) -> u64 {
        match side {
            Side::Bridge => self.bridge,
            Side::Plugin => self.plugin,
            Side::Waiter => self.waiter,
        }
    }
}

/// One exchange, as it is remembered. Bodies and headers are not: they carry secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// Who made it.
    pub side: Side,
    /// Its number.
    pub nth: u64,
    /// Method and path.
    pub what: String,
    /// What the plan did to it.
    pub fault: Option<ExchangeFault>,
    /// The status that the caller saw; none when it saw no answer.
    pub status: Option<u16>,
}

/// Marks an answer that the plan damaged: what it lacks is not the service's fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damaged;

/// Why the caller has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lost {
    /// The request has not left.
    NotSent,
    /// The connection broke while waiting.
    Broken,
    /// The time is over.
    TimedOut,
}

/// Numbers the exchanges, does what the [`Plan`] says, and remembers. Clones are the same hooks;
/// the till and the phone of one story share them.
#[derive(Clone, Debug)]
pub struct Hooks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: Plan,
    counts: Counts,
    passed: BTreeMap<Point, u64>,
    cuts: Vec<Point>,
    log: VecDeque<Exchange>,
    points: VecDeque<Point>,
    violations: VecDeque<String>,
    late: Vec<Stuck>,
}

#[derive(Debug)]
struct Stuck {
    side: Side,
    due: u64,
    transport: Arc<dyn HttpTransport>,
    request: Request<Bytes>,
}

impl Hooks {
    /// Hooks that follow a plan.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let state = State { plan, ..State::default() };
        Self(Arc::new(Inner { state: Mutex::new(state) }))
    }

    /// From now on nothing goes wrong. What is stuck in the network stays there until
    /// [`Hooks::deliver_late`].
    pub fn heal(&self) {
        self.lock().plan = Plan::none();
    }

    /// The points at which the plan took the power, oldest first.
    #[must_use]
    pub fn cuts(&self) -> Vec<Point> {
        self.lock().cuts.clone()
    }

    /// How much has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The last exchanges, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<Exchange> {
        self.lock().log.iter().cloned().collect()
    }

    /// The last points passed, oldest first.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        self.lock().points.iter().copied().collect()
    }

    /// Where the service did not keep to its documents, oldest first.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.iter().cloned().collect()
    }

    /// Performs the requests that are still stuck in the network.
    pub async fn deliver_late(&self) {
        let stuck = std::mem::take(&mut self.lock().late);
        deliver(stuck).await;
    }

    pub(crate) fn violation(&self, text: String) {
        remember(&mut self.lock().violations, text);
    }

    /// Passes a point, or loses the power there.
    pub(crate) fn point(&self, what: Point, power: &Power, boot: Boot) -> Result<(), PowerCut> {
        power.check(boot)?;
        let cut = {
            let mut guard = self.lock();
            let state = &mut *guard;
            remember(&mut state.points, what);
            state.counts.points += 1;
            let of_kind = state.passed.entry(what).or_default();
            *of_kind += 1;
            let planned = state.plan.cuts.contains(&(state.counts.points - 1))
                || state.plan.cuts_at.contains(&(what, *of_kind - 1));
            if planned {
                state.cuts.push(what);
            }
            planned
        };
        if cut {
            power.cut();
        }
        power.check(boot)
    }

    fn begin(&self, side: Side) -> u64 {
        let counts = &mut self.lock().counts;
        let counter = match side {
            Side::Bridge => &mut counts.bridge,
            Side::Plugin => &mut counts.plugin,
            Side::Waiter => &mut counts.waiter,
        };
        *counter += 1;
        *counter - 1
    }

    /// Takes out the stuck requests of a side whose time has come.
    fn due(&self, side: Side, nth: u64) -> Vec<Stuck> {
        let mut state = self.lock();
        let all = std::mem::take(&mut state.late);
        let (due, rest) = all.into_iter().partition(|late| late.side == side && late.due <= nth);
        state.late = rest;
        due
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn deliver(stuck: Vec<Stuck>) {
    for late in stuck {
        // Nobody waits for the answer any more.
        let _ = late.transport.send(late.request).await;
    }
}

fn remember<T>(memory: &mut VecDeque<T>, item: T) {
    if memory.len() == MEMORY {
        memory.pop_front();
    }
    memory.push_back(item);
}

/// A way to the service: the transport, with faults, time and the till's power.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) transport: Arc<dyn HttpTransport>,
    pub(crate) hooks: Hooks,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) power: Power,
}

impl Link {
    /// One exchange, which takes at most `limit`.
    pub(crate) async fn send(
        &self,
        boot: Boot,
        side: Side,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Result<Response<Bytes>, Lost>, PowerCut> {
        self.power.check(boot)?;
        let nth = self.hooks.begin(side);
        let fault = self.hooks.lock().plan.fault(side, nth);
        let what = format!("{} {}", request.method(), request.uri().path());
        let outcome = self.perform(side, nth, fault, request, limit).await;
        let status = outcome.as_ref().ok().map(|answer| answer.status().as_u16());
        let exchange = Exchange { side, nth, what, fault, status };
        remember(&mut self.hooks.lock().log, exchange);
        deliver(self.hooks.due(side, nth)).await;
        self.power.check(boot)?;
        Ok(outcome)
    }

    async fn perform(
        &self,
        side: Side,
        nth: u64,
        fault: Option<ExchangeFault>,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, Lost> {
        match fault {
            None => self.timed(request, limit).await,
            Some(ExchangeFault::Refuse) => Err(Lost::NotSent),
            Some(ExchangeFault::LoseRequest) => self.in_vain(limit).await,
            Some(ExchangeFault::LoseAnswer) => {
                let _ = self.timed(request, limit).await;
                self.in_vain(limit).await
            }
            Some(ExchangeFault::SendTwice) => {
                let _ = self.timed(request.clone(), limit).await;
                self.timed(request, limit).await
            }
            Some(ExchangeFault::Garbage) => {
                self.timed(request, limit).await?;
                let mut answer = Response::new(Bytes::from_static(b"<html>Bad Gateway</html>"));
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                Ok(answer)
            }
            Some(ExchangeFault::Truncate) => {
                let mut answer = self.timed(request, limit).await?;
                let half = answer.body().len() / 2;
                if half > 0 {
                    answer.body_mut().truncate(half);
                    answer.extensions_mut().insert(Damaged);
                }
                Ok(answer)
            }
            Some(ExchangeFault::Late { after }) => {
                let transport = Arc::clone(&self.transport);
                let late = Stuck { side, due: nth.saturating_add(after), transport, request };
                let outcome = self.in_vain(limit).await;
                self.hooks.lock().late.push(late);
                outcome
            }
            Some(ExchangeFault::CutBefore) => {
                self.power.cut();
                Err(Lost::NotSent)
            }
            Some(ExchangeFault::CutAfter) => {
                let outcome = self.timed(request, limit).await;
                self.power.cut();
                outcome
            }
        }
    }

    async fn in_vain(&self, limit: Duration) -> Result<Response<Bytes>, Lost> {
        self.clock.sleep(limit).await;
        Err(Lost::TimedOut)
    }

    async fn timed(
        &self,
        mut request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, Lost> {
        let limits =
            RequestLimits { connect_timeout: limit, answer_timeout: limit, ..Default::default() };
        limits.attach(&mut request);
        let answer = pin!(self.transport.send(request));
        match select(answer, pin!(self.clock.sleep(limit))).await {
            Either::Left((answer, _)) => answer.map_err(|error| translate(&error)),
            Either::Right(_) => Err(Lost::TimedOut),
        }
    }
}

fn translate(error: &TransportError) -> Lost {
    match error {
        TransportError::NotSent { .. } => Lost::NotSent,
        TransportError::Unknown { .. } if error.cause() == Cause::TimedOut => Lost::TimedOut,
        TransportError::Unknown { .. } => Lost::Broken,
    }
}
