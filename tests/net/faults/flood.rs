//! 50,000 forged packets a second, of all kinds that are to be refused, sent to one host alone.

use super::*;
use nix::net::if_::if_nametoindex;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use vipd::sys::packet::{Frame, Sender};

const PASS: &str = "  authentication {\n    auth_type PASS\n    auth_pass himitsu\n  }\n";

/// So many leave together, that often.
const BURST: usize = 250;
const EVERY: Duration = Duration::from_millis(5);
/// So many make a flood: five seconds of it, where the machine can send so fast.
const ALL: u64 = 250_000;

/// A forged advert over IPv4: where it differs from one that would be believed.
#[derive(Clone, Copy, Default)]
struct Forged {
    ttl: Option<u8>,
    vrid: Option<u8>,
    /// An authentication type that was not agreed on.
    auth: Option<u8>,
    bad_password: bool,
    version: Option<u8>,
    bad_sum: bool,
    /// Ends within the header.
    short: bool,
    /// Another list of addresses.
    address: Option<[u8; 4]>,
}

impl Forged {
    /// The frame, of version 2 with a password, to the host with this hardware address. Its priority would win.
    fn frame(self, to: [u8; 6], from: u16) -> Vec<u8> {
        let [high, low] = from.to_be_bytes();
        let source = [10, 1, high, low];
        let mut vrrp = vec![self.version.unwrap_or(2) << 4 | 1, self.vrid.unwrap_or(7), 200, 1];
        vrrp.extend([self.auth.unwrap_or(1), 1, 0, 0]);
        vrrp.extend(self.address.unwrap_or([10, 0, 0, 100]));
        vrrp.extend(if self.bad_password { b"himitsi\0" } else { b"himitsu\0" });
        let sum = checksum(&vrrp) ^ u16::from(self.bad_sum);
        vrrp[6..8].copy_from_slice(&sum.to_be_bytes());
        if self.short {
            vrrp.truncate(5);
        }
        let length = u16::try_from(20 + vrrp.len()).expect("it is short").to_be_bytes();
        let mut ip = vec![0x45, 0xc0, length[0], length[1], 0, 0, 0, 0, self.ttl.unwrap_or(255), 112, 0, 0];
        ip.extend(source);
        ip.extend([224, 0, 0, 18]);
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut frame = to.to_vec();
        frame.extend([2, 0, 0, 1, high, low, 0x08, 0x00]);
        frame.extend(ip);
        frame.extend(vrrp);
        frame
    }
}

/// RFC 1071
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("it is folded")
}

fn kinds() -> [Forged; 8] {
    let believed = Forged::default();
    [
        Forged { ttl: Some(254), ..believed },
        Forged { vrid: Some(99), ..believed },
        Forged { auth: Some(0), ..believed },
        Forged { bad_password: true, ..believed },
        Forged { version: Some(3), ..believed },
        Forged { bad_sum: true, ..believed },
        Forged { short: true, ..believed },
        Forged { address: Some([10, 0, 0, 200]), ..believed },
    ]
}

