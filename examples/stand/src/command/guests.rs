//! Commands about guests.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tillway::core::book::{Caller, House, Movement, Party, Refusal, Why};
use tillway::core::guest::{Carrier, Guest, Names};
use tillway::core::id::{AccountId, GuestId, Uuid};
use tillway::core::port::{GuestDesk, GuestError, GuestFile, GuestRef, IdSource};
use tillway::core::token::{normal_alias, phone_of};
use tillway::core::{Account, AccountKind, AccountStatus, Kopecks, Timestamp};
use tillway::runtime::RandomIds;

use super::{Desk, NewGuest, Reply};
use crate::demo;
use crate::failure::Failure;
use crate::folder::read_at_most;

/// The largest photo, as the desk takes it.
const PHOTO_BYTES_MAX: u64 = 512 * 1024;

pub(super) async fn list(desk: &Desk, limit: u32) -> Result<Reply, Failure> {
    let mut guests = desk.engine.guests(None, limit).await?;
    guests.sort_by(|one, other| one.client_id.cmp(&other.client_id));
    let mut lines = vec![format!("{:<12} {:<28} {:<12} {}", "client id", "name", "card", "state")];
    for guest in &guests {
        let name = guest.names.display(&guest.client_id);
        let card = guest.card.as_deref().unwrap_or("-");
        let state = if guest.blocked { "blocked" } else { "" };
        lines.push(format!("{:<12} {name:<28} {card:<12} {state}", guest.client_id));
    }
    let whole = u32::try_from(guests.len()).is_ok_and(|count| count < limit);
    lines.push(match whole {
        true => format!("{} guests", guests.len()),
        false => format!("the first {} guests; more with --limit", guests.len()),
    });
    Ok(Reply { lines: lines.into_iter().map(|line| line.trim_end().to_owned()).collect() })
}

pub(super) async fn show(desk: &Desk, who: &str) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    let guest = &file.guest;
    let mut lines = vec![
        format!("{} ({})", guest.names.display(&guest.client_id), guest.client_id),
        format!("  guest     {}", guest.id),
    ];
    if guest.blocked {
        lines.push("  blocked".to_owned());
    }
    lines.extend(guest.phone.iter().map(|phone| format!("  phone     {phone}")));
    for carrier in &file.carriers {
        let state = if carrier.blocked { ", blocked" } else { "" };
        lines.push(format!("  carrier   {}{state}", carrier.alias));
    }
    lines.extend(guest.gifts.iter().map(|sku| format!("  gift      {sku}")));
    lines.extend(guest.hints.iter().map(|hint| format!("  hint      {hint}")));
    lines.extend(file.accounts.iter().map(account_line));
    Ok(Reply { lines })
}

pub(super) async fn add(desk: &Desk, new: NewGuest) -> Result<Reply, Failure> {
    match desk.engine.guest(GuestRef::ClientId(new.client_id.as_str().into())).await {
        Err(GuestError::Refused(Refusal::UnknownGuest)) => {}
        Ok(_) => return Err(Failure::new(format!("guest {} is there already", new.client_id))),
        Err(error) => return Err(error.into()),
    }
    free_to_add(desk, &new).await?;
    let id = demo::guest_id(desk.installation, &new.client_id);
    let phone = match &new.phone {
        Some(text) => Some(phone_of(text).ok_or_else(|| {
            Failure::new(format!("{text:?} is not a phone number such as +79161234567"))
        })?),
        None => None,
    };
    let text = |part: &Option<String>| part.as_deref().map(Into::into);
    let names = Names {
        salutation: text(&new.salutation),
        first: text(&new.first),
        patronymic: text(&new.patronymic),
        last: text(&new.last),
    };
    let boxed = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect();
    let guest = Guest {
        id,
        client_id: new.client_id.as_str().into(),
        names,
        phone,
        gifts: boxed(&new.gifts),
        hints: boxed(&new.hints),
        blocked: false,
        card: new.cards.first().map(|card| card.as_str().into()),
    };
    desk.engine.put_guest(&me(), guest).await?;
    let bonus = new.bonus.then_some((AccountKind::Bonus, 0));
    let deposit = new.deposit.map(|overdraft| (AccountKind::Deposit, overdraft));
    let credit = new.credit.map(|limit| (AccountKind::Credit, limit));
    for (kind, overdraft) in [bonus, deposit, credit].into_iter().flatten() {
        open(desk, id, &new.client_id, kind, Kopecks(overdraft)).await?;
    }
    for card in &new.cards {
        let put = desk.engine.put_carrier(&me(), carrier_of(id, card)).await;
        put.map_err(|error| {
            Failure::of(
                format!("guest {} was added, but not the card {card}", new.client_id),
                &error,
            )
        })?;
    }
    show(desk, &id.to_string()).await
}

