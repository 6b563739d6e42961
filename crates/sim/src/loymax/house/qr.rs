//! QR codes that guests ask for.

use super::{QrToken, Store};

impl Store {
    /// A fresh QR code of a card, as [`Store::make_qr`] makes it; the one before that nobody has
    /// used ends.
    pub fn make_only_qr(&mut self, card: &str) -> QrToken {
        self.qr.retain(|_, token| token.card != card || token.purchase.is_some());
        self.make_qr(card)
    }
}
