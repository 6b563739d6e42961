//! The rows of the specification, and the tests that bear their names.
//!
//! A test proves the rows that its name begins with: `w45_limits_of_a_bound_order`,
//! `o1_to_o7_available`, `m_a_m_b_bonus_with_one`, `f1a_power_cut_after_the_capture`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::tree::rust_files;

/// A table of the specification: its letter, its rows, and where it stands.
struct Table {
    title: &'static str,
    rows: Vec<String>,
}

fn numbered(prefix: &str, count: u32, width: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{prefix}{n:0width$}")).collect()
}

fn lettered(prefix: &str, last: char) -> Vec<String> {
    ('a'..=last).map(|c| format!("{prefix}_{c}")).collect()
}

/// Sections of a note.
fn sections(prefix: &str, numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|n| format!("{prefix}{n}")).collect()
}

fn tables() -> Vec<Table> {
    let table = |title, rows| Table { title, rows };
    let mut money: Vec<String> = ('a'..='f').map(|c| format!("f1{c}")).collect();
    for rule in [
        1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
        27, 28, 34,
    ] {
        money.push(format!("f{rule}"));
    }
    vec![
        table("W: conformance of the Waiter API (iiko note 1.9)", numbered("w", 58, 2)),
        table("B: conformance of payments (iiko note 2.6)", numbered("b", 20, 2)),
        table("PV: states and invariants of payments (iiko note 2.4)", numbered("pv", 9, 1)),
        table("A: available amount (iiko note 4.2)", numbered("a", 5, 1)),
        table("O: examples of the available amount", numbered("o", 7, 1)),
        table("N: how to address the guest (iiko note 4.3)", numbered("n", 3, 1)),
        table("N-a to N-d: examples of names", lettered("n", 'd')),
        table("M: accounts that pay together (iiko note 4.4)", numbered("m", 6, 1)),
        table("M-a to M-i: examples of paying together", lettered("m", 'i')),
        table("S: split of the sum (iiko note 4.5)", numbered("s", 7, 1)),
        table("X: examples of the split", numbered("x", 15, 1)),
        table("D: devices and tills (iiko note 4.6)", numbered("d", 4, 1)),
        table("T: actors and topology (iiko note 1.1)", numbered("t", 10, 1)),
        table("H: HTTP transport (iiko note 1.2)", numbered("h", 9, 1)),
        table("J: JSON (iiko note 1.3)", numbered("j", 9, 1)),
        table("L: wallets, limits, payment types (iiko note 1.7)", numbered("l", 8, 1)),
        table("F: rules of money of this slice", money),
        table("I: invariants of the book (quality 4.2)", numbered("i", 9, 1)),
        table(
            "QA: terminals of Sberbank (acquiring note A.3 to A.8, A.10)",
            sections("qa", &[3, 4, 5, 6, 7, 8, 10]),
        ),
        table(
            "QB: DualConnector (acquiring note B.2 to B.6, B.10, B.11)",
            sections("qb", &[2, 3, 4, 5, 6, 10, 11]),
        ),
        table("QC: both terminals (acquiring note C.2, C.3)", sections("qc", &[2, 3])),
        table(
            "LX: functions of a till at a Loymax processing (loymax note 16)",
            numbered("lx", 30, 1),
        ),
    ]
}

/// Rows that no test of ours can prove, each with its reason.
pub const UNTESTABLE: &[(&str, &str)] = &[
    ("t1", "states who opens connections: WaiterServer does, we only listen"),
    ("t2", "states the vendor's address form; H1 tests our side of it"),
    ("t3", "an open question to the vendor"),
    ("t6", "an assumption about Waiter's settings; nothing of ours depends on it"),
    ("t7", "lists scenarios; each has rows of its own"),
    ("t9", "describes the vendor's sibling without HTTP, which we do not serve"),
    ("t10", "an assumption about WaiterServer; the story pays silently through the simulator"),
    ("d3", "information on a price and a workplace; nothing to implement"),
    ("j3", "explains where two casings come from; J1 and J2 test our side"),
    ("l6", "states what the phone shows; the simulator's screen follows it in the story"),
    ("l7", "states the names of payment types on the seed's picture"),
    ("l8", "a rule of iikoFront; its simulator keeps it"),
];

/// Rows of which only a part is in the tree, each with what is not.
pub const IN_PART: &[(&str, &str)] = &[
    ("f6", "what a sale decides about a payment that is reported is a matter of sales"),
    ("f7", "the order of report, reconciliation and shift is a matter of sales"),
    ("f18", "that a sale undoes a partial approval, and an offline one, is a matter of sales"),
    ("f22", "the intent of a reconciliation, and sums of each batch, are a matter of shifts"),
    ("f27", "that the fiscal return waits is a matter of sales"),
    ("f12", "that a person confirms the correction, and the list with its age, are sales' matter"),
    ("f21", "a guarded register closes early when asked; the keeper that asks comes with sales"),
    ("f23", "that a refund keeps the numbers of its original is a matter of sales"),
    ("f24", "lots of a deposit are not here"),
    ("f25", "points go back by the same rule, which no sale uses yet"),
    ("f28", "the sale of a kiosk that leaves something to pay in money is not here"),
    (
        "f26",
        "cash only where there is a drawer, and what the bank refuses for ever, are sales' matter",
    ),
];

