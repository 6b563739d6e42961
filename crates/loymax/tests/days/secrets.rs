//! What is believed: nothing that is not signed is used.

use std::time::Duration;

use tillway_core::Kopecks;
use tillway_core::port::Clock;
use tillway_layers::loyalty::Settled;
use tillway_sim::loymax::{Fault as PeerFault, Step};
use tillway_transport::fault::Fault;

use super::cut::{Cut, Fuse};
use super::till::{Till, cheque, id, sale};
use super::world::{POINTS, Way, World, drain, guests, run};

/// Messages whose answers are forged or bare: whatever they say, the guest's points
/// and the till's prices are those of a till without a link.
#[test]
fn no_answer_with_a_bad_signature_is_used() {
    for way in Way::SIGNED {
        for fault in [PeerFault::BadSignature, PeerFault::NoSignature] {
            let world = World::new(way);
            for number in 1..=16 {
                let mut till = Till::new(&world, number, 0, 30_000, 5_000);
                let fuse = Fuse::cutting(0, Cut::Peer(fault.clone()), 0);
                run(till.sell(&world.start(&fuse), &world)).unwrap();
                let receipt = till.receipt.unwrap();
                assert_eq!(receipt.cheque, till.cheque, "no discount was believed");
                assert_eq!(receipt.points, Kopecks::ZERO);
                world.clock.advance(Duration::from_secs(301));
            }
            let loyalty = world.start(&Fuse::never());
            // Every answer from now on: nothing is ever settled.
            for _ in 0..64 {
                world.processing.push(Step::next(fault.clone()));
            }
            let before = run(loyalty.unfinished()).unwrap().unwrap();
            let drained = run(loyalty.drain(32)).unwrap();
            assert!(drained.sent > 0 || before == 0, "{drained:?}");
            assert_eq!(run(loyalty.unfinished()).unwrap().unwrap(), before, "{fault:?}");
        }
    }
}

/// A refusal that is forged is no refusal: what is told stays in the queue.
#[test]
fn no_forged_refusal_is_used() {
    for way in Way::SIGNED {
        let world = World::new(way);
        let fuse = Fuse::cutting(0, Cut::Way(Fault::Refuse), 0);
        let loyalty = world.start(&fuse);
        let sale = sale(1, 0, &cheque(world.clock.now(), 30_000));
        let told = run(loyalty.accrue(&sale, &[], None)).unwrap().unwrap();
        assert!(matches!(told, Settled::Later(_)), "{told:?}");
        // The guest is gone, and the processing's word for it is forged.
        let guest = guests().next().unwrap();
        let kept = world.processing.house().with(|store| store.guests.remove(&guest).unwrap());
        world.processing.push(Step::next(PeerFault::BadSignature));
        world.clock.advance(Duration::from_secs(301));
        let loyalty = world.start(&Fuse::never());
        run(loyalty.drain(1)).unwrap();
        assert_eq!(run(loyalty.listed()).unwrap().unwrap(), []);
        world.processing.house().with(|store| store.guests.insert(guest, kept));
        run(loyalty.confirm(&id(1), None)).unwrap().unwrap();
        run(drain(&world, &loyalty, "forged refusal")).unwrap();
        let points = world.processing.house().with(|store| store.guests[&guest].points);
        assert!(points > POINTS, "{points:?}");
        assert_eq!(world.processing.house().available(guest), Some(points));
    }
}
