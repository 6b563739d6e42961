//! What is sent, and what each status of the web server leads to.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use support::{JumpingClock, Reply, Script, attempt, receipt, sale};
use tillway_atol::{AtolWeb, Credentials, DeviceId, Generation, WebConfig};
use tillway_core::fiscal::{Line, Mark, Paid, Problem, Receipt, ReceiptKind, Tender, VatRate};
use tillway_core::money::Kopecks;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found, RegisterError};
use tillway_core::time::Timestamp;
use tillway_sim::ids::SeededIds;

const SHIFT: &str = r#"{"shiftStatus":{"number":9,"state":"opened","expiredTime":""}}"#;
const TAKEN: &str = r#"{"number":0,"uuid":"","isBlocked":false,"blockedUUID":"","blockReason":""}"#;
const WRITTEN: &str = r#"{"results":[{"status":"ready","error":{"code":0,"description":""},
    "result":{"fiscalParams":{"fiscalDocumentNumber":119,"fnNumber":"9999078900001234",
    "fiscalDocumentDateTime":"2026-03-02T12:41:00+03:00","shiftNumber":9,"total":360.0}}}]}"#;
const NO: &str = r#"{"error":{"code":505,"description":"нет"}}"#;
const IDLE: &str = r#"{"number":0,"isBlocked":false}"#;
const LAST: &str = r#"{"fnStatus":{"fiscalDocumentNumber":118}}"#;
const MEMORY: &str = r#"{"fnInfo":{"serial":"9999078900001234","ffdVersion":"1.2"}}"#;
const STATUS: &str = r#"{"deviceStatus":{"currentDateTime":"2026-03-02T12:41:30+03:00"}}"#;

/// Where the memory stands, asked once: the queue, the number, the memory, the clock.
const STANDS: [(&str, Reply); 4] = [
    ("GET /api/v2/getRequestsQueueStatus", Reply::Is(200, IDLE)),
    ("POST /api/v2/operations/queryFnStatus", Reply::Is(200, LAST)),
    ("POST /api/v2/operations/queryFnInfo", Reply::Is(200, MEMORY)),
    ("POST /api/v2/operations/queryDeviceStatus", Reply::Is(200, STATUS)),
];

const POST: &str = "POST /api/v2/requests";
const LOOK: &str = "GET /api/v2/requests/00000000-0000-0000-0000-000000000007";
const REMOVE: &str = "DELETE /api/v2/requests/00000000-0000-0000-0000-000000000007";
const ASK_SHIFT: (&str, Reply) =
    ("POST /api/v2/operations/queryShiftStatus", Reply::Is(200, SHIFT));
const UNKNOWN: (&str, Reply) = (LOOK, Reply::Is(404, NO));

fn before() -> Mark {
    let at = Timestamp { utc_ms: 1_772_444_400_000, offset_min: 180 };
    Mark { memory: "9999078900001234".into(), last: 118, at, operations: None }
}

fn config(generation: Generation) -> WebConfig {
    WebConfig { generation, ..WebConfig::new("http://127.0.0.1:16732") }
}

fn register(config: WebConfig, script: &Script) -> AtolWeb {
    let clock = Arc::new(JumpingClock::default());
    let ids = Arc::new(SeededIds::new(1));
    let script = script.clone().with_clock(&clock);
    AtolWeb::try_new(config, Arc::new(script), clock, ids).unwrap()
}

