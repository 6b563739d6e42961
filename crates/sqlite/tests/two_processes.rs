//! Two processes and one file: one at a time, and what one was told the next one finds.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tillway_core::port::Store;
use tillway_sqlite::{OpenError, SqliteConfig, SqliteStore};
use tillway_testkit::histories::{Event, History, Plan, Size};

/// What the other process does: `keep` the file, `try` it, or `ask` the calls of a life.
const PART: &str = "TILLWAY_TURN_PART";
const FILE: &str = "TILLWAY_TURN_FILE";
const SEED: &str = "TILLWAY_TURN_SEED";
const LIFE: &str = "TILLWAY_TURN_LIFE";

/// Ends a line: what the kill cut off has none.
const END: &str = " end";

const SIZE: Size = Size { callers: 6, calls: 32 };
const LIVES: u64 = 6;
const SEEDS: u64 = 8;

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(SqliteConfig::new(path))
}

fn shared(path: &Path) -> Arc<dyn Store> {
    Arc::new(open(path).unwrap())
}

fn number(name: &str) -> u64 {
    std::env::var(name).unwrap().parse().unwrap()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}{END}").unwrap();
}

/// The other process, when this one is it. It begins as a test of the same name.
fn is_other_process() -> bool {
    let Ok(part) = std::env::var(PART) else { return false };
    let path = std::env::var(FILE).unwrap();
    let store = match open(Path::new(&path)) {
        Ok(store) => Arc::new(store),
        Err(error) => {
            say(&format!("refused: {error}"));
            return true;
        }
    };
    say("open");
    match part.as_str() {
        "try" => {}
        // Until it is killed, or the one who started it is gone.
        "keep" => drop(std::io::stdin().read_to_end(&mut Vec::new())),
        _ => {
            let store: Arc<dyn Store> = store;
            Plan::later(number(SEED), SIZE, number(LIFE)).make(&store, |event| {
                say(&event.to_string());
            });
        }
    }
    true
}

fn start(test: &str, part: &str, path: &Path, (seed, life): (u64, u64)) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PART, part)
        .env(FILE, path)
        .env(SEED, seed.to_string())
        .env(LIFE, life.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Whole lines that the other process said, until it is gone.
fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| Some(line.strip_suffix(END)?.to_owned()))
}

#[test]
fn the_second_process_is_refused_while_the_first_lives() {
    if is_other_process() {
        return;
    }
    let test = "the_second_process_is_refused_while_the_first_lives";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let trying = || -> Vec<String> { said(&mut start(test, "try", &path, (0, 0))).collect() };
    let mut first = start(test, "keep", &path, (0, 0));
    assert_eq!(said(&mut first).next().as_deref(), Some("open"));
    let refused = trying();
    let [line] = &refused[..] else { panic!("{refused:?}") };
    let names = |word: &str| line.contains(word);
    assert!(names("refused: ") && names("book.db") && names("another process"), "{line}");
    assert!(matches!(open(&path), Err(OpenError::Locked { .. })));
    // SIGKILL: it cannot tidy up.
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(trying(), ["open"]);
    let ours = open(&path).unwrap();
    assert_ne!(trying(), ["open"], "nor while we have it");
    drop(ours);
    assert_eq!(trying(), ["open"]);
}

/// A life of the other process, which is killed when it was told so many answers.
fn killed(path: &Path, seed: u64, life: u64, enough: usize) -> History {
    let test = "turns_of_two_processes_have_one_order";
    let mut child = start(test, "ask", path, (seed, life));
    let (mut events, mut told) = (Vec::new(), 0);
    for event in said(&mut child).filter_map(|line| Event::from_line(&line)) {
        told += usize::from(event.came.is_some());
        if told == enough {
            child.kill().unwrap();
        }
        events.push(event);
    }
    child.wait().unwrap();
    assert!(told >= enough, "the other process died by itself");
    Plan::later(seed, SIZE, life).history(events)
}

/// The other process is killed in the middle of its calls, this one goes on with the same guests,
/// and so on in turn: all that both were told has one order.
#[test]
fn turns_of_two_processes_have_one_order() {
    if is_other_process() {
        return;
    }
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.db");
        Plan::new(seed, SIZE).set_up(shared(&path).as_ref()).unwrap();
        let mut whole: Option<History> = None;
        for life in 0..LIVES {
            let enough = usize::try_from(1 + (seed * 71 + life * 37) % 150).unwrap();
            let turn = match life % 2 {
                0 => killed(&path, seed, life, enough),
                _ => Plan::later(seed, SIZE, life).record(&shared(&path)),
            };
            whole = Some(match whole {
                Some(history) => history.then(turn),
                None => turn,
            });
        }
        let explained = whole.unwrap().check().unwrap_or_else(|found| panic!("{found}"));
        println!("seed {seed}: {explained:?}");
    }
}

/// The check is no formality: a file that goes back by one turn is found.
#[test]
fn a_lost_turn_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (path, kept) = (folder.path().join("book.db"), folder.path().join("kept.db"));
    let alone = Size { callers: 1, calls: 60 };
    Plan::new(1, alone).set_up(shared(&path).as_ref()).unwrap();
    let turn = |life| Plan::later(1, alone, life).record(&shared(&path));
    let first = turn(0);
    // Closed, the file has everything.
    fs::copy(&path, &kept).unwrap();
    let second = first.clone().then(turn(1));
    fs::copy(&kept, &path).unwrap();
    let third = turn(2);
    first.then(third.clone()).check().unwrap();
    let found = second.then(third).check().unwrap_err();
    println!("{found}");
}
