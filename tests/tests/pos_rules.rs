//! Rules of the venue over the wire: receipts of top-ups, overdraft, payment types, totals, weak
//! identification, bridge modes, tills (F3, F4, F5, F11, F16, F17; D2, D4).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};
use tillway_core::AccountKind::{self, Bonus, Credit, Deposit};
use tillway_core::account::OverdraftUse;
use tillway_core::book::{Caller, Commit, Op, Refusal, StreamKind, Verdict};
use tillway_core::id::{DeviceId, Uuid};
use tillway_core::pairing::Pairing;
use tillway_core::port::{GuestDesk, GuestError, Query};
use tillway_core::token::TokenKeys;
use tillway_core::{Kopecks, guest::Names};
use tillway_engine::{Bridge, EngineConfig, Fiscal};
use tillway_testkit::builders::{Persona, all_three, anna, id, till};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, on_each_store, order, type_of};
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue, Wire, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";
const KINDS: [AccountKind; 3] = [Bonus, Deposit, Credit];

fn ruled(setup: Setup, rules: impl FnOnce(&mut EngineConfig) + 'static) -> Venue {
    Venue::with(Setup { rules: Box::new(rules), ..setup })
}

#[test]
fn f3_a_top_up_needs_somebody_who_prints_its_receipt() {
    on_each_store(|setup| {
        let store = std::sync::Arc::clone(&setup.store);
        let venue = Venue::with(setup);
        let (caller, deposit) = (Caller::system(), all_three().account(Deposit));
        let ask = |venue: &Venue, operation: u64, amount| {
            let amount = Kopecks(amount);
            block_on(venue.engine.top_up(&caller, id(operation), deposit, amount))
        };
        assert_eq!(ask(&venue, 50, 10_000).unwrap_err(), GuestError::NoRegister);
        venue.bound(ORDER_82, FEDOR);
        assert_eq!(venue.wallet(order_id(ORDER_82), Deposit)["availableMinor"], 100_000);
        drop(venue);
        let again = Setup { store, ..Setup::default() };
        let venue = ruled(again, |config| config.fiscal = Fiscal::ExternalDeclared);
        for _ in 0..2 {
            assert_eq!(ask(&venue, 50, 10_000).unwrap().balance, Kopecks(110_000));
        }
        assert_eq!(ask(&venue, 50, 10_001).unwrap_err(), GuestError::Conflict);
        let nothing = ask(&venue, 51, 0).unwrap_err();
        assert_eq!(nothing, GuestError::Refused(Refusal::BadAmount));
        assert_eq!(venue.wallet(order_id(ORDER_82), Deposit)["availableMinor"], 110_000);
        Pay::new(1, &all_three(), Deposit, 110_000).taken(&venue);
        venue.holds();
    });
}

