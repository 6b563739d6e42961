//! The Public API: the JSON beside protocol 3.2 (loymax.md 13).
//!
//! A [`PublicApi`] is one till's way to it, a [`Session`] is what is done there in somebody's name:
//!
//! | what | how |
//! |---|---|
//! | registration at the till | [`Session::begin_registration`], [`Registration`] |
//! | favourite goods | [`Session::favourites`] |
//! | cards, their QR codes | [`Session::cards`] |
//! | what a coupon is for | [`Session::coupon`] |
//! | orders that are collected at a till | [`Order`] |
//! | the processing in JSON | [`JsonMirror`] |
//!
//! Nothing here shows a token, a password, a phone or a card in a `Debug` or an error. Paths and
//! names are a table, [`Words`]. Known from public texts are the paths, the envelope and most names;
//! our choice are the body of `Cards`, of coupons, of validation errors, how a cell of favourite
//! goods is set, and where a trusted application finds the code.

mod cards;
mod config;
mod coupons;
mod envelope;
mod error;
mod favourites;
mod json;
pub mod mirror;
pub mod pickup;
mod registration;
mod session;
mod token;
mod words;

pub use self::cards::{Card, Cards, QrCode, Replacement};
pub use self::config::{Application, Config, ConfigError, Waits};
pub use self::coupons::{CouponInfo, CouponState};
pub use self::error::{ApiError, FieldFault};
pub use self::favourites::{Cell, CellKind, FavouriteGoods, FavouriteSet, Favourites, SetRange};
pub use self::mirror::{JsonMirror, Speaker};
pub use self::pickup::Order;
pub use self::registration::{
    Answered, Begun, Finished, Newcomer, Person, Registration, Step, StepKind,
};
pub use self::session::{PublicApi, Session};
pub use self::token::Grant;
pub use self::words::{Call, Name, Words};
