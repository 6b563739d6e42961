//! Where a case runs.

use core::convert::Infallible;
use core::fmt;
use std::sync::{Arc, Barrier};
use std::thread;

use async_trait::async_trait;
use tillway_core::book::{
    Binding, Commit, Hold, HoldState, Op, Order, Outcome, Payment, Refusal, Verdict,
};
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId};
use tillway_core::port::{AccountBook, Bindings, CommitError, Committed, ReadError, Store};
use tillway_core::{Account, Kopecks};

use crate::builders::{Pay, Persona, Reserve, at, bind, id};
use crate::checked::{Checked, Violation};
use crate::conformance::{Case, Failure, Suite};
use crate::runtime::block_on;
use crate::suite::{Fixture, list};

/// A store for one case, watched by a [`Checked`], and the words that cases are written in.
#[derive(Debug)]
pub struct Ground {
    fixture: Box<dyn Fixture>,
    /// `None` only while it is being opened again.
    store: Option<Checked>,
}

/// Something else than a case was told to expect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Surprise(String);

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ReadError> for Surprise {
    fn from(error: ReadError) -> Self {
        Self(error.to_string())
    }
}

impl From<Violation> for Surprise {
    fn from(violation: Violation) -> Self {
        Self(violation.to_string())
    }
}

fn surprise<T>(expected: &str, got: &impl fmt::Debug) -> Result<T, Surprise> {
    Err(Surprise(format!("expected {expected}, got {got:?}")))
}

#[async_trait]
impl Suite for Ground {
    type Venue = dyn Fixture;
    type Need = Infallible;

    fn cases() -> &'static [Case<Self>] {
        list::cases()
    }

    async fn open(mut fixture: Box<dyn Fixture>) -> Result<Self, Failure> {
        let store = Some(Checked::new(fixture.open()));
        Ok(Self { fixture, store })
    }

    fn meets(&mut self, need: Infallible) -> bool {
        match need {}
    }

    /// The invariants, see [`Checked`].
    async fn inspect(&mut self) -> Result<(), Failure> {
        Ok(self.store().inspect().await?)
    }
}

impl Ground {
    /// The store, watched.
    ///
    /// # Panics
    /// When an earlier [`Ground::reopen`] panicked half-way.
    pub fn store(&self) -> &Checked {
        match &self.store {
            Some(store) => store,
            None => panic!("the store is closed"),
        }
    }

    /// Closes the store and opens it again: everything acknowledged must be there.
    ///
    /// # Errors
    /// When something is not.
    pub async fn reopen(&mut self) -> Result<(), Surprise> {
        if let Some(store) = self.store.take() {
            let fixture = &mut self.fixture;
            self.store = Some(store.reopen(move || fixture.open()).await);
        }
        self.store().violation().map_or(Ok(()), |violation| Err(violation.into()))
    }

    /// Commits, and expects it to be done now.
    ///
    /// # Errors
    /// When it was refused, was done before, or has no verdict.
    pub async fn done(&self, commit: Commit) -> Result<Vec<Outcome>, Surprise> {
        match self.store().commit(commit).await {
            Ok(Committed { verdict: Verdict::Done(outcomes), replayed: false }) => Ok(outcomes),
            other => surprise("done", &other),
        }
    }

    /// As [`Ground::done`], for ops without key and guard at second zero.
    ///
    /// # Errors
    /// As [`Ground::done`].
    pub async fn ops(&self, ops: Vec<Op>) -> Result<Vec<Outcome>, Surprise> {
        self.done(Commit::of(at(0), ops)).await
    }

    /// Commits, and expects a refusal that is found now.
    ///
    /// # Errors
    /// When it was done, was refused before, or has no verdict.
    pub async fn refused(&self, commit: Commit) -> Result<Refusal, Surprise> {
        match self.store().commit(commit).await {
            Ok(Committed { verdict: Verdict::Refused(why), replayed: false }) => Ok(why),
            other => surprise("a refusal", &other),
        }
    }

