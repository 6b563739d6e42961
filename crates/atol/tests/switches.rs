//! What a server or a register does when its settings, or its age, are others than usual.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::executor::block_on;
use http::{Method, Request, Response};
use support::house::{DEVICE, House, Plan};
use support::{JumpingClock, receipt, sale};
use tillway_atol::{AtolWeb, WebConfig};
use tillway_core::fiscal::{MarkCode, Measure, ReceiptKind, VatRate, Why};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found};
use tillway_sim::atol::web::{Death, Generation};
use tillway_sim::atol::{Fault, Point, Trouble};
use tillway_sim::ids::SeededIds;
use tillway_transport::client::MemoryNet;
use tillway_transport::server::ServerConfig;
use tillway_transport::{HttpTransport, Runtime, TransportError};

/// What somebody does on the settings page.
fn page(house: &House, method: Method, path: &str, body: &str) {
    let mut request = Request::new(Bytes::from(body.to_owned()));
    *request.method_mut() = method;
    *request.uri_mut() = format!("http://host/api/v2/{path}").parse().unwrap();
    let pair = "Basic a2lvc2s6czNjcmV0LW9mLXRoZS1raW9zaw==";
    request.headers_mut().insert("authorization", pair.parse().unwrap());
    let answer = block_on(house.server.send(request)).unwrap();
    assert!(answer.status().is_success(), "{path}: {answer:?}");
}

#[test]
fn a_device_that_is_not_active_is_told_and_nothing_is_sent() {
    for (generation, conflict) in [
        (Generation::V2Java, false),
        (Generation::V2WebRequests, false),
        (Generation::V2WebRequests, true),
    ] {
        let mut plan = Plan::new(generation);
        plan.server.inactive_is_conflict = conflict;
        let house = plan.build();
        house.written(&Fiscal::OpenShift(None));
        let attempt = house.attempt();
        page(&house, Method::POST, &format!("deactivateDevice?deviceID={DEVICE}"), "");
        for what in [sale(100), Fiscal::CloseShift(None)] {
            match house.register(&attempt, &what) {
                FiscalOutcome::NotWritten(error) => assert_eq!(error.cause, Cause::Setup),
                other => panic!("{generation:?} {conflict} {other:?}"),
            }
        }
        page(&house, Method::POST, &format!("activateDevice?deviceID={DEVICE}"), "");
        house.sell(100);
    }
}

