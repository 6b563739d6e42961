//! Orders, one-time tokens, pairings.

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::Kopecks;
use tillway_core::book::{Binding, Commit, HoldState, Op, Payer, Refusal, TokenId, Verdict};
use tillway_core::guest::Identification;
use tillway_core::id::{AccountId, DeviceId, OrderId, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{AccountBook, Bindings};

use crate::builders::{
    ORDER_82, ORDER_82_TOTAL, Pay, Persona, Reserve, all_three, anna, at, bind, bind_once, cancel,
    id, refund, till,
};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

const TOKEN: TokenId = TokenId([7; 16]);
const OTHER_ORDER: OrderId = OrderId(tillway_core::id::Uuid::from_u128(83));

async fn known(g: &Ground) -> Result<(Persona, Persona), Failure> {
    let (first, second) = (anna(), all_three());
    g.know(&first).await?;
    g.know(&second).await?;
    Ok((first, second))
}

fn one(op: Op) -> Commit {
    Commit::of(at(1), vec![op])
}

fn unbind(order: OrderId) -> Op {
    bind(order, Binding::Unbound)
}

/// F15: the epoch counts from one, one more on every bind and unbind, and on nothing else.
pub async fn f15_epoch_counts(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = known(g).await?;
    same(g.bind(ORDER_82, &first).await?.epoch, 1)?;
    same(g.bind(ORDER_82, &first).await?.epoch, 1)?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    same(g.order(ORDER_82).await?.epoch, 2)?;
    g.ops(vec![bind(ORDER_82, Binding::Pending(second.payer()))]).await?;
    same(g.order(ORDER_82).await?.epoch, 3)?;
    same(g.bind(ORDER_82, &second).await?.epoch, 3)?;
    g.pay(&Pay::new(1, ORDER_82, second.account(Deposit), 100)).await?;
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    same(g.order(ORDER_82).await?.epoch, 3)
}

/// F15: a second scan of the same guest joins, of another guest it is refused.
pub async fn f15_one_guest_at_a_time(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = known(g).await?;
    let pending = |persona: &Persona| one(bind(ORDER_82, Binding::Pending(persona.payer())));
    g.done(pending(&first)).await?;
    g.done(pending(&first)).await?;
    same(g.refused(pending(&second)).await?, Refusal::OtherGuest)?;
    g.bind(ORDER_82, &first).await?;
    same(g.refused(pending(&second)).await?, Refusal::OtherGuest)?;
    g.done(pending(&first)).await?;
    let order = g.order(ORDER_82).await?;
    check(matches!(order.binding, Binding::Bound(_)), "a bound guest stays bound")?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    g.done(pending(&second)).await?;
    Ok(())
}

/// F15: two guests at once on one order: one of them is bound.
pub async fn f15_raced_guests_have_one_winner(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = known(g).await?;
    let bound = |persona: &Persona| one(bind(ORDER_82, Binding::Bound(persona.payer())));
    let race = (0..16).map(|n| bound(if n % 2 == 0 { &first } else { &second })).collect();
    let answers = g.race(race).await?;
    let done = answers.iter().filter(|a| matches!(a.verdict, Verdict::Done(_))).count();
    same(done, 8)?;
    same(g.order(ORDER_82).await?.epoch, 1)
}

fn chosen(account: AccountId) -> Op {
    let (till, total, lines, money) = (None, None, None, Some(account));
    Op::Tell { order: ORDER_82, till, total, lines, money }
}

/// An order tells when it was used last: told, bound, unbound, paid or closed.
pub async fn order_tells_its_last_use(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    let tell = || chosen(first.account(Deposit));
    let bound = bind(ORDER_82, Binding::Bound(first.payer()));
    let paid = Pay::new(9, ORDER_82, first.account(Deposit), 100).op();
    let close = Op::Close { order: ORDER_82, listed: Vec::new() };
    let uses = [tell(), bound.clone(), tell(), unbind(ORDER_82), bound, paid, close];
    for (second, op) in (1..).zip(uses) {
        g.done(Commit::of(at(second), vec![op])).await?;
        same(g.order(ORDER_82).await?.touched, at(second))?;
    }
    Ok(())
}

/// F15, F16: an unbind voids the holds, and frees the order for another guest.
pub async fn f15_unbind_voids_the_holds(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = known(g).await?;
    g.bind(ORDER_82, &first).await?;
    g.reserve(&Reserve::new(1, ORDER_82, first.account(Deposit), 100)).await?;
    same(g.order(ORDER_82).await?.money, Some(first.account(Deposit)))?;
    g.reserve(&Reserve::new(2, ORDER_82, first.account(Bonus), 100)).await?;
    let live = g.order(ORDER_82).await?.live;
    same(
        (live.any(), [Deposit, Bonus, Credit].map(|kind| live.has(kind))),
        (true, [true, true, false]),
    )?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    same(g.hold_state(1).await?, HoldState::Voided)?;
    same(g.hold_state(2).await?, HoldState::Voided)?;
    let order = g.order(ORDER_82).await?;
    same((order.live.any(), order.money), (false, None))?;
    // What is chosen for nobody is chosen for no other guest.
    g.ops(vec![chosen(first.account(Deposit))]).await?;
    same(g.bind(ORDER_82, &second).await?.money, None)
}

/// W33: a guest with a live payment stays; with everything given back it may go.
pub async fn w33_paid_guest_stays(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    same(g.refused(one(unbind(ORDER_82))).await?, Refusal::NoGuest)?;
    g.bind(ORDER_82, &first).await?;
    g.pay(&Pay::new(1, ORDER_82, first.account(Bonus), 100)).await?;
    same(g.refused(one(unbind(ORDER_82))).await?, Refusal::HasPayment)?;
    g.done(refund(2, 1, 99, None, at(2))).await?;
    same(g.refused(one(unbind(ORDER_82))).await?, Refusal::HasPayment)?;
    g.done(refund(3, 1, 1, None, at(2))).await?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    Ok(())
}

/// W08: a second scan makes the identification stronger and never weaker.
pub async fn w08_second_scan_strengthens(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    let weak = Payer { identified: Identification::Weak, ..first.payer() };
    let strong = first.payer();
    for (scan, identified) in [
        (weak, Identification::Weak),
        (strong, Identification::Strong),
        (weak, Identification::Strong),
    ] {
        g.ops(vec![bind(ORDER_82, Binding::Bound(scan))]).await?;
        let order = g.order(ORDER_82).await?;
        same(order.payer().map(|payer| payer.identified), Some(identified))?;
    }
    Ok(())
}

/// F16: the token is consumed in the commit that makes the binding pending; a repeat for the same
/// order is no second use, another order is.
pub async fn f16_token_is_consumed_with_the_binding(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = known(g).await?;
    g.ops(vec![bind_once(ORDER_82, first.payer(), TOKEN, true)]).await?;
    g.ops(vec![bind_once(ORDER_82, first.payer(), TOKEN, false)]).await?;
    let elsewhere = one(bind_once(OTHER_ORDER, first.payer(), TOKEN, true));
    same(g.refused(elsewhere).await?, Refusal::TokenUsed)?;
    // A binding that is refused uses no token up.
    let fresh = TokenId([8; 16]);
    let refused = one(bind_once(ORDER_82, second.payer(), fresh, true));
    same(g.refused(refused).await?, Refusal::OtherGuest)?;
    g.ops(vec![bind_once(OTHER_ORDER, second.payer(), fresh, true)]).await?;
    Ok(())
}

/// F16: a binding that never came to be frees its token, shown once or twice.
pub async fn f16_rollback_frees_the_token(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    for _ in 0..2 {
        g.ops(vec![bind_once(ORDER_82, first.payer(), TOKEN, true)]).await?;
    }
    g.ops(vec![unbind(ORDER_82)]).await?;
    g.ops(vec![bind_once(OTHER_ORDER, first.payer(), TOKEN, false)]).await?;
    Ok(())
}

/// F16: a binding frees no token that another order used, nor one that is spent.
pub async fn f16_rollback_frees_its_own_token_only(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    let spent = TokenId([8; 16]);
    g.ops(vec![bind_once(OTHER_ORDER, first.payer(), TOKEN, false)]).await?;
    g.ops(vec![bind_once(ORDER_82, first.payer(), spent, false), unbind(ORDER_82)]).await?;
    for token in [TOKEN, spent] {
        // The payer is known by this token, and the binding uses none up.
        let payer = Payer { token: Some(token), ..first.payer() };
        g.ops(vec![bind(ORDER_82, Binding::Pending(payer))]).await?;
        g.ops(vec![unbind(ORDER_82)]).await?;
        let again = one(bind_once(OrderId(id(84)), first.payer(), token, true));
        same(g.refused(again).await?, Refusal::TokenUsed)?;
    }
    Ok(())
}

/// F16: after the check-out a token is never valid again, for its order or another.
pub async fn f16_token_is_spent_by_the_check_out(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    g.ops(vec![bind_once(ORDER_82, first.payer(), TOKEN, false)]).await?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    for order in [ORDER_82, OTHER_ORDER] {
        let again = one(bind_once(order, first.payer(), TOKEN, true));
        same(g.refused(again).await?, Refusal::TokenUsed)?;
    }
    g.ops(vec![bind_once(OTHER_ORDER, first.payer(), TokenId([9; 16]), false)]).await?;
    g.ops(vec![Op::Close { order: OTHER_ORDER, listed: Vec::new() }]).await?;
    let closed = one(bind_once(ORDER_82, first.payer(), TokenId([9; 16]), true));
    same(g.refused(closed).await?, Refusal::TokenUsed)
}

/// F16: of two tokens shown for one order, neither is valid after the check-out.
pub async fn f16_every_token_is_spent_by_the_check_out(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    let second = TokenId([8; 16]);
    g.ops(vec![bind_once(ORDER_82, first.payer(), TOKEN, false)]).await?;
    g.ops(vec![bind_once(ORDER_82, first.payer(), second, false)]).await?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    for token in [TOKEN, second] {
        let again = one(bind_once(ORDER_82, first.payer(), token, true));
        same(g.refused(again).await?, Refusal::TokenUsed)?;
    }
    Ok(())
}

/// F16: one token at two orders at once binds one of them.
pub async fn f16_raced_token_binds_one_order(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    let race = (100..116)
        .map(|number| one(bind_once(OrderId(id(number)), first.payer(), TOKEN, true)))
        .collect();
    let answers = g.race(race).await?;
    same(answers.iter().filter(|a| matches!(a.verdict, Verdict::Done(_))).count(), 1)
}

/// An order belongs to the first till that names it.
pub async fn order_belongs_to_its_first_till(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    let scan = |number| Op::Bind {
        order: ORDER_82,
        till: Some(till(number)),
        to: Binding::Bound(first.payer()),
        once: None,
    };
    g.ops(vec![scan(1)]).await?;
    same(g.refused(one(scan(2))).await?, Refusal::WrongTill)?;
    same(g.order(ORDER_82).await?.till, Some(till(1)))
}

/// What the plugin told is kept until it tells anew; an order that nobody named is not there.
pub async fn told_is_remembered(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    same(g.store().order(ORDER_82).await?, None)?;
    same(g.store().sheet(ORDER_82).await?, None)?;
    let lines: Box<[u8]> = vec![0xa5; 64 * 1024].into();
    let tell =
        |total, lines, money| one(Op::Tell { order: ORDER_82, till: None, total, lines, money });
    g.done(tell(Some(ORDER_82_TOTAL), Some(lines.clone()), None)).await?;
    g.done(tell(None, None, Some(first.account(Deposit)))).await?;
    let order = g.order(ORDER_82).await?;
    same(order.total, Some(ORDER_82_TOTAL))?;
    same(order.money, Some(first.account(Deposit)))?;
    check(order.lines == Some(lines), "lines are kept byte for byte")?;
    let too_long: Box<[u8]> = vec![0xa5; 64 * 1024 + 1].into();
    for wrong in [tell(Some(Kopecks(-1)), None, None), tell(None, Some(too_long), None)] {
        same(g.refused(wrong).await?, Refusal::BadAmount)?;
    }
    let short: Box<[u8]> = [0xa6].into();
    g.done(tell(Some(Kopecks::ZERO), Some(short.clone()), None)).await?;
    let order = g.order(ORDER_82).await?;
    same((order.total, order.lines), (Some(Kopecks::ZERO), Some(short)))
}

/// A sheet has everything of an order in one read: guest, accounts, live holds, payments in the
/// order they were captured, without refused ones and tombstones.
pub async fn sheet_has_everything(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = known(g).await?;
    g.bind(ORDER_82, &first).await?;
    let (bonus, deposit) = (first.account(Bonus), first.account(Deposit));
    g.reserve(&Reserve::new(1, ORDER_82, deposit, 500)).await?;
    g.reserve(&Reserve::new(2, ORDER_82, bonus, 500)).await?;
    g.ops(vec![Op::Void { hold: tillway_core::id::HoldId(id(2)) }]).await?;
    for number in [9, 5, 7] {
        g.pay(&Pay::new(number, ORDER_82, bonus, 100)).await?;
    }
    g.ops(vec![cancel(5, ORDER_82), cancel(8, ORDER_82)]).await?;
    g.refused(Pay::new(6, ORDER_82, deposit, i64::MAX).commit(at(1))).await?;
    g.bind(OTHER_ORDER, &second).await?;
    g.pay(&Pay::new(3, OTHER_ORDER, second.account(Bonus), 100)).await?;
    let Some(sheet) = g.store().sheet(ORDER_82).await? else {
        return Err(Failure::new("no sheet"));
    };
    same(&sheet.order, &g.order(ORDER_82).await?)?;
    same(sheet.guest, Some(first.guest.clone()))?;
    same(sheet.has_photo, true)?;
    same(sheet.accounts, g.store().accounts(first.guest.id).await?)?;
    same(sheet.holds.iter().map(|hold| hold.id.0).collect(), vec![id(1)])?;
    let payments: Vec<_> = sheet.payments.iter().map(|payment| payment.id).collect();
    same(payments, [9, 5, 7].map(|number| PaymentId(id(number))).to_vec())?;
    let other = g.store().sheet(OTHER_ORDER).await?.map(|sheet| sheet.has_photo);
    same(other, Some(false))
}

/// A sheet of an order without guest shows the order alone.
pub async fn sheet_without_a_guest(g: &mut Ground) -> Result<(), Failure> {
    let (first, _) = known(g).await?;
    g.ops(vec![bind(ORDER_82, Binding::Pending(first.payer()))]).await?;
    let pending = g.store().sheet(ORDER_82).await?.and_then(|sheet| sheet.guest);
    same(pending, Some(first.guest))?;
    g.ops(vec![unbind(ORDER_82)]).await?;
    let Some(sheet) = g.store().sheet(ORDER_82).await? else {
        return Err(Failure::new("no sheet"));
    };
    same((sheet.guest, sheet.accounts, sheet.has_photo), (None, Vec::new(), false))
}

fn pairing(till_number: u32, device: &str) -> Result<Pairing, Failure> {
    let device = DeviceId::try_new(device).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Pairing { till: till(till_number), device })
}

