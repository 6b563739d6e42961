//! The cashier's side of a sale: each step asks the processing, shows what it says, and never
//! keeps the sale from going on.

use std::fmt;
use std::sync::Arc;

use tillway::core::loyalty::print::{Answers, Print, SlipHead, Style};
use tillway::core::loyalty::{Answer, Cheque, Identifier, Pay, Pin, PurchaseId, Sale};
use tillway::core::money::MoneyError;
use tillway::core::port::processing::Class;
use tillway::core::{Kopecks, Timestamp};
use tillway::layers::Loyalty;
use tillway::layers::loyalty::{Reason, Settled, Without};

/// How often a cheque is added up with less and less: with all, without coupons, without a card.
const TOTALS_MAX: u32 = 3;

/// What the cashier reads.
pub trait Screen: Send + Sync {
    /// One message, in one or more lines.
    fn show(&self, text: &str);
}

/// The names on slips.
#[derive(Clone, Debug)]
pub struct Names {
    /// The shop.
    pub shop: String,
    /// The till.
    pub till: String,
    /// Who stands there.
    pub cashier: String,
}

/// A till's desk.
pub struct Desk {
    loyalty: Loyalty,
    screen: Arc<dyn Screen>,
    names: Names,
    style: Style,
}

/// A sale or a refund that goes on.
#[derive(Clone, Debug)]
pub struct Deal {
    /// The sale, granted discounts taken off.
    pub sale: Sale,
    /// The cheque at the prices of the till.
    pub shelf: Cheque,
    /// Points that were taken, in money.
    pub points: Kopecks,
    calculated: Option<Answer>,
    moved: Option<Answer>,
    accrued: Option<Answer>,
    confirmed: Option<Answer>,
    refund: bool,
}

impl Deal {
    /// A sale that begins.
    pub fn new(sale: Sale) -> Self {
        let shelf = sale.cheque.clone();
        Self {
            sale,
            shelf,
            points: Kopecks::ZERO,
            calculated: None,
            moved: None,
            accrued: None,
            confirmed: None,
            refund: false,
        }
    }

    /// What is left to pay in money.
    ///
    /// # Errors
    /// The sum does not fit.
    pub fn due(&self) -> Result<Kopecks, MoneyError> {
        let total = Kopecks::total(self.sale.cheque.lines.iter().map(|line| line.amount))?;
        total.sub(self.points)
    }

    /// The answer to the payment with points, or to the refund.
    pub fn moved(&self) -> Option<&Answer> {
        self.moved.as_ref()
    }

    fn answers(&self) -> Answers<'_> {
        Answers {
            calculated: self.calculated.as_ref(),
            moved: self.moved.as_ref(),
            accrued: self.accrued.as_ref(),
            confirmed: self.confirmed.as_ref(),
        }
    }
}

impl Desk {
    /// A desk at which this loyalty is used.
    pub fn new(loyalty: Loyalty, screen: Arc<dyn Screen>, names: Names, style: Style) -> Self {
        Self { loyalty, screen, names, style }
    }

    /// The loyalty behind it.
    pub fn loyalty(&self) -> &Loyalty {
        &self.loyalty
    }

    /// Shows how many points a guest has; `None` when it cannot be told.
    pub async fn balance(&self, guest: Identifier) -> Option<Answer> {
        let answer = self.loyalty.balance(guest, Some(&self.names.cashier)).await;
        self.told(answer)
    }

    /// How many points may be taken; `None` when it cannot be told.
    pub async fn available(&self, deal: &Deal) -> Option<Answer> {
        let answer = self.loyalty.available(&deal.sale, Some(&self.names.cashier)).await;
        self.told(answer)
    }

    /// The cheque is added up: discounts are taken off. Again whenever it changes. A coupon or a
    /// card that the processing does not take is told and left out.
    pub async fn total(&self, deal: &mut Deal, wish: Option<Kopecks>) -> bool {
        for _ in 0..TOTALS_MAX {
            let sale = Sale { cheque: deal.shelf.clone(), ..deal.sale.clone() };
            match self.loyalty.calculate(&sale, wish, Some(&self.names.cashier)).await {
                Ok(calculated) => {
                    self.show(&calculated.answer.for_cashier);
                    deal.sale.cheque = calculated.cheque;
                    deal.calculated = Some(*calculated.answer);
                    return true;
                }
                Err(why) => {
                    self.without(&why);
                    deal.sale.cheque = deal.shelf.clone();
                    deal.calculated = None;
                    match why.reason {
                        Reason::Refused(Class::Coupon) if !deal.sale.coupons.is_empty() => {
                            deal.sale.coupons.clear();
                        }
                        Reason::Refused(Class::UnknownGuest | Class::CardBlocked)
                            if deal.sale.guest.is_some() =>
                        {
                            deal.sale.guest = None;
                        }
                        _ => return false,
                    }
                }
            }
        }
        false
    }

