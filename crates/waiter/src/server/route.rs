//! From a path to a place (H7, H8).

use http::Method;
use tillway_core::id::Uuid;

use crate::wire;

/// What a path means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Ping,
    CheckIn,
    Loyalty,
    Limits,
    Health,
    Order,
    Plan,
    Closed,
    Reservations,
    Void,
    Payment,
    Cancel,
    Acknowledge,
    Refund,
    Unlinked,
    Commands,
    CommandResult,
    Reconciliation,
}

impl Place {
    /// Whether it belongs to the payment API.
    pub(crate) fn is_pos(self) -> bool {
        !matches!(self, Self::Ping | Self::CheckIn | Self::Loyalty | Self::Limits)
    }

    /// The methods it takes, as `Allow` names them.
    pub(crate) fn allow(self) -> &'static str {
        match self {
            Self::Ping | Self::Loyalty | Self::Limits | Self::Health | Self::Reconciliation => {
                "GET, HEAD"
            }
            Self::CheckIn => "POST, DELETE",
            Self::Order | Self::Payment => "GET, HEAD, PUT",
            // A poll hands commands out, so it is never asked for its head alone.
            Self::Commands => "GET",
            Self::Refund | Self::Unlinked => "PUT",
            Self::Plan
            | Self::Closed
            | Self::Reservations
            | Self::Void
            | Self::Cancel
            | Self::Acknowledge
            | Self::CommandResult => "POST",
        }
    }

    /// The `operationId` that the documents have for this method, which is never `HEAD` where
    /// that is taken.
    pub(crate) fn operation(self, method: &Method) -> Option<&'static str> {
        Some(match (self, method.as_str()) {
            (Self::Ping, "GET") => "ping",
            (Self::CheckIn, "POST") => "checkIn",
            (Self::CheckIn, "DELETE") => "checkOut",
            (Self::Loyalty, "GET") => "loyalty",
            (Self::Limits, "GET") => "paymentLimits",
            (Self::Health, "GET") => "health",
            (Self::Order, "GET") => "getOrder",
            (Self::Order, "PUT") => "putOrder",
            (Self::Plan, "POST") => "planOrder",
            (Self::Closed, "POST") => "orderClosed",
            (Self::Reservations, "POST") => "reserve",
            (Self::Void, "POST") => "voidReservation",
            (Self::Payment, "GET") => "getPayment",
            (Self::Payment, "PUT") => "capture",
            (Self::Cancel, "POST") => "cancelPayment",
            (Self::Acknowledge, "POST") => "acknowledgePayment",
            (Self::Refund, "PUT") => "refund",
            (Self::Unlinked, "PUT") => "unlinkedRefund",
            (Self::Commands, "GET") => "commands",
            (Self::CommandResult, "POST") => "commandResult",
            (Self::Reconciliation, "GET") => "reconciliation",
            _ => return None,
        })
    }

    /// Whether it takes this method.
    pub(crate) fn takes(self, method: &Method) -> bool {
        match *method {
            Method::HEAD => self.allow().contains("HEAD"),
            _ => self.operation(method).is_some(),
        }
    }
}

/// A path that is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    pub(crate) place: Place,
    /// The till of `/t/{till}/…`, in lower case.
    pub(crate) till: Option<String>,
    /// The ids in the path; `None` when one of them is no id.
    pub(crate) ids: Option<Ids>,
}

/// The ids in a path, the nil one where there are fewer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Ids {
    pub(crate) first: Uuid,
    pub(crate) second: Uuid,
}

/// No known path has more.
const SEGMENTS_MAX: usize = 8;

/// Finds the place of a path; `None` is 404.
pub(crate) fn route(path: &str) -> Option<Route> {
    let path = path.strip_suffix('/').unwrap_or(path).strip_prefix('/')?;
    let lower;
    let path = match path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => {
            lower = path.to_ascii_lowercase();
            &*lower
        }
        false => path,
    };
    if !path.contains('%') {
        return found(path.split('/'));
    }
    let segments: Vec<String> = path.split('/').take(SEGMENTS_MAX + 1).map(plain).collect();
    found(segments.iter().map(String::as_str))
}

/// The place of segments in lower case.
fn found<'a>(segments: impl Iterator<Item = &'a str>) -> Option<Route> {
    let (mut found, mut count) = ([""; SEGMENTS_MAX], 0);
    for segment in segments {
        *found.get_mut(count)? = segment;
        count = count.saturating_add(1);
    }
    let (till, rest) = match found.get(..count)? {
        ["t", till, rest @ ..] => (Some((*till).to_owned()), rest),
        rest => (None, rest),
    };
    let (place, ids) = place(rest)?;
    Some(Route { place, till, ids })
}

