//! What a guest may spend on an order: wallets, limits, and which money account counts.
//!
//! Everything here is decided from values the caller read from the book; nothing is looked up and
//! nothing is remembered. The choice that stays with an order (M5) is stored by the caller and
//! comes back as [`OrderView::sticky`].

use core::cmp::Reverse;

use crate::account::{Account, AccountKind, AccountStatus, OverdraftUse};
use crate::guest::Identification;
use crate::id::AccountId;
use crate::money::{Kopecks, MoneyError};

/// An account as the waiter sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wallet {
    /// The account's id.
    pub id: AccountId,
    /// What it is for.
    pub kind: AccountKind,
    /// What the waiter reads.
    pub name: Box<str>,
    /// What may be spent, overdraft included, live holds excluded; zero or more (A2).
    pub available: Kopecks,
}

/// Rule L1: the wallets of a guest, bonus first, then money, each by name and then by id.
///
/// A closed account is not shown. A blocked or closing one is shown with nothing available.
///
/// # Errors
/// As [`Account::available`].
pub fn wallets(accounts: &[Account], overdraft: OverdraftUse) -> Result<Vec<Wallet>, MoneyError> {
    let visible = accounts.iter().filter(|a| a.status != AccountStatus::Closed);
    let wallet = |a: &Account| {
        let available = a.available_under(overdraft)?;
        Ok(Wallet { id: a.id, kind: a.kind, name: a.name.clone(), available })
    };
    let mut shown = visible.map(wallet).collect::<Result<Vec<_>, MoneyError>>()?;
    shown.sort_by(|a, b| {
        let left = (a.kind.is_money(), &a.name, a.id);
        left.cmp(&(b.kind.is_money(), &b.name, b.id))
    });
    Ok(shown)
}

/// Rules A2 and L3: what an order may take from an account, its own live holds included.
///
/// `held_by_order` is what this order holds on the account, zero or more: a hold is a guarantee
/// (F14), so it counts even where the account was blocked since. `cap` is what
/// [`bonus_cap`] says; `None` is no cap. The limit is never negative.
///
/// # Errors
/// As [`Account::available`].
pub fn limit(
    account: &Account,
    held_by_order: Kopecks,
    overdraft: OverdraftUse,
    cap: Option<Kopecks>,
) -> Result<Kopecks, MoneyError> {
    let own = account.available_under(overdraft)?.add(held_by_order)?.floor_zero();
    Ok(cap.map_or(own, |cap| own.min(cap.floor_zero())))
}

/// One hundred per cent in basis points.
pub const BASIS_POINTS: u32 = 10_000;

/// Rules L5 and F28: how many more points an order of a known total may take.
///
/// The lower of `cap_bp` basis points of `total` (rounded down) and `total` less `min_money` (what
/// must be paid in money), less `already_bonus` captured before; zero or more. `None` is no cap,
/// when the venue sets neither. More than [`BASIS_POINTS`] counts as all of it. Without a known
/// total there is nothing to ask here: the cap is then enforced when the points are held.
pub fn bonus_cap(
    total: Kopecks,
    already_bonus: Kopecks,
    cap_bp: Option<u32>,
    min_money: Kopecks,
) -> Option<Kopecks> {
    if cap_bp.is_none() && !min_money.is_positive() {
        return None;
    }
    let bp = cap_bp.unwrap_or(BASIS_POINTS).min(BASIS_POINTS);
    // An i64 times 10 000 fits an i128; what does not fit after all may take no points.
    let product = i128::from(total.0).checked_mul(i128::from(bp));
    let part = product.and_then(|p| p.checked_div(i128::from(BASIS_POINTS)));
    let by_percent = Kopecks(part.and_then(|p| i64::try_from(p).ok()).unwrap_or(0));
    let by_money = total.sub(min_money.floor_zero()).unwrap_or(Kopecks::ZERO);
    let rest = by_percent.min(by_money).sub(already_bonus).unwrap_or(Kopecks::ZERO);
    Some(rest.floor_zero())
}

/// Which money accounts may pay one order together (4.4).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mix {
    /// Credit or deposit, not both (M1, M3): the profile `iiko`.
    #[default]
    OneMoneyKind,
    /// Any (M6), for a point of sale that can.
    Free,
}

impl Mix {
    /// Whether `kind` may join an order that `present` pays already.
    ///
    /// Points always may (M2).
    pub fn allows(self, present: Kinds, kind: AccountKind) -> bool {
        match (self, kind) {
            (Self::Free, _) | (_, AccountKind::Bonus) => true,
            (Self::OneMoneyKind, AccountKind::Credit) => !present.deposit,
            (Self::OneMoneyKind, AccountKind::Deposit) => !present.credit,
        }
    }
}

/// A set of account kinds: those with a live hold or an unreturned capture in an order (M3).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Kinds {
    credit: bool,
    deposit: bool,
    bonus: bool,
}

impl Kinds {
    /// None of them.
    pub const NONE: Self = Self { credit: false, deposit: false, bonus: false };

    /// The set with `kind` in it.
    #[must_use]
    pub const fn with(self, kind: AccountKind) -> Self {
        match kind {
            AccountKind::Credit => Self { credit: true, ..self },
            AccountKind::Deposit => Self { deposit: true, ..self },
            AccountKind::Bonus => Self { bonus: true, ..self },
        }
    }

    /// Whether `kind` is in it.
    pub const fn has(self, kind: AccountKind) -> bool {
        match kind {
            AccountKind::Credit => self.credit,
            AccountKind::Deposit => self.deposit,
            AccountKind::Bonus => self.bonus,
        }
    }
}

