//! Writes the log of the last run once more.
//!
//! After a sync that failed the system goes on showing what the disk does not have, and no later
//! sync writes it. That run stopped; the next one would read the log as if it were there, build on
//! it, and lose at a power cut what it acknowledged since. Nobody knows how the last run ended, so
//! its log is written in place as it reads, and synced: mostly some ten MiB, more when a long read
//! kept it from beginning anew.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::OpenError;
use crate::preflight::beside;

/// Read and written at once.
const CHUNK: usize = 256 * 1_024;

/// Makes durable what the log beside this file shows. No log is none.
pub(crate) fn log(path: &Path) -> Result<(), OpenError> {
    let log = beside(path, "-wal");
    match rewrite(&log) {
        Ok(()) => Ok(()),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Ok(()),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Err(OpenError::ReadOnly { path: log })
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Err(OpenError::Full { path: log }),
            _ => Err(OpenError::Io { path: log, source: Box::new(error) }),
        },
    }
}

fn rewrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut chunk = vec![0; CHUNK];
    let mut written = false;
    loop {
        let at = file.stream_position()?;
        let len = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..len).filter(|bytes| !bytes.is_empty()) else { break };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        written = true;
    }
    if written { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_log_is_written_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.db");
        log(&path).unwrap();
        let name = beside(&path, "-wal");
        assert!(!name.exists());
        for len in [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 7] {
            let bytes: Vec<u8> = (0..len).map(|n| (n % 251).to_le_bytes()[0]).collect();
            fs::write(&name, &bytes).unwrap();
            let file = File::options().write(true).open(&name).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            drop(file);
            log(&path).unwrap();
            assert!(fs::read(&name).unwrap() == bytes, "{len}");
            let is_written = fs::metadata(&name).unwrap().modified().unwrap();
            assert_eq!(is_written != SystemTime::UNIX_EPOCH, len > 0, "{len}");
        }
    }
}
