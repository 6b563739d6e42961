//! What goes over HTTP: section 3.2-3.6 of the note.

use http::header;
use tillway_transport::client::{MemoryNet, RequestLimits};
use tillway_transport::server::ServerConfig;
use tillway_transport::{HttpTransport, Runtime, TransportError};

use super::*;

const V2: [Generation; 2] = [Generation::V2Java, Generation::V2WebRequests];

#[test]
fn each_generation_has_its_own_shapes() {
    for generation in Generation::ALL {
        let bench = Bench::new(generation);
        let (status, said) = bench.plain("7c1f", "openShift");
        assert_eq!(status, 201);
        let shown = bench.show("7c1f").1.to_string();
        let (_, queue) = match generation.is_v1() {
            true => bench.call(Method::GET, "stat/requests", ""),
            false => bench.call(Method::GET, "getRequestsQueueStatus", ""),
        };
        let (flat, nested) = (
            r#"{"results":[{"status":"ready","errorCode":0,"errorDescription":"Ошибок нет","#,
            r#"{"results":[{"status":"ready","error":{"code":0,"description":"Ошибок нет"},"#,
        );
        let begins = if generation == Generation::V1Flat { flat } else { nested };
        assert!(shown.starts_with(begins), "{shown}");
        let (accepted, queued) = if generation.is_v1() {
            let queued = concat!(
                r#"{"ready_count":1,"not_ready_count":0,"canceled_count":0,"#,
                r#""is_blocked":false,"block_request_uuid":""}"#
            );
            ("null", queued)
        } else {
            let accepted =
                r#"{"number":0,"uuid":"7c1f","isBlocked":false,"blockedUUID":"","blockReason":""}"#;
            let queued = concat!(
                r#"{"number":0,"ready":1,"canceled":0,"isBlocked":false,"#,
                r#""blockReason":"","blockedUUID":""}"#
            );
            (accepted, queued)
        };
        assert_eq!(said.to_string(), accepted);
        assert_eq!(queue.to_string(), queued);
    }
}

/// A generation is found by asking for `serverInfo` of the second.
#[test]
fn a_generation_is_found_by_its_prefix() {
    for generation in Generation::ALL {
        let bench = Bench::new(generation);
        let ask = |path: &str| {
            let request = Request::get(format!("http://atol{path}")).body(Bytes::new());
            block_on(bench.server.answer(request.unwrap())).unwrap().status().as_u16()
        };
        let old = generation.is_v1();
        assert_eq!(ask("/api/v2/serverInfo"), if old { 404 } else { 200 });
        assert_eq!(ask("/stat/requests"), if old { 200 } else { 404 });
        assert_eq!(ask("/api/v2/nothing"), 404);
    }
}

