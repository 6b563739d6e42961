//! What goes back of a sale: lines, tenders and rates are the sale's (F24 to F26).

use minicbor::{Decode, Encode};

use crate::fiscal::quantity::{Quantity, QuantityError};
use crate::fiscal::receipt::{Line, MarkCode, Paid, Receipt, ReceiptKind, Tender};
use crate::money::{Kopecks, MoneyError};
use crate::split::apportion;

/// How much of a line of a sale goes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Portion {
    /// Which line of the sale, from zero.
    pub line: usize,
    /// How much of it.
    pub quantity: Quantity,
}

/// A return of a part of a sale. Keep it with its sale: the next one is reckoned from it.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Return {
    /// Of which line of the sale each of its lines is, from zero.
    #[n(0)]
    pub of: Vec<usize>,
    /// The receipt of the return.
    #[n(1)]
    pub receipt: Receipt,
}

/// Why nothing goes back. A mistake of the caller, except for `MoreThanSold`, which a guest's wish
/// may be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReturnError {
    /// What is to go back is itself a return. A sale that was printed late, as a correction, is a
    /// sale.
    #[error("only a sale goes back")]
    NotASale,
    /// No line is named.
    #[error("no line goes back")]
    Nothing,
    /// The sale has no such line.
    #[error("lines[{line}]: the sale has no such line")]
    NoLine {
        /// Which, from zero.
        line: usize,
    },
    /// A line is named twice.
    #[error("lines[{line}]: is named twice")]
    Twice {
        /// Which, from zero.
        line: usize,
    },
    /// More goes back than was sold.
    #[error("lines[{line}].quantity: is above {}, which is left", in_words(*left))]
    MoreThanSold {
        /// Which line of the sale, from zero.
        line: usize,
        /// What may still go back; `None` when all of it has.
        left: Option<Quantity>,
    },
    /// The sale does not add up, so that nobody can say what was paid with what.
    #[error("the sale does not add up")]
    BadSale,
    /// An earlier return is of another sale, or gave more back than was paid.
    #[error("return {index} is not of this sale")]
    NotOfThis {
        /// Which, from zero.
        index: usize,
    },
    /// A sum does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

fn in_words(left: Option<Quantity>) -> String {
    left.map_or_else(|| "0".to_owned(), |left| left.to_string())
}

/// What is due back of a total when `so_far` of what was `sold` has gone back, this part among it,
/// and `given` was given back before: of a line's amount, of a tender, of points alike (F25).
///
/// Rounded on the whole, so that parts in any order add up to the total; never below zero.
///
/// # Errors
/// When a sum does not fit.
pub fn due_back(
    total: Kopecks,
    sold: Quantity,
    so_far: Quantity,
    given: Kopecks,
) -> Result<Kopecks, MoneyError> {
    Ok(sold.share_of(total, so_far)?.sub(given)?.floor_zero())
}

impl Receipt {
    /// The return of a part of this sale, after earlier ones.
    ///
    /// Each line keeps its rate, method, object and price, the receipt its taxation system, and
    /// each tender gets its share back: the sale's, never another (F24, F26). What a line is worth
    /// is rounded on all that has gone back of it, and so are the shares of the tenders, by the
    /// largest remainder: parts in any order add up to the sale, to the kopeck (F25). The last part
    /// takes the rest. A marked piece goes back with its mark.
    ///
    /// Where rounding makes a part of a weight dearer than its price says, its price is raised by
    /// what is missing: no register takes a line above its price.
    ///
    /// Operator, place, address and paper are the sale's and may be changed; texts are left out.
    ///
    /// # Errors
    /// [`ReturnError`], which names the line.
    pub fn give_back(
        &self,
        earlier: &[Return],
        portions: &[Portion],
    ) -> Result<Return, ReturnError> {
        let sale = Sale::of(self, earlier)?;
        if portions.is_empty() {
            return Err(ReturnError::Nothing);
        }
        let (mut of, mut lines) = (Vec::new(), Vec::new());
        for portion in portions {
            if of.contains(&portion.line) {
                return Err(ReturnError::Twice { line: portion.line });
            }
            of.push(portion.line);
            lines.push(sale.line(portion)?);
        }
        let total = Kopecks::total(lines.iter().map(|line| line.amount))?;
        let receipt = Receipt {
            kind: self.kind.opposite(),
            basis: None,
            paid: sale.paid(total)?,
            lines,
            notes: Vec::new(),
            ..self.clone()
        };
        Ok(Return { of, receipt })
    }

