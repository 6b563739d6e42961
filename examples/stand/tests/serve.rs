//! Starting, stopping, and what is there again afterwards.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use common::{command, folder, port_base, serve, stderr, stdout};

const ORDER: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
const LIMITS: &str = "/orders/3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11/paymentLimits";
const PAYMENT: &str = "/pos/v1/payments/5d2f0c1e-7a43-4c58-9c0b-2b1a6e4f8d01";
const TOKEN: &str = "Authorization: Bearer till-1-secret";
const JSON: &str = "Content-Type: application/json";

/// Takes 750.00 of points from the guest of the seed.
fn pay(stand: &common::Serving) {
    let body = r#"{"orderId":"3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11","bindingEpoch":1,
        "walletId":"6d0a1a52-7d5c-5b52-8a5e-0d3f7c7b1e01","amountMinor":75000,
        "orderTotalMinor":165000,"paymentTypeId":"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc"}"#;
    let answer = stand.ask("PUT", PAYMENT, &[TOKEN, JSON], body);
    assert_eq!(answer.status, "HTTP/1.1 201 Created", "{}", answer.body);
}

#[test]
fn a_second_start_finds_the_data_of_the_first() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let table = stand.table.join("\n");
    assert!(table.contains(&format!("http://127.0.0.1:{}/", stand.page)), "{table}");
    assert!(table.contains(&format!("http://127.0.0.1:{}/", stand.till)), "{table}");
    assert_eq!(stand.check_in(ORDER, "149725735").status, "HTTP/1.1 204 No Content");
    pay(&stand);
    let (code, log) = stand.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!data.join("control.toml").exists());

    let stand = serve(&data, &[]);
    let limits = stand.ask("GET", LIMITS, &[], "").body;
    assert_eq!(limits, r#"{"BonusSum":84115,"DepositSum":100941}"#);
    // The power goes: what was answered is there all the same, and so is an old control.toml.
    stand.kill();
    assert!(data.join("control.toml").exists());
    let shown = command(&data, &["guest", "show", "10541"]);
    assert!(stdout(&shown).contains("84 115,00 available"), "{shown:?}");
    let stand = serve(&data, &[]);
    assert!(stand.ask("GET", PAYMENT, &[TOKEN], "").body.contains(r#""state":"captured""#));
    assert_eq!(stand.stop().0, Some(0));
}

#[test]
fn fresh_begins_again_and_only_with_the_demo() {
    let (_folder, data) = folder();
    let stand = serve(&data, &["--fresh"]);
    assert_eq!(stand.check_in(ORDER, "149725735").status, "HTTP/1.1 204 No Content");
    pay(&stand);
    stand.stop();
    let stand = serve(&data, &["--fresh"]);
    assert_eq!(stand.ask("GET", LIMITS, &[], "").body, r#"{"BonusSum":0,"DepositSum":0}"#);
    assert_eq!(stand.ask("GET", PAYMENT, &[TOKEN], "").status, "HTTP/1.1 404 Not Found");
    stand.stop();

    // A guest of one's own, and a file of one's own.
    fs::write(data.join("notes.txt"), "mine").unwrap();
    refused(&data, &["--fresh"], "holds notes.txt, which is not the demo's");
    fs::remove_file(data.join("notes.txt")).unwrap();
    assert!(command(&data, &["guest", "add", "7"]).status.success());
    refused(&data, &["--fresh"], "holds guest 7, who is not of the demo");
    assert!(stdout(&command(&data, &["guest", "show", "7"])).starts_with("7 (7)"));
    refused(&data, &["--fresh", "guest", "list"], "--fresh");
}

#[test]
fn a_folder_has_one_process_and_one_mode() {
    let (folder, data) = folder();
    let stand = serve(&data, &[]);
    refused(&data, &["--port-base", &port_base().to_string()], "is in use by another stand");
    // Commands still work: they go to the one that runs.
    assert!(stand.command(&["guest", "list"]).status.success());
    stand.stop();

    let config = folder.path().join("venue.toml");
    fs::write(&config, VENUE).unwrap();
    let config = config.to_str().unwrap();
    let demo = "holds data of a demo, and this start is for a venue";
    refused(&data, &["--config", config], demo);
    let venue = folder.path().join("venue");
    let stand = serve(&venue, &["--config", config]);
    assert!(stand.table[0].contains("venue data"), "{:?}", stand.table);
    assert_eq!(stand.ask("GET", "/ping", &[], "").status, "HTTP/1.1 204 No Content");
    let refusal = stand.command(&["guest", "top-up", "7", "1"]);
    assert!(stderr(&refusal).contains("no guest has the number"), "{refusal:?}");
    assert!(stand.command(&["guest", "add", "7", "--deposit", "0"]).status.success());
    let refusal = stand.command(&["guest", "top-up", "7", "1"]);
    assert!(stderr(&refusal).contains("external_declared"), "{refusal:?}");
    assert_eq!(stand.stop().0, Some(0));
    refused(&venue, &[], "holds data of a venue, and this start is for a demo");
    refused(&venue, &["--fresh"], "holds a venue's data");
}

const VENUE: &str = r#"
[[till]]
id = "till-1"
token = "a-long-random-text"
[payment_types]
"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc" = "bonus"
"#;

#[test]
fn a_log_of_the_store_without_its_file_is_not_thrown_away() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    assert_eq!(stand.check_in(ORDER, "149725735").status, "HTTP/1.1 204 No Content");
    pay(&stand);
    stand.kill();
    let (store, log, aside) =
        (data.join("tillway.db"), data.join("tillway.db-wal"), data.join("../aside"));
    let before = fs::read(&log).unwrap();
    assert!(!before.is_empty());
    fs::rename(&store, &aside).unwrap();
    let why = "holds tillway.db-wal, and tillway.db is missing or empty";
    refused(&data, &[], why);
    fs::write(&store, b"").unwrap();
    refused(&data, &[], why);
    assert_eq!(fs::read(&log).unwrap(), before);

    fs::rename(&aside, &store).unwrap();
    let stand = serve(&data, &[]);
    assert!(stand.ask("GET", PAYMENT, &[TOKEN], "").body.contains(r#""state":"captured""#));
    assert_eq!(stand.stop().0, Some(0));
}

#[test]
fn a_venue_whose_store_is_gone_does_not_begin_again_with_nothing() {
    let (folder, data) = folder();
    let config = folder.path().join("venue.toml");
    fs::write(&config, VENUE).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    assert_eq!(serve(&data, &config).stop().0, Some(0));
    let store = data.join("tillway.db");
    let aside = data.join("../aside");
    fs::rename(&store, &aside).unwrap();
    let why = "had a venue's data, and tillway.db is missing or empty";
    refused(&data, &config, why);
    fs::write(&store, b"").unwrap();
    refused(&data, &config, why);
    fs::rename(&aside, &store).unwrap();
    assert_eq!(serve(&data, &config).stop().0, Some(0));
}

#[test]
#[cfg(unix)]
fn a_new_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, data) = folder();
    assert!(command(&data, &["guest", "list"]).status.success());
    let mode = fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "{mode:o}");
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let (_folder, data) = folder();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("tillway.db"), "this is no database at all, but a note of somebody")
        .unwrap();
    refused(&data, &[], "tillway.db is not a database");
    refused(&data, &["--fresh"], "a database of unknown origin");
    fs::rename(data.join("tillway.db"), data.join("letter.txt")).unwrap();
    refused(&data, &[], "holds letter.txt, which is not the stand's");
    assert!(fs::read_to_string(data.join("letter.txt")).unwrap().starts_with("this is no"));

    let (_folder, data) = common::folder();
    serve(&data, &[]).stop();
    fs::write(data.join("tillway.db"), [7_u8; 4_096]).unwrap();
    refused(&data, &[], "tillway.db is not a database");
    fs::write(data.join("stand.toml"), "mode = ").unwrap();
    refused(&data, &[], "stand.toml: ");
    fs::remove_file(data.join("stand.toml")).unwrap();
    refused(&data, &[], "tillway.db is not a database");
    let file = data.join("tillway.db");
    refused(&file, &[], "tillway.db is not a folder");
}

