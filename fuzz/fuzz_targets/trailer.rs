//! A VRRP packet with the trailer of `auth_hmac`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("trailer", bytes));