fn place(segments: &[&str]) -> Option<(Place, Option<Ids>)> {
    let none = Some(Ids::default());
    Some(match segments {
        ["ping"] => (Place::Ping, none),
        ["orders", id, "checkin"] => (Place::CheckIn, one(id)),
        ["orders", id, "loyalty"] => (Place::Loyalty, one(id)),
        ["orders", id, "paymentlimits"] => (Place::Limits, one(id)),
        ["pos", "v1", rest @ ..] => return pos(rest),
        _ => return None,
    })
}

fn pos(segments: &[&str]) -> Option<(Place, Option<Ids>)> {
    let none = Some(Ids::default());
    Some(match segments {
        ["health"] => (Place::Health, none),
        ["orders", id] => (Place::Order, one(id)),
        ["orders", id, "plan"] => (Place::Plan, one(id)),
        ["orders", id, "closed"] => (Place::Closed, one(id)),
        ["reservations"] => (Place::Reservations, none),
        ["reservations", id, "void"] => (Place::Void, one(id)),
        ["payments", id] => (Place::Payment, one(id)),
        ["payments", id, "cancel"] => (Place::Cancel, one(id)),
        ["payments", id, "acknowledge"] => (Place::Acknowledge, one(id)),
        ["payments", of, "refunds", id] => (Place::Refund, two(of, id)),
        ["unlinked-refunds", id] => (Place::Unlinked, one(id)),
        ["commands"] => (Place::Commands, none),
        ["commands", id, "result"] => (Place::CommandResult, one(id)),
        ["reconciliation"] => (Place::Reconciliation, none),
        _ => return None,
    })
}

fn one(id: &str) -> Option<Ids> {
    wire::uuid(id).map(|first| Ids { first, second: Uuid::nil() })
}

fn two(first: &str, second: &str) -> Option<Ids> {
    wire::uuid(first).zip(wire::uuid(second)).map(|(first, second)| Ids { first, second })
}

/// A segment in lower case, percent-decoded: clients encode the braces of an id.
fn plain(segment: &str) -> String {
    let mut text = percent_decoded(segment);
    text.make_ascii_lowercase();
    text
}

/// The value of a query parameter, percent-decoded; `+` stays `+`, for offsets of times.
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    values.next_back().map(|(_, value)| percent_decoded(value))
}

