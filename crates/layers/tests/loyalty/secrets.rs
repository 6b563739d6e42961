//! Nothing that names a guest stands in the journal, or is shown.

use tillway_core::Kopecks;
use tillway_core::book::{Seq, StreamKind};
use tillway_core::loyalty::Carrier;
use tillway_core::loyalty::{Coupon, Pin};
use tillway_core::port::{Journal, Query};
use tillway_layers::loyalty::{BodyKeys, ResendId};
use tillway_memory::{Duplicates, Member};

use super::till::{cheque, id, pays, sale};
use super::world::{CARD, Cut, Fuse, POINTS, World, run};

/// All bytes of all streams.
fn journal(world: &World) -> Vec<u8> {
    let query = Query { kind: Some(StreamKind::Purchase), ..Query::default() };
    let heads = run(world.store.heads(&query, None, 1_000)).unwrap().unwrap();
    let records = heads
        .iter()
        .flat_map(|head| run(world.store.load(head.stream, Seq(0), 1_000)).unwrap().unwrap());
    records.flat_map(|stored| stored.record.body.to_vec()).collect()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_journal_names_no_guest() {
    for cut in [None, Some(Cut::Answer)] {
        let world = World::new(Duplicates::Replay, ResendId::Same);
        let (shows, pin) = (vec![CARD.into()], Some("4711-0815".into()));
        world.processing.join(Member { shows, points: POINTS, pin, blocked: false });
        let fuse = cut.map_or_else(Fuse::never, |cut| Fuse::cutting(1, cut, 0));
        let loyalty = world.start(&fuse);
        let mut told = sale(1, &cheque(30_000));
        told.coupons = vec![Coupon { carrier: Carrier::Qr, value: "SPRING-20".into() }];
        told.cheque = run(loyalty.calculate(&told, None, None)).unwrap().unwrap().cheque;
        let pin = Some(Pin::new("4711-0815"));
        let _ = run(loyalty.pay(&told, Kopecks(5_000), pin, Some("Анна"))).unwrap();
        let _ = run(loyalty.accrue(&told, &pays(Kopecks(32_000)), Some("Анна"))).unwrap();
        let arrived = world.processing.arrived().into_iter().flat_map(|(_, bytes)| bytes);
        let (arrived, journal) = (arrived.collect::<Vec<u8>>(), journal(&world));
        for secret in ["4711-0815", CARD, "SPRING-20", "SKU-1"] {
            assert!(has(&arrived, secret), "it was sent: {secret}");
            assert!(!has(&journal, secret), "it was written down: {secret}");
        }
        assert!(has(&journal, "till-1"), "the journal was read");
        let shown = format!("{loyalty:?} {told:?}");
        assert!(!shown.contains(CARD) && !shown.contains("SPRING-20"), "{shown}");
        let standing = format!("{:?}", run(loyalty.standing(&id(1))).unwrap().unwrap());
        assert!(!standing.contains(CARD), "{standing}");
    }
}

#[test]
fn a_key_is_not_shown() {
    let keys = BodyKeys::new(5, [0x5A; 32]).and_older(4, [0x5B; 32]);
    assert_eq!(format!("{keys:?}"), "BodyKeys { current: 5, older: [4], .. }");
}

/// A processing may say whom it refuses; what is kept and shown of that names nobody.
#[test]
fn a_refusal_names_nobody_in_the_journal() {
    const WORDS: &str =
        "Клиент +7 (999) 000-00-01 (79990000001), LMXQR1.57.123456: SPRING-20 нельзя";
    for late in [false, true] {
        let world = World::new(Duplicates::Reject, ResendId::Same);
        let fuse = Fuse::never();
        *fuse.words.lock().unwrap() = Some(WORDS);
        let loyalty = world.start(&fuse);
        let mut told = sale(1, &cheque(30_000));
        let kind = tillway_core::loyalty::IdentifierKind::Qr;
        let value = "LMXQR1.57.123456".into();
        told.guest = Some(tillway_core::loyalty::Identifier { kind, value });
        told.coupons = vec![Coupon { carrier: Carrier::Qr, value: "SPRING-20".into() }];
        world.processing.link(!late);
        let calculated = run(loyalty.calculate(&told, None, None)).unwrap();
        let accrued = run(loyalty.accrue(&told, &[], None)).unwrap();
        world.processing.link(true);
        world.clock.advance(std::time::Duration::from_secs(301));
        run(loyalty.drain(10)).unwrap();
        let listed = run(loyalty.listed()).unwrap().unwrap();
        let journal = journal(&world);
        let shown = format!("{calculated:?} {accrued:?} {listed:?}");
        assert!(has(&journal, "нельзя") && shown.contains("нельзя"), "it was refused: {shown}");
        for secret in ["(999) 000", "79990000001", "LMXQR1", "SPRING"] {
            assert!(!has(&journal, secret), "it was written down: {secret}");
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
