//! The way to the processing: one message at a time, in the order of the callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::{Either, select};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use tillway_core::pan::Masked;
use tillway_core::port::Clock;
use tillway_core::port::processing::{Class, Outcome, Refusal, Sealed};
use tillway_transport::{HttpTransport, RequestLimits, TransportError};
use tokio::sync::{Mutex, MutexGuard};

use super::beside;
use crate::config::Config;
use crate::dialect::OtherIds;
use crate::error::ConfigError;
use crate::judge;
use crate::wire::ANSWER_BYTES_MAX;

pub(super) struct Line {
    pub(super) config: Config,
    pub(super) clock: Arc<dyn Clock>,
    http: Arc<dyn HttpTransport>,
    uri: Uri,
    authorization: HeaderValue,
    /// Tokio's lock is fair: first come, first served. It needs no runtime.
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// A caller who waits, counted until it has or gives up its turn.
struct Waiting<'l>(&'l AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Line {
    pub(super) fn try_new(
        mut config: Config,
        http: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let (uri, authorization) = (config.uri()?, config.authorization()?);
        let dialect = &mut config.dialect;
        if dialect.other_ids == OtherIds::Unsigned && config.signatures.verifier.proves() {
            dialect.other_ids = OtherIds::Refused;
        }
        let (turn, waiting) = (Mutex::new(()), AtomicUsize::new(0));
        Ok(Self { config, clock, http, uri, authorization, turn, waiting })
    }

    pub(super) async fn send(&self, message: &Sealed) -> Outcome {
        let Some(request) = self.request(message) else {
            let text = Masked::new("the message is not one of this adapter");
            return Outcome::Refused(Refusal { class: Class::Malformed, code: "".into(), text });
        };
        let Some(_turn) = self.turn().await else {
            return Outcome::Unreached(Masked::new("another message of the till is not answered"));
        };
        let waits = &self.config.waits;
        let bound = waits.connect.saturating_add(waits.answer(message.kind));
        match select(self.http.send(request), self.clock.sleep(bound)).await {
            Either::Left((Ok(answer), _)) => self.heard(message, &answer),
            Either::Left((Err(error), _)) => unheard(&error),
            Either::Right(_) => Outcome::InDoubt(Masked::new("no answer in time")),
        }
    }

    /// `None` when the turn does not come in time, or too many wait for it.
    async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        if let Ok(turn) = self.turn.try_lock() {
            return Some(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= self.config.waiting_max {
            return None;
        }
        let turn = std::pin::pin!(self.turn.lock());
        match select(turn, self.clock.sleep(self.config.waits.turn)).await {
            Either::Left((turn, _)) => Some(turn),
            Either::Right(_) => None,
        }
    }

    /// `None` when what stands beside the message was not written by this adapter.
    fn request(&self, message: &Sealed) -> Option<Request<Bytes>> {
        let mut request = Request::new(Bytes::copy_from_slice(&message.body));
        *request.headers_mut() = beside::read(&message.beside)?;
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/xml, text/xml, */*"));
        let waits = &self.config.waits;
        RequestLimits {
            connect_timeout: waits.connect,
            answer_timeout: waits.answer(message.kind),
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
        .attach(&mut request);
        Some(request)
    }

    fn heard(&self, message: &Sealed, answer: &Response<Bytes>) -> Outcome {
        let status = answer.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let text = Masked::new("the login or the password of the till is not accepted");
            let code = status.as_u16().to_string().into();
            return Outcome::Refused(Refusal { class: Class::Settings, code, text });
        }
        if !status.is_success() {
            return Outcome::InDoubt(Masked::new(&format!("http status {}", status.as_u16())));
        }
        let verifier = &self.config.signatures.verifier;
        if let Err(fault) = verifier.verify(answer.body(), answer.headers(), self.clock.now()) {
            tracing::error!(
                operation = %message.id, kind = ?message.kind, %fault,
                "alarm: an answer is not signed by the processing and is not used"
            );
            return Outcome::InDoubt(Masked::new(&fault.to_string()));
        }
        judge::outcome(&self.config.dialect, message, answer.body())
    }
}

fn unheard(error: &TransportError) -> Outcome {
    let text = Masked::new(&error.to_string());
    if error.is_in_doubt() { Outcome::InDoubt(text) } else { Outcome::Unreached(text) }
}
