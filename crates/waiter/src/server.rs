//! The service: from a request to a desk, and back.

mod auth;
mod observe;
mod pos;
mod reply;
mod route;
mod table;

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, poll_fn};
use core::net::IpAddr;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tillway_core::port::{BridgeDesk, Clock, LoyaltyDesk, PaymentDesk, Readiness, TableRefusal};
use tillway_transport::BoxError;
use tillway_transport::server::PeerInfo;
use tower_service::Service;

use self::auth::Guard;
pub use self::observe::{Answered, Observer};
use self::pos::Pos;
use self::reply::{Code, Reply, empty};
use self::route::{Place, Route, route};
use self::table::Table;
use crate::config::WaiterConfig;
use crate::error::ConfigError;

/// The desks behind the service.
#[derive(Clone, Debug)]
pub struct Desks {
    /// Check-in, check-out, what the waiter sees.
    pub loyalty: Arc<dyn LoyaltyDesk>,
    /// What the front plugin pays with.
    pub payment: Arc<dyn PaymentDesk>,
    /// Commands for the front plugin.
    pub bridge: Arc<dyn BridgeDesk>,
}

/// The Waiter API, the payment API and the bridge of one listener, as a `tower` service.
///
/// Cheap to clone; clones share the memory of wrong tokens. It runs on
/// [`tillway_transport::server::Server`], which also keeps the limits of time and size and the
/// framing, and mounts into any framework that takes a `tower` service.
///
/// Who the peer is comes from [`WaiterService::for_peer`], or from a [`PeerInfo`] among the
/// request's extensions. Without either nobody is turned away by address: that is then the duty
/// of whoever mounts the service.
///
/// A desk that takes longer than its budget is given up and answered as an outage. Dropping the
/// call stops no flow: the desks see to that.
#[derive(Clone, Debug)]
pub struct WaiterService {
    front: Arc<Front>,
    peer: Option<IpAddr>,
}

/// What all clones with one observer share.
#[derive(Debug)]
struct Front {
    shared: Arc<Shared>,
    observer: Option<Arc<dyn Observer>>,
}

/// What all clones share.
#[derive(Debug)]
struct Shared {
    config: WaiterConfig,
    desks: Desks,
    clock: Arc<dyn Clock>,
    /// The till of paths that name none.
    till: Option<usize>,
    guard: Guard,
}

impl WaiterService {
    /// A service for one listener.
    ///
    /// # Errors
    /// [`ConfigError`]; ask [`WaiterConfig::check`] too, which knows the address.
    pub fn try_new(
        config: WaiterConfig,
        desks: Desks,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        config.check_values()?;
        let till = config.till_named(config.till.as_str());
        let shared = Arc::new(Shared { config, desks, clock, till, guard: Guard::default() });
        Ok(Self { front: Arc::new(Front { shared, observer: None }), peer: None })
    }

    /// The same service, which tells the observer of every answer: for metrics.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn Observer>) -> Self {
        let shared = Arc::clone(&self.front.shared);
        Self { front: Arc::new(Front { shared, observer: Some(observer) }), ..self }
    }

    /// The service for the connection of one peer; `None` when the peer may not talk to us.
    ///
    /// Its shape is that of the `make` argument of
    /// [`Server::serve`](tillway_transport::server::Server::serve), which answers 403 to `None`.
    pub fn for_peer(&self, peer: PeerInfo) -> Option<Self> {
        let address = peer.remote.ip();
        let allowed = self.front.shared.config.allowed_peers.allows(address);
        allowed.then(|| Self { peer: Some(address), ..self.clone() })
    }

    /// What a request asks for, and where.
    fn asked<B>(&self, request: &Request<B>) -> (Asked, Option<(Route, usize)>) {
        let shared = &self.front.shared;
        let told = || request.extensions().get::<PeerInfo>().map(|peer| peer.remote.ip());
        let peer = self.peer.or_else(told);
        // A peer of our own was let in with its connection.
        let allowed =
            self.peer.is_some() || peer.is_none_or(|peer| shared.config.allowed_peers.allows(peer));
        let found = if allowed { shared.find(request.uri().path()) } else { None };
        // HEAD is GET without the body, where it is taken at all (H7).
        let head_only = request.method() == Method::HEAD
            && found.as_ref().is_some_and(|(route, _)| route.place.takes(&Method::HEAD));
        let method = if head_only { Method::GET } else { request.method().clone() };
        (Asked { begun: None, peer, allowed, method, head_only }, found)
    }

    /// The Waiter API.
    async fn table<B>(
        &self,
        asked: &Asked,
        route: &Route,
        till: usize,
        headers: &HeaderMap,
        body: Pin<&mut B>,
    ) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let shared = &*self.front.shared;
        let Some(till) = shared.config.tills.get(till) else { return asked.nowhere(&self.front) };
        let table = Table { shared, till: &till.id, headers };
        let mut reply = table.answer(route, &asked.method, body).await;
        asked.told(route.place, &mut reply, &self.front);
        reply
    }

    /// The payment API.
    async fn pos<B>(
        &self,
        asked: &Asked,
        route: &Route,
        till: usize,
        (headers, query): (&HeaderMap, Option<&str>),
        body: Pin<&mut B>,
    ) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let shared = &*self.front.shared;
        let Some(till) = shared.config.tills.get(till) else { return asked.nowhere(&self.front) };
        let path_till = route.till.is_some().then_some(till);
        let pos = Pos { shared, path_till, peer: asked.peer, headers, query };
        let mut reply = pos.answer(route, &asked.method, body).await;
        asked.told(route.place, &mut reply, &self.front);
        reply
    }

    /// The answer to a ping, which has nothing to be read.
    fn pinged(&self, asked: Asked, headers: &mut HeaderMap) -> Answering {
        let shared = &*self.front.shared;
        let ready = match shared.config.ping_checks_store.then(|| shared.desks.loyalty.ready()) {
            None => true,
            Some(Readiness::Known(ready)) => ready.is_ok(),
            Some(ready) => {
                return Answering::when(self.clone().ping(asked.waits(&self.front), ready));
            }
        };
        let mut reply = table::pinged(shared, ready, headers);
        asked.told(Place::Ping, &mut reply, &self.front);
        Answering::at_once(reply)
    }

    /// A ping that waits for the store.
    async fn ping(self, asked: Asked, ready: Readiness<TableRefusal>) -> Reply {
        let shared = &*self.front.shared;
        let ready = within(&*shared.clock, shared.config.budgets.read, ready).await;
        let mut reply = table::pinged(shared, ready == Some(Ok(())), &mut HeaderMap::new());
        asked.told(Place::Ping, &mut reply, &self.front);
        reply
    }
}

