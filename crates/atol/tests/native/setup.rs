//! Libraries that are not there, or not the right ones.

use std::fs;
use std::path::PathBuf;

use futures::executor::block_on;
use tillway_atol::native::{Link, LoadError, NativeConfig, NativeRegister, Receipts};
use tillway_core::fiscal::VatRate;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::Cause;
use tillway_device::Mode;

use crate::harness::{Table, attempt, library, lunch, receipt, settle};

fn load(config: NativeConfig) -> Result<NativeRegister, LoadError> {
    NativeRegister::load_with(
        config,
        std::sync::Arc::new(crate::harness::TestClock::default()),
        Mode::Inline,
    )
}

/// A copy of the library in which a function has another name.
fn without(folder: &tempfile::TempDir, function: &str) -> PathBuf {
    let mut bytes = fs::read(library()).unwrap();
    let name = [b"\0", function.as_bytes(), b"\0"].concat();
    let places: Vec<_> =
        (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(&name)).collect();
    assert!(!places.is_empty(), "{function} is exported");
    for at in places {
        bytes[at + name.len() - 2] = b'X';
    }
    let path = folder.path().join("libfptr10.so");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_no_library_is_named() {
    let table = Table::new();
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("libfptr10.so");
    let config = |path: &PathBuf| {
        let mut config = table.config(Receipts::Json);
        config.library.clone_from(path);
        config
    };
    let error = load(config(&missing)).unwrap_err();
    assert!(matches!(&error, LoadError::NotLoaded { path, .. } if *path == missing), "{error}");
    fs::write(&missing, "not a library").unwrap();
    let error = load(config(&missing)).unwrap_err();
    assert!(matches!(error, LoadError::NotLoaded { .. }), "{error}");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the copy is edited as an ELF file")]
fn a_function_that_is_missing_is_named() {
    let table = Table::new();
    let folder = tempfile::tempdir().unwrap();
    let mut config = table.config(Receipts::Json);
    config.library = without(&folder, "libfptr_cancel_receipt");
    let error = load(config).unwrap_err();
    assert!(matches!(error, LoadError::Missing { name: "libfptr_cancel_receipt" }), "{error}");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the copy is edited as an ELF file")]
fn an_old_driver_cannot_look_through_a_task_and_works() {
    let table = Table::open();
    let folder = tempfile::tempdir().unwrap();
    let mut config = table.config(Receipts::Json);
    config.library = without(&folder, "libfptr_validate_json");
    let register = load(config).unwrap();
    block_on(register.probe()).unwrap();
    assert_eq!(register.capabilities().limits.rates, VatRate::ALL, "the register refuses itself");
    settle(&register, &attempt(&register, 1), &receipt(lunch()));
    assert_eq!(table.journal(), "o1");
}

#[test]
fn a_register_of_the_library_s_own() {
    let link = Link::Usb { path: "setup".into() };
    let register = load(NativeConfig::new(library(), link)).unwrap();
    let what = tillway_core::port::fiscal::Fiscal::OpenShift(None);
    settle(&register, &attempt(&register, 1), &what);
    settle(&register, &attempt(&register, 2), &receipt(lunch()));
    assert_eq!(fptr10::control(&library(), "usb:setup documents").unwrap(), 2);
    assert_eq!(fptr10::control(&library(), "usb:setup link off").unwrap(), 0);
    assert_eq!(block_on(register.shift()).unwrap_err().cause, Cause::Link);
    assert_eq!(fptr10::control(&library(), "usb:setup dance").unwrap(), -1);
}

#[test]
fn nobody_is_there() {
    let table = Table::new();
    let config = table.config(Receipts::Json);
    drop(table);
    let register = load(config).unwrap();
    assert_eq!(block_on(register.shift()).unwrap_err().cause, Cause::Link);
}

/// Passwords are in the driver's settings and nowhere else.
#[test]
fn passwords_are_not_shown() {
    let mut config = Table::new().config(Receipts::Json);
    config.access_password = Some("secret-30".to_owned().into());
    config.user_password = Some("secret-31".to_owned().into());
    let shown = format!("{config:?}");
    let register = format!("{:?}", load(config).unwrap());
    assert!(!shown.contains("secret-3") && !register.contains("secret-3"), "{shown} {register}");
}
