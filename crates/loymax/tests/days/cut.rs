//! What befalls one run of the program: messages that are lost, and its death.

use std::future::pending;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Request;
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::async_trait;
use tillway_core::port::processing::{Capabilities, Operation, Outcome, SealError, Sealed};
use tillway_sim::loymax::{Fault as PeerFault, Processing, Step};
use tillway_transport::fault::{Fault, FaultPlan};

/// What befalls a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cut {
    /// On the way, there or back.
    Way(Fault),
    /// At the processing.
    Peer(PeerFault),
}

impl Cut {
    /// Everything that befalls messages of a till with this much: one that does not sign believes
    /// what it hears.
    pub(crate) fn all(signs: bool) -> Vec<Self> {
        let mut all = vec![
            Self::Way(Fault::Refuse),
            Self::Way(Fault::LoseRequest),
            Self::Way(Fault::LoseAnswer),
            Self::Way(Fault::SendTwice),
            Self::Way(Fault::TruncateAnswer { bytes: 120 }),
            Self::Peer(PeerFault::Http { status: 500, done: false }),
            Self::Peer(PeerFault::Http { status: 503, done: true }),
            Self::Peer(PeerFault::MessageCode(101)),
        ];
        if signs {
            all.push(Self::Peer(PeerFault::BadSignature));
            all.push(Self::Peer(PeerFault::NoSignature));
        }
        all
    }
}

/// One run of the program.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    /// Points that are left until it dies; `None` for ever. A message has one before it leaves and
    /// one before its outcome is told.
    dies: Option<AtomicU64>,
    /// The message that something befalls: how many are left before, what, and how many after it
    /// find no link.
    cut: Mutex<Option<(u64, Cut, u64)>>,
    sent: AtomicU64,
}

impl Fuse {
    pub(crate) fn never() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn at(point: u64) -> Arc<Self> {
        Arc::new(Self { dies: Some(AtomicU64::new(point)), ..Self::default() })
    }

    pub(crate) fn cutting(nth: u64, cut: Cut, more: u64) -> Arc<Self> {
        Arc::new(Self { cut: Mutex::new(Some((nth, cut, more))), ..Self::default() })
    }

    /// It does not die, whatever was said.
    pub(crate) fn lives(&self) {
        if let Some(left) = &self.dies {
            left.store(u64::MAX, Ordering::Relaxed);
        }
    }

    pub(crate) fn set(&self, nth: u64, cut: Cut, more: u64) {
        *self.cut.lock().unwrap() = Some((nth, cut, more));
    }

    /// How many messages went out.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    async fn point(&self) {
        if let Some(left) = &self.dies {
            if left.load(Ordering::Relaxed) == 0 {
                pending::<()>().await;
            }
            left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn next(&self) -> Option<Cut> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut cut = self.cut.lock().unwrap();
        let (now, next) = match cut.take() {
            Some((0, how, 0)) => (Some(how), None),
            Some((0, how, more)) => (Some(how), Some((0, Cut::Way(Fault::Refuse), more - 1))),
            Some((left, how, more)) => (None, Some((left - 1, how, more))),
            None => (None, None),
        };
        *cut = next;
        now
    }
}

/// The cable of one run.
pub(crate) struct Cable {
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) processing: Processing,
}

impl FaultPlan for Cable {
    fn fault(&self, request: &Request<Bytes>, _: u64) -> Fault {
        let path = request.uri().path();
        if !path.starts_with("/XmlExchange/") && !path.contains("/Processing/") {
            return Fault::Pass;
        }
        match self.fuse.next() {
            None => Fault::Pass,
            Some(Cut::Way(fault)) => fault,
            Some(Cut::Peer(fault)) => {
                self.processing.push(Step::next(fault));
                Fault::Pass
            }
        }
    }
}

/// A processing as one run of the program has it.
#[derive(Debug)]
pub(crate) struct Mortal {
    pub(crate) inner: Arc<dyn LoyaltyProcessing>,
    pub(crate) fuse: Arc<Fuse>,
}

#[async_trait]
impl LoyaltyProcessing for Mortal {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        self.inner.seal(operation)
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        self.fuse.point().await;
        let outcome = self.inner.send(message).await;
        self.fuse.point().await;
        outcome
    }
}
