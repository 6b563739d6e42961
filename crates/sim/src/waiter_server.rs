//! WaiterServer, the plugin behind the iiko Waiter app, and the waiter's phone.
//!
//! It scans, shows and pays as the app does: the guest is attached and read over the Waiter API of
//! the service, the payments go into the order of [`FrontSim`] and are paid there silently. It
//! reads answers strictly: what `docs/api/waiter.yaml` promises and an answer does not keep is
//! listed in [`Hooks::violations`](crate::fault::Hooks::violations).
//!
//! What it does **not** check or imitate: it sends `Expect: 100-continue` on requests with a body,
//! as .NET Framework does, but [`HttpTransport`] sends the body at once and skips the interim
//! answer, so the waiting is not seen (tests that speak bytes see it); which answers .NET would
//! repeat is known to us for broken connections only; how long the app waits, and what it shows
//! for 4xx and 5xx, is not public, so those texts are ours; photos are not decoded.

mod multipart;
mod screen;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_transport::HttpTransport;

use crate::fault::{Damaged, Link, Lost, Side};
use crate::iiko_front::{FrontError, FrontSim, Kind, PayMode};
use crate::power::PowerCut;
use crate::wire::{self, Raw};

pub use self::screen::{Line, OutOfRange, PaymentScreen, Which};

/// Settings of a [`WaiterSim`].
#[derive(Clone, Debug)]
pub struct WaiterConfig {
    /// Where the Waiter API is: scheme, host, port and perhaps a path, without a slash at the end.
    pub service: String,
    /// How long an answer is waited for. The app's own limit is not public; 100 s is the default
    /// of .NET.
    pub answer_timeout: Duration,
    /// `Accept`, if one is sent.
    pub accept: Option<String>,
}

impl WaiterConfig {
    /// The defaults, for a service at this address.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        let answer_timeout = Duration::from_secs(100);
        Self { service: service.into(), answer_timeout, accept: None }
    }
}

/// What the waiter sees after a tap.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Seen {
    /// It worked; the app shows its own text.
    Done,
    /// A window with this text, from the service or from iikoFront.
    Popup(String),
    /// The service has a fault; with its text, if it sent one.
    Fault {
        /// The status.
        status: u16,
        /// `WaiterMessage` of the body.
        text: Option<String>,
    },
    /// The service does not answer.
    NoAnswer,
    /// The till does not answer.
    NoTill,
}

impl From<PowerCut> for Seen {
    fn from(_: PowerCut) -> Self {
        Self::NoTill
    }
}

impl From<FrontError> for Seen {
    fn from(error: FrontError) -> Self {
        match error {
            FrontError::PowerCut(_) => Self::NoTill,
            FrontError::ProcessingFailed(text) => Self::Popup(text),
            other => Self::Popup(front_text(&other).to_owned()),
        }
    }
}

/// Texts of our own for the reasons that iikoFront gives.
fn front_text(error: &FrontError) -> &'static str {
    match error {
        FrontError::CannotLockOrder => "Заказ открыт на кассе",
        FrontError::UnknownOrder => "Заказ не найден",
        FrontError::UnknownPayment => "Тип оплаты не найден",
        FrontError::WrongStatus(_) => "Заказ уже закрыт",
        FrontError::DuplicateType => "Такая оплата уже добавлена",
        FrontError::SumNotEnough(_) | FrontError::SumTooLarge(_) => {
            "Сумма оплат не равна сумме заказа"
        }
        FrontError::FiscalWithNonFiscal => "Эти типы оплаты не сочетаются",
        FrontError::NotSilent => "Оплата возможна только на кассе",
        FrontError::FiscalFailed => "Чек не напечатан, оплата отменена",
        _ => "Касса не выполнила операцию",
    }
}

/// A wallet on the phone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wallet {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What is available.
    pub balance: Kopecks,
}

