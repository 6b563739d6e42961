//! Whether rows and ids find each other. SQLite knows nothing of the numbers between them.

use rusqlite::Connection;
use tillway_core::id::Uuid;

use crate::chains::{Broken, walk};
use crate::chapters::{self, Chapter};
use crate::filter::{FACTOR, mixed};
use crate::merge::merged;
use crate::row::{self, Columns, one};

/// A table, what `ids` calls its rows, and which of these there may be.
const TABLES: [(&str, &str, core::ops::RangeInclusive<u8>); 5] = [
    ("orders", "1", 1..=1),
    ("payments", "2", 2..=2),
    ("holds", "3", 3..=3),
    ("keys", "16 + scope", 16..=31),
    ("streams", "32 + kind", 32..=63),
];

/// Rows whose number means nothing: what it should find is not there.
const STRAYS: [(&str, &str); 3] = [
    ("records", "NOT EXISTS (SELECT 1 FROM streams WHERE no = stream_no)"),
    ("order_lines", "NOT EXISTS (SELECT 1 FROM orders WHERE no = order_no)"),
    (
        "payments",
        // Whatever was captured is listed by its order.
        "iif(order_no IS NULL, account IS NOT NULL, NOT EXISTS \
         (SELECT 1 FROM orders WHERE orders.no = order_no AND orders.id = order_id))",
    ),
];

/// Goes through every name and every named row, each in its own order.
///
/// # Errors
/// [`Broken::Lost`] with the table that is not as its names say.
pub(crate) fn check(db: &Connection, mut each: impl FnMut()) -> Result<(), Broken> {
    let mut tallies = [Tally::default(); TABLES.len()];
    let chapters = chapters(db)?;
    let read = |c: &Columns<'_>| Ok((row::name(c)?, c.int()?));
    let id = |(name, _): &(Name, i64)| (name.id, name.what);
    let mut last = None;
    let walked = merged(db, NAMES, None, read, id, |(name, chapter)| {
        each();
        let mut tables = TABLES.iter().zip(&mut tallies);
        let table = tables.find(|((.., of), _)| of.contains(&name.what));
        let ((table, ..), tally) = table.ok_or(Broken::Row("ids", 1))?;
        tally.add(&name);
        let chapter = usize::try_from(chapter).ok().and_then(|no| chapters.get(no));
        let is_found = chapter.is_some_and(|c| c.may_have(Uuid::from_u128(name.id)));
        // The second of two would never be found.
        let is_first = last.replace((name.id, name.what)) != Some((name.id, name.what));
        if is_found && is_first { Ok(()) } else { Err(Broken::Lost(table)) }
    });
    walked.map_err(|broken| broken.of("ids"))?;
    for ((table, what, _), named) in TABLES.iter().zip(tallies) {
        let mut tally = Tally::default();
        let rows = format!("SELECT id, {what}, no FROM {table}");
        walk(db, table, &rows, [], row::name, |name| {
            each();
            tally.add(&name);
            Ok(())
        })?;
        if tally != named {
            return Err(Broken::Lost(table));
        }
    }
    STRAYS.iter().try_for_each(|(table, stray)| {
        let sql = format!("SELECT 1 FROM {table} WHERE {stray} LIMIT 1");
        walk(db, table, &sql, [], |_| Ok(()), |()| Err(Broken::Lost(table)))
    })
}

pub(crate) const NAMES: &str =
    "SELECT id, what, no, chapter FROM ids WHERE chapter = ?1 ORDER BY id, what";

/// The chapters by their numbers, as a start takes them. A filter that does not read is damage here.
fn chapters(db: &Connection) -> Result<Vec<Chapter>, Broken> {
    let mut chapters = chapters::list(db).map_err(|fail| Broken::from(fail).of("chapters"))?;
    chapters.reverse();
    let written = one(db, "SELECT count(filter) FROM chapters", [], |c| c.int())?;
    let read = chapters.iter().filter(|chapter| chapter.is_filtered()).count();
    let all_read = written == i64::try_from(read).ok();
    if all_read { Ok(chapters) } else { Err(Broken::Row("chapters", 2)) }
}

/// A name, or what a row is named.
pub(crate) struct Name {
    pub(crate) id: u128,
    pub(crate) what: u8,
    pub(crate) no: u64,
}

/// The same for the same names in any order. So both sides are read as they lie, and neither looks
/// the other up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    count: u64,
    sum: u128,
}

impl Tally {
    fn add(&mut self, name: &Name) {
        let of = u128::from(name.no) << 8 | u128::from(name.what);
        // Each bit on all: two errors must not make up for each other in the sum.
        let mixed = mixed(name.id ^ of.wrapping_mul(FACTOR));
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(mixed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(names: [(u128, u64); 2]) -> Tally {
        let mut tally = Tally::default();
        names.into_iter().for_each(|(id, no)| tally.add(&Name { id, what: 1, no }));
        tally
    }

    /// Wherever two ids differ, and however far their rows are apart.
    #[test]
    fn two_errors_do_not_make_up_for_each_other() {
        let (id, other) = (0x1234_5678_9ABC_4DEF_8123_4567_89AB_CDEF_u128, 0x00FF_u128);
        for bit in (0..128).map(|bit| 1_u128 << bit) {
            for far in (0..40).map(|far| 1 + (1_u64 << far)) {
                let sound = tally([(id, 1), (id ^ bit, far)]);
                assert_ne!(tally([(id, far), (id ^ bit, 1)]), sound, "{bit:x} {far}");
                let sound = tally([(id, 1), (other, far)]);
                assert_ne!(tally([(id ^ bit, 1), (other ^ bit, far)]), sound, "{bit:x} {far}");
                assert_eq!(tally([(other, far), (id, 1)]), sound);
            }
        }
    }
}
