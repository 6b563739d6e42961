//! What the stand counts, in the text of Prometheus.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use metrics::{
    Counter, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tillway::core::book::{Status, StreamKind};
use tillway::core::port::{Journal, Query, ReadError};
use tillway::layers;
use tillway::runtime::TokioSpawner;
use tillway::sqlite::SqliteStore;
use tillway::waiter::{Answered, Observer};

use crate::failure::Failure;
use crate::stand::Stand;

const REQUESTS: &str = "tillway_http_requests_total";
const REQUEST_SECONDS: &str = "tillway_http_request_seconds";
const HTTP_REFUSALS: &str = "tillway_http_refusals_total";
const FLOWS: &str = "tillway_flows";
const TASKS: &str = "tillway_tasks";
const STORE_QUEUE: &str = "tillway_store_queue";
const STORE_BATCHES: &str = "tillway_store_batches_total";
const STORE_BATCHED: &str = "tillway_store_batched_total";
const STORE_UP: &str = "tillway_store_up";
const BUILD: &str = "tillway_build_info";

/// From a read of a page that is in memory to a check-in that waits for its till, in seconds.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How many heads are read at once, and how often: more flows than that count as that many.
const HEADS: u32 = 1_000;
const PAGES_MAX: usize = 20;

/// The recorder of this process, and what is asked when it is read.
#[derive(Clone)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    store: Arc<SqliteStore>,
    spawner: TokioSpawner,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Counts from now on, in the whole process. What counted before it does so for nobody.
pub(crate) fn install() -> Result<PrometheusHandle, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::new(format!("metrics: {error}"));
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(|e| failed(&e))?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| failed(&error))?;
    layers::describe();
    describe_counter!(REQUESTS, "Requests that the APIs answered, by operation and status");
    describe_histogram!(REQUEST_SECONDS, "How long those took that were waited for, by operation");
    describe_counter!(HTTP_REFUSALS, "Requests that were refused, by code");
    describe_gauge!(FLOWS, "Flows that are not done, by kind and status");
    describe_gauge!(TASKS, "Tasks of flows that run now");
    describe_gauge!(STORE_QUEUE, "Tasks that wait for the writer");
    describe_counter!(STORE_BATCHES, "Batches of the writer, each one sync of the disk at most");
    describe_counter!(STORE_BATCHED, "Tasks in these batches");
    describe_gauge!(STORE_UP, "1 while the store answers and may be written");
    describe_gauge!(BUILD, "Always 1; the version is a label");
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
    Ok(handle)
}

impl Metrics {
    /// What this recorder counted, and what is asked when it is read.
    pub(crate) fn new(handle: PrometheusHandle, stand: &Stand) -> Self {
        Self { handle, store: Arc::clone(&stand.store), spawner: stand.spawner.clone() }
    }

    /// The text for Prometheus.
    pub(crate) async fn text(&self) -> String {
        let flows = [
            ("binding", StreamKind::Binding),
            ("payment", StreamKind::Payment),
            ("purchase", StreamKind::Purchase),
        ];
        for (flow, kind) in flows {
            let statuses = [("open", Status::Open), ("needs_person", Status::NeedsPerson)];
            for (word, status) in statuses {
                // What cannot be read now is not what it was before.
                let count = self.count(kind, status).await.map_or(f64::NAN, f64::from);
                gauge!(FLOWS, "flow" => flow, "status" => word).set(count);
            }
        }
        let tasks = u32::try_from(self.spawner.running()).unwrap_or(u32::MAX);
        gauge!(TASKS).set(tasks);
        let stats = self.store.stats();
        gauge!(STORE_QUEUE).set(u32::try_from(stats.waiting).unwrap_or(u32::MAX));
        counter!(STORE_BATCHES).absolute(stats.batches);
        counter!(STORE_BATCHED).absolute(stats.batched);
        self.handle.render()
    }

    /// Sorts what was measured into buckets. Without it a process that nobody asks would keep
    /// every single value.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    async fn count(&self, kind: StreamKind, status: Status) -> Result<u32, ReadError> {
        let query = Query { kind: Some(kind), status: Some(status), ..Query::default() };
        let (mut count, mut after) = (0_usize, None);
        for _ in 0..PAGES_MAX {
            let heads = self.store.heads(&query, after, HEADS).await?;
            count = count.saturating_add(heads.len());
            after = heads.last().map(|head| head.stream);
            if heads.len() < HEADS as usize {
                break;
            }
        }
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// Whether the store answered when it was asked last.
pub(crate) fn store_is_up(up: bool) {
    gauge!(STORE_UP).set(u32::from(up));
}

/// Counts what a till's listener answers.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    /// Looked up when an operation is first counted, and told apart by their places: there are
    /// few, and they never change.
    counts: [OnceLock<Counts>; OPERATIONS_MAX],
}

/// More operations than the APIs have.
const OPERATIONS_MAX: usize = 32;

/// What is counted of one operation.
#[derive(Debug)]
struct Counts {
    operation: &'static str,
    seconds: Histogram,
    /// By the first digit of the status.
    requests: [OnceLock<Counter>; 6],
}

impl Counts {
    fn of(operation: &'static str) -> Self {
        let seconds = histogram!(REQUEST_SECONDS, "operation" => operation);
        Self { operation, seconds, requests: Default::default() }
    }

    fn count(&self, status: StatusCode, took: Option<Duration>) {
        let (class, word) = match status.as_u16() {
            200..300 => (2, "2xx"),
            300..400 => (3, "3xx"),
            400..500 => (4, "4xx"),
            _ => (5, "5xx"),
        };
        if let Some(requests) = self.requests.get(class) {
            let first = || counter!(REQUESTS, "operation" => self.operation, "status" => word);
            requests.get_or_init(first).increment(1);
        }
        if let Some(took) = took {
            self.seconds.record(took);
        }
    }
}

impl Edge {
    fn counts(&self, operation: &'static str) -> Option<&Counts> {
        let counts = self.counts.iter().map(|counts| counts.get_or_init(|| Counts::of(operation)));
        counts.into_iter().find(|counts| counts.operation == operation)
    }
}

impl Observer for Edge {
    fn answered(&self, answered: &Answered) {
        if let Some(counts) = self.counts(answered.operation.unwrap_or("none")) {
            counts.count(answered.status, answered.took);
        }
        if let Some(code) = answered.code {
            counter!(HTTP_REFUSALS, "code" => code).increment(1);
        }
    }
}
