//! The bridge, and the phone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bytes::Bytes;
use serde_json::{Value, json};
use support::{
    BONUS_WALLET, GUEST, Stage, State, TokioSpawner, bind_command, lines, stage, stage_with,
};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_sim::Stop;
use tillway_sim::fault::{ExchangeFault, Plan, Side};
use tillway_sim::iiko_front::{BridgeStep, CommandOutcome, DEPOSIT_TYPE, ORDER_82, RecordKind};
use tillway_sim::waiter_server::{Seen, Which};

const COMMAND: &str = "2b9a4c80-31f5-4be0-9b1c-74a9f2f0d5aa";

fn guest() -> Uuid {
    Uuid::try_parse(GUEST).unwrap()
}

fn is_attached(stage: &Stage) -> bool {
    stage.front.order(ORDER_82).is_some_and(|order| order.clients.contains(&guest()))
}

fn bind(stage: &Stage, deadline_ms: u64) {
    let command = bind_command(COMMAND, &ORDER_82.to_string(), 1, deadline_ms);
    stage.fake.command(command);
}

fn unbind(stage: &Stage, pin: Option<&str>) {
    let mut command = bind_command(COMMAND, &ORDER_82.to_string(), 2, 0);
    command["kind"] = json!("unbindGuest");
    command["waiterPin"] = json!(pin);
    stage.fake.command(command);
}

