//! What the store is asked for while the disk fails.

use futures::executor::block_on;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tillway_core::book::{
    Binding, Commit, Fence, Head, Op, Record, Scope, Seq, Status, StreamId, StreamKind, TokenId,
};
use tillway_core::id::{DeviceId, HoldId, OrderId, Owner, PaymentId, Uuid};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Journal, ReadError, Store,
};
use tillway_core::{AccountKind, AccountStatus, Kopecks, Timestamp};
use tillway_sqlite::SqliteStore;
use tillway_testkit::builders::{
    ORDER_82, ORDER_82_TOTAL, Pay, Persona, Reserve, all_three, anna, at, bind, bind_once, cancel,
    id, keyed, nameless, refund, seed, till, top_up,
};
use tillway_testkit::strategies::{Act, World, acts};

/// One thing that is asked.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Commit(Box<Commit>),
    Claim(StreamId, Timestamp),
    Release(StreamId, Fence),
    /// Reads an order, and the statement of an account.
    Look(OrderId),
}

/// Why there is no answer, and what that means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failed {
    /// It was not saved.
    NotSaved(CommitError),
    /// It may be saved or not.
    InDoubt,
    /// A read: nothing could have changed.
    Read(ReadError),
}

impl Step {
    pub(crate) fn of(at: Timestamp, ops: Vec<Op>) -> Self {
        Self::commit(Commit::of(at, ops))
    }

    pub(crate) fn commit(commit: Commit) -> Self {
        Self::Commit(Box::new(commit))
    }

    /// The answer as text: what was decided, whatever it was.
    pub(crate) fn take(&self, store: &SqliteStore) -> Result<String, Failed> {
        match self {
            Self::Commit(commit) => match block_on(store.commit((**commit).clone())) {
                Ok(committed) => Ok(format!("{committed:?}")),
                Err(CommitError::InDoubt) => Err(Failed::InDoubt),
                Err(
                    error @ (CommitError::Full | CommitError::Unavailable | CommitError::Corrupt),
                ) => Err(Failed::NotSaved(error)),
                Err(conflict) => Ok(format!("{conflict:?}")),
            },
            Self::Claim(stream, now) => {
                let ttl = core::time::Duration::from_secs(60);
                let owner = Owner(Uuid::from_u128(1));
                claimed(block_on(store.claim(*stream, owner, ttl, *now)).map(|f| format!("{f:?}")))
            }
            Self::Release(stream, fence) => {
                claimed(block_on(store.release(*stream, *fence)).map(|()| String::new()))
            }
            Self::Look(order) => {
                let look = async {
                    let sheet = store.sheet(*order).await?;
                    let account = anna().account(AccountKind::Deposit);
                    Ok((sheet, store.statement(account, None, 100).await?))
                };
                block_on(look).map(|found| format!("{found:?}")).map_err(Failed::Read)
            }
        }
    }
}

/// A claim that failed may stand all the same; it lapses by itself.
fn claimed(answer: Result<String, ClaimError>) -> Result<String, Failed> {
    match answer {
        Err(ClaimError::Unavailable) => Err(Failed::InDoubt),
        answer => Ok(format!("{answer:?}")),
    }
}

/// What makes the seed's guests known: the book that every story begins with.
pub(crate) fn guests() -> Vec<Step> {
    let steps = seed()
        .into_iter()
        .map(|guest| keyed(Scope::Guests, guest.guest.id.0, at(0), Persona::ops(&guest)));
    steps.map(Step::commit).collect()
}

fn binding() -> StreamId {
    StreamId { kind: StreamKind::Binding, id: ORDER_82.0 }
}

/// A record for the stream of a binding or of a payment.
fn record(stream: StreamId, expect: u64, status: Status) -> Op {
    let wake_at = (status == Status::Open).then(|| at(120));
    let shelf = (status == Status::Open).then(|| "till-1".into());
    let head = Head { status, wake_at, shelf, total: Kopecks(75_000) };
    let records = vec![Record { kind: 1, version: 1, body: vec![expect as u8; 90].into() }];
    Op::Append { stream, expect: Some(Seq(expect)), fence: None, records, head }
}