#[test]
#[cfg(unix)]
fn a_damaged_store_ends_the_stand_with_an_error() {
    let (_folder, data) = folder();
    let mut stand = serve(&data, &[]);
    for name in ["tillway.db", "tillway.db-wal", "tillway.db-shm"] {
        let file = fs::OpenOptions::new().write(true).open(data.join(name)).unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![7; length], 0).unwrap();
    }
    assert_eq!(stand.wait(), Some(1));
    let log = stand.log();
    assert!(log.contains("error: the store is damaged or its disk failed"), "{log}");
}

#[test]
fn a_port_that_is_taken_or_does_not_exist_is_named() {
    let (_folder, data) = folder();
    for (base, expected) in [
        ("65530", "the simulated register would listen on port 74562, and the highest is 65535"),
        ("65536", "the base may be 56503 at most"),
        ("0", "the lowest port is 1"),
    ] {
        refused(&data, &["--port-base", base], expected);
    }
    let base = port_base();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", base)).unwrap();
    let base = base.to_string();
    refused(&data, &["--port-base", &base], "is in use by another program");
    assert!(!data.join("control.toml").exists());
}

#[test]
fn the_page_shows_what_runs_with_lines_to_paste() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let page = common::ask(stand.page, "GET", "/", &[], "");
    assert_eq!(page.status, "HTTP/1.1 200 OK");
    let till = format!("TILL=http://127.0.0.1:{}", stand.till);
    for part in [till.as_str(), "Анна Сергеевна", "84&nbsp;865,00", "pos/v1/payments/", "till-1"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(common::ask(stand.page, "HEAD", "/", &[], "").body, "");
    let refused = common::ask(stand.page, "POST", "/", &[], "x");
    assert_eq!(refused.status, "HTTP/1.1 405 Method Not Allowed");
    let missing = common::ask(stand.page, "GET", "/etc", &[], "");
    assert_eq!(missing.status, "HTTP/1.1 404 Not Found");
}

