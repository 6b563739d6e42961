//! Which core runs what.

use std::process::Command;

/// The servers'.
pub(crate) const SERVERS: &str = "0";

/// The load generator's.
const LOAD: &str = "1";

/// A program on a core; anywhere, where cores cannot be chosen.
pub(crate) fn on(core: &str, program: &str) -> Command {
    if !is_possible() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", core, program]);
    command
}

/// Runs this program with the same arguments once more, in a role, on the generator's core.
pub(crate) fn again(role: &str) {
    if !is_possible() {
        println!("no taskset, or one core: servers and load generator share what there is");
    }
    let program = std::env::current_exe().unwrap();
    let mut command = on(LOAD, program.to_str().unwrap());
    command.args(std::env::args().skip(1)).arg(format!("--role={role}"));
    let status = command.status().unwrap();
    std::process::exit(status.code().unwrap_or(1));
}

fn is_possible() -> bool {
    let cores = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let both = cores.lines().filter(|line| line.starts_with("processor")).count() >= 2;
    both && Command::new("taskset").arg("--version").output().is_ok()
}
