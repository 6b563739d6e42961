//! The levels of integration (loymax.md 16): thirty functions, each tried over HTTP against the
//! simulated processing, and the report of what passed.
//!
//! [`Report::run`] tries the rows of a level; each has a processing of its own behind a socket. A
//! row passes only when every amount, code and message of it is as the specification says.

mod beyond;
mod check;
mod cheque;
mod coupons;
mod guests;
mod messages;
mod offline;
mod place;
mod refund;
mod rows;
mod signature;

use std::fmt;
use std::sync::Arc;

use tillway::core::port::processing::Level;
use tillway::loymax::dialect::Letters;
use tillway::loymax::sign::Profile;
use tillway::sim::loymax::Processing;

pub use self::check::Failed;
use self::place::Place;
pub use self::rows::{ROWS, Row};

/// How till and processing speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Setting {
    /// How messages and answers are signed.
    pub profile: Profile,
    /// The letters of messages and answers.
    pub letters: Letters,
}

impl Setting {
    /// Every profile of signatures with both kinds of letters.
    pub const ALL: [Self; 6] = [
        Self::new(Profile::None, Letters::Utf8),
        Self::new(Profile::None, Letters::Windows1251),
        Self::new(Profile::DetachedBody, Letters::Utf8),
        Self::new(Profile::DetachedBody, Letters::Windows1251),
        Self::new(Profile::EnvelopedXmlDsig, Letters::Utf8),
        Self::new(Profile::EnvelopedXmlDsig, Letters::Windows1251),
    ];

    /// A setting.
    pub const fn new(profile: Profile, letters: Letters) -> Self {
        Self { profile, letters }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = match self.profile {
            Profile::None => "без подписи",
            Profile::DetachedBody => "подпись DetachedBody",
            Profile::EnvelopedXmlDsig => "подпись EnvelopedXmlDsig",
        };
        let letters = match self.letters {
            Letters::Utf8 => "UTF-8",
            Letters::Windows1251 => "windows-1251",
        };
        write!(f, "{profile}, {letters}")
    }
}

/// Something that is done to each processing before a row is tried: a report on a processing that
/// was broken so shows which rows notice.
pub type Tweak = Arc<dyn Fn(&Processing) + Send + Sync>;

/// What became of the rows of a level.
#[derive(Clone, Debug)]
pub struct Report {
    /// The level.
    pub level: Level,
    /// How till and processing spoke.
    pub setting: Setting,
    /// Each row that the level has, in order.
    pub rows: Vec<(Row, Result<(), Failed>)>,
}

impl Report {
    /// Tries all rows of a level. Needs a tokio runtime, whose clock and network it uses.
    pub async fn run(level: Level, setting: Setting) -> Self {
        let mut rows = Vec::new();
        for row in ROWS.iter().filter(|row| row.level <= level) {
            rows.push((*row, row.run(setting, Arc::new(|_: &Processing| {})).await));
        }
        Self { level, setting, rows }
    }

    /// How many rows passed.
    pub fn passed(&self) -> usize {
        self.rows.iter().filter(|(_, check)| check.is_ok()).count()
    }

    /// Whether all rows of the level passed.
    pub fn is_reached(&self) -> bool {
        self.passed() == self.rows.len()
    }
}

impl Row {
    /// Tries this row alone, on processings that were changed so.
    ///
    /// # Errors
    /// Why it does not pass.
    pub async fn run(&self, setting: Setting, tweak: Tweak) -> Result<(), Failed> {
        let place = Place::open(setting, tweak).await?;
        (self.tried)(&place).await
    }
}

/// The reports of a level in every setting.
#[derive(Clone, Debug)]
pub struct Reports {
    /// The level.
    pub level: Level,
    /// One report for each of [`Setting::ALL`].
    pub reports: Vec<Report>,
}

impl Reports {
    /// Tries all rows of a level in every setting, like [`Report::run`].
    pub async fn run(level: Level) -> Self {
        let mut reports = Vec::new();
        for setting in Setting::ALL {
            reports.push(Report::run(level, setting).await);
        }
        Self { level, reports }
    }

    /// Whether all rows of the level passed in every setting.
    pub fn is_reached(&self) -> bool {
        self.reports.len() == Setting::ALL.len() && self.reports.iter().all(Report::is_reached)
    }

    /// How many rows passed in every setting.
    pub fn passed(&self) -> usize {
        let passes = |place: &usize| {
            let of = |report: &Report| report.rows.get(*place).is_some_and(|row| row.1.is_ok());
            self.reports.iter().all(of)
        };
        (0..self.count()).filter(passes).count()
    }

    fn count(&self) -> usize {
        self.reports.first().map_or(0, |report| report.rows.len())
    }
}

/// One table, a column for each setting, and `30 of 30` in its last line.
impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Уровень {}, по HTTP, в каждом столбце:", rows::named(self.level))?;
        for (number, report) in (1..).zip(&self.reports) {
            writeln!(f, "  {number}  {}", report.setting)?;
        }
        for place in 0..self.count() {
            let of = |report: &Report| report.rows.get(place).cloned();
            let all: Vec<_> = self.reports.iter().filter_map(of).collect();
            let Some((row, _)) = all.first() else { continue };
            write!(f, "{:>3}  {:<4} ", row.number, rows::short(row.level))?;
            for (_, check) in &all {
                f.write_str(if check.is_ok() { " да " } else { " НЕТ" })?;
            }
            writeln!(f, "  {}", row.name)?;
            for (number, (_, check)) in (1..).zip(&all) {
                if let Err(failed) = check {
                    writeln!(f, "          {number}: {failed}")?;
                }
            }
        }
        write!(f, "{} of {}", self.passed(), self.count())
    }
}

/// A table, and `30 of 30` in its last line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Уровень {}: {}", rows::named(self.level), self.setting)?;
        for (row, check) in &self.rows {
            let result = if check.is_ok() { "да " } else { "НЕТ" };
            let level = rows::short(row.level);
            writeln!(f, "{:>3}  {level:<4}  {result}  {}", row.number, row.name)?;
            if let Err(failed) = check {
                writeln!(f, "                {failed}")?;
            }
        }
        write!(f, "{} of {}", self.passed(), self.rows.len())
    }
}
