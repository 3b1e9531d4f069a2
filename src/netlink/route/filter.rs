//! Which news of routes the kernel puts into a socket: a classic BPF program, which the kernel runs on each of them.

use super::fib;
use crate::netlink::message::HEADER;
use std::collections::BTreeSet;

/// Where `nlmsg_type` stands, and its length.
const KIND_AT: u32 = 4;
/// Everything of the message, and nothing.
const TAKE: u32 = u32::MAX;
const LEAVE: u32 = 0;

/// Lets everything through but routes with other protocol numbers.
pub(super) fn routes_of(protocols: &BTreeSet<u8>) -> Vec<libc::sock_filter> {
    // The processor of these programs reads numbers in network order.
    let kind = |kind: u16| u32::from(u16::from_be_bytes(kind.to_ne_bytes()));
    let protocol_at = (HEADER + fib::PROTOCOL_AT) as u32;
    let count = u8::try_from(protocols.len()).unwrap_or(u8::MAX);
    let mut program = vec![
        step(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, KIND_AT),
        jump(kind(fib::NEW), 1, 0),
        // Neither: to the end.
        jump(kind(fib::DELETE), 0, count + 2),
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, protocol_at),
    ];
    let known = protocols.iter().take(count.into()).enumerate();
    program.extend(known.map(|(at, protocol)| jump((*protocol).into(), count - at as u8, 0)));
    program.extend([step(libc::BPF_RET | libc::BPF_K, LEAVE), step(libc::BPF_RET | libc::BPF_K, TAKE)]);
    program
}

fn step(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn jump(k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, jt, jf, k }
}
