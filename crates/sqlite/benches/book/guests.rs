//! A million guests: how soon the store is up, what it takes, how long it takes to find one.
//!
//! Each round is a process of its own, so that memory is that of one store alone.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use futures::executor::block_on;
use rusqlite::params;
use tillway_core::Kopecks;
use tillway_core::account::{Account, AccountKind, AccountStatus};
use tillway_core::book::{Chain, Commit, Op, Status};
use tillway_core::guest::{Carrier, Guest, Names};
use tillway_core::id::{AccountId, GuestId, Uuid};
use tillway_core::port::{AccountBook, Journal, Query};
use tillway_core::token::normal_alias;
use tillway_measure::{Figure, Goal, Plan, file_bytes, resident_kib};

use crate::bulk;
use crate::work::{NOW, Ours, mixed};

/// What is taken in one process, in this order.
const ROWS: [(&str, &str); 8] = [
    ("book/guests-start", "ms"),
    ("book/guests-memory-at-start", "MiB"),
    ("book/guests-memory", "MiB"),
    ("book/guests-by-card", "us"),
    ("book/guests-by-phone", "us"),
    ("book/guests-by-client-id", "us"),
    ("book/guests-by-id", "us"),
    ("book/guests-by-card-p99", "us"),
];

pub(crate) fn run(plan: &Plan) {
    if !plan.wants_long("book/guests") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    check(folder.path());
    let counts = plan.pick([1_000_000_u64, 1_000], [2_000, 100]);
    let paths = counts.map(|count| folder.path().join(format!("{count}.db")));
    for (path, count) in paths.iter().zip(counts) {
        build(path, count);
    }
    let look = |nth: usize| look(&paths[nth], counts[nth], plan.pick(100_000, 200));
    let [many, few] = plan.interleave(&mut || look(0), &mut || look(1));
    let mib = file_bytes(&paths[0]) >> 20;
    for (nth, (name, unit)) in ROWS.into_iter().enumerate() {
        let column = |rounds: &[Vec<f64>]| rounds.iter().map(|r| r[nth]).collect::<Vec<_>>();
        let about = format!(
            "{} guests with two accounts and two carriers each, {mib} MiB; the floor has {}",
            counts[0], counts[1]
        );
        let figure = Figure::new(name, unit, column(&many)).against(column(&few)).about(about);
        // Ready within a second, apart from the fold of open flows (R6).
        let within = (nth == 0).then(|| Goal::at_most(1_000.0, 100.0));
        plan.show(&within.into_iter().fold(figure, Figure::goal));
    }
}

