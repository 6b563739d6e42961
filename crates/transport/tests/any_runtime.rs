//! Server loop, network in memory and client outside of tokio: a queue of tasks polled in turn.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::rt::{Executor, Sleep, Timer};
use tillway_transport::client::MemoryNet;
use tillway_transport::server::ServerConfig;
use tillway_transport::{HttpTransport, RequestBody, Runtime, Task};

/// Time that stands still.
#[derive(Clone, Copy, Debug)]
struct Never;

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Never {}

impl Timer for Never {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self)
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self)
    }
}

#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Vec<Task>>>);

impl Executor<Task> for Queue {
    fn execute(&self, task: Task) {
        self.0.lock().unwrap().push(task);
    }
}

impl Queue {
    /// Polls everything in turn until `main` is done.
    fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            if let Poll::Ready(done) = main.as_mut().poll(&mut cx) {
                return done;
            }
            let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
            tasks.retain_mut(|task| task.as_mut().poll(&mut cx).is_pending());
            self.0.lock().unwrap().append(&mut tasks);
        }
        panic!("nothing moves any more");
    }
}

#[derive(Clone)]
struct Path;

impl tower_service::Service<Request<RequestBody>> for Path {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        ready(Ok(Response::new(Full::from(request.uri().path().to_owned()))))
    }
}

#[test]
fn requests_are_answered_outside_of_tokio() {
    let queue = Queue::default();
    let net = MemoryNet::new(ServerConfig::default(), Runtime::new(Never, queue.clone()));
    net.register("peer", |_| Some(Path));
    let client = net.client("10.0.0.7:1".parse().unwrap());
    for path in ["/a", "/b"] {
        let request = Request::put(format!("http://peer{path}")).body(Bytes::from("x")).unwrap();
        let answer = queue.run(client.send(request)).unwrap();
        assert_eq!(answer.body(), path);
        assert_eq!(answer.headers().len(), 1);
    }
    assert!(net.remove("peer"));
    let request = Request::get("http://peer/a").body(Bytes::new()).unwrap();
    // Nothing is served any more, not even over the connection that is still there.
    assert!(queue.run(client.send(request)).is_err());
    let request = Request::get("http://peer/a").body(Bytes::new()).unwrap();
    assert!(!queue.run(client.send(request)).unwrap_err().is_in_doubt());
}
