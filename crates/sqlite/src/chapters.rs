//! The tree of ids in chapters, the newest of which grows.
//!
//! A name lies where its id is among all others of its chapter, so a commit changes pages of one
//! chapter, which fit into memory. A closed chapter is read for an id that its filter lets through:
//! one that is there, or one of some hundreds that are not. Until its filter is made, for each.

use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, params};
use tillway_core::id::Uuid;

use crate::error::Fail;
use crate::filter::Filter;
use crate::ids::Db;
use crate::row::{many, one};

/// All of them, as the store's connections know them.
///
/// The writer is the only one to change them, after the commit that did. A reader asks before its
/// statement begins, so a chapter that it does not know yet has only what was committed since.
#[derive(Debug)]
pub(crate) struct Chapters(RwLock<Arc<[Chapter]>>);

/// The first is the newest.
#[derive(Clone, Debug)]
pub(crate) struct Chapter {
    pub(crate) no: i64,
    /// How many names there were before it, more or less.
    pub(crate) since: u64,
    filter: Option<Arc<Filter>>,
}

impl Chapter {
    pub(crate) fn may_have(&self, id: Uuid) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.may_have(id))
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }
}

impl Chapters {
    /// Those of the file. A filter that does not read is as good as none, and made anew.
    pub(crate) fn load(db: &Connection) -> Result<Self, Fail> {
        Ok(Self(RwLock::new(list(db)?.into())))
    }

    pub(crate) fn list(&self) -> Arc<[Chapter]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Chapter>)) {
        let mut list = self.list().to_vec();
        change(&mut list);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = list.into();
    }
}

/// The chapters of a file, the newest first: without a gap, never none, and no name outside of them.
/// The newest has no filter, which would not have what is named from now on.
pub(crate) fn list(db: &Connection) -> Result<Vec<Chapter>, Fail> {
    let sql = "SELECT no, since, filter FROM chapters ORDER BY no DESC";
    let chapters = many(db, sql, [], |c| {
        let (no, since) = (c.int()?, c.int()?.cast_unsigned());
        let filter = c.opt_blob()?.and_then(|bytes| Filter::from_bytes(bytes, no)).map(Arc::new);
        Ok(Chapter { no, since, filter })
    })?;
    let Some(newest) = chapters.first() else { return Err(Fail::BadRow(0)) };
    let has_gap = (0..).zip(chapters.iter().rev()).any(|(no, chapter)| chapter.no != no);
    let beyond =
        "SELECT 1 FROM ids WHERE chapter > ?1 UNION ALL SELECT 1 FROM ids WHERE chapter < 0";
    let is_beyond = one(db, beyond, [newest.no], |_| Ok(()))?.is_some();
    let is_list = !has_gap && !is_beyond && !newest.is_filtered();
    if is_list { Ok(chapters) } else { Err(Fail::BadRow(0)) }
}

/// How many rows have names, more or less.
pub(crate) fn names(db: &Connection) -> Result<u64, Fail> {
    let sql = "SELECT coalesce((SELECT max(no) FROM orders), 0) + \
               coalesce((SELECT max(no) FROM payments), 0) + \
               coalesce((SELECT max(no) FROM holds), 0) + \
               coalesce((SELECT max(no) FROM keys), 0) + \
               coalesce((SELECT max(no) FROM streams), 0)";
    Ok(one(db, sql, [], |c| c.int())?.unwrap_or_default().cast_unsigned())
}

/// Their numbers alone, as the file has them at this moment.
pub(crate) fn numbers(db: &Connection) -> Result<Vec<i64>, Fail> {
    many(db, "SELECT no FROM chapters ORDER BY no", [], |c| c.int())
}

/// How many names are read for a filter after each batch: half a millisecond. A full batch has no more
/// new ones.
const STEP: u32 = 2_048;

/// Opens chapters, and makes the filters of those that are closed: a little after each batch, and
/// what is to be written along with the next one.
#[derive(Debug)]
pub(crate) struct Binder {
    names_max: u64,
    filter: Progress,
}

#[derive(Debug)]
enum Progress {
    Idle,
    Reading {
        chapter: i64,
        filter: Filter,
        after: Option<Uuid>,
    },
    Read {
        chapter: i64,
        filter: Arc<Filter>,
    },
    /// A chapter does not read; the next start tries again.
    Stuck,
}