/// The page of the guest.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Loyalty {
    /// Articles that the waiter may add by a tap.
    pub skus: Vec<String>,
    /// The wallets.
    pub wallets: Vec<Wallet>,
    /// Hints.
    pub suggestions: Vec<String>,
    /// Only when something failed.
    pub message: Option<String>,
    /// The guest's photo, as it came.
    pub photo: Option<Bytes>,
}

/// "Можно оплатить до", for both lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// For the bonus type.
    pub bonus: Kopecks,
    /// For both money types.
    pub deposit: Kopecks,
}

/// A phone with the app, paired with one till. Clones are the same phone.
#[derive(Clone, Debug)]
pub struct WaiterSim {
    config: WaiterConfig,
    front: FrontSim,
    link: Link,
}

impl WaiterSim {
    /// A phone at this till. It shares the till's clock, power and hooks: WaiterServer runs there.
    #[must_use]
    pub fn new(config: WaiterConfig, front: FrontSim, service: Arc<dyn HttpTransport>) -> Self {
        let link = front.link(service);
        Self { config, front, link }
    }

    /// Asks whether the service is there.
    pub async fn ping(&self) -> Seen {
        match self.send(Method::GET, "/ping", None).await {
            Ok(answer) => self.plain("GET /ping", &answer),
            Err(seen) => seen,
        }
    }

    /// Scans or types a value: attaches the guest.
    pub async fn check_in(&self, order: Uuid, value: &str, pin: &SecretString) -> Seen {
        let body = json!({"Value": value, "WaiterPin": pin.expose_secret()}).to_string();
        match self.send(Method::POST, &format!("/orders/{order}/checkin"), Some(body)).await {
            Ok(answer) => self.plain("POST checkin", &answer),
            Err(seen) => seen,
        }
    }

    /// Detaches the guest.
    pub async fn check_out(&self, order: Uuid, pin: &SecretString) -> Seen {
        let body = json!({"WaiterPin": pin.expose_secret()}).to_string();
        match self.send(Method::DELETE, &format!("/orders/{order}/checkin"), Some(body)).await {
            Ok(answer) => self.plain("DELETE checkin", &answer),
            Err(seen) => seen,
        }
    }

    /// Opens the page of the guest; none when there is nothing to show.
    ///
    /// # Errors
    /// What the waiter sees instead.
    pub async fn show(&self, order: Uuid) -> Result<Option<Loyalty>, Seen> {
        let answer = self.send(Method::GET, &format!("/orders/{order}/loyalty"), None).await?;
        match answer.status().as_u16() {
            204 => {
                self.expect("GET loyalty", is_bare(&answer), "204 is not bare");
                Ok(None)
            }
            200 => {
                self.expect_no_store("GET loyalty", &answer);
                let read = self.read_loyalty(&answer);
                self.expect("GET loyalty", read.is_some(), "the answer is not as documented");
                read.map(Some).ok_or(Seen::NoAnswer)
            }
            _ => Err(self.fault("GET loyalty", &answer)),
        }
    }

    /// Asks how much may be paid.
    ///
    /// # Errors
    /// What the waiter sees instead.
    pub async fn limits(&self, order: Uuid) -> Result<Limits, Seen> {
        let answer =
            self.send(Method::GET, &format!("/orders/{order}/paymentLimits"), None).await?;
        if answer.status().as_u16() != 200 {
            return Err(self.fault("GET paymentLimits", &answer));
        }
        self.expect_no_store("GET paymentLimits", &answer);
        let read = json_text(&answer).and_then(Raw::parse).and_then(|raw| {
            let only = raw.names().all(|name| matches!(name, "BonusSum" | "DepositSum"));
            Some(Limits { bonus: raw.rubles("BonusSum")?, deposit: raw.rubles("DepositSum")? })
                .filter(|limits| only && limits.bonus.0 >= 0 && limits.deposit.0 >= 0)
        });
        self.expect("GET paymentLimits", read.is_some(), "the answer is not as documented");
        read.ok_or(Seen::NoAnswer)
    }

