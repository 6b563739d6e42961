use proptest::prelude::*;
use proptest::sample::Index;
use rust_decimal::Decimal;

use super::*;
use crate::fiscal::receipt::tests::soup;
use crate::fiscal::receipt::{Basis, BasisKind, Limits, Measure, Method, Object, Taxation};
use crate::fiscal::vat::VatRate;

fn micro(quantity: Quantity) -> i64 {
    i64::try_from(quantity.to_decimal() * Decimal::from(1_000_000)).unwrap()
}

fn quantity(micro: i64) -> Quantity {
    Quantity::from_micro(micro).unwrap()
}

fn portion(line: usize, pieces: u32) -> Portion {
    Portion { line, quantity: Quantity::units(pieces).unwrap() }
}

fn paid(tender: Tender, amount: i64) -> Paid {
    Paid { tender, amount: Kopecks(amount) }
}

/// What the parts give back of a tender.
fn given(parts: &[Return], tender: Tender) -> i64 {
    let paid = parts.iter().flat_map(|part| &part.receipt.paid);
    paid.filter(|paid| paid.tender == tender).map(|paid| paid.amount.0).sum()
}

/// What the parts give back of a line of the sale.
fn lines(parts: &[Return], index: usize) -> impl Iterator<Item = &Line> {
    let all = parts.iter().flat_map(|part| part.of.iter().zip(&part.receipt.lines));
    all.filter(move |(of, _)| **of == index).map(|(_, line)| line)
}

#[test]
fn f24_f26_a_return_keeps_what_the_sale_says() {
    let mut sale = Receipt { taxation: Some(Taxation::SimplifiedIncome), ..soup() };
    // Sold last year at 20 %, and returned at 20 %, whatever the law says by now.
    sale.lines[1].vat = VatRate::Vat20;
    sale.lines[1].method = Method::Credit;
    sale.lines[1].object = Object::CommodityMarked;
    sale.lines[1].mark = Some(MarkCode { code: vec![b'a'; 30], returned: false });
    sale.paid = vec![paid(Tender::Prepaid, 20_000), paid(Tender::Credit, 16_000)];
    let part = sale.give_back(&[], &[portion(1, 1)]).unwrap();
    assert_eq!(part.of, [1]);
    let Receipt { kind, basis, taxation, lines, paid: tenders, notes, .. } = &part.receipt;
    assert_eq!((*kind, basis, *taxation), (ReceiptKind::SellReturn, &None, sale.taxation));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let mark = MarkCode { code: vec![b'a'; 30], returned: true };
    let sold = sale.lines[1].clone();
    let (quantity, amount, mark) = (Quantity::ONE, Kopecks(8_500), Some(mark));
    assert_eq!(*line, Line { quantity, amount, mark, ..sold });
    assert_eq!(*tenders, [paid(Tender::Prepaid, 4_722), paid(Tender::Credit, 3_778)]);
    assert!(notes.is_empty());
    assert_eq!(part.receipt.check(&Limits::default()), Ok(Kopecks(8_500)));
    let bytes = minicbor::to_vec(&part).unwrap();
    assert_eq!(minicbor::decode::<Return>(&bytes).unwrap(), part);
}

#[test]
fn f25_the_last_part_takes_the_rest() {
    let mut sale = soup();
    sale.lines = vec![Line { quantity: quantity(3_000_000), ..sale.lines[0].clone() }];
    (sale.lines[0].price, sale.lines[0].amount) = (Kopecks(4_000), Kopecks(10_000));
    sale.paid = vec![paid(Tender::Card, 10_000)];
    let mut parts = Vec::new();
    for amount in [3_333, 3_334, 3_333] {
        let part = sale.give_back(&parts, &[portion(0, 1)]).unwrap();
        assert_eq!(part.receipt.total(), Ok(Kopecks(amount)));
        parts.push(part);
    }
    assert_eq!(sale.give_back_rest(&parts), Err(ReturnError::Nothing));
    let whole = sale.give_back_rest(&[]).unwrap();
    assert_eq!((whole.receipt.lines[0].amount, whole.of), (Kopecks(10_000), vec![0]));
}

