//! Netlink by hand (`linux/ip_vs.h`): the bounds that the benchmarks compare with. Nothing of the client's is in it.

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket, sockopt,
};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use vipd::ipvs::model::ServiceKey;
use vipd::ipvs::operation::Operation;
use vipd::netlink::{Protocol, Socket, genl};

/// Messages a send.
const SEND: usize = 512;
/// `NLM_F_REQUEST`, and what is added to it.
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const DUMP: u16 = 0x300;
/// `NLMSG_ERROR`, `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `IPVS_CMD_*`
const NEW_SERVICE: u8 = 1;
const GET_SERVICE: u8 = 4;
const NEW_DEST: u8 = 5;
const GET_DEST: u8 = 8;

/// Writes a table, [`SEND`] messages a send of which the last is acknowledged, and waits for that.
pub(crate) fn write(sends: &[Vec<u8>]) -> Duration {
    let start = Instant::now();
    let socket = open();
    setsockopt(&socket, sockopt::SndBuf, &(1 << 20)).unwrap();
    let mut answer = [0; 4096];
    for bytes in sends {
        assert_eq!(send(socket.as_raw_fd(), bytes, MsgFlags::empty()), Ok(bytes.len()));
        let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
        assert_eq!(answer[16..20.min(len)], [0; 4], "the first answer is the last request's: no error");
    }
    start.elapsed()
}

/// What [`write`] sends for these operations.
pub(crate) fn sends(operations: &[Operation]) -> Vec<Vec<u8>> {
    let family = family();
    let send = |chunk: &[Operation]| {
        let mut bytes = Vec::new();
        for (n, operation) in chunk.iter().enumerate() {
            let ack = if n + 1 == chunk.len() { ACK } else { 0 };
            add(&mut bytes, family, n as u32 + 1, ack, operation);
        }
        bytes
    };
    operations.chunks(SEND).map(send).collect()
}

/// Asks for the services, then for the servers of each, and looks at nothing but where each dump ends. Gives the time,
/// and the bytes that came.
pub(crate) fn read(dumps: &[Vec<u8>]) -> (Duration, u64) {
    let start = Instant::now();
    let socket = open();
    // As much as the kernel gives at once.
    let mut answer = vec![0; 64 << 10];
    let mut bytes = 0;
    for request in dumps {
        assert_eq!(send(socket.as_raw_fd(), request, MsgFlags::empty()), Ok(request.len()));
        loop {
            let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
            bytes += len as u64;
            if ends(&answer[..len]) {
                break;
            }
        }
    }
    (start.elapsed(), bytes)
}

/// What [`read`] asks for a table that these operations made.
pub(crate) fn dumps(operations: &[Operation]) -> Vec<Vec<u8>> {
    let family = family();
    let dump = |command, key: Option<&ServiceKey>| {
        let mut bytes = Vec::new();
        let start = begin(&mut bytes, family, 1, DUMP, command);
        if let Some(key) = key {
            service(&mut bytes, key, |_| {});
        }
        close(&mut bytes, start, 4);
        bytes
    };
    let keys = operations.iter().filter_map(|operation| match operation {
        Operation::AddService(s) => Some(&s.key),
        _ => None,
    });
    std::iter::once(dump(GET_SERVICE, None)).chain(keys.map(|key| dump(GET_DEST, Some(key)))).collect()
}

fn family() -> u16 {
    genl::resolve(&mut Socket::open(Protocol::Generic).unwrap(), "IPVS").unwrap().id
}

fn open() -> OwnedFd {
    let (family, flags) = (AddressFamily::Netlink, SockFlag::SOCK_CLOEXEC);
    let socket = socket(family, SockType::Raw, flags, SockProtocol::NetlinkGeneric).unwrap();
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
    socket
}

/// Whether a datagram ends its dump: `NLMSG_DONE` comes in one of its own, or as the last message of one.
fn ends(mut datagram: &[u8]) -> bool {
    while let [l0, l1, l2, l3, k0, k1, ..] = *datagram {
        let kind = u16::from_ne_bytes([k0, k1]);
        assert_ne!(kind, ERROR, "refused");
        if kind == DONE {
            return true;
        }
        let len = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

fn add(out: &mut Vec<u8>, family: u16, sequence: u32, flags: u16, operation: &Operation) {
    match operation {
        Operation::AddService(s) => {
            let start = begin(out, family, sequence, flags, NEW_SERVICE);
            service(out, &s.key, |out| {
                attribute(out, 6, format!("{}\0", s.scheduler).as_bytes());
                attribute(out, 7, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
                attribute(out, 8, &0u32.to_ne_bytes());
                attribute(out, 9, &[0xff; 4]);
            });
            close(out, start, 4);
        }
        Operation::AddDest(key, d) => {
            let IpAddr::V4(address) = d.key.address else { unreachable!() };
            let start = begin(out, family, sequence, flags, NEW_DEST);
            service(out, key, |_| {});
            let nest = nested(out, 2);
            attribute(out, 11, &2u16.to_ne_bytes());
            attribute(out, 1, &padded(address));
            attribute(out, 2, &d.key.port.to_be_bytes());
            attribute(out, 3, &3u32.to_ne_bytes());
            attribute(out, 4, &d.weight.to_ne_bytes());
            attribute(out, 5, &0u32.to_ne_bytes());
            attribute(out, 6, &0u32.to_ne_bytes());
            close(out, nest, 2);
            close(out, start, 4);
        }
        _ => unreachable!(),
    }
}

/// A message's headers; gives where it begins.
fn begin(out: &mut Vec<u8>, family: u16, sequence: u32, flags: u16, command: u8) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&family.to_ne_bytes());
    out.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
    out.extend_from_slice(&sequence.to_ne_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, command, 1, 0, 0]);
    start
}

/// A TCP service: its key, and whatever `rest` adds.
fn service(out: &mut Vec<u8>, key: &ServiceKey, rest: impl FnOnce(&mut Vec<u8>)) {
    let ServiceKey::Address { address: IpAddr::V4(address), port, .. } = key else { unreachable!() };
    let nest = nested(out, 1);
    attribute(out, 1, &2u16.to_ne_bytes());
    attribute(out, 2, &6u16.to_ne_bytes());
    attribute(out, 3, &padded(*address));
    attribute(out, 4, &port.to_be_bytes());
    rest(out);
    close(out, nest, 2);
}

fn nested(out: &mut Vec<u8>, kind: u16) -> usize {
    let nest = out.len();
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(0x8000 | kind).to_ne_bytes());
    nest
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Writes the length of what began at `start` into its first `width` bytes.
fn close(out: &mut [u8], start: usize, width: usize) {
    let len = (out.len() - start) as u32;
    out[start..start + width].copy_from_slice(&len.to_ne_bytes()[..width]);
}

fn padded(address: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&address.octets());
    bytes
}