#[test]
fn f4_a_venue_may_deny_the_overdraft() {
    on_each_store(|setup| {
        let deny = |config: &mut EngineConfig| config.overdraft = OverdraftUse::Deny;
        let edge =
            |config: &mut tillway_waiter::WaiterConfig| config.overdraft = OverdraftUse::Deny;
        let venue = ruled(Setup { edge: Box::new(edge), ..setup }, deny);
        venue.bound(ORDER_82, ANNA);
        // What is shown as payable can be paid, and nothing else.
        let wallet = venue.wallet(order_id(ORDER_82), Deposit);
        assert_eq!(
            (&wallet["availableMinor"], &wallet["limitMinor"]),
            (&json!(94_100), &json!(94_100))
        );
        let limits = venue.ask("GET", &format!("/orders/{ORDER_82}/paymentLimits"), "");
        assert_eq!(limits.text(), r#"{"BonusSum":84865,"DepositSum":941}"#);
        let over = Pay::new(1, &anna(), Deposit, 94_101).put(&venue);
        over.refused(409, "insufficient_funds");
        assert_eq!(over.json()["error"]["limitMinor"], 94_100);
        Reserve::new(10, &anna(), Deposit, 94_101).post(&venue).refused(409, "insufficient_funds");
        let paid = Pay::new(2, &anna(), Deposit, 94_100).taken(&venue);
        assert_eq!((paid.minor("ownPartMinor"), paid.minor("availableAfterMinor")), (94_100, 0));
        venue.holds();
    });
}

#[test]
fn f5_each_kind_has_its_type_and_the_text_names_it() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, FEDOR);
        let names = ["Бонусы", "Депозит", "Кредит"];
        let mut number = 0;
        for (kind, right) in KINDS.into_iter().zip(names) {
            for wrong in KINDS.into_iter().filter(|wrong| *wrong != kind) {
                number += 1;
                let pay = Pay::new(number, &all_three(), kind, 100);
                let answer = Pay { payment_type: type_of(wrong), ..pay }.put(&venue);
                answer.refused(409, "wrong_payment_type");
                let message = format!("Этот тип оплаты не подходит. Выберите «{right}»");
                assert_eq!(answer.json()["error"]["message"], message.as_str());
            }
        }
        let strange =
            Pay { payment_type: Uuid::from_u128(7), ..Pay::new(90, &all_three(), Credit, 1) };
        strange.put(&venue).refused(422, "unknown_payment_type");
        // The waiter takes the right one: the same transaction, the next attempt.
        let fixed = Pay { attempt: 2, payment_type: type_of(Credit), amount: 165_000, ..strange };
        assert_eq!(fixed.taken(&venue).json()["kind"], "credit");
        venue.holds();
    });
}

#[test]
fn f5_m_i_credit_by_name_while_nothing_is_held() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let guest = Persona::new("60010", Names::default())
            .with_account(Deposit, "Депозит", Kopecks(100), Kopecks::ZERO)
            .with_account(Credit, "Кредит", Kopecks::ZERO, Kopecks(500_000))
            .with_carrier("60010");
        venue.add(&guest);
        venue.bound(ORDER_82, "60010");
        let wrong = Pay { payment_type: type_of(Deposit), ..Pay::new(1, &guest, Credit, 165_000) };
        let answer = wrong.put(&venue);
        answer.refused(409, "wrong_payment_type");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("«Кредит»"));
        // While the deposit is held it is the choice; then the credit may be named.
        let held = Reserve::new(10, &guest, Deposit, 100).held(&venue);
        Pay::new(2, &guest, Credit, 164_900).put(&venue).refused(409, "mixed_money_accounts");
        assert_eq!(venue.void(&held).status, 200);
        let paid = Pay::new(3, &guest, Credit, 165_000).taken(&venue);
        assert_eq!(
            (paid.minor("overdraftPartMinor"), paid.minor("availableAfterMinor")),
            (165_000, 335_000)
        );
        venue.holds();
    });
}

fn tell(venue: &Venue, body: &Value) -> tillway_tests::venue::Answer {
    venue.pos(1, "PUT", &format!("/orders/{ORDER_82}"), &body.to_string())
}

