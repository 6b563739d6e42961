//! The end of a purchase: confirmed, cancelled, or left behind.

use tillway_core::{Kopecks, Timestamp};

use super::command::refused;
use super::{
    ClientId, Code, CouponState, Move, Moved, Negative, Purchase, PurchaseKind, Refusal, Reply,
    Request, State, Store,
};

impl Store {
    pub(super) fn confirm(&mut self, request: &Request, id: &str) -> Result<Reply, Refusal> {
        self.stage(request)?;
        let known = self.purchases.get(id).ok_or_else(|| refused(Code::PurchaseNotFound))?;
        let mut purchase = known.clone();
        let moves = self.moves_of(&purchase)?;
        self.post(&purchase, id, &moves)?;
        self.settle_coupons(&purchase, true);
        purchase.state = State::Confirmed;
        let reply = Reply {
            cashier_message: Some("Покупка подтверждена".to_owned()),
            ..Reply::default()
        };
        self.answer(id, purchase, reply)
    }

    pub(super) fn cancel(&mut self, request: &Request, id: &str) -> Result<Reply, Refusal> {
        self.stage(request)?;
        let mut purchase = self.release(id)?;
        purchase.state = State::Cancelled;
        let reply = Reply {
            cashier_message: Some("Покупка отменена".to_owned()),
            ..Reply::default()
        };
        self.answer(id, purchase, reply)
    }

    pub(super) fn cancel_operation(
        &mut self,
        request: &Request,
        id: &str,
        operation: &str,
    ) -> Result<Reply, Refusal> {
        self.stage(request)?;
        let known = self.purchases.get(id).ok_or_else(|| refused(Code::PurchaseNotFound))?;
        let mut purchase = known.clone();
        let paid = purchase.withdrawal.take().filter(|paid| paid.operation == operation);
        let paid = paid.ok_or_else(|| refused(Code::OperationNotFound))?;
        self.unreserve(paid.client, paid.points)?;
        purchase.lines.values_mut().for_each(|line| line.pay = Kopecks::ZERO);
        purchase.state = State::Calculated;
        let reply = Reply {
            amount: Some(paid.amount),
            points: Some(paid.points),
            cashier_message: Some("Списание отменено".to_owned()),
            ..Reply::default()
        };
        self.answer(id, purchase, reply)
    }

    /// What is due: purchases that nobody finished are cancelled.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let turned_back = now < self.now;
        self.now = now;
        let limit = self.rules.abandoned_after;
        // Purchases begun since the last look are due later than those that it saw.
        let seen = self.looked.filter(|(known, _)| *known == limit && !turned_back);
        if seen.is_some_and(|(_, again)| now < again) {
            return;
        }
        let open =
            |purchase: &Purchase| !matches!(purchase.state, State::Confirmed | State::Cancelled);
        let open = self.purchases.iter().filter(|(_, purchase)| open(purchase));
        let mut again = now.after(limit);
        let mut due = Vec::new();
        for (id, purchase) in open {
            match purchase.begun.after(limit) {
                end if end <= now => due.push(id.clone()),
                end => again = again.min(end),
            }
        }
        self.looked = Some((limit, again));
        for id in due {
            if let Ok(mut purchase) = self.release(&id) {
                purchase.state = State::Cancelled;
                self.purchases.insert(id, purchase);
            }
        }
    }

    /// The movements of points that a confirmation makes.
    fn moves_of(&self, purchase: &Purchase) -> Result<Vec<(ClientId, Moved, Kopecks)>, Refusal> {
        let mut moves = Vec::new();
        if let Some(paid) = &purchase.withdrawal {
            moves.push((paid.client, Moved::Spent, paid.points));
        }
        let Some(client) = purchase.client else { return Ok(moves) };
        match &purchase.kind {
            PurchaseKind::Sale => moves.push((client, Moved::Accrued, purchase.cashback)),
            PurchaseKind::Refund { points, .. } => {
                moves.push((client, Moved::Returned, *points));
                let there = self.usable_points(client)?.add(*points)?.floor_zero();
                let taken = match self.rules.negative {
                    Negative::Suppress => purchase.cashback.min(there),
                    Negative::Allow => purchase.cashback,
                };
                moves.push((client, Moved::Reversed, taken));
            }
        }
        moves.retain(|(_, _, points)| points.is_positive());
        Ok(moves)
    }

    fn post(
        &mut self,
        purchase: &Purchase,
        id: &str,
        moves: &[(ClientId, Moved, Kopecks)],
    ) -> Result<(), Refusal> {
        let mut posted = self.guests.clone();
        for (client, what, points) in moves {
            let guest = posted.get_mut(client).ok_or_else(Self::no_holder)?;
            guest.points = match what {
                Moved::Spent | Moved::Reversed => guest.points.sub(*points)?,
                Moved::Accrued | Moved::Returned => guest.points.add(*points)?,
            };
        }
        if let Some(paid) = &purchase.withdrawal {
            let guest = posted.get_mut(&paid.client).ok_or_else(Self::no_holder)?;
            guest.reserved = guest.reserved.sub(paid.points)?;
        }
        self.guests = posted;
        self.moves.extend(moves.iter().map(|(client, what, points)| Move {
            client: *client,
            purchase: id.to_owned(),
            what: *what,
            points: *points,
        }));
        Ok(())
    }

    /// Gives back what a purchase holds: points, coupons, the lines of a sale.
    fn release(&mut self, id: &str) -> Result<Purchase, Refusal> {
        let known = self.purchases.get(id).ok_or_else(|| refused(Code::PurchaseNotFound))?;
        let purchase = known.clone();
        if let Some(paid) = &purchase.withdrawal {
            self.unreserve(paid.client, paid.points)?;
        }
        self.settle_coupons(&purchase, false);
        if let PurchaseKind::Refund { of: Some(of), .. } = &purchase.kind {
            self.unreturn(of, &purchase)?;
        }
        Ok(purchase)
    }

    fn unreserve(&mut self, client: ClientId, points: Kopecks) -> Result<(), Refusal> {
        let guest = self.guests.get_mut(&client).ok_or_else(Self::no_holder)?;
        guest.reserved = guest.reserved.sub(points)?;
        Ok(())
    }

    fn settle_coupons(&mut self, purchase: &Purchase, confirmed: bool) {
        for number in &purchase.used {
            let series = self.coupons.get(number).and_then(|it| self.series.get(&it.series));
            let kept = series.is_some_and(|series| series.reusable);
            if let Some(coupon) = self.coupons.get_mut(number) {
                let used = confirmed && !kept;
                coupon.state = if used { CouponState::Used } else { CouponState::Issued };
                coupon.purchase = coupon.purchase.take().filter(|_| used);
            }
        }
        for number in &purchase.earned {
            if let Some(coupon) = self.coupons.get_mut(number) {
                coupon.state = if confirmed { CouponState::Issued } else { CouponState::Rejected };
                coupon.purchase = None;
            }
        }
    }
}
