//! Stores that are wrong in one way each: proof that the suite bites.
//!
//! A [`Broken`] stands before a right store and does one thing that a naive store would do. Each
//! [`Flaw`] names the cases that must fail because of it, and no other case may. To add a flaw,
//! add it to [`Flaw`], do the harm in `store.rs` (to what is written) or in
//! `reads.rs` (to what is read), and list its cases in `trips.rs`.

mod reads;
mod store;
mod trips;

use crate::conformance::flaws;

pub use store::{Broken, BrokenFixture};

flaws! {
    /// What a store does wrong.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    #[non_exhaustive]
    pub enum Flaw {
        /// Remembers no keys but those of payments: a repeat is a second effect.
        ForgetsKeys,
        /// Looks at a key and not at the request: another request gets the answer of the first.
        IgnoresBodies,
        /// Says "done" when a refused request is repeated.
        RefusalsTurnDone,
        /// Checks new holds and payments against the balance alone, as if nothing were held.
        CountsHoldsLate,
        /// Looks at what is available, and takes it later without looking again.
        ChecksThenActs,
        /// Never lapses a hold.
        NeverLapses,
        /// Lapses a hold that became a payment.
        ExpiresCapturedHolds,
        /// Takes a payment whose hold was given up, when the money is there.
        CapturesVoidedHolds,
        /// Takes more than was held, when the money is there.
        CapturesMore,
        /// Replaces a hold in two steps: gives the old one up, then makes the new one, or not.
        SupersedesInTwoSteps,
        /// Makes a refund again when it is asked again.
        RefundsTwice,
        /// Rounds the parts of each refund down by itself, and forgets what was rounded before.
        RoundsEachRefund,
        /// Forgets the cancel of a payment that has not arrived.
        ForgetsTombstones,
        /// Deletes what a cancel takes back, instead of moving it back.
        DeletesReversals,
        /// Takes from one account and does not give the other.
        MovesOneSide,
        /// Changes points into rubles on the way.
        MixesUnits,
        /// Saves the ops of a commit one by one: what came before a refusal stays.
        SplitsGroups,
        /// Has lost the last commit when it is opened again.
        LosesTheTail,
        /// Audits the first thousand movements and leaves the rest out.
        AuditsOnePage,
        /// Leaves corrections out of statements.
        HidesCorrections,
        /// Shows accounts as they were before the last commit.
        ShowsOldAccounts,
        /// Binds without using the one-time token up.
        ForgetsTokens,
        /// Takes a payment of any epoch, whoever was bound in between.
        IgnoresEpochs,
        /// Moves a device or a till that is taken, instead of refusing.
        PairsAnywhere,
        /// Shows sheets as they were before the last commit.
        ShowsOldSheets,
        /// Takes an append whatever the stream's length is.
        IgnoresLengths,
        /// Takes an append of anybody, whoever claimed the stream.
        IgnoresFences,
        /// Numbers the records of each page from one.
        RenumbersRecords,
        /// Puts the last record in the place of the first: an append begins from the front.
        OverwritesRecords,
        /// Stamps records with the clock, also when it was set back.
        WritesClockTime,
        /// Keeps a claim for ever.
        NeverEndsLeases,
    }
}

impl Flaw {
    /// The side of the store whose promise it breaks.
    pub fn side(self) -> Side {
        match self {
            Self::ForgetsTokens
            | Self::IgnoresEpochs
            | Self::PairsAnywhere
            | Self::ShowsOldSheets => Side::Bindings,
            Self::IgnoresLengths
            | Self::IgnoresFences
            | Self::RenumbersRecords
            | Self::OverwritesRecords
            | Self::WritesClockTime
            | Self::NeverEndsLeases => Side::Journal,
            _ => Side::AccountBook,
        }
    }
}

/// The sides of a store, as its ports name them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Guests, accounts, money and keys.
    AccountBook,
    /// Orders, tokens and devices.
    Bindings,
    /// Streams and claims.
    Journal,
}
