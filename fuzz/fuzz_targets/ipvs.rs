//! The attributes of IPVS.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("ipvs", bytes));
