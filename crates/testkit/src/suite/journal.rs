//! Streams: appends, lists of heads, claims.

use core::time::Duration;
use std::collections::BTreeMap;

use tillway_core::AccountKind::Deposit;
use tillway_core::book::{
    AccountWalk, Audit, Commit, Day, DayDigest, Digest, Fault, Fence, Head, House, Movement, Op,
    Party, RECORD_BODY_MAX, Record, Refusal, Scope, Seq, Status, StreamId, StreamKind, StreamWalk,
    Why,
};
use tillway_core::guest::Names;
use tillway_core::id::{OrderId, Owner, PaymentId};
use tillway_core::port::{AccountBook, ClaimError, CommitError, Journal, Query};
use tillway_core::{Kopecks, Timestamp};

use crate::builders::{Persona, all_three, at, id, keyed, top_up};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

const LEASE: Duration = Duration::from_secs(30);

fn stream(number: u64) -> StreamId {
    StreamId::from(PaymentId(id(number)))
}

fn record(number: u8) -> Record {
    Record { kind: u16::from(number), version: 1, body: vec![number; 3].into() }
}

/// An append of records with these numbers, at second `second`.
fn append(stream: StreamId, second: u64, expect: Option<u64>, numbers: &[u8]) -> Commit {
    let records = numbers.iter().map(|number| record(*number)).collect();
    let expect = expect.map(Seq);
    let op = Op::Append { stream, expect, fence: None, records, head: Head::default() };
    Commit::of(at(second), vec![op])
}

fn fenced(stream: StreamId, fence: Fence) -> Commit {
    let mut commit = append(stream, 1, None, &[1]);
    for op in &mut commit.ops {
        if let Op::Append { fence: claimed, .. } = op {
            *claimed = Some(fence);
        }
    }
    commit
}

fn headed(stream: StreamId, head: Head) -> Op {
    Op::Append { stream, expect: None, fence: None, records: Vec::new(), head }
}

/// I11: records are numbered from one, in order, and come back byte for byte.
pub async fn i11_records_are_numbered(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    same(g.store().load(stream, Seq(0), 10).await?.len(), 0)?;
    g.done(append(stream, 1, Some(0), &[1, 2])).await?;
    g.done(append(stream, 2, Some(2), &[3])).await?;
    let large = Record { kind: u16::MAX, version: u16::MAX, body: [0xfe; RECORD_BODY_MAX].into() };
    let of = |records| {
        let (expect, fence, head) = (None, None, Head::default());
        Commit::of(at(3), vec![Op::Append { stream, expect, fence, records, head }])
    };
    let empty = Record { body: Box::default(), ..record(4) };
    g.done(of(vec![large.clone(), empty])).await?;
    let too_large = Record { body: [0xfe; RECORD_BODY_MAX + 1].into(), ..record(5) };
    same(g.refused(of(vec![record(5), too_large])).await?, Refusal::BadAmount)?;
    let records = g.store().load(stream, Seq(0), 10).await?;
    let numbers: Vec<_> = records.iter().map(|stored| stored.seq.0).collect();
    same(numbers, vec![1, 2, 3, 4, 5])?;
    same(records.first().map(|stored| stored.record.clone()), Some(record(1)))?;
    check(records.get(3).is_some_and(|stored| stored.record == large), "64 KiB come back")?;
    same(records.get(2).map(|stored| stored.at), Some(at(2)))
}

