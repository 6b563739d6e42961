//! Where a terminal stands: time, trouble, and the truth.

use core::fmt::Debug;
use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use tillway_core::port::CardTerminal;
use tillway_core::{Kopecks, Timestamp};

use crate::conformance::{BlockOn, Executor};

/// What the suite needs of a terminal's author: the terminal, the world around it, and the truth.
///
/// A fresh venue has a terminal that answers, and an empty batch.
#[async_trait]
pub trait Venue: Debug + Send + Sync {
    /// The terminal, as a program gets it at its start. Asked again, the program was started anew:
    /// what the adapter knew in memory is gone. The suite has dropped the last handle before.
    async fn connect(&mut self) -> Arc<dyn CardTerminal>;

    /// The clock of the program.
    fn now(&self) -> Timestamp;

    /// Time passes, for the terminal's clock and for whoever sleeps on the host.
    async fn advance(&mut self, by: Duration);

    /// Something befalls the next operation, or the next reconciliation.
    async fn befall(&mut self, trouble: Trouble);

    /// Whether a trouble can befall this terminal at all. Asked for [`Trouble::Partial`] and
    /// [`Trouble::Offline`].
    fn befalls(&self, _: Trouble) -> bool {
        true
    }

    /// The terminal answers again. What was to befall and has not, will not.
    async fn mend(&mut self);

    /// Another program takes a payment with the same terminal.
    async fn pay_as_another(&mut self, amount: Kopecks);

    /// The truth: all movements of money that the bank knows, in order.
    fn moves(&self) -> Vec<Move>;

    /// What runs the cases. An adapter that needs a runtime brings one.
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(BlockOn)
    }
}

/// A movement of money.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Move {
    /// To whom.
    pub kind: MoveKind,
    /// How much.
    pub amount: Kopecks,
}

/// To whom money was moved.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MoveKind {
    /// From the guest.
    Taken,
    /// Back to the guest.
    Back,
}

/// What befalls an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The bank refuses. Of a reconciliation: it is not done.
    Declined,
    /// The guest presses the red key.
    GuestCancels,
    /// The terminal does not reach the bank.
    NoBankLink,
    /// The bank moves a half of it (F18).
    Partial,
    /// The terminal does not ask the bank (F18).
    Offline,
    /// The request is lost on its way: nothing moves, and the program cannot know.
    LostRequest,
    /// Money moves, and the answer is lost.
    LostAnswer,
    /// Money moves, and half of the answer comes.
    HalfAnswer,
    /// Money moves, and the answer comes after the deadline.
    LateAnswer,
    /// Money moves, and the terminal says that it does not know.
    UndefinedTaken,
    /// Nothing moves, and the terminal says that it does not know.
    UndefinedNotTaken,
    /// The terminal restarts before money moves.
    RestartBefore,
    /// The terminal restarts after money moved.
    RestartAfter,
    /// There is no link to the terminal, until it is mended.
    Unplugged,
}

impl Trouble {
    /// What leaves the outcome open, and whether money moves.
    pub const DOUBTS: [(Self, bool); 9] = [
        (Self::LostRequest, false),
        (Self::LostAnswer, true),
        (Self::HalfAnswer, true),
        (Self::LateAnswer, true),
        (Self::UndefinedTaken, true),
        (Self::UndefinedNotTaken, false),
        (Self::RestartBefore, false),
        (Self::RestartAfter, true),
        (Self::Unplugged, false),
    ];
}
