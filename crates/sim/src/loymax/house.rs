//! The house: everything a processing knows, behind one lock, with a clock of its own.
//!
//! A face parses what came into a [`Request`], and renders the [`Reply`] or the [`Refusal`] that
//! [`House::perform`] gives. Tests fill and read the [`Store`] through [`House::with`].
//!
//! What is not imitated: points that lapse or become active later, several currencies of points,
//! gift certificates, categories of cards, limits by a level of trust.

mod accrue;
mod applications;
mod calculate;
mod card;
mod code;
mod command;
mod coupon;
mod demo;
mod end;
mod favourites;
mod guest;
mod identify;
mod lines;
mod offer;
mod operation;
mod pay;
mod price;
mod purchase;
mod qr;
mod refund;
mod registration;
mod replace;
mod reply;
mod request;
mod rules;
mod share;
mod store;
#[cfg(test)]
mod tests;
mod till;
pub(super) mod words;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tillway_core::port::Clock;
use tillway_core::{Kopecks, Timestamp};

pub use self::applications::{Application, Bearer, GivenToken, Grant, Lives, NoToken, Public, Who};
pub use self::card::{Card, CardState, Mask, MaskError, QrToken};
pub use self::code::{Code, Refusal};
pub use self::coupon::{Coupon, CouponState, Series};
pub use self::favourites::{Chosen, FavouriteSet};
pub use self::guest::{ClientId, Guest, Move, Moved};
pub use self::offer::{Effect, Goods, Offer, Percent, Which};
pub use self::operation::{Done, Performed};
pub use self::purchase::{Purchase, PurchaseKind, SoldLine, State, Withdrawal};
pub use self::registration::{Begun, Message, Newcomer, NotDone, Program, Step};
pub use self::reply::{AppliedOffer, PrintedCoupon, Reply, ReplyLine, Totals};
pub use self::request::{
    Cheque, Command, CouponKey, GoodsKey, Key, KeyKind, Kind, Label, Line, Param, Pay, Request,
    Sale,
};
pub use self::rules::{Duplicates, Negative, Printed, Rules};
pub use self::store::Store;
pub use self::till::{OperationAuth, PayType, RefundType, RequestAuth, Till};

/// A processing's books. Clones are the same house.
#[derive(Clone)]
pub struct House(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<Books>,
}

struct Books {
    store: Store,
    /// How far its clock is ahead of the port's; behind, when negative.
    ahead_ms: i64,
}

impl House {
    /// A house whose clock begins as the port's.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared { clock, state: Mutex::new(Books { store, ahead_ms: 0 }) }))
    }

    /// Does what is asked, once for each operation id; what is due by the clock is done first.
    ///
    /// # Errors
    /// The refusal, as it goes to the till. Nothing was done, and the id is as unused as before.
    pub fn perform(&self, request: &Request) -> Result<Performed, Refusal> {
        self.settled().store.perform(request)
    }

    /// Does something with the books, once what is due by the clock is done.
    pub fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.settled().store)
    }

    /// What the house's clock shows.
    pub fn now(&self) -> Timestamp {
        self.settled().store.now
    }

    /// Moves the house's clock on.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let mut state = self.lock();
        state.ahead_ms = state.ahead_ms.saturating_add(ms);
    }

    /// Sets the house's clock this far ahead of the port's; behind, when negative.
    pub fn skew(&self, ahead_ms: i64) {
        self.lock().ahead_ms = ahead_ms;
    }

    /// The points of a guest, those reserved by open purchases among them.
    pub fn points(&self, client: ClientId) -> Option<Kopecks> {
        self.with(|store| store.guests.get(&client).map(|guest| guest.points))
    }

    /// The points of a guest that no open purchase has reserved.
    pub fn available(&self, client: ClientId) -> Option<Kopecks> {
        self.with(|store| store.guests.get(&client)?.available().ok())
    }

    fn settled(&self) -> MutexGuard<'_, Books> {
        let mut state = self.lock();
        let read = self.0.clock.now();
        let utc_ms = read.utc_ms.saturating_add(state.ahead_ms);
        state.store.settle(Timestamp { utc_ms, ..read });
        state
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").finish_non_exhaustive()
    }
}