fn check(steps: &[&[(&'static str, Reply)]], expected: impl FnOnce(&FiscalOutcome) -> bool) {
    let steps = steps.concat();
    let script = Script::new(&steps);
    let register = register(config(Generation::V2), &script);
    let outcome = block_on(register.register(&attempt(7, before()), &sale(36_000)));
    assert!(expected(&outcome), "{outcome:?} after {steps:#?}");
    assert_eq!(script.left(), 0, "{outcome:?} came before the end of {steps:#?}");
}

fn written(outcome: &FiscalOutcome) -> bool {
    matches!(outcome, FiscalOutcome::Written(document) if document.number == 119)
}

fn not_written(cause: Cause) -> impl FnOnce(&FiscalOutcome) -> bool {
    move |outcome| matches!(outcome, FiscalOutcome::NotWritten(error) if error.cause == cause)
}

fn in_doubt(cause: Cause) -> impl FnOnce(&FiscalOutcome) -> bool {
    move |outcome| matches!(outcome, FiscalOutcome::InDoubt(error) if error.cause == cause)
}

fn golden(name: &str, seen: &str) {
    let path = format!("{}/fixtures/http/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, seen).unwrap();
    }
    assert_eq!(seen, std::fs::read_to_string(&path).unwrap(), "{name}");
}

#[test]
fn a_sale_on_the_wire_of_generation_2() {
    let info = r#"{"serverVersion":"1.0.4.0","driverVersion":"10.10.8.0"}"#;
    let script = Script::new(&[
        ("GET /api/v2/serverInfo", Reply::Is(200, info)),
        UNKNOWN,
        ASK_SHIFT,
        (POST, Reply::Is(201, TAKEN)),
        (LOOK, Reply::Is(200, WRITTEN)),
    ]);
    let config = WebConfig {
        device: Some(DeviceId::try_new("kiosk1").unwrap()),
        credentials: Some(Credentials::new("kiosk", "секрет")),
        ..config(Generation::Find)
    };
    let register = register(config, &script);
    let outcome = block_on(register.register(&attempt(7, before()), &sale(36_000)));
    assert!(written(&outcome), "{outcome:?}");
    assert_eq!(register.generation(), Some(Generation::V2));
    golden("sale_v2", &script.seen());
}

#[test]
fn a_sale_on_the_wire_of_generation_1() {
    const FLAT_SHIFT: &str = r#"{"results":[{"status":"ready","errorCode":0,"errorDescription":"",
        "result":{"shiftStatus":{"number":9,"state":"opened"}}}]}"#;
    let script = Script::new(&[
        ("GET /api/v2/serverInfo", Reply::Is(404, "<html>")),
        QUEUE_V1,
        ("GET /requests/", Reply::Is(404, "")),
        ("POST /requests", Reply::Is(201, "")),
        ("GET /requests/", Reply::Is(200, FLAT_SHIFT)),
        ("POST /requests", Reply::Is(201, "")),
        ("GET /requests/", Reply::Is(200, WRITTEN)),
    ]);
    let register = register(config(Generation::Find), &script);
    let outcome = block_on(register.register(&attempt(7, before()), &sale(36_000)));
    assert!(written(&outcome), "{outcome:?}");
    assert_eq!(register.generation(), Some(Generation::V1));
    golden("sale_v1", &script.seen());
}

