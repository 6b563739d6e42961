//! Has the disk take what was written to a file, a little at a time.
//!
//! Linux holds back whoever writes to a disk that has some sixteen writes on their way (writeback
//! throttling). A plain sync of thousands of pages at random places keeps the disk so for a tenth of
//! a second, and each commit of that time waits for milliseconds. So the pages go out piece by
//! piece, each when the one before is done.

use std::fs::File;
use std::io;

/// How many pages are on their way at once, about.
const PIECE_PAGES: u64 = 8;

/// A shorter piece is not worth its call.
const PIECE_MIN: u64 = 1 << 20;

/// Waits until the disk has the file, of which about so many pages are not there yet. Hurries once
/// somebody waits for it: then the rest goes out at once.
pub(crate) fn flush(file: &File, pages: u32, hurries: impl Fn() -> bool) -> io::Result<()> {
    for (start, length) in pieces(file.metadata()?.len(), pages) {
        if hurries() {
            break;
        }
        match write_out(file, start, length) {
            Ok(()) => {}
            // Not every file system knows pieces, and not every sandbox.
            Err(error) if is_unknown(&error) => break,
            Err(error) => return Err(error),
        }
    }
    file.sync_data()
}

/// Start and length of parts of a file in which about [`PIECE_PAGES`] are to be written, if they
/// are at random places.
fn pieces(file: u64, pages: u32) -> impl Iterator<Item = (u64, u64)> {
    let count = (u64::from(pages) / PIECE_PAGES).max(1);
    let length = file.div_ceil(count).max(PIECE_MIN);
    (0..file.div_ceil(length)).map(move |nth| (nth.saturating_mul(length), length))
}

fn is_unknown(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, NotSeekable, PermissionDenied, Unsupported};

    matches!(error.kind(), InvalidInput | NotSeekable | PermissionDenied | Unsupported)
}

/// Waits until what was written to this part of a file has left the system's memory. It may still be
/// in that of the disk.
#[cfg(target_os = "linux")]
fn write_out(file: &File, start: u64, length: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let [start, length] = [start, length].map(libc::off64_t::try_from);
    let (Ok(start), Ok(length)) = (start, length) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let all = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    #[expect(unsafe_code, reason = "the system call has no other form")]
    // SAFETY: the handle is open as long as the reference, and no memory is handed over.
    let done = unsafe { libc::sync_file_range(file.as_raw_fd(), start, length, all) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn write_out(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn pieces_are_the_whole_file() {
        for file in [0, 1, PIECE_MIN, PIECE_MIN + 1, 40 * PIECE_MIN, 3_350 * PIECE_MIN - 7] {
            for pages in [0, 1, 8, 100, 16_000, u32::MAX] {
                let mut end = 0;
                let mut count = 0;
                for (start, length) in pieces(file, pages) {
                    assert_eq!(start, end, "{file} {pages}");
                    assert!(start < file, "{file} {pages}");
                    assert!(length >= PIECE_MIN, "{file} {pages}");
                    (end, count) = (start + length, count + 1);
                }
                assert!(end >= file, "{file} {pages}");
                assert!(count <= (u64::from(pages) / PIECE_PAGES).max(1), "{file} {pages}");
            }
        }
        assert_eq!(pieces(3_350 * PIECE_MIN, 16_000).count(), 2_000);
    }

    #[test]
    fn a_flush_asks_before_each_piece_whether_to_hurry() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10 * PIECE_MIN).unwrap();
        let asked = Cell::new(0);
        let hurries = |after: u32| {
            asked.set(0);
            let asked = &asked;
            move || {
                asked.set(asked.get() + 1);
                asked.get() > after
            }
        };
        flush(&file, 16_000, hurries(u32::MAX)).unwrap();
        assert_eq!(asked.get(), 10);
        flush(&file, 16_000, hurries(3)).unwrap();
        assert_eq!(asked.get(), 4);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_synced_is_told() {
        // It takes no pieces, and no sync either.
        let nothing = File::open("/dev/null").unwrap();
        assert!(write_out(&nothing, 0, PIECE_MIN).is_err_and(|error| is_unknown(&error)));
        assert!(flush(&nothing, 1, || false).is_err());
    }
}
