//! Every command of the JSON mirror both ways, against files of ours: the worked examples of
//! loymax.md 7, told in JSON.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use http::StatusCode;
use tillway_core::loyalty::{Answer, Pin};
use tillway_core::port::processing::{Class, Command, Kind, Operation, Outcome, SealError, Sealed};
use tillway_core::{Kopecks, loyalty};
use tillway_loymax::Dialect;
use tillway_loymax::public::{Call, Name, Words, mirror};

use support::{operation, sale, text};

fn fixture(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/public");
    std::fs::read_to_string(root.join(path)).unwrap()
}

const KINDS: [(Kind, &str); 9] = [
    (Kind::Balance, "balance"),
    (Kind::Calculate, "calculate"),
    (Kind::Available, "available"),
    (Kind::Pay, "pay"),
    (Kind::Accrue, "accrue"),
    (Kind::Confirm, "confirm"),
    (Kind::Cancel, "cancel"),
    (Kind::CancelOne, "cancel_one"),
    (Kind::Refund, "refund"),
];

fn sealed(operation: &Operation) -> Sealed {
    mirror::seal(&Words::default(), &Dialect::default(), operation).unwrap()
}

fn judged(kind: Kind, status: u16, body: &str) -> Outcome {
    let status = StatusCode::from_u16(status).unwrap();
    let sealed = sealed(&operation(kind));
    mirror::outcome(&Dialect::default(), &Words::default(), &sealed, status, body.as_bytes())
}

fn done(kind: Kind) -> Answer {
    let (_, name) = KINDS.into_iter().find(|(known, _)| *known == kind).unwrap();
    match judged(kind, 200, &fixture(&format!("answers/{name}.json"))) {
        Outcome::Done(answer) => *answer,
        other => panic!("{kind:?}: {other:?}"),
    }
}

/// Method and path on the first line, the body on the second.
fn told(sealed: &Sealed) -> String {
    let (method, path) = mirror::place(sealed).unwrap();
    format!("{method} {path}\n{}\n", String::from_utf8(sealed.body.clone()).unwrap())
}

#[test]
fn every_request_is_written_to_the_byte() {
    for (kind, name) in KINDS {
        let sealed = sealed(&operation(kind));
        let expected = fixture(&format!("requests/{name}.json"));
        assert_eq!(told(&sealed), expected, "{kind:?}");
        let body: serde_json::Value = serde_json::from_slice(&sealed.body).unwrap();
        assert!(body.is_object());
        let guest = ["2990000000019", "79990000001"];
        assert!(!guest.iter().any(|guest| expected.contains(guest)), "the token names the guest");
    }
}

#[test]
fn every_answer_is_a_yes() {
    for (kind, _) in KINDS {
        done(kind);
    }
}

#[test]
fn the_worked_example_comes_out_to_the_kopeck() {
    let balance = done(Kind::Balance);
    assert_eq!(balance.balance, Some(Kopecks(25_000)));
    assert_eq!(balance.currency.as_deref(), Some("RUB"));
    assert_eq!(balance.guest.find(&["holder", "person"]), Some("Тестовый Покупатель"));

    let calculated = done(Kind::Calculate);
    assert_eq!(calculated.points, Some(Kopecks(11_100)));
    assert_eq!(calculated.amount, Some(Kopecks(11_100)));
    assert_eq!(calculated.balance, Some(Kopecks(25_000)));
    assert_eq!(calculated.lines[0].offers[0].worth, Some(Kopecks(3_000)));
    let discounted = sale(false).cheque.discounted(&calculated).unwrap();
    assert_eq!(discounted.total(), Ok(Kopecks(37_000)));

    let available = done(Kind::Available);
    assert_eq!(
        (available.amount, available.points),
        (Some(Kopecks(11_100)), Some(Kopecks(11_100)))
    );

    let paid = done(Kind::Pay);
    let parts: Vec<_> = paid.lines.iter().map(|line| (line.position, line.paid)).collect();
    assert_eq!(parts, [(2, Some(Kopecks(1_250))), (1, Some(Kopecks(8_750)))], "any order");
    assert_eq!(paid.authorisation.as_deref(), Some("314159"));
    assert_eq!(paid.transaction, Some(5_002));

    let accrued = done(Kind::Accrue);
    assert_eq!(accrued.totals.cashback, Some(Kopecks(1_351)));
    assert_eq!(accrued.for_receipt.as_ref(), "Начислено: 13.51\nБаланс: 163.51");
    assert_eq!(accrued.coupons[0].number.as_ref(), "NEXT-000123");
    assert_eq!(accrued.coupons[0].qr.as_deref(), Some("LMXC:NEXT-000123"));

    let refunded = done(Kind::Refund);
    assert_eq!(refunded.amount, Some(Kopecks(4_375)));
    assert_eq!(refunded.refund_kind.as_deref(), Some("Normal"));
}

