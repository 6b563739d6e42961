//! The fifteen invariants of the Ledger Conformance Kit, each as a case with its number.
//!
//! The kit (github.com/technomorphcorporation/ledger-conformance-kit) is a public suite for any
//! system that moves money. It speaks of accounts and transfers; here the same is said of guest
//! accounts, payments and streams. A cent is a kopeck, a currency a unit, a key a
//! [`Key`](tillway_core::book::Key).

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::book::{
    self, Audit, Chain, Commit, Day, Digest, Head, Movement, Op, Outcome, Party, Record, Refusal,
    Scope, Seq, Stored, StreamId, StreamKind, Verdict, Why,
};
use tillway_core::id::{AccountId, Uuid};
use tillway_core::port::{AccountBook, Committed, Journal};
use tillway_core::{Kopecks, Timestamp, Unit};

use crate::builders::{
    ORDER_82, Pay, Persona, Reserve, all_three, anna, at, cancel, id, keyed, refund, top_up,
};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

const DAY: Duration = Duration::from_secs(86_400);

/// A guest with 1 000.00 on deposit, bound to order 82.
async fn guest(g: &Ground) -> Result<(Persona, AccountId), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    g.bind(ORDER_82, &guest).await?;
    let deposit = guest.account(Deposit);
    Ok((guest, deposit))
}

/// Guests with 100.00 on deposit each.
async fn purses(g: &Ground, count: u64) -> Result<Vec<AccountId>, Failure> {
    let mut purses = Vec::new();
    for number in 0..count {
        let guest = Persona::new(&format!("{}", 50_000 + number), Default::default()).with_account(
            Deposit,
            "purse",
            Kopecks(10_000),
            Kopecks::ZERO,
        );
        g.know(&guest).await?;
        purses.push(guest.account(Deposit));
    }
    Ok(purses)
}

fn transfer(from: AccountId, to: AccountId, amount: i64, number: u64) -> Commit {
    let (from, to) = (Party::Guest(from), Party::Guest(to));
    let (amount, why, by) = (Kopecks(amount), Why::Correction, id(number));
    keyed(Scope::Custom, by, at(1), vec![Op::Move { from, to, amount, why, by }])
}

fn applied(answers: &[Committed]) -> usize {
    answers.iter().filter(|a| !a.replayed && matches!(a.verdict, Verdict::Done(_))).count()
}

/// What the movements of the book leave each party with.
fn projected(book: &Audit) -> BTreeMap<(Party, Unit), i128> {
    let mut sums = BTreeMap::new();
    for Movement { debit, credit, unit, amount, .. } in &book.movements {
        *sums.entry((*debit, *unit)).or_default() -= i128::from(amount.0);
        *sums.entry((*credit, *unit)).or_default() += i128::from(amount.0);
    }
    sums
}

/// Every account has what its movements leave it.
async fn accounts_are_projections(g: &Ground) -> Result<(), Failure> {
    let book = g.store().audit().await?;
    let sums = projected(&book);
    for account in &book.accounts {
        let read = g.account(account.id).await?;
        let sum = sums.get(&(Party::Guest(account.id), account.kind.unit()));
        same(i128::from(read.balance.0), sum.copied().unwrap_or_default())?;
    }
    Ok(())
}

/// Everything that moves, once: in, held, taken, back in part, taken back, closed.
async fn a_bit_of_everything(g: &Ground) -> Result<AccountId, Failure> {
    let (guest, deposit) = guest(g).await?;
    g.reserve(&Reserve::new(1, ORDER_82, deposit, 30_000)).await?;
    let by_hold = Some(tillway_core::id::HoldId(id(1)));
    g.pay(&Pay { hold: by_hold, ..Pay::new(2, ORDER_82, deposit, 25_000) }).await?;
    g.pay(&Pay::new(3, ORDER_82, guest.account(Bonus), 5_000)).await?;
    g.pay(&Pay::new(4, ORDER_82, deposit, 7_000)).await?;
    g.done(refund(5, 2, 10_000, None, at(2))).await?;
    g.ops(vec![cancel(4, ORDER_82)]).await?;
    g.ops(vec![top_up(deposit, Kopecks(1), id(6))]).await?;
    let listed = [2, 3].map(|number| tillway_core::id::PaymentId(id(number))).to_vec();
    g.ops(vec![Op::Close { order: ORDER_82, listed }]).await?;
    g.done(refund(7, 2, 5_000, None, at(3))).await?;
    Ok(deposit)
}

