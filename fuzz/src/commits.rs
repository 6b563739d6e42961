//! Whole commits, as no desk would make them: many ops, keys used again, guards of any kind.
//!
//! There is no model of these. Every invariant is checked after every commit, and a commit with a
//! key is sent twice.

use std::sync::Arc;

use core::time::Duration;

use tillway_core::account::OverdraftUse;
use tillway_core::book::{
    Binding, Commit, Expiry, House, Key, Op, OrderGuard, OrderRules, Party, Payer, Record, Refusal,
    Scope, Seq, Status, StreamId, TokenId, TokenUse, Why,
};
use tillway_core::book::{Fence, Head};
use tillway_core::guest::{Carrier, Identification};
use tillway_core::id::{
    AccountId, DeviceId, Fingerprint, HoldId, OrderId, PaymentId, RefundId, Uuid,
};
use tillway_core::pairing::Pairing;
use tillway_core::port::{AccountBook, CommitError, Store};
use tillway_core::wallet::Mix;
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks, Timestamp};
use tillway_memory::MemoryStore;
use tillway_testkit::Checked;
use tillway_testkit::builders::{Persona, all_three, anna, at, id, nameless, till};
use tillway_testkit::runtime::block_on;

use crate::bytes::{Bytes, amount};
use crate::talk::talk;

const COMMITS_MAX: usize = 24;
const OPS_MAX: usize = 5;

const KINDS: [AccountKind; 3] = [AccountKind::Bonus, AccountKind::Deposit, AccountKind::Credit];

/// Commits over three guests; the third one comes later, if at all.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let store = Checked::new(Arc::new(MemoryStore::new()));
    let mut world = World::new();
    for guest in &world.guests[..2] {
        let opened = block_on(store.commit(Commit::of(at(0), guest.ops())));
        opened.expect("an empty book takes a guest");
    }
    for _ in 0..COMMITS_MAX {
        let Some(mut step) = bytes.step() else { break };
        let commit = world.commit(&mut step);
        watched(&store, &commit);
        if commit.key.is_some() && step.flag() {
            watched(&store, &commit);
        }
    }
    let whole = block_on(store.audit()).expect("memory reads");
    assert_eq!(tillway_core::book::audit(&whole), Ok(()));
}

fn watched(store: &Checked, commit: &Commit) {
    let answer = block_on(store.commit(commit.clone()));
    talk(|| format!("{commit:?}\n=> {answer:?}\n"));
    if let Some(violation) = store.violation() {
        panic!("{violation}\n{commit:#?}");
    }
    let in_order = !matches!(answer, Err(CommitError::InDoubt | CommitError::Unavailable));
    assert!(in_order, "memory is never away: {answer:?}");
}

