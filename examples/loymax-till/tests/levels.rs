//! The report of levels (loymax.md 16): thirty of thirty rows under every profile of signatures and
//! both kinds of letters, and each row fails where the processing is broken in what it is about.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use loymax_till::keys::Whose;
use loymax_till::levels::{ROWS, Report, Reports, Setting};
use tillway::core::Kopecks;
use tillway::core::port::processing::Level;
use tillway::loymax::dialect::Letters;
use tillway::loymax::sign::Profile;
use tillway::sim::loymax::house::{
    CardState, ClientId, Effect, KeyKind, Kind, Percent, RefundType, RequestAuth, Step as Asked,
    Store,
};
use tillway::sim::loymax::{Fault, Processing, Step};

async fn reached(setting: Setting) {
    let report = Report::run(Level::Maximum, setting).await;
    println!("{report}\n");
    assert!(report.to_string().ends_with("\n30 of 30"), "{report}");
    assert!(report.is_reached(), "{report}");
}

#[tokio::test]
async fn thirty_of_thirty_without_signatures() {
    reached(Setting::new(Profile::None, Letters::Utf8)).await;
    reached(Setting::new(Profile::None, Letters::Windows1251)).await;
}

#[tokio::test]
async fn thirty_of_thirty_with_detached_signatures() {
    reached(Setting::new(Profile::DetachedBody, Letters::Utf8)).await;
    reached(Setting::new(Profile::DetachedBody, Letters::Windows1251)).await;
}

#[tokio::test]
async fn thirty_of_thirty_with_enveloped_signatures() {
    reached(Setting::new(Profile::EnvelopedXmlDsig, Letters::Utf8)).await;
    reached(Setting::new(Profile::EnvelopedXmlDsig, Letters::Windows1251)).await;
}

#[tokio::test]
async fn a_lower_level_has_its_rows_in_one_table() {
    let reports = Reports::run(Level::Minimum).await;
    let table = reports.to_string();
    assert!(reports.is_reached() && table.ends_with("\n10 of 10"), "{table}");
    assert!(table.contains(" 19  мин   да  да  да  да  да  да   Прямые скидки\n"), "{table}");
}

#[test]
fn the_levels_have_ten_twenty_and_thirty_rows() {
    let count = |level| ROWS.iter().filter(|row| row.level <= level).count();
    let counts = [Level::Minimum, Level::Middle, Level::Maximum].map(count);
    assert_eq!(counts, [10, 20, 30]);
    assert!((1..).zip(ROWS).all(|(number, row)| row.number == number));
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

#[tokio::test]
async fn every_row_fails_on_a_processing_that_is_broken_in_it() {
    let setting = Setting::new(Profile::None, Letters::Utf8);
    for (number, how, broken) in BROKEN {
        let row = ROWS.iter().find(|row| row.number == *number).unwrap();
        let failed = row.run(setting, Arc::new(broken)).await;
        assert!(failed.is_err(), "row {number} passes although {how}");
        println!("{number:>2} {how}: {}", failed.unwrap_err());
    }
    let untried = ROWS.iter().find(|row| !BROKEN.iter().any(|(it, ..)| *it == row.number));
    assert!(untried.is_none(), "{untried:?}");
}
