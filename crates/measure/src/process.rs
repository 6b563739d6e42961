//! What a process and its files take.

use std::fs;
use std::path::Path;

/// The resident memory of a process in KiB, as Linux tells it; `None` elsewhere.
pub fn resident_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// How long a file is; 0 when there is none.
pub fn file_bytes(path: impl AsRef<Path>) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_where_the_system_tells() {
        let ours = resident_kib(std::process::id());
        assert_eq!(ours.is_some(), cfg!(target_os = "linux"));
        assert!(ours.is_none_or(|kib| kib > 100));
    }
}
