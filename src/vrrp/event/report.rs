//! What is worth telling: to people in log lines, to counters. Whom else it is told, `vrrp::notice` says.

use super::{AddressList, EntryList, Fault, Name, Refusal, ScriptReport, Sign, StateKind};
use crate::net::MacAddr;
use crate::vrrp::packet::{DecodeError, Difference, ah};
use crate::vrrp::shared::Shared;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// The instance changed its state.
    Entered {
        /// Where it was.
        from: StateKind,
        /// Where it is.
        to: StateKind,
    },
    /// A sync group (which `instance` is not) is about to take its other members along into this state.
    GroupSyncing {
        /// Which group.
        group: Name,
        /// Where to.
        to: StateKind,
    },
    /// A sync group is in another state, and with it all its members. At start it is told before the members' BACKUP, as
    /// keepalived does, and afterwards behind all of them. `to` is [`StateKind::Init`] when everything is stopped, behind
    /// the last instance, and where a reload has taken the group away.
    GroupEntered {
        /// Which group.
        group: Name,
        /// Where it was.
        from: StateKind,
        /// Where it is.
        to: StateKind,
    },
    /// It can't run, for this reason; there may be others.
    Faulty {
        /// Why.
        fault: Fault,
        /// More of it, in words.
        detail: Option<Shared<str>>,
    },
    /// This reason is gone; another one remains.
    FaultGone(Fault),
    /// The master has been silent for too long.
    MasterDown,
    /// The owner of its addresses has a VMAC, and the interface below it has one of them, too.
    OwnedBelow {
        /// The interface below.
        interface: Name,
        /// The address.
        address: IpAddr,
    },
    /// Another router leaves, and this one in that state has heard it.
    PriorityZeroReceived(StateKind),
    /// This router told the others that it leaves.
    PriorityZeroSent,
    /// As master, it heard one that beats it.
    HigherPriority {
        /// Who.
        source: IpAddr,
        /// The other's priority; when equal, the other's address is higher.
        theirs: u8,
        /// This router's.
        ours: u8,
    },
    /// It heard one that it beats: as master it insists, as backup it lets the master's time run out.
    LowerPriority {
        /// This router's state.
        state: StateKind,
        /// Who.
        source: IpAddr,
        /// The other's priority; when equal, the other's address is lower.
        theirs: u8,
        /// This router's.
        ours: u8,
    },
    /// Another router is the master, too, or will be. Said once of each, until it is over.
    Split(Sign),
    /// It is no more, or this router is not.
    SplitOver(Sign),
    /// Two routers say that they own the addresses: the one with the lower address yields.
    OwnerConflict {
        /// The other.
        source: IpAddr,
    },
    /// The other owner does not yield: this one steps down to 254, and yields.
    OwnerPersists {
        /// The other.
        source: IpAddr,
    },
    /// The other owner says or is another one now: this one owns the addresses again.
    OwnerRestored,
    /// `timer_expired_backup`: this router was held up for so long that another one must be the master by now.
    Overslept {
        /// How long ago that was.
        late: Duration,
    },
    /// `vrrp_startup_delay`, `vrrp_delay_after_boot`: instances begin after so long. Concerns no instance.
    StartDelayed(Duration),
    /// The delay is over.
    StartDelayOver,
    /// The master's interval as its adverts tell it (version 3).
    IntervalLearnt {
        /// Until now.
        old: Duration,
        /// From now on.
        new: Duration,
    },
    /// A master of lower priority is left alone for so long.
    PreemptDelayed(Duration),
    /// The process woke much later than it wanted to: it was stopped, or the machine was. Concerns no instance.
    HeldUp {
        /// How much later.
        late: Duration,
    },
    /// The process did not run for longer than a master may be silent.
    Stalled {
        /// How late a deadline was seen.
        late: Duration,
    },
    /// Masters whose learnt interval was short came and went: this router waits by its own interval for a while.
    MastersVanish {
        /// How often it became master meanwhile.
        times: u32,
        /// By which interval it waits now.
        interval: Duration,
    },
    /// The clocks of this router and of a sender of signed adverts differ by more than half of what is allowed.
    ClockDrift {
        /// The sender.
        source: IpAddr,
        /// By so many seconds our clock is ahead.
        skew: i64,
    },
    /// A unicast peer makes its checksums as keepalived did up to 1.3.6: so does this router from now on.
    OldChecksum,
    /// A router of version 3 sends checksums without the pseudo-header (RFC 9568), and this one with it (RFC 5798).
    PlainChecksum {
        /// It is this one.
        from: IpAddr,
    },
    /// An advert did not leave; said once, until one leaves again.
    AdvertRefused {
        /// Why, in words.
        reason: Shared<str>,
    },
    /// Not all addresses fit into an advert: the last ones are set, but not advertised.
    AdvertTooLong {
        /// How many are advertised.
        advertised: usize,
        /// Of how many.
        of: usize,
        /// The MTU of the interface, in bytes.
        mtu: u32,
    },
    /// Addresses were set.
    AddressesSet(AddressList),
    /// Addresses were removed.
    AddressesRemoved(AddressList),
    /// Addresses that were there before this program set any were removed: another router may be the master.
    LeftoversRemoved(AddressList),
    /// An earlier run of this program has left these, and the configuration does not name them: they are being removed.
    Abandoned(AddressList),
    /// Somebody else removed addresses of a master: they are set again.
    AddressesTaken(AddressList),
    /// The kernel did not set or remove addresses. Said once of each until it does.
    AddressesRefused {
        /// They were to be set, not removed.
        add: bool,
        /// Which.
        addresses: AddressList,
        /// Why.
        refusal: Refusal,
    },
    /// An interface of our own was made.
    LinkMade(Name),
    /// An interface of our own was removed.
    LinkRemoved(Name),
    /// The kernel did not make or remove an interface of our own. Said once of each until it does.
    LinkRefused {
        /// It was to be made, not removed.
        add: bool,
        /// Which.
        link: Name,
        /// Why.
        refusal: Refusal,
    },
    /// The priority in force is another one.
    PriorityChanged {
        /// Until now.
        from: u8,
        /// From now on.
        to: u8,
    },
    /// Of a tracked script.
    Script {
        /// Which.
        script: Name,
        /// What.
        what: ScriptReport,
    },
    /// As many processes run as there should be, or not any more.
    Quorum {
        /// Which.
        process: Name,
        /// They do.
        gained: bool,
    },
    /// Routes and rules were set.
    EntriesSet(EntryList),
    /// Routes and rules were removed.
    EntriesRemoved(EntryList),
    /// Routes and rules were removed that another program had set.
    EntryLeftoversRemoved(EntryList),
    /// Somebody else removed routes or rules of a master: they are set again.
    EntriesTaken(EntryList),
    /// The kernel did not set or remove routes or rules. Said once of each until it does.
    EntriesRefused {
        /// They were to be set, not removed.
        add: bool,
        /// Which.
        entries: EntryList,
        /// Why.
        refusal: Refusal,
    },
    /// Routes and rules that were there at start under this program's number, and that the configuration does not name.
    Strangers(EntryList),
    /// An interface of a master's addresses has another Ethernet address: they are announced again.
    MacChanged {
        /// Which interface.
        interface: Name,
        /// Its address now.
        mac: MacAddr,
    },
    /// The instance is called so from now on.
    Renamed {
        /// The new name.
        to: Name,
    },
    /// A reload changed the instance, or made it, or removed it.
    Reloaded(Reloaded),
    /// A packet that is no advert.
    Malformed {
        /// Who sent it.
        source: IpAddr,
        /// What is wrong.
        error: DecodeError,
    },
    /// A valid advert that is not believed.
    Discarded {
        /// Who sent it.
        source: IpAddr,
        /// It has the address from which the last advert came that was believed.
        is_known: bool,
        /// Why.
        reason: Discard,
    },
}

