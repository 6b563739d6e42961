//! The cable between a till and its processing, which can be cut.

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tillway::transport::client::{Cause, HttpTransport, HyperClient, TransportError};
use tokio::sync::Notify;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cut {
    /// There is no connection, and the till knows.
    Refused,
    /// It is lost on the way; the till knows nothing.
    RequestLost,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// The till's program dies before it sends it.
    Killed,
}

/// An HTTP client whose next messages pass, and whose one after them does not. Clones are one cable.
#[derive(Clone)]
pub(crate) struct Cable {
    http: Arc<HyperClient>,
    plan: Arc<Mutex<Option<(u32, Cut)>>>,
    died: Arc<Notify>,
    off: Arc<AtomicBool>,
}

impl Cable {
    pub(crate) fn new(http: HyperClient) -> Self {
        Self {
            http: Arc::new(http),
            plan: Arc::default(),
            died: Arc::default(),
            off: Arc::default(),
        }
    }

    /// So many messages pass, then one is cut.
    pub(crate) fn cut_after(&self, passing: u32, cut: Cut) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some((passing, cut));
    }

    /// Takes it out, or puts it in again.
    pub(crate) fn set_off(&self, off: bool) {
        self.off.store(off, Ordering::SeqCst);
    }

    /// Whether what was planned has not happened.
    pub(crate) fn is_waiting(&self) -> bool {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns when the program that sends by it has died.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    fn due(&self) -> Option<Cut> {
        if self.off.load(Ordering::SeqCst) {
            return Some(Cut::Refused);
        }
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        match *plan {
            Some((0, cut)) => {
                *plan = None;
                Some(cut)
            }
            Some((passing, cut)) => {
                *plan = Some((passing.saturating_sub(1), cut));
                None
            }
            None => None,
        }
    }
}

#[async_trait]
impl HttpTransport for Cable {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let lost = || TransportError::Unknown { cause: Cause::TimedOut, source: None };
        match self.due() {
            None => self.http.send(request).await,
            Some(Cut::Refused) => {
                Err(TransportError::NotSent { cause: Cause::Connect, source: None })
            }
            Some(Cut::RequestLost) => Err(lost()),
            Some(Cut::AnswerLost) => {
                let _ = self.http.send(request).await;
                Err(lost())
            }
            Some(Cut::Killed) => {
                self.died.notify_one();
                pending().await
            }
        }
    }
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cable").field("plan", &self.plan).finish_non_exhaustive()
    }
}
