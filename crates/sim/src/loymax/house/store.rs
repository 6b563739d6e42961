//! The books.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tillway_core::Timestamp;

use super::{
    Card, ClientId, Coupon, Done, Goods, Guest, Mask, Move, Offer, PayType, Public, Purchase,
    QrToken, Rules, Series, Till,
};

/// Everything a processing knows. Tests put in what they need, and read what became of it.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// How it is set up.
    pub rules: Rules,
    /// What its clock shows.
    pub now: Timestamp,
    /// Tills, by login.
    pub tills: BTreeMap<String, Till>,
    /// Guests.
    pub guests: BTreeMap<ClientId, Guest>,
    /// Cards, by number.
    pub cards: BTreeMap<String, Card>,
    /// What tells identifiers apart.
    pub masks: Vec<Mask>,
    /// QR codes that were made, by their text.
    pub qr: BTreeMap<String, QrToken>,
    /// Goods, by code.
    pub goods: BTreeMap<String, Goods>,
    /// Offers, by number.
    pub offers: BTreeMap<u32, Offer>,
    /// Series of coupons, by name.
    pub series: BTreeMap<String, Series>,
    /// Coupons, by number.
    pub coupons: BTreeMap<String, Coupon>,
    /// Ways to pay.
    pub pay_types: Vec<PayType>,
    /// Purchases, by number.
    pub purchases: BTreeMap<String, Purchase>,
    /// Operations that were done, by id.
    pub operations: BTreeMap<String, Done>,
    /// Points that were moved, in order.
    pub moves: Vec<Move>,
    /// The number of the last transaction.
    pub transaction: u64,
    /// The number of the last coupon that was issued.
    pub coupon_number: u64,
    pub(super) qr_made: u64,
    /// What only the Public API knows.
    pub public: Public,
    /// The limit of the last look for abandoned purchases, and when to look again.
    pub(super) looked: Option<(Duration, Timestamp)>,
    pub(super) done_order: VecDeque<String>,
}

impl Store {
    /// A guest is added, under a number of its own.
    pub fn add_guest(&mut self, guest: Guest) -> ClientId {
        let last = self.guests.last_key_value().map_or(0, |(id, _)| id.0);
        let id = ClientId(last.saturating_add(1));
        self.guests.insert(id, guest);
        id
    }

    /// The guest with this phone number.
    pub fn guest_of_phone(&self, phone: &str) -> Option<ClientId> {
        let found = self.guests.iter().find(|(_, guest)| guest.phone.as_deref() == Some(phone));
        found.map(|(id, _)| *id)
    }
}
