//! The world as a node's engine sees it: virtual time that moves on with each call, a socket, a kernel that does a job
//! beside the engine; any call may fail where the story says so.

mod jobs;
mod neighbours;

use crate::kernel::Kernel;
use crate::options::{Costs, Failures, Options};
use crate::random::Random;
use crate::story::Said;
use crate::tracked::Tracked;
use crate::watch::Watch;
use jobs::Job;
use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use vipd::net::{Family, IpNet, MacAddr};
use vipd::run::{Run, RunId};
use vipd::time::Instant;
use vipd::vrrp::engine::Io;
use vipd::vrrp::event::{Change, Event, IfIndex, Listen, Name, Packet, Protocol, Received, Refusal, Report};
use vipd::vrrp::garp::Frame;
use vipd::vrrp::notice::Notice;
use vipd::vrrp::packet::{TTL, ah};
use vipd::vrrp::shared::Shared;
use vipd::vrrp::track::Watched;

/// More packets than this don't fit into the socket: the newest are lost.
const SOCKET: usize = 2000;
/// News read at a time.
const NEWS: usize = 256;
/// Claims read at a time.
const CLAIMS: usize = 10;

/// An advert on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Advert {
    /// The segment.
    pub(crate) link: usize,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) id: u16,
    pub(crate) payload: Vec<u8>,
    /// When it left.
    pub(crate) sent: Instant,
}

impl Advert {
    /// What stands behind the header of `auth_type AH`, if it has one.
    pub(crate) fn vrrp(&self) -> &[u8] {
        vrrp(self.protocol, &self.payload)
    }
}