const QUEUE_V1: (&str, Reply) =
    ("GET /stat/requests", Reply::Is(200, r#"{"not_ready_count":0,"is_blocked":false}"#));

/// Each request takes the server half a minute: none is repeated, whatever it is.
#[test]
fn a_server_that_answers_slowly_is_not_asked_again_and_again() {
    let slow = |said| (said, Reply::Slow(503, NO, Duration::from_secs(30)));
    let fails = |generation, steps: &[(&'static str, Reply)]| {
        let script = Script::new(steps);
        let register = register(config(generation), &script);
        let found = block_on(register.find(&attempt(7, before()), &sale(36_000)));
        assert!(matches!(found, Found::NotYet(_)), "{found:?}");
        assert_eq!(script.left(), 0, "{found:?}");
    };
    fails(Generation::Find, &[slow("GET /api/v2/serverInfo")]);
    fails(Generation::V2, &[slow(LOOK)]);
    const CANCELED: &str = r#"{"results":[{"status":"error","error":{"code":2}}]}"#;
    let doubted = (LOOK, Reply::Is(200, CANCELED));
    fails(Generation::V2, &[doubted, slow(STANDS[0].0)]);
    let script = Script::new(&[(ASK_SHIFT.0, Reply::Is(404, "")), slow(POST), slow("GET")]);
    let register = register(config(Generation::V2), &script);
    assert!(block_on(register.shift()).is_err());
    assert_eq!(script.left(), 0, "a question that stands in the queue");
}

/// A 404 of a proxy, or of a server that is not up yet, is no interface of generation 1.
#[test]
fn one_404_does_not_make_a_server_old() {
    let info = r#"{"serverVersion":"1.0.4.0","driverVersion":"10.10.8.0"}"#;
    let absent = ("GET /api/v2/serverInfo", Reply::Is(404, "<html>"));
    let nowhere = ("GET /stat/requests", Reply::Is(404, "<html>"));
    let no_queue = ("GET /stat/requests", Reply::Is(200, "<html>"));
    let script = Script::new(&[
        absent,
        nowhere,
        absent,
        no_queue,
        ("GET /api/v2/serverInfo", Reply::Is(200, info)),
        ASK_SHIFT,
    ]);
    let found = register(config(Generation::Find), &script);
    assert_eq!(block_on(found.shift()).unwrap().number, 9);
    assert_eq!((found.generation(), script.left()), (Some(Generation::V2), 0));
    // Nothing is ever there: it is said after six attempts, and nothing is concluded.
    let script = Script::new(&[absent, nowhere].repeat(6));
    let never = register(config(Generation::Find), &script);
    assert_eq!(block_on(never.shift()).unwrap_err().cause, Cause::Link);
    assert_eq!((never.generation(), script.left()), (None, 0));
}

#[test]
fn each_status_of_the_sending_of_a_task() {
    let begin = [UNKNOWN, ASK_SHIFT];
    let sent = |status, body| [(POST, Reply::Is(status, body))];
    for status in [400, 420] {
        check(&[&begin, &sent(status, NO)], not_written(Cause::BadTask));
    }
    for status in [401, 403, 404] {
        check(&[&begin, &sent(status, NO)], not_written(Cause::Setup));
    }
    let late = [(LOOK, Reply::Is(200, WRITTEN))];
    for status in [408, 409, 418, 500, 502, 503] {
        check(&[&begin, &sent(status, NO), &late], written);
    }
    // Some builds say 409 where the device is not active; then there is no such task.
    check(&[&begin, &sent(409, NO), &[UNKNOWN]], not_written(Cause::Setup));
}

#[test]
fn f20_a_task_that_is_not_known_is_sent_again_only_when_the_memory_has_nothing_new() {
    let begin = [UNKNOWN, ASK_SHIFT];
    let end = [(POST, Reply::Is(201, TAKEN)), (LOOK, Reply::Is(200, WRITTEN))];
    for lost in [Reply::Lost, Reply::Is(500, NO)] {
        // Read twice at rest, and only then sent again, under the same uuid.
        check(&[&begin, &[(POST, lost), UNKNOWN], &STANDS, &STANDS, &end], written);
    }
    // The repeat is refused; the first may still be on its way.
    let refused = [(POST, Reply::Is(403, NO))];
    let first = [(POST, Reply::Lost), UNKNOWN];
    check(&[&begin, &first, &STANDS, &STANDS, &refused], in_doubt(Cause::Setup));
    let busy = ("GET /api/v2/getRequestsQueueStatus", Reply::Is(200, r#"{"number":1}"#));
    let lost = [(POST, Reply::Lost), UNKNOWN, busy];
    check(&[&begin, &lost, &STANDS[1..]], in_doubt(Cause::Busy));
}

#[test]
fn a_lost_answer_is_asked_for_and_a_request_that_did_not_leave_is_sent_again() {
    let begin = [UNKNOWN, ASK_SHIFT];
    let end = [(LOOK, Reply::Is(200, WRITTEN))];
    check(&[&begin, &[(POST, Reply::Lost)], &end], written);
    check(&[&begin, &[(POST, Reply::Unsent), (POST, Reply::Is(201, TAKEN))], &end], written);
    check(&[&begin, &[(POST, Reply::Unsent); 6]], not_written(Cause::Link));
    // Nobody answers after the sending: in doubt, never refused.
    let silent = vec![(LOOK, Reply::Lost); 6];
    check(&[&begin, &[(POST, Reply::Lost)], &silent], in_doubt(Cause::Link));
    // Nobody answers before it: nothing was sent.
    check(&[&silent], not_written(Cause::Link));
}

#[test]
fn trap_b_a_task_that_does_not_begin_is_taken_back() {
    const WAIT: &str = r#"{"results":[{"status":"wait","error":{"code":0}}]}"#;
    const CANCELED: &str = r#"{"results":[{"status":"canceled","error":{"code":503}}]}"#;
    let begin = [UNKNOWN, ASK_SHIFT, (POST, Reply::Is(201, TAKEN))];
    // 30 s of looks, 300 ms apart.
    let waits = vec![(LOOK, Reply::Is(200, WAIT)); 101];
    let taken_back = [(REMOVE, Reply::Is(200, "")), (LOOK, Reply::Is(200, CANCELED))];
    check(&[&begin, &waits, &taken_back], not_written(Cause::Cancelled));
    // It is confirmed, and began all the same.
    let ran = [(REMOVE, Reply::Is(200, "")), (LOOK, Reply::Is(200, WRITTEN))];
    check(&[&begin, &waits, &ran, &ran[1..]], written);
    // It began in the same moment: it is followed on.
    for status in [405, 409] {
        let began = [(REMOVE, Reply::Is(status, NO)), (LOOK, Reply::Is(200, WRITTEN))];
        check(&[&begin, &waits, &began], written);
    }
    // The answer to the removal is lost, but the server says what became of it.
    let gone = [(REMOVE, Reply::Lost), (LOOK, Reply::Is(200, CANCELED))];
    check(&[&begin, &waits, &gone], not_written(Cause::Cancelled));
}

#[test]
fn a_task_that_does_not_end_is_in_doubt() {
    const BLOCKED: &str = r#"{"results":[{"status":"blocked","error":{"code":44}}]}"#;
    const STRANGE: &str = r#"{"results":[{"status":"finished"}]}"#;
    let begin = [UNKNOWN, ASK_SHIFT, (POST, Reply::Is(201, TAKEN))];
    for (body, cause) in [(BLOCKED, Cause::Paper), (STRANGE, Cause::Unknown)] {
        // 120 s of looks, 300 ms apart.
        check(&[&begin, &vec![(LOOK, Reply::Is(200, body)); 401]], in_doubt(cause));
    }
}

#[test]
fn trap_c_a_driver_that_cannot_open_the_register_is_a_matter_of_setup() {
    const HELD: &str = r#"{"results":[{"status":"error","error":{"code":3}}]}"#;
    const NO_SERVICE: &str = r#"{"results":[{"status":"error","error":{"code":277}}]}"#;
    let begin = [UNKNOWN, ASK_SHIFT, (POST, Reply::Is(201, TAKEN))];
    for body in [HELD, NO_SERVICE] {
        check(&[&begin, &[(LOOK, Reply::Is(200, body))]], not_written(Cause::Setup));
    }
}

#[test]
fn trap_a_a_result_is_believed_only_when_it_is_our_document() {
    const OTHER_TOTAL: &str = r#"{"results":[{"status":"ready","result":{"fiscalParams":
        {"fiscalDocumentNumber":119,"fnNumber":"9999078900001234","total":1.0}}}]}"#;
    const NO_TOTAL: &str = r#"{"results":[{"status":"ready","result":{"fiscalParams":
        {"fiscalDocumentNumber":119,"fnNumber":"9999078900001234"}}}]}"#;
    const RECOVERED: &str = r#"{"results":[{"status":"ready","result":{"fiscalParams":
        {"fiscalDocumentNumber":119,"fnNumber":"9999078900001234","total":360.0},
        "warnings":{"recovered":true}}}]}"#;
    const OLD: &str = r#"{"results":[{"status":"ready","result":{"fiscalParams":
        {"fiscalDocumentNumber":118,"fnNumber":"9999078900001234","total":360.0}}}]}"#;
    const OTHER_MEMORY: &str = r#"{"results":[{"status":"ready","result":{"fiscalParams":
        {"fiscalDocumentNumber":119,"fnNumber":"9999078900005678","total":360.0}}}]}"#;
    const NO_MEMORY: &str = r#"{"results":[{"status":"ready","result":{"fiscalParams":
        {"fiscalDocumentNumber":119,"total":360.0}}}]}"#;
    const EMPTY: &str = r#"{"results":[{"status":"ready","result":null}]}"#;
    let begin = [UNKNOWN, ASK_SHIFT, (POST, Reply::Is(201, TAKEN))];
    for body in [OTHER_TOTAL, NO_TOTAL, RECOVERED, OLD, OTHER_MEMORY, NO_MEMORY, EMPTY] {
        // The memory has nothing new: whatever it was, it was no receipt of ours.
        let ready = [(LOOK, Reply::Is(200, body))];
        check(&[&begin, &ready, &STANDS, &STANDS], not_written(Cause::Unknown));
    }
}

