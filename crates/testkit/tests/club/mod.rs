// A venue of processings in memory. No inner comment: a doctest includes this file.

use std::sync::Arc;

use tillway_core::Timestamp;
use tillway_core::port::{Clock, LoyaltyProcessing, async_trait};
use tillway_memory::{Duplicates, Member, MemoryProcessing, ProcessingMishap, Programme};
use tillway_testkit::builders::BEGIN;
use tillway_testkit::processing::house::{CARD, PIN, POINTS};
use tillway_testkit::processing::{Books, Broken, Change, Flaw, Need, Trouble, Venue};
use tillway_testkit::runtime::TestClock;

/// A club whose points are kept in memory.
#[derive(Debug)]
pub(crate) struct Club {
    clock: TestClock,
    processing: MemoryProcessing,
    flaw: Option<Flaw>,
}

impl Club {
    /// What a processing in memory lacks.
    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) const LACKS: [Need; 6] = [
        Need::BlindRefund,
        Need::Coupons,
        Need::Disorder,
        Need::Messages,
        Need::PointsFirst,
        Need::Signed,
    ];

    /// Where a repeat is answered as the first time.
    pub(crate) fn new() -> Self {
        Self::with(Duplicates::Replay)
    }

    /// Where a repeat is answered so.
    pub(crate) fn with(duplicates: Duplicates) -> Self {
        let processing = MemoryProcessing::new(Programme { duplicates, ..Programme::default() });
        processing.join(guest());
        Self { clock: TestClock::at(BEGIN), processing, flaw: None }
    }

    /// With a processing that is wrong.
    #[allow(dead_code, reason = "not every test has such a processing")]
    pub(crate) fn broken(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::new() }
    }
}

fn guest() -> Member {
    Member { shows: vec![CARD.into()], points: POINTS, ..Member::default() }
}

#[async_trait]
impl Venue for Club {
    async fn connect(&mut self) -> Arc<dyn LoyaltyProcessing> {
        let processing = Arc::new(self.processing.clone());
        match self.flaw {
            Some(flaw) => Arc::new(Broken::new(flaw, processing)),
            None => processing,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn befall(&mut self, trouble: Trouble) {
        self.processing.befall(match trouble {
            Trouble::NoLink => ProcessingMishap::NoLink,
            Trouble::LostRequest | Trouble::Breakdown => ProcessingMishap::LostRequest,
            Trouble::LostAnswer | Trouble::HalfAnswer => ProcessingMishap::LostAnswer,
            other => panic!("answers in memory have no {other:?}"),
        });
    }

    async fn mend(&mut self) {
        self.processing.mend();
    }

    async fn change(&mut self, change: Change) {
        match change {
            Change::Block => self.processing.join(Member { blocked: true, ..guest() }),
            Change::AskPin => self.processing.join(Member { pin: Some(PIN.into()), ..guest() }),
            Change::Forget(purchase) => {
                self.processing.befall(ProcessingMishap::Forgotten(purchase));
            }
            Change::PointsFirst => panic!("refunds in memory are in proportion"),
        }
    }

    fn has(&self, _: Need) -> bool {
        false
    }

    fn books(&self) -> Books {
        Books {
            points: self.processing.balance(CARD).unwrap(),
            reserved: self.processing.reserved(CARD).unwrap(),
            open: self.processing.unfinished(),
            done: self.processing.done().into_iter().map(|(id, _)| id).collect(),
        }
    }
}