#[test]
fn f25_what_is_not_price_times_quantity_is_split_at_the_sale() {
    let line = |price, pieces, amount| Line {
        price: Kopecks(price),
        quantity: Quantity::units(pieces).unwrap(),
        amount: Kopecks(amount),
        ..soup().lines[0].clone()
    };
    let rows = [
        (line(4_000, 3, 10_000), vec![(3_333, 2, 6_666), (3_334, 1, 3_334)]),
        (line(4_000, 4, 10_000), vec![(2_500, 4, 10_000)]),
        (line(2_500, 4, 10_000), vec![(2_500, 4, 10_000)]),
        (line(100, 3, 2), vec![(0, 1, 0), (1, 2, 2)]),
        (line(100, 3, 0), vec![(0, 3, 0)]),
    ];
    for (whole, expected) in rows {
        let parts = whole.clone().into_even().unwrap();
        let shown: Vec<_> = parts
            .iter()
            .map(|part| (part.price.0, micro(part.quantity) / 1_000_000, part.amount.0))
            .collect();
        assert_eq!(shown, expected);
        let sum: i64 = parts.iter().map(|part| part.amount.0).sum();
        assert_eq!(sum, whole.amount.0);
    }
    let weight = Line { quantity: quantity(333_000), ..line(1_000, 1, 300) };
    assert_eq!(weight.clone().into_even(), Ok(vec![weight]), "a weight has no pieces");
}

#[test]
fn more_than_was_sold_is_refused_and_names_the_line() {
    let sale = soup();
    let no = |earlier: &[Return], portions: &[Portion]| {
        sale.give_back(earlier, portions).unwrap_err().to_string()
    };
    assert_eq!(no(&[], &[portion(1, 3)]), "lines[1].quantity: is above 2, which is left");
    let one = sale.give_back(&[], &[portion(1, 1)]).unwrap();
    let earlier = [one.clone()];
    assert_eq!(no(&earlier, &[portion(1, 2)]), "lines[1].quantity: is above 1, which is left");
    let rest = sale.give_back(&earlier, &[portion(1, 1)]).unwrap();
    let earlier = [one, rest];
    assert_eq!(no(&earlier, &[portion(1, 1)]), "lines[1].quantity: is above 0, which is left");
    assert_eq!(no(&[], &[portion(2, 1)]), "lines[2]: the sale has no such line");
    assert_eq!(no(&[], &[portion(0, 1), portion(0, 1)]), "lines[0]: is named twice");
    assert_eq!(no(&[], &[]), "no line goes back");
}

#[test]
fn what_is_no_sale_or_no_return_of_it_is_refused() {
    let sale = soup();
    let back = sale.give_back(&[], &[portion(0, 1)]).unwrap();
    assert_eq!(back.receipt.give_back_rest(&[]), Err(ReturnError::NotASale));
    let unpaid = Receipt { paid: vec![paid(Tender::Card, 35_999)], ..soup() };
    assert_eq!(unpaid.give_back_rest(&[]), Err(ReturnError::BadSale));
    let over = Receipt { paid: vec![paid(Tender::Card, 36_001)], ..soup() };
    assert_eq!(over.give_back_rest(&[]), Err(ReturnError::BadSale));
    let negative = vec![paid(Tender::Card, -1), paid(Tender::Credit, 36_001)];
    let negative = Receipt { paid: negative, ..soup() };
    assert_eq!(negative.give_back_rest(&[]), Err(ReturnError::BadSale));
    let itself = [Return { receipt: sale.clone(), of: vec![0, 1] }];
    assert_eq!(sale.give_back_rest(&itself), Err(ReturnError::NotOfThis { index: 0 }));
    let others = [
        Return { of: vec![7], ..back.clone() },
        Return { of: vec![], ..back.clone() },
        Return { receipt: sale.clone(), of: vec![0, 1] },
        Return { of: vec![1], ..back.clone() },
    ];
    for other in others {
        let earlier = [back.clone(), other];
        // The last one is more than the line has: soup went back as a drink.
        let expected = Err(ReturnError::NotOfThis { index: 1 });
        assert_eq!(sale.give_back_rest(&earlier), expected, "{earlier:?}");
    }
}

