//! Registers that are wrong in one way each: proof that the suite bites.
//!
//! A [`Broken`] stands before a right register and does one thing that a naive adapter would do.
//! Each [`Flaw`] names the cases that must fail because of it, and no other case may. To add one,
//! add it to [`Flaw`], do the harm in `register.rs`, and list its cases in `trips.rs`.

mod register;
mod trips;

use crate::conformance::flaws;
use crate::fiscal::Need;

pub use register::{Broken, BrokenVenue};

flaws! {
    /// What a register does wrong.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    #[non_exhaustive]
    pub enum Flaw {
        /// Prints again when an attempt is repeated.
        PrintsTwice,
        /// Forgets the attempts of the last run: a repeat after a restart prints again.
        ForgetsRuns,
        /// Says that nothing was written when an answer did not come.
        TakesSilenceForRefusal,
        /// Opens the shift for a receipt by itself.
        OpensTheShift,
        /// Closes an expired shift for a receipt, and opens the next, by itself.
        RenewsTheShift,
        /// Writes a document beside each receipt: receipts have gaps between them.
        WritesBeside,
        /// Finds nothing.
        FindsNothing,
        /// Finds any receipt of the kind, whatever its total.
        FindsAnySum,
        /// Finds the last of several that could be it.
        FindsTheLast,
        /// Finds a receipt of another program over the same sum.
        FindsForeign,
        /// Begins the walk at the first document.
        ForgetsTheMark,
        /// Finds nothing in another fiscal memory, and concludes.
        IgnoresTheMemory,
        /// Concludes when the register cannot be asked.
        ConcludesInTheDark,
        /// Writes what it did not find.
        SendsWhatItMisses,
        /// Takes back what is paid and closed, when an open receipt is to be annulled.
        AnnulsAfterPay,
        /// Leaves the receipt open that is to be annulled.
        LeavesItOpen,
        /// Asks the register before it looks at the receipt.
        ChecksLate,
        /// Prints a receipt again by writing it again.
        CopiesByWriting,
        /// Closes the shift when the X report is asked for.
        ClosesForX,
        /// Counts returns among the sales.
        CountsReturns,
        /// Says that a document's paper is finished when it is not.
        HidesUnprinted,
        /// Does not go on with a print.
        NeverGoesOn,
        /// Takes a shift that is open already for one that it has opened, and a closed one likewise.
        TakesAlreadyForDone,
        /// Counts one receipt too many when it closes a shift.
        MiscountsReceipts,
        /// Does not say until when a shift is open.
        TellsNoEnd,
        /// Carries the totals of a shift into the next one.
        CarriesTotals,
        /// Writes a return as a sale.
        SellsReturns,
        /// Writes a correction as an ordinary receipt.
        ForgetsTheBasis,
        /// Refuses every rate but one, and says that it knows them all.
        KnowsOneRate,
        /// Refuses what is sold on credit.
        KnowsNoCredit,
        /// Writes every payment as one by card.
        PaysByCard,
        /// Answers the X report of a closed shift without printing.
        PrintsXWhenClosed,
        /// Says that the report on the exchange is written, and writes none.
        ReportsNothing,
        /// Names another memory than it writes to.
        NamesAnotherMemory,
        /// Takes the last document of the memory for the one that it has just written.
        TakesTheLast,
        /// Keeps what it could not send, and sends it when there is a link again.
        KeepsForLater,
        /// Answers from what it knew when the register cannot be asked.
        AnswersInTheDark,
        /// Forgets an attempt whose caller gave up.
        ForgetsTheDropped,
        /// Opens the shift for a receipt that is to stay open.
        OpensForAReceipt,
        /// Says that a receipt is open that the register has refused.
        OpensUnchecked,
        /// Closes a receipt that is not paid in full as if it were.
        TakesAnyPayment,
        /// Prints no slip.
        SwallowsSlips,
        /// Prints the beginning of a slip that is too long.
        CutsSlips,
        /// Says that it has printed a document that is not there.
        CopiesNothing,
        /// Prints a line when there is nothing to go on with.
        PrintsOverNothing,
        /// Says that there is paper when there is none.
        HidesNoPaper,
    }
}

impl Flaw {
    /// What the right register must lack: with it the register itself would hide the flaw.
    pub fn lacks(self) -> &'static [Need] {
        match self {
            Self::FindsTheLast | Self::ForgetsTheMark | Self::FindsAnySum => {
                &[Need::Ids, Need::Operations]
            }
            _ => &[],
        }
    }
}
