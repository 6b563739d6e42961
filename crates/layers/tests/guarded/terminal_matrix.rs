//! A card terminal whose program dies at every point of every story, and of the recovery.

use tillway_core::Kopecks;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    Attempt, MoneyOutcome, Operation, Original, ReconcileOutcome, Resolution, TwoPhase,
};
use tillway_layers::guarded::Resolved;
use tillway_memory::{MoveKind, TerminalMishap};

use super::cut::{Fuse, run};
use super::terminal_cut::{AMOUNT, Nobody, PAY, Place, Terminal, original};

/// No story and no recovery has more points than this.
const POINTS_MAX: u64 = 64;

/// What a caller does with payment 1 and its undoing 2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Story {
    Pay,
    /// Asks about it before it ever began.
    Resolve,
    Confirm,
    RollBack,
    Cancel,
    /// The answer to the roll-back is lost, and it is asked for.
    RollBackInDoubt,
}

const STORIES: [Story; 6] = [
    Story::Pay,
    Story::Resolve,
    Story::Confirm,
    Story::RollBack,
    Story::Cancel,
    Story::RollBackInDoubt,
];

/// Both attempts of a story, chosen before it begins.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    payment: Attempt,
    undoing: Attempt,
}

impl Attempts {
    fn of(place: &Place) -> Self {
        Self { payment: place.attempt(1), undoing: place.attempt(2) }
    }
}

fn undoing(story: Story, of: Original) -> Operation {
    match story {
        Story::Cancel => Operation::Cancel { of, amount: AMOUNT },
        _ => Operation::RollBack { of },
    }
}

/// Plays a story as a sale would: what is in doubt is left to the recovery.
async fn play(story: Story, place: &Place, terminal: &Terminal, ids: Attempts) {
    if story == Story::Resolve {
        let found = terminal.resolve(&ids.payment, &PAY, &Nobody).await;
        assert!(matches!(found, Resolution::NotPerformed(_)), "{found:?}");
        return;
    }
    let MoneyOutcome::Approved(paid) = terminal.perform(&ids.payment, &PAY).await else { return };
    if story == Story::Pay {
        return;
    }
    if story != Story::Cancel {
        terminal.hold(&ids.payment, &paid).await.unwrap();
    }
    if story == Story::Confirm {
        terminal.confirm(&ids.payment, &paid).await.unwrap();
        return;
    }
    if story == Story::RollBackInDoubt {
        place.device.befall(TerminalMishap::LostAnswer);
    }
    let what = undoing(story, original(ids.payment, &paid));
    let outcome = terminal.perform(&ids.undoing, &what).await;
    if let MoneyOutcome::InDoubt(_) = outcome {
        let found = terminal.resolve(&ids.undoing, &what, &Nobody).await;
        assert!(matches!(found, Resolution::Approved(_)), "{found:?}");
    }
}

/// What the bank gave and took: payments and what undid them.
fn sums(place: &Place) -> (usize, usize) {
    let moves = place.device.moves();
    let of = |pay: bool| {
        let these = moves.iter().filter(|one| (one.kind == MoveKind::Pay) == pay);
        these.filter(|one| one.amount == AMOUNT).count()
    };
    (of(true), of(false))
}