/// An earlier return that gave more money than its lines are worth: no more goes back of a tender
/// than was paid with it.
#[test]
fn more_than_was_paid_never_goes_back() {
    let sale = soup();
    let mut part = sale.give_back(&[], &[portion(0, 1)]).unwrap();
    part.receipt.paid = vec![paid(Tender::Card, 19_001)];
    assert_eq!(sale.give_back_rest(&[part]), Err(ReturnError::BadSale));
}

/// A sale that was printed late, as a correction (F12), was sold all the same.
#[test]
fn f12_a_sale_that_came_as_a_correction_goes_back_by_a_plain_return() {
    let basis = Some(Basis { kind: BasisKind::Own, date: (2026, 3, 2), number: None });
    let back = Receipt { basis, ..soup() }.give_back_rest(&[]).unwrap();
    assert_eq!(back, soup().give_back_rest(&[]).unwrap());
    assert_eq!((back.receipt.kind, back.receipt.basis), (ReceiptKind::SellReturn, None));
}

#[test]
fn change_does_not_go_back() {
    let sale =
        Receipt { paid: vec![paid(Tender::Cash, 30_000), paid(Tender::Card, 16_000)], ..soup() };
    let parts = [sale.give_back_rest(&[]).unwrap()];
    assert_eq!((given(&parts, Tender::Cash), given(&parts, Tender::Card)), (20_000, 16_000));
}

/// The bank said no for ever, and the guest got cash: what is left goes to what is left.
#[test]
fn f26_money_that_went_another_way_is_not_given_twice() {
    let sale =
        Receipt { paid: vec![paid(Tender::Cash, 6_000), paid(Tender::Card, 30_000)], ..soup() };
    let mut first = sale.give_back(&[], &[portion(1, 2)]).unwrap();
    first.receipt.paid = vec![paid(Tender::Cash, 17_000)];
    let rest = sale.give_back_rest(&[first]).unwrap();
    assert_eq!(rest.receipt.paid, [paid(Tender::Card, 19_000)]);
}

#[test]
fn f25_points_are_given_back_by_the_same_rule() {
    let sold = quantity(3_000_000);
    let mut points = Kopecks::ZERO;
    for (so_far, back) in [(1, 33), (2, 34), (3, 33)] {
        let due = due_back(Kopecks(100), sold, quantity(so_far * 1_000_000), points).unwrap();
        assert_eq!(due, Kopecks(back));
        points = points.add(due).unwrap();
    }
    assert_eq!(due_back(Kopecks(100), sold, sold, Kopecks(101)), Ok(Kopecks::ZERO));
}

prop_compose! {
    fn line()(
        (pieces, weight) in (1_i64..6, any::<bool>()),
        grams in 1_i64..3_000,
        price in 1_i64..50_000,
        off in 0_i64..=100,
        rate in any::<Index>(),
    ) -> Line {
        let quantity = quantity(if weight { grams * 1_000 } else { pieces * 1_000_000 });
        let price = Kopecks(price);
        let most = quantity.times(price).unwrap().0;
        let measure = if weight { Measure::Kilogram } else { Measure::Piece };
        let amount = Kopecks(most - most * off / 300);
        let vat = VatRate::ALL[rate.index(VatRate::ALL.len())];
        Line { price, quantity, amount, vat, measure, ..soup().lines[0].clone() }
    }
}

prop_compose! {
    /// A sale, paid with up to four tenders, with change perhaps.
    fn sale()(
        lines in prop::collection::vec(line(), 1..5),
        cuts in prop::collection::vec(any::<Index>(), 3),
        change in 0_i64..1_000,
    ) -> Receipt {
        let total: i64 = lines.iter().map(|line| line.amount.0).sum();
        let size = usize::try_from(total).unwrap() + 1;
        let mut cuts: Vec<i64> =
            cuts.iter().map(|cut| i64::try_from(cut.index(size)).unwrap()).collect();
        cuts.extend([0, total]);
        cuts.sort_unstable();
        let tenders = [Tender::Cash, Tender::Card, Tender::Prepaid, Tender::Credit];
        let mut paid: Vec<_> = cuts
            .windows(2)
            .zip(tenders)
            .map(|(ends, tender)| Paid { tender, amount: Kopecks(ends[1] - ends[0]) })
            .collect();
        paid[0].amount = Kopecks(paid[0].amount.0 + change);
        Receipt { lines, paid, ..soup() }
    }
}

