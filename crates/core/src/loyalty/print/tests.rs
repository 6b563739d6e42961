use super::*;
use crate::loyalty::{Fact, Facts, Kopecks};
use crate::time::Timestamp;

fn labels() -> Labels {
    Labels {
        payment: "PAID".into(),
        refund: "BACK".into(),
        till: "till".into(),
        cashier: "cashier".into(),
        card: "card".into(),
        amount: "amount".into(),
        points: "points".into(),
        transaction: "operation".into(),
        authorisation: "code".into(),
        balance: "balance".into(),
        until: "until".into(),
        card_facts: vec!["MaskedNumber".into()],
    }
}

fn style(slips: SlipSource) -> Style {
    Style { slips, markers: Markers::default(), labels: labels() }
}

const HEAD: SlipHead<'_> = SlipHead {
    shop: "SHOP",
    till: "TILL-7",
    cashier: Some("Ann"),
    at: Timestamp { utc_ms: 1_773_478_920_000, offset_min: 180 },
    refund: false,
};

fn says(text: &str) -> Answer {
    Answer { for_receipt: text.into(), ..Answer::default() }
}

fn text(lines: &[&str]) -> Print {
    Print::Text(lines.iter().map(|line| (*line).into()).collect())
}

fn server(answers: &Answers<'_>) -> Vec<Print> {
    answers.print(&style(SlipSource::Server), &HEAD)
}

#[test]
fn messages_come_in_the_order_of_the_commands() {
    let [calculated, moved, accrued, confirmed] =
        ["discount\n", "taken", "earned\n\nbalance", " \n"].map(says);
    let answers = Answers {
        calculated: Some(&calculated),
        moved: Some(&moved),
        accrued: Some(&accrued),
        confirmed: Some(&confirmed),
    };
    let expected = [text(&["discount"]), text(&["taken"]), text(&["earned", "", "balance"])];
    assert_eq!(server(&answers), expected);
    assert_eq!(server(&Answers::default()), []);
}

#[test]
fn each_is_said_once_before_the_receipt_or_after_it() {
    let [accrued, same, other] = ["earned 5", "earned 5\n", "thanks"].map(says);
    let style = style(SlipSource::Till);
    let twice = Answers { accrued: Some(&accrued), confirmed: Some(&same), ..Answers::default() };
    assert_eq!(twice.print(&style, &HEAD), [text(&["earned 5"])]);
    assert_eq!(twice.print_after_receipt(&style), []);
    let late = Answers { confirmed: Some(&other), ..twice };
    assert_eq!(late.print_after_receipt(&style), [text(&["thanks"])]);
}

#[test]
fn a_slip_is_the_tills_or_the_servers() {
    let guest = Facts(vec![Fact { name: "maskednumber".into(), value: "***0019".into() }]);
    let calculated = Answer { guest, ..Answer::default() };
    let moved = Answer {
        transaction: Some(5_002),
        authorisation: Some("314159".into()),
        amount: Some(Kopecks(10_000)),
        points: Some(Kopecks(20_050)),
        ..says("taken: 100.00")
    };
    let answers =
        Answers { calculated: Some(&calculated), moved: Some(&moved), ..Answers::default() };
    assert_eq!(server(&answers), [text(&["taken: 100.00"])]);
    let prints = answers.print(&style(SlipSource::Till), &HEAD);
    let slip = [
        "PAID",
        "SHOP",
        "till: TILL-7",
        "14.03.2026 12:02",
        "cashier: Ann",
        "card: ***0019",
        "amount: 100,00",
        "points: 200,50",
        "operation: 5002",
        "code: 314159",
    ];
    assert_eq!(prints, [text(&["taken: 100.00"]), text(&slip)]);
    let back = SlipHead { refund: true, cashier: None, ..HEAD };
    let with_balance = Answer { balance: Some(Kopecks(-5)), ..Answer::default() };
    let refund = Answers { moved: Some(&with_balance), ..Answers::default() };
    let expected = ["BACK", "SHOP", "till: TILL-7", "14.03.2026 12:02", "balance: -0,05"];
    assert_eq!(refund.print(&style(SlipSource::Till), &back), [text(&expected)]);
}

#[test]
fn codes_stand_in_messages_by_a_pattern() {
    let message =
        says("before\n [[BARCODE:2200000001238]]\n[[QR:LMXC:1]]\r\nafter [[QR:x]]\n[[QR:]]");
    let answers = Answers { accrued: Some(&message), ..Answers::default() };
    let ean = Print::Barcode { symbology: Symbology::Ean13, data: "2200000001238".into() };
    let qr = Print::Qr { data: "LMXC:1".into() };
    let rest = text(&["after [[QR:x]]", "[[QR:]]"]);
    assert_eq!(server(&answers), [text(&["before"]), ean, qr, rest]);

    let markers = Markers { barcode: None, qr: Some(Marker::try_new("#qr {}").unwrap()) };
    let prints = Print::message("#qr 77\n[[BARCODE:1]]", &markers);
    assert_eq!(prints, [Print::Qr { data: "77".into() }, text(&["[[BARCODE:1]]"])]);
    for pattern in ["", "x", "{}", " {}x", "a{}b{}"] {
        assert_eq!(Marker::try_new(pattern), Err(MarkerError), "{pattern}");
    }
}

