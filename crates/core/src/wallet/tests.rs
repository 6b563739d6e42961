use proptest::prelude::*;

use super::*;
use crate::book::Chain;
use crate::id::{GuestId, Uuid};
use AccountKind::{Bonus, Credit, Deposit};
use AccountStatus::{Active, Blocked, Closed, Closing};

const STRONG: LimitRules =
    LimitRules { identification: Identification::Strong, phone_spend: false, bonus_cap: None };

fn id(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(n))
}

fn account(n: u128, kind: AccountKind, balance: i64, overdraft: i64) -> Account {
    Account {
        id: id(n),
        guest: GuestId(Uuid::from_u128(99)),
        kind,
        name: format!("{n}").into(),
        balance: Kopecks(balance),
        overdraft: Kopecks(overdraft),
        held: Kopecks::ZERO,
        held_own: Kopecks::ZERO,
        status: Active,
        chain: Chain::START,
    }
}

fn holding(account: Account, held: i64) -> Account {
    Account { held: Kopecks(held), held_own: Kopecks(held), ..account }
}

fn live(n: u128, kind: AccountKind, held: i64, captured: i64) -> Live {
    Live { account: id(n), kind, held: Kopecks(held), captured: Kopecks(captured) }
}

fn view<'a>(accounts: &'a [Account], live: &'a [Live]) -> OrderView<'a> {
    let overdraft = OverdraftUse::Allow;
    OrderView { accounts, live, priority: &MONEY_PRIORITY, overdraft, sticky: None }
}

fn limits_of(accounts: &[Account], live: &[Live]) -> (i64, i64) {
    let limits = limits(&view(accounts, live), STRONG).unwrap();
    (limits.bonus.0, limits.deposit.0)
}

#[test]
fn l1_bonus_first_then_money_then_by_name() {
    let named = |a: Account, name: &str| Account { name: name.into(), ..a };
    let accounts = [
        named(account(1, Deposit, 300, 0), "Я"),
        named(account(2, Credit, 0, 500), "А"),
        named(account(3, Bonus, 100, 0), "Яблоки"),
        named(account(4, Bonus, 200, 0), "Баллы"),
        named(Account { status: Closed, ..account(5, Bonus, 900, 0) }, "А"),
        named(Account { status: Blocked, ..account(6, Deposit, 900, 0) }, "Б"),
        named(Account { status: Closing, ..account(8, Deposit, 900, 0) }, "В"),
        named(account(7, Deposit, -900, 100), "А"),
    ];
    let shown = wallets(&accounts, OverdraftUse::Allow).unwrap();
    let shown: Vec<_> = shown.iter().map(|w| (w.id.0.as_u128(), w.available.0)).collect();
    assert_eq!(shown, [(4, 200), (3, 100), (2, 500), (7, 0), (6, 0), (8, 0), (1, 300)]);
}

#[test]
fn l2_w48_deposit_sum_is_of_one_account_never_of_two() {
    let accounts = [account(1, Credit, 0, 500_000), account(2, Deposit, 1_000, 0)];
    assert_eq!(limits_of(&accounts, &[]), (0, 1_000));
}

#[test]
fn l3_w49_own_holds_count_and_those_of_other_orders_do_not() {
    let accounts = [holding(account(1, Bonus, 8_486_500, 0), 75_000)];
    assert_eq!(limits_of(&accounts, &[live(1, Bonus, 75_000, 0)]), (8_486_500, 0));
    assert_eq!(limits_of(&accounts, &[]), (8_411_500, 0));
}

#[test]
fn l3_a_hold_is_a_guarantee_on_a_blocked_account() {
    let blocked = Account { status: Blocked, ..holding(account(1, Deposit, 90_000, 0), 40_000) };
    assert_eq!(limits_of(&[blocked], &[live(1, Deposit, 40_000, 0)]), (0, 40_000));
}

#[test]
fn l4_a_captured_amount_is_gone_from_the_limit() {
    let accounts = [account(1, Deposit, 25_000, 0)];
    assert_eq!(limits_of(&accounts, &[live(1, Deposit, 0, 75_000)]), (0, 25_000));
}