/// Tests by row.
pub type Proofs = BTreeMap<String, Vec<String>>;

/// Finds the tests of the workspace that bear rows in their names.
pub fn proofs(root: &Path) -> Proofs {
    let mut proofs = Proofs::new();
    for file in rust_files(root) {
        let text = std::fs::read_to_string(&file).unwrap();
        let place = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let case_file = place.starts_with("crates/testkit/src/")
            && (place.contains("/suite/") || place.contains("/cases/"));
        for name in test_names(&text, case_file) {
            for row in rows_of(&name) {
                proofs.entry(row).or_default().push(format!("`{name}` ({place})"));
            }
        }
    }
    proofs
}

/// Names of functions under a test attribute; in the suites, of public cases.
fn test_names(text: &str, case_file: bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut attribute = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            attribute = true;
        }
        let Some(rest) = line.split("fn ").nth(1).filter(|_| !line.starts_with("//")) else {
            continue;
        };
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if attribute || (case_file && line.starts_with("pub")) {
            names.push(name);
        }
        attribute = false;
    }
    names
}

/// The rows that a name begins with.
fn rows_of(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let mut rows: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1).copied().unwrap_or_default();
        if *word == "to" {
            let Some(last) = rows.last().cloned() else { break };
            rows.extend(range(&last, next));
            at += 2;
        } else if *word == "and" {
            at += 1;
        } else if matches!(*word, "n" | "m") && next.len() == 1 {
            rows.push(format!("{word}_{next}"));
            at += 2;
        } else if is_row(word) {
            rows.push((*word).to_owned());
            at += 1;
        } else {
            break;
        }
    }
    rows
}

fn is_row(word: &str) -> bool {
    let letters = word.chars().take_while(char::is_ascii_lowercase).count();
    let (prefix, rest) = word.split_at(letters);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let tail = &rest[digits.len()..];
    let known =
        matches!(prefix, "w" | "b" | "pv" | "a" | "o" | "n" | "m" | "s" | "x" | "d" | "t" | "h")
            || matches!(prefix, "j" | "l" | "f" | "i" | "qa" | "qb" | "qc" | "lx");
    let tail_fits = tail.is_empty() || (prefix == "f" && tail.len() == 1);
    known && !digits.is_empty() && tail_fits
}

fn range(first: &str, last: &str) -> Vec<String> {
    let digits = |row: &str| row.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let (from, to) = (digits(first), digits(last));
    let prefix = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let width = from.len();
    match (from.parse::<u32>(), to.parse::<u32>()) {
        (Ok(from), Ok(to)) => (from + 1..=to).map(|n| format!("{prefix}{n:0width$}")).collect(),
        _ => Vec::new(),
    }
}

/// The page `docs/conformance.md`, and the rows that nothing proves.
pub fn page(proofs: &Proofs) -> (String, Vec<String>) {
    let mut page = String::from(
        "# Conformance\n\n\
         Which test proves which row of the specification. Made from the names of the tests by\n\
         `UPDATE=1 cargo test -p tillway-tests --test conformance`; the same test fails when a row\n\
         has neither a test nor a reason.\n",
    );
    let mut missing = Vec::new();
    for table in tables() {
        let _ = write!(page, "\n## {}\n\n| row | proven by |\n|---|---|\n", table.title);
        for row in table.rows {
            let reason = UNTESTABLE.iter().find(|(id, _)| *id == row).map(|(_, why)| *why);
            let lacks = IN_PART.iter().find(|(id, _)| *id == row);
            let lacks = lacks.map_or(String::new(), |(_, what)| format!("<br>in part: {what}"));
            let cell = match (proofs.get(&row), reason) {
                (Some(tests), _) => tests.join("<br>") + &lacks,
                (None, Some(why)) => format!("not testable: {why}"),
                (None, None) => {
                    missing.push(row.clone());
                    "**nothing**".to_owned()
                }
            };
            let _ = writeln!(page, "| {} | {cell} |", row.to_uppercase().replace('_', "-"));
        }
    }
    (page, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_their_rows() {
        let rows = [
            ("w01_ping", vec!["w01"]),
            ("o1_to_o3_available", vec!["o1", "o2", "o3"]),
            ("m_a_m_b_bonus", vec!["m_a", "m_b"]),
            ("f1a_f1b_power", vec!["f1a", "f1b"]),
            ("x1_and_s2_choose", vec!["x1", "s2"]),
            ("w08_to_w10_same", vec!["w08", "w09", "w10"]),
            ("shares_round", vec![]),
        ];
        for (name, expected) in rows {
            assert_eq!(rows_of(name), expected, "{name}");
        }
    }
}
