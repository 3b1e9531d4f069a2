//! An answer to IP_VS_SO_GET_DESTS.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("sockopt", bytes));