/// As [`STANDS`], with document 119.
const GROWN: [(&str, Reply); 4] = {
    let mut grown = STANDS;
    grown[1].1 = Reply::Is(200, r#"{"fnStatus":{"fiscalDocumentNumber":119}}"#);
    grown
};

/// Document 119 is asked for through the queue, under an id of its own.
const READ: &str = "GET /api/v2/requests/";

#[test]
fn what_the_task_says_of_the_paper_is_kept_when_the_memory_is_read() {
    const RECOVERED: &str = r#"{"results":[{"status":"ready","result":{"fiscalParams":
        {"fiscalDocumentNumber":119,"fnNumber":"9999078900001234","total":360.0},
        "warnings":{"recovered":true,"notPrinted":true}}}]}"#;
    const DOCUMENT: &str = r#"{"results":[{"status":"ready","result":{"documentTLV":
        {"fiscalDocumentType":"receipt","short":false,"1012":"2026-03-02T12:41:00+03:00",
        "1020":360.0,"1040":119,"1041":"9999078900001234","1054":1}}}]}"#;
    let begin = [UNKNOWN, ASK_SHIFT, (POST, Reply::Is(201, TAKEN))];
    let read = [(POST, Reply::Is(201, TAKEN)), (READ, Reply::Is(200, DOCUMENT))];
    let ready = [(LOOK, Reply::Is(200, RECOVERED))];
    let unprinted = |outcome: &FiscalOutcome| match outcome {
        FiscalOutcome::Written(document) => document.number == 119 && document.unprinted,
        _ => false,
    };
    check(&[&begin, &ready, &GROWN, &read, &GROWN], unprinted);
}