    /// The return of all that is left of this sale.
    ///
    /// # Errors
    /// As [`Receipt::give_back`]; [`ReturnError::Nothing`] when nothing is left.
    pub fn give_back_rest(&self, earlier: &[Return]) -> Result<Return, ReturnError> {
        let sale = Sale::of(self, earlier)?;
        let rest = self.lines.iter().zip(&sale.gone).enumerate();
        let portions: Vec<_> = rest
            .filter_map(|(line, (sold, gone))| {
                Some(Portion { line, quantity: gone.left_of(sold)? })
            })
            .collect();
        self.give_back(earlier, &portions)
    }
}

impl Line {
    /// The line as lines whose amount is price × quantity, so that each piece has a price of its
    /// own to go back at (F25): three for 100.00 are two at 33.33 and one at 33.34.
    ///
    /// As it is where it is so already, and where the quantity is no whole number.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn into_even(self) -> Result<Vec<Self>, MoneyError> {
        let pieces = self.quantity.to_decimal();
        let exact = self.quantity.times(self.price)? == self.amount;
        if exact || pieces.scale() > 0 || self.amount < Kopecks::ZERO {
            return Ok(vec![self]);
        }
        let pieces = i64::try_from(pieces).map_err(|_| MoneyError::Overflow)?;
        let low = self.amount.0.checked_div(pieces).ok_or(MoneyError::Overflow)?;
        let dear = self.amount.0.checked_rem(pieces).ok_or(MoneyError::Overflow)?;
        let cheap = pieces.checked_sub(dear).ok_or(MoneyError::Overflow)?;
        let mut lines = Vec::with_capacity(2);
        for (count, price) in
            [(cheap, low), (dear, low.checked_add(1).ok_or(MoneyError::Overflow)?)]
        {
            let Ok(count) = u32::try_from(count) else { return Err(MoneyError::Overflow) };
            // None of them.
            let Ok(quantity) = Quantity::units(count) else { continue };
            let (price, amount) = (Kopecks(price), quantity.times(Kopecks(price))?);
            lines.push(Self { price, quantity, amount, ..self.clone() });
        }
        Ok(lines)
    }
}

/// What has gone back of a line.
#[derive(Clone, Copy, Debug, Default)]
struct Gone {
    quantity: Option<Quantity>,
    given: Kopecks,
}

impl Gone {
    fn with(self, quantity: Quantity) -> Result<Quantity, QuantityError> {
        self.quantity.map_or(Ok(quantity), |gone| gone.plus(quantity))
    }

    fn left_of(self, sold: &Line) -> Option<Quantity> {
        match self.quantity {
            None => Some(sold.quantity),
            Some(gone) => sold.quantity.without(gone).ok(),
        }
    }
}

/// A tender of a sale: what was paid with it, less the change, and what has gone back.
#[derive(Clone, Copy, Debug)]
struct Purse {
    tender: Tender,
    paid: Kopecks,
    given: Kopecks,
}

/// A sale, and what has gone back of it.
struct Sale<'a> {
    receipt: &'a Receipt,
    gone: Vec<Gone>,
    purses: Vec<Purse>,
}

impl<'a> Sale<'a> {
    fn of(receipt: &'a Receipt, earlier: &[Return]) -> Result<Self, ReturnError> {
        if !matches!(receipt.kind, ReceiptKind::Sell | ReceiptKind::Buy) {
            return Err(ReturnError::NotASale);
        }
        let purses = purses(receipt, receipt.total()?)?;
        let mut sale = Self { receipt, gone: vec![Gone::default(); receipt.lines.len()], purses };
        for (index, back) in earlier.iter().enumerate() {
            sale.take(back).ok_or(ReturnError::NotOfThis { index })?;
        }
        Ok(sale)
    }

    /// Counts an earlier return; `None` when it cannot be one of this sale.
    fn take(&mut self, back: &Return) -> Option<()> {
        let Return { of, receipt } = back;
        if receipt.kind != self.receipt.kind.opposite() || of.len() != receipt.lines.len() {
            return None;
        }
        for (line, returned) in of.iter().zip(&receipt.lines) {
            let (sold, gone) = (self.receipt.lines.get(*line)?, self.gone.get_mut(*line)?);
            let quantity = gone.with(returned.quantity).ok()?;
            let given = gone.given.add(returned.amount).ok()?;
            if quantity > sold.quantity || given > sold.amount {
                return None;
            }
            *gone = Gone { quantity: Some(quantity), given };
        }
        for paid in &receipt.paid {
            // The bank may have said no for ever, and the money went another way.
            let purse = self.purses.iter_mut().find(|purse| purse.tender == paid.tender);
            match purse {
                Some(purse) => purse.given = purse.given.add(paid.amount).ok()?,
                None => self.purses.push(Purse {
                    tender: paid.tender,
                    paid: Kopecks::ZERO,
                    given: paid.amount,
                }),
            }
        }
        Some(())
    }

