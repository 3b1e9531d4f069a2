//! A network of namespaces: hosts with an `eth0` each, all on one switch.

use super::process::{Process, pid_of};
use super::wait::{Waited, wait_for};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// An interface comes up within this time.
const UP_WITHIN: Duration = Duration::from_secs(20);

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A network of its own. Dropping it ends what runs in its namespaces and deletes them.
#[derive(Debug)]
pub(crate) struct Lab {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Every namespace of this lab is called so, and then by its host.
    prefix: String,
    dir: TempDir,
    hosts: Mutex<Vec<String>>,
    /// The switch is made when the first host is connected to it: not every test has one.
    switch: Once,
    logs: Mutex<Vec<(String, PathBuf)>>,
}

const SWITCH: &str = "switch";

impl Lab {
    #[track_caller]
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let prefix = format!("vipd{}-{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir().expect("make a directory");
        let (hosts, logs) = (Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { prefix, dir, hosts, switch: Once::new(), logs }) }
    }

    /// Runs a command at the switch to its end: its output.
    #[track_caller]
    pub(crate) fn switch(&self, command: &[&str]) -> String {
        checked(Command::new("ip").args(["netns", "exec", &self.shared.switch()]).args(command))
    }

    /// A directory for this lab's files.
    pub(crate) fn dir(&self) -> &Path {
        self.shared.dir.path()
    }

    /// Adds a host whose `eth0` has `address` (as `192.168.219.10/24`) and is connected to the switch. Its hardware
    /// address ends with the last two bytes of the IPv4 address.
    #[track_caller]
    pub(crate) fn host(&self, name: &str, address: &str) -> Host {
        // Made first, it goes last: hosts lose no interface before they are gone.
        let switch = self.shared.switch();
        let namespace = self.shared.add_namespace(name);
        let bytes: Vec<u8> = address
            .split('/')
            .next()
            .and_then(|address| address.parse::<std::net::Ipv4Addr>().ok())
            .unwrap_or_else(|| panic!("{address} is no IPv4 address with its prefix"))
            .octets()
            .to_vec();
        let mac = Mac([2, 0, 0, 0, bytes[2], bytes[3]]);
        batch(&[
            format!("-n {namespace} link add eth0 address {mac} type veth peer name {name} netns {switch}"),
            format!("-n {namespace} link set lo up"),
            // It carries whatever a host's own MTU allows.
            format!("-n {switch} link set {name} mtu 9000 master br0 up"),
            format!("-n {namespace} address add {address} dev eth0"),
            format!("-n {namespace} link set eth0 up"),
        ]);
        let host = Host { name: name.to_owned(), namespace, mac, lab: Arc::clone(&self.shared) };
        host.is_up("eth0");
        host
    }

    /// Adds a host that is connected to nothing: it has `lo` alone.
    #[track_caller]
    pub(crate) fn lonely_host(&self, name: &str) -> Host {
        let namespace = self.shared.add_namespace(name);
        batch(&[format!("-n {namespace} link set lo up")]);
        Host { name: name.to_owned(), namespace, mac: Mac([0; 6]), lab: Arc::clone(&self.shared) }
    }

    /// What the processes of this lab have written, for the message of a test that failed.
    pub(crate) fn logs(&self) -> String {
        const LINES: usize = 80;
        let mut text = String::new();
        for (name, path) in self.shared.logs.lock().expect("no panic while held").iter() {
            let log = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
            let lines: Vec<_> = log.lines().collect();
            let left_out = lines.len().saturating_sub(LINES);
            text += &format!("--- {name}");
            if left_out > 0 {
                text += &format!(" (first {left_out} lines left out)");
            }
            text.push('\n');
            for line in &lines[left_out..] {
                text += &format!("{line}\n");
            }
        }
        text
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in self.shared.hosts.lock().expect("no panic while held").drain(..).rev() {
            delete_namespace(&name);
        }
    }
}

impl Shared {
    /// The switch's namespace.
    fn switch(&self) -> String {
        self.switch.call_once(|| {
            let switch = self.add_namespace(SWITCH);
            batch(&[
                format!("-n {switch} link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0"),
                format!("-n {switch} link set br0 up"),
            ]);
        });
        format!("{}{SWITCH}", self.prefix)
    }

    fn add_namespace(&self, host: &str) -> String {
        // `ip netns add` prepares /run/netns; two at a time can meet there.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let namespace = format!("{}{host}", self.prefix);
        let _guard = ONE_AT_A_TIME.lock().expect("no panic while held");
        checked(Command::new("ip").args(["netns", "add", &namespace]));
        self.hosts.lock().expect("no panic while held").push(namespace.clone());
        namespace
    }
}