impl Shared {
    /// The place of a path, and which till it belongs to.
    fn find(&self, path: &str) -> Option<(Route, usize)> {
        let route = route(path)?;
        let till = match &route.till {
            None => self.till?,
            Some(name) if self.config.till_paths => self.config.till_named(name)?,
            Some(_) => return None,
        };
        Some((route, till))
    }
}

/// A request that was read as far as its head goes.
struct Asked {
    /// When it began to wait for an answer; `None` while it has not, or nobody wants to know.
    begun: Option<Duration>,
    peer: Option<IpAddr>,
    /// Whether the peer may talk to us.
    allowed: bool,
    /// `GET` for a `HEAD` that is taken.
    method: Method,
    head_only: bool,
}

impl Asked {
    /// The answer is waited for from now on.
    fn waits(mut self, front: &Front) -> Self {
        self.begun = front.observer.is_some().then(|| front.shared.clock.ticks());
        self
    }

    /// The answer for who may not ask, or asks for what there is not.
    fn nowhere(&self, front: &Front) -> Reply {
        let mut reply =
            if self.allowed { empty(StatusCode::NOT_FOUND) } else { table::forbidden() };
        self.observed(None, &mut reply, front);
        reply
    }

    /// Makes the answer of a place one that goes out.
    fn told(&self, place: Place, reply: &mut Reply, front: &Front) {
        let (method, status) = (&self.method, reply.status().as_u16());
        tracing::debug!(?place, %method, status, "answered");
        if self.method == Method::GET {
            reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if self.head_only {
            without_body(reply);
        }
        self.observed(place.operation(&self.method), reply, front);
    }

    /// Tells the observer.
    fn observed(&self, operation: Option<&'static str>, reply: &mut Reply, front: &Front) {
        if let Some(observer) = &front.observer {
            let code = reply.extensions_mut().remove::<Code>().map(|Code(code)| code);
            let since = |begun| front.shared.clock.ticks().saturating_sub(begun);
            let took = self.begun.map(since);
            observer.answered(&Answered { operation, status: reply.status(), code, took });
        }
    }
}

/// An answer of a [`WaiterService`] on its way.
#[must_use]
pub struct Answering(Work);

enum Work {
    /// Nothing had to be waited for.
    Done(Option<Reply>),
    Asked(Pin<Box<dyn Future<Output = Reply> + Send>>),
}

impl Answering {
    fn at_once(reply: Reply) -> Self {
        Self(Work::Done(Some(reply)))
    }

    fn when(work: impl Future<Output = Reply> + Send + 'static) -> Self {
        Self(Work::Asked(Box::pin(work)))
    }
}

impl Future for Answering {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Work::Done(reply) => reply.take().map_or(Poll::Pending, |reply| Poll::Ready(Ok(reply))),
            Work::Asked(work) => work.as_mut().poll(cx).map(Ok),
        }
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for WaiterService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Answering {
        let (asked, found) = self.asked(&request);
        let Some((route, till)) = found else {
            return Answering::at_once(asked.nowhere(&self.front));
        };
        if route.place == Place::Ping && asked.method == Method::GET {
            return self.pinged(asked, request.headers_mut());
        }
        // Each kind of work has a box of its own: the largest is ten times the least. What is given
        // to a block stays where it is; an async function would keep it twice.
        let asked = asked.waits(&self.front);
        let (parts, body) = request.into_parts();
        let (service, headers) = (self.clone(), parts.headers);
        if route.place.is_pos() {
            return Answering::when(async move {
                let head = (&headers, parts.uri.query());
                service.pos(&asked, &route, till, head, pin!(body)).await
            });
        }
        Answering::when(
            async move { service.table(&asked, &route, till, &headers, pin!(body)).await },
        )
    }
}

/// Leaves the head of a reply, with the length that its body had.
fn without_body(reply: &mut Reply) {
    if reply.status() != StatusCode::NO_CONTENT
        && let Some(length) = reply.body().size_hint().exact()
    {
        reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *reply.body_mut() = Full::default();
}

/// Waits for `work`, but no longer than `budget` by the clock.
async fn within<T>(
    clock: &dyn Clock,
    budget: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    // Work that is done at once needs no timer.
    let mut over = None;
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => {
            let over = over.get_or_insert_with(|| clock.sleep(budget));
            over.as_mut().poll(cx).map(|()| None)
        }
    })
    .await
}
