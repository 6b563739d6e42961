//! A service that is not always ready.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Request;
use support::host::patiently;
use support::{Odd, Reply, config, pipe, spawn};
use tillway_transport::server::{MemoryListener, Server};
use tillway_transport::{BoxError, RequestBody, Runtime};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

type Queued = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// Serves [`Odd`] one request at a time, in the order in which they asked for their turn.
struct InTurn {
    odd: Odd,
    turns: Arc<Semaphore>,
    queued: Option<Queued>,
    turn: Option<OwnedSemaphorePermit>,
}

impl InTurn {
    fn new(odd: Odd, turns: Arc<Semaphore>) -> Self {
        Self { odd, turns, queued: None, turn: None }
    }
}

/// A clone has its own place in the queue, as with tower's limits.
impl Clone for InTurn {
    fn clone(&self) -> Self {
        Self::new(self.odd.clone(), Arc::clone(&self.turns))
    }
}

impl tower_service::Service<Request<RequestBody>> for InTurn {
    type Response = Reply;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.turn.is_none() {
            let turns = Arc::clone(&self.turns);
            let queued = self.queued.get_or_insert_with(|| Box::pin(turns.acquire_owned()));
            self.turn = Some(ready!(queued.as_mut().poll(cx))?);
            self.queued = None;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let turn = self.turn.take().unwrap();
        let answer = self.odd.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(turn);
            answer
        })
    }
}

/// Whoever waits for its turn takes it: no place in the queue is left to nobody.
#[tokio::test(start_paused = true)]
async fn a_service_that_was_not_ready_is_called_when_it_is() {
    let (listener, dialer) = MemoryListener::new();
    let (odd, turns) = (Odd::default(), Arc::new(Semaphore::new(1)));
    let make = move |_| Some(InTurn::new(odd.clone(), Arc::clone(&turns)));
    spawn(
        async move { Server::new(config(), Runtime::tokio()).serve(listener, make, pending()).await },
    );
    let (mut first, mut second) = (pipe(&dialer), pipe(&dialer));
    for round in 0..2 {
        first.send("GET /slow HTTP/1.1\r\n\r\n").await;
        tokio::task::yield_now().await;
        let both = async {
            second.send("GET /b HTTP/1.1\r\n\r\n").await;
            (first.answer().await.body, second.answer().await.body)
        };
        let bodies = patiently("both turns", both).await;
        assert_eq!(bodies, ("slow".to_owned(), "GET /b ".to_owned()), "{round}");
    }
}