/// Order 82 from check-in to refund, with a bit of everything else that is written.
pub(crate) fn table() -> Vec<Step> {
    let (anna, all_three, nameless) = (anna(), all_three(), nameless());
    let bonus = anna.account(AccountKind::Bonus);
    let deposit = anna.account(AccountKind::Deposit);
    let credit = nameless.account(AccountKind::Credit);
    let (other, payment) = (OrderId(id(83)), PaymentId(id(11)));
    let stream = StreamId { kind: StreamKind::Payment, id: payment.0 };
    let payer = anna.payer();
    let by_hold = Pay { hold: Some(HoldId(id(1))), ..Pay::new(11, ORDER_82, bonus, 75_000) };
    let with_stream = |pay: &Pay| {
        let mut commit = pay.commit(at(5));
        commit.ops.push(record(stream, 0, Status::Open));
        Step::commit(commit)
    };
    let tell = Op::Tell {
        order: ORDER_82,
        till: Some(till(1)),
        total: Some(ORDER_82_TOTAL),
        lines: Some(vec![7; 300].into()),
        money: Some(deposit),
    };
    let pairing = Pairing { till: till(1), device: DeviceId::try_new("phone-1").unwrap() };
    let photo = Op::PutPhoto { guest: nameless.guest.id, photo: Some(vec![9; 9_000].into()) };
    let block = Op::SetTerms {
        account: all_three.account(AccountKind::Credit),
        overdraft: None,
        status: Some(AccountStatus::Blocked),
    };
    vec![
        Step::of(
            at(1),
            vec![
                bind_once(ORDER_82, payer, TokenId([7; 16]), true),
                record(binding(), 0, Status::Open),
            ],
        ),
        Step::of(at(2), vec![tell]),
        Step::of(
            at(3),
            vec![
                bind(ORDER_82, Binding::Bound(payer)),
                bind(other, Binding::Bound(nameless.payer())),
                record(binding(), 1, Status::Done),
            ],
        ),
        Step::commit(Reserve::new(1, ORDER_82, bonus, 75_000).commit(at(4))),
        Step::Look(ORDER_82),
        with_stream(&by_hold),
        Step::commit(Pay::new(12, ORDER_82, deposit, 90_000).commit(at(6))),
        Step::commit(Pay::new(13, other, credit, 10_000_000).commit(at(7))),
        Step::Claim(stream, at(8)),
        Step::of(at(9), vec![Op::Acknowledge { id: payment }, record(stream, 1, Status::Done)]),
        Step::commit(refund(21, 12, 10_000, None, at(10))),
        Step::commit(Reserve::new(2, other, credit, 20_000).commit(at(11))),
        Step::of(at(12), vec![Op::Void { hold: HoldId(id(2)) }]),
        Step::of(at(13), vec![cancel(99, other), photo, Op::Pair(pairing)]),
        Step::commit(Pay::new(99, other, credit, 1_000).commit(at(14))),
        Step::commit(keyed(Scope::TopUp, id(5), at(15), vec![top_up(deposit, Kopecks(7), id(5))])),
        Step::of(at(16), vec![block]),
        Step::of(at(17), vec![Op::Close { order: ORDER_82, listed: vec![payment] }]),
        Step::Release(stream, Fence(1)),
        Step::Look(ORDER_82),
    ]
}

/// Commits of more pages than a small cache holds.
pub(crate) fn large() -> Vec<Step> {
    let table = table();
    let guests = seed();
    let photos = guests
        .iter()
        .map(|guest| Op::PutPhoto { guest: guest.guest.id, photo: Some(vec![5; 60_000].into()) });
    let mut steps: Vec<Step> = [0, 2, 3].map(|n: usize| table[n].clone()).into();
    steps.push(Step::of(at(4), photos.clone().collect()));
    steps.push(table[5].clone());
    steps.push(Step::of(at(6), photos.chain([record(binding(), 2, Status::Done)]).collect()));
    steps
}

/// Random steps that follow from a seed.
pub(crate) fn random(seed: u64, len: usize) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let acts = acts(len).new_tree(&mut runner).unwrap().current();
    let (world, mut now) = (World::new(), 1);
    let mut steps = Vec::new();
    for act in acts {
        if let Act::Wait { seconds } = act {
            now += u64::from(seconds);
        }
        steps.extend(world.commit(&act, at(now)).map(Step::commit));
    }
    steps
}
