//! The bytes of a message: the command itself, in core's codec.

use minicbor::{Decode, Encode};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{Identifier, Pay, PurchaseId, Sale};
use tillway_core::port::processing::Command;

/// What a message says.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub(super) enum Told {
    #[n(0)]
    Balance(#[n(0)] Identifier),
    #[n(1)]
    Calculate(#[n(0)] Sale, #[n(1)] Option<Kopecks>),
    #[n(2)]
    Available(#[n(0)] Sale),
    #[n(3)]
    Pay(#[n(0)] Sale, #[n(1)] Kopecks, #[n(2)] Option<Box<str>>),
    #[n(4)]
    Accrue(#[n(0)] Sale, #[n(1)] Vec<Pay>),
    #[n(5)]
    Confirm(#[n(0)] PurchaseId),
    #[n(6)]
    Cancel(#[n(0)] PurchaseId),
    #[n(7)]
    CancelOne(#[n(0)] PurchaseId, #[n(1)] Id),
    #[n(8)]
    Refund(#[n(0)] Sale, #[n(1)] Option<PurchaseId>),
    #[n(9)]
    Card(#[n(0)] Option<Identifier>, #[n(1)] Option<Box<str>>, #[n(2)] Identifier),
}

/// The id of an operation as its bytes.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
#[cbor(transparent)]
pub(super) struct Id(#[cbor(n(0), with = "minicbor::bytes")] pub(super) [u8; 16]);

impl Id {
    pub(super) fn uuid(self) -> Uuid {
        Uuid::from_bytes(self.0)
    }
}

impl Told {
    pub(super) fn of(command: &Command) -> Self {
        match command.clone() {
            Command::Balance { guest } => Self::Balance(guest),
            Command::Calculate { sale, wish } => Self::Calculate(sale, wish),
            Command::Available { sale } => Self::Available(sale),
            Command::Pay { sale, amount, pin } => {
                Self::Pay(sale, amount, pin.map(|pin| pin.expose().into()))
            }
            Command::Accrue { sale, pays } => Self::Accrue(sale, pays),
            Command::Confirm { purchase } => Self::Confirm(purchase),
            Command::Cancel { purchase } => Self::Cancel(purchase),
            Command::CancelOne { purchase, operation } => {
                Self::CancelOne(purchase, Id(operation.into_bytes()))
            }
            Command::Refund { sale, of, .. } => Self::Refund(sale, of),
            Command::Card { guest, old, new } => Self::Card(guest, old, new),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }
}
