//! Queue, blocks, recovery, restarts: section 3.7 and 10.5 of the note.

use super::*;
use crate::atol::Code;
use crate::atol::fault::{Fault, Point, Trouble};

fn opened(generation: Generation) -> Bench {
    let bench = Bench::new(generation);
    bench.plain("open", "openShift");
    assert_eq!(bench.statuses("open"), "ready 0");
    bench
}

fn in_sells(bench: &Bench, at: Point, fault: Fault) {
    let trouble = Trouble { task: Some("sell".into()), ..Trouble::once(at, fault) };
    bench.on(|register| register.inject_when(trouble));
}

#[test]
fn tasks_run_one_after_the_other_as_time_passes() {
    let bench = Bench::with_latency(Generation::V2WebRequests);
    bench.plain("open", "openShift");
    bench.post("sell", &format!("[{SELL},{{\"type\":\"getFnStatus\"}}]"));
    assert_eq!(bench.statuses("open"), "inProgress 0");
    assert_eq!(bench.statuses("sell"), "wait 0, wait 0");
    bench.pass(SECOND);
    assert_eq!(bench.statuses("open"), "inProgress 0");
    bench.pass(SECOND);
    assert_eq!(bench.statuses("open"), "ready 0");
    assert_eq!(bench.statuses("sell"), "inProgress 0, wait 0");
    assert_eq!(bench.documents(), "o");
    bench.pass(SECOND);
    assert_eq!(bench.statuses("sell"), "ready 0, inProgress 0");
    bench.pass(SECOND / 10);
    assert_eq!(bench.statuses("sell"), "ready 0, ready 0");
    let at = bench.on(|register| register.memory.document(2).unwrap().at);
    assert_eq!(at, NOON + 3_000, "when its turn came, not when somebody looked");
    assert_eq!(bench.documents(), "o1");
}

#[test]
fn what_comes_after_a_failure_is_interrupted() {
    let bench = opened(Generation::V2WebRequests);
    let broken = SELL.replace("\"quantity\":1", "\"quantity\":0");
    bench.post("a", &format!("[{{\"type\":\"getFnStatus\"}},{broken},{SELL}]"));
    assert_eq!(bench.statuses("a"), "ready 0, error 501, interrupted 502");
    assert_eq!(bench.documents(), "o");
}

#[test]
fn a_waiting_request_can_be_cancelled_and_will_not_run() {
    for (generation, status) in
        [(Generation::V1, 405), (Generation::V2Java, 405), (Generation::V2WebRequests, 409)]
    {
        let bench = Bench::with_latency(generation);
        bench.plain("open", "openShift");
        bench.sell("sell");
        assert_eq!(bench.call(Method::DELETE, "requests/open", "").0, status);
        assert_eq!(bench.call(Method::DELETE, "requests/sell", "").0, 200);
        assert_eq!(bench.call(Method::DELETE, "requests/sell", "").0, status);
        assert_eq!(bench.call(Method::DELETE, "requests/none", "").0, 404);
        assert_eq!(bench.statuses("sell"), "canceled 503");
        bench.pass(SECOND * 60);
        assert_eq!((bench.statuses("open"), bench.documents()), ("ready 0".into(), "o".into()));
    }
}

/// A break in a sale: what the server finds out afterwards, in each generation.
#[test]
fn a_break_blocks_until_the_memory_can_be_read() {
    let rows = [(Point::P3, "error 241", "o"), (Point::P4, "ready 0", "o1")];
    for generation in Generation::ALL {
        for (point, ends, documents) in rows {
            let bench = opened(generation);
            in_sells(&bench, point, Fault::Link { calls: u32::MAX });
            bench.sell("a");
            let newest = generation == Generation::V2WebRequests;
            if !newest {
                // 241 does not block the older ones: the program is told an error.
                assert_eq!(bench.statuses("a"), "error 241");
                continue;
            }
            assert_eq!(bench.statuses("a"), "blocked 241");
            assert!(bench.is_blocked());
            let (status, said) = bench.sell("b");
            assert_eq!(status, 201, "trap B: taken all the same");
            assert_eq!(said.get("blockedUUID").and_then(Json::as_text), Some("a"));
            assert_eq!(said.get("blockReason").and_then(Json::as_text), Some("connectionError"));
            bench.pass(SECOND * 100);
            assert_eq!(bench.statuses("b"), "wait 0");
            assert_eq!(bench.call(Method::DELETE, "requests/b", "").0, 200);
            bench.on(|register| register.link(true));
            bench.pass(SECOND * 3);
            assert_eq!(bench.statuses("a"), ends);
            assert_eq!(bench.documents(), documents);
            assert!(!bench.is_blocked());
            assert_eq!(bench.broken_rule(), None);
        }
    }
}

