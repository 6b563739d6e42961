//! Which ids a closed chapter may have.

use tillway_core::id::{Fingerprint, Uuid};

/// A set of ids that never says no to one it has, and says yes to about one in five hundred that it
/// has not: a Bloom filter of blocks, so that a question costs one line of the processor's cache.
///
/// How an id is spread over the bits is part of the file's format.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Filter {
    blocks: Vec<Block>,
}

type Block = [u64; BLOCK_WORDS];

const BLOCK_WORDS: usize = 8;
const BLOCK_BYTES: usize = BLOCK_WORDS * size_of::<u64>();
const PROOF_BYTES: usize = 16;
/// Of a block, for each id.
const PROBES: usize = 7;
/// Sixteen bits for each id.
const IDS_PER_BLOCK: u64 = 32;
/// 256 MiB. A chapter has so many ids only in a file that was written before there were chapters.
const BLOCKS_MAX: u64 = 1 << 22;

impl Filter {
    /// An empty one for about so many ids; with more of them it says yes too often.
    pub(crate) fn sized(ids: u64) -> Self {
        let blocks = ids.div_ceil(IDS_PER_BLOCK).clamp(1, BLOCKS_MAX);
        Self { blocks: vec![Block::default(); usize::try_from(blocks).unwrap_or(1)] }
    }

    pub(crate) fn add(&mut self, id: Uuid) {
        let (at, mask) = self.place(id);
        if let Some(block) = self.blocks.get_mut(at) {
            block.iter_mut().zip(mask).for_each(|(word, mask)| *word |= mask);
        }
    }

    /// False: it has not.
    pub(crate) fn may_have(&self, id: Uuid) -> bool {
        let (at, mask) = self.place(id);
        let block = self.blocks.get(at);
        block.is_none_or(|block| block.iter().zip(mask).all(|(word, mask)| word & mask == mask))
    }

    /// Which block is the id's, and its bits there.
    fn place(&self, id: Uuid) -> (usize, Block) {
        let mixed = mixed(id.as_u128());
        // The upper half chooses the block, in equal parts; the lower half has nine bits a probe.
        let share = (mixed >> 64).wrapping_mul(self.blocks.len() as u128) >> 64;
        let mut mask = Block::default();
        let mut bits = mixed as u64;
        for _ in 0..PROBES {
            let (word, bit) = (bits >> 6 & 7, bits & 63);
            if let Some(word) = mask.get_mut(word as usize) {
                *word |= 1 << bit;
            }
            bits >>= 9;
        }
        (share as usize, mask)
    }

    /// As the file has it: a proof that it is this chapter's and whole, and the blocks.
    pub(crate) fn to_bytes(&self, chapter: i64) -> Vec<u8> {
        let words = self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes());
        proven([0; PROOF_BYTES].into_iter().chain(words).collect(), chapter)
    }

    /// `None`: not as it was written for this chapter.
    pub(crate) fn from_bytes(bytes: &[u8], chapter: i64) -> Option<Self> {
        let (_, blocks) = bytes.split_first_chunk::<PROOF_BYTES>()?;
        let (chunks, rest) = blocks.as_chunks::<BLOCK_BYTES>();
        if chunks.is_empty() || !rest.is_empty() || proven(bytes.to_vec(), chapter) != bytes {
            return None;
        }
        let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let block = |chunk: &[u8; BLOCK_BYTES]| {
            let mut block = Block::default();
            block.iter_mut().zip(chunk.as_chunks::<8>().0).for_each(|(to, from)| *to = word(from));
            block
        };
        Some(Self { blocks: chunks.iter().map(block).collect() })
    }
}

/// Puts the proof of a chapter's filter before its blocks.
fn proven(mut bytes: Vec<u8>, chapter: i64) -> Vec<u8> {
    let begin = |bytes: &mut [u8], with: [u8; PROOF_BYTES]| {
        bytes.iter_mut().zip(with).for_each(|(to, from)| *to = from);
    };
    begin(&mut bytes, i128::from(chapter).to_le_bytes());
    let proof = Fingerprint::of(&bytes).0;
    begin(&mut bytes, proof);
    bytes
}

/// Odd, and without a pattern.
pub(crate) const FACTOR: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

/// Each bit of an id on all: ids need not be random.
pub(crate) fn mixed(id: u128) -> u128 {
    let mut mixed = id;
    for _ in 0..2 {
        mixed = (mixed ^ (mixed >> 67)).wrapping_mul(FACTOR);
    }
    mixed ^ (mixed >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(ids: impl Iterator<Item = u128>) -> Filter {
        let mut filter = Filter::sized(10_000);
        ids.for_each(|id| filter.add(Uuid::from_u128(id)));
        filter
    }

    /// Random ids, ids that count, and ids that differ in their first bytes alone.
    fn kinds() -> [fn(u128) -> u128; 3] {
        [|n| mixed(n + 1), |n| n, |n| n << 100]
    }

    #[test]
    fn what_was_added_is_there_and_little_else() {
        for id in kinds() {
            let filter = filled((0..10_000).map(id));
            assert!((0..10_000).all(|n| filter.may_have(Uuid::from_u128(id(n)))));
            let others = 10_000..110_000;
            let wrong = others.filter(|n| filter.may_have(Uuid::from_u128(id(*n)))).count();
            assert!(wrong < 300, "{wrong} of 100 000");
        }
    }

    #[test]
    fn bytes_are_read_as_they_were_written() {
        let filter = filled(0..1_000);
        let bytes = filter.to_bytes(7);
        assert_eq!(Filter::from_bytes(&bytes, 7), Some(filter));
        assert_eq!(Filter::from_bytes(&bytes, 8), None);
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert_eq!(Filter::from_bytes(&broken, 7), None, "byte {at}");
        }
        for length in [0, 15, 16, 16 + BLOCK_BYTES - 1, bytes.len() - BLOCK_BYTES] {
            assert_eq!(Filter::from_bytes(&bytes[..length], 7), None, "{length} bytes");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_not(rest: Vec<u8>, blocks in 0_usize..4, is_proven: bool) {
            let mut rest = rest;
            rest.resize(rest.len().max(blocks * BLOCK_BYTES), 7);
            let bytes = [&[0; PROOF_BYTES][..], &rest].concat();
            let bytes = if is_proven { proven(bytes, 7) } else { bytes };
            let is_whole = !rest.is_empty() && rest.len().is_multiple_of(BLOCK_BYTES);
            let again = Filter::from_bytes(&bytes, 7).map(|filter| filter.to_bytes(7));
            proptest::prop_assert_eq!(again, (is_proven && is_whole).then_some(bytes));
        }
    }

    /// Files have it so.
    #[test]
    fn the_spread_never_changes() {
        let mut filter = Filter::sized(64);
        filter.add(Uuid::from_u128(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF));
        let bytes = filter.to_bytes(0);
        let set = bytes[16..].iter().enumerate().filter(|(_, byte)| **byte != 0);
        let set: Vec<_> = set.map(|(at, byte)| (at, *byte)).collect();
        assert_eq!(set, [(70, 64), (87, 8), (91, 64), (113, 64), (119, 4), (123, 16), (127, 2)]);
    }

    #[test]
    fn one_for_nothing_says_no() {
        assert!(!Filter::sized(0).may_have(Uuid::nil()));
    }

    #[test]
    fn the_size_has_bounds() {
        let blocks = |ids| Filter::sized(ids).blocks.len();
        assert_eq!([0, 1, 32, 33, 1_000_000].map(blocks), [1, 1, 1, 2, 31_250]);
        assert_eq!(blocks(u64::MAX) as u64, BLOCKS_MAX);
    }
}
