//! Goods that go back.

use std::collections::BTreeMap;

use tillway_core::Kopecks;

use super::command::{check_cheque, refused};
use super::lines::{TOLERANCE, replied, totals};
use super::share::{micro, part};
use super::words::money;
use super::{
    Cheque, Code, Key, Line, Purchase, PurchaseKind, RefundType, Refusal, Reply, Request, SoldLine,
    State, Store,
};

impl Store {
    pub(super) fn refund(
        &mut self,
        request: &Request,
        id: &str,
        of: (Option<&str>, Option<u64>),
        guest: Option<&Key>,
        cheque: &Cheque,
    ) -> Result<Reply, Refusal> {
        self.stage(request)?;
        check_cheque(cheque)?;
        if of == (None, None) && self.rules.allow_blind_refund {
            return self.blind_refund(request, id, cheque);
        }
        let sale_id = self.sale_of(of).ok_or_else(|| refused(Code::PurchaseNotFound))?;
        let mut sale = self.begun(request, &sale_id);
        self.check_sale(request, &sale)?;
        if let Some(found) = self.identify_some(guest, id)?
            && sale.client != Some(found.client)
        {
            return Err(refused(Code::DifferentPurchase));
        }
        let mut parts = BTreeMap::new();
        for line in &cheque.lines {
            let sold = sale.lines.get_mut(&line.position);
            let sold = sold.ok_or_else(|| refused(Code::DifferentCheque))?;
            parts.insert(line.position, take_back(sold, line)?);
        }
        let kind = self.tills.get(&request.till).map_or(RefundType::Normal, |it| it.refund_type);
        let sum = Kopecks::total(parts.values().map(|part| part.amount))?;
        let (amount, points) = given_back(&mut sale, kind, &parts, sum)?;
        let mut purchase = self.begun(request, id);
        purchase.kind = PurchaseKind::Refund { of: Some(sale_id.clone()), points, amount };
        purchase.state = State::Closed;
        purchase.client = sale.client;
        purchase.card.clone_from(&sale.card);
        if sale.cashback.is_positive() {
            purchase.cashback = Kopecks::total(parts.values().map(|part| part.cashback))?;
        }
        purchase.lines = parts;
        let mut reply = Reply {
            amount: Some(amount),
            points: Some(points),
            refund_type: Some(kind),
            lines: replied(cheque, &purchase.lines),
            ..Reply::default()
        };
        reply.totals = Some(totals(&reply.lines)?);
        let (back, rest) = (money(points), money(sum.sub(amount)?));
        reply.cashier_message = Some(format!("К выдаче {rest}. Возвращено баллов: {back}"));
        reply.cheque_message = points.is_positive().then(|| format!("Возвращено баллов: {back}"));
        self.purchases.insert(sale_id, sale);
        self.answer(id, purchase, reply)
    }

    /// Without a sale nothing moves: all of it is money.
    fn blind_refund(
        &mut self,
        request: &Request,
        id: &str,
        cheque: &Cheque,
    ) -> Result<Reply, Refusal> {
        let mut purchase = self.begun(request, id);
        let nothing = Kopecks::ZERO;
        purchase.kind = PurchaseKind::Refund { of: None, points: nothing, amount: nothing };
        purchase.state = State::Closed;
        let kind = self.tills.get(&request.till).map_or(RefundType::Normal, |it| it.refund_type);
        let reply = Reply {
            amount: Some(nothing),
            points: Some(nothing),
            refund_type: Some(kind),
            cashier_message: Some("Возврат без покупки: баллы не изменятся".to_owned()),
            ..Reply::default()
        };
        Kopecks::total(cheque.lines.iter().map(|line| line.amount))?;
        self.answer(id, purchase, reply)
    }

    fn check_sale(&self, request: &Request, sale: &Purchase) -> Result<(), Refusal> {
        let partner = self.tills.get(&request.till).map(|till| &till.partner);
        let code = match sale.state {
            _ if partner != Some(&sale.partner) => Code::DifferentLegals,
            _ if sale.kind != PurchaseKind::Sale => Code::DifferentPurchase,
            State::Confirmed => return Ok(()),
            State::Cancelled => Code::OperationIsCanceled,
            _ => Code::IncorrectOperationOrder,
        };
        Err(refused(code))
    }

