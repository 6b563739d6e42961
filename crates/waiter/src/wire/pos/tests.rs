use super::*;

const ORDER: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
const WALLET: &str = "c1b1f3c0-2b8a-5f0a-9a41-77d2a1f0be02";
const TYPE: &str = "d645d632-cd95-4d49-9974-06911a9cd314";

fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap()
}

/// A body with some members replaced; an empty value leaves the member out.
fn body(base: &[(&str, &str)], change: &[(&str, &str)]) -> String {
    let changed = |name: &str| change.iter().find(|(changed, _)| *changed == name);
    let kept = base.iter().map(|pair| changed(pair.0).unwrap_or(pair));
    let added = change.iter().filter(|(name, _)| base.iter().all(|(known, _)| known != name));
    let members = kept.chain(added).filter(|(_, value)| !value.is_empty());
    let members: Vec<_> = members.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn payment(change: &[(&str, &str)]) -> Result<CaptureRequest, Flaw> {
    let (order, wallet, kind) = (quoted(ORDER), quoted(WALLET), quoted(TYPE));
    let base = [
        ("orderId", order.as_str()),
        ("walletId", &wallet),
        ("bindingEpoch", "1"),
        ("amountMinor", "90000"),
        ("orderTotalMinor", "165000"),
        ("paymentTypeId", &kind),
    ];
    let body = body(&base, change);
    capture(PaymentId(Uuid::from_u128(9)), &Fields::parse(body.as_bytes()).unwrap())
}

#[test]
fn a_payment_is_read_whole() {
    let read = payment(&[
        ("attempt", "2"),
        ("orderNumber", "82"),
        ("prepay", "true"),
        ("silent", "true"),
        ("cashier", "\"Ольга\""),
        ("businessDate", "\"2026-11-22\""),
        ("reservationId", &quoted(WALLET)),
        ("currency", "\"RUB\""),
        ("role", "\"deposit\""),
        ("unknown", "[{}]"),
    ]);
    let expected = CaptureRequest {
        id: PaymentId(Uuid::from_u128(9)),
        attempt: 2,
        order: OrderId(id(ORDER)),
        wallet: AccountId(id(WALLET)),
        amount: Kopecks(90_000),
        total: Kopecks(165_000),
        epoch: 1,
        hold: Some(HoldId(id(WALLET))),
        payment_type: id(TYPE),
        info: PaymentInfo {
            order_number: Some(82),
            prepay: true,
            silent: true,
            cashier: Some("Ольга".into()),
            business_date: Some("2026-11-22".into()),
        },
        refuse: None,
    };
    assert_eq!(read, Ok(expected));
    let bare = payment(&[]).unwrap();
    assert_eq!((bare.attempt, bare.hold, bare.info), (1, None, PaymentInfo::default()));
}

#[test]
fn f1_well_typed_mistakes_are_refused_under_the_id() {
    use Refusal::{BadAmount, BadCurrency, FieldRequired};
    let rows = [
        (&[("amountMinor", "0")][..], BadAmount),
        (&[("amountMinor", "-1")], BadAmount),
        (&[("orderTotalMinor", "0")], BadAmount),
        (&[("currency", "\"USD\"")], BadCurrency),
        (&[("currency", "\"USD\""), ("amountMinor", "0")], BadCurrency),
        (&[("walletId", "")], FieldRequired),
        (&[("walletId", "null")], FieldRequired),
        (&[("bindingEpoch", "")], FieldRequired),
        (&[("amountMinor", "")], FieldRequired),
        (&[("orderTotalMinor", "")], FieldRequired),
        (&[("paymentTypeId", "")], FieldRequired),
    ];
    for (change, refusal) in rows {
        let read = payment(change).unwrap();
        assert_eq!(read.refuse, Some(refusal), "{change:?}");
        assert_eq!(read.order, OrderId(id(ORDER)));
    }
    // Without an order there is nothing to store the refusal with.
    assert_eq!(payment(&[("orderId", "")]), Err(Flaw::FieldRequired));
}

#[test]
fn badly_typed_members_are_stored_nowhere() {
    let long_name = quoted(&"я".repeat(65));
    let rows = [
        (("amountMinor", "900.00"), Flaw::BadJson),
        (("amountMinor", "90000.0"), Flaw::BadJson),
        (("amountMinor", "9e4"), Flaw::BadJson),
        (("amountMinor", "\"90000\""), Flaw::BadJson),
        (("amountMinor", "92233720368547758080"), Flaw::BadJson),
        (("orderId", "82"), Flaw::BadJson),
        (("orderId", "\"82\""), Flaw::BadId),
        (("walletId", "\"00000000-0000-0000-0000-000000000000\""), Flaw::BadId),
        (("paymentTypeId", "\"bonus\""), Flaw::BadId),
        (("bindingEpoch", "-1"), Flaw::BadJson),
        (("bindingEpoch", "4294967296"), Flaw::BadJson),
        (("attempt", "0"), Flaw::BadJson),
        (("attempt", "65536"), Flaw::BadJson),
        (("currency", "643"), Flaw::BadJson),
        (("prepay", "1"), Flaw::BadJson),
        (("role", "\"money\""), Flaw::BadJson),
        (("cashier", long_name.as_str()), Flaw::BadJson),
        (("businessDate", "\"a date of more than thirty-two characters\""), Flaw::BadJson),
    ];
    for (change, flaw) in rows {
        assert_eq!(payment(&[change]), Err(flaw), "{change:?}");
    }
}

#[test]
fn a_reservation_is_read_whole() {
    let (order, wallet) = (quoted(ORDER), quoted(WALLET));
    let base = [
        ("orderId", order.as_str()),
        ("walletId", &wallet),
        ("bindingEpoch", "1"),
        ("amountMinor", "90000"),
        ("orderTotalMinor", "165000"),
    ];
    let key = Uuid::from_u128(5);
    let read = |change: &[(&str, &str)]| {
        reserve(key, &Fields::parse(body(&base, change).as_bytes()).unwrap())
    };
    let whole = read(&[("ttlSeconds", "60"), ("supersedes", &wallet), ("paymentItemId", &order)]);
    let whole = whole.unwrap();
    assert_eq!((whole.key, whole.amount, whole.epoch), (key, Kopecks(90_000), 1));
    assert_eq!(whole.ttl, Some(Duration::from_secs(60)));
    assert_eq!(whole.supersedes, Some(HoldId(id(WALLET))));
    assert_eq!(whole.refuse, None);
    assert_eq!(read(&[]).unwrap().ttl, None);
    assert_eq!(read(&[("walletId", "")]).unwrap().refuse, Some(Refusal::FieldRequired));
    assert_eq!(read(&[("amountMinor", "0")]).unwrap().refuse, Some(Refusal::BadAmount));
    for ttl in ["59", "86401", "-60"] {
        assert_eq!(read(&[("ttlSeconds", ttl)]), Err(Flaw::BadJson), "{ttl}");
    }
}

#[test]
fn refunds_are_read() {
    let (of, id) = (PaymentId(Uuid::from_u128(1)), RefundId(Uuid::from_u128(2)));
    let read = |body: &str| refund(of, id, &Fields::parse(body.as_bytes()).unwrap());
    let whole = read(r#"{"amountMinor":30000,"refundedBeforeMinor":0,"reason":"dish"}"#).unwrap();
    assert_eq!((whole.amount, whole.before), (Kopecks(30_000), Kopecks::ZERO));
    assert_eq!(whole.refuse, None);
    let rows = [
        (r#"{"amountMinor":30000}"#, Refusal::FieldRequired),
        (r#"{"refundedBeforeMinor":0}"#, Refusal::FieldRequired),
        (r#"{"amountMinor":0,"refundedBeforeMinor":0}"#, Refusal::BadAmount),
        (r#"{"amountMinor":1,"refundedBeforeMinor":-1}"#, Refusal::BadAmount),
    ];
    for (body, refusal) in rows {
        assert_eq!(read(body).unwrap().refuse, Some(refusal), "{body}");
    }
    assert_eq!(read(r#"{"amountMinor":1.0,"refundedBeforeMinor":0}"#), Err(Flaw::BadJson));
}

#[test]
fn f2_unlinked_refunds_are_read() {
    let types = [PaymentType { id: id(TYPE), kind: AccountKind::Deposit, name: "Lime".into() }];
    let refund_id = RefundId(Uuid::from_u128(2));
    let (order, kind) = (quoted(ORDER), quoted(TYPE));
    let base = [
        ("orderId", order.as_str()),
        ("paymentTypeId", &kind),
        ("role", "\"deposit\""),
        ("amountMinor", "90000"),
        ("refundedBeforeMinor", "0"),
    ];
    let read = |change: &[(&str, &str)]| {
        unlinked(refund_id, &Fields::parse(body(&base, change).as_bytes()).unwrap(), &types)
    };
    let whole = read(&[]).unwrap();
    assert_eq!((whole.order, whole.payment_type), (Some(OrderId(id(ORDER))), id(TYPE)));
    assert_eq!((whole.before, whole.refuse), (Some(Kopecks::ZERO), None));
    assert_eq!(read(&[("orderId", "")]).unwrap().order, None);
    let misfit = Refusal::WrongPaymentType { wallet: AccountKind::Credit };
    assert_eq!(read(&[("role", "\"credit\"")]).unwrap().refuse, Some(misfit));
    for missing in ["paymentTypeId", "role", "amountMinor", "refundedBeforeMinor"] {
        let refuse = read(&[(missing, "")]).unwrap().refuse;
        assert_eq!(refuse, Some(Refusal::FieldRequired), "{missing}");
    }
    // A type that is not ours to know is judged by the desk.
    assert_eq!(read(&[("paymentTypeId", &order)]).unwrap().refuse, None);
}

#[test]
fn f11_lines_and_total_are_read() {
    let read = |body: &str| {
        told(OrderId(id(ORDER)), &Fields::parse(body.as_bytes()).map_err(|_| Flaw::BadJson)?)
    };
    let line = |members: &str| read(&format!(r#"{{"totalMinor":1,"lines":[{{{members}}}]}}"#));
    let told = line(r#""sku":"30055","name":"Морс","quantity":2,"amountMinor":40000"#).unwrap();
    let expected = OrderLine {
        sku: "30055".into(),
        name: "Морс".into(),
        quantity: Decimal::TWO,
        price: Kopecks(20_000),
        amount: Kopecks(40_000),
    };
    assert_eq!(told.lines, [expected]);
    let price = |members: &str| line(members).map(|told| told.lines[0].price);
    let by_weight = r#""name":"Стейк","quantity":0.333,"amountMinor":10000"#;
    assert_eq!(price(by_weight), Ok(Kopecks(30_030)));
    let discounted = r#""name":"Суп","quantity":1.000,"priceMinor":50000,"amountMinor":45000"#;
    assert_eq!(price(discounted), Ok(Kopecks(50_000)));
    let rows = [
        (r#""name":"a","quantity":0,"amountMinor":1"#, Flaw::BadAmount),
        (r#""name":"a","quantity":-1,"amountMinor":1"#, Flaw::BadAmount),
        (r#""name":"a","quantity":0.0001,"amountMinor":1"#, Flaw::BadAmount),
        (r#""name":"a","quantity":1e40,"amountMinor":1"#, Flaw::BadAmount),
        (r#""name":"a","quantity":1,"amountMinor":-1"#, Flaw::BadAmount),
        (r#""name":"a","quantity":"1","amountMinor":1"#, Flaw::BadJson),
        (r#""name":"a","quantity":1,"amountMinor":1.5"#, Flaw::BadJson),
        (r#""name":"a","amountMinor":1"#, Flaw::FieldRequired),
        (r#""quantity":1,"amountMinor":1"#, Flaw::FieldRequired),
    ];
    for (members, flaw) in rows {
        assert_eq!(line(members).map(drop), Err(flaw), "{members}");
    }
    assert_eq!(read(r#"{"totalMinor":0,"lines":[]}"#).unwrap().total, Kopecks::ZERO);
    assert_eq!(read(r#"{"totalMinor":0}"#).map(drop), Err(Flaw::FieldRequired));
    assert_eq!(read(r#"{"totalMinor":-1,"lines":[]}"#).map(drop), Err(Flaw::BadAmount));
    let many = format!(r#"{{"totalMinor":0,"lines":[{}]}}"#, vec!["{}"; 501].join(","));
    assert_eq!(read(&many).map(drop), Err(Flaw::BadJson));
}

#[test]
fn plan_inputs_are_one_of_four() {
    let read = |input: &str| {
        let body = format!(r#"{{"dueMinor":165000,"input":{input}}}"#);
        plan(&Fields::parse(body.as_bytes()).unwrap()).map(|(_, input)| input)
    };
    let wallet = AccountId(id(WALLET));
    let part = format!(r#"{{"walletId":"{WALLET}","amountMinor":75000}}"#);
    let amount = Kopecks(75_000);
    let rows = [
        (format!(r#"{{"choose":"{WALLET}"}}"#), Ok(Input::Choose(wallet))),
        (format!(r#"{{"enter":{part}}}"#), Ok(Input::Enter(wallet, amount))),
        (format!(r#"{{"pinned":{part}}}"#), Ok(Input::Pinned(wallet, amount))),
        (format!(r#"{{"parts":[{part}]}}"#), Ok(Input::Parts(vec![(wallet, amount)]))),
        (r#"{"parts":[]}"#.to_owned(), Ok(Input::Parts(Vec::new()))),
        (format!(r#"{{"enter":{part},"choose":null}}"#), Ok(Input::Enter(wallet, amount))),
        (format!(r#"{{"enter":{part},"choose":"{WALLET}"}}"#), Err(Flaw::BadJson)),
        ("{}".to_owned(), Err(Flaw::FieldRequired)),
        ("[]".to_owned(), Err(Flaw::BadJson)),
        (r#"{"choose":"bonus"}"#.to_owned(), Err(Flaw::BadId)),
        (r#"{"enter":{"amountMinor":1}}"#.to_owned(), Err(Flaw::FieldRequired)),
        (format!(r#"{{"parts":[{}]}}"#, vec![part.as_str(); 65].join(",")), Err(Flaw::BadJson)),
    ];
    for (input, expected) in rows {
        assert_eq!(read(&input), expected, "{input}");
    }
    let due = |body: &str| plan(&Fields::parse(body.as_bytes()).unwrap()).map(|(due, _)| due);
    let with = |due: &str| format!(r#"{{"dueMinor":{due},"input":{{"choose":"{WALLET}"}}}}"#);
    assert_eq!(due(&with("0")), Ok(Kopecks::ZERO));
    assert_eq!(due(&with("-1")), Err(Flaw::BadAmount));
    assert_eq!(due(&with("null")), Err(Flaw::FieldRequired));
}

#[test]
fn a_close_lists_payments() {
    let read = |body: &str| {
        closed(OrderId(id(ORDER)), &Fields::parse(body.as_bytes()).unwrap())
            .map(|told| told.payments.len())
    };
    let listed = format!(r#"[{{"transactionId":"{WALLET}","amountMinor":1}}]"#);
    let with = |payments: &str, at: &str| {
        read(&format!(r#"{{"closedAt":{at},"totalMinor":1,"payments":{payments}}}"#))
    };
    assert_eq!(with(&listed, "\"2026-11-22T09:41:00Z\""), Ok(1));
    assert_eq!(with("[]", "\"2026-11-22T12:41:00+03:00\""), Ok(0));
    assert_eq!(with("[]", "\"22.11.2026\""), Err(Flaw::BadJson));
    assert_eq!(with("[]", "null"), Err(Flaw::FieldRequired));
    assert_eq!(with("null", "\"2026-11-22T09:41:00Z\""), Err(Flaw::FieldRequired));
    assert_eq!(with("[{}]", "\"2026-11-22T09:41:00Z\""), Err(Flaw::FieldRequired));
}

#[test]
fn times_are_rfc_3339() {
    let rows = [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2026-11-22T04:46:42.000Z", Some(1_795_322_802_000)),
        ("2026-11-22T07:46:42.5+03:00", Some(1_795_322_802_500)),
        ("2026-11-22", None),
        ("2026-11-22T04:46:42", None),
        ("now", None),
        ("", None),
    ];
    for (text, ms) in rows {
        let expected = ms.map(Timestamp::utc).ok_or(Flaw::BadJson);
        assert_eq!(time(text), expected, "{text}");
        if let Ok(at) = time(text) {
            assert_eq!(time(&at.to_string()), Ok(at));
        }
    }
}

#[test]
fn voids_and_cancels_carry_a_reason_at_most() {
    assert_eq!(void(b""), Ok(()));
    assert_eq!(void(br#"{"reason":"item removed"}"#), Ok(()));
    assert_eq!(void(b"[]"), Err(Flaw::BadJson));
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(513));
    assert_eq!(void(long.as_bytes()), Err(Flaw::BadJson));

    let read = |body: &str| cancel(&Fields::parse(body.as_bytes()).unwrap());
    assert_eq!(read(&format!(r#"{{"orderId":"{ORDER}"}}"#)), Ok(OrderId(id(ORDER))));
    assert_eq!(read("{}"), Err(Flaw::FieldRequired));
}
