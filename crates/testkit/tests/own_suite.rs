//! The smallest suite, of a port that takes orders, by an author outside of this crate; and what
//! its runner does with tills that are right, wrong, or not what they say.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Debug;

use tillway_core::port::async_trait;
use tillway_testkit::Failure;
use tillway_testkit::conformance::{Case, Suite, check_lacks, failing, run_named, same};

/// What the author of a till brings: the till, and the truth.
pub(crate) trait Venue: Debug + Send + Sync {
    fn send(&mut self, order: u32);
    fn take_back(&mut self, order: u32);
    fn can_take_back(&self) -> bool;
    fn truth(&self) -> Vec<u32>;
}

/// What not every till can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Need {
    TakeBack,
}

/// A till at its venue, and what was sent to it.
#[derive(Debug)]
pub(crate) struct Ground {
    venue: Box<dyn Venue>,
    sent: Vec<u32>,
}

/// The one list of cases, with what each of them needs.
#[macro_export]
macro_rules! till_cases {
    ($with:ident $($more:tt)*) => {
        tillway_testkit::$with! { [$($more)*]
            orders::order_arrives
            orders::order_is_taken_back (TakeBack)
        }
    };
}

/// What the author of a till calls.
#[macro_export]
macro_rules! till_conformance {
    ($module:ident, $factory:expr, lacks: [$($lack:ident),* $(,)?]) => {
        $crate::till_cases! { case_tests $module, $factory, $crate::Ground, lacks $($lack)* }
    };
}

#[async_trait]
impl Suite for Ground {
    type Venue = dyn Venue;
    type Need = Need;

    fn cases() -> &'static [Case<Self>] {
        till_cases! { case_table Ground }
    }

    async fn open(venue: Box<dyn Venue>) -> Result<Self, Failure> {
        same(venue.truth(), vec![])?;
        Ok(Self { venue, sent: Vec::new() })
    }

    fn meets(&mut self, need: Need) -> bool {
        match need {
            Need::TakeBack => self.venue.can_take_back(),
        }
    }

    async fn inspect(&mut self) -> Result<(), Failure> {
        same(self.venue.truth(), self.sent.clone())
    }
}

mod orders {
    use super::*;

    pub(crate) async fn order_arrives(ground: &mut Ground) -> Result<(), Failure> {
        ground.venue.send(7);
        ground.sent.push(7);
        same(ground.venue.truth().len(), 1)
    }

    pub(crate) async fn order_is_taken_back(ground: &mut Ground) -> Result<(), Failure> {
        ground.venue.send(7);
        ground.venue.take_back(7);
        Ok(())
    }
}

/// A till that takes each order so many times, takes orders back or not, and has these.
#[derive(Debug)]
struct Till(usize, bool, Vec<u32>);

impl Venue for Till {
    fn send(&mut self, order: u32) {
        self.2.extend(vec![order; self.0]);
    }
    fn take_back(&mut self, order: u32) {
        self.2.retain(|other| *other != order || !self.1);
    }
    fn can_take_back(&self) -> bool {
        self.1
    }
    fn truth(&self) -> Vec<u32> {
        self.2.clone()
    }
}

fn till(times: usize, takes_back: bool) -> Till {
    Till(times, takes_back, Vec::new())
}

till_conformance!(right, || till(1, true), lacks: []);
till_conformance!(keeps_all, || till(1, false), lacks: [TakeBack]);

#[test]
fn broken_till_is_caught() {
    let caught = |lacks: &[Need], times, back| {
        Vec::from_iter(failing::<Ground>(lacks, move || Box::new(till(times, back))))
    };
    assert_eq!(caught(&[], 1, true), [""; 0]);
    assert_eq!(caught(&[], 2, true), ["order_arrives"]);
    assert_eq!(caught(&[], 1, false), ["order_is_taken_back"]);
    assert_eq!(caught(&[Need::TakeBack], 1, false), [""; 0]);
}

#[test]
fn rule_is_told_first_and_then_the_case() {
    let found = run_named::<Ground>("order_arrives", Box::new(till(2, true)), &[]);
    let text = found.unwrap_err().to_string();
    let (rule, case) = text.split_once("; besides, ").unwrap();
    assert!(rule.ends_with("got [7, 7], want [7]"), "{text}");
    assert!(case.ends_with("got 2, want 1"), "{text}");
}

#[test]
fn list_of_what_is_lacking_must_be_right() {
    let lacks = |takes_back, lacks: &[Need]| {
        check_lacks::<Ground>(Box::new(till(1, takes_back)), lacks).is_ok()
    };
    assert!(lacks(true, &[]) && lacks(false, &[Need::TakeBack]));
    assert!(!lacks(true, &[Need::TakeBack]) && !lacks(false, &[]));
}

#[test]
fn unknown_case_fails() {
    assert!(run_named::<Ground>("order", Box::new(till(1, true)), &[]).is_err());
}
