//! The program runs, and what it prints is a receipt.

use std::process::Command;

#[test]
fn a_receipt_comes_out() {
    let run = Command::new(env!("CARGO_BIN_EXE_receipt")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let out = String::from_utf8(run.stdout).unwrap();
    for line in ["ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ", "КАССОВЫЙ ЧЕК", "Суп дня", "Заказ К-42", "&s=190.00&"]
    {
        assert!(out.contains(line), "{line} is not in {out}");
    }
}

#[test]
fn an_address_without_a_server_is_told() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_receipt"));
    let run = command.arg("127.0.0.1").output().unwrap();
    assert!(!run.status.success());
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(told.contains("BadAddress"), "{told}");
}

#[test]
fn help_has_examples_and_prints_no_receipt() {
    let help = |option: &str| {
        let run = Command::new(env!("CARGO_BIN_EXE_receipt")).arg(option).output().unwrap();
        (run.status.code(), String::from_utf8(run.stdout).unwrap())
    };
    for option in ["--help", "-h"] {
        let (code, told) = help(option);
        assert_eq!(code, Some(0), "{told}");
        for part in ["Usage: receipt [address]", "Examples:", "receipt http://127.0.0.1:16732"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(!told.contains("КАССОВЫЙ ЧЕК"), "{told}");
    }
    let (code, told) = help("--adress");
    assert_eq!((code, told.as_str()), (Some(2), ""), "an option that it does not have");
}

#[test]
fn it_is_as_short_as_the_readme_says() {
    assert!(include_str!("../src/main.rs").lines().count() < 60);
}
