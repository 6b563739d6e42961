//! Commands about payments with points that the processing does not settle by itself.

use serde::{Deserialize, Serialize};
use tillway::core::flow::purchase::{Trouble, What};
use tillway::core::loyalty::PurchaseId;
use tillway::core::port::PayError;
use tillway::engine::PointsJudgement;

use super::{Desk, Reply};
use crate::failure::Failure;

/// What a person decides.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Judgement {
    Retry,
    Confirm,
    Cancel,
    Drop,
}

pub(super) async fn list(desk: &Desk) -> Result<Reply, Failure> {
    let letters = desk.engine.points_listed().await;
    let letters = letters.map_err(|error| Failure::of("they cannot be listed", &error))?;
    if letters.is_empty() {
        return Ok(Reply::line("nothing waits for a person"));
    }
    let line = |letter: &tillway::engine::PointsLetter| {
        let why = match &letter.why {
            Trouble::Refused { kind, refusal } => {
                format!(
                    "{kind:?} is refused: {} ({} {})",
                    refusal.class, refusal.code, refusal.text
                )
            }
            Trouble::Undecided if letter.what == What::Refund => {
                "the processing gives back other points, or did not say how many".to_owned()
            }
            Trouble::Undecided => "nobody said whether iiko has it".to_owned(),
        };
        let (id, at, points) = (letter.purchase.as_str(), letter.at, letter.points.rubles());
        format!("{id}  {at}  {:?}, {:?}, {points}: {why}", letter.what, letter.stage)
    };
    Ok(Reply { lines: letters.iter().map(line).collect() })
}

pub(super) async fn judge(
    desk: &Desk,
    purchase: &str,
    by: &str,
    judgement: Judgement,
) -> Result<Reply, Failure> {
    let id = PurchaseId::try_new(purchase);
    let id = id.map_err(|error| Failure::of(format!("{purchase:?}"), &error))?;
    let (judgement, done) = match judgement {
        Judgement::Retry => (PointsJudgement::Retry, "it is told to the processing again"),
        Judgement::Confirm => (PointsJudgement::Confirm, "it is made final at the processing"),
        Judgement::Cancel => (PointsJudgement::Cancel, "it is taken back at the processing"),
        Judgement::Drop => (PointsJudgement::Drop, "nothing more is sent for it"),
    };
    match desk.engine.points_judge(&id, by, judgement).await {
        Ok(()) => Ok(Reply::line(done)),
        Err(PayError::Refused(_)) => Err(Failure::new(format!(
            "{purchase} does not wait for a person, or not for that; see `points list`"
        ))),
        Err(error) => Err(Failure::of("it is not saved", &error)),
    }
}
