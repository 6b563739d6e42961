//! Where a register stands: time, trouble, and the truth.

use core::fmt::Debug;
use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use tillway_core::fiscal::Registered;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::Fiscal;

use crate::conformance::{BlockOn, Executor};

/// What the suite needs of a register's author: the register, the world around it, and the truth.
///
/// A fresh venue has power, paper and link, a closed shift, and a fiscal memory with at least no
/// receipt in it.
#[async_trait]
pub trait Venue: Debug + Send + Sync {
    /// The register, as a program gets it at its start. Asked again, the program was started anew:
    /// what the adapter knew in memory is gone. The suite has dropped the last handle before.
    async fn connect(&mut self) -> Arc<dyn FiscalRegister>;

    /// Time passes, for the register's clock and for whoever sleeps on the host.
    async fn advance(&mut self, by: Duration);

    /// Something happens.
    async fn befall(&mut self, trouble: Trouble);

    /// Power, link and paper are there again, and calls are answered. What was forgotten or put in
    /// stays so.
    async fn mend(&mut self);

    /// Another program writes a document with the same register. The suite asks for what the
    /// register would take.
    async fn write_as_another(&mut self, what: &Fiscal);

    /// The truth: all documents of the fiscal memory that is in the register, in order. Kind,
    /// number, total, time and shift are compared.
    fn documents(&self) -> Vec<Registered>;

    /// All that came out of the printer, in order.
    fn tape(&self) -> Vec<Piece>;

    /// What runs the cases. An adapter that needs a runtime brings one.
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(BlockOn)
    }
}

/// What befalls a register.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The request of the next document is lost on its way.
    LostRequest,
    /// The next document is written and printed, and the answer is lost.
    LostAnswer,
    /// There is no link, until it is mended.
    Unplugged,
    /// There is no power, until it is mended.
    PowerOff,
    /// The power goes within the next document, before it is signed, until it is mended.
    PowerBefore,
    /// The power goes within the next document, after it is signed, until it is mended.
    PowerAfter,
    /// There is no paper, until it is mended.
    NoPaper,
    /// The paper ends within the next document, after it is signed, until it is mended.
    PaperEnds,
    /// The device or its server forgets every id it has seen. Nothing where it knows none.
    ForgottenIds,
    /// A mechanic puts another fiscal memory in, without documents.
    OtherMemory,
}

impl Trouble {
    /// What can befall one document.
    pub const OF_A_DOCUMENT: [Self; 8] = [
        Self::LostRequest,
        Self::LostAnswer,
        Self::Unplugged,
        Self::PowerOff,
        Self::PowerBefore,
        Self::PowerAfter,
        Self::NoPaper,
        Self::PaperEnds,
    ];
}

/// A piece of tape.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// What it is of.
    pub of: Printed,
    /// Its lines.
    pub lines: Vec<String>,
    /// It ends before its end.
    pub torn: bool,
}

/// What a piece of tape is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Printed {
    /// A fiscal document, by its number.
    Document(u32),
    /// A document once more, marked as a copy.
    Copy(u32),
    /// A receipt that was annulled.
    Annulled,
    /// An X report.
    ReportX,
    /// Text that is not fiscal.
    Text,
}
