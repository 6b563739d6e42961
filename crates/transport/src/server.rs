//! A strict HTTP/1 server loop.
//!
//! It serves any [`tower_service::Service`] over TCP or over byte pipes in memory, and is strict
//! about time and size (see [`ServerConfig`]) and about framing: what is answered without the
//! service, and always with `Connection: close`, is
//!
//! | request | status |
//! |---|---|
//! | malformed, `Content-Length` twice or beside `Transfer-Encoding` | 400 |
//! | peer not accepted | 403 |
//! | head not whole in time | 408 |
//! | `Content-Length` over the limit | 413 |
//! | head over the limit, or more than 100 headers | 431 |
//! | `CONNECT`, or a transfer coding other than `chunked` | 501 |
//! | not answered when the time to stop is over | 503 |
//!
//! A chunked body over the limit, or a slow one, shows as a [`BodyError`](crate::BodyError) when
//! the service reads it. Answers always have an exact `Content-Length`; 204 has neither that nor
//! `Content-Type`. HTTP/1.0 is served one request per connection. A service that fails is
//! answered for with an empty 500.
//!
//! A peer that disconnects drops the running call of the service: work that must not stop
//! half-way belongs into a task of its own.

mod clock;
mod config;
mod crowd;
mod framer;
mod framing;
mod gate;
mod listen;
mod shared;
mod wire;

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower_service::Service;

use self::clock::ReadClock;
pub use self::config::ServerConfig;
use self::crowd::{Crowd, Place, Room};
use self::gate::Gate;
pub use self::listen::{Listener, MemoryDialer, MemoryListener};
pub(crate) use self::shared::Shared;
use self::wire::Wire;
use crate::body::{BoxError, RequestBody};
use crate::runtime::{Runtime, Task};

/// Pause after a failed accept: the usual cause is a lack of file handles, which passes when
/// other connections close.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Connections and requests that came before the stop may still be on their way through the
/// runtime: they are waited for so long.
const LAST_LOOK: Duration = Duration::from_millis(1);

/// The pause when others were asked to go.
const ROOM_DELAY: Duration = Duration::from_millis(5);

/// What is known of a peer before its first byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerInfo {
    /// The peer's address.
    pub remote: SocketAddr,
}

impl PeerInfo {
    /// A peer with this address.
    #[must_use]
    pub fn new(remote: SocketAddr) -> Self {
        Self { remote }
    }
}

/// What became of the connections that were open when the server was told to stop.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StopReport {
    /// Connections that were between requests. Closed at once.
    pub idle: u64,
    /// Connections whose running requests were answered.
    pub finished: u64,
    /// Connections still busy after `drain_timeout`: the service's calls are dropped and answered
    /// 503.
    pub cut: u64,
}

/// The server loop: limits and a runtime. See the [module](self).
#[derive(Clone)]
pub struct Server {
    config: Arc<ServerConfig>,
    runtime: Runtime,
}

impl Server {
    /// A server with these limits on this runtime.
    #[must_use]
    pub fn new(config: ServerConfig, runtime: Runtime) -> Self {
        Self { config: Arc::new(config), runtime }
    }

