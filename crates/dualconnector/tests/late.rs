//! Deadlines, late answers, and callers that give up: the terminal goes on, and so does listening.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use futures::future::{Either, select};
use support::{ADDRESS, Inside, Way, run};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{
    Attempt, Fault, Known, MoneyOutcome, Operation, Reason, Resolution, TerminalError,
};
use tillway_core::port::{CardTerminal, Clock, async_trait};
use tillway_dualconnector::Config;
use tillway_sim::dualconnector::{Decide, Settings, Step};

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Known for Nobody {
    async fn owner(&self, _: &str) -> Result<Option<Uuid>, TerminalError> {
        Ok(None)
    }
}

const PAY: Operation = Operation::Pay { amount: Kopecks(12_500) };

fn attempt(inside: &Inside, id: u128) -> Attempt {
    Attempt { id: Uuid::from_u128(id), at: inside.clock.now() }
}

fn slow(seconds: u64, decide: Decide) -> Step {
    Step { card: Some(Duration::from_secs(seconds)), ..Step::of(decide) }
}

#[test]
fn qc2_a_deadline_is_a_doubt_and_the_late_answer_is_kept() {
    run(async {
        let inside = Inside::new(Way::Http, Settings::default());
        let terminal = inside.adapter(Config::new(ADDRESS));
        terminal.probe().await.unwrap();
        for (id, decide, approved) in
            [(1, Decide::Approve, true), (2, Decide::decline(), false), (3, Decide::Abort, false)]
        {
            inside.device.push(slow(200, decide));
            let attempt = attempt(&inside, id);
            let begun = inside.clock.ticks();
            let outcome = terminal.perform(&attempt, &PAY).await;
            match outcome {
                MoneyOutcome::InDoubt(error) => assert_eq!(error.fault, Fault::Timeout),
                other => panic!("{other:?}"),
            }
            assert_eq!((inside.clock.ticks() - begun).as_secs(), 180);
            // The guest may still stand there: nobody else may talk to the terminal.
            let busy = terminal.probe().await.unwrap_err();
            assert_eq!(busy.fault, Fault::Busy);
            inside.clock.sleep(Duration::from_secs(60)).await;
            let asked = inside.device.requests();
            match terminal.resolve(&attempt, &PAY, &Nobody).await {
                Resolution::Approved(paid) if approved => assert_eq!(paid.slips.len(), 2),
                Resolution::NotPerformed(_) if !approved => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(inside.device.requests(), asked, "the answer was heard");
        }
        assert_eq!(inside.device.bank().len(), 1);
    });
}

#[test]
fn listening_ends_at_its_bound() {
    run(async {
        let inside = Inside::new(Way::Http, Settings::default());
        let terminal = inside.adapter(Config::new(ADDRESS));
        terminal.probe().await.unwrap();
        inside.device.push(slow(2_000, Decide::Approve));
        let attempt = attempt(&inside, 1);
        let outcome = terminal.perform(&attempt, &PAY).await;
        assert!(matches!(outcome, MoneyOutcome::InDoubt(_)), "{outcome:?}");
        inside.clock.sleep(Duration::from_secs(200)).await;
        // We listen no more; the terminal itself is busy.
        let busy = terminal.probe().await.unwrap_err();
        assert_eq!(busy.fault, Fault::Busy);
        assert!(busy.text.as_str().contains("DualConnector"), "{busy}");
        let unsaid = terminal.resolve(&attempt, &PAY, &Nobody).await;
        assert!(matches!(unsaid, Resolution::NotYet(_)), "{unsaid:?}");
        inside.clock.sleep(Duration::from_secs(2_000)).await;
        // It paid at last, at a time that nobody would expect: a person looks.
        let late = terminal.resolve(&attempt, &PAY, &Nobody).await;
        assert!(matches!(late, Resolution::Person(_)), "{late:?}");
    });
}

#[test]
fn a_call_that_is_given_up_goes_on() {
    run(async {
        let inside = Inside::new(Way::Http, Settings::default());
        let terminal = inside.adapter(Config::new(ADDRESS));
        terminal.probe().await.unwrap();
        inside.device.push(slow(30, Decide::Approve));
        let attempt = attempt(&inside, 1);
        let gives_up = inside.clock.sleep(Duration::from_secs(1));
        let call = select(terminal.perform(&attempt, &PAY), gives_up).await;
        assert!(matches!(call, Either::Right(_)));
        drop(call);
        let soon = terminal.resolve(&attempt, &PAY, &Nobody).await;
        assert!(matches!(soon, Resolution::NotYet(_)), "{soon:?}");
        inside.clock.sleep(Duration::from_secs(30)).await;
        let then = terminal.resolve(&attempt, &PAY, &Nobody).await;
        assert!(matches!(then, Resolution::Approved(_)), "{then:?}");
        assert_eq!(inside.device.bank().len(), 1);
    });
}

#[test]
fn one_guest_at_a_time() {
    run(async {
        let inside = Inside::new(Way::Direct, Settings::default());
        let terminal = inside.adapter(Config::new(ADDRESS));
        terminal.probe().await.unwrap();
        inside.device.push(slow(60, Decide::Approve));
        let (one, other) = (attempt(&inside, 1), attempt(&inside, 2));
        let both =
            futures::future::join(terminal.perform(&one, &PAY), terminal.perform(&other, &PAY));
        let (first, second) = both.await;
        assert!(matches!(first, MoneyOutcome::Approved(_)), "{first:?}");
        match second {
            MoneyOutcome::Declined(decline) => assert_eq!(decline.reason, Reason::NotStarted),
            other => panic!("{other:?}"),
        }
        assert_eq!(inside.device.bank().len(), 1);
    });
}
