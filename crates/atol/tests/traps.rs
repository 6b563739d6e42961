//! The traps of the web server (ATOL notes 3.7 and 4.4), a test each, and other programs on the
//! same server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use http::{Method, Request, Response};
use support::house::{DEVICE, House, Plan};
use support::sale;
use tillway_core::fiscal::Why;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Attempt, Cause, Fiscal, FiscalOutcome, Found, ShiftState};
use tillway_sim::atol::web::{Generation, WebServer};
use tillway_sim::atol::{Fault, Point, Trouble};
use tillway_transport::{Cause as Broken, HttpTransport, TransportError};

/// Another program puts a task into the queue.
fn other_program(house: &House, task: &str) {
    other_program_as(house, &format!("other-{}", house.server.requests()), task);
}

fn other_program_as(house: &House, uuid: &str, task: &str) {
    let generation = house.register.generation().unwrap();
    let prefix = match generation {
        tillway_atol::Generation::V1 => "",
        _ => "/api/v2",
    };
    let body = format!(r#"{{"uuid":"{uuid}","request":[{task}]}}"#);
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("http://host{prefix}/requests?deviceID={DEVICE}").parse().unwrap();
    let pair = "Basic a2lvc2s6czNjcmV0LW9mLXRoZS1raW9zaw==";
    request.headers_mut().insert("authorization", pair.parse().unwrap());
    let answer = block_on(house.server.send(request)).unwrap();
    assert_eq!(answer.status(), 201, "{:?}", answer.body());
}

/// Closes the shift on the register's own keyboard, just when the receipt arrives, and pulls the
/// cable once the register has opened the next one by itself.
#[derive(Debug)]
struct Meddler(WebServer);

#[async_trait]
impl HttpTransport for Meddler {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let sells = request.body().windows(6).any(|part| part == b"\"sell\"");
        if sells && request.method() == Method::POST {
            self.0.with(DEVICE, |register| {
                register.close_shift().unwrap();
                let task = Some("sell".to_owned());
                let fault = Fault::Link { calls: 1 };
                register.inject_when(Trouble { task, ..Trouble::once(Point::P2, fault) });
            });
        }
        self.0.send(request).await
    }
}

/// The receipt opened a shift by itself, and then the link broke. The server sees a new document
/// and says `ready`; the memory has no receipt.
#[test]
fn trap_a_a_shift_that_opened_by_itself_is_no_receipt() {
    for generation in Generation::ALL {
        for whole in [false, true] {
            let mut plan = Plan::new(generation);
            plan.server.recovered_whole = whole;
            let house = plan.build_behind(|server| Arc::new(Meddler(server)));
            house.written(&Fiscal::OpenShift(None));
            let attempt = house.attempt();
            let outcome = house.register(&attempt, &sale(100));
            let context = format!("{generation:?} {whole} {outcome:?}");
            let FiscalOutcome::NotWritten(error) = outcome else { panic!("{context}") };
            if generation == Generation::V2WebRequests {
                assert!(error.text.contains("the memory has no such document"), "{context}");
            }
            assert_eq!((house.receipts(), house.mark().last), (vec![], 3), "{context}");
            assert_eq!(house.settle(&attempt, &sale(100)), Found::NotWritten, "{context}");
        }
    }
}

/// A receipt is never sent into a shift that is not open.
#[test]
fn trap_a_no_receipt_opens_a_shift() {
    for generation in Generation::ALL {
        let house = House::new(generation);
        assert_eq!(house.refused(&sale(100)).cause, Cause::ShiftClosed);
        assert_eq!(house.mark().last, 0, "{generation:?}");
    }
}

/// A house whose queue is blocked for an hour, with the attempt that blocks it.
fn blocked(generation: Generation) -> (House, Attempt) {
    let mut plan = Plan::new(generation);
    plan.server.recovery_every = HOUR;
    let house = plan.build();
    house.written(&Fiscal::OpenShift(None));
    house.sim(|register| {
        register.inject_when(Trouble {
            task: Some("sell".to_owned()),
            ..Trouble::once(Point::P3, Fault::Memory { signed: false })
        });
    });
    let attempt = house.attempt();
    let outcome = house.register(&attempt, &sale(100));
    assert!(
        matches!(&outcome, FiscalOutcome::InDoubt(e) if e.code == Some(115)),
        "{generation:?} {outcome:?}"
    );
    (house, attempt)
}

const HOUR: Duration = Duration::from_secs(3_600);

