//! Commands, with a stand that serves and without one.

mod common;

use std::fs;

use common::{command, folder, serve, stderr, stdout};

#[test]
fn a_token_of_guest_qr_is_good_once() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let minted = stand.command(&["guest", "qr", "149725735", "--seconds", "60"]);
    let token = stdout(&minted);
    let token = token.trim();
    assert!(token.starts_with("lt1.demo."), "{minted:?}");
    let (one, other) =
        ("11111111-2222-4333-8444-555555555555", "22222222-3333-4444-8555-666666666666");
    assert_eq!(stand.check_in(one, token).status, "HTTP/1.1 204 No Content");
    let refused = stand.check_in(other, token);
    assert!(refused.body.contains("Код уже использован"), "{refused:?}");
}

#[test]
fn the_demo_has_its_four_guests() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let limits = |value: &str, order: &str| {
        let answer = stand.check_in(order, value);
        assert_eq!(answer.status, "HTTP/1.1 204 No Content", "{value}: {}", answer.body);
        stand.ask("GET", &format!("/orders/{order}/paymentLimits"), &[], "").body
    };
    let anna = limits("04 5e 3a 7c 91 2b 80", "11111111-2222-4333-8444-000000000001");
    assert_eq!(anna, r#"{"BonusSum":84865,"DepositSum":100941}"#);
    let nameless = limits("149725742", "11111111-2222-4333-8444-000000000002");
    assert_eq!(nameless, r#"{"BonusSum":0,"DepositSum":5000}"#);
    let all = limits("149725743", "11111111-2222-4333-8444-000000000003");
    assert_eq!(all, r#"{"BonusSum":1200,"DepositSum":3000}"#);
    let blocked = stand.check_in("11111111-2222-4333-8444-000000000004", "149725744");
    assert!(blocked.body.contains("заблокирована"), "{blocked:?}");
    let named = "/orders/11111111-2222-4333-8444-000000000002/loyalty";
    assert!(stand.ask("GET", named, &[], "").body.contains(r#""Suggestions":["10542""#));
    let photo = "/orders/11111111-2222-4333-8444-000000000001/loyalty";
    let photo = stand.ask("GET", photo, &[], "");
    assert!(photo.headers.iter().any(|line| line.contains("multipart/form-data")), "{photo:?}");
}

#[test]
fn a_guest_is_not_half_added() {
    let (_folder, data) = folder();
    let refused = |args: &[&str], why: &str| {
        let output = command(&data, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(stderr(&output).contains(why), "{why}: {output:?}");
        let shown = command(&data, &["guest", "show", "7"]);
        assert!(stderr(&shown).contains("no guest has the number"), "{shown:?}");
    };
    let taken = "the card 149725735 belongs to guest 10541";
    refused(&["guest", "add", "7", "--card", "5", "--card", "149725735"], taken);
    refused(&["guest", "add", "7", "--deposit=-5"], "an overdraft is not below zero");
}

#[test]
fn what_is_said_does_not_steer_the_terminal() {
    let (_folder, data) = folder();
    let added = command(&data, &["guest", "add", "7", "--first", "\u{1b}[31mred\n8"]);
    assert!(stdout(&added).starts_with("\\u{1b}[31mred"), "{added:?}");
    assert!(!stdout(&added).contains('\u{1b}'), "{added:?}");
}

#[test]
#[cfg(unix)]
fn a_photo_without_an_end_is_refused() {
    let (_folder, data) = folder();
    let output = command(&data, &["guest", "photo", "10541", "/dev/zero"]);
    assert!(stderr(&output).contains("/dev/zero: larger than 512 KiB"), "{output:?}");
}

/// A story of commands; each row is a command, and a part of what is said.
const ROWS: &[(&str, Result<&str, &str>)] = &[
    ("guest list", Ok("4 guests")),
    ("guest list --limit 1", Ok("the first 1 guests; more with --limit")),
    (
        "guest show 10541",
        Ok("deposit   c1b1f3c0-2b8a-5f0a-9a41-77d2a1f0be02 \"Депозит\": 100 941,00"),
    ),
    ("guest show 04:5E:3A:7C:91:2B:80", Ok("Анна Сергеевна (10541)")),
    ("guest show 999", Err("no guest has the number, card or id \"999\"")),
    ("guest add 10541", Err("guest 10541 is there already")),
    ("guest add 7 --phone 12", Err("is not a phone number")),
    (
        "guest add 7 --first Юля --phone 89161112233 --card 777 --bonus --deposit 100 --credit 5",
        Ok("Юля (7)"),
    ),
    ("guest carrier 7 888", Ok("carrier 888 of guest 7")),
    ("guest carrier 7 149725735", Err("the carrier belongs to another guest")),
    ("guest carrier 7 777 --block", Ok("carrier 777 of guest 7, blocked")),
    ("guest carrier 7 999 --block", Err("7 has no carrier 999")),
    ("guest top-up 7 150.50", Err("name one with --account")),
    (
        "guest top-up 7 150,50 --account deposit --operation 11111111-2222-4333-8444-555555555555",
        Ok("250,50 available, balance 150,50, overdraft 100,00"),
    ),
    (
        "guest top-up 7 150.50 --account deposit --operation 11111111-2222-4333-8444-555555555555",
        Ok("250,50 available, balance 150,50"),
    ),
    (
        "guest top-up 7 1 --account deposit --operation 11111111-2222-4333-8444-555555555555",
        Err("the operation id belongs to another request"),
    ),
    ("guest top-up 7 1.505 --account deposit", Err("is not an amount such as 1500.00")),
    ("guest top-up 7 -- -1 --account deposit", Err("")),
    ("guest top-up 7 0 --account deposit", Err("zero, negative or too large")),
    ("guest top-up 7 5 --account bonus", Err("the accounts do not fit the movement")),
    ("guest accrue 7 20", Ok("20,00 available")),
    (
        "guest overdraft 7 5000 --account credit",
        Ok("5 000,00 available, balance 0,00, overdraft 5 000,00"),
    ),
    ("guest statement 7 --account deposit", Ok("150,50  top-up")),
    ("guest statement 7 --account credit", Ok("no movements yet")),
    ("guest block 7", Ok("guest 7 is blocked")),
    ("guest unblock 7", Ok("guest 7 is not blocked")),
    (
        "guest block 7 --account credit",
        Ok("0,00 available, balance 0,00, overdraft 5 000,00, blocked"),
    ),
    ("guest qr 7", Ok("lt1.demo.")),
    ("guest qr 7 --seconds 121", Err("121 is not in 1..=120")),
    ("guest photo 7 --remove", Ok("guest 7 has no photo any more")),
    ("till list", Ok("till-1           127.0.0.1:")),
    ("till pair till-1 phone-7", Ok("phone-7 works with till-1")),
    ("till pair till-1 phone-8", Err("the till has a device already")),
    ("till pair till-2 phone-8", Err("no till is called till-2")),
    ("till pair till-1 телефон", Err("1 to 64 characters")),
    ("till list", Ok(" phone-7")),
    ("till unpair till-1 phone-7", Ok("phone-7 does not work with till-1 any more")),
];

/// Runs the rows one after the other.
fn story(run: impl Fn(&[&str]) -> std::process::Output) {
    for (row, expected) in ROWS {
        let output = run(&row.split(' ').collect::<Vec<_>>());
        let (said, failed) = (stdout(&output), stderr(&output));
        match expected {
            Ok(part) => {
                assert!(output.status.success() && said.contains(part), "{row}: {said}{failed}")
            }
            Err(part) => {
                assert!(!output.status.success() && failed.contains(part), "{row}: {said}{failed}");
            }
        }
    }
}

#[test]
fn commands_reach_the_stand_that_serves() {
    let (folder, data) = folder();
    let stand = serve(&data, &[]);
    story(|args| stand.command(args));
    let photo = folder.path().join("photo.png");
    fs::write(&photo, b"\x89PNG\r\n\x1a\n, more or less").unwrap();
    let photo = photo.to_str().unwrap();
    let done = stand.command(&["guest", "photo", "7", photo]);
    assert!(stdout(&done).contains("guest 7 has a new photo"), "{done:?}");
    fs::write(photo, "a text").unwrap();
    let done = stand.command(&["guest", "photo", "7", photo]);
    assert!(stderr(&done).contains("a JPEG or PNG of at most 512 KiB"), "{done:?}");
    fs::write(photo, vec![0; 600 * 1024]).unwrap();
    let done = stand.command(&["guest", "photo", "7", photo]);
    assert!(stderr(&done).contains("larger than 512 KiB"), "{done:?}");
    assert_eq!(stand.stop().0, Some(0));
}

#[test]
fn commands_open_the_folder_when_nobody_serves() {
    let (_folder, data) = folder();
    story(|args| command(&data, args));
}

#[test]
#[cfg(unix)]
fn the_control_port_wants_the_secret_that_its_owner_alone_can_read() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let file = data.join("control.toml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let port: u16 = text.split([':', '"']).nth(2).unwrap().parse().unwrap();
    let secret = text.split('"').nth(3).unwrap();
    let command = r#"{"guest_list":{"limit":1}}"#;
    let ask = |header: &str, body| common::ask(port, "POST", "/command", &[header], body).status;
    let good = format!("Authorization: Bearer {secret}");
    assert_eq!(ask("X-None: 1", command), "HTTP/1.1 401 Unauthorized");
    assert_eq!(ask("Authorization: Bearer x", command), "HTTP/1.1 401 Unauthorized");
    assert_eq!(ask(&good, command), "HTTP/1.1 200 OK");
    let nonsense = common::ask(port, "POST", "/command", &[good.as_str()], "{");
    assert!(nonsense.body.contains("of another version"), "{nonsense:?}");
    let elsewhere = common::ask(port, "GET", "/", &[good.as_str()], "");
    assert_eq!(elsewhere.status, "HTTP/1.1 404 Not Found");
    drop(stand);
}

#[test]
fn demo_table_tells_the_story_and_holds() {
    let (_folder, data) = folder();
    let told = command(&data, &["demo", "table"]);
    let text = stdout(&told);
    assert_eq!(told.status.code(), Some(0), "{text}{}", stderr(&told));
    for part in ["Анна Сергеевна", "84 865,00", "750,00", "900,00", "возврата", "Всё сходится."]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("НЕТ"), "{text}");
    // It has a folder of its own.
    assert!(!data.exists());
}

#[test]
fn demo_loymax_reports_a_level_and_holds() {
    let (_folder, data) = folder();
    let told = command(&data, &["demo", "loymax", "--level", "minimum"]);
    let text = stdout(&told);
    assert_eq!(told.status.code(), Some(0), "{text}{}", stderr(&told));
    assert!(text.trim_end().ends_with("10 of 10") && !text.contains("НЕТ"), "{text}");
    // What goes wrong on purpose is not logged.
    assert_eq!(stderr(&told), "");
    assert!(!data.exists());
}

#[test]
fn help_has_an_example_for_each_command() {
    let (_folder, data) = folder();
    let help = |args: &[&str]| {
        let output = command(&data, args);
        assert!(output.status.success(), "{args:?}");
        stdout(&output)
    };
    assert!(help(&["--help"]).contains("Examples"));
    let listed = |text: String| -> Vec<String> {
        let commands = text.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        let names = commands.lines().filter_map(|line| line.split_whitespace().next());
        names.map(str::to_owned).filter(|name| name != "help").collect()
    };
    for group in ["guest", "till", "demo"] {
        for name in listed(help(&[group, "-h"])) {
            assert!(help(&[group, &name, "--help"]).contains("Example"), "{group} {name}");
        }
    }
    for name in ["serve", "check-config", "check", "backup", "restore"] {
        assert!(help(&[name, "--help"]).contains("Example"), "{name}");
    }
}
