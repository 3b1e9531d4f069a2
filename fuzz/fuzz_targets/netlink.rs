//! Netlink messages: rtnetlink's, generic netlink's, acknowledgements.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("netlink", bytes));