    /// Puts back what an unconfirmed refund took from its sale.
    pub(super) fn unreturn(&mut self, of: &str, refund: &Purchase) -> Result<(), Refusal> {
        let Some(mut sale) = self.purchases.get(of).cloned() else { return Ok(()) };
        for (position, part) in &refund.lines {
            let Some(sold) = sale.lines.get_mut(position) else { continue };
            let gone = micro(part.quantity)?;
            sold.returned_micro = sold.returned_micro.saturating_sub(gone);
            sold.returned_amount = sold.returned_amount.sub(part.amount)?;
            sold.returned_pay = sold.returned_pay.sub(part.pay)?;
            sold.returned_cashback = sold.returned_cashback.sub(part.cashback)?;
        }
        if let PurchaseKind::Refund { points, amount, .. } = &refund.kind {
            sale.given_back = sale.given_back.sub(*points)?;
            sale.given_back_amount = sale.given_back_amount.sub(*amount)?;
        }
        self.purchases.insert(of.to_owned(), sale);
        Ok(())
    }
}

/// Takes a part of a sold line back: so much that all parts of it come to the whole, in whatever
/// order they come.
fn take_back(sold: &mut SoldLine, line: &Line) -> Result<SoldLine, Refusal> {
    let different = |why: &str| {
        let message = format!("Позиция {}: {why}", line.position);
        Err(Refusal::new(Code::DifferentCheque, message))
    };
    if sold.goods != line.goods {
        return different("другой товар");
    }
    let whole = micro(sold.quantity)?;
    let so_far = sold.returned_micro.saturating_add(micro(line.quantity)?);
    if so_far > whole {
        return different("возвращается больше, чем продано");
    }
    let share = |total: Kopecks, given: Kopecks| -> Result<Kopecks, Refusal> {
        let due = part(total, so_far, whole)?;
        Ok(due.sub(given)?.floor_zero())
    };
    let amount = share(sold.amount, sold.returned_amount)?;
    let pay = share(sold.pay, sold.returned_pay)?;
    let cashback = share(sold.cashback, sold.returned_cashback)?;
    let off = amount.sub(line.amount)?.0.unsigned_abs();
    if off > TOLERANCE.0.unsigned_abs() {
        return different(&format!("сумма возврата {}", money(amount)));
    }
    sold.returned_micro = so_far;
    sold.returned_amount = sold.returned_amount.add(amount)?;
    sold.returned_pay = sold.returned_pay.add(pay)?;
    sold.returned_cashback = sold.returned_cashback.add(cashback)?;
    Ok(SoldLine {
        goods: line.goods.clone(),
        quantity: line.quantity,
        amount,
        discount: Kopecks::ZERO,
        pay,
        cashback,
        params: Vec::new(),
        returned_micro: 0,
        returned_amount: Kopecks::ZERO,
        returned_pay: Kopecks::ZERO,
        returned_cashback: Kopecks::ZERO,
    })
}

/// What goes back as points: its worth in the till's currency, and the points.
fn given_back(
    sale: &mut Purchase,
    kind: RefundType,
    parts: &BTreeMap<u32, SoldLine>,
    sum: Kopecks,
) -> Result<(Kopecks, Kopecks), Refusal> {
    let Some(paid) = &sale.withdrawal else { return Ok((Kopecks::ZERO, Kopecks::ZERO)) };
    let left = paid.amount.sub(sale.given_back_amount)?;
    let amount = match kind {
        RefundType::Normal => Kopecks::total(parts.values().map(|part| part.pay))?.min(left),
        RefundType::BonusFirst => left.min(sum),
    };
    let so_far = sale.given_back_amount.add(amount)?;
    let due = part(paid.points, so_far.0, paid.amount.0)?;
    let points = due.sub(sale.given_back)?.floor_zero();
    sale.given_back_amount = so_far;
    sale.given_back = sale.given_back.add(points)?;
    Ok((amount, points))
}
