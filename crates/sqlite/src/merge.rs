//! Rows of all chapters in one order.

use rusqlite::{Connection, Rows, params_from_iter};

use crate::chapters;
use crate::error::Fail;
use crate::row::Columns;

/// The rows of the chapter `?1` that are what `?2` says; the id is `named` here.
macro_rules! of_chapter {
    ($table:literal) => {
        concat!(
            " FROM (SELECT id AS named, no AS number FROM ids WHERE chapter = ?1 AND what = ?2) ",
            "CROSS JOIN ",
            $table,
            " ON no = number"
        )
    };
}
pub(crate) use of_chapter;

/// Row by row what `sql` has of each chapter, in the order of `key`, in which it has the rows of one.
/// Bound are the chapter and, if it is given, `what`. Holds one row of each chapter at a time.
pub(crate) fn merged<T, K: Ord, E: From<Fail>>(
    db: &Connection,
    sql: &str,
    what: Option<u8>,
    read: impl Fn(&Columns<'_>) -> Result<T, Fail>,
    key: impl Fn(&T) -> K,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let chapters = chapters::numbers(db)?;
    let statements = chapters.iter().map(|_| db.prepare(sql)).collect::<Result<Vec<_>, _>>();
    let mut statements = statements.map_err(Fail::from)?;
    let lists = statements.iter_mut().zip(chapters).map(|(statement, chapter)| {
        statement.query(params_from_iter([chapter].into_iter().chain(what.map(i64::from))))
    });
    let mut lists = lists.collect::<Result<Vec<_>, _>>().map_err(Fail::from)?;
    let next = |rows: &mut Rows<'_>| -> Result<Option<T>, Fail> {
        rows.next()?.map(|row| read(&Columns::new(row))).transpose()
    };
    let mut heads = lists.iter_mut().map(next).collect::<Result<Vec<_>, _>>()?;
    loop {
        let keys = heads.iter().map(|head| head.as_ref().map(&key)).enumerate();
        let least = keys.filter_map(|(at, key)| key.map(|key| (key, at))).min();
        let Some((_, at)) = least else { return Ok(()) };
        let Some((head, list)) = heads.get_mut(at).zip(lists.get_mut(at)) else { return Ok(()) };
        if let Some(row) = core::mem::replace(head, next(list)?) {
            take(row)?;
        }
    }
}