/// D1: one device at one till, one till for one device, also within one commit.
pub async fn d1_one_device_one_till(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = (pairing(1, "phone-1")?, pairing(2, "phone-2")?);
    let pair = |pairing: &Pairing| Op::Pair(pairing.clone());
    g.ops(vec![pair(&first), pair(&second), pair(&first)]).await?;
    same(g.store().pairings().await?, vec![first.clone(), second.clone()])?;
    let taken_till = pairing(1, "phone-3")?;
    let taken_device = pairing(3, "phone-1")?;
    same(g.refused(one(pair(&taken_till))).await?, Refusal::TillHasDevice)?;
    same(g.refused(one(pair(&taken_device))).await?, Refusal::DeviceHasTill)?;
    let (third, again) = (pairing(4, "phone-4")?, pairing(5, "phone-4")?);
    let both = Commit::of(at(1), vec![pair(&third), pair(&again)]);
    same(g.refused(both).await?, Refusal::DeviceHasTill)
}

/// D1: a device that was taken away may go elsewhere, in the same commit too.
pub async fn d1_unpaired_device_may_move(g: &mut Ground) -> Result<(), Failure> {
    let (first, moved) = (pairing(1, "phone-1")?, pairing(2, "phone-1")?);
    g.ops(vec![Op::Pair(first.clone())]).await?;
    let (till, device) = (first.till.clone(), first.device.clone());
    let gone: TillId = till.clone();
    let take = |till, device| Op::Unpair { till, device };
    let stranger = pairing(1, "phone-9")?.device;
    g.ops(vec![take(till.clone(), stranger)]).await?;
    same(g.store().pairings().await?, vec![first.clone()])?;
    // A till that has no device gives none up.
    let elsewhere = vec![take(moved.till.clone(), device.clone()), Op::Pair(moved.clone())];
    same(g.refused(Commit::of(at(1), elsewhere)).await?, Refusal::DeviceHasTill)?;
    g.ops(vec![take(till, device.clone()), Op::Pair(moved.clone())]).await?;
    same(g.store().pairings().await?, vec![moved])?;
    g.ops(vec![take(gone, device)]).await?;
    Ok(())
}

/// D1: many tills ask for one device at once: one gets it.
pub async fn d1_raced_device_has_one_till(g: &mut Ground) -> Result<(), Failure> {
    let race: Result<Vec<_>, Failure> =
        (1..=16).map(|number| Ok(one(Op::Pair(pairing(number, "phone-1")?)))).collect();
    let answers = g.race(race?).await?;
    same(answers.iter().filter(|a| matches!(a.verdict, Verdict::Done(_))).count(), 1)?;
    same(g.store().pairings().await?.len(), 1)
}