async fn step(stage: &Stage) -> Option<CommandOutcome> {
    match stage.front.bridge_step(0).await.unwrap() {
        BridgeStep::Worked(commands) => commands[0].1,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn check_in_attaches_the_guest_through_the_bridge() {
    let stage = stage(Plan::none());
    let stop = Stop::new();
    let (front, switch) = (stage.front.clone(), stop.clone());
    let waiter = async {
        let seen = stage.phone.check_in(ORDER_82, "149725735", &"12345".into()).await;
        stop.stop();
        seen
    };
    let (seen, ()) = tokio::join!(waiter, front.bridge_loop(switch));
    assert_eq!(seen, Seen::Done);
    assert!(is_attached(&stage), "an unknown order opens in demo mode");
    assert_eq!(stage.front.client_name(guest()).unwrap(), "Анна Сергеевна");
    let told = format!("PUT /pos/v1/orders/{ORDER_82}");
    assert!(stage.fake.calls().contains(&told), "lines and total are told");
    let mut page = stage.phone.payment_page(ORDER_82).await.unwrap();
    page.enter(Which::Bonus, Kopecks(75_000)).unwrap();
    assert_eq!(page.line(Which::Money).amount, Kopecks(90_000));
    assert_eq!(stage.phone.pay(ORDER_82, &page).await, Seen::Done);
    assert_eq!(stage.hooks.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_nobody_wants_is_undone() {
    let stage = stage(Plan::none());
    bind(&stage, 5_000);
    stage.fake.say("POST /pos/v1/commands", 410, support::error("command_expired", false));
    assert_eq!(step(&stage).await, Some(CommandOutcome::Done));
    assert!(!is_attached(&stage));
}

#[tokio::test(start_paused = true)]
async fn an_undo_of_a_locked_order_waits_in_the_outbox() {
    let plan = Plan::none().exchange(Side::Bridge, 1, ExchangeFault::LoseAnswer);
    let stage = stage(plan);
    bind(&stage, 5_000);
    step(&stage).await;
    assert!(is_attached(&stage));
    assert!(stage.front.edit_on_screen(ORDER_82));
    stage.fake.say("POST /pos/v1/commands", 410, support::error("command_expired", false));
    stage.front.bridge_step(0).await.unwrap();
    assert_eq!(stage.front.outbox()[0].kind, RecordKind::Unbind);
    assert!(!format!("{:?}", stage.front.outbox()).contains("12345"), "a PIN is in no file");
    stage.front.drain().await.unwrap();
    assert!(is_attached(&stage));
    stage.front.leave_screen(ORDER_82);
    stage.front.drain().await.unwrap();
    assert!(!is_attached(&stage));
    assert_eq!(stage.front.outbox(), []);
}

#[tokio::test(start_paused = true)]
async fn a_lost_result_is_sent_again() {
    let stage = stage(Plan::none().exchange(Side::Bridge, 1, ExchangeFault::LoseRequest));
    bind(&stage, 5_000);
    step(&stage).await;
    assert_eq!(stage.fake.books().results, []);
    stage.front.bridge_step(0).await.unwrap();
    assert_eq!(stage.fake.books().results, [(COMMAND.to_owned(), "done".to_owned())]);
    assert!(is_attached(&stage));
}

#[tokio::test(start_paused = true)]
async fn a_command_looks_before_it_acts() {
    type Row = (&'static str, fn(&Stage), u64, &'static str, Option<CommandOutcome>);
    let rows: [Row; 5] = [
        ("right", |_| {}, 5_000, "12345", Some(CommandOutcome::Done)),
        ("wrong pin", |_| {}, 5_000, "0", Some(CommandOutcome::Refused)),
        ("too late", |_| {}, 0, "12345", None),
        (
            "locked",
            |stage| assert!(stage.front.edit_on_screen(ORDER_82)),
            5_000,
            "12345",
            Some(CommandOutcome::Busy),
        ),
        ("unknown in earnest", |_| {}, 5_000, "12345", Some(CommandOutcome::NotFound)),
    ];
    for (name, prepare, deadline_ms, pin, expected) in rows {
        let demo = name != "unknown in earnest";
        let stage = stage_with(Plan::none(), |config| config.demo = demo);
        if demo {
            stage.front.open_order(ORDER_82, 82, lines()).unwrap();
        }
        prepare(&stage);
        let mut command = bind_command(COMMAND, &ORDER_82.to_string(), 1, deadline_ms);
        command["waiterPin"] = json!(pin);
        stage.fake.command(command);
        assert_eq!(step(&stage).await, expected, "{name}");
        assert_eq!(is_attached(&stage), expected == Some(CommandOutcome::Done), "{name}");
        let posted = stage.fake.books().results.len();
        assert_eq!(posted, usize::from(expected.is_some()), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_who_is_there_already_needs_no_pin() {
    let stage = stage(Plan::none());
    bind(&stage, 5_000);
    step(&stage).await;
    let mut command = bind_command(GUEST, &ORDER_82.to_string(), 1, 0);
    command["waiterPin"] = json!("0");
    stage.fake.command(command);
    assert_eq!(step(&stage).await, Some(CommandOutcome::Done));
}

#[tokio::test(start_paused = true)]
async fn the_background_runner_serves_the_bridge_until_it_is_stopped() {
    let stage = stage(Plan::none());
    let stop = Stop::new();
    stage.front.run(&TokioSpawner, &stop);
    assert_eq!(stage.phone.check_in(ORDER_82, "149725735", &"12345".into()).await, Seen::Done);
    stop.stop();
    let seen = stage.phone.check_out(ORDER_82, &"12345".into()).await;
    assert_eq!(seen, Seen::Done);
    let seen = stage.phone.check_in(ORDER_82, "149725735", &"12345".into()).await;
    assert_eq!(seen, Seen::Popup("Касса не отвечает".into()));
}

#[tokio::test(start_paused = true)]
async fn a_later_unbind_needs_no_pin() {
    for (own_credential, pin, expected) in [
        (true, None, CommandOutcome::Done),
        (false, None, CommandOutcome::Refused),
        (false, Some("12345"), CommandOutcome::Done),
    ] {
        let stage = stage_with(Plan::none(), |config| config.own_credential = own_credential);
        bind(&stage, 5_000);
        step(&stage).await;
        let mut command = bind_command(GUEST, &ORDER_82.to_string(), 2, 0);
        command["kind"] = json!("unbindGuest");
        command["waiterPin"] = pin.map_or(Value::Null, Value::from);
        stage.fake.command(command);
        assert_eq!(step(&stage).await, Some(expected), "{own_credential} {pin:?}");
        assert_eq!(is_attached(&stage), expected != CommandOutcome::Done);
    }
    let stage = stage(Plan::none());
    unbind(&stage, None);
    assert_eq!(step(&stage).await, Some(CommandOutcome::Done), "nobody is attached");
}

#[tokio::test(start_paused = true)]
async fn payments_made_by_hand_are_left_alone_in_demo_mode_only() {
    let by_hand = Uuid::from_u128(0x9a3b6d2e_0a64_4f3e_8f0f_5c1d9e2b7a10);
    for (demo, state, acknowledged) in
        [(true, State::Captured, true), (false, State::Cancelled, false)]
    {
        let stage = stage_with(Plan::none(), |config| config.demo = demo);
        stage.fake.charge(by_hand, support::DEPOSIT_WALLET, 90_000);
        stage.fake.command(json!({"commandId": COMMAND, "kind": "verifyPayment",
            "transactionId": by_hand.to_string(), "orderId": ORDER_82.to_string(),
            "amountMinor": 90_000}));
        assert_eq!(step(&stage).await, Some(CommandOutcome::Done));
        let payment = stage.fake.books().payments[&by_hand].clone();
        assert_eq!((payment.state, payment.acknowledged), (state, acknowledged), "demo: {demo}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_whole_is_a_violation() {
    let stage = stage(Plan::none());
    stage.fake.command(json!({"commandId": COMMAND, "kind": "bindGuest", "waiterPin": "12345",
        "orderId": ORDER_82.to_string(), "bindingEpoch": 1}));
    assert_eq!(stage.front.bridge_step(0).await.unwrap(), BridgeStep::Worked(vec![]));
    assert_eq!(stage.hooks.violations().len(), 1);
    assert!(!stage.hooks.violations()[0].contains("12345"));
}

#[tokio::test(start_paused = true)]
async fn the_page_of_the_guest_is_read_in_both_forms() {
    let stage = stage(Plan::none());
    assert_eq!(stage.phone.show(ORDER_82).await, Ok(None));
    stage.fake.bind();
    let page = stage.phone.show(ORDER_82).await.unwrap().unwrap();
    assert_eq!(page.wallets[1].balance, Kopecks(10_094_150));
    assert_eq!((page.skus.as_slice(), page.photo), (["20417".to_owned()].as_slice(), None));

    let photo = b"\xff\xd8\r\n--not-the-boundary\r\n\xff\xd9";
    let json = format!(
        r#"{{"productSKUs":[],"userWallets":[{{"id":"{BONUS_WALLET}","name":"Бонусы","balance":50.7}}],"suggestions":[],"waiterMessage":null}}"#
    );
    let body = |name: &str| {
        let mut body = format!(
            "--b1\r\nContent-Type: application/json\r\nContent-Disposition: form-data; \
             name={name}\r\n\r\n{json}\r\n--b1\r\nContent-Disposition: form-data; name=photo\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(photo);
        body.extend_from_slice(b"\r\n--b1--\r\n");
        Bytes::from(body)
    };
    let form = "multipart/form-data; boundary=b1";
    stage.fake.books().page = Some((form, body("loyalty")));
    let page = stage.phone.show(ORDER_82).await.unwrap().unwrap();
    assert_eq!(page.wallets[0].balance, Kopecks(5_070));
    assert_eq!(page.photo.unwrap(), photo.as_slice());
    assert_eq!(stage.hooks.violations(), [""; 0]);

    stage.fake.books().page = Some((form, body("\"loyalty\"")));
    assert_eq!(stage.phone.show(ORDER_82).await, Err(Seen::NoAnswer), "quotes are a part of it");
    assert_eq!(stage.hooks.violations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_phone_shows_what_came() {
    let stage = stage(Plan::none());
    assert_eq!(stage.phone.ping().await, Seen::Done);
    let pin = "12345".into();
    stage.fake.say("POST /orders", 200, json!({"WaiterMessage": "Карта не зарегистрирована"}));
    let seen = stage.phone.check_in(ORDER_82, "1", &pin).await;
    assert_eq!(seen, Seen::Popup("Карта не зарегистрирована".into()));
    let fault = json!({"WaiterMessage": "Не передано значение", "Code": "value_required"});
    stage.fake.say("POST /orders", 400, fault);
    let text = Some("Не передано значение".into());
    assert_eq!(stage.phone.check_in(ORDER_82, "", &pin).await, Seen::Fault { status: 400, text });
    assert_eq!(stage.phone.check_out(ORDER_82, &pin).await, Seen::Done);
    let nobody = stage.phone.limits(ORDER_82).await.unwrap();
    assert_eq!((nobody.bonus, nobody.deposit), (Kopecks::ZERO, Kopecks::ZERO));
    assert_eq!(stage.hooks.violations(), [""; 0]);
    stage.fake.say("POST /orders", 200, Value::Null);
    assert_eq!(stage.phone.check_in(ORDER_82, "1", &pin).await, Seen::NoAnswer);
    assert_eq!(stage.hooks.violations().len(), 1);
    stage.front.power_cut();
    assert_eq!(stage.phone.ping().await, Seen::NoTill);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_does_not_cover_the_sum_is_not_paid() {
    let stage = stage(Plan::none());
    stage.front.open_order(ORDER_82, 82, lines()).unwrap();
    let mut page = stage.phone.payment_page(ORDER_82).await.unwrap();
    page.choose(Which::Money);
    assert_eq!(page.missing(), Kopecks(165_000));
    let seen = stage.phone.pay(ORDER_82, &page).await;
    assert_eq!(seen, Seen::Popup("Не распределено 1 650,00".into()));
    stage.fake.bind();
    let mut page = stage.phone.payment_page(ORDER_82).await.unwrap();
    page.choose(Which::Money);
    assert_eq!(page.payments(), [(DEPOSIT_TYPE, Kopecks(165_000))]);
}
