//! `check-config` asks the devices of a venue. One test alone writes a program and starts it: a
//! second one could have it open still.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::path::Path;

use common::{BINARY, command, folder, port_base, serve, stdout};

const VENUE: &str = "[[till]]\nid = \"till-1\"\ntoken = \"a-long-random-text\"\n\
    [payment_types]\n\"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc\" = \"bonus\"\n";

/// Exit code and what is said of these devices.
fn check(devices: &str) -> (Option<i32>, String) {
    let (folder, data) = folder();
    let file = folder.path().join("venue.toml");
    fs::write(&file, format!("{VENUE}{devices}")).unwrap();
    let base = port_base().to_string();
    let args = ["--config", file.to_str().unwrap(), "--port-base", &base, "check-config"];
    let output = command(&data, &args);
    (output.status.code(), stdout(&output) + &common::stderr(&output))
}

#[test]
fn devices_are_asked_and_what_is_missing_is_named() {
    let (place, data) = folder();
    let stand = serve(&data, &[]);
    let (register, terminal) = (stand.register, stand.terminal);
    let good = format!(
        "[atol]\naddress = \"http://127.0.0.1:{register}\"\ndevice = \"kiosk1\"\n\
         shared = true\nrates = [\"none\", \"vat22\", \"vat122\"]\n\
         [terminal]\nkind = \"dualconnector\"\naddress = \"http://127.0.0.1:{terminal}\"\n"
    );
    let (code, said) = check(&good);
    assert_eq!(code, Some(0), "{said}");
    let first = format!("register at http://127.0.0.1:{register}: ");
    let answers = said.lines().any(|line| line.starts_with(&first) && line.ends_with("answers"));
    assert!(answers, "{said}");
    assert!(said.contains("card terminal 00012345 answers"), "{said}");

    let folder = place.path().join("sber");
    let sberbank = |folder: &Path| {
        check(&format!("[terminal]\nkind = \"sberbank\"\nfolder = '{}'\n", folder.display()))
    };
    let (code, said) = sberbank(&folder);
    assert!(code == Some(1) && said.contains("is not a folder"), "{said}");
    fs::create_dir(&folder).unwrap();
    let (code, said) = sberbank(&folder);
    assert!(code == Some(1) && said.contains("the program cannot be started"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let program = folder.join("sb_pilot");
        fs::write(&program, format!("#!/bin/sh\nexec '{BINARY}' sb-pilot \"$@\"\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let (code, said) = sberbank(&folder);
        assert!(code == Some(0) && said.contains("card terminal"), "{said}");
    }

    let at = |address: &str, more: &str| format!("[atol]\naddress = \"{address}\"\n{more}");
    let terminal = |rest: &str| format!("[terminal]\nkind = \"dualconnector\"\n{rest}");
    let nobody = format!("http://127.0.0.1:{}", port_base());
    let rows = [
        (at(&nobody, ""), "register at http://127.0.0.1:"),
        (at(&nobody, "user = \"till\""), "section atol: user and password go together"),
        (at("127.0.0.1", ""), "section atol: "),
        (at(&nobody, "device = \"касса\""), "section atol: "),
        (at(&nobody, "printer = 1"), "unknown field `printer`"),
        (at(&nobody, "rates = [\"none\", \"vat18\"]"), "key rates: \"vat18\" is none of none, "),
        (at(&nobody, "rates = []"), "section atol: "),
        (at(&nobody, "rates = \"vat22\""), "key rates: expected a sequence"),
        (at(&nobody, "shared = 1"), "key shared: expected a boolean"),
        (terminal(&format!("address = \"{nobody}\"")), "card terminal: no link to the terminal"),
        (terminal("address = \"127.0.0.1\""), "section terminal: "),
        (terminal(""), "missing field `address`"),
        ("[terminal]\nkind = \"sberbank\"\nfolder = \"\"".to_owned(), "key folder: empty"),
        ("[terminal]\nkind = \"other\"".to_owned(), "unknown variant `other`"),
    ];
    for (devices, expected) in rows {
        let (code, said) = check(&devices);
        assert!(code == Some(1) && said.contains(expected), "{devices}: {expected}: {said}");
    }
    assert_eq!(stand.stop().0, Some(0));
}
