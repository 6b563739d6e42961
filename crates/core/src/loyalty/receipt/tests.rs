use super::*;
use crate::fiscal::{
    Measure, Method, Object, Paid, Portion, Quantity, ReceiptKind, Tender, VatRate,
};
use crate::loyalty::{Goods, Line, LineAnswer};
use crate::time::Timestamp;

fn quantity(micro: i64) -> Quantity {
    Quantity::from_micro(micro).unwrap()
}

fn fiscal_line(position: u32, price: i64, micro: i64) -> Position {
    let line = fiscal::Line {
        name: "Чай".into(),
        price: Kopecks(price),
        quantity: quantity(micro),
        amount: Kopecks::ZERO,
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    };
    (position, line)
}

fn cheque(lines: &[(u32, i64, i64)]) -> Cheque {
    let line = |(position, micro, amount): &(u32, i64, i64)| Line {
        position: *position,
        goods: Goods::Code("SKU".into()),
        name: None,
        price: None,
        quantity: quantity(*micro),
        amount: Kopecks(*amount),
        discount: None,
        cashback: None,
        correction: None,
        promo: false,
        price_min: None,
        params: Vec::new(),
    };
    Cheque { number: None, at: Timestamp::default(), lines: lines.iter().map(line).collect() }
}

/// The answer to a payment: what was taken, and what lies on each position.
fn paid(taken: i64, on: &[(u32, i64)]) -> Answer {
    let line = |(position, paid): &(u32, i64)| LineAnswer {
        position: *position,
        paid: Some(Kopecks(*paid)),
        ..LineAnswer::default()
    };
    let lines = on.iter().map(line).collect();
    Answer { amount: Some(Kopecks(taken)), lines, ..Answer::default() }
}

/// The example of loymax.md 7: tea and cheese.
fn example() -> (Vec<Position>, Cheque) {
    let lines = vec![fiscal_line(1, 15_000, 2_000_000), fiscal_line(2, 8_990, 1_250_000)];
    (lines, cheque(&[(1, 2_000_000, 27_000), (2, 1_250_000, 10_000)]))
}

fn amounts(lines: &[Position]) -> Vec<i64> {
    lines.iter().map(|(_, line)| line.amount.0).collect()
}

#[test]
fn points_lower_the_lines() {
    let (ours, cheque) = example();
    let none = lines(ours.clone(), &cheque, None, Kopecks(100)).unwrap();
    assert_eq!(amounts(&none), [27_000, 10_000]);
    let taken = paid(10_000, &[(2, 1_250), (1, 8_750)]);
    let some = lines(ours, &cheque, Some(&taken), Kopecks(100)).unwrap();
    assert_eq!(amounts(&some), [18_250, 8_750]);
}

#[test]
fn what_does_not_add_up_is_not_used() {
    let (ours, cheque) = example();
    let joined = |answer: &Answer| lines(ours.clone(), &cheque, Some(answer), Kopecks(100));
    let rows = [
        (
            paid(10_000, &[(1, 8_750)]),
            ReceiptError::Laid { laid: Kopecks(8_750), taken: Kopecks(10_000) },
        ),
        (paid(10_000, &[]), ReceiptError::Laid { laid: Kopecks(0), taken: Kopecks(10_000) }),
        (paid(0, &[(1, 1)]), ReceiptError::Laid { laid: Kopecks(1), taken: Kopecks(0) }),
        (paid(0, &[(1, -1), (2, 1)]), ReceiptError::Points(1)),
        (paid(10_001, &[(2, 10_001)]), ReceiptError::Points(2)),
        (paid(2, &[(2, 1), (2, 1)]), ReceiptError::Points(2)),
    ];
    for (answer, error) in rows {
        assert_eq!(joined(&answer), Err(error));
    }
}

#[test]
fn receipt_and_cheque_have_the_same_lines() {
    let (ours, cheque) = example();
    let differs = |ours: Vec<Position>| lines(ours, &cheque, None, Kopecks::ZERO).unwrap_err();
    assert_eq!(differs(ours[..1].to_vec()), ReceiptError::Differs(2));
    assert_eq!(differs(vec![ours[0].clone(); 2]), ReceiptError::Differs(1));
    let more = [&ours[..], &[fiscal_line(3, 1, 1)]].concat();
    assert_eq!(differs(more), ReceiptError::Differs(3));
    let other = vec![ours[0].clone(), fiscal_line(2, 8_990, 1_250_001)];
    assert_eq!(differs(other), ReceiptError::Differs(2));
}

/// F28: some of a receipt of ours is paid in money.
#[test]
fn f28_points_leave_something_to_pay() {
    let (ours, cheque) = example();
    let most = |allowed, min| points_max(&cheque, Kopecks(allowed), Kopecks(min)).unwrap().0;
    assert_eq!(most(11_100, 100), 11_100);
    assert_eq!(most(37_000, 100), 36_900);
    assert_eq!(most(37_000, 0), 37_000);
    assert_eq!(most(-5, 100), 0);
    assert_eq!(most(37_000, 40_000), 0);
    let all = paid(37_000, &[(1, 27_000), (2, 10_000)]);
    let joined = |min| lines(ours.clone(), &cheque, Some(&all), Kopecks(min));
    let left = ReceiptError::TooLittleMoney { left: Kopecks(0), min: Kopecks(100) };
    assert_eq!(joined(100), Err(left));
    assert_eq!(amounts(&joined(0).unwrap()), [0, 0]);
    // A receipt that costs less than that anyway has no points.
    let small = super::super::Cheque { lines: cheque.lines[..0].to_vec(), ..cheque.clone() };
    assert!(lines(Vec::new(), &small, Some(&paid(0, &[])), Kopecks(100)).is_ok());
}

/// The example of loymax.md 7.9: half of the tea comes back.
#[test]
fn f8_the_processing_gives_back_what_the_receipt_says() {
    let (ours, cheque) = example();
    let taken = paid(10_000, &[(1, 8_750), (2, 1_250)]);
    let sold = lines(ours, &cheque, Some(&taken), Kopecks(100)).unwrap();
    let sale = Receipt {
        kind: ReceiptKind::Sell,
        basis: None,
        taxation: None,
        operator: None,
        contact: None,
        place: None,
        lines: sold.into_iter().map(|(_, line)| line).collect(),
        paid: vec![Paid { tender: Tender::Card, amount: Kopecks(27_000) }],
        electronic: false,
        notes: Vec::new(),
    };
    let half = Portion { line: 0, quantity: Quantity::ONE };
    let back = sale.give_back(&[], &[half]).unwrap().receipt;
    let goods = self::cheque(&[(1, 1_000_000, 13_500)]);
    let answer = |amount| Answer { amount: Some(Kopecks(amount)), ..Answer::default() };
    assert_eq!(refund_money(&back, &goods, &answer(4_375)), Ok(Kopecks(9_125)));
    let other = ReceiptError::Money { ours: Kopecks(9_125), theirs: Kopecks(3_500) };
    assert_eq!(refund_money(&back, &goods, &answer(10_000)), Err(other));
}
