//! Guests, their carriers, photos and accounts.

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::book::{Commit, House, Op, Outcome, Party, Refusal, Why};
use tillway_core::id::{AccountId, GuestId};
use tillway_core::port::AccountBook;
use tillway_core::{Account, AccountStatus, Kopecks};

use crate::builders::{all_three, anna, at, id, nameless, seed};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

/// A guest is found by id, phone, client id and carrier; an unknown one is not.
pub async fn guests_are_found(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    for persona in seed() {
        g.know(&persona).await?;
    }
    let wanted = Some(anna.guest.clone());
    same(g.store().guest(anna.guest.id).await?, wanted.clone())?;
    same(g.store().guest_by_client_id("149725735").await?, wanted.clone())?;
    same(g.store().guests_by_phone("+79161234567").await?, wanted.into_iter().collect())?;
    same(g.store().carriers(anna.guest.id).await?.len(), 2)?;
    for carrier in anna.carriers {
        same(g.store().carrier(&carrier.alias).await?, Some(carrier))?;
    }
    same(g.store().photo(anna.guest.id).await?, anna.photo)?;
    same(g.store().guest(GuestId(id(404))).await?, None)?;
    same(g.store().guest_by_client_id("").await?, None)?;
    same(g.store().guests_by_phone("+7916").await?, Vec::new())?;
    same(g.store().carrier("404").await?, None)
}

/// A guest's accounts come by id, and only that guest's.
pub async fn accounts_of_a_guest(g: &mut Ground) -> Result<(), Failure> {
    for persona in seed() {
        g.know(&persona).await?;
    }
    let guest = all_three();
    let found = g.store().accounts(guest.guest.id).await?;
    let mut wanted: Vec<_> = guest.accounts.iter().map(|(account, _)| account.id).collect();
    wanted.sort();
    same(found.iter().map(|account| account.id).collect::<Vec<_>>(), wanted)?;
    let deposit = found.into_iter().find(|account| account.kind == Deposit);
    same(deposit.map(|account| account.balance), Some(Kopecks(100_000)))
}

/// A client id has one guest, also within one commit, and a replaced guest frees it; a phone may
/// have several.
pub async fn client_id_is_unique_and_a_phone_is_not(g: &mut Ground) -> Result<(), Failure> {
    let (anna, other) = (anna(), nameless());
    let mut same_phone = other.guest.clone();
    same_phone.phone.clone_from(&anna.guest.phone);
    let mut same_client = other.guest.clone();
    same_client.client_id.clone_from(&anna.guest.client_id);
    let put = |guest: &tillway_core::guest::Guest| Op::PutGuest(Box::new(guest.clone()));
    let both = Commit::of(at(1), vec![put(&anna.guest), put(&same_client)]);
    same(g.refused(both).await?, Refusal::GuestTaken)?;
    g.ops(vec![put(&anna.guest)]).await?;
    // The same guest again is no other one.
    g.ops(vec![put(&anna.guest), put(&anna.guest)]).await?;
    let late = Commit::of(at(1), vec![put(&same_client)]);
    same(g.refused(late).await?, Refusal::GuestTaken)?;
    g.ops(vec![put(&same_phone)]).await?;
    same(g.store().guests_by_phone("+79161234567").await?.len(), 2)?;
    let mut moved = anna.guest.clone();
    (moved.phone, moved.client_id) = (None, "7".into());
    g.ops(vec![put(&moved)]).await?;
    same(g.store().guests_by_phone("+79161234567").await?, vec![same_phone])?;
    same(g.store().guest_by_client_id("149725735").await?, None)?;
    same(g.store().guest_by_client_id("7").await?, Some(moved))
}

/// A carrier belongs to one guest, and is replaced only by that guest.
pub async fn carrier_belongs_to_one_guest(g: &mut Ground) -> Result<(), Failure> {
    let (anna, other) = (anna(), nameless());
    g.know(&anna).await?;
    g.know(&other).await?;
    let Some(card) = anna.carriers.first().cloned() else { return Err(Failure::new("no card")) };
    let put = |carrier| Commit::of(at(1), vec![Op::PutCarrier(Box::new(carrier))]);
    let mut stolen = card.clone();
    stolen.guest = other.guest.id;
    same(g.refused(put(stolen)).await?, Refusal::CarrierTaken)?;
    let mut lost = card.clone();
    lost.blocked = true;
    g.done(put(lost.clone())).await?;
    same(g.store().carrier(&card.alias).await?, Some(lost))?;
    let mut nobody = card;
    (nobody.guest, nobody.alias) = (GuestId(id(404)), "1".into());
    same(g.refused(put(nobody)).await?, Refusal::UnknownGuest)
}

