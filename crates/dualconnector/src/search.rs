//! Whether an operation of a report is the one in doubt (acquiring.md B.10). Pure.

use core::time::Duration;

use tillway_core::port::terminal::{Attempt, Operation};

use crate::read::{Kind, Record};

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The attempt.
    pub attempt: &'a Attempt,
    /// What it was to do.
    pub what: &'a Operation,
    /// The terminal, when it is known.
    pub terminal: Option<&'a str>,
    /// How long it may have taken.
    pub late: Duration,
    /// By how much the terminal's clock may differ.
    pub skew: Duration,
}

/// Whose a reference number is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// Of the attempt that is looked for.
    Ours,
    /// Of another attempt.
    Other,
    /// Nobody's in our books, or there is no number.
    Nobody,
}

/// What the operations say together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Finding {
    /// This one is it.
    Found(Box<Record>),
    /// None of them can be it.
    Nothing,
    /// Some could be, and nothing proves it.
    Unclear,
}

/// Looks for an operation. Each comes with its owner; one that is named twice counts once.
///
/// Kind, amount, terminal and time must agree, and the reference number must be nobody's. What
/// agrees in part makes it unclear: the same amount at another time may be a wrong clock, a smaller
/// one may be a partial approval.
pub fn look(wanted: &Wanted<'_>, operations: &[(Record, Owner)]) -> Finding {
    let mut found: Option<&Record> = None;
    for (record, owner) in operations.iter().filter(|(record, _)| !record.refused) {
        match weigh(wanted, record, *owner) {
            Weight::No => {}
            Weight::Perhaps => return Finding::Unclear,
            Weight::Yes => match found {
                Some(other) if other.reference != record.reference => return Finding::Unclear,
                Some(_) => {}
                None => found = Some(record),
            },
        }
    }
    found.map_or(Finding::Nothing, |record| Finding::Found(Box::new(record.clone())))
}

enum Weight {
    Yes,
    Perhaps,
    No,
}

fn weigh(wanted: &Wanted<'_>, record: &Record, owner: Owner) -> Weight {
    let pays = matches!(wanted.what, Operation::Pay { .. });
    let undone = wanted.what.original().and_then(|of| of.reference.as_deref());
    // Some banks give the undoing the number of what it undoes.
    let shared = undone.is_some() && undone == record.reference.as_deref();
    match owner {
        Owner::Ours => return Weight::Yes,
        Owner::Other if !shared => return Weight::No,
        Owner::Other | Owner::Nobody => {}
    }
    let other_terminal =
        wanted.terminal.zip(record.terminal.as_deref()).is_some_and(|(one, other)| one != other);
    let other_original = undone.zip(record.original.as_deref()).is_some_and(|(a, b)| a != b);
    if other_terminal || other_original || !is_kind(wanted.what, record.kind) {
        return Weight::No;
    }
    let amount = wanted.what.amount();
    let inside = record.wall_ms.map(|at| is_inside(wanted, at));
    match record.amount {
        None => Weight::Perhaps,
        Some(named) if named == amount => {
            let named_enough = record.reference.is_some() && (pays || record.kind.is_some());
            let plain = named_enough && !record.contradicts;
            if inside == Some(true) && plain { Weight::Yes } else { Weight::Perhaps }
        }
        Some(named) if pays && named < amount && inside != Some(false) => Weight::Perhaps,
        Some(_) => Weight::No,
    }
}

fn is_kind(what: &Operation, kind: Option<Kind>) -> bool {
    match (what, kind) {
        (_, None)
        | (Operation::Pay { .. }, Some(Kind::Pay))
        | (Operation::Cancel { .. } | Operation::RollBack { .. }, Some(Kind::Cancel))
        | (Operation::Refund { .. }, Some(Kind::Refund)) => true,
        // A refund within its batch is turned into a cancel by some banks.
        (Operation::Refund { .. }, Some(Kind::Cancel)) => true,
        _ => false,
    }
}

fn is_inside(wanted: &Wanted<'_>, wall_ms: i64) -> bool {
    let at = wanted.attempt.at;
    let (first, last) = (at.before(wanted.skew), at.after(wanted.late).after(wanted.skew));
    (first.wall_ms()..=last.wall_ms()).contains(&wall_ms)
}

#[cfg(test)]
mod tests {
    use tillway_core::Kopecks;
    use tillway_core::id::Uuid;
    use tillway_core::port::terminal::Original;
    use tillway_core::time::Timestamp;

    use super::*;

    const AT: i64 = 1_773_584_527_000;
    const PAY: Operation = Operation::Pay { amount: Kopecks(12_500) };

    fn record() -> Record {
        Record {
            kind: Some(Kind::Pay),
            amount: Some(Kopecks(12_500)),
            reference: Some("607412207715".into()),
            terminal: Some("00012345".into()),
            wall_ms: Some(AT + 4_000),
            ..Record::default()
        }
    }