    /// Accepts and serves connections until `shutdown` is ready or the listener ends; then
    /// closes idle connections at once and gives running requests `drain_timeout`.
    ///
    /// `make` is asked once per connection. `None` means that the peer may not talk to us: its
    /// request is answered 403 without a body, and the connection is closed.
    ///
    /// Connections run as tasks of the runtime. Dropping this future cuts them all.
    pub async fn serve<L, M, S, B>(
        &self,
        mut listener: L,
        make: M,
        shutdown: impl Future<Output = ()> + Send,
    ) -> StopReport
    where
        L: Listener,
        M: Fn(PeerInfo) -> Option<S> + Send,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut shutdown = pin!(shutdown);
        let (stop, stopping) = watch::channel(Stop::Run);
        let counts = Arc::new(Counts::default());
        let crowd = Crowd::new(self.config.connections_max);
        let admit = |io, remote, place| {
            let peer = PeerInfo { remote };
            let counts = Arc::clone(&counts);
            self.seat(io, make(peer), stopping.clone(), counts, place);
        };
        // Who is accepted and waits for a place when the server stops.
        let mut last = None;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            let Some(accepted) = accepted else { break };
            match accepted {
                Ok((io, remote)) => tokio::select! {
                    biased;
                    () = &mut shutdown => {
                        last = Some((io, remote));
                        break;
                    }
                    place = crowd.place(&self.runtime) => admit(io, remote, place),
                },
                Err(error) => self.recover(&error, &crowd).await,
            }
        }
        // Nor do those know of the stop who have a connection and were not accepted yet.
        while let Some((io, remote)) = self.accept_now(&mut last, &mut listener).await {
            let Some(place) = crowd.try_place() else { break };
            admit(io, remote, place);
        }
        drop(listener);
        drop(stopping);
        self.drain(&stop).await;
        counts.report()
    }

    /// Serves one byte stream until it is closed. Dropping the future cuts the connection.
    ///
    /// For streams that come from elsewhere than a [`Listener`]; `service` as in
    /// [`Server::serve`].
    pub async fn serve_connection<Io, S, B>(&self, io: Io, service: Option<S>)
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (_stop, stopping) = watch::channel(Stop::Run);
        self.drive(io, service, stopping, Arc::default(), Arc::default()).await;
    }

    /// A connection as a task, which is cut when the sender behind `stopping` is dropped.
    pub(crate) fn connection<Io, S, B>(
        &self,
        io: Io,
        service: Option<S>,
        stopping: watch::Receiver<Stop>,
    ) -> Task
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Box::pin(self.drive(io, service, stopping, Arc::default(), Arc::default()))
    }

    /// Serves a connection in a place of its own.
    fn seat<Io, S, B>(
        &self,
        io: Io,
        service: Option<S>,
        stopping: watch::Receiver<Stop>,
        counts: Arc<Counts>,
        mut place: Place,
    ) where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let shared = Arc::new(Shared::default());
        place.take(Arc::clone(&shared), service.is_none(), self.runtime.now());
        let connection = self.drive(io, service, stopping, counts, shared);
        self.runtime.spawn(Box::pin(async move {
            connection.await;
            drop(place);
        }));
    }

    /// Waits until accepting may go well again.
    async fn recover(&self, error: &io::Error, crowd: &Crowd) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

        // The trouble of one peer is none of the next.
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return;
        }
        let pause = match crowd.accept_failed(error, self.runtime.now()) {
            Room::Made => ROOM_DELAY,
            Room::In(_) => ACCEPT_RETRY_DELAY,
        };
        self.runtime.sleep(pause).await;
    }

    /// A connection that waits already, if there is one.
    async fn accept_now<L: Listener>(
        &self,
        last: &mut Option<(L::Io, SocketAddr)>,
        listener: &mut L,
    ) -> Option<(L::Io, SocketAddr)> {
        if let Some(last) = last.take() {
            return Some(last);
        }
        tokio::select! {
            biased;
            accepted = listener.accept() => accepted?.ok(),
            () = self.runtime.sleep(LAST_LOOK) => None,
        }
    }

    async fn drain(&self, stop: &watch::Sender<Stop>) {
        stop.send_replace(Stop::Drain);
        let drained = tokio::select! {
            biased;
            () = stop.closed() => true,
            () = self.runtime.sleep(self.config.drain_timeout) => false,
        };
        if !drained {
            stop.send_replace(Stop::Cut);
            stop.closed().await;
        }
    }

    fn drive<Io, S, B>(
        &self,
        io: Io,
        service: Option<S>,
        mut stopping: watch::Receiver<Stop>,
        counts: Arc<Counts>,
        shared: Arc<Shared>,
    ) -> impl Future<Output = ()> + Send + use<Io, S, B>
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let refuse_all = service.is_none().then_some(StatusCode::FORBIDDEN);
        let (runtime, config) = (self.runtime.clone(), Arc::clone(&self.config));
        let clock = ReadClock::new(runtime, config, refuse_all.is_some());
        let wire = Wire::new(
            io,
            Arc::clone(&shared),
            self.runtime.clone(),
            Arc::clone(&self.config),
            refuse_all,
        );
        let gate = Gate {
            shared: Arc::clone(&shared),
            runtime: self.runtime.clone(),
            config: Arc::clone(&self.config),
            service: service.map(RefCell::new),
        };
        let answer = service_fn(move |request| gate.answer(request));
        let connection = self.http().serve_connection(TokioIo::new(wire), answer);
        let (runtime, linger) = (self.runtime.clone(), self.config.linger_timeout);
        async move {
            let connection = pin!(connection);
            counts.add(attend(connection, &shared, clock, &mut stopping, &runtime, linger).await);
            // Only now: whoever waits for the receivers to go reads the counts next.
            drop(stopping);
        }
    }

    fn http(&self) -> hyper::server::conn::http1::Builder {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .auto_date_header(self.config.date_header)
            // Time and the size of heads are the wire guard's; hyper must not be stricter.
            .header_read_timeout(None)
            .max_buf_size(self.config.header_bytes_max.saturating_add(BUFFER_SPARE_BYTES));
        builder
    }
}

