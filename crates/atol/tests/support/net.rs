//! What lies between the adapter and the web server: answers and requests get lost.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use tillway_sim::atol::web::WebServer;
use tillway_transport::{Cause, HttpTransport, TransportError};

/// What is lost of an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    Request,
    Answer,
}

/// A network to one web server. Clones are the same network.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    server: WebServer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Losses of the next documents that are sent.
    documents: VecDeque<Loss>,
    /// Every answer is lost one time in two, by this generator.
    random: Option<u64>,
    lost: u64,
}

impl Net {
    pub(crate) fn new(server: WebServer) -> Self {
        Self { server, state: Arc::default() }
    }

    /// Loses something of the next document that is sent.
    pub(crate) fn lose_document(&self, loss: Loss) {
        self.state.lock().unwrap().documents.push_back(loss);
    }

    /// Loses every answer, of whatever request, with probability 1/2.
    pub(crate) fn lose_half(&self, seed: u64) {
        self.state.lock().unwrap().random = Some(seed);
    }

    /// Loses nothing any more. Answers how much was lost.
    pub(crate) fn mend(&self) -> u64 {
        let mut state = self.state.lock().unwrap();
        state.documents.clear();
        state.random = None;
        state.lost
    }

    fn loss(&self, request: &Request<Bytes>) -> Option<Loss> {
        let mut state = self.state.lock().unwrap();
        let loss = if let Some(random) = &mut state.random {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*random >> 63 == 0).then_some(Loss::Answer)
        } else if request.method() == Method::POST && is_document(request.body()) {
            state.documents.pop_front()
        } else {
            None
        };
        state.lost += u64::from(loss.is_some());
        loss
    }
}

fn is_document(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let has = |word: &str| text.contains(&format!(r#""type":"{word}"#));
    ["openShift", "closeShift", "reportOfdExchangeStatus", "sell", "buy"].into_iter().any(has)
}

/// A caller that gives up may do so before the request leaves, and before the answer comes.
async fn on_the_way() {
    let mut first = true;
    poll_fn(|context| {
        if std::mem::take(&mut first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[async_trait]
impl HttpTransport for Net {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let loss = self.loss(&request);
        let broken = || TransportError::Unknown { cause: Cause::Broken, source: None };
        on_the_way().await;
        if loss == Some(Loss::Request) {
            return Err(broken());
        }
        let answer = self.server.send(request).await;
        on_the_way().await;
        if loss.is_some() { Err(broken()) } else { answer }
    }
}
