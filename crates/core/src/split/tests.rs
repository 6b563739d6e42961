use proptest::prelude::*;

use super::*;
use crate::id::Uuid;
use AccountKind::{Bonus, Credit, Deposit};

const BONUS: AccountId = AccountId(Uuid::from_u128(1));
const MONEY: AccountId = AccountId(Uuid::from_u128(2));
const CREDIT: AccountId = AccountId(Uuid::from_u128(3));
const DUE: i64 = 165_000;

fn line(account: AccountId, kind: AccountKind, limit: i64) -> Line {
    Line { account, kind, limit: Kopecks(limit) }
}

fn two(bonus: i64, money: i64) -> [Line; 2] {
    [line(BONUS, Bonus, bonus), line(MONEY, Deposit, money)]
}

/// Limits of the seed's guest: 84 865.00 of points and 100 941.00 of money.
fn seed() -> [Line; 2] {
    two(8_486_500, 10_094_100)
}

fn three(bonus: i64, deposit: i64, credit: i64) -> [Line; 3] {
    let [bonus, deposit] = two(bonus, deposit);
    [bonus, deposit, line(CREDIT, Credit, credit)]
}

fn enter(account: AccountId, amount: i64) -> Input {
    Input::Enter(account, Kopecks(amount))
}

fn pinned(account: AccountId, amount: i64) -> Input {
    Input::Pinned(account, Kopecks(amount))
}

fn given(parts: &[(AccountId, i64)]) -> Input {
    Input::Parts(parts.iter().map(|(account, amount)| (*account, Kopecks(*amount))).collect())
}

fn plan(due: i64, lines: &[Line], input: &Input) -> Result<Plan, SplitError> {
    split(Kopecks(due), lines, input, Mix::OneMoneyKind, Kinds::NONE)
}

#[track_caller]
fn check(due: i64, lines: &[Line], input: &Input, parts: &[(AccountId, i64)], missing: i64) {
    let plan = plan(due, lines, input).unwrap();
    let got: Vec<_> = plan.parts.iter().map(|p| (p.account, p.amount.0)).collect();
    assert_eq!((got.as_slice(), plan.missing.0), (parts, missing));
    assert_eq!(plan.is_complete(), missing == 0);
}

fn out_of_range(limit: i64) -> Result<Plan, SplitError> {
    Err(SplitError::AmountOutOfRange { limit: Kopecks(limit) })
}

#[test]
fn x1_s2_choose_money() {
    check(DUE, &seed(), &Input::Choose(MONEY), &[(MONEY, 165_000)], 0);
}

#[test]
fn x2_s3_s4_enter_bonus_moves_the_rest_to_money() {
    check(DUE, &seed(), &enter(BONUS, 75_000), &[(BONUS, 75_000), (MONEY, 90_000)], 0);
}

#[test]
fn x3_s4_enter_money_moves_the_rest_to_bonus() {
    check(DUE, &seed(), &enter(MONEY, 90_000), &[(MONEY, 90_000), (BONUS, 75_000)], 0);
}

#[test]
fn x4_s2_choose_bonus_up_to_its_limit() {
    let lines = two(50_000, 10_094_100);
    check(DUE, &lines, &Input::Choose(BONUS), &[(BONUS, 50_000), (MONEY, 115_000)], 0);
}

#[test]
fn x5_s6_both_together_are_not_enough() {
    let lines = two(50_000, 100_000);
    check(DUE, &lines, &Input::Choose(BONUS), &[(BONUS, 50_000), (MONEY, 100_000)], 15_000);
}

#[test]
fn x6_s3_entered_above_the_limit() {
    let got = plan(DUE, &two(50_000, 10_094_100), &enter(BONUS, 75_000));
    assert_eq!(got, out_of_range(50_000));
}

#[test]
fn x7_s5_a_zero_line_is_dropped() {
    check(DUE, &seed(), &enter(BONUS, 0), &[(MONEY, 165_000)], 0);
}

#[test]
fn x8_s5_points_cover_the_bill() {
    check(DUE, &seed(), &enter(BONUS, 165_000), &[(BONUS, 165_000)], 0);
}

