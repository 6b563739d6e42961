#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::*;
use crate::atol::{Body, Code, Print, Register, Settings, broken_rule};

fn register() -> SharedRegister {
    SharedRegister::new(Register::new(Settings::default(), 1_772_455_260_000))
}

fn call(name: &str, params: &[(i32, Param)]) -> Call {
    Call { name: name.into(), params: params.iter().cloned().collect() }
}

fn number(text: &str) -> Param {
    Param::Number(text.into())
}

/// A session that says 0 to every call.
fn all(session: &mut Session, calls: &[Call]) {
    for call in calls {
        let reply = session.call(call);
        assert_eq!(reply.code, 0, "{} {}", call.name, reply.text);
    }
}

fn soup() -> Call {
    call(
        "registration",
        &[
            (65_631, Param::Text("Борщ «Ёлка»".into())),
            (65_632, number("190.5")),
            (65_633, number("2")),
            (65_634, number("380.99")),
            (65_569, Param::Int(13)),
        ],
    )
}

#[test]
fn a_receipt_by_single_commands() {
    let register = register();
    let mut session = Session::new(register.clone());
    let sell = call("open_receipt", &[(65_545, Param::Int(1)), (1_055, Param::Int(1))]);
    all(&mut session, &[call("open", &[]), call("open_shift", &[]), sell.clone(), soup()]);
    let state = session.call(&call("query_data", &[(65_587, Param::Int(15))]));
    assert_eq!(state.params[&65_545], Param::Int(1));
    let paid = session.call(&call("payment", &[(65_564, Param::Int(0)), (65_565, number("400"))]));
    assert_eq!((&paid.params[&65_566], &paid.params[&65_567]), (&number("0"), &number("19.01")));
    all(&mut session, &[call("close_receipt", &[])]);
    let closed = session.call(&call("check_document_closed", &[]));
    assert_eq!(closed.params[&65_644], Param::Bool(true));
    assert_eq!(closed.params[&65_709], Param::Bool(true));
    let last = session.call(&call("fn_query_data", &[(65_622, Param::Int(4))]));
    assert_eq!(last.params[&65_600], number("380.99"));
    assert_eq!(last.params[&65_590], Param::Time([2026, 3, 2, 12, 41, 0]));
    all(&mut session, &[sell, soup(), call("cancel_receipt", &[])]);
    let again = session.call(&call("cancel_receipt", &[]));
    assert_eq!(again.code, Code::DENIED_IN_CLOSED_RECEIPT.0);
    let register = register.lock();
    assert!(matches!(&register.memory.document(2).unwrap().body, Body::Receipt(_)));
    assert_eq!(register.memory.last(), 2);
    assert_eq!(register.printer.tape().last().unwrap().of, Print::Annulled);
    assert_eq!(broken_rule(&register), None);
}

#[test]
fn json_and_single_commands_drive_one_register() {
    let register = register();
    let mut session = Session::new(register.clone());
    let task = r#"{"type":"openShift","operator":{"name":"Киоск 7"}}"#;
    let opened = session.call(&call("process_json", &[(65_645, Param::Text(task.into()))]));
    assert_eq!(opened.code, 0, "{}", opened.text);
    let wrong = call("process_json", &[(65_645, Param::Text(r#"{"type":"nothing"}"#.into()))]);
    assert_eq!(session.call(&wrong).code, Code::PARSE_ERROR.0);
    assert_eq!(session.call(&call("open_shift", &[])).code, Code::DENIED_IN_OPENED_SHIFT.0);
    assert_eq!(register.lock().memory.last(), 1);
}

#[test]
fn one_client_at_a_time_even_when_one_dies() {
    let register = register();
    let (mut first, mut second) = (Session::new(register.clone()), Session::new(register));
    let open = call("open", &[]);
    assert_eq!(first.call(&open).code, 0);
    assert_eq!(second.call(&open).code, Code::PORT_BUSY.0);
    drop(first);
    assert_eq!(second.call(&open).code, 0);
}

#[test]
fn bad_parameters_are_refused() {
    let mut session = Session::new(register());
    let wrong = [
        (call("open_receipt", &[]), Code::INVALID_PARAM),
        (call("open_receipt", &[(65_545, Param::Int(7))]), Code::NOT_SUPPORTED),
        (call("registration", &[(65_632, number("1.005"))]), Code::INVALID_PARAM),
        (call("query_data", &[]), Code::NOT_SUPPORTED),
        (call("nothing", &[]), Code::NOT_SUPPORTED),
    ];
    for (call, code) in wrong {
        assert_eq!(session.call(&call).code, code.0, "{}", call.name);
    }
}

#[test]
fn what_a_person_does_comes_in_words() {
    let register = register();
    let mut session = Session::new(register.clone());
    let mut say =
        |words: &str| session.call(&call("control", &[(65_645, Param::Text(words.into()))])).code;
    let good = ["paper 7", "cover open", "power off", "power on", "link off", "ofd off"];
    let faults = ["inject P4 paper", "inject P6 link 2", "inject P3 memory signed"];
    for words in good.iter().chain(&faults) {
        assert_eq!(say(words), 0, "{words}");
    }
    let now = register.lock().now();
    assert_eq!(say("advance 60"), 0);
    for words in ["", "paper", "paper -1", "inject P7 paper", "inject P4", "cover ajar"] {
        assert_eq!(say(words), Code::INVALID_PARAM.0, "{words}");
    }
    let register = register.lock();
    assert_eq!((register.printer.paper, register.now()), (7, now + 60_000));
    assert!(register.printer.cover_open && !register.is_linked() && !register.memory.online);
    assert_eq!(register.pending_faults(), 3);
}

#[test]
fn over_a_line() {
    let register = register();
    let server = LinkServer::start("127.0.0.1:0", register.clone()).unwrap();
    let stream = TcpStream::connect(server.address()).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut ask = |line: &str| {
        (&stream).write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        lines.read_line(&mut answer).map(|_| answer)
    };
    let mut line = serde_json::to_string(&call("open", &[])).unwrap();
    line.push('\n');
    let reply: Reply = serde_json::from_str(&ask(&line).unwrap()).unwrap();
    assert_eq!(reply, Reply::default());
    let reply: Reply = serde_json::from_str(&ask("{}\n").unwrap()).unwrap();
    assert_eq!(reply.code, Code::INVALID_PARAM.0);
    drop(server);
    assert_eq!(ask(&line).unwrap_or_default(), "", "the server has gone");
}