/// I11: the digest of a day has what was written from its first moment to its last: streams,
/// accounts, movements of the house and keys.
pub async fn i11_digest_is_of_its_day(g: &mut Ground) -> Result<(), Failure> {
    let day = Day::of(at(0)).next();
    let (from, to) = (day.start(), day.next().start());
    let moment = Duration::from_millis(1);
    let moments = [from.before(moment), from, to.before(moment), to];
    for (number, at) in (1..).zip(moments) {
        let guest = Persona::new(&format!("{}", 60_000 + number), Names::default()).with_account(
            Deposit,
            "purse",
            Kopecks::ZERO,
            Kopecks::ZERO,
        );
        g.know(&guest).await?;
        let (cash, bank) = (Party::House(House::TillCash), Party::House(House::Bank));
        let (amount, why, by) = (Kopecks(7), Why::Correction, id(100 + number));
        let mut ops = append(stream(number), 0, None, &[1]).ops;
        ops.push(top_up(guest.account(Deposit), amount, id(number)));
        ops.push(Op::Move { from: cash, to: bank, amount, why, by });
        g.done(keyed(Scope::Custom, by, at, ops)).await?;
    }
    let book = g.store().audit().await?;
    for (day, count) in [(day.before(), 1), (day, 2), (day.next(), 1), (day.next().next(), 0)] {
        let digest = g.store().digest(day).await?;
        let counts = digest.map(|d| (d.streams, d.accounts, d.house, d.keys));
        let wanted = (count, count, Some(count), Some(count));
        same(counts, (count > 0).then_some(wanted))?;
        same(digest, made(&book, day)?)?;
    }
    Ok(())
}

/// The digest of a day, from the whole book.
fn made(book: &Audit, day: Day) -> Result<Option<Digest>, Failure> {
    let mut digest = DayDigest::new(day);
    let failed = |fault: Fault| Failure::new(fault.to_string());
    let rows: BTreeMap<_, _> = book.streams.iter().map(|row| (row.id, row)).collect();
    for (id, row) in rows {
        let mut walk = StreamWalk::new(row);
        let records = book.records.iter().filter(|(of, _)| *of == id);
        records.map(|(_, stored)| stored).try_for_each(|s| walk.record(s)).map_err(failed)?;
        digest.stream(&walk).map_err(failed)?;
    }
    let rows: BTreeMap<_, _> = book.accounts.iter().map(|row| (row.id, row)).collect();
    for (id, row) in rows {
        let mut walk = AccountWalk::new(row);
        let is_of = |m: &&Movement| [m.debit, m.credit].contains(&Party::Guest(id));
        let mut movements = book.movements.iter().filter(is_of);
        movements.try_for_each(|movement| walk.movement(movement)).map_err(failed)?;
        digest.account(&walk).map_err(failed)?;
    }
    book.movements.iter().for_each(|movement| digest.movement(movement));
    book.keys.iter().for_each(|(key, row)| digest.key(*key, row));
    Ok(digest.end())
}

/// Pages of a stream follow each other.
pub async fn load_pages(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    g.done(append(stream, 1, None, &[1, 2, 3, 4, 5])).await?;
    let seqs = async |g: &Ground, after, limit| -> Result<Vec<u64>, Failure> {
        let page = g.store().load(stream, Seq(after), limit).await?;
        Ok(page.iter().map(|stored| stored.seq.0).collect())
    };
    same(seqs(g, 0, 2).await?, vec![1, 2])?;
    same(seqs(g, 2, 2).await?, vec![3, 4])?;
    same(seqs(g, 4, 2).await?, vec![5])?;
    same(seqs(g, 5, 2).await?, Vec::new())?;
    same(seqs(g, u64::MAX, 2).await?, Vec::new())?;
    same(seqs(g, 0, 0).await?, Vec::new())?;
    let many: Vec<u8> = (0..=255).collect();
    for _ in 0..5 {
        g.done(append(stream, 2, None, &many)).await?;
    }
    let whole = seqs(g, 0, u32::MAX).await?;
    check(whole.len() <= 1_000 && whole.len() > 5, "at most a thousand, in order")?;
    check(whole.is_sorted(), "in order")
}

/// An append that saw another length is stale, is told the length, and nothing of it happens.
pub async fn append_stale(g: &mut Ground) -> Result<(), Failure> {
    let (stream, guest) = (stream(1), all_three());
    g.know(&guest).await?;
    let deposit = guest.account(Deposit);
    g.done(append(stream, 1, Some(0), &[1, 2])).await?;
    for seen in [0, 1, 3, u64::MAX] {
        let mut late = append(stream, 2, Some(seen), &[3]);
        late.ops.insert(0, top_up(deposit, Kopecks(1), id(1)));
        same(g.conflict(late).await?, CommitError::Stale { stream, head: Seq(2) })?;
    }
    same(g.account(deposit).await?.balance, Kopecks(100_000))?;
    g.done(append(stream, 2, Some(2), &[3])).await?;
    Ok(())
}

