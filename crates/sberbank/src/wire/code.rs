//! Result codes as data (acquiring.md A.6).

use tillway_core::port::terminal::Reason;

/// What a code says about money.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// It was moved.
    Approved,
    /// It was not.
    Declined(Reason),
    /// Nobody knows: the pad may go on alone.
    InDoubt,
}

use Class::{Approved, Declined, InDoubt};
use Reason::{
    GuestCancelled, GuestTimeout, Host, LoyaltyPause, NoBankLink, NotFound, NotStarted, Other,
    ReconcileFirst,
};

/// Of a pay, a cancel, a refund or a roll-back. First fit; what is not listed is the terminal's own
/// refusal, because its answer is fresh and well-formed.
const MONEY: [(u32, u32, Class); 20] = [
    (0, 0, Approved),
    // No contact with the pad, the wait for it ran out, a broken exchange: before the money or
    // after it, nobody can say.
    (99, 99, InDoubt),
    (2004, 2004, InDoubt),
    (4104, 4104, InDoubt),
    (5, 5, Declined(NotStarted)),
    (115, 115, Declined(NotStarted)),
    (2000, 2000, Declined(GuestCancelled)),
    (2002, 2002, Declined(GuestTimeout)),
    (4100, 4100, Declined(NoBankLink)),
    (4117, 4117, Declined(GuestCancelled)),
    (4118, 4118, Declined(NotFound)),
    (4119, 4119, Declined(NoBankLink)),
    (4130, 4130, Declined(ReconcileFirst)),
    (4134, 4134, Declined(ReconcileFirst)),
    (4140, 4141, Declined(NotFound)),
    // The roll-back failed, and what it left is unknown.
    (4142, 4142, InDoubt),
    (4191, 4191, Declined(NotStarted)),
    (4300, 4306, Declined(NotStarted)),
    (4334, 4334, Declined(GuestTimeout)),
    (4353, 4353, Declined(LoyaltyPause)),
];

/// The class of a code that answers an operation with money.
pub(crate) fn money(code: u32) -> Class {
    let listed = MONEY.iter().find(|(from, to, _)| (*from..=*to).contains(&code));
    match (listed, code) {
        (Some((.., class)), _) => *class,
        // The bank's host answered 00 to 99.
        (None, 4400..=4499) => Declined(Host),
        (None, 5116 | 5120) => Declined(GuestCancelled),
        (None, _) => Declined(Other),
    }
}

/// What a code says about a reconciliation, a report or a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Service {
    /// It was done.
    Done,
    /// There is nothing to report.
    Empty,
    /// No contact with the pad.
    Link,
    /// The pad restarts or works for another.
    Busy,
    /// The set-up is wrong.
    Setup,
    /// It was not done.
    Refused,
}

/// The class of a code that answers what moves no money.
pub(crate) fn service(code: u32) -> Service {
    match code {
        0 => Service::Done,
        4309 | 4333 => Service::Empty,
        99 | 2004 | 4104 => Service::Link,
        5 | 115 => Service::Busy,
        4191 | 4300..=4306 => Service::Setup,
        _ => Service::Refused,
    }
}

/// To a status request: the operation was not performed.
pub(crate) const NOT_PERFORMED: u32 = 4311;
/// To suspend, commit and roll back: the last operation is another one.
pub(crate) const MISMATCH: u32 = 4140;
/// To suspend and roll back: it is committed already.
pub(crate) const COMMITTED: u32 = 4141;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qa6_every_row_of_the_table() {
        let rows = [
            (0, Approved),
            (2000, Declined(GuestCancelled)),
            (2002, Declined(GuestTimeout)),
            (4117, Declined(GuestCancelled)),
            (5116, Declined(GuestCancelled)),
            (5120, Declined(GuestCancelled)),
            (4334, Declined(GuestTimeout)),
            (4451, Declined(Host)),
            (4455, Declined(Host)),
            (4404, Declined(Host)),
            (4494, Declined(Host)),
            (4119, Declined(NoBankLink)),
            (4100, Declined(NoBankLink)),
            (4134, Declined(ReconcileFirst)),
            (4130, Declined(ReconcileFirst)),
            (4353, Declined(LoyaltyPause)),
            (4118, Declined(NotFound)),
            (4140, Declined(NotFound)),
            (4142, InDoubt),
            (4191, Declined(NotStarted)),
            (4300, Declined(NotStarted)),
            (4306, Declined(NotStarted)),
            (99, InDoubt),
            (2004, InDoubt),
            (4104, InDoubt),
            (5, Declined(NotStarted)),
            (115, Declined(NotStarted)),
            (7, Declined(Other)),
        ];
        for (code, class) in rows {
            assert_eq!(money(code), class, "{code}");
        }
        let services = [
            (0, Service::Done),
            (4128, Service::Refused),
            (4332, Service::Refused),
            (4333, Service::Empty),
            (4309, Service::Empty),
            (99, Service::Link),
            (115, Service::Busy),
            (4301, Service::Setup),
        ];
        for (code, class) in services {
            assert_eq!(service(code), class, "{code}");
        }
    }
}
