#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "each pointer is that of a local")]

use std::thread;

use super::*;
use crate::wide;

const JSON_DATA: c_int = 65_645;

fn units(text: &str) -> Vec<Wide> {
    [wide(text), vec![0]].concat()
}

/// A handle for the register of this path, not open.
fn handle(path: &str) -> Raw {
    let mut raw = ptr::null_mut();
    let settings = units(&format!(r#"{{"Port":1,"UsbDevicePath":"{path}"}}"#));
    unsafe {
        assert_eq!(libfptr_create(&raw mut raw), 0);
        assert_eq!(libfptr_set_settings(raw, settings.as_ptr()), 0);
    }
    raw
}

fn task(handle: Raw, task: &str) -> c_int {
    unsafe { libfptr_set_param_str(handle, JSON_DATA, units(task).as_ptr()) };
    libfptr_process_json(handle)
}

/// What a getter writes into a buffer of this size, and the length it tells.
fn get(handle: Raw, id: c_int, size: usize) -> (String, c_int) {
    let mut buffer = vec![7; size];
    let room = c_int::try_from(size).unwrap();
    let length = unsafe { libfptr_get_param_str(handle, id, buffer.as_mut_ptr(), room) };
    (narrow(&buffer), length)
}

fn description(handle: Raw) -> String {
    let mut buffer = vec![0; 100];
    let length = unsafe { libfptr_error_description(handle, buffer.as_mut_ptr(), 100) };
    narrow(&buffer[..usize::try_from(length - 1).unwrap()])
}

fn command(words: &str) -> c_int {
    let words = std::ffi::CString::new(words).unwrap();
    unsafe { libfptr_sim_control(words.as_ptr()) }
}

#[test]
fn a_text_is_cut_to_the_buffer_and_says_how_long_it_is() {
    let handle = handle("cut");
    assert_eq!(libfptr_open(handle), 0);
    assert_eq!(task(handle, r#"{"type":"getFnStatus"}"#), 0);
    let (_, length) = get(handle, JSON_DATA, 0);
    let whole = usize::try_from(length).unwrap();
    let (text, same) = get(handle, JSON_DATA, whole);
    assert!(text.starts_with(r#"{"fnStatus""#) && text.ends_with("}\0"), "{text}");
    let (cut, told) = get(handle, JSON_DATA, 5);
    assert_eq!((same, told, cut.as_str()), (length, length, &text[..5]));
    assert_eq!(get(handle, 1, 3), ("\0\u{7}\u{7}".to_owned(), 1), "nothing there");
    assert_eq!((libfptr_get_param_int(handle, 1), libfptr_get_param_bool(handle, 1)), (0, 0));
    assert!(libfptr_get_param_double(handle, 1).to_bits() == 0);
}

#[test]
fn an_error_stays_until_the_next_call() {
    let handle = handle("sticky");
    assert_eq!((libfptr_open_shift(handle), libfptr_error_code(handle)), (-1, 1));
    assert_eq!(libfptr_open(handle), 0);
    assert_eq!(libfptr_error_code(handle), 0);
    assert_eq!(libfptr_cancel_receipt(handle), -1);
    libfptr_set_param_int(handle, 65_545, 1);
    assert_eq!((libfptr_error_code(handle), libfptr_error_code(handle)), (81, 81));
    assert_eq!(description(handle), "Документ закрыт");
    libfptr_reset_error(handle);
    assert_eq!((libfptr_error_code(handle), description(handle).as_str()), (0, ""));
    assert_eq!(libfptr_close(handle), 0);
    assert_eq!((libfptr_open_shift(handle), libfptr_error_code(handle)), (-1, 1));
}

#[test]
fn parameters_are_gone_after_the_call_they_were_set_for() {
    let handle = handle("params");
    assert_eq!(libfptr_open(handle), 0);
    libfptr_set_param_int(handle, 65_587, 14);
    assert_eq!(libfptr_get_param_int(handle, 65_587), 14);
    assert_eq!(libfptr_query_data(handle), 0);
    assert_eq!(libfptr_get_param_int(handle, 65_587), 0);
    let mut time = [0; 6];
    let [y, mo, d, h, mi, s] = &mut time;
    unsafe { libfptr_get_param_datetime(handle, 65_590, y, mo, d, h, mi, s) };
    assert_eq!(time, [2026, 3, 2, 12, 41, 0]);
    assert_eq!(libfptr_query_data(handle), -1, "its parameter is gone");
    libfptr_set_param_double(handle, 65_632, 85.55);
    assert_eq!(libfptr_get_param_double(handle, 65_632).to_string(), "85.55");
    let (bytes, mut buffer) = ([1, 2, 3], [0; 2]);
    unsafe { libfptr_set_param_bytearray(handle, 7, bytes.as_ptr(), 3) };
    let length = unsafe { libfptr_get_param_bytearray(handle, 7, buffer.as_mut_ptr(), 2) };
    assert_eq!((length, buffer), (3, [1, 2]));
    libfptr_reset_params(handle);
    assert_eq!(unsafe { libfptr_get_param_bytearray(handle, 7, buffer.as_mut_ptr(), 2) }, 0);
}

#[test]
fn a_register_has_one_handle_at_a_time() {
    let (first, second) = (handle("held"), handle("held"));
    assert_eq!((libfptr_open(first), libfptr_open(first)), (0, 0));
    assert_eq!((libfptr_open(second), libfptr_error_code(second)), (-1, 3));
    assert_eq!((libfptr_is_opened(first), libfptr_is_opened(second)), (1, 0));
    let mut gone = first;
    unsafe { libfptr_destroy(&raw mut gone) };
    assert!(gone.is_null());
    assert_eq!((libfptr_is_opened(first), libfptr_open(first)), (0, -1), "it is no handle");
    assert_eq!(libfptr_open(second), 0);
}

#[test]
fn settings_come_whole_or_one_by_one() {
    let mut raw = ptr::null_mut();
    assert_eq!(unsafe { libfptr_create_with_id(&raw mut raw, units("kiosk-7").as_ptr()) }, 0);
    assert_eq!(unsafe { libfptr_create_with_id(&raw mut raw, units("a b").as_ptr()) }, -2);
    assert_eq!((libfptr_open(raw), libfptr_error_code(raw)), (-1, 10));
    for (key, value) in [("Port", "1"), ("UsbDevicePath", "single")] {
        unsafe { libfptr_set_single_setting(raw, units(key).as_ptr(), units(value).as_ptr()) };
    }
    assert_eq!((libfptr_apply_single_settings(raw), libfptr_open(raw)), (0, 0));
    let mut buffer = vec![0; 100];
    let length = unsafe { libfptr_get_settings(raw, buffer.as_mut_ptr(), 100) };
    let told = narrow(&buffer[..usize::try_from(length - 1).unwrap()]);
    assert_eq!(told, r#"{"Port":"1","UsbDevicePath":"single"}"#);
    assert_eq!(unsafe { libfptr_set_settings(raw, units("no JSON").as_ptr()) }, -1);
}

#[test]
fn every_connection_has_a_register() {
    let settings = [
        (r#"{"Port":0,"ComFile":"COM3"}"#, "usb:COM3"),
        (r#"{"Port":"3","MACAddress":"00:11"}"#, "usb:00:11"),
        (r#"{"Port":2,"IPAddress":""}"#, "usb:auto"),
    ];
    for (json, name) in settings {
        let mut raw = ptr::null_mut();
        unsafe {
            assert_eq!(libfptr_create(&raw mut raw), 0);
            assert_eq!(libfptr_set_settings(raw, units(json).as_ptr()), 0);
        }
        assert_eq!((libfptr_open(raw), libfptr_open_shift(raw)), (0, 0), "{name}");
        assert_eq!(command(&format!("{name} documents")), 1, "{name}");
    }
}

#[test]
fn two_threads_in_one_handle_are_seen() {
    let handle = handle("threads");
    assert_eq!(libfptr_open(handle), 0);
    assert_eq!(command("usb:threads hang query_data"), 0);
    let number = handle.addr();
    let hangs = thread::spawn(move || {
        let handle = ptr::without_provenance_mut(number);
        libfptr_set_param_int(handle, 65_587, 14);
        libfptr_query_data(handle)
    });
    assert_eq!(command("usb:threads hanging"), 0);
    assert_eq!(command("usb:threads overlaps"), 0);
    assert_eq!(libfptr_query_data(handle), -1);
    assert_eq!(command("usb:threads overlaps"), 1);
    assert_eq!(command("usb:threads release"), 0);
    assert_eq!(hangs.join().unwrap(), 0);
}

#[test]
fn commands_that_are_not_understood() {
    for words in ["", "usb:x", "usb:x dance", "usb:x answer loud", "127.0.0.1:1 paper 0"] {
        assert_eq!(command(words), -1, "{words}");
    }
    assert_eq!(unsafe { libfptr_sim_control(ptr::null()) }, -1);
}