    /// Opens the payment page of an order, with the deposit type on the money line.
    ///
    /// # Errors
    /// What the waiter sees instead.
    pub async fn payment_page(&self, order: Uuid) -> Result<PaymentScreen, Seen> {
        let limits = self.limits(order).await?;
        let stored = self.front.order(order).ok_or(FrontError::UnknownOrder)?;
        let due = stored.due().map_err(FrontError::from)?;
        let type_of = |kind| {
            let found = self.front.config().type_of(kind).map(|one| one.id);
            found.ok_or(FrontError::UnknownPayment)
        };
        Ok(PaymentScreen::new(due, limits, type_of(Kind::Bonus)?, type_of(Kind::Deposit)?))
    }

    /// "Сохранить": puts the payments into the order of iikoFront.
    pub async fn save(&self, order: Uuid, screen: &PaymentScreen) -> Seen {
        match self.front.replace_payments(order, &screen.payments()).await {
            Ok(()) => Seen::Done,
            Err(error) => error.into(),
        }
    }

    /// "Оплатить": saves, and has iikoFront pay the order silently.
    pub async fn pay(&self, order: Uuid, screen: &PaymentScreen) -> Seen {
        if screen.missing().is_positive() {
            let missing = screen.missing().for_people();
            return Seen::Popup(format!("Не распределено {missing}"));
        }
        match self.save(order, screen).await {
            Seen::Done => {}
            other => return other,
        }
        match self.front.pay_order(order, PayMode::Silent).await {
            Ok(_) => Seen::Done,
            Err(error) => error.into(),
        }
    }

