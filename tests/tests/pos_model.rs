//! Random days at the till, told beforehand by a model of the rules that knows no book.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use tillway_core::AccountKind::{self, Bonus, Credit, Deposit};
use tillway_core::book::Party;
use tillway_core::id::{OrderId, Uuid};
use tillway_testkit::builders::all_three;
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, Seed, TOTAL, on_each_store, order};
use tillway_tests::venue::{Answer, Venue};

const FEDOR: &str = "20001";
const KINDS: [AccountKind; 3] = [Bonus, Deposit, Credit];
const STEPS: u64 = 250;
const ORDERS: u64 = 3;
const TTL: Duration = Duration::from_secs(1_800);

/// What a hold or a payment is, in the words of the API.
#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    Held,
    Voided,
    Expired,
    Captured,
    /// Of a hold: its payment was cancelled, so it stands for nothing.
    Cancelled,
    Tombstoned,
    Refused(String),
}

#[derive(Debug)]
struct Hold {
    id: String,
    order: OrderId,
    kind: AccountKind,
    amount: i64,
    ends: Duration,
    state: State,
    /// The payment that used it.
    by: Option<Uuid>,
}

#[derive(Debug)]
struct Payment {
    pay: Pay,
    kind: AccountKind,
    refunded: i64,
    state: State,
    /// Refusals of refunds, by what was asked: they are stored as well.
    refusals: BTreeMap<(i64, i64), String>,
}

impl Payment {
    fn live(&self) -> i64 {
        if self.state == State::Captured { self.pay.amount - self.refunded } else { 0 }
    }
}

/// The guest of three accounts, as the rules say it stands.
struct Model {
    seed: Seed,
    now: Duration,
    balance: BTreeMap<&'static str, i64>,
    holds: Vec<Hold>,
    payments: Vec<Payment>,
    ids: u64,
}

impl Model {
    fn new() -> Self {
        let balance = [("bonus", 30_000), ("deposit", 100_000), ("credit", 500_000)].into();
        let (holds, payments) = (Vec::new(), Vec::new());
        Self { seed: Seed::fresh(), now: Duration::ZERO, balance, holds, payments, ids: 0 }
    }

    fn fresh(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn kind(&mut self) -> AccountKind {
        KINDS[self.seed.below(3) as usize]
    }

    fn order(&mut self) -> OrderId {
        order(1_000_000 + self.seed.below(ORDERS))
    }

    /// One kopeck up to this, or a little more.
    fn amount(&mut self, about: i64) -> i64 {
        let most = u64::try_from(about.max(1)).unwrap();
        1 + i64::try_from(self.seed.below(most + most / 8 + 1)).unwrap()
    }

    fn held(&self, kind: AccountKind) -> i64 {
        let live = self.holds.iter().filter(|h| h.state == State::Held && h.kind == kind);
        live.map(|hold| hold.amount).sum()
    }

    fn available(&self, kind: AccountKind) -> i64 {
        self.balance[kind.word()] - self.held(kind)
    }

    /// Whether the other money kind is alive on the order (PV4).
    fn mixes(&self, order: OrderId, kind: AccountKind) -> bool {
        let other = match kind {
            Bonus => return false,
            Deposit => Credit,
            Credit => Deposit,
        };
        let held = |h: &Hold| h.state == State::Held && h.order == order && h.kind == other;
        let paid = |p: &Payment| p.pay.order == order && p.kind == other && p.live() > 0;
        self.holds.iter().any(held) || self.payments.iter().any(paid)
    }

    /// What a payment will be refused for (PV1, PV2, PV4, PV6, F13).
    fn judged(&self, pay: &Pay, kind: AccountKind) -> Result<Option<usize>, &'static str> {
        let by = |h: &Hold| Some(&h.id) == pay.reservation.as_ref();
        let hold = self.holds.iter().position(by);
        let hold = match hold.map(|at| (at, &self.holds[at])) {
            Some((_, Hold { state: State::Voided, .. })) => return Err("reservation_voided"),
            Some((_, Hold { state: State::Captured, .. })) => return Err("already_captured"),
            Some((_, hold)) if hold.state == State::Held && pay.amount > hold.amount => {
                return Err("exceeds_reservation");
            }
            Some((at, hold)) if hold.state == State::Held => Some(at),
            _ => None,
        };
        let paid = self.payments.iter().filter(|p| p.pay.order == pay.order);
        let paid: i64 = paid.map(Payment::live).sum();
        if self.mixes(pay.order, kind) {
            Err("mixed_money_accounts")
        } else if paid + pay.amount > TOTAL {
            Err("over_total")
        } else if hold.is_none() && pay.amount > self.available(kind) {
            Err("insufficient_funds")
        } else {
            Ok(hold)
        }
    }