/// Writers that race with one expectation: one of them wins, the rest are stale.
pub async fn append_raced_has_one_winner(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    let store = g.store().inner();
    let start = std::sync::Barrier::new(16);
    let results: Vec<_> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..16)
            .map(|number| {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    start.wait();
                    let commit = append(stream, 1, Some(0), &[number]);
                    crate::runtime::block_on(store.commit(commit))
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join()).collect()
    });
    g.store().inspect().await?;
    let won = results.iter().filter(|result| matches!(result, Ok(Ok(_)))).count();
    let stale = Err(CommitError::Stale { stream, head: Seq(1) });
    let late = results.iter().filter(|r| matches!(r, Ok(result) if *result == stale)).count();
    same((won, late), (1, 15))
}

/// I9: money and records of one commit are written together.
pub async fn append_goes_with_the_money(g: &mut Ground) -> Result<(), Failure> {
    let (stream, guest) = (stream(1), all_three());
    g.know(&guest).await?;
    let deposit = guest.account(Deposit);
    let mut both = append(stream, 1, Some(0), &[1]);
    both.ops.push(top_up(deposit, Kopecks(5), id(1)));
    g.done(both).await?;
    same(g.account(deposit).await?.balance, Kopecks(100_005))?;
    same(g.store().load(stream, Seq(0), 10).await?.len(), 1)?;
    let mut refused = append(stream, 2, Some(1), &[2]);
    refused.ops.push(top_up(deposit, Kopecks(0), id(2)));
    g.refused(refused).await?;
    same(g.store().load(stream, Seq(0), 10).await?.len(), 1)
}

/// F34: the journal's time never runs backwards, whatever the clock does.
pub async fn f34_journal_time_never_runs_backwards(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    for (second, number) in [(10, 1), (5, 2), (20, 3), (1, 4)] {
        g.done(append(stream, second, None, &[number])).await?;
    }
    let records = g.store().load(stream, Seq(0), 10).await?;
    let times: Vec<_> = records.iter().map(|stored| stored.at).collect();
    same(times, [10, 10, 20, 20].map(at).to_vec())?;
    let heads = g.store().heads(&Query::default(), None, 10).await?;
    same(heads.first().map(|head| head.at), Some(at(20)))
}

/// Streams are apart: one grows without the other, also when only the kind differs.
pub async fn streams_are_apart(g: &mut Ground) -> Result<(), Failure> {
    let payment = StreamId { kind: StreamKind::Payment, id: id(1) };
    let binding = StreamId::from(OrderId(id(1)));
    g.done(append(payment, 1, Some(0), &[1, 2, 3])).await?;
    g.done(append(binding, 1, Some(0), &[4])).await?;
    let records = g.store().load(binding, Seq(0), 10).await?;
    same(records.first().map(|stored| stored.record.clone()), Some(record(4)))?;
    same(records.len(), 1)
}

/// A head is what the last append said, also one without records.
pub async fn head_is_the_last_one(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    g.done(append(stream, 1, None, &[1])).await?;
    let head = Head {
        status: Status::NeedsPerson,
        wake_at: Some(at(60)),
        shelf: Some("till-1".into()),
        total: Kopecks(-5),
    };
    g.done(Commit::of(at(2), vec![headed(stream, head.clone())])).await?;
    let heads = g.store().heads(&Query::default(), None, 10).await?;
    let [row] = heads.as_slice() else { return Err(Failure::new(format!("{heads:?}"))) };
    same((row.stream, row.seq, row.at), (stream, Seq(1), at(2)))?;
    same(&row.head, &head)
}