    /// Points are taken for so much of the price.
    pub async fn pay(&self, deal: &mut Deal, amount: Kopecks, pin: Option<Pin>) -> bool {
        match self.loyalty.pay(&deal.sale, amount, pin, Some(&self.names.cashier)).await {
            Ok(paid) => {
                self.show(&paid.answer.for_cashier);
                deal.points = paid.amount;
                deal.moved = Some(*paid.answer);
                true
            }
            Err(why) => self.without(&why),
        }
    }

    /// All is paid: points are earned. What is printed below the receipt is known then.
    pub async fn accrue(&self, deal: &mut Deal, pays: &[Pay]) -> bool {
        let settled = self.loyalty.accrue(&deal.sale, pays, Some(&self.names.cashier)).await;
        deal.accrued = self.settled(settled);
        deal.accrued.is_some()
    }

    /// The receipt is printed: the sale or the refund is final.
    pub async fn confirm(&self, deal: &mut Deal) -> bool {
        let purchase = &deal.sale.purchase;
        let settled = self.loyalty.confirm(purchase, Some(&self.names.cashier)).await;
        deal.confirmed = self.settled(settled);
        deal.confirmed.is_some()
    }

    /// The sale or the refund did not come about.
    pub async fn cancel(&self, deal: &Deal) -> bool {
        let purchase = &deal.sale.purchase;
        let settled = self.loyalty.cancel(purchase, Some(&self.names.cashier)).await;
        self.settled(settled).is_some()
    }

    /// Goods of a sale come back. The points that return with them are in [`Deal::points`].
    pub async fn refund(&self, deal: &mut Deal, of: &PurchaseId) -> bool {
        deal.refund = true;
        let cashier = Some(self.names.cashier.as_str());
        let settled = self.loyalty.refund(&deal.sale, Some(of), None, cashier).await;
        let Some(answer) = self.settled(settled) else { return false };
        deal.points = answer.amount.unwrap_or_default();
        deal.moved = Some(answer);
        true
    }

    /// What the processing wants below the receipt.
    pub fn prints(&self, deal: &Deal, at: Timestamp) -> Vec<Print> {
        let head = SlipHead {
            shop: &self.names.shop,
            till: &self.names.till,
            cashier: Some(&self.names.cashier),
            at,
            refund: deal.refund,
        };
        deal.answers().print(&self.style, &head)
    }

    /// What it wants on paper since the receipt was printed.
    pub fn prints_after(&self, deal: &Deal) -> Vec<Print> {
        deal.answers().print_after_receipt(&self.style)
    }

    /// Shows an answer's words, or why there is none.
    pub fn settled(&self, settled: Result<Settled, Without>) -> Option<Answer> {
        match settled {
            Ok(Settled::Done(answer)) => {
                self.show(&answer.for_cashier);
                Some(*answer)
            }
            Ok(Settled::Later(why)) => {
                self.screen.show(&format!("Будет отправлено позже. {}", why.text()));
                None
            }
            Ok(Settled::Listed(why)) => {
                self.screen.show(&format!("Нужен администратор. {}", why.text()));
                None
            }
            Err(why) => {
                self.without(&why);
                None
            }
        }
    }

    fn told(&self, answer: Result<Answer, Without>) -> Option<Answer> {
        match answer {
            Ok(answer) => {
                self.show(&answer.for_cashier);
                Some(answer)
            }
            Err(why) => {
                self.without(&why);
                None
            }
        }
    }

    fn show(&self, text: &str) {
        if !text.is_empty() {
            self.screen.show(text);
        }
    }

    fn without(&self, why: &Without) -> bool {
        self.screen.show(&why.text());
        false
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("names", &self.names).finish_non_exhaustive()
    }
}
