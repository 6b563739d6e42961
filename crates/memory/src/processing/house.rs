//! Members, purchases and operations: the states of loymax.md 9.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::id::{Fingerprint, Uuid};
use tillway_core::loyalty::{Answer, Cheque, Identifier, LineAnswer, PurchaseId, Sale, Totals};
use tillway_core::money::MoneyError;
use tillway_core::port::processing::{Class, Kind, Outcome};

use super::points::{discount, lay, part_of, room};
use super::told::Told;
use super::{ProcessingMishap, refused};

/// What the programme grants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Programme {
    /// Direct discount on lines that are not promoted already, in percent.
    pub discount: i64,
    /// Points for what is paid with money, in percent.
    pub cashback: i64,
    /// The most of a cheque that points may pay, in percent.
    pub cap: i64,
    /// What a repeated operation id is answered.
    pub duplicates: Duplicates,
}

impl Default for Programme {
    /// 10 % off, 5 % back, 30 % by points; a repeat is answered as the first time.
    fn default() -> Self {
        Self { discount: 10, cashback: 5, cap: 30, duplicates: Duplicates::Replay }
    }
}

/// What a repeated operation id is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duplicates {
    /// The same bytes: as the first time.
    Replay,
    /// That it was used already.
    Reject,
}

/// Somebody with points. What it shows and enters is personal: no `Debug` shows it.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Member {
    /// What it is known by: numbers, phones, codes.
    pub shows: Vec<Box<str>>,
    /// Its points.
    pub points: Kopecks,
    /// What it has to enter to pay.
    pub pin: Option<Box<str>>,
    /// Nothing may be earned or taken.
    pub blocked: bool,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Member");
        shown.field("points", &self.points).field("blocked", &self.blocked).finish_non_exhaustive()
    }
}

/// All there is.
#[derive(Debug, Default)]
pub(super) struct House {
    programme: Programme,
    members: Vec<Member>,
    purchases: BTreeMap<PurchaseId, Purchase>,
    operations: BTreeMap<Uuid, (Fingerprint, Outcome)>,
    transactions: i64,
    pub(super) done: Vec<(Uuid, Kind)>,
    pub(super) arrived: Vec<(Uuid, Vec<u8>)>,
    pub(super) mishaps: VecDeque<ProcessingMishap>,
    pub(super) cut: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Calculated,
    Paid,
    Closed,
    Confirmed,
    Cancelled,
}

#[derive(Clone, Debug)]
struct Purchase {
    state: State,
    member: Option<usize>,
    /// The sale that a refund is of.
    of: Option<PurchaseId>,
    calculated: Option<Cheque>,
    /// The operation of the payment.
    paid_by: Option<Uuid>,
    /// What points paid of each line that was sold, or give back of each that returned.
    paid: BTreeMap<u32, Kopecks>,
    closed: Option<Cheque>,
    cashback: BTreeMap<u32, Kopecks>,
}

/// The points of a line: those that paid for it, or those that it earned.
#[derive(Clone, Copy, Debug)]
enum Side {
    Paid,
    Cashback,
}

type Step = Result<Answer, Class>;

impl House {
    pub(super) fn new(programme: Programme) -> Self {
        Self { programme, ..Self::default() }
    }

    pub(super) fn join(&mut self, member: Member) {
        self.members.retain(|other| !other.shows.iter().any(|one| member.shows.contains(one)));
        self.members.push(member);
    }

    pub(super) fn find(&self, shown: &str) -> Option<usize> {
        self.members.iter().position(|member| member.shows.iter().any(|one| **one == *shown))
    }

    pub(super) fn member(&self, shown: &str) -> Option<&Member> {
        self.members.get(self.find(shown)?)
    }

    pub(super) fn forget(&mut self, purchase: &PurchaseId) {
        self.purchases.remove(purchase);
    }

    pub(super) fn unfinished(&self) -> Vec<PurchaseId> {
        let open = self.purchases.iter().filter(|(_, purchase)| !purchase.is_over());
        open.map(|(id, _)| id.clone()).collect()
    }

