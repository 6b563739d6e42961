//! Stopping: under load, and with peers that never end what they began.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use common::{PATIENCE, folder, serve};

const CLIENTS: u64 = 64;
/// After so many answers the stop comes, in one run after the other.
const ANSWERS: [usize; 3] = [70, 222, 640];
const PAYS_MAX: u64 = 1_000;
const TOKEN: &str = "Authorization: Bearer till-1-secret";

fn order(client: u64) -> String {
    format!("11111111-2222-4333-8444-{client:012x}")
}

/// The path of a client's nth payment.
fn payment(client: u64, nth: u64) -> String {
    format!("/pos/v1/payments/5d2f0c1e-7a43-4c58-9c0b-{:012x}", client * PAYS_MAX + nth)
}

fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    Some(stream)
}

/// Reads one answer: its head, in lower case. `None`: the connection ended before its first byte.
fn hear(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4_096];
        let read = match stream.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("{error} after {bytes:?}"),
        };
        if read == 0 {
            assert!(bytes.is_empty(), "half an answer: {}", String::from_utf8_lossy(&bytes));
            return None;
        }
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(head.to_owned());
        }
    }
}

/// Takes a hundredth of a point again and again over one connection, until it ends; answers the
/// paths, and the status of each that was answered.
fn pay(port: u16, client: u64, answered: &Sender<()>) -> Vec<(String, Option<String>)> {
    let mut heard = Vec::new();
    let Some(mut stream) = connect(port) else { return heard };
    for nth in 0..PAYS_MAX {
        let path = payment(client, nth);
        let body = format!(
            r#"{{"orderId":"{}","bindingEpoch":1,"walletId":"6d0a1a52-7d5c-5b52-8a5e-0d3f7c7b1e01",
                "amountMinor":1,"orderTotalMinor":165000,
                "paymentTypeId":"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc"}}"#,
            order(client)
        );
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: till\r\n{TOKEN}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let head = stream.write_all(request.as_bytes()).ok().and_then(|()| hear(&mut stream));
        let status = head.as_ref().map(|head| head[9..12].to_owned());
        heard.push((path, status));
        let _ = answered.send(());
        if head.is_none_or(|head| head.contains("connection: close")) {
            break;
        }
    }
    heard
}

#[test]
fn a_stop_under_load_loses_nothing_and_leaves_nobody_without_an_answer() {
    for stop_after in ANSWERS {
        let (_folder, data) = folder();
        let stand = serve(&data, &[]);
        let port = stand.till;
        for client in 0..CLIENTS {
            let answer = stand.check_in(&order(client), "149725735");
            assert_eq!(answer.status, "HTTP/1.1 204 No Content");
        }
        let (answered, answers) = channel();
        let heard: Vec<_> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let answered = answered.clone();
                    scope.spawn(move || pay(port, client, &answered))
                })
                .collect();
            answers.iter().take(stop_after).for_each(drop);
            let (code, log) = stand.stop();
            assert_eq!(code, Some(0), "{log}");
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let stand = serve(&data, &[]);
        let mut read = 0;
        for (path, status) in heard {
            let found = stand.ask("GET", &path, &[TOKEN], "");
            let taken = found.body.contains(r#""state":"captured""#);
            let unknown = found.status == "HTTP/1.1 404 Not Found";
            read += usize::from(status.is_some());
            match status.as_deref() {
                Some("201") => assert!(taken, "acknowledged and lost: {path} {found:?}"),
                Some("503") => assert!(taken || unknown, "{path} {found:?}"),
                Some(status) => panic!("{path} is answered {status}"),
                None => assert!(unknown, "nobody heard of {path} {found:?}"),
            }
        }
        assert!(read >= stop_after, "{read}");
        assert_eq!(stand.stop().0, Some(0));
    }
}

#[test]
fn a_stop_waits_for_nobody_longer_than_configured() {
    let (folder, data) = folder();
    let config = folder.path().join("venue.toml");
    let text = r#"
        [[till]]
        id = "till-1"
        token = "a-long-random-text"
        [payment_types]
        "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc" = "bonus"
        [limits]
        stop_seconds = 1
        header_seconds = 3600
        body_seconds = 3600
    "#;
    fs::write(&config, text).unwrap();
    let stand = serve(&data, &["--config", config.to_str().unwrap()]);
    let unfinished = [
        ("", None),
        ("GET /ping HT", Some("503")),
        (
            "PUT /pos/v1/payments/1 HTTP/1.1\r\nHost: till\r\nContent-Length: 50\r\n\r\n{",
            Some("503"),
        ),
        ("GET /pos/v1/commands?wait=30 HTTP/1.1\r\nHost: till\r\nX: ", Some("503")),
        ("GET /ping HTTP/1.1\r\nHost: till\r\n\r\n", Some("204")),
    ];
    let mut streams = Vec::new();
    for (bytes, _) in unfinished {
        let mut stream = connect(stand.till).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        streams.push(stream);
    }
    // A till that nobody has told of the guest: its answer would be waited for.
    assert!(stand.command(&["guest", "add", "7", "--bonus", "--card", "4711"]).status.success());
    let mut pending = connect(stand.till).unwrap();
    let body = r#"{"Value":"4711"}"#;
    let head = format!("POST /orders/{}/checkin HTTP/1.1\r\nHost: till\r\n", order(1));
    let json = "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n";
    pending.write_all([&head, json, body].concat().as_bytes()).unwrap();
    let mut poll = connect(stand.till).unwrap();
    let head = "GET /pos/v1/commands?wait=30 HTTP/1.1\r\nHost: till\r\n";
    let token = "Authorization: Bearer a-long-random-text\r\n\r\n";
    poll.write_all([head, token].concat().as_bytes()).unwrap();
    let (code, log) = stand.stop();
    assert_eq!(code, Some(0), "{log}");
    // A poll ends, with a command or without.
    let head = hear(&mut poll).unwrap();
    assert!(head.starts_with("http/1.1 20"), "{head}");
    let head = hear(&mut pending).unwrap();
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    for (mut stream, (bytes, expected)) in streams.into_iter().zip(unfinished) {
        let status = hear(&mut stream).map(|head| head[9..12].to_owned());
        assert_eq!(status.as_deref(), expected, "{bytes:?}");
    }
}
