//! G16: what exact and checked arithmetic costs: a bill over three wallets, a sum over twenty
//! lines, against plain `i64` loops that check nothing. Nothing is durable here.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures real time, and its floor is what the rules forbid"
)]

use std::hint::black_box;
use std::time::Instant;

use tillway_core::id::{AccountId, Uuid};
use tillway_core::split::{Input, Line, Plan as Split, apportion, split_into};
use tillway_core::wallet::{Kinds, Mix};
use tillway_core::{AccountKind, Kopecks};
use tillway_measure::{Figure, Goal, Plan};

/// Bills that differ, so that no branch is learned by heart.
const BILLS: usize = 1_024;

fn main() {
    let plan = Plan::of(std::env::args().skip(1));
    if plan.wants("G16-split-3") {
        splits(&plan);
    }
    if plan.wants("G16-apportion-20") {
        apportions(&plan);
    }
}

fn bills() -> Vec<i64> {
    let mut state = 82_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) as i64
    };
    (0..BILLS).map(|_| 10_000 + next() % 300_000).collect()
}

/// Nanoseconds for one of many runs over all bills.
fn per_bill(plan: &Plan, bills: &[i64], mut work: impl FnMut(i64)) -> f64 {
    let passes = plan.pick(2_000, 4);
    let began = Instant::now();
    for _ in 0..passes {
        bills.iter().for_each(|bill| work(*bill));
    }
    began.elapsed().as_nanos() as f64 / (passes * bills.len()) as f64
}

fn splits(plan: &Plan) {
    let limits = [75_000, 120_000, 500_000];
    let kinds = [AccountKind::Bonus, AccountKind::Deposit, AccountKind::Deposit];
    let account = |n: usize| AccountId(Uuid::from_u64_pair(1, n as u64));
    let lines: Vec<Line> = (0..3)
        .map(|n| Line { account: account(n), kind: kinds[n], limit: Kopecks(limits[n]) })
        .collect();
    let (bills, input) = (bills(), Input::Choose(account(0)));
    let mut ours = || {
        let mut made = Split::default();
        per_bill(plan, &bills, |bill| {
            let due = black_box(Kopecks(bill));
            split_into(due, black_box(&lines), &input, Mix::OneMoneyKind, Kinds::NONE, &mut made)
                .unwrap();
            black_box(&made);
        })
    };
    let mut floor = || {
        let mut parts = Vec::new();
        per_bill(plan, &bills, |bill| {
            let missing = plain_split(black_box(bill), black_box(&limits), &mut parts);
            black_box((&parts, missing));
        })
    };
    let [ours, floor] = plan.interleave(&mut ours, &mut floor);
    let about = "three wallets, rules of mixing and every check; the floor is a plain loop";
    let figure = Figure::new("G16-split-3", "ns", ours).against(floor).about(about);
    plan.show(&figure.goal(Goal::ratio_at_most(8.0, 3.0)));
}

/// As anybody would write it who trusts his numbers: which wallet pays how much, and what is left.
#[inline(never)]
fn plain_split(due: i64, limits: &[i64], parts: &mut Vec<(usize, i64)>) -> i64 {
    parts.clear();
    let mut rest = due;
    for (wallet, limit) in limits.iter().enumerate() {
        let part = rest.min(*limit);
        if part > 0 {
            parts.push((wallet, part));
            rest -= part;
        }
    }
    rest
}

fn apportions(plan: &Plan) {
    let weights: Vec<i64> = (1..=20).map(|n| n * 7_919 % 65_000 + 100).collect();
    let bills = bills();
    let mut ours = || {
        per_bill(plan, &bills, |bill| {
            let whole = black_box(Kopecks(bill));
            black_box(apportion(whole, black_box(&weights)).unwrap());
        })
    };
    let mut floor = || {
        per_bill(plan, &bills, |bill| {
            black_box(largest_remainder(black_box(bill), black_box(&weights)));
        })
    };
    let [ours, floor] = plan.interleave(&mut ours, &mut floor);
    let about = "twenty lines, largest remainder; the floor is the same in plain i64";
    let figure = Figure::new("G16-apportion-20", "ns", ours).against(floor).about(about);
    plan.show(&figure.goal(Goal::ratio_at_most(2.0, 1.3)));
}

/// As anybody would write it who trusts his numbers.
#[inline(never)]
fn largest_remainder(whole: i64, weights: &[i64]) -> Vec<i64> {
    let total: i64 = weights.iter().sum();
    let mut parts: Vec<i64> = weights.iter().map(|weight| whole * weight / total).collect();
    let mut order: Vec<(i64, usize)> =
        (0..).zip(weights).map(|(index, weight)| (-(whole * weight % total), index)).collect();
    order.sort_unstable();
    let left = whole - parts.iter().sum::<i64>();
    for (_, index) in order.iter().take(left as usize) {
        parts[*index] += 1;
    }
    parts
}