/// The rows of 3.5.
#[test]
fn http_codes_are_those_of_the_note() {
    let two = format!("[{SELL},{SELL}]");
    for generation in Generation::ALL {
        let bench = Bench::new(generation);
        let newest = generation == Generation::V2WebRequests;
        let call = |method: Method, path: &str, body: &str| bench.call(method, path, body).0;
        let post = |body: &str| call(Method::POST, "requests", body);
        for bad in [
            "",
            "{",
            r#"{"request":[{"type":"getFnStatus"}]}"#,
            r#"{"uuid":"a"}"#,
            r#"{"uuid":"a","request":[]}"#,
            r#"{"uuid":"a","request":["x"]}"#,
            r#"{"uuid":"","request":[{"type":"getFnStatus"}]}"#,
            &get_status(&"7".repeat(37)),
        ] {
            assert_eq!(post(bad), 400, "{bad}");
        }
        assert_eq!(bench.post("one", r#"{"type":"getFnStatus"}"#).0, 201, "an object will do");
        assert_eq!(bench.plain("one", "getFnStatus").0, 409);
        assert_eq!(bench.post("two", &two).0, if newest { 201 } else { 400 });
        assert_eq!(call(Method::GET, "requests/none", ""), 404);
        assert_eq!(call(Method::DELETE, "requests/none", ""), 404);
        assert_eq!(call(Method::PATCH, "requests/one", ""), 405);
        assert_eq!(call(Method::GET, "requests", ""), 405);
        if generation.is_v1() {
            continue;
        }
        assert_eq!(call(Method::GET, "requests/one?deviceID=none", ""), 404);
        let elsewhere = r#"{"uuid":"x","deviceID":"none","request":[{"type":"getFnStatus"}]}"#;
        assert_eq!(post(elsewhere), 404, "the body names it too");
        assert_eq!(call(Method::POST, "requests?deviceID=kiosk1", elsewhere), 201, "query wins");
        assert_eq!(call(Method::POST, "operations/queryFnStatus", ""), 200);
        assert_eq!(call(Method::GET, "operations/queryFnStatus", ""), 405);
        assert_eq!(call(Method::POST, "operations/queryWeather", ""), 404);
        assert_eq!(call(Method::POST, "deactivateDevice?deviceID=kiosk1", ""), 200);
        assert_eq!(bench.plain("off", "getFnStatus").0, 403);
        assert_eq!(call(Method::POST, "operations/queryFnStatus", ""), 403);
        assert_eq!(call(Method::POST, "activateDevice?deviceID=kiosk1", ""), 200);
        let (_, error) = bench.call(Method::GET, "requests/none", "");
        let error = error.get("error").unwrap();
        assert_eq!(error.get("code").and_then(Json::as_u32), Some(505));
        assert!(error.get("description").and_then(Json::as_text).unwrap().contains("[none]"));
        assert_eq!(call(Method::PUT, "settings", r#"{"validateRequestsOnAdd":true}"#), 200);
        let (status, error) = bench.post("v", r#"[{"type":"sell"}]"#);
        assert_eq!(
            (status, error.get("error").unwrap().get("code").unwrap().as_u32()),
            (420, Some(501))
        );
        assert_eq!(bench.plain("q", "getFnStatus").0, 201, "504 is no error");
        assert_eq!(call(Method::DELETE, "devices/default", ""), 200);
        assert_eq!(bench.plain("gone", "getFnStatus").0, 404, "no default device");
    }
}

#[test]
fn an_inactive_device_can_be_a_conflict() {
    let config = WebConfig::new(Generation::V2WebRequests);
    let bench = Bench::with(WebConfig { inactive_is_conflict: true, ..config });
    bench.call(Method::POST, "deactivateDevice", "");
    assert_eq!(bench.plain("a", "getFnStatus").0, 409);
}

#[test]
fn a_full_database_is_an_internal_error() {
    let config = WebConfig::new(Generation::V2WebRequests);
    let bench = Bench::with(WebConfig { entries_max: 2, ..config });
    let codes = ["a", "b", "c"].map(|uuid| bench.plain(uuid, "getFnStatus").0);
    assert_eq!(codes, [201, 201, 500]);
}

#[test]
fn users_are_asked_from_the_first_one_on() {
    let ask = |bench: &Bench, path: &str, basic: Option<&str>| {
        let mut request = Request::get(format!("http://atol/api/v2/{path}"));
        if let Some(basic) = basic {
            request = request.header(header::AUTHORIZATION, basic);
        }
        block_on(bench.server.answer(request.body(Bytes::new()).unwrap())).unwrap()
    };
    for generation in V2 {
        let bench = Bench::new(generation);
        assert_eq!(ask(&bench, "devices", None).status(), 200, "open until there is a user");
        bench.server.user("till", "пароль:1".into());
        // till:пароль:1
        let right = "Basic dGlsbDrQv9Cw0YDQvtC70Yw6MQ==";
        if generation == Generation::V2Java {
            assert_eq!(ask(&bench, "devices", None).status(), 200, "it knows no users");
            continue;
        }
        for wrong in [None, Some("Basic dGlsbDp4"), Some("Basic !"), Some("Bearer x"), Some("")] {
            let answer = ask(&bench, "devices", wrong);
            assert_eq!(answer.status(), 401, "{wrong:?}");
            let realm = answer.headers().get(header::WWW_AUTHENTICATE).unwrap();
            assert!(realm.to_str().unwrap().starts_with("Basic"));
        }
        assert_eq!(ask(&bench, "devices", Some(right)).status(), 200);
        assert_eq!(ask(&bench, "serverInfo", None).status(), 200);
        assert_eq!(ask(&bench, "utils/mapping", None).status(), 200);
        assert!(!format!("{:?}", bench.server).contains("пароль"));
    }
}

#[test]
fn any_origin_may_ask() {
    let bench = Bench::new(Generation::V2WebRequests);
    bench.server.user("till", "secret".into());
    let request = Request::options("http://atol/api/v2/requests").header("Origin", "http://kiosk");
    let answer = block_on(bench.server.answer(request.body(Bytes::new()).unwrap())).unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "http://kiosk");
    assert!(answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_METHODS));
}

#[test]
fn devices_are_added_changed_and_chosen() {
    let bench = Bench::new(Generation::V2WebRequests);
    let call = |method: Method, path: &str, body: &str| bench.call(method, path, body);
    let (_, devices) = call(Method::GET, "devices", "");
    let Json::List(devices) = devices else { panic!() };
    assert_eq!(devices[0].get("isDefault").and_then(Json::as_bool), Some(true));
    for bad in [r#"{"id":""}"#, r#"{"id":"с кириллицей"}"#, r#"{"id":"12345678901234567"}"#, "{}"]
    {
        assert_eq!(call(Method::POST, "devices", bad).0, 400, "{bad}");
    }
    assert_eq!(call(Method::POST, "devices", r#"{"id":"kiosk1"}"#).0, 409);
    let second =
        r#"{"id":"kiosk-2","name":"У окна","connectionSettings":{"port":"tcp","ipPort":5556}}"#;
    let (status, shown) = call(Method::POST, "devices", second);
    assert_eq!(status, 201);
    let connection = shown.get("connectionSettings").unwrap();
    assert_eq!(connection.get("ipPort").and_then(Json::as_u32), Some(5_556));
    assert_eq!(shown.get("isActive").and_then(Json::as_bool), Some(false));
    assert_eq!(
        call(Method::PUT, "devices/kiosk-2", r#"{"connectionSettings":{"port":"lpt"}}"#).0,
        400
    );
    assert_eq!(call(Method::POST, "requests?deviceID=kiosk-2", &get_status("a")).0, 403);
    call(Method::POST, "activateDevice?deviceID=kiosk-2", "");
    assert_eq!(call(Method::POST, "requests?deviceID=kiosk-2", &get_status("a")).0, 201);
    assert_eq!(call(Method::POST, "requests", &get_status("a")).0, 409, "unique on the server");
    assert_eq!(call(Method::GET, "requests/a", "").0, 404, "and yet another device's");
    assert_eq!(call(Method::POST, "setDefaultDevice", r#"{"id":"kiosk-2"}"#).0, 200);
    assert_eq!(call(Method::GET, "requests/a", "").0, 200);
    assert_eq!(call(Method::POST, "setDefaultDevice", r#"{"id":"x"}"#).0, 404);
    let serial = |id: &str| bench.server.register(id).unwrap().lock().memory.serial.clone();
    assert_ne!(serial("kiosk1"), serial("kiosk-2"), "each has a register of its own");
    assert_eq!(call(Method::DELETE, "devices/kiosk-2", "").0, 200);
    assert_eq!(call(Method::GET, "devices/kiosk-2", "").0, 404);
}

fn get_status(uuid: &str) -> String {
    format!(r#"{{"uuid":"{uuid}","request":[{{"type":"getFnStatus"}}]}}"#)
}

#[test]
fn a_uuid_can_be_unique_on_its_device_alone() {
    let config = WebConfig::new(Generation::V2WebRequests);
    let bench = Bench::with(WebConfig { uuid_per_device: true, ..config });
    bench.call(Method::POST, "devices", r#"{"id":"two"}"#);
    bench.call(Method::POST, "activateDevice?deviceID=two", "");
    assert_eq!(bench.plain("a", "getFnStatus").0, 201);
    assert_eq!(bench.call(Method::POST, "requests?deviceID=two", &get_status("a")).0, 201);
    assert_eq!(bench.plain("a", "getFnStatus").0, 409);
}

#[test]
fn settings_are_kept_and_wrong_ones_change_nothing() {
    let bench = Bench::new(Generation::V2WebRequests);
    let (_, before) = bench.call(Method::GET, "settings", "");
    let shape = concat!(
        r#"{"scriptsPath":"","invertCashDrawerStatus":false,"additionalHeaderLines":"","#,
        r#""additionalFooterLines":"","blockQueueOnPrintErrors":false,"#,
        r#""deleteRequestsAfter":43200,"validateRequestsOnAdd":false}"#
    );
    assert_eq!(before.to_string(), shape);
    let wrong = r#"{"blockQueueOnPrintErrors":true,"deleteRequestsAfter":"a day"}"#;
    assert_eq!(bench.call(Method::PUT, "settings", wrong).0, 400);
    assert_eq!(bench.call(Method::GET, "settings", "").1, before);
    bench.call(Method::PUT, "settings", r#"{"additionalFooterLines":"Спасибо"}"#);
    bench.server.restart(false);
    let (_, after) = bench.call(Method::GET, "settings", "");
    assert_eq!(after.get("additionalFooterLines").and_then(Json::as_text), Some("Спасибо"));
}

#[test]
fn a_lost_answer_was_performed() {
    let bench = Bench::new(Generation::V2WebRequests);
    bench.server.drop_http_response(1);
    assert_eq!(bench.plain("a", "openShift").0, 201);
    let body = r#"{"uuid":"b","request":[{"type":"closeShift"}]}"#;
    assert!(bench.send(Method::POST, "requests", body).is_none());
    assert_eq!(bench.plain("b", "closeShift").0, 409);
    assert_eq!(bench.documents(), "oc");
    assert_eq!(bench.server.requests(), 3);
}

/// Without bytes in between: what a client would see.
#[test]
fn it_is_a_transport_of_its_own() {
    let bench = Bench::new(Generation::V2WebRequests);
    let send =
        |uri: &str| block_on(bench.server.send(Request::get(uri).body(Bytes::new()).unwrap()));
    assert_eq!(send("http://atol:16732/api/v2/serverInfo").unwrap().status(), 200);
    assert!(!send("/api/v2/serverInfo").unwrap_err().is_in_doubt(), "it wants an address");
    bench.server.drop_http_response(0);
    assert!(send("http://atol/api/v2/serverInfo").unwrap_err().is_in_doubt());
    bench.server.stop();
    let refused = send("http://atol/api/v2/serverInfo").unwrap_err();
    assert!(matches!(refused, TransportError::NotSent { .. }), "{refused:?}");
    bench.server.restart(true);
    let mut request = Request::get("http://atol/api/v2/serverInfo").body(Bytes::new()).unwrap();
    RequestLimits { answer_bytes_max: 3, ..RequestLimits::default() }.attach(&mut request);
    assert!(block_on(bench.server.send(request)).unwrap_err().is_in_doubt());
}

/// Real HTTP bytes, on the server loop that is used over sockets.
#[tokio::test]
async fn it_serves_real_http() {
    let bench = Bench::new(Generation::V2WebRequests);
    let net = MemoryNet::new(ServerConfig::default(), Runtime::tokio());
    let server = bench.server.clone();
    net.register("atol:16732", move |_| Some(server.clone()));
    let client = net.client("127.0.0.1:1".parse().unwrap());
    let post = |uuid: &str| {
        let request = Request::post("http://atol:16732/api/v2/requests?deviceID=kiosk1");
        let body = format!(r#"{{"uuid":"{uuid}","request":[{{"type":"openShift"}}]}}"#);
        request.body(Bytes::from(body)).unwrap()
    };
    assert_eq!(client.send(post("a")).await.unwrap().status(), 201);
    bench.server.drop_http_response(0);
    let lost = client.send(post("b")).await.unwrap_err();
    assert!(lost.is_in_doubt(), "{lost:?}");
    assert_eq!(client.send(post("b")).await.unwrap().status(), 409);
    let get = Request::get("http://atol:16732/api/v2/requests/a?deviceID=kiosk1");
    let answer = client.send(get.body(Bytes::new()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json; charset=utf-8");
    assert!(answer.body().starts_with(br#"{"results":[{"status":"ready""#));
}

#[test]
fn faults_and_tape_over_http_where_it_is_allowed() {
    let ask = |bench: &Bench, method: Method, path: &str, body: &str| {
        let request = Request::builder().method(method).uri(format!("http://atol/sim/{path}"));
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        let answer = block_on(bench.server.answer(request)).unwrap();
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    };
    let closed = Bench::new(Generation::V2WebRequests);
    assert_eq!(ask(&closed, Method::GET, "tape", "").0, 404);
    let config = WebConfig::new(Generation::V2WebRequests);
    let bench = Bench::with(WebConfig { control: true, ..config });
    let fault = |body: &str| ask(&bench, Method::POST, "fault", body).0;
    assert_eq!(fault(r#"{"paper":0}"#), 200);
    bench.plain("a", "openShift");
    assert_eq!(bench.statuses("a"), "error 44");
    let inject = r#"{"paper":500,"inject":{"at":"P4","fault":"power","task":"sell"}}"#;
    assert_eq!(fault(inject), 200);
    bench.plain("b", "openShift");
    bench.sell("c");
    assert_eq!(bench.statuses("c"), "blocked 241");
    assert_eq!(fault(r#"{"power":false}"#), 200);
    assert_eq!(fault(r#"{"power":true}"#), 200);
    bench.pass(SECOND * 3);
    assert_eq!(bench.statuses("c"), "ready 0");
    for wrong in ["[]", r#"{"flood":true}"#, r#"{"paper":"much"}"#, r#"{"inject":{"at":"P9"}}"#] {
        assert_eq!(fault(wrong), 400, "{wrong}");
    }
    let rest = r#"{"cover":true,"link":true,"ofd":false,"hot":true,"mechanics":false,
                   "memory":"full","advanceSeconds":5,"latencyMs":700,
                   "restart":{"keepDatabase":true}}"#;
    assert_eq!(fault(rest), 200);
    let (_, tape) = ask(&bench, Method::GET, "tape", "");
    assert!(tape.contains("ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ") && tape.contains("Суп дня"), "{tape}");
}
