//! Reads a write-ahead log as SQLite's file format describes it, to tell damage from what a power
//! cut leaves.
//!
//! A log is a header and frames: a page each, with a checksum that goes on from the frame before.
//! The last frame of a transaction says so. A commit is answered after its frames are synced, and
//! no frame of the next is written before. So after a power cut only frames of the last
//! transaction may be missing. When a frame does not read and the frames of a later transaction
//! do, somebody changed what was synced.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};

use crate::preflight::{read_at, words};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The last bit says in which order the bytes of a word are summed.
const MAGIC: u32 = 0x377f_0682;

/// Damage that SQLite would take for the end of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Finding {
    /// The header does not read, and the frames have pages that the file has not.
    Header,
    /// This frame, counted from 1, does not read, and those of a later transaction do.
    Frame(u64),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("its header does not read, and the file lacks its pages"),
            Self::Frame(number) => {
                write!(f, "frame {number} does not read, and later transactions do")
            }
        }
    }
}

/// Looks for damage in a log. Reads it once, and of the file what is needed.
pub(crate) fn examine(log: File, file: &mut File, page_size: u64) -> io::Result<Option<Finding>> {
    let Ok(size) = usize::try_from(page_size) else { return Ok(None) };
    let mut log = Frames { log: BufReader::new(log), page: vec![0; size] };
    let mut header = [0; HEADER];
    if !log.fill(&mut header)? {
        return Ok(None);
    }
    match Header::read(&header, page_size) {
        Some(header) => after_header(&mut log, header),
        None => without_header(&mut log, Header::trusted(&header), file),
    }
}

/// Frames behind a header that reads.
///
/// A frame that does not read proves nothing by itself: its head may be half of one transaction
/// and half of an older one, whose end was torn before.
fn after_header(log: &mut Frames, header: Header) -> io::Result<Option<Finding>> {
    let mut number = 0_u64;
    let mut broken = None;
    // What the next frame may go on from: the sum that stands in the one before, and the right one.
    let mut before = [header.sum; 2];
    // Whether the frame before reads, and is the last of a transaction.
    let mut committed = false;
    while let Some(frame) = log.next()? {
        number = number.saturating_add(1);
        let sums = before.map(|before| frame.sum_after(&log.page, before, header.big));
        let reads = frame.salts == header.salts && sums.contains(&frame.sum);
        match broken {
            None if !reads => {
                broken = Some(number);
                (before, committed) = ([frame.sum, sums[0]], false);
                continue;
            }
            Some(at) if reads && committed && frame.commit == 0 => {
                return Ok(Some(Finding::Frame(at)));
            }
            _ => {}
        }
        committed = reads && frame.commit != 0;
        before = [frame.sum; 2];
    }
    Ok(None)
}

/// Frames behind a header that does not read. A header is written when the file has every page of
/// the log, so the power cut that tore it lost nothing. If the file has not, the header was good.
fn without_header(
    log: &mut Frames,
    header: Header,
    file: &mut File,
) -> io::Result<Option<Finding>> {
    let Some(first) = log.next()? else { return Ok(None) };
    let mut known = Pages::default();
    known.take(&first, &log.page);
    let mut before = first.sum;
    let mut order = None;
    while let Some(frame) = log.next()? {
        let orders = order.map_or(vec![header.big, !header.big], |big| vec![big]);
        let fits = |big: &bool| frame.sum_after(&log.page, before, *big) == frame.sum;
        let Some(big) = orders.into_iter().find(fits).filter(|_| frame.salts == first.salts) else {
            break;
        };
        order = Some(big);
        before = frame.sum;
        known.take(&frame, &log.page);
    }
    known.missing_in(file, &mut log.page)
}

/// What the log would have said.
#[derive(Clone, Copy)]
struct Header {
    salts: [u32; 2],
    sum: [u32; 2],
    /// Whether words are summed with the largest byte first.
    big: bool,
}

