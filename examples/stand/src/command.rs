//! Commands about guests, tills and the store: the same whether they come over the control port or
//! work on the folder of a stand that does not run.

pub(crate) mod clock;
mod guests;
mod job;
mod points;
pub(crate) mod restore;
pub(crate) mod store;
mod tills;

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use tillway::core::Kopecks;
use tillway::core::id::Uuid;
use tillway::core::port::{GuestError, Store};
use tillway::engine::Engine;

pub(crate) use self::job::{Jobs, Running};
use self::store::{Long, Whole};
use crate::cli;
use crate::config::Till;
use crate::failure::Failure;

/// What commands work on.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) tills: Vec<Till>,
    pub(crate) installation: Uuid,
    pub(crate) whole: Whole,
    pub(crate) jobs: Jobs,
}

/// A command as it goes over the control port.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    GuestList {
        limit: u32,
    },
    GuestShow {
        who: String,
    },
    GuestAdd(Box<NewGuest>),
    Carrier {
        who: String,
        alias: String,
        blocked: Option<bool>,
    },
    PayIn {
        who: String,
        account: Option<String>,
        kopecks: i64,
        operation: Option<String>,
        points: bool,
    },
    Overdraft {
        who: String,
        account: Option<String>,
        kopecks: i64,
    },
    Block {
        who: String,
        account: Option<String>,
        blocked: bool,
    },
    Statement {
        who: String,
        account: Option<String>,
        limit: u32,
    },
    Qr {
        who: String,
        seconds: u64,
    },
    /// In base64; `None` removes it.
    Photo {
        who: String,
        photo: Option<String>,
    },
    TillList,
    Pair {
        till: String,
        device: String,
    },
    Unpair {
        till: String,
        device: String,
    },
    ClockShow,
    ClockConfirm,
    PointsList,
    PointsJudge {
        purchase: String,
        by: String,
        judgement: points::Judgement,
    },
    Long(Long),
    /// How far a long work is.
    Wait {
        job: u64,
    },
}

/// A guest to be.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct NewGuest {
    client_id: String,
    salutation: Option<String>,
    first: Option<String>,
    patronymic: Option<String>,
    last: Option<String>,
    phone: Option<String>,
    cards: Vec<String>,
    gifts: Vec<String>,
    hints: Vec<String>,
    bonus: bool,
    deposit: Option<i64>,
    credit: Option<i64>,
}

/// What comes back within a second or so.
#[derive(Debug)]
pub(crate) enum Said {
    Done(Reply),
    Running(Running),
}

/// What a person reads.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Reply {
    pub(crate) lines: Vec<String>,
}

impl Reply {
    fn line(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()] }
    }
}

/// Performs a command, or begins it.
pub(crate) async fn run(desk: &Desk, command: Command) -> Result<Said, Failure> {
    match command {
        Command::Long(long) => desk.whole.start(&desk.jobs, long).await,
        Command::Wait { job } => desk.jobs.wait(job).await,
        other => short(desk, other).await.map(Said::Done),
    }
}

async fn short(desk: &Desk, command: Command) -> Result<Reply, Failure> {
    match command {
        Command::GuestList { limit } => guests::list(desk, limit).await,
        Command::GuestShow { who } => guests::show(desk, &who).await,
        Command::GuestAdd(guest) => guests::add(desk, *guest).await,
        Command::Carrier { who, alias, blocked } => {
            guests::carrier(desk, &who, &alias, blocked).await
        }
        Command::PayIn { who, account, kopecks, operation, points } => {
            let amount = Kopecks(kopecks);
            let (account, operation) = (account.as_deref(), operation.as_deref());
            guests::pay_in(desk, &who, account, amount, operation, points).await
        }
        Command::Overdraft { who, account, kopecks } => {
            guests::overdraft(desk, &who, account.as_deref(), Kopecks(kopecks)).await
        }
        Command::Block { who, account, blocked } => {
            guests::block(desk, &who, account.as_deref(), blocked).await
        }
        Command::Statement { who, account, limit } => {
            guests::statement(desk, &who, account.as_deref(), limit).await
        }
        Command::Qr { who, seconds } => guests::qr(desk, &who, seconds).await,
        Command::Photo { who, photo } => guests::photo(desk, &who, photo.as_deref()).await,
        Command::TillList => tills::list(desk).await,
        Command::Pair { till, device } => tills::pair(desk, &till, &device).await,
        Command::Unpair { till, device } => tills::unpair(desk, &till, &device).await,
        Command::ClockShow => clock::show(desk).await,
        Command::ClockConfirm => clock::confirm(desk).await,
        Command::PointsList => points::list(desk).await,
        Command::PointsJudge { purchase, by, judgement } => {
            points::judge(desk, &purchase, &by, judgement).await
        }
        Command::Long(_) | Command::Wait { .. } => Err(Failure::new("this takes longer")),
    }
}

