//! What a guest may pay and how a bill divides, asked over the wire (iiko note 4.2 to 4.5).
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use tillway_core::AccountKind::{self, Bonus, Credit, Deposit};
use tillway_core::guest::Names;
use tillway_core::id::AccountId;
use tillway_core::port::{GuestDesk, GuestError};
use tillway_core::wallet::Mix;
use tillway_core::{AccountStatus, Kopecks};
use tillway_testkit::builders::{Persona, all_three, anna, id};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, TOTAL, on_each_store, order};
use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue, order_id};

const FEDOR: &str = "20001";

/// A guest whose card is `card`, with points and a deposit.
fn guest(card: &str, bonus: i64, deposit: i64, overdraft: i64) -> Persona {
    Persona::new(card, Names::default())
        .with_account(Bonus, "Бонусы", Kopecks(bonus), Kopecks::ZERO)
        .with_account(Deposit, "Депозит", Kopecks(deposit), Kopecks(overdraft))
        .with_carrier(card)
}

fn plan(venue: &Venue, due: i64, input: &Value) -> Answer {
    let body = json!({"dueMinor": due, "input": input}).to_string();
    venue.pos(1, "POST", &format!("/orders/{ORDER_82}/plan"), &body)
}

fn part(account: AccountId, amount: i64) -> Value {
    json!({"walletId": account.to_string(), "amountMinor": amount})
}

/// Role and amount of each part, and what is missing.
fn parts(answer: &Answer) -> (Vec<(String, i64)>, i64) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let part = |part: &Value| {
        let role = part["role"].as_str().unwrap().to_owned();
        (role, part["amountMinor"].as_i64().unwrap())
    };
    let parts = json["parts"].as_array().unwrap().iter().map(part).collect();
    (parts, json["missingMinor"].as_i64().unwrap())
}

/// A row of the table: due, limits of bonus and deposit, what was done, what comes of it.
type Row = (&'static str, i64, (i64, i64), fn(AccountId, AccountId) -> Value, &'static str);

const BOTH: (i64, i64) = (8_486_500, 10_094_100);

fn rows() -> Vec<Row> {
    vec![
        ("X1", TOTAL, BOTH, |_, m| json!({"choose": m.to_string()}), "deposit 165000"),
        ("X2", TOTAL, BOTH, |b, _| json!({"enter": part(b, 75_000)}), "bonus 75000 deposit 90000"),
        ("X3", TOTAL, BOTH, |_, m| json!({"enter": part(m, 90_000)}), "deposit 90000 bonus 75000"),
        (
            "X4",
            TOTAL,
            (50_000, 10_094_100),
            |b, _| json!({"choose": b.to_string()}),
            "bonus 50000 deposit 115000",
        ),
        (
            "X5",
            TOTAL,
            (50_000, 100_000),
            |b, _| json!({"choose": b.to_string()}),
            "bonus 50000 deposit 100000 missing 15000",
        ),
        (
            "X6",
            TOTAL,
            (50_000, 10_094_100),
            |b, _| json!({"enter": part(b, 75_000)}),
            "amount_out_of_range 50000",
        ),
        ("X7", TOTAL, BOTH, |b, _| json!({"enter": part(b, 0)}), "deposit 165000"),
        ("X8", TOTAL, BOTH, |b, _| json!({"enter": part(b, 165_000)}), "bonus 165000"),
        (
            "X9",
            TOTAL,
            BOTH,
            |b, _| json!({"enter": part(b, 165_001)}),
            "amount_out_of_range 165000",
        ),
        (
            "X10",
            100_000,
            BOTH,
            |b, _| json!({"enter": part(b, 75_000)}),
            "bonus 75000 deposit 25000",
        ),
        (
            "X11",
            175_000,
            BOTH,
            |b, _| json!({"pinned": part(b, 75_000)}),
            "bonus 75000 deposit 100000",
        ),
        ("X12", 60_000, BOTH, |b, _| json!({"pinned": part(b, 75_000)}), "bonus 60000"),
        ("X13", 0, BOTH, |b, _| json!({"choose": b.to_string()}), ""),
        ("X14", TOTAL, (0, 0), |_, m| json!({"choose": m.to_string()}), "missing 165000"),
        ("X15", 1, (1, 1), |b, _| json!({"enter": part(b, 1)}), "bonus 1"),
        // Below zero, and all parts at once.
        ("S3", TOTAL, BOTH, |b, _| json!({"enter": part(b, -1)}), "amount_out_of_range 165000"),
        (
            "S5",
            TOTAL,
            BOTH,
            |b, m| json!({"parts": [part(b, 75_000), part(m, 0)]}),
            "bonus 75000 missing 90000",
        ),
        (
            "M-a",
            TOTAL,
            BOTH,
            |b, m| json!({"parts": [part(b, 75_000), part(m, 90_000)]}),
            "bonus 75000 deposit 90000",
        ),
    ]
}