/// Polls a connection to its end, telling it when the server stops.
async fn attend<C>(
    mut connection: C,
    shared: &Shared,
    mut clock: ReadClock,
    stopping: &mut watch::Receiver<Stop>,
    runtime: &Runtime,
    linger: Duration,
) -> End
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    let mut stopped_at = None;
    loop {
        match turn(&mut connection, shared, &mut clock, stopping).await {
            // A sender that is gone means that nobody waits for us any more.
            Turn::Stop(None) => return End::Cut,
            Turn::Stop(Some(Stop::Cut)) => break,
            Turn::Stop(Some(_)) => {
                stopped_at = Some((shared.heads(), shared.is_busy()));
                // The wire guard sees this when the connection is polled again.
                shared.stop();
            }
            Turn::Served(served) => {
                log(served);
                return match stopped_at {
                    None => End::Before,
                    Some((heads, false)) if heads == shared.heads() => End::Idle,
                    Some(_) => End::Finished,
                };
            }
        }
    }
    shared.cut();
    tokio::select! {
        biased;
        served = &mut connection => log(served),
        () = runtime.sleep(linger) => {}
    }
    End::Cut
}

/// What ends a connection's turn.
enum Turn {
    /// `None`: the server is gone.
    Stop(Option<Stop>),
    Served(hyper::Result<()>),
}

/// Polls a connection until it ends or the server says something. Nearly always it is polled for
/// a request, and nobody has told it anything: then nobody is asked.
async fn turn<C>(
    connection: &mut C,
    shared: &Shared,
    clock: &mut ReadClock,
    stopping: &mut watch::Receiver<Stop>,
) -> Turn
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    let server = stopping.clone();
    let mut told = pin!(shared.told());
    let mut changed = pin!(stopping.changed());
    let mut bell: Option<Arc<Bell>> = None;
    poll_fn(|cx| {
        let bell = match &mut bell {
            Some(bell) if bell.task.will_wake(cx.waker()) => bell,
            other => other.insert(Arc::new(Bell::rung(cx.waker().clone()))),
        };
        if bell.was_rung() {
            let waker = Waker::from(Arc::clone(bell));
            let mut rung = Context::from_waker(&waker);
            // First, so that a connection that is cut serves nothing more.
            if let Poll::Ready(changed) = changed.as_mut().poll(&mut rung) {
                return Poll::Ready(Turn::Stop(changed.ok().map(|()| *server.borrow())));
            }
            while told.as_mut().poll(&mut rung).is_ready() {
                told.set(shared.told());
            }
        }
        poll_clocked(connection, shared, clock, cx).map(Turn::Served)
    })
    .await
}

