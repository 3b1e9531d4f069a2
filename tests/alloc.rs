//! No allocation for a packet that comes or leaves, once everything is open: counted by the allocator itself.

#![allow(clippy::unwrap_used, reason = "a world that can not be made fails the test")]

use nix::sched::{CloneFlags, unshare};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::process::Command;
use vipd::net::Family;
use vipd::sys::raw::{self, Inbox, Socket};
use vipd::sys::{packet, poll::Poll, timer::Timer};

/// The system's allocator, which counts for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends allocates no more that matters.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it is; the counter is a plain number of the thread's own, made
// without allocating.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates meanwhile.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn ip(args: &str) {
    let out = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(out.status.success(), "ip {args}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Two ends of a cable in a network namespace of the thread's own. False, and said, without root.
fn cable() -> bool {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: needs root to make a network namespace");
        return false;
    }
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    ip("link add near type veth peer name far");
    for end in ["near", "far"] {
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/accept_dad"), "0").unwrap();
        ip(&format!("link set {end} up"));
    }
    ip("addr add fe80::1/64 dev near nodad");
    true
}

fn index(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).unwrap()
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1, 2, 3]))) > 0);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn adverts_and_frames_leave_and_come_without_allocating() {
    if !cable() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let (near, far) = (index("near"), index("far"));
    let groups: [(Family, IpAddr, IpAddr); 2] = [
        (Family::V4, Ipv4Addr::new(192, 0, 2, 1).into(), raw::GROUP_V4.into()),
        (Family::V6, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(), raw::GROUP_V6.into()),
    ];
    let mut inbox = Inbox::new();
    let mut poll = Poll::new().unwrap();
    let mut timer = Timer::new().unwrap();
    poll.add(&timer, 0).unwrap();
    for (family, source, group) in groups {
        let sender = Socket::open(family, near).unwrap();
        let mut receiver = Socket::open(family, far).unwrap();
        receiver.join(group).unwrap();
        poll.add(&receiver, 1).unwrap();
        let payload = [0x31; 20];
        let packets =
            || (0..150).map(|_| raw::Packet { source, destination: group, ttl: raw::TTL, payload: &payload });
        let mut received = 0;
        // The first ones find a kernel that has not set everything up.
        while received == 0 {
            sender.send_many(packets(), |_, _| ());
            receiver.drain(&mut inbox, |_| received += 1).unwrap();
        }
        while receiver.drain(&mut inbox, |_| ()).unwrap() || is_readable(&receiver) {}

        let sending = allocations(|| sender.send_many(packets(), |at, problem| panic!("{at}: {problem}")));
        assert_eq!(sending, 0, "{family:?}: allocations for 150 packets that leave");
        received = 0;
        let mut receiving = 0;
        while received < 150 {
            receiving += allocations(|| {
                timer.set(Some(vipd::sys::clock::now())).unwrap();
                let tokens = poll.ready_now().unwrap();
                assert!(tokens.iter().count() <= 2);
                let ready = tokens.contains(1);
                timer.take_expiry().unwrap();
                if ready {
                    receiver
                        .drain(&mut inbox, |packet| received += usize::from(packet.payload == payload))
                        .unwrap();
                }
            });
        }
        assert_eq!(receiving, 0, "{family:?}: allocations for 150 packets that come");
        poll.remove(&receiver).unwrap();
    }

    let frames = packet::Sender::open().unwrap();
    let bytes = [0xff; 60];
    let queue = (0..150).map(|_| packet::Frame { interface: near, bytes: &bytes });
    let sending = allocations(|| frames.send_many(queue, |at, problem| panic!("{at}: {problem}")));
    assert_eq!(sending, 0, "allocations for 150 frames");
}

fn is_readable(socket: &impl AsFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).unwrap() > 0
}