/// How much of each line goes back next: one of the lines, wholly or in part.
fn next(sale: &Receipt, gone: &[i64], line: Index, part: Index) -> Option<Portion> {
    let open: Vec<_> = (0..sale.lines.len())
        .filter(|line| gone[*line] < micro(sale.lines[*line].quantity))
        .collect();
    let line = *open.get(line.index(open.len().max(1)))?;
    let left = micro(sale.lines[line].quantity) - gone[line];
    let unit = if sale.lines[line].measure == Measure::Piece { 1_000_000 } else { 1_000 };
    let units = left / unit;
    let units = i64::try_from(part.index(usize::try_from(units).unwrap())).unwrap() + 1;
    Some(Portion { line, quantity: quantity(units * unit) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Parts in any order add up to the sale to the kopeck: by line, by tender, by rate.
    #[test]
    fn f25_parts_in_any_order_add_up(
        sale in sale(),
        wishes in prop::collection::vec((any::<Index>(), any::<Index>()), 0..12),
    ) {
        let limits = Limits::default();
        prop_assume!(sale.check(&limits).is_ok());
        let (mut gone, mut parts) = (vec![0; sale.lines.len()], Vec::<Return>::new());
        for (line, part) in wishes {
            let Some(portion) = next(&sale, &gone, line, part) else { break };
            let back = sale.give_back(&parts, &[portion]).unwrap();
            gone[portion.line] += micro(portion.quantity);
            let sold = &sale.lines[portion.line];
            let so_far = quantity(gone[portion.line]);
            let amount = lines(&parts, portion.line).map(|line| line.amount.0).sum::<i64>()
                + back.receipt.lines[0].amount.0;
            prop_assert_eq!(sold.quantity.share_of(sold.amount, so_far).unwrap().0, amount);
            prop_assert_eq!(back.receipt.check(&limits), back.receipt.total().map_err(|_| {
                unreachable!()
            }));
            parts.push(back);
            let so_far: i128 =
                parts.iter().map(|part| i128::from(part.receipt.total().unwrap().0)).sum();
            // No tender is ahead of its share, or behind it, by two kopecks.
            let total = i128::from(sale.total().unwrap().0).max(1);
            for purse in purses(&sale, sale.total().unwrap()).unwrap() {
                let off = i128::from(given(&parts, purse.tender)) * total
                    - so_far * i128::from(purse.paid.0);
                prop_assert!(off.abs() < 2 * total, "{:?} {}", purse, off);
            }
        }
        if gone.iter().zip(&sale.lines).any(|(gone, line)| *gone < micro(line.quantity)) {
            parts.push(sale.give_back_rest(&parts).unwrap());
        }
        prop_assert_eq!(sale.give_back_rest(&parts), Err(ReturnError::Nothing));
        for (index, sold) in sale.lines.iter().enumerate() {
            let of = || lines(&parts, index);
            prop_assert_eq!(of().map(|line| line.amount.0).sum::<i64>(), sold.amount.0);
            let quantities: i64 = of().map(|line| micro(line.quantity)).sum();
            prop_assert_eq!(quantities, micro(sold.quantity));
            prop_assert!(of().all(|line| line.vat == sold.vat && line.method == sold.method));
        }
        for purse in purses(&sale, sale.total().unwrap()).unwrap() {
            prop_assert_eq!(given(&parts, purse.tender), purse.paid.0);
        }
        for rate in VatRate::ALL {
            let sold = sale.lines.iter().filter(|line| line.vat == rate);
            let back = parts.iter().flat_map(|part| &part.receipt.lines);
            let back: i64 = back.filter(|line| line.vat == rate).map(|line| line.amount.0).sum();
            prop_assert_eq!(back, sold.map(|line| line.amount.0).sum::<i64>());
        }
    }
}