/// Finds what would be refused only after the guest is there.
async fn free_to_add(desk: &Desk, new: &NewGuest) -> Result<(), Failure> {
    if [new.deposit, new.credit].into_iter().flatten().any(|overdraft| overdraft < 0) {
        return Err(Failure::new("an overdraft is not below zero"));
    }
    for card in &new.cards {
        match desk.engine.guest(GuestRef::Carrier(card.as_str().into())).await {
            Err(GuestError::Refused(Refusal::UnknownGuest)) => {}
            Ok(file) => {
                let owner = file.guest.client_id;
                return Err(Failure::new(format!("the card {card} belongs to guest {owner}")));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn open(
    desk: &Desk,
    guest: GuestId,
    client_id: &str,
    kind: AccountKind,
    overdraft: Kopecks,
) -> Result<(), Failure> {
    let id = demo::account_id(desk.installation, client_id, kind);
    let account = Account::new(id, guest, kind, demo::account_name(kind), overdraft);
    desk.engine.open_account(&me(), account).await?;
    Ok(())
}

pub(super) async fn carrier(
    desk: &Desk,
    who: &str,
    alias: &str,
    blocked: Option<bool>,
) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    let alias = normal_alias(alias);
    let known = file.carriers.iter().find(|carrier| carrier.alias == alias);
    if blocked.is_some() && known.is_none() {
        return Err(Failure::new(format!("{who} has no carrier {alias}")));
    }
    let mut carrier = known.cloned().unwrap_or_else(|| carrier_of(file.guest.id, &alias));
    carrier.blocked = blocked.unwrap_or(carrier.blocked);
    let state = if carrier.blocked { ", blocked" } else { "" };
    desk.engine.put_carrier(&me(), carrier).await?;
    Ok(Reply::line(format!("carrier {alias} of guest {}{state}", file.guest.client_id)))
}

pub(super) async fn pay_in(
    desk: &Desk,
    who: &str,
    account: Option<&str>,
    amount: Kopecks,
    operation: Option<&str>,
    points: bool,
) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    let fits = |account: &Account| account.kind.is_money() != points;
    let account = pick(&file, account, fits)?;
    let operation = match operation {
        Some(text) => Uuid::try_parse(text)
            .map_err(|_| Failure::new(format!("--operation: {text:?} is not a UUID")))?,
        None => RandomIds.fresh(),
    };
    let account = if points {
        desk.engine.accrue(&me(), operation, account.id, amount).await?
    } else {
        desk.engine.top_up(&me(), operation, account.id, amount).await?
    };
    let line = account_line(&account).trim_start().to_owned();
    let lines = vec![line, format!("operation {operation}")];
    Ok(Reply { lines })
}

pub(super) async fn overdraft(
    desk: &Desk,
    who: &str,
    account: Option<&str>,
    amount: Kopecks,
) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    let id = pick(&file, account, |account| account.kind.is_money())?.id;
    let account = desk.engine.set_terms(&me(), id, Some(amount), None).await?;
    Ok(Reply::line(account_line(&account).trim_start()))
}

pub(super) async fn block(
    desk: &Desk,
    who: &str,
    account: Option<&str>,
    blocked: bool,
) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    if account.is_some() {
        let id = pick(&file, account, |_| true)?.id;
        let status = if blocked { AccountStatus::Blocked } else { AccountStatus::Active };
        let account = desk.engine.set_terms(&me(), id, None, Some(status)).await?;
        return Ok(Reply::line(account_line(&account).trim_start()));
    }
    let guest = Guest { blocked, ..file.guest };
    let state = if blocked { "blocked" } else { "not blocked" };
    let line = format!("guest {} is {state}", guest.client_id);
    desk.engine.put_guest(&me(), guest).await?;
    Ok(Reply::line(line))
}

pub(super) async fn statement(
    desk: &Desk,
    who: &str,
    account: Option<&str>,
    limit: u32,
) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    let account = pick(&file, account, |_| true)?;
    let mut lines = vec![account_line(account).trim_start().to_owned()];
    for line in desk.engine.statement(account.id, None, limit).await? {
        let Movement { amount, credit, why, at, by, .. } = line.movement;
        let signed = if credit == Party::Guest(account.id) { amount } else { amount.neg()? };
        let other = if credit == Party::Guest(account.id) {
            line.movement.debit
        } else {
            line.movement.credit
        };
        lines.push(format!(
            "  {:>6}  {}  {:>14}  {:<11} {:<9} {by}",
            line.entry,
            local(at),
            signed.for_people(),
            why_word(why),
            party_word(other),
        ));
    }
    if lines.len() == 1 {
        lines.push("  no movements yet".to_owned());
    }
    Ok(Reply { lines })
}

pub(super) async fn qr(desk: &Desk, who: &str, seconds: u64) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    let carrier = file.carriers.iter().find(|carrier| !carrier.blocked);
    let carrier = carrier.ok_or_else(|| {
        Failure::new(format!("guest {} has no carrier to stand for", file.guest.client_id))
    })?;
    let token = desk.engine.mint_token(&carrier.alias, Duration::from_secs(seconds)).await?;
    Ok(Reply::line(token))
}