#[test]
fn x9_s3_entered_above_what_is_due() {
    assert_eq!(plan(DUE, &seed(), &enter(BONUS, 165_001)), out_of_range(165_000));
    assert_eq!(plan(DUE, &seed(), &enter(BONUS, -1)), out_of_range(165_000));
}

#[test]
fn x10_prepayment_lowers_what_is_due() {
    let due = due(Kopecks(DUE), Kopecks::ZERO, Kopecks::ZERO, Kopecks(65_000)).unwrap();
    assert_eq!(due, Kopecks(100_000));
    check(due.0, &seed(), &enter(BONUS, 75_000), &[(BONUS, 75_000), (MONEY, 25_000)], 0);
}

#[test]
fn x11_s7_a_dish_more_moves_the_other_line() {
    check(175_000, &seed(), &pinned(BONUS, 75_000), &[(BONUS, 75_000), (MONEY, 100_000)], 0);
}

#[test]
fn x12_s7_the_pinned_line_is_cut_to_what_is_due() {
    check(60_000, &seed(), &pinned(BONUS, 75_000), &[(BONUS, 60_000)], 0);
}

#[test]
fn x13_s1_nothing_to_pay() {
    for input in [Input::Choose(MONEY), enter(BONUS, 75_000), given(&[(MONEY, 1)])] {
        check(0, &seed(), &input, &[], 0);
    }
}

#[test]
fn x14_s6_nothing_to_pay_with() {
    check(DUE, &two(0, 0), &Input::Choose(MONEY), &[], 165_000);
}

#[test]
fn x15_one_kopeck() {
    check(1, &two(1, 1), &enter(BONUS, 1), &[(BONUS, 1)], 0);
}

#[test]
fn s7_the_pinned_line_is_cut_to_its_limit() {
    let lines = two(10_000, 10_094_100);
    check(DUE, &lines, &pinned(BONUS, 75_000), &[(BONUS, 10_000), (MONEY, 155_000)], 0);
    assert_eq!(plan(DUE, &lines, &pinned(BONUS, -1)), out_of_range(10_000));
}

#[test]
fn s4_m3_more_lines_go_in_order_and_one_money_kind_excludes_the_other() {
    let lines = three(50_000, 60_000, 500_000);
    let choose_bonus = Input::Choose(BONUS);
    check(DUE, &lines, &choose_bonus, &[(BONUS, 50_000), (MONEY, 60_000)], 55_000);
    let deposit_empty = three(50_000, 0, 500_000);
    check(DUE, &deposit_empty, &choose_bonus, &[(BONUS, 50_000), (CREDIT, 115_000)], 0);
    check(DUE, &lines, &enter(CREDIT, 100_000), &[(CREDIT, 100_000), (BONUS, 50_000)], 15_000);
    let free = split(Kopecks(DUE), &lines, &choose_bonus, Mix::Free, Kinds::NONE).unwrap();
    assert!(free.is_complete());
    assert_eq!(free.amount(CREDIT), Kopecks(55_000));
}

#[test]
fn s2_the_chosen_kind_excludes_the_other_even_when_it_is_empty() {
    check(DUE, &three(0, 0, 500_000), &Input::Choose(MONEY), &[], 165_000);
}

#[test]
fn m_a_bonus_with_deposit() {
    let input = given(&[(BONUS, 75_000), (MONEY, 90_000)]);
    check(DUE, &three(100_000, 500_000, 500_000), &input, &[(BONUS, 75_000), (MONEY, 90_000)], 0);
}

#[test]
fn m_b_bonus_with_credit() {
    let input = given(&[(BONUS, 75_000), (CREDIT, 90_000)]);
    check(DUE, &three(100_000, 500_000, 500_000), &input, &[(BONUS, 75_000), (CREDIT, 90_000)], 0);
}

