//! Points to be earned: the cheque is final.

use std::collections::BTreeMap;

use tillway_core::{Kopecks, Timestamp};

use super::command::{check_cheque, refused};
use super::identify::Found;
use super::lines::{TOLERANCE, check_same, params_of, replied, said, sold, totals};
use super::price::{Circumstances, Granted, Offered};
use super::words::{message, money, print};
use super::{
    AppliedOffer, ClientId, Code, Coupon, CouponState, Effect, Pay, PrintedCoupon, Purchase,
    PurchaseKind, Refusal, Reply, Request, Sale, SoldLine, State, Store,
};

/// What a cheque earns.
#[derive(Debug, Default)]
struct Earned {
    lines: BTreeMap<u32, SoldLine>,
    offers: BTreeMap<u32, Vec<AppliedOffer>>,
    words: Vec<String>,
    /// Series of coupons.
    series: Vec<String>,
}

impl Store {
    pub(super) fn accrue(
        &mut self,
        request: &Request,
        sale: &Sale,
        pays: &[Pay],
    ) -> Result<Reply, Refusal> {
        let state = self.stage(request)?;
        check_cheque(&sale.cheque)?;
        let mut purchase = self.begun(request, &sale.purchase);
        check_same(&purchase, &sale.cheque)?;
        if state == Some(State::Closed) {
            let answered = purchase.closed.filter(|_| purchase.kind == PurchaseKind::Sale);
            return answered.ok_or_else(|| refused(Code::DifferentCheque));
        }
        let (found, blocked) = self.buyer(&purchase, sale)?;
        let client = found.as_ref().map(|found| found.client);
        if purchase.client.is_some() && purchase.client != client {
            return Err(refused(Code::DifferentPurchase));
        }
        let at = sale.cheque.at;
        let coupons = self.coupons_shown(&sale.coupons, client, &sale.purchase, at)?;
        let known = Circumstances { at, client, coupons: &coupons, wish: None };
        let offered =
            self.offered(&sale.cheque, known, |position| params_of(Some(&purchase), position))?;
        let mut earned = earned(&purchase, &offered, blocked)?;
        self.check_pays(pays, &earned.lines)?;
        let mut lines = replied(&sale.cheque, &earned.lines);
        for line in &mut lines {
            line.cashback = earned.lines.get(&line.position).map(|sold| sold.cashback);
            line.offers = earned.offers.remove(&line.position).unwrap_or_default();
        }
        let totals = totals(&lines)?;
        purchase.client = client;
        purchase.card = found.and_then(|found| found.card);
        purchase.state = State::Closed;
        purchase.lines = earned.lines;
        purchase.cashback = if client.is_some() { totals.cashback } else { Kopecks::ZERO };
        let line = format!("Начислено: {}", money(totals.cashback));
        let mut words = vec![line.clone()];
        if let Some(balance) = self.balance_of(&purchase)? {
            words.push(format!("Баланс: {}", money(balance.add(totals.cashback)?)));
        }
        words.append(&mut earned.words);
        let mut reply = Reply {
            points: Some(totals.cashback),
            cashier_message: Some(line),
            cheque_message: message(&words),
            totals: Some(totals),
            lines,
            ..Reply::default()
        };
        self.queue_coupons(&coupons, &sale.purchase);
        purchase.used = coupons;
        let printed = self.earn_coupons(&earned.series, client, &sale.purchase, at);
        purchase.earned = printed.iter().map(|coupon| coupon.number.clone()).collect();
        print(&mut reply, printed, self.rules.printed);
        self.answer(&sale.purchase, purchase, reply)
    }

