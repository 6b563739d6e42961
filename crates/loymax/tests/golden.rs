//! Every command both ways, against files of ours: the worked examples of loymax.md 3 to 7.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use tillway_core::Kopecks;
use tillway_core::loyalty::{Answer, ChequeError, IdentifierKind, Pin, Sale};
use tillway_core::port::processing::{Class, Command, Kind, Operation, Outcome, SealError};
use tillway_loymax::dialect::{Carrier, Coupons, Identifiers, Letters};
use tillway_loymax::{Dialect, input, judge, wire};

use support::{TILL, dialect, operation, sale, sealed};

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).unwrap()
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Balance => "balance",
        Kind::Calculate => "calculate",
        Kind::Available => "available",
        Kind::Pay => "pay",
        Kind::Accrue => "accrue",
        Kind::Confirm => "confirm",
        Kind::Cancel => "cancel",
        Kind::CancelOne => "cancel_one",
        Kind::Refund => "refund",
        Kind::Card => "card",
    }
}

fn judged(kind: Kind, file: &str) -> Outcome {
    judge::outcome(&dialect(), &sealed(kind), &fixture(file))
}

fn done(kind: Kind) -> Answer {
    match judged(kind, &format!("answers/{}.xml", name(kind))) {
        Outcome::Done(answer) => *answer,
        other => panic!("{kind:?}: {other:?}"),
    }
}

#[test]
fn every_request_is_written_to_the_byte() {
    for kind in Kind::ALL {
        let expected = String::from_utf8(fixture(&format!("requests/{}.xml", name(kind)))).unwrap();
        let written = String::from_utf8(sealed(kind).body).unwrap();
        assert_eq!(written, expected, "{kind:?}");
    }
}

#[test]
fn every_answer_is_a_yes() {
    for kind in Kind::ALL {
        done(kind);
    }
}

#[test]
fn the_worked_example_comes_out_to_the_kopeck() {
    let balance = done(Kind::Balance);
    assert_eq!(balance.balance, Some(Kopecks(25_000)));
    assert_eq!(balance.currency.as_deref(), Some("RUB"));
    assert_eq!(balance.guest.find(&["holder", "person"]), Some("Тестовый Покупатель"));
    assert_eq!(balance.for_cashier.as_ref(), "Баланс: 250.00");

    let calculated = done(Kind::Calculate);
    assert_eq!(calculated.transaction, Some(5_001));
    assert_eq!(calculated.points, Some(Kopecks(11_100)));
    let cheque = sale(false).cheque.discounted(&calculated).unwrap();
    assert_eq!(cheque.total(), Ok(Kopecks(37_000)));
    let offer = calculated.lines.first().and_then(|line| line.offers.first()).unwrap();
    assert_eq!((offer.id.as_ref(), offer.worth), ("12", Some(Kopecks(3_000))));
    assert_eq!(done(Kind::Available).amount, Some(Kopecks(11_100)));

    let paid = done(Kind::Pay);
    assert_eq!(paid.authorisation.as_deref(), Some("314159"));
    let parts: Vec<_> = paid.lines.iter().map(|line| line.paid.unwrap().0).collect();
    assert_eq!(parts, [8_750, 1_250]);

    let accrued = done(Kind::Accrue);
    let earned = Kopecks::total(accrued.lines.iter().filter_map(|line| line.cashback));
    assert_eq!(earned.ok(), accrued.totals.cashback);
    assert_eq!(accrued.for_receipt.as_ref(), "Начислено: 13.51\nБаланс: 163.51");

    let refunded = done(Kind::Refund);
    assert_eq!(refunded.amount, Some(Kopecks(4_375)));
    assert_eq!(refunded.refund_kind.as_deref(), Some("Normal"));
}

#[test]
fn coupons_to_print_are_read() {
    let answer = done(Kind::Confirm);
    let [coupon] = answer.coupons.as_slice() else { panic!("{answer:?}") };
    assert_eq!(coupon.barcode.as_deref(), Some("2200000001238"));
    assert_eq!(coupon.qr.as_deref(), Some("LMXC:NEXT-000123"));
    assert_eq!(coupon.text.as_ref(), "Скидка 20% на сыр");
    assert!(!format!("{answer:?}").contains("NEXT-000123"));
}

#[test]
fn a_no_is_a_no_of_the_command_or_of_the_message() {
    let rows = [
        (Kind::Confirm, "answers/unknown_purchase.xml", Class::UnknownPurchase, "216"),
        (Kind::Calculate, "answers/message_refused.xml", Class::Malformed, "103"),
    ];
    for (kind, file, class, code) in rows {
        let Outcome::Refused(refusal) = judged(kind, file) else { panic!("{file}") };
        assert_eq!((refusal.class, refusal.code.as_ref()), (class, code));
        assert!(!refusal.text.as_str().is_empty());
    }
}

#[test]
fn letters_of_windows_are_the_same_message() {
    for kind in Kind::ALL {
        let dialect = Dialect { letters: Letters::Windows1251, ..dialect() };
        let body = wire::seal(&dialect, TILL, &operation(kind)).unwrap().body;
        let text = wire::decode(&body, Letters::Utf8).unwrap();
        let utf8 = String::from_utf8(sealed(kind).body).unwrap();
        assert_eq!(text, utf8.replace("UTF-8", "windows-1251"), "{kind:?}");
        let answer = String::from_utf8(fixture(&format!("answers/{}.xml", name(kind)))).unwrap();
        let declared = answer.replace("utf-8", "windows-1251");
        let (declared, ..) = encoding_rs::WINDOWS_1251.encode(&declared);
        let read = wire::read(&dialect, &declared).unwrap();
        assert_eq!(read, wire::read(&dialect, answer.as_bytes()).unwrap(), "{kind:?}");
    }
}