/// Once the number of the last document is known, no link is a break in every generation.
#[test]
fn a_link_that_goes_before_the_receipt_blocks_too() {
    for generation in Generation::ALL {
        let bench = opened(generation);
        in_sells(&bench, Point::P0, Fault::Link { calls: 1 });
        bench.sell("a");
        assert_eq!(bench.statuses("a"), "blocked 2");
        bench.pass(SECOND * 6);
        assert_eq!(bench.statuses("a"), "error 2");
        assert_eq!(bench.documents(), "o");
    }
}

#[test]
fn the_link_that_is_missing_from_the_start_blocks_nothing() {
    for generation in Generation::ALL {
        let bench = opened(generation);
        bench.on(|register| register.link(false));
        bench.sell("a");
        bench.plain("q", "getFnStatus");
        assert_eq!(bench.statuses("a"), "error 2", "nothing was sent");
        assert_eq!(bench.statuses("q"), "error 2");
        assert!(!bench.is_blocked());
    }
}

/// The blocking sets of the note, 3.7: what each generation makes of an error of the memory.
#[test]
fn each_generation_has_its_blocking_set() {
    for generation in Generation::ALL {
        let newest = generation == Generation::V2WebRequests;
        for signed in [false, true] {
            let bench = opened(generation);
            in_sells(&bench, Point::P3, Fault::Memory { signed });
            bench.sell("a");
            assert_eq!(bench.statuses("a"), "blocked 115", "{generation:?}");
            bench.pass(SECOND * 3);
            let ends = if signed { "ready 0" } else { "error 115" };
            assert_eq!(bench.statuses("a"), ends, "{generation:?}");
            assert_eq!(bench.broken_rule(), None);
        }
        let (set, other) = if newest { (177, 141) } else { (141, 177) };
        let reason = |code| queue::Reason::of(crate::atol::Code(code), generation, true);
        assert_eq!(reason(set), Some(queue::Reason::Memory));
        assert_eq!(reason(other), None);
        assert_eq!(reason(241), newest.then_some(queue::Reason::Connection));
        assert_eq!(reason(44), newest.then_some(queue::Reason::Paper));
        assert_eq!(reason(68), None);
    }
}

#[test]
fn a_recovered_result_says_so() {
    for (whole, total) in [(false, None), (true, Some("190.0"))] {
        let config = WebConfig::new(Generation::V2WebRequests);
        let bench = Bench::with(WebConfig { recovered_whole: whole, ..config });
        bench.plain("open", "openShift");
        in_sells(&bench, Point::P6, Fault::Link { calls: 1 });
        bench.sell("a");
        bench.pass(SECOND * 3);
        let result = bench.result("a");
        let recovered = result.get("warnings").unwrap().get("recovered");
        assert_eq!(recovered.and_then(Json::as_bool), Some(true));
        let params = result.get("fiscalParams").unwrap();
        assert_eq!(params.get("fiscalDocumentNumber").and_then(Json::as_u32), Some(2));
        assert_eq!(params.get("total").map(Json::to_string).as_deref(), total);
    }
}

/// Trap A: the shift that a sale opened by itself counts as the receipt that is missing.
#[test]
fn trap_a_a_shift_that_opened_by_itself_looks_like_a_receipt() {
    for (trusts, says) in [(true, "ready 0"), (false, "error 241")] {
        let config = WebConfig::new(Generation::V2WebRequests);
        let bench = Bench::with(WebConfig { trusts_any_document: trusts, ..config });
        in_sells(&bench, Point::P6, Fault::Link { calls: 1 });
        bench.sell("a");
        bench.pass(SECOND * 3);
        assert_eq!(bench.statuses("a"), says);
        assert_eq!(bench.documents(), "o", "there is no receipt");
    }
}

/// Trap B: what waits behind a block runs when the block ends.
#[test]
fn trap_b_what_was_sent_again_is_printed_too() {
    let bench = opened(Generation::V2WebRequests);
    in_sells(&bench, Point::P4, Fault::Link { calls: u32::MAX });
    bench.sell("a");
    bench.sell("again");
    bench.on(|register| register.link(true));
    bench.pass(SECOND * 3);
    assert_eq!(bench.documents(), "o11");
}

