#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tillway_fuzz::loymax::run_signed(data));
