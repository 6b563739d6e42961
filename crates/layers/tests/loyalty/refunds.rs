//! Goods come back: a death at every point, a cut at every message, and both ends.

use std::sync::Arc;

use tillway_core::Kopecks;
use tillway_core::port::processing::Kind;
use tillway_layers::loyalty::Settled;

use super::till::{cheque, drain, id, pays, sale};
use super::world::{CARD, Cut, Fuse, POINTS, World, run};

/// No story has more points than this.
const POINTS_MAX: u64 = 32;

/// A world where sale 1 was paid with points in part, and is confirmed.
fn sold(world: World) -> (World, Kopecks) {
    let loyalty = world.start(&Fuse::never());
    let mut told = sale(1, &cheque(30_000));
    told.cheque = run(loyalty.calculate(&told, None, None)).unwrap().unwrap().cheque;
    run(loyalty.pay(&told, Kopecks(10_000), None, None)).unwrap().unwrap();
    run(loyalty.accrue(&told, &pays(Kopecks(27_000)), None)).unwrap().unwrap();
    run(loyalty.confirm(&id(1), None)).unwrap().unwrap();
    let balance = world.processing.balance(CARD).unwrap();
    assert_eq!(balance, Kopecks(100_000 - 10_000 + 1_350));
    (world, balance)
}

/// All of it goes back, as far as the program comes; the money is given out only when the till
/// knows how much of it is points, so without an answer it is called off.
fn give_back(world: &World, fuse: &Arc<Fuse>) -> Option<bool> {
    let loyalty = world.start(fuse);
    run(async {
        let back = sale(2, &cheque(27_000));
        let asked = loyalty.refund(&back, Some(&id(1)), None, None).await;
        let known = matches!(asked, Ok(Settled::Done(_)));
        let ended = if known {
            loyalty.confirm(&id(2), None).await
        } else {
            loyalty.cancel(&id(2), None).await
        };
        assert!(ended.is_ok(), "{ended:?}");
        known
    })
}

fn check(world: &World, (known, sold): (bool, Kopecks), place: &str) {
    drain(world, place);
    let expected = if known { POINTS } else { sold };
    assert_eq!(world.processing.balance(CARD), Some(expected), "{place}");
    assert_eq!(world.processing.unfinished(), [], "{place}");
    let kinds = world.processing.done().into_iter().map(|(_, kind)| kind);
    let confirms = kinds.filter(|kind| *kind == Kind::Confirm).count();
    assert_eq!(confirms, 1 + usize::from(known), "{place}");
}

#[test]
fn a_death_at_every_point_of_a_refund() {
    for nth in 0..World::all().len() {
        for point in 0..POINTS_MAX {
            let (world, before) = sold(World::all().remove(nth));
            let over = give_back(&world, &Fuse::at(point)).is_some();
            let place = format!("{point} with {:?}", world.resend);
            // The same calls again: what was answered is answered from the journal.
            let known = give_back(&world, &Fuse::never()).unwrap();
            // Only a processing that answers repeats can tell what it said.
            assert!(known || nth > 0, "{place}");
            check(&world, (known, before), &place);
            if over {
                assert!((8..POINTS_MAX).contains(&point), "{point} points");
                break;
            }
        }
    }
}

#[test]
fn a_cut_at_every_message_of_a_refund() {
    for world in 0..World::all().len() {
        for cut in [Cut::NoLink, Cut::Request, Cut::Answer] {
            for more in [0, 1_000] {
                for nth in 0..3 {
                    let (world, before) = sold(World::all().remove(world));
                    let fuse = Fuse::cutting(nth, cut, more);
                    let known = give_back(&world, &fuse).unwrap();
                    let place = format!("{cut:?} at {nth}, then {more}");
                    assert_eq!(known, nth > 0, "{place}");
                    check(&world, (known, before), &place);
                }
            }
        }
    }
}

/// Goods that were bought without points are given back without a link: it is told later.
#[test]
fn a_refund_without_a_link() {
    for world in World::all() {
        let loyalty = world.start(&Fuse::never());
        let told = sale(1, &cheque(27_000));
        run(loyalty.accrue(&told, &pays(Kopecks(37_000)), None)).unwrap().unwrap();
        run(loyalty.confirm(&id(1), None)).unwrap().unwrap();
        world.processing.link(false);
        let back = sale(2, &cheque(27_000));
        let asked = run(loyalty.refund(&back, Some(&id(1)), None, None)).unwrap().unwrap();
        assert!(matches!(asked, Settled::Later(_)), "{asked:?}");
        let ended = run(loyalty.confirm(&id(2), None)).unwrap().unwrap();
        assert!(matches!(ended, Settled::Later(_)), "{ended:?}");
        drain(&world, "the link is back");
        assert_eq!(world.processing.balance(CARD), Some(POINTS));
        // The rest is nothing: once more is refused, and told at the till.
        let loyalty = world.start(&Fuse::never());
        let more = sale(3, &cheque(27_000));
        assert!(run(loyalty.refund(&more, Some(&id(1)), None, None)).unwrap().is_err());
        assert!(run(loyalty.cancel(&id(3), None)).unwrap().is_ok());
        assert_eq!(run(loyalty.unfinished()).unwrap(), Ok(0));
    }
}