/// Trap C lies in the driver of one system: without its service nothing opens. It shows as no
/// link from the start. Trap D: see `faults_at_every_point_of_a_sale`.
#[test]
fn trap_d_the_link_at_the_close_is_an_unknown_outcome() {
    for (point, documents) in [(Point::P3, "o"), (Point::P4, "o1")] {
        let bench = opened(Generation::V1);
        in_sells(&bench, point, Fault::Link { calls: 1 });
        bench.sell("a");
        assert_eq!(bench.statuses("a"), "error 241", "the same words for both");
        assert_eq!(bench.documents(), documents);
    }
}

#[test]
fn paper_blocks_where_the_settings_say_so() {
    let bench = opened(Generation::V2WebRequests);
    in_sells(&bench, Point::P4, Fault::Paper);
    bench.sell("a");
    assert_eq!(bench.statuses("a"), "ready 0");
    assert!(bench.result("a").get("warnings").unwrap().get("notPrinted").is_some());
    bench.on(|register| register.printer.paper = 1_000);
    bench.plain("print", "continuePrint");
    let blocks = r#"{"blockQueueOnPrintErrors":true}"#;
    assert_eq!(bench.call(Method::PUT, "settings", blocks).0, 200);
    in_sells(&bench, Point::P4, Fault::Paper);
    bench.sell("b");
    assert_eq!(bench.statuses("b"), "blocked 44");
    bench.pass(SECOND * 30);
    assert_eq!(bench.statuses("b"), "blocked 44", "until it is printed");
    bench.on(|register| register.printer.paper = 1_000);
    bench.pass(SECOND * 3);
    assert_eq!(bench.statuses("b"), "ready 0");
    let number = bench.result("b").get("fiscalParams").unwrap().get("total").unwrap().to_string();
    assert_eq!(number, "190.0", "the result of the driver, not a rebuilt one");
    in_sells(&bench, Point::P2, Fault::Paper);
    bench.sell("c");
    assert_eq!(bench.statuses("c"), "blocked 44");
    bench.pass(SECOND * 3);
    assert_eq!(bench.statuses("c"), "error 44");
    bench.on(|register| register.printer.paper = 1_000);
    assert_eq!(bench.documents(), "o11");
    assert_eq!(bench.broken_rule(), None);
}

