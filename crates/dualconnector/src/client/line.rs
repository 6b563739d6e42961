//! The way to the service: one call at a time, each a task that outlives whoever waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::lock::OwnedMutexGuard;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{Fault, MoneyOutcome, TerminalError};
use tillway_core::port::{Clock, Spawner};
use tillway_transport::{Cause, HttpTransport, RequestLimits, TransportError};

use crate::config::Config;
use crate::error::ConfigError;
use crate::profile::{Call, Field};
use crate::wire::{self, ANSWER_BYTES_MAX, Packet};

/// The right to talk to the terminal. A running task has a share of it.
pub(super) type Turn = Arc<OwnedMutexGuard<()>>;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Heard {
    Answer(Packet),
    /// The request has not left and never will.
    Unsent(TerminalError),
    /// It may have been performed.
    Lost(TerminalError),
}

/// Operations whose final answers are kept for whoever asks again.
const KEPT_MAX: usize = 64;

pub(super) struct Line {
    pub(super) config: Config,
    pub(super) clock: Arc<dyn Clock>,
    http: Arc<dyn HttpTransport>,
    spawner: Arc<dyn Spawner>,
    uri: Uri,
    turn: Arc<futures::lock::Mutex<()>>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    terminal: Option<Box<str>>,
    kept: VecDeque<(Uuid, MoneyOutcome)>,
}

impl Line {
    pub(super) fn try_new(
        config: Config,
        http: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
        spawner: Arc<dyn Spawner>,
    ) -> Result<Self, ConfigError> {
        let uri = config.uri()?;
        let memory = Memory { terminal: config.terminal.clone(), kept: VecDeque::new() };
        let (turn, memory) = (Arc::default(), Mutex::new(memory));
        Ok(Self { config, clock, http, spawner, uri, turn, memory })
    }

    /// One call at a time.
    pub(super) async fn turn(&self) -> Result<Turn, TerminalError> {
        let late = self.clock.sleep(self.config.waits.turn);
        match select(Arc::clone(&self.turn).lock_owned(), late).await {
            Either::Left((turn, _)) => Ok(Arc::new(turn)),
            Either::Right(_) => {
                Err(TerminalError::new(Fault::Busy, "another call on the terminal has not ended"))
            }
        }
    }

    /// The terminal's number, when it is known.
    pub(super) fn terminal(&self) -> Option<Box<str>> {
        self.memory().terminal.clone()
    }

    pub(super) fn learn_terminal(&self, terminal: &str) {
        self.memory().terminal = Some(terminal.into());
    }

    /// The final answer to an attempt, when it came.
    pub(super) fn kept(&self, attempt: Uuid) -> Option<MoneyOutcome> {
        let memory = self.memory();
        memory.kept.iter().find(|(id, _)| *id == attempt).map(|(_, outcome)| outcome.clone())
    }

    /// Keeps what is final.
    pub(super) fn keep(&self, attempt: Uuid, outcome: &MoneyOutcome) {
        if matches!(outcome, MoneyOutcome::InDoubt(_)) {
            return;
        }
        let kept = &mut self.memory().kept;
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((attempt, outcome.clone()));
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request as a task, and waits for what `read` makes of the answer, at most `wait`.
    /// The task goes on for at most `bound` in all, and lets nobody else talk meanwhile.
    pub(super) async fn exchange<T: Send + 'static>(
        self: &Arc<Self>,
        turn: &Turn,
        body: String,
        (wait, bound): (Duration, Duration),
        read: impl FnOnce(Heard) -> T + Send + 'static,
    ) -> Result<T, TerminalError> {
        let (answered, answer) = oneshot::channel();
        let (line, turn) = (Arc::clone(self), Arc::clone(turn));
        let task = async move {
            let heard = line.post(body, bound).await;
            // Whoever waited may have gone; what matters is kept by `read`.
            let _ = answered.send(read(heard));
            drop(turn);
        };
        self.spawner.spawn("dualconnector", Box::pin(task));
        match select(answer, self.clock.sleep(wait)).await {
            Either::Left((Ok(value), _)) => Ok(value),
            Either::Left((Err(_), _)) => Err(TerminalError::new(Fault::Link, "the program stops")),
            Either::Right(_) => Err(TerminalError::new(Fault::Timeout, "")),
        }
    }

    /// As [`Line::exchange`], for calls that nobody waits for longer than for their answer.
    pub(super) async fn ask(
        self: &Arc<Self>,
        turn: &Turn,
        body: String,
        wait: Duration,
    ) -> Result<Packet, TerminalError> {
        match self.exchange(turn, body, (wait, wait), |heard| heard).await? {
            Heard::Answer(packet) => Ok(packet),
            Heard::Unsent(error) | Heard::Lost(error) => Err(error),
        }
    }

    async fn post(&self, body: String, bound: Duration) -> Heard {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let xml = HeaderValue::from_static("text/xml; charset=windows-1251");
        request.headers_mut().insert(CONTENT_TYPE, xml);
        // On a connection that was kept, and closed from the other side just now, it would be
        // unknown whether the request arrived.
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        RequestLimits {
            connect_timeout: self.config.waits.connect,
            // The clock below is the one that counts.
            answer_timeout: bound.saturating_add(self.config.waits.connect),
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
        .attach(&mut request);
        let late = self.clock.sleep(bound.saturating_add(self.config.waits.connect));
        let answer = match select(self.http.send(request), late).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => return Heard::Lost(TerminalError::new(Fault::Timeout, "")),
        };
        match answer {
            Ok(answer) if answer.status() == StatusCode::OK => {
                let kind = answer.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
                match wire::read(answer.body(), kind) {
                    Ok(packet) => Heard::Answer(packet),
                    Err(error) => {
                        Heard::Lost(TerminalError::new(Fault::Garbled, &error.to_string()))
                    }
                }
            }
            Ok(answer) => {
                let text = format!("{} answers with HTTP {}", self.uri, answer.status().as_u16());
                Heard::Lost(TerminalError::new(Fault::Garbled, &text))
            }
            Err(error) => self.unheard(&error),
        }
    }

    fn unheard(&self, error: &TransportError) -> Heard {
        let text = format!("{}: {error}", self.uri);
        let fault = match error.cause() {
            Cause::Request => Fault::Setup,
            Cause::TimedOut if error.is_in_doubt() => Fault::Timeout,
            Cause::TooLarge => Fault::Garbled,
            _ => Fault::Link,
        };
        let told = TerminalError::new(fault, &text);
        if error.is_in_doubt() { Heard::Lost(told) } else { Heard::Unsent(told) }
    }

    /// A request of the profile's fields that are known; `values` names the others.
    pub(super) fn request(
        &self,
        call: Call,
        values: &[(Field, String)],
        timeout: Duration,
    ) -> String {
        let profile = &self.config.profile;
        let value = |field: &Field| match field {
            Field::Code => Some(profile.code(call).to_string()),
            Field::Currency => Some(self.config.currency.to_string()),
            Field::Terminal => self.terminal().map(String::from),
            other => values.iter().find(|(it, _)| it == other).map(|(_, value)| value.clone()),
        };
        let fields: Vec<_> = profile
            .request(call)
            .iter()
            .filter_map(|field| value(field).map(|value| (profile.id(*field), value)))
            .collect();
        wire::write(profile, &fields, timeout)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("uri", &self.uri).finish_non_exhaustive()
    }
}