fn stream() -> StreamId {
    StreamId { kind: StreamKind::Payment, id: id(1) }
}

fn append(number: u8, at: Timestamp) -> Commit {
    let records = vec![Record { kind: 1, version: 1, body: vec![number].into() }];
    let (expect, fence, head) = (None, None, Head::default());
    Commit::of(at, vec![Op::Append { stream: stream(), expect, fence, records, head }])
}

/// INV-01: every movement is balanced per unit: what one side loses the other gains.
pub async fn lck_01_every_movement_is_balanced(g: &mut Ground) -> Result<(), Failure> {
    a_bit_of_everything(g).await?;
    let book = g.store().audit().await?;
    check(book.movements.len() >= 8, "everything moved")?;
    check(book.movements.iter().all(|m| m.amount.is_positive()), "an amount is above zero")?;
    check(book.movements.iter().all(|m| m.debit != m.credit), "a movement has two sides")?;
    for unit in [Unit::Rub, Unit::Points] {
        let sums = projected(&book);
        same(sums.iter().filter(|((_, of), _)| *of == unit).map(|(_, sum)| sum).sum(), 0)?;
    }
    Ok(())
}

/// INV-02: the journal is append-only: what was written is the beginning of what is written later.
pub async fn lck_02_the_journal_is_append_only(g: &mut Ground) -> Result<(), Failure> {
    let deposit = a_bit_of_everything(g).await?;
    g.done(append(1, at(1))).await?;
    let day = Day::of(at(0));
    let before = (g.store().audit().await?, g.store().digest(day).await?);
    check(before.1.is_some(), "the day has a digest")?;
    let later = at(0).after(DAY);
    g.done(append(2, later)).await?;
    g.done(keyed(Scope::TopUp, id(8), later, vec![top_up(deposit, Kopecks(3), id(8))])).await?;
    g.done(refund(9, 3, 5_000, None, later)).await?;
    g.reopen().await?;
    let after = (g.store().audit().await?, g.store().digest(day).await?);
    check(after.0.movements.starts_with(&before.0.movements), "movements begin as before")?;
    check(after.0.movements.len() == before.0.movements.len() + 2, "and go on")?;
    check(after.0.records.starts_with(&before.0.records), "records begin as before")?;
    same(after.0.records.len(), before.0.records.len() + 1)?;
    same(after.1, before.1)
}

/// INV-03: the hash chains are intact: the last link stands for every entry before it, and no
/// entry can be changed, dropped, added or moved without its being found.
pub async fn lck_03_the_hash_chain_is_intact(g: &mut Ground) -> Result<(), Failure> {
    let deposit = a_bit_of_everything(g).await?;
    for number in 1..=3 {
        g.done(append(number, at(u64::from(number)))).await?;
    }
    let mut lines = g.store().statement(deposit, None, 100).await?;
    lines.reverse();
    let link =
        |chain: Chain, line: &tillway_core::port::StatementLine| chain.movement(&line.movement);
    same(lines.iter().fold(Chain::START, link), g.account(deposit).await?.chain)?;
    let records = g.store().load(stream(), Seq(0), 100).await?;
    let chain = records.iter().fold(Chain::START, |chain, stored| chain.record(stream(), stored));
    let book = g.store().audit().await?;
    same(book.streams.iter().map(|row| row.chain).collect(), vec![chain])?;
    for (tampered, what) in tampered(&book) {
        check(book::audit(&tampered).is_err(), what)?;
    }
    Ok(())
}