    /// Points that open sales of a member hold.
    pub(super) fn reserved(&self, member: usize) -> Kopecks {
        let held = self.purchases.values().filter(|purchase| {
            purchase.member == Some(member) && !purchase.is_over() && purchase.of.is_none()
        });
        let points = held.flat_map(|purchase| purchase.paid.values().copied());
        Kopecks::total(points).unwrap_or(Kopecks::ZERO)
    }

    /// Takes a message in: once, whatever is repeated.
    pub(super) fn take(&mut self, id: Uuid, kind: Kind, bytes: &[u8]) -> Outcome {
        let digest = Fingerprint::of(bytes);
        if let Some((was, outcome)) = self.operations.get(&id) {
            let same = *was == digest && self.programme.duplicates == Duplicates::Replay;
            return if same { outcome.clone() } else { refused(Class::Repeated) };
        }
        let Some(told) = Told::read(bytes) else { return refused(Class::Malformed) };
        let outcome = match self.perform(id, told) {
            Ok(answer) => {
                self.transactions = self.transactions.saturating_add(1);
                let transaction = Some(self.transactions);
                self.done.push((id, kind));
                Outcome::Done(Box::new(Answer { transaction, ..answer }))
            }
            Err(class) => return refused(class),
        };
        self.operations.insert(id, (digest, outcome.clone()));
        outcome
    }

    fn perform(&mut self, id: Uuid, told: Told) -> Step {
        match told {
            Told::Balance(guest) => {
                let member = self.known(Some(&guest))?;
                Ok(Answer { balance: self.available(member)?, ..Answer::default() })
            }
            Told::Calculate(sale, _) => self.calculate(&sale),
            Told::Available(sale) => self.offer(&sale),
            Told::Pay(sale, amount, pin) => self.pay(id, &sale, amount, pin.as_deref()),
            Told::Accrue(sale, _) => self.accrue(&sale),
            Told::Confirm(purchase) => self.confirm(&purchase),
            Told::Cancel(purchase) => self.cancel(&purchase),
            Told::CancelOne(purchase, payment) => self.cancel_one(&purchase, payment.uuid()),
            Told::Refund(sale, of) => self.refund(&sale, of),
            Told::Card(guest, _, new) => self.card(guest.as_ref(), &new),
        }
    }

    fn known(&self, guest: Option<&Identifier>) -> Result<Option<usize>, Class> {
        let Some(guest) = guest else { return Ok(None) };
        let found = self.find(&guest.value).ok_or(Class::UnknownGuest)?;
        match self.members.get(found) {
            Some(member) if member.blocked => Err(Class::CardBlocked),
            _ => Ok(Some(found)),
        }
    }

    /// What a member may take now.
    fn available(&self, member: Option<usize>) -> Result<Option<Kopecks>, Class> {
        let Some(at) = member else { return Ok(None) };
        let points = self.members.get(at).map_or(Kopecks::ZERO, |member| member.points);
        Ok(Some(points.sub(self.reserved(at)).map_err(large)?))
    }

    /// A purchase that takes commands, or the word of one that does not.
    fn open(&self, id: &PurchaseId) -> Result<Option<&Purchase>, Class> {
        match self.purchases.get(id) {
            Some(purchase) if purchase.state == State::Confirmed => Err(Class::Confirmed),
            Some(purchase) if purchase.state == State::Cancelled => Err(Class::Cancelled),
            other => Ok(other),
        }
    }

    fn calculate(&mut self, sale: &Sale) -> Step {
        let state = self.open(&sale.purchase)?.map(|purchase| purchase.state);
        if !matches!(state, None | Some(State::Calculated)) {
            return Err(Class::WrongOrder);
        }
        let member = self.known(sale.guest.as_ref())?;
        let mut answer = Answer { balance: self.available(member)?, ..Answer::default() };
        let mut granted = sale.cheque.clone();
        for line in &mut granted.lines {
            let percent = if line.promo { 0 } else { self.programme.discount };
            let off = discount(line, percent).map_err(large)?;
            line.amount = line.amount.sub(off).map_err(large)?;
            answer.lines.push(LineAnswer {
                position: line.position,
                amount: Some(line.amount),
                discount: Some(off),
                ..LineAnswer::default()
            });
        }
        let most = self.most(member, &granted)?;
        (answer.points, answer.amount) = (Some(most), Some(most));
        let purchase = Purchase::new(State::Calculated, member);
        let purchase = Purchase { calculated: Some(granted), ..purchase };
        self.purchases.insert(sale.purchase.clone(), purchase);
        Ok(answer)
    }

