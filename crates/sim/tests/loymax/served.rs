//! Over HTTP bytes, as a till meets it.

use bytes::Bytes;
use http::{Method, Request, Response};
use tillway_sim::loymax::house::RequestAuth;
use tillway_sim::loymax::{Fault, Step};
use tillway_transport::client::{MemoryClient, MemoryNet, RequestLimits};
use tillway_transport::server::ServerConfig;
use tillway_transport::{Cause, HttpTransport, Runtime, TransportError};

use crate::till::{Till, accrue, balance, message};

fn client(till: &Till) -> MemoryClient {
    let net = MemoryNet::new(ServerConfig::default(), Runtime::tokio());
    let served = till.processing.clone();
    net.register("loymax", move |_| served.connect());
    net.client("127.0.0.1:4000".parse().unwrap())
}

async fn post(client: &MemoryClient, body: String) -> Result<Response<Bytes>, TransportError> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "http://loymax/XmlExchange/demo/TILL-0007/".parse().unwrap();
    let login = "Basic VElMTC0wMDA3OmRlbW8=";
    request.headers_mut().insert("authorization", login.parse().unwrap());
    RequestLimits::default().attach(&mut request);
    client.send(request).await
}

#[tokio::test(start_paused = true)]
async fn a_till_meets_it_over_http() {
    let till = Till::new();
    let client = client(&till);
    let answer = post(&client, message(&balance("b1", "2990000000019"))).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/xml; charset=utf-8");
    assert!(String::from_utf8_lossy(answer.body()).contains("BonusAmount=\"250.00\""));
}

#[tokio::test(start_paused = true)]
async fn what_breaks_is_in_doubt() {
    let rows = [
        (Fault::Refused, Cause::Broken, 0),
        (Fault::LostBefore, Cause::TimedOut, 0),
        (Fault::LostAfter, Cause::TimedOut, 1),
    ];
    for (fault, expected, done) in rows {
        let till = Till::new();
        let client = client(&till);
        till.processing.push(Step::next(fault.clone()));
        let asked =
            accrue("d1", "p").replace("<Coupons><Coupon Number=\"SPRING-20\"/></Coupons>", "");
        let pays = "70.00\"/></Pays>";
        let asked = message(&asked.replace(pays, &format!("1{pays}")));
        let error = post(&client, asked.clone()).await.unwrap_err();
        assert!(matches!(&error, TransportError::Unknown { .. }), "{fault:?} {error}");
        assert_eq!(error.cause(), expected, "{fault:?}");
        let operations = till.processing.house().with(|store| store.operations.len());
        assert_eq!(operations, done, "{fault:?}");
        // The till asks again, the same bytes: it is done once.
        let answer = post(&client, asked).await.unwrap();
        assert!(
            String::from_utf8_lossy(answer.body()).contains("DiscountResponse ErrorCode=\"0\"")
        );
        let purchases = till.processing.house().with(|store| store.purchases.len());
        assert_eq!(purchases, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_processing_that_is_down_breaks_each_connection() {
    let till = Till::new();
    let client = client(&till);
    let body = message(&balance("b1", "2990000000019"));
    till.processing.push(Step::next(Fault::Code(101)));
    till.processing.set_down(true);
    // The first is a new connection, as the second is: what broke is not used again.
    for _ in 0..2 {
        let error = post(&client, body.clone()).await.unwrap_err();
        assert!(matches!(&error, TransportError::Unknown { .. }), "{error}");
        assert_eq!(error.cause(), Cause::Broken);
    }
    assert!(till.post(body.clone()).await.is_err());
    till.processing.set_down(false);
    // The step that waits is not used up, and nothing was done before.
    assert_eq!(till.processing.journal().iter().filter(|it| it.answer.is_some()).count(), 0);
    let answer = post(&client, body.clone()).await.unwrap();
    assert!(String::from_utf8_lossy(answer.body()).contains("ErrorCode=\"101\""));
    let answer = post(&client, body).await.unwrap();
    assert!(String::from_utf8_lossy(answer.body()).contains("BonusAmount=\"250.00\""));
}

#[tokio::test(start_paused = true)]
async fn a_till_that_must_sign_is_not_let_in_without() {
    let till = Till::new();
    till.processing.house().with(|store| {
        store.tills.get_mut("TILL-0007").unwrap().request_auth = RequestAuth::Signature;
    });
    let told = till.ask(&balance("b1", "2990000000019")).await;
    assert!(told.contains("<ErrorCode>108</ErrorCode>"), "{told}");
}
