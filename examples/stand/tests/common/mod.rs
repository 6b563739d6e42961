//! A stand of one's own for each test: free ports, a temporary folder, raw HTTP.
#![allow(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stand");
/// How long a start or a stop may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Another program may take a free port before the stand does.
const TRIES: usize = 10;

/// A serving stand; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) page: u16,
    pub(crate) till: u16,
    pub(crate) register: u16,
    pub(crate) terminal: u16,
    pub(crate) data: PathBuf,
    said: mpsc::Receiver<String>,
    logged: mpsc::Receiver<String>,
    pub(crate) table: Vec<String>,
}

/// A folder, and the place for data in it, which does not exist yet.
pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    (folder, data)
}

/// The distance from the page's port to that of the simulated register.
pub(crate) const REGISTER_STEP: u16 = 9_032;

/// The distance to that of the simulated card terminal.
pub(crate) const TERMINAL_STEP: u16 = 1_315;

/// The distance to that of the simulated Loymax processing.
pub(crate) const PROCESSING_STEP: u16 = 20;

/// A port that is free together with those of the first till and of all simulators.
pub(crate) fn port_base() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = first.local_addr().unwrap().port();
        let free = |step: u16| {
            let port = base.checked_add(step);
            port.is_some_and(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        };
        if [10, PROCESSING_STEP, REGISTER_STEP, TERMINAL_STEP].into_iter().all(free) {
            return base;
        }
    }
}

/// Starts on this folder and waits until it listens.
pub(crate) fn serve(data: &Path, more: &[&str]) -> Serving {
    for _ in 0..TRIES {
        match try_serve(data, more) {
            Ok(serving) => return serving,
            Err(text) if text.contains("is in use by another program") => {}
            Err(text) => panic!("the stand does not start: {text}"),
        }
    }
    panic!("no free ports");
}

fn try_serve(data: &Path, more: &[&str]) -> Result<Serving, String> {
    let base = port_base();
    let mut child = Command::new(BINARY)
        .arg("--data")
        .arg(data)
        .args(["--port-base", &base.to_string()])
        .args(more)
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = lines(child.stdout.take().unwrap());
    let logged = lines(child.stderr.take().unwrap());
    let mut table = Vec::new();
    loop {
        match said.recv_timeout(PATIENCE) {
            Ok(line) if line.starts_with("listening") => break,
            Ok(line) => table.push(line),
            Err(_) => {
                let _ = child.kill();
                child.wait().unwrap();
                return Err(logged.iter().collect::<Vec<_>>().join("\n"));
            }
        }
    }
    let (page, till, register) = (base, base + 10, base + REGISTER_STEP);
    let terminal = base + TERMINAL_STEP;
    let data = data.to_owned();
    Ok(Serving { child, page, till, register, terminal, data, said, logged, table })
}

/// The lines of a pipe, from a thread that ends with it.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Serving {
    /// Asks it to stop as the system does; answers the exit code and what was logged.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let code = self.wait();
        (code, self.log())
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The power goes.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        // The pipe ends with the process.
        while self.said.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap().code()
    }

    /// All that was logged; call it after the end.
    pub(crate) fn log(&self) -> String {
        self.logged.iter().collect::<Vec<_>>().join("\n")
    }

    /// A command to the stand that serves.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        command(&self.data, args)
    }

    /// A request to the till's listener.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        ask(self.till, method, path, headers, body)
    }

    /// A check-in with the demo's PIN.
    pub(crate) fn check_in(&self, order: &str, value: &str) -> Answer {
        let body = format!(r#"{{"Value":"{value}","WaiterPin":"12345"}}"#);
        let json = "Content-Type: application/json";
        self.ask("POST", &format!("/orders/{order}/checkin"), &[json], &body)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command on a data folder to its end.
pub(crate) fn command(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("--data").arg(data).args(args).env_remove("RUST_LOG").output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `HTTP/1.1 204 No Content`
    pub(crate) status: String,
    /// `name: value`
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
    /// The body as it came, in letters of its own.
    pub(crate) bytes: Vec<u8>,
}

/// One request on a connection of its own.
pub(crate) fn ask(port: u16, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    // HTTP/1.1 with a close, so that the answer ends with the connection.
    head.push_str("Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let status = lines.next().unwrap();
    // Only because of the close above.
    let headers = lines.filter(|line| !line.starts_with("connection:")).collect();
    let bytes = bytes.split_off(split + 4);
    Answer { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
}
