//! The servers, each a process of its own on the servers' core.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tillway_measure::resident_kib;

use crate::pin;

/// The stand, built with the profile of benches, which is that of releases.
pub(crate) const STAND: &str = env!("CARGO_BIN_EXE_stand");

/// Another program may take a free port before the stand does.
const TRIES: usize = 10;

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it is asked.
    pub(crate) address: SocketAddr,
    log: Option<PathBuf>,
}

impl Server {
    /// The stand on this folder; what it logs goes to a file there, as a service's log would.
    pub(crate) fn stand(data: &Path, config: Option<&Path>) -> Self {
        for _ in 0..TRIES {
            let base = port_base();
            let mut command = pin::on(pin::SERVERS, STAND);
            command.arg("--data").arg(data).args(["--port-base", &base.to_string()]);
            if let Some(config) = config {
                command.arg("--config").arg(config);
            }
            let log = data.with_extension("log");
            command.env_remove("RUST_LOG").stderr(File::create(&log).unwrap());
            let child = command.stdout(Stdio::piped()).spawn().unwrap();
            let address = (Ipv4Addr::LOCALHOST, base + 10).into();
            let mut server = Self { child, address, log: Some(log) };
            if server.says("listening").is_some() {
                return server;
            }
        }
        let log = std::fs::read_to_string(data.with_extension("log"));
        panic!("the stand does not start: {}", log.unwrap_or_default());
    }

    /// A floor, played by this program.
    pub(crate) fn floor(role: &str, folder: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = pin::on(pin::SERVERS, program.to_str().unwrap());
        let folder = format!("--folder={}", folder.display());
        command.args([format!("--role={role}"), folder]).stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let mut server = Self { child, address, log: None };
        let said = server.says("listening on ").unwrap();
        server.address = said.parse().unwrap();
        server
    }

    /// Waits for a line that begins so; `None` when the server ends before.
    fn says(&mut self, begin: &str) -> Option<String> {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| line.unwrap().strip_prefix(begin).map(str::to_owned));
        // The pipe stays open for what else is printed, as little as that is.
        std::mem::forget(lines);
        said
    }

    /// Asks it to stop as the system does, and waits until everything is in its file.
    pub(crate) fn stop(mut self) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// Its memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        let kib = resident_kib(self.child.id()).unwrap_or_default();
        f64::from(u32::try_from(kib).unwrap()) / 1_024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log.take().filter(|_| std::thread::panicking());
        if let Some(text) = log.and_then(|log| std::fs::read_to_string(log).ok()) {
            let end: Vec<&str> = text.lines().rev().take(10).collect();
            end.iter().rev().for_each(|line| println!("{line}"));
        }
    }
}

/// Runs a command of the stand on a folder, which makes the folder.
pub(crate) fn command(data: &Path, config: &Path, args: &[&str]) {
    let mut command = Command::new(STAND);
    command.arg("--data").arg(data).arg("--config").arg(config).args(args);
    let output = command.env_remove("RUST_LOG").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A port that is free together with the one ten above.
fn port_base() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = first.local_addr().unwrap().port();
        let Some(second) = base.checked_add(10) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, second)).is_ok() {
            return base;
        }
    }
}
