//! Tasks against the golden files of `fixtures/tasks`, results of `fixtures/results` against what
//! they mean. `UPDATE=1` writes the first anew: read the difference before you commit it.

use std::fs;
use std::path::PathBuf;

use tillway_core::fiscal::{
    Basis, BasisKind, DocumentKind, Line, MarkCode, Measure, Method, Object, Paid, Place, Quantity,
    Receipt, ReceiptKind, Registered, Taxation, Tender, VatRate,
};
use tillway_core::money::Kopecks;
use tillway_core::port::fiscal::{Cause, DeviceStatus, Exchange, ShiftState, Slip, SlipItem};
use tillway_core::time::Timestamp;

use super::*;

fn file(folder: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder).join(name)
}

fn check_task(name: &str, task: &str) {
    let path = file("tasks", &format!("{name}.json"));
    let text = format!("{task}\n");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    assert_eq!(text, golden, "{name}");
    let _: &serde_json::value::RawValue = serde_json::from_str(&golden).unwrap();
}

fn result(name: &str) -> String {
    let path = file("results", &format!("{name}.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn operator() -> Operator {
    Operator { name: "Киоск 7".into(), vatin: Some("500100732259".into()) }
}

fn line(name: &str, price: i64, quantity: u32) -> Line {
    let quantity = Quantity::units(quantity).unwrap();
    Line {
        name: name.into(),
        price: Kopecks(price),
        quantity,
        amount: quantity.times(Kopecks(price)).unwrap(),
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    }
}

fn paid(tender: Tender, kopecks: i64) -> Paid {
    Paid { tender, amount: Kopecks(kopecks) }
}

fn lunch() -> Receipt {
    Receipt {
        kind: ReceiptKind::Sell,
        basis: None,
        taxation: Some(Taxation::General),
        operator: Some(Operator { vatin: None, ..operator() }),
        contact: Some("guest@example.org".into()),
        place: Some(Place { machine: "0007".into(), address: None, name: None }),
        lines: vec![line("Суп дня", 19_000, 1), line("Морс 0,3", 8_500, 2)],
        paid: vec![paid(Tender::Card, 36_000)],
        electronic: false,
        notes: vec!["Заказ К-42".into()],
    }
}

/// Every word there is, in one receipt: the driver would not take it whole.
fn every_word() -> Receipt {
    let methods = [
        Method::FullPrepayment,
        Method::Prepayment,
        Method::Advance,
        Method::FullPayment,
        Method::PartialPayment,
        Method::Credit,
        Method::CreditPayment,
    ];
    let objects = [
        Object::Commodity,
        Object::Excise,
        Object::Job,
        Object::Service,
        Object::Payment,
        Object::Another,
        Object::ExciseUnmarked,
        Object::ExciseMarked,
        Object::CommodityUnmarked,
        Object::CommodityMarked,
    ];
    let measures = [
        Measure::Piece,
        Measure::Gram,
        Measure::Kilogram,
        Measure::Milliliter,
        Measure::Liter,
        Measure::Hour,
        Measure::Minute,
        Measure::Other,
    ];
    let lines = VatRate::ALL.into_iter().enumerate().map(|(n, vat)| Line {
        vat,
        method: methods[n % methods.len()],
        object: objects[n % objects.len()],
        measure: measures[n % measures.len()],
        quantity: Quantity::from_micro(1_500_000).unwrap(),
        amount: Kopecks(150),
        ..line("Позиция \"№ 1\" \\ ёЁ 🍲", 101, 1)
    });
    let tenders = [Tender::Cash, Tender::Card, Tender::Prepaid, Tender::Credit, Tender::Other];
    Receipt {
        kind: ReceiptKind::BuyReturn,
        taxation: Some(Taxation::SimplifiedProfit),
        lines: lines.collect(),
        paid: tenders.map(|tender| paid(tender, 360)).to_vec(),
        electronic: true,
        place: Some(Place {
            machine: "12".into(),
            address: Some("Москва, Садовая, 1".into()),
            name: Some("Зал".into()),
        }),
        ..lunch()
    }
}

fn receipt_task(receipt: Receipt, context: &Context) -> String {
    fiscal(&Fiscal::Receipt(Box::new(receipt)), context).unwrap()
}

#[test]
fn documents_become_tasks() {
    let plain = Context::default();
    for (name, what) in [
        ("open_shift", Fiscal::OpenShift(Some(operator()))),
        ("open_shift_by_nobody", Fiscal::OpenShift(None)),
        ("close_shift", Fiscal::CloseShift(Some(operator()))),
        ("exchange_report", Fiscal::Exchange(None)),
        ("sell", Fiscal::Receipt(Box::new(lunch()))),
        ("every_word", Fiscal::Receipt(Box::new(every_word()))),
    ] {
        check_task(name, &fiscal(&what, &plain).unwrap());
    }
    let back = Receipt { kind: ReceiptKind::SellReturn, notes: Vec::new(), ..lunch() };
    check_task("sell_return", &receipt_task(back, &plain));
    let basis = Basis { kind: BasisKind::Own, date: (2026, 3, 2), number: Some("К-42".into()) };
    let late = Receipt { basis: Some(basis), ..lunch() };
    check_task("sell_correction", &receipt_task(late, &plain));
    let ordered = Basis { kind: BasisKind::Ordered, date: (2026, 11, 22), number: None };
    let late = Receipt { basis: Some(ordered), kind: ReceiptKind::SellReturn, ..lunch() };
    check_task("sell_return_correction", &receipt_task(late, &plain));
    let operation = Some(operation(Uuid::from_u128(0x0123_4567_89ab_7def_8123_4567_89ab_cdef)));
    let shared = Context { operation, ..plain };
    check_task("sell_on_a_shared_register", &receipt_task(lunch(), &shared));
}

#[test]
fn marks_and_measures_depend_on_the_format() {
    let mark =
        |returned| Some(MarkCode { code: b"0104600000000017215NxYz\x1d93Abcd".to_vec(), returned });
    let water =
        Line { mark: mark(false), object: Object::CommodityMarked, ..line("Вода", 9_900, 1) };
    let cheese = Line { mark: mark(true), measure: Measure::Kilogram, ..line("Сыр", 9_900, 1) };
    let receipt =
        Receipt { lines: vec![water, cheese], paid: vec![paid(Tender::Cash, 20_000)], ..lunch() };
    check_task("sell_marked", &receipt_task(receipt.clone(), &Context::default()));

    let old = Context { format: Some("1.05".into()), operation: None };
    let refused = fiscal(&Fiscal::Receipt(Box::new(receipt)), &old).unwrap_err();
    assert_eq!(refused.cause, Cause::Unsupported);
    assert_eq!(&*refused.text, "lines[0].mark: needs data format 1.2");
    check_task("every_word_of_an_old_format", &receipt_task(every_word(), &old));
}

#[test]
fn a_receipt_that_points_have_paid_has_a_payment_of_nothing() {
    let free = Line { amount: Kopecks(0), ..line("Суп дня", 19_000, 1) };
    let receipt = Receipt { lines: vec![free], paid: vec![paid(Tender::Card, 0)], ..lunch() };
    check_task("sell_of_nothing", &receipt_task(receipt, &Context::default()));
}

#[test]
fn a_receipt_that_is_too_large_is_refused() {
    let name = "ы".repeat(128);
    let with = |lines: usize| Receipt { lines: vec![line(&name, 100, 1); lines], ..lunch() };
    let task = |lines| fiscal(&Fiscal::Receipt(Box::new(with(lines))), &Context::default());
    assert!(task(130).is_ok());
    let refused = task(135).unwrap_err();
    assert_eq!(refused.cause, Cause::BadReceipt);
    assert_eq!(&*refused.text, "receipt: has an estimated size above 32768 bytes");
}

#[test]
fn prints_become_tasks() {
    check_task("report_x", &report_x(Some(&operator())).unwrap());
    check_task("continue_print", &continue_print());
    check_task("print_document", &print_document(119));
    let items = vec![
        SlipItem::Title("Заказ К-42".into()),
        SlipItem::Text("Суп дня            190,00".into()),
        SlipItem::Cut,
        SlipItem::Qr("https://example.org/?a=1&b=2".into()),
        SlipItem::Barcode("4600000000015".into()),
        SlipItem::Barcode("K-42".into()),
        SlipItem::Cut,
    ];
    let sheets = slip(&Slip { items }).unwrap();
    assert_eq!(sheets.len(), 2);
    check_task("slip_first_sheet", &sheets[0]);
    check_task("slip_second_sheet", &sheets[1]);
}

#[test]
fn slips_that_cannot_be_printed_are_refused() {
    let rows = [
        (vec![], "items: is empty"),
        (vec![SlipItem::Cut; 501], "items: has more than 500 entries"),
        (vec![SlipItem::Text("a\u{1b}b".into())], "items[0]: has control characters"),
        (vec![SlipItem::Cut, SlipItem::Title("я".repeat(1_001).into())], "items[1]: is longer"),
        (vec![SlipItem::Qr("".into())], "items[0]: is empty"),
        (vec![SlipItem::Barcode("Ж".into())], "items[0]: a barcode has ASCII"),
    ];
    for (items, problem) in rows {
        let refused = slip(&Slip { items }).unwrap_err();
        assert_eq!(refused.cause, Cause::BadReceipt);
        assert!(refused.text.starts_with(problem), "{refused}");
    }
}

#[test]
fn queries_become_tasks() {
    for (name, query) in [
        ("shift", Query::Shift),
        ("totals", Query::Totals),
        ("status", Query::Status),
        ("device", Query::Device),
        ("memory", Query::Memory),
        ("last", Query::Last),
        ("document", Query::Document(119)),
        ("exchange", Query::Exchange),
    ] {
        check_task(&format!("ask_{name}"), &query.task());
    }
}

fn wall(text: &str) -> Option<Timestamp> {
    let time = read::time(text);
    assert!(time.is_some(), "{text}");
    time
}

#[test]
fn documents_that_were_written_are_read() {
    let sell = DocumentKind::Receipt(ReceiptKind::Sell);
    let full = Registered {
        sign: Some(2_914_470_163),
        at: wall("2026-03-02T12:41:00+03:00"),
        memory: Some("9999078900001234".into()),
        registration: Some("0000000001012345".into()),
        shift: Some(9),
        receipt: Some(3),
        total: Some(Kopecks(36_000)),
        ..Registered::new(sell, 119)
    };
    assert_eq!(registered(sell, &result("sell")), Ok(full.clone()));
    assert_eq!(full.at.unwrap().offset_min, 180);
    let torn = Registered { unprinted: true, ..full.clone() };
    assert_eq!(registered(sell, &result("sell_not_printed")), Ok(torn));
    assert!(!was_recovered(&result("sell")));
    assert!(was_recovered(&result("sell_recovered")));
    assert_eq!(registered(sell, &result("sell_recovered")), Ok(Registered::new(sell, 121)));
    let training = registered(sell, &result("sell_training")).unwrap();
    assert!(training.training && training.total == Some(Kopecks(1)));

    let closed = registered(DocumentKind::CloseShift, &result("close_shift")).unwrap();
    assert_eq!((closed.number, closed.receipts, closed.shift), (130, Some(11), Some(9)));
    for bad in ["null", "", "[]", "{}", r#"{"fiscalParams":{"fiscalDocumentNumber":0}}"#] {
        assert!(registered(sell, bad).is_err(), "{bad}");
    }
    let minus = r#"{"fiscalParams":{"fiscalDocumentNumber":-1}}"#;
    assert!(registered(sell, minus).is_err());
}

#[test]
fn the_state_of_a_register_is_read() {
    let open = shift(&result("shift_open")).unwrap();
    assert_eq!((open.state, open.number), (ShiftState::Open, 9));
    assert_eq!(open.expires, wall("2026-03-03T08:02:00+03:00"));
    let closed = shift(&result("shift_closed")).unwrap();
    assert_eq!((closed.state, closed.number, closed.expires), (ShiftState::Closed, 8, None));
    assert_eq!(shift(&result("shift_expired")).unwrap().state, ShiftState::Expired);
    assert!(shift(r#"{"shiftStatus":{"state":"ajar"}}"#).is_err());

    let at = wall("2026-03-02T12:41:07+03:00");
    let ready = DeviceStatus {
        paper: true,
        cover_open: false,
        fiscal: true,
        memory: true,
        blocked: false,
        at,
    };
    assert_eq!(status(&result("status")), Ok(ready));
    let bare = DeviceStatus { paper: false, cover_open: true, blocked: true, ..ready };
    assert_eq!(status(&result("status_without_paper")), Ok(bare));
    assert!(status("{}").is_err());

    let device = device(&result("device")).unwrap();
    assert_eq!((&*device.model, &*device.serial), ("АТОЛ 30Ф", "00106500000001"));
    assert_eq!((&*device.firmware, device.width), ("5.20.0", Some(42)));
    let memory = memory(&result("memory")).unwrap();
    assert_eq!((&*memory.serial, memory.format.as_deref()), ("9999078900001234", Some("1.2")));
    assert!(memory.fiscal);
    assert_eq!(last(&result("last")), Ok(118));
    assert!(last("{}").is_err());

    let late = Exchange { unsent: 3, first: Some(116), since: wall("2026-02-01T10:00:00+03:00") };
    assert_eq!(exchange(&result("exchange")), Ok(late));
    assert_eq!(exchange(&result("exchange_all_sent")), Ok(Exchange::default()));
}

#[test]
fn totals_of_a_shift_are_read() {
    let totals = totals(&result("totals")).unwrap();
    assert_eq!((totals.shift, totals.drawer), (9, Kopecks(15_050)));
    assert_eq!((totals.sell.count, totals.sell.sum), (3, Kopecks(101_010)));
    let tenders = [paid(Tender::Cash, 10_010), paid(Tender::Card, 91_000)];
    assert_eq!(totals.sell.paid, tenders);
    assert_eq!((totals.sell_return.count, totals.sell_return.sum), (0, Kopecks::ZERO));
    let poor = r#"{"shiftTotals":{"shiftNumber":9,"receipts":{"sell":{"count":1}}}}"#;
    assert!(super::totals(poor).is_err(), "a sum that is missing is not zero");
}

#[test]
fn documents_of_the_memory_are_read() {
    let sell = document(119, &result("document_receipt")).unwrap();
    assert_eq!(sell.kind, DocumentKind::Receipt(ReceiptKind::Sell));
    assert_eq!((sell.sign, sell.total), (Some(2_914_470_163), Some(Kopecks(36_000))));
    assert_eq!((sell.shift, sell.receipt), (Some(9), Some(3)));
    assert_eq!(sell.at, wall("2026-03-02T12:41:00+03:00"));
    assert_eq!(sell.operation.as_deref(), Some("8123456789abcdef"));
    let short = document(12, &result("document_short")).unwrap();
    assert_eq!((short.sign, short.total), (Some(2_914_470_163), Some(Kopecks(7))));
    assert_eq!(short.kind, DocumentKind::Correction(ReceiptKind::SellReturn));
    let closed = document(130, &result("document_close_shift")).unwrap();
    assert_eq!((closed.kind, closed.receipts), (DocumentKind::CloseShift, Some(11)));
    let rows = [
        "null",
        "{}",
        r#"{"documentTLV":{}}"#,
        r#"{"documentTLV":{"fiscalDocumentType":"receipt"}}"#,
        r#"{"documentTLV":{"fiscalDocumentType":"receipt","1054":9}}"#,
        r#"{"documentTLV":{"fiscalDocumentType":"openShift","1040":7}}"#,
    ];
    for bad in rows {
        assert!(document(8, bad).is_err(), "{bad}");
    }
}

#[test]
fn fields_that_are_something_else_are_not_known() {
    let rows = [
        (r#"{"a":119}"#, Some(119)),
        (r#"{"a":"119"}"#, Some(119)),
        (r#"{"A":119.0}"#, Some(119)),
        (r#"{"a":1e2}"#, Some(100)),
        (r#"{"a":119.5}"#, None),
        (r#"{"a":null}"#, None),
        (r#"{"a":true}"#, None),
        (r#"{"a":{}}"#, None),
        (r#"{"a":99999999999999999999}"#, None),
        (r#"{}"#, None),
    ];
    for (json, number) in rows {
        let node = read::Node::parse(json).unwrap();
        assert_eq!(node.whole("a"), number, "{json}");
    }
    for (text, good) in [
        ("2026-03-02T12:41:00+03:00", true),
        ("2026-03-02T12:41:00Z", true),
        ("2026-03-02T12:41:00.123+03:00", true),
        ("2026-03-02T12:41:00", true),
        ("2026-13-02T12:41:00+03:00", false),
        ("02.03.2026 12:41", false),
        ("", false),
    ] {
        assert_eq!(read::time(text).is_some(), good, "{text}");
    }
    assert_eq!(read::time("2026-03-02T12:41:00+03:00").unwrap().utc_ms, 1_772_444_460_000);
}