#[test]
fn a_restart_with_its_database_takes_up_what_was_being_done() {
    for (death, ends, documents) in
        [(Death::BeforeTask, "error 241", "o"), (Death::AfterTask, "ready 0", "o1")]
    {
        for generation in Generation::ALL {
            let bench = opened(generation);
            bench.server.die(death);
            let sell = format!(r#"{{"uuid":"a","request":[{SELL}]}}"#);
            assert!(bench.send(Method::POST, "requests", &sell).is_none());
            assert!(bench.server.is_down());
            assert!(bench.send(Method::GET, "requests/a", "").is_none());
            bench.server.restart(true);
            assert_eq!(bench.statuses("a"), ends, "{generation:?} {death:?}");
            assert_eq!(bench.documents(), documents);
            assert_eq!(bench.sell("a").0, 409, "the uuid is known");
            bench.sell("b");
            assert_eq!(bench.statuses("b"), "ready 0");
            assert_eq!(bench.broken_rule(), None);
        }
    }
}

#[test]
fn a_restart_without_its_database_forgets_every_uuid() {
    let bench = opened(Generation::V2WebRequests);
    bench.sell("a");
    bench.server.stop();
    bench.server.restart(false);
    assert_eq!(bench.show("a").0, 404);
    assert_eq!(bench.sell("a").0, 201, "and takes it once more");
    assert_eq!(bench.documents(), "o11");
}

#[test]
fn a_server_that_forgets_its_block_ends_it_with_the_error() {
    for (forgets, says) in [(false, "blocked 241"), (true, "error 241")] {
        let config = WebConfig::new(Generation::V2WebRequests);
        let bench = Bench::with(WebConfig { forgets_block: forgets, ..config });
        bench.plain("open", "openShift");
        in_sells(&bench, Point::P4, Fault::Link { calls: u32::MAX });
        bench.sell("a");
        bench.server.restart(true);
        assert_eq!(bench.statuses("a"), says);
        bench.on(|register| register.link(true));
        bench.pass(SECOND * 3);
        let ends = if forgets { "error 241" } else { "ready 0" };
        assert_eq!(bench.statuses("a"), ends);
        assert_eq!(bench.documents(), "o1");
    }
}

#[test]
fn old_requests_are_forgotten_and_their_uuids_may_come_again() {
    let bench = opened(Generation::V2WebRequests);
    bench.sell("a");
    bench.pass(SECOND * 43_200 * 60);
    assert_eq!(bench.statuses("a"), "ready 0", "to the minute");
    bench.pass(SECOND);
    assert_eq!(bench.show("a").0, 404);
    assert_eq!(bench.sell("a").0, 201);
    bench.call(Method::PUT, "settings", r#"{"deleteRequestsAfter":1}"#);
    bench.plain("q", "getFnStatus");
    bench.pass(SECOND * 61);
    assert_eq!(bench.show("q").0, 404);
}

#[test]
fn a_query_goes_past_the_queue_and_past_a_block() {
    let bench = opened(Generation::V2WebRequests);
    in_sells(&bench, Point::P4, Fault::Link { calls: u32::MAX });
    bench.sell("a");
    bench.plain("queued", "getFnStatus");
    let ask = || bench.call(Method::POST, "operations/queryFnStatus", "");
    let (status, error) = ask();
    assert_eq!(status, 500);
    assert_eq!(error.get("error").unwrap().get("code").and_then(Json::as_u32), Some(2));
    bench.on(|register| register.link(true));
    let (status, said) = ask();
    assert_eq!(status, 200);
    let last = said.get("fnStatus").unwrap().get("fiscalDocumentNumber").unwrap();
    assert_eq!(last.as_u32(), Some(2));
    assert_eq!(bench.statuses("a"), "blocked 241", "the block is another matter");
    assert_eq!(bench.statuses("queued"), "wait 0");
}

#[test]
fn a_query_waits_for_the_task_that_runs_and_not_for_ever() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    for (takes, status) in [(10, 200), (31, 408)] {
        let bench = opened(Generation::V2WebRequests);
        let printing = SECOND * takes;
        bench.server.latency(Latency { printing, asking: Duration::ZERO });
        bench.sell("a");
        bench.sell("behind");
        let request = Request::post("http://atol/api/v2/operations/queryFnStatus");
        let mut query = pin!(bench.server.answer(request.body(Bytes::new()).unwrap()));
        let mut context = Context::from_waker(Waker::noop());
        let mut ready = || query.as_mut().poll(&mut context);
        assert!(ready().is_pending());
        bench.pass(SECOND * takes.min(30) - Duration::from_millis(1));
        assert!(ready().is_pending());
        bench.pass(Duration::from_millis(1));
        let Poll::Ready(Some(answer)) = ready() else { panic!("it waits on") };
        assert_eq!(answer.status(), status);
        if status == 200 {
            let text = String::from_utf8(answer.body().to_vec()).unwrap();
            assert!(text.contains(r#""fiscalDocumentNumber":2"#), "after the first: {text}");
        }
    }
}

/// The first trace of the note, 3.8: the answer to the POST is lost, then the paper ends before
/// the receipt is signed; the fiscal memory tells that nothing was.
#[test]
fn a_lost_answer_then_no_paper_then_the_memory_is_asked() {
    let bench = opened(Generation::V2WebRequests);
    in_sells(&bench, Point::P3, Fault::Paper);
    bench.server.latency(Latency::REAL);
    bench.server.drop_http_response(0);
    let sell = format!(r#"{{"uuid":"b1","request":[{SELL}]}}"#);
    assert!(bench.send(Method::POST, "requests", &sell).is_none());
    assert_eq!(bench.call(Method::POST, "requests", &sell).0, 409);
    assert_eq!(bench.statuses("b1"), "inProgress 0");
    bench.pass(SECOND * 2);
    assert_eq!(bench.statuses("b1"), "error 44");
    bench.plain("b2", "getFnStatus");
    bench.pass(SECOND);
    let last = bench.result("b2").get("fnStatus").unwrap().get("fiscalDocumentNumber").cloned();
    assert_eq!(last.and_then(|number| number.as_u32()), Some(1), "as before");
    bench.on(|register| register.printer.paper = 1_000);
    bench.sell("b3");
    bench.pass(SECOND * 2);
    assert_eq!((bench.statuses("b3"), bench.documents()), ("ready 0".into(), "o1".into()));
}

#[test]
fn the_rest_of_a_request_goes_on_after_a_block() {
    for (point, says, documents) in
        [(Point::P4, "ready 0, ready 0", "o1x"), (Point::P3, "error 241, interrupted 502", "o")]
    {
        let bench = opened(Generation::V2WebRequests);
        in_sells(&bench, point, Fault::Link { calls: 1 });
        bench.post("a", &format!("[{SELL},{{\"type\":\"reportOfdExchangeStatus\"}}]"));
        assert_eq!(bench.statuses("a"), "blocked 241, wait 0");
        bench.server.restart(true);
        bench.pass(SECOND * 3);
        assert_eq!(bench.statuses("a"), says);
        assert_eq!(bench.documents(), documents);
    }
}

#[test]
fn another_memory_during_a_block_is_no_document() {
    let bench = opened(Generation::V2WebRequests);
    bench.sell("before");
    let close = r#"{"type":"closeShift"}"#;
    let trouble = Trouble::once(Point::P4, Fault::Link { calls: u32::MAX });
    bench.on(|register| register.inject_when(trouble));
    bench.post("close", &format!("[{close}]"));
    bench.on(|register| register.replace_memory("9999078900005678")).unwrap();
    bench.on(|register| register.link(true));
    bench.pass(SECOND * 3);
    assert_eq!(bench.statuses("close"), "error 241", "whoever asks must look at the serial");
}

#[test]
fn a_whole_shift_in_one_clock() {
    let bench = opened(Generation::V2WebRequests);
    bench.pass(SECOND * 86_400);
    bench.sell("late");
    assert_eq!(bench.statuses("late"), "error 68", "the register's clock went with the server's");
    bench.plain("close", "closeShift");
    bench.sell("auto");
    assert_eq!(bench.statuses("auto"), "ready 0");
    assert_eq!(bench.documents(), "oco1");
    assert_eq!(bench.broken_rule(), None);
}

#[test]
fn the_server_opens_the_register_for_each_task_and_another_program_holds_it_else() {
    const OTHER: u64 = u64::MAX;
    for generation in Generation::ALL {
        let bench = Bench::with_latency(generation);
        bench.on(|register| register.hold(OTHER)).unwrap();
        bench.plain("held", "openShift");
        bench.plain("asked", "getShiftStatus");
        assert_eq!(bench.statuses("held"), "error 3", "{generation:?}: nothing was sent");
        assert_eq!(bench.statuses("asked"), "error 3");
        assert!(!bench.is_blocked());
        if !generation.is_v1() {
            let (status, body) = bench.call(Method::POST, "operations/queryShiftStatus", "{}");
            assert_eq!((status, body.to_string().contains(r#""code":3"#)), (500, true), "{body}");
        }
        bench.on(|register| register.release(OTHER));
        bench.plain("open", "openShift");
        assert_eq!(bench.statuses("open"), "inProgress 0");
        assert_eq!(bench.on(|register| register.hold(OTHER)), Err(Code::PORT_BUSY));
        bench.pass(4 * SECOND);
        assert_eq!(bench.statuses("open"), "ready 0");
        bench.on(|register| register.hold(OTHER)).unwrap();
        assert_eq!(bench.documents(), "o");
    }
}

#[test]
fn a_block_lasts_while_another_program_holds_the_register() {
    const OTHER: u64 = u64::MAX;
    let bench = opened(Generation::V2WebRequests);
    in_sells(&bench, Point::P4, Fault::Link { calls: 1 });
    bench.sell("sell");
    assert!(bench.statuses("sell").starts_with("blocked"), "{}", bench.statuses("sell"));
    bench.on(|register| register.hold(OTHER)).unwrap();
    bench.pass(60 * SECOND);
    assert!(bench.is_blocked());
    bench.on(|register| register.release(OTHER));
    bench.pass(4 * SECOND);
    assert_eq!(bench.statuses("sell"), "ready 0");
    assert_eq!(bench.documents(), "o1");
}

/// A process that ends lets go of everything it has open.
#[test]
fn a_server_that_died_holds_nothing() {
    let bench = Bench::with_latency(Generation::V2WebRequests);
    bench.server.die(Death::BeforeTask);
    bench.plain("open", "openShift");
    bench.pass(4 * SECOND);
    assert!(bench.server.is_down());
    bench.on(|register| register.hold(u64::MAX)).unwrap();
}