struct World {
    guests: Vec<Persona>,
    accounts: Vec<AccountId>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let guests = vec![all_three(), anna(), nameless()];
        let accounts = guests.iter().flat_map(|g| g.accounts.iter().map(|(a, _)| a.id)).collect();
        Self { guests, accounts, now: at(0) }
    }

    fn commit(&mut self, bytes: &mut Bytes<'_>) -> Commit {
        let by = Duration::from_secs(u64::from(bytes.byte()));
        self.now = if bytes.rarely(8) { self.now.before(by) } else { self.now.after(by) };
        let order = order(bytes);
        let guard = bytes.flag().then(|| self.guard(bytes, order));
        let count = 1 + bytes.below(8).saturating_sub(8 - OPS_MAX);
        let ops: Vec<Op> = (0..count).map(|_| self.op(bytes, order)).collect();
        let key = bytes.flag().then(|| key(bytes, &ops));
        Commit { key, at: self.now, guard, ops }
    }

    fn guard(&self, bytes: &mut Bytes<'_>, order: OrderId) -> OrderGuard {
        let sometimes = |bytes: &mut Bytes<'_>| bytes.rarely(4);
        OrderGuard {
            order,
            till: sometimes(bytes).then(|| till(1 + bytes.below(2) as u32)),
            epoch: sometimes(bytes).then(|| bytes.below(4) as u32),
            expects: sometimes(bytes).then(|| bytes.pick(&KINDS)),
            total: sometimes(bytes).then(|| Kopecks(amount(bytes))),
            rules: OrderRules {
                mix: bytes.pick(&[Mix::OneMoneyKind, Mix::Free]),
                overdraft: bytes.pick(&[OverdraftUse::Allow, OverdraftUse::Deny]),
                phone_spend: bytes.flag(),
                bonus_cap_bp: sometimes(bytes).then(|| u32::from(bytes.u16())),
                min_money: Kopecks(if sometimes(bytes) { amount(bytes) } else { 0 }),
            },
        }
    }

    fn account(&self, bytes: &mut Bytes<'_>) -> AccountId {
        let unknown = AccountId(id(99));
        self.accounts.get(bytes.below(self.accounts.len() + 1)).copied().unwrap_or(unknown)
    }

    fn payer(&self, bytes: &mut Bytes<'_>) -> Payer {
        let guest = &self.guests[bytes.below(self.guests.len())].guest;
        let identified = bytes.pick(&[Identification::Strong, Identification::Weak]);
        Payer { guest: guest.id, identified, token: None }
    }

    fn op(&self, bytes: &mut Bytes<'_>, here: OrderId) -> Op {
        let order = if bytes.rarely(8) { order(bytes) } else { here };
        match bytes.below(28) {
            0..=2 => self.hold(bytes, order),
            3 => Op::Void { hold: hold(bytes) },
            4 => Op::Expire { hold: hold(bytes) },
            5..=8 => Op::Capture {
                id: payment(bytes),
                order,
                account: self.account(bytes),
                amount: Kopecks(amount(bytes)),
                hold: bytes.flag().then(|| hold(bytes)),
            },
            9 => Op::Cancel { id: payment(bytes), order, till: at_till(bytes) },
            10 | 11 => Op::Refund {
                id: refund(bytes),
                of: payment(bytes),
                amount: Kopecks(amount(bytes)),
                before: bytes.flag().then(|| Kopecks(amount(bytes))),
            },
            12 | 13 => Op::RefundOrder {
                id: refund(bytes),
                order,
                kind: bytes.pick(&KINDS),
                amount: Kopecks(amount(bytes)),
                before: bytes.flag().then(|| Kopecks(amount(bytes))),
            },
            14 => Op::Acknowledge { id: payment(bytes) },
            15 => {
                let count = bytes.below(4);
                Op::Close { order, listed: (0..count).map(|_| payment(bytes)).collect() }
            }
            16 | 17 => self.movement(bytes),
            18 | 19 => self.bind(bytes, order),
            20 => Op::Tell {
                order,
                till: at_till(bytes),
                total: bytes.flag().then(|| Kopecks(amount(bytes))),
                lines: bytes.flag().then(|| bytes.slice().into()),
                money: bytes.flag().then(|| self.account(bytes)),
            },
            21 => self.guests(bytes),
            22 | 23 => Op::SetTerms {
                account: self.account(bytes),
                overdraft: bytes.flag().then(|| Kopecks(amount(bytes))),
                status: bytes.flag().then(|| {
                    use AccountStatus::{Active, Blocked, Closed, Closing};
                    bytes.pick(&[Active, Blocked, Closing, Closed])
                }),
            },
            24 => {
                let pairing = Pairing {
                    till: till(1 + bytes.below(2) as u32),
                    device: DeviceId::try_new(bytes.pick(&["a", "b"])).expect("a good name"),
                };
                match bytes.flag() {
                    true => Op::Pair(pairing),
                    false => Op::Unpair { till: pairing.till, device: pairing.device },
                }
            }
            25 | 26 => stream(bytes, order),
            _ => Op::Refuse(match bytes.flag() {
                true => Refusal::FieldRequired,
                false => Refusal::WrongTill,
            }),
        }
    }

    fn hold(&self, bytes: &mut Bytes<'_>, order: OrderId) -> Op {
        let lapses = self.now.after(Duration::from_secs(u64::from(bytes.byte())));
        Op::Hold {
            id: hold(bytes),
            order,
            account: self.account(bytes),
            amount: Kopecks(amount(bytes)),
            expiry: if bytes.flag() { Expiry::At(lapses) } else { Expiry::WithOwner },
            supersedes: bytes.rarely(3).then(|| hold(bytes)),
        }
    }

    fn movement(&self, bytes: &mut Bytes<'_>) -> Op {
        let party = |bytes: &mut Bytes<'_>| match bytes.below(4) {
            0 | 1 => Party::Guest(self.account(bytes)),
            _ => Party::House(bytes.pick(&[
                House::Declared,
                House::BonusIssued,
                House::TillCash,
                House::Bank,
                House::Suspense,
                House::Sales,
                House::Clearing(OrderId(id(1))),
            ])),
        };
        let (from, to) = (party(bytes), party(bytes));
        let why = bytes.pick(&[Why::TopUp, Why::Accrual, Why::Correction]);
        Op::Move { from, to, amount: Kopecks(amount(bytes)), why, by: id(bytes.below(4) as u64) }
    }

    fn bind(&self, bytes: &mut Bytes<'_>, order: OrderId) -> Op {
        let mut payer = self.payer(bytes);
        let once = bytes.rarely(4).then(|| {
            let token = TokenId([bytes.below(3) as u8; 16]);
            TokenUse { id: token, expires: self.now.after(Duration::from_secs(60)) }
        });
        payer.token = once.map(|once| once.id);
        let to = match bytes.below(4) {
            0 => Binding::Pending(payer),
            1 | 2 => Binding::Bound(payer),
            _ => Binding::Unbound,
        };
        Op::Bind { order, till: at_till(bytes), to, once }
    }

    fn guests(&self, bytes: &mut Bytes<'_>) -> Op {
        let persona = &self.guests[bytes.below(self.guests.len())];
        let mut guest = persona.guest.clone();
        match bytes.below(4) {
            0 => {
                guest.blocked = bytes.flag();
                guest.client_id = bytes.pick(&["20001", "149725735", "other"]).into();
                Op::PutGuest(Box::new(guest))
            }
            1 => {
                let photo = bytes.flag().then(|| bytes.slice().into());
                Op::PutPhoto { guest: guest.id, photo }
            }
            2 => Op::PutCarrier(Box::new(Carrier {
                alias: bytes.pick(&["149725735", "20001", "NEW"]).into(),
                guest: guest.id,
                blocked: bytes.flag(),
                valid_from: None,
                valid_until: None,
            })),
            _ => {
                let (account, _) = &persona.accounts[bytes.below(persona.accounts.len())];
                let own = if bytes.flag() { account.id } else { AccountId(id(90)) };
                let sums = Kopecks(amount(bytes));
                let account = Account { id: own, overdraft: sums, ..account.clone() };
                Op::OpenAccount(Box::new(account))
            }
        }
    }
}

