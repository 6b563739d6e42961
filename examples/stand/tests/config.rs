//! Configuration files, good and bad, as a person at the terminal meets them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::process::Output;

use common::{command, folder, port_base, stderr, stdout};

const TILL: &str = "[[till]]\nid = \"till-1\"\ntoken = \"a-long-random-text\"\n";
const TYPES: &str = "[payment_types]\n\"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc\" = \"bonus\"\n";

fn run(text: &[u8], args: &[&str]) -> Output {
    let (folder, data) = folder();
    let file = folder.path().join("venue.toml");
    fs::write(&file, text).unwrap();
    let base = port_base().to_string();
    let mut all = vec!["--config", file.to_str().unwrap(), "--port-base", &base];
    all.extend(args);
    command(&data, &all)
}

#[test]
fn a_bad_file_is_told_with_line_and_key_and_nothing_starts() {
    let good = format!("{TILL}{TYPES}");
    let rows: [(String, &str); 16] = [
        (format!("bridge = \"pull\"\n{good}"), "venue.toml, line 1, key bridge: unknown variant"),
        (format!("fizz = 1\n{good}"), "venue.toml, line 1, key fizz: unknown field `fizz`"),
        (format!("{good}\n[limits]\nsize = 1"), "key size: unknown field `size`"),
        (format!("{good}[[till]]\nid = \"b\""), "missing field `token`"),
        ("[[till]".to_owned(), "venue.toml, line 1: "),
        (
            format!("installation = \"x\"\n{good}"),
            "venue.toml: key installation: \"x\" is not a GUID",
        ),
        (format!("min_money = -1\n{good}"), "key min_money: below zero"),
        (format!("bonus_cap_percent = 101\n{good}"), "key bonus_cap_percent: 0 to 100"),
        (format!("bridge_seconds = 60\n{good}"), "key bridge_seconds: 1 to 7"),
        (
            format!("{good}[[token_keys]]\nkid = \"a\"\nkey = \"short\""),
            "a token key has 16 to 128 bytes",
        ),
        (format!("{good}[texts]\nnonsense = \"x\""), "key texts: "),
        (format!("{good}[limits]\nheader_seconds = 0"), "key limits.header_seconds: 1 to 86400"),
        (format!("{good}[limits]\nconnections = 0"), "key limits.connections: 1 to 65536"),
        (format!("{good}[limits]\nbody_kib = 4194304"), "key limits.body_kib: 1 to 65536"),
        (TILL.replace("till-1", "касса") + TYPES, "key id: "),
        (
            format!("{TILL}allowed_peers = [\"lan\"]\n{TYPES}"),
            "allowed_peers, \"lan\": not an address",
        ),
    ];
    for (text, expected) in rows {
        for args in [&["serve"][..], &["check-config"], &["guest", "list"]] {
            let output = run(text.as_bytes(), args);
            let error = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{text}: {error}");
            assert!(error.contains(expected), "{expected}: {error}");
            assert!(!error.contains("a-long-random-text"), "{error}");
        }
    }
    assert!(stderr(&run(b"\xFF\xFE", &[])).contains("not a text in UTF-8"));
    let (_folder, data) = folder();
    let missing = command(&data, &["--config", "/nowhere/venue.toml"]);
    assert!(stderr(&missing).contains("error: /nowhere/venue.toml: "), "{missing:?}");
}

#[test]
fn check_config_lists_all_findings_and_serve_does_not_start_on_them() {
    let text = "bridge = \"none\"\n[[till]]\nid = \"till-1\"\nlisten = \"0.0.0.0:7710\"\n\
                token = \"till-1-secret\"\n[payment_types]\n\
                \"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc\" = \"bonus\"\n\
                \"0668E65515A04B5EAB3CC7F7003CB8CC\" = \"credit\"";
    let findings =
        ["bridge: none is for the demo", "its token is the demo's", "two kinds", "allowed_peers"];
    let checked = run(text.as_bytes(), &["check-config"]);
    assert_eq!(checked.status.code(), Some(1));
    let said = stdout(&checked);
    for finding in findings {
        let lines = said.lines().filter(|line| line.contains(finding)).count();
        assert_eq!(lines, 1, "{finding}: {said}");
    }
    let served = run(text.as_bytes(), &["serve"]);
    assert_eq!(served.status.code(), Some(1));
    assert!(findings.iter().all(|finding| stderr(&served).contains(finding)), "{served:?}");
}

#[test]
fn check_config_looks_at_ports_and_folder() {
    let good = format!("{TILL}{TYPES}");
    let checked = run(good.as_bytes(), &["check-config"]);
    assert_eq!(stdout(&checked), "the configuration is good\n", "{checked:?}");
    assert_eq!(checked.status.code(), Some(0));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("listen = \"{}\"\n", taken.local_addr().unwrap());
    let checked = run(format!("{TILL}{listen}{TYPES}").as_bytes(), &["check-config"]);
    assert!(stdout(&checked).contains("is in use by another program"), "{checked:?}");

    let (folder, data) = folder();
    fs::write(&data, "a file").unwrap();
    let base = port_base().to_string();
    let checked = command(&data, &["--port-base", &base, "check-config"]);
    assert!(stdout(&checked).contains(&data.display().to_string()), "{checked:?}");
    assert_eq!(checked.status.code(), Some(1));
    drop(folder);
}

#[test]
fn check_config_is_content_beside_its_own_stand() {
    let (_folder, data) = folder();
    let stand = common::serve(&data, &[]);
    let base = stand.page.to_string();
    let checked = stand.command(&["--port-base", &base, "check-config"]);
    assert_eq!(stdout(&checked), "the configuration is good\n", "{checked:?}");
    assert_eq!(stand.stop().0, Some(0));
}
