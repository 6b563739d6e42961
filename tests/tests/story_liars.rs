//! The witnesses bite: a box between till and service that lies in one way each, and the story of
//! seed 000 through it. None may pass.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use tillway_sim::fault::{Plan, Point};
use tillway_sim::story::Story;
use tillway_tests::house::{Disk, House, simulated};
use tillway_tests::witness::{Verdict, beside_the_tills, verdict};
use tillway_transport::{HttpTransport, TransportError};

/// How the box lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lie {
    /// It does not lie.
    None,
    /// Says that a payment was cancelled, and keeps the money.
    KeepsTheMoney,
    /// Takes the money, says so, and gives it back behind the till's back.
    GivesItBack,
    /// Says that it was refunded, and keeps the money.
    DropsRefunds,
    /// Says that the close was taken, and tells nobody.
    DropsCloses,
}

#[derive(Debug)]
struct Liar {
    inner: Arc<dyn HttpTransport>,
    lie: Lie,
}

fn answer(status: StatusCode, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    if !body.is_empty() {
        let json = http::HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert("content-type", json);
    }
    response
}

#[async_trait]
impl HttpTransport for Liar {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        let is_capture = request.method() == Method::PUT
            && path.starts_with("/pos/v1/payments/")
            && !path.contains("/refunds/");
        match self.lie {
            Lie::KeepsTheMoney if path.ends_with("/cancel") => {
                Ok(answer(StatusCode::OK, r#"{"state":"cancelled"}"#))
            }
            Lie::DropsRefunds if path.contains("/refunds/") => {
                Ok(answer(StatusCode::CREATED, r#"{"state":"refunded"}"#))
            }
            Lie::DropsCloses if path.ends_with("/closed") => Ok(answer(StatusCode::NO_CONTENT, "")),
            Lie::GivesItBack if is_capture => {
                let body = format!(r#"{{"orderId":"{}"}}"#, Story::seed_000().order);
                let mut cancel = request.clone().map(|_| Bytes::from(body));
                *cancel.method_mut() = Method::POST;
                *cancel.uri_mut() = format!("{}/cancel", request.uri()).parse().unwrap();
                let answer = self.inner.send(request).await;
                self.inner.send(cancel).await?;
                answer
            }
            _ => self.inner.send(request).await,
        }
    }
}

fn told(lie: Lie, plan: Plan, refund: bool) -> Result<Verdict, String> {
    simulated(async {
        let house = House::open(Disk::memory(), 1, &[], Duration::ZERO).await;
        let mut world = house.world(1, 1);
        world.pos = Arc::new(Liar { inner: world.pos, lie });
        let tills = [world.stage(plan)];
        let story = Story { refund, ..Story::seed_000() };
        beside_the_tills(&tills, story.play(&tills[0])).await;
        verdict(&house, &tills).await
    })
}

/// Something was found to be wrong, or is left for a person.
fn is_noticed(verdict: &Result<Verdict, String>) -> bool {
    let well = |verdict: &Verdict| *verdict == Verdict { rest: verdict.rest, ..Verdict::default() };
    !verdict.as_ref().is_ok_and(well)
}

#[test]
fn i10_the_witnesses_notice_every_lie() {
    let lost = Plan::none().cut_at(Point::AfterPay, 0);
    for (lie, plan, refund, why) in [
        (Lie::KeepsTheMoney, lost, false, "charged in vain"),
        (Lie::GivesItBack, Plan::none(), false, ""),
        (Lie::DropsRefunds, Plan::none(), true, "charged in vain"),
        (Lie::DropsCloses, Plan::none(), false, "closed in iiko alone"),
    ] {
        let honest = told(Lie::None, plan.clone(), refund);
        assert!(!is_noticed(&honest), "{lie:?}: {honest:?}");
        let verdict = told(lie, plan, refund);
        assert!(is_noticed(&verdict), "{lie:?} was not noticed");
        let said = verdict.err().unwrap_or_default();
        assert!(said.contains(why), "{lie:?}: {said}");
    }
}
