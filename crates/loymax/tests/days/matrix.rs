//! Every message of every sale, and every point where the program may die.

use std::time::Duration;

use tillway_transport::fault::Fault;

use super::cut::{Cut, Fuse};
use super::till::{Till, check};
use super::world::{Way, World, run};

/// No story has more points than this.
const POINTS_MAX: u64 = 40;

/// A sale with points or without, by a till that goes on or begins anew, quick or slow.
fn tills(world: &World) -> Vec<Till> {
    let habits = [(0, false, 0), (5_000, false, 61), (5_000, true, 0), (5_000, true, 61)];
    let till = |(wish, begins_anew, pause)| Till {
        begins_anew,
        pause: Duration::from_secs(pause),
        ..Till::new(world, 1, 1, 30_000, wish)
    };
    habits.map(till).into()
}

/// Plays to the end, and holds the books.
fn finish(world: &World, mut till: Till, place: &str) {
    if !till.is_done() {
        let played = run(till.sell(&world.start(&Fuse::never()), world));
        assert!(played.is_some() && till.is_done(), "{place}: {till:?}");
    }
    assert!(till.earns(), "{place}");
    run(check(world, &world.start(&Fuse::never()), &[till], place)).unwrap();
}

#[test]
fn a_death_before_and_after_every_message() {
    for way in Way::ALL {
        for at in 0..tills(&World::new(way)).len() {
            let mut deaths = 0;
            for point in 0..POINTS_MAX {
                let world = World::new(way);
                let mut till = tills(&world).swap_remove(at);
                let over = run(till.sell(&world.start(&Fuse::at(point)), &world)).is_some();
                finish(&world, till, &format!("death {point} of till {at}, {way:?}"));
                if over {
                    break;
                }
                deaths += 1;
            }
            // Calculate, accrue and confirm have two points each.
            assert!((6..POINTS_MAX).contains(&deaths), "{deaths} points, {way:?}");
        }
    }
}

/// Each profile, each policy; the other pairs are for the long run.
#[test]
fn a_cut_before_and_after_every_message() {
    cuts(&[Way::SIGNED[1], Way::SIGNED[2]]);
}

#[test]
#[ignore = "half a minute of signatures: before a release"]
fn a_cut_before_and_after_every_message_in_every_way() {
    cuts(&Way::ALL);
}

fn cuts(ways: &[Way]) {
    for way in ways.iter().copied() {
        for cut in Cut::all(way.signs()) {
            for at in 0..tills(&World::new(way)).len() {
                // Then the link stays away, or it was that message alone.
                let away = matches!(cut, Cut::Way(Fault::LoseRequest | Fault::LoseAnswer));
                for more in [0, 1_000].into_iter().take(1 + usize::from(away)) {
                    for nth in 0..POINTS_MAX {
                        let world = World::new(way);
                        let mut till = tills(&world).swap_remove(at);
                        let fuse = Fuse::cutting(nth, cut.clone(), more);
                        let place = format!("{cut:?} at {nth}, then {more}, till {at}, {way:?}");
                        let played = run(till.sell(&world.start(&fuse), &world));
                        assert!(played.is_some(), "{place}");
                        let sent = fuse.sent();
                        finish(&world, till, &place);
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
