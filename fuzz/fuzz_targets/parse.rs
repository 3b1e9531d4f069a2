//! Any bytes as a configuration.
#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "a target has one of its checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::parse(bytes));