/// Wakes a task, and remembers that it did. Whoever waits behind a bell must be asked again each
/// time that it was rung, with news or without: else it hears of nothing any more.
struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Bell {
    /// A bell that was rung: nobody waits behind it yet.
    fn rung(task: Waker) -> Self {
        Self { rung: AtomicBool::new(true), task }
    }

    /// Whether it was rung since it was asked so last.
    fn was_rung(&self) -> bool {
        self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

/// Polls a connection, and once again when it is to hear that the time is over.
fn poll_clocked<C>(
    connection: &mut C,
    shared: &Shared,
    clock: &mut ReadClock,
    cx: &mut Context<'_>,
) -> Poll<hyper::Result<()>>
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    if let Poll::Ready(served) = Pin::new(&mut *connection).poll(cx) {
        return Poll::Ready(served);
    }
    let over = clock.poll(cx, shared).is_ready();
    if !over && shared.phase_to_end().is_none() {
        return Poll::Pending;
    }
    shared.set_overdue(over);
    let served = Pin::new(connection).poll(cx);
    shared.set_overdue(false);
    served
}

fn log(served: hyper::Result<()>) {
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke");
    }
}

/// hyper's buffer holds a whole head and what came after it.
const BUFFER_SPARE_BYTES: usize = 16 * 1024;

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    Run,
    Drain,
    Cut,
}

/// How a connection ended, seen from the stop signal.
#[derive(Clone, Copy, Debug)]
enum End {
    Before,
    Idle,
    Finished,
    Cut,
}

#[derive(Debug, Default)]
struct Counts {
    idle: AtomicU64,
    finished: AtomicU64,
    cut: AtomicU64,
}

impl Counts {
    fn add(&self, end: End) {
        let count = match end {
            End::Before => return,
            End::Idle => &self.idle,
            End::Finished => &self.finished,
            End::Cut => &self.cut,
        };
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn report(&self) -> StopReport {
        StopReport {
            idle: self.idle.load(Ordering::SeqCst),
            finished: self.finished.load(Ordering::SeqCst),
            cut: self.cut.load(Ordering::SeqCst),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, Weak};

    use super::*;

    /// Polls its work at once whenever it is woken: in the middle of what wakes it.
    struct Eager {
        work: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
        again: AtomicBool,
        own: Weak<Self>,
    }

    impl Eager {
        fn begin(work: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
            let begun = Arc::new_cyclic(|own| Self {
                work: Mutex::new(Some(Box::pin(work))),
                again: AtomicBool::new(false),
                own: Weak::clone(own),
            });
            Arc::clone(&begun).wake();
            begun
        }

        fn is_done(&self) -> bool {
            self.work.lock().unwrap().is_none()
        }
    }

    impl Wake for Eager {
        fn wake(self: Arc<Self>) {
            self.again.store(true, Ordering::SeqCst);
            // Woken while it is polled, it is polled once more.
            while let Ok(mut work) = self.work.try_lock()
                && self.again.swap(false, Ordering::SeqCst)
            {
                let waker = Waker::from(self.own.upgrade().unwrap());
                let mut cx = Context::from_waker(&waker);
                if work.as_mut().is_some_and(|work| work.as_mut().poll(&mut cx).is_ready()) {
                    *work = None;
                }
            }
        }
    }

    /// Some hear of the one while others are still being told.
    #[tokio::test(start_paused = true)]
    async fn a_connection_hears_of_both_ends() {
        for _ in 0..64 {
            let (stop, mut stopping) = watch::channel(Stop::Run);
            let attended = Eager::begin(async move {
                let (shared, runtime) = (Shared::default(), Runtime::tokio());
                let clock = ReadClock::new(runtime.clone(), Arc::default(), false);
                let connection = pin!(poll_fn(|_| match shared.is_cut() {
                    true => Poll::Ready(Ok(())),
                    false => Poll::Pending,
                }));
                let linger = Duration::from_secs(1);
                attend(connection, &shared, clock, &mut stopping, &runtime, linger).await;
            });
            stop.send_replace(Stop::Drain);
            assert!(!attended.is_done());
            stop.send_replace(Stop::Cut);
            assert!(attended.is_done());
            // So much may be polled at once, and no more.
            tokio::task::yield_now().await;
        }
    }
}
