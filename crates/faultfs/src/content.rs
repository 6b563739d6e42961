//! What one file holds: on the disk, and for the processes that have it open.

use crate::SECTOR;
use crate::disk::Cut;
use crate::random::Random;

/// A file's bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// What the disk has for sure.
    durable: Vec<u8>,
    /// What a read sees.
    cached: Vec<u8>,
    /// What was done since the last sync, in order.
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, data: Vec<u8> },
    Length(usize),
}

impl Content {
    pub(crate) fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes.clone(), cached: bytes, pending: Vec::new() }
    }

    /// What a read sees.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.cached
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.pending.is_empty()
    }

    /// Copies from `at` on; says how many bytes there were.
    pub(crate) fn read(&self, at: usize, into: &mut [u8]) -> usize {
        let there = self.cached.get(at..).unwrap_or(&[]);
        let len = there.len().min(into.len());
        into[..len].copy_from_slice(&there[..len]);
        len
    }

    pub(crate) fn write(&mut self, at: usize, data: &[u8]) {
        self.change(Change::Write { at, data: data.to_vec() });
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.change(Change::Length(len));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.cached);
        self.pending.push(change);
    }

    pub(crate) fn sync(&mut self) {
        self.pending.drain(..).for_each(|change| change.apply(&mut self.durable));
    }

    /// A sync that failed: what was pending is lost to the disk, but for the sectors that chance
    /// picks. Reads do not notice.
    pub(crate) fn lose(&mut self, mut chance: Option<Random>) {
        for piece in self.pending.drain(..).flat_map(Change::sectors) {
            if chance.as_mut().is_some_and(|random| random.chance(4)) {
                piece.apply(&mut self.durable);
            }
        }
    }

    /// The file after the power came back.
    pub(crate) fn after(&self, cut: Cut, random: &mut Random) -> Self {
        let pieces = self.pending.iter().cloned().flat_map(Change::sectors);
        let pieces: Vec<Change> = pieces.collect();
        let odds = [1, 4, 7][random.below(3)];
        let mut after = self.durable.clone();
        match cut {
            Cut::Lose => {}
            Cut::Keep => pieces.into_iter().for_each(|piece| piece.apply(&mut after)),
            Cut::Prefix(_) => {
                let kept = random.below(pieces.len() + 1);
                pieces.into_iter().take(kept).for_each(|piece| piece.apply(&mut after));
            }
            Cut::Some(_) => {
                let kept = pieces.into_iter().filter(|_| random.chance(odds));
                kept.for_each(|piece| piece.apply(&mut after));
            }
            Cut::Shuffle(_) => {
                let mut kept: Vec<_> = pieces.into_iter().filter(|_| random.chance(odds)).collect();
                random.shuffle(&mut kept);
                kept.into_iter().for_each(|piece| piece.apply(&mut after));
            }
            Cut::Garbage(_) => {
                for piece in pieces {
                    if random.chance(odds) {
                        piece.apply(&mut after);
                    } else if piece.grows(self.durable.len()) {
                        piece.garbled(random).apply(&mut after);
                    }
                }
            }
        }
        Self::durable(after)
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(len) => bytes.resize(*len, 0),
            Self::Write { at, data } => {
                let end = at + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(data);
            }
        }
    }

    /// The pieces that reach the disk or do not, each for itself.
    fn sectors(self) -> Vec<Self> {
        let Self::Write { mut at, data } = self else { return vec![self] };
        let mut pieces = Vec::new();
        let mut rest = &data[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
            pieces.push(Self::Write { at, data: piece.to_vec() });
            at += piece.len();
            rest = after;
        }
        pieces
    }

    /// Whether it writes where a file of this length has nothing.
    fn grows(&self, len: usize) -> bool {
        matches!(self, Self::Write { at, .. } if *at >= len)
    }

    /// The same place with other bytes: the length of a file reached the disk, its bytes did not.
    fn garbled(self, random: &mut Random) -> Self {
        match self {
            Self::Length(_) => self,
            Self::Write { at, data } => {
                let data = data.iter().map(|_| random.draw().to_le_bytes()[0]).collect();
                Self::Write { at, data }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zeros on the disk, then ones and twos that nobody synced.
    fn written() -> Content {
        let mut content = Content::durable(vec![0; 1_000]);
        content.write(500, &[1; 1_000]);
        content.write(1_000, &[2; 100]);
        content.truncate(1_400);
        content
    }

    fn after(cut: Cut, seed: u64) -> Vec<u8> {
        written().after(cut, &mut Random::new(seed)).durable
    }

    #[test]
    fn a_cut_keeps_nothing_or_all() {
        assert_eq!(after(Cut::Lose, 0), [0; 1_000]);
        let all = [vec![0; 500], vec![1; 500], vec![2; 100], vec![1; 300]].concat();
        assert_eq!(after(Cut::Keep, 0), all);
        assert_eq!(written().bytes(), all);
        let mut synced = written();
        synced.sync();
        assert_eq!(synced.after(Cut::Lose, &mut Random::new(0)).durable, all);
    }

    #[test]
    fn writes_are_torn_at_sectors_only() {
        for seed in 0..200 {
            for cut in [Cut::Prefix(seed), Cut::Some(seed), Cut::Shuffle(seed)] {
                let left = after(cut, seed);
                assert!([1_000, 1_024, 1_100, 1_400, 1_500].contains(&left.len()), "{cut:?}");
                let torn = left.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]);
                let borders: Vec<usize> = torn.map(|(at, _)| at + 1).collect();
                let known = [500, 512, 1_000, 1_024, 1_100];
                assert!(borders.iter().all(|border| known.contains(border)), "{cut:?} {borders:?}");
            }
        }
    }

    #[test]
    fn garbage_stands_only_where_there_was_nothing() {
        let garbage = (0..50).map(|seed| after(Cut::Garbage(seed), seed));
        let strange = |bytes: &[u8]| bytes.iter().any(|byte| *byte > 2);
        let found = garbage.inspect(|left| assert!(!strange(&left[..1_000])));
        assert!(found.filter(|left| strange(left)).count() > 10);
    }

    #[test]
    fn a_failed_sync_is_not_made_good_by_the_next() {
        for chance in [None, Some(Random::new(3))] {
            let mut content = written();
            content.lose(chance);
            assert!(content.is_synced());
            let lost = content.durable.clone();
            content.sync();
            assert!(content.durable == lost && content.durable != content.cached);
        }
    }
}