/// Heads are found by kind, status, time and shelf, and by any of these together.
pub async fn heads_query(g: &mut Ground) -> Result<(), Failure> {
    let head = |status, wake: Option<u64>, shelf: Option<&str>| Head {
        status,
        wake_at: wake.map(at),
        shelf: shelf.map(Into::into),
        total: Kopecks::ZERO,
    };
    let rows = [
        (1, head(Status::Open, Some(10), Some("till-1"))),
        (2, head(Status::Open, Some(20), None)),
        (3, head(Status::NeedsPerson, None, Some("till-1"))),
        (4, head(Status::Done, None, None)),
        (5, head(Status::Open, None, Some("till-2"))),
    ];
    let ops = rows.iter().map(|(number, head)| headed(stream(*number), head.clone())).collect();
    g.ops(ops).await?;
    let binding = StreamId::from(OrderId(id(6)));
    g.ops(vec![headed(binding, head(Status::Open, Some(10), None))]).await?;
    let any = Query::default;
    let open = || Query { status: Some(Status::Open), ..any() };
    let queries = [
        (any(), vec![6, 1, 2, 3, 4, 5]),
        (Query { kind: Some(StreamKind::Payment), ..any() }, vec![1, 2, 3, 4, 5]),
        (Query { kind: Some(StreamKind::Binding), ..any() }, vec![6]),
        (open(), vec![6, 1, 2, 5]),
        (Query { status: Some(Status::NeedsPerson), ..any() }, vec![3]),
        (Query { status: Some(Status::Done), ..any() }, vec![4]),
        (Query { due: Some(at(9)), ..any() }, vec![]),
        (Query { due: Some(at(10)), ..any() }, vec![6, 1]),
        (Query { due: Some(at(99)), ..open() }, vec![6, 1, 2]),
        (Query { shelf: Some("till-1".into()), ..any() }, vec![1, 3]),
        (Query { shelf: Some("till-1".into()), ..open() }, vec![1]),
        (Query { shelf: Some("".into()), ..any() }, vec![]),
    ];
    for (query, numbers) in queries {
        let found = g.store().heads(&query, None, 100).await?;
        let found: Vec<_> = found.iter().map(|row| row.stream.id).collect();
        let wanted: Vec<_> = numbers.into_iter().map(id).collect();
        check(found == wanted, &format!("{query:?}: got {found:?}, want {wanted:?}"))?;
    }
    Ok(())
}

/// Pages of heads follow each other by stream, over all kinds, and a page that is filtered is full.
pub async fn heads_pages(g: &mut Ground) -> Result<(), Failure> {
    let status = |number| if number % 2 == 0 { Status::Open } else { Status::Done };
    let head = |number| Head { status: status(number), ..Head::default() };
    // The ids of each kind begin below those at which the kind before ends.
    let kinds = [StreamKind::Binding, StreamKind::Payment, StreamKind::Purchase];
    let all: Vec<_> = kinds
        .iter()
        .flat_map(|kind| (1..=4).map(|number| (StreamId { kind: *kind, id: id(number) }, number)))
        .collect();
    g.ops(all.iter().rev().map(|(stream, number)| headed(*stream, head(*number))).collect())
        .await?;
    for kind in [None, Some(StreamKind::Payment)] {
        for only in [None, Some(Status::Open), Some(Status::Done)] {
            let query = Query { kind, status: only, ..Query::default() };
            let wanted: Vec<_> = all
                .iter()
                .filter(|(stream, _)| kind.is_none_or(|kind| kind == stream.kind))
                .filter(|(_, number)| only.is_none_or(|only| only == status(*number)))
                .map(|(stream, _)| *stream)
                .collect();
            for limit in 1..=5 {
                same(paged(g, &query, None, limit).await?, wanted.clone())?;
            }
            // From any place on, of a kind that is not asked for as well.
            for (after, _) in &all {
                let rest: Vec<_> = wanted.iter().copied().filter(|of| of > after).collect();
                same(paged(g, &query, Some(*after), 3).await?, rest)?;
            }
        }
    }
    Ok(())
}

/// All that a query finds after a stream, page by page.
async fn paged(
    g: &Ground,
    query: &Query,
    mut after: Option<StreamId>,
    limit: u32,
) -> Result<Vec<StreamId>, Failure> {
    let mut found: Vec<StreamId> = Vec::new();
    loop {
        let page = g.store().heads(query, after, limit).await?;
        check(page.len() <= limit as usize, "a page is no longer than asked for")?;
        let Some(last) = page.last() else { return Ok(found) };
        check(after.is_none_or(|after| last.stream > after), "pages follow each other")?;
        after = Some(last.stream);
        let is_last = page.len() < limit as usize;
        found.extend(page.iter().map(|row| row.stream));
        if is_last {
            return Ok(found);
        }
    }
}