#[test]
fn a_server_that_validates_refuses_at_once() {
    let mut plan = Plan::new(Generation::V2WebRequests);
    plan.settings.driver_rates.retain(|rate| !rate.ends_with("22"));
    let house = plan.build();
    house.written(&Fiscal::OpenShift(None));
    page(&house, Method::PUT, "settings", r#"{"validateRequestsOnAdd":true}"#);
    let mut lunch = receipt(ReceiptKind::Sell, 100);
    lunch.lines[0].vat = VatRate::Vat22;
    assert_eq!(house.refused(&Fiscal::Receipt(Box::new(lunch))).cause, Cause::BadTask);
    house.sell(100);
}

#[test]
fn a_queue_that_blocks_without_paper_ends_in_one_receipt() {
    let house = House::open(Generation::V2WebRequests);
    page(&house, Method::PUT, "settings", r#"{"blockQueueOnPrintErrors":true}"#);
    for (at, written) in [(Point::P2, false), (Point::P5, true)] {
        house.sim(|register| {
            let task = Some("sell".to_owned());
            register.inject_when(Trouble { task, ..Trouble::once(at, Fault::Paper) });
        });
        let before = house.receipts().len();
        let attempt = house.attempt();
        let outcome = house.register(&attempt, &sale(100));
        let told = match &outcome {
            FiscalOutcome::InDoubt(error) | FiscalOutcome::NotWritten(error) => error.cause,
            FiscalOutcome::Written(_) => panic!("{at:?} {outcome:?}"),
        };
        assert_eq!(told, Cause::Paper, "{at:?} {outcome:?}");
        house.repair();
        let found = house.settle(&attempt, &sale(100));
        assert_eq!(matches!(found, Found::Written(_)), written, "{at:?} {found:?}");
        assert_eq!(house.receipts().len(), before + usize::from(written), "{at:?}");
        house.check();
    }
}

#[test]
fn a_server_that_forgets_its_block_prints_no_second_receipt() {
    for (death, written) in [(Death::BeforeTask, false), (Death::AfterTask, true)] {
        let mut plan = Plan::new(Generation::V2WebRequests);
        plan.server.forgets_block = true;
        let house = plan.build();
        house.written(&Fiscal::OpenShift(None));
        let attempt = house.attempt();
        house.server.die(death);
        let outcome = house.register(&attempt, &sale(100));
        assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{outcome:?}");
        house.repair();
        let found = house.settle(&attempt, &sale(100));
        assert_eq!(matches!(found, Found::Written(_)), written, "{death:?} {found:?}");
        assert_eq!(house.receipts().len(), usize::from(written));
    }
}

#[test]
fn fields_that_the_driver_could_not_read_are_read_in_the_memory() {
    for field in [
        "fiscalDocumentNumber",
        "fiscalDocumentSign",
        "fiscalDocumentDateTime",
        "fnNumber",
        "registrationNumber",
        "shiftNumber",
        "fiscalReceiptNumber",
        "total",
    ] {
        let mut plan = Plan::new(Generation::V2WebRequests);
        plan.settings.unread_fields = vec![field.to_owned()];
        let house = plan.build();
        assert_eq!(house.written(&Fiscal::OpenShift(None)), 1, "{field}");
        assert_eq!(house.sell(100), 2, "{field}");
    }
}

#[test]
fn a_register_of_an_old_format_gets_its_measures_as_text() {
    let mut plan = Plan::new(Generation::V2Java);
    plan.settings.format = "1.05".into();
    let house = plan.build();
    block_on(house.register.probe()).unwrap();
    assert!(!house.register.capabilities().marking);
    house.written(&Fiscal::OpenShift(None));
    let mut kilogram = receipt(ReceiptKind::Sell, 100);
    kilogram.lines[0].measure = Measure::Kilogram;
    house.written(&Fiscal::Receipt(Box::new(kilogram.clone())));
    kilogram.lines[0].mark = Some(MarkCode { code: vec![b'a'; 30], returned: false });
    let refused = house.refused(&Fiscal::Receipt(Box::new(kilogram)));
    assert_eq!(refused.cause, Cause::Unsupported);
}

#[test]
fn a_marking_code_that_the_system_refuses_is_told() {
    use base64::Engine;
    let code = b"0104600000000017215NxYz".to_vec();
    let mut plan = Plan::new(Generation::V2WebRequests);
    let text = base64::engine::general_purpose::STANDARD.encode(&code);
    plan.settings.refused_marks = vec![text];
    let house = plan.build();
    house.written(&Fiscal::OpenShift(None));
    let marked = |code: &[u8]| {
        let mut water = receipt(ReceiptKind::Sell, 100);
        water.lines[0].mark = Some(MarkCode { code: code.to_vec(), returned: false });
        Fiscal::Receipt(Box::new(water))
    };
    assert_eq!(house.refused(&marked(&code)).cause, Cause::Marking);
    house.written(&marked(b"0104600000000017215Other"));
}

#[test]
fn f25_a_marked_piece_goes_back_with_its_mark() {
    let house = House::open(Generation::V2WebRequests);
    let mut water = receipt(ReceiptKind::Sell, 100);
    water.lines[0].mark =
        Some(MarkCode { code: b"0104600000000017215NxYz".to_vec(), returned: false });
    house.written(&Fiscal::Receipt(Box::new(water.clone())));
    let back = Fiscal::Receipt(Box::new(water.give_back_rest(&[]).unwrap().receipt));
    let sent = tillway_atol::task::fiscal(&back, &Default::default()).unwrap();
    assert!(sent.contains(r#""itemEstimatedStatus":"itemPieceReturn""#), "{sent}");
    house.written(&back);
    // Told as sold, it would be withdrawn by its own return.
    let wrong = tillway_core::fiscal::Receipt { kind: ReceiptKind::SellReturn, ..water };
    let refused = house.refused(&Fiscal::Receipt(Box::new(wrong)));
    assert_eq!(refused.cause, Cause::BadReceipt);
    assert!(refused.text.starts_with("lines[0].mark: "), "{}", refused.text);
}

#[test]
fn a_clock_that_was_set_back_a_day_convicts_nobody() {
    let house = House::new(Generation::V2WebRequests);
    let attempt = house.attempt();
    let day = 25 * 3_600 * 1_000;
    house.sim(|register| register.set_clock(register.now() - day).unwrap());
    // Numbers prove it as long as the server answers.
    let outcome = house.register(&attempt, &Fiscal::OpenShift(None));
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    // The memory alone has a document of another time: a person decides.
    house.server.stop();
    house.server.restart(false);
    match house.find(&attempt, &Fiscal::OpenShift(None)) {
        Found::Person(evidence) => assert_eq!(evidence.why, Why::Unlike),
        other => panic!("{other:?}"),
    }
}

/// Takes requests and never answers.
#[derive(Debug)]
struct Silence;

#[async_trait]
impl HttpTransport for Silence {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        std::future::pending().await
    }
}

#[test]
fn one_call_at_a_time_and_the_others_wait_no_longer_than_they_may() {
    let config = WebConfig {
        generation: tillway_atol::Generation::V2,
        ..WebConfig::new("http://127.0.0.1:16732")
    };
    let clock = Arc::new(JumpingClock::default());
    let turn = config.waits.turn;
    let ids = Arc::new(SeededIds::new(1));
    let register =
        AtolWeb::try_new(config, Arc::new(Silence), Arc::clone(&clock) as _, ids).unwrap();
    let house = House::open(Generation::V2WebRequests);
    let (one, other) = (house.attempt(), house.attempt());
    let (what, next) = (sale(100), sale(200));
    let mut first = register.register(&one, &what);
    assert!((&mut first).now_or_never().is_none(), "it prints");
    assert_eq!(*clock.0.lock().unwrap(), Duration::ZERO);
    let second = block_on(register.register(&other, &next));
    assert!(
        matches!(&second, FiscalOutcome::NotWritten(e) if e.cause == Cause::Busy),
        "{second:?}"
    );
    assert_eq!(*clock.0.lock().unwrap(), turn);
    assert!(
        matches!(block_on(register.find(&other, &next)), Found::NotYet(e) if e.cause == Cause::Busy)
    );
    assert_eq!(block_on(register.continue_print()).unwrap_err().cause, Cause::Busy);
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn the_same_through_real_bytes() {
    for generation in Generation::ALL {
        let net = MemoryNet::new(ServerConfig::default(), Runtime::tokio());
        let client = net.client("10.0.0.5:5000".parse().unwrap());
        let house = Plan::new(generation).build_behind(|_| Arc::new(client));
        let server = house.server.clone();
        net.register("127.0.0.1:16732", move |_| Some(server.clone()));
        let register = &house.register;
        register.probe().await.unwrap();
        for (id, what) in [(1, Fiscal::OpenShift(None)), (2, sale(36_005))] {
            let attempt = support::attempt(id, register.mark().await.unwrap());
            // The sending, and the first look after it, are performed; their answers are lost.
            house.server.drop_http_response(2);
            house.server.drop_http_response(3);
            let outcome = register.register(&attempt, &what).await;
            assert!(matches!(outcome, FiscalOutcome::Written(_)), "{generation:?} {outcome:?}");
        }
        assert_eq!(house.receipts(), [(2, 36_005)], "{generation:?}");
    }
}
