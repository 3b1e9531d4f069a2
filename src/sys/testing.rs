//! Network namespaces for this crate's own tests: each test makes the world it needs and leaves nothing behind.

use nix::sched::{CloneFlags, unshare};
use std::process::Command;

/// Runs `test` as root. Where this process is not, it becomes root of a user namespace: this program is started again
/// there, with this test alone. Where that is not possible either, the test fails and says what it needs.
pub(crate) fn as_root(test: impl FnOnce()) {
    if nix::unistd::geteuid().is_root() {
        return test();
    }
    let thread = std::thread::current();
    let name = thread.name().expect("a test's thread has its name");
    let program = std::env::current_exe().expect("the path of this program");
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--"]).arg(program).args(["--exact", name, "--nocapture"]);
    let output = again.output().expect("run unshare");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "needs root, or user namespaces (unshare --user):\n{text}");
    assert!(text.contains("1 passed"), "{text}");
}

/// Runs `test` on a thread of its own in a fresh network namespace with loopback up, [as root](as_root). The namespace
/// goes when the thread ends.
pub(crate) fn in_namespace(test: impl FnOnce() + Send + 'static) {
    as_root(|| {
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("unshare");
            ip("link set lo up");
            test();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// `ip ARGS` in the calling thread's namespace; its output. Arguments are split at spaces.
pub(crate) fn ip(args: &str) -> String {
    let out = Command::new("ip").args(args.split_whitespace()).output().expect("run ip");
    assert!(out.status.success(), "ip {args}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A cable: two ends, up and passing packets; their indices. IPv6 addresses are usable at once.
pub(crate) fn veth(near: &str, far: &str) -> (u32, u32) {
    ip(&format!("link add {near} type veth peer name {far}"));
    for end in [near, far] {
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/accept_dad"), "0").expect("accept_dad");
    }
    up(&[near, far]);
    (index(near), index(far))
}

/// Sets interfaces up, and waits until they pass packets: the kernel does the last step in the background, and drops
/// silently until then.
pub(crate) fn up(interfaces: &[&str]) {
    for interface in interfaces {
        ip(&format!("link set {interface} up"));
    }
    for interface in interfaces {
        let passing = || {
            let shown = &ip_json(&format!("link show dev {interface}"))[0];
            shown["operstate"] == "UP" && shown["qdisc"] != "noop"
        };
        let deadline = super::clock::now() + PATIENCE;
        while !passing() {
            assert!(super::clock::now() < deadline, "{interface} is not up after {PATIENCE:?}");
        }
    }
}

/// The index of the interface `name` in the calling thread's namespace.
pub(crate) fn index(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).expect("the interface exists")
}

/// `ip -j ARGS` as JSON: what an independent reader sees.
pub(crate) fn ip_json(args: &str) -> serde_json::Value {
    let text = ip(&format!("-j {args}"));
    serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text }).expect("ip's JSON")
}

/// Like [`in_namespace`], within a tokio runtime of one thread.
pub(crate) fn in_namespace_async<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    in_namespace(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(test());
    });
}

/// How long a test waits for what should come before it fails. It is longer than a starved machine takes: with two
/// cores that others keep busy, the `ip` commands of one test alone need ten seconds and more.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// `future`, or a panic: no test waits for ever for what should come.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: nothing in {PATIENCE:?}"))
}

/// Waits until the descriptor can be read. Must be called within a tokio runtime.
pub(crate) async fn readable(fd: &impl std::os::fd::AsFd) {
    let fd = fd.as_fd().try_clone_to_owned().expect("another descriptor");
    let fd = super::ready::Ready::new(fd).expect("epoll");
    fd.wait().await.expect("a runtime that goes on");
}
