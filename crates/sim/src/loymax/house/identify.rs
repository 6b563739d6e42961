//! Who a guest is, by what was shown.

use sha2::{Digest, Sha256};
use tillway_core::Timestamp;

use super::{
    Card, CardState, ClientId, Code, Coupon, CouponKey, CouponState, Key, KeyKind, Label, QrToken,
    Refusal, Store,
};

/// How many QR codes are remembered.
const QR_MAX: usize = 10_000;

/// A guest that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) client: ClientId,
    /// The number of the card that was shown, or of the one the guest uses.
    pub(super) card: Option<String>,
    /// The card itself was shown.
    pub(super) shown: bool,
}

impl Store {
    /// Makes a QR code of a card, that lives as long as the rules say.
    pub fn make_qr(&mut self, card: &str) -> QrToken {
        if self.qr.len() >= QR_MAX {
            let now = self.now;
            self.qr.retain(|_, token| now <= token.made.after(token.life));
        }
        self.qr_made = self.qr_made.saturating_add(1);
        let mut made = Sha256::new_with_prefix(card.as_bytes());
        made.update(self.qr_made.to_be_bytes());
        made.update(self.now.utc_ms.to_be_bytes());
        let number = made
            .finalize()
            .iter()
            .take(4)
            .fold(0_u64, |all, byte| all.wrapping_mul(256).wrapping_add(u64::from(*byte)));
        let token = QrToken {
            card: card.to_owned(),
            code: format!("{:06}", number % 1_000_000),
            made: self.now,
            life: self.rules.qr_life,
            purchase: None,
        };
        self.qr.insert(token.text(), token.clone());
        token
    }

    /// The card that a value is of, whoever has it and whatever its state; `None` for what is no
    /// card, or none that is known.
    pub fn card_of(&self, key: &Key) -> Option<&Card> {
        let (kind, value) = self.unmasked(key)?;
        let value = value.as_str();
        let same = |text: &Option<String>| text.as_deref() == Some(value);
        match kind {
            KeyKind::CardNumber => self.cards.get(value),
            KeyKind::CardBarCode => self.cards.values().find(|card| same(&card.barcode)),
            KeyKind::CardTrack(track) => {
                let place = usize::from(track).checked_sub(1)?;
                self.cards.values().find(|card| card.tracks.get(place).is_some_and(same))
            }
            KeyKind::QrCode => self.cards.get(&self.qr.get(value)?.card),
            _ => None,
        }
    }

    /// The guest that a value names, for a purchase when there is one.
    pub(super) fn identify(&mut self, key: &Key, purchase: Option<&str>) -> Result<Found, Refusal> {
        let unknown = || Refusal::new(Code::CardNotFound, "Карта не найдена");
        let (kind, value) = self.unmasked(key).ok_or_else(unknown)?;
        match kind {
            KeyKind::Guest(client) => self.person(client),
            KeyKind::Phone => self.person(self.guest_of_phone(&value).ok_or_else(unknown)?),
            KeyKind::PhoneHash => {
                let phone = |guest: &super::Guest| guest.phone.as_deref().map(digest);
                let found = self.guests.iter().find(|(_, it)| phone(it).as_ref() == Some(&value));
                self.person(found.map(|(client, _)| *client).ok_or_else(unknown)?)
            }
            KeyKind::QrCode => {
                self.check_qr(&value, purchase)?;
                self.holder(self.card_of(key).ok_or_else(unknown)?)
            }
            _ => self.holder(self.card_of(key).ok_or_else(unknown)?),
        }
    }

    /// The kind of a value and what is looked up for it.
    fn unmasked(&self, key: &Key) -> Option<(KeyKind, String)> {
        if key.kind != KeyKind::Auto {
            return Some((key.kind, key.value.clone()));
        }
        let mut masks: Vec<_> = self.masks.iter().collect();
        masks.sort_by_key(|mask| mask.check_order);
        masks.iter().find_map(|mask| Some((mask.kind, mask.rewrite(&key.value)?)))
    }

    fn person(&self, client: ClientId) -> Result<Found, Refusal> {
        let guest = self.guests.get(&client).filter(|guest| guest.registered);
        let Some(guest) = guest else {
            return Err(Refusal::new(Code::CardNotFound, "Клиент не найден"));
        };
        if guest.blocked {
            return Err(Refusal::new(Code::CardBlocked, "Клиент заблокирован"));
        }
        let usable = |card: &&Card| {
            let state = matches!(card.state, CardState::Issued | CardState::Activated);
            card.owner == Some(client) && state && !card.blocked
        };
        let card = self.cards.values().filter(usable).max_by_key(|card| card.state);
        Ok(Found { client, card: card.map(|card| card.number.clone()), shown: false })
    }