    fn pay(&mut self, venue: &Venue) {
        let (mut kind, mut on) = (self.kind(), self.order());
        let mut amount = self.amount(20_000);
        let number = self.fresh();
        let mut reservation = None;
        if !self.holds.is_empty() && self.seed.below(2) == 0 {
            let at = self.seed.below(self.holds.len() as u64) as usize;
            (kind, on) = (self.holds[at].kind, self.holds[at].order);
            amount = self.amount(self.holds[at].amount);
            reservation = Some(self.holds[at].id.clone());
        }
        let pay = Pay { reservation, ..Pay::new(number, &all_three(), kind, amount).on(on) };
        let answer = pay.put_from(venue, 1);
        let state = match self.judged(&pay, kind) {
            Ok(hold) => {
                assert_eq!(answer.state_of(201), "captured");
                *self.balance.get_mut(kind.word()).unwrap() -= amount;
                if let Some(at) = hold {
                    (self.holds[at].state, self.holds[at].by) = (State::Captured, Some(pay.id));
                }
                assert_eq!(answer.minor("availableAfterMinor"), self.available(kind));
                let parts = answer.minor("ownPartMinor") + answer.minor("overdraftPartMinor");
                assert_eq!(parts, amount);
                State::Captured
            }
            Err(code) => {
                answer.refused(409, code);
                State::Refused(code.to_owned())
            }
        };
        let refusals = BTreeMap::new();
        self.payments.push(Payment { pay, kind, refunded: 0, state, refusals });
    }

    fn repeat(&mut self, venue: &Venue, at: usize) {
        let payment = &self.payments[at];
        let answer = payment.pay.put(venue);
        match &payment.state {
            State::Captured => answer.replays(),
            State::Refused(code) => answer.refused(409, code),
            _ => answer.refused(409, "transaction_cancelled"),
        }
    }

    fn cancel(&mut self, venue: &Venue, at: usize) {
        let till = 1 + self.seed.below(2) as usize;
        let payment = &mut self.payments[at];
        let answer = payment.pay.cancel(venue, till);
        match &payment.state {
            State::Captured if payment.refunded == payment.pay.amount => {
                assert_eq!(answer.state_of(200), "refunded");
            }
            State::Captured if payment.refunded > 0 => answer.denied(409, "already_refunded"),
            State::Captured | State::Cancelled => {
                assert_eq!(answer.state_of(200), "cancelled");
                if payment.state == State::Captured {
                    let used = |h: &&mut Hold| h.by == Some(payment.pay.id);
                    self.holds.iter_mut().filter(used).for_each(|h| h.state = State::Cancelled);
                    *self.balance.get_mut(payment.kind.word()).unwrap() += payment.pay.amount;
                }
                payment.state = State::Cancelled;
            }
            _ => {
                assert_eq!(answer.state_of(200), "tombstoned");
                payment.state = State::Tombstoned;
            }
        }
    }

    fn refund(&mut self, venue: &Venue, at: usize) {
        let amount = self.amount(self.payments[at].pay.amount);
        let payment = &mut self.payments[at];
        let (before, rest) = (payment.refunded, payment.pay.amount - payment.refunded);
        let answer = payment.pay.refund(venue, before, amount);
        let code = match (&payment.state, payment.refusals.get(&(before, amount))) {
            (_, Some(stored)) => stored.clone(),
            (State::Captured, None) if amount <= rest => {
                assert_eq!(answer.status, 201, "{answer:?}");
                payment.refunded += amount;
                assert_eq!(answer.minor("refundedTotalMinor"), payment.refunded);
                *self.balance.get_mut(payment.kind.word()).unwrap() += amount;
                return;
            }
            (State::Captured, None) => "refund_exceeds".to_owned(),
            (State::Cancelled, None) => "transaction_cancelled".to_owned(),
            _ => "unknown_transaction".to_owned(),
        };
        answer.refused(if code == "unknown_transaction" { 404 } else { 409 }, &code);
        payment.refusals.insert((before, amount), code);
    }

