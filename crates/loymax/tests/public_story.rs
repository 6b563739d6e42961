//! The Public API over real sockets against the simulated processing: rows 4, 26 to 30 of
//! loymax.md 16.
#![allow(clippy::unwrap_used, reason = "tests")]

mod place;
mod support;

use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret;
use tillway_core::Kopecks;
use tillway_core::loyalty::{IdentifierKind, Pay, Pin, Sale};
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{Class, Command, Outcome};
use tillway_loymax::Dialect;
use tillway_loymax::public::pickup::{Act, Order};
use tillway_loymax::public::{
    Answered, ApiError, Begun, CouponState, Finished, Grant, JsonMirror, Newcomer, Person,
    Registration, Replacement, SetRange, Speaker, Step, StepKind,
};
use tillway_sim::loymax::house::{self, ClientId, Duplicates, State};
use tillway_transport::fault::Fault;

use place::{CARD, PHONE, Place, cable, guest, login, phone, sale_as};
use support::{card, sale, tea};

fn class(outcome: &Outcome) -> Class {
    match outcome {
        Outcome::Refused(refusal) => refusal.class,
        other => panic!("{other:?}"),
    }
}

fn code(error: &ApiError) -> &str {
    match error {
        ApiError::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn pay(kind: &str, amount: i64) -> Pay {
    Pay { kind: kind.into(), amount: Kopecks(amount), details: None }
}

/// The sale with its promo flag taken off, so that offers on everything fire.
fn coffee(purchase: u128, amount: i64) -> Sale {
    let mut sale = sale_as(purchase, sale(false));
    let goods = tillway_core::loyalty::Goods::Code("SKU-1003".into());
    let line = tillway_core::loyalty::Line { goods, price: None, ..tea(amount) };
    sale.cheque.lines = vec![line];
    sale.coupons.clear();
    sale
}

#[tokio::test]
async fn r4_a_qr_code_serves_while_it_lives() {
    let place = Place::open().await;
    let cards = place.guest().cards();
    let all = cards.list().await.unwrap();
    assert_eq!((all.len(), all[0].number.as_ref()), (1, CARD));
    let qr = cards.qr(&all[0].id).await.unwrap();
    assert_eq!(qr.lives.as_secs(), 60);
    let shown = guest(IdentifierKind::Qr, qr.content.expose_secret());
    let balance = Command::Balance { guest: shown };
    let xml = place.xml("TILL-0007");
    let answer = place.done(&place.mirror("till-app"), balance.clone()).await;
    assert_eq!(answer.balance, Some(Kopecks(25_000)));
    assert_eq!(place.done(&xml, balance.clone()).await.balance, Some(Kopecks(25_000)));

    place.advance(61);
    for late in [
        place.ask(&place.mirror("till-app"), balance.clone()).await,
        place.ask(&xml, balance).await,
    ] {
        assert_eq!(class(&late), Class::UnknownGuest);
    }

    let first = cards.qr(&all[0].id).await.unwrap();
    cards.qr(&all[0].id).await.unwrap();
    let stale = guest(IdentifierKind::Qr, first.content.expose_secret());
    let stale = place.ask(&place.mirror("till-app"), Command::Balance { guest: stale }).await;
    assert_eq!(class(&stale), Class::UnknownGuest, "only the last one counts");

    let by_operator = place.operator().cards().qr_of(PHONE, CARD).await.unwrap();
    assert!(by_operator.content.expose_secret().contains(CARD));
    let foreign = place.operator().cards().qr_of("79990000002", CARD).await.unwrap_err();
    assert_eq!(code(&foreign), "CardNotFound");
    for shown in [format!("{by_operator:?}"), format!("{all:?}")] {
        assert!(!shown.contains(CARD), "{shown}");
    }
}

#[tokio::test]
async fn a_sale_in_json_comes_out_to_the_kopeck() {
    let place = Place::open().await;
    place.house.with(|store| store.rules.cancel_operations = true);
    let till = place.mirror("till-app");
    let calculated = place.done(&till, Command::Calculate { sale: sale(false), wish: None }).await;
    assert_eq!(calculated.points, Some(Kopecks(11_100)));
    let mut sale = sale(false);
    sale.cheque = sale.cheque.discounted(&calculated).unwrap();
    assert_eq!(sale.cheque.total(), Ok(Kopecks(37_000)));
    let available = place.done(&till, Command::Available { sale: sale.clone() }).await;
    assert_eq!(available.amount, Some(Kopecks(11_100)));
    let pay_with = |amount| Command::Pay { sale: sale.clone(), amount, pin: None };
    let much = place.ask(&till, pay_with(Kopecks(11_101))).await;
    assert_eq!(class(&much), Class::TooMuch);

    let first = place.operation(pay_with(Kopecks(5_000)));
    let sent = till.send(&till.seal(&first).unwrap()).await;
    assert!(matches!(sent, Outcome::Done(_)), "{sent:?}");
    // A token that is no longer known means that nothing was done: the payment goes once.
    place.house.with(|store| store.forget_tokens());
    let purchase = sale.purchase.clone();
    let undo = Command::CancelOne { purchase: purchase.clone(), operation: first.id };
    place.done(&till, undo).await;
    assert_eq!(place.available(), Kopecks(25_000));
    let paid = place.done(&till, pay_with(Kopecks(10_000))).await;
    let parts: Vec<_> = paid.lines.iter().map(|line| (line.position, line.paid)).collect();
    assert_eq!(parts, [(1, Some(Kopecks(8_750))), (2, Some(Kopecks(1_250)))]);
    assert_eq!(place.available(), Kopecks(15_000));

    let pays = vec![pay("Cash", 20_000), pay("Card", 7_000)];
    let accrued = place.done(&till, Command::Accrue { sale: sale.clone(), pays }).await;
    assert_eq!(accrued.totals.cashback, Some(Kopecks(1_351)));
    place.done(&till, Command::Confirm { purchase: purchase.clone() }).await;
    assert_eq!(place.points(), Kopecks(16_351));
    let again = place.ask(&till, Command::Confirm { purchase: purchase.clone() }).await;
    assert_eq!(class(&again), Class::Confirmed);

    let mut back = sale_as(77, sale.clone());
    back.coupons.clear();
    back.cheque.lines = vec![tillway_core::loyalty::Line {
        quantity: tillway_core::fiscal::Quantity::ONE,
        ..tea(13_500)
    }];
    let refund = Command::Refund { sale: back.clone(), of: Some(purchase), transaction: None };
    let refunded = place.done(&till, refund).await;
    assert_eq!(refunded.amount, Some(Kopecks(4_375)));
    assert_eq!(refunded.refund_kind.as_deref(), Some("Normal"));
    place.done(&till, Command::Cancel { purchase: back.purchase }).await;
    assert_eq!(place.points(), Kopecks(16_351));
}

#[tokio::test]
async fn r26_an_order_is_reserved_in_json_and_collected_at_another_till() {
    let place = Place::open().await;
    place.house.with(|store| store.rules.allow_cross_device = true);
    let shop = place.mirror("shop-app");
    let calculated = place.done(&shop, Command::Calculate { sale: sale(false), wish: None }).await;
    let order = Order::calculated("W-17", sale(false), &calculated).unwrap();
    let act = || Act { id: place.id(), at: place::NOON, cashier: Some("Кассир 1".into()) };
    let reserve = order.reserve(act(), Kopecks(10_000), None);
    place.done(&shop, reserve.command).await;
    assert_eq!((place.points(), place.available()), (Kopecks(25_000), Kopecks(15_000)));

    let till = place.xml("TILL-0007");
    let pays = vec![pay("Cash", 27_000)];
    let accrue = order.accrue(act(), pays);
    let told = accrue.command.sale().unwrap().params.clone();
    assert_eq!((told[0].name.as_ref(), told[0].value.as_ref()), ("OrderNumber", "W-17"));
    place.done(&till, accrue.command).await;
    place.done(&till, order.confirm(act()).command).await;
    assert_eq!((place.points(), place.available()), (Kopecks(16_351), Kopecks(16_351)));

    // Nobody comes for the next one.
    let next = sale_as(18, coffee(18, 10_000));
    let calculated = place.done(&shop, Command::Calculate { sale: next.clone(), wish: None }).await;
    let order = Order::calculated("W-18", next, &calculated).unwrap();
    place.done(&shop, order.reserve(act(), Kopecks(2_000), None).command).await;
    assert_eq!(place.available(), Kopecks(14_351));
    place.done(&till, order.cancel(act()).command).await;
    assert_eq!(place.available(), Kopecks(16_351));

    // Without the setting the purchase belongs to the till that began it.
    place.house.with(|store| store.rules.allow_cross_device = false);
    let other = sale_as(19, coffee(19, 10_000));
    place.done(&shop, Command::Calculate { sale: other.clone(), wish: None }).await;
    let cancel = place.ask(&till, Command::Cancel { purchase: other.purchase.clone() }).await;
    assert_eq!(class(&cancel), Class::WrongTill);
    let operator = place.operator();
    operator.cancel_purchase("TILL-0008", &other.purchase).await.unwrap();
    let again = operator.cancel_purchase("TILL-0008", &other.purchase).await.unwrap_err();
    assert_eq!(code(&again), "OperationIsCanceled");
    let late = operator.confirm_purchase("TILL-0008", &other.purchase).await.unwrap_err();
    assert_eq!(code(&late), "OperationIsCanceled");
    let denied = place.guest().cancel_purchase("TILL-0008", &other.purchase).await.unwrap_err();
    assert_eq!(denied, ApiError::Denied("HTTP 403".into()));
}

#[tokio::test]
async fn r27_offers_fire_on_goods_that_the_guest_chose() {
    let place = Place::open().await;
    let favourites = place.guest().favourites();
    let sets = favourites.sets(&SetRange::default()).await.unwrap();
    let [set] = sets.as_slice() else { panic!("{sets:?}") };
    assert_eq!((set.id.as_ref(), set.cells, set.goods.len()), ("1", 3, 3));
    assert!(set.goods.iter().all(|cell| cell.goods.is_none()));
    assert_eq!((set.check(1), set.check(3).is_err(), set.check(4).is_err()), (Ok(()), true, true));
    let named: Vec<_> = favourites.choices("1", Some("коф")).await.unwrap();
    assert_eq!((named.len(), named[0].code.as_ref()), (1, "SKU-1003"));

    let mirror = place.mirror("till-app");
    let price = async |purchase: u128| {
        let command = Command::Calculate { sale: coffee(purchase, 10_000), wish: None };
        let answer = place.done(&mirror, command).await;
        answer.lines[0].amount.unwrap()
    };
    assert_eq!(price(1).await, Kopecks(10_000));
    favourites.choose("1", 1, "SKU-1003").await.unwrap();
    assert_eq!(price(2).await, Kopecks(8_500));
    let twice = favourites.choose("1", 2, "SKU-1003").await.unwrap_err();
    assert_eq!(code(&twice), "GoodAlreadyChosen");
    favourites.choose("1", 1, "SKU-1001").await.unwrap();
    assert_eq!(price(3).await, Kopecks(10_000));
    let set = favourites.set("1").await.unwrap();
    let chosen = set.goods[0].goods.clone().unwrap();
    assert_eq!((chosen.code.as_ref(), chosen.name.as_ref()), ("SKU-1001", "Чай"));

    for refused in [
        (favourites.choose("1", 3, "SKU-1003").await, "ChangeNotAllowed"),
        (favourites.clear("1", 3).await, "ChangeNotAllowed"),
        (favourites.choose("1", 4, "SKU-1003").await, "PositionNotFound"),
        (favourites.choose("1", 2, "SKU-9999").await, "GoodNotAllowed"),
        (favourites.choose("9", 1, "SKU-1003").await, "SetNotFound"),
    ] {
        assert_eq!(code(&refused.0.unwrap_err()), refused.1);
    }
    let operator = place.operator().favourites_of(Person("1".into()));
    operator.choose("1", 1, "SKU-1003").await.unwrap();
    assert_eq!(price(4).await, Kopecks(8_500));
    favourites.clear("1", 1).await.unwrap();
    assert_eq!(price(5).await, Kopecks(10_000));
    assert!(operator.set("1").await.unwrap().goods[0].goods.is_none());
    let later = SetRange { from_date: Some("2027-01-01".into()), ..SetRange::default() };
    assert_eq!(favourites.sets(&later).await.unwrap(), []);
}

fn newcomer(login: &str) -> Newcomer {
    Newcomer { login: phone(login), password: None, cvc: None, without_call: true }
}

async fn begun(place: &Place, newcomer: &Newcomer) -> Registration {
    let application = place.till().session(Grant::Application);
    match application.begin_registration(newcomer).await.unwrap() {
        Begun::Started(registration) => registration,
        other => panic!("{other:?}"),
    }
}

fn kinds(finished: &Finished) -> Vec<StepKind> {
    match finished {
        Finished::Unfinished(steps) => steps.iter().map(|step| step.kind.clone()).collect(),
        Finished::Completed => Vec::new(),
    }
}

/// Answers the only question, with nothing at first; what was said to that.
async fn questioned(registration: &Registration) -> ApiError {
    let answer = |value: &str| Answered {
        question: 5,
        group: 1,
        value: value.into(),
        fixed: Vec::new(),
        tag: None,
    };
    let blank = registration.answer(&[answer("")]).await.unwrap_err();
    assert!(matches!(&blank, ApiError::Invalid(faults) if faults[0].field.as_ref() == "5"));
    assert_eq!(blank.for_cashier(), "Проверьте данные. Вопрос без ответа");
    registration.answer(&[answer("Мария")]).await.unwrap();
    blank
}

#[tokio::test]
async fn r28_a_guest_is_registered_at_the_till_and_earns_at_once() {
    let place = Place::open().await;
    place.house.with(|store| {
        let steps = [house::Step::Offer, house::Step::Phone, house::Step::Questions];
        store.public.program.steps = steps.into();
        store.public.program.questions = [5].into();
    });
    let number = "79991112233";
    let registration = begun(&place, &newcomer("+7 999 111-22-33")).await;
    let steps = registration.steps().await.unwrap();
    let open = |kind| Step { kind, required: true, done: false };
    let wanted = [StepKind::AcceptOffer, StepKind::Phone, StepKind::Questions];
    assert_eq!(steps, wanted.clone().map(open));
    registration.accept_offer().await.unwrap();
    assert!(registration.steps().await.unwrap()[0].done);
    assert_eq!(kinds(&registration.try_finish().await.unwrap()), wanted[1..]);

    registration.send_code().await.unwrap();
    let sent = place.sms(number).await;
    let wrong = if sent == "000000" { "000001" } else { "000000" };
    let refused = registration.confirm_phone(&Pin::new(wrong), None).await.unwrap_err();
    assert_eq!(code(&refused), "WrongConfirmCode");
    assert_eq!(refused.for_cashier(), "Неверный код подтверждения");
    place.advance(1);
    registration.send_code().await.unwrap();
    let fresh = place.sms(number).await;
    assert_ne!(fresh, sent);
    let old = registration.confirm_phone(&Pin::new(&sent), None).await.unwrap_err();
    assert_eq!(code(&old), "WrongConfirmCode", "only the last code counts");
    let password = "new-password".into();
    registration.confirm_phone(&Pin::new(&fresh), Some(&password)).await.unwrap();

    let blank = questioned(&registration).await;
    // Points are earned only once the registration is finished.
    let earn = |guest| async {
        let sale = Sale { guest: Some(guest), ..coffee(900, 10_000) };
        place.ask(&place.mirror("till-app"), Command::Calculate { sale, wish: None }).await
    };
    assert_eq!(class(&earn(phone(number)).await), Class::UnknownGuest);
    assert_eq!(registration.try_finish().await.unwrap(), Finished::Completed);
    assert_eq!(registration.try_finish().await.unwrap(), Finished::Completed, "a repeat");

    let till = place.xml("TILL-0007");
    let sale = Sale { guest: Some(phone(number)), ..coffee(901, 10_000) };
    place.done(&till, Command::Calculate { sale: sale.clone(), wish: None }).await;
    let accrue = Command::Accrue { sale: sale.clone(), pays: vec![pay("Cash", 10_000)] };
    place.done(&till, accrue).await;
    place.done(&till, Command::Confirm { purchase: sale.purchase }).await;
    let client = ClientId(registration.person().0.parse().unwrap());
    assert_eq!(place.house.points(client), Some(Kopecks(500)));
    let username = number.into();
    let own = Grant::Password { username, password: "new-password".into() };
    place.till().session(own).open().await.unwrap();

    let application = place.till().session(Grant::Application);
    let again = application.begin_registration(&newcomer(number)).await.unwrap();
    assert!(matches!(again, Begun::AlreadyCompleted), "{again:?}");
    assert_eq!(again.for_cashier(), "Клиент уже зарегистрирован.");
    let shown = format!("{registration:?} {refused:?} {blank:?}");
    assert!(!shown.contains(number) && !shown.contains(&fresh), "{shown}");
}

#[tokio::test]
async fn r28_a_registration_is_not_begun_or_goes_wrong() {
    let place = Place::open().await;
    let application = place.till().session(Grant::Application);
    let by_card = |cvc: Option<&str>| Newcomer {
        login: guest(IdentifierKind::CardNumber, "2990000000026"),
        cvc: cvc.map(Pin::new),
        ..newcomer("79990000009")
    };
    for wrong in [None, Some("321")] {
        let begun = application.begin_registration(&by_card(wrong)).await.unwrap();
        assert!(matches!(begun, Begun::InvalidLogin), "{begun:?}");
    }
    place.house.with(|store| store.public.program.password_first = true);
    let begun_now = application.begin_registration(&newcomer("79991112233")).await.unwrap();
    assert!(matches!(begun_now, Begun::PasswordRequired), "{begun_now:?}");
    place.house.with(|store| store.public.program.password_first = false);

    let registration = begun(&place, &newcomer("79991112233")).await;
    let taken = registration.set_phone(&phone(PHONE)).await.unwrap_err();
    assert_eq!(code(&taken), "PhoneOccupied");
    registration.set_phone(&phone("79991112244")).await.unwrap();
    let unsent = registration.confirm_phone(&Pin::new("1"), None).await.unwrap_err();
    assert_eq!(code(&unsent), "WrongConfirmCode", "no code was sent");
    for _ in 0..2 {
        registration.confirm_phone(&Pin::new("1"), None).await.unwrap_err();
    }
    let blocked = registration.send_code().await.unwrap_err();
    assert_eq!(code(&blocked), "TooManyAttempts");
    let again = application.begin_registration(&newcomer("79991112233")).await.unwrap();
    assert!(matches!(again, Begun::Blocked), "{again:?}");
    let short = registration.set_password(&"12345".into()).await.unwrap_err();
    assert!(matches!(&short, ApiError::Invalid(faults) if faults[0].field.as_ref() == "password"));
}

#[tokio::test]
async fn r28_an_operator_registers_a_guest() {
    let place = Place::open().await;
    place.house.with(|store| store.public.program.steps.push(house::Step::Card));
    let own = begun(&place, &newcomer("79991112233")).await;
    let registration = place.operator().registration_of(own.person().clone());
    registration.accept_offer().await.unwrap();
    registration.set_phone(&phone("79991112255")).await.unwrap();
    registration.send_code().await.unwrap();
    let sent = place.sms("79991112255").await;
    registration.confirm_phone(&Pin::new(&sent), None).await.unwrap();
    let missing = registration.try_finish().await.unwrap();
    assert_eq!(kinds(&missing), [StepKind::AssignCard]);
    let wrong = registration.attach_card("2990000000026", None).await.unwrap_err();
    assert_eq!(code(&wrong), "WrongCvcCode");
    let theirs = registration.attach_card(CARD, None).await.unwrap_err();
    assert_eq!(code(&theirs), "CardOccupied");
    registration.attach_card("2990000000026", Some(&Pin::new("123"))).await.unwrap();
    assert_eq!(registration.try_finish().await.unwrap(), Finished::Completed);
    let known = guest(IdentifierKind::CardNumber, "2990000000026");
    let balance = Command::Balance { guest: known };
    let balance = place.done(&place.mirror("till-app"), balance).await;
    assert_eq!(balance.balance, Some(Kopecks(0)));
    // Nobody but an operator may name another client.
    let stranger = place.guest().registration_of(own.person().clone());
    assert_eq!(stranger.accept_offer().await, Err(ApiError::Denied("HTTP 403".into())));
    let nobody = place.operator().registration_of(Person("999".into()));
    assert_eq!(code(&nobody.accept_offer().await.unwrap_err()), "PersonNotFound");
}

#[tokio::test]
async fn r29_r30_cards_are_issued_attached_and_replaced() {
    let place = Place::open().await;
    let (guest_cards, operator) = (place.guest().cards(), place.operator().cards());
    let before = guest_cards.list().await.unwrap();
    let by = |number: &str, cvc: Option<&str>| Replacement {
        number: number.into(),
        cvc: cvc.map(Pin::new),
        card_password: None,
        password: Some("demo-password".into()),
    };
    let wrong = guest_cards.replace(&before[0].id, &by("2990000000026", Some("1"))).await;
    assert_eq!(code(&wrong.unwrap_err()), "WrongCvcCode");
    guest_cards.replace(&before[0].id, &by("2990000000026", Some("123"))).await.unwrap();
    let mirror = place.mirror("till-app");
    let balance = |number| Command::Balance { guest: guest(IdentifierKind::CardNumber, number) };
    let moved = place.done(&mirror, balance("2990000000026")).await;
    assert_eq!(moved.balance, Some(Kopecks(25_000)));
    assert_eq!(class(&place.ask(&mirror, balance(CARD)).await), Class::UnknownGuest);
    let xml = place.xml("TILL-0007");
    assert_eq!(class(&place.ask(&xml, balance(CARD)).await), Class::CardBlocked);
    let moved = place.done(&xml, balance("2990000000026")).await;
    assert_eq!(moved.balance, Some(Kopecks(25_000)));
    assert!(format!("{:?}", by(CARD, Some("123"))).find("123").is_none());

    guest_cards.emit_virtual().await.unwrap();
    let twice = guest_cards.emit_virtual().await.unwrap_err();
    assert_eq!(code(&twice), "VirtualCardExists");
    let all = guest_cards.list().await.unwrap();
    let is_virtual = all.iter().find(|card| card.number.starts_with("9800")).unwrap();
    let refused = guest_cards.replace(&is_virtual.id, &by("2990000000033", None)).await;
    assert_eq!(code(&refused.unwrap_err()), "BusinessError", "a virtual card is not replaced");

    let denied = guest_cards.issue(&before[0].id, "1").await.unwrap_err();
    assert_eq!(denied, ApiError::Denied("HTTP 403".into()));
    let theirs = operator.issue(&before[0].id, "1").await.unwrap_err();
    assert_eq!(code(&theirs), "CardOccupied");
    guest_cards.attach("2990000000040", None).await.unwrap();
    let again = guest_cards.attach("2990000000040", None).await.unwrap_err();
    assert_eq!(code(&again), "CardOccupied");
}

#[tokio::test]
async fn a_coupon_is_looked_at_before_it_is_used() {
    let place = Place::open().await;
    let till = place.till().session(Grant::Application);
    let coupon = till.coupon("SPRING-20").await.unwrap();
    assert_eq!(coupon.state, CouponState::Issued);
    assert_eq!(coupon.description.as_deref(), Some("Скидка 10% на чай"));
    assert_eq!(coupon.qr.as_deref(), Some("LMXC:SPRING-20"));
    assert!(!format!("{coupon:?}").contains("SPRING"));
    let none = till.coupon("a/b?c").await.unwrap_err();
    assert_eq!(code(&none), "CouponNotFound");

    let mirror = place.mirror("till-app");
    let calculated =
        place.done(&mirror, Command::Calculate { sale: sale(false), wish: None }).await;
    let order = Order::calculated("1", sale(false), &calculated).unwrap();
    let command = Command::Accrue { sale: order.sale.clone(), pays: vec![pay("Cash", 37_000)] };
    place.done(&mirror, command).await;
    assert_eq!(till.coupon("SPRING-20").await.unwrap().state, CouponState::QueuedToUse);
    place.done(&mirror, Command::Confirm { purchase: order.purchase().clone() }).await;
    let used = till.coupon("SPRING-20").await.unwrap();
    assert_eq!(used.state.for_cashier(), "Купон уже использован.");
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_and_the_repeat_does_nothing_twice() {
    for duplicates in [Duplicates::Replay, Duplicates::Reject] {
        let place = Place::open().await;
        place.house.with(|store| store.rules.duplicates = duplicates);
        let faults = Arc::new(Mutex::new(Vec::new()));
        let api = place.api_over(place.config("till-app"), cable(Arc::clone(&faults)));
        let mirror = JsonMirror::new(&api, Speaker::Application, Dialect::default(), false);
        let meet = |end, fault| faults.lock().unwrap().push((end, fault));
        let sale = Sale { guest: Some(card()), ..coffee(1, 10_000) };
        let accrue = Command::Accrue { sale: sale.clone(), pays: vec![pay("Cash", 10_000)] };
        let message = place.seal(&mirror, accrue);
        meet("/token", Fault::LoseAnswer);
        let unsent = mirror.send(&message).await;
        assert!(matches!(unsent, Outcome::Unreached(_)), "no token, nothing sent: {unsent:?}");
        meet("/Bonus", Fault::Refuse);
        let unsent = mirror.send(&message).await;
        assert!(matches!(unsent, Outcome::Unreached(_)), "{unsent:?}");
        meet("/Bonus", Fault::LoseAnswer);
        let lost = mirror.send(&message).await;
        assert!(matches!(lost, Outcome::InDoubt(_)), "{lost:?}");
        match (duplicates, mirror.send(&message).await) {
            (Duplicates::Replay, Outcome::Done(answer)) => {
                assert_eq!(answer.totals.cashback, Some(Kopecks(500)));
            }
            (Duplicates::Reject, Outcome::Refused(refusal)) => {
                assert!(refusal.is_done(message.kind), "{refusal:?}");
            }
            other => panic!("{other:?}"),
        }
        let confirm = place.seal(&mirror, Command::Confirm { purchase: sale.purchase.clone() });
        meet("/Confirm", Fault::TruncateAnswer { bytes: 40 });
        let half = mirror.send(&confirm).await;
        assert!(matches!(half, Outcome::InDoubt(_)), "{half:?}");
        let again = mirror.send(&confirm).await;
        let done = match &again {
            Outcome::Done(_) => true,
            Outcome::Refused(refusal) => refusal.is_done(confirm.kind),
            _ => false,
        };
        assert!(done, "{again:?}");
        assert_eq!(place.points(), Kopecks(25_500));
        let purchase = sale.purchase.as_str();
        let state = place.house.with(|store| store.purchases[purchase].state);
        assert_eq!(state, State::Confirmed);
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_when_it_is_forgotten() {
    let place = Place::open().await;
    let session = place.guest();
    session.cards().list().await.unwrap();
    // The password is not needed again: the refresh token does it.
    place.house.with(|store| store.public.passwords.clear());
    place.advance(3_600 - 31);
    session.cards().list().await.unwrap();
    assert_eq!(place.token_requests(), 1, "it still lives long enough");
    place.advance(1);
    session.cards().list().await.unwrap();
    assert_eq!(place.token_requests(), 2, "before it ends");
    place.house.with(|store| store.forget_tokens());
    session.cards().list().await.unwrap();
    assert_eq!(place.token_requests(), 3);
    place.advance(25 * 3_600);
    let ended = session.cards().list().await.unwrap_err();
    assert_eq!(ended, ApiError::LoginRefused);
    place.house.with(|store| store.public.passwords.insert(ClientId(1), "demo-password".into()));
    session.cards().list().await.unwrap();
}

#[tokio::test]
async fn a_code_is_good_once_and_its_session_lives_on() {
    let place = Place::open().await;
    let code = place.house.with(|store| store.give_code("till-app", PHONE)).unwrap();
    let faults = Arc::new(Mutex::new(vec![("/token", Fault::Refuse)]));
    let api = place.api_over(place.config("till-app"), cable(faults));
    let session = api.session(Grant::Code(code.as_str().into()));
    let unsent = session.cards().list().await.unwrap_err();
    assert!(matches!(unsent, ApiError::Unreached(_)), "{unsent:?}");
    session.cards().list().await.unwrap();
    place.advance(2 * 3_600);
    session.cards().list().await.unwrap();
    let again = place.till().session(Grant::Code(code.as_str().into()));
    assert_eq!(again.open().await, Err(ApiError::LoginRefused));
    let late = place.house.with(|store| store.give_code("till-app", PHONE)).unwrap();
    place.advance(61);
    let late = place.till().session(Grant::Code(late.as_str().into()));
    assert_eq!(late.open().await, Err(ApiError::LoginRefused));
}

#[tokio::test]
async fn logins_are_refused_with_a_reason() {
    let place = Place::open().await;
    let wrong = Grant::Password { username: PHONE.into(), password: "wrong-one".into() };
    let session = place.till().session(wrong);
    let error = session.cards().list().await.unwrap_err();
    assert_eq!(error, ApiError::LoginRefused);
    let shown = format!("{session:?} {error:?} {error} {:?}", login(PHONE));
    for secret in [PHONE, "wrong-one", "demo-password"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let mut config = place.config("till-app");
    config.application.secret = Some("another".into());
    let denied = place.api_over(config, Arc::new(place::http())).session(Grant::Application);
    assert_eq!(denied.open().await, Err(ApiError::Denied("HTTP 401 invalid_client".into())));
    let nobody = place.till().session(Grant::Guest(phone("79998887766")));
    assert_eq!(nobody.open().await, Err(ApiError::UnknownGuest));
    place.house.with(|store| {
        store.public.applications.get_mut("till-app").unwrap().trusted = false;
    });
    let distrusted = place.till().session(Grant::Guest(card()));
    assert_eq!(distrusted.open().await, Err(ApiError::Denied("HTTP 403".into())));
    let code = place.till().session(Grant::Code("made-up".into()));
    assert_eq!(code.open().await, Err(ApiError::LoginRefused));
    let anonymous = place.till().session(Grant::Application);
    assert_eq!(anonymous.cards().list().await.unwrap_err(), ApiError::Denied("HTTP 403".into()));
}

#[tokio::test]
async fn one_phone_in_any_form_is_one_client() {
    let place = Place::open().await;
    let mirror = place.mirror("till-app");
    for read in ["+7 (999) 000-00-01", "8 999 000 00 01", "9990000001"] {
        let answer = place.done(&mirror, Command::Balance { guest: phone(read) }).await;
        assert_eq!(answer.balance, Some(Kopecks(25_000)), "{read}");
    }
    let refused = place.ask(&mirror, Command::Balance { guest: phone("79998887766") }).await;
    assert_eq!(class(&refused), Class::UnknownGuest);
}

#[tokio::test]
async fn a_shop_speaks_for_a_client_who_has_logged_in() {
    let place = Place::open().await;
    let speaker = Speaker::Client(place.guest());
    let mirror = JsonMirror::new(&place.till(), speaker, Dialect::default(), false);
    let someone = Sale { guest: Some(phone("79998887766")), ..coffee(1, 10_000) };
    let paid = Command::Calculate { sale: someone, wish: None };
    assert_eq!(place.done(&mirror, paid).await.balance, Some(Kopecks(25_000)));
}

#[tokio::test]
async fn nobody_listens() {
    let place = Place::open().await;
    let mut config = place.config("till-app");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.address = format!("http://{}", free.local_addr().unwrap()).into();
    drop(free);
    let api = place.api_over(config, Arc::new(place::http()));
    let error = api.session(Grant::Application).coupon("SPRING-20").await.unwrap_err();
    assert!(matches!(&error, ApiError::Unreached(_)) && error.is_temporary(), "{error:?}");
    let mirror = JsonMirror::new(&api, Speaker::Application, Dialect::default(), false);
    let outcome = place.ask(&mirror, Command::Balance { guest: card() }).await;
    assert!(matches!(outcome, Outcome::Unreached(_)), "{outcome:?}");
}
