use super::*;

/// Soup and two drinks, by card: the example of ATOL note 4.8.
pub(crate) fn soup() -> Receipt {
    let line = |name: &str, price, count, amount| Line {
        name: name.into(),
        price: Kopecks(price),
        quantity: Quantity::units(count).unwrap(),
        amount: Kopecks(amount),
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    };
    Receipt {
        kind: ReceiptKind::Sell,
        basis: None,
        taxation: Some(Taxation::General),
        operator: Some(Operator { name: "Киоск 7".into(), vatin: None }),
        contact: Some("guest@example.org".into()),
        place: Some(Place { machine: "0007".into(), address: None, name: None }),
        lines: vec![line("Суп дня", 19_000, 1, 19_000), line("Морс 0,3", 8_500, 2, 17_000)],
        paid: vec![Paid { tender: Tender::Card, amount: Kopecks(36_000) }],
        electronic: false,
        notes: vec!["Заказ К-42".into()],
    }
}

fn refusal(change: impl FnOnce(&mut Receipt)) -> String {
    let mut receipt = soup();
    change(&mut receipt);
    receipt.check(&Limits::default()).unwrap_err().to_string()
}

#[test]
fn a_good_receipt_adds_up() {
    assert_eq!(soup().check(&Limits::default()), Ok(Kopecks(36_000)));
}

fn mark(bytes: usize, returned: bool) -> MarkCode {
    MarkCode { code: vec![b'a'; bytes], returned }
}

#[expect(clippy::unnecessary_wraps, reason = "as a receipt has it")]
fn basis(year: u16, month: u8, day: u8) -> Option<Basis> {
    Some(Basis { kind: BasisKind::Own, date: (year, month, day), number: None })
}

#[test]
fn a_receipt_is_opened_unpaid_or_with_the_right_payments() {
    let open = |paid| Receipt { paid, ..soup() }.check_open(&Limits::default());
    assert_eq!(open(Vec::new()), Ok(Kopecks(36_000)));
    assert_eq!(open(soup().paid), Ok(Kopecks(36_000)));
    let short = vec![Paid { tender: Tender::Card, amount: Kopecks(35_999) }];
    let refused = open(short).unwrap_err().to_string();
    assert_eq!(refused, "paid: 359.99 is paid for a total of 360");
}

#[test]
fn marks_and_days_that_are_right() {
    let mut receipt = Receipt { basis: basis(2028, 2, 29), ..soup() };
    receipt.lines[0].mark = Some(mark(200, false));
    assert!(receipt.check(&Limits::default()).is_ok());
    receipt.kind = ReceiptKind::SellReturn;
    receipt.lines[0].mark = Some(mark(1, true));
    assert!(receipt.check(&Limits::default()).is_ok());
}

#[test]
fn bad_receipts_name_field_and_limit() {
    type Change = fn(&mut Receipt);
    let rows: [(&str, Change); 26] = [
        ("lines: is empty", |r| r.lines.clear()),
        ("lines: has more than 200 entries", |r| {
            let line = r.lines[0].clone();
            r.lines = vec![line; 201];
        }),
        ("lines[1].name: is longer than 128 characters", |r| {
            r.lines[1].name = "ё".repeat(129).into();
        }),
        ("lines[0].name: is empty", |r| r.lines[0].name = " ".into()),
        ("lines[0].name: has control characters", |r| r.lines[0].name = "а\u{1b}[2J".into()),
        ("lines[0].price: is below zero", |r| r.lines[0].price = Kopecks(-1)),
        ("lines[0].amount: is below zero", |r| r.lines[0].amount = Kopecks(-1)),
        ("lines[0].amount: is above price × quantity = 190", |r| {
            r.lines[0].amount = Kopecks(19_001);
        }),
        ("lines[1].amount: is too large", |r| r.lines[1].price = Kopecks(i64::MAX)),
        ("paid: 359.99 is paid for a total of 360", |r| r.paid[0].amount = Kopecks(35_999)),
        ("paid: 360.01 is paid for a total of 360", |r| r.paid[0].amount = Kopecks(36_001)),
        ("paid: 0 is paid for a total of 360", |r| r.paid.clear()),
        ("paid[0].amount: is below zero", |r| r.paid[0].amount = Kopecks(-1)),
        ("paid: is too large", |r| {
            let paid = Paid { tender: Tender::Card, amount: Kopecks(i64::MAX) };
            r.paid = vec![paid, paid];
        }),
        ("paid: 400 is paid for a total of 360", |r| {
            r.kind = ReceiptKind::SellReturn;
            r.paid = vec![Paid { tender: Tender::Cash, amount: Kopecks(40_000) }];
        }),
        ("operator: vatin is not 10 or 12 digits", |r| {
            r.operator = Some(Operator { name: "Анна".into(), vatin: Some("12345".into()) });
        }),
        ("contact: is longer than 64 characters", |r| r.contact = Some("a".repeat(65).into())),
        ("place: is longer than 20 characters", |r| {
            r.place = Some(Place { machine: "0".repeat(21).into(), address: None, name: None });
        }),
        ("lines[0].mark: is longer than 200 characters", |r| {
            r.lines[0].mark = Some(MarkCode { code: vec![1; 201], returned: false });
        }),
        ("lines[0].mark: is empty", |r| r.lines[0].mark = Some(mark(0, false))),
        ("lines[0].mark: is longer than 200 characters", |r| {
            r.lines[0].mark = Some(mark(201, false));
        }),
        ("lines[1].mark: is sold on a return, or returned on a sale", |r| {
            r.lines[1].mark = Some(mark(30, true));
        }),
        ("lines[1].mark: is sold on a return, or returned on a sale", |r| {
            r.kind = ReceiptKind::SellReturn;
            r.lines[1].mark = Some(mark(30, false));
        }),
        ("basis.date: is no day of the years 2000 to 2099", |r| r.basis = basis(2026, 2, 29)),
        ("basis.date: is no day of the years 2000 to 2099", |r| r.basis = basis(2026, 13, 1)),
        ("basis.date: is no day of the years 2000 to 2099", |r| r.basis = basis(26, 3, 1)),
    ];
    for (said, change) in rows {
        assert_eq!(refusal(change), said);
    }
}