/// What a batch wrote beside its commits.
#[derive(Debug, Default)]
pub(crate) struct Written {
    filter: Option<(i64, Arc<Filter>)>,
    opened: Option<Chapter>,
}

impl Binder {
    pub(crate) fn new(names_max: u32) -> Self {
        Self { names_max: u64::from(names_max).max(1), filter: Progress::Idle }
    }

    /// Writes what is due, inside the transaction of a batch. What it answers holds once that is
    /// committed.
    pub(crate) fn write(&self, db: &Db) -> Result<Written, Fail> {
        let mut written = Written::default();
        if let Progress::Read { chapter, filter } = &self.filter {
            let sql = "UPDATE chapters SET filter = ?2 WHERE no = ?1";
            db.prepare_cached(sql)?.execute(params![chapter, filter.to_bytes(*chapter)])?;
            written.filter = Some((*chapter, Arc::clone(filter)));
        }
        if db.names() >= self.names_max {
            let newest = db.chapters.list().first().map_or(0, |chapter| chapter.no);
            let no = newest.checked_add(1).ok_or(Fail::BadRow(0))?;
            let since = names(db)?;
            let sql = "INSERT INTO chapters (no, since) VALUES (?1, ?2)";
            db.prepare_cached(sql)?.execute(params![no, since.cast_signed()])?;
            written.opened = Some(Chapter { no, since, filter: None });
        }
        Ok(written)
    }

    /// Makes known what was written: it is committed.
    pub(crate) fn committed(&mut self, db: &Db, written: Written) {
        if let Some((no, filter)) = written.filter {
            self.filter = Progress::Idle;
            db.chapters.change(|list| {
                let is = |chapter: &&mut Chapter| chapter.no == no;
                list.iter_mut().filter(is).for_each(|c| c.filter = Some(Arc::clone(&filter)));
            });
        }
        if let Some(chapter) = written.opened {
            db.restart();
            db.chapters.change(|list| list.insert(0, chapter));
        }
    }

    /// Does without the filter that was to go along with a batch that failed: it may be what found no
    /// place. It is made again. False: there was none.
    pub(crate) fn gives_up(&mut self) -> bool {
        let is_read = matches!(self.filter, Progress::Read { .. });
        if is_read {
            self.filter = Progress::Idle;
        }
        is_read
    }

    /// Reads on, for the filter of a closed chapter.
    pub(crate) fn read_on(&mut self, db: &Db) {
        let progress = core::mem::replace(&mut self.filter, Progress::Stuck);
        self.filter = match progress {
            Progress::Idle => unfiltered(&db.chapters.list()),
            Progress::Reading { chapter, mut filter, after } => {
                match step(db, chapter, after, &mut filter) {
                    Ok(after @ Some(_)) => Progress::Reading { chapter, filter, after },
                    Ok(None) => Progress::Read { chapter, filter: filter.into() },
                    Err(_) => Progress::Stuck,
                }
            }
            progress => progress,
        };
    }
}

/// Begins with the oldest closed chapter that has no filter.
fn unfiltered(list: &[Chapter]) -> Progress {
    let pairs = list.windows(2).rev().filter_map(|pair| pair.first().zip(pair.get(1)));
    let mut open = pairs.filter(|(_, chapter)| !chapter.is_filtered());
    open.next().map_or(Progress::Idle, |(next, chapter)| {
        let filter = Filter::sized(next.since.saturating_sub(chapter.since));
        Progress::Reading { chapter: chapter.no, filter, after: None }
    })
}

/// The next ids of a chapter. One that names several rows may come as often.
pub(crate) const IDS: &str =
    "SELECT id FROM ids WHERE chapter = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

/// Adds the next ids of a chapter, and answers with the last one. `None`: there is no other.
fn step(
    db: &Connection,
    chapter: i64,
    after: Option<Uuid>,
    filter: &mut Filter,
) -> Result<Option<Uuid>, Fail> {
    // The empty blob comes before every id.
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let ids = many(db, IDS, params![chapter, after, STEP], |c| c.uuid())?;
    ids.iter().for_each(|id| filter.add(*id));
    Ok(ids.last().copied())
}
