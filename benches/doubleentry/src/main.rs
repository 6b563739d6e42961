//! One movement out of a wallet that cannot be overdrawn, by `doubleentry` on a SQLite file with
//! its own settings (WAL, `synchronous=FULL`), for as many callers and as long as it is told.
//!
//! Reads lines of callers and milliseconds, and answers each with movements per second.

use std::io::stdin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doubleentry::AccountSpec;
use doubleentry::prelude::*;
use doubleentry::store::{SqlStore, Sqlite};
use tillway_measure::callers;

const START: Date = date!("2026-01-01");
const DAY: Date = date!("2026-06-15");
const HOUSE: &str = "Assets:House";

/// As many as the other side has.
const WALLETS: u64 = 1_000;

type Books = Ledger<SqlStore<Sqlite>>;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).expect("the folder of the file");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    let books = Arc::new(runtime.block_on(books(&folder))?);
    println!("ready");
    let next = Arc::new(AtomicU64::new(0));
    for line in stdin().lines().map_while(|line| line.ok()) {
        let mut words = line.split_whitespace().map(|word| word.parse().expect("a number"));
        let (Some(count), Some(millis)) = (words.next(), words.next()) else { break };
        let (books, next) = (Arc::clone(&books), Arc::clone(&next));
        let length = Duration::from_millis(millis);
        let round = callers(&runtime, usize::try_from(count).expect("few"), length, move || {
            let (books, n) = (Arc::clone(&books), next.fetch_add(1, Ordering::Relaxed));
            async move { draw(&books, n).await }
        });
        println!("{}", round.per_second);
    }
    Ok(())
}

async fn books(folder: &str) -> Result<Books> {
    let store = SqlStore::sqlite(&format!("sqlite://{folder}/doubleentry.db?mode=rwc")).await?;
    let books = Ledger::new(store, LedgerId::new("example.com/bench")?).await?;
    books.declare_currency(EUR, 2, START).await?;
    books.define_months(2026, 1..=12).await?;
    books.open(HOUSE, AccountKind::Asset, START).await?;
    let rich = Amount::from_minor(1_000_000_000)?;
    for n in 0..WALLETS {
        let wallet = AccountSpec::new(wallet(n), AccountKind::Liability, START);
        books.register(wallet.limit(BalanceLimit::NoDebitBalance)).await?;
    }
    let fund = |n| {
        let entry = Entry::new(format!("fund-{n}"), DAY);
        entry.debit(HOUSE, rich, EUR).credit(wallet(n), rich, EUR)
    };
    books.record_batch((0..WALLETS).map(fund)).await?;
    Ok(books)
}

fn wallet(n: u64) -> String {
    format!("Liabilities:Wallets:w{n}")
}

/// Again when the file is locked, as its documentation asks for.
async fn draw(books: &Books, n: u64) {
    let sum = Amount::from_minor(1_00).expect("a small sum");
    let wallet = wallet(n.wrapping_mul(0x9E37_79B9) % WALLETS);
    let entry = Entry::new(format!("draw-{n}"), DAY).debit(wallet, sum, EUR);
    let entry = entry.credit(HOUSE, sum, EUR);
    loop {
        match books.record(entry.clone()).await {
            Ok(_) => return,
            Err(error) if error.is_transient() => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}