    /// Who buys. A guest whose card was blocked in the middle of the sale goes on without points.
    fn buyer(
        &mut self,
        purchase: &Purchase,
        sale: &Sale,
    ) -> Result<(Option<Found>, bool), Refusal> {
        let known = purchase.client.map(|client| Found {
            client,
            card: purchase.card.clone(),
            shown: false,
        });
        let Some(key) = &sale.guest else { return Ok((known, false)) };
        match self.identify(key, Some(&sale.purchase)) {
            Ok(found) => Ok((Some(found), false)),
            Err(refusal) if refusal.code == Code::CardBlocked && known.is_some() => {
                Ok((known, true))
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn check_pays(&self, pays: &[Pay], lines: &BTreeMap<u32, SoldLine>) -> Result<(), Refusal> {
        for pay in pays {
            let known = self.pay_types.iter().find(|known| known.name == pay.kind);
            let code = match known {
                None => Code::PayTypeIsNotExist,
                Some(known) if known.archived => Code::PayTypeIsArchived,
                Some(_) => continue,
            };
            return Err(Refusal::new(code, format!("Вид оплаты {} не действует", pay.kind)));
        }
        if pays.is_empty() {
            return Ok(());
        }
        let due = Kopecks::total(lines.values().map(|line| line.amount))?
            .sub(Kopecks::total(lines.values().map(|line| line.pay))?)?;
        let off = Kopecks::total(pays.iter().map(|pay| pay.amount))?.sub(due)?;
        let lines = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if off.0.unsigned_abs() > TOLERANCE.0.unsigned_abs().saturating_mul(lines) {
            let code = Code::BusinessError;
            return Err(Refusal::new(code, "Оплаты не сходятся с суммой чека"));
        }
        Ok(())
    }

    fn queue_coupons(&mut self, numbers: &[String], purchase: &str) {
        for number in numbers {
            if let Some(coupon) = self.coupons.get_mut(number) {
                coupon.state = CouponState::QueuedToUse;
                coupon.purchase = Some(purchase.to_owned());
            }
        }
    }

    /// Makes the coupons that a purchase earns; they can be used once it is confirmed.
    fn earn_coupons(
        &mut self,
        series: &[String],
        owner: Option<ClientId>,
        purchase: &str,
        at: Timestamp,
    ) -> Vec<PrintedCoupon> {
        let mut printed = Vec::new();
        for name in series {
            let Some(kind) = self.series.get(name) else { continue };
            let (text, prefix) = (kind.text.clone(), kind.prefix.clone());
            let until = Some(at.after(kind.life));
            self.coupon_number = self.coupon_number.saturating_add(1);
            let number = format!("{prefix}{:06}", self.coupon_number);
            let barcode = Some(ean13(&format!("22{:010}", self.coupon_number)));
            let qr = Some(format!("LMXC:{number}"));
            let coupon = Coupon {
                barcode: barcode.clone(),
                qr: qr.clone(),
                state: CouponState::QueuedToIssue,
                owner,
                until,
                purchase: Some(purchase.to_owned()),
                ..Coupon::issued(&number, name)
            };
            self.coupons.insert(number.clone(), coupon);
            printed.push(PrintedCoupon { number, barcode, qr, until, text });
        }
        printed
    }
}

fn earned(purchase: &Purchase, offered: &[Offered<'_>], blocked: bool) -> Result<Earned, Refusal> {
    let mut lines = sold(offered, |position| purchase.discount(position));
    let mut offers = BTreeMap::new();
    for one in offered {
        let position = one.line.position;
        let Some(line) = lines.get_mut(&position) else { continue };
        line.pay = purchase.lines.get(&position).map_or(Kopecks::ZERO, |line| line.pay);
        let correction = one.line.correction.unwrap_or_default();
        let base = line.amount.sub(line.pay)?.add(correction)?.floor_zero();
        let granted = if blocked { Granted::default() } else { one.cashback(base)? };
        let own = one.line.cashback.filter(|_| !blocked).unwrap_or_default();
        line.cashback = granted.sum.add(own)?;
        offers.insert(position, granted.offers);
    }
    let words = said(offered, |effect| match effect {
        Effect::ChequeMessage(text) => Some(text),
        _ => None,
    });
    let series = said(offered, |effect| match effect {
        Effect::IssueCoupon(series) => Some(series),
        _ => None,
    });
    Ok(Earned { lines, offers, words, series })
}

/// Twelve digits with their check digit.
pub(super) fn ean13(digits: &str) -> String {
    let weighed = |(place, digit): (usize, u8)| {
        let value = u32::from(digit.saturating_sub(b'0'));
        if place % 2 == 0 { value } else { value.saturating_mul(3) }
    };
    let sum: u32 = digits.bytes().enumerate().map(weighed).sum();
    let check = (10_u32.saturating_sub(sum % 10)) % 10;
    format!("{digits}{check}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_of_the_note() {
        assert_eq!(ean13("220000000123"), "2200000001238");
        assert_eq!(ean13("460000000001"), "4600000000015");
        assert_eq!(ean13("000000000000"), "0000000000000");
    }
}