/// The book with one entry that is not what was written, sums being as before.
fn tampered(book: &Audit) -> Vec<(Audit, &'static str)> {
    let mut books = Vec::new();
    let mut with = |what, change: &dyn Fn(&mut Audit)| {
        let mut other = book.clone();
        change(&mut other);
        books.push((other, what));
    };
    for index in 0..book.movements.len() {
        let of_guest = |party: &Party| matches!(party, Party::Guest(_));
        let Movement { debit, credit, .. } = &book.movements[index];
        if of_guest(debit) || of_guest(credit) {
            with("another operation", &|b| b.movements[index].by = id(404));
            with("another moment", &|b| b.movements[index].at = at(404));
            with("another reason", &|b| b.movements[index].why = Why::Unlinked);
        }
    }
    with("another sum given back", &|b| b.refunds[0].parts.own = Kopecks(1));
    with("a refund less", &|b| b.refunds.truncate(1));
    with("a refund of no payment", &|b| b.refunds[0].of = tillway_core::id::PaymentId(id(404)));
    for index in 0..book.records.len() {
        with("another body", &|b| b.records[index].1.record.body = Box::new([9]));
        with("another kind", &|b| b.records[index].1.record.kind = 9);
        with("another time", &|b| b.records[index].1.at = at(404));
        with("a record less", &|b| drop(b.records.remove(index)));
    }
    with("records swapped", &|b| {
        let (first, second) = (b.records[0].1.record.clone(), b.records[1].1.record.clone());
        (b.records[0].1.record, b.records[1].1.record) = (second, first);
    });
    with("a record too many", &|b| {
        let last = b.records.last().cloned();
        let next = |(stream, stored): (StreamId, Stored)| {
            (stream, Stored { seq: Seq(stored.seq.0 + 1), ..stored })
        };
        b.records.extend(last.map(next));
    });
    with("a digest that is not the day's", &|b| {
        let (day, root) = (Day::of(at(0)), Chain::START);
        let digest = Digest { day, streams: 1, accounts: 1, house: Some(0), keys: Some(0), root };
        let stored = Stored { seq: Seq(1), at: at(0), record: digest.encode() };
        let mut row = book::StreamRow::new(Digest::STREAM);
        (row.seq, row.at) = (Seq(1), at(0));
        row.chain = Chain::START.record(Digest::STREAM, &stored);
        b.streams.push(row);
        b.records.push((Digest::STREAM, stored));
    });
    books
}

/// INV-04: a duplicate is a no-op, and says that it is one.
pub async fn lck_04_a_duplicate_is_a_no_op(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = guest(g).await?;
    let commit = || keyed(Scope::TopUp, id(1), at(1), vec![top_up(deposit, Kopecks(2_500), id(1))]);
    g.done(commit()).await?;
    let entries = g.store().audit().await?.movements.len();
    check(matches!(g.replayed(commit()).await?, Verdict::Done(_)), "it says: done before")?;
    same(g.store().audit().await?.movements.len(), entries)?;
    same(g.account(deposit).await?.balance, Kopecks(102_500))
}

/// INV-05: of sixty-four duplicates at once one takes effect; the others say that they are repeats.
pub async fn lck_05_concurrent_duplicates_are_one(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = guest(g).await?;
    let commit = keyed(Scope::TopUp, id(1), at(1), vec![top_up(deposit, Kopecks(2_500), id(1))]);
    let answers = g.race(vec![commit; 64]).await?;
    same(applied(&answers), 1)?;
    same(answers.iter().filter(|answer| answer.replayed).count(), 63)?;
    same(g.account(deposit).await?.balance, Kopecks(102_500))
}

/// INV-06: no update of a hot account is lost.
pub async fn lck_06_no_lost_updates_on_a_hot_account(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = guest(g).await?;
    let credit = |number| {
        keyed(Scope::TopUp, id(number), at(1), vec![top_up(deposit, Kopecks(100), id(number))])
    };
    let answers = g.race((1..=200).map(credit).collect()).await?;
    same(applied(&answers), 200)?;
    same(g.account(deposit).await?.balance, Kopecks(120_000))
}