#[test]
fn a_code_that_cannot_be_printed_is_text() {
    let code128 = |data: &str| Print::Barcode { symbology: Symbology::Code128, data: data.into() };
    for data in ["2200000001239", "220000000123", "NEXT-1 ~"] {
        assert_eq!(Print::barcode(data), code128(data));
    }
    let long = "1".repeat(251);
    for data in ["Ж", "", "a\tb", &long] {
        assert_eq!(Print::barcode(data), text(&[data]));
    }
    assert_eq!(Print::qr("Ж"), Print::Qr { data: "Ж".into() });
    assert_eq!(Print::qr(&long), text(&[&long]));
    let marked = Print::message("[[BARCODE:Ж]]", &Markers::default());
    assert_eq!(marked, [text(&["[[BARCODE:Ж]]"])]);
}

#[test]
fn a_coupon_is_printed_once_with_all_its_codes() {
    let next = PrintedCoupon {
        number: "NEXT-1".into(),
        barcode: Some("2200000001238".into()),
        qr: Some("LMXC:NEXT-1".into()),
        until: Some("2026-04-14".into()),
        text: "20 %\nof cheese".into(),
    };
    let bare = PrintedCoupon { number: "BARE-2".into(), ..PrintedCoupon::default() };
    let accrued = Answer { coupons: vec![next.clone()], ..Answer::default() };
    let confirmed = Answer { coupons: vec![next, bare], ..Answer::default() };
    let answers =
        Answers { accrued: Some(&accrued), confirmed: Some(&confirmed), ..Answers::default() };
    let first = [
        text(&["20 %", "of cheese", "until: 2026-04-14"]),
        Print::barcode("2200000001238"),
        Print::qr("LMXC:NEXT-1"),
    ];
    let second = [Print::barcode("BARE-2")];
    assert_eq!(server(&answers), [&first[..], &second[..]].concat());
    assert_eq!(answers.print_after_receipt(&style(SlipSource::Till)), second);
    let shown = format!("{:?}", server(&answers));
    assert!(!shown.contains("NEXT-1") && !shown.contains("2200000001238"), "{shown}");
}

/// A sale is never blocked by what a processing says.
#[test]
fn whatever_is_said_the_receipt_has_room() {
    let long = "ы".repeat(3_000);
    let many = "x\n".repeat(5_000);
    let [calculated, accrued, confirmed] = [&long, &many, "a\u{1b}[2J\tb"].map(says);
    let answers = Answers {
        calculated: Some(&calculated),
        accrued: Some(&accrued),
        confirmed: Some(&confirmed),
        ..Answers::default()
    };
    let prints = server(&answers);
    let sheets = Sheets::below_receipt(vec!["own".into()], &prints);
    let receipt = crate::fiscal::Receipt { notes: sheets.notes.clone(), ..receipt() };
    assert_eq!(receipt.check(&crate::fiscal::Limits::default()), Ok(Kopecks(100)));
    assert_eq!((sheets.notes.len(), sheets.rest.items.len()), (NOTES_MAX, 1 + 12 + 100 + 1 - 64));
    assert_eq!(sheets.rest.items.last(), Some(&SlipItem::Text("a [2J b".into())));
    assert!(sheets.rest.items.iter().all(|item| item.check(NOTE_CHARS_MAX).is_ok()));
    assert_eq!(Sheets::slip(&prints).unwrap().items.len(), 12 + 100 + 1);
    assert_eq!(Sheets::slip(&[]), None);
    // Few and long: the receipt keeps room for its own lines.
    let wide = vec![Print::Text(vec!["ы".repeat(250).into(); 20])];
    let sheets = Sheets::below_receipt(Vec::new(), &wide);
    assert_eq!((sheets.notes.len(), sheets.rest.items.len()), (16, 4));
}

fn receipt() -> crate::fiscal::Receipt {
    use crate::fiscal::{
        Line, Measure, Method, Object, Paid, Quantity, Receipt, ReceiptKind, Tender, VatRate,
    };
    let line = Line {
        name: "tea".into(),
        price: Kopecks(100),
        quantity: Quantity::ONE,
        amount: Kopecks(100),
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    };
    Receipt {
        kind: ReceiptKind::Sell,
        basis: None,
        taxation: None,
        operator: None,
        contact: None,
        place: None,
        lines: vec![line],
        paid: vec![Paid { tender: Tender::Cash, amount: Kopecks(100) }],
        electronic: false,
        notes: Vec::new(),
    }
}
