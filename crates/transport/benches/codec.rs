//! G18: a JSON number and exact kopecks, both ways, against serde_json's own reading of an `i64` of
//! the same length. Nothing is durable here.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures real time"
)]

use std::hint::black_box;
use std::time::Instant;

use tillway_core::Kopecks;
use tillway_measure::{Figure, Goal, Plan};
use tillway_transport::json::{NumberText, serialize_number};

/// Amounts that differ, in one document each.
const AMOUNTS: usize = 1_024;

fn main() {
    let plan = Plan::of(std::env::args().skip(1));
    if plan.wants("G18-money-read") {
        read(&plan);
    }
    if plan.wants("G18-money-write") {
        write(&plan);
    }
}

/// Kopecks whose texts in rubles, and the same digits without the point, are as long as each other
/// but for the point.
fn amounts() -> Vec<i64> {
    let mixed = |n: i64| n.wrapping_mul(2_654_435_761) % 9_000_000;
    (1..=i64::try_from(AMOUNTS).unwrap()).map(|n| 1_000_011 + mixed(n).abs() / 100 * 100).collect()
}

fn per_amount<T>(plan: &Plan, of: &[T], mut work: impl FnMut(&T)) -> f64 {
    let passes = plan.pick(2_000, 4);
    let began = Instant::now();
    for _ in 0..passes {
        of.iter().for_each(&mut work);
    }
    began.elapsed().as_nanos() as f64 / (passes * of.len()) as f64
}

fn read(plan: &Plan) {
    let rubles: Vec<String> = amounts().iter().map(|n| Kopecks(*n).rubles().to_string()).collect();
    let whole: Vec<String> = rubles.iter().map(|text| text.replace('.', "1")).collect();
    let mut ours = || {
        per_amount(plan, &rubles, |text| {
            let number: NumberText = serde_json::from_str(black_box(text)).unwrap();
            black_box(Kopecks::parse_rubles(number.as_str()).unwrap());
        })
    };
    let mut floor = || {
        per_amount(plan, &whole, |text| {
            black_box(serde_json::from_str::<i64>(black_box(text)).unwrap());
        })
    };
    let [ours, floor] = plan.interleave(&mut ours, &mut floor);
    let about = "a number such as 10000.11; the floor reads an i64 of as many bytes";
    let figure = Figure::new("G18-money-read", "ns", ours).against(floor).about(about);
    plan.show(&figure.goal(Goal::ratio_at_most(3.0, 1.5)));
}

fn write(plan: &Plan) {
    let amounts = amounts();
    let whole: Vec<String> = amounts.iter().map(|n| (n * 10).to_string()).collect();
    let mut text = Vec::with_capacity(64);
    let mut ours = || {
        per_amount(plan, &amounts, |amount| {
            text.clear();
            let rubles = black_box(Kopecks(*amount)).rubles();
            serialize_number(&rubles, &mut serde_json::Serializer::new(&mut text)).unwrap();
            black_box(&text);
        })
    };
    let mut floor = || {
        per_amount(plan, &whole, |text| {
            black_box(serde_json::from_str::<i64>(black_box(text)).unwrap());
        })
    };
    let [ours, floor] = plan.interleave(&mut ours, &mut floor);
    let about = "kopecks as a number of rubles; the floor reads an i64 of as many bytes";
    let figure = Figure::new("G18-money-write", "ns", ours).against(floor).about(about);
    plan.show(&figure.goal(Goal::ratio_at_most(3.0, 1.5)));
}