    /// The most that points may pay of a cheque.
    fn most(&self, member: Option<usize>, cheque: &Cheque) -> Result<Kopecks, Class> {
        let total = Kopecks::total(cheque.lines.iter().map(|line| line.amount)).map_err(large)?;
        let cap = total.share(self.programme.cap, 100).map_err(large)?;
        let rooms = cheque.lines.iter().map(room).collect::<Result<Vec<_>, _>>().map_err(large)?;
        let room = Kopecks::total(rooms).map_err(large)?;
        let has = self.available(member)?.unwrap_or(Kopecks::ZERO);
        Ok(has.min(cap).min(room).floor_zero())
    }

    fn offer(&self, sale: &Sale) -> Step {
        if self.open(&sale.purchase)?.is_some_and(|purchase| purchase.state == State::Closed) {
            return Err(Class::WrongOrder);
        }
        let most = Some(self.most(self.known(sale.guest.as_ref())?, &sale.cheque)?);
        Ok(Answer { points: most, amount: most, ..Answer::default() })
    }

    fn pay(&mut self, id: Uuid, sale: &Sale, amount: Kopecks, pin: Option<&str>) -> Step {
        let member = self.known(sale.guest.as_ref())?;
        let purchase = self.open(&sale.purchase)?.ok_or(Class::WrongOrder)?;
        match purchase.state {
            State::Calculated => purchase.checked(&sale.cheque)?,
            State::Paid => return Err(Class::AlreadyPaid),
            _ => return Err(Class::WrongOrder),
        }
        let wanted = member.and_then(|at| self.members.get(at)?.pin.as_deref());
        if wanted.is_some_and(|wanted| pin != Some(wanted)) {
            return Err(Class::WrongPin);
        }
        if amount > self.most(member, &sale.cheque)? {
            return Err(Class::TooMuch);
        }
        let laid = lay(&sale.cheque, amount).map_err(large)?.ok_or(Class::TooMuch)?;
        let positions = sale.cheque.lines.iter().map(|line| line.position);
        let paid: BTreeMap<u32, Kopecks> = positions.zip(laid).collect();
        let purchase = self.purchases.get_mut(&sale.purchase).ok_or(Class::WrongOrder)?;
        (purchase.state, purchase.member) = (State::Paid, member);
        (purchase.paid, purchase.paid_by) = (paid.clone(), Some(id));
        let lines = sale.cheque.lines.iter().map(|line| LineAnswer {
            position: line.position,
            amount: Some(line.amount),
            paid: paid.get(&line.position).copied(),
            ..LineAnswer::default()
        });
        let (lines, amount) = (lines.collect(), Some(amount));
        let authorisation = Some("314159".into());
        Ok(Answer { authorisation, points: amount, amount, lines, ..Answer::default() })
    }

    fn accrue(&mut self, sale: &Sale) -> Step {
        let member = self.known(sale.guest.as_ref())?;
        let purchase = match self.open(&sale.purchase)? {
            Some(purchase) if purchase.state == State::Closed => {
                let same =
                    purchase.closed.as_ref().is_some_and(|was| same_lines(was, &sale.cheque));
                let cashback = purchase.cashback.clone();
                let answer = || accrued(&sale.cheque, &cashback);
                return if same { answer() } else { Err(Class::OtherCheque) };
            }
            Some(purchase) => {
                purchase.checked(&sale.cheque)?;
                purchase.clone()
            }
            None => Purchase::new(State::Closed, member),
        };
        let mut cashback = BTreeMap::new();
        for line in &sale.cheque.lines {
            let paid = purchase.paid.get(&line.position).copied().unwrap_or(Kopecks::ZERO);
            let base = line.amount.sub(paid).map_err(large)?;
            let back = base.share(self.programme.cashback, 100).map_err(large)?;
            cashback.insert(line.position, back);
        }
        let answer = accrued(&sale.cheque, &cashback);
        let closed = Some(sale.cheque.clone());
        let purchase = Purchase { state: State::Closed, member, closed, cashback, ..purchase };
        self.purchases.insert(sale.purchase.clone(), purchase);
        answer
    }