#[test]
fn choices_of_the_dialect_reach_the_wire() {
    let typed = Dialect {
        identifiers: Identifiers::Typed,
        coupons: Coupons::Labelled,
        price_min: Carrier::Attribute,
        promo: Carrier::Attribute,
        send_device: false,
        ..dialect()
    };
    let body = wire::seal(&typed, TILL, &operation(Kind::Calculate)).unwrap().body;
    let text = String::from_utf8(body).unwrap();
    for part in [
        r#"<Identifier Type="CardBarCode" Value="2990000000019"/>"#,
        r#"<Coupon BarCode="SPRING-20"/>"#,
        r#" Discount="12.38" IsPromo="true" MinPrice="70.00"/>"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("DeviceLogicalID") && !text.contains("<Params>"), "{text}");
}

#[test]
fn amounts_are_short_where_that_is_chosen() {
    let dialect = Dialect { short_amounts: true, ..dialect() };
    let body = wire::seal(&dialect, TILL, &operation(Kind::Calculate)).unwrap().body;
    let text = String::from_utf8(body).unwrap();
    for part in [r#" Price="150" "#, r#" Price="89.9" "#, r#" Amount="100" Discount="12.38""#] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let nothing = Command::Calculate { sale: sale(false), wish: Some(Kopecks::ZERO) };
    let nothing = Operation { command: nothing, ..operation(Kind::Calculate) };
    let text = String::from_utf8(wire::seal(&dialect, TILL, &nothing).unwrap().body).unwrap();
    assert!(text.contains(r#" PaymentAmount="0">"#), "{text}");
}

#[test]
fn what_the_processing_has_not_is_not_sealed() {
    let dialect = Dialect { cards: false, ..Dialect::default() };
    for kind in [Kind::CancelOne, Kind::Card] {
        let error = wire::seal(&dialect, TILL, &operation(kind)).unwrap_err();
        assert_eq!(error, SealError::Unsupported);
    }
}

#[test]
fn what_is_optional_is_told_when_it_is_there() {
    let told = |kind, command: Command| {
        let operation = Operation { command, ..operation(kind) };
        String::from_utf8(wire::seal(&dialect(), TILL, &operation).unwrap().body).unwrap()
    };
    let wish = Command::Calculate { sale: sale(false), wish: Some(Kopecks(5)) };
    assert!(told(Kind::Calculate, wish).contains(r#" PaymentAmount="0.05">"#));
    let pin = Some(Pin::new("4711"));
    let pay = Command::Pay { sale: sale(true), amount: Kopecks(10_000), pin };
    assert!(told(Kind::Pay, pay).contains(r#" Amount="100.00" PinCode="4711"><Cheque "#));

    let new = input::identifier(IdentifierKind::CardBarcode, "2990000000026").unwrap();
    let blank = told(Kind::Card, Command::Card { guest: None, old: None, new });
    assert!(!blank.contains("<Identifier ") && blank.contains("<NewIdentifier "), "{blank}");

    let nobody = Sale { guest: None, coupons: Vec::new(), ..sale(true) };
    let refund = Command::Refund { sale: nobody.clone(), of: None, transaction: Some(5_003) };
    let refund = told(Kind::Refund, refund);
    assert!(refund.contains(r#" RefundTransactionID="5003">"#), "{refund}");
    assert!(!refund.contains("RefundPurchaseID"), "{refund}");
    let params = vec![support::text("SaleChannel", "shop")];
    let sale = Sale { params, ..nobody };
    let accrued = told(Kind::Accrue, Command::Accrue { sale, pays: Vec::new() });
    let end = r#"</Cheque><Params><Param Name="SaleChannel" Type="string" Value="shop"/></Params>"#;
    assert!(accrued.contains(end), "{accrued}");
    for part in ["Identifier", "Coupons", "Pays"] {
        assert!(!accrued.contains(part), "{part} in {accrued}");
    }
}

#[test]
fn what_no_processing_may_be_asked_is_not_sealed() {
    let refused = |command: Command| {
        let operation = Operation { command, ..operation(Kind::Pay) };
        wire::seal(&dialect(), TILL, &operation).unwrap_err()
    };
    let pay = |amount| Command::Pay { sale: sale(true), amount: Kopecks(amount), pin: None };
    assert_eq!(refused(pay(0)), SealError::Amount);
    assert_eq!(refused(pay(-1)), SealError::Amount);
    let wish = Command::Calculate { sale: sale(false), wish: Some(Kopecks(-1)) };
    assert_eq!(refused(wish), SealError::Amount);
    let nobody = Sale { guest: None, ..sale(true) };
    let pay = Command::Pay { sale: nobody, amount: Kopecks(1), pin: None };
    assert_eq!(refused(pay), SealError::Guest);
    let mut empty = sale(false);
    empty.cheque.lines.clear();
    assert_eq!(refused(Command::Available { sale: empty }), ChequeError::Lines.into());
}
