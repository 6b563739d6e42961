//! What became of an operation in doubt (acquiring.md B.10). Reads only.

use std::sync::Arc;

use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    Approval, Attempt, Fault, Known, MoneyOutcome, Operation, Original, Resolution, Slip,
    TerminalError,
};

use super::line::{Line, Turn};
use super::reports::{self, FULL_REPORT, LAST_RECEIPT, Text};
use crate::judge;
use crate::profile::{Call, Field};
use crate::read::{self, Kind, Record, digits_wall_ms};
use crate::search::{Finding, Owner, Wanted, look};
use crate::wire::Packet;

/// Evidence shows so much of a report.
const EVIDENCE_LINES_MAX: usize = 400;

pub(super) async fn resolve(
    line: &Arc<Line>,
    turn: &Turn,
    attempt: &Attempt,
    what: &Operation,
    known: &dyn Known,
) -> Resolution {
    match line.kept(attempt.id) {
        Some(MoneyOutcome::Approved(approval)) => return Resolution::Approved(approval),
        Some(MoneyOutcome::Declined(decline)) => return Resolution::NotPerformed(decline.text),
        Some(MoneyOutcome::InDoubt(_)) | None => {}
    }
    match ask_twice(line, turn, attempt, what, known).await {
        Ok(resolution) => resolution,
        Err(error) => Resolution::NotYet(error),
    }
}

async fn ask_twice(
    line: &Arc<Line>,
    turn: &Turn,
    attempt: &Attempt,
    what: &Operation,
    known: &dyn Known,
) -> Result<Resolution, TerminalError> {
    let mut seen = ask(line, turn, attempt, what, known).await?;
    if let Said::Nothing(_) = seen {
        let waits = line.config.waits;
        if line.clock.now() < attempt.at.after(waits.card) {
            let text = "the time for a card has not passed";
            return Ok(Resolution::NotYet(TerminalError::new(Fault::Unsettled, text)));
        }
        line.clock.sleep(waits.again).await;
        seen = ask(line, turn, attempt, what, known).await?;
    }
    Ok(match seen {
        Said::Found(approval) => Resolution::Approved(approval),
        Said::Nothing(evidence) => Resolution::NotPerformed(evidence),
        Said::Unclear(evidence) => Resolution::Person(evidence),
    })
}

/// What the terminal said, asked once.
enum Said {
    Found(Box<Approval>),
    /// Idle, and nothing of it in the last receipt and the report.
    Nothing(Masked),
    Unclear(Masked),
}

async fn ask(
    line: &Arc<Line>,
    turn: &Turn,
    attempt: &Attempt,
    what: &Operation,
    known: &dyn Known,
) -> Result<Said, TerminalError> {
    reports::probe(line, turn).await?;
    let terminal = line.terminal();
    let wanted = Wanted {
        attempt,
        what,
        terminal: terminal.as_deref(),
        late: line.config.waits.late,
        skew: line.config.waits.skew,
    };
    if let Some((record, slips, evidence)) = last_receipt(line, turn).await? {
        let owner = owner(&record, attempt, known).await?;
        if let Finding::Found(record) = look(&wanted, &[(record, owner)]) {
            return Ok(Said::Found(Box::new(approval(&record, attempt, what, slips, evidence))));
        }
    }
    let packet = reports::command(line, turn, FULL_REPORT).await?;
    let text = Text::of(line, &packet);
    let evidence = shown(&text);
    match judge::plain(&packet, &line.config.profile) {
        Ok(()) if !text.slips.is_empty() => {}
        // It answers and has no report: only a person can look.
        Ok(()) => return Ok(Said::Unclear(judge::evidence(&packet, &line.config.profile))),
        Err(error) if error.fault == Fault::Refused => return Ok(Said::Unclear(error.text)),
        Err(error) => return Err(error),
    }
    let lines = text.lines();
    let mut operations = Vec::new();
    for record in read::records(&lines) {
        let owner = owner(&record, attempt, known).await?;
        operations.push((record, owner));
    }
    // Money that no operation explains: the layout is one that we do not understand.
    if operations.is_empty() && !read::is_empty(&lines) {
        return Ok(Said::Unclear(evidence));
    }
    Ok(match look(&wanted, &operations) {
        Finding::Found(record) => {
            Said::Found(Box::new(approval(&record, attempt, what, Vec::new(), evidence)))
        }
        Finding::Nothing => Said::Nothing(evidence),
        Finding::Unclear => Said::Unclear(evidence),
    })
}

