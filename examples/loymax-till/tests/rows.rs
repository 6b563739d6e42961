//! Each row of the levels (loymax.md 16) passes, and fails where the processing is broken in what
//! the row is about.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use loymax_till::keys::Whose;
use loymax_till::levels::{ROWS, Setting};
use tillway::core::Kopecks;
use tillway::loymax::dialect::Letters;
use tillway::loymax::sign::Profile;
use tillway::sim::loymax::house::{
    CardState, ClientId, Effect, KeyKind, Kind, Percent, RefundType, RequestAuth, Step as Asked,
    Store,
};
use tillway::sim::loymax::{Fault, Processing, Step};

/// The row passes; and it fails on each processing that is broken in it, at least one.
async fn proven(number: u32) {
    let setting = Setting::new(Profile::None, Letters::Utf8);
    let row = ROWS.iter().find(|row| row.number == number).unwrap();
    assert_eq!(row.run(setting, Arc::new(|_: &Processing| {})).await, Ok(()));
    let broken: Vec<_> = BROKEN.iter().filter(|(it, ..)| *it == number).collect();
    assert!(!broken.is_empty(), "nothing breaks row {number}");
    for (_, how, breaks) in broken {
        let failed = row.run(setting, Arc::new(*breaks)).await;
        assert!(failed.is_err(), "row {number} passes although {how}");
    }
}

#[tokio::test]
async fn lx1_a_card_by_its_barcode() {
    proven(1).await;
}

#[tokio::test]
async fn lx2_a_card_by_its_stripe() {
    proven(2).await;
}

#[tokio::test]
async fn lx3_a_guest_by_phone() {
    proven(3).await;
}

#[tokio::test]
async fn lx4_a_guest_by_a_qr_code() {
    proven(4).await;
}

#[tokio::test]
async fn lx5_cards_by_masks() {
    proven(5).await;
}

#[tokio::test]
async fn lx6_a_cheque_without_a_card() {
    proven(6).await;
}

#[tokio::test]
async fn lx7_a_coupon_by_its_barcode() {
    proven(7).await;
}

#[tokio::test]
async fn lx8_a_coupon_by_its_stripe() {
    proven(8).await;
}

#[tokio::test]
async fn lx9_a_coupon_by_its_qr_code() {
    proven(9).await;
}

#[tokio::test]
async fn lx10_a_coupon_beside_a_card() {
    proven(10).await;
}

#[tokio::test]
async fn lx11_a_coupon_printed_as_a_barcode() {
    proven(11).await;
}

#[tokio::test]
async fn lx12_a_coupon_printed_as_a_qr_code() {
    proven(12).await;
}

#[tokio::test]
async fn lx13_goods_by_code_and_by_barcode() {
    proven(13).await;
}

#[tokio::test]
async fn lx14_goods_on_offer_already() {
    proven(14).await;
}

#[tokio::test]
async fn lx15_the_least_price() {
    proven(15).await;
}

#[tokio::test]
async fn lx16_the_balance() {
    proven(16).await;
}

#[tokio::test]
async fn lx17_what_may_be_taken() {
    proven(17).await;
}

#[tokio::test]
async fn lx18_discounts_of_the_till() {
    proven(18).await;
}

#[tokio::test]
async fn lx19_direct_discounts() {
    proven(19).await;
}

#[tokio::test]
async fn lx20_refunds() {
    proven(20).await;
}

#[tokio::test]
async fn lx21_what_the_cashier_reads() {
    proven(21).await;
}

#[tokio::test]
async fn lx22_what_the_receipt_says() {
    proven(22).await;
}

#[tokio::test]
async fn lx23_slips_of_both_kinds() {
    proven(23).await;
}

#[tokio::test]
async fn lx24_signatures_of_both_sides() {
    proven(24).await;
}

#[tokio::test]
async fn lx25_no_link() {
    proven(25).await;
}

#[tokio::test]
async fn lx26_orders_of_a_web_shop() {
    proven(26).await;
}

#[tokio::test]
async fn lx27_favourite_goods() {
    proven(27).await;
}

#[tokio::test]
async fn lx28_registration() {
    proven(28).await;
}

#[tokio::test]
async fn lx29_a_card_is_issued() {
    proven(29).await;
}

#[tokio::test]
async fn lx30_a_card_is_replaced() {
    proven(30).await;
}

/// Breaks a processing.
type Break = fn(&Processing);

fn store(processing: &Processing, change: impl FnOnce(&mut Store)) {
    processing.house().with(change);
}

fn effect(processing: &Processing, offer: u32, effect: Effect) {
    store(processing, |store| {
        let effects = &mut store.offers.get_mut(&offer).unwrap().effects;
        let same =
            |known: &Effect| core::mem::discriminant(known) == core::mem::discriminant(&effect);
        let place = effects.iter().position(same).unwrap();
        effects[place] = effect;
    });
}

