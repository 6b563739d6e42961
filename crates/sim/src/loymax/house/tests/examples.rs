use tillway_core::Kopecks;

use super::super::{Command, CouponState, Moved, RefundType, Reply, Totals};
use super::book::{Book, auto, cheque, line, lines, pays, raw_lines, sale, tea};

/// Position, amount, discount, paid with points, points earned.
type Row = (u32, i64, i64, Option<i64>, Option<i64>);

fn amounts(reply: &Reply) -> Vec<Row> {
    let of = |sum: Option<Kopecks>| sum.map(|sum| sum.0);
    let row = |line: &super::super::ReplyLine| {
        (line.position, line.amount.0, line.discount.0, of(line.pay), of(line.cashback))
    };
    reply.lines.iter().map(row).collect()
}

#[test]
fn discounts_and_what_may_be_taken() {
    let book = Book::demo();
    let reply = book.ask(Command::Calculate { sale: sale("p", raw_lines()), wish: None }).unwrap();
    assert_eq!(amounts(&reply), [(1, 27_000, 3_000, None, None), (2, 10_000, 0, None, None)]);
    assert_eq!(reply.balance, Some(Kopecks(25_000)));
    assert_eq!(
        (reply.available, reply.available_points),
        (Some(Kopecks(11_100)), Some(Kopecks(11_100)))
    );
    assert_eq!(reply.cashier_message.as_deref(), Some("Скидка 30.00. Можно списать 111.00"));
    assert_eq!(reply.cheque_message.as_deref(), Some("Ваша скидка: 30.00"));
    assert_eq!(reply.transaction, Some(5_001));
    let offer = &reply.lines[0].offers[0];
    assert_eq!((offer.id, offer.version, offer.value), (12, 3, Kopecks(3_000)));
    let asked = Command::Available {
        purchase: "p".to_owned(),
        guest: auto("2990000000019"),
        cheque: cheque(lines()),
    };
    assert_eq!(book.ask(asked).unwrap().amount, Some(Kopecks(11_100)));
}

#[test]
fn a_payment_stops_at_the_least_price() {
    let book = Book::demo();
    book.ask(Command::Calculate { sale: sale("p", raw_lines()), wish: None }).unwrap();
    let pay = Command::Pay { sale: sale("p", lines()), amount: Kopecks(10_000), pin: None };
    let reply = book.ask(pay).unwrap();
    let expected = [(1, 27_000, 3_000, Some(8_750), None), (2, 10_000, 0, Some(1_250), None)];
    assert_eq!(amounts(&reply), expected);
    assert_eq!(reply.cheque_message.as_deref(), Some("Списано: 100.00"));
    assert_eq!(reply.auth_code.unwrap().len(), 6);
    assert_eq!(book.points(), (25_000, 15_000));
}

#[test]
fn points_are_earned_on_what_is_not_paid_with_them() {
    let book = Book::demo();
    let reply = book.example("p");
    let expected =
        [(1, 27_000, 3_000, Some(8_750), Some(913)), (2, 10_000, 0, Some(1_250), Some(438))];
    assert_eq!(amounts(&reply), expected);
    let totals =
        Totals { amount: Kopecks(37_000), discount: Kopecks(3_000), cashback: Kopecks(1_351) };
    assert_eq!(reply.totals, Some(totals));
    assert_eq!(reply.cashier_message.as_deref(), Some("Начислено: 13.51"));
    assert_eq!(reply.cheque_message.as_deref(), Some("Начислено: 13.51\nБаланс: 163.51"));
    let coupon = |book: &Book| book.house.with(|store| store.coupons["SPRING-20"].state);
    assert_eq!(coupon(&book), CouponState::QueuedToUse);
    book.confirm("p").unwrap();
    assert_eq!(coupon(&book), CouponState::Used);
    assert_eq!(book.points(), (16_351, 16_351));
    let moves = book.house.with(|store| store.moves.clone());
    let moves: Vec<_> = moves.into_iter().map(|it| (it.what, it.points.0)).collect();
    assert_eq!(moves, [(Moved::Spent, 10_000), (Moved::Accrued, 1_351)]);
}

#[test]
fn half_of_a_line_goes_back() {
    let rows = [
        (RefundType::Normal, 4_375, 16_351 + 4_375 - 457),
        (RefundType::BonusFirst, 10_000, 16_351 + 10_000 - 457),
    ];
    for (kind, back, points) in rows {
        let book = Book::demo();
        book.example("p");
        book.confirm("p").unwrap();
        book.house.with(|store| store.tills.get_mut("TILL-0007").unwrap().refund_type = kind);
        let reply = book.refund("r", "p", vec![line(1, tea(), 1_000_000, 13_500)]).unwrap();
        assert_eq!((reply.amount, reply.points), (Some(Kopecks(back)), Some(Kopecks(back))));
        assert_eq!(reply.refund_type, Some(kind));
        assert_eq!(book.points(), (16_351, 16_351), "nothing has moved yet");
        book.confirm("r").unwrap();
        assert_eq!(book.points(), (points, points));
    }
}

#[test]
fn payments_must_come_to_what_is_due() {
    let book = Book::demo();
    let accrue = |id: &str, pays| book.ask(Command::Accrue { sale: sale(id, lines()), pays });
    let mut short = pays();
    short.pop();
    assert_eq!(accrue("p", short).unwrap_err().number(), 226);
    let mut unknown = pays();
    unknown[0].kind = "Beads".to_owned();
    assert_eq!(accrue("p", unknown.clone()).unwrap_err().number(), 233);
    unknown[0].kind = "Cheque".to_owned();
    assert_eq!(accrue("p", unknown).unwrap_err().number(), 234);
}