#[test]
fn l5_f28_the_cap_of_points_follows_a_known_total() {
    let total = Kopecks(165_000);
    let cap = |already, bp, min| bonus_cap(total, Kopecks(already), bp, Kopecks(min)).map(|c| c.0);
    assert_eq!(cap(0, None, 0), None);
    assert_eq!(cap(0, Some(3_000), 0), Some(49_500));
    assert_eq!(cap(9_500, Some(3_000), 0), Some(40_000));
    assert_eq!(cap(50_000, Some(3_000), 0), Some(0));
    assert_eq!(cap(0, None, 100), Some(164_900));
    assert_eq!(cap(0, Some(BASIS_POINTS), 100), Some(164_900));
    assert_eq!(cap(0, Some(99_999), 0), Some(165_000));
    assert_eq!(cap(0, Some(0), 0), Some(0));
    assert_eq!(cap(0, None, 200_000), Some(0));
    let odd = bonus_cap(Kopecks(102), Kopecks::ZERO, Some(3_000), Kopecks::ZERO);
    assert_eq!(odd, Some(Kopecks(30)), "30.6 is rounded down");
    let huge = bonus_cap(Kopecks(i64::MAX), Kopecks::ZERO, Some(10_000), Kopecks(1));
    assert_eq!(huge, Some(Kopecks(i64::MAX - 1)));

    let accounts = [account(1, Bonus, 8_486_500, 0), account(2, Deposit, 10_094_100, 0)];
    let rules = LimitRules { bonus_cap: Some(Kopecks(49_500)), ..STRONG };
    let limits = limits(&view(&accounts, &[]), rules).unwrap();
    assert_eq!(limits, Limits { bonus: Kopecks(49_500), deposit: Kopecks(10_094_100) });
}

#[test]
fn o1_to_o7_w42_limits_include_the_overdraft() {
    let rows = [
        ("O1", 94_100, 10_000_000, 0, Active, 10_094_100),
        ("O2", -30_000, 100_000, 0, Active, 70_000),
        ("O3", -100_000, 100_000, 0, Active, 0),
        ("O4", 50_000, 0, 20_000, Active, 30_000),
        ("O5", 8_486_500, 0, 0, Active, 8_486_500),
        ("O6", -120_000, 100_000, 0, Active, 0),
        ("O7", 10_000, 50_000, 0, Blocked, 0),
    ];
    for (row, balance, overdraft, held, status, expected) in rows {
        let account = Account { status, ..account(1, Deposit, balance, overdraft) };
        let account = holding(account, held);
        let got = limit(&account, Kopecks::ZERO, OverdraftUse::Allow, None);
        assert_eq!(got, Ok(Kopecks(expected)), "{row}");
        assert_eq!(limits_of(&[account], &[]).1, expected, "{row}");
    }
}

#[test]
fn f4_deny_leaves_the_overdraft_out_of_wallet_and_limit() {
    let accounts = [account(1, Deposit, 94_100, 10_000_000)];
    let shown = wallets(&accounts, OverdraftUse::Deny).unwrap();
    assert_eq!(shown[0].available, Kopecks(94_100));
    let denied = OrderView { overdraft: OverdraftUse::Deny, ..view(&accounts, &[]) };
    assert_eq!(limits(&denied, STRONG).unwrap().deposit, Kopecks(94_100));
}

#[test]
fn m4_the_fullest_of_a_kind_then_the_lowest_id() {
    let accounts = [
        account(9, Credit, 0, 900),
        account(5, Deposit, 100, 0),
        account(4, Deposit, 200, 0),
        account(3, Deposit, 200, 0),
        Account { status: Blocked, ..account(2, Deposit, 999, 0) },
    ];
    assert_eq!(pick_money(&view(&accounts, &[])), Ok(Some(id(3))));
    let credit_first = OrderView { priority: &[Credit, Bonus, Deposit], ..view(&accounts, &[]) };
    assert_eq!(pick_money(&credit_first), Ok(Some(id(9))));
}

#[test]
fn m4_none_available_gives_the_first_active_or_none() {
    let accounts = [account(2, Credit, -500, 500), account(1, Deposit, 0, 0)];
    assert_eq!(pick_money(&view(&accounts, &[])), Ok(Some(id(1))));
    assert_eq!(pick_money(&view(&accounts[..1], &[])), Ok(Some(id(2))));
    let blocked = [Account { status: Blocked, ..account(1, Deposit, 900, 0) }];
    assert_eq!(pick_money(&view(&blocked, &[])), Ok(None));
    assert_eq!(limits_of(&blocked, &[]), (0, 0));
}

#[test]
fn m5_the_choice_stays_until_it_is_empty_and_nothing_is_live() {
    let stays = |credit: Account, live: &[Live]| {
        let accounts = [account(1, Deposit, 100, 0), credit];
        let view = OrderView { sticky: Some(id(2)), ..view(&accounts, live) };
        pick_money(&view).unwrap() == Some(id(2))
    };
    assert!(stays(account(2, Credit, 0, 500), &[]));
    assert!(!stays(account(2, Credit, -500, 500), &[]));
    assert!(stays(account(2, Credit, -500, 500), &[live(2, Credit, 0, 500)]));
    let held = holding(account(2, Credit, 0, 500), 500);
    assert!(stays(held.clone(), &[live(2, Credit, 500, 0)]));
    assert!(!stays(held, &[]), "another order holds it all");
    let blocked = Account { status: Blocked, ..account(2, Credit, 0, 500) };
    assert!(!stays(blocked, &[]));
}