    fn reserve(&mut self, venue: &Venue) {
        let (kind, on, amount) = (self.kind(), self.order(), self.amount(30_000));
        let key = self.fresh();
        let reserve = Reserve::new(key, &all_three(), kind, amount);
        let reserve = Reserve { terms: reserve.terms.clone().on(on), ..reserve };
        let answer: Answer = reserve.post(venue);
        let live = |h: &Hold| h.state == State::Held && h.order == on && h.kind == kind;
        if self.holds.iter().any(live) {
            answer.refused(409, "hold_exists");
        } else if self.mixes(on, kind) {
            answer.refused(409, "mixed_money_accounts");
        } else if amount > self.available(kind) {
            answer.refused(409, "insufficient_funds");
        } else {
            assert_eq!(answer.state_of(201), "held");
            let id = answer.json()["reservationId"].as_str().unwrap().to_owned();
            let (ends, state) = (self.now + TTL, State::Held);
            self.holds.push(Hold { id, order: on, kind, amount, ends, state, by: None });
        }
    }

    fn void(&mut self, venue: &Venue, at: usize) {
        let hold = &mut self.holds[at];
        let answer = venue.void(&hold.id);
        match hold.state {
            State::Captured => answer.denied(409, "already_captured"),
            State::Expired => assert_eq!(answer.state_of(200), "expired"),
            State::Cancelled => assert_eq!(answer.state_of(200), "voided"),
            _ => {
                assert_eq!(answer.state_of(200), "voided");
                hold.state = State::Voided;
            }
        }
    }

    fn pass(&mut self, venue: &Venue) {
        let time = Duration::from_secs(self.seed.below(900));
        self.now += time;
        venue.clock.advance(time);
        block_on(venue.engine.keeper().look());
        for hold in &mut self.holds {
            if hold.state == State::Held && hold.ends <= self.now {
                hold.state = State::Expired;
            }
        }
    }

    fn step(&mut self, venue: &Venue) {
        let payment = self.seed.below(self.payments.len().max(1) as u64) as usize;
        let hold = self.seed.below(self.holds.len().max(1) as u64) as usize;
        match self.seed.below(12) {
            0..=3 => self.pay(venue),
            4 | 5 => self.reserve(venue),
            6 if hold < self.holds.len() => self.void(venue, hold),
            7 => self.pass(venue),
            _ if payment >= self.payments.len() => self.pay(venue),
            8 => self.repeat(venue, payment),
            9 => self.cancel(venue, payment),
            _ => self.refund(venue, payment),
        }
    }

    fn agrees(&self, venue: &Venue) {
        for kind in KINDS {
            assert_eq!(venue.available(&all_three(), kind), self.available(kind), "{kind:?}");
        }
    }
}

#[test]
fn i2_i3_pv1_to_pv9_random_days_end_as_the_rules_say() {
    on_each_store(|setup| {
        let mut model = Model::new();
        let venue = Venue::with(setup);
        for number in 0..ORDERS {
            venue.bound(&order(1_000_000 + number).to_string(), FEDOR);
        }
        for _ in 0..STEPS {
            model.step(&venue);
            model.agrees(&venue);
        }
        for payment in &model.payments {
            let expected = match &payment.state {
                State::Captured if payment.live() == 0 => "refunded",
                State::Captured if payment.refunded > 0 => "partially_refunded",
                State::Captured => "captured",
                State::Cancelled => "cancelled",
                State::Tombstoned => "tombstoned",
                _ => "refused",
            };
            assert_eq!(payment.pay.state(&venue), expected);
        }
        venue.holds();
        // The balance is what the movements say, counted here once more (I2).
        let book = block_on(venue.store.audit()).unwrap();
        for kind in KINDS {
            let party = Party::Guest(all_three().account(kind));
            let signed = book.movements.iter().map(|m| match (m.debit, m.credit) {
                (_, credit) if credit == party => m.amount.0,
                (debit, _) if debit == party => -m.amount.0,
                _ => 0,
            });
            let account = block_on(venue.store.account(all_three().account(kind))).unwrap();
            assert_eq!(account.unwrap().balance.0, signed.sum::<i64>(), "{kind:?}");
        }
    });
}
