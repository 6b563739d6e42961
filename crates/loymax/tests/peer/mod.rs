//! A peer on a real socket that answers by a script.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::sync::Arc;

use tillway_core::Timestamp;
use tillway_loymax::{Config, Loymax};
use tillway_testkit::runtime::TestClock;
use tillway_transport::Runtime;
use tillway_transport::client::{ClientConfig, HyperClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const NOW: Timestamp = Timestamp::utc(1_773_478_800_000);

/// What the peer does with a connection once it has read a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers these bytes and closes.
    Say(Vec<u8>),
    /// Says nothing until the client has gone.
    Hold,
}

pub async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/XmlExchange/demo", listener.local_addr().unwrap());
    (listener, url)
}

/// Serves a connection for each act. Gives the requests, head and body.
pub async fn serve(listener: TcpListener, acts: Vec<Act>) -> Vec<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    for act in acts {
        let (mut stream, _) = listener.accept().await.unwrap();
        seen.push(request(&mut stream).await);
        match act {
            // A client that has heard enough may be gone.
            Act::Say(bytes) => drop(stream.write_all(&bytes).await),
            Act::Hold => drop(stream.read(&mut [0; 1]).await),
        }
    }
    seen
}

async fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "the client went away");
        bytes.extend_from_slice(&part[..length]);
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = header(&head, "content-length").unwrap().parse::<usize>().unwrap();
        if bytes.len() >= end + 4 + length {
            return (head, bytes[end + 4..].to_vec());
        }
    }
}

pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|line| line.0.eq_ignore_ascii_case(name)).map(|line| line.1)
}

pub fn answer(status: &str, headers: &str, body: &[u8]) -> Act {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    );
    Act::Say([head.as_bytes(), body].concat())
}

pub fn fixture(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    std::fs::read(folder.join(name)).unwrap()
}

pub fn clock() -> TestClock {
    TestClock::at(NOW)
}

pub fn till(config: Config) -> Loymax {
    let http = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    Loymax::try_new(config, Arc::new(http), Arc::new(clock())).unwrap()
}
