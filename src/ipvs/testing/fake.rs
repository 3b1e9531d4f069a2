//! A kernel with IPVS, as far as a client's requests go, that can be told to run out of memory: a thread at the other end of
//! a socket, which keeps what it is given as it comes.

use crate::ipvs::attributes::number::{Command, CommandAttr, DestAttr, ServiceAttr};
use crate::ipvs::client::Client;
use crate::netlink::message::{Attributes, ByKind, DUMP, KIND_DONE, KIND_ERROR, Message, Messages};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex};

/// Any number: nobody else answers.
const FAMILY: u16 = 32;

/// Of `nlmsghdr.nlmsg_flags`.
const ACK: u16 = 4;
const MULTI: u16 = 2;

/// The kernel, to be told things from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

/// What identifies a server, and what it is.
type Server = (Vec<u8>, Vec<u8>);

#[derive(Debug, Default)]
struct State {
    /// What identifies a service, what it is, and its servers.
    services: Vec<(Vec<u8>, Vec<u8>, Vec<Server>)>,
    /// So many requests of this command are refused, for want of memory.
    refused: Option<(u8, u32)>,
    /// How many have been.
    refusals: u32,
    /// How many requests have changed something.
    writes: u32,
}

impl Fake {
    /// From now on so many requests of this command find no memory.
    pub(crate) fn refuse(&self, command: Command, count: u32) {
        self.0.lock().unwrap().refused = Some((u8::from(command), count));
    }

    /// How many have found none.
    pub(crate) fn refusals(&self) -> u32 {
        self.0.lock().unwrap().refusals
    }

    /// How many requests have changed something.
    pub(crate) fn writes(&self) -> u32 {
        self.0.lock().unwrap().writes
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (here, there) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        let state = Arc::clone(&self.0);
        std::thread::spawn(move || serve(&there, &state));
        Client::over(here, FAMILY)
    }
}

fn serve(socket: &OwnedFd, state: &Mutex<State>) {
    let mut datagram = vec![0; 1 << 20];
    // Ends with the client.
    while let Ok(length @ 1..) = recv(socket.as_raw_fd(), &mut datagram, MsgFlags::empty()) {
        for request in Messages::new(&datagram[..length]) {
            for answer in state.lock().unwrap().answers(&request.unwrap()) {
                if send(socket.as_raw_fd(), &answer, MsgFlags::MSG_NOSIGNAL).is_err() {
                    return;
                }
            }
        }
    }
}

impl State {
    fn answers(&mut self, request: &Message<'_>) -> Vec<Vec<u8>> {
        let command = request.payload[0];
        let outcome = match &mut self.refused {
            Some((refused, left @ 1..)) if *refused == command => {
                *left -= 1;
                self.refusals += 1;
                Err(Errno::ENOMEM)
            }
            _ => self.carry_out(command, request),
        };
        self.writes += u32::from(outcome.is_ok() && request.flags & DUMP != DUMP);
        match outcome {
            Ok(objects) if request.flags & DUMP == DUMP => {
                let objects = objects.iter().map(|object| message(FAMILY, MULTI, request, object));
                // In one piece: what comes in several could lack something.
                vec![
                    objects.chain([message(KIND_DONE, MULTI, request, &[0; 4])]).collect::<Vec<_>>().concat(),
                ]
            }
            Ok(_) if request.flags & ACK == 0 => Vec::new(),
            Ok(_) => vec![answer(request, 0)],
            Err(errno) => vec![answer(request, -(errno as i32))],
        }
    }

