//! The table of purchases (loymax.md 9), repeats, and what is left behind.

use std::time::Duration;

use tillway_core::Kopecks;

use super::super::{Code, Command, CouponKey, Duplicates, Kind, Label, Refusal, Request, State};
use super::book::{Book, NOW, auto, cheque, line, lines, raw_lines, sale, tea};

fn command(kind: Kind, id: &str) -> Command {
    let purchase = id.to_owned();
    match kind {
        Kind::Calculate => Command::Calculate { sale: sale(id, raw_lines()), wish: None },
        Kind::Available => {
            let guest = auto("2990000000019");
            Command::Available { purchase, guest, cheque: cheque(lines()) }
        }
        Kind::Pay => Command::Pay { sale: sale(id, lines()), amount: Kopecks(10_000), pin: None },
        Kind::Accrue => Command::Accrue { sale: sale(id, lines()), pays: Vec::new() },
        Kind::Confirm => Command::Confirm { purchase },
        Kind::Cancel => Command::Cancel { purchase },
        Kind::CancelOperation => {
            Command::CancelOperation { purchase, operation: "op-1".to_owned() }
        }
        _ => Command::Refund {
            purchase,
            of_purchase: Some("sold".to_owned()),
            of_transaction: None,
            guest: None,
            cheque: cheque(vec![line(1, tea(), 2_000_000, 27_000)]),
        },
    }
}

/// A purchase `p` in this state, beside a confirmed sale.
fn book_in(state: Option<State>) -> Book {
    let book = Book::demo();
    book.house.with(|store| store.rules.cancel_operations = true);
    let steps: &[Kind] = match state {
        None => &[],
        Some(State::Calculated) => &[Kind::Calculate],
        Some(State::Paid) => &[Kind::Calculate, Kind::Pay],
        Some(State::Closed) => &[Kind::Calculate, Kind::Pay, Kind::Accrue],
        Some(State::Confirmed) => &[Kind::Calculate, Kind::Pay, Kind::Accrue, Kind::Confirm],
        Some(State::Cancelled) => &[Kind::Calculate, Kind::Cancel],
    };
    for kind in steps {
        book.ask(command(*kind, "p")).unwrap();
    }
    let mut other = sale("sold", lines());
    other.coupons.clear();
    book.ask(Command::Accrue { sale: other, pays: Vec::new() }).unwrap();
    book.confirm("sold").unwrap();
    book
}

#[test]
fn the_table_of_purchases() {
    use Kind::{Accrue, Available, Calculate, Cancel, CancelOperation, Confirm, Pay, Refund};
    let commands = [Calculate, Available, Pay, Accrue, Confirm, Cancel, CancelOperation, Refund];
    let rows = [
        (None, [0, 0, 218, 0, 216, 216, 216, 0]),
        (Some(State::Calculated), [0, 0, 0, 0, 218, 0, 208, 228]),
        (Some(State::Paid), [218, 0, 219, 0, 218, 0, 0, 228]),
        (Some(State::Closed), [218, 218, 218, 0, 0, 0, 218, 228]),
        (Some(State::Confirmed), [220, 220, 220, 220, 209, 209, 220, 228]),
        (Some(State::Cancelled), [210, 210, 210, 210, 210, 210, 210, 228]),
    ];
    for (state, codes) in rows {
        for (kind, code) in commands.into_iter().zip(codes) {
            let book = book_in(state);
            let came = book.ask(command(kind, "p")).err().map_or(0, Code::number);
            assert_eq!(came, code, "{state:?} {kind:?}");
        }
    }
}

#[test]
fn confirmation_may_do_without_accrual() {
    for state in [State::Calculated, State::Paid] {
        let book = book_in(Some(state));
        book.house.with(|store| store.rules.confirm_requires_discount = false);
        assert!(book.confirm("p").is_ok(), "{state:?}");
    }
}

#[test]
fn another_cheque_is_refused() {
    for kind in [Kind::Pay, Kind::Accrue] {
        for change in 0..4 {
            let book = book_in(Some(State::Calculated));
            let mut asked = command(kind, "p");
            let (Command::Pay { sale, .. } | Command::Accrue { sale, .. }) = &mut asked else {
                unreachable!()
            };
            let all = &mut sale.cheque.lines;
            match change {
                0 => all[0].amount = Kopecks(27_002),
                1 => all[0].position = 3,
                2 => all[0].goods = super::book::cheese(),
                _ => all.truncate(1),
            }
            assert_eq!(book.ask(asked).unwrap_err(), Code::DifferentCheque, "{kind:?} {change}");
        }
    }
    let book = book_in(Some(State::Closed));
    let mut again = sale("p", lines());
    again.cheque.lines[0].amount = Kopecks(26_000);
    let asked = Command::Accrue { sale: again, pays: Vec::new() };
    assert_eq!(book.ask(asked).unwrap_err(), Code::DifferentCheque);
}