#[test]
fn m_c_deposit_with_credit() {
    let lines = three(100_000, 500_000, 500_000);
    let input = given(&[(MONEY, 100_000), (CREDIT, 65_000)]);
    assert_eq!(plan(DUE, &lines, &input), Err(SplitError::MixedMoneyAccounts));
    let free = split(Kopecks(DUE), &lines, &input, Mix::Free, Kinds::NONE).unwrap();
    assert!(free.is_complete(), "M6");
}

#[test]
fn m_d_all_three_kinds() {
    let input = given(&[(BONUS, 10_000), (MONEY, 90_000), (CREDIT, 65_000)]);
    let got = plan(DUE, &three(100_000, 500_000, 500_000), &input);
    assert_eq!(got, Err(SplitError::MixedMoneyAccounts));
}

/// A plan of credit beside a capture on the deposit of which `rest` is not given back.
fn credit_beside(rest: i64) -> Result<Plan, SplitError> {
    let captured = crate::wallet::Live {
        account: MONEY,
        kind: Deposit,
        held: Kopecks::ZERO,
        captured: Kopecks(rest),
    };
    let already = crate::wallet::live_kinds(&[captured]);
    let lines = three(0, 500_000, 500_000);
    split(Kopecks(DUE), &lines, &Input::Choose(CREDIT), Mix::OneMoneyKind, already)
}

#[test]
fn m_e_credit_after_the_deposit_was_cancelled() {
    assert_eq!(credit_beside(0).unwrap().amount(CREDIT), Kopecks(DUE));
}

#[test]
fn m_f_one_kopeck_left_still_counts() {
    assert_eq!(credit_beside(1), Err(SplitError::MixedMoneyAccounts));
}

#[test]
fn m3_what_is_live_excludes_a_line_of_the_rest() {
    let already = Kinds::NONE.with(Credit);
    let lines = three(50_000, 500_000, 500_000);
    let choose = Input::Choose(BONUS);
    let plan = split(Kopecks(DUE), &lines, &choose, Mix::OneMoneyKind, already).unwrap();
    assert_eq!((plan.amount(MONEY), plan.amount(CREDIT)), (Kopecks(0), Kopecks(115_000)));
}

#[test]
fn given_parts_are_checked_and_nothing_is_added() {
    check(DUE, &seed(), &given(&[(BONUS, 75_000)]), &[(BONUS, 75_000)], 90_000);
    check(DUE, &seed(), &given(&[]), &[], 165_000);
    check(DUE, &seed(), &given(&[(BONUS, 0), (MONEY, 1)]), &[(MONEY, 1)], 164_999);
    let twice = given(&[(BONUS, 1), (MONEY, 5), (BONUS, 2)]);
    check(DUE, &seed(), &twice, &[(BONUS, 3), (MONEY, 5)], 164_992);
    assert_eq!(plan(DUE, &two(5, 9), &given(&[(BONUS, 3), (BONUS, 3)])), out_of_range(2));
    assert_eq!(plan(DUE, &two(5, 9), &given(&[(BONUS, -1)])), out_of_range(5));
    let over = given(&[(BONUS, 100_000), (MONEY, 65_001)]);
    assert_eq!(plan(DUE, &seed(), &over), out_of_range(65_000));
}

#[test]
fn what_does_not_fit_is_refused() {
    let choose = Input::Choose(CREDIT);
    assert_eq!(plan(DUE, &seed(), &choose), Err(SplitError::UnknownLine));
    assert_eq!(plan(DUE, &seed(), &given(&[(CREDIT, 0)])), Err(SplitError::UnknownLine));
    assert_eq!(plan(-1, &seed(), &choose), Err(SplitError::BadDue));
    let many = vec![line(BONUS, Bonus, 1); LINES_MAX + 1];
    assert_eq!(plan(DUE, &many, &choose), Err(SplitError::TooManyLines));
    let many = given(&vec![(BONUS, 0); LINES_MAX + 1]);
    assert_eq!(plan(DUE, &seed(), &many), Err(SplitError::TooManyLines));
}