/// A photo is replaced and removed; it needs its guest.
pub async fn photo_is_replaced_and_removed(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let guest = anna.guest.id;
    let large: Box<[u8]> = vec![0xff; 512 * 1024].into();
    g.ops(vec![Op::PutPhoto { guest, photo: Some(large.clone()) }]).await?;
    same(g.store().photo(guest).await?, Some(large))?;
    g.ops(vec![Op::PutPhoto { guest, photo: None }]).await?;
    same(g.store().photo(guest).await?, None)?;
    let nobody = Op::PutPhoto { guest: GuestId(id(404)), photo: None };
    same(g.refused(Commit::of(at(1), vec![nobody])).await?, Refusal::UnknownGuest)
}

/// An account opens once and empty, whatever is given; its id never changes owner or kind.
pub async fn account_opens_once_and_empty(g: &mut Ground) -> Result<(), Failure> {
    let (guest, other) = (all_three(), nameless());
    g.know(&guest).await?;
    g.know(&other).await?;
    let mut account = g.account(guest.account(Deposit)).await?;
    let open = |account| Commit::of(at(1), vec![Op::OpenAccount(Box::new(account))]);
    match g.done(open(account.clone())).await?.as_slice() {
        [Outcome::Account(known)] => same(known.balance, Kopecks(100_000))?,
        other => return Err(Failure::new(format!("{other:?}"))),
    }
    let of_another_kind = Account { kind: Credit, ..account.clone() };
    same(g.refused(open(of_another_kind)).await?, Refusal::AccountExists)?;
    account.guest = other.guest.id;
    same(g.refused(open(account.clone())).await?, Refusal::AccountExists)?;
    account.id = AccountId(id(1));
    account.balance = Kopecks(77);
    (account.held, account.held_own) = (Kopecks(7), Kopecks(5));
    g.done(open(account.clone())).await?;
    same(g.account(account.id).await?.balance, Kopecks::ZERO)?;
    account.guest = GuestId(id(404));
    account.id = AccountId(id(2));
    same(g.refused(open(account)).await?, Refusal::UnknownGuest)
}

/// A3: points have no overdraft, and no overdraft is below zero or too large for a sum, neither
/// when an account is opened nor later.
pub async fn a3_points_have_no_overdraft(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let terms = |kind, overdraft| {
        let account = guest.account(kind);
        let op = Op::SetTerms { account, overdraft: Some(Kopecks(overdraft)), status: None };
        Commit::of(at(1), vec![op])
    };
    same(g.refused(terms(Bonus, 1)).await?, Refusal::BonusOverdraft)?;
    same(g.refused(terms(Deposit, -1)).await?, Refusal::BadAmount)?;
    same(g.refused(terms(Deposit, i64::MAX)).await?, Refusal::BadAmount)?;
    let open = |kind, overdraft| {
        let account = AccountId(id(1));
        let account = Account::new(account, guest.guest.id, kind, "", Kopecks(overdraft));
        Commit::of(at(1), vec![Op::OpenAccount(Box::new(account))])
    };
    same(g.refused(open(Bonus, 1)).await?, Refusal::BonusOverdraft)?;
    same(g.refused(open(Deposit, -1)).await?, Refusal::BadAmount)?;
    g.done(terms(Deposit, 5)).await?;
    same(g.available(guest.account(Deposit)).await?, Kopecks(100_005))
}

/// A1: a blocked account shows nothing to spend, takes credits, and comes back as it was.
pub async fn a1_blocked_account_gives_nothing(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let deposit = guest.account(Deposit);
    let status = |status| Op::SetTerms { account: deposit, overdraft: None, status };
    g.ops(vec![status(Some(AccountStatus::Blocked))]).await?;
    same(g.available(deposit).await?, Kopecks::ZERO)?;
    let (from, to) = (Party::Guest(deposit), Party::House(House::Declared));
    let (amount, why, by) = (Kopecks(1), Why::Correction, id(2));
    let out = Commit::of(at(1), vec![Op::Move { from, to, amount, why, by }]);
    same(g.refused(out).await?, Refusal::AccountBlocked)?;
    g.ops(vec![crate::builders::top_up(deposit, Kopecks(1), id(1))]).await?;
    g.ops(vec![status(Some(AccountStatus::Active))]).await?;
    same(g.available(deposit).await?, Kopecks(100_001))?;
    let row = g.account(deposit).await?;
    check(row.name.as_ref() == "Депозит", "texts keep their letters")
}
