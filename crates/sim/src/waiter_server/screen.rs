//! The payment page of the phone: two lines "Можно оплатить до", and the rest falls on the other.

use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use super::Limits;

/// A line of the payment page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// The bonus account.
    Bonus,
    /// The money account: deposit or credit.
    Money,
}

impl Which {
    fn other(self) -> Self {
        match self {
            Self::Bonus => Self::Money,
            Self::Money => Self::Bonus,
        }
    }
}

/// What a line shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Line {
    /// The payment type behind it.
    pub type_id: Uuid,
    /// "Можно оплатить до".
    pub limit: Kopecks,
    /// What stands in the field.
    pub amount: Kopecks,
}

/// The field does not take this amount: below zero, above what is due, or above the limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the field takes 0 to {} rubles", .max.rubles())]
pub struct OutOfRange {
    /// The most that the field takes.
    pub max: Kopecks,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Input {
    Choose(Which),
    Enter(Which, Kopecks),
}

/// The payment page of one order.
///
/// A rule of its own, written from the seed text: choosing a line puts all on it; entering an
/// amount on one line moves the rest to the other, each within its limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentScreen {
    due: Kopecks,
    bonus: Line,
    money: Line,
    input: Option<Input>,
}

impl PaymentScreen {
    /// An empty page. `money_type` is the type that the waiter picked for the second line.
    #[must_use]
    pub fn new(due: Kopecks, limits: Limits, bonus_type: Uuid, money_type: Uuid) -> Self {
        let line = |type_id, limit| Line { type_id, limit, amount: Kopecks::ZERO };
        let (bonus, money) = (line(bonus_type, limits.bonus), line(money_type, limits.deposit));
        Self { due, bonus, money, input: None }
    }

    /// Taps a line: all on it, as far as its limit goes; the rest on the other.
    pub fn choose(&mut self, which: Which) {
        self.input = Some(Input::Choose(which));
        self.spread();
    }

    /// Types an amount into a line; the rest goes to the other.
    ///
    /// # Errors
    /// The field does not take it; then nothing changes.
    pub fn enter(&mut self, which: Which, amount: Kopecks) -> Result<(), OutOfRange> {
        let max = self.due.min(self.line(which).limit);
        if amount < Kopecks::ZERO || amount > max {
            return Err(OutOfRange { max });
        }
        self.input = Some(Input::Enter(which, amount));
        self.spread();
        Ok(())
    }

    /// The order changed: the line that was typed into keeps its amount as far as it may, the
    /// other takes the rest.
    pub fn change_due(&mut self, due: Kopecks) {
        self.due = due;
        self.spread();
    }

    /// Picks another money type for the second line. Both show the same limit.
    pub fn pick_money_type(&mut self, type_id: Uuid) {
        self.money.type_id = type_id;
    }

    /// A line of the page.
    #[must_use]
    pub fn line(&self, which: Which) -> Line {
        match which {
            Which::Bonus => self.bonus,
            Which::Money => self.money,
        }
    }

    /// What is to be paid.
    #[must_use]
    pub fn due(&self) -> Kopecks {
        self.due
    }

    /// What no line covers. "Оплатить" is grey unless it is zero.
    #[must_use]
    pub fn missing(&self) -> Kopecks {
        // Both amounts are within `due`, so neither difference can leave the range.
        let rest = self.due.sub(self.bonus.amount).and_then(|rest| rest.sub(self.money.amount));
        rest.unwrap_or(self.due)
    }

    /// The payments to be saved: lines with something in them.
    #[must_use]
    pub fn payments(&self) -> Vec<(Uuid, Kopecks)> {
        let lines = [self.bonus, self.money];
        let used = lines.iter().filter(|line| line.amount.is_positive());
        used.map(|line| (line.type_id, line.amount)).collect()
    }

