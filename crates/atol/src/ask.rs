//! What a register is asked, whatever the way to it; and the walk that settles a doubt.

use async_trait::async_trait;
use tillway_core::fiscal::{Answer, Ask, Finding, Mark, Registered, Search};
use tillway_core::port::fiscal::{
    Attempt, Cause, DeviceStatus, Exchange, Fiscal, Found, RegisterError, Shift, ShiftTotals,
};
use tillway_core::time::Timestamp;

use crate::task::{self, Context, Query};

/// A way to a register.
#[async_trait]
pub(crate) trait Asks: Send + Sync {
    /// Runs a task that changes nothing, and answers with its result. May repeat it.
    async fn ask(&self, query: Query) -> Result<Box<str>, RegisterError>;

    /// Whether no task is being worked on, or waits to be, and no receipt is open.
    async fn is_at_rest(&self) -> Result<bool, RegisterError>;
}

pub(crate) async fn shift(asks: &dyn Asks) -> Result<Shift, RegisterError> {
    Ok(task::shift(&asks.ask(Query::Shift).await?)?)
}

pub(crate) async fn totals(asks: &dyn Asks) -> Result<ShiftTotals, RegisterError> {
    Ok(task::totals(&asks.ask(Query::Totals).await?)?)
}

pub(crate) async fn status(asks: &dyn Asks) -> Result<DeviceStatus, RegisterError> {
    Ok(task::status(&asks.ask(Query::Status).await?)?)
}

pub(crate) async fn exchange(asks: &dyn Asks) -> Result<Exchange, RegisterError> {
    Ok(task::exchange(&asks.ask(Query::Exchange).await?)?)
}

/// Three questions. The number of the last document comes first: one that is written in between
/// is walked over once more, and none is left out.
pub(crate) async fn mark(asks: &dyn Asks) -> Result<Mark, RegisterError> {
    let last = task::last(&asks.ask(Query::Last).await?)?;
    let memory = task::memory(&asks.ask(Query::Memory).await?)?.serial;
    let at = task::status(&asks.ask(Query::Status).await?)?.at;
    let unknown = || RegisterError::new(Cause::Clock, "the register does not tell its time");
    Ok(Mark { memory, last, at: at.ok_or_else(unknown)?, operations: None })
}

pub(crate) async fn document(
    asks: &dyn Asks,
    number: u32,
) -> Result<Option<Registered>, RegisterError> {
    Ok(read(asks, number).await?.map(|(document, _)| document))
}

/// A document, and whether its full text has left the memory.
async fn read(asks: &dyn Asks, number: u32) -> Result<Option<(Registered, bool)>, RegisterError> {
    match asks.ask(Query::Document(number)).await {
        Ok(json) => Ok(Some((task::document(number, &json)?, task::is_short(&json)))),
        Err(error) if error.code == Some(NO_SUCH_DOCUMENT) => Ok(None),
        Err(error) => Err(error),
    }
}

const NO_SUCH_DOCUMENT: i32 = 123;

/// More questions than the longest walk has.
const QUESTIONS_MAX: usize = 1_024;

/// Whether the attempt is in the memory (ATOL note 11, step 5). Reads only.
pub(crate) async fn walk(
    asks: &dyn Asks,
    attempt: &Attempt,
    what: &Fiscal,
    context: &Context,
) -> Found {
    match try_walk(asks, attempt, what, context).await {
        Ok(found) => found,
        Err(error) => Found::NotYet(error),
    }
}

async fn try_walk(
    asks: &dyn Asks,
    attempt: &Attempt,
    what: &Fiscal,
    context: &Context,
) -> Result<Found, RegisterError> {
    let mut last = Some(where_it_stands(asks).await?);
    let until = last.as_ref().map_or(Timestamp::default(), |(mark, _)| mark.at);
    let expected = task::expected(what, context, until);
    let mut search = Search::new(expected, attempt.before.clone(), Vec::new());
    for _ in 0..QUESTIONS_MAX {
        let answer = match search.next() {
            Ask::Last => {
                let (mark, idle) = match last.take() {
                    Some(first) => first,
                    None => where_it_stands(asks).await?,
                };
                Answer::Last { mark, idle }
            }
            Ask::Document(number) => match read(asks, number).await {
                Ok(Some((document, false))) => Answer::Document(Box::new(document)),
                Ok(Some((document, true))) => Answer::Short(Box::new(document)),
                Ok(None) => Answer::Unreadable,
                Err(error) if is_for_good(error.cause) => Answer::Unreadable,
                Err(error) => return Err(error),
            },
            Ask::Nothing(finding) => return Ok(found(finding)),
        };
        search.answer(answer);
    }
    Ok(found(Finding::Busy))
}

/// At rest is asked first: what begins after the question is seen in the number.
async fn where_it_stands(asks: &dyn Asks) -> Result<(Mark, bool), RegisterError> {
    let idle = asks.is_at_rest().await?;
    Ok((mark(asks).await?, idle))
}

/// Asking again would not help.
fn is_for_good(cause: Cause) -> bool {
    matches!(cause, Cause::BadTask | Cause::Memory | Cause::Unknown | Cause::Unsupported)
}

fn found(finding: Finding) -> Found {
    match finding {
        Finding::Written(document) => Found::Written(document),
        Finding::NotWritten => Found::NotWritten,
        Finding::Busy => {
            Found::NotYet(RegisterError::new(Cause::Busy, "tasks of the register are not done"))
        }
        Finding::Person(evidence) => Found::Person(evidence),
    }
}