/// A host of the lab's network.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    name: String,
    namespace: String,
    mac: Mac,
    lab: Arc<Shared>,
}

impl Host {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its network namespace, as `ip` calls it.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The hardware address of `eth0`.
    pub(crate) fn mac(&self) -> Mac {
        self.mac
    }

    /// The path of a file of this host's.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.lab.dir.path().join(format!("{}-{name}", self.name))
    }

    /// A command that will run on this host. The process that it starts is the program itself.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Runs a command line of plain words to its end and gives its output.
    ///
    /// # Panics
    /// When it fails, with all that it said.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        checked(self.command(words.next().expect("a command")).args(words))
    }

    /// Runs a command line of plain words; the output, or what it said when it failed.
    pub(crate) fn try_run(&self, line: &str) -> Waited<String> {
        let mut words = line.split_whitespace();
        run(self.command(words.next().expect("a command")).args(words))
    }

    /// Starts a process on this host, its log kept for the message of a test that fails.
    #[track_caller]
    pub(crate) fn start(&self, name: &str, command: &mut Command) -> Process {
        let log = self.file(&format!("{name}.log"));
        let mut logs = self.lab.logs.lock().expect("no panic while held");
        if !logs.iter().any(|(_, path)| *path == log) {
            logs.push((format!("{name} on {}", self.name), log.clone()));
        }
        Process::start(&format!("{name} on {}", self.name), command, &log)
    }

    /// Calls `work` in a thread that is in this host's namespace: the sockets that it opens stay there.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                self.join_namespace();
                work()
            });
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread to this host, for good: only for threads of one's own.
    pub(crate) fn join_namespace(&self) {
        let path = format!("/run/netns/{}", self.namespace);
        let file = File::open(&path).unwrap_or_else(|error| panic!("open {path}: {error}"));
        setns(file, CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| panic!("enter {path}: {error}"));
    }

    /// Runs command lines of `ip` in this host's namespace, all with one process.
    #[track_caller]
    pub(crate) fn configure(&self, lines: &[&str]) {
        batch(&lines.iter().map(|line| format!("-n {} {line}", self.namespace)).collect::<Vec<_>>());
    }

    /// Waits until an interface that was set up is: the kernel tells of its carrier a moment later.
    #[track_caller]
    pub(crate) fn is_up(&self, interface: &str) {
        wait_for(format_args!("{interface} of {} to come up", self.name), UP_WITHIN, || {
            let link =
                run(Command::new("ip").args(["-n", &self.namespace, "-o", "link", "show", interface]))?;
            if link.contains("state UP") { Ok(()) } else { Err(link) }
        });
    }

    /// Sets a parameter below `net`, as `ipv4.ip_forward`.
    pub(crate) fn sysctl(&self, key: &str, value: &str) {
        let path = format!("/proc/sys/net/{}", key.replace('.', "/"));
        self.enter(|| fs::write(&path, value))
            .unwrap_or_else(|error| panic!("write {value} to {path}: {error}"));
    }

    /// Pulls out the cable of `eth0`, at the switch: the host sees its carrier go.
    pub(crate) fn unplug(&self) {
        batch(&[format!("-n {}{SWITCH} link set {} down", self.lab.prefix, self.name)]);
    }

    /// Connects one more interface to a second switch, which all that have an interface of this name share.
    #[track_caller]
    pub(crate) fn connect_further(&self, interface: &str, address: &str) {
        let switch = self.lab.switch();
        let (bridge, port) = (format!("br-{interface}"), format!("{}-{interface}", self.name));
        // One that was connected to nothing has no address of `eth0` to be told apart by.
        let (kind, last) = if self.mac == Mac([0; 6]) {
            let hosts = self.lab.hosts.lock().expect("no panic while held");
            (2, hosts.iter().position(|host| *host == self.namespace).unwrap_or_default())
        } else {
            (1, self.mac.0[5].into())
        };
        let n = interface.bytes().last().unwrap_or_default();
        if run(Command::new("ip").args(["-n", &switch, "link", "show", &bridge])).is_err() {
            batch(&[
                format!(
                    "-n {switch} link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
                ),
                format!("-n {switch} link set {bridge} up"),
            ]);
        }
        batch(&[
            format!(
                "-n {} link add {interface} address 02:00:00:{kind:02x}:{n:02x}:{last:02x} type veth peer name {port} netns {switch}",
                self.namespace
            ),
            format!("-n {switch} link set {port} master {bridge} up"),
            format!("-n {} address add {address} dev {interface}", self.namespace),
            format!("-n {} link set {interface} up", self.namespace),
        ]);
    }

    /// Pulls out the cable of an interface of [`Host::connect_further`], at the switch.
    pub(crate) fn unplug_from(&self, interface: &str) {
        batch(&[format!("-n {}{SWITCH} link set {}-{interface} down", self.lab.prefix, self.name)]);
    }

    /// Plugs that cable in again.
    pub(crate) fn plug_in_at(&self, interface: &str) {
        batch(&[format!("-n {}{SWITCH} link set {}-{interface} up", self.lab.prefix, self.name)]);
    }

    /// Takes the cable of `eth0` out of the switch into nothing, where it keeps its carrier; or back.
    pub(crate) fn away_from_the_switch(&self, away: bool) {
        let place = if away { "nomaster" } else { "master br0" };
        batch(&[format!("-n {}{SWITCH} link set {} {place}", self.lab.prefix, self.name)]);
    }

    /// Plugs the cable in again.
    pub(crate) fn plug_in(&self) {
        batch(&[format!("-n {}{SWITCH} link set {} up", self.lab.prefix, self.name)]);
    }

    /// The addresses of `eth0` with their prefixes, in the kernel's order.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let links = self.ip("-4 address show dev eth0");
        let infos = links[0]["addr_info"].as_array().cloned().unwrap_or_default();
        infos.iter().map(|info| format!("{}/{}", text(&info["local"]), info["prefixlen"])).collect()
    }

    /// Does `eth0` have this address (without prefix)?
    pub(crate) fn has_address(&self, address: &str) -> bool {
        self.addresses().iter().any(|with_prefix| with_prefix.split('/').next() == Some(address))
    }

    /// The hardware address that this host's neighbour table has for `address`.
    pub(crate) fn neighbour(&self, address: &str) -> Option<String> {
        let entries = self.ip(&format!("-4 neighbour show to {address} dev eth0"));
        entries[0]["lladdr"].as_str().map(str::to_owned)
    }

    #[track_caller]
    fn ip(&self, arguments: &str) -> Value {
        let output = checked(
            Command::new("ip").args(["-n", &self.namespace, "-j"]).args(arguments.split_whitespace()),
        );
        serde_json::from_str(&output).unwrap_or(Value::Null)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Waits until the host holds the address (without prefix), or not, on whatever interface.
#[track_caller]
pub(crate) fn holds(host: &Host, address: &str, expected: bool) {
    wait_for(format_args!("{address} on {}: {expected}", host.name()), Duration::from_secs(40), || {
        let shown = host.run("ip -o address show");
        if shown.contains(&format!(" {address}/")) == expected { Ok(()) } else { Err(shown) }
    });
}

/// Runs a command to its end: its standard output, or how it failed.
pub(crate) fn run(command: &mut Command) -> Waited<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(out)
    } else {
        Err(format!("{command:?}: {}\n{out}{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}

#[track_caller]
pub(crate) fn checked(command: &mut Command) -> String {
    run(command).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Runs several `ip` command lines at the price of a process each group: those that begin with `-n NAMESPACE` alike
/// go to one `ip -batch`.
#[track_caller]
fn batch(lines: &[String]) {
    let split = |line: &String| -> (String, String) {
        match line.strip_prefix("-n ").and_then(|rest| rest.split_once(' ')) {
            Some((namespace, rest)) => (namespace.to_owned(), rest.to_owned()),
            None => (String::new(), line.clone()),
        }
    };
    let mut at = 0;
    while at < lines.len() {
        let (namespace, _) = split(&lines[at]);
        let group: Vec<String> = lines[at..]
            .iter()
            .map(split)
            .take_while(|(of, _)| *of == namespace)
            .map(|(_, line)| line)
            .collect();
        at += group.len();
        let mut command = Command::new("ip");
        if !namespace.is_empty() {
            command.args(["-n", &namespace]);
        }
        command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("ip: {error}"));
        let written = child.stdin.take().expect("it is piped").write_all(group.join("\n").as_bytes());
        let output = child.wait_with_output().expect("wait for ip");
        assert!(
            written.is_ok() && output.status.success(),
            "ip in {namespace}: {group:#?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Ends what runs in a namespace of the lab, and deletes it.
fn delete_namespace(name: &str) {
    let pids = run(Command::new("ip").args(["netns", "pids", name])).unwrap_or_default();
    for pid in pids.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        if pid != pid_of(std::process::id()).as_raw() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    let _ = run(Command::new("ip").args(["netns", "delete", name]));
}

/// Removes what labs left behind whose process was killed.
fn sweep() {
    let names = fs::read_dir("/run/netns").into_iter().flatten().filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let pid: u32 = name.strip_prefix("vipd")?.split('-').next()?.parse().ok()?;
        (!Path::new(&format!("/proc/{pid}")).exists()).then_some(name)
    });
    for name in names.collect::<Vec<_>>() {
        delete_namespace(&name);
    }
}
