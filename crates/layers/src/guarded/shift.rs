//! A register that is ready for a sale.

use core::time::Duration;

use tillway_core::fiscal::{Mark, Operator, Registered};
use tillway_core::port::fiscal::{
    Attempt, Cause, Fiscal, FiscalOutcome, RegisterError, Shift, ShiftState,
};
use tillway_core::port::{FiscalRegister, IdSource};

use crate::attempts::Trouble;
use crate::guarded::Guarded;

/// How much of a shift must be left for a sale: a guest takes his time (F21).
pub const LEFT_MIN: Duration = Duration::from_secs(15 * 60);

/// What was written so that a sale may begin.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Readied {
    /// The shift that was too old.
    pub closed: Option<Box<Registered>>,
    /// The shift that was opened.
    pub opened: Option<Box<Registered>>,
}

/// When a shift is closed before its time, because nobody sells just now (F21).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Early {
    /// So much of the shift, or less, is left. One hour by default.
    pub left: Duration,
    /// Nothing was begun or settled at the register for so long. Ten minutes by default.
    pub idle: Duration,
}

impl Default for Early {
    fn default() -> Self {
        Self { left: Duration::from_secs(3_600), idle: Duration::from_secs(600) }
    }
}

impl Guarded<dyn FiscalRegister> {
    /// Makes the register ready for a sale that may take as long as `left`, by the register's own
    /// clock: a shift that is closed is opened, one that is expired or has less left is closed and
    /// the next one opened. A shift that somebody else has opened or closed meanwhile is welcome.
    ///
    /// Reconcile the terminals before: [`CardTerminal`](tillway_core::port::CardTerminal), F7. A
    /// repeat writes only what is still missing.
    ///
    /// # Errors
    /// Why the shift was not opened or closed. A document in doubt is in the journal like every
    /// other: [`Guarded::recover`] settles it.
    pub async fn ready_for_sale(
        &self,
        ids: &dyn IdSource,
        operator: Option<&Operator>,
        left: Duration,
    ) -> Result<Readied, RegisterError> {
        let shift = self.shift().await?;
        let mut readied = Readied::default();
        if shift.state != ShiftState::Closed {
            if self.lasts(&shift, left).await? {
                return Ok(readied);
            }
            let close = Fiscal::CloseShift(operator.cloned());
            readied.closed = self.write_shift(ids, &close, Cause::ShiftClosed).await?;
        }
        let open = Fiscal::OpenShift(operator.cloned());
        readied.opened = self.write_shift(ids, &open, Cause::ShiftOpen).await?;
        Ok(readied)
    }

    /// Whether the shift is to be closed before its time, by the register's own clock: it is
    /// nearly over, or expired, and the register is idle: nothing in doubt, no receipt open, and
    /// nobody sold lately. A keeper asks this every minute; when it is time, it reconciles the
    /// terminals (F7) and calls [`Guarded::close_early`].
    ///
    /// # Errors
    /// When the register or the journal does not answer: ask again.
    pub async fn is_time_to_close(&self, early: &Early) -> Result<bool, RegisterError> {
        if self.attempts.idle() < early.idle {
            return Ok(false);
        }
        let shift = self.shift().await?;
        if shift.state == ShiftState::Closed || self.lasts(&shift, early.left).await? {
            return Ok(false);
        }
        let no_journal = |trouble: Trouble| RegisterError::new(Cause::Journal, trouble.to_string());
        let turn = self.attempts.turn().await.map_err(no_journal)?;
        Ok(turn.holder().is_none() && turn.unsettled().await.map_err(no_journal)?.is_empty())
    }

    /// Closes the shift if it is still time to: the next sale opens another. `None` when it is not,
    /// or somebody else has closed it.
    ///
    /// # Errors
    /// As [`Guarded::ready_for_sale`].
    pub async fn close_early(
        &self,
        ids: &dyn IdSource,
        operator: Option<&Operator>,
        early: &Early,
    ) -> Result<Option<Box<Registered>>, RegisterError> {
        if !self.is_time_to_close(early).await? {
            return Ok(None);
        }
        let close = Fiscal::CloseShift(operator.cloned());
        self.write_shift(ids, &close, Cause::ShiftClosed).await
    }

    async fn lasts(&self, shift: &Shift, left: Duration) -> Result<bool, RegisterError> {
        if shift.state == ShiftState::Expired {
            return Ok(false);
        }
        let Some(expires) = shift.expires else { return Ok(true) };
        let Some(now) = self.status().await?.at else { return Ok(true) };
        Ok(expires.since(now) >= left)
    }

    /// Writes a shift's document. `None`: the shift is so already.
    async fn write_shift(
        &self,
        ids: &dyn IdSource,
        what: &Fiscal,
        already: Cause,
    ) -> Result<Option<Box<Registered>>, RegisterError> {
        // The guard reads the mark itself when it has the register.
        let before = Mark { memory: "".into(), last: 0, at: Default::default(), operations: None };
        let attempt = Attempt { id: ids.fresh(), before };
        match self.register(&attempt, what).await {
            FiscalOutcome::Written(document) => Ok(Some(document)),
            FiscalOutcome::NotWritten(error) if error.cause == already => Ok(None),
            FiscalOutcome::NotWritten(error) | FiscalOutcome::InDoubt(error) => Err(error),
        }
    }
}
