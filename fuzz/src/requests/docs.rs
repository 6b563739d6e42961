//! What the API documents allow: read from the documents themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const WAITER: &str = include_str!("../../../docs/api/waiter.yaml");
const POS: &str = include_str!("../../../docs/api/pos-v1.yaml");

/// What may be answered.
pub(super) struct Documented {
    operations: Vec<Operation>,
    /// The codes of the payment API by status.
    codes: BTreeMap<u16, BTreeSet<String>>,
}

struct Operation {
    method: String,
    /// A segment in braces stands for any.
    path: Vec<String>,
    statuses: BTreeSet<u16>,
}

pub(super) static DOCUMENTED: LazyLock<Documented> = LazyLock::new(|| {
    let mut operations = operations(WAITER);
    operations.extend(self::operations(POS));
    assert!(operations.len() > 15, "the documents are read wrongly");
    Documented { operations, codes: codes(POS) }
});

impl Documented {
    /// The statuses of a call; `None` when the path has no such method.
    pub(super) fn statuses(&self, method: &str, path: &str) -> Option<&BTreeSet<u16>> {
        let method = if method == "HEAD" { "GET" } else { method };
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let fits = |operation: &&Operation| {
            let same = |(known, found): (&String, &&str)| {
                known.starts_with('{') || known.eq_ignore_ascii_case(found)
            };
            operation.method == method
                && operation.path.len() == segments.len()
                && operation.path.iter().zip(&segments).all(same)
        };
        self.operations.iter().find(fits).map(|operation| &operation.statuses)
    }

    /// Whether the payment API may say this code with this status.
    pub(super) fn knows(&self, status: u16, code: &str) -> bool {
        self.codes.get(&status).is_some_and(|codes| codes.contains(code))
    }
}

/// Paths, methods and statuses by their indentation: the documents are ours.
fn operations(document: &str) -> Vec<Operation> {
    let mut found: Vec<Operation> = Vec::new();
    let mut path = Vec::new();
    for line in document.lines().filter(|line| !line.trim().is_empty()) {
        let indent = line.len() - line.trim_start().len();
        let word = line.trim_start().split(':').next().unwrap_or_default();
        match indent {
            0 => path.clear(),
            2 if word.starts_with('/') => {
                path = word.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
            }
            4 if !path.is_empty() && matches!(word, "get" | "put" | "post" | "delete") => {
                let method = word.to_ascii_uppercase();
                found.push(Operation { method, path: path.clone(), statuses: BTreeSet::new() });
            }
            8 if !path.is_empty() => {
                if let (Ok(status), Some(last)) =
                    (word.trim_matches('\'').parse(), found.last_mut())
                {
                    last.statuses.insert(status);
                }
            }
            _ => {}
        }
    }
    found
}

/// The table of errors: a row is `| 404 | `no_guest`, `unknown_wallet` |`.
fn codes(document: &str) -> BTreeMap<u16, BTreeSet<String>> {
    let mut codes: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.trim().split('|').collect();
        let [_, statuses, words, _] = cells.as_slice() else { continue };
        let words: Vec<&str> = words.split('`').skip(1).step_by(2).collect();
        for status in statuses.split(',').map(str::trim) {
            let statuses = match status {
                "5xx" => vec![503],
                status => status.parse().into_iter().collect(),
            };
            for status in statuses {
                let known = codes.entry(status).or_default();
                known.extend(words.iter().map(|word| (*word).to_owned()));
            }
        }
    }
    assert!(codes.len() > 5, "the table of codes is read wrongly");
    codes
}
