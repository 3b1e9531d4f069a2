//! What the router reports, in keepalived's words: people grep for them.
//!
//! Refused packets may come in any number; `limit` decides which are written.

mod faults;

use super::limit::Limiter;
use crate::run::RunOutcome;
use crate::sys::clock;
use crate::sys::raw::SendProblem;
use crate::time::Instant;
use crate::vrrp::event::{Discard, Fault, Name, Reloaded, Report, ScriptReport, StateKind};
use crate::vrrp::garp::Frame;
use crate::vrrp::packet::DecodeError;
use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use tracing::span::EnteredSpan;
use tracing::{debug, info, info_span, warn};

/// Reports of one pause come within this time.
const SAME_PAUSE: Duration = Duration::from_millis(500);

/// Puts reports into words.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// `-D`: announcements are written, too.
    detail: bool,
    refused: Limiter<Group, Refused>,
    /// When it was last said that this process did not run.
    held_up_at: Option<Instant>,
}

/// Lines that say the same of many packets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    instance: Option<Name>,
    rule: Rule,
}

/// Why a packet is worth a line: without the numbers that the packet chose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Rule {
    Malformed(Discriminant<DecodeError>),
    Discarded(Discriminant<Discard>),
    Lower,
    NotAnnounced,
}

/// The same with the numbers.
#[derive(Clone, Copy, Debug)]
enum Refused {
    Malformed(DecodeError),
    Discarded(Discard),
    Lower,
    NotAnnounced(SendProblem),
}

impl Refused {
    fn rule(self) -> Rule {
        match self {
            Refused::Malformed(error) => Rule::Malformed(discriminant(&error)),
            Refused::Discarded(reason) => Rule::Discarded(discriminant(&reason)),
            Refused::Lower => Rule::Lower,
            Refused::NotAnnounced(_) => Rule::NotAnnounced,
        }
    }
}

/// How many such packets were not written of.
struct LeftOut(u64);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            count => write!(f, " ({count} more since the last such line)"),
        }
    }
}

impl Log {
    pub(super) fn new(detail: bool) -> Log {
        Log { detail, refused: Limiter::default(), held_up_at: None }
    }

    /// Each instance notices the same pause: one line tells.
    fn tells_pause(&mut self, now: Instant) -> bool {
        let is_new = self.held_up_at.is_none_or(|last| now.saturating_since(last) > SAME_PAUSE);
        if is_new {
            self.held_up_at = Some(now);
        }
        is_new
    }