    fn find(what: &Operation, operations: &[(Record, Owner)]) -> &'static str {
        let attempt = Attempt { id: Uuid::from_u128(7), at: Timestamp::utc(AT) };
        let (late, skew) = (Duration::from_secs(300), Duration::from_secs(300));
        let terminal = Some("00012345");
        match look(&Wanted { attempt: &attempt, what, terminal, late, skew }, operations) {
            Finding::Found(_) => "found",
            Finding::Nothing => "nothing",
            Finding::Unclear => "unclear",
        }
    }

    /// A name, whose it is, what differs, and what is found.
    type Row = (&'static str, Owner, fn(&mut Record), &'static str);

    #[test]
    fn one_operation_is_weighed() {
        use Owner::{Nobody, Other, Ours};
        let rows: [Row; 18] = [
            ("refused and approved", Nobody, |r| r.contradicts = true, "unclear"),
            ("it", Nobody, |_| {}, "found"),
            ("of another attempt", Other, |_| {}, "nothing"),
            ("journaled already", Ours, |r| r.amount = None, "found"),
            ("without its kind", Nobody, |r| r.kind = None, "found"),
            ("a refund", Nobody, |r| r.kind = Some(Kind::Refund), "nothing"),
            ("without a number", Nobody, |r| r.reference = None, "unclear"),
            ("an hour before", Nobody, |r| r.wall_ms = Some(AT - 3_600_000), "unclear"),
            ("without a time", Nobody, |r| r.wall_ms = None, "unclear"),
            ("a little before", Nobody, |r| r.wall_ms = Some(AT - 299_000), "found"),
            ("late", Nobody, |r| r.wall_ms = Some(AT + 601_000), "unclear"),
            ("smaller, perhaps partial", Nobody, |r| r.amount = Some(Kopecks(12_499)), "unclear"),
            ("larger", Nobody, |r| r.amount = Some(Kopecks(12_501)), "nothing"),
            ("of no amount", Nobody, |r| r.amount = None, "unclear"),
            ("of another terminal", Nobody, |r| r.terminal = Some("1".into()), "nothing"),
            ("of no terminal", Nobody, |r| r.terminal = None, "found"),
            ("refused", Nobody, |r| r.refused = true, "nothing"),
            (
                "smaller, long ago",
                Nobody,
                |r| (r.amount, r.wall_ms) = (Some(Kopecks(1)), Some(0)),
                "nothing",
            ),
        ];
        for (name, owner, change, want) in rows {
            let mut record = record();
            change(&mut record);
            assert_eq!(find(&PAY, &[(record, owner)]), want, "{name}");
        }
    }

    #[test]
    fn several_operations_are_weighed() {
        let other = Record { reference: Some("607412207716".into()), ..record() };
        let one = (record(), Owner::Nobody);
        assert_eq!(find(&PAY, &[]), "nothing");
        assert_eq!(find(&PAY, &[one.clone(), one.clone()]), "found");
        assert_eq!(find(&PAY, &[one.clone(), (other.clone(), Owner::Nobody)]), "unclear");
        assert_eq!(find(&PAY, &[one, (other, Owner::Other)]), "found");
    }

    #[test]
    fn f27_a_refund_is_matched_by_its_original() {
        let of = Original {
            amount: Kopecks(12_500),
            returned: Kopecks::ZERO,
            reference: Some("607412207700".into()),
            authorisation: None,
            attempt: Attempt { id: Uuid::from_u128(7), at: Timestamp::default() },
            confirmed: true,
        };
        let refund = Operation::Refund { of: of.clone(), amount: Kopecks(12_500) };
        let given = Record { kind: Some(Kind::Refund), ..record() };
        let nobody = |record: &Record| [(record.clone(), Owner::Nobody)];
        assert_eq!(find(&refund, &nobody(&given)), "found");
        let named = Record { original: Some("607412207700".into()), ..given.clone() };
        assert_eq!(find(&refund, &nobody(&named)), "found");
        let foreign = Record { original: Some("607412207701".into()), ..given.clone() };
        assert_eq!(find(&refund, &nobody(&foreign)), "nothing");
        let shared = Record { reference: of.reference.clone(), ..given.clone() };
        assert_eq!(find(&refund, &[(shared, Owner::Other)]), "found");
        assert_eq!(find(&refund, &nobody(&Record { kind: None, ..given })), "unclear");
        let payment = Record { reference: of.reference.clone(), ..record() };
        assert_eq!(find(&refund, &[(payment, Owner::Other)]), "nothing");
        let cancel = Operation::Cancel { of, amount: Kopecks(12_500) };
        assert_eq!(find(&cancel, &nobody(&named)), "nothing");
    }
}