#[test]
fn logs_know_no_secrets() {
    let log = log_of(&["--log", "trace"]);
    assert!(log.contains("check-in"), "{log}");
}

#[test]
fn logs_in_json_are_objects_and_know_no_secrets() {
    let log = log_of(&["--log", "trace", "--log-format", "json"]);
    let lines: Vec<_> = log.lines().map(object).collect();
    assert!(lines.len() > 20, "{log}");
    for line in &lines {
        for member in ["timestamp", "level", "message", "target"] {
            // What hyper tells of a connection has no message of its own.
            let known = line[member].is_string() || member == "message";
            assert!(known, "{member} is not in {line}");
        }
    }
    let check_in = lines.iter().find(|line| line["message"] == "check-in").unwrap();
    assert_eq!((&check_in["till"], &check_in["level"]), (&"till-1".into(), &"INFO".into()));
    assert_eq!(check_in["value"], "9 characters, …5735");
}

#[test]
fn the_last_word_is_json_too_whatever_the_filter_says() {
    let (_folder, data) = folder();
    fs::write(&data, "no folder").unwrap();
    let output = command(&data, &["--log-format", "json", "--log", "off"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    let word = object(said.trim_end());
    assert_eq!(word["level"], "ERROR");
    assert!(word["message"].as_str().unwrap().ends_with("is not a folder"), "{word}");
    assert!(word["timestamp"].as_str().unwrap().starts_with("20"), "{word}");
}

/// A line as the JSON object that it must be.
fn object(line: &str) -> serde_json::Value {
    let value = serde_json::from_str::<serde_json::Value>(line);
    let value = value.unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(value.is_object(), "{line}");
    value
}

/// What a stand with these options logs of a paid bill; nothing in it may be a secret.
fn log_of(options: &[&str]) -> String {
    let (_folder, data) = folder();
    let stand = serve(&data, options);
    assert_eq!(stand.check_in(ORDER, "149725735").status, "HTTP/1.1 204 No Content");
    pay(&stand);
    let qr = stdout(&stand.command(&["guest", "qr", "10541"]));
    let other = "11111111-2222-4333-8444-555555555555";
    assert_eq!(stand.check_in(other, qr.trim()).status, "HTTP/1.1 204 No Content");
    let control = fs::read_to_string(data.join("control.toml")).unwrap();
    let secret = control.split('"').nth(3).unwrap().to_owned();
    assert_eq!(secret.len(), 64, "{control}");
    let (code, log) = stand.stop();
    assert_eq!(code, Some(0));
    for secret in ["12345\"", "\"12345", "till-1-secret", "149725735", qr.trim(), &secret] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    log
}

/// Starts in vain, with one line of error.
fn refused(data: &Path, args: &[&str], expected: &str) {
    let output = command(data, args);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {text}");
    let errors: Vec<_> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{text}");
    assert!(errors[0].contains(expected), "{expected}: {text}");
}