    /// Puts a report into words.
    pub(super) fn report(&mut self, instance: Option<&Name>, report: &Report, now: Instant) {
        // By the line break those are known that are no instances.
        let name = instance.map_or("vrrp", |n| n.trim_end_matches('\n'));
        let is_static = instance.is_none_or(|instance| instance.ends_with('\n'));
        // Peers can cause any number of these: most are not written, and cost no span.
        let may_flood = matches!(
            report,
            Report::LowerPriority { .. } | Report::Malformed { .. } | Report::Discarded { .. }
        );
        let _in = (!may_flood).then(|| context(name));
        match report {
            Report::Entered { from: StateKind::Init, to } => {
                info!("({name}) Entering {} STATE (init)", word(*to))
            }
            Report::Entered { to: StateKind::Init, .. } => info!("({name}) Stopped"),
            Report::Entered { to, .. } => info!("({name}) Entering {} STATE", word(*to)),
            Report::GroupSyncing { group, to } => {
                info!("VRRP_Group({group}) Syncing instances to {} state", word(*to));
            }
            Report::GroupEntered { .. } => {}
            // keepalived's words, with its colon.
            Report::Faulty { fault: Fault::Tracked(object), detail } => {
                info!("{}", faults::text_of_tracked(name, object, detail.as_deref()));
            }
            Report::Faulty { fault, detail } => {
                let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
                warn!("({name}) {}{detail}", faults::text(fault));
            }
            Report::FaultGone(fault) => info!("({name}) {}", faults::text_of_end(fault)),
            Report::MastersVanish { times, interval } => warn!(
                "({name}) {times} masters with short advertisement intervals came and fell silent: waiting by our own \
                 interval of {interval:?} for a minute"
            ),
            Report::ClockDrift { source, skew } => warn!(
                "({name}) authentication clock skew {skew} sec from {source} approaching time_window: set both clocks right"
            ),
            Report::OldChecksum => info!("({name}) Setting unicast VRRPv3 checksum to old version"),
            Report::PlainChecksum { from } => warn!(
                "({name}) {from} sends checksums without the pseudo-header, as RFC 9568 says: they are believed. If it \
                 does not believe ours, set v3_checksum_as_v2"
            ),
            Report::AdvertRefused { reason } => warn!("({name}) advert not sent: {reason}"),
            Report::AdvertTooLong { advertised, of, mtu } => warn!(
                "({name}) only {advertised} of {of} virtual addresses fit into an advert (MTU {mtu}): the others are set, \
                 but not advertised. Move them to virtual_ipaddress_excluded"
            ),
            Report::AddressesSet(list) => info!("({name}) set {list}"),
            Report::AddressesRemoved(list) => info!("({name}) removed {list}"),
            Report::LeftoversRemoved(list) => warn!(
                "({name}) removed {list}: there before this start, and another router may be the master"
            ),
            Report::Abandoned(list) => {
                let them = if list.count() == 1 { "it" } else { "them" };
                warn!(
                    "found {list}, which an earlier run has left and the configuration does not name: removing {them}"
                );
            }
            Report::MacChanged { interface, mac } => {
                info!(
                    "({name}) {interface} has another Ethernet address, {mac}: announcing the addresses again"
                );
            }
            Report::AddressesTaken(list) if is_static => {
                info!("Restoring deleted static address {list}");
            }
            Report::AddressesTaken(list) => {
                let them = if list.count() == 1 { "it" } else { "them" };
                warn!("({name}) somebody removed {list}: setting {them} again");
            }
            Report::AddressesRefused { add: true, addresses: list, refusal } if is_static => {
                warn!("can't set static {list}: {refusal}; trying again");
            }
            Report::AddressesRefused { add: true, addresses: list, refusal } => {
                warn!("({name}) can't set {list}: {refusal}; trying again while master");
            }
            Report::AddressesRefused { add: false, addresses: list, refusal } => {
                warn!("({name}) can't remove {list}: {refusal}; trying again");
            }
            Report::LinkMade(link) => info!("({name}): Success creating VMAC interface {link}"),
            Report::LinkRemoved(link) => info!("({name}) Success removing VMAC interface {link}"),
            Report::LinkRefused { add: true, link, refusal } => {
                warn!("({name}): Unable to create VMAC interface {link}: {refusal}; trying again");
            }
            Report::LinkRefused { add: false, link, refusal } => {
                warn!("({name}) Error removing VMAC interface {link}: {refusal}; trying again");
            }
            Report::Script { script, what } => script_line(script, what),
            Report::Quorum { process, gained: true } => info!("Quorum gained for tracked process {process}"),
            Report::Quorum { process, gained: false } => info!("Quorum lost for tracked process {process}"),
            Report::PriorityChanged { from, to } => {
                info!("({name}) Changing effective priority from {from} to {to}");
            }
            Report::EntriesSet(list) => info!("({name}) set {list}"),
            Report::EntriesRemoved(list) => info!("({name}) removed {list}"),
            Report::EntryLeftoversRemoved(list) => {
                warn!(
                    "({name}) removed {list}: there before this start, and another router may be the master"
                );
            }
            Report::EntriesTaken(list) if is_static => info!("Restoring deleted static {list}"),
            Report::EntriesTaken(list) => {
                let them = if list.count() == 1 { "it" } else { "them" };
                warn!("({name}) somebody removed {list}: setting {them} again");
            }
            Report::EntriesRefused { add: true, entries: list, refusal } if is_static => {
                warn!("can't set static {list}: {refusal}; trying again");
            }
            Report::EntriesRefused { add: true, entries: list, refusal } => {
                warn!("({name}) can't set {list}: {refusal}; trying again while master");
            }
            Report::EntriesRefused { add: false, entries: list, refusal } => {
                warn!("({name}) can't remove {list}: {refusal}; trying again");
            }
            Report::Strangers(list) => warn!(
                "found {list} with protocol keepalived (18) that the configuration does not name: left alone. If no other \
                 program uses that number, an earlier run has left them: remove them by hand"
            ),
            Report::Renamed { to } => info!("({name}) is called {to} from now on"),
            Report::Reloaded(Reloaded::Added) => info!("({name}) new in the configuration"),
            Report::Reloaded(Reloaded::Removed) => info!("({name}) no longer in the configuration"),
            Report::Reloaded(Reloaded::Changed(what)) => info!("({name}) configuration changed: {what}"),
            Report::MasterDown => debug!("({name}) Receive advertisement timeout"),
            Report::PriorityZeroReceived(StateKind::Master) => {
                debug!("({name}) Master received priority 0 message");
            }
            Report::PriorityZeroReceived(_) => debug!("({name}) Backup received priority 0 advertisement"),
            Report::PriorityZeroSent => debug!("({name}) sent 0 priority"),
            Report::HigherPriority { source, theirs, ours } if theirs == ours => info!(
                "({name}) Master received advert from {source} with same priority {theirs} but higher IP address than ours"
            ),
            Report::HigherPriority { source, theirs, ours } => {
                info!(
                    "({name}) Master received advert from {source} with higher priority {theirs}, ours {ours}"
                );
            }
            Report::LowerPriority { state, source, theirs, ours } => {
                let Some(more) = self.offer(now, instance, *source, true, Refused::Lower) else { return };
                let _in = context(name);
                if *state == StateKind::Master {
                    info!(
                        "({name}) Received advert from {source} with lower priority {theirs}, ours {ours}, \
                           forcing new election{more}"
                    );
                } else {
                    info!(
                        "({name}) received lower priority ({theirs}) advert from {source} - discarding{more}"
                    );
                }
            }
            Report::Split(sign) if sign.is_split() => warn!("({name}) split brain: {sign}"),
            Report::Split(sign) => warn!("({name}) {sign}"),
            Report::SplitOver(sign) if !sign.is_split() => {
                info!("({name}) {} is believed now, or silent", sign.who());
            }
            Report::SplitOver(sign) => {
                info!("({name}) split brain is over: {} is no master beside us any more", sign.who())
            }
            Report::OwnerConflict { source } => warn!(
                "({name}) CONFIGURATION ERROR: local instance and {source} are both configured as address owner, please \
                 resolve"
            ),
            Report::OwnerPersists { source } => warn!(
                "({name}) {source} is still advertising as address owner, please resolve - reducing our priority"
            ),
            Report::OwnedBelow { interface, address } => warn!(
                "({name}) {address} is set on {interface}, too: as its owner with use_vmac, this host must not answer with \
                 {interface}'s own Ethernet address (RFC 9568, 8.1.2). Remove {address} from {interface}, or use_vmac"
            ),
            Report::OwnerRestored => info!("({name}) Restoring our priority to 255"),
            Report::Overslept { late } => {
                let (seconds, micros) = (late.as_secs(), late.subsec_micros());
                info!("({name}) VRRP thread timer expired {seconds}.{micros:06} seconds ago");
            }
            Report::StartDelayed(delay) => info!("Delaying startup for {} seconds", delay.as_secs_f64()),
            Report::StartDelayOver => info!("Delayed start completed"),
            Report::IntervalLearnt { old, new } => {
                debug!("({name}) advertisement interval updated from {old:?} to {new:?} by master");
            }
            Report::PreemptDelayed(delay) => debug!("({name}) start preempt delay ({delay:?})"),
            Report::HeldUp { late } | Report::Stalled { late } => {
                if self.tells_pause(now) {
                    let seconds = late.as_secs_f64();
                    warn!(
                        "VRRP was held up for {seconds:.3} s: was the machine paused, or is it overloaded?"
                    );
                }
            }
            Report::Malformed { source, error } => {
                if let Some(more) = self.offer(now, instance, *source, false, Refused::Malformed(*error)) {
                    let _in = context(name);
                    warn!("{}packet from {source} is no VRRP advertisement: {error}{more}", prefix(instance));
                }
            }
            Report::Discarded { source, is_known, reason } => {
                if let Some(more) = self.offer(now, instance, *source, *is_known, Refused::Discarded(*reason))
                {
                    let _in = context(name);
                    match reason {
                        Discard::UnknownVrid(vrid) => {
                            info!("Unknown VRID({vrid}) received from {source}. ignoring...{more}");
                        }
                        _ => warn!("({name}) advert from {source} discarded: {reason}{more}"),
                    }
                }
            }
        }
    }