    fn spread(&mut self) {
        let (which, wanted) = match self.input {
            None => return,
            Some(Input::Choose(which)) => (which, self.due),
            Some(Input::Enter(which, amount)) => (which, amount),
        };
        let first = wanted.min(self.due).min(self.line(which).limit);
        let rest = self.due.sub(first).unwrap_or_default();
        let second = rest.min(self.line(which.other()).limit);
        self.set(which, first);
        self.set(which.other(), second);
    }

    fn set(&mut self, which: Which, amount: Kopecks) {
        match which {
            Which::Bonus => self.bonus.amount = amount,
            Which::Money => self.money.amount = amount,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iiko_front::{BONUS_TYPE, DEPOSIT_TYPE};

    const BONUS: i64 = 8_486_500;
    const MONEY: i64 = 10_094_100;

    fn screen(due: i64, bonus: i64, deposit: i64) -> PaymentScreen {
        let limits = Limits { bonus: Kopecks(bonus), deposit: Kopecks(deposit) };
        PaymentScreen::new(Kopecks(due), limits, BONUS_TYPE, DEPOSIT_TYPE)
    }

    fn amounts(screen: &PaymentScreen) -> (i64, i64, i64) {
        let amount = |which| screen.line(which).amount.0;
        (amount(Which::Bonus), amount(Which::Money), screen.missing().0)
    }

    #[test]
    fn choosing_puts_all_on_the_line() {
        let rows = [
            ((165_000, BONUS, MONEY), Which::Money, (0, 165_000, 0)),
            ((165_000, 50_000, MONEY), Which::Bonus, (50_000, 115_000, 0)),
            ((165_000, 50_000, 100_000), Which::Bonus, (50_000, 100_000, 15_000)),
            ((165_000, 0, 0), Which::Money, (0, 0, 165_000)),
            ((0, BONUS, MONEY), Which::Bonus, (0, 0, 0)),
        ];
        for ((due, bonus, money), which, expected) in rows {
            let mut screen = screen(due, bonus, money);
            screen.choose(which);
            assert_eq!(amounts(&screen), expected, "{due} {bonus} {money} {which:?}");
        }
    }

    #[test]
    fn entering_moves_the_rest() {
        let rows = [
            ((165_000, BONUS, MONEY), Which::Bonus, 75_000, Ok((75_000, 90_000, 0))),
            ((165_000, BONUS, MONEY), Which::Money, 90_000, Ok((75_000, 90_000, 0))),
            ((165_000, 50_000, MONEY), Which::Bonus, 75_000, Err(50_000)),
            ((165_000, BONUS, MONEY), Which::Bonus, 0, Ok((0, 165_000, 0))),
            ((165_000, BONUS, MONEY), Which::Bonus, 165_000, Ok((165_000, 0, 0))),
            ((165_000, BONUS, MONEY), Which::Bonus, 165_001, Err(165_000)),
            ((165_000, BONUS, MONEY), Which::Bonus, -1, Err(165_000)),
            ((100_000, BONUS, MONEY), Which::Bonus, 75_000, Ok((75_000, 25_000, 0))),
            ((1, 1, 1), Which::Bonus, 1, Ok((1, 0, 0))),
        ];
        for ((due, bonus, money), which, amount, expected) in rows {
            let mut screen = screen(due, bonus, money);
            let entered = screen.enter(which, Kopecks(amount));
            let outcome = entered.map(|()| amounts(&screen)).map_err(|error| error.max.0);
            assert_eq!(outcome, expected, "{due} {bonus} {money} {which:?} {amount}");
        }
    }

    #[test]
    fn the_typed_line_is_pinned() {
        let mut screen = screen(165_000, BONUS, MONEY);
        screen.enter(Which::Bonus, Kopecks(75_000)).unwrap();
        screen.change_due(Kopecks(175_000));
        assert_eq!(amounts(&screen), (75_000, 100_000, 0));
        screen.change_due(Kopecks(60_000));
        assert_eq!(amounts(&screen), (60_000, 0, 0));
        assert_eq!(screen.payments(), [(BONUS_TYPE, Kopecks(60_000))]);
        screen.change_due(Kopecks(165_000));
        assert_eq!(amounts(&screen), (75_000, 90_000, 0));
    }
}