impl Header {
    fn read(bytes: &[u8; HEADER], page_size: u64) -> Option<Self> {
        let header = Self::trusted(bytes);
        let [magic, _version, size, ..] = words::<4>(bytes, 0);
        let good = magic & !1 == MAGIC
            && u64::from(size) == page_size
            && checksum(bytes.get(..24)?, [0; 2], header.big) == header.sum;
        good.then_some(header)
    }

    fn trusted(bytes: &[u8; HEADER]) -> Self {
        let [magic] = words(bytes, 0);
        Self { salts: words(bytes, 16), sum: words(bytes, 24), big: magic & 1 == 1 }
    }
}

/// A log, frame by frame.
struct Frames {
    log: BufReader<File>,
    /// Of the last frame.
    page: Vec<u8>,
}

impl Frames {
    /// The next whole frame.
    fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; FRAME_HEADER];
        let mut page = std::mem::take(&mut self.page);
        let whole = self.fill(&mut head)? && self.fill(&mut page)?;
        self.page = page;
        let [page, commit] = words(&head, 0);
        let (salts, sum) = (words(&head, 8), words(&head, 16));
        let start = head.first_chunk().copied().unwrap_or_default();
        Ok(whole.then_some(Frame { page, commit, salts, sum, start }))
    }

    fn fill(&mut self, into: &mut [u8]) -> io::Result<bool> {
        match self.log.read_exact(into) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

struct Frame {
    /// Number of the page, from 1.
    page: u32,
    /// In the last frame of a transaction: how many pages the file has then.
    commit: u32,
    salts: [u32; 2],
    sum: [u32; 2],
    /// What the checksum covers besides the page.
    start: [u8; 8],
}

impl Frame {
    /// What its checksum is when it comes after a frame with this one.
    fn sum_after(&self, page: &[u8], before: [u32; 2], big: bool) -> [u32; 2] {
        checksum(page, checksum(&self.start, before, big), big)
    }
}

/// The newest copy of each page in a log.
#[derive(Default)]
struct Pages {
    committed: HashMap<u32, [u32; 2]>,
    open: HashMap<u32, [u32; 2]>,
    /// How many pages the file has after the last transaction.
    count: u32,
    /// A frame that no program writes.
    nonsense: bool,
}

impl Pages {
    fn take(&mut self, frame: &Frame, page: &[u8]) {
        self.open.insert(frame.page, checksum(page, [0; 2], true));
        if frame.commit != 0 {
            self.count = frame.commit;
            self.nonsense |= frame.page > frame.commit;
            self.committed.extend(self.open.drain());
        }
    }

    /// Whether the file has not what the log has.
    fn missing_in(self, file: &mut File, page: &mut [u8]) -> io::Result<Option<Finding>> {
        if self.nonsense {
            return Ok(Some(Finding::Header));
        }
        for (number, sum) in self.committed {
            let size = u64::try_from(page.len()).unwrap_or(u64::MAX);
            let Some(at) = u64::from(number).checked_sub(1).and_then(|n| n.checked_mul(size))
            else {
                return Ok(Some(Finding::Header));
            };
            // A later transaction of the log made the file shorter.
            if number > self.count {
                continue;
            }
            if !read_at(file, at, page)? || checksum(page, [0; 2], true) != sum {
                return Ok(Some(Finding::Header));
            }
        }
        Ok(None)
    }
}

/// As SQLite's file format defines it, over whole pairs of words.
fn checksum(bytes: &[u8], [mut one, mut two]: [u32; 2], big: bool) -> [u32; 2] {
    let word = |four: &[u8]| {
        let four = four.try_into().unwrap_or_default();
        if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    for eight in bytes.chunks_exact(8) {
        let (first, second) = eight.split_at(4);
        one = one.wrapping_add(word(first)).wrapping_add(two);
        two = two.wrapping_add(word(second)).wrapping_add(one);
    }
    [one, two]
}
