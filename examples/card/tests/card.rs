//! The program runs on both terminals, and what it prints are their slips.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_card")).args(arguments).output().unwrap()
}

#[test]
fn both_terminals_pay_cancel_refund_and_reconcile() {
    for (terminal, last) in [("dualconnector", "СВЕРКА"), ("sberbank", "КОНТРОЛЬНАЯ")]
    {
        let run = run(&["--terminal", terminal]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let out = String::from_utf8(run.stdout).unwrap();
        let mut rest = out.as_str();
        for word in ["ОПЛАТА", "125.00", "ОТМЕНА", "125.00", "ОПЛАТА", "ВОЗВРАТ", "40.00", last]
        {
            let found = rest.find(word);
            rest = &rest[found.unwrap_or_else(|| panic!("{word} is not next in {out}"))..];
        }
    }
}

#[test]
fn a_place_without_a_terminal_is_told() {
    let folder = env!("CARGO_MANIFEST_DIR");
    for (terminal, place, text) in [
        ("dualconnector", "127.0.0.1", "BadAddress"),
        ("dualconnector", "http://127.0.0.1:1", "Link"),
        ("sberbank", folder, "cannot be started"),
    ] {
        let run = run(&["--terminal", terminal, "--at", place]);
        assert!(!run.status.success());
        let told = String::from_utf8(run.stderr).unwrap();
        assert!(told.contains(text), "{told}");
    }
}