    fn carry_out(&mut self, command: u8, request: &Message<'_>) -> Result<Vec<Vec<u8>>, Errno> {
        let attributes = ByKind::<8>::new(request.attributes(4).unwrap()).unwrap();
        let nested = |kind| attributes.get(kind).map(|attribute| attribute.payload.to_vec());
        let service = nested(CommandAttr::Service);
        let key = service.as_deref().map(service_key);
        let place = self.services.iter().position(|(known, ..)| Some(known) == key.as_ref());
        let dest = nested(CommandAttr::Dest);
        let object =
            |kind, payload: &[u8]| [&[command, 1, 0, 0], &*attribute(u16::from(kind), payload)].concat();
        if command == u8::from(Command::GetService) {
            let all = self.services.iter();
            return Ok(all.map(|(_, service, _)| object(CommandAttr::Service, service)).collect());
        }
        if command == u8::from(Command::NewService) {
            if place.is_some() {
                return Err(Errno::EEXIST);
            }
            self.services.push((key.unwrap(), service.unwrap(), Vec::new()));
            return Ok(Vec::new());
        }
        let Some(place) = place else {
            return if command == u8::from(Command::GetDest) { Ok(Vec::new()) } else { Err(Errno::ESRCH) };
        };
        let dests = &mut self.services[place].2;
        if command == u8::from(Command::GetDest) {
            // The newest first.
            return Ok(dests
                .iter()
                .rev()
                .map(|(_, dest)| object(CommandAttr::Dest, &listed(dest)))
                .collect());
        }
        if command == u8::from(Command::DelService) {
            self.services.remove(place);
            return Ok(Vec::new());
        }
        let dest = dest.unwrap();
        let known = dests.iter().position(|(key, _)| *key == dest_key(&dest));
        match (known, command) {
            (None, new) if new == u8::from(Command::NewDest) => dests.push((dest_key(&dest), dest)),
            (Some(known), set) if set == u8::from(Command::SetDest) => dests[known].1 = dest,
            (Some(known), del) if del == u8::from(Command::DelDest) => drop(dests.remove(known)),
            (None, _) => return Err(Errno::ENOENT),
            (Some(_), _) => return Err(Errno::EEXIST),
        }
        Ok(Vec::new())
    }
}

/// What identifies a service, by its attributes.
fn service_key(attributes: &[u8]) -> Vec<u8> {
    let found = ByKind::<13>::new(Attributes::new(attributes)).unwrap();
    let kinds = [ServiceAttr::Af, ServiceAttr::Protocol, ServiceAttr::Addr, ServiceAttr::Port];
    kinds.map(|kind| found.get(kind).map_or(Vec::new(), |a| a.payload.to_vec())).concat()
}

/// What identifies a server of a service.
fn dest_key(attributes: &[u8]) -> Vec<u8> {
    let found = ByKind::<16>::new(Attributes::new(attributes)).unwrap();
    [DestAttr::Addr, DestAttr::Port].map(|kind| found.get(kind).unwrap().payload.to_vec()).concat()
}

/// With the counters that only the kernel knows.
fn listed(dest: &[u8]) -> Vec<u8> {
    let counters = [DestAttr::ActiveConns, DestAttr::InactConns, DestAttr::PersistConns];
    [dest, &counters.map(|kind| attribute(u16::from(kind), &[0; 4])).concat()].concat()
}

fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = 4 + payload.len() as u16;
    let padding = vec![0; payload.len().next_multiple_of(4) - payload.len()];
    [&length.to_ne_bytes(), &kind.to_ne_bytes(), payload, &padding].concat()
}

/// To the port that asked, which is 0 here.
fn message(kind: u16, flags: u16, request: &Message<'_>, payload: &[u8]) -> Vec<u8> {
    let length = 16 + payload.len() as u32;
    let header = [
        &length.to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &flags.to_ne_bytes(),
        &request.sequence.to_ne_bytes(),
        &[0; 4],
    ];
    [&header.concat(), payload].concat()
}

/// Whether it was carried out.
fn answer(request: &Message<'_>, error: i32) -> Vec<u8> {
    // Behind it the header of what it answers.
    message(KIND_ERROR, 0, request, &[&error.to_ne_bytes()[..], &message(FAMILY, 0, request, &[])].concat())
}
