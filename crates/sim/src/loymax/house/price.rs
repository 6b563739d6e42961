//! What offers do to a cheque.

use tillway_core::money::MoneyError;
use tillway_core::{Kopecks, Timestamp};

use super::share::{cost, percent, proportion};
use super::{
    AppliedOffer, Cheque, ClientId, Code, Effect, GoodsKey, Line, Offer, Param, Percent, Refusal,
    Store, Which,
};

/// What is known of a sale when offers are chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) at: Timestamp,
    pub(super) client: Option<ClientId>,
    /// Numbers of coupons.
    pub(super) coupons: &'a [String],
    /// Points that the till announced.
    pub(super) wish: Option<Kopecks>,
}

/// A line, and the offers that are for it.
#[derive(Debug)]
pub(super) struct Offered<'a> {
    pub(super) line: &'a Line,
    pub(super) params: &'a [Param],
    /// What the line may not fall below.
    pub(super) floor: Kopecks,
    pub(super) offers: Vec<&'a Offer>,
}

/// Something in money or points, and which offers gave how much of it.
#[derive(Debug, Default)]
pub(super) struct Granted {
    pub(super) sum: Kopecks,
    pub(super) offers: Vec<AppliedOffer>,
}

impl Store {
    /// The lines of a cheque with their offers. Lines without parameters have those of `known`.
    pub(super) fn offered<'a>(
        &'a self,
        cheque: &'a Cheque,
        sale: Circumstances<'_>,
        known: impl Fn(u32) -> Option<&'a [Param]>,
    ) -> Result<Vec<Offered<'a>>, Refusal> {
        let valid: Vec<&Offer> =
            self.offers.values().filter(|offer| self.is_valid(offer, sale)).collect();
        cheque
            .lines
            .iter()
            .map(|line| {
                let told = known(line.position).filter(|_| line.params.is_empty());
                let params = told.unwrap_or(&line.params);
                let code = self.code_of(&line.goods);
                let promo = named(params, "IsPromo") == Some("true");
                let fits = |offer: &&&Offer| {
                    let which = match &offer.which {
                        Which::All => true,
                        Which::Goods(codes) => codes.iter().any(|known| Some(&**known) == code),
                        Which::Favourites => self.is_favourite(sale.client, code),
                    };
                    which && !(offer.skip_promo && promo)
                };
                let offers = valid.iter().filter(fits).copied().collect();
                Ok(Offered { line, params, floor: self.floor(line, params, code)?, offers })
            })
            .collect()
    }

    fn is_valid(&self, offer: &Offer, sale: Circumstances<'_>) -> bool {
        let series = |number: &String| self.coupons.get(number).map(|coupon| &coupon.series);
        let coupon = match &offer.coupon {
            Some(needed) => sale.coupons.iter().any(|number| series(number) == Some(needed)),
            None => true,
        };
        let points = sale.wish.is_some_and(Kopecks::is_positive);
        let dates = offer.from.is_none_or(|from| from <= sale.at)
            && offer.until.is_none_or(|until| sale.at <= until);
        let guest = !offer.guests_only || sale.client.is_some();
        coupon && dates && guest && !(offer.without_points && points)
    }

    /// The shop's code of goods; a code that the catalogue does not know is what it says.
    fn code_of<'a>(&'a self, goods: &'a GoodsKey) -> Option<&'a str> {
        match goods {
            GoodsKey::Code(code) => Some(code),
            GoodsKey::Barcode(barcode) => {
                let has = |goods: &&super::Goods| goods.barcodes.contains(barcode);
                self.goods.values().find(has).map(|goods| goods.code.as_str())
            }
        }
    }

    fn is_favourite(&self, client: Option<ClientId>, code: Option<&str>) -> bool {
        let guest = client.and_then(|client| self.guests.get(&client));
        guest.zip(code).is_some_and(|(guest, code)| guest.favourites.contains(code))
    }

    /// The line's own least price counts before the catalogue's.
    fn floor(&self, line: &Line, params: &[Param], code: Option<&str>) -> Result<Kopecks, Refusal> {
        let price =
            match named(params, "MinPrice") {
                Some(text) => Some(Kopecks::parse_rubles(text).map_err(|_| {
                    Refusal::new(Code::FormatException, "MinPrice: сумма не читается")
                })?),
                None => code.and_then(|code| self.goods.get(code)?.price_min),
            };
        Ok(price.map_or(Ok(Kopecks::ZERO), |price| cost(price, line.quantity))?)
    }

    /// The largest share of the cheque that may be paid with points.
    pub(super) fn pay_cap(lines: &[Offered<'_>]) -> Percent {
        let effects = lines.iter().flat_map(Offered::effects);
        let caps = effects.filter_map(|(_, effect)| match effect {
            Effect::PayCap(cap) => Some(*cap),
            _ => None,
        });
        caps.max().unwrap_or_default().min(Percent::of(100))
    }
}

impl<'a> Offered<'a> {
    pub(super) fn effects(&self) -> impl Iterator<Item = (&'a Offer, &'a Effect)> {
        let offers = self.offers.clone();
        offers.into_iter().flat_map(|offer| offer.effects.iter().map(move |it| (offer, it)))
    }

    /// How much of the line can still be taken off.
    pub(super) fn capacity(&self) -> Result<Kopecks, MoneyError> {
        Ok(self.line.amount.sub(self.floor)?.floor_zero())
    }

    /// The direct discount on what was sent.
    pub(super) fn discount(&self) -> Result<Granted, MoneyError> {
        let cap = self.capacity()?;
        self.granted(self.line.amount, Some(cap), |effect| match effect {
            Effect::Discount(percent) => Some(*percent),
            _ => None,
        })
    }

    /// Points on this much of the line.
    pub(super) fn cashback(&self, base: Kopecks) -> Result<Granted, MoneyError> {
        self.granted(base, None, |effect| match effect {
            Effect::Cashback(percent) => Some(*percent),
            _ => None,
        })
    }

    fn granted(
        &self,
        base: Kopecks,
        cap: Option<Kopecks>,
        rate: impl Fn(&Effect) -> Option<Percent>,
    ) -> Result<Granted, MoneyError> {
        let rates: Vec<(&Offer, Percent)> =
            self.effects().filter_map(|(offer, effect)| Some((offer, rate(effect)?))).collect();
        let all = rates.iter().fold(0_u32, |all, (_, rate)| all.saturating_add(rate.0));
        let wanted = percent(base, Percent(all))?;
        let sum = cap.map_or(wanted, |cap| wanted.min(cap));
        let weights: Vec<i64> = rates.iter().map(|(_, rate)| i64::from(rate.0)).collect();
        let parts = proportion(sum, &weights)?;
        let applied = rates.iter().zip(parts).filter(|(_, part)| part.is_positive());
        let offers = applied
            .map(|((offer, _), value)| AppliedOffer {
                id: offer.id,
                version: offer.version,
                name: offer.name.clone(),
                external: offer.external.clone(),
                quantity: self.line.quantity,
                value,
            })
            .collect();
        Ok(Granted { sum, offers })
    }
}

/// The value of a parameter.
fn named<'a>(params: &'a [Param], name: &str) -> Option<&'a str> {
    params.iter().find(|param| param.name == name).map(|param| param.value.as_str())
}
