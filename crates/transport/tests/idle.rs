//! Ten thousand connections that say nothing: what each costs, and that others are served.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "how many there were is for people")]

mod support;

use std::fs;
use std::net::TcpStream;

use support::host::Host;
use tillway_transport::server::ServerConfig;

/// As many as there are handles for, up to this. Both ends of each are in this process.
const MOST: usize = 10_000;

/// What one may cost in memory, its share of the runtime included.
const BYTES_MAX: usize = 24 * 1024;

/// The open files that this process may have.
fn handles_max() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// The memory of this process that is really there, in bytes.
fn memory() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_cost_little_and_disturb_nobody() {
    let handles = handles_max().unwrap_or(2_400);
    let many = MOST.min(handles.saturating_sub(200) / 2);
    assert!(many >= 1_000, "too few open files are allowed: {handles}");
    let config = ServerConfig { connections_max: MOST + 100, ..ServerConfig::default() };
    let host = Host::start(config).await;
    host.answers(10).await;
    let before = memory();
    let mut idle = Vec::with_capacity(many);
    for connected in 1..=many {
        idle.push(TcpStream::connect(host.address).unwrap());
        // The listener's queue is short.
        if connected % 100 == 0 {
            host.has_admitted(connected).await;
        }
    }
    host.has_admitted(many + 10).await;
    host.answers(100).await;
    host.answers_kept(100).await;
    let each = memory().zip(before).map(|(after, before)| after.saturating_sub(before) / many);
    eprintln!("{many} idle connections, {each:?} bytes each");
    assert!(each.is_none_or(|bytes| bytes <= BYTES_MAX), "{each:?}");
    assert!(host.most() > many);
    let report = host.stop().await;
    assert_eq!(report.idle, many as u64);
}