/// INV-07: concurrent transfers between accounts keep the whole.
pub async fn lck_07_transfers_conserve_value(g: &mut Ground) -> Result<(), Failure> {
    let purses = purses(g, 8).await?;
    let mut transfers = Vec::new();
    for number in 0..96_u64 {
        let purse = |of: u64| purses[usize::try_from(of % 8).unwrap_or_default()];
        let amount = i64::try_from(100 + 700 * (number % 5)).unwrap_or_default();
        transfers.push(transfer(purse(number), purse(number + 3), amount, 1_000 + number));
    }
    g.race(transfers).await?;
    let mut whole = 0;
    for purse in purses {
        let balance = g.account(purse).await?.balance.0;
        check(balance >= 0, "no purse is overdrawn")?;
        whole += balance;
    }
    same(whole, 80_000)
}

/// INV-08: the balance that is read is the one that the movements give.
pub async fn lck_08_a_balance_is_its_projection(g: &mut Ground) -> Result<(), Failure> {
    let purses = purses(g, 2).await?;
    let raced = (0..100).map(|n| transfer(purses[0], purses[1], 50, 1_000 + n)).collect();
    same(applied(&g.race(raced).await?), 100)?;
    accounts_are_projections(g).await?;
    let mut sum = 0;
    for line in g.store().statement(purses[1], None, 1_000).await? {
        sum += line.movement.amount.0;
    }
    same(g.account(purses[1]).await?.balance, Kopecks(sum))
}

/// INV-09: of twenty withdrawals at once from an account that has ten, ten are made, and the
/// account ends at its limit; with an overdraft, at that limit.
pub async fn lck_09_the_overdraft_guard_holds(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = guest(g).await?;
    let draw = |n, order, of, amount| Pay::new(n, order, of, amount).commit(at(1));
    let draws = (100..120).map(|n| draw(n, ORDER_82, deposit, 10_000)).collect();
    same(applied(&g.race(draws).await?), 10)?;
    same(g.account(deposit).await?.balance, Kopecks::ZERO)?;
    let other = tillway_core::id::OrderId(id(83));
    g.bind(other, &guest).await?;
    let credit = guest.account(Credit);
    let draws = (200..220).map(|n| draw(n, other, credit, 50_000)).collect();
    same(applied(&g.race(draws).await?), 10)?;
    same(g.account(credit).await?.balance, Kopecks(-500_000))
}