    fn confirm(&mut self, id: &PurchaseId) -> Step {
        let purchase = self.open(id)?.ok_or(Class::UnknownPurchase)?.clone();
        if purchase.state != State::Closed {
            return Err(Class::WrongOrder);
        }
        let points = Kopecks::total(purchase.paid.values().copied()).map_err(large)?;
        let cashback = Kopecks::total(purchase.cashback.values().copied()).map_err(large)?;
        let earned = cashback.sub(points).map_err(large)?;
        // A refund is the mirror of its sale.
        let earned = if purchase.of.is_some() { earned.neg().map_err(large)? } else { earned };
        let member = purchase.member.and_then(|at| self.members.get_mut(at));
        let balance = match member {
            Some(member) => {
                member.points = member.points.add(earned).map_err(large)?;
                Some(member.points)
            }
            None => None,
        };
        self.end(id, State::Confirmed);
        Ok(Answer { balance, ..Answer::default() })
    }

    fn cancel(&mut self, id: &PurchaseId) -> Step {
        self.open(id)?.ok_or(Class::UnknownPurchase)?;
        self.end(id, State::Cancelled);
        Ok(Answer::default())
    }

    fn end(&mut self, id: &PurchaseId, state: State) {
        if let Some(purchase) = self.purchases.get_mut(id) {
            purchase.state = state;
        }
    }

    fn cancel_one(&mut self, id: &PurchaseId, payment: Uuid) -> Step {
        let purchase = self.open(id)?.ok_or(Class::UnknownPurchase)?;
        if purchase.state != State::Paid || purchase.paid_by != Some(payment) {
            return Err(Class::WrongOrder);
        }
        if let Some(purchase) = self.purchases.get_mut(id) {
            (purchase.state, purchase.paid_by) = (State::Calculated, None);
            purchase.paid.clear();
        }
        Ok(Answer::default())
    }

    fn refund(&mut self, refund: &Sale, of: Option<PurchaseId>) -> Step {
        if self.purchases.contains_key(&refund.purchase) {
            return Err(Class::PurchaseTaken);
        }
        let of = of.ok_or(Class::UnknownPurchase)?;
        let sale = self.purchases.get(&of).ok_or(Class::UnknownPurchase)?;
        let sold = sale.closed.as_ref().filter(|_| sale.state == State::Confirmed);
        let sold = sold.ok_or(Class::WrongOrder)?;
        let (mut paid, mut cashback) = (BTreeMap::new(), BTreeMap::new());
        for line in &refund.cheque.lines {
            let position = line.position;
            let was = sold.lines.iter().find(|one| one.position == position);
            let was = was.filter(|was| was.goods == line.goods).ok_or(Class::OtherCheque)?;
            let before = self.returned(&of, position)?;
            let all = before.map_or(Ok(line.quantity), |before| before.plus(line.quantity));
            if all.map_err(|_| Class::OtherCheque)? > was.quantity {
                return Err(Class::OtherCheque);
            }
            let share = (was.quantity, before, line.quantity);
            let part = |side: Side| {
                let whole = sale.side(side).get(&position).copied().unwrap_or(Kopecks::ZERO);
                part_of(whole, share, self.given(&of, position, side)?).map_err(large)
            };
            paid.insert(position, part(Side::Paid)?);
            cashback.insert(position, part(Side::Cashback)?);
        }
        let points = Kopecks::total(paid.values().copied()).map_err(large)?;
        let (member, closed) = (sale.member, Some(refund.cheque.clone()));
        let purchase = Purchase::new(State::Closed, member);
        let purchase = Purchase { of: Some(of), paid, cashback, closed, ..purchase };
        self.purchases.insert(refund.purchase.clone(), purchase);
        let refund_kind = Some("Normal".into());
        Ok(Answer { points: Some(points), amount: Some(points), refund_kind, ..Answer::default() })
    }