/// What is no escape, or no UTF-8 in the end, stays as it is or becomes U+FFFD.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let escaped = tail.split_at_checked(2).filter(|_| *byte == b'%');
        let value = escaped.and_then(|(pair, after)| {
            let hex = core::str::from_utf8(pair).ok()?;
            let digits = hex.bytes().all(|digit| digit.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(hex, 16).ok()).flatten().map(|value| (value, after))
        });
        match value {
            Some((value, after)) => {
                bytes.push(value);
                rest = after;
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";

    fn found(path: &str) -> Option<(Place, bool)> {
        route(path).map(|route| (route.place, route.ids.is_some()))
    }

    #[test]
    fn h7_paths_ignore_case_and_one_trailing_slash() {
        let rows = [
            ("/ping", Some((Place::Ping, true))),
            ("/PING/", Some((Place::Ping, true))),
            ("/ping//", None),
            ("//ping", None),
            ("/", None),
            ("", None),
            ("ping", None),
            (&format!("/Orders/{ID}/CheckIn"), Some((Place::CheckIn, true))),
            (&format!("/orders/{ID}/PAYMENTLIMITS/"), Some((Place::Limits, true))),
            (&format!("/orders/{ID}/nope"), None),
            ("/orders/82/nope", None),
            ("/orders/82/checkin", Some((Place::CheckIn, false))),
            ("/orders//checkin", Some((Place::CheckIn, false))),
            (&format!("/orders/%7B{ID}%7d/loyalty"), Some((Place::Loyalty, true))),
            (&format!("/orders/{ID}%2Floyalty"), None),
            (&format!("/pos/v1/payments/{ID}/refunds/{ID}"), Some((Place::Refund, true))),
            (&format!("/pos/v1/payments/{ID}/refunds/1"), Some((Place::Refund, false))),
            ("/pos/v2/health", None),
        ];
        for (path, expected) in rows {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn a_till_may_stand_before_every_path() {
        let route = route("/T/Till-1/orders/82/loyalty").unwrap();
        assert_eq!(route.till.as_deref(), Some("till-1"));
        assert_eq!((route.place, route.ids), (Place::Loyalty, None));
        assert_eq!(found("/t/till-1/pos/v1/commands"), Some((Place::Commands, true)));
        assert_eq!(found("/t/till-1"), None);
        assert_eq!(found("/t/till-1/t/till-2/ping"), None);
    }

    #[test]
    fn parameters_are_decoded() {
        let query = Some("from=2026-11-22T09%3A00%3A00+03:00&wait=5&WAIT=7&odd=%zz%");
        assert_eq!(parameter(query, "wait").as_deref(), Some("7"));
        assert_eq!(parameter(query, "from").as_deref(), Some("2026-11-22T09:00:00+03:00"));
        assert_eq!(parameter(query, "odd").as_deref(), Some("%zz%"));
        assert_eq!(parameter(query, "to"), None);
        assert_eq!(parameter(None, "to"), None);
    }

    /// Every place with its path in the documents. A new place does not compile without one.
    fn documented(after: Option<Place>) -> Option<(Place, &'static str)> {
        let Some(place) = after else { return Some((Place::Ping, "/ping")) };
        Some(match place {
            Place::Ping => (Place::CheckIn, "/orders/{id}/checkin"),
            Place::CheckIn => (Place::Loyalty, "/orders/{id}/loyalty"),
            Place::Loyalty => (Place::Limits, "/orders/{id}/paymentLimits"),
            Place::Limits => (Place::Health, "/pos/v1/health"),
            Place::Health => (Place::Order, "/pos/v1/orders/{orderId}"),
            Place::Order => (Place::Plan, "/pos/v1/orders/{orderId}/plan"),
            Place::Plan => (Place::Closed, "/pos/v1/orders/{orderId}/closed"),
            Place::Closed => (Place::Reservations, "/pos/v1/reservations"),
            Place::Reservations => (Place::Void, "/pos/v1/reservations/{id}/void"),
            Place::Void => (Place::Payment, "/pos/v1/payments/{transactionId}"),
            Place::Payment => (Place::Cancel, "/pos/v1/payments/{transactionId}/cancel"),
            Place::Cancel => (Place::Acknowledge, "/pos/v1/payments/{transactionId}/acknowledge"),
            Place::Acknowledge => {
                (Place::Refund, "/pos/v1/payments/{transactionId}/refunds/{refundId}")
            }
            Place::Refund => (Place::Unlinked, "/pos/v1/unlinked-refunds/{refundId}"),
            Place::Unlinked => (Place::Commands, "/pos/v1/commands"),
            Place::Commands => (Place::CommandResult, "/pos/v1/commands/{commandId}/result"),
            Place::CommandResult => (Place::Reconciliation, "/pos/v1/reconciliation"),
            Place::Reconciliation => return None,
        })
    }

    /// The methods that a document has at a path, with their `operationId`.
    fn operations_at(document: &str, path: &str) -> Vec<(Method, String)> {
        let head = format!("  {path}:");
        let lines = document.lines().skip_while(|line| *line != head).skip(1);
        let item = lines.take_while(|line| line.is_empty() || line.starts_with("    "));
        let mut operations = Vec::new();
        let mut method = None;
        for line in item {
            let key = line.strip_prefix("    ").and_then(|line| line.strip_suffix(':'));
            if let Some(key @ ("get" | "put" | "post" | "delete" | "patch" | "head")) = key {
                method = key.to_ascii_uppercase().parse().ok();
            }
            if let Some(id) = line.strip_prefix("      operationId: ") {
                operations.push((method.take().unwrap(), id.to_owned()));
            }
        }
        operations
    }

    #[test]
    fn every_place_and_operation_is_in_the_documents() {
        const DOCUMENTS: &str = concat!(
            include_str!("../../../../docs/api/waiter.yaml"),
            include_str!("../../../../docs/api/pos-v1.yaml")
        );
        let mut after = None;
        let mut paths = 0;
        while let Some((place, path)) = documented(after) {
            let filled = path.replace(['{', '}'], "");
            assert_eq!(route(&filled).map(|route| route.place), Some(place), "{path}");
            let operations = operations_at(DOCUMENTS, path);
            for (method, id) in &operations {
                assert_eq!(place.operation(method), Some(id.as_str()), "{method} {path}");
            }
            let taken = place.allow().split(", ").filter(|method| *method != "HEAD");
            assert_eq!(operations.len(), taken.count(), "{path}: {operations:?}");
            (after, paths) = (Some(place), paths + 1);
        }
        let documented = DOCUMENTS.lines().filter(|line| line.starts_with("  /"));
        assert_eq!(documented.count(), paths);
    }
}
