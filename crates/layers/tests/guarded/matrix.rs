//! Every point of every story, and then every point of the recovery.

use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Fiscal, FiscalOutcome, Found};
use tillway_layers::Guarded;

use super::cut::{Fuse, World, able, attempt, run, sale};

/// No story and no recovery has more points than this.
const POINTS_MAX: u64 = 64;

/// What a caller does with attempt 2, and does again after a restart.
#[derive(Clone, Copy, Debug)]
enum Story {
    Register,
    OpenAndClose,
    OpenAndAnnul,
    /// Asks about it before it ever began.
    Find,
}

const STORIES: [Story; 4] =
    [Story::Register, Story::OpenAndClose, Story::OpenAndAnnul, Story::Find];

const TOTAL: i64 = 36_000;

fn what() -> Fiscal {
    Fiscal::Receipt(Box::new(sale(TOTAL)))
}

/// Plays a story; the answer is what became of the attempt as far as the caller heard.
async fn play(story: Story, register: &Guarded<dyn FiscalRegister>) -> Option<FiscalOutcome> {
    let (attempt, receipt) = (attempt(2), sale(TOTAL));
    match story {
        Story::Register => Some(register.register(&attempt, &what()).await),
        Story::OpenAndClose => match register.open_receipt(&attempt, &receipt).await {
            Ok(()) => Some(register.close_receipt(&attempt, &receipt.paid).await),
            Err(_) => None,
        },
        Story::OpenAndAnnul => {
            if register.open_receipt(&attempt, &receipt).await.is_ok() {
                register.annul_receipt().await.unwrap();
            }
            None
        }
        Story::Find => {
            assert_eq!(register.find(&attempt, &what()).await, Found::NotWritten);
            None
        }
    }
}

/// A world with an open shift: attempt 1.
fn opened(all: bool) -> World {
    let world = World::new(able(all));
    let register = world.start(&Fuse::never());
    let outcome = run(register.register(&attempt(1), &Fiscal::OpenShift(None))).unwrap();
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    world
}

/// The program dies at this point of the story; says whether the story was over before.
fn dies(world: &World, story: Story, point: u64) -> bool {
    let register = world.start(&Fuse::at(point));
    run(play(story, &register)).is_some()
}

/// The program is started anew, recovers, and is asked what became of the attempt.
fn lives_on(world: &World, story: Story, place: &str) {
    let register = world.start(&Fuse::never());
    for recovered in run(register.recover()).unwrap().unwrap() {
        let settled = matches!(recovered.found, Found::Written(_) | Found::NotWritten);
        assert!(settled, "{place}: {recovered:?}");
    }
    let written = || world.receipts(sale(TOTAL).total().unwrap());
    let before = written();
    assert!(before <= 1, "{place}: written {before} times");
    let found = run(register.find(&attempt(2), &what())).unwrap();
    match found {
        Found::Written(_) => assert_eq!(before, 1, "{place}"),
        Found::NotWritten => assert_eq!(before, 0, "{place}"),
        other => panic!("{place}: {other:?}"),
    }
    // Once it was asked about, no repeat writes it any more.
    let again = run(register.register(&attempt(2), &what())).unwrap();
    assert_eq!(written(), before, "{place}: {again:?}");
    assert!(!matches!(again, FiscalOutcome::InDoubt(_)), "{place}: {again:?}");
    let told = run(play(story, &register)).unwrap();
    assert_eq!(written(), before, "{place}: the story told again: {told:?}");
    // And the device is free for the next one.
    let next = Fiscal::Receipt(Box::new(sale(1)));
    let outcome = run(register.register(&attempt(3), &next)).unwrap();
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{place}: {outcome:?}");
    let numbers: Vec<_> = world.device.documents().iter().map(|one| one.number).collect();
    assert!((1..).zip(&numbers).all(|(n, number)| n == *number), "{place}: {numbers:?}");
}

#[test]
fn a_death_at_every_point_of_every_story() {
    for all in [true, false] {
        for story in STORIES {
            let mut deaths = 0;
            for point in 0..POINTS_MAX {
                let world = opened(all);
                let over = dies(&world, story, point);
                lives_on(&world, story, &format!("{story:?} at {point}, all: {all}"));
                if over {
                    break;
                }
                deaths += 1;
            }
            assert!((2..POINTS_MAX).contains(&deaths), "{story:?} has {deaths} points");
        }
    }
}

/// It dies again while it recovers.
#[test]
fn a_death_at_every_point_of_the_recovery() {
    for all in [true, false] {
        for story in STORIES {
            for point in 0..POINTS_MAX {
                for second in 0..POINTS_MAX {
                    let world = opened(all);
                    let over = dies(&world, story, point);
                    let register = world.start(&Fuse::at(second));
                    let recovered = run(register.recover()).is_some();
                    let place = format!("{story:?} at {point} and {second}, all: {all}");
                    lives_on(&world, story, &place);
                    if over || recovered {
                        break;
                    }
                }
                if dies(&opened(all), story, point) {
                    break;
                }
            }
        }
    }
}

/// A repeat under the same id, without asking first: the document is written once all the same.
#[test]
fn a_repeat_after_a_death_at_every_point() {
    for all in [true, false] {
        for point in 0..POINTS_MAX {
            let world = opened(all);
            let over = dies(&world, Story::Register, point);
            let register = world.start(&Fuse::never());
            let mut outcome = run(register.register(&attempt(2), &what())).unwrap();
            if let FiscalOutcome::InDoubt(_) = outcome {
                let found = run(register.find(&attempt(2), &what())).unwrap();
                outcome = run(register.register(&attempt(2), &what())).unwrap();
                let is_written = matches!(outcome, FiscalOutcome::Written(_));
                assert_eq!(matches!(found, Found::Written(_)), is_written, "point {point}");
            }
            let written = usize::from(matches!(outcome, FiscalOutcome::Written(_)));
            assert_eq!(world.receipts(sale(TOTAL).total().unwrap()), written, "point {point}");
            if over {
                break;
            }
        }
    }
}

/// The program lives on, and only the caller gave up: the device is free for the next one, and what
/// became of the call is found out.
#[test]
fn a_caller_that_gives_up_at_every_point() {
    for all in [true, false] {
        for story in STORIES {
            for point in 0..POINTS_MAX {
                let world = opened(all);
                let fuse = Fuse::at(point);
                let register = world.start(&fuse);
                let over = run(play(story, &register)).is_some();
                fuse.live_on();
                let place = format!("{story:?} given up at {point}, all: {all}");
                // Whoever opened a receipt and gives up has it annulled.
                run(register.annul_receipt()).unwrap().unwrap();
                let found = run(register.find(&attempt(2), &what())).unwrap();
                let written = world.receipts(sale(TOTAL).total().unwrap());
                match found {
                    Found::Written(_) => assert_eq!(written, 1, "{place}"),
                    Found::NotWritten => assert_eq!(written, 0, "{place}"),
                    other => panic!("{place}: {other:?}"),
                }
                let next = Fiscal::Receipt(Box::new(sale(1)));
                let outcome = run(register.register(&attempt(3), &next)).unwrap();
                assert!(matches!(outcome, FiscalOutcome::Written(_)), "{place}: {outcome:?}");
                if over {
                    break;
                }
            }
        }
    }
}