/// A claim keeps others away until its lease ends, and fences them off for ever after.
pub async fn claims_fence(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    let (one, two) = (Owner(id(1)), Owner(id(2)));
    let first = g.store().claim(stream, one, LEASE, at(0)).await?;
    g.done(fenced(stream, first)).await?;
    same(g.store().claim(stream, two, LEASE, at(29)).await, Err(ClaimError::Held))?;
    let second = g.store().claim(stream, two, LEASE, at(30)).await?;
    check(second > first, "a fence grows with every owner")?;
    same(g.conflict(fenced(stream, first)).await?, CommitError::Fenced)?;
    g.done(fenced(stream, second)).await?;
    let third = g.store().claim(stream, one, LEASE, at(60)).await?;
    check(third > second, "also with one that came back")?;
    same(g.conflict(fenced(stream, second)).await?, CommitError::Fenced)
}

/// A claim is renewed by its owner, with the same fence.
pub async fn claims_renew(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    let (one, two) = (Owner(id(1)), Owner(id(2)));
    let first = g.store().claim(stream, one, LEASE, at(0)).await?;
    same(g.store().claim(stream, one, LEASE, at(20)).await?, first)?;
    same(g.store().claim(stream, two, LEASE, at(49)).await, Err(ClaimError::Held))?;
    let again = g.store().claim(stream, one, LEASE, at(50)).await?;
    check(again > first, "a lease that ended is not renewed but claimed anew")
}

/// A claim that is given up is free at once; with an old fence nothing is given up.
pub async fn claims_release(g: &mut Ground) -> Result<(), Failure> {
    let stream = stream(1);
    let (one, two) = (Owner(id(1)), Owner(id(2)));
    let first = g.store().claim(stream, one, LEASE, at(0)).await?;
    g.store().release(stream, first).await?;
    let second = g.store().claim(stream, two, LEASE, at(1)).await?;
    check(second > first, "the fence grows")?;
    g.store().release(stream, first).await?;
    same(g.store().claim(stream, one, LEASE, at(2)).await, Err(ClaimError::Held))?;
    let never = StreamId { kind: StreamKind::Binding, id: id(404) };
    g.store().release(never, Fence(1)).await?;
    Ok(())
}

/// Owners that race for a stream: one of them has it.
pub async fn claims_raced_have_one_owner(g: &mut Ground) -> Result<(), Failure> {
    let (stream, store) = (stream(1), g.store().inner());
    let start = std::sync::Barrier::new(16);
    let results: Vec<_> = std::thread::scope(|scope| {
        let racers: Vec<_> = (1..=16)
            .map(|number| {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    start.wait();
                    let claim = store.claim(stream, Owner(id(number)), LEASE, at(0));
                    crate::runtime::block_on(claim)
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join()).collect()
    });
    let won = results.iter().filter(|result| matches!(result, Ok(Ok(_)))).count();
    let held = results.iter().filter(|r| matches!(r, Ok(Err(ClaimError::Held)))).count();
    same((won, held), (1, 15))
}

/// A claim changes neither the records nor the head, and makes no stream of its own.
pub async fn claims_leave_the_stream_alone(g: &mut Ground) -> Result<(), Failure> {
    let unwritten = stream(9);
    g.store().claim(unwritten, Owner(id(1)), LEASE, at(0)).await?;
    same(g.store().heads(&Query::default(), None, 10).await?.len(), 0)?;
    let stream = stream(1);
    g.done(append(stream, 5, None, &[1])).await?;
    let before = g.store().heads(&Query::default(), None, 10).await?;
    let fence = g.store().claim(stream, Owner(id(1)), LEASE, at(0)).await?;
    g.store().release(stream, fence).await?;
    same(g.store().heads(&Query::default(), None, 10).await?, before)?;
    let end = Timestamp::utc(i64::MAX);
    g.store().claim(stream, Owner(id(2)), Duration::MAX, end).await?;
    same(g.store().load(stream, Seq(0), 10).await?.len(), 1)
}
