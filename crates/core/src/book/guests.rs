//! Guests, accounts, carriers and pairings.

use crate::book::chain::Chain;
use crate::book::judge::{Ask, Conflict, Stop};
use crate::book::op::{Op, Outcome};
use crate::book::refusal::Refusal;
use crate::book::view::{PhotoRow, View};
use crate::guest::Guest;
use crate::pairing::{PairOutcome, PairRefusal, Pairing};
use crate::{Account, AccountKind, AccountStatus, Kopecks};

pub(crate) fn apply(view: &mut View, _ask: &Ask<'_>, op: &Op) -> Result<Outcome, Stop> {
    match op {
        Op::PutGuest(guest) => {
            if view.clients.get(&guest.client_id).is_some_and(|owner| *owner != guest.id) {
                return Err(Refusal::GuestTaken.into());
            }
            put_guest(view, guest);
            Ok(Outcome::Done)
        }
        Op::PutPhoto { guest, photo } => {
            view.guests.get(guest).ok_or(Refusal::UnknownGuest)?;
            view.photos.push((*guest, photo.clone().map(PhotoRow)));
            Ok(Outcome::Done)
        }
        Op::OpenAccount(account) => open(view, account),
        Op::SetTerms { account, overdraft, status } => {
            let mut row = view.accounts.get(account).ok_or(Refusal::UnknownWallet)?.clone();
            row.overdraft = overdraft.unwrap_or(row.overdraft);
            check_overdraft(&row)?;
            if let Some(status) = status {
                check_status(&row, *status)?;
                row.status = *status;
            }
            view.accounts.set(*account, Some(row.clone()));
            Ok(Outcome::Account(Box::new(row)))
        }
        Op::PutCarrier(carrier) => {
            view.guests.get(&carrier.guest).ok_or(Refusal::UnknownGuest)?;
            let owner = view.carriers.get(&carrier.alias).map(|c| c.guest);
            if owner.is_some_and(|owner| owner != carrier.guest) {
                return Err(Refusal::CarrierTaken.into());
            }
            view.carriers.set(carrier.alias.clone(), Some((**carrier).clone()));
            Ok(Outcome::Done)
        }
        Op::Pair(pairing) => pair(view, pairing),
        Op::Unpair { till, device } => {
            if view.tills.get(till).is_some_and(|p| p.device == *device) {
                view.tills.set(till.clone(), None);
                view.devices.set(device.clone(), None);
            }
            Ok(Outcome::Done)
        }
        _ => Err(Conflict::NotLoaded.into()),
    }
}

/// The lookups follow the row, so that a later op of the same commit sees what is taken.
fn put_guest(view: &mut View, guest: &Guest) {
    if let Some(was) = view.guests.get(&guest.id).cloned() {
        view.clients.set(was.client_id, None);
    }
    view.clients.set(guest.client_id.clone(), Some(guest.id));
    view.guests.set(guest.id, Some(guest.clone()));
}

fn open(view: &mut View, account: &Account) -> Result<Outcome, Stop> {
    view.guests.get(&account.guest).ok_or(Refusal::UnknownGuest)?;
    let fresh = Account {
        balance: Kopecks::ZERO,
        held: Kopecks::ZERO,
        held_own: Kopecks::ZERO,
        chain: Chain::START,
        ..account.clone()
    };
    check_overdraft(&fresh)?;
    if let Some(known) = view.accounts.get(&account.id) {
        let same = known.guest == fresh.guest && known.kind == fresh.kind;
        let known = Box::new(known.clone());
        return if same { Ok(Outcome::Account(known)) } else { Err(Refusal::AccountExists.into()) };
    }
    view.accounts.set(fresh.id, Some(fresh.clone()));
    Ok(Outcome::Account(Box::new(fresh)))
}

