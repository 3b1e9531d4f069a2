//! Hears what other hosts say of the virtual addresses: a socket for ARP and one for neighbour advertisements, as far as
//! there are addresses of that family. Which of them matter now, the router knows.

use crate::conf::Config;
use crate::net::Family;
use crate::sys::claims::{Heard, Listener};
use crate::sys::poll::Poll;
use crate::sys::raw::Inbox;
use crate::time::Instant;
use crate::vrrp::event::{Event, IfIndex};
use crate::vrrp::garp;
use std::net::IpAddr;
use tracing::{debug, warn};

/// The sockets, and by which tokens they are known.
#[derive(Debug)]
pub(super) struct Claims {
    families: [(u64, Family, Option<Listener>); 2],
}

impl Claims {
    /// None are open yet.
    pub(super) const fn new(tokens: [u64; 2]) -> Claims {
        let [v4, v6] = tokens;
        Claims { families: [(v4, Family::V4, None), (v6, Family::V6, None)] }
    }

    /// From now on these are the virtual addresses.
    pub(super) fn configure(&mut self, config: &Config, poll: &mut Poll) {
        let instances = config.vrrp.instances.iter();
        let addresses = instances.flat_map(|i| i.addresses.iter().chain(i.excluded.iter()));
        let addresses: Vec<IpAddr> = addresses.map(|address| address.net.address).collect();
        for (token, family, listener) in &mut self.families {
            let is_wanted = addresses.iter().any(|address| Family::of(*address) == *family);
            let done = match listener {
                Some(known) if is_wanted => known.watch(&addresses).map_err(|e| e.to_string()),
                Some(known) => {
                    let removed = poll.remove(known).map_err(|e| e.to_string());
                    *listener = None;
                    removed
                }
                None if is_wanted => Listener::open(*family, &addresses)
                    .map_err(|e| e.to_string())
                    .and_then(|new| poll.add(listener.insert(new), *token).map_err(|e| e.to_string())),
                None => Ok(()),
            };
            if let Err(error) = done {
                let which = if *family == Family::V4 { "IPv4" } else { "IPv6" };
                warn!("other hosts with our {which} addresses may not be noticed: {error}");
            }
        }
    }

    /// Gives what has come to the socket of that token; true if there may be more.
    pub(super) fn drain(
        &mut self,
        token: u64,
        inbox: &mut Inbox,
        sink: &mut dyn FnMut(Instant, Event<'_>),
    ) -> bool {
        let all = self.families.iter_mut();
        let listener = all.filter(|(known, ..)| *known == token).find_map(|(.., listener)| listener.as_mut());
        let Some(listener) = listener else { return false };
        let drained = listener.drain(inbox, |at, interface, heard| {
            let claim = match heard {
                Heard::Arp(frame) => garp::claim(frame),
                Heard::NeighbourAdvert(message) => garp::advertised(message),
            };
            if let Some((address, mac)) = claim {
                sink(at, Event::Claimed { interface: IfIndex(interface), address, mac });
            }
        });
        drained.unwrap_or_else(|error| {
            debug!(%error, "what others say of addresses can't be read");
            false
        })
    }
}