impl FromIterator<AccountKind> for Kinds {
    fn from_iter<I: IntoIterator<Item = AccountKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What one order has on one account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Live {
    /// The account.
    pub account: AccountId,
    /// Its kind.
    pub kind: AccountKind,
    /// Σ of the order's live holds; zero or more.
    pub held: Kopecks,
    /// Σ of the order's captures less what was refunded or cancelled; zero or more.
    pub captured: Kopecks,
}

impl Live {
    /// Whether anything is held or captured, be it one kopeck (M-f).
    pub fn is_live(&self) -> bool {
        self.held.is_positive() || self.captured.is_positive()
    }
}

/// Rule M3: the kinds that are live in an order.
pub fn live_kinds(live: &[Live]) -> Kinds {
    live.iter().filter(|l| l.is_live()).map(|l| l.kind).collect()
}

/// The money kinds in the order they are tried (M4), unless the venue says otherwise.
pub const MONEY_PRIORITY: [AccountKind; 2] = [AccountKind::Deposit, AccountKind::Credit];

/// What the choice of accounts for one order looks at.
#[derive(Clone, Copy, Debug)]
pub struct OrderView<'a> {
    /// All accounts of the guest.
    pub accounts: &'a [Account],
    /// What this order holds and has captured, one entry per account.
    pub live: &'a [Live],
    /// The money kinds in the order to try; [`MONEY_PRIORITY`] unless configured.
    pub priority: &'a [AccountKind],
    /// Whether a deposit's overdraft counts.
    pub overdraft: OverdraftUse,
    /// The choice made for this order before (M5), until the guest is unbound.
    pub sticky: Option<AccountId>,
}

impl OrderView<'_> {
    fn held(&self, account: AccountId) -> Result<Kopecks, MoneyError> {
        Kopecks::total(self.live.iter().filter(|l| l.account == account).map(|l| l.held))
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|a| a.id == id)
    }

    /// The money account that is live in this order; the chosen one when there are several.
    fn live_money(&self) -> Option<AccountId> {
        let money = || self.live.iter().filter(|l| l.kind.is_money() && l.is_live());
        let chosen = money().find(|l| Some(l.account) == self.sticky);
        chosen.or_else(|| money().next()).map(|l| l.account)
    }

    /// The active account of a kind with most available; of equal ones the lowest id.
    fn fullest(&self, kind: AccountKind) -> Result<Option<(Kopecks, AccountId)>, MoneyError> {
        let mut best = None;
        for account in self.accounts {
            if account.kind == kind && account.status == AccountStatus::Active {
                let rank = (account.available_under(self.overdraft)?, Reverse(account.id));
                best = best.max(Some(rank));
            }
        }
        Ok(best.map(|(available, Reverse(id))| (available, id)))
    }
}

/// Rules M4 and M5: the one money account that `DepositSum` stands for, or none.
///
/// What the order holds or captured decides; else the earlier choice, while it has something
/// available; else the first kind of the priority with something available, the fullest account
/// of it, of equal ones the lowest id; else the first active account at all.
///
/// # Errors
/// As [`Account::available`].
pub fn pick_money(view: &OrderView<'_>) -> Result<Option<AccountId>, MoneyError> {
    if let Some(live) = view.live_money() {
        return Ok(Some(live));
    }
    if let Some(sticky) = view.sticky.and_then(|id| view.account(id))
        && sticky.kind.is_money()
        && sticky.available_under(view.overdraft)?.is_positive()
    {
        return Ok(Some(sticky.id));
    }
    let mut empty = None;
    for kind in view.priority.iter().filter(|kind| kind.is_money()) {
        match view.fullest(*kind)? {
            Some((available, id)) if available.is_positive() => return Ok(Some(id)),
            Some((_, id)) => empty = empty.or(Some(id)),
            None => {}
        }
    }
    Ok(empty)
}

/// The two numbers of Waiter's `paymentLimits` (L2); zeros when no guest is bound (W46).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// `BonusSum`.
    pub bonus: Kopecks,
    /// `DepositSum`: of one money account, never a sum of two.
    pub deposit: Kopecks,
}

/// What bounds the limits apart from the accounts.
#[derive(Clone, Copy, Debug)]
pub struct LimitRules {
    /// How sure we are of the guest.
    pub identification: Identification,
    /// Whether a phone number alone may pay at this venue (F16, `phone_spend`).
    pub phone_spend: bool,
    /// What [`bonus_cap`] said, when the total of the order is known.
    pub bonus_cap: Option<Kopecks>,
}

/// Rules L2 to L5, F16 and F28: what may be paid from points and from money.
///
/// # Errors
/// As [`Account::available`].
pub fn limits(view: &OrderView<'_>, rules: LimitRules) -> Result<Limits, MoneyError> {
    if rules.identification == Identification::Weak && !rules.phone_spend {
        return Ok(Limits::default());
    }
    let of = |id: Option<AccountId>, cap| match id.and_then(|id| view.account(id)) {
        Some(account) => limit(account, view.held(account.id)?, view.overdraft, cap),
        None => Ok(Kopecks::ZERO),
    };
    Ok(Limits {
        bonus: of(pick_bonus(view)?, rules.bonus_cap)?,
        deposit: of(pick_money(view)?, None)?,
    })
}

/// The bonus account of an order: the one it holds points on, else the fullest active one.
fn pick_bonus(view: &OrderView<'_>) -> Result<Option<AccountId>, MoneyError> {
    let live = view.live.iter().find(|l| l.kind == AccountKind::Bonus && l.is_live());
    match live {
        Some(live) => Ok(Some(live.account)),
        None => Ok(view.fullest(AccountKind::Bonus)?.map(|(_, id)| id)),
    }
}

#[cfg(test)]
mod tests;