fn check_overdraft(account: &Account) -> Result<(), Stop> {
    if account.overdraft < Kopecks::ZERO {
        return Err(Refusal::BadAmount.into());
    }
    if account.kind == AccountKind::Bonus && account.overdraft.is_positive() {
        return Err(Refusal::BonusOverdraft.into());
    }
    account.check_sums()?;
    Ok(())
}

/// Closing needs an account without live holds; closed also a zero balance (F14, F32).
fn check_status(account: &Account, status: AccountStatus) -> Result<(), Stop> {
    let in_use = match status {
        AccountStatus::Active | AccountStatus::Blocked => false,
        AccountStatus::Closing => account.held.is_positive(),
        AccountStatus::Closed => account.held.is_positive() || !account.balance.is_zero(),
    };
    if in_use { Err(Refusal::AccountInUse.into()) } else { Ok(()) }
}

fn pair(view: &mut View, pairing: &Pairing) -> Result<Outcome, Stop> {
    let known = [view.tills.get(&pairing.till), view.devices.get(&pairing.device)];
    let known: Vec<Pairing> = known.into_iter().flatten().cloned().collect();
    match crate::pairing::pair(&known, &pairing.till, &pairing.device) {
        Ok(PairOutcome::New) => {
            view.tills.set(pairing.till.clone(), Some(pairing.clone()));
            view.devices.set(pairing.device.clone(), Some(pairing.clone()));
        }
        Ok(PairOutcome::Same) => {}
        Err(PairRefusal::TillHasDevice) => return Err(Refusal::TillHasDevice.into()),
        Err(PairRefusal::DeviceHasTill) => return Err(Refusal::DeviceHasTill.into()),
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{Commit, Verdict, judge, needs};
    use crate::id::{DeviceId, GuestId, TillId, Uuid};
    use crate::time::Timestamp;

    /// Judges over an empty store.
    fn verdict(ops: Vec<Op>) -> Verdict {
        let commit = Commit::of(Timestamp::utc(1), ops);
        let mut view = View::default();
        while let Some(needs) = needs(&commit, &view) {
            needs.guests.into_iter().for_each(|k| view.guests.load(k, None));
            needs.clients.into_iter().for_each(|k| view.clients.load(k, None));
            needs.tills.into_iter().for_each(|k| view.tills.load(k, None));
            needs.devices.into_iter().for_each(|k| view.devices.load(k, None));
        }
        judge(view, &commit).unwrap().verdict
    }

    fn guest(id: u128, client_id: &str, phone: &str) -> Op {
        Op::PutGuest(Box::new(Guest {
            id: GuestId(Uuid::from_u128(id)),
            client_id: client_id.into(),
            names: crate::guest::Names::default(),
            phone: Some(phone.into()),
            gifts: Vec::new(),
            hints: Vec::new(),
            blocked: false,
            card: None,
        }))
    }

    fn pairing(till: &str, device: &str) -> Pairing {
        let till = TillId::try_new(till).unwrap();
        Pairing { till, device: DeviceId::try_new(device).unwrap() }
    }

    #[test]
    fn one_commit_cannot_give_two_guests_one_number() {
        let taken = Verdict::Refused(Refusal::GuestTaken);
        assert_eq!(verdict(vec![guest(1, "a", "+71"), guest(2, "a", "+72")]), taken);
        let moved = vec![guest(1, "a", "+71"), guest(1, "b", "+71"), guest(2, "a", "+71")];
        assert!(matches!(verdict(moved), Verdict::Done(_)));
    }

    #[test]
    fn d1_holds_within_one_commit() {
        let (first, second) = (pairing("t-1", "d-1"), pairing("t-2", "d-1"));
        let both = vec![Op::Pair(first.clone()), Op::Pair(second.clone())];
        assert_eq!(verdict(both), Verdict::Refused(Refusal::DeviceHasTill));
        let Pairing { till, device } = first.clone();
        let moved = vec![Op::Pair(first), Op::Unpair { till, device }, Op::Pair(second)];
        assert!(matches!(verdict(moved), Verdict::Done(_)));
    }
}
