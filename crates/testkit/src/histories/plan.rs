//! What the callers of a history ask, decided by a seed.

use core::time::Duration;

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::Kopecks;
use tillway_core::book::{
    Binding, Commit, Expiry, Head, Key, Op, Record, Scope, Seq, StreamId, StreamKind,
};
use tillway_core::guest::Names;
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId, RefundId, Uuid};

use crate::builders::{Pay, Persona, Reserve, accrue, at, bind, id, keyed, top_up};
use crate::histories::call::Call;

/// Guests that share nothing: what is asked of one says nothing about another.
pub const GROUPS: usize = 8;
/// Accounts of a guest.
const ACCOUNTS: u64 = 2;
/// Orders of a guest.
const ORDERS: u64 = 3;
/// Holds and payments of a guest: few, so that callers meet.
const HOLDS: u64 = 12;
const PAYMENTS: u64 = 14;
const REFUNDS: u64 = 8;
/// How often a caller lets others go first, at most.
const TURNS: usize = 4;

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Callers at once.
    pub callers: usize,
    /// Calls of each, one after another.
    pub calls: usize,
}

/// Sixteen limited accounts of eight guests, and what each caller asks of them.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What decides it all.
    pub seed: u64,
    /// The calls of each caller, in order.
    pub(crate) callers: Vec<Vec<Planned>>,
    pub(crate) groups: Vec<Group>,
}

/// A call that will be made.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The guest it is about.
    pub(crate) group: usize,
    pub(crate) call: Call,
    /// How often the caller lets others go first, between the beginning and the call.
    pub(crate) turns: usize,
}

/// A guest, with everything that calls about it may name.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    number: u64,
    guest: Persona,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64, size: Size) -> Self {
        Self::later(seed, size, 0)
    }

    /// The plan of a seed, for a time when the store has lived before: later by the clock, and
    /// about the same guests.
    pub fn later(seed: u64, size: Size, life: u64) -> Self {
        let groups: Vec<_> = (0..GROUPS).map(Group::new).collect();
        let mut dice = Dice(seed ^ life.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // What a hold or a payment is does not change from life to life.
        let terms = Dice(seed).next();
        let caller = |dice: &mut Dice| {
            let one = |nth: usize| {
                let step = u64::try_from(nth).unwrap_or(u64::MAX);
                // Every second round all callers meet at one guest.
                let group = match nth % 2 {
                    0 => nth / 2 % GROUPS,
                    _ => dice.below(GROUPS),
                };
                let second = life * 2_000 + 20 * step + dice.below(15_u64);
                let (call, turns) = (groups[group].call(dice, terms, second), dice.below(TURNS));
                Planned { group, call, turns }
            };
            (0..size.calls).map(one).collect()
        };
        let callers = (0..size.callers).map(|_| caller(&mut dice)).collect();
        Self { seed, callers, groups }
    }

    /// What makes the guests known to an empty store, one commit for each.
    pub fn setup(&self) -> impl Iterator<Item = Commit> {
        self.groups.iter().map(Group::setup)
    }
}

impl Group {
    fn new(index: usize) -> Self {
        let number = u64::try_from(index).unwrap_or(u64::MAX);
        let (kind, own, overdraft) =
            if index.is_multiple_of(2) { (Deposit, 60_000, 40_000) } else { (Credit, 0, 100_000) };
        let guest = Persona::new(&format!("{}", 40_000 + number), Names::default())
            .with_account(kind, "money", Kopecks(own), Kopecks(overdraft))
            .with_account(Bonus, "points", Kopecks(100_000), Kopecks::ZERO);
        Self { number, guest }
    }

    pub(crate) fn setup(&self) -> Commit {
        let mut ops = self.guest.ops();
        let bound = |nth| bind(self.order(nth), Binding::Bound(self.guest.payer()));
        ops.extend((0..ORDERS).map(bound));
        Commit::of(at(0), ops)
    }

    fn id(&self, kind: u64, nth: u64) -> Uuid {
        id(self.number << 16 | kind << 8 | nth)
    }

    fn order(&self, nth: u64) -> OrderId {
        OrderId(self.id(1, nth))
    }

    fn hold(&self, nth: u64) -> HoldId {
        HoldId(self.id(2, nth))
    }

    fn payment(&self, nth: u64) -> PaymentId {
        PaymentId(self.id(3, nth))
    }

    fn stream(&self) -> StreamId {
        StreamId { kind: StreamKind::Payment, id: self.id(4, 0) }
    }

    fn account(&self, nth: u64) -> AccountId {
        let nth = usize::try_from(nth % ACCOUNTS).unwrap_or_default();
        self.guest.accounts[nth].0.id
    }

