//! Purchases that a person has to look at.

use tillway_core::Kopecks;
use tillway_core::book::{Refusal, Status, StreamKind};
use tillway_core::flow::purchase::{PurchaseCommand, PurchaseJudgement, Stage, Trouble, What};
use tillway_core::flow::{Body, PurchaseFlow, purchase};
use tillway_core::loyalty::PurchaseId;
use tillway_core::port::processing::Kind;
use tillway_core::port::{PayError, Query};
use tillway_core::time::Timestamp;

use super::shelf;
use super::take::message;
use crate::Engine;
use crate::drive::Folded;

/// How many are listed at once.
const LISTED_MAX: u32 = 256;

/// A purchase at the processing that does not go on by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PointsLetter {
    /// Its number at the processing. That of a sale is the transaction's id, after a refusal one
    /// derived from it.
    pub purchase: PurchaseId,
    /// A sale, or a refund of one.
    pub what: What,
    /// How far it came.
    pub stage: Stage,
    /// How many points it is about.
    pub points: Kopecks,
    /// Why a person is asked.
    pub why: Trouble,
    /// Since when.
    pub at: Timestamp,
}

/// What a person decides about a listed purchase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PointsJudgement {
    /// Tell it again: what was wrong has been put right.
    Retry,
    /// It came about as it stands at the processing: make it final there. For what nobody decided.
    Confirm,
    /// Take all of it back at the processing. The book stays as it is.
    Cancel,
    /// Send nothing more: it was settled with the processing's people.
    Drop,
}

impl Engine {
    /// Payments and refunds with points that wait for a person, 256 at most: the processing refused
    /// for good, a message cannot be made, it gives back other points than the book or does not say
    /// how many, or nobody said in time whether iiko has the payment.
    ///
    /// A cancel of the payment by the till takes a listed sale back as well.
    ///
    /// # Errors
    /// [`PayError::Unavailable`]: the store cannot be read.
    pub async fn points_listed(&self) -> Result<Vec<PointsLetter>, PayError> {
        let query = Query {
            kind: Some(StreamKind::Purchase),
            status: Some(Status::NeedsPerson),
            due: None,
            shelf: Some(shelf()),
        };
        let heads = self.store().heads(&query, None, LISTED_MAX).await;
        let mut letters = Vec::new();
        for head in heads.map_err(crate::payment::unavailable)? {
            let folded: Folded<PurchaseFlow> = self.folded(head.stream).await?;
            let PurchaseFlow { opened, trouble, stage, .. } = folded.flow;
            let (Some(opened), Some(why)) = (opened, trouble) else { continue };
            letters.push(PointsLetter {
                purchase: opened.purchase,
                what: opened.what,
                stage,
                points: opened.total,
                why,
                at: opened.at,
            });
        }
        Ok(letters)
    }

    /// A person decides about a listed purchase. A repeat is refused.
    ///
    /// # Errors
    /// [`Refusal::PurchaseState`]: it is not listed, or this cannot be done with it. [`PayError::Unavailable`]: the store cannot be
    /// read or written.
    pub async fn points_judge(
        &self,
        id: &PurchaseId,
        by: &str,
        judgement: PointsJudgement,
    ) -> Result<(), PayError> {
        let judge = |judgement| PurchaseCommand::Judge { by: by.into(), judgement };
        let queue = |kind| {
            let id = self.0.ports.ids.fresh();
            let told = message(kind, id, self.now(), Kopecks::ZERO, Body::default());
            PurchaseCommand::Queue(told)
        };
        let command = match judgement {
            PointsJudgement::Retry => judge(PurchaseJudgement::Retry),
            PointsJudgement::Drop => judge(PurchaseJudgement::GiveUp),
            PointsJudgement::Confirm => queue(Kind::Confirm),
            PointsJudgement::Cancel => queue(Kind::Cancel),
        };
        let stream = purchase::stream(id);
        let folded: Folded<PurchaseFlow> = self.folded(stream).await?;
        let ours = folded.flow.opened.is_some_and(|opened| *opened.till == *super::TILL);
        if !ours || folded.flow.trouble.is_none() {
            return Err(Refusal::PurchaseState.into());
        }
        tracing::info!(purchase = id.as_str(), by, ?judgement, "a person decided");
        self.wish(stream, command).await.map_err(PayError::from)
    }
}
