//! The report of levels (loymax.md 16): thirty of thirty rows under every profile of signatures and
//! both kinds of letters.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use loymax_till::levels::{ROWS, Report, Reports, Setting};
use tillway::core::port::processing::Level;
use tillway::loymax::dialect::Letters;
use tillway::loymax::sign::Profile;

async fn reached(setting: Setting) {
    let report = Report::run(Level::Maximum, setting).await;
    println!("{report}\n");
    assert!(report.to_string().ends_with("\n30 of 30"), "{report}");
    assert!(report.is_reached(), "{report}");
}

#[tokio::test]
async fn thirty_of_thirty_without_signatures() {
    reached(Setting::new(Profile::None, Letters::Utf8)).await;
    reached(Setting::new(Profile::None, Letters::Windows1251)).await;
}

#[tokio::test]
async fn thirty_of_thirty_with_detached_signatures() {
    reached(Setting::new(Profile::DetachedBody, Letters::Utf8)).await;
    reached(Setting::new(Profile::DetachedBody, Letters::Windows1251)).await;
}

#[tokio::test]
async fn thirty_of_thirty_with_enveloped_signatures() {
    reached(Setting::new(Profile::EnvelopedXmlDsig, Letters::Utf8)).await;
    reached(Setting::new(Profile::EnvelopedXmlDsig, Letters::Windows1251)).await;
}

#[tokio::test]
async fn a_lower_level_has_its_rows_in_one_table() {
    let reports = Reports::run(Level::Minimum).await;
    let table = reports.to_string();
    assert!(reports.is_reached() && table.ends_with("\n10 of 10"), "{table}");
    assert!(table.contains(" 19  мин   да  да  да  да  да  да   Прямые скидки\n"), "{table}");
}

#[test]
fn the_levels_have_ten_twenty_and_thirty_rows() {
    let count = |level| ROWS.iter().filter(|row| row.level <= level).count();
    let counts = [Level::Minimum, Level::Middle, Level::Maximum].map(count);
    assert_eq!(counts, [10, 20, 30]);
    assert!((1..).zip(ROWS).all(|(number, row)| row.number == number));
}
