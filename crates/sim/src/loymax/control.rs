//! For people with curl: what came, what goes wrong next, who has how many points.

mod rules;

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;

use self::rules::SaidRules;
use super::Processing;
use super::fault::{Fault, Step};
use super::house::words::money;
use super::house::{Kind, Store};
use super::json;

/// The longest wait that may be asked for.
const MS_MAX: u64 = 600_000;

impl Processing {
    /// Answers a path below `/sim/`.
    pub(super) fn control(&self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, String) {
        match (path, method) {
            ("tape", &Method::GET) => {
                let (lines, _) = self.shown_since(0);
                (StatusCode::OK, lines.into_iter().map(|line| line + "\n").collect())
            }
            ("house", &Method::GET) => (StatusCode::OK, self.0.house.with(|store| shown(store))),
            ("fault", &Method::POST) => accepted(body, |said: SaidFault| self.fault(&said)),
            ("seed", &Method::POST) => accepted(body, |said: SaidSeed| {
                self.seed(said.seed, said.permille);
                Ok(())
            }),
            ("clock", &Method::POST) => accepted(body, |said: SaidClock| {
                self.0.house.advance(Duration::from_millis(said.advance_ms));
                Ok(())
            }),
            ("rules", &Method::POST) => {
                accepted(body, |said: SaidRules| self.0.house.with(|store| said.obey(store)))
            }
            ("qr", &Method::POST) => self.qr(body),
            ("messages", &Method::GET) => (StatusCode::OK, json::messages(&self.0.house)),
            ("tape" | "house" | "fault" | "seed" | "clock" | "rules" | "qr" | "messages", _) => {
                (StatusCode::METHOD_NOT_ALLOWED, String::new())
            }
            _ => (
                StatusCode::NOT_FOUND,
                "tape, house, fault, seed, clock, rules, qr, messages\n".to_owned(),
            ),
        }
    }

    fn fault(&self, said: &SaidFault) -> Result<(), String> {
        let fault = said.fault()?;
        let only = match &said.at {
            None => None,
            Some(name) => {
                let kind = Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == *name);
                Some(kind.ok_or_else(|| format!("at: one of {:?}", Kind::ALL))?)
            }
        };
        if self.lock().faults.push(Step { only, fault }) {
            Ok(())
        } else {
            Err("too many steps are waiting".to_owned())
        }
    }

    fn qr(&self, body: &[u8]) -> (StatusCode, String) {
        let Ok(said) = serde_json::from_slice::<SaidQr>(body) else {
            return (StatusCode::BAD_REQUEST, "{\"card\":\"…\"}\n".to_owned());
        };
        let text = self.0.house.with(|store| {
            store.cards.contains_key(&said.card).then(|| store.make_qr(&said.card).text())
        });
        match text {
            Some(text) => (StatusCode::OK, format!("{text}\n")),
            None => (StatusCode::NOT_FOUND, "no such card\n".to_owned()),
        }
    }
}

fn accepted<T: for<'de> Deserialize<'de>>(
    body: &[u8],
    take: impl FnOnce(T) -> Result<(), String>,
) -> (StatusCode, String) {
    match serde_json::from_slice(body).map_err(|error| error.to_string()).and_then(take) {
        Ok(()) => (StatusCode::OK, "{}".to_owned()),
        Err(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")),
    }
}

/// Guests and open purchases.
fn shown(store: &Store) -> String {
    let guests = store.guests.iter().map(|(id, guest)| {
        let phone = guest.phone.as_deref().unwrap_or("-");
        let (points, reserved) = (money(guest.points), money(guest.reserved));
        format!("{} {} {phone}: {points}, в резерве {reserved}\n", id.0, guest.name)
    });
    let purchases =
        store.purchases.iter().map(|(id, purchase)| format!("{id}: {:?}\n", purchase.state));
    guests.chain(purchases).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SaidFault {
    fault: String,
    /// A status, a code, milliseconds.
    #[serde(default)]
    value: i64,
    /// For `http`: done before.
    #[serde(default)]
    done: bool,
    /// The command it waits for.
    #[serde(default)]
    at: Option<String>,
}

impl SaidFault {
    fn fault(&self) -> Result<Fault, String> {
        let small = || u32::try_from(self.value).map_err(|_| "value: 0 or more".to_owned());
        Ok(match self.fault.as_str() {
            "refused" => Fault::Refused,
            "lostBefore" => Fault::LostBefore,
            "lostAfter" => Fault::LostAfter,
            "http" => {
                let status = u16::try_from(self.value).ok().filter(|it| (400..600).contains(it));
                let status = status.ok_or("value: 400 to 599")?;
                Fault::Http { status, done: self.done }
            }
            "truncated" => Fault::Truncated,
            "code" => Fault::Code(small()?),
            "messageCode" => Fault::MessageCode(small()?),
            "noVersion" => Fault::NoVersion,
            "reordered" => Fault::Reordered,
            "renumbered" => Fault::Renumbered,
            "noCheque" => Fault::NoCheque,
            "badSignature" => Fault::BadSignature,
            "noSignature" => Fault::NoSignature,
            "slow" => {
                let ms = u64::try_from(self.value).ok().filter(|ms| *ms <= MS_MAX);
                Fault::Slow(Duration::from_millis(ms.ok_or(format!("value: at most {MS_MAX}"))?))
            }
            "skew" => Fault::Skew(self.value),
            _ => {
                let all = "refused, lostBefore, lostAfter, http, truncated, code, messageCode, \
                           noVersion, reordered, renumbered, noCheque, badSignature, noSignature, \
                           slow, skew";
                return Err(format!("fault: one of {all}"));
            }
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SaidSeed {
    seed: u64,
    permille: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SaidClock {
    advance_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SaidQr {
    card: String,
}