#[test]
fn as_many_as_there_may_be_are_taken() {
    let id = |n: usize| AccountId(Uuid::from_u128(u128::try_from(n).unwrap() + 1_000));
    let lines: Vec<_> = (0..LINES_MAX).map(|n| line(id(n), Bonus, 1)).collect();
    assert!(plan(DUE, &lines, &given(&vec![(id(0), 0); LINES_MAX])).is_ok());
    assert_eq!(apportion(Kopecks(5), &vec![1; WEIGHTS_MAX]).map(|p| p.len()), Ok(WEIGHTS_MAX));
    let error = apportion(Kopecks(5), &vec![1; WEIGHTS_MAX + 1]);
    assert_eq!(error, Err(ApportionError::TooManyWeights));
}

#[test]
fn a_plan_after_an_error_has_no_parts() {
    let mut plan = plan(DUE, &seed(), &Input::Choose(MONEY)).unwrap();
    let bad = given(&[(BONUS, 1), (MONEY, -1)]);
    let mix = Mix::OneMoneyKind;
    split_into(Kopecks(DUE), &seed(), &bad, mix, Kinds::NONE, &mut plan).unwrap_err();
    assert_eq!(plan, Plan::default());
}

#[test]
fn a_negative_limit_counts_for_nothing_and_a_repeated_line_is_refused() {
    check(DUE, &two(10, -5), &Input::Choose(MONEY), &[(BONUS, 10)], 164_990);
    let lines = [line(BONUS, Bonus, 10), line(MONEY, Deposit, 1), line(BONUS, Bonus, 90)];
    assert_eq!(plan(DUE, &lines, &Input::Choose(MONEY)), Err(SplitError::RepeatedLine));
}

#[test]
fn due_is_never_below_zero() {
    let of = |a, b, c, d| due(Kopecks(a), Kopecks(b), Kopecks(c), Kopecks(d));
    assert_eq!(of(165_000, 15_000, 10_000, 60_000), Ok(Kopecks(100_000)));
    assert_eq!(of(100, 0, 0, 100), Ok(Kopecks::ZERO));
    assert_eq!(of(100, 0, 0, 101), Err(SplitError::BadDue));
    assert_eq!(of(100, -1, 0, 0), Err(SplitError::BadDue));
    assert_eq!(of(i64::MAX, 0, 1, 0), Err(SplitError::Money(MoneyError::Overflow)));
}

#[test]
fn i13_apportion_by_largest_remainder() {
    let of = |whole, weights: &[i64]| {
        apportion(Kopecks(whole), weights).map(|p| p.iter().map(|k| k.0).collect::<Vec<_>>())
    };
    assert_eq!(of(100, &[1, 1, 1]), Ok(vec![34, 33, 33]), "a tie goes to the lower index");
    assert_eq!(of(2, &[1, 1, 1]), Ok(vec![1, 1, 0]));
    assert_eq!(of(10, &[0, 3, 0]), Ok(vec![0, 10, 0]));
    assert_eq!(of(5, &[10, 25, 15]), Ok(vec![1, 3, 1]), "5 × 25 / 50 = 2.5 has the largest rest");
    assert_eq!(of(0, &[]), Ok(vec![]));
    assert_eq!(of(0, &[0, 0]), Ok(vec![0, 0]));
    assert_eq!(of(1, &[]), Err(ApportionError::NoWeight));
    assert_eq!(of(1, &[0, 0]), Err(ApportionError::NoWeight));
    assert_eq!(of(-1, &[1]), Err(ApportionError::BelowZero));
    assert_eq!(of(1, &[1, -1]), Err(ApportionError::BelowZero));
    let many = vec![1; WEIGHTS_MAX + 1];
    assert_eq!(of(1, &many), Err(ApportionError::TooManyWeights));
    let huge = of(i64::MAX, &[i64::MAX, i64::MAX]).unwrap();
    assert_eq!(huge, [i64::MAX / 2 + 1, i64::MAX / 2]);
}

fn any_lines() -> impl Strategy<Value = Vec<Line>> {
    let kinds = prop::sample::select(vec![Bonus, Credit, Deposit]);
    let line = |(n, (kind, limit))| line(AccountId(Uuid::from_u128(n)), kind, limit);
    prop::collection::vec((kinds, -5i64..400), 0..6)
        .prop_map(move |rows| (1..).zip(rows).map(line).collect())
}

