//! Every point of every story, and every message of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tillway_core::port::CommitError;

use super::till::{Habit, Till, check};
use super::world::{Cut, Fuse, World};

/// No story has more points than this.
const POINTS_MAX: u64 = 64;

/// Sales with points and without, by tills of both habits, quick ones and slow ones.
fn tills() -> Vec<Till> {
    let mut tills = Vec::new();
    for wish in [0, 5_000] {
        for habit in [Habit::GoesOn, Habit::BeginsAnew] {
            for pause in [0, 61] {
                let pause = Duration::from_secs(pause);
                tills.push(Till { habit, pause, ..Till::new(1, 30_000, wish) });
            }
        }
    }
    tills
}

#[test]
fn a_death_at_every_point_of_every_sale() {
    for world in 0..World::all().len() {
        for till in tills() {
            let mut deaths = 0;
            for point in 0..POINTS_MAX {
                let (world, mut till) = (World::all().remove(world), till.clone());
                let over = till.play(&world, &Fuse::at(point));
                let place = format!("{point} of {:?} with {:?}", till.habit, world.resend);
                assert!(till.play(&world, &Fuse::never()), "{place}");
                assert!(till.is_done() && till.earns(), "{place}");
                check(&world, &[till], &place);
                if over {
                    break;
                }
                deaths += 1;
            }
            assert!((12..POINTS_MAX).contains(&deaths), "{deaths} points");
        }
    }
}

/// It dies again while it recovers.
#[test]
fn a_death_at_every_point_of_the_recovery() {
    let till = Till { habit: Habit::BeginsAnew, ..Till::new(1, 30_000, 5_000) };
    for point in 0..POINTS_MAX {
        for second in 0..POINTS_MAX {
            let (world, mut till) = (World::all().remove(1), till.clone());
            let over = till.play(&world, &Fuse::at(point));
            let recovered = till.play(&world, &Fuse::at(second));
            let place = format!("{point} and {second}");
            assert!(till.play(&world, &Fuse::never()), "{place}");
            check(&world, &[till], &place);
            if over || recovered {
                break;
            }
        }
    }
}

/// The link is cut before and after each message, for that one alone or until the end of the sale.
#[test]
fn a_cut_at_every_message() {
    for world in 0..World::all().len() {
        for till in tills() {
            for cut in [Cut::NoLink, Cut::Request, Cut::Answer] {
                for more in [0, 1, 1_000] {
                    for nth in 0..POINTS_MAX {
                        let (world, mut till) = (World::all().remove(world), till.clone());
                        let fuse = Fuse::cutting(nth, cut, more);
                        let place = format!("{cut:?} at {nth}, then {more}: {till:?}");
                        assert!(till.play(&world, &fuse) && till.is_done(), "{place}");
                        assert!(till.earns(), "{place}");
                        let sent = fuse.sent.load(Ordering::Relaxed);
                        check(&world, &[till], &place);
                        if nth >= sent {
                            assert!(sent >= 3, "{place}: {sent}");
                            break;
                        }
                    }
                }
            }
        }
    }
}

/// The store does not say whether a commit was saved, or cannot be reached for one.
#[test]
fn a_store_that_loses_answers() {
    let errors = [
        (CommitError::InDoubt, true),
        (CommitError::InDoubt, false),
        (CommitError::Unavailable, false),
        (CommitError::Full, false),
    ];
    for (error, saved) in errors {
        for till in tills() {
            for nth in 0..POINTS_MAX {
                let (world, mut till) = (World::all().remove(0), till.clone());
                let fuse = Fuse::never();
                *fuse.commit.lock().unwrap() = Some((nth, error.clone(), saved));
                let place = format!("{error:?} {saved} at {nth}: {till:?}");
                assert!(till.play(&world, &fuse), "{place}");
                let failed = fuse.commit.lock().unwrap().is_none();
                if !till.is_done() {
                    assert!(till.play(&world, &Fuse::never()) && till.is_done(), "{place}");
                }
                check(&world, &[till], &place);
                if !failed {
                    assert!(nth >= 4, "{place}");
                    break;
                }
            }
        }
    }
}