/// A server that counts its blocked task as done is not at rest either.
#[test]
fn a_queue_that_is_blocked_is_not_at_rest() {
    let mut blocked = STANDS;
    blocked[0].1 = Reply::Is(200, r#"{"number":0,"isBlocked":true}"#);
    let begin = [UNKNOWN, ASK_SHIFT, (POST, Reply::Lost), UNKNOWN];
    check(&[&begin, &blocked], in_doubt(Cause::Busy));
}

/// A document that can never be read is no reason to ask for ever: a person decides.
#[test]
fn a_document_that_cannot_be_read_is_put_before_a_person() {
    const FAULT: &str = r#"{"results":[{"status":"error","error":{"code":118}}]}"#;
    let begin = [UNKNOWN, ASK_SHIFT, (POST, Reply::Lost), UNKNOWN];
    let read = [(POST, Reply::Is(201, TAKEN)), (READ, Reply::Is(200, FAULT))];
    let asks_a_person = |outcome: &FiscalOutcome| match outcome {
        FiscalOutcome::InDoubt(error) => &*error.text == "document 119 cannot be read",
        _ => false,
    };
    check(&[&begin, &GROWN, &read], asks_a_person);
}

#[test]
fn a_receipt_in_a_shift_that_is_not_open_is_refused_before_it_is_sent() {
    const CLOSED: &str = r#"{"shiftStatus":{"number":9,"state":"closed"}}"#;
    const EXPIRED: &str = r#"{"shiftStatus":{"number":9,"state":"expired"}}"#;
    for (body, cause) in [(CLOSED, Cause::ShiftClosed), (EXPIRED, Cause::ShiftExpired)] {
        let shift = (ASK_SHIFT.0, Reply::Is(200, body));
        check(&[&[UNKNOWN, shift]], not_written(cause));
    }
}

#[test]
fn a_repeat_in_the_same_run_is_never_called_refused() {
    let steps = [
        &[UNKNOWN, ASK_SHIFT, (POST, Reply::Lost)][..],
        &vec![(LOOK, Reply::Lost); 6],
        &vec![(LOOK, Reply::Lost); 6],
        // The server has forgotten everything: the memory decides.
        &[UNKNOWN],
        &STANDS,
        &STANDS,
        &[ASK_SHIFT, (POST, Reply::Is(201, TAKEN)), (LOOK, Reply::Is(200, WRITTEN))],
    ]
    .concat();
    let script = Script::new(&steps);
    let register = register(config(Generation::V2), &script);
    let call = || block_on(register.register(&attempt(7, before()), &sale(36_000)));
    assert!(in_doubt(Cause::Link)(&call()));
    assert!(in_doubt(Cause::Link)(&call()), "an earlier call may have sent it");
    assert!(written(&call()));
    assert_eq!(script.left(), 0);
}

#[test]
fn a_doubt_is_settled_without_sending() {
    const WAIT: &str = r#"{"results":[{"status":"wait","error":{"code":0}}]}"#;
    const CANCELED: &str = r#"{"results":[{"status":"canceled","error":{"code":503}}]}"#;
    const BLOCKED: &str = r#"{"results":[{"status":"blocked","error":{"code":2}}]}"#;
    const RUNS: &str = r#"{"results":[{"status":"inProgress","error":{"code":0}}]}"#;
    const ERROR: &str = r#"{"results":[{"status":"error","error":{"code":68}}]}"#;
    let find = |steps: &[&[(&'static str, Reply)]]| {
        let script = Script::new(&steps.concat());
        let register = register(config(Generation::V2), &script);
        let found = block_on(register.find(&attempt(7, before()), &sale(36_000)));
        assert_eq!(script.left(), 0, "{found:?}");
        found
    };
    let look = |body| [(LOOK, Reply::Is(200, body))];
    assert!(matches!(find(&[&look(WRITTEN)]), Found::Written(_)));
    assert_eq!(find(&[&look(ERROR)]), Found::NotWritten);
    assert!(matches!(find(&[&look(RUNS)]), Found::NotYet(e) if e.cause == Cause::Busy));
    assert!(matches!(find(&[&look(BLOCKED)]), Found::NotYet(e) if e.cause == Cause::Link));
    let removed = [(REMOVE, Reply::Is(200, ""))];
    assert_eq!(find(&[&look(WAIT), &removed, &look(CANCELED)]), Found::NotWritten);
    // It began in that moment, or nobody knows.
    for reply in [Reply::Is(200, RUNS), Reply::Is(200, WAIT), Reply::Is(404, NO), Reply::Lost] {
        assert!(matches!(find(&[&look(WAIT), &removed, &[(LOOK, reply)]]), Found::NotYet(_)));
    }
    let refused = [(REMOVE, Reply::Is(409, NO))];
    assert!(matches!(find(&[&look(WAIT), &refused]), Found::NotYet(_)));
    let silent = vec![(LOOK, Reply::Unsent); 6];
    assert!(matches!(find(&[&silent]), Found::NotYet(e) if e.cause == Cause::Link));
}

#[test]
fn a_task_that_is_not_known_can_never_run_once_it_is_found_not_written() {
    const GRAVE: &str = r#"{"results":[{"status":"ready","error":{"code":0},"result":{}},
        {"status":"ready","error":{"code":0},"result":{}}]}"#;
    const WAITS: &str = r#"{"results":[{"status":"wait"},{"status":"wait"}]}"#;
    let find = |steps: &[&[(&'static str, Reply)]]| {
        let script = Script::new(&steps.concat());
        let register = register(config(Generation::V2), &script);
        let found = block_on(register.find(&attempt(7, before()), &sale(36_000)));
        assert_eq!(script.left(), 0, "{found:?}");
        (found, script.seen())
    };
    let bury = |reply| [UNKNOWN, (POST, reply)];
    let grave = [(LOOK, Reply::Is(200, GRAVE))];
    let (found, seen) = find(&[&bury(Reply::Is(201, TAKEN)), &grave, &STANDS, &STANDS]);
    assert_eq!(found, Found::NotWritten);
    let twice = r#""request":[{"type":"getFnStatus"},{"type":"getFnStatus"}]"#;
    assert!(seen.contains(twice), "{seen}");
    // It is found again; the answer to the burial is lost; it has to wait for its turn.
    assert_eq!(find(&[&grave, &STANDS, &STANDS]).0, Found::NotWritten);
    assert_eq!(find(&[&bury(Reply::Lost), &grave, &STANDS, &STANDS]).0, Found::NotWritten);
    let waits = [(LOOK, Reply::Is(200, WAITS))];
    let taken = bury(Reply::Is(201, TAKEN));
    assert_eq!(find(&[&taken, &waits, &grave, &STANDS, &STANDS]).0, Found::NotWritten);
    // A server that takes no two tasks at once.
    assert_eq!(find(&[&bury(Reply::Is(400, NO)), &STANDS, &STANDS]).0, Found::NotWritten);
    // The task arrives in that moment.
    let arrived = [(LOOK, Reply::Is(200, WRITTEN))];
    assert!(matches!(find(&[&bury(Reply::Is(409, NO)), &arrived]).0, Found::Written(_)));
    // The burial cannot be sent, or nobody knows whether it was.
    assert!(matches!(find(&[&bury(Reply::Unsent)]).0, Found::NotYet(_)));
    assert!(matches!(find(&[&bury(Reply::Lost), &[UNKNOWN]]).0, Found::NotYet(_)));

    let script = Script::new(&[&grave[..], &STANDS, &STANDS].concat());
    let register = register(config(Generation::V2), &script);
    let outcome = block_on(register.register(&attempt(7, before()), &sale(36_000)));
    assert!(not_written(Cause::Cancelled)(&outcome), "{outcome:?}");
}

#[test]
fn questions_are_repeated_and_answered_by_the_driver() {
    let shift = |steps: &[(&'static str, Reply)]| {
        let script = Script::new(steps);
        let shift = block_on(register(config(Generation::V2), &script).shift());
        assert_eq!(script.left(), 0, "{shift:?}");
        shift.map_err(|error: RegisterError| error.cause)
    };
    let ask = |reply| (ASK_SHIFT.0, reply);
    assert!(shift(&[ask(Reply::Is(408, NO)), ask(Reply::Lost), ASK_SHIFT]).is_ok());
    let never = vec![ask(Reply::Is(408, NO)); 6];
    assert_eq!(shift(&never), Err(Cause::Busy));
    // The server waits 30 s for the driver each time: a question is over before that is repeated.
    let slow = |times| vec![ask(Reply::Slow(408, NO, Duration::from_secs(30))); times];
    assert_eq!(shift(&slow(1)), Err(Cause::Busy));
    assert_eq!(shift(&[ask(Reply::Is(401, ""))]), Err(Cause::Setup));
    assert_eq!(shift(&[ask(Reply::Is(403, NO))]), Err(Cause::Setup));
    let broken = r#"{"error":{"code":2,"description":"Нет связи"}}"#;
    assert_eq!(shift(&[ask(Reply::Is(500, broken))]), Err(Cause::Link));
    // A server of generation 2 without synchronous queries.
    const READY: &str = r#"{"results":[{"status":"ready","result":
        {"shiftStatus":{"number":9,"state":"closed"}}}]}"#;
    let queued = [
        ask(Reply::Is(404, "")),
        (POST, Reply::Is(201, TAKEN)),
        ("GET /api/v2/requests/", Reply::Is(200, READY)),
    ];
    assert!(shift(&queued).is_ok());
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_sent() {
    let base = || receipt(ReceiptKind::Sell, 10_000);
    let line = |change: fn(&mut Line)| {
        let mut receipt = base();
        change(&mut receipt.lines[0]);
        receipt
    };
    let paid = |kopecks| vec![Paid { tender: Tender::Card, amount: Kopecks(kopecks) }];
    let long = "ы".repeat(128);
    let many = |count: i64| {
        let lines = vec![support::line(&long, 1); usize::try_from(count).unwrap()];
        Receipt { lines, paid: paid(count), ..base() }
    };
    let rows = [
        (Receipt { paid: paid(9_999), ..base() }, "paid: 99.99 is paid for a total of 100"),
        (Receipt { paid: paid(10_001), ..base() }, "paid: 100.01 is paid for a total of 100"),
        (Receipt { lines: Vec::new(), ..base() }, "lines: is empty"),
        (line(|l| l.name = "я".repeat(129).into()), "lines[0].name: is longer than 128 characters"),
        (line(|l| l.amount = Kopecks(10_001)), "lines[0].amount: is above price × quantity = 100"),
        (
            line(|l| l.vat = VatRate::Vat22),
            "lines[0].vat: the register does not know the rate vat22",
        ),
        (many(201), "lines: has more than 200 entries"),
        (many(150), "receipt: has an estimated size above 32768 bytes"),
        (Receipt { notes: vec!["a\u{7}".into()], ..base() }, "notes: has control characters"),
    ];
    for (receipt, problem) in rows {
        let script = Script::new(&[]);
        let rates = Some(vec![VatRate::None, VatRate::Vat20]);
        let register = register(WebConfig { rates, ..config(Generation::V2) }, &script);
        let what = Fiscal::Receipt(Box::new(receipt));
        let outcome = block_on(register.register(&attempt(7, before()), &what));
        let expected = RegisterError::new(Cause::BadReceipt, problem);
        assert_eq!(outcome, FiscalOutcome::NotWritten(expected));
        assert_eq!(script.seen(), "");
    }
    assert_eq!(
        Problem::TooBig { max: tillway_atol::task::RECEIPT_BYTES_MAX }.to_string(),
        "has an estimated size above 32768 bytes"
    );
}

#[test]
fn rates_of_22_percent_need_a_new_driver() {
    let old = r#"{"serverVersion":"1.0.0.0","driverVersion":"10.10.7.0"}"#;
    let new = r#"{"serverVersion":"1.0.4.0","driverVersion":"10.10.8.0"}"#;
    let device = r#"{"deviceInfo":{"modelName":"АТОЛ 30Ф","serial":"1","ffdVersion":"1.2"}}"#;
    for (info, knows) in [(old, false), (new, true)] {
        let script = Script::new(&[
            ("GET /api/v2/serverInfo", Reply::Is(200, info)),
            ("GET /api/v2/serverInfo", Reply::Is(200, info)),
            ("POST /api/v2/operations/queryDeviceInfo", Reply::Is(200, device)),
            ("POST /api/v2/operations/queryFnInfo", Reply::Is(200, MEMORY)),
        ]);
        let register = register(config(Generation::Find), &script);
        let found = block_on(register.probe()).unwrap();
        assert_eq!((&*found.model, &*found.memory), ("АТОЛ 30Ф", "9999078900001234"));
        let capabilities = register.capabilities();
        assert_eq!(capabilities.format.as_deref(), Some("1.2"));
        assert!(capabilities.ids && capabilities.marking && !capabilities.open_receipt);
        for rate in [VatRate::Vat22, VatRate::Vat122] {
            assert_eq!(capabilities.limits.rates.contains(&rate), knows, "{info}");
        }
        assert!(capabilities.limits.rates.contains(&VatRate::Vat20));
    }
}
