//! Sums of lines are totals; refunds in any order of parts never drift. Seeds are fixed.

use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;

use super::super::share::{cost, micro, part};
use super::super::{
    ClientId, Command, Effect, Negative, Offer, Param, Percent, RefundType, Reply, State,
};
use super::book::{Book, line, sale};
use crate::loymax::house::{GoodsKey, Line};

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn amount(&mut self, end: u64) -> i64 {
        i64::try_from(self.below(end)).unwrap()
    }
}

fn book(dice: &mut Dice) -> Book {
    let book = Book::demo();
    let mut percent = |end| Percent(u32::try_from(dice.below(end)).unwrap());
    let discount = vec![Effect::Discount(percent(4_000)), Effect::Cashback(percent(3_000))];
    let points = vec![Effect::Cashback(percent(1_500)), Effect::PayCap(percent(12_000))];
    let more = vec![Effect::Discount(percent(2_500))];
    book.house.with(|store| {
        store.offers =
            [Offer::new(1, "a", discount), Offer::new(2, "b", points), Offer::new(3, "c", more)]
                .into_iter()
                .map(|offer| (offer.id, offer))
                .collect();
        store.rules.negative = Negative::Allow;
        store.guests.get_mut(&ClientId::DEMO).unwrap().points = Kopecks(10_000_000);
    });
    book
}

fn cheque(dice: &mut Dice) -> Vec<Line> {
    let count = 1 + dice.below(6);
    let lines = (1..=count).map(|position| {
        let goods = GoodsKey::Code(format!("SKU-{position}"));
        let quantity = (1 + dice.amount(16)) * 250_000;
        let amount = dice.amount(60_000);
        let mut line = line(u32::try_from(position).unwrap(), goods, quantity, amount);
        if dice.below(3) == 0 {
            let price = format!("{}.{:02}", dice.below(100), dice.below(100));
            line.params = vec![Param { name: "MinPrice".to_owned(), value: price }];
        }
        line
    });
    lines.collect()
}

/// A sale from the first question to the confirmation; what it was left at.
fn sell(book: &Book, dice: &mut Dice, seed: u64) -> Vec<Line> {
    let mut lines = cheque(dice);
    let asked = |lines: &[Line]| {
        let mut sale = sale("p", lines.to_vec());
        sale.coupons.clear();
        sale
    };
    let told = book.ask(Command::Calculate { sale: asked(&lines), wish: None }).unwrap();
    for (line, told) in lines.iter_mut().zip(&told.lines) {
        assert_eq!(told.amount.add(told.discount), Ok(line.amount), "seed {seed}");
        let given: i64 = told.offers.iter().map(|offer| offer.value.0).sum();
        assert_eq!(given, told.discount.0, "seed {seed}");
        let price = line
            .params
            .first()
            .map_or(Kopecks::ZERO, |param| Kopecks::parse_rubles(&param.value).unwrap());
        let floor = cost(price, line.quantity).unwrap();
        assert!(told.amount >= floor.min(line.amount), "seed {seed}");
        line.amount = told.amount;
    }
    let most = told.available.unwrap();
    if most.is_positive() {
        let amount = Kopecks(1 + dice.amount(u64::try_from(most.0).unwrap()));
        let paid = book.ask(Command::Pay { sale: asked(&lines), amount, pin: None }).unwrap();
        let laid = Kopecks::total(paid.lines.iter().filter_map(|line| line.pay)).unwrap();
        assert_eq!(laid, amount, "seed {seed}");
        let over = paid.lines.iter().any(|line| line.pay.is_some_and(|pay| pay > line.amount));
        assert!(!over, "seed {seed}");
    }
    let told = book.ask(Command::Accrue { sale: asked(&lines), pays: Vec::new() }).unwrap();
    check_totals(&told, seed);
    book.confirm("p").unwrap();
    lines
}

fn check_totals(told: &Reply, seed: u64) {
    let totals = told.totals.unwrap();
    let sum = |of: fn(&super::super::ReplyLine) -> Kopecks| {
        Kopecks::total(told.lines.iter().map(of)).unwrap()
    };
    assert_eq!(totals.amount, sum(|line| line.amount), "seed {seed}");
    assert_eq!(totals.discount, sum(|line| line.discount), "seed {seed}");
    assert_eq!(totals.cashback, sum(|line| line.cashback.unwrap()), "seed {seed}");
}

/// Takes a part of one line back, or takes that back again.
fn give_back(book: &Book, dice: &mut Dice, id: &str, lines: &[Line], seed: u64) -> bool {
    let sold = book.house.with(|store| store.purchases["p"].lines.clone());
    let open: Vec<_> = lines
        .iter()
        .filter_map(|line| {
            let whole = micro(line.quantity).unwrap();
            let left = whole - sold[&line.position].returned_micro;
            (left > 0).then_some((line, whole, left))
        })
        .collect();
    let Some((line, whole, left)) = open.get(dice.amount(open.len().max(1) as u64) as usize) else {
        return false;
    };
    let quantity = (1 + dice.amount(4)).min(*left / 250_000) * 250_000;
    let known = &sold[&line.position];
    let due = part(known.amount, known.returned_micro + quantity, *whole).unwrap();
    let amount = due.sub(known.returned_amount).unwrap().floor_zero();
    let back =
        Line { quantity: Quantity::from_micro(quantity).unwrap(), amount, ..(*line).clone() };
    let told = book.refund(id, "p", vec![back]).unwrap();
    assert!(told.amount.unwrap() <= told.totals.unwrap().amount, "seed {seed}");
    if dice.below(3) == 0 {
        book.cancel(id).unwrap();
    } else {
        book.confirm(id).unwrap();
    }
    true
}

#[test]
fn sums_are_totals_and_refunds_never_drift() {
    for seed in 1..=200_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let book = book(&mut dice);
        let lines = sell(&book, &mut dice, seed);
        let kinds = [RefundType::Normal, RefundType::BonusFirst];
        let mut count = 0;
        loop {
            let kind = kinds[usize::try_from(dice.below(2)).unwrap()];
            book.house.with(|store| store.tills.get_mut("TILL-0007").unwrap().refund_type = kind);
            count += 1;
            assert!(count < 1_000, "seed {seed}");
            if !give_back(&book, &mut dice, &format!("r{count}"), &lines, seed) {
                break;
            }
        }
        book.house.with(|store| {
            let sale = &store.purchases["p"];
            for line in sale.lines.values() {
                assert_eq!(line.returned_amount, line.amount, "seed {seed}");
                assert_eq!(line.returned_pay, line.pay, "seed {seed}");
                assert_eq!(line.returned_cashback, line.cashback, "seed {seed}");
            }
            let spent = sale.withdrawal.as_ref().map_or(Kopecks::ZERO, |paid| paid.points);
            assert_eq!(sale.given_back, spent, "seed {seed}");
            let guest = &store.guests[&ClientId::DEMO];
            assert_eq!(
                (guest.points, guest.reserved),
                (Kopecks(10_000_000), Kopecks::ZERO),
                "seed {seed}"
            );
            let open = |state| !matches!(state, State::Confirmed | State::Cancelled);
            assert!(!store.purchases.values().any(|it| open(it.state)), "seed {seed}");
        });
    }
}