/// What a reload did to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reloaded {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It goes on with another configuration; what differs, in words.
    Changed(Shared<str>),
}

/// Why a well-formed advert is refused. One variant is one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Discard {
    /// "MUST verify that the IPv4 TTL or IPv6 Hop Limit is 255" (RFC 9568 §7.1): it came through a router.
    #[error("invalid TTL/HL: received {0}, expected 255")]
    Ttl(u8),
    /// It came through more or fewer routers than `min_ttl` and `max_ttl` of its unicast peer allow.
    #[error("TTL/HL {received} not in range [{min}, {max}]")]
    TtlRange {
        /// On arrival.
        received: u8,
        /// `min_ttl`
        min: u8,
        /// `max_ttl`
        max: u8,
    },
    /// Its source is none of the unicast peers: `check_unicast_src`.
    #[error("unicast source address is not a unicast peer")]
    UnknownPeer,
    /// "MUST verify that the VRID is configured on the receiving interface" (RFC 9568 §7.1).
    #[error("virtual router {0} is not configured here")]
    UnknownVrid(u8),
    /// The instance can't run now.
    #[error("the instance is in FAULT state")]
    NotRunning,
    /// It came from the address this instance sends from.
    #[error("it came from our own address")]
    OwnPacket,
    /// It was not sent to the instance's group, or not to the address that its unicast adverts come from.
    #[error("it was not sent to the instance's address: ours {ours}, received {theirs}")]
    Destination {
        /// The instance's group, or source.
        ours: IpAddr,
        /// Where it was sent.
        theirs: IpAddr,
    },
    /// "MUST verify the VRRP checksum" (RFC 9568 §7.1).
    #[error("the checksum is wrong")]
    Checksum,
    /// The instance speaks another version of the protocol.
    #[error("wrong version of the protocol: ours {ours}, received {theirs}")]
    Version {
        /// Spoken here.
        ours: u8,
        /// Spoken there.
        theirs: u8,
    },
    /// Version 2: another kind of authentication than configured.
    #[error("authentication type mismatch: ours {ours}, received {theirs}")]
    AuthType {
        /// Type configured here (RFC 2338 §5.3.6: 0 none, 1 password).
        ours: u8,
        /// Type in the advert.
        theirs: u8,
    },
    /// This instance owns the addresses, and `owner_ignore_adverts` says not to listen.
    #[error("the owner ignores adverts")]
    OwnerIgnores,
    /// Version 2: the wrong password.
    #[error("received an invalid passwd!")]
    AuthFailure,
    /// AH: the header is not what it should be.
    #[error("{}", ah_text(*.0))]
    Ah(ah::Unsealed),
    /// AH: an advert that is not newer than the last one.
    #[error("IPSEC-AH : sequence number {theirs} already processed. Packet dropped. Local({ours})")]
    AhReplayed {
        /// The last one.
        ours: u32,
        /// This one.
        theirs: u32,
    },
    /// `auth_hmac`: it is not signed.
    #[error("missing authentication trailer")]
    HmacMissing,
    /// `auth_hmac`: its trailer is of another kind.
    #[error("malformed authentication trailer")]
    HmacMalformed,
    /// `auth_hmac`: it is signed with a key that is not known here.
    #[error("unknown authentication key id {0}")]
    HmacUnknownKey(u8),
    /// `auth_hmac`: the signature is not that of the key.
    #[error("invalid authentication HMAC")]
    HmacInvalid,
    /// `auth_hmac`: it is too old, or the clocks differ.
    #[error("stale authentication trailer, clock skew {skew} sec exceeds window {} sec", window.as_secs())]
    HmacStale {
        /// By so many seconds our clock is ahead.
        skew: i64,
        /// `time_window`
        window: Duration,
    },
    /// `auth_hmac`: an advert that is not newer than the last one of its sender.
    #[error("replayed authentication trailer")]
    HmacReplayed,
    /// Version 2: "MUST verify that the Adver Interval in the packet is the same as the locally configured" (RFC
    /// 3768 §7.1).
    #[error("advertisement interval mismatch: ours {ours:?}, received {theirs:?}")]
    Interval {
        /// Configured here.
        ours: Duration,
        /// Configured there.
        theirs: Duration,
    },
    /// The addresses differ (RFC 9568 §7.1: "MAY verify"; keepalived does, so both ends stay honest).
    #[error("the addresses differ from those configured here: {difference} (ours {ours}, received {theirs})")]
    Addresses {
        /// Which.
        difference: Difference,
        /// How many there are here.
        ours: usize,
        /// How many the advert has.
        theirs: usize,
    },
}

const fn ah_text(problem: ah::Unsealed) -> &'static str {
    match problem {
        ah::Unsealed::Short => "IPSEC-AH : the packet is too short",
        ah::Unsealed::Digest => {
            "IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !"
        }
        ah::Unsealed::Spi => "IPSEC AH : invalid IPSEC SPI value: it is not the source address",
    }
}