#[test]
fn x1_to_x15_s1_to_s7_m_a_f11_a_bill_divides_as_on_the_phone() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        for (number, (name, due, (bonus, money), input, expected)) in (0..).zip(rows()) {
            let card = format!("500{number:02}");
            // As O1: what is above 941.00 is overdraft.
            let own = money.min(94_100);
            let guest = guest(&card, bonus, own, money - own);
            venue.add(&guest);
            venue.bound(ORDER_82, &card);
            let answer = plan(&venue, due, &input(guest.account(Bonus), guest.account(Deposit)));
            let shown = match answer.status {
                200 => {
                    let (parts, missing) = parts(&answer);
                    let mut words: Vec<String> =
                        parts.iter().map(|(role, sum)| format!("{role} {sum}")).collect();
                    words.extend((missing > 0).then(|| format!("missing {missing}")));
                    words.join(" ")
                }
                _ => {
                    answer.denied(422, "amount_out_of_range");
                    format!("{} {}", answer.code(), answer.json()["error"]["limitMinor"])
                }
            };
            assert_eq!(shown, expected, "{name}");
            let out = venue.ask("DELETE", &format!("/orders/{ORDER_82}/checkin"), "{}");
            assert_eq!(out.status, 204, "{out:?}");
        }
        venue.holds();
    });
}

#[test]
fn f11_a_plan_that_cannot_be() {
    let venue = Venue::open();
    let some = anna().account(Bonus);
    plan(&venue, TOTAL, &json!({"choose": some.to_string()})).denied(404, "no_guest");
    venue.bound(ORDER_82, "149725735");
    let strange = all_three().account(Deposit);
    plan(&venue, TOTAL, &json!({"choose": strange.to_string()})).denied(404, "unknown_wallet");
    plan(&venue, -1, &json!({"choose": some.to_string()})).denied(422, "bad_amount");
    plan(&venue, TOTAL, &json!({})).denied(422, "field_required");
    plan(&venue, TOTAL, &json!({"enter": {"walletId": some.to_string()}}))
        .denied(422, "field_required");
    plan(&venue, TOTAL, &json!({"choose": "82"})).denied(400, "bad_id");
    let two = json!({"choose": some.to_string(), "enter": part(some, 1)});
    plan(&venue, TOTAL, &two).denied(400, "bad_json");
    let path = format!("/orders/{ORDER_82}/plan");
    venue.pos(1, "POST", &path, r#"{"dueMinor":1}"#).denied(422, "field_required");
    venue.pos(1, "POST", &path, r#"{"dueMinor":1.5,"input":{}}"#).denied(400, "bad_json");
    // Nothing was held by any of them, and a plan holds nothing either.
    assert_eq!(plan(&venue, TOTAL, &json!({"choose": some.to_string()})).status, 200);
    assert_eq!(venue.sheet(order_id(ORDER_82))["reservations"], json!([]));
    venue.holds();
}

#[test]
fn m_b_points_and_credit() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let guest = Persona::new("60001", Names::default())
            .with_account(Bonus, "Бонусы", Kopecks(75_000), Kopecks::ZERO)
            .with_account(Credit, "Кредит", Kopecks::ZERO, Kopecks(500_000))
            .with_carrier("60001");
        venue.add(&guest);
        venue.bound(ORDER_82, "60001");
        let planned = plan(&venue, TOTAL, &json!({"enter": part(guest.account(Bonus), 75_000)}));
        let expected = vec![("bonus".to_owned(), 75_000), ("credit".to_owned(), 90_000)];
        assert_eq!(parts(&planned), (expected, 0));
        Pay::new(1, &guest, Bonus, 75_000).taken(&venue);
        let credit = Pay::new(2, &guest, Credit, 90_000).taken(&venue);
        assert_eq!((credit.minor("ownPartMinor"), credit.minor("overdraftPartMinor")), (0, 90_000));
        venue.holds();
    });
}

