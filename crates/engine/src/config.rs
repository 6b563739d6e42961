//! The venue's rules. Plain structs: only binaries read files.

use core::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tillway_core::AccountKind;
use tillway_core::account::OverdraftUse;
use tillway_core::book::OrderRules;
use tillway_core::id::Uuid;
use tillway_core::money::Kopecks;
use tillway_core::token::TokenRules;
use tillway_core::wallet::{MONEY_PRIORITY, Mix};

use crate::points::Points;

/// The rules of one installation.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The namespace of ids that are derived (J7). Never change it once guests are known to iiko.
    pub installation: Uuid,
    /// How a guest gets onto the till's order.
    pub bridge: Bridge,
    /// How long the till may take to attach a guest.
    pub bridge_budget: Duration,
    /// Whether waiters' PINs are checked (W23).
    pub pins: PinCheck,
    /// Token keys, readers, and whether a typed phone number finds a guest.
    pub tokens: TokenRules,
    /// The key that signs tokens minted here.
    pub mint_with: Option<Box<str>>,
    /// Whether a phone number alone may pay (F16). Off by default.
    pub phone_spend: bool,
    /// Which kinds may pay one order together (M1, M6).
    pub mix: Mix,
    /// Whether a deposit may be overdrawn (F4).
    pub overdraft: OverdraftUse,
    /// The share of an order that points may pay, in basis points (L5).
    pub bonus_cap_bp: Option<u32>,
    /// What points leave to pay in money (F28); zero at the table.
    pub min_money: Kopecks,
    /// Which money kind stands for `DepositSum` (M4).
    pub money_priority: Vec<AccountKind>,
    /// iiko's payment types (F5). One type, one kind.
    pub payment_types: Vec<(Uuid, AccountKind)>,
    /// Whether guests' photos are shown.
    pub photo: bool,
    /// Who prints the receipts of top-ups (F3).
    pub fiscal: Fiscal,
    /// The processing that keeps the points of the venue's guests (F10); without one they are in
    /// the book, in accounts of the kind bonus.
    pub points: Option<Points>,
    /// Whether a refund may name no order at all.
    pub allow_orderless_refund: bool,
    /// How far the wall clock may be behind the last entry of the book before it is in doubt
    /// (F34).
    pub clock_behind_max: Duration,
    /// How far the wall clock may be ahead of the last entry at start, or of what passed since
    /// while the program runs, before it is in doubt (F34). A machine that sleeps stands still.
    pub clock_ahead_max: Duration,
}

impl EngineConfig {
    /// The defaults of a venue, which knows no payment type and no token key yet.
    pub fn new(installation: Uuid) -> Self {
        Self {
            installation,
            bridge: Bridge::Poll,
            bridge_budget: Duration::from_secs(6),
            pins: PinCheck::Off,
            tokens: TokenRules::default(),
            mint_with: None,
            phone_spend: false,
            mix: Mix::OneMoneyKind,
            overdraft: OverdraftUse::Allow,
            bonus_cap_bp: None,
            min_money: Kopecks::ZERO,
            money_priority: MONEY_PRIORITY.to_vec(),
            payment_types: Vec::new(),
            photo: true,
            fiscal: Fiscal::Register,
            points: None,
            allow_orderless_refund: false,
            clock_behind_max: Duration::from_secs(60),
            clock_ahead_max: Duration::from_secs(24 * 3_600),
        }
    }

    pub(crate) fn rules(&self) -> OrderRules {
        OrderRules {
            mix: self.mix,
            overdraft: self.overdraft,
            phone_spend: self.phone_spend,
            bonus_cap_bp: self.bonus_cap_bp,
            min_money: self.min_money,
        }
    }

    pub(crate) fn kind_of(&self, payment_type: Uuid) -> Option<AccountKind> {
        let found = self.payment_types.iter().find(|(id, _)| *id == payment_type);
        found.map(|(_, kind)| *kind)
    }

    /// The stable id of a guest in iikoFront.
    pub(crate) fn brd_client(&self, client_id: &str) -> Uuid {
        Uuid::new_v5(&self.installation, client_id.as_bytes())
    }
}

/// How a guest gets onto the till's order (F17, iiko note 2.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bridge {
    /// The plugin fetches commands by long poll.
    Poll,
    /// Commands are handed to the plugin, by a [`Pusher`](crate::Pusher) for each till.
    Push,
    /// The guest is bound on our side only; the waiter is shown name and balances.
    Message,
    /// As `Message`, but the waiter is told "attached". For demos only.
    None,
}

impl Bridge {
    /// Whether the till itself attaches the guest.
    pub fn asks_the_till(self) -> bool {
        matches!(self, Self::Poll | Self::Push)
    }
}

/// Whether waiters' PINs are checked.
#[derive(Clone, Debug)]
pub enum PinCheck {
    /// Not at all.
    Off,
    /// Against this list.
    List(Vec<SecretString>),
    /// By the till, when it attaches the guest.
    Bridge,
}

impl PinCheck {
    /// Whether a PIN may go on to the next step.
    pub(crate) fn passes(&self, pin: Option<&SecretString>) -> bool {
        let pin = pin.map(ExposeSecret::expose_secret).filter(|pin| !pin.is_empty());
        match (self, pin) {
            (Self::Off, _) => true,
            (Self::List(_) | Self::Bridge, None) => false,
            (Self::Bridge, Some(_)) => true,
            (Self::List(known), Some(pin)) => known
                .iter()
                .fold(subtle::Choice::from(0), |found, known| {
                    found | known.expose_secret().as_bytes().ct_eq(pin.as_bytes())
                })
                .into(),
        }
    }
}

/// Who prints the receipts of top-ups (F3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fiscal {
    /// Our own register; until one is connected, top-ups are refused.
    Register,
    /// The venue declares that another till prints them.
    ExternalDeclared,
}
