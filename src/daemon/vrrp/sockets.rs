//! The sockets that adverts leave by and arrive at: one for each interface, family and protocol that somebody listens to.
//!
//! What stands in an advert is not looked at here.

use crate::net::Family;
use crate::state::vrrp::Descriptors;
use crate::sys::poll::Poll;
use crate::sys::raw::{self, Inbox, SendProblem};
use crate::time::Instant;
use crate::vrrp::event::{Event, IfIndex, Listen, Name, Packet, Protocol, Received};
use crate::vrrp::shared::Shared;
use std::borrow::Cow;
use std::collections::hash_map::{Entry, HashMap};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use tracing::debug;

/// Which socket: its interface, or none, and what it hears.
type Place = (Option<IfIndex>, Family, Protocol);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    all: HashMap<Place, Listener>,
    // Emptied after each use; kept for their memory.
    order: Vec<usize>,
    unsent: Vec<(usize, SendProblem)>,
}

#[derive(Debug)]
struct Listener {
    socket: raw::Socket,
    joined: Vec<IpAddr>,
    /// What is sent to this host is wanted, too.
    direct: bool,
}

impl Sockets {
    /// Gives what has come to the socket with that token; true if there is more.
    pub(super) fn drain(
        &mut self,
        token: u64,
        inbox: &mut Inbox,
        sink: &mut dyn FnMut(Instant, Event<'_>),
    ) -> bool {
        let place = place_of(token);
        let Some(Listener { socket, direct, .. }) = self.all.get_mut(&place) else { return false };
        let drained = socket.drain(inbox, |packet| {
            let raw::Received { source, destination, ttl, at, header, payload } = packet;
            // A raw socket hears all that is sent to this host.
            if !*direct && !destination.is_multicast() {
                return;
            }
            let (interface, _, protocol) = place;
            let (header, payload) = (Cow::Borrowed(header), Cow::Borrowed(payload));
            let received = Received { interface, source, destination, ttl, protocol, header, payload };
            sink(at, Event::Received(received));
        });
        // An interface that goes down or away says so here too; the monitor tells the rest.
        drained.unwrap_or_else(|error| {
            debug!(%error, "packets can't be read");
            false
        })
    }

    /// Their numbers, by what they hear.
    pub(super) fn descriptors(&self) -> Descriptors {
        self.all.iter().map(|(place, listener)| (*place, listener.socket.as_fd().as_raw_fd())).collect()
    }

    /// See [`crate::vrrp::engine::Io::listen`].
    pub(super) fn listen(&mut self, poll: &mut Poll, listen: Listen) -> Result<(), Shared<str>> {
        let place = place(listen);
        self.join(poll, place, listen.group).map_err(|error| {
            self.close_unused(poll, place);
            Shared::from(error)
        })
    }

    /// See [`crate::vrrp::engine::Io::set_buffer`].
    pub(super) fn set_buffer(&self, listen: Listen, bytes: u32) {
        if let Some(listener) = self.all.get(&place(listen)) {
            listener.socket.set_receive_buffer((bytes > 0).then_some(bytes));
        }
    }

    /// See [`crate::vrrp::engine::Io::unlisten`].
    pub(super) fn unlisten(&mut self, poll: &mut Poll, listen: Listen) {
        let place = place(listen);
        if let Some(listener) = self.all.get_mut(&place) {
            match listen.group {
                Some(group) => {
                    listener.socket.leave(group);
                    listener.joined.retain(|joined| *joined != group);
                }
                None => listener.direct = false,
            }
            self.close_unused(poll, place);
        }
    }

    /// See [`crate::vrrp::engine::Io::send`]. An advert counts as sent if one of its destinations gets it.
    pub(super) fn send(&mut self, adverts: &[(Name, Packet)], failed: &mut dyn FnMut(usize, Shared<str>)) {
        let Sockets { all, order, unsent } = self;
        let place = |at: &usize| {
            let (_, packet) = adverts.get(*at)?;
            Some((packet.interface, Family::of(packet.source), packet.protocol))
        };
        // Those of a socket leave together, in their order.
        order.clear();
        order.extend(0..adverts.len());
        order.sort_unstable_by_key(|at| (place(at), *at));
        for run in order.chunk_by(|a, b| place(a) == place(b)) {
            let Some(Some(place)) = run.first().map(place) else { continue };
            let Some(Listener { socket, .. }) = all.get(&place) else {
                let reason = SendProblem::Gone.to_string();
                run.iter().for_each(|at| failed(*at, reason.as_str().into()));
                continue;
            };
            let of_run = || run.iter().filter_map(|at| Some((*at, &adverts.get(*at)?.1)));
            let packets = of_run().flat_map(|(_, packet)| {
                packet.copies.iter().map(|copy| raw::Packet {
                    source: packet.source,
                    destination: copy.destination,
                    ttl: packet.ttl,
                    id: packet.id,
                    payload: &copy.bytes,
                })
            });
            unsent.clear();
            socket.send_many(packets, |index, problem| unsent.push((index, problem)));
            if unsent.is_empty() {
                continue;
            }
            let mut first = 0;
            for (at, packet) in of_run() {
                let end = first + packet.copies.len();
                let mut problems = unsent.iter().filter(|(n, _)| (first..end).contains(n)).map(|(_, p)| *p);
                let problem = problems.next();
                let others = problems.count();
                match problem {
                    Some(problem) if first + others + 1 == end => failed(at, problem.to_string().into()),
                    Some(problem) => debug!("an advert did not reach {} of its peers: {problem}", others + 1),
                    None => {}
                }
                first = end;
            }
        }
    }

    /// Joins the group, with a socket that is opened where there is none; or why not.
    fn join(&mut self, poll: &mut Poll, place: Place, group: Option<IpAddr>) -> Result<(), String> {
        let listener = match self.all.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let (interface, family, protocol) = place;
                let protocol = match protocol {
                    Protocol::Vrrp => raw::PROTOCOL,
                    Protocol::Ah => raw::PROTOCOL_AH,
                };
                let interface = interface.map(|index| index.0);
                let socket = raw::Socket::open_for(family, protocol, interface).map_err(|e| e.to_string())?;
                poll.add(&socket, token_of(place)).map_err(|e| format!("wait for packets: {e}"))?;
                free.insert(Listener { socket, joined: Vec::new(), direct: false })
            }
        };
        match group {
            Some(group) => {
                listener.socket.join(group).map_err(|e| e.to_string())?;
                listener.joined.push(group);
            }
            None => listener.direct = true,
        }
        Ok(())
    }

    fn close_unused(&mut self, poll: &mut Poll, place: Place) {
        if self.all.get(&place).is_some_and(|listener| listener.joined.is_empty() && !listener.direct)
            && let Some(listener) = self.all.remove(&place)
        {
            // Closing it would do; this keeps the count right.
            let _ = poll.remove(&listener.socket);
        }
    }
}

const fn place(listen: Listen) -> Place {
    (listen.interface, listen.family, listen.protocol)
}

fn token_of((interface, family, protocol): Place) -> u64 {
    // An index is 32 bits long and never 0: never one of the others.
    u64::from(interface.map_or(0, |index| index.0)) << 2
        | u64::from(family == Family::V6) << 1
        | u64::from(protocol == Protocol::Ah)
}

fn place_of(token: u64) -> Place {
    let family = if token & 2 == 0 { Family::V4 } else { Family::V6 };
    let protocol = if token & 1 == 0 { Protocol::Vrrp } else { Protocol::Ah };
    let index = u32::try_from(token >> 2).unwrap_or_default();
    ((index != 0).then_some(IfIndex(index)), family, protocol)
}