#[test]
fn m1_to_m3_m_c_m_d_credit_and_deposit_do_not_mix() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, FEDOR);
        let of = |kind: AccountKind, amount| part(all_three().account(kind), amount);
        let c = json!({"parts": [of(Deposit, 100_000), of(Credit, 65_000)]});
        plan(&venue, TOTAL, &c).denied(409, "mixed_money_accounts");
        let d = json!({"parts": [of(Bonus, 10_000), of(Deposit, 90_000), of(Credit, 65_000)]});
        plan(&venue, TOTAL, &d).denied(409, "mixed_money_accounts");
        // A part of zero binds to nothing.
        let zero = json!({"parts": [of(Deposit, 0), of(Credit, 165_000)]});
        assert_eq!(parts(&plan(&venue, TOTAL, &zero)).0, [("credit".to_owned(), 165_000)]);
        // Choosing the deposit leaves the credit out, although 650.00 are missing without points.
        let deposit = json!({"choose": all_three().account(Deposit).to_string()});
        let (chosen, missing) = parts(&plan(&venue, TOTAL, &deposit));
        assert_eq!(chosen, [("deposit".to_owned(), 100_000), ("bonus".to_owned(), 30_000)]);
        assert_eq!(missing, 35_000);
        // And when money is taken, the plan, the hold and the payment say no alike.
        Pay::new(1, &all_three(), Deposit, 1_000).taken(&venue);
        let credit = json!({"choose": all_three().account(Credit).to_string()});
        plan(&venue, TOTAL, &credit).denied(409, "mixed_money_accounts");
        let hold = Reserve::new(10, &all_three(), Credit, 1_000).post(&venue);
        hold.refused(409, "mixed_money_accounts");
        Pay::new(2, &all_three(), Credit, 1_000).put(&venue).refused(409, "mixed_money_accounts");
        Pay::new(3, &all_three(), Bonus, 1_000).taken(&venue);
        venue.holds();
    });
}

#[test]
fn m6_another_profile_lets_them_mix() {
    on_each_store(|setup| {
        let rules = Box::new(|config: &mut tillway_engine::EngineConfig| config.mix = Mix::Free);
        let venue = Venue::with(Setup { rules, ..setup });
        venue.bound(ORDER_82, FEDOR);
        let of = |kind: AccountKind, amount| part(all_three().account(kind), amount);
        let both = json!({"parts": [of(Deposit, 100_000), of(Credit, 65_000)]});
        assert_eq!(parts(&plan(&venue, TOTAL, &both)).1, 0);
        Pay::new(1, &all_three(), Deposit, 100_000).taken(&venue);
        Pay::new(2, &all_three(), Credit, 65_000).taken(&venue);
        venue.holds();
    });
}

#[test]
fn m_e_m_f_the_last_kopeck_decides() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, FEDOR);
        let credit = json!({"choose": all_three().account(Credit).to_string()});
        let deposit = Pay::new(1, &all_three(), Deposit, 100_000);
        deposit.taken(&venue);
        assert_eq!(deposit.refund(&venue, 0, 99_999).status, 201);
        plan(&venue, TOTAL, &credit).denied(409, "mixed_money_accounts");
        Pay::new(2, &all_three(), Credit, 1).put(&venue).refused(409, "mixed_money_accounts");
        assert_eq!(deposit.refund(&venue, 99_999, 1).status, 201);
        let again = Pay::new(3, &all_three(), Deposit, 100_000);
        again.taken(&venue);
        assert_eq!(again.cancel(&venue, 1).status, 200);
        assert_eq!(parts(&plan(&venue, TOTAL, &credit)).1, 0);
        Pay::new(4, &all_three(), Credit, 165_000).taken(&venue);
        venue.holds();
    });
}

