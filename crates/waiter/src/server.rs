//! The service: from a request to a desk, and back.

mod auth;
mod observe;
mod pos;
mod reply;
mod route;
mod table;

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::net::IpAddr;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tillway_core::port::{BridgeDesk, Clock, LoyaltyDesk, PaymentDesk};
use tillway_transport::BoxError;
use tillway_transport::server::PeerInfo;
use tower_service::Service;

use self::auth::Guard;
pub use self::observe::{Answered, Observer};
use self::pos::Pos;
use self::reply::{Code, Reply, empty};
use self::route::{Route, route};
use self::table::Table;
use crate::config::{Till, WaiterConfig};
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
    shared: Arc<Shared>,
    peer: Option<IpAddr>,
    observer: Option<Arc<dyn Observer>>,
}

/// What all clones share.
#[derive(Debug)]
struct Shared {
    config: WaiterConfig,
    desks: Desks,
    clock: Arc<dyn Clock>,
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
        let shared = Shared { config, desks, clock, guard: Guard::default() };
        Ok(Self { shared: Arc::new(shared), peer: None, observer: None })
    }

    /// The same service, which tells the observer of every answer: for metrics.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// The service for the connection of one peer; `None` when the peer may not talk to us.
    ///
    /// Its shape is that of the `make` argument of
    /// [`Server::serve`](tillway_transport::server::Server::serve), which answers 403 to `None`.
    pub fn for_peer(&self, peer: PeerInfo) -> Option<Self> {
        let address = peer.remote.ip();
        let allowed = self.shared.config.allowed_peers.allows(address);
        allowed.then(|| Self { peer: Some(address), ..self.clone() })
    }

    /// Answers, and tells the observer.
    async fn serve<B>(self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let Some(observer) = &self.observer else { return self.answer(request).await.1 };
        let begun = self.shared.clock.ticks();
        let (operation, mut reply) = self.answer(request).await;
        let code = reply.extensions_mut().remove::<Code>().map(|Code(code)| code);
        let took = self.shared.clock.ticks().saturating_sub(begun);
        observer.answered(&Answered { operation, status: reply.status(), code, took });
        reply
    }

    /// What is answered, and as which operation.
    async fn answer<B>(&self, request: Request<B>) -> (Option<&'static str>, Reply)
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let told = parts.extensions.get::<PeerInfo>().map(|peer| peer.remote.ip());
        let peer = self.peer.or(told);
        if peer.is_some_and(|peer| !self.shared.config.allowed_peers.allows(peer)) {
            return (None, table::forbidden());
        }
        let Some((route, till)) = self.find(parts.uri.path()) else {
            return (None, empty(StatusCode::NOT_FOUND));
        };
        // HEAD is GET without the body, where it is taken at all (H7).
        let head_only = parts.method == Method::HEAD && route.place.takes(&Method::HEAD);
        let method = if head_only { Method::GET } else { parts.method };
        let mut reply = if route.place.is_pos() {
            let pos = Pos {
                shared: &self.shared,
                path_till: route.till.is_some().then_some(till),
                peer,
                headers: &parts.headers,
                query: parts.uri.query(),
            };
            pos.answer(&route, &method, body).await
        } else {
            let table = Table { shared: &self.shared, till: &till.id, headers: &parts.headers };
            table.answer(&route, &method, body).await
        };
        let status = reply.status().as_u16();
        tracing::debug!(place = ?route.place, %method, status, "answered");
        if method == Method::GET {
            reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        let reply = if head_only { without_body(reply) } else { reply };
        (route.place.operation(&method), reply)
    }

    /// The place of a path and its till.
    fn find(&self, path: &str) -> Option<(Route, &Till)> {
        let config = &self.shared.config;
        let route = route(path)?;
        let name = route.till.as_deref();
        if name.is_some() && !config.till_paths {
            return None;
        }
        let name = name.unwrap_or(config.till.as_str());
        let till = config.tills.iter().find(|till| till.id.as_str().eq_ignore_ascii_case(name))?;
        Some((route, till))
    }
}

impl<B> Service<Request<B>> for WaiterService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.serve(request).await) })
    }
}

/// The head of a reply, with the length that its body had.
fn without_body(reply: Reply) -> Reply {
    let (mut parts, body) = reply.into_parts();
    if parts.status != StatusCode::NO_CONTENT
        && let Some(length) = body.size_hint().exact()
    {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Full::default())
}

/// Waits for `work`, but no longer than `budget` by the clock.
async fn within<T>(
    clock: &dyn Clock,
    budget: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    let mut over = clock.sleep(budget);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => over.as_mut().poll(cx).map(|()| None),
    })
    .await
}
