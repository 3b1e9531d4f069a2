//! /proc/net/ip_vs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vipd::fuzzing::check("proc", bytes));