    /// Commits, and expects the answer of a repeat.
    ///
    /// # Errors
    /// When this is no repeat, or has no verdict.
    pub async fn replayed(&self, commit: Commit) -> Result<Verdict, Surprise> {
        match self.store().commit(commit).await {
            Ok(Committed { verdict, replayed: true }) => Ok(verdict),
            other => surprise("a repeat", &other),
        }
    }

    /// Commits, and expects no verdict.
    ///
    /// # Errors
    /// When there is one.
    pub async fn conflict(&self, commit: Commit) -> Result<CommitError, Surprise> {
        match self.store().commit(commit).await {
            Err(error) => Ok(error),
            other => surprise("no verdict", &other),
        }
    }

    /// Commits all of them at once, each on a thread of its own, and then checks the whole book.
    ///
    /// # Errors
    /// When an invariant is broken, or a commit has no verdict.
    pub async fn race(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, Surprise> {
        let store = self.store().inner();
        let start = Arc::new(Barrier::new(commits.len()));
        let racers: Vec<_> = commits
            .into_iter()
            .map(|commit| {
                let (store, start) = (Arc::clone(&store), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    block_on(store.commit(commit))
                })
            })
            .collect();
        let mut answers = Vec::with_capacity(racers.len());
        for racer in racers {
            match racer.join() {
                Ok(Ok(committed)) => answers.push(committed),
                Ok(Err(error)) => return surprise("a verdict for each", &error),
                Err(_) => return surprise("a verdict for each", &"a panic"),
            }
        }
        self.store().inspect().await?;
        Ok(answers)
    }

    /// Makes a guest known, with accounts and balances.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn know(&self, persona: &Persona) -> Result<(), Surprise> {
        self.ops(persona.ops()).await.map(|_| ())
    }

    /// Binds a guest to an order.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn bind(&self, order: OrderId, persona: &Persona) -> Result<Order, Surprise> {
        let outcomes = self.ops(vec![bind(order, Binding::Bound(persona.payer()))]).await?;
        match outcomes.as_slice() {
            [Outcome::Order(order)] => Ok((**order).clone()),
            other => surprise("an order", &other),
        }
    }

    /// Takes a payment at second one.
    ///
    /// # Errors
    /// When it is not done now.
    pub async fn pay(&self, pay: &Pay) -> Result<Payment, Surprise> {
        match self.done(pay.commit(at(1))).await?.as_slice() {
            [Outcome::Payment(payment, Some(_))] => Ok((**payment).clone()),
            other => surprise("a payment and its account", &other),
        }
    }

    /// Makes a reservation at second one.
    ///
    /// # Errors
    /// When it is not done now.
    pub async fn reserve(&self, reserve: &Reserve) -> Result<Hold, Surprise> {
        match self.done(reserve.commit(at(1))).await?.as_slice() {
            [Outcome::Hold(hold)] => Ok(hold.clone()),
            other => surprise("a hold", &other),
        }
    }

    /// An account.
    ///
    /// # Errors
    /// When there is none.
    pub async fn account(&self, account: AccountId) -> Result<Account, Surprise> {
        match self.store().account(account).await? {
            Some(row) => Ok(row),
            None => surprise("an account", &account),
        }
    }

    /// What may be spent of an account.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn available(&self, account: AccountId) -> Result<Kopecks, Surprise> {
        let row = self.account(account).await?;
        row.available().or_else(|error| surprise("a sum", &error))
    }

    /// An order.
    ///
    /// # Errors
    /// When there is none.
    pub async fn order(&self, order: OrderId) -> Result<Order, Surprise> {
        match self.store().order(order).await? {
            Some(row) => Ok(row),
            None => surprise("an order", &order),
        }
    }

    /// The payment with this number.
    ///
    /// # Errors
    /// When there is none.
    pub async fn payment(&self, number: u64) -> Result<Payment, Surprise> {
        match self.store().payment(PaymentId(id(number))).await? {
            Some(row) => Ok(row),
            None => surprise("a payment", &number),
        }
    }

    /// How the hold with this number stands.
    ///
    /// # Errors
    /// When there is none.
    pub async fn hold_state(&self, number: u64) -> Result<HoldState, Surprise> {
        match self.store().hold(HoldId(id(number))).await? {
            Some(row) => Ok(row.state),
            None => surprise("a hold", &number),
        }
    }
}
