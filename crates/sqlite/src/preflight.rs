//! Looks at the file and its log before SQLite does, and changes nothing.
//!
//! SQLite takes a log that does not read for an empty one, or for one that ends early: after a
//! power cut that is right. After damage it would go on without payments that were acknowledged,
//! and say nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::log;

/// Length of the header of a database file.
const HEADER: usize = 100;

/// Refuses what SQLite would not notice.
pub(crate) fn look(path: &Path) -> Result<(), OpenError> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly { path: path.to_owned() }
        }
        _ => OpenError::Io { path: path.to_owned(), source: Box::new(error) },
    };
    let log = beside(path, "-wal");
    let log_bytes = length(&log).map_err(failed)?;
    let bytes = length(path).map_err(failed)?;
    if bytes == 0 {
        return if log_bytes == 0 {
            Ok(())
        } else {
            Err(OpenError::LogAlone { path: path.to_owned(), log })
        };
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    let mut header = [0; HEADER];
    // Too short for a header: SQLite finds better words for it.
    if bytes < 100 || file.read_exact(&mut header).is_err() {
        return Ok(());
    }
    let Some(page_size) = page_size(&header) else { return Ok(()) };
    let journal_bytes = length(&beside(path, "-journal")).map_err(failed)?;
    // A log or journal may have the rest.
    if log_bytes == 0 && journal_bytes == 0 {
        return whole(path, &header, bytes, page_size);
    }
    let damage = match File::open(&log) {
        Ok(log) => log::examine(log, &mut file, page_size).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    match damage {
        None => Ok(()),
        Some(finding) => Err(OpenError::Damaged { path: log, finding: finding.to_string().into() }),
    }
}

/// More links than a system follows.
const LINKS_MAX: usize = 64;

/// The file that a link leads to, whether it is there or not: SQLite puts the log beside that one.
pub(crate) fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(to) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(to);
    }
    path
}

/// A name beside the file's, as SQLite makes them.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A file whose end is missing reads well until somebody needs the end.
fn whole(path: &Path, header: &[u8; HEADER], bytes: u64, page_size: u64) -> Result<(), OpenError> {
    let [counter, pages] = words::<2>(header, 24);
    let [valid_for] = words::<1>(header, 92);
    // An old program may have written the count no more.
    let wanted = u64::from(pages).saturating_mul(page_size);
    if counter != valid_for || bytes >= wanted {
        return Ok(());
    }
    let finding = format!("it has {bytes} bytes of {wanted}").into();
    Err(OpenError::Damaged { path: path.to_owned(), finding })
}

/// Of a database file; `None` when it is none.
fn page_size(header: &[u8; HEADER]) -> Option<u64> {
    if !header.starts_with(b"SQLite format 3\0") {
        return None;
    }
    let size = u64::from(u16::from_be_bytes([header[16], header[17]]));
    // The largest does not fit into the field.
    let size = if size == 1 { 65_536 } else { size };
    (size >= 512 && size.is_power_of_two()).then_some(size)
}

/// Words of four bytes, the largest first.
pub(crate) fn words<const N: usize>(bytes: &[u8], at: usize) -> [u32; N] {
    let mut words = [0; N];
    let there = bytes.get(at..).unwrap_or(&[]).chunks_exact(4);
    for (word, four) in words.iter_mut().zip(there) {
        *word = four.try_into().map_or(0, u32::from_be_bytes);
    }
    words
}

/// Reads a page; `false` when the file ends before.
pub(crate) fn read_at(file: &mut File, at: u64, into: &mut [u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Of a file; zero when there is none.
fn length(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(about) => Ok(about.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