#[test]
fn m4_m5_m_g_m_h_m_i_f5_the_money_account_that_is_meant() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let limits = |order: &str| {
            venue.ask("GET", &format!("/orders/{order}/paymentLimits"), "").text().to_owned()
        };
        let guest = |card: &str, deposit| {
            let guest = guest(card, 0, deposit, 0);
            let guest = guest.with_account(Credit, "Кредит", Kopecks::ZERO, Kopecks(500_000));
            venue.add(&guest);
            guest
        };
        guest("60002", 0);
        let (g, h) = (order(1).to_string(), order(2).to_string());
        venue.bound(&g, "60002");
        assert_eq!(limits(&g), r#"{"BonusSum":0,"DepositSum":5000}"#, "M-g");
        let ivan = guest("60003", 100);
        venue.bound(&h, "60003");
        assert_eq!(limits(&h), r#"{"BonusSum":0,"DepositSum":1}"#, "M-h");
        let pay = Pay::new(1, &ivan, Credit, 165_000).on(order(2));
        let answer = pay.taken(&venue);
        assert_eq!(answer.json()["kind"], "credit", "M-i");
        // The choice stays with the order (M5): its limit is the credit's now.
        assert_eq!(limits(&h), r#"{"BonusSum":0,"DepositSum":3350}"#);
        assert_eq!(pay.cancel(&venue, 1).status, 200);
        assert_eq!(limits(&h), r#"{"BonusSum":0,"DepositSum":5000}"#);
        venue.holds();
    });
}

/// Opens an account beside those of a persona.
fn open(venue: &Venue, of: &Persona, number: u64, kind: AccountKind, balance: i64) -> AccountId {
    let (template, _) = of.accounts.iter().find(|(account, _)| account.kind == kind).unwrap();
    let account = tillway_core::Account { id: AccountId(id(number)), ..template.clone() };
    let caller = tillway_core::book::Caller::system();
    let opened = block_on(venue.engine.open_account(&caller, account)).unwrap();
    let op = tillway_testkit::builders::top_up(opened.id, Kopecks(balance), id(9_000 + number));
    let commit = tillway_core::book::Commit::of(tillway_tests::venue::NOON, vec![op]);
    block_on(venue.store.commit(commit)).unwrap();
    opened.id
}

#[test]
fn m4_of_two_deposits_the_fuller_one_counts() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let guest = guest("60004", 0, 10_000, 0);
        venue.add(&guest);
        let fuller = open(&venue, &guest, 8_001, Deposit, 20_000);
        venue.bound(ORDER_82, "60004");
        let limits = venue.ask("GET", &format!("/orders/{ORDER_82}/paymentLimits"), "");
        assert_eq!(limits.text(), r#"{"BonusSum":0,"DepositSum":200}"#);
        let wallets = venue.sheet(order_id(ORDER_82))["wallets"].clone();
        assert_eq!(wallets.as_array().map(Vec::len), Some(3));
        let first = Pay { wallet: fuller, ..Pay::new(2, &guest, Deposit, 20_000) };
        first.taken(&venue);
        // Another one may be named while nothing is held or captured, and not before (F5).
        Pay::new(3, &guest, Deposit, 1).put(&venue).refused(409, "mixed_money_accounts");
        assert_eq!(first.cancel(&venue, 1).status, 200);
        Pay::new(4, &guest, Deposit, 10_000).taken(&venue);
        let limits = venue.ask("GET", &format!("/orders/{ORDER_82}/paymentLimits"), "");
        assert_eq!(limits.text(), r#"{"BonusSum":0,"DepositSum":0}"#, "the one that pays");
        venue.holds();
    });
}

#[test]
fn o1_to_o7_a1_a2_what_is_available_is_shown() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let caller = tillway_core::book::Caller::system();
        // Balance to begin with, overdraft, what is paid, what is held elsewhere, terms of later.
        let later = |overdraft, status| (Some(Kopecks(overdraft)), status);
        let same = (None, None);
        let rows = [
            ("O1", 94_100, 10_000_000, 0, 0, same, 10_094_100),
            ("O2", 0, 100_000, 30_000, 0, same, 70_000),
            ("O3", 0, 100_000, 100_000, 0, same, 0),
            ("O4", 50_000, 0, 0, 20_000, same, 30_000),
            ("O5", 8_486_500, 0, 0, 0, same, 8_486_500),
            ("O6", 0, 150_000, 120_000, 0, later(100_000, None), 0),
            ("O7", 10_000, 50_000, 0, 0, later(50_000, Some(AccountStatus::Blocked)), 0),
        ];
        for (number, (name, balance, overdraft, paid, held, terms, expected)) in (0_u64..).zip(rows)
        {
            let card = format!("700{number}");
            let guest = guest(&card, 0, balance, overdraft);
            venue.add(&guest);
            let (shown, elsewhere) = (order(10 + number), order(30 + number));
            venue.bound(&shown.to_string(), &card);
            venue.bound(&elsewhere.to_string(), &card);
            if paid > 0 {
                Pay::new(10 + number, &guest, Deposit, paid).on(elsewhere).taken(&venue);
            }
            if held > 0 {
                let reserve = Reserve::new(10 + number, &guest, Deposit, held);
                let reserve = Reserve { terms: reserve.terms.on(elsewhere), ..reserve };
                reserve.held(&venue);
            }
            let (lowered, status) = terms;
            let account = guest.account(Deposit);
            block_on(venue.engine.set_terms(&caller, account, lowered, status)).unwrap();
            let wallet = venue.wallet(shown, Deposit);
            assert_eq!(wallet["availableMinor"], expected, "{name}");
            assert_eq!(wallet["limitMinor"], expected, "{name}");
            // An order's own holds are in its limit, not in what is available (A2).
            assert_eq!(venue.wallet(elsewhere, Deposit)["limitMinor"], expected + held, "{name}");
        }
        venue.holds();
    });
}

