//! The program runs and says what its first lines promise.

use std::process::Command;

#[test]
fn the_bill_is_paid_from_two_accounts() {
    let run = Command::new(env!("CARGO_BIN_EXE_quickstart")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let expected = "bonus 750,00: captured\n\
                    deposit 900,00: captured\n\
                    Бонусы: 250,00 left\n\
                    Депозит: 600,00 left\n";
    assert_eq!(String::from_utf8(run.stdout).unwrap(), expected);
}
