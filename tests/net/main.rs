//! Tests that need network namespaces, and root, but no IPVS: they run on this machine's kernel (as another user, in
//! the lab's guest). `cargo test --test net`, or with a part of a test's name `cargo test --test net -- NAME`.
#![allow(clippy::disallowed_methods, reason = "the lab runs in real time")]

mod classic;
mod daemon;
mod dumps;
mod faults;
mod fifos;
mod frr;
mod garp;
mod genhash;
mod hmac;
mod log;
mod mails;
mod no_ipvs;
mod notify;
mod peers;
mod programs;
mod routing;
mod services;
mod split;
mod story;
#[path = "../lab/support/mod.rs"]
mod support;
mod tracking;
mod vmac;
mod vrrp;
mod wire;

use std::process::ExitCode;

/// The program under test.
const VIPD: &str = env!("CARGO_BIN_EXE_vipd");

fn main() -> ExitCode {
    let tests = [
        wire::tests(),
        vrrp::tests(),
        tracking::tests(),
        peers::tests(),
        vmac::tests(),
        notify::tests(),
        fifos::tests(),
        mails::tests(),
        daemon::tests(),
        dumps::tests(),
        garp::tests(),
        genhash::tests(),
        hmac::tests(),
        classic::tests(),
        frr::tests(),
        faults::tests(),
        log::tests(),
        routing::tests(),
        services::tests(),
        split::tests(),
        no_ipvs::tests(),
        programs::tests(),
        story::tests(),
    ];
    support::main(support::Kernel::Any, tests.into_iter().flatten())
}