fn order(bytes: &mut Bytes<'_>) -> OrderId {
    OrderId(id(1 + bytes.below(3) as u64))
}

fn hold(bytes: &mut Bytes<'_>) -> HoldId {
    HoldId(id(bytes.below(5) as u64))
}

fn payment(bytes: &mut Bytes<'_>) -> PaymentId {
    PaymentId(id(bytes.below(5) as u64))
}

fn refund(bytes: &mut Bytes<'_>) -> RefundId {
    RefundId(id(bytes.below(4) as u64))
}

fn at_till(bytes: &mut Bytes<'_>) -> Option<tillway_core::id::TillId> {
    bytes.pick(&[None, None, Some(1), Some(2)]).map(till)
}

/// The scope and the id of what the ops are about, or of something else.
fn key(bytes: &mut Bytes<'_>, ops: &[Op]) -> Key {
    const SCOPES: [Scope; 8] = [
        Scope::Payment,
        Scope::Refund,
        Scope::Unlinked,
        Scope::Reserve,
        Scope::TopUp,
        Scope::Accrue,
        Scope::Guests,
        Scope::Custom,
    ];
    let fits = ops.iter().find_map(|op| match op {
        Op::Capture { id, .. } => Some((Scope::Payment, id.0)),
        Op::Refund { id, .. } => Some((Scope::Refund, id.0)),
        Op::RefundOrder { id, .. } => Some((Scope::Unlinked, id.0)),
        Op::Hold { id, .. } => Some((Scope::Reserve, id.0)),
        _ => None,
    });
    let any = (bytes.pick(&SCOPES), id(bytes.below(5) as u64));
    let (scope, id): (Scope, Uuid) = if bytes.rarely(4) { any } else { fits.unwrap_or(any) };
    let text = format!("{ops:?}");
    let body = if bytes.rarely(8) { b"another" } else { text.as_bytes() };
    let attempt = if scope == Scope::Payment { 1 + bytes.below(3) as u16 } else { 1 };
    Key { scope, id, attempt, body: Fingerprint::of(body) }
}

fn stream(bytes: &mut Bytes<'_>, order: OrderId) -> Op {
    let stream = if bytes.flag() { StreamId::from(order) } else { payment(bytes).into() };
    let count = bytes.below(3);
    let record = |bytes: &mut Bytes<'_>| Record { kind: 1, version: 1, body: bytes.slice().into() };
    Op::Append {
        stream,
        expect: bytes.flag().then(|| Seq(bytes.below(4) as u64)),
        fence: bytes.rarely(8).then(|| Fence(bytes.below(2) as u64)),
        records: (0..count).map(|_| record(bytes)).collect(),
        head: Head {
            status: bytes.pick(&[Status::Open, Status::Done, Status::NeedsPerson]),
            wake_at: bytes.flag().then(|| at(u64::from(bytes.byte()))),
            shelf: bytes.flag().then(|| "till-1".into()),
            total: Kopecks(amount(bytes)),
        },
    }
}
