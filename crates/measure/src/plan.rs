//! What a run is asked to do.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::figure::Figure;

/// How many rounds there are, and how long each is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rounds {
    /// How many of each side.
    pub count: usize,
    /// How long one lasts, where a round is a time.
    pub length: Duration,
}

/// What a run is asked to do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    names: Vec<String>,
    options: Vec<(String, String)>,
    quick: bool,
    long: bool,
}

impl Plan {
    /// Reads the arguments that come behind `cargo bench … --`.
    ///
    /// # Panics
    /// When there is one that nobody knows.
    pub fn of(args: impl IntoIterator<Item = String>) -> Self {
        let mut plan = Self::default();
        for arg in args {
            match arg.as_str() {
                // cargo's own.
                "--bench" => {}
                "--quick" => plan.quick = true,
                "--long" => plan.long = true,
                option => match option.strip_prefix("--").map(|o| o.split_once('=')) {
                    None => plan.names.push(arg),
                    Some(Some((name, value))) => {
                        plan.options.push((name.to_owned(), value.to_owned()));
                    }
                    Some(None) => panic!("{arg} is not known: --quick, --long, --name=value"),
                },
            }
        }
        plan
    }

    /// Whether this figure is to be taken.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.is_named(name)
    }

    /// Whether this figure, which takes minutes, is to be taken: it is named, or `--long` is given.
    pub fn wants_long(&self, name: &str) -> bool {
        self.is_named(name) || self.long && self.names.is_empty()
    }

    /// Whether figures do not matter, only that everything runs.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// `quick` in a quick run, `full` in any other.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// The value of `--name=value`.
    pub fn option(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The rounds of a comparison.
    pub fn rounds(&self) -> Rounds {
        self.pick(
            Rounds { count: 7, length: Duration::from_millis(1_000) },
            Rounds { count: 2, length: Duration::from_millis(60) },
        )
    }

    /// Runs both sides in turn: one round of each that does not count, then the others, each time
    /// beginning with the other side.
    pub fn interleave<T>(
        &self,
        ours: &mut dyn FnMut() -> T,
        floor: &mut dyn FnMut() -> T,
    ) -> [Vec<T>; 2] {
        if !self.quick {
            ours();
            floor();
        }
        let mut rounds = [Vec::new(), Vec::new()];
        for nth in 0..self.rounds().count {
            if nth % 2 == 0 {
                rounds[0].push(ours());
                rounds[1].push(floor());
            } else {
                rounds[1].push(floor());
                rounds[0].push(ours());
            }
        }
        rounds
    }

    /// Prints a figure, and adds its row to the file of `--rows`, but not that of a quick run.
    ///
    /// # Panics
    /// When that file cannot be written.
    pub fn show(&self, figure: &Figure) {
        if self.quick {
            return println!("{figure} [quick]");
        }
        println!("{figure}");
        let Some(path) = self.option("rows").map(PathBuf::from) else { return };
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| writeln!(file, "{}", figure.row()));
        if let Err(error) = written {
            panic!("{} is not written: {error}", path.display());
        }
    }

    /// A name is met as a whole: `G1` names `G1-lifecycle-16` and not `G12-doubleentry`.
    fn is_named(&self, name: &str) -> bool {
        let border = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let met = |wanted: &str| {
            name.match_indices(wanted).any(|(at, _)| {
                let (before, after) = (&name.as_bytes()[..at], &name.as_bytes()[at..]);
                border(before.last()) && border(after.get(wanted.len()))
            })
        };
        self.names.iter().any(|wanted| !wanted.is_empty() && met(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(args: &str) -> Plan {
        Plan::of(args.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn names_are_met_as_a_whole() {
        let rows = [
            ("", "G1-lifecycle-16", true, false),
            ("--long", "G1-lifecycle-16", true, true),
            ("--long G2", "G1-lifecycle-16", false, false),
            ("G1", "G1-lifecycle-16", true, true),
            ("G1", "G12-doubleentry-1", false, false),
            ("G1 growth", "book/growth", true, true),
            ("book", "book/growth", true, true),
            ("row", "book/growth", false, false),
            ("lifecycle-16", "G1-lifecycle-16", true, true),
        ];
        for (args, name, wants, wants_long) in rows {
            assert_eq!(plan(args).wants(name), wants, "{args} {name}");
            assert_eq!(plan(args).wants_long(name), wants_long, "{args} {name}");
        }
    }

    #[test]
    fn options_have_values() {
        let plan = plan("--bench --quick --peer=/a --peer=/b=c");
        assert_eq!((plan.option("peer"), plan.option("rows")), (Some("/b=c"), None));
        assert_eq!(plan.pick(1, 2), 2);
    }

    #[test]
    fn sides_alternate() {
        let order = std::cell::RefCell::new(Vec::new());
        let mut ours = || order.borrow_mut().push('o');
        let mut floor = || order.borrow_mut().push('f');
        plan("").interleave(&mut ours, &mut floor);
        let order: String = order.into_inner().into_iter().collect();
        assert_eq!(order, "of of fo of fo of fo of".replace(' ', ""));
    }
}