#[test]
fn cash_may_exceed_the_total_and_nothing_else_may() {
    let mut receipt = soup();
    receipt.paid = vec![
        Paid { tender: Tender::Prepaid, amount: Kopecks(30_000) },
        Paid { tender: Tender::Cash, amount: Kopecks(10_000) },
    ];
    assert_eq!(receipt.check(&Limits::default()), Ok(Kopecks(36_000)));
}

#[test]
fn an_old_driver_does_not_know_the_new_rate() {
    let rates = VatRate::ALL.into_iter().filter(|rate| rate.percent() != Some(22)).collect();
    let error = soup().check(&Limits { rates, ..Limits::default() }).unwrap_err();
    assert_eq!(error.to_string(), "lines[0].vat: the register does not know the rate vat22");
}

#[test]
fn a_marking_code_is_not_shown() {
    let mark = MarkCode { code: b"0104600000000000".to_vec(), returned: false };
    assert_eq!(format!("{mark:?}"), "MarkCode(16 bytes, returned: false)");
}

#[test]
fn kinds_have_the_numbers_of_their_tag() {
    for tag in 0..=u8::MAX {
        let kind = ReceiptKind::from_tag(tag);
        assert!(kind.is_none_or(|kind| kind.tag() == tag && kind.opposite().opposite() == kind));
        assert_eq!(kind.is_some(), (1..=4).contains(&tag));
    }
}

/// The largest and the smallest that are still taken.
#[test]
fn the_limits_themselves_are_taken() {
    type Change = fn(&mut Receipt);
    let rows: [(&str, Change); 11] = [
        ("200 lines", |r| {
            let line = Line { price: Kopecks::ZERO, amount: Kopecks::ZERO, ..r.lines[0].clone() };
            r.lines.resize(200, line);
        }),
        ("128 characters", |r| r.lines[0].name = "ё".repeat(128).into()),
        ("a gift", |r| {
            let gift = Line { price: Kopecks::ZERO, amount: Kopecks::ZERO, ..r.lines[0].clone() };
            r.lines.push(gift);
        }),
        ("a code of 200 bytes", |r| {
            r.lines[0].mark = Some(MarkCode { code: vec![1; 200], returned: false });
        }),
        ("nothing by cash", |r| {
            r.paid.push(Paid { tender: Tender::Cash, amount: Kopecks::ZERO });
        }),
        ("a return by cash", |r| {
            r.kind = ReceiptKind::SellReturn;
            r.paid = vec![Paid { tender: Tender::Cash, amount: Kopecks(36_000) }];
        }),
        ("a company's number", |r| {
            r.operator =
                Some(Operator { name: "А".repeat(64).into(), vatin: Some("7700000007".into()) });
        }),
        ("a person's number", |r| {
            r.operator =
                Some(Operator { name: "Анна".into(), vatin: Some("770000000007".into()) });
        }),
        ("64 notes", |r| r.notes = vec!["Спасибо".into(); 64]),
        ("an empty note", |r| r.notes = vec!["".into()]),
        ("no contact", |r| r.contact = None),
    ];
    for (what, change) in rows {
        let mut receipt = soup();
        change(&mut receipt);
        assert_eq!(receipt.check(&Limits::default()), Ok(Kopecks(36_000)), "{what}");
    }
}

#[test]
fn one_more_than_the_limit_is_refused() {
    type Change = fn(&mut Receipt);
    let rows: [(&str, Change); 4] = [
        ("notes: has more than 64 entries", |r| r.notes = vec!["Спасибо".into(); 65]),
        ("notes: is longer than 256 characters", |r| r.notes = vec!["ё".repeat(257).into()]),
        ("operator: vatin is not 10 or 12 digits", |r| {
            r.operator =
                Some(Operator { name: "Анна".into(), vatin: Some("77000000a7".into()) });
        }),
        ("basis.number: is longer than 32 characters", |r| {
            let number = Some("0".repeat(33).into());
            r.basis = Some(Basis { kind: BasisKind::Own, date: (2026, 3, 2), number });
        }),
    ];
    for (said, change) in rows {
        assert_eq!(refusal(change), said);
    }
}
