//! What moves no money: the test, reports, copies, and the reconciliation.

use std::sync::Arc;
use std::time::Duration;

use tillway_core::Kopecks;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    CountSum, Fault, ReconcileOutcome, Reconciliation, Report, ReportKind, Slip, TerminalError,
    TerminalInfo, Totals,
};

use super::line::{Heard, Line, Turn};
use super::resolve;
use crate::judge;
use crate::profile::{Call, Field};
use crate::read;
use crate::wire::{self, Packet};

pub(super) async fn probe(line: &Arc<Line>, turn: &Turn) -> Result<TerminalInfo, TerminalError> {
    let (config, wait) = (&line.config, line.config.waits.probe);
    let packet = line.ask(turn, line.request(Call::Test, &[], wait), wait).await?;
    judge::plain(&packet, &config.profile)?;
    let field = |field| packet.get(&config.profile, field).map(judge::clean);
    let info = TerminalInfo {
        terminal: field(Field::Terminal),
        merchant: field(Field::Merchant),
        model: field(Field::Model),
        serial: field(Field::Serial),
    };
    match (&info.terminal, line.terminal()) {
        (Some(found), Some(ours)) if *found != ours => {
            let text = format!("the terminal is {found}, not {ours}");
            Err(TerminalError::new(Fault::Setup, &text))
        }
        (None, None) => Err(TerminalError::new(Fault::Setup, "the terminal says no number")),
        (Some(found), None) => {
            line.learn_terminal(found);
            Ok(info)
        }
        _ => Ok(info),
    }
}

/// A command of operation 63.
pub(super) async fn command(
    line: &Arc<Line>,
    turn: &Turn,
    (mode2, mode1): (u8, Option<u8>),
) -> Result<Packet, TerminalError> {
    let mut values = vec![(Field::Mode2, mode2.to_string())];
    values.extend(mode1.map(|mode| (Field::Mode1, mode.to_string())));
    let wait = line.config.waits.report;
    line.ask(turn, line.request(Call::Command, &values, wait), wait).await
}

pub(super) const SHORT_REPORT: (u8, Option<u8>) = (20, None);
pub(super) const FULL_REPORT: (u8, Option<u8>) = (21, None);
pub(super) const LAST_RECEIPT: (u8, Option<u8>) = (22, Some(1));

pub(super) async fn report(
    line: &Arc<Line>,
    turn: &Turn,
    kind: ReportKind,
) -> Result<Report, TerminalError> {
    let mode = match kind {
        ReportKind::Short => SHORT_REPORT,
        ReportKind::Full => FULL_REPORT,
    };
    let packet = command(line, turn, mode).await?;
    judge::plain(&packet, &line.config.profile)?;
    let text = Text::of(line, &packet);
    if text.slips.is_empty() {
        return Err(TerminalError::new(Fault::Garbled, "the answer has no report"));
    }
    Ok(Report { totals: totals(line, &packet, &text), empty: text.is_empty(), slips: text.slips })
}

pub(super) async fn last_slip(line: &Arc<Line>, turn: &Turn) -> Result<Vec<Slip>, TerminalError> {
    let packet = command(line, turn, LAST_RECEIPT).await?;
    match judge::plain(&packet, &line.config.profile) {
        Ok(()) => Ok(Text::of(line, &packet).or_composed(line, &packet)),
        // There is none.
        Err(error) if error.fault == Fault::Refused => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

pub(super) async fn reconcile(line: &Arc<Line>, turn: &Turn) -> ReconcileOutcome {
    let wait = line.config.waits.reconcile;
    // The service ends a minute before we do.
    let inner = wait.checked_sub(Duration::from_secs(60)).filter(|d| !d.is_zero()).unwrap_or(wait);
    let body = line.request(Call::Reconcile, &[], inner);
    let packet = match line.exchange(turn, body, (wait, wait), |heard| heard).await {
        Ok(Heard::Answer(packet)) => packet,
        Ok(Heard::Unsent(error)) => return ReconcileOutcome::Refused(error),
        Ok(Heard::Lost(error)) | Err(error) => return ReconcileOutcome::InDoubt(error),
    };
    match judge::plain(&packet, &line.config.profile) {
        Ok(()) => {
            let text = Text::of(line, &packet);
            ReconcileOutcome::Done(Reconciliation {
                totals: totals(line, &packet, &text),
                empty: text.is_empty(),
                agreed: read::agreed(&text.lines()),
                slips: text.slips,
            })
        }
        Err(error) if is_refusal(error.fault) => ReconcileOutcome::Refused(error),
        Err(error) => ReconcileOutcome::InDoubt(error),
    }
}

/// The service has looked at it and says no.
fn is_refusal(fault: Fault) -> bool {
    matches!(fault, Fault::Refused | Fault::BadRequest | Fault::Setup | Fault::Link)
}

/// The slips of an answer.
pub(super) struct Text {
    pub(super) slips: Vec<Slip>,
}

impl Text {
    pub(super) fn of(line: &Line, packet: &Packet) -> Self {
        let field = packet.get(&line.config.profile, Field::Receipt).unwrap_or_default();
        Self { slips: judge::slips(&wire::receipt(field)) }
    }

    /// The lines of the first copy: the second says the same.
    pub(super) fn lines(&self) -> Vec<&str> {
        let first = self.slips.first().map_or(&[][..], |slip| &slip.lines);
        first.iter().map(Masked::as_str).collect()
    }

    /// A copy whose text the bank leaves to the till too.
    fn or_composed(self, line: &Line, packet: &Packet) -> Vec<Slip> {
        let profile = &line.config.profile;
        match packet.number(profile, Field::Amount) {
            Some(amount) if self.slips.is_empty() => {
                let name = judge::name_of(resolve::kind(line, packet));
                let at = judge::device_time(packet, profile, line.clock.now());
                vec![judge::composed(packet, &line.config, name, (Kopecks(amount), at))]
            }
            _ => self.slips,
        }
    }

    fn is_empty(&self) -> bool {
        !self.slips.is_empty() && read::is_empty(&self.lines())
    }
}

/// From fields where the bank fills them, else from the text.
fn totals(line: &Line, packet: &Packet, text: &Text) -> Option<Totals> {
    let profile = &line.config.profile;
    let pair = |count, sum| {
        let count = u32::try_from(packet.number(profile, count)?).ok()?;
        Some(CountSum { count, sum: Kopecks(packet.number(profile, sum)?) })
    };
    match pair(Field::DebitCount, Field::DebitSum) {
        Some(payments) => Some(Totals {
            payments,
            refunds: pair(Field::CreditCount, Field::CreditSum).unwrap_or_default(),
            cancels: pair(Field::VoidCount, Field::VoidSum).unwrap_or_default(),
        }),
        None => read::totals(&text.lines()),
    }
}