fn any_input() -> impl Strategy<Value = Input> {
    let account = || (1u128..6).prop_map(|n| AccountId(Uuid::from_u128(n)));
    let part = || (account(), (-2i64..300).prop_map(Kopecks));
    prop_oneof![
        account().prop_map(Input::Choose),
        part().prop_map(|(account, amount)| Input::Enter(account, amount)),
        part().prop_map(|(account, amount)| Input::Pinned(account, amount)),
        prop::collection::vec(part(), 0..4).prop_map(Input::Parts),
    ]
}

fn any_weights() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![0i64..4, 0i64..1_000_000, 0..=i64::MAX], 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_plan_adds_up_and_keeps_every_limit(
        due in -1i64..600,
        lines in any_lines(),
        input in any_input(),
        free: bool,
        already in prop::option::of(prop::sample::select(vec![Bonus, Credit, Deposit])),
    ) {
        let mix = if free { Mix::Free } else { Mix::OneMoneyKind };
        let already: Kinds = already.into_iter().collect();
        let due = Kopecks(due);
        let got = split(due, &lines, &input, mix, already);
        prop_assert_eq!(&got, &split(due, &lines, &input, mix, already), "the same again");
        let Ok(plan) = got else { return Ok(()) };
        let paid = Kopecks::total(plan.parts.iter().map(|p| p.amount)).unwrap();
        prop_assert_eq!(paid.add(plan.missing).unwrap(), due);
        prop_assert!(plan.missing >= Kopecks::ZERO);
        let mut kinds = already;
        for part in &plan.parts {
            let line = lines.iter().find(|l| l.account == part.account).unwrap();
            prop_assert!(part.amount.is_positive() && part.amount <= line.limit);
            prop_assert_eq!(plan.parts.iter().filter(|p| p.account == part.account).count(), 1);
            kinds = kinds.with(part.kind);
        }
        prop_assert!(free || !(kinds.has(Credit) && kinds.has(Deposit)));
        let parts = plan.parts.iter().map(|p| (p.account, p.amount)).collect();
        let again = split(due, &lines, &Input::Parts(parts), mix, already);
        prop_assert_eq!(again.as_ref(), Ok(&plan), "the plan given back is the plan");
        let entered = match input {
            Input::Enter(x, _) | Input::Pinned(x, _) | Input::Choose(x) => x,
            Input::Parts(_) => return Ok(()),
        };
        let kept = Input::Pinned(entered, plan.amount(entered));
        prop_assert_eq!(split(due, &lines, &kept, mix, already), Ok(plan), "pinned, it stays");
    }

    #[test]
    fn i13_apportion_loses_no_kopeck(
        whole in 0i64..=i64::MAX,
        small in any::<bool>(),
        weights in any_weights(),
    ) {
        let whole = if small { whole % 1_000 } else { whole };
        let total: i128 = weights.iter().map(|w| i128::from(*w)).sum();
        prop_assume!(total > 0);
        let parts = apportion(Kopecks(whole), &weights).unwrap();
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(Kopecks::total(parts.iter().copied()), Ok(Kopecks(whole)));
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(part.0 >= 0 && (*weight > 0 || part.is_zero()));
            let product = i128::from(whole) * i128::from(*weight);
            let floor = product.div_euclid(total);
            let up = i128::from(product.rem_euclid(total) > 0);
            prop_assert!((floor..=floor + up).contains(&i128::from(part.0)));
        }
        prop_assert_eq!(apportion(Kopecks(whole), &weights).unwrap(), parts);
    }

    #[test]
    fn i13_equal_weights_differ_by_a_kopeck_and_never_grow(
        whole in 0i64..100_000,
        n in 1usize..200,
    ) {
        let parts = apportion(Kopecks(whole), &vec![7; n]).unwrap();
        prop_assert!(parts.windows(2).all(|w| w[0] >= w[1]));
        prop_assert!(parts[0].0 - parts[n - 1].0 <= 1);
    }
}