#[test]
fn only_an_explicit_yes_is_a_yes() {
    let success = |data: &str| format!(r#"{{"result":{{"state":"Success"}},"data":{data}}}"#);
    let yes = success(r#"[{"code":"Ok"}]"#);
    assert!(matches!(judged(Kind::Pay, 200, &yes), Outcome::Done(_)));
    assert!(matches!(judged(Kind::Pay, 200, &success(r#"{"code":"ok"}"#)), Outcome::Done(_)));
    let rows = [
        (200, success("[]")),
        (200, success("null")),
        (200, success("7")),
        (200, success("[{}]")),
        (200, success(r#"[{"code":""}]"#)),
        (200, success(r#"[{"code":"Ok","amount":"100.00"}]"#)),
        (200, success(r#"[{"code":"Ok","amount":1e400}]"#)),
        (200, success(r#"[{"code":"Ok","amount":100.001}]"#)),
        (200, success(r#"[{"code":"Ok","operationId":"ff"},{"code":"Ok"}]"#)),
        (200, success(r#"[{"code":"SystemError"}]"#)),
        (500, yes.clone()),
        (404, String::new()),
        (502, "<html/>".to_owned()),
        (200, String::new()),
        (200, r#"{"data":[{"code":"Ok"}]}"#.to_owned()),
        (200, r#"{"result":{"state":"Error"},"data":[{"code":"Ok"}]}"#.to_owned()),
        (200, r#"{"result":{"state":"Error","messageCode":"Unheard"}}"#.to_owned()),
        (200, "[".repeat(100)),
    ];
    for (status, body) in rows {
        let outcome = judged(Kind::Pay, status, &body);
        assert!(matches!(outcome, Outcome::InDoubt(_)), "{status} {body}: {outcome:?}");
    }
    for end in 0..yes.len() {
        let cut = judged(Kind::Pay, 200, &yes[..end]);
        assert!(matches!(cut, Outcome::InDoubt(_)), "{end}: {cut:?}");
    }
}

#[test]
fn refusals_are_told_by_their_names() {
    let of_command = |code: &str| {
        let message = "Карта 2990000000019";
        let data = format!(r#"[{{"code":"{code}","errorMessage":"{message}"}}]"#);
        format!(r#"{{"result":{{"state":"Success"}},"data":{data}}}"#)
    };
    let of_message = |state: &str, code: &str| {
        format!(r#"{{"result":{{"state":"{state}","messageCode":"{code}"}},"data":null}}"#)
    };
    let rows = [
        (200, of_command("CardNotFound"), Class::UnknownGuest, "CardNotFound"),
        (200, of_command("cardnotfound"), Class::UnknownGuest, "cardnotfound"),
        (200, of_command("LargePaymentAmount"), Class::TooMuch, "LargePaymentAmount"),
        (200, of_command("NotUniqueOperationID"), Class::Repeated, "NotUniqueOperationID"),
        (200, of_command("OperationIsConfirmed"), Class::Confirmed, "OperationIsConfirmed"),
        (200, of_command("SomethingNew"), Class::Other, "SomethingNew"),
        (400, of_message("Fail", "PurchaseNotFound"), Class::UnknownPurchase, "PurchaseNotFound"),
        (200, of_message("Fail", ""), Class::Other, "Fail"),
        (200, of_message("Error", "WrongPin"), Class::WrongPin, "WrongPin"),
        (400, of_message("ValidationError", ""), Class::Malformed, "ValidationError"),
        (403, String::new(), Class::Settings, "HTTP 403"),
        (401, String::new(), Class::Settings, "HTTP 401"),
    ];
    for (status, body, class, code) in rows {
        let Outcome::Refused(refusal) = judged(Kind::Pay, status, &body) else { panic!("{body}") };
        assert_eq!((refusal.class, refusal.code.as_ref()), (class, code), "{body}");
        assert!(!format!("{refusal:?}").contains("2990000000019"), "{refusal:?}");
    }
}

#[test]
fn every_name_of_the_table_has_its_class() {
    let dialect = Dialect::default();
    for row in dialect.errors.iter() {
        let body =
            format!(r#"{{"result":{{"state":"Success"}},"data":[{{"code":"{}"}}]}}"#, row.name);
        match judged(Kind::Confirm, 200, &body) {
            Outcome::Refused(refusal) => assert_eq!(refusal.class, row.class, "{}", row.name),
            Outcome::InDoubt(_) => assert_eq!(row.class, Class::Unavailable, "{}", row.name),
            other => panic!("{}: {other:?}", row.name),
        }
    }
}

#[test]
fn what_is_optional_is_told_when_it_is_there() {
    let told = |kind, command: Command| {
        let sealed = sealed(&Operation { command, ..operation(kind) });
        String::from_utf8(sealed.body).unwrap()
    };
    let wish = Command::Calculate { sale: sale(false), wish: Some(Kopecks(5)) };
    assert!(told(Kind::Calculate, wish).ends_with(r#","paymentAmount":0.05}"#));
    let pin = Some(Pin::new("47\"11"));
    let pay = Command::Pay { sale: sale(true), amount: Kopecks(10_000), pin };
    assert!(told(Kind::Pay, pay).ends_with(r#","amount":100.00,"pinCode":"47\"11"}"#));
    let mut bare = sale(true);
    bare.coupons.clear();
    bare.params = vec![text("SaleChannel", "shop")];
    let accrued = told(Kind::Accrue, Command::Accrue { sale: bare.clone(), pays: Vec::new() });
    let params =
        r#""params":{"paramsList":[{"name":"SaleChannel","value":"shop","type":"String"}]}"#;
    assert!(accrued.contains(params), "{accrued}");
    assert!(!accrued.contains("coupons") && !accrued.contains("pays"), "{accrued}");
    let refund = Command::Refund { sale: bare, of: None, transaction: Some(5_003) };
    let refund = told(Kind::Refund, refund);
    assert!(refund.ends_with(r#","refundTransactionId":5003}"#), "{refund}");
    assert!(!refund.contains("refundPurchaseId"), "{refund}");
}

#[test]
fn names_and_paths_come_from_the_table() {
    let mut words = Words::default();
    words.renamed.insert(Name::Position, "pos".into());
    let (method, _) = Call::ProcessingCalculate.usual();
    words.moved.insert(Call::ProcessingCalculate, (method, "p/{}/calc".into()));
    let sealed = mirror::seal(&words, &Dialect::default(), &operation(Kind::Calculate)).unwrap();
    assert_eq!(
        *mirror::place(&sealed).unwrap().1,
        *format!("p/{}/calc", support::purchase().as_str())
    );
    let body = String::from_utf8(sealed.body).unwrap();
    assert!(body.contains(r#""pos":1"#) && !body.contains("position"), "{body}");
}

#[test]
fn what_the_mirror_has_not_is_not_sealed() {
    let seal = |operation: &Operation| {
        mirror::seal(&Words::default(), &Dialect::default(), operation).unwrap_err()
    };
    assert_eq!(seal(&operation(Kind::Card)), SealError::Unsupported);
    let nobody = loyalty::Sale { guest: None, ..sale(true) };
    let command = Command::Pay { sale: nobody, amount: Kopecks(1), pin: None };
    assert_eq!(seal(&Operation { command, ..operation(Kind::Pay) }), SealError::Guest);
}

#[test]
fn a_message_is_stored_whole_and_shows_nobody() {
    let message = sealed(&operation(Kind::Pay));
    let stored = minicbor::to_vec(&message).unwrap();
    let read: Sealed = minicbor::decode(&stored).unwrap();
    assert_eq!(read, message);
    assert_eq!(mirror::place(&read), mirror::place(&message));
    let shown = format!("{message:?}");
    assert!(!shown.contains("2990000000019") && !shown.contains("SPRING"), "{shown}");
}