#[test]
fn too_much_is_refused_by_its_reason() {
    let book = book_in(Some(State::Calculated));
    let pay = |amount| {
        book.ask(Command::Pay { sale: sale("p", lines()), amount: Kopecks(amount), pin: None })
    };
    assert_eq!(pay(11_101).unwrap_err(), Code::LargePaymentAmount);
    assert_eq!(pay(99_900).unwrap_err(), Code::NotEnoughMoney);
    assert_eq!(pay(0).unwrap_err(), Code::FormatException);
    book.house.with(|store| store.rules.pay_step = Kopecks(100));
    assert_eq!(pay(11_050).unwrap_err(), Code::DivisibilityError);
    assert!(pay(11_100).is_ok());
}

#[test]
fn a_message_is_done_once() {
    let book = Book::demo();
    let request = |digest: u8, command| Request {
        till: "TILL-0007".to_owned(),
        operation: "one".to_owned(),
        at: NOW,
        cashier: None,
        digest: [digest; 32],
        command,
    };
    let first = request(1, command(Kind::Accrue, "p"));
    // What was refused was not done: its id is as unused as before.
    let early = request(9, command(Kind::Confirm, "p"));
    assert_eq!(book.house.perform(&early).unwrap_err().code, Code::PurchaseNotFound);
    let answered = book.house.perform(&first).unwrap();
    let again = book.house.perform(&first).unwrap();
    assert!(again.replayed && !answered.replayed);
    assert_eq!(again.reply, answered.reply);
    let other = book.house.perform(&request(2, command(Kind::Accrue, "p")));
    let code = |refused: Result<_, Refusal>| refused.map(drop).unwrap_err().code;
    assert_eq!(code(other), Code::NotUniqueOperationID);
    book.house.with(|store| store.rules.duplicates = Duplicates::Reject);
    assert_eq!(code(book.house.perform(&first)), Code::NotUniqueOperationID);
    let done = book.house.with(|store| store.operations["one"].repeats);
    assert_eq!(done, 3);
}

#[test]
fn what_is_left_behind_is_cancelled() {
    let book = book_in(Some(State::Closed));
    let (points, available) = book.points();
    assert_eq!(points - available, 10_000);
    book.house.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(book.points().1, available);
    book.house.advance(Duration::from_secs(1));
    assert_eq!(book.points(), (points, points));
    assert_eq!(book.confirm("p").unwrap_err(), Code::OperationIsCanceled);
}

#[test]
fn a_cancelled_sale_gives_everything_back() {
    let book = Book::demo();
    book.example("p");
    book.cancel("p").unwrap();
    assert_eq!(book.points(), (25_000, 25_000));
    book.example("again");
    assert_eq!(book.confirm("again").map(|_| ()), Ok(()));
}

#[test]
fn a_coupon_serves_one_sale() {
    let book = Book::demo();
    book.example("p");
    let other = Command::Calculate { sale: sale("q", raw_lines()), wish: None };
    assert_eq!(book.ask(other).unwrap_err(), Code::CouponsException);
    let shown = |label, value: &str| {
        let key = CouponKey { label, value: value.to_owned() };
        book.house.with(|store| store.coupon_of(&key).map(|coupon| coupon.number.clone()))
    };
    for (label, value) in [
        (Label::Number, "SPRING-21"),
        (Label::Number, "LMXC:SPRING-21"),
        (Label::Number, "220021=01"),
        (Label::Number, "C-SPRING-21"),
        (Label::QrCode, "LMXC:SPRING-21"),
        (Label::Strip(2), "220021=01"),
        (Label::BarCode, "2200000210005"),
    ] {
        assert_eq!(shown(label, value).as_deref(), Some("SPRING-21"), "{label:?} {value}");
    }
    assert_eq!(shown(Label::Strip(1), "220021=01"), None);
}

#[test]
fn another_till_is_refused_unless_it_may() {
    let mut book = book_in(Some(State::Closed));
    book.till = "TILL-0008";
    book.house.with(|store| store.tills.get_mut("TILL-0008").unwrap().blocked = true);
    assert_eq!(book.confirm("p").unwrap_err(), Code::DeviceBlocked);
    book.house.with(|store| store.tills.get_mut("TILL-0008").unwrap().blocked = false);
    assert_eq!(book.confirm("p").unwrap_err(), Code::DifferentLegals);
    book.house.with(|store| store.rules.allow_cross_device = true);
    assert!(book.confirm("p").is_ok());
}
