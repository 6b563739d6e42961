//! The Waiter API: what the waiter's screen asks.

use core::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::Body;
use tillway_core::book::{Actor, Caller};
use tillway_core::id::{OrderId, TillId};
use tillway_core::port::{CheckedIn, LoyaltyView, TableRefusal};
use tillway_core::wallet::Limits;
use tillway_transport::BoxError;

use super::reply::{
    Reply, because, empty, fault, json_reply, message, no_content, no_content_in, not_allowed,
    read_json, with_body,
};
use super::route::{Place, Route};
use super::{Shared, within};
use crate::config::LimitsOnFailure;
use crate::error::Flaw;
use crate::wire::loyalty::{CheckinRequest, LimitsOut, LoyaltyOut, checkout_pin, noted};
use crate::wire::multipart::{Multipart, is_accepted, is_photo};

/// One request to the Waiter API.
pub(super) struct Table<'a> {
    pub(super) shared: &'a Shared,
    pub(super) till: &'a TillId,
    pub(super) headers: &'a HeaderMap,
}

impl Table<'_> {
    /// Answers; `method` is never `HEAD`, which is asked as `GET`.
    pub(super) async fn answer<B>(&self, route: &Route, method: &Method, body: Pin<&mut B>) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let Some(ids) = route.ids else { return self.flaw(Flaw::BadOrderId) };
        if !route.place.takes(method) {
            return not_allowed(route.place.allow());
        }
        let order = OrderId(ids.first);
        match (route.place, method) {
            (Place::CheckIn, &Method::POST) => self.check_in(order, body).await,
            (Place::CheckIn, _) => self.check_out(order, body).await,
            (Place::Loyalty, _) => self.loyalty(order).await,
            (Place::Limits, _) => self.limits(order).await,
            // A ping that is taken never comes here.
            _ => no_content(),
        }
    }

    async fn check_in<B>(&self, order: OrderId, body: Pin<&mut B>) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let request = match self.body(body).await.and_then(|bytes| CheckinRequest::read(&bytes)) {
            Ok(request) => request,
            Err(flaw) => return self.flaw(flaw),
        };
        let scan = request.scan;
        tracing::info!(till = %self.till, %order, value = ?scan, "check-in");
        let budget = self.shared.config.budgets.bind;
        let caller = self.caller(order, budget);
        let asked = self.shared.desks.loyalty.check_in(&caller, order, scan, request.pin);
        let answer = within(&*self.shared.clock, budget, asked).await;
        match answer.unwrap_or(Err(TableRefusal::Unavailable)) {
            Ok(CheckedIn::Attached) => no_content(),
            Ok(CheckedIn::Noted { name, wallets }) => {
                message(&self.shared.config, &noted(&name, &wallets))
            }
            Err(refusal) => self.refusal(order, refusal.code()),
        }
    }

    async fn check_out<B>(&self, order: OrderId, body: Pin<&mut B>) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let pin = match self.body(body).await.and_then(|bytes| checkout_pin(&bytes)) {
            Ok(pin) => pin,
            Err(flaw) => return self.flaw(flaw),
        };
        tracing::info!(till = %self.till, %order, "check-out");
        let budget = self.shared.config.budgets.bind;
        let caller = self.caller(order, budget);
        let asked = self.shared.desks.loyalty.check_out(&caller, order, pin);
        let answer = within(&*self.shared.clock, budget, asked).await;
        match answer.unwrap_or(Err(TableRefusal::Unavailable)) {
            Ok(()) => no_content(),
            // Detached here, durably; only the till does not know it yet (F15).
            Err(TableRefusal::TillUnreachable) => self.refusal(order, "till_told_later"),
            Err(refusal) => self.refusal(order, refusal.code()),
        }
    }

    async fn loyalty(&self, order: OrderId) -> Reply {
        let budget = self.shared.config.budgets.read;
        let caller = self.caller(order, budget);
        let asked = self.shared.desks.loyalty.loyalty(&caller, order);
        let answer = within(&*self.shared.clock, budget, asked).await;
        match answer.unwrap_or(Err(TableRefusal::Unavailable)) {
            Ok(None) => no_content(),
            Ok(Some(view)) => self.shown(&view),
            Err(refusal) => {
                let text = self.shared.config.texts.text(refusal.code());
                let case = self.shared.config.json_case.in_json();
                let shown = json_reply(StatusCode::OK, &LoyaltyOut::outage(text).json(case));
                because(refusal.code(), shown)
            }
        }
    }

    /// JSON, or multipart when there is a photo to send and the peer takes it.
    fn shown(&self, view: &LoyaltyView) -> Reply {
        let config = &self.shared.config;
        let out = LoyaltyOut::of(view, config);
        let photo = view.photo.as_deref().filter(|_| config.photo);
        if let Some(photo) = photo.filter(|photo| is_photo(photo) && is_accepted(self.headers))
            && let Ok(part) = serde_json::to_vec(&out.part(config.json_case.in_part()))
            && let Some(multipart) = Multipart::of(&part, photo)
        {
            return with_body(StatusCode::OK, multipart.content_type, multipart.body);
        }
        json_reply(StatusCode::OK, &out.json(config.json_case.in_json()))
    }

    async fn limits(&self, order: OrderId) -> Reply {
        let config = &self.shared.config;
        let caller = self.caller(order, config.budgets.read);
        let asked = self.shared.desks.loyalty.limits(&caller, order);
        let answer = within(&*self.shared.clock, config.budgets.read, asked).await;
        let failed = answer.unwrap_or(Err(TableRefusal::Unavailable));
        let limits = match (failed, config.limits_on_failure) {
            (Ok(limits), _) => limits,
            (Err(TableRefusal::Unavailable), LimitsOnFailure::Unavailable) => {
                return self.unavailable();
            }
            // Nothing may be paid here; 200 is the only documented answer (W46).
            (Err(_), _) => Limits::default(),
        };
        let case = config.json_case.in_json();
        json_reply(StatusCode::OK, &LimitsOut { case, limits })
    }

    async fn body<B>(&self, body: Pin<&mut B>) -> Result<Bytes, Flaw>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        read_json(self.headers, body, self.shared.config.body_bytes_max).await
    }

    fn caller(&self, order: OrderId, budget: core::time::Duration) -> Caller {
        Caller {
            actor: Actor::Waiter,
            till: Some(self.till.clone()),
            deadline: Some(self.shared.clock.ticks().saturating_add(budget)),
            cause: Some(order.0),
        }
    }

    fn refusal(&self, order: OrderId, code: &'static str) -> Reply {
        tracing::info!(till = %self.till, %order, code, "refused");
        because(code, message(&self.shared.config, self.shared.config.texts.text(code)))
    }

    fn flaw(&self, flaw: Flaw) -> Reply {
        tracing::debug!(till = %self.till, code = flaw.code(), "not understood");
        fault(&self.shared.config, flaw.status(), flaw.code())
    }

    fn unavailable(&self) -> Reply {
        unavailable(self.shared)
    }
}

/// Says whether the store can take writes; in the request's map of headers, which the connection
/// takes for the next request.
pub(super) fn pinged(shared: &Shared, ready: bool, headers: &mut HeaderMap) -> Reply {
    if ready { no_content_in(headers) } else { unavailable(shared) }
}

fn unavailable(shared: &Shared) -> Reply {
    fault(&shared.config, StatusCode::SERVICE_UNAVAILABLE, "unavailable")
}

/// What a stranger gets, whatever was asked (W51).
pub(super) fn forbidden() -> Reply {
    empty(StatusCode::FORBIDDEN)
}
