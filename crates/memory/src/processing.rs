//! A loyalty processing in memory.

mod house;
mod points;
mod told;

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::loyalty::PurchaseId;
use tillway_core::pan::Masked;
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{
    Capabilities, Class, Kind, Level, Operation, Outcome, Refusal, SealError, Sealed,
};

use self::house::House;
pub use self::house::{Duplicates, Member, Programme};
use self::told::Told;

/// A loyalty processing in memory: the states of a purchase, points that are reserved and moved,
/// direct discounts, refunds by lines, cards.
///
/// It keeps every rule of the port that a real one keeps, and nothing is durable: the measure of
/// what a processing does, for quick starts and tests; `tillway-sim` has the one that speaks XML
/// and fails like a network. A clone is another handle on the same processing, and a message that
/// was sealed by one is sent by another, in a later run of a program too.
///
/// A [`ProcessingMishap`] can befall its next message, and its link can be cut.
#[derive(Clone, Default)]
pub struct MemoryProcessing {
    house: Arc<Mutex<House>>,
}

/// What can befall the next message.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProcessingMishap {
    /// There is no connection: the message never leaves the till.
    NoLink,
    /// The message does not arrive, and nobody says so.
    LostRequest,
    /// It is done; the answer does not arrive.
    LostAnswer,
    /// The processing says this and does nothing.
    Refused(Class),
    /// The processing forgets this purchase before it reads the message.
    Forgotten(PurchaseId),
}

impl MemoryProcessing {
    /// A processing with this programme, and nobody in it.
    pub fn new(programme: Programme) -> Self {
        Self { house: Arc::new(Mutex::new(House::new(programme))) }
    }

    /// A member joins, known by what it shows. Replaces one who shows the same.
    pub fn join(&self, member: Member) {
        self.lock().join(member);
    }

    /// The points of a member, reserved ones too; `None` when nobody is known by this.
    pub fn balance(&self, shown: &str) -> Option<Kopecks> {
        self.lock().member(shown).map(|member| member.points)
    }

    /// The points of a member that are reserved by purchases which are not over.
    pub fn reserved(&self, shown: &str) -> Option<Kopecks> {
        let house = self.lock();
        house.find(shown).map(|member| house.reserved(member))
    }

    /// Purchases that are neither confirmed nor cancelled, in their order.
    pub fn unfinished(&self) -> Vec<PurchaseId> {
        self.lock().unfinished()
    }

    /// Every operation that was done, in order; a repeat that was only answered is none.
    pub fn done(&self) -> Vec<(Uuid, Kind)> {
        self.lock().done.clone()
    }

    /// Every message that arrived, in order: its operation and its bytes.
    pub fn arrived(&self) -> Vec<(Uuid, Vec<u8>)> {
        self.lock().arrived.clone()
    }

    /// What befalls the next message. Several befall one each, in order.
    pub fn befall(&self, mishap: ProcessingMishap) {
        self.lock().mishaps.push_back(mishap);
    }

    /// Plugs the link in, or out.
    pub fn link(&self, there: bool) {
        self.lock().cut = !there;
    }

    /// Plugs the link in, and forgets the mishaps to come.
    pub fn mend(&self) {
        let mut house = self.lock();
        house.cut = false;
        house.mishaps.clear();
    }

    fn lock(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its messages are those of guests: none is shown.
impl fmt::Debug for MemoryProcessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryProcessing").finish_non_exhaustive()
    }
}

#[async_trait]
impl LoyaltyProcessing for MemoryProcessing {
    fn capabilities(&self) -> Capabilities {
        Capabilities { level: Level::Maximum, cancel_one: true, cards: true, blind_refund: false }
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        operation.command.check()?;
        let command = &operation.command;
        let lines = command.cheque().map(Sealed::lines_of).unwrap_or_default();
        Ok(Sealed {
            id: operation.id,
            kind: command.kind(),
            purchase: command.purchase().cloned(),
            at: operation.at,
            body: Told::of(command).bytes(),
            beside: Vec::new(),
            lines,
        })
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        let mut house = self.lock();
        let mishap = house.mishaps.pop_front();
        let lost = || Outcome::InDoubt(Masked::new("no answer"));
        match mishap {
            _ if house.cut => return Outcome::Unreached(Masked::new("no link")),
            Some(ProcessingMishap::NoLink) => {
                return Outcome::Unreached(Masked::new("no link"));
            }
            Some(ProcessingMishap::LostRequest) => return lost(),
            Some(ProcessingMishap::Refused(class)) => return refused(class),
            Some(ProcessingMishap::Forgotten(ref purchase)) => house.forget(purchase),
            _ => {}
        }
        house.arrived.push((message.id, message.body.clone()));
        let outcome = house.take(message.id, message.kind, &message.body);
        if mishap == Some(ProcessingMishap::LostAnswer) { lost() } else { outcome }
    }
}

fn refused(class: Class) -> Outcome {
    let text = Masked::new(&class.to_string());
    Outcome::Refused(Refusal { class, code: format!("{class:?}").into(), text })
}