    /// Refunds of a sale that are not cancelled.
    fn refunds<'a>(&'a self, of: &'a PurchaseId) -> impl Iterator<Item = &'a Purchase> {
        let live = |one: &&Purchase| one.state != State::Cancelled && one.of.as_ref() == Some(of);
        self.purchases.values().filter(live)
    }

    /// How much of a line has gone back before.
    fn returned(&self, of: &PurchaseId, position: u32) -> Result<Option<Quantity>, Class> {
        let lines = self.refunds(of).filter_map(|refund| refund.closed.as_ref());
        let lines = lines.flat_map(|cheque| &cheque.lines);
        lines.filter(|line| line.position == position).try_fold(None, |sum, line| {
            let sum = match sum {
                None => Ok(line.quantity),
                Some(sum) => line.quantity.plus(sum),
            };
            sum.map(Some).map_err(|_| Class::OtherCheque)
        })
    }

    /// How many points of a line have gone back before.
    fn given(&self, of: &PurchaseId, position: u32, side: Side) -> Result<Kopecks, Class> {
        let given = |one: &Purchase| one.side(side).get(&position).copied();
        Kopecks::total(self.refunds(of).filter_map(given)).map_err(large)
    }

    fn card(&mut self, guest: Option<&Identifier>, new: &Identifier) -> Step {
        if self.find(&new.value).is_some() {
            return Err(Class::Rule);
        }
        match self.known(guest)?.and_then(|at| self.members.get_mut(at)) {
            Some(member) => member.shows.push(new.value.clone()),
            None => {
                let shows = vec![new.value.clone()];
                self.members.push(Member { shows, ..Member::default() });
            }
        }
        Ok(Answer::default())
    }
}

impl Purchase {
    fn new(state: State, member: Option<usize>) -> Self {
        Self {
            state,
            member,
            of: None,
            calculated: None,
            paid_by: None,
            paid: BTreeMap::new(),
            closed: None,
            cashback: BTreeMap::new(),
        }
    }

    fn side(&self, side: Side) -> &BTreeMap<u32, Kopecks> {
        match side {
            Side::Paid => &self.paid,
            Side::Cashback => &self.cashback,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Confirmed | State::Cancelled)
    }

    /// What was calculated is what is sold.
    fn checked(&self, cheque: &Cheque) -> Result<(), Class> {
        let same = self.calculated.as_ref().is_none_or(|was| same_lines(was, cheque));
        if same { Ok(()) } else { Err(Class::OtherCheque) }
    }
}

fn same_lines(was: &Cheque, now: &Cheque) -> bool {
    let key = |cheque: &Cheque| {
        let lines = cheque.lines.iter();
        let mut lines: Vec<_> = lines
            .map(|line| (line.position, line.goods.clone(), line.quantity, line.amount))
            .collect();
        lines.sort_by_key(|(position, ..)| *position);
        lines
    };
    key(was) == key(now)
}

fn accrued(cheque: &Cheque, cashback: &BTreeMap<u32, Kopecks>) -> Step {
    let line = |(position, back): (&u32, &Kopecks)| LineAnswer {
        position: *position,
        cashback: Some(*back),
        ..LineAnswer::default()
    };
    let total = Kopecks::total(cashback.values().copied()).map_err(large)?;
    let amount = Kopecks::total(cheque.lines.iter().map(|line| line.amount)).map_err(large)?;
    let totals = Totals { amount: Some(amount), discount: None, cashback: Some(total) };
    let for_receipt = format!("Начислено: {}", total.for_people()).into();
    let lines = cashback.iter().map(line).collect();
    Ok(Answer { points: Some(total), totals, for_receipt, lines, ..Answer::default() })
}

fn large(_: MoneyError) -> Class {
    Class::Malformed
}