#[test]
fn f11_lines_and_total_are_told_and_bound_the_points() {
    on_each_store(|setup| {
        let venue = ruled(setup, |config| config.bonus_cap_bp = Some(3_000));
        let lines = json!([
            {"sku": "20101", "name": "Стейк", "quantity": 1, "amountMinor": 125_000},
            {"name": "Морс", "quantity": 0.125, "amountMinor": 40_000, "anything": {"new": []}},
        ]);
        // Before the check-in and on every change; the last one wins.
        for total in [100_000, 165_000] {
            let body = json!({"totalMinor": total, "lines": lines});
            assert_eq!(tell(&venue, &body).status, 204);
        }
        venue.bound(ORDER_82, ANNA);
        assert_eq!(venue.wallet(order_id(ORDER_82), Bonus)["limitMinor"], 49_500);
        assert_eq!(venue.wallet(order_id(ORDER_82), Bonus)["availableMinor"], 8_486_500);
        let limits = venue.ask("GET", &format!("/orders/{ORDER_82}/paymentLimits"), "");
        assert_eq!(limits.text(), r#"{"BonusSum":495,"DepositSum":100941}"#);
        let greedy = Pay::new(1, &anna(), Bonus, 49_501).put(&venue);
        greedy.refused(409, "insufficient_funds");
        assert_eq!(greedy.json()["error"]["limitMinor"], 49_500);
        Pay::new(2, &anna(), Bonus, 49_500).taken(&venue);
        assert_eq!(venue.wallet(order_id(ORDER_82), Bonus)["limitMinor"], 0);
        Pay::new(3, &anna(), Bonus, 1).put(&venue).refused(409, "insufficient_funds");
        Pay::new(4, &anna(), Deposit, 115_500).taken(&venue);
        venue.holds();
    });
}

#[test]
fn f11_what_cannot_be_told() {
    let venue = Venue::open();
    let line = |quantity: Value, amount: Value| json!({"totalMinor": 1, "lines": [{"name": "Морс", "quantity": quantity, "amountMinor": amount}]});
    let rows = [
        (json!({"lines": []}), 422, "field_required"),
        (json!({"totalMinor": 1}), 422, "field_required"),
        (json!({"totalMinor": -1, "lines": []}), 422, "bad_amount"),
        (json!({"totalMinor": 1.5, "lines": []}), 400, "bad_json"),
        (json!({"totalMinor": "1", "lines": []}), 400, "bad_json"),
        (json!({"totalMinor": 1, "lines": {}}), 400, "bad_json"),
        (line(json!(0), json!(1)), 422, "bad_amount"),
        (line(json!(-1), json!(1)), 422, "bad_amount"),
        (line(json!(0.0001), json!(1)), 422, "bad_amount"),
        (line(json!("1"), json!(1)), 400, "bad_json"),
        (line(json!(1), json!(-1)), 422, "bad_amount"),
        (line(json!(1), json!(0.5)), 400, "bad_json"),
        (line(Value::Null, json!(1)), 422, "field_required"),
    ];
    for (body, status, code) in rows {
        tell(&venue, &body).denied(status, code);
    }
    let many = vec![json!({"name": "x", "quantity": 1, "amountMinor": 1}); 501];
    tell(&venue, &json!({"totalMinor": 501, "lines": many})).denied(400, "bad_json");
    assert_eq!(tell(&venue, &json!({"totalMinor": 500, "lines": many[..500]})).status, 204);
    assert_eq!(tell(&venue, &json!({"totalMinor": 0, "lines": []})).status, 204);
    venue.holds();
}

#[test]
fn f16_a_phone_number_shows_and_does_not_pay() {
    on_each_store(|setup| {
        let venue = ruled(setup, |config| config.tokens.phone_lookup = true);
        venue.bound(ORDER_82, "8 (916) 123-45-67");
        let wallet = venue.wallet(order_id(ORDER_82), Bonus);
        assert_eq!(
            (&wallet["availableMinor"], &wallet["limitMinor"]),
            (&json!(8_486_500), &json!(0))
        );
        let pay = Pay::new(1, &anna(), Bonus, 100);
        pay.put(&venue).refused(409, "weak_identification");
        Reserve::new(10, &anna(), Bonus, 100).post(&venue).refused(409, "weak_identification");
        // The card, shown later, is the same binding.
        venue.bound(ORDER_82, ANNA);
        assert_eq!(venue.sheet(order_id(ORDER_82))["bindingEpoch"], 1);
        Pay { attempt: 2, ..pay }.taken(&venue);
        venue.holds();
    });
    let venue = Venue::ruled(|config| {
        config.tokens.phone_lookup = true;
        config.phone_spend = true;
    });
    venue.bound(ORDER_82, "+79161234567");
    Pay::new(1, &anna(), Bonus, 100).taken(&venue);
    venue.holds();
}

#[test]
fn f16_a_one_time_token_pays_one_order() {
    on_each_store(|setup| {
        let venue = ruled(setup, |config| {
            let keys = [("k1".into(), vec![7; 32])];
            config.tokens.keys = TokenKeys::try_new("TW1.", keys).unwrap();
            config.mint_with = Some("k1".into());
        });
        let token = block_on(venue.engine.mint_token(ANNA, Duration::from_secs(60))).unwrap();
        venue.bound(ORDER_82, &token);
        venue.bound(ORDER_82, &token);
        let elsewhere = venue.check_in(&order(83).to_string(), &token);
        assert_eq!(elsewhere.message(), "Код уже использован. Попросите гостя показать новый");
        let pay = Pay::new(1, &anna(), Bonus, 100);
        pay.taken(&venue);
        assert_eq!(pay.cancel(&venue, 1).status, 200);
        let out = venue.ask("DELETE", &format!("/orders/{ORDER_82}/checkin"), "{}");
        assert_eq!(out.status, 204);
        let again = venue.check_in(ORDER_82, &token);
        assert_eq!(again.message(), "Код уже использован. Попросите гостя показать новый");
        Pay { id: id(2), epoch: 2, ..pay }.put(&venue).refused(404, "no_guest");
        venue.holds();
    });
}

#[test]
fn f17_without_a_bridge_the_guest_is_bound_on_our_side() {
    on_each_store(|setup| {
        let venue = ruled(setup, |config| config.bridge = Bridge::Message);
        let answer = venue.check_in(ORDER_82, ANNA);
        assert_eq!(answer.status, 200, "{answer:?}");
        for part in ["Анна Сергеевна", "84 865,00", "100 941,00"] {
            assert!(answer.message().contains(part), "{answer:?}");
        }
        assert_eq!(venue.pos(1, "GET", "/commands", "").status, 204, "the till is not asked");
        Pay::new(1, &anna(), Bonus, 100).taken(&venue);
        venue.holds();
    });
    let venue = Venue::open();
    assert_eq!(venue.check_in(ORDER_82, ANNA).status, 204);
    assert_eq!(venue.pos(1, "GET", "/commands", "").status, 204);
    venue.holds();
}

#[test]
fn d1_d2_a_till_has_its_listener_and_its_device() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let device = |name: &str| DeviceId::try_new(name).unwrap();
        let pair = |number, name: &str| {
            let pairing = Pairing { till: till(number), device: device(name) };
            let commit = Commit::of(NOON, vec![Op::Pair(pairing)]);
            block_on(venue.store.commit(commit)).unwrap().verdict
        };
        for _ in 0..2 {
            assert!(matches!(pair(1, "phone-1"), Verdict::Done(_)));
        }
        assert_eq!(pair(1, "phone-2"), Verdict::Refused(Refusal::TillHasDevice));
        assert_eq!(pair(2, "phone-1"), Verdict::Refused(Refusal::DeviceHasTill));
        // No request names a device: whoever asks the listener of till 2 works at till 2.
        let body = format!(r#"{{"Value":"{ANNA}","WaiterPin":"1"}}"#);
        let path = format!("/orders/{ORDER_82}/checkin");
        let bound = Wire::to(venue.address(2)).ask("POST", &path, &[], &body);
        assert_eq!(bound.status, 204, "{bound:?}");
        let pay = Pay::new(1, &anna(), Bonus, 100);
        pay.put(&venue).denied(403, "wrong_till");
        assert_eq!(pay.put_from(&venue, 2).status, 201);
        venue.holds();
    });
}

#[test]
fn d4_a_payment_at_the_table_leaves_no_receipt_to_print() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        let pays = [Pay::new(1, &anna(), Bonus, 75_000), Pay::new(2, &anna(), Deposit, 90_000)];
        for pay in &pays {
            pay.taken(&venue);
        }
        assert_eq!(venue.close(order_id(ORDER_82), &[&pays[0], &pays[1]]).status, 204);
        assert_eq!(pays[1].refund(&venue, 0, 90_000).status, 201);
        // The only flows are the binding and the two payments; none of them has work left.
        let heads = block_on(venue.store.heads(&Query::default(), None, 100)).unwrap();
        let kinds: Vec<_> = heads.iter().map(|row| row.stream.kind).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == StreamKind::Payment).count(), 2);
        assert_eq!(kinds.iter().filter(|kind| **kind == StreamKind::Binding).count(), 1);
        assert_eq!(kinds.len(), 3);
        let open = heads.iter().filter(|row| row.head.status != tillway_core::book::Status::Done);
        assert_eq!(open.count(), 0);
        venue.holds();
    });
}