    /// Announcements have left, or were given up.
    pub(super) fn announced(&self, frames: &[Frame]) {
        // Each costs a system call for the interface's name.
        if !self.detail {
            return;
        }
        for frame in frames {
            let interface = nix::net::if_::if_indextoname(frame.interface.0).unwrap_or_default();
            let interface = interface.to_string_lossy();
            match announced_address(frame.bytes()) {
                Some(IpAddr::V4(ip)) => debug!("Sending gratuitous ARP on {interface} for {ip}"),
                Some(IpAddr::V6(ip)) => {
                    debug!("Sending unsolicited Neighbour Advert on {interface} for {ip}");
                }
                None => {}
            }
        }
    }

    /// The last of so many announcements did not leave for this reason.
    pub(super) fn announcements_not_sent(&mut self, count: usize, problem: SendProblem, now: Instant) {
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        for _ in 0..count {
            if let Some(more) = self.offer(now, None, nobody, false, Refused::NotAnnounced(problem)) {
                warn!("some announcements were not sent: {problem}{more}");
            }
        }
    }

    /// Writes how many lines were left out, when nothing that follows does.
    pub(super) fn tick(&mut self, now: Instant) {
        for left_out in self.refused.due(now) {
            write_left_out(left_out);
        }
    }

    /// `Some` if this is to be written, with what to say of those that were not since the last.
    fn offer(
        &mut self,
        now: Instant,
        instance: Option<&Name>,
        source: IpAddr,
        is_peer: bool,
        what: Refused,
    ) -> Option<LeftOut> {
        let group = Group { instance: instance.cloned(), rule: what.rule() };
        self.refused.offer(now, &group, source, is_peer, what).map(LeftOut)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.refused.rest(clock::now()).into_iter().for_each(write_left_out);
    }
}