/// The program is started anew, and settles all; what is held it confirms.
fn lives_on(story: Story, place: &Place, ids: Attempts, at: &str) {
    place.wait();
    place.device.mend();
    let terminal = place.start(&Fuse::never());
    for one in run(terminal.recover()).unwrap().unwrap() {
        let Resolved { attempt, found, held, .. } = one;
        match found {
            Resolution::Approved(approval) if held => {
                run(terminal.confirm(&attempt, &approval)).unwrap().unwrap();
            }
            Resolution::Approved(_) | Resolution::NotPerformed(_) => {}
            other => panic!("{at}: {other:?}"),
        }
    }
    assert_eq!(run(terminal.recover()).unwrap().unwrap(), [], "{at}: something is left");
    let (taken, back) = sums(place);
    assert!(taken <= 1 && back <= taken, "{at}: taken {taken} times, given back {back} times");
    let payment = run(terminal.resolve(&ids.payment, &PAY, &Nobody)).unwrap();
    let approval = match payment {
        Resolution::Approved(approval) => Some(approval),
        Resolution::NotPerformed(_) => None,
        other => panic!("{at}: {other:?}"),
    };
    assert_eq!(approval.is_some(), taken == 1, "{at}: {approval:?}");
    if let Some(approval) = approval {
        let what = undoing(story, original(ids.payment, &approval));
        let undone = run(terminal.resolve(&ids.undoing, &what, &Nobody)).unwrap();
        assert_eq!(matches!(undone, Resolution::Approved(_)), back == 1, "{at}: {undone:?}");
        // What is undone is confirmed by nobody.
        if back == 1 && story != Story::Cancel {
            assert!(run(terminal.confirm(&ids.payment, &approval)).unwrap().is_err(), "{at}");
        }
        let again = run(terminal.perform(&ids.undoing, &what)).unwrap();
        assert!(!matches!(again, MoneyOutcome::InDoubt(_)), "{at}: {again:?}");
    }
    let again = run(terminal.perform(&ids.payment, &PAY)).unwrap();
    assert!(!matches!(again, MoneyOutcome::InDoubt(_)), "{at}: {again:?}");
    assert_eq!(sums(place), (taken, back), "{at}: a repeat moved money");
    // And the terminal is free for the next guest, and for the end of the day.
    let next = Operation::Pay { amount: Kopecks(1) };
    let outcome = run(terminal.perform(&place.attempt(9), &next)).unwrap();
    assert!(matches!(outcome, MoneyOutcome::Approved(_)), "{at}: {outcome:?}");
    let reconciled = run(terminal.reconcile()).unwrap();
    assert!(matches!(reconciled, ReconcileOutcome::Done(_)), "{at}: {reconciled:?}");
    assert_eq!(sums(place), (taken, back), "{at}: the next guest's payment undid it");
}

/// The program dies at this point of the story; says whether the story was over before.
fn dies(story: Story, place: &Place, ids: Attempts, point: u64) -> bool {
    let terminal = place.start(&Fuse::at(point));
    run(play(story, place, &terminal, ids)).is_some()
}

#[test]
fn qc3_a_death_at_every_point_of_every_payment() {
    for phases in [TwoPhase::Native, TwoPhase::Emulated] {
        for story in STORIES {
            let mut deaths = 0;
            for point in 0..POINTS_MAX {
                let place = Place::new(phases);
                let ids = Attempts::of(&place);
                let over = dies(story, &place, ids, point);
                lives_on(story, &place, ids, &format!("{story:?} at {point}, {phases:?}"));
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
fn a_death_at_every_point_of_the_recovery_of_a_payment() {
    for phases in [TwoPhase::Native, TwoPhase::Emulated] {
        for story in STORIES {
            for point in 0..POINTS_MAX {
                let mut over = false;
                for second in 0..POINTS_MAX {
                    let place = Place::new(phases);
                    let ids = Attempts::of(&place);
                    over = dies(story, &place, ids, point);
                    place.wait();
                    let recovered = run(place.start(&Fuse::at(second)).recover()).is_some();
                    let at = format!("{story:?} at {point} and {second}, {phases:?}");
                    lives_on(story, &place, ids, &at);
                    if recovered {
                        break;
                    }
                }
                if over {
                    break;
                }
            }
        }
    }
}

/// The program lives on, and only the caller gave up.
#[test]
fn a_caller_of_a_payment_that_gives_up_at_every_point() {
    for story in STORIES {
        for point in 0..POINTS_MAX {
            let place = Place::new(TwoPhase::Native);
            let ids = Attempts::of(&place);
            let fuse = Fuse::at(point);
            let terminal = place.start(&fuse);
            let over = run(play(story, &place, &terminal, ids)).is_some();
            fuse.live_on();
            drop(terminal);
            lives_on(story, &place, ids, &format!("{story:?} given up at {point}"));
            if over {
                break;
            }
        }
    }
}
