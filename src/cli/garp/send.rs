//! Sends what was planned: finds the interface, asks who has the addresses, announces.

use super::plan::{Announcement, Check, Plan};
use crate::net::MacAddr;
use crate::netlink::route::{Client, Link};
use crate::sys::clock;
use crate::sys::packet::{self, Listener, Sender};
use crate::vrrp::event::IfIndex;
use crate::vrrp::garp::{self, Arp, Forwarding, Frame};
use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;

/// Every kind of frame: probes and their answers, for both families.
const EVERYTHING: u16 = 3;
/// Probes a check sends, evenly over its time.
const PROBES: u32 = 3;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All was announced, or nobody has the addresses.
    Done,
    /// Somebody else has one of them.
    Taken,
}

/// Where the announcements leave.
struct Stage {
    link: Link,
    mac: MacAddr,
    /// MAC addresses of this host.
    own: HashSet<MacAddr>,
}

/// Carries out the plan.
///
/// # Errors
/// Why not, in words.
pub(super) fn send(plan: &Plan) -> Result<Outcome, String> {
    let stage = Stage::find(plan)?;
    let _pid = plan.pid_file.as_deref().map(PidFile::write).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no event loop: {error}"))?;
    runtime.block_on(async {
        if plan.check != Check::No && check(plan, &stage).await? {
            return Ok(Outcome::Taken);
        }
        if plan.check != Check::Only {
            announce(plan, &stage).await?;
        }
        Ok(Outcome::Done)
    })
}

impl Stage {
    fn find(plan: &Plan) -> Result<Stage, String> {
        let mut client = Client::open().map_err(|error| format!("the kernel's links: {error}"))?;
        let links = client.links().map_err(|error| format!("the kernel's links: {error}"))?;
        let addresses = client.addresses(None).map_err(|error| format!("the kernel's addresses: {error}"))?;
        let on = |address: IpAddr| addresses.iter().find(|a| a.net.address == address).map(|a| a.interface);
        let link = match (&plan.interface, plan.announcements.first()) {
            (Some(name), _) => links
                .iter()
                .find(|link| link.name == *name)
                .ok_or_else(|| format!("there is no interface {name}"))?,
            (None, Some(first)) => links
                .iter()
                .find(|link| Some(link.index) == on(first.address))
                .ok_or_else(|| format!("no interface has {}: name one with -I", first.address))?,
            (None, None) => return Err("nothing to announce".to_owned()),
        };
        let mac = link
            .mac
            .ok_or_else(|| format!("{} has no Ethernet address: nobody there keeps a table", link.name))?;
        if !link.is_up() {
            return Err(format!("interface {} is down", link.name));
        }
        for Announcement { address, mac: given, .. } in &plan.announcements {
            if given.is_none() && plan.check != Check::Only && on(*address) != Some(link.index) {
                print_error!(
                    "warning: {} does not have {address}: neighbours will send its packets here all the same",
                    link.name
                );
            }
        }
        let own = links.iter().filter_map(|link| link.mac).collect();
        Ok(Stage { link: link.clone(), mac, own })
    }

    fn frame(&self, announcement: &Announcement) -> Frame {
        let index = IfIndex(self.link.index);
        let mac = announcement.mac.unwrap_or(self.mac);
        match announcement.address {
            IpAddr::V4(address) => {
                let mut arp = Arp { operation: announcement.operation, ..Arp::gratuitous(address, mac) };
                if let Some((target_mac, target)) = announcement.target {
                    arp.target = (target_mac.unwrap_or(MacAddr::BROADCAST), target);
                    arp.destination = arp.target.0;
                }
                Frame::arp(index, &arp)
            }
            address @ IpAddr::V6(_) => {
                let forwarding = if self.link.forwards_v6 { Forwarding::Router } else { Forwarding::Host };
                Frame::new(index, address, mac, forwarding)
            }
        }
    }

    fn send(&self, sender: &Sender, frame: &Frame) -> Result<(), String> {
        let frame = packet::Frame { interface: self.link.index, bytes: frame.bytes() };
        sender.send(frame).map_err(|problem| format!("{}: {problem}", self.link.name))
    }
}

/// Asks who has the addresses: true, and said, if somebody else has one.
async fn check(plan: &Plan, stage: &Stage) -> Result<bool, String> {
    let sender = Sender::open().map_err(|error| error.to_string())?;
    let mut listener = Listener::open(stage.link.index, EVERYTHING).map_err(|error| error.to_string())?;
    let mut asked: HashSet<IpAddr> = plan.announcements.iter().map(|a| a.address).collect();
    let mut taken = false;
    for _ in 0..PROBES {
        for address in &asked {
            stage.send(&sender, &Frame::probe(IfIndex(stage.link.index), *address, stage.mac))?;
        }
        let end = clock::now() + plan.wait / PROBES;
        loop {
            let left = end - clock::now();
            if left.is_zero() || asked.is_empty() {
                break;
            }
            let Ok(ready) = tokio::time::timeout(left, listener.ready()).await else { break };
            ready.map_err(|error| format!("event loop: {error}"))?;
            let drained = listener.drain(|frame, _| {
                if let Some((address, mac)) = garp::claim(frame).filter(|(_, mac)| !stage.own.contains(mac))
                    && asked.remove(&address)
                {
                    taken = true;
                    print_error!("{address} belongs to {mac} on {}", stage.link.name);
                }
            });
            drained.map_err(|error| format!("{}: {error}", stage.link.name))?;
        }
    }
    if !taken && !plan.quiet {
        for Announcement { address, .. } in &plan.announcements {
            say(&format!("nobody else has {address} on {}", stage.link.name));
        }
    }
    Ok(taken)
}

async fn announce(plan: &Plan, stage: &Stage) -> Result<(), String> {
    let sender = Sender::open().map_err(|error| error.to_string())?;
    let frames: Vec<Frame> = plan.announcements.iter().map(|a| stage.frame(a)).collect();
    for round in 0..plan.count {
        if round > 0 {
            tokio::time::sleep(plan.interval).await;
        }
        for frame in &frames {
            stage.send(&sender, frame)?;
        }
    }
    if !plan.quiet {
        for Announcement { address, mac, .. } in &plan.announcements {
            let mac = mac.unwrap_or(stage.mac);
            let times = if plan.count == 1 { "once".to_owned() } else { format!("{} times", plan.count) };
            say(&format!("{address} is at {mac}, announced {times} on {}", stage.link.name));
        }
    }
    Ok(())
}

/// Nobody is left to tell where that fails.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// `-p`: the file goes with it.
struct PidFile<'a>(&'a std::path::Path);

impl PidFile<'_> {
    fn write(path: &std::path::Path) -> Result<PidFile<'_>, String> {
        fs::write(path, format!("{}\n", std::process::id()))
            .map_err(|error| format!("write {}: {error}", path.display()))?;
        Ok(PidFile(path))
    }
}

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}