#[test]
fn a3_points_have_no_overdraft() {
    let venue = Venue::open();
    let (template, _) = anna().accounts.into_iter().find(|(a, _)| a.kind == Bonus).unwrap();
    let greedy = tillway_core::Account {
        id: AccountId(id(8_002)),
        overdraft: Kopecks(1),
        ..template.clone()
    };
    let caller = tillway_core::book::Caller::system();
    let answer = block_on(venue.engine.open_account(&caller, greedy)).unwrap_err();
    assert_eq!(answer, GuestError::Refused(tillway_core::book::Refusal::BonusOverdraft));
    let terms = block_on(venue.engine.set_terms(&caller, template.id, Some(Kopecks(1)), None));
    let refused = GuestError::Refused(tillway_core::book::Refusal::BonusOverdraft);
    assert_eq!(terms.unwrap_err(), refused);
    venue.holds();
}

#[test]
fn a4_a5_own_money_first_and_never_more_than_available() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let guest = guest("60005", 0, 94_100, 10_000_000);
        venue.add(&guest);
        venue.bound(ORDER_82, "60005");
        let total = 20_000_000;
        let pay = |number, amount| Pay { total, ..Pay::new(number, &guest, Deposit, amount) };
        // The own part that is held elsewhere is not own money any more.
        let held = Reserve::new(10, &guest, Deposit, 90_000).held(&venue);
        let first = pay(1, 10_000).taken(&venue);
        assert_eq!(
            (first.minor("ownPartMinor"), first.minor("overdraftPartMinor")),
            (4_100, 5_900)
        );
        pay(2, 0).put(&venue).refused(422, "bad_amount");
        let over = pay(3, 9_994_101).put(&venue);
        over.refused(409, "insufficient_funds");
        assert_eq!(over.json()["error"]["limitMinor"], 9_994_100);
        // With its own hold a payment reaches what it reserved, and no more.
        let with = |number, amount| Pay { reservation: Some(held.clone()), ..pay(number, amount) };
        let answer = with(4, 90_001).put(&venue);
        answer.refused(409, "exceeds_reservation");
        assert_eq!(answer.json()["error"]["limitMinor"], 90_000);
        let second = with(5, 90_000).taken(&venue);
        assert_eq!((second.minor("ownPartMinor"), second.minor("overdraftPartMinor")), (90_000, 0));
        pay(6, 9_994_100).taken(&venue);
        assert_eq!(venue.available(&guest, Deposit), 0);
        pay(7, 1).put(&venue).refused(409, "insufficient_funds");
        venue.holds();
    });
}

#[test]
fn n_a_n_b_n_c_n_d_n1_n2_how_the_guest_is_called() {
    let rows = [
        ("10542", [None, Some("Анна"), Some("Сергеевна"), Some("Ким")], "Анна Сергеевна"),
        ("10543", [None, None, None, Some("Ким")], "Ким"),
        ("10544", [Some("  "), Some(""), None, Some("-")], "10544"),
        ("10545", [Some("дядя Фёдор"), Some("Фёдор"), None, None], "дядя Фёдор"),
        ("10546", [Some("._-"), Some(" Анна "), Some("..."), Some("Ким\t ван")], "Анна Ким ван"),
    ];
    let venue = Venue::open();
    for (number, (card, names, shown)) in (0_u64..).zip(rows) {
        let [salutation, first, patronymic, last] = names.map(|name| name.map(Into::into));
        let names = Names { salutation, first, patronymic, last };
        let mut guest = Persona::new(&format!("{card}-{number}"), names).with_carrier(card);
        if shown == card {
            guest.guest.client_id = card.into();
        }
        if card == "10542" {
            // The seed has this carrier.
            guest.carriers.clear();
            guest = guest.with_carrier("10542-a");
        }
        venue.add(&guest);
        let order = order(50 + number);
        venue.bound(&order.to_string(), if card == "10542" { "10542-a" } else { card });
        assert_eq!(venue.sheet(order)["guest"]["displayName"], shown);
    }
    venue.holds();
}