    fn call(&self, dice: &mut Dice, terms: u64, second: u64) -> Call {
        let commit = |commit: Commit| Call::Commit(Box::new(commit));
        let bare = |op: Op| commit(Commit::of(at(second), vec![op]));
        match dice.below(100_u64) {
            0..20 => commit(self.reserve(dice.below(HOLDS), terms, dice).commit(at(second))),
            20..42 => commit(self.pay(dice.below(PAYMENTS), terms, dice).commit(at(second))),
            42..48 => bare(Op::Void { hold: self.hold(dice.below(HOLDS)) }),
            48..54 => bare(Op::Expire { hold: self.hold(dice.below(HOLDS)) }),
            54..63 => commit(self.refund(dice.below(REFUNDS), terms, second)),
            63..69 => {
                let (nth, order) = (dice.below(PAYMENTS), self.order(dice.below(ORDERS)));
                bare(Op::Cancel { id: self.payment(nth), order, till: None })
            }
            69..73 => commit(self.pay_in(dice.below(4_u64), second)),
            73..78 => bare(self.append(dice)),
            78..84 => Call::Account(self.account(dice.next())),
            84..87 => Call::Hold(self.hold(dice.below(HOLDS))),
            87..91 => Call::Payment(self.payment(dice.below(PAYMENTS))),
            91..95 => Call::Sheet(self.order(dice.below(ORDERS))),
            95..98 => Call::Load(self.stream()),
            _ => Call::Recall(self.key(dice)),
        }
    }

    /// A hold is the same whenever it is asked for, but for one time in ten.
    fn reserve(&self, nth: u64, terms: u64, dice: &mut Dice) -> Reserve {
        let mut of = self.terms(terms, nth);
        let (order, account) = (of.below(ORDERS), of.next());
        let amount = 5_000 + 1_000 * of.below(40_i64);
        let id = self.hold(nth);
        let expiry = match of.below(4_u64) {
            0 => Expiry::WithOwner,
            _ => Expiry::At(at(0).after(Duration::from_secs(of.below(4_000)))),
        };
        let supersedes = (of.below(5_u64) == 0).then(|| self.hold(of.below(HOLDS)));
        let supersedes = supersedes.filter(|old| *old != id);
        let odd = i64::from(dice.below(10_u64) == 0);
        let (order, account) = (self.order(order), self.account(account));
        Reserve { id, expiry, supersedes, ..Reserve::new(0, order, account, amount + odd) }
    }

    /// Payments of an even number use the hold of the same number.
    fn pay(&self, nth: u64, terms: u64, dice: &mut Dice) -> Pay {
        let of_hold = self.reserve(nth, terms, &mut Dice(1));
        let odd = i64::from(dice.below(10_u64) == 0);
        let by_hold = nth.is_multiple_of(2) && nth < HOLDS;
        let id = self.payment(nth);
        let hold = by_hold.then_some(of_hold.id);
        let attempt = if dice.below(8_u64) == 0 { 2 } else { 1 };
        let amount = of_hold.amount.0 / if by_hold { 1 } else { 2 } - odd;
        Pay { id, hold, attempt, ..Pay::new(0, of_hold.order, of_hold.account, amount) }
    }

    fn refund(&self, nth: u64, terms: u64, second: u64) -> Commit {
        let mut of = self.terms(terms, 1_000 + nth);
        let (payment, amount) = (of.below(PAYMENTS), Kopecks(1_000 + 1_000 * of.below(12_i64)));
        let (id, of) = (RefundId(self.id(5, nth)), self.payment(payment));
        keyed(Scope::Refund, id.0, at(second), vec![Op::Refund { id, of, amount, before: None }])
    }

    fn pay_in(&self, nth: u64, second: u64) -> Commit {
        let (by, amount) = (self.id(6, nth), Kopecks(3_000));
        let op = match nth % ACCOUNTS {
            0 => top_up(self.account(0), amount, by),
            _ => accrue(self.account(1), amount, by),
        };
        keyed(Scope::TopUp, by, at(second), vec![op])
    }

    fn append(&self, dice: &mut Dice) -> Op {
        let expect = (dice.below(3_u64) == 0).then(|| Seq(dice.below(6)));
        let body = dice.next().to_be_bytes().to_vec().into();
        let records = vec![Record { kind: 1, version: 1, body }];
        Op::Append { stream: self.stream(), expect, fence: None, records, head: Head::default() }
    }

    fn key(&self, dice: &mut Dice) -> Key {
        let (scope, id) = match dice.below(3_u64) {
            0 => (Scope::Reserve, self.hold(dice.below(HOLDS)).0),
            1 => (Scope::Refund, self.id(5, dice.below(REFUNDS))),
            _ => (Scope::TopUp, self.id(6, dice.below(4))),
        };
        let body = tillway_core::id::Fingerprint([0; 16]);
        Key { scope, id, attempt: 1, body }
    }

    fn terms(&self, terms: u64, nth: u64) -> Dice {
        Dice(terms ^ self.number << 32 ^ nth)
    }
}

/// Numbers that a seed decides: SplitMix64, which is enough for tests.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`.
    pub(crate) fn below<N: TryFrom<u64> + TryInto<u64> + Default>(&mut self, end: N) -> N {
        let end = end.try_into().unwrap_or(1).max(1);
        N::try_from(self.next() % end).unwrap_or_default()
    }
}
