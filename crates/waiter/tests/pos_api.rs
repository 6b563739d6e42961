//! The payment API, and the bridge by long poll: what the HTTP layer alone decides.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use secrecy::SecretString;
use support::book::{
    HOLD, REFUND, bare, both, cancelled, captured, hold, order, paid, refund, refused,
};
use support::{Answer, DEPOSIT, DEPOSIT_TYPE, FRIEND, NOW, ORDER, State, T1, T2, Venue, id};
use tillway_core::book::{Actor, Binding, HoldState, PaymentState, Refusal};
use tillway_core::id::{AccountId, CommandId, HoldId, OrderId, PaymentId};
use tillway_core::port::{
    BridgeCommand, BridgeError, BridgeGuest, CommandKind, CommandOutcome, PayError, PaymentView,
    Reconciliation, RefundView, Replayable, UnlinkedView,
};
use tillway_core::split::{Input, Part, Plan, SplitError};
use tillway_core::{AccountKind, Kopecks, Timestamp};

fn golden(text: &'static str) -> &'static str {
    text.trim_end()
}

fn payment_request() -> &'static str {
    golden(include_str!("../fixtures/payment_request.json"))
}

fn put_payment() -> String {
    format!("PUT /pos/v1/payments/{T2}")
}

fn at_first<T>(state: T) -> Result<Replayable<T>, PayError> {
    Ok(Replayable { state, replayed: false })
}

fn again<T>(state: T) -> Result<Replayable<T>, PayError> {
    Ok(Replayable { state, replayed: true })
}

fn paying(payment: Result<Replayable<PaymentView>, PayError>) -> Venue {
    Venue::new(State { payment, ..State::default() })
}

/// Code, `retryable`, `final` of an error body.
fn error_of(answer: &Answer) -> (String, bool, bool) {
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let error = &json["error"];
    assert!(!error["message"].as_str().unwrap().contains('{'), "{error}");
    let flag = |name| error[name].as_bool().unwrap();
    (error["code"].as_str().unwrap().to_owned(), flag("retryable"), flag("final"))
}

fn is_error(answer: &Answer, status: u16, code: &str, retryable: bool, is_final: bool) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(error_of(answer), (code.to_owned(), retryable, is_final));
}

#[tokio::test(start_paused = true)]
async fn health_knows_the_till() {
    let venue = Venue::new(State::default());
    let answer = venue.pos("GET /pos/v1/health", "").await;
    assert_eq!(answer.status, 200);
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["status"], "ok");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(json["time"].as_str().unwrap().starts_with("2026-11-22T"), "{json}");

    venue.desks.state().ready = Err(tillway_core::port::TableRefusal::Unavailable);
    let answer = venue.pos("GET /pos/v1/health", "").await;
    is_error(&answer, 503, "unavailable", true, false);
}

