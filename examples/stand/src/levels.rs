//! `demo loymax`: what a till can do at a Loymax processing, tried over HTTP.

use loymax_till::levels::Reports;
use tillway::core::port::processing::Level;

use crate::cli::LoymaxLevel;
use crate::failure::Failure;
use crate::say;

/// Tries a level in every setting, and prints the report.
pub(crate) async fn play(level: LoymaxLevel) -> Result<(), Failure> {
    let level = match level {
        LoymaxLevel::Minimum => Level::Minimum,
        LoymaxLevel::Middle => Level::Middle,
        LoymaxLevel::Maximum => Level::Maximum,
    };
    let reports = Reports::run(level).await;
    reports.to_string().lines().for_each(say);
    if reports.is_reached() { Ok(()) } else { Err(Failure::new("not every function passes")) }
}
