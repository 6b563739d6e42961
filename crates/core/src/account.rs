//! Guest accounts: kinds, terms, and what may be spent (rules A1-A5).

use crate::book::Chain;
use crate::id::{AccountId, GuestId};
use crate::money::{Kopecks, MoneyError};

/// What an account is for.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, minicbor::Encode, minicbor::Decode,
)]
#[cbor(index_only)]
pub enum AccountKind {
    /// Pay later: starts at zero and goes down to its limit.
    #[n(0)]
    Credit,
    /// Money paid in before, with or without overdraft.
    #[n(1)]
    Deposit,
    /// Points.
    #[n(2)]
    Bonus,
}

impl AccountKind {
    /// What the account counts. Rubles and points never meet in one movement.
    pub fn unit(self) -> Unit {
        match self {
            Self::Credit | Self::Deposit => Unit::Rub,
            Self::Bonus => Unit::Points,
        }
    }

    /// Whether this is a money account (credit or deposit).
    pub fn is_money(self) -> bool {
        self.unit() == Unit::Rub
    }

    /// The word of the payment API: `bonus`, `deposit` or `credit`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Deposit => "deposit",
            Self::Bonus => "bonus",
        }
    }
}

/// What is counted: the book balances to zero for each unit apart.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, minicbor::Encode, minicbor::Decode,
)]
#[cbor(index_only)]
pub enum Unit {
    /// Kopecks.
    #[n(0)]
    Rub,
    /// Hundredths of a point.
    #[n(1)]
    Points,
}

/// Whether an account may be used (F14, F32).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum AccountStatus {
    /// Credits and debits.
    #[default]
    #[n(0)]
    Active,
    /// Credits and live holds only; available is shown as zero.
    #[n(1)]
    Blocked,
    /// Takes credits, no new debits; on its way to closed.
    #[n(2)]
    Closing,
    /// Nothing; later refunds go to the house's payables.
    #[n(3)]
    Closed,
}

/// A guest account with its terms and its live holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// Its id, which is also the wallet's.
    pub id: AccountId,
    /// Whose it is.
    pub guest: GuestId,
    /// What it is for.
    pub kind: AccountKind,
    /// What the waiter reads.
    pub name: Box<str>,
    /// Own money; below zero when overdraft is used.
    pub balance: Kopecks,
    /// How far below zero the balance may go; zero or more.
    pub overdraft: Kopecks,
    /// Σ of live holds; zero or more.
    pub held: Kopecks,
    /// Σ of the own parts of live holds (rule A4); at most `held`.
    pub held_own: Kopecks,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// The last link of the chain over its movements.
    pub chain: Chain,
}

impl Account {
    /// An account as it is opened: active, at zero, with nothing held and no movement.
    pub fn new(
        id: AccountId,
        guest: GuestId,
        kind: AccountKind,
        name: impl Into<Box<str>>,
        overdraft: Kopecks,
    ) -> Self {
        let (name, status, chain) = (name.into(), AccountStatus::Active, Chain::START);
        let (balance, held, held_own) = (Kopecks::ZERO, Kopecks::ZERO, Kopecks::ZERO);
        Self { id, guest, kind, name, balance, overdraft, held, held_own, status, chain }
    }

    /// Whether balance and overdraft can be added up at all: what cannot be must not be stored,
    /// because nobody could read what is available.
    pub(crate) fn check_sums(&self) -> Result<(), MoneyError> {
        self.balance.add(self.overdraft).map(drop)
    }

    /// Rule A1: what may be spent now, overdraft included, live holds excluded, never negative.
    ///
    /// # Errors
    /// When the sums do not fit, which no book of honest amounts reaches.
    pub fn available(&self) -> Result<Kopecks, MoneyError> {
        match self.status {
            AccountStatus::Active => {
                Ok(self.balance.add(self.overdraft)?.sub(self.held)?.floor_zero())
            }
            _ => Ok(Kopecks::ZERO),
        }
    }

    /// As [`Account::available`], for a venue that keeps deposits out of their overdraft (F4).
    ///
    /// # Errors
    /// As [`Account::available`].
    pub fn available_under(&self, overdraft: OverdraftUse) -> Result<Kopecks, MoneyError> {
        match (overdraft, self.kind) {
            (OverdraftUse::Deny, AccountKind::Deposit) => {
                let own = self.balance.sub(self.held_own)?.floor_zero();
                Ok(own.min(self.available()?))
            }
            _ => self.available(),
        }
    }

    /// Rule A4: how a debit of `amount` divides into own money and overdraft.
    ///
    /// # Errors
    /// When the sums do not fit.
    pub fn parts(&self, amount: Kopecks) -> Result<Parts, MoneyError> {
        let own = self.balance.sub(self.held_own)?.floor_zero().min(amount);
        Ok(Parts { own, overdraft: amount.sub(own)? })
    }
}

