//! A book that was last written long ago: a venue asks a person, the demo goes on.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use common::{ask, command, folder, serve, stderr, stdout};

const VENUE: &str = r#"
fiscal = "external_declared"
[[till]]
id = "till-1"
token = "a-long-random-text"
[payment_types]
"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc" = "bonus"
"#;

/// Makes the book as old as if nothing had been written for nine days.
fn age(data: &Path) {
    let book = rusqlite::Connection::open(data.join("tillway.db")).unwrap();
    let aged = book.execute("UPDATE movements SET at_ms = at_ms - 9 * 86400000", []).unwrap();
    assert!(aged > 0);
    let days = "UPDATE streams SET at_ms = at_ms - 9 * 86400000";
    book.execute(days, []).unwrap();
}

#[test]
fn f34_a_venue_asks_a_person_about_its_clock() {
    let (folder, data) = folder();
    let config = folder.path().join("venue.toml");
    fs::write(&config, VENUE).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let stand = serve(&data, &config);
    assert_eq!(stdout(&stand.command(&["clock", "show"])), "the clock is sound\n");
    assert!(stand.command(&["guest", "add", "7", "--deposit", "0"]).status.success());
    assert!(stand.command(&["guest", "top-up", "7", "100"]).status.success());
    assert_eq!(stand.stop().0, Some(0));
    age(&data);
    // Without a stand that runs, too; but only one that runs can be told.
    let refused = command(&data, &[&["guest", "top-up", "7", "1"][..], &config].concat());
    assert!(stderr(&refused).contains("the clock of this machine is in doubt"), "{refused:?}");
    let shown = command(&data, &[&["clock", "show"][..], &config].concat());
    assert!(stdout(&shown).contains("by the book it should be near"), "{shown:?}");
    let unheard = command(&data, &["clock", "confirm"]);
    assert!(stderr(&unheard).contains("no stand runs on this folder"), "{unheard:?}");

    let stand = serve(&data, &config);
    let page = |part: &str| ask(stand.page, "GET", "/", &[], "").body.contains(part);
    assert!(page("class=bad>Clock: the clock says"));
    assert!(stderr(&stand.command(&["guest", "top-up", "7", "1"])).contains("in doubt"));
    let confirmed = stdout(&stand.command(&["clock", "confirm"]));
    assert!(confirmed.ends_with("confirmed: new money moves again\n"), "{confirmed}");
    assert!(stand.command(&["guest", "top-up", "7", "1"]).status.success());
    let again = stdout(&stand.command(&["clock", "confirm"]));
    assert_eq!(again, "the clock is sound, there is nothing to confirm\n");
    assert!(!page("Clock:"));
    let (code, log) = stand.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("stand clock confirm"), "{log}");
    assert!(log.contains("the clock is confirmed"), "{log}");
}

#[test]
fn f34_a_demo_of_last_week_just_goes_on() {
    let (_folder, data) = folder();
    assert_eq!(serve(&data, &[]).stop().0, Some(0));
    age(&data);
    let stand = serve(&data, &[]);
    assert_eq!(stdout(&stand.command(&["clock", "show"])), "the clock is sound\n");
    assert!(stand.command(&["guest", "accrue", "149725735", "1"]).status.success());
    let (code, log) = stand.stop();
    assert_eq!(code, Some(0));
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    // Nor does a command need a stand that runs.
    let accrued = command(&data, &["guest", "accrue", "149725735", "1"]);
    assert!(accrued.status.success(), "{accrued:?}");
}
