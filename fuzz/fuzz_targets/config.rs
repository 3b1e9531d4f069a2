//! The configuration as a worker gets it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("config", bytes));