fn vrrp(protocol: Protocol, payload: &[u8]) -> &[u8] {
    match protocol {
        Protocol::Ah => payload.get(ah::HEADER_LEN..).unwrap_or_default(),
        Protocol::Vrrp => payload,
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Instant,
    /// What the wall clock shows in front of what it would if nobody had set it, in seconds.
    pub(crate) clock_set_by: i64,
    random: Random,
    costs: Costs,
    pub(crate) failures: Failures,
    /// A call of this turn took long already.
    was_slow: bool,
    socket: VecDeque<(Instant, Option<IfIndex>, Advert)>,
    /// Who is said to have which address.
    claims: VecDeque<(Instant, IfIndex, IpAddr, MacAddr)>,
    /// What was said and asked of addresses, if anybody listens.
    pub(crate) said: Vec<Said>,
    says: bool,
    pub(crate) listens: BTreeSet<Listen>,
    pub(crate) kernel: Kernel,
    pub(crate) tracked: Tracked,
    job: Option<Job>,
    /// What left, and when.
    pub(crate) sent: Vec<(Instant, Advert)>,
    pub(crate) watch: Watch,
    /// Addresses whose change was refused, until one succeeds.
    pub(crate) refused: BTreeSet<(IfIndex, IpNet)>,
    /// Routes and rules whose change was refused, until one succeeds.
    pub(crate) refused_entries: BTreeSet<String>,
    /// Interfaces of its own that were refused, or their removal, until one succeeds.
    pub(crate) refused_links: BTreeSet<Name>,
    /// Addresses that were set and not announced yet.
    pub(crate) unannounced: BTreeSet<(IfIndex, IpAddr)>,
    /// For the reader of a story: what was reported and changed.
    pub(crate) tell: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(at: usize, random: Random, costs: Costs, options: &Options, watch: Watch) -> World {
        World {
            now: Instant::ZERO,
            clock_set_by: 0,
            random,
            costs,
            failures: options.failures,
            was_slow: false,
            socket: VecDeque::new(),
            claims: VecDeque::new(),
            said: Vec::new(),
            says: options.hosts > 0,
            listens: BTreeSet::new(),
            kernel: Kernel::new(at),
            tracked: Tracked::default(),
            job: None,
            sent: Vec::new(),
            watch,
            refused: BTreeSet::new(),
            refused_entries: BTreeSet::new(),
            refused_links: BTreeSet::new(),
            unannounced: BTreeSet::new(),
            tell: None,
        }
    }

    pub(crate) fn begin_turn(&mut self, now: Instant) {
        self.now = now + Duration::from_nanos(self.random.within(0, self.costs.late.as_nanos() as u64));
        self.was_slow = false;
        self.watch.begin_turn(self.now);
    }

    /// A packet reaches the network card: into the socket, if somebody listens.
    pub(crate) fn deliver(&mut self, now: Instant, advert: Advert) -> bool {
        let group = Some(advert.destination).filter(|to| to.is_multicast());
        let (family, protocol) = (Family::of(advert.source), advert.protocol);
        let vrid = advert.vrrp().get(1).copied();
        let meant =
            self.watch.routers.iter().find(|r| Some(r.config.vrid.get()) == vrid && r.link == advert.link);
        let place = meant.and_then(|router| self.kernel.place(router));
        let (mut heard, mut is_its) = (false, false);
        for index in self.kernel.indexes(advert.link) {
            if !self.kernel.is_up(index)
                || group.is_none() && !self.kernel.holds_address(index, advert.destination)
            {
                continue;
            }
            // A socket on the interface, and for what is sent to this host also one on none.
            let listens = |interface: &Option<IfIndex>| {
                self.listens.contains(&Listen { interface: *interface, family, protocol, group })
            };
            let places: Vec<_> = [Some(index), None].into_iter().filter(listens).collect();
            if places.is_empty() || self.socket.len() >= SOCKET {
                continue;
            }
            for place in places {
                self.socket.push_back((now, place, advert.clone()));
            }
            heard = true;
            is_its |= place == Some(index);
        }
        if is_its {
            let utc = self.utc_at(now);
            self.watch.delivered(now, &advert, utc.as_secs());
        }
        heard
    }

    /// The process is gone, with its sockets.
    pub(crate) fn close(&mut self) {
        self.socket.clear();
        self.claims.clear();
        self.listens.clear();
        self.job = None;
        self.unannounced.clear();
        self.tracked.close();
        self.watch.died();
    }

    /// From now on every address must be as it is wanted, whatever was refused.
    pub(crate) fn forget_refusals(&mut self) {
        self.refused.clear();
        self.refused_entries.clear();
        self.refused_links.clear();
        self.kernel.changed = true;
    }

    /// Some day; it runs as evenly as the monotonic clock, but for those who set it.
    fn utc_at(&self, now: Instant) -> Duration {
        let began = 1_700_000_000_u64.saturating_add_signed(self.clock_set_by);
        Duration::from_secs(began) + now.saturating_since(Instant::ZERO)
    }

    fn cost(&mut self, usual: Duration) {
        self.now += usual;
        if !self.was_slow && self.thousandth(self.failures.slow) {
            self.was_slow = true;
            self.now += self.failures.slowness;
        }
    }

    fn thousandth(&mut self, thousandth: u64) -> bool {
        thousandth > 0 && self.random.within(1, 1000) <= thousandth
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(tell) = &mut self.tell {
            tell.push(format!("{:?} {}", self.now, what()));
        }
    }
}

impl Io for World {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn utc(&mut self) -> Duration {
        self.utc_at(self.now)
    }

    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool {
        while let Some((at, interface, advert)) = self.socket.pop_front() {
            self.cost(self.costs.packet);
            let Advert { source, destination, payload, protocol, id, .. } = advert;
            let header = match (source, destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    ah::ip_header(source, destination, TTL, id, payload.len()).to_vec()
                }
                _ => vec![],
            };
            let (header, payload) = (Cow::Owned(header), Cow::Owned(payload));
            let received = Received { interface, source, destination, ttl: TTL, protocol, header, payload };
            sink(at, Event::Received(received));
        }
        for _ in 0..CLAIMS {
            let Some((at, interface, address, mac)) = self.claims.pop_front() else { break };
            self.cost(self.costs.packet);
            sink(at, Event::Claimed { interface, address, mac });
        }
        for event in self.tracked.take(self.now) {
            self.cost(self.costs.packet);
            sink(self.now, event);
        }
        let more = !self.claims.is_empty();
        if self.job.is_some() {
            return more;
        }
        if self.kernel.overrun {
            let snapshot = self.kernel.snapshot();
            self.cost(self.costs.packet * (1 + snapshot.addresses.len() as u32 / 20));
            sink(self.now, Event::Snapshot(Box::new(snapshot)));
        }
        for _ in 0..NEWS {
            let Some(event) = self.kernel.news.pop_front() else { break };
            self.cost(self.costs.packet / 8);
            if let Event::AddressGone { interface, net } = &event {
                self.unannounced.remove(&(*interface, net.address));
            }
            sink(self.now, event);
        }
        more || !self.kernel.news.is_empty()
    }

    fn listen(&mut self, listen: Listen) -> Result<(), Shared<str>> {
        self.cost(self.costs.advert);
        let is_there = listen.interface.is_none_or(|interface| self.kernel.slot(interface).is_some());
        if self.thousandth(self.failures.listen) || !is_there {
            return Err("no such device".into());
        }
        self.listens.insert(listen);
        Ok(())
    }

    fn set_buffer(&mut self, _: Listen, _: u32) {
        // Stories have room for all that comes.
        self.cost(self.costs.advert);
    }

    fn unlisten(&mut self, listen: Listen) {
        self.cost(self.costs.advert);
        self.listens.remove(&listen);
    }

    fn send(&mut self, adverts: &[(Name, Packet)], failed: &mut dyn FnMut(usize, Shared<str>)) {
        for (at, (name, packet)) in adverts.iter().enumerate() {
            self.cost(self.costs.advert);
            let priority = vrrp(packet.protocol, packet.bytes())[2];
            self.say(|| format!("{name} says priority {priority}"));
            self.watch.advertised(self.now, name, priority, packet.bytes());
            // The routes lead to where the source is.
            let index = packet.interface.or_else(|| self.kernel.with_address(packet.source));
            let Some(index) = index else {
                failed(at, "network is unreachable".into());
                continue;
            };
            let slot = self.kernel.slot(index).filter(|_| self.kernel.is_up(index));
            let (Some(link), false) = (slot, self.thousandth(self.failures.send)) else {
                failed(at, "network is unreachable".into());
                continue;
            };
            if !self.kernel.holds_source(index, packet.source) {
                failed(at, "cannot assign requested address".into());
                continue;
            }
            for copy in packet.copies.iter() {
                let advert = Advert {
                    link,
                    source: packet.source,
                    destination: copy.destination,
                    protocol: packet.protocol,
                    id: packet.id,
                    payload: copy.bytes.to_vec(),
                    sent: self.now,
                };
                self.sent.push((self.now, advert));
            }
        }
    }

    fn start(&mut self, changes: &[Change], frames: &[Frame]) {
        assert!(self.job.is_none(), "a job is under way");
        // It takes the kernel's time, not the engine's.
        let (begin, was_slow) = (self.now, self.was_slow);
        // Announcements leave beside the changes: it may be before all of them.
        let before = !changes.is_empty() && !frames.is_empty() && self.random.percent(50);
        if before {
            self.announce(frames);
        }
        let refused = self.change(changes);
        if !before {
            self.announce(frames);
        }
        let end = self.now + self.costs.change;
        (self.now, self.was_slow) = (begin, was_slow);
        self.job = Some(Job { begin, end, refused });
    }

    fn finished(&mut self, refused: &mut dyn FnMut(usize, Refusal)) -> Option<Duration> {
        let Job { begin, end, refused: all } = self.job.take_if(|job| job.end <= self.now)?;
        for (at, refusal) in all {
            refused(at, refusal);
        }
        Some(end - begin)
    }

    fn notify(&mut self, notice: &Notice) {
        self.cost(self.costs.report);
        self.say(|| format!("tells {}", notice.fifo_line().trim_end()));
        let World { watch, kernel, refused, .. } = self;
        let Some(master) = watch.told(notice) else { return };
        // Somebody may have taken one a moment ago.
        let unknown = kernel.overrun || !kernel.news.is_empty();
        let Some(index) = kernel.place(master).filter(|_| !unknown) else { return };
        let is_missing = |net: &IpNet| !kernel.holds(index, *net) && !kernel.taken.contains(&(index, *net));
        let missing = master.promised().find(|net| is_missing(net) && !refused.contains(&(index, *net)));
        if let Some(net) = missing {
            watch.wrong(format!("{} is told to be master, and {net} is not set", notice.name));
        }
    }

    fn run(&mut self, run: Run) {
        self.cost(self.costs.report);
        let takes = Duration::from_micros(self.random.within(500, 20_000));
        self.tracked.run(self.now, run, takes);
    }

    fn cancel_run(&mut self, id: RunId) {
        self.tracked.cancel(self.now, id);
    }

    fn watch(&mut self, watched: Watched) {
        self.tracked.watch(self.now, &watched);
    }

    fn report(&mut self, instance: Option<&Name>, report: &Report) {
        self.cost(self.costs.report);
        self.say(|| format!("{} {report:?}", instance.map_or("", |name| name)));
        let at = instance.and_then(|name| crate::watch::index(name));
        let weights = at.map_or(0, |at| self.tracked.weight(at));
        self.watch.reported(instance, report, weights);
        if let (Report::SplitOver(_), Some(at)) = (report, at) {
            self.expect_announcements(at);
        }
    }
}
