//! HTTP as WaiterServer speaks it, byte by byte (rows W01, W02, W19 to W22, W51, W52, W58, H1-H8).
#![allow(clippy::unwrap_used, reason = "tests")]

use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue, Wire};
use tillway_tests::waiter::{ANNA, faults, is_empty, of, says, shows};
use tillway_transport::server::ServerConfig;
use tillway_waiter::{AllowedPeers, WaiterConfig};

const CHECK_IN: &str = r#"{"Value":"149725735","WaiterPin":"80085"}"#;

/// A venue whose answers carry no date, so that every byte of them is known.
fn dateless() -> Venue {
    let server = ServerConfig { date_header: false, ..ServerConfig::default() };
    Venue::with(Setup { server, ..Setup::default() })
}

/// Sends bytes on a connection of their own.
fn raw(venue: &Venue, bytes: impl AsRef<[u8]>) -> (Wire, Answer) {
    let mut wire = venue.connect();
    wire.send(bytes);
    let answer = wire.answer(false);
    (wire, answer)
}

#[track_caller]
fn closes(mut wire: Wire, answer: &Answer) {
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    assert!(wire.is_closed());
}

/// The path of order 82's check-in.
fn path() -> String {
    of(ORDER_82, "checkin")
}

#[test]
fn w01_and_h6_ping_is_204_with_nothing_in_it() {
    let venue = dateless();
    let (_, answer) = raw(&venue, "GET /ping HTTP/1.1\r\nHost: till\r\n\r\n");
    assert_eq!(answer.head, "HTTP/1.1 204 No Content\r\ncache-control: no-store\r\n");
    is_empty(&answer, 204);
    venue.holds();
}

#[test]
fn w02_ping_by_head_and_by_other_methods() {
    let venue = Venue::open();
    is_empty(&venue.connect().ask("HEAD", "/ping", &[], ""), 204);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = venue.ask(method, "/ping", "");
        is_empty(&answer, 405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
    }
    venue.holds();
}

#[test]
fn h6_every_answer_has_its_exact_length() {
    let venue = dateless();
    let path = path();
    let (_, refused) = raw(
        &venue,
        format!(
            "POST {path} HTTP/1.1\r\nHost: till\r\nContent-Length: 15\r\n\r\n{{\"Value\":\"999\"}}"
        ),
    );
    // The example of iiko note 1.10: bytes are counted, not characters.
    assert_eq!(
        refused.head,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
         content-length: 68\r\n"
    );
    says(&refused, "Карта не зарегистрирована");
    let limits = venue.limits(ORDER_82);
    assert_eq!(
        limits.head,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
         cache-control: no-store\r\ncontent-length: 29\r\n"
    );
    is_empty(&venue.check_in(ORDER_82, ANNA), 204);
    // No compression, though the peer takes it.
    let greedy = [("Accept-Encoding", "gzip, deflate, br"), ("Origin", "http://evil.example")];
    let answer = venue.connect().ask("GET", &of(ORDER_82, "paymentLimits"), &greedy, "");
    shows(&answer, r#"{"BonusSum":84865,"DepositSum":100941}"#);
    venue.holds();
}

#[test]
fn w19_and_h5_a_body_of_64_kib_and_one_byte() {
    let venue = Venue::open();
    let path = path();
    let body = |len: usize| format!("{CHECK_IN}{}", " ".repeat(len - CHECK_IN.len()));
    let max = 64 * 1024;
    is_empty(&venue.ask("POST", &path, &body(max)), 204);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    is_empty(&venue.check_out(ORDER_82), 204);
    for method in ["POST", "DELETE"] {
        // Announced: refused by the head alone, and never asked for.
        let head = format!(
            "{method} {path} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            max + 1
        );
        let (wire, answer) = raw(&venue, head);
        is_empty(&answer, 413);
        closes(wire, &answer);
        let mut wire = venue.connect();
        wire.start(method, &path, &[], &body(max + 1));
        let answer = wire.answer(false);
        is_empty(&answer, 413);
        closes(wire, &answer);
        // Not announced: refused when it has come.
        let chunked = format!(
            "{method} {path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            max + 1,
            body(max + 1)
        );
        let (wire, answer) = raw(&venue, chunked);
        faults(&answer, 413, "too_large");
        closes(wire, &answer);
    }
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 2);
    venue.holds();
}