/// INV-10: a thousand movements of one kopeck are a thousand kopecks, and shares lose none.
pub async fn lck_10_small_movements_do_not_drift(g: &mut Ground) -> Result<(), Failure> {
    let purses = purses(g, 2).await?;
    for hundred in 0..10 {
        let one = |n: u64| transfer(purses[0], purses[1], 1, 10_000 + 100 * hundred + n).ops;
        g.ops((0..100).flat_map(one).collect()).await?;
    }
    same(g.account(purses[0]).await?.balance, Kopecks(9_000))?;
    same(g.account(purses[1]).await?.balance, Kopecks(11_000))?;
    let anna = anna();
    g.know(&anna).await?;
    g.bind(ORDER_82, &anna).await?;
    // 941.00 are the guest's own, 59.01 come from the overdraft: no third of it is whole.
    g.pay(&Pay::new(1, ORDER_82, anna.account(Deposit), 100_001)).await?;
    let mut back = (0, 0);
    for (number, amount) in (2..).zip([33_333, 1, 33_333, 33_334]) {
        match g.done(refund(number, 1, amount, None, at(2))).await?.as_slice() {
            [Outcome::Refund(refund, _)] => {
                back.0 += refund.parts.own.0;
                back.1 += refund.parts.overdraft.0;
            }
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    }
    same(back, (94_100, 5_901))
}

/// INV-11: units cannot be mixed in one movement.
pub async fn lck_11_units_are_not_mixed(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = guest(g).await?;
    let entries = g.store().audit().await?.movements.len();
    let bonus = guest.account(Bonus);
    for (number, from, to) in [(1, bonus, deposit), (2, deposit, bonus)] {
        let mixed = g.refused(transfer(from, to, 1_000, number)).await?;
        same(mixed, Refusal::BadMovement)?;
    }
    same(g.store().audit().await?.movements.len(), entries)
}

/// INV-12: a reversal is a compensation, never a deletion.
pub async fn lck_12_a_reversal_is_a_compensation(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = guest(g).await?;
    g.pay(&Pay::new(1, ORDER_82, deposit, 3_000)).await?;
    g.pay(&Pay::new(2, ORDER_82, deposit, 4_000)).await?;
    let original = g.store().audit().await?.movements;
    g.done(Commit::of(at(2), vec![cancel(1, ORDER_82)])).await?;
    g.done(refund(3, 2, 4_000, None, at(2))).await?;
    let after = g.store().audit().await?.movements;
    check(after.starts_with(&original), "the original stays")?;
    same(after.len(), original.len() + 2)?;
    for (taken, back) in original.iter().rev().take(2).rev().zip(&after[original.len()..]) {
        same((back.debit, back.credit, back.amount), (taken.credit, taken.debit, taken.amount))?;
    }
    same(g.account(deposit).await?.balance, Kopecks(100_000))
}

/// INV-13: the state is rebuilt exactly from the journal, after a reopening too.
pub async fn lck_13_the_state_is_rebuilt(g: &mut Ground) -> Result<(), Failure> {
    a_bit_of_everything(g).await?;
    let purses = purses(g, 6).await?;
    let raced = |n: u64| {
        let purse = |of: u64| purses[usize::try_from(of % 6).unwrap_or_default()];
        transfer(purse(n), purse(n + 2), 300, 1_000 + n)
    };
    g.race((0..96).map(raced).collect()).await?;
    accounts_are_projections(g).await?;
    g.reopen().await?;
    accounts_are_projections(g).await?;
    let book = g.store().audit().await?;
    let mut held = BTreeMap::<AccountId, i64>::new();
    for hold in &book.holds {
        *held.entry(hold.account).or_default() += hold.amount()?.0;
    }
    for account in &book.accounts {
        same(account.held.0, held.get(&account.id).copied().unwrap_or_default())?;
    }
    book::audit(&book).map_err(|fault| Failure::new(fault.to_string()))
}

/// INV-14: the entries of an account have one order, which every reader sees; so have the records
/// of a stream.
pub async fn lck_14_entries_have_one_order(g: &mut Ground) -> Result<(), Failure> {
    let purses = purses(g, 2).await?;
    let raced = (0..100).map(|n| transfer(purses[0], purses[1], 100, 1_000 + n)).collect();
    g.race(raced).await?;
    g.race((0..32).map(|number| append(number, at(1))).collect()).await?;
    for purse in &purses {
        let lines = g.store().statement(*purse, None, 1_000).await?;
        same(lines.len(), 101)?;
        check(lines.is_sorted_by(|a, b| a.entry > b.entry), "entries grow, and none twice")?;
        let by: BTreeSet<Uuid> = lines.iter().map(|line| line.movement.by).collect();
        same(by.len(), lines.len())?;
        let chain =
            |chain: Chain, line: &tillway_core::port::StatementLine| chain.movement(&line.movement);
        same(lines.iter().rev().fold(Chain::START, chain), g.account(*purse).await?.chain)?;
    }
    let records = g.store().load(stream(), Seq(0), 1_000).await?;
    let numbers: Vec<u64> = records.iter().map(|stored| stored.seq.0).collect();
    same(numbers, (1..=32).collect())
}

/// INV-15: a duplicate of a refused request is not reported as applied, also when it could be done
/// by now; and there is a way to make the payment all the same, by a higher attempt.
pub async fn lck_15_a_refused_duplicate_is_refused(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = guest(g).await?;
    let attempt = |attempt| Pay { attempt, ..Pay::new(1, ORDER_82, deposit, 100_001) };
    let refusal = Refusal::InsufficientFunds { limit: Kopecks(100_000) };
    let answers = g.race(vec![attempt(1).commit(at(1)); 32]).await?;
    let refused = Verdict::Refused(refusal.clone());
    check(answers.iter().all(|answer| answer.verdict == refused), "all thirty-two are refused")?;
    g.ops(vec![top_up(deposit, Kopecks(1), id(2))]).await?;
    same(g.replayed(attempt(1).commit(at(2))).await?, refused)?;
    same(g.account(deposit).await?.balance, Kopecks(100_001))?;
    g.pay(&attempt(2)).await?;
    same(g.account(deposit).await?.balance, Kopecks::ZERO)
}
