//! Lines of `ipvs -R`, and whole tables.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("rules", bytes));
