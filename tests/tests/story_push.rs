//! The bridge in push mode: the service calls the plugin, and nobody polls.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tillway_core::Kopecks;
use tillway_sim::fault::{Plan, Side};
use tillway_sim::story::{Stage, Story};
use tillway_sim::waiter_server::Seen;
use tillway_tests::house::{Crash, Disk, House, Listeners, Passed, simulated};
use tillway_tests::table::{PIN, pay};
use tillway_tests::witness::verdict;

const ANNA: &str = "149725735";

/// Anna comes, pays with bonuses and the deposit, gets all back and goes; each try until it works.
async fn story(house: &House, till: &Stage) {
    let story = Story::seed_000();
    let pin = SecretString::from(PIN);
    till.front.open_order(story.order, story.number, story.lines).unwrap();
    let mut steps = 0;
    for _ in 0..60 {
        let seen = match steps {
            0 => till.phone.check_in(story.order, ANNA, &pin).await,
            1 => till.phone.check_out(story.order, &pin).await,
            2 => till.phone.check_in(story.order, ANNA, &pin).await,
            3 => pay(till, story.order, Kopecks(75_000)).await,
            _ => return,
        };
        steps += usize::from(seen == Seen::Done);
        house.sleep(Duration::from_secs(1)).await;
    }
    panic!("step {steps} never works");
}

fn told(crashes: &[Crash]) -> (Passed, Vec<String>) {
    simulated(async {
        let listeners = Listeners::default();
        let down = Duration::from_secs(2);
        let house = House::pushing(Disk::memory(), 1, crashes, down, Arc::clone(&listeners)).await;
        let till = house.world(1, 1).stage(Plan::none());
        listeners.lock().unwrap().insert(1, till.front.clone());
        till.front.start().await.unwrap();
        story(&house, &till).await;
        let polls = till.hooks.log().into_iter().filter(|one| one.side == Side::Bridge);
        let polls = polls.map(|one| one.what).filter(|what| what.contains("wait=")).collect();
        let passed = house.passed();
        verdict(&house, &[till]).await.unwrap();
        (passed, polls)
    })
}

#[test]
fn w03_commands_are_pushed_and_nobody_polls() {
    let (_, polls) = told(&[]);
    assert!(polls.is_empty(), "{polls:?}");
}

#[test]
fn f15_a_service_that_dies_anywhere_pushes_again() {
    let (passed, _) = told(&[]);
    let requests =
        (0..passed.requests).flat_map(|n| [Crash::BeforeRequest(n), Crash::AfterRequest(n)]);
    let commits = (0..passed.commits).flat_map(|n| [Crash::BeforeCommit(n), Crash::AfterCommit(n)]);
    for crash in requests.chain(commits) {
        println!("{crash:?}");
        told(&[crash]);
    }
}
