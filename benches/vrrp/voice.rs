//! Another router's voice: adverts at their times, from a thread on the peer's host.

use crate::support::Host;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use vipd::net::Family;
use vipd::sys::raw::{self, Packet, Socket};
use vipd::vrrp::config::Vrid;
use vipd::vrrp::packet::{Advert, Authentication, Body, Centis, Secs};

/// What one router says, again and again.
#[derive(Clone, Debug)]
pub(crate) struct Speech {
    pub(crate) interface: String,
    pub(crate) source: Ipv4Addr,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    pub(crate) addresses: Vec<IpAddr>,
    /// Version 3 with this interval, or version 2.
    pub(crate) interval: Option<Duration>,
}

impl Speech {
    fn bytes(&self) -> Vec<u8> {
        let body = match self.interval {
            Some(interval) => Body::V3 { interval: Centis::from(interval) },
            None => Body::V2 { interval: Secs(1), auth: Authentication::None },
        };
        let (vrid, priority) = (Vrid::new(self.vrid).unwrap(), self.priority);
        let advert = Advert { vrid, priority, addresses: self.addresses.clone().into(), body };
        advert.encode(self.source.into(), raw::GROUP_V4.into())
    }
}

/// It speaks until it is dropped.
pub(crate) struct Voice {
    stop: Arc<AtomicBool>,
    longest: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Voice {
    /// Says all of that once in each `period`, evenly spread, `at_once` at a time.
    pub(crate) fn start(host: &Host, speeches: &[Speech], period: Duration, at_once: usize) -> Voice {
        let (stop, longest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ending, late) = (Arc::clone(&stop), Arc::clone(&longest));
        let all: Vec<(Socket, Speech, Vec<u8>)> = host.enter(|| {
            let open = |speech: &Speech| {
                let index = nix::net::if_::if_nametoindex(speech.interface.as_str()).unwrap();
                (Socket::open(Family::V4, index).unwrap(), speech.clone(), speech.bytes())
            };
            speeches.iter().map(open).collect()
        });
        let thread = thread::spawn(move || {
            let step = period * u32::try_from(at_once).unwrap() / u32::try_from(all.len()).unwrap();
            let mut next = Instant::now();
            let mut last = next;
            for (at, (socket, speech, bytes)) in all.iter().enumerate().cycle() {
                if ending.load(Ordering::Relaxed) {
                    return;
                }
                let (source, payload) = (speech.source.into(), bytes.as_slice());
                let packet =
                    Packet { source, destination: raw::GROUP_V4.into(), ttl: Some(raw::TTL), id: 0, payload };
                let _ = socket.send(packet);
                if (at + 1) % at_once == 0 {
                    next += step;
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                    let pause = u64::try_from(last.elapsed().as_micros()).unwrap();
                    late.fetch_max(pause, Ordering::Relaxed);
                    last = Instant::now();
                }
            }
        });
        Voice { stop, longest, thread: Some(thread) }
    }

    /// The longest pause between two words.
    pub(crate) fn longest_pause(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
