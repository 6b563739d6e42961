//! What the waiter's screen shows, and how much may be paid (rows W35 to W49, L1 to L5).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use tillway_core::AccountKind::{self, Bonus, Credit, Deposit};
use tillway_core::account::AccountStatus;
use tillway_core::book::Op;
use tillway_core::guest::Names;
use tillway_core::money::Kopecks;
use tillway_memory::MemoryStore;
use tillway_testkit::builders::{Persona, all_three, anna, nameless};
use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue};
use tillway_tests::waiter::{ANNA, FEDOR, ORDER_83, is_empty, of, shows};
use tillway_transport::server::ServerConfig;

/// The largest photo that is sent.
const PHOTO_MAX: usize = 512 * 1024;

/// A guest of client id and card `N`, without accounts.
fn guest(number: &str) -> Persona {
    let names = Names { first: Some("Ия".into()), ..Names::default() };
    Persona::new(number, names).with_carrier(number)
}

/// The wallets of a guest as they are to be shown.
fn wallets(persona: &Persona, shown: &[(AccountKind, &str, &str)]) -> String {
    let one = |(kind, name, balance): &(AccountKind, &str, &str)| {
        let id = persona.account(*kind);
        format!(r#"{{"Id":"{id}","Name":"{name}","Balance":{balance}}}"#)
    };
    let all: Vec<_> = shown.iter().map(one).collect();
    format!(r#""UserWallets":[{}]"#, all.join(","))
}

fn annas() -> String {
    let all = wallets(&anna(), &[(Bonus, "Бонусы", "84865"), (Deposit, "Депозит", "100941")]);
    let hints = r#"["Анна Сергеевна","Овердрафт подключён"]"#;
    format!(r#"{{"ProductSKUs":["00042","00108"],{all},"Suggestions":{hints}}}"#)
}

/// Changes the terms of an account.
fn terms(
    venue: &Venue,
    persona: &Persona,
    kind: AccountKind,
    overdraft: Option<i64>,
    status: Option<AccountStatus>,
) {
    let account = persona.account(kind);
    venue.commits(vec![Op::SetTerms { account, overdraft: overdraft.map(Kopecks), status }]);
}

/// A reservation through the payment API.
fn reserve(venue: &Venue, order: &str, wallet: impl std::fmt::Display, amount: i64) -> Answer {
    let key = format!("1f0c3a52-9d41-4a6f-8f0e-{amount:012}");
    let headers = [("Authorization", "Bearer till-1-secret"), ("Idempotency-Key", key.as_str())];
    let body = format!(
        r#"{{"orderId":"{order}","walletId":"{wallet}","bindingEpoch":1,"amountMinor":{amount},
            "orderTotalMinor":165000}}"#
    );
    venue.connect().ask("POST", "/pos/v1/reservations", &headers, &body)
}

#[test]
fn w35_nobody_or_nobody_any_more() {
    let venue = Venue::open();
    is_empty(&venue.loyalty(ORDER_82), 204);
    venue.bound(ORDER_82, ANNA);
    is_empty(&venue.loyalty(ORDER_83), 204);
    is_empty(&venue.check_out(ORDER_82), 204);
    for answer in [venue.loyalty(ORDER_82), venue.ask("GET", &of(ORDER_82, "loyalty"), "")] {
        is_empty(&answer, 204);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    venue.holds();
}

#[test]
fn w36_a_guest_without_a_photo_is_json() {
    let venue = Venue::open();
    venue.bound(ORDER_82, FEDOR);
    let all = [(Bonus, "Бонусы", "300"), (Deposit, "Депозит", "1000"), (Credit, "Кредит", "5000")];
    let expected = format!(
        r#"{{"ProductSKUs":[],{},"Suggestions":["дядя Фёдор","Овердрафт подключён"]}}"#,
        wallets(&all_three(), &all)
    );
    // Without an `Accept`, and whatever it says.
    for accept in ["", "*/*", "application/json", "multipart/form-data"] {
        let path = of(ORDER_82, "loyalty");
        let headers = [("Accept", accept)];
        let headers = if accept.is_empty() { &[][..] } else { &headers[..] };
        let answer = venue.connect().ask("GET", &path, headers, "");
        shows(&answer, &expected);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    venue.holds();
}

/// `tests/fixtures/loyalty.http` is the whole answer; its boundary is our own affair.
#[test]
fn w37_and_w39_a_photo_makes_it_multipart_as_in_the_sample() {
    let server = ServerConfig { date_header: false, ..ServerConfig::default() };
    let venue = Venue::with(Setup { server, ..Setup::default() });
    venue.bound(ORDER_82, ANNA);
    let answer = venue.ask("GET", &of(ORDER_82, "loyalty"), "");
    let kind = answer.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!((1..=60).contains(&boundary.len()), "{boundary}");
    assert!(boundary.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{boundary}");
    let photo = anna().photo.unwrap();
    assert!(!photo.windows(boundary.len()).any(|window| window == boundary.as_bytes()));
    let whole = [answer.head.as_bytes(), b"\r\n", &answer.body].concat();
    assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&golden(boundary)));
    assert_eq!(whole, golden(boundary), "the bytes of the photo");
    // The same again, the boundary too.
    assert_eq!(venue.ask("GET", &of(ORDER_82, "loyalty"), "").body, answer.body);
    venue.holds();
}

/// The golden answer, its photo and boundary filled in.
fn golden(boundary: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/loyalty.http");
    let mut golden = std::fs::read(path).unwrap();
    for (mark, bytes) in [("{boundary}", boundary.as_bytes()), ("{photo}", &*anna().photo.unwrap())]
    {
        while let Some(at) = golden.windows(mark.len()).position(|w| w == mark.as_bytes()) {
            golden.splice(at..at + mark.len(), bytes.iter().copied());
        }
    }
    golden
}

#[test]
fn w38_a_peer_that_takes_json_alone_gets_json() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    shows(&venue.loyalty(ORDER_82), &annas());
    let takes_both = [("Accept", "application/json, multipart/form-data")];
    let answer = venue.connect().ask("GET", &of(ORDER_82, "loyalty"), &takes_both, "");
    assert!(answer.header("content-type").unwrap().starts_with("multipart/form-data"));
    venue.holds();
}

#[test]
fn w38_photos_are_off_on_either_side() {
    let edge = |config: &mut tillway_waiter::WaiterConfig| config.photo = false;
    let venues = [
        Venue::with(Setup { edge: Box::new(edge), ..Setup::default() }),
        Venue::ruled(|config| config.photo = false),
    ];
    for venue in venues {
        venue.bound(ORDER_82, ANNA);
        shows(&venue.ask("GET", &of(ORDER_82, "loyalty"), ""), &annas());
        venue.holds();
    }
}

#[test]
fn w40_a_photo_that_is_too_large_or_no_jpeg_or_png_is_dropped() {
    let jpeg = |len: usize| {
        let mut photo = vec![0xFF, 0xD8, 0xFF, 0xE0];
        photo.resize(len, b'j');
        photo
    };
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let shown_with = |photo: Vec<u8>| {
        let photo = Some(photo.into_boxed_slice());
        venue.commits(vec![Op::PutPhoto { guest: anna().guest.id, photo }]);
        venue.ask("GET", &of(ORDER_82, "loyalty"), "")
    };
    for odd in [jpeg(PHOTO_MAX + 1), b"GIF89a".to_vec(), b"<svg/>".to_vec(), Vec::new()] {
        shows(&shown_with(odd), &annas());
    }
    let largest = shown_with(jpeg(PHOTO_MAX));
    assert!(largest.header("content-type").unwrap().starts_with("multipart/form-data"));
    assert!(largest.body.windows(PHOTO_MAX).any(|window| window == jpeg(PHOTO_MAX)));
    venue.holds();
}

#[test]
fn w41_a_guest_without_accounts() {
    let venue = Venue::open();
    venue.knows(&guest("50001"));
    venue.bound(ORDER_82, "50001");
    let expected = r#"{"ProductSKUs":[],"UserWallets":[],"Suggestions":["Ия"]}"#;
    shows(&venue.loyalty(ORDER_82), expected);
    venue.has_limits(ORDER_82, "0", "0");
    venue.holds();
}

#[test]
fn w42_and_l1_balances_with_overdraft_and_never_below_zero() {
    // 941.00 of her own and 100 000.00 of overdraft.
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    shows(&venue.loyalty(ORDER_82), &annas());
    // 1 500.00 are held, and then the overdraft is lowered below what they need.
    let held = reserve(&venue, ORDER_82, anna().account(Deposit), 150_000);
    assert_eq!(held.status, 201, "{held:?}");
    terms(&venue, &anna(), Deposit, Some(0), None);
    let all = wallets(&anna(), &[(Bonus, "Бонусы", "84865"), (Deposit, "Депозит", "0")]);
    assert!(venue.loyalty(ORDER_82).text().contains(&all), "{:?}", venue.loyalty(ORDER_82));
    // The hold stays good (F14), so that is what the order may still take.
    venue.has_limits(ORDER_82, "84865", "1500");
    venue.holds();
}

#[test]
fn l1_bonus_first_then_money_by_name() {
    let venue = Venue::open();
    let mixed = guest("50002")
        .with_account(Deposit, "Я депозит", Kopecks(100), Kopecks::ZERO)
        .with_account(Credit, "А кредит", Kopecks::ZERO, Kopecks(20_000))
        .with_account(Bonus, "Я бонусы", Kopecks(5), Kopecks::ZERO);
    venue.knows(&mixed);
    venue.bound(ORDER_82, "50002");
    let sorted =
        [(Bonus, "Я бонусы", "0.05"), (Credit, "А кредит", "200"), (Deposit, "Я депозит", "1")];
    let shown = venue.loyalty(ORDER_82);
    assert!(shown.text().contains(&wallets(&mixed, &sorted)), "{shown:?}");
    // A blocked account is shown with nothing available, a closed one is not shown.
    terms(&venue, &mixed, Deposit, None, Some(AccountStatus::Blocked));
    terms(&venue, &mixed, Credit, None, Some(AccountStatus::Closed));
    let left = [(Bonus, "Я бонусы", "0.05"), (Deposit, "Я депозит", "0")];
    let shown = venue.loyalty(ORDER_82);
    assert!(shown.text().contains(&wallets(&mixed, &left)), "{shown:?}");
    venue.holds();
}

#[test]
fn w43_a_guest_without_a_name_is_called_by_the_client_id() {
    let venue = Venue::open();
    venue.bound(ORDER_82, "10542");
    let expected = format!(
        r#"{{"ProductSKUs":[],{},"Suggestions":["10542","Овердрафт подключён"]}}"#,
        wallets(&nameless(), &[(Credit, "Кредит", "5000")])
    );
    shows(&venue.loyalty(ORDER_82), &expected);
    venue.holds();
}

#[test]
fn w44_a_name_with_quotes_and_emoji_is_valid_json() {
    let name = "Анна \"Ня\" О'К & <b> 👩‍🍳🦊";
    let names = Names { salutation: Some(name.into()), ..Names::default() };
    let mut odd = Persona::new("50003", names).with_carrier("50003").with_account(
        Bonus,
        "Баллы \\ \"x\"",
        Kopecks(1),
        Kopecks::ZERO,
    );
    odd.guest.hints = vec!["строка\nдва\tтри\u{1}".into()];
    let venue = Venue::open();
    venue.knows(&odd);
    venue.bound(ORDER_82, "50003");
    let wallets = wallets(&odd, &[(Bonus, r#"Баллы \\ \"x\""#, "0.01")]);
    let hints = r#"["Анна \"Ня\" О'К & <b> 👩‍🍳🦊","строка\nдва\tтри\u0001"]"#;
    let expected = format!(r#"{{"ProductSKUs":[],{wallets},"Suggestions":{hints}}}"#);
    let shown = venue.loyalty(ORDER_82);
    shows(&shown, &expected);
    assert_eq!(shown.json()["Suggestions"][0], name);
    venue.holds();
}

#[test]
fn w45_to_w46_limits_bound_and_not_bound() {
    let venue = Venue::open();
    venue.has_limits(ORDER_82, "0", "0");
    venue.bound(ORDER_82, ANNA);
    venue.has_limits(ORDER_82, "84865", "100941");
    assert_eq!(venue.limits(ORDER_82).header("cache-control"), Some("no-store"));
    venue.has_limits(ORDER_83, "0", "0");
    is_empty(&venue.check_out(ORDER_82), 204);
    venue.has_limits(ORDER_82, "0", "0");
    venue.holds();
}

#[test]
fn w47_and_j6_amounts_are_exact_numbers() {
    let venue = Venue::open();
    for (index, (kopecks, text)) in [
        (10, "0.1"),
        (1, "0.01"),
        (5_070, "50.7"),
        (165_000, "1650"),
        (8_486_500, "84865"),
        (10_094_100, "100941"),
        (999_999_999_999, "9999999999.99"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = format!("6000{index}");
        let rich = guest(&number)
            .with_account(Bonus, "Бонусы", Kopecks(kopecks), Kopecks::ZERO)
            .with_account(Deposit, "Депозит", Kopecks(kopecks), Kopecks::ZERO);
        venue.knows(&rich);
        let order = format!("3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f300{index}");
        venue.bound(&order, &number);
        venue.has_limits(&order, text, text);
        let all = wallets(&rich, &[(Bonus, "Бонусы", text), (Deposit, "Депозит", text)]);
        shows(
            &venue.loyalty(&order),
            &format!(r#"{{"ProductSKUs":[],{all},"Suggestions":["Ия"]}}"#),
        );
        assert_eq!(Kopecks::parse_rubles(text), Ok(Kopecks(kopecks)));
    }
    venue.holds();
}

#[test]
fn w48_and_l2_deposit_sum_is_of_one_account_never_of_two() {
    let venue = Venue::open();
    venue.bound(ORDER_82, FEDOR);
    venue.has_limits(ORDER_82, "300", "1000");
    // The venue may put credit first; a deposit without money leaves the place to credit (M-g).
    let credit = Venue::ruled(|config| config.money_priority = vec![Credit, Deposit]);
    credit.bound(ORDER_82, FEDOR);
    credit.has_limits(ORDER_82, "300", "5000");
    let poor = guest("50004")
        .with_account(Deposit, "Депозит", Kopecks::ZERO, Kopecks::ZERO)
        .with_account(Credit, "Кредит", Kopecks::ZERO, Kopecks(500_000));
    venue.knows(&poor);
    venue.bound(ORDER_83, "50004");
    venue.has_limits(ORDER_83, "0", "5000");
    venue.holds();
    credit.holds();
}

#[test]
fn w49_and_l3_own_holds_do_not_lower_the_limit_and_those_of_others_do() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    venue.bound(ORDER_83, ANNA);
    let held = reserve(&venue, ORDER_82, anna().account(Bonus), 75_000);
    assert_eq!(held.status, 201, "{held:?}");
    venue.has_limits(ORDER_82, "84865", "100941");
    venue.has_limits(ORDER_83, "84115", "100941");
    // The balance is what is available, holds excluded.
    let all = wallets(&anna(), &[(Bonus, "Бонусы", "84115"), (Deposit, "Депозит", "100941")]);
    assert!(venue.loyalty(ORDER_82).text().contains(&all));
    venue.holds();
}

#[test]
fn l4_and_l5_the_cap_of_points_needs_a_total() {
    let venue = Venue::ruled(|config| config.bonus_cap_bp = Some(3_000));
    venue.bound(ORDER_82, ANNA);
    venue.has_limits(ORDER_82, "84865", "100941");
    // Nobody told the total: the cap holds when points are reserved.
    let refused = reserve(&venue, ORDER_82, anna().account(Bonus), 49_501);
    assert_eq!((refused.status, &*refused.code()), (409, "insufficient_funds"), "{refused:?}");
    assert_eq!(refused.json()["error"]["limitMinor"], 49_500);
    let told = venue.pos(1, "PUT", &format!("/orders/{ORDER_82}"), TOLD);
    assert_eq!(told.status, 204, "{told:?}");
    venue.has_limits(ORDER_82, "495", "100941");
    let held = reserve(&venue, ORDER_82, anna().account(Bonus), 49_500);
    assert_eq!(held.status, 201, "{held:?}");
    venue.has_limits(ORDER_82, "495", "100941");
    venue.holds();
}

const TOLD: &str = r#"{"totalMinor":165000,"lines":[
    {"sku":"20417","name":"Стейк","quantity":1,"priceMinor":165000,"amountMinor":165000}]}"#;

#[test]
fn j7_wallet_ids_are_version_5_and_never_change() {
    let shown = |store: Arc<MemoryStore>| {
        let venue = Venue::with(Setup { store, ..Setup::default() });
        venue.bound(ORDER_82, FEDOR);
        let wallets = venue.loyalty(ORDER_82).json()["UserWallets"].clone();
        venue.holds();
        wallets
    };
    let store = Arc::new(MemoryStore::new());
    let wallets = shown(Arc::clone(&store));
    for wallet in wallets.as_array().unwrap() {
        let id = wallet["Id"].as_str().unwrap();
        let uuid = tillway_tests::venue::uuid(id);
        assert_eq!((uuid.get_version_num(), uuid.to_string().as_str()), (5, id));
    }
    // Another start over the same book, and another book of the same installation.
    assert_eq!(shown(store), wallets);
    assert_eq!(shown(Arc::default()), wallets);
}