pub(super) async fn photo(desk: &Desk, who: &str, photo: Option<&str>) -> Result<Reply, Failure> {
    let file = find(desk, who).await?;
    let bytes = photo.map(|text| STANDARD.decode(text)).transpose();
    let bytes = bytes.map_err(|error| Failure::of("the photo was damaged on its way", &error))?;
    let done = if bytes.is_some() { "has a new photo" } else { "has no photo any more" };
    desk.engine.put_photo(&me(), file.guest.id, bytes.map(Into::into)).await?;
    Ok(Reply::line(format!("guest {} {done}", file.guest.client_id)))
}

/// A photo as it goes over the control port.
pub(super) fn read_photo(path: &Path) -> Result<String, Failure> {
    let told = |error: std::io::Error| Failure::of(path.display(), &error);
    let bytes = read_at_most(path, PHOTO_BYTES_MAX).map_err(told)?;
    let too_large = || Failure::new(format!("{}: larger than 512 KiB", path.display()));
    Ok(STANDARD.encode(bytes.ok_or_else(too_large)?))
}

/// By UUID, by the venue's number, or by a carrier: the first that fits.
async fn find(desk: &Desk, who: &str) -> Result<GuestFile, Failure> {
    let id = Uuid::try_parse(who).ok().map(|id| GuestRef::Id(GuestId(id)));
    let refs = [id, Some(GuestRef::ClientId(who.into())), Some(GuestRef::Carrier(who.into()))];
    for by in refs.into_iter().flatten() {
        match desk.engine.guest(by).await {
            Err(GuestError::Refused(Refusal::UnknownGuest)) => {}
            found => return Ok(found?),
        }
    }
    Err(Failure::new(format!("no guest has the number, card or id {who:?}")))
}

/// The account that was named, or the only one that fits.
fn pick<'a>(
    file: &'a GuestFile,
    named: Option<&str>,
    fits: impl Fn(&Account) -> bool,
) -> Result<&'a Account, Failure> {
    let guest = &file.guest.client_id;
    let wanted = |account: &&Account| match named {
        Some(word) => {
            let id = Uuid::try_parse(word).ok();
            account.kind.word() == word || id.is_some_and(|id| account.id == AccountId(id))
        }
        None => fits(account),
    };
    let mut found = file.accounts.iter().filter(wanted);
    match (found.next(), found.next()) {
        (Some(account), None) => Ok(account),
        (None, _) => {
            let which = named.map_or(String::new(), |word| format!(" {word:?}"));
            Err(Failure::new(format!("guest {guest} has no account{which} for this")))
        }
        (Some(_), Some(_)) => Err(Failure::new(format!(
            "guest {guest} has several accounts for this; name one with --account"
        ))),
    }
}

fn carrier_of(guest: GuestId, value: &str) -> Carrier {
    let alias = normal_alias(value);
    Carrier { alias, guest, blocked: false, valid_from: None, valid_until: None }
}

fn account_line(account: &Account) -> String {
    let status = match account.status {
        AccountStatus::Active => "",
        AccountStatus::Blocked => ", blocked",
        AccountStatus::Closing => ", closing",
        AccountStatus::Closed => ", closed",
    };
    let available = account.available().unwrap_or_default().for_people();
    let mut line = format!(
        "  {:<9} {} \"{}\": {} available, balance {}",
        account.kind.word(),
        account.id,
        account.name,
        available,
        account.balance.for_people(),
    );
    if account.overdraft.is_positive() {
        line.push_str(&format!(", overdraft {}", account.overdraft.for_people()));
    }
    if account.held.is_positive() {
        line.push_str(&format!(", held {}", account.held.for_people()));
    }
    line + status
}

fn why_word(why: Why) -> &'static str {
    match why {
        Why::TopUp => "top-up",
        Why::Accrual => "accrual",
        Why::Capture => "payment",
        Why::Cancel => "cancelled",
        Why::Refund => "refund",
        Why::Close => "close",
        Why::Unlinked => "refund",
        Why::Correction => "correction",
        _ => "other",
    }
}

fn party_word(party: Party) -> &'static str {
    match party {
        Party::Guest(_) => "guest",
        Party::House(House::Clearing(_)) => "order",
        Party::House(House::Sales) => "sales",
        Party::House(House::Declared) => "declared",
        Party::House(House::BonusIssued | House::BonusRedeemed | House::BonusExpired) => "points",
        Party::House(_) => "house",
    }
}

/// The local time of the till that saw it, to the minute.
fn local(at: Timestamp) -> String {
    let shifted = at.utc_ms.saturating_add(i64::from(at.offset_min).saturating_mul(60_000));
    let text = Timestamp::utc(shifted).to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

fn me() -> Caller {
    Caller { actor: tillway::core::book::Actor::Person, ..Caller::system() }
}