#[test]
fn h5_a_head_of_more_than_16_kib() {
    let venue = Venue::open();
    let padded = |len: usize| {
        let head = "GET /ping HTTP/1.1\r\nHost: till\r\nX-Pad: \r\n\r\n";
        head.replace("X-Pad: ", &format!("X-Pad: {}", "p".repeat(len - head.len())))
    };
    is_empty(&raw(&venue, padded(16 * 1024)).1, 204);
    let (wire, answer) = raw(&venue, padded(16 * 1024 + 1));
    is_empty(&answer, 431);
    closes(wire, &answer);
    let long = format!("GET /ping?{} HTTP/1.1\r\n\r\n", "q".repeat(16 * 1024));
    let (wire, answer) = raw(&venue, long);
    is_empty(&answer, 431);
    closes(wire, &answer);
    venue.holds();
}

#[test]
fn w20_and_h3_continue_is_said_as_soon_as_the_body_is_wanted() {
    let venue = Venue::open();
    let path = path();
    let length = CHECK_IN.len();
    for method in ["POST", "DELETE"] {
        let mut wire = venue.connect();
        wire.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: till\r\nExpect: 100-continue\r\n\
             Content-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
        ));
        let interim = wire.answer(false);
        assert_eq!((interim.status, &*interim.head), (100, "HTTP/1.1 100 Continue\r\n"));
        wire.send(CHECK_IN);
        let answer = wire.answer(false);
        is_empty(&answer, 204);
        assert_eq!(answer.header("connection"), None);
        // The connection goes on.
        is_empty(&wire.ask("GET", "/ping", &[], ""), 204);
    }
    // A body that nobody wants is not asked for.
    let mut wire = venue.connect();
    wire.send("POST /ping HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 41\r\n\r\n");
    let answer = wire.answer(false);
    is_empty(&answer, 405);
    closes(wire, &answer);
    venue.holds();
}

#[test]
fn w21_and_h4_chunked_bodies_on_post_and_delete() {
    let venue = Venue::open();
    let path = path();
    let mut wire = venue.connect();
    for (method, text) in [("POST", CHECK_IN), ("DELETE", r#"{"WaiterPin":"80085"}"#)] {
        let (first, second) = text.split_at(9);
        wire.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n9;ext=1\r\n{first}\r\n{:X}\r\n",
            second.len()
        ));
        // Pieces come when they come.
        for piece in second.as_bytes().chunks(5) {
            wire.send(piece);
        }
        wire.send("\r\n0\r\nTrailer: none\r\n\r\n");
        is_empty(&wire.answer(false), 204);
    }
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 2);
    venue.holds();
}

