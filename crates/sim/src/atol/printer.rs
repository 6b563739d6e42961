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

impl Printer {
    /// A printer with much paper.
    pub fn new(width: usize) -> Self {
        let tape = Vec::new();
        Self { width, paper: 100_000, cover_open: false, hot: false, works: true, tape }
    }

    /// All that came out, in order.
    pub fn tape(&self) -> &[Piece] {
        &self.tape
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
        }
        self.tape.push(piece);
    }
}