#[tokio::test(start_paused = true)]
async fn who_brings_no_token_gets_401() {
    let venue = Venue::new(State::default());
    let answer = venue.ask("GET /pos/v1/health").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/bad_token.json")));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    // Before anything else is looked at.
    assert_eq!(venue.ask("PATCH /pos/v1/orders/82").await.status, 401);
    assert_eq!(venue.ask("GET /pos/v1/nope").await.status, 404);
    assert!(venue.desks.state().asked.callers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn b20_the_token_names_the_till() {
    let venue = Venue::new(State::default());
    let ask = async |path: &str| {
        let head = "HTTP/1.1\r\nHost: t\r\nAuthorization: bearer till-2-secret\r\n\r\n";
        venue.send(format!("GET {path}/pos/v1/orders/{ORDER} {head}")).await
    };
    assert_eq!(ask("").await.status, 200);
    assert_eq!(ask("/t/TILL-2").await.status, 200);
    is_error(&ask("/t/till-1").await, 403, "wrong_till", false, false);
    let state = venue.desks.state();
    for caller in &state.asked.callers {
        assert_eq!(caller.actor, Actor::Plugin);
        assert_eq!(caller.till.as_ref().map(|till| till.as_str()), Some("till-2"));
    }
    assert_eq!(state.asked.callers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn ten_wrong_tokens_and_the_peer_waits() {
    let venue = Venue::new(State::default());
    let guess = "GET /pos/v1/health HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer guess\r\n\r\n";
    let mut raw = venue.connect(FRIEND);
    for _ in 0..10 {
        raw.send(guess).await;
        assert_eq!(raw.answer().await.status, 401);
    }
    raw.send(guess).await;
    let answer = raw.answer().await;
    is_error(&answer, 429, "too_many", true, false);
    assert_eq!(answer.header("retry-after"), Some("60"));
    // Another connection of the same peer; another peer; the Waiter API, which has no tokens.
    assert_eq!(venue.pos("GET /pos/v1/health", "").await.status, 429);
    let mut other = venue.connect("10.0.0.8:4000");
    other.send(guess).await;
    assert_eq!(other.answer().await.status, 401);
    assert_eq!(venue.ask("GET /ping").await.status, 204);
    support::sleep(Duration::from_secs(60)).await;
    assert_eq!(venue.pos("GET /pos/v1/health", "").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn b01_a_capture_is_201_and_its_repeat_200() {
    let venue = paying(at_first(paid(0)));
    let answer = venue.pos(&put_payment(), payment_request()).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/payment_captured.json")));
    assert_eq!(answer.header("idempotent-replay"), None);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));

    venue.desks.state().payment = again(paid(0));
    let answer = venue.pos(&put_payment(), payment_request()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/payment_captured.json")));
    assert_eq!(answer.header("idempotent-replay"), Some("true"));

    // The current state, not the old one.
    venue.desks.state().payment = again(paid(30_000));
    let answer = venue.pos(&put_payment(), payment_request()).await;
    assert!(answer.text().contains(r#""state":"partially_refunded""#));
    assert!(answer.text().contains(r#""refundedTotalMinor":30000"#));

    let state = venue.desks.state();
    let asked = &state.asked.captures[0];
    assert_eq!((asked.id, asked.attempt), (PaymentId(id(T2)), 1));
    assert_eq!((asked.amount, asked.total), (Kopecks(90_000), Kopecks(165_000)));
    assert_eq!(asked.wallet, AccountId(id(DEPOSIT)));
    assert_eq!(asked.info.order_number, Some(82));
    assert!(asked.info.silent && !asked.info.prepay);
    assert_eq!(asked.info.cashier.as_deref(), Some("Ольга"));
    assert_eq!(asked.info.business_date.as_deref(), Some("2026-11-22"));
    assert_eq!(asked.refuse, None);
    assert_eq!(state.asked.callers[0].cause, Some(id(T2)));
}

#[tokio::test(start_paused = true)]
async fn f1_every_refusal_of_a_capture_has_status_code_and_final() {
    use Refusal as R;
    let k = Kopecks(12_000);
    let rows = [
        (R::NoGuest, 404, "no_guest"),
        (R::UnknownWallet, 404, "unknown_wallet"),
        (R::UnknownReservation, 404, "unknown_reservation"),
        (R::MixedMoneyAccounts, 409, "mixed_money_accounts"),
        (R::TransactionCancelled, 409, "transaction_cancelled"),
        (R::BindingChanged { epoch: 3 }, 409, "binding_changed"),
        (R::ExceedsReservation { reserved: k }, 409, "exceeds_reservation"),
        (R::ReservationVoided, 409, "reservation_voided"),
        (R::AlreadyCaptured, 409, "already_captured"),
        (R::WeakIdentification, 409, "weak_identification"),
        (R::AccountBlocked, 409, "account_blocked"),
        (R::OrderClosed, 409, "order_closed"),
        (R::UnknownPaymentType, 422, "unknown_payment_type"),
    ];
    for (refusal, status, code) in rows {
        let answer = paying(Err(refusal.into())).pos(&put_payment(), payment_request()).await;
        is_error(&answer, status, code, false, true);
    }
    let never_final = [
        (PayError::Refused(R::WrongTill), 403, "wrong_till", false),
        (PayError::Conflict, 409, "idempotency_conflict", false),
        (PayError::InProgress, 409, "in_progress", true),
        (PayError::Unavailable, 503, "unavailable", true),
    ];
    for (error, status, code, retryable) in never_final {
        let answer = paying(Err(error)).pos(&put_payment(), payment_request()).await;
        is_error(&answer, status, code, retryable, false);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_are_ready_to_be_shown() {
    let few = Refusal::InsufficientFunds { limit: Kopecks(12_000) };
    let answer = paying(Err(few.into())).pos(&put_payment(), payment_request()).await;
    assert_eq!(answer.text(), golden(include_str!("../fixtures/insufficient_funds.json")));

    let wrong = Refusal::WrongPaymentType { wallet: AccountKind::Credit };
    let answer = paying(Err(wrong.into())).pos(&put_payment(), payment_request()).await;
    assert_eq!(answer.text(), golden(include_str!("../fixtures/wrong_payment_type.json")));
    // A kind without a payment type of its own goes by its common name.
    let wrong = Refusal::WrongPaymentType { wallet: AccountKind::Bonus };
    let answer = paying(Err(wrong.into())).pos(&put_payment(), payment_request()).await;
    assert!(answer.text().contains("Выберите «Бонусы»"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn b12_over_total_names_the_live_captures() {
    let over = Refusal::OverTotal { captured: Kopecks(165_000), total: Kopecks(165_000) };
    let mut payments = both();
    payments.push(captured(HOLD, AccountKind::Deposit, 5, 5));
    payments.push(cancelled().payment);
    let state = State {
        payment: Err(over.clone().into()),
        order: Ok(order(payments, Binding::Bound)),
        ..State::default()
    };
    let venue = Venue::new(state);
    let answer = venue.pos(&put_payment(), payment_request()).await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/over_total.json")));

    // The refusal stands even when they cannot be read.
    venue.desks.state().order = Err(PayError::Unavailable);
    let answer = venue.pos(&put_payment(), payment_request()).await;
    is_error(&answer, 409, "over_total", false, true);

    let stored = bare(PaymentState::Refused(over));
    venue.desks.state().payment = at_first(stored);
    venue.desks.state().order = Ok(order(both(), Binding::Bound));
    let answer = venue.pos(&format!("GET /pos/v1/payments/{T2}"), "").await;
    assert!(answer.text().contains(r#""payments":[{"#), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn f1e_a_repeat_after_a_cancel_is_never_the_old_201() {
    for view in [cancelled(), bare(PaymentState::Tombstoned)] {
        let answer = paying(again(view)).pos(&put_payment(), payment_request()).await;
        is_error(&answer, 409, "transaction_cancelled", false, true);
    }
    let answer = paying(again(refused())).pos(&put_payment(), payment_request()).await;
    is_error(&answer, 409, "insufficient_funds", false, true);
}

#[tokio::test(start_paused = true)]
async fn f1_a_well_typed_mistake_is_stored_under_the_id() {
    let venue = paying(at_first(paid(0)));
    let rows = [
        (r#""amountMinor":90000"#, r#""amountMinor":0"#, "bad_amount"),
        (r#""amountMinor":90000"#, r#""currency":"USD","amountMinor":90000"#, "bad_currency"),
        (r#""bindingEpoch":1,"#, "", "field_required"),
        (r#""orderTotalMinor":165000,"#, "", "field_required"),
    ];
    for (from, to, code) in rows {
        let body = payment_request().replace(from, to);
        let answer = venue.pos(&put_payment(), &body).await;
        is_error(&answer, 422, code, false, true);
    }
    assert_eq!(venue.desks.state().asked.captures.len(), rows.len());

    // Without the order it cannot be stored, so it is not final.
    let body = payment_request().replace("orderId", "order");
    let answer = venue.pos(&put_payment(), &body).await;
    is_error(&answer, 422, "field_required", false, false);
    assert_eq!(venue.desks.state().asked.captures.len(), rows.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_well_typed_is_400_and_asks_nobody() {
    let venue = paying(at_first(paid(0)));
    let rows = [
        ("90000", "900.00", "bad_json"),
        ("90000", "\"90000\"", "bad_json"),
        (ORDER, "82", "bad_id"),
        (DEPOSIT_TYPE, "00000000-0000-0000-0000-000000000000", "bad_id"),
        ("\"Ольга\"", &format!("\"{}\"", "я".repeat(65)), "bad_json"),
        ("{", "[", "bad_json"),
    ];
    for (from, to, code) in rows {
        let answer = venue.pos(&put_payment(), &payment_request().replacen(from, to, 1)).await;
        is_error(&answer, 400, code, false, false);
    }
    is_error(&venue.pos(&put_payment(), "").await, 400, "bad_json", false, false);
    let answer = venue.pos("PUT /pos/v1/payments/82", payment_request()).await;
    is_error(&answer, 400, "bad_id", false, false);
    let head = format!("Authorization: Bearer {}\r\nContent-Type: text/plain\r\n", support::TOKEN);
    let answer = venue.send(support::request(&put_payment(), &head, payment_request())).await;
    is_error(&answer, 415, "unsupported_type", false, false);
    assert!(venue.desks.state().asked.callers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_does_not_answer_is_in_doubt() {
    let venue = Venue::new(State { hang: true, ..State::default() });
    let started = tokio::time::Instant::now();
    let answer = venue.pos(&put_payment(), payment_request()).await;
    is_error(&answer, 503, "unavailable", true, false);
    assert_eq!(started.elapsed().as_secs(), 10);
    let deadline = venue.desks.state().asked.callers[0].deadline;
    assert!(deadline.is_some_and(|at| at >= Duration::from_secs(10)));
    let answer = venue.pos(&format!("GET /pos/v1/payments/{T2}"), "").await;
    is_error(&answer, 503, "unavailable", true, false);
    assert_eq!(started.elapsed().as_secs(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_shown_in_every_state() {
    let line = format!("GET /pos/v1/payments/{T2}");
    let rows = [
        (paid(0), golden(include_str!("../fixtures/payment.json"))),
        (refused(), golden(include_str!("../fixtures/payment_refused.json"))),
        (
            bare(PaymentState::Tombstoned),
            golden(include_str!("../fixtures/payment_tombstoned.json")),
        ),
    ];
    for (view, expected) in rows {
        let answer = paying(at_first(view)).pos(&line, "").await;
        assert_eq!((answer.status, answer.text()), (200, expected));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let answer = paying(at_first(cancelled())).pos(&line, "").await;
    assert!(answer.text().contains(r#""state":"cancelled""#), "{}", answer.text());

    // Unknown is not final: a late capture may still come.
    let answer = Venue::new(State::default()).pos(&line, "").await;
    is_error(&answer, 404, "unknown_transaction", false, false);
}

#[tokio::test(start_paused = true)]
async fn b03_b04_a_cancel_says_what_became_of_the_id() {
    let line = format!("POST /pos/v1/payments/{T2}/cancel");
    let body = format!(r#"{{"orderId":"{ORDER}","reason":"the fiscal printer failed"}}"#);
    let rows = [
        (cancelled(), "cancelled"),
        (bare(PaymentState::Tombstoned), "tombstoned"),
        (paid(90_000), "refunded"),
    ];
    for (view, state) in rows {
        let venue = paying(at_first(view));
        let answer = venue.pos(&line, &body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text(), format!(r#"{{"transactionId":"{T2}","state":"{state}"}}"#));
        assert_eq!(venue.desks.state().asked.orders, [OrderId(id(ORDER))]);
    }
    let answer = paying(Err(Refusal::AlreadyRefunded.into())).pos(&line, &body).await;
    is_error(&answer, 409, "already_refunded", false, false);
    let answer = paying(at_first(paid(1))).pos(&line, &body).await;
    is_error(&answer, 409, "already_refunded", false, false);
    let answer = paying(at_first(cancelled())).pos(&line, "{}").await;
    is_error(&answer, 422, "field_required", false, false);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_needs_no_body() {
    let venue = Venue::new(State::default());
    let line = format!("POST /pos/v1/payments/{T2}/acknowledge");
    for body in ["", "{}", "whatever"] {
        let answer = venue.pos(&line, body).await;
        assert_eq!(answer.status, 204, "{body}");
        assert!(answer.is_bare());
    }
    venue.desks.state().acknowledged = Err(Refusal::TransactionCancelled.into());
    is_error(&venue.pos(&line, "").await, 409, "transaction_cancelled", false, false);
}

#[tokio::test(start_paused = true)]
async fn b07_b08_refunds_are_replayed_by_id() {
    let line = format!("PUT /pos/v1/payments/{T2}/refunds/{REFUND}");
    let view = |sum| RefundView { refund: refund(30_000), payment: paid(sum).payment };
    let venue = Venue::new(State { refund: at_first(view(30_000)), ..State::default() });
    let body = r#"{"amountMinor":30000,"refundedBeforeMinor":0,"reason":"dish returned"}"#;
    let answer = venue.pos(&line, body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/refund.json")));

    venue.desks.state().refund = again(view(90_000));
    let answer = venue.pos(&line, body).await;
    assert_eq!((answer.status, answer.header("idempotent-replay")), (200, Some("true")));
    assert!(answer.text().ends_with(r#""refundedTotalMinor":90000,"state":"refunded"}"#));

    venue.desks.state().refund = Err(Refusal::RefundExceeds { rest: Kopecks(50) }.into());
    let answer = venue.pos(&line, body).await;
    is_error(&answer, 409, "refund_exceeds", false, true);
    assert!(answer.text().contains("можно вернуть 0,50"), "{}", answer.text());
    let answer = venue.pos(&line, r#"{"amountMinor":30000}"#).await;
    is_error(&answer, 422, "field_required", false, true);
}

#[tokio::test(start_paused = true)]
async fn b17_an_unlinked_refund_tells_what_the_order_has_left() {
    let line = format!("PUT /pos/v1/unlinked-refunds/{REFUND}");
    let body = format!(
        r#"{{"orderId":"{ORDER}","paymentTypeId":"{DEPOSIT_TYPE}","role":"deposit","amountMinor":30000,"refundedBeforeMinor":0}}"#
    );
    let payments = |refunded| {
        let (bonus, deposit) = (AccountKind::Bonus, AccountKind::Deposit);
        vec![captured(T1, bonus, 75_000, 0), captured(T2, deposit, 90_000, refunded)]
    };
    let given = UnlinkedView { amount: Kopecks(30_000), refunds: vec![refund(30_000)] };
    let venue = Venue::new(State {
        unlinked: at_first(given.clone()),
        order: Ok(order(payments(30_000), Binding::Bound)),
        ..State::default()
    });
    let answer = venue.pos(&line, &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/refund.json")));

    venue.desks.state().unlinked = again(given);
    venue.desks.state().order = Ok(order(payments(90_000), Binding::Bound));
    let answer = venue.pos(&line, &body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().ends_with(r#""refundedTotalMinor":90000,"state":"refunded"}"#));

    // Money went back all the same when the order cannot be read.
    venue.desks.state().order = Err(PayError::Unavailable);
    let answer = venue.pos(&line, &body).await;
    assert!(answer.text().ends_with(r#""refundedTotalMinor":30000,"state":"refunded"}"#));

    let answer = venue.pos(&line, &body.replace(r#""role":"deposit""#, r#""role":"credit""#)).await;
    is_error(&answer, 409, "wrong_payment_type", false, true);
}

#[tokio::test(start_paused = true)]
async fn reservations_have_a_key_and_four_states() {
    let body = golden(include_str!("../fixtures/reservation_request.json"));
    let venue = Venue::new(State { hold: at_first(hold(HoldState::Held)), ..State::default() });
    let reserve = async |key: &str| {
        let head = format!("Authorization: Bearer {}\r\n{key}", support::TOKEN);
        venue.send(support::request("POST /pos/v1/reservations", &head, body)).await
    };
    let key = format!("Idempotency-Key: {T1}\r\n");
    let answer = reserve(&key).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/reservation.json")));
    assert_eq!(venue.desks.state().asked.reserves[0].key, id(T1));

    let states = [
        (HoldState::Held, "held"),
        (HoldState::Voided, "voided"),
        (HoldState::Expired, "expired"),
        (HoldState::Captured(PaymentId(id(T2))), "captured"),
    ];
    for (state, word) in states {
        venue.desks.state().hold = again(hold(state));
        let answer = reserve(&key).await;
        assert_eq!((answer.status, answer.header("idempotent-replay")), (200, Some("true")));
        assert!(answer.text().contains(&format!(r#""state":"{word}""#)), "{}", answer.text());
    }
    for key in ["", "Idempotency-Key: 82\r\n"] {
        is_error(&reserve(key).await, 400, "bad_id", false, false);
    }
    let exists = Refusal::HoldExists { hold: HoldId(id(HOLD)) };
    venue.desks.state().hold = Err(exists.into());
    is_error(&reserve(&key).await, 409, "hold_exists", false, true);
}

#[tokio::test(start_paused = true)]
async fn a_void_says_how_the_hold_ended() {
    let line = format!("POST /pos/v1/reservations/{HOLD}/void");
    for (state, word) in [(HoldState::Voided, "voided"), (HoldState::Expired, "expired")] {
        let venue = Venue::new(State { hold: at_first(hold(state)), ..State::default() });
        for body in ["", r#"{"reason":"payment item removed"}"#] {
            let answer = venue.pos(&line, body).await;
            assert_eq!(answer.text(), format!(r#"{{"reservationId":"{HOLD}","state":"{word}"}}"#));
        }
    }
    let became = HoldState::Captured(PaymentId(id(T2)));
    let venue = Venue::new(State { hold: at_first(hold(became)), ..State::default() });
    is_error(&venue.pos(&line, "").await, 409, "already_captured", false, false);
    venue.desks.state().hold = Err(Refusal::UnknownReservation.into());
    is_error(&venue.pos(&line, "").await, 404, "unknown_reservation", false, false);
}

#[tokio::test(start_paused = true)]
async fn an_order_shows_guest_wallets_and_payments() {
    let line = format!("GET /pos/v1/orders/{ORDER}");
    let venue = Venue::new(State::default());
    let answer = venue.pos(&line, "").await;
    assert_eq!(answer.text(), golden(include_str!("../fixtures/order_unknown.json")));

    let payments = vec![captured(T2, AccountKind::Deposit, 90_000, 0)];
    venue.desks.state().order = Ok(order(payments, Binding::Bound));
    let answer = venue.pos(&line, "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/order.json")));

    // While the till is asked, nobody pays.
    venue.desks.state().order = Ok(order(Vec::new(), Binding::Pending));
    let answer = venue.pos(&line, "").await;
    assert!(answer.text().contains(r#""bindingEpoch":1,"wallets":[],"#), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn f11_lines_and_total_are_told() {
    let venue = Venue::new(State::default());
    let line = format!("PUT /pos/v1/orders/{ORDER}");
    let body = r#"{"totalMinor":165000,"lines":[{"sku":"20101","name":"Стейк","quantity":1,"amountMinor":125000},{"sku":"30055","name":"Морс","quantity":2.000,"amountMinor":40000}]}"#;
    assert_eq!(venue.pos(&line, body).await.status, 204);
    {
        let state = venue.desks.state();
        assert_eq!(state.asked.told[0].total, Kopecks(165_000));
        assert_eq!(state.asked.told[0].lines[1].price, Kopecks(20_000));
    }
    is_error(&venue.pos(&line, "{}").await, 422, "field_required", false, false);
}

#[tokio::test(start_paused = true)]
async fn x2_a_plan_is_asked_and_shown() {
    let line = format!("POST /pos/v1/orders/{ORDER}/plan");
    let part =
        |text, kind, amount| Part { account: AccountId(id(text)), kind, amount: Kopecks(amount) };
    let parts = vec![
        part(support::BONUS, AccountKind::Bonus, 75_000),
        part(DEPOSIT, AccountKind::Deposit, 90_000),
    ];
    let plan = Plan { parts, missing: Kopecks::ZERO };
    let venue = Venue::new(State { plan: Ok(plan), ..State::default() });
    let body = golden(include_str!("../fixtures/plan_request.json"));
    let answer = venue.pos(&line, body).await;
    assert_eq!(
        (answer.status, answer.text()),
        (200, golden(include_str!("../fixtures/plan.json")))
    );
    let entered = Input::Enter(AccountId(id(support::BONUS)), Kopecks(75_000));
    assert_eq!(venue.desks.state().asked.plans, [(Kopecks(165_000), entered)]);

    let rows = [
        (SplitError::AmountOutOfRange { limit: Kopecks(50_000) }, 422, "amount_out_of_range"),
        (SplitError::MixedMoneyAccounts, 409, "mixed_money_accounts"),
        (SplitError::UnknownLine, 404, "unknown_wallet"),
        (SplitError::BadDue, 422, "bad_amount"),
    ];
    for (error, status, code) in rows {
        venue.desks.state().plan = Err(error.into());
        let answer = venue.pos(&line, body).await;
        is_error(&answer, status, code, false, false);
        let told = answer.text().contains(r#""limitMinor":50000"#);
        assert_eq!(told, code == "amount_out_of_range");
    }
    venue.desks.state().plan = Err(Refusal::NoGuest.into());
    is_error(&venue.pos(&line, body).await, 404, "no_guest", false, false);
}

#[tokio::test(start_paused = true)]
async fn a_closed_order_lists_its_payments() {
    let venue = Venue::new(State::default());
    let line = format!("POST /pos/v1/orders/{ORDER}/closed");
    let body = format!(
        r#"{{"closedAt":"2026-11-22T09:41:00Z","totalMinor":165000,"payments":[{{"transactionId":"{T1}","amountMinor":75000}}]}}"#
    );
    let answer = venue.pos(&line, &body).await;
    assert_eq!(answer.status, 204);
    assert_eq!(venue.desks.state().asked.closed[0].payments, [PaymentId(id(T1))]);
    is_error(&venue.pos(&line, "{}").await, 422, "field_required", false, false);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_many_times_has_its_time_once() {
    let refunds = (0..100).map(|n| {
        let mut refund = refund(1);
        refund.of = PaymentId(tillway_core::id::Uuid::from_u128(n));
        refund
    });
    let found = Reconciliation { refunds: refunds.collect(), ..Reconciliation::default() };
    let state = State {
        reconciliation: Ok(found),
        payment: again(paid(30_000)),
        takes: Duration::from_secs(1),
        ..State::default()
    };
    let venue = Venue::new(state);
    let started = tokio::time::Instant::now();
    let query = "?from=2026-11-22T00:00:00Z&to=2026-11-22T09:30:00Z";
    let answer = venue.pos(&format!("GET /pos/v1/reconciliation{query}"), "").await;
    is_error(&answer, 503, "unavailable", true, false);
    assert_eq!(started.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn reconciliation_takes_two_moments() {
    let found = Reconciliation {
        payments: vec![
            paid(30_000).payment,
            support::book::payment(T1, PaymentState::Tombstoned),
            refused().payment,
        ],
        refunds: vec![refund(30_000)],
        held: vec![hold(HoldState::Held)],
    };
    let venue = Venue::new(State { reconciliation: Ok(found), ..State::default() });
    let ask =
        async |query: &str| venue.pos(&format!("GET /pos/v1/reconciliation{query}"), "").await;
    let answer = ask("?from=2026-11-22T00:00:00%2B03:00&to=2026-11-22T09:30:00Z").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/reconciliation.json")));
    let midnight = Timestamp::utc(NOW.utc_ms - (12 * 60 + 30) * 60_000);
    assert_eq!(venue.desks.state().asked.times, [(midnight, NOW)]);
    assert_eq!(ask("?from=2026-11-22T00:00:00+03:00&to=2026-11-22T09:30:00Z").await.status, 200);
    is_error(&ask("?from=2026-11-22T00:00:00Z").await, 422, "field_required", false, false);
    is_error(&ask("?from=today&to=now").await, 400, "bad_json", false, false);
}

fn commands() -> Vec<BridgeCommand> {
    let guest = |phone: Option<&str>, card: Option<&str>| BridgeGuest {
        brd_client: id("0b6f6c5e-8a55-5d3c-9a0b-6a3f1f0c7d21"),
        display_name: "Анна Сергеевна".to_owned(),
        phone: phone.map(Into::into),
        card: card.map(Into::into),
    };
    let command = |text, what, pin: Option<&str>| BridgeCommand {
        id: CommandId(id(text)),
        order: OrderId(id(ORDER)),
        epoch: (!matches!(what, CommandKind::VerifyPayment { .. })).then_some(1),
        what,
        pin: pin.map(SecretString::from),
        deadline: Duration::from_millis(5_200),
    };
    let known = guest(Some("+79161234567"), Some("149725735"));
    let verify = CommandKind::VerifyPayment { payment: PaymentId(id(T2)), amount: Kopecks(90_000) };
    vec![
        command(
            "2b9a4c80-31f5-4be0-9b1c-74a9f2f0d5aa",
            CommandKind::BindGuest(known),
            Some("12345"),
        ),
        command(
            "4c5d6e7f-8091-4a2b-9c3d-4e5f60718293",
            CommandKind::UnbindGuest(guest(None, None)),
            None,
        ),
        command("6e7f8091-a2b3-4c4d-8e5f-60718293a4b5", verify, None),
    ]
}

#[tokio::test(start_paused = true)]
async fn commands_are_handed_out_with_the_epoch() {
    let venue = Venue::new(State { commands: Ok(commands()), ..State::default() });
    let answer = venue.pos("GET /pos/v1/commands?wait=25", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), golden(include_str!("../fixtures/commands.json")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_as_asked_and_no_longer_than_30_s() {
    let venue = Venue::new(State::default());
    for query in ["", "?wait=25", "?wait=30", "?wait=31", "?wait=86400", "?wait=0"] {
        let answer = venue.pos(&format!("GET /pos/v1/commands{query}"), "").await;
        assert_eq!(answer.status, 204, "{query}");
        assert!(answer.is_bare());
    }
    let seconds = [0, 25, 30, 30, 30, 0].map(Duration::from_secs);
    assert_eq!(venue.desks.state().asked.waits, seconds);
    for query in ["?wait=-1", "?wait=long", "?wait="] {
        let answer = venue.pos(&format!("GET /pos/v1/commands{query}"), "").await;
        is_error(&answer, 400, "bad_json", false, false);
    }
    let answer = venue.pos("HEAD /pos/v1/commands", "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));

    venue.desks.state().commands = Err(BridgeError::Unavailable);
    is_error(&venue.pos("GET /pos/v1/commands", "").await, 503, "unavailable", true, false);
    venue.desks.state().hang = true;
    let started = tokio::time::Instant::now();
    assert_eq!(venue.pos("GET /pos/v1/commands?wait=25", "").await.status, 204);
    assert_eq!(started.elapsed().as_secs(), 28);
}

#[tokio::test(start_paused = true)]
async fn w28_a_late_done_is_410() {
    let command = "2b9a4c80-31f5-4be0-9b1c-74a9f2f0d5aa";
    let line = format!("POST /pos/v1/commands/{command}/result");
    let venue = Venue::new(State::default());
    let body = r#"{"outcome":"done"}"#;
    let answer = venue.pos(&line, body).await;
    assert_eq!(answer.status, 204);
    assert!(answer.is_bare());
    let done = (CommandId(id(command)), CommandOutcome::Done);
    assert_eq!(venue.desks.state().asked.results, [done]);

    venue.desks.state().result = Err(BridgeError::Expired);
    is_error(&venue.pos(&line, body).await, 410, "command_expired", false, false);
    venue.desks.state().result = Err(BridgeError::Unavailable);
    is_error(&venue.pos(&line, body).await, 503, "unavailable", true, false);
    is_error(&venue.pos(&line, r#"{"outcome":"maybe"}"#).await, 400, "bad_json", false, false);
    is_error(&venue.pos(&line, "{}").await, 422, "field_required", false, false);
}

#[tokio::test(start_paused = true)]
async fn methods_are_named_in_allow() {
    let venue = Venue::new(State::default());
    let rows = [
        ("DELETE /pos/v1/health".to_owned(), "GET, HEAD"),
        (format!("POST /pos/v1/orders/{ORDER}"), "GET, HEAD, PUT"),
        (format!("GET /pos/v1/orders/{ORDER}/plan"), "POST"),
        (format!("POST /pos/v1/payments/{T2}"), "GET, HEAD, PUT"),
        (format!("DELETE /pos/v1/payments/{T2}/refunds/{REFUND}"), "PUT"),
        ("GET /pos/v1/reservations".to_owned(), "POST"),
    ];
    for (line, allow) in rows {
        let answer = venue.pos(&line, "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{line}");
    }
}