/// One round: another process opens the file, and tells what it found.
fn look(path: &Path, count: u64, lookups: u64) -> Vec<f64> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--role=guests", &format!("--file={}", path.display())]);
    command.args([format!("--guests={count}"), format!("--lookups={lookups}")]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// The other process.
pub(crate) fn play(plan: &Plan) {
    let number = |name| plan.option(name).unwrap().parse::<u64>().unwrap();
    let (guests, lookups) = (number("guests"), number("lookups"));
    let memory = || {
        let kib = resident_kib(std::process::id()).unwrap_or_default();
        f64::from(u32::try_from(kib).unwrap()) / 1_024.0
    };
    let began = Instant::now();
    let ours = Ours::open(Path::new(plan.option("file").unwrap()));
    let store = ours.store();
    let open = Query { status: Some(Status::Open), ..Query::default() };
    assert!(block_on(store.heads(&open, None, 256)).unwrap().is_empty());
    let start = began.elapsed().as_secs_f64() * 1e3;
    let memory_at_start = memory();
    let some = |nth: u64| mixed(nth) % guests;
    let by_card = times(lookups, |nth| {
        let found = block_on(store.carrier(&normal_alias(&card(some(nth))))).unwrap().unwrap();
        let guest = block_on(store.guest(found.guest)).unwrap().unwrap();
        assert_eq!(block_on(store.accounts(guest.id)).unwrap().len(), 2);
    });
    let by_phone = times(lookups, |nth| {
        assert_eq!(block_on(store.guests_by_phone(&phone(some(nth)))).unwrap().len(), 1);
    });
    let by_client_id = times(lookups, |nth| {
        let found = block_on(store.guest_by_client_id(&some(nth).to_string())).unwrap();
        assert!(found.is_some());
    });
    let by_id = times(lookups, |nth| {
        assert!(block_on(store.guest(id(some(nth)))).unwrap().is_some());
    });
    let half = lookups / 2;
    let last = [half, half, half, half, lookups * 99 / 100];
    let sorted = [&by_card, &by_phone, &by_client_id, &by_id, &by_card];
    let found = sorted.iter().zip(last).map(|(times, at)| times[usize::try_from(at).unwrap()]);
    let all = [start, memory_at_start, memory()].into_iter().chain(found);
    all.for_each(|number| print!("{number} "));
}

/// Sorted, in microseconds.
fn times(count: u64, lookup: impl Fn(u64)) -> Vec<f64> {
    let one = |nth| {
        let began = Instant::now();
        lookup(nth);
        began.elapsed().as_secs_f64() * 1e6
    };
    let mut times: Vec<f64> = (0..count).map(one).collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

fn id(n: u64) -> GuestId {
    GuestId(Uuid::from_u64_pair(mixed(n), n))
}

fn card(n: u64) -> String {
    (2_000_000_000 + n).to_string()
}

fn bracelet(n: u64) -> String {
    format!("04:{:014X}", mixed(n) >> 8)
}

fn phone(n: u64) -> String {
    format!("+7{}", 9_000_000_000 + n)
}

fn guest(n: u64) -> Guest {
    let names = Names {
        salutation: None,
        first: Some("Анна".into()),
        patronymic: Some("Сергеевна".into()),
        last: Some("Лебедева".into()),
    };
    Guest {
        id: id(n),
        client_id: n.to_string().into(),
        names,
        phone: Some(phone(n).into()),
        gifts: vec!["20417".into()],
        hints: vec!["Любит столик у воды".into()],
        blocked: false,
        card: Some(card(n).into()),
    }
}

fn accounts(n: u64) -> [Account; 2] {
    let kinds = [(AccountKind::Bonus, "Бонусы"), (AccountKind::Deposit, "Депозит")];
    kinds.map(|(kind, name)| Account {
        id: AccountId(Uuid::from_u64_pair(mixed(n + 1), u64::from(kind.code()))),
        guest: id(n),
        kind,
        name: name.into(),
        balance: Kopecks::ZERO,
        overdraft: Kopecks::ZERO,
        held: Kopecks::ZERO,
        held_own: Kopecks::ZERO,
        status: AccountStatus::Active,
        chain: Chain::START,
    })
}

fn carriers(n: u64) -> [Carrier; 2] {
    [card(n), bracelet(n)].map(|value| Carrier {
        alias: normal_alias(&value),
        guest: id(n),
        blocked: false,
        valid_from: None,
        valid_until: None,
    })
}

fn build(path: &Path, count: u64) {
    drop(Ours::open(path));
    let db = bulk::open(path);
    for n in 0..count {
        let guest = guest(n);
        let owner = *guest.id.0.as_bytes();
        let (client, phone) = (&*guest.client_id, guest.phone.as_deref());
        let sql = "INSERT INTO guests (id, client_id, phone, body) VALUES (?1, ?2, ?3, ?4)";
        let body = minicbor::to_vec(&guest).unwrap();
        bulk::run(&db, sql, params![owner, client, phone, body]);
        for account in accounts(n) {
            let sql = "INSERT INTO accounts (id, guest, kind, name, balance, overdraft, held, \
                       held_own, status) VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, ?5)";
            let (kind, status) = (account.kind.code(), account.status.code());
            let id = account.id.0.as_bytes();
            bulk::run(&db, sql, params![id, owner, kind, &*account.name, status]);
        }
        for carrier in carriers(n) {
            let sql = "INSERT INTO carriers (alias, guest, blocked) VALUES (?1, ?2, 0)";
            bulk::run(&db, sql, params![&*carrier.alias, owner]);
        }
    }
    bulk::close(db);
}

/// Stops when the rows of a bulk file are not those that the store writes.
fn check(folder: &Path) {
    const FEW: u64 = 50;
    let (fast, slow) = (folder.join("fast.db"), folder.join("slow.db"));
    build(&fast, FEW);
    let store = Ours::open(&slow);
    for n in 0..FEW {
        let mut ops = vec![Op::PutGuest(Box::new(guest(n)))];
        ops.extend(accounts(n).map(|account| Op::OpenAccount(Box::new(account))));
        ops.extend(carriers(n).map(|carrier| Op::PutCarrier(Box::new(carrier))));
        block_on(store.done(Commit::of(NOW, ops)));
    }
    drop(store);
    let open = |path| rusqlite::Connection::open(path).unwrap();
    bulk::same(&open(fast), &open(slow));
}