/// A row, and what breaks it.
const BROKEN: &[(u32, &str, Break)] = &[
    (1, "no mask", |p| store(p, |s| s.masks.clear())),
    (1, "zeros in front are cut", |p| {
        store(p, |s| s.masks.retain(|mask| mask.kind != KeyKind::CardNumber));
    }),
    (2, "a card without tracks", |p| {
        store(p, |s| s.cards.get_mut("2990000000019").unwrap().tracks = [None, None, None]);
    }),
    (3, "another phone", |p| {
        store(p, |s| s.guests.get_mut(&ClientId::DEMO).unwrap().phone = None);
    }),
    (4, "QR codes are not known", |p| {
        store(p, |s| s.masks.retain(|mask| mask.kind != KeyKind::QrCode));
    }),
    (5, "other points", |p| points(p, 24_900)),
    (6, "no offer without a card", |p| {
        store(p, |s| s.offers.get_mut(&20).unwrap().guests_only = true);
    }),
    (7, "a coupon that is never used up", |p| reusable(p)),
    (7, "a discount without a coupon", |p| {
        store(p, |s| s.offers.get_mut(&12).unwrap().coupon = None);
    }),
    (8, "a coupon without tracks", |p| {
        store(p, |s| s.coupons.get_mut("SPRING-20").unwrap().tracks = [None, None, None]);
    }),
    (9, "a coupon with another QR code", |p| {
        store(p, |s| s.coupons.get_mut("SPRING-21").unwrap().qr = None);
    }),
    (10, "one discount alone", |p| store(p, |s| drop(s.offers.remove(&12)))),
    (11, "no coupon is issued", |p| store(p, |s| drop(s.offers.remove(&30)))),
    (12, "another series is issued", |p| {
        effect(p, 30, Effect::IssueCoupon("SPRING".to_owned()));
    }),
    (13, "goods without a barcode", |p| {
        store(p, |s| s.goods.get_mut("SKU-1001").unwrap().barcodes.clear());
    }),
    (14, "the flag is passed over", |p| {
        store(p, |s| s.offers.get_mut(&12).unwrap().skip_promo = false);
    }),
    (15, "a smaller discount", |p| effect(p, 13, Effect::Discount(Percent::of(12)))),
    (16, "other points", |p| points(p, 25_001)),
    (17, "a larger share", |p| effect(p, 20, Effect::PayCap(Percent::of(31)))),
    (18, "another discount", |p| effect(p, 13, Effect::Discount(Percent(2_001)))),
    (19, "another discount", |p| effect(p, 12, Effect::Discount(Percent(1_001)))),
    (20, "points come back first", |p| {
        store(p, |s| s.tills.get_mut("TILL-0007").unwrap().refund_type = RefundType::BonusFirst);
    }),
    (20, "other points are earned", |p| effect(p, 20, Effect::Cashback(Percent(501)))),
    (21, "other points are earned", |p| effect(p, 20, Effect::Cashback(Percent(501)))),
    (22, "other points are earned", |p| effect(p, 20, Effect::Cashback(Percent(501)))),
    (23, "points are not taken", |p| {
        p.push(Step::at(Kind::Pay, Fault::Code(222)));
    }),
    (24, "signatures are not looked at", |p| {
        store(p, |s| s.tills.get_mut("TILL-0007").unwrap().request_auth = RequestAuth::None);
    }),
    (24, "answers are signed by somebody else", |p| {
        p.sign(Profile::DetachedBody, Whose::Foreign.identity().unwrap());
    }),
    (25, "purchases are forgotten in a minute", |p| {
        store(p, |s| s.rules.abandoned_after = std::time::Duration::from_secs(60));
    }),
    (25, "other points are earned", |p| effect(p, 20, Effect::Cashback(Percent(501)))),
    (26, "the shop has another partner", |p| {
        store(p, |s| s.tills.get_mut("TILL-0008").unwrap().partner = "2".to_owned());
    }),
    (27, "no offer on favourite goods", |p| store(p, |s| drop(s.offers.remove(&40)))),
    (27, "every cell can be changed", |p| {
        store(p, |s| s.public.favourites.values_mut().for_each(|set| set.locked.clear()));
    }),
    (28, "another step", |p| store(p, |s| s.public.program.steps.push(Asked::Password))),
    (29, "the blank card is issued already", |p| {
        store(p, |s| s.cards.get_mut("2990000000026").unwrap().state = CardState::Issued);
    }),
    (30, "old cards must be blocked first", |p| {
        store(p, |s| s.rules.block_before_replace = true);
    }),
];

fn points(processing: &Processing, points: i64) {
    store(processing, |s| s.guests.get_mut(&ClientId::DEMO).unwrap().points = Kopecks(points));
}

fn reusable(processing: &Processing) {
    store(processing, |s| s.series.get_mut("SPRING").unwrap().reusable = true);
}
