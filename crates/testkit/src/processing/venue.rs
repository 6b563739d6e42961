//! Where a processing stands: trouble, changes, and the truth.

use core::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tillway_core::id::Uuid;
use tillway_core::loyalty::PurchaseId;
use tillway_core::port::LoyaltyProcessing;
use tillway_core::{Kopecks, Timestamp};

use super::Need;
use crate::conformance::{BlockOn, Executor};

/// What the suite needs of a processing's author: the processing, the world around it, and the
/// truth. A fresh venue is set up as [`house`](super::house) says.
#[async_trait]
pub trait Venue: Debug + Send + Sync {
    /// The processing, as a program gets it at its start. Asked again, the program was started
    /// anew: what the adapter knew in memory is gone. The suite has dropped the last handle before.
    async fn connect(&mut self) -> Arc<dyn LoyaltyProcessing>;

    /// The clock of the till.
    fn now(&self) -> Timestamp;

    /// Something befalls the next message.
    async fn befall(&mut self, trouble: Trouble);

    /// The link is whole again. What was to befall and has not, will not.
    async fn mend(&mut self);

    /// Somebody changes something at the processing.
    async fn change(&mut self, change: Change);

    /// Whether the venue has what is not said by the processing's capabilities.
    fn has(&self, need: Need) -> bool;

    /// The truth.
    fn books(&self) -> Books;

    /// What runs the cases. An adapter that needs a runtime brings one.
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(BlockOn)
    }
}

/// The truth about the [guest](super::house::CARD), and about what was done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Books {
    /// The guest's points, reserved ones among them.
    pub points: Kopecks,
    /// Those that open purchases have reserved.
    pub reserved: Kopecks,
    /// Purchases and refunds that are neither confirmed nor cancelled.
    pub open: Vec<PurchaseId>,
    /// The ids of all operations that were done, reading ones too, in any order; an id stands here
    /// as often as it was done.
    pub done: Vec<Uuid>,
}

/// What befalls a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// There is no connection, and the till knows.
    NoLink,
    /// It is lost on its way: nothing is done, and the till cannot know.
    LostRequest,
    /// It is done, and the answer is lost.
    LostAnswer,
    /// It is done, and half of the answer comes.
    HalfAnswer,
    /// The processing breaks down before it does anything.
    Breakdown,
    /// It is done, and the answer is changed after it was signed.
    Forged,
    /// It is done, and the answer is not signed.
    Unsigned,
    /// It is done, and the lines of the answer come in another order.
    Reordered,
    /// It is done, and the lines of the answer have other numbers.
    Renumbered,
}

impl Trouble {
    /// What leaves the outcome open at every venue, and whether the message is done.
    pub const DOUBTS: [(Self, bool); 4] = [
        (Self::LostRequest, false),
        (Self::LostAnswer, true),
        (Self::HalfAnswer, true),
        (Self::Breakdown, false),
    ];
}

/// What somebody changes at the processing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The guest's card is blocked.
    Block,
    /// Points are taken with the guest's [PIN](super::house::PIN) alone.
    AskPin,
    /// Points come back before money.
    PointsFirst,
    /// A purchase is forgotten, as by a processing that was restored from a copy.
    Forget(PurchaseId),
}
