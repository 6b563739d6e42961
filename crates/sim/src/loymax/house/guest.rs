//! Guests, and every movement of their points.

use std::collections::BTreeSet;
use std::fmt;

use tillway_core::Kopecks;
use tillway_core::money::MoneyError;

/// The number of a guest.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(pub u64);

/// A guest. Points are counted in hundredths.
#[derive(Clone, Default)]
pub struct Guest {
    /// The name. Empty for one who holds a blank card.
    pub name: String,
    /// Eleven digits, `7…`. Personal: no `Debug` shows it.
    pub phone: Option<String>,
    /// Points that are the guest's, reserved ones among them.
    pub points: Kopecks,
    /// Points that open purchases have reserved.
    pub reserved: Kopecks,
    /// Blocked altogether.
    pub blocked: bool,
    /// Registered, by whatever way; one who is not is found by a card alone.
    pub registered: bool,
    /// Codes of goods that the guest chose.
    pub favourites: BTreeSet<String>,
}

impl Guest {
    /// Points that no open purchase has reserved.
    ///
    /// # Errors
    /// The difference does not fit.
    pub fn available(&self) -> Result<Kopecks, MoneyError> {
        self.points.sub(self.reserved)
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Guest");
        shown.field("points", &self.points).field("reserved", &self.reserved);
        shown.finish_non_exhaustive()
    }
}

/// A movement of points that was confirmed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Move {
    /// Whose.
    pub client: ClientId,
    /// The purchase it belongs to.
    pub purchase: String,
    /// What it is.
    pub what: Moved,
    /// How many points, above zero.
    pub points: Kopecks,
}

/// What a movement of points is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moved {
    /// Paid with: less.
    Spent,
    /// Earned: more.
    Accrued,
    /// Given back by a refund: more.
    Returned,
    /// Earned by what was refunded since: less.
    Reversed,
}
