//! Reading small choices from a target's bytes.
//!
//! From the front, byte by byte and without lengths kept elsewhere, so that a seed can be written
//! by hand. Steps end with [`END`]: what is put in or left out in one step changes no other. When
//! the bytes are used up, every choice is zero.

/// Ends a step.
const END: u8 = 0xFF;

/// What is left of an input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes of the next step; `None` when there is none.
    pub(crate) fn step(&mut self) -> Option<Bytes<'a>> {
        let end = self.0.iter().position(|byte| *byte == END);
        let step = self.take(end.unwrap_or(self.0.len()));
        self.take(1);
        (end.is_some() || !step.is_empty()).then_some(Bytes(step))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// A number below `end`, which is at most 256.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Now and then: one time in `of`.
    pub(crate) fn rarely(&mut self, of: usize) -> bool {
        self.below(of) == of - 1
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn i64(&mut self) -> i64 {
        let mut bytes = [0; 8];
        bytes.fill_with(|| self.byte());
        i64::from_le_bytes(bytes)
    }

    /// The next bytes, as many as there are up to `count`.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// So many bytes as the next one says.
    pub(crate) fn slice(&mut self) -> &'a [u8] {
        let count = self.byte();
        self.take(usize::from(count))
    }

    /// As [`Bytes::slice`], what is no UTF-8 replaced.
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.slice()).into_owned()
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// An amount in kopecks: mostly small, sometimes at an edge where sums stop fitting.
pub(crate) fn amount(bytes: &mut Bytes<'_>) -> i64 {
    const EDGES: [i64; 16] = [
        i64::MIN,
        i64::MIN + 1,
        -1,
        0,
        1,
        2,
        99,
        100,
        30_000,
        94_100,
        100_000,
        500_000,
        8_486_500,
        i64::MAX / 2,
        i64::MAX - 1,
        i64::MAX,
    ];
    match bytes.byte() {
        kind @ 0..16 => EDGES[usize::from(kind)],
        16..24 => bytes.i64(),
        _ => i64::from(bytes.u16()),
    }
}