    /// A line of the return.
    fn line(&self, portion: &Portion) -> Result<Line, ReturnError> {
        let Portion { line, quantity } = *portion;
        let (Some(sold), Some(gone)) = (self.receipt.lines.get(line), self.gone.get(line)) else {
            return Err(ReturnError::NoLine { line });
        };
        let left = gone.left_of(sold);
        let so_far = gone.with(quantity).ok().filter(|so_far| *so_far <= sold.quantity);
        let so_far = so_far.ok_or(ReturnError::MoreThanSold { line, left })?;
        let amount = due_back(sold.amount, sold.quantity, so_far, gone.given)?;
        let price = if quantity.times(sold.price)? < amount {
            quantity.price_of(amount)?
        } else {
            sold.price
        };
        let mark = sold.mark.clone().map(|mark| MarkCode { returned: true, ..mark });
        Ok(Line { price, quantity, amount, mark, ..sold.clone() })
    }

    /// What each tender gets back of a return's total.
    fn paid(&self, total: Kopecks) -> Result<Vec<Paid>, ReturnError> {
        let before = Kopecks::total(self.gone.iter().map(|gone| gone.given))?;
        let weights: Vec<_> = self.purses.iter().map(|purse| purse.paid.0).collect();
        let whole = before.add(total)?;
        let due = apportion(whole, &weights).map_err(|_| ReturnError::BadSale)?;
        let mut shares = Vec::with_capacity(self.purses.len());
        for (purse, due) in self.purses.iter().zip(due) {
            let rest = purse.paid.sub(purse.given)?.floor_zero();
            shares.push((rest, due.sub(purse.given)?.floor_zero().min(rest)));
        }
        even_out(&mut shares, total)?;
        let paid = self.purses.iter().zip(&shares);
        let paid = paid.map(|(purse, (_, amount))| Paid { tender: purse.tender, amount: *amount });
        Ok(paid.filter(|paid| paid.amount.is_positive()).collect())
    }
}

/// Makes shares add up to the total, each at most what is left of its purse. The largest remainder
/// may take a kopeck back that it had given before, when there are three tenders or more; and
/// another program may have given back by another rule.
fn even_out(shares: &mut [(Kopecks, Kopecks)], total: Kopecks) -> Result<(), ReturnError> {
    let mut missing = total.sub(Kopecks::total(shares.iter().map(|(_, share)| *share))?)?;
    for (rest, share) in shares.iter_mut() {
        let room = if missing.is_positive() { rest.sub(*share)? } else { share.neg()? };
        let step = if missing.is_positive() { missing.min(room) } else { missing.max(room) };
        *share = share.add(step)?;
        missing = missing.sub(step)?;
    }
    if missing.is_zero() { Ok(()) } else { Err(ReturnError::BadSale) }
}

/// What was paid with what: change is cash that was not taken.
fn purses(receipt: &Receipt, total: Kopecks) -> Result<Vec<Purse>, ReturnError> {
    let all = Kopecks::total(receipt.paid.iter().map(|paid| paid.amount))?;
    let mut change = all.sub(total)?;
    let mut purses: Vec<Purse> = Vec::new();
    for Paid { tender, amount } in &receipt.paid {
        let kept = match tender {
            Tender::Cash => change.min(*amount).floor_zero(),
            _ => Kopecks::ZERO,
        };
        change = change.sub(kept)?;
        let amount = amount.sub(kept)?;
        match purses.iter_mut().find(|purse| purse.tender == *tender) {
            Some(purse) => purse.paid = purse.paid.add(amount)?,
            None => purses.push(Purse { tender: *tender, paid: amount, given: Kopecks::ZERO }),
        }
    }
    let negative = purses.iter().any(|purse| purse.paid < Kopecks::ZERO);
    if negative || !change.is_zero() { Err(ReturnError::BadSale) } else { Ok(purses) }
}

#[cfg(test)]
mod tests;