/// Whether a spend may cross into the overdraft of a deposit (F4, `overdraft_fiscal`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OverdraftUse {
    /// What is shown as payable can be paid.
    #[default]
    Allow,
    /// The overdraft is left out, of the shown limits as well.
    Deny,
}

/// The two parts of a spend: they go to the receipt as prepaid and as credit (F4).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct Parts {
    /// From the guest's own money.
    #[n(0)]
    pub own: Kopecks,
    /// From the overdraft.
    #[n(1)]
    pub overdraft: Kopecks,
}

impl Parts {
    /// Both together.
    ///
    /// # Errors
    /// When the sum does not fit.
    pub fn total(self) -> Result<Kopecks, MoneyError> {
        self.own.add(self.overdraft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Uuid;

    fn account(balance: i64, overdraft: i64, held: i64, status: AccountStatus) -> Account {
        Account {
            id: AccountId(Uuid::from_u128(1)),
            guest: GuestId(Uuid::from_u128(2)),
            kind: AccountKind::Deposit,
            name: "Депозит".into(),
            balance: Kopecks(balance),
            overdraft: Kopecks(overdraft),
            held: Kopecks(held),
            held_own: Kopecks(held),
            status,
            chain: Chain::START,
        }
    }

    #[test]
    fn kinds_have_the_words_of_the_payment_api() {
        let words = [AccountKind::Credit, AccountKind::Deposit, AccountKind::Bonus];
        assert_eq!(words.map(AccountKind::word), ["credit", "deposit", "bonus"]);
    }

    #[test]
    fn what_cannot_be_added_up_is_an_error() {
        let parts = Parts { own: Kopecks(3), overdraft: Kopecks(4) };
        assert_eq!(parts.total(), Ok(Kopecks(7)));
        assert_eq!(Parts { own: Kopecks(i64::MAX), ..parts }.total(), Err(MoneyError::Overflow));
        assert_eq!(account(5, 6, 0, AccountStatus::Active).check_sums(), Ok(()));
        let error = account(i64::MAX, 1, 0, AccountStatus::Active).check_sums();
        assert_eq!(error, Err(MoneyError::Overflow));
    }

    #[test]
    fn o1_to_o7_available() {
        use AccountStatus::{Active, Blocked};
        let rows = [
            ("O1", 94_100, 10_000_000, 0, Active, 10_094_100),
            ("O2", -30_000, 100_000, 0, Active, 70_000),
            ("O3", -100_000, 100_000, 0, Active, 0),
            ("O4", 50_000, 0, 20_000, Active, 30_000),
            ("O5", 8_486_500, 0, 0, Active, 8_486_500),
            ("O6", -120_000, 100_000, 0, Active, 0),
            ("O7", 10_000, 50_000, 0, Blocked, 0),
        ];
        for (row, balance, overdraft, held, status, available) in rows {
            let got = account(balance, overdraft, held, status).available();
            assert_eq!(got, Ok(Kopecks(available)), "{row}");
        }
    }

    #[test]
    fn a4_spends_own_money_first() {
        let o1 = account(94_100, 10_000_000, 0, AccountStatus::Active);
        let parts = o1.parts(Kopecks(100_000)).unwrap();
        assert_eq!(parts, Parts { own: Kopecks(94_100), overdraft: Kopecks(5_900) });
        let in_debt = account(-5_900, 10_000_000, 0, AccountStatus::Active);
        let parts = in_debt.parts(Kopecks(100)).unwrap();
        assert_eq!(parts, Parts { own: Kopecks::ZERO, overdraft: Kopecks(100) });
    }

    /// A hold of 1 000.00 that took 941.00 of own money and 59.00 of overdraft; then 500.00 came.
    #[test]
    fn a4_a_hold_takes_its_own_part_alone_of_own_money() {
        let o1 = account(144_100, 10_000_000, 0, AccountStatus::Active);
        let held = Account { held: Kopecks(100_000), held_own: Kopecks(94_100), ..o1 };
        assert_eq!(held.available(), Ok(Kopecks(10_044_100)));
        assert_eq!(held.available_under(OverdraftUse::Deny), Ok(Kopecks(50_000)));
        let parts = held.parts(Kopecks(60_000)).unwrap();
        assert_eq!(parts, Parts { own: Kopecks(50_000), overdraft: Kopecks(10_000) });
    }

    #[test]
    fn f4_deny_leaves_the_overdraft_of_a_deposit_out() {
        let o1 = account(94_100, 10_000_000, 4_100, AccountStatus::Active);
        assert_eq!(o1.available_under(OverdraftUse::Deny), Ok(Kopecks(90_000)));
        let credit = Account { kind: AccountKind::Credit, ..o1 };
        assert_eq!(credit.available_under(OverdraftUse::Deny), Ok(Kopecks(10_090_000)));
    }
}
