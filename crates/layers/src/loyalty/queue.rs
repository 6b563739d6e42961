//! What was left behind, and what a person decides.

use tillway_core::book::{Status, StreamKind};
use tillway_core::flow::purchase::{Due, PurchaseCommand, PurchaseJudgement, shelf, stream};
use tillway_core::flow::{Flow, Next};
use tillway_core::loyalty::PurchaseId;
use tillway_core::port::processing::Command;
use tillway_core::port::{HeadRow, Query};

use super::calls::waiting;
use super::stream::Unread;
use super::{Drained, Letter, Loyalty, Reason, Resolution, Stop, Undecided, Without};

/// How many streams are listed at once, and how often.
const HEADS_MAX: u32 = 200;
const PAGES_MAX: u32 = 500;

impl Loyalty {
    /// At start, before the first sale: settles what the last run was in the middle of, and tells
    /// which sales nobody said the end of. Sends nothing.
    ///
    /// Confirm or cancel each; one that is left alone is cancelled after
    /// [`LoyaltyConfig::decide_within`](super::LoyaltyConfig::decide_within), or listed for a person
    /// when points are at stake. A repeat finds the same.
    ///
    /// # Errors
    /// [`Without`]: the journal cannot be read or written. Call again.
    pub async fn recover(&self) -> Result<Vec<Undecided>, Without> {
        let _turn = self.turn.lock().await;
        let mut found = Vec::new();
        for head in self.heads(&Query { status: Some(Status::Open), ..Query::default() }).await? {
            let mut entry = match self.load(head.stream).await {
                Ok(entry) => entry,
                Err(Unread::Damaged) => continue,
                Err(error) => return Err(error.into()),
            };
            self.settle(&mut entry, None).await?;
            let flow = &entry.flow;
            let Some(opened) = flow.opened.as_ref().filter(|_| !flow.is_decided()) else {
                continue;
            };
            if flow.is_over() || flow.torn {
                continue;
            }
            found.push(Undecided {
                sale: opened.replaces.as_ref().unwrap_or(&opened.purchase).clone(),
                what: opened.what,
                stage: flow.stage,
                paid: flow.paid,
                at: opened.at,
            });
        }
        Ok(found)
    }

    /// Sends what waits, each purchase in its order, as long as the till has no sale and there is a
    /// link; at most so many messages. Call it every few seconds.
    ///
    /// A purchase whose first message waits or is refused keeps no other from being sent.
    pub async fn drain(&self, messages_max: u32) -> Drained {
        let mut drained = Drained::default();
        let due = Query { due: Some(self.clock.now()), ..Query::default() };
        let Ok(heads) = self.heads(&due).await else {
            return Drained { stopped: Some(Stop::Journal), ..drained };
        };
        for head in heads {
            drained.stopped = if self.is_called() || self.is_busy() {
                Some(Stop::Sale)
            } else if self.shut().is_some() {
                Some(Stop::Link)
            } else if drained.sent >= messages_max {
                Some(Stop::Limit)
            } else {
                None
            };
            if drained.stopped.is_some() {
                break;
            }
            let _turn = self.turn.lock().await;
            match self.drain_one(&head, &mut drained).await {
                Ok(()) => {}
                Err(Unread::Damaged) => drained.damaged = drained.damaged.saturating_add(1),
                Err(Unread::Store) => {
                    drained.stopped = Some(Stop::Journal);
                    break;
                }
            }
        }
        drained
    }

    /// What a person has to look at, oldest first as far as numbers tell.
    ///
    /// # Errors
    /// [`Without`]: the journal cannot be read.
    pub async fn listed(&self) -> Result<Vec<Letter>, Without> {
        let query = Query { status: Some(Status::NeedsPerson), ..Query::default() };
        let mut letters = Vec::new();
        for head in self.heads(&query).await? {
            let Ok(entry) = self.load(head.stream).await else { continue };
            let flow = &entry.flow;
            let (Some(opened), Some(why)) = (&flow.opened, &flow.trouble) else { continue };
            letters.push(Letter {
                purchase: opened.purchase.clone(),
                sale: opened.replaces.as_ref().unwrap_or(&opened.purchase).clone(),
                what: opened.what,
                stage: flow.stage,
                total: opened.total,
                paid: flow.paid,
                why: why.clone(),
                waiting: waiting(&entry),
                at: opened.at,
            });
        }
        Ok(letters)
    }

    /// A person decides about a letter.
    ///
    /// # Errors
    /// [`Reason::State`]: it is not listed, or this cannot be done with it; [`Reason::Journal`].
    pub async fn resolve(
        &self,
        purchase: &PurchaseId,
        resolution: Resolution,
        by: &str,
    ) -> Result<(), Without> {
        let _turn = self.turn.lock().await;
        let mut entry = self.load(stream(purchase)).await?;
        if entry.flow.trouble.is_none() {
            return Err(Without::because(Reason::State));
        }
        let judged = |judgement| PurchaseCommand::Judge { by: by.into(), judgement };
        let told = |command| {
            let (message, _) = self.message(entry.flow.id, command, Some(by))?;
            Ok::<_, Without>(PurchaseCommand::Queue(message))
        };
        let command = match resolution {
            Resolution::Retry => judged(PurchaseJudgement::Retry),
            Resolution::GiveUp => judged(PurchaseJudgement::GiveUp),
            Resolution::Cancel => told(Command::Cancel { purchase: purchase.clone() })?,
            Resolution::Confirm => told(Command::Confirm { purchase: purchase.clone() })?,
        };
        self.ask(&mut entry, vec![command]).await
    }

    /// How many purchases of the till are not over, listed ones too.
    ///
    /// # Errors
    /// [`Without`]: the journal cannot be read.
    pub async fn unfinished(&self) -> Result<usize, Without> {
        Ok(self.heads(&Query::default()).await?.len())
    }

    fn is_busy(&self) -> bool {
        let now = self.clock.ticks();
        now < self.link().busy_until
    }

    async fn drain_one(&self, head: &HeadRow, drained: &mut Drained) -> Result<(), Unread> {
        let mut entry = self.load(head.stream).await?;
        let unwritten = |_| Unread::Store;
        if let Next::Commit(step) = entry.flow.next(self.clock.now()) {
            self.write(&mut entry, step.events).await.map_err(unwritten)?;
        }
        self.settle(&mut entry, None).await.map_err(unwritten)?;
        let pushed = self.push(&mut entry, None, (true, None)).await.map_err(unwritten)?;
        drained.sent = drained.sent.saturating_add(pushed.sent);
        if matches!(entry.flow.due(self.clock.now()), Due::Over | Due::Person) {
            drained.settled = drained.settled.saturating_add(1);
        }
        Ok(())
    }

    /// The till's streams that match, all of them.
    async fn heads(&self, query: &Query) -> Result<Vec<HeadRow>, Without> {
        let query = Query {
            kind: Some(StreamKind::Purchase),
            shelf: Some(shelf(&self.config.till)),
            ..query.clone()
        };
        let (mut all, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = self.in_time(self.store.heads(&query, after, HEADS_MAX)).await;
            let page = page.and_then(Result::ok).ok_or(Without::because(Reason::Journal))?;
            let last = page.last().map(|head| head.stream);
            all.extend(page);
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        Ok(all)
    }
}