/// While the queue is blocked new tasks are taken and wait. A kiosk that gives up takes its task
/// back, so that nothing prints when the block is over.
#[test]
fn trap_b_what_waits_behind_a_block_is_taken_back() {
    for generation in Generation::ALL {
        let (house, first) = blocked(generation);
        let closing = Fiscal::CloseShift(None);
        let second = support::attempt(2, first.before.clone());
        let outcome = house.register(&second, &closing);
        assert!(
            matches!(&outcome, FiscalOutcome::NotWritten(e) if e.cause == Cause::Cancelled),
            "{generation:?} {outcome:?}"
        );
        assert!(matches!(house.find(&first, &sale(100)), Found::NotYet(_)), "still blocked");
        house.wait(HOUR);
        assert_eq!(house.settle(&first, &sale(100)), Found::NotWritten);
        assert_eq!(house.settle(&second, &closing), Found::NotWritten);
        assert_eq!(house.mark().last, 1, "{generation:?}: nothing came out of the queue");
        house.sell(100);
        house.check();
    }
}

/// A program that died while its task waited finds it in the queue, and takes it back.
#[test]
fn trap_b_what_an_earlier_run_left_in_the_queue_is_taken_back() {
    for generation in Generation::ALL {
        let (house, first) = blocked(generation);
        let id = support::id(0xdead);
        other_program_as(&house, &id.to_string(), r#"{"type":"closeShift"}"#);
        let left = Attempt { id, before: first.before.clone() };
        assert_eq!(house.find(&left, &Fiscal::CloseShift(None)), Found::NotWritten);
        house.wait(HOUR);
        house.settle(&first, &sale(100));
        assert_eq!(block_on(house.register.shift()).unwrap().state, ShiftState::Open);
    }
}

/// The link is lost at the close: the driver says an error although the document may be there.
#[test]
fn trap_d_a_lost_link_at_the_close_is_a_doubt() {
    for generation in Generation::ALL {
        for (at, written) in [(Point::P3, false), (Point::P4, true), (Point::P6, true)] {
            let house = House::open(generation);
            house.sim(|register| {
                register.inject_when(Trouble {
                    task: Some("sell".to_owned()),
                    ..Trouble::once(at, Fault::Link { calls: u32::MAX })
                });
            });
            let attempt = house.attempt();
            let outcome = house.register(&attempt, &sale(100));
            assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{generation:?} {outcome:?}");
            house.repair();
            let found = house.settle(&attempt, &sale(100));
            assert_eq!(matches!(found, Found::Written(_)), written, "{generation:?} {found:?}");
            assert_eq!(house.receipts().len(), usize::from(written));
            house.check();
        }
    }
}

/// The service menu works while the queue of a server of generation 2 is blocked.
#[test]
fn questions_go_past_a_blocked_queue() {
    for generation in [Generation::V2Java, Generation::V2WebRequests] {
        let (house, _) = blocked(generation);
        assert_eq!(block_on(house.register.shift()).unwrap().state, ShiftState::Open);
        assert!(block_on(house.register.status()).unwrap().paper);
        assert_eq!(house.mark().last, 1);
    }
}

#[test]
fn a_task_of_another_program_goes_before_ours() {
    for generation in Generation::ALL {
        let house = House::open(generation);
        let attempt = house.attempt();
        other_program(&house, r#"{"type":"reportX"}"#);
        let outcome = house.register(&attempt, &sale(100));
        assert!(matches!(outcome, FiscalOutcome::Written(_)), "{generation:?} {outcome:?}");
        // It may also be a receipt: ours comes after it, and is told from it.
        other_program(
            &house,
            r#"{"type":"sell","items":[{"type":"position","name":"Кофе","price":1.50,
            "quantity":1,"amount":1.50,"tax":{"type":"none"}}],
            "payments":[{"type":"cash","sum":1.50}]}"#,
        );
        assert_eq!(house.sell(200), 4);
        assert_eq!(house.receipts(), [(2, 100), (3, 150), (4, 200)], "{generation:?}");
        house.check();
    }
}

#[test]
fn a_lost_answer_to_the_sending_prints_once() {
    for generation in Generation::ALL {
        // The answers that can be lost: the looks, the question, the sending, the polls.
        for nth in 0..14 {
            let house = House::open(generation);
            let attempt = house.attempt();
            house.server.drop_http_response(nth);
            let outcome = house.register(&attempt, &sale(100));
            assert!(matches!(outcome, FiscalOutcome::Written(_)), "{generation:?} {outcome:?}");
            let again = house.register(&attempt, &sale(100));
            assert_eq!(again, outcome, "{generation:?}: a repeat is the same");
            assert_eq!(house.receipts(), [(2, 100)]);
        }
    }
}

