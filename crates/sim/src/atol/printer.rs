//! The printer: paper, cover, and the tape that comes out.

use super::Code;

/// How many pieces of tape are kept; older ones have been torn off and thrown away.
const TAPE_MAX: usize = 10_000;

/// The printer of a register.
#[derive(Clone, Debug)]
pub struct Printer {
    /// Characters of a line.
    pub width: usize,
    /// Lines of paper that are left.
    pub paper: u32,
    /// The cover is open.
    pub cover_open: bool,
    /// The head is hot.
    pub hot: bool,
    /// The mechanics work.
    pub works: bool,
    tape: Vec<Piece>,
    /// Pieces that are not kept any more.
    gone: usize,
    /// Pieces before this one are of another fiscal memory.
    roll: usize,
}

/// A piece of tape.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// What it is of.
    pub of: Print,
    /// Its lines.
    pub lines: Vec<String>,
    /// It ends before its end: the paper did.
    pub torn: bool,
}

/// What a piece of tape is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Print {
    /// A fiscal document.
    Document(u32),
    /// A document once more, marked as a copy.
    Copy(u32),
    /// A receipt that was annulled.
    Annulled,
    /// An X report.
    ReportX,
    /// Text that is not fiscal.
    Text,
}

impl Piece {
    /// Its lines for a screen, with the edge where the next piece begins.
    pub fn shown(&self) -> Vec<String> {
        let edge = if self.torn { "~ ~ ~" } else { "- - -" };
        let lines = self.lines.iter().map(String::as_str);
        lines.chain([edge]).map(ToOwned::to_owned).collect()
    }
}

impl Printer {
    /// A printer with much paper.
    pub fn new(width: usize) -> Self {
        let tape = Vec::new();
        Self {
            width,
            paper: 100_000,
            cover_open: false,
            hot: false,
            works: true,
            tape,
            gone: 0,
            roll: 0,
        }
    }

    /// All that came out, in order.
    pub fn tape(&self) -> &[Piece] {
        &self.tape
    }

    /// What came out after the first `seen` pieces, as far as it is kept, and how many pieces have
    /// come out in all: for whoever shows the tape as it grows.
    pub fn since(&self, seen: usize) -> (&[Piece], usize) {
        let from = seen.saturating_sub(self.gone).min(self.tape.len());
        let new = self.tape.get(from..).unwrap_or_default();
        (new, self.gone.saturating_add(self.tape.len()))
    }

    /// What came out of documents of the memory that is in now, whole or torn, and whether pieces
    /// of it are not kept any more.
    pub(super) fn roll(&self) -> (&[Piece], bool) {
        (self.since(self.roll).0, self.gone > self.roll)
    }

    /// Documents that come from now on are of another memory.
    pub(super) fn begin_roll(&mut self) {
        self.roll = self.gone.saturating_add(self.tape.len());
    }

    /// Whether it can begin to print.
    pub fn ready(&self) -> Result<(), Code> {
        if !self.works {
            return Err(Code::MECHANICAL_FAULT);
        }
        if self.hot {
            return Err(Code::PRINTER_OVERHEAT);
        }
        if self.cover_open {
            return Err(Code::COVER_OPENED);
        }
        if self.paper == 0 { Err(Code::NO_PAPER) } else { Ok(()) }
    }

    /// Prints as far as the paper goes; says whether that was all.
    pub(super) fn print(&mut self, of: Print, lines: &[String]) -> Result<(), Code> {
        self.ready()?;
        let paper = usize::try_from(self.paper).unwrap_or(usize::MAX);
        let whole = lines.len() <= paper;
        let printed = lines.iter().take(paper).cloned().collect::<Vec<_>>();
        let used = u32::try_from(printed.len()).unwrap_or(u32::MAX);
        self.paper = self.paper.saturating_sub(used);
        self.keep(Piece { of, lines: printed, torn: !whole });
        if whole { Ok(()) } else { Err(Code::NO_PAPER) }
    }

    /// What came out when power or paper ended within a document.
    pub(super) fn tear(&mut self, of: Print, lines: &[String]) {
        let half = lines.iter().take(lines.len().div_ceil(2)).cloned().collect();
        self.keep(Piece { of, lines: half, torn: true });
    }

    fn keep(&mut self, piece: Piece) {
        if self.tape.len() >= TAPE_MAX {
            self.tape.remove(0);
            self.gone = self.gone.saturating_add(1);
        }
        self.tape.push(piece);
    }
}
