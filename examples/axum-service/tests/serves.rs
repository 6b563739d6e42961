//! The program serves its own routes and ours, on both paths.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const ORDER: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";

/// The running program; killed when dropped.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum-service"));
        let mut child = command.arg("0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    /// The status line and the body of an answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: venue\r\nConnection: close\r\n\
             Authorization: Bearer till-1-secret\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn own_routes_and_ours_share_a_port_and_an_engine() {
    let program = Program::start();
    let shows = |method, path: &str, body, status, expected: &str| {
        let (line, shown) = program.ask(method, path, body);
        assert_eq!((&*line, &*shown), (status, expected), "{method} {path}");
    };
    let (ok, done) = ("HTTP/1.1 200 OK", "HTTP/1.1 204 No Content");
    shows("GET", "/club/149725735", "", ok, "1 000,00\n");
    shows("GET", "/club/7", "", ok, "nobody\n");
    for mount in ["", "/till-1"] {
        let path = |place: &str| format!("{mount}/orders/{ORDER}/{place}");
        shows("GET", &format!("{mount}/ping"), "", done, "");
        shows("POST", &path("checkin"), r#"{"Value":"149725735"}"#, done, "");
        shows("GET", &path("paymentLimits"), "", ok, r#"{"BonusSum":1000,"DepositSum":0}"#);
        shows("DELETE", &path("checkin"), "", done, "");
        let (line, health) = program.ask("GET", &format!("{mount}/pos/v1/health"), "");
        assert!(line == ok && health.contains(r#""status":"ok""#), "{line} {health}");
        // The limit of a body is the service's own, whatever server it runs on.
        let large = " ".repeat(64 * 1024 + 1);
        let (line, _) = program.ask("POST", &path("checkin"), &large);
        assert_eq!(line, "HTTP/1.1 413 Payload Too Large");
    }
    shows("GET", "/nowhere", "", "HTTP/1.1 404 Not Found", "");
}
