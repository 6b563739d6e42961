//! The story of seed 000 with every fault at every place.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;

use support::{Fake, Payment, State, clock, network};
use tillway_core::Kopecks;
use tillway_core::port::IdSource;
use tillway_sim::fault::Plan;
use tillway_sim::ids::SeededIds;
use tillway_sim::iiko_front::{FrontConfig, OrderStatus};
use tillway_sim::story::{Report, Story, World, faults};
use tillway_transport::HttpTransport;

fn world(fake: &Fake) -> World {
    let client: Arc<dyn HttpTransport> = Arc::new(network(fake));
    World {
        waiter: Arc::clone(&client),
        waiter_address: "http://service:7710".into(),
        pos: client,
        front: FrontConfig::demo("http://service:7710"),
        clock: clock(),
        ids: Arc::new(SeededIds::new(1)),
    }
}

async fn told(story: &Story, plan: Plan) -> (Report, Fake) {
    let fake = Fake::default();
    let report = story.run(&world(&fake), plan).await.unwrap();
    (report, fake)
}

#[tokio::test(start_paused = true)]
async fn the_happy_end() {
    let (report, fake) = told(&Story::seed_000(), Plan::none()).await;
    assert!(report.all_worked(), "{:#?}", report.steps);
    assert_eq!(report.violations, [""; 0]);
    assert_eq!(report.books.net().unwrap(), Kopecks::ZERO);
    assert_eq!(report.books.processed.len(), 2);
    assert_eq!(report.receipts.len(), 3);
    let sale = &report.receipts[0];
    let (bonus, money) = (Kopecks(75_000), Kopecks(90_000));
    assert_eq!(sale.payments, [("Lime bonuses".into(), bonus), ("Lime fiscal".into(), money)]);
    assert_eq!((report.outbox.len(), report.dead.len()), (0, 0));
    assert!(fake.books().live().values().all(|left| left.is_zero()));
    assert!(fake.books().payments.values().all(|payment| payment.acknowledged));
}

#[tokio::test(start_paused = true)]
async fn two_runs_are_alike() {
    let story = Story::seed_000();
    let (a, _) = told(&story, Plan::none()).await;
    let (b, _) = told(&story, Plan::none()).await;
    assert_eq!((a.counts, a.books, a.steps), (b.counts, b.books, b.steps));
}

#[tokio::test(start_paused = true)]
async fn no_fault_parts_the_books() {
    for refund in [false, true] {
        let story = Story { refund, ..Story::seed_000() };
        let counts = story.count(&world(&Fake::default())).await.unwrap();
        let mut failures = Vec::new();
        for (name, plan) in faults(counts) {
            let (report, fake) = told(&story, plan).await;
            if let Err(why) = check(&report, &fake) {
                failures.push(format!("{name}: {why}"));
            }
        }
        assert!(failures.is_empty(), "{} fail:\n{}", failures.len(), failures.join("\n"));
    }
}

/// Whatever went wrong on the way, in the end all is well.
fn check(report: &Report, fake: &Fake) -> Result<(), String> {
    check_money(report, fake)?;
    if !report.all_worked() {
        return Err(format!("steps: {:?}", report.steps));
    }
    let status = report.order.as_ref().map(|order| order.status);
    if status == Some(OrderStatus::Closed) { Ok(()) } else { Err(format!("{status:?}")) }
}

/// Even when people gave up, nobody is charged without iiko knowing, and the other way round.
fn check_money(report: &Report, fake: &Fake) -> Result<(), String> {
    let differences = report.books.compare(&fake.books().live()).unwrap();
    let known = |payment: &Payment| payment.state != State::Captured || payment.acknowledged;
    let rows = [
        (!differences.is_empty(), format!("books differ: {differences:?}")),
        (!report.violations.is_empty(), format!("violations: {:?}", report.violations)),
        (!report.outbox.is_empty(), format!("outbox: {:?}", report.outbox)),
        (!report.dead.is_empty(), format!("dead: {:?}", report.dead)),
        (!fake.books().payments.values().all(known), "a capture is not acknowledged".into()),
    ];
    rows.into_iter().find(|(bad, _)| *bad).map_or(Ok(()), |(_, why)| Err(why))
}

#[tokio::test(start_paused = true)]
async fn no_two_faults_part_the_books() {
    let story = Story::seed_000();
    let counts = story.count(&world(&Fake::default())).await.unwrap();
    let singles = faults(counts);
    let seeds = SeededIds::new(20_261_122);
    let mut failures = Vec::new();
    for _ in 0..300 {
        let [a, b, c, d, ..] = seeds.secret();
        let pick =
            |high, low| &singles[usize::from(u16::from_be_bytes([high, low])) % singles.len()];
        let (first, second) = (pick(a, b), pick(c, d));
        let plan = first.1.clone().and(second.1.clone());
        let (report, fake) = told(&story, plan).await;
        if let Err(why) = check_money(&report, &fake) {
            failures.push(format!("{} and {}: {why}", first.0, second.0));
        }
    }
    assert!(failures.is_empty(), "{} fail:\n{}", failures.len(), failures.join("\n"));
}
