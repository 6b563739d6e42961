//! What an operator can switch.

use std::time::Duration;

use tillway_core::Kopecks;

/// How the processing is set up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// The project, a part of the address.
    pub project: String,
    /// What points are called.
    pub currency: String,
    /// What one point is worth.
    pub rate: Kopecks,
    /// Points are taken in whole multiples of this.
    pub pay_step: Kopecks,
    /// Cashiers that are known; everybody, when empty.
    pub cashiers: Vec<String>,
    /// What becomes of a message that comes again.
    pub duplicates: Duplicates,
    /// A purchase is confirmed only when its points to be earned were computed.
    pub confirm_requires_discount: bool,
    /// The XML knows how to cancel one payment without its purchase; the JSON mirror does anyway.
    pub cancel_operations: bool,
    /// Goods may be taken back without a sale that is known: nothing moves.
    pub allow_blind_refund: bool,
    /// A purchase may be finished by another till of its partner.
    pub allow_cross_device: bool,
    /// A card is blocked before another takes its place.
    pub block_before_replace: bool,
    /// What happens when points to be taken back are spent already.
    pub negative: Negative,
    /// Purchases that are not confirmed so long are cancelled.
    pub abandoned_after: Duration,
    /// How coupons to be printed are told.
    pub printed: Printed,
    /// How long a QR code lives.
    pub qr_life: Duration,
    /// `MinPrice` and `IsPromo` may be attributes of a line, besides parameters.
    pub line_attributes: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            project: "demo".to_owned(),
            currency: "RUB".to_owned(),
            rate: Kopecks(100),
            pay_step: Kopecks(1),
            cashiers: Vec::new(),
            duplicates: Duplicates::Replay,
            confirm_requires_discount: true,
            cancel_operations: false,
            allow_blind_refund: false,
            allow_cross_device: false,
            block_before_replace: false,
            negative: Negative::Suppress,
            abandoned_after: Duration::from_secs(24 * 60 * 60),
            printed: Printed::Element,
            qr_life: Duration::from_secs(60),
            line_attributes: false,
        }
    }
}

/// What becomes of a message that comes again, byte for byte. Another message under an operation id
/// that was used is refused in any case, 207.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duplicates {
    /// The answer it had.
    Replay,
    /// 207.
    Reject,
}

/// What happens when points to be taken back are spent already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Negative {
    /// No more is taken than is there.
    Suppress,
    /// The guest owes points.
    Allow,
}

/// How coupons to be printed are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Printed {
    /// As elements.
    Element,
    /// As marked lines in the message for the receipt.
    Marker,
}
