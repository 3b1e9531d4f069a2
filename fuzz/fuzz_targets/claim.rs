//! A frame that may say who has an address.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("claim", bytes));