    /// One request; a second time when the connection broke, as .NET does for pooled ones.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Response<Bytes>, Seen> {
        let boot = self.link.power.boot()?;
        let limit = self.config.answer_timeout;
        let body = body.map(Bytes::from);
        for last in [false, true] {
            let Ok(request) = self.request(&method, path, body.clone()) else {
                self.expect(path, false, "the address of the service is no URI");
                return Err(Seen::NoAnswer);
            };
            match self.link.send(boot, Side::Waiter, request, limit).await? {
                // .NET throws over such a body, and the app shows what it shows without an answer.
                Ok(answer) if answer.extensions().get::<Damaged>().is_some() => {
                    return Err(Seen::NoAnswer);
                }
                Ok(answer) => return Ok(answer),
                Err(Lost::Broken) if !last => {}
                Err(_) => return Err(Seen::NoAnswer),
            }
        }
        Err(Seen::NoAnswer)
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<Bytes>,
    ) -> http::Result<Request<Bytes>> {
        let uri = format!("{}{path}", self.config.service);
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(accept) = &self.config.accept {
            request = request.header("accept", accept);
        }
        if body.is_some() {
            request = request
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .header(EXPECT, "100-continue");
        }
        request.body(body.unwrap_or_default())
    }

    /// An answer without data: 204, or 200 with a text for the waiter.
    fn plain(&self, what: &str, answer: &Response<Bytes>) -> Seen {
        match answer.status().as_u16() {
            204 => {
                self.expect(what, is_bare(answer), "204 is not bare");
                Seen::Done
            }
            200 => {
                let text = json_text(answer).and_then(Raw::parse).and_then(|raw| {
                    let only = raw.names().all(|name| name == "WaiterMessage");
                    raw.text("WaiterMessage").filter(|text| only && !text.is_empty())
                });
                self.expect(what, text.is_some(), "200 without WaiterMessage alone");
                text.map_or(Seen::NoAnswer, Seen::Popup)
            }
            _ => self.fault(what, answer),
        }
    }

    fn fault(&self, what: &str, answer: &Response<Bytes>) -> Seen {
        let status = answer.status().as_u16();
        let raw = json_text(answer).and_then(Raw::parse);
        let text = raw.as_ref().and_then(|raw| raw.text("WaiterMessage"));
        let code = raw.as_ref().and_then(|raw| raw.text("Code"));
        let whole = text.is_some() && code.is_some();
        // 403 and 405 have no body; whatever stands between may answer 5xx in its own way.
        let free = matches!(status, 403 | 404 | 405 | 408 | 431) || status >= 500;
        self.expect(what, whole || free, &format!("{status} without WaiterMessage and Code"));
        self.expect(what, status != 301 && status != 302, "a redirect");
        Seen::Fault { status, text }
    }

    fn read_loyalty(&self, answer: &Response<Bytes>) -> Option<Loyalty> {
        if let Some(text) = json_text(answer) {
            let names = ["ProductSKUs", "UserWallets", "Suggestions", "WaiterMessage"];
            return loyalty(&Raw::parse(text)?, names, ["Id", "Name", "Balance"]);
        }
        let boundary = multipart::boundary(header(answer.headers(), CONTENT_TYPE.as_str())?)?;
        let parts = match multipart::parts(answer.body(), boundary) {
            Ok(parts) => parts,
            Err(why) => {
                self.expect("GET loyalty", false, why);
                return None;
            }
        };
        let [first, photo] = parts.as_slice() else { return None };
        let types = (first.content_type, photo.content_type);
        if (first.name, photo.name) != ("loyalty", "photo")
            || types != (Some("application/json"), None)
        {
            return None;
        }
        let raw = Raw::parse(std::str::from_utf8(first.body).ok()?)?;
        // In this form the message is there, as null.
        if !raw.has("waiterMessage") {
            return None;
        }
        let names = ["productSKUs", "userWallets", "suggestions", "waiterMessage"];
        let mut loyalty = loyalty(&raw, names, ["id", "name", "balance"])?;
        loyalty.photo = Some(Bytes::copy_from_slice(photo.body));
        Some(loyalty)
    }

    fn expect_no_store(&self, what: &str, answer: &Response<Bytes>) {
        let value = header(answer.headers(), CACHE_CONTROL.as_str());
        self.expect(what, value == Some("no-store"), "no Cache-Control: no-store");
    }

    fn expect(&self, what: &str, kept: bool, promise: &str) {
        if !kept {
            self.link.hooks.violation(format!("{what}: {promise}"));
        }
    }
}

/// Reads the page of the guest by these names: one case for each form, as the samples show.
fn loyalty(raw: &Raw, names: [&str; 4], wallet: [&str; 3]) -> Option<Loyalty> {
    let [skus, wallets, suggestions, message] = names;
    let read = |one: &Raw| {
        let id = wire::canonical_id(&one.text(wallet[0])?)?;
        let balance = one.rubles(wallet[2]).filter(|balance| balance.0 >= 0)?;
        Some(Wallet { id, name: one.text(wallet[1])?, balance })
    };
    if !raw.names().all(|name| names.contains(&name)) {
        return None;
    }
    let message = match raw.literal(message) {
        None | Some("null") => None,
        Some(_) => Some(raw.text(message)?),
    };
    Some(Loyalty {
        skus: raw.texts(skus)?,
        wallets: raw.objects(wallets)?.iter().map(read).collect::<Option<_>>()?,
        suggestions: raw.texts(suggestions)?,
        message,
        photo: None,
    })
}

fn is_bare(answer: &Response<Bytes>) -> bool {
    let headers = answer.headers();
    let named = headers.contains_key(CONTENT_TYPE) || headers.contains_key(CONTENT_LENGTH);
    answer.body().is_empty() && !named
}

fn json_text(answer: &Response<Bytes>) -> Option<&str> {
    let content_type = header(answer.headers(), CONTENT_TYPE.as_str())?;
    let json = content_type.eq_ignore_ascii_case("application/json; charset=utf-8");
    if json { std::str::from_utf8(answer.body()).ok() } else { None }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
