#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tillroll_fuzz::targets::journal(bytes));