#[test]
fn w22_three_requests_on_one_connection() {
    let venue = Venue::open();
    let mut wire = venue.connect();
    is_empty(&wire.ask("POST", &path(), &[], CHECK_IN), 204);
    let limits = of(ORDER_82, "paymentLimits");
    shows(&wire.ask("GET", &limits, &[], ""), r#"{"BonusSum":84865,"DepositSum":100941}"#);
    is_empty(&wire.ask("DELETE", &path(), &[], "{}"), 204);
    // And all at once, answered in their order.
    let pipelined = [("POST", path(), CHECK_IN), ("GET", limits, ""), ("DELETE", path(), "{}")];
    for (method, path, body) in &pipelined {
        wire.start(method, path, &[], body);
    }
    is_empty(&wire.answer(false), 204);
    shows(&wire.answer(false), r#"{"BonusSum":84865,"DepositSum":100941}"#);
    is_empty(&wire.answer(false), 204);
    venue.holds();
}

#[test]
fn w51_and_h1_a_peer_that_is_not_allowed() {
    let peers = |network: &str| {
        let network = network.parse().unwrap();
        move |config: &mut WaiterConfig| config.allowed_peers = AllowedPeers::new([network])
    };
    let closed = Venue::with(Setup { edge: Box::new(peers("10.0.0.0/8")), ..Setup::default() });
    let good = format!("POST {} HTTP/1.1\r\nContent-Length: 41\r\n\r\n{CHECK_IN}", path());
    for bytes in ["GET /ping HTTP/1.1\r\n\r\n", "GET /nope HTTP/1.1\r\n\r\n", &good] {
        let (wire, answer) = raw(&closed, bytes);
        is_empty(&answer, 403);
        closes(wire, &answer);
    }
    assert_eq!(closed.pos(1, "GET", "/health", "").status, 403);
    assert_eq!(closed.order(ORDER_82), None);
    closed.holds();
    // An address is a network of its own; without a list this machine alone is let in.
    let open = Venue::with(Setup { edge: Box::new(peers("127.0.0.1")), ..Setup::default() });
    is_empty(&open.ask("GET", "/ping", ""), 204);
    is_empty(&Venue::open().ask("GET", "/ping", ""), 204);
    open.holds();
}

#[test]
fn w52_and_h7_other_methods_and_unknown_paths() {
    let venue = Venue::open();
    let order = |rest: &str| of(ORDER_82, rest);
    for (method, path, allow) in [
        ("GET", order("checkin"), "POST, DELETE"),
        ("HEAD", order("checkin"), "POST, DELETE"),
        ("PUT", order("checkin"), "POST, DELETE"),
        ("POST", order("loyalty"), "GET, HEAD"),
        ("DELETE", order("paymentLimits"), "GET, HEAD"),
    ] {
        let answer = venue.connect().ask(method, &path, &[], "");
        assert_eq!((answer.status, answer.text()), (405, ""), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    let unknown =
        [order("nope"), order("checkin/x"), format!("/orders/{ORDER_82}"), "/".to_owned()];
    for path in unknown.iter().map(String::as_str).chain(["/ping//", "//ping", "/orders/82/nope"]) {
        for method in ["GET", "POST"] {
            is_empty(&venue.ask(method, path, ""), 404);
        }
    }
    venue.holds();
}

#[test]
fn w58_and_h4_two_lengths_are_400_and_the_end() {
    let venue = Venue::open();
    let path = path();
    let chunk = format!("29\r\n{CHECK_IN}\r\n0\r\n\r\n");
    for lengths in [
        "Content-Length: 41\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 41\r\n",
        "Content-Length: 41\r\nContent-Length: 42\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        for method in ["POST", "DELETE"] {
            // A request that hides behind the first must not be heard.
            let hidden = "GET /ping HTTP/1.1\r\n\r\n";
            let bytes = format!("{method} {path} HTTP/1.1\r\n{lengths}\r\n{chunk}{hidden}");
            let (wire, answer) = raw(&venue, bytes);
            is_empty(&answer, 400);
            closes(wire, &answer);
        }
    }
    assert_eq!(venue.order(ORDER_82), None);
    venue.holds();
}

#[test]
fn h1_http_1_0_is_answered_and_closed() {
    let venue = Venue::open();
    let path = path();
    let (wire, answer) =
        raw(&venue, format!("POST {path} HTTP/1.0\r\nContent-Length: 41\r\n\r\n{CHECK_IN}"));
    is_empty(&answer, 204);
    closes(wire, &answer);
    let (wire, answer) = raw(&venue, "GET /ping HTTP/1.0\r\n\r\n");
    is_empty(&answer, 204);
    closes(wire, &answer);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    venue.holds();
}

#[test]
fn h7_case_slash_query_and_head() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let limits = r#"{"BonusSum":84865,"DepositSum":100941}"#;
    let base = of(ORDER_82, "paymentLimits");
    for path in [
        base.to_ascii_lowercase(),
        base.to_ascii_uppercase(),
        format!("{base}/"),
        format!("{base}?till=2&x"),
        format!("{base}/?"),
    ] {
        shows(&venue.ask("GET", &path, ""), limits);
        let mut wire = venue.connect();
        let head = wire.ask("HEAD", &path, &[], "");
        assert_eq!((head.status, head.text()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), Some(&*limits.len().to_string()));
        assert_eq!(head.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(head.header("cache-control"), Some("no-store"));
        is_empty(&wire.ask("GET", "/PING/", &[], ""), 204);
    }
    venue.holds();
}

#[test]
fn h8_ids_in_three_forms_and_nothing_else() {
    let venue = Venue::open();
    venue.bound(&format!("{{{}}}", ORDER_82.to_uppercase()), ANNA);
    // The canonical form is what the store and the payment API know.
    assert!(venue.order(ORDER_82).is_some());
    let known = venue.pos(1, "GET", &format!("/orders/{}", ORDER_82.replace('-', "")), "");
    assert_eq!(known.json()["orderId"], ORDER_82);
    for id in [
        &ORDER_82[1..],
        &format!("{ORDER_82}0"),
        &format!("({ORDER_82})"),
        &format!("urn:uuid:{ORDER_82}"),
        &format!("%22{ORDER_82}%22"),
        &ORDER_82.replacen('-', "", 1),
        &ORDER_82.replace('c', "g"),
    ] {
        faults(&venue.limits(id), 400, "bad_order_id");
        faults(&venue.check_in(id, ANNA), 400, "bad_order_id");
    }
    venue.holds();
}