#[test]
fn m5_what_is_live_outweighs_an_older_choice() {
    let accounts = [account(1, Deposit, 100, 0), account(2, Credit, 0, 500)];
    let live = [live(2, Credit, 1, 0)];
    let view = OrderView { sticky: Some(id(1)), ..view(&accounts, &live) };
    assert_eq!(pick_money(&view), Ok(Some(id(2))));
}

#[test]
fn m5_of_two_that_are_live_the_choice_counts() {
    let accounts = [account(1, Deposit, 100, 0), account(2, Deposit, 500, 0)];
    let live = [live(1, Deposit, 1, 0), live(2, Deposit, 1, 0)];
    for chosen in [1, 2] {
        let view = OrderView { sticky: Some(id(chosen)), ..view(&accounts, &live) };
        assert_eq!(pick_money(&view), Ok(Some(id(chosen))));
    }
}

#[test]
fn m_g_an_empty_deposit_gives_way_to_the_credit() {
    let accounts = [account(1, Deposit, 0, 0), account(2, Credit, 0, 500_000)];
    assert_eq!(limits_of(&accounts, &[]), (0, 500_000));
}

#[test]
fn m_h_one_ruble_of_deposit_is_one_ruble() {
    let accounts = [account(1, Deposit, 100, 0), account(2, Credit, 0, 500_000)];
    assert_eq!(limits_of(&accounts, &[]), (0, 100));
}

#[test]
fn w41_a_guest_without_accounts_has_no_wallets_and_no_limits() {
    assert_eq!(wallets(&[], OverdraftUse::Allow), Ok(vec![]));
    assert_eq!(limits_of(&[], &[]), (0, 0));
}

#[test]
fn w46_no_guest_means_zeros() {
    assert_eq!(Limits::default(), Limits { bonus: Kopecks::ZERO, deposit: Kopecks::ZERO });
}

#[test]
fn f16_a_phone_number_alone_pays_only_where_allowed() {
    let accounts = [account(1, Bonus, 500, 0), account(2, Deposit, 700, 0)];
    let weak = LimitRules { identification: Identification::Weak, ..STRONG };
    assert_eq!(limits(&view(&accounts, &[]), weak), Ok(Limits::default()));
    let allowed = LimitRules { phone_spend: true, ..weak };
    let shown = Limits { bonus: Kopecks(500), deposit: Kopecks(700) };
    assert_eq!(limits(&view(&accounts, &[]), allowed), Ok(shown));
}

#[test]
fn m3_live_kinds_ignore_what_was_given_back() {
    let kinds = live_kinds(&[live(1, Deposit, 0, 0), live(2, Credit, 0, 1), live(3, Bonus, 5, 0)]);
    assert_eq!(kinds, Kinds::NONE.with(Credit).with(Bonus));
    assert!(kinds.has(Credit) && kinds.has(Bonus) && !kinds.has(Deposit));
}

fn any_accounts() -> impl Strategy<Value = Vec<Account>> {
    let kinds = prop::sample::select(vec![Bonus, Credit, Deposit]);
    let states = prop::sample::select(vec![Active, Active, Active, Blocked, Closing, Closed]);
    let amounts = (-1_000i64..1_000, 0i64..1_000, 0i64..1_000);
    prop::collection::vec((kinds, states, amounts), 0..6).prop_map(|rows| {
        let account = |(n, (kind, status, (balance, over, held)))| Account {
            status,
            ..holding(account(n, kind, balance, over), held)
        };
        (0..).zip(rows).map(account).collect()
    })
}

proptest! {
    #[test]
    fn limits_are_never_negative_and_never_of_two_accounts(
        accounts in any_accounts(),
        cap in prop::option::of(-10i64..500),
        deny: bool,
    ) {
        let overdraft = if deny { OverdraftUse::Deny } else { OverdraftUse::Allow };
        let view = OrderView { overdraft, ..view(&accounts, &[]) };
        let rules = LimitRules { bonus_cap: cap.map(Kopecks), ..STRONG };
        let got = limits(&view, rules).unwrap();
        let shown = wallets(&accounts, overdraft).unwrap();
        let most = |money: bool| shown.iter().filter(|w| w.kind.is_money() == money)
            .map(|w| w.available).max().unwrap_or_default();
        prop_assert!(Kopecks::ZERO <= got.bonus && got.bonus <= most(false));
        prop_assert!(Kopecks::ZERO <= got.deposit && got.deposit <= most(true));
        prop_assert!(cap.is_none_or(|cap| got.bonus.0 <= cap.max(0)));
        if cap.is_none() {
            prop_assert_eq!(got.bonus, most(false), "the fullest bonus account");
        }
    }

    #[test]
    fn a_choice_is_stable_under_repetition(
        accounts in any_accounts(),
    ) {
        let first = pick_money(&view(&accounts, &[])).unwrap();
        let again = OrderView { sticky: first, ..view(&accounts, &[]) };
        prop_assert_eq!(pick_money(&again).unwrap(), first);
    }
}