#[test]
fn f20_after_the_retention_the_memory_is_asked() {
    for generation in Generation::ALL {
        let house = House::open(generation);
        let attempt = house.attempt();
        assert!(matches!(house.register(&attempt, &sale(100)), FiscalOutcome::Written(_)));
        house.written(&Fiscal::CloseShift(None));
        house.wait(Duration::from_secs(31 * 24 * 3_600));
        // The server has forgotten the task, and would take its uuid again.
        let found = house.find(&attempt, &sale(100));
        assert!(matches!(found, Found::Written(_)), "{generation:?} {found:?}");
        let again = house.register(&attempt, &sale(100));
        assert!(matches!(again, FiscalOutcome::Written(_)), "{generation:?} {again:?}");
        assert_eq!(house.receipts(), [(2, 100)]);
    }
}

/// After 30 days the memory keeps only the basic tags of a document, and no operation: it may be
/// ours.
#[test]
fn f20_what_the_memory_has_cut_short_is_not_taken_for_anothers() {
    for generation in Generation::ALL {
        let mut plan = Plan::new(generation);
        plan.adapter.shared = true;
        let house = plan.build();
        house.written(&Fiscal::OpenShift(None));
        let attempt = house.attempt();
        assert!(matches!(house.register(&attempt, &sale(100)), FiscalOutcome::Written(_)));
        house.written(&Fiscal::CloseShift(None));
        house.wait(Duration::from_secs(31 * 24 * 3_600));
        match house.find(&attempt, &sale(100)) {
            Found::Person(evidence) => {
                assert_eq!((evidence.why, evidence.candidates.len()), (Why::Unlike, 1));
            }
            other => panic!("{generation:?} {other:?}"),
        }
        assert_eq!(house.find(&attempt, &sale(200)), Found::NotWritten, "{generation:?}");
    }
}

#[test]
fn two_kiosks_on_one_server() {
    let generation = Generation::V2WebRequests;
    let first = House::open(generation);
    let register = tillway_sim::atol::SharedRegister::new(tillway_sim::atol::Register::new(
        tillway_sim::atol::Settings { memory: "9999078900005678".into(), ..Default::default() },
        support::house::MORNING,
    ));
    let server = first.server.clone().device("kiosk2", "Киоск в зале", register.clone());
    let mut plan = Plan::new(generation);
    plan.adapter.device = Some(tillway_atol::DeviceId::try_new("kiosk2").unwrap());
    plan.seed = 100;
    plan.clock = Arc::clone(&first.clock);
    let second = plan.build_behind(|_| Arc::new(server));
    // The second kiosk talks to the server of the first.
    second.written(&Fiscal::OpenShift(None));
    assert_eq!((first.sell(100), second.sell(200)), (2, 2));
    assert_eq!(first.receipts(), [(2, 100)]);
    assert_eq!(register.lock().memory.last(), 2);
    assert_eq!(&*second.mark().memory, "9999078900005678");
}

/// Holds the request with a document back, as a network does that delivers late.
#[derive(Clone, Debug)]
struct Late(WebServer, Arc<Mutex<Vec<Request<Bytes>>>>);

#[async_trait]
impl HttpTransport for Late {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let sells = request.body().windows(6).any(|part| part == b"\"sell\"");
        if sells && request.method() == Method::POST {
            self.1.lock().unwrap().push(request);
            return Err(TransportError::Unknown { cause: Broken::TimedOut, source: None });
        }
        self.0.send(request).await
    }
}

/// What was found not written, and is sold again, does not print when its request arrives at last.
#[test]
fn f20_a_request_that_arrives_late_prints_nothing() {
    for generation in Generation::ALL {
        let held = Arc::new(Mutex::new(Vec::new()));
        let network = Arc::clone(&held);
        let house = Plan::new(generation).build_behind(|server| Arc::new(Late(server, network)));
        house.written(&Fiscal::OpenShift(None));
        let attempt = house.attempt();
        let outcome = house.register(&attempt, &sale(100));
        assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{generation:?} {outcome:?}");
        assert_eq!(house.settle(&attempt, &sale(100)), Found::NotWritten, "{generation:?}");

        let late = std::mem::take(&mut *held.lock().unwrap());
        assert!(!late.is_empty());
        for request in late {
            let answer = block_on(house.server.send(request)).unwrap();
            assert_eq!(answer.status(), 409, "{generation:?}");
        }
        house.wait(HOUR);
        assert_eq!(house.receipts(), [], "{generation:?}");
        assert_eq!(house.find(&attempt, &sale(100)), Found::NotWritten);
    }
}