fn shown(text: &Text) -> Masked {
    let lines = text.lines();
    // The end is the newest.
    let from = lines.len().saturating_sub(EVIDENCE_LINES_MAX);
    Masked::new(&lines.get(from..).unwrap_or_default().join("\n"))
}

async fn owner(
    record: &Record,
    attempt: &Attempt,
    known: &dyn Known,
) -> Result<Owner, TerminalError> {
    let Some(reference) = &record.reference else { return Ok(Owner::Nobody) };
    Ok(match known.owner(reference).await? {
        Some(id) if id == attempt.id => Owner::Ours,
        Some(_) => Owner::Other,
        None => Owner::Nobody,
    })
}

/// The last receipt: its fields, and what they leave out from its text. `None` when there is none.
async fn last_receipt(
    line: &Arc<Line>,
    turn: &Turn,
) -> Result<Option<(Record, Vec<Slip>, Masked)>, TerminalError> {
    let packet = reports::command(line, turn, LAST_RECEIPT).await?;
    let profile = &line.config.profile;
    match judge::plain(&packet, profile) {
        Ok(()) => {}
        Err(error) if error.fault == Fault::Refused => return Ok(None),
        Err(error) => return Err(error),
    }
    let text = Text::of(line, &packet);
    let said = read::slip(&text.lines());
    let field = |field| packet.get(profile, field).map(judge::clean);
    let amount = packet.number(profile, Field::Amount).map(tillway_core::Kopecks);
    let time = packet.get(profile, Field::HostTime).or_else(|| packet.get(profile, Field::Time));
    let record = Record {
        kind: kind(line, &packet).or(said.kind),
        amount: amount.or(said.amount),
        reference: field(Field::Reference).or(said.reference),
        original: said.original,
        authorisation: field(Field::Authorisation).or(said.authorisation),
        terminal: field(Field::Terminal).or(said.terminal),
        wall_ms: time.and_then(digits_wall_ms).or(said.wall_ms),
        refused: said.refused,
        contradicts: said.contradicts,
    };
    Ok(record.is_operation().then(|| (record, text.slips, judge::evidence(&packet, profile))))
}

/// What the last receipt is of, by its fields.
pub(super) fn kind(line: &Line, packet: &Packet) -> Option<Kind> {
    let profile = &line.config.profile;
    let code = packet.number(profile, Field::OriginalCode)?;
    let calls = [
        (Call::Sale, Kind::Pay),
        (Call::Cancel, Kind::Cancel),
        (Call::Emergency, Kind::Cancel),
        (Call::Refund, Kind::Refund),
    ];
    let found = calls.iter().find(|(call, _)| i64::from(profile.code(*call)) == code);
    found.map(|(_, kind)| *kind)
}

fn approval(
    record: &Record,
    attempt: &Attempt,
    what: &Operation,
    slips: Vec<Slip>,
    evidence: Masked,
) -> Approval {
    let amount = record.amount.unwrap_or(what.amount());
    Approval {
        amount,
        reference: record.reference.clone(),
        authorisation: record.authorisation.clone(),
        terminal: record.terminal.clone(),
        merchant: None,
        sequence: None,
        batch: None,
        at: record.wall_ms.map(|wall| judge::from_wall(wall, attempt.at)),
        card: None,
        brand: None,
        partial: amount < what.amount(),
        offline: false,
        slips,
        evidence,
    }
}

/// Whether the last receipt is that of a payment. When that cannot be said, it is not.
pub(super) async fn is_last(line: &Arc<Line>, turn: &Turn, of: &Original) -> bool {
    match last_receipt(line, turn).await {
        Ok(Some((record, ..))) => {
            let same = record.reference.is_some() && record.reference == of.reference;
            same && record.amount == Some(of.amount)
                && !record.refused
                && matches!(record.kind, None | Some(Kind::Pay))
        }
        Ok(None) | Err(_) => false,
    }
}