    fn holder(&self, card: &Card) -> Result<Found, Refusal> {
        let refuse = |code, why: &str| Err(Refusal::new(code, why));
        match card.state {
            CardState::Replaced => return refuse(Code::CardBlocked, "Карта заменена"),
            CardState::Expired => {
                return refuse(Code::CardExpired, "Срок действия карты истёк");
            }
            _ if card.blocked => return refuse(Code::CardBlocked, "Карта заблокирована"),
            _ => {}
        }
        let Some(client) = card.owner else {
            return refuse(Code::CardHolderNotFound, "Карта никому не выдана");
        };
        if self.guests.get(&client).is_some_and(|guest| guest.blocked) {
            return refuse(Code::CardBlocked, "Клиент заблокирован");
        }
        Ok(Found { client, card: Some(card.number.clone()), shown: true })
    }

    /// A QR code serves while it lives, and the purchase it was used for to its end.
    fn check_qr(&mut self, text: &str, purchase: Option<&str>) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(Refusal::new(Code::CardNotFound, why));
        let now = self.now;
        let Some(token) = self.qr.get_mut(text) else {
            return refuse("QR-код не найден");
        };
        match (&token.purchase, purchase) {
            (Some(bound), Some(purchase)) if bound == purchase => Ok(()),
            (Some(_), _) => refuse("QR-код уже использован"),
            (None, _) if now > token.made.after(token.life) => {
                refuse("Срок действия QR-кода истёк")
            }
            (None, purchase) => {
                token.purchase = purchase.map(str::to_owned);
                Ok(())
            }
        }
    }

    /// The numbers of coupons that were shown, each of which may be used in this purchase.
    pub(super) fn coupons_shown(
        &self,
        shown: &[CouponKey],
        client: Option<ClientId>,
        purchase: &str,
        at: Timestamp,
    ) -> Result<Vec<String>, Refusal> {
        let mut numbers = Vec::new();
        for key in shown {
            let refuse = |why: &str| {
                let message = format!("Купон {}: {why}", key.value);
                Err(Refusal::new(Code::CouponsException, message))
            };
            let Some(coupon) = self.coupon_of(key) else { return refuse("не найден") };
            let queued_here = coupon.state == CouponState::QueuedToUse
                && coupon.purchase.as_deref() == Some(purchase);
            match coupon.state {
                CouponState::Issued => {}
                CouponState::QueuedToUse if queued_here => {}
                CouponState::Used | CouponState::QueuedToUse => return refuse("использован"),
                CouponState::Expired => return refuse("срок действия истёк"),
                _ => return refuse("не действует"),
            }
            if coupon.until.is_some_and(|until| at > until) {
                return refuse("срок действия истёк");
            }
            if coupon.owner.is_some() && coupon.owner != client {
                return refuse("принадлежит другому клиенту");
            }
            if numbers.contains(&coupon.number) {
                return refuse("назван дважды");
            }
            numbers.push(coupon.number.clone());
        }
        Ok(numbers)
    }

    /// The coupon that a value is of. A bare number may be what any label of it says.
    pub fn coupon_of(&self, key: &CouponKey) -> Option<&Coupon> {
        let value = key.value.as_str();
        let same = |text: &Option<String>| text.as_deref() == Some(value);
        let mut all = self.coupons.values();
        match key.label {
            Label::BarCode => all.find(|coupon| same(&coupon.barcode) || coupon.number == value),
            Label::QrCode => all.find(|coupon| same(&coupon.qr)),
            Label::Strip(track) => {
                let place = usize::from(track).checked_sub(1)?;
                all.find(|coupon| coupon.tracks.get(place).is_some_and(same))
            }
            Label::Number => self.coupons.get(value).or_else(|| {
                let labels = |coupon: &&Coupon| {
                    same(&coupon.barcode) || same(&coupon.qr) || coupon.tracks.iter().any(same)
                };
                let masks = self.masks.iter().filter(|mask| mask.kind == KeyKind::Coupon);
                let mut rewritten = masks.filter_map(|mask| mask.rewrite(value));
                all.find(labels).or_else(|| rewritten.find_map(|number| self.coupons.get(&number)))
            }),
        }
    }
}

/// What a phone number is hidden as.
fn digest(phone: &str) -> String {
    Sha256::digest(phone.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
