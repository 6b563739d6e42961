//! A till that writes XML by hand.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use tillway_core::Timestamp;
use tillway_core::port::Clock;
use tillway_sim::loymax::Processing;
use tillway_transport::{HttpTransport, TransportError};

#[derive(Clone, Copy, Debug)]
pub(crate) struct PausedClock(tokio::time::Instant);

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp { utc_ms: 1_773_478_805_000, offset_min: 180 }.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the tests is tokio's")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

pub(crate) struct Till {
    pub(crate) processing: Processing,
    pub(crate) login: &'static str,
    pub(crate) password: &'static str,
    pub(crate) path: &'static str,
}

impl Till {
    pub(crate) fn new() -> Self {
        let clock = PausedClock(tokio::time::Instant::now());
        Self {
            processing: Processing::demo(Arc::new(clock)).controlled(),
            login: "TILL-0007",
            password: "demo",
            path: "/XmlExchange/demo/TILL-0007/",
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut request = Request::new(body.into());
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://loymax{path}").parse().unwrap();
        *request.headers_mut() = headers;
        let login = format!("{}:{}", self.login, self.password);
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        request.headers_mut().insert("authorization", format!("Basic {login}").parse().unwrap());
        self.processing.send(request).await
    }

    pub(crate) async fn post(
        &self,
        body: impl Into<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        self.send(Method::POST, self.path, HeaderMap::new(), body).await
    }

    /// The text of the answer to these containers.
    pub(crate) async fn ask(&self, containers: &str) -> String {
        let answer = self.post(message(containers)).await.unwrap();
        assert_eq!(answer.status(), 200);
        String::from_utf8(answer.body().to_vec()).unwrap()
    }
}

pub(crate) fn message(containers: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<XMLRequest><Version>3.2</Version>\
         {containers}</XMLRequest>"
    )
}

/// The attributes of a request.
pub(crate) fn head(operation: &str) -> String {
    format!(
        "ElementID=\"1\" OperationID=\"{operation}\" OperationDate=\"2026-03-14T12:01:10+03:00\" \
         DeviceLogicalID=\"TILL-0007\""
    )
}

pub(crate) fn balance(operation: &str, value: &str) -> String {
    let head = head(operation);
    format!(
        "<Balances><BalanceRequest {head}><Identifier Type=\"Auto\" Value=\"{value}\"/>\
         </BalanceRequest></Balances>"
    )
}

const GUEST: &str = "<Identifier Type=\"Auto\" Value=\"2990000000019\"/>";
const COUPON: &str = "<Coupons><Coupon Number=\"SPRING-20\"/></Coupons>";

/// The cheque of the note, the first line at this amount.
fn cheque(tea: &str, more: &str) -> String {
    format!(
        "<Cheque ChequeNumber=\"7-0042\" ChequeDate=\"2026-03-14T12:01:00\">\
         <ChequeLine PosID=\"1\" GoodsId=\"SKU-1001\" Name=\"Чай\" Price=\"150.00\" \
         Quantity=\"2.000\" Amount=\"{tea}\"/>\
         <ChequeLine PosID=\"2\" Barcode=\"4600000000015\" Name=\"Сыр\" Price=\"89.90\" \
         Quantity=\"1.250\" Amount=\"100.00\" Discount=\"12.38\">{more}</ChequeLine></Cheque>"
    )
}

pub(crate) fn calculate(operation: &str, purchase: &str) -> String {
    let params = "<Params><Param Name=\"IsPromo\" Type=\"string\" Value=\"true\"/>\
                  <Param Name=\"MinPrice\" Type=\"decimal\" Value=\"70.00\"/></Params>";
    let (head, cheque) = (head(operation), cheque("300", params));
    format!(
        "<Calculates><CalculateRequest {head} PurchaseID=\"{purchase}\" Cashier=\"Кассир 1\">\
         {GUEST}{cheque}{COUPON}</CalculateRequest></Calculates>"
    )
}

pub(crate) fn pay(operation: &str, purchase: &str, amount: &str) -> String {
    let (head, cheque) = (head(operation), cheque("270.00", ""));
    format!(
        "<Payments><PaymentRequest {head} PurchaseID=\"{purchase}\" Amount=\"{amount}\">\
         {cheque}{GUEST}{COUPON}</PaymentRequest></Payments>"
    )
}

pub(crate) fn accrue(operation: &str, purchase: &str) -> String {
    let (head, cheque) = (head(operation), cheque("270.00", ""));
    format!(
        "<Discounts><DiscountRequest {head} PurchaseID=\"{purchase}\">{GUEST}{cheque}{COUPON}\
         <Pays><Pay Type=\"Cash\" Amount=\"200.00\"/><Pay Type=\"Card\" Amount=\"70.00\"/></Pays>\
         </DiscountRequest></Discounts>"
    )
}

pub(crate) fn confirm(operation: &str, purchase: &str) -> String {
    let head = head(operation);
    format!(
        "<ConfirmPurchases><ConfirmPurchaseRequest {head} PurchaseID=\"{purchase}\"/>\
         </ConfirmPurchases>"
    )
}
