//! The terminal behind DualConnector.

mod line;
mod money;
mod reports;
mod resolve;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tillway_core::port::terminal::{
    Approval, Attempt, Capabilities, HoldError, Known, MoneyOutcome, Operation, ReconcileOutcome,
    Report, ReportKind, Resolution, ResolveBy, Slip, TerminalError, TerminalInfo, TwoPhase,
};
use tillway_core::port::{CardTerminal, Clock, Spawner};
use tillway_transport::HttpTransport;

use self::line::Line;
use crate::config::Config;
use crate::error::ConfigError;

/// A card terminal behind DualConnector, or one that speaks the same XML itself.
///
/// - Each operation is one request, which is never repeated. It runs as a task of the `Spawner`
///   port: when the caller's patience or the deadline ends, the adapter goes on listening for the
///   answer ([`Waits::late`](crate::Waits)), and [`resolve`](CardTerminal::resolve) has it then.
/// - Meanwhile the terminal is busy: closing a connection does not stop it.
/// - An approval is final at once: [`hold`](CardTerminal::hold) and
///   [`confirm`](CardTerminal::confirm) do nothing.
/// - A roll-back is an emergency cancel (53) only when the terminal's last receipt is that of the
///   payment; otherwise it is a cancel by reference number (4).
/// - Nothing here breaks off a running operation: the guest presses the red key.
#[derive(Clone)]
pub struct DualConnector {
    line: Arc<Line>,
}

impl DualConnector {
    /// A terminal with this configuration. Nothing is sent yet: call
    /// [`probe`](CardTerminal::probe) at start.
    ///
    /// # Errors
    /// [`ConfigError`], as [`Config::check`] gives it.
    pub fn try_new(
        config: Config,
        http: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
        spawner: Arc<dyn Spawner>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { line: Arc::new(Line::try_new(config, http, clock, spawner)?) })
    }
}

impl fmt::Debug for DualConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DualConnector").field("line", &self.line).finish()
    }
}

#[async_trait]
impl CardTerminal for DualConnector {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            two_phase: TwoPhase::Emulated,
            resolve: ResolveBy::Report,
            abort: false,
            cancel_without_card: true,
            partial_cancel: self.line.config.partial_cancel,
            totals: false,
        }
    }

    async fn probe(&self) -> Result<TerminalInfo, TerminalError> {
        let turn = self.line.turn().await?;
        reports::probe(&self.line, &turn).await
    }

    async fn perform(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
        let outcome = money::perform(&self.line, attempt, what).await;
        let became = match &outcome {
            MoneyOutcome::Approved(_) => "approved".to_owned(),
            MoneyOutcome::Declined(decline) => decline.reason.to_string(),
            MoneyOutcome::InDoubt(error) => error.fault.to_string(),
        };
        tracing::debug!(attempt = %attempt.id, became, "an operation was asked for");
        outcome
    }

    async fn hold(&self, _: &Attempt, _: &Approval) -> Result<(), HoldError> {
        Ok(())
    }

    async fn confirm(&self, _: &Attempt, _: &Approval) -> Result<(), HoldError> {
        Ok(())
    }

    async fn resolve(&self, attempt: &Attempt, what: &Operation, known: &dyn Known) -> Resolution {
        let turn = match self.line.turn().await {
            Ok(turn) => turn,
            Err(error) => return Resolution::NotYet(error),
        };
        resolve::resolve(&self.line, &turn, attempt, what, known).await
    }

    async fn report(&self, kind: ReportKind) -> Result<Report, TerminalError> {
        let turn = self.line.turn().await?;
        reports::report(&self.line, &turn, kind).await
    }

    async fn last_slip(&self) -> Result<Vec<Slip>, TerminalError> {
        let turn = self.line.turn().await?;
        reports::last_slip(&self.line, &turn).await
    }

    async fn reconcile(&self) -> ReconcileOutcome {
        match self.line.turn().await {
            Ok(turn) => reports::reconcile(&self.line, &turn).await,
            Err(error) => ReconcileOutcome::Refused(error),
        }
    }
}
