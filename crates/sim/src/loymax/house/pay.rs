//! Points that a guest pays with.

use secrecy::{ExposeSecret, SecretString};
use tillway_core::Kopecks;

use super::command::{check_cheque, refused};
use super::identify::Found;
use super::lines::{check_same, params_of, replied, sold};
use super::price::{Circumstances, Offered};
use super::share::lay;
use super::words::money;
use super::{
    Code, OperationAuth, Purchase, Refusal, Reply, Request, Sale, State, Store, Withdrawal,
};

impl Store {
    pub(super) fn pay(
        &mut self,
        request: &Request,
        sale: &Sale,
        amount: Kopecks,
        pin: Option<&SecretString>,
    ) -> Result<Reply, Refusal> {
        self.stage(request)?;
        check_cheque(&sale.cheque)?;
        let key = sale.guest.as_ref().ok_or_else(Self::no_holder)?;
        let found = self.identify(key, Some(&sale.purchase))?;
        let mut purchase = self.begun(request, &sale.purchase);
        check_payer(&purchase, &found)?;
        check_same(&purchase, &sale.cheque)?;
        self.authorise(&request.till, &found, pin)?;
        let (at, client) = (sale.cheque.at, Some(found.client));
        let coupons = self.coupons_shown(&sale.coupons, client, &sale.purchase, at)?;
        let known = Circumstances { at, client, coupons: &coupons, wish: None };
        let before = purchase.clone();
        let offered =
            self.offered(&sale.cheque, known, |position| params_of(Some(&before), position))?;
        let points = self.points_for(amount, &found, &offered)?;
        let mut lines = sold(&offered, |position| before.discount(position));
        for (position, pay) in laid(amount, &offered)? {
            if let Some(line) = lines.get_mut(&position) {
                line.pay = pay;
            }
        }
        let guest = self.guests.get_mut(&found.client).ok_or_else(Self::no_holder)?;
        guest.reserved = guest.reserved.add(points)?;
        purchase.client = client;
        purchase.card.clone_from(&found.card);
        purchase.state = State::Paid;
        purchase.lines = lines;
        purchase.withdrawal = Some(Withdrawal {
            operation: request.operation.clone(),
            client: found.client,
            card: found.card,
            amount,
            points,
        });
        let words = format!("Списано: {}", money(amount));
        let reply = Reply {
            auth_code: Some(auth_code(self.transaction)),
            amount: Some(amount),
            points: Some(points),
            cashier_message: Some(words.clone()),
            cheque_message: Some(words),
            lines: replied(&sale.cheque, &purchase.lines),
            programs: vec!["Default".to_owned()],
            ..Reply::default()
        };
        self.answer(&sale.purchase, purchase, reply)
    }

    fn authorise(
        &self,
        till: &str,
        found: &Found,
        pin: Option<&SecretString>,
    ) -> Result<(), Refusal> {
        if self.earns_only(found) {
            return Err(refused(Code::CardNotActivated));
        }
        let asked = self.tills.get(till).map_or(OperationAuth::None, |till| till.operation_auth);
        let card = found.card.as_ref().and_then(|number| self.cards.get(number));
        let entered = pin.map(ExposeSecret::expose_secret);
        let right = match asked {
            OperationAuth::None => true,
            OperationAuth::LastFourNumbers => card.zip(entered).is_some_and(|(card, entered)| {
                entered.chars().count() == 4 && card.number.ends_with(entered)
            }),
            OperationAuth::PinCode => {
                let pin = card.and_then(|card| card.pin.as_ref());
                pin.zip(entered).is_some_and(|(pin, entered)| pin.expose_secret() == entered)
            }
        };
        if right { Ok(()) } else { Err(refused(Code::WrongPin)) }
    }

    /// The points that an amount takes, when the guest has them and the lines allow them.
    fn points_for(
        &self,
        amount: Kopecks,
        found: &Found,
        lines: &[Offered<'_>],
    ) -> Result<Kopecks, Refusal> {
        if !amount.is_positive() {
            return Err(Refusal::new(Code::FormatException, "Amount: больше нуля"));
        }
        if amount.0.checked_rem(self.rules.pay_step.0) != Some(0) {
            return Err(refused(Code::DivisibilityError));
        }
        let points = self.usable_points(found.client)?.floor_zero();
        if amount > self.worth(points)? {
            return Err(refused(Code::NotEnoughMoney));
        }
        if amount > self.most(found, lines)?.amount {
            return Err(refused(Code::LargePaymentAmount));
        }
        Ok(self.points_worth(amount)?.min(points))
    }
}

fn check_payer(purchase: &Purchase, found: &Found) -> Result<(), Refusal> {
    if let Some(paid) = &purchase.withdrawal {
        let same = paid.client == found.client && paid.card == found.card;
        let code = if same { Code::CardExtraPayment } else { Code::PurchaseExtraPayment };
        return Err(refused(code));
    }
    if purchase.client.is_some_and(|client| client != found.client) {
        return Err(refused(Code::DifferentPurchase));
    }
    Ok(())
}

/// How much of an amount each line takes.
fn laid(amount: Kopecks, lines: &[Offered<'_>]) -> Result<Vec<(u32, Kopecks)>, Refusal> {
    let weights: Vec<_> = lines.iter().map(|one| one.line.amount).collect();
    let caps: Result<Vec<_>, _> = lines.iter().map(Offered::capacity).collect();
    let parts = lay(amount, &weights, &caps?)?;
    let parts = parts.ok_or_else(|| refused(Code::LargePaymentAmount))?;
    Ok(lines.iter().map(|one| one.line.position).zip(parts).collect())
}

/// Six digits for the slip.
fn auth_code(transaction: u64) -> String {
    let mixed = transaction.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{:06}", (mixed >> 20) % 1_000_000)
}