/// It goes on until [`ALL`] have left, or it is dropped.
struct Flood {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    fn start(from: &Host, frames: Vec<Vec<u8>>) -> Flood {
        let (sent, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (sender, interface) =
            from.enter(|| (Sender::open().expect("a packet socket"), if_nametoindex("eth0").expect("eth0")));
        let thread = thread::spawn({
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            move || {
                crate::support::yield_to_others();
                let mut next = Instant::now();
                for burst in frames.chunks(BURST).cycle() {
                    let mut failed = 0;
                    sender
                        .send_many(burst.iter().map(|bytes| Frame { interface, bytes }), |_, _| failed += 1);
                    let count = u64::try_from(burst.len()).expect("a number") - failed;
                    let all = sent.fetch_add(count, Ordering::Relaxed) + count;
                    if all >= ALL || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    next += EVERY;
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            }
        });
        Flood { sent, stop, thread: Some(thread) }
    }

    /// Waits for its end.
    #[track_caller]
    fn end(&self) {
        wait_for("the end of the flood", LIMIT * 4, || {
            let sent = self.sent.load(Ordering::Relaxed);
            if sent >= ALL { Ok(()) } else { Err(format!("{sent} of {ALL}")) }
        });
    }
}

/// Sends one that differs in nothing: what all others lack is only what they are said to lack.
fn believed(from: &Host, to: &Host) {
    let bytes = Forged::default().frame(to.mac().0, 1);
    from.enter(|| {
        let interface = if_nametoindex("eth0").expect("eth0");
        Sender::open().expect("a packet socket").send(Frame { interface, bytes: &bytes }).expect("send it");
    });
}

/// Adverts to this host, of a thousand sources, each of every kind.
fn forged(to: &Host) -> Vec<Vec<u8>> {
    (0..8000_u16).map(|n| kinds()[usize::from(n % 8)].frame(to.mac().0, n / 8)).collect()
}

/// ARPs to this host by which a thousand others say that they have the virtual address: replies and requests.
fn claims(to: &Host) -> Vec<Vec<u8>> {
    let claim = |n: u16| {
        let [high, low] = (n / 2).to_be_bytes();
        let sender = [2, 0, 0, 9, high, low];
        let operation = if n.is_multiple_of(2) { 2 } else { 1 };
        let mut frame = to.mac().0.to_vec();
        frame.extend(sender);
        frame.extend([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation]);
        frame.extend(sender);
        frame.extend([10, 0, 0, 100, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 10, 0, 0, 100]);
        frame
    };
    (0..2000).map(claim).collect()
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The resident memory of the worker, KiB.
fn memory(director: &Director) -> u64 {
    let path = format!("/proc/{}/status", director.worker(Worker::Vrrp));
    let status = fs::read_to_string(path).expect("read the worker's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.split_whitespace().next().expect("a number").parse().expect("a number")
}

/// The processor's time that the worker has used, in hundredths of a second.
fn time(director: &Director) -> u64 {
    let path = format!("/proc/{}/stat", director.worker(Worker::Vrrp));
    let stat = fs::read_to_string(path).expect("read the worker's times");
    let (_, after) = stat.rsplit_once(')').expect("its name");
    after.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().expect("a number")).sum()
}

/// Floods the host on which vipd runs, and looks at what that did to it.
fn endure(enemy: &Host, ours: &Director, frames: Vec<Vec<u8>>) {
    let (memory_before, time_before) = (memory(ours), time(ours));
    let lines_before = ours.process().log().lines().count();
    let begin = Instant::now();
    let flood = Flood::start(enemy, frames);
    flood.end();
    let took = begin.elapsed();
    let used = time(ours) - time_before;
    let grown = memory(ours).saturating_sub(memory_before);
    let lines = ours.process().log().lines().count() - lines_before;
    println!("{ALL} packets in {took:?}: {used} hundredths of a second, {grown} KiB, {lines} lines");
    assert!(grown < 4096, "{grown} KiB more");
    // Eight strangers a rule, and of each one line.
    assert!(lines <= 8 * kinds().len() + 10, "{lines} lines: {}", ours.process().log());
}

/// How many packets the log tells of: those that have a line, and those that were left out.
fn counted(log: &str) -> u64 {
    let left_out = |line: &str| -> Option<u64> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.windows(2).position(|pair| pair[1] == "more")?;
        words.get(at)?.trim_start_matches('(').parse().ok()
    };
    log.lines().filter_map(left_out).sum()
}

/// vipd is the master on one host, keepalived its backup on another, and a third is to flood them.
struct Mastership {
    one: Host,
    two: Host,
    enemy: Host,
    ours: Director,
    theirs: Director,
}

impl Mastership {
    fn new(lab: &Lab) -> Self {
        let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
        let enemy = lab.host("enemy", "10.0.0.66/24");
        let ours = vipd(&one, &config(150, PASS));
        holds(&one, true);
        let theirs = keepalived(&two, &config(100, PASS));
        says(&theirs, "Entering BACKUP STATE", 1);
        Self { one, two, enemy, ours, theirs }
    }
}

pub(super) fn master(lab: &Lab) {
    let Mastership { one, two: _two, enemy, ours, theirs } = Mastership::new(lab);
    endure(&enemy, &ours, forged(&one));
    five_seconds(&one);
    holds(&one, true);
    let log = ours.process().log();
    assert_eq!((count(&ours, "Entering MASTER STATE"), count(&ours, "BACKUP STATE")), (1, 1), "{log}");
    assert_eq!(count(&theirs, "Entering MASTER STATE"), 0, "{}", theirs.process().log());
    believed(&enemy, &one);
    says(&ours, "Entering BACKUP STATE", 2);
    ours.terminate();
    // What had no line of its own is counted, at the latest at the end. The kernel drops what nobody reads in time.
    let told = counted(&ours.process().log());
    println!("{told} of {ALL} are told of");
    assert!(told > ALL / 10 && told <= ALL, "{told}: {}", ours.process().log());
}

pub(super) fn backup(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let enemy = lab.host("enemy", "10.0.0.66/24");
    let theirs = keepalived(&two, &config(150, PASS));
    says(&theirs, "Entering MASTER STATE", 1);
    let ours = vipd(&one, &config(100, PASS));
    says(&ours, "Entering BACKUP STATE", 1);
    endure(&enemy, &ours, forged(&one));
    five_seconds(&two);
    assert_eq!(count(&ours, "MASTER STATE"), 0, "{}", ours.process().log());
    holds(&one, false);
    // It hears its master.
    theirs.terminate();
    holds(&one, true);
}

/// Others claim the address: nobody gives way, and the network hears no flood of answers.
pub(super) fn claimed(lab: &Lab) {
    let Mastership { one, two, enemy, ours, theirs } = Mastership::new(lab);
    let capture = Capture::start(&two);
    endure(&enemy, &ours, claims(&one));
    five_seconds(&one);
    assert_eq!(count(&theirs, "Entering MASTER STATE"), 0, "{}", theirs.process().log());
    let own = capture.gratuitous_arps().iter().filter(|(_, arp)| arp.sender_mac == one.mac()).count();
    println!("{own} gratuitous ARPs meanwhile");
    assert!(own < 200, "{own} gratuitous ARPs");
    holds(&one, true);
}
