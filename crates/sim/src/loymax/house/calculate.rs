//! Direct discounts, and how many points may be taken.

use std::collections::BTreeMap;

use tillway_core::Kopecks;
use tillway_core::money::MoneyError;

use super::command::{check_cheque, refused};
use super::identify::Found;
use super::lines::{params_of, replied, said, sold};
use super::price::{Circumstances, Offered};
use super::share::{part, percent};
use super::words::{message, money};
use super::{
    CardState, Cheque, Code, Effect, Key, Purchase, Refusal, Reply, Request, Sale, State, Store,
};

/// The most that may be paid with points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Most {
    pub(super) amount: Kopecks,
    pub(super) points: Kopecks,
}

impl Store {
    pub(super) fn calculate(
        &mut self,
        request: &Request,
        sale: &Sale,
        wish: Option<Kopecks>,
    ) -> Result<Reply, Refusal> {
        self.stage(request)?;
        check_cheque(&sale.cheque)?;
        let found = self.identify_some(sale.guest.as_ref(), &sale.purchase)?;
        let client = found.as_ref().map(|found| found.client);
        let at = sale.cheque.at;
        let coupons = self.coupons_shown(&sale.coupons, client, &sale.purchase, at)?;
        let known = Circumstances { at, client, coupons: &coupons, wish };
        let offered = self.offered(&sale.cheque, known, |_| None)?;
        let mut granted = BTreeMap::new();
        let mut reduced = sale.cheque.clone();
        for (one, line) in offered.iter().zip(&mut reduced.lines) {
            let discount = one.discount()?;
            line.amount = line.amount.sub(discount.sum)?;
            granted.insert(line.position, discount);
        }
        let words = said(&offered, |effect| match effect {
            Effect::CashierMessage(text) => Some(text),
            _ => None,
        });
        let after = self.offered(&reduced, known, |_| None)?;
        let most = found.as_ref().map(|found| self.most(found, &after)).transpose()?;
        let lines =
            sold(&after, |position| granted.get(&position).map_or(Kopecks::ZERO, |it| it.sum));
        let mut reply = Reply {
            available: most.map(|most| most.amount),
            available_points: most.map(|most| most.points),
            lines: replied(&reduced, &lines),
            ..Reply::default()
        };
        for line in &mut reply.lines {
            line.offers = granted.remove(&line.position).unwrap_or_default().offers;
        }
        let discount = Kopecks::total(reply.lines.iter().map(|line| line.discount))?;
        reply.balance = client.map(|client| self.usable_points(client)).transpose()?;
        reply.cashier_message = message(&told(discount, most, words));
        let shown = discount.is_positive();
        reply.cheque_message = shown.then(|| format!("Ваша скидка: {}", money(discount)));
        let mut purchase = self.begun(request, &sale.purchase);
        purchase.client = client;
        purchase.card = found.and_then(|found| found.card);
        purchase.lines = lines;
        self.answer(&sale.purchase, purchase, reply)
    }

    pub(super) fn available(
        &mut self,
        request: &Request,
        purchase: &str,
        guest: &Key,
        cheque: &Cheque,
    ) -> Result<Reply, Refusal> {
        self.stage(request)?;
        check_cheque(cheque)?;
        let found = self.identify(guest, Some(purchase))?;
        let known = self.purchases.get(purchase);
        let client = Some(found.client);
        let sale = Circumstances { at: cheque.at, client, coupons: &[], wish: None };
        let offered = self.offered(cheque, sale, |position| params_of(known, position))?;
        let most = self.most(&found, &offered)?;
        Ok(Reply { amount: Some(most.amount), points: Some(most.points), ..Reply::default() })
    }

    /// min(points × rate, cap × sum, what the lines can take).
    pub(super) fn most(&self, found: &Found, lines: &[Offered<'_>]) -> Result<Most, Refusal> {
        if self.earns_only(found) {
            return Ok(Most::default());
        }
        let points = self.usable_points(found.client)?.floor_zero();
        let worth = self.worth(points)?;
        let sum = Kopecks::total(lines.iter().map(|one| one.line.amount))?;
        let cap = percent(sum, Self::pay_cap(lines))?;
        let room: Result<Vec<_>, _> = lines.iter().map(Offered::capacity).collect();
        let amount = worth.min(cap).min(Kopecks::total(room?)?);
        Ok(Most { amount, points: self.points_worth(amount)?.min(points) })
    }

    /// A card that was handed out and is not activated.
    pub(super) fn earns_only(&self, found: &Found) -> bool {
        let card = found.card.as_ref().filter(|_| found.shown);
        let card = card.and_then(|number| self.cards.get(number));
        card.is_some_and(|card| card.state == CardState::Issued)
    }

    /// What points are worth, in whole kopecks.
    pub(super) fn worth(&self, points: Kopecks) -> Result<Kopecks, MoneyError> {
        let product = i128::from(points.0).checked_mul(i128::from(self.rules.rate.0));
        let worth = product.map(|product| product.div_euclid(100));
        let worth = worth.and_then(|worth| i64::try_from(worth).ok());
        worth.map(Kopecks).ok_or(MoneyError::Overflow)
    }

    /// How many points an amount is.
    pub(super) fn points_worth(&self, amount: Kopecks) -> Result<Kopecks, MoneyError> {
        part(amount, 100, self.rules.rate.0)
    }

    pub(super) fn identify_some(
        &mut self,
        key: Option<&Key>,
        purchase: &str,
    ) -> Result<Option<Found>, Refusal> {
        key.map(|key| self.identify(key, Some(purchase))).transpose()
    }

    /// The purchase as it is, or a new one.
    pub(super) fn begun(&self, request: &Request, id: &str) -> Purchase {
        if let Some(known) = self.purchases.get(id) {
            return known.clone();
        }
        let partner = self.tills.get(&request.till).map(|till| till.partner.clone());
        Purchase::new(&request.till, &partner.unwrap_or_default(), self.now)
    }

    /// Writes a purchase down and gives its answer a transaction and the guest's data.
    pub(super) fn answer(
        &mut self,
        id: &str,
        mut purchase: Purchase,
        mut reply: Reply,
    ) -> Result<Reply, Refusal> {
        let transaction = self.next_transaction();
        reply.transaction = Some(transaction);
        if let Some(client) = purchase.client {
            reply.guest = self.described(client, purchase.card.as_deref());
        }
        purchase.transactions.push(transaction);
        if purchase.state == State::Closed {
            purchase.closed = Some(reply.clone());
        }
        self.purchases.insert(id.to_owned(), purchase);
        Ok(reply)
    }

    /// The guest's points, less what other purchases have reserved.
    pub(super) fn balance_of(&self, purchase: &Purchase) -> Result<Option<Kopecks>, Refusal> {
        purchase.client.map(|client| self.usable_points(client)).transpose()
    }

    pub(super) fn no_holder() -> Refusal {
        refused(Code::CardHolderNotFound)
    }
}

fn told(discount: Kopecks, most: Option<Most>, words: Vec<String>) -> Vec<String> {
    let mut parts = Vec::new();
    if discount.is_positive() {
        parts.push(format!("Скидка {}", money(discount)));
    }
    parts.extend(most.map(|most| format!("Можно списать {}", money(most.amount))));
    let mut lines = Vec::new();
    if !parts.is_empty() {
        lines.push(parts.join(". "));
    }
    lines.extend(words);
    lines
}
