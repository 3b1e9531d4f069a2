//! Tests that need a kernel with IPVS. Where this one has none (or the user is not root), all of them run in one
//! guest of `tests/lab/vm`: `cargo test --test lab`, or with a part of a test's name `cargo test --test lab -- NAME`.

#![allow(clippy::disallowed_methods, reason = "the lab runs in real time")]

mod check;
mod completions;
mod directors;
mod examples;
mod ipvlan;
mod ipvs;
mod load;
mod reload;
mod routing;

mod story;
mod support;
mod sync_daemon;
mod top;
mod traffic;
#[path = "../conf/validator.rs"]
mod validator;

use std::process::ExitCode;

/// The program under test.
const VIPD: &str = env!("CARGO_BIN_EXE_vipd");

fn main() -> ExitCode {
    let tests = [
        directors::tests(),
        reload::tests(),
        load::tests(),
        sync_daemon::tests(),
        check::tests(),
        story::tests(),
        // Much to do for the machine: not at the same time as others that have, which are among the checks above.
        check::servers::tests(),
        ipvlan::tests(),
        routing::tests(),
        ipvs::tests(),
        traffic::tests(),
        examples::tests(),
        top::tests(),
        completions::tests(),
    ];
    support::main(support::Kernel::Ipvs, tests.into_iter().flatten())
}