/// By this the lines of one instance can be asked for.
fn context(instance: &str) -> EnteredSpan {
    info_span!("vrrp_instance", instance).entered()
}

/// Without an instance, nobody knows yet whom a packet is for.
fn prefix(instance: Option<&Name>) -> String {
    instance.map(|name| format!("({name}) ")).unwrap_or_default()
}

fn write_left_out((group, count, last): (Group, u64, Refused)) {
    let name = group.instance.as_deref().unwrap_or("vrrp");
    let _in = context(name);
    match last {
        Refused::Malformed(error) => {
            let prefix = prefix(group.instance.as_ref());
            warn!("{prefix}{count} more packets were no VRRP advertisements, the last one because: {error}");
        }
        Refused::Discarded(reason) => {
            warn!("({name}) {count} more {} discarded, the last one because: {reason}", adverts(count));
        }
        Refused::Lower => info!("({name}) received {count} more {} with lower priority", adverts(count)),
        Refused::NotAnnounced(problem) => warn!("{count} more announcements were not sent: {problem}"),
    }
}

/// The address that a gratuitous ARP or a neighbour advertisement is about.
fn announced_address(frame: &[u8]) -> Option<IpAddr> {
    match frame.get(12..14)? {
        [0x08, 0x06] => {
            let sender = Ipv4Addr::from(*frame.get(28..)?.first_chunk::<4>()?);
            // It asks.
            (!sender.is_unspecified()).then_some(sender.into())
        }
        [0x86, 0xdd] if *frame.get(54)? == 136 => {
            Some(Ipv6Addr::from(*frame.get(62..)?.first_chunk::<16>()?).into())
        }
        _ => None,
    }
}

/// Lines of scripts, in keepalived's words.
fn script_line(script: &Name, what: &ScriptReport) {
    match what {
        ScriptReport::Returns(status) => info!("Script `{script}` now returning {status}"),
        ScriptReport::Succeeded => info!("VRRP_Script({script}) succeeded"),
        ScriptReport::Failed(RunOutcome::TimedOut) => info!("VRRP_Script({script}) timed_out"),
        ScriptReport::Failed(outcome) => info!("VRRP_Script({script}) failed ({outcome})"),
        ScriptReport::Busy => {
            info!("Track script {script} is already running, expect idle - skipping run");
        }
        ScriptReport::NotRun(reason) => {
            warn!("VRRP_Script({script}) can't be run, which changes nothing: {reason}");
        }
        ScriptReport::Kept { up: true } => {
            info!("VRRP_Script({script}) considered successful on reload");
        }
        ScriptReport::Kept { up: false } => {
            info!("VRRP_Script({script}) considered unsuccessful on reload");
        }
    }
}

const fn adverts(count: u64) -> &'static str {
    if count == 1 { "advert" } else { "adverts" }
}

const fn word(state: StateKind) -> &'static str {
    match state {
        StateKind::Init => "INIT",
        StateKind::Fault => "FAULT",
        StateKind::Backup => "BACKUP",
        StateKind::Master => "MASTER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_notices_a_pause_and_one_line_tells_but_pauses_that_go_on_are_told_again() {
        let mut log = Log::new(false);
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let told = [0, 1, 400, 800, 801, 1200, 1600].map(|millis| log.tells_pause(at(millis)));
        assert_eq!(told, [true, false, false, true, false, false, true]);
    }
}