impl Command {
    /// Reads amounts and files, so that a mistake is told before anybody is asked.
    pub(crate) fn of_guest(guest: cli::Guest) -> Result<Self, Failure> {
        Ok(match guest {
            cli::Guest::List { limit } => Self::GuestList { limit },
            cli::Guest::Show(who) => Self::GuestShow { who: who.guest },
            cli::Guest::Add(guest) => Self::GuestAdd(Box::new(NewGuest::read(*guest)?)),
            cli::Guest::Carrier { who, alias, block, unblock } => {
                let blocked = (block || unblock).then_some(block);
                Self::Carrier { who: who.guest, alias, blocked }
            }
            cli::Guest::TopUp(pay) => Self::pay_in(pay, false)?,
            cli::Guest::Accrue(pay) => Self::pay_in(pay, true)?,
            cli::Guest::Overdraft { who, amount, which } => {
                let kopecks = rubles(&amount)?.0;
                Self::Overdraft { who: who.guest, account: which.account, kopecks }
            }
            cli::Guest::Block { who, which } => {
                Self::Block { who: who.guest, account: which.account, blocked: true }
            }
            cli::Guest::Unblock { who, which } => {
                Self::Block { who: who.guest, account: which.account, blocked: false }
            }
            cli::Guest::Statement { who, which, limit } => {
                Self::Statement { who: who.guest, account: which.account, limit }
            }
            cli::Guest::Qr { who, seconds } => Self::Qr { who: who.guest, seconds },
            cli::Guest::Photo { who, file, remove: _ } => {
                let photo = file.as_deref().map(guests::read_photo).transpose()?;
                Self::Photo { who: who.guest, photo }
            }
        })
    }

    pub(crate) fn of_till(till: cli::Till) -> Self {
        match till {
            cli::Till::List => Self::TillList,
            cli::Till::Pair(pair) => Self::Pair { till: pair.till, device: pair.device },
            cli::Till::Unpair(pair) => Self::Unpair { till: pair.till, device: pair.device },
        }
    }

    pub(crate) fn of_clock(clock: cli::Clock) -> Self {
        match clock {
            cli::Clock::Show => Self::ClockShow,
            cli::Clock::Confirm => Self::ClockConfirm,
        }
    }

    pub(crate) fn of_points(said: cli::Points) -> Self {
        let (cli::Judged { purchase, by }, judgement) = match said {
            cli::Points::List => return Self::PointsList,
            cli::Points::Retry(judged) => (judged, points::Judgement::Retry),
            cli::Points::Confirm(judged) => (judged, points::Judgement::Confirm),
            cli::Points::Cancel(judged) => (judged, points::Judgement::Cancel),
            cli::Points::Drop(judged) => (judged, points::Judgement::Drop),
        };
        Self::PointsJudge { purchase, by, judgement }
    }

    /// Whether it is about a stand that runs, and not about the folder.
    pub(crate) fn needs_a_running_stand(&self) -> bool {
        matches!(self, Self::ClockConfirm)
    }

    fn pay_in(pay: cli::PayIn, points: bool) -> Result<Self, Failure> {
        let kopecks = rubles(&pay.amount)?.0;
        let (who, account) = (pay.who.guest, pay.which.account);
        Ok(Self::PayIn { who, account, kopecks, operation: pay.operation, points })
    }
}

impl NewGuest {
    fn read(guest: cli::AddGuest) -> Result<Self, Failure> {
        let amount = |text: Option<String>| -> Result<Option<i64>, Failure> {
            text.map(|text| Ok(rubles(&text)?.0)).transpose()
        };
        Ok(Self {
            client_id: guest.client_id,
            salutation: guest.salutation,
            first: guest.first,
            patronymic: guest.patronymic,
            last: guest.last,
            phone: guest.phone,
            cards: guest.card,
            gifts: guest.gift,
            hints: guest.hint,
            bonus: guest.bonus,
            deposit: amount(guest.deposit)?,
            credit: amount(guest.credit)?,
        })
    }
}

/// `1500`, `1500.5` or `1500.00`; a comma will do.
fn rubles(text: &str) -> Result<Kopecks, Failure> {
    Kopecks::parse_rubles(&text.replace(',', "."))
        .map_err(|error| Failure::of(format!("{text:?} is not an amount such as 1500.00"), &error))
}

impl From<GuestError> for Failure {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::NoRegister => Self::new(
                "no register is connected to print the receipt of a top-up; where another till \
                 prints it, say fiscal = \"external_declared\" in the configuration",
            ),
            GuestError::ClockInDoubt => Self::new(
                "the clock of this machine is in doubt, and no new money moves; see `stand clock \
                 show`",
            ),
            GuestError::NoTokenKey => {
                Self::new("no token key is configured; add one under [[token_keys]]")
            }
            other => Self::new(other.to_string()),
        }
    }
}
