//! An IPv4 packet with VRRP in an authentication header.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("ah", bytes));
