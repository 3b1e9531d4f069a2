//! Runs tests: finds a kernel that will do, gives every test a lab of its own, shows the daemons' logs of one that
//! fails.

use super::helper::serve_if_asked;
use super::host::Lab;
use libtest_mimic::{Arguments, Failed, Trial};
use std::any::Any;
use std::cell::RefCell;
use std::os::unix::process::CommandExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Once;

/// A test: its name, and what it does in a lab that nothing else uses.
pub(crate) struct Test {
    name: String,
    run: Box<dyn FnOnce(&Lab) + Send>,
}

impl Test {
    pub(crate) fn new(name: impl Into<String>, run: impl FnOnce(&Lab) + Send + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// What the tests of a target need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Namespaces, and root.
    Any,
    /// The same, and IPVS.
    Ipvs,
}

/// The lab's guest sets it to `guest`.
const WHERE: &str = "VIPD_LAB";

/// Seconds that all tests together may take in the guest: several times what they do on two processors.
const PATIENCE: &str = "2400";

/// Tests wait most of the time: so many run at once, if the command line says nothing else.
const AT_ONCE: usize = 8;

static HOOK: Once = Once::new();

thread_local! {
    /// Where the panic of this thread was, and its message.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The `main` of a target: runs the tests here, or all of them in one guest of [the lab](../vm).
pub(crate) fn main(needs: Kernel, tests: impl IntoIterator<Item = Test>) -> ExitCode {
    serve_if_asked();
    let mut arguments = Arguments::from_args();
    if !arguments.list {
        run_where_possible(needs);
        if needs == Kernel::Ipvs {
            load_schedulers();
        }
    }
    arguments.test_threads.get_or_insert(AT_ONCE);
    let run = |test: Test| move || guarded(test.run).map_err(Failed::from);
    let trials = tests.into_iter().map(|test| {
        let name = test.name.clone();
        Trial::test(name, run(test))
    });
    let trials = trials.collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Loads the schedulers that have something in each namespace, before there are namespaces. If the kernel does so on its
/// own, for a service that is added, it holds IPVS's lock and waits for that of the namespaces; where one is deleted
/// at that moment, this lock is held and IPVS's is waited for, and all three wait for ever (seen with Linux 6.1).
fn load_schedulers() {
    for scheduler in ["ip_vs_lblc", "ip_vs_lblcr"] {
        // A kernel without it has no such trouble.
        let _ = Command::new("modprobe").args(["-q", scheduler]).stderr(std::process::Stdio::null()).status();
    }
}

/// Goes on here if this kernel and this user will do, and becomes the guest's launcher otherwise.
pub(crate) fn run_where_possible(needs: Kernel) {
    let here = nix::unistd::geteuid().is_root() && (needs == Kernel::Any || has_ipvs());
    if here {
        return;
    }
    assert!(
        std::env::var_os(WHERE).is_none(),
        "the lab's guest has no IPVS: its kernel is not the one it fetches"
    );
    eprintln!("This kernel has no IPVS, or you are not root: starting the lab's guest (tests/lab/vm).");
    let vm = vm();
    let program = std::env::current_exe().expect("the path of this program");
    let error =
        Command::new(&vm).args(["-t", PATIENCE, "--"]).arg(program).args(std::env::args_os().skip(1)).exec();
    panic!("{}: {error}", vm.display());
}

/// Lets others go first, here and in what is started from here: for a test that computes all the time and waits for
/// nothing, beside those that have a daemon answer within some seconds.
pub(crate) fn yield_to_others() {
    let thread = nix::unistd::gettid().to_string();
    super::host::checked(Command::new("renice").args(["-n", "10", "-p", &thread]));
}

/// The guest's launcher.
pub(crate) fn vm() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/vm")
}

/// Does this kernel have IPVS, if need be as a module that it loads now?
pub(crate) fn has_ipvs() -> bool {
    let there = || Path::new("/proc/net/ip_vs").exists();
    there() || {
        let loaded =
            Command::new("modprobe").args(["-q", "ip_vs"]).stderr(std::process::Stdio::null()).status();
        loaded.is_ok_and(|status| status.success()) && there()
    }
}

/// Calls `work` with a lab of its own. If it panics: the message, and what the lab's daemons logged.
pub(crate) fn guarded(work: impl FnOnce(&Lab)) -> Result<(), String> {
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let message = info.payload_as_str().unwrap_or("(no message)");
            let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
            PANIC.set(Some(format!("{message}{}", place.unwrap_or_default())));
        }));
    });
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        let lab = Lab::new();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| work(&lab)));
        outcome.map_err(|panic| format!("{}\n{}", message(panic.as_ref()), lab.logs()))
    }));
    outcome.unwrap_or_else(|panic| Err(message(panic.as_ref())))
}

fn message(panic: &(dyn Any + Send)) -> String {
    PANIC.take().unwrap_or_else(|| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no message)").to_owned()
    })
}
