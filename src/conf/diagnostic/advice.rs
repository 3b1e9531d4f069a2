//! The reasons of vipd's own advice (V08xx), and where keepalived's manual speaks of the matter.

use super::Code;

/// keepalived.conf(5), as keepalived's project shows it.
const MANUAL: &str = "https://www.keepalived.org/manpage.html";

const GLOBAL: &str = "Global definitions";
const SCRIPT: &str = "VRRP script(s)";
const PROCESS: &str = "VRRP track processes";
const GROUP: &str = "VRRP synchronization group(s)";
const INSTANCE: &str = "VRRP instance(s)";
const SCRIPTS: &str = "SCRIPTS";
const SERVER: &str = "Virtual server(s)";

/// Each code's section of keepalived.conf(5), and why it matters.
const ADVICE: &[(&str, &str, &str)] = &[
    (
        "V0801",
        INSTANCE,
        "Without a length keepalived takes that of the address alone (/32, /128). The address then brings no route to its network, and programs that ask for the interface's network get a wrong answer. It is right for an address beside the interface's own one.",
    ),
    (
        "V0802",
        INSTANCE,
        "Where both routers keep the default of 100, the higher interface address decides who is master, and that changes with the addresses.",
    ),
    (
        "V0803",
        INSTANCE,
        "VRRP's simple password stands in every advert: it keeps routers apart that were set up alike by mistake, and nobody else out. The protocol gave it up in 2004 (RFC 3768). Let a firewall accept VRRP from the other routers only.",
    ),
    (
        "V0804",
        GROUP,
        "The group changes its state as a whole, but its members notice a dead master at different times: for that long the addresses are split between the routers.",
    ),
    (
        "V0805",
        INSTANCE,
        "The networks of public clouds drop multicast and VRRP's own MAC addresses: each router hears nobody, and both become master. Even with unicast the cloud must be told where an address is, by its interface for programs.",
    ),
    (
        "V0806",
        INSTANCE,
        "255 says that the addresses are this machine's own. It becomes master without waiting, nopreempt and preempt_delay have no meaning, and no tracker can lower the priority: a failed check does not move the addresses.",
    ),
    (
        "V0807",
        INSTANCE,
        "The password's one use is to keep apart routers that got the same virtual_router_id by mistake. One that everybody takes from the same examples does not even do that.",
    ),
    (
        "V0808",
        GLOBAL,
        "The sample file is where most configurations begin. What is left of it collides with others who did the same (virtual_router_id 51), or sends mails to nowhere.",
    ),
    ("V0809", INSTANCE, "A backup waits for three adverts that don't come before it takes over."),
    (
        "V0810",
        INSTANCE,
        "Each virtual router chooses its own master. As soon as they differ, two machines answer for the address. Put it into one instance, or join the two by a vrrp_sync_group and list it once.",
    ),
    (
        "V0811",
        INSTANCE,
        "No host can have the first or the last address of an IPv4 network, nor those that stand for no host at all: packets to them are dropped, broadcast, or never leave their machine.",
    ),
    (
        "V0812",
        INSTANCE,
        "A backup does not have the address, and can't send from it when it takes over; a master that sees adverts from its own address takes them for its own.",
    ),
    (
        "V0813",
        INSTANCE,
        "Adverts must reach the other routers at addresses that they always have. A router that sends them to itself, or to whoever is master, leaves the others without any: they become master too.",
    ),
    (
        "V0814",
        GLOBAL,
        "vrrp_strict follows the RFC to the letter: a router that does not own the addresses must drop packets to them. keepalived sets firewall rules for that, and services at the address, ping included, seem dead. The sample file has the line, so many have it without wanting it.",
    ),
    (
        "V0815",
        INSTANCE,
        "Hosts of the interface's network reach such an address only through a router that knows the way. With a typing error nobody does.",
    ),
    (
        "V0816",
        INSTANCE,
        "Without it the interface's first address is taken, and that changes when others are added. The other routers list one address, and refuse adverts from others where check_unicast_src is set.",
    ),
    (
        "V0817",
        INSTANCE,
        "A script for one transition gets no arguments but those that stand here: called in the same way for two, it does the same for both.",
    ),
    (
        "V0818",
        INSTANCE,
        "`#` and `!` begin a comment wherever they stand outside of double quotes, within a word too, as in keepalived. A password that has one of them is shorter than its author thinks, on this router and perhaps not on the other.",
    ),
    (
        "V0819",
        GLOBAL,
        "Text that is copied from web pages, chats and word processors has blanks, quotes and dashes of its own. They are letters of the word to keepalived, and can't be told from plain ones by eye.",
    ),
    (
        "V0820",
        SCRIPT,
        "keepalived runs a script only if an instance or a group tracks it. Without that, the check that somebody wrote does not happen.",
    ),
    (
        "V0821",
        SCRIPT,
        "The script must fail `fall` times in a row, `interval` seconds apart, before anything happens: clients wait for that long.",
    ),
    (
        "V0822",
        SCRIPT,
        "A script that hangs is ended after its timeout, and counts as failed only then; until then no other run begins.",
    ),
    (
        "V0823",
        SCRIPTS,
        "The search path of a daemon is not that of your shell, and differs between boot and a start by hand. Script security, too, looks at the path: whoever can write to a folder before the right one decides what runs.",
    ),
    (
        "V0824",
        SCRIPTS,
        "Scripts are executed, not given to a shell: pipes, redirections and `&&` become arguments of the first program, which then mostly fails, or always succeeds.",
    ),
    (
        "V0825",
        PROCESS,
        "Such a script starts a process each second on every router to ask for something that the kernel tells by itself: vrrp_track_process hears of a process's end at once.",
    ),
    (
        "V0826",
        INSTANCE,
        "Trackers can't bring a priority below 1 or above 254. Where it is cut, routers that should differ become equal, and the higher address decides.",
    ),
    ("V0827", GLOBAL, "Without recipients no mail is sent, and nothing says so."),
    (
        "V0828",
        SCRIPTS,
        "With script security, scripts that name no user run as keepalived_script. Packages of distributions don't make that user: where it is missing the scripts are left out, and the check that somebody wrote does not happen.",
    ),
    ("V0829", GLOBAL, "There is no default server: the mails are dropped, and nothing says so."),
    (
        "V0830",
        SERVER,
        "The server is added at start and never taken out: as soon as it is down, its share of the clients gets no answer.",
    ),
    (
        "V0831",
        SERVER,
        "The default is 60 seconds: a dead server gets clients for up to a minute and all retries, which is rarely what a service can bear.",
    ),
    (
        "V0832",
        SERVER,
        "As soon as one server fails the quorum is lost: the sorry server takes over (or quorum_down runs), while the others still work.",
    ),
    (
        "V0833",
        SERVER,
        "When the quorum is lost because this server failed, its clients are sent to it all the same.",
    ),
    (
        "V0834",
        SERVER,
        "With NAT the kernel rewrites addresses both ways, so that it must see the answers: a server whose default gateway is another one answers clients from an address that they don't know. DR and TUN don't need this, but the address on each server.",
    ),
    (
        "V0835",
        SERVER,
        "Persistence holds against balancing: behind one address (a company's, a provider's) all clients go to one server, and after a failure the others stay unequal for so long. Each remembered client takes memory in the kernel.",
    ),
    (
        "V0836",
        SERVER,
        "The next check begins delay_loop after the last one's end: a server that does not answer is noticed after their sum, times the retries.",
    ),
    (
        "V0837",
        SERVER,
        "A server of weight 0 keeps its connections and gets no new ones: right while it is taken out of service, and forgotten afterwards.",
    ),
    (
        "V0838",
        SERVER,
        "The scheduler gives each server the same share. The weights suggest that somebody wanted something else.",
    ),
    ("V0839", SERVER, "The kernel would send packets for the service to the service itself."),
    (
        "V0840",
        SERVER,
        "Clients reach a virtual server on the machine that has its address. If no instance brings the address, a failover does not move the service; often it is a typing error.",
    ),
    ("V0841", SERVER, "The service can be dead while the other port still answers, and the other way round."),
    (
        "V0842",
        SERVER,
        "A TLS server answers a plain request with an error or not at all (and a plain server a TLS handshake): the check fails for ever, or passes for the wrong reason.",
    ),
    (
        "V0843",
        SERVER,
        "That the TCP port is open says little of the UDP service: it can be dead, or answer by UDP alone. DNS_CHECK and UDP_CHECK ask it in its own way.",
    ),
    (
        "V0844",
        INSTANCE,
        "The last one counts, and the others are passed over in silence. Who changes the first one wonders why nothing happens.",
    ),
    (
        "V0845",
        INSTANCE,
        "A virtual router that one director has alone has no backup. Both need an instance with the same virtual_router_id on the same network.",
    ),
    (
        "V0846",
        INSTANCE,
        "Adverts with another VRID are not heard: both directors become master and both answer for the addresses.",
    ),
    ("V0847", INSTANCE, "Adverts of another version are refused: both directors become master."),
    (
        "V0848",
        INSTANCE,
        "With version 2, adverts with another interval are refused, and both directors become master. With version 3 the backup follows the master, and failover takes another time after each change.",
    ),
    ("V0849", INSTANCE, "Adverts that fail the authentication are refused: both directors become master."),
    (
        "V0850",
        INSTANCE,
        "After a failover the addresses are gone that the other one lacks; and each advert whose addresses differ is reported.",
    ),
    (
        "V0851",
        INSTANCE,
        "With equal priorities the higher interface address decides. Give the director that should be master the higher one; equal ones can be meant, together with nopreempt.",
    ),
    (
        "V0852",
        INSTANCE,
        "Each director takes adverts from its own address for its own, and does not hear the other.",
    ),
    (
        "V0853",
        INSTANCE,
        "Only one can be master: the other one's first step is to give way. With nopreempt, both must begin as BACKUP.",
    ),
    ("V0854", GLOBAL, "router_id is the name in mails and logs: nobody can tell which of the two wrote."),
    (
        "V0855",
        SCRIPT,
        "The script's failure lowers the priority, but not below the other director's: the broken one stays master. It must take away more than the difference, or have weight 0, which means fault.",
    ),
    (
        "V0856",
        INSTANCE,
        "A router of lower priority never takes over from a working master. It is the one of higher priority that must be told not to: write nopreempt there, or on both.",
    ),
    (
        "V0857",
        SERVER,
        "After a failover, clients of the service find nobody there. Both directors need the same virtual servers.",
    ),
    (
        "V0858",
        INSTANCE,
        "With unicast each director hears only those who send to it. One that hears nobody becomes master, and both answer for the addresses. Each needs the other's unicast_src_ip in its unicast_peer.",
    ),
    (
        "V0860",
        INSTANCE,
        "An advert lists all addresses, and VRRP does not split it. Where the network carries only shorter packets (tunnels, VPNs, some clouds), the addresses that don't fit are left out of the adverts; they are set all the same. virtual_ipaddress_excluded is for addresses that need not be listed.",
    ),
    (
        "V0861",
        SERVER,
        "With NAT the real server sees the client's own address. To a client of its own network it answers without any router: the answer does not pass the director, which would have put the virtual address back, and the client refuses it, since it comes from an address that it never called. Clients behind a router are served, if the director is the real servers' default gateway. To serve those of this network too, use `lvs_method DR`, or put the real servers into a network of their own behind the director.",
    ),
    (
        "V0862",
        SERVER,
        "The schedulers sh, dh and mh choose a server by an address, from a table in which servers of weight 0 keep their places (with mh those that had a weight before). Who is sent to such a server is refused, though others are up: of three servers, a third of the clients. With sh-fallback or mh-fallback the kernel looks for another server; dh has no such flag. A server that leaves the table when it fails gives its clients to the others, but with sh and dh nearly all clients then change their server.",
    ),
    (
        "V0863",
        SERVER,
        "From uthreshold connections on, the kernel gives a server no new ones, until there are fewer than lthreshold. It refuses a server whose lower threshold is above the upper one, and no upper one counts as 0. keepalived says nothing of it before the kernel does, and the server never serves.",
    ),
    (
        "V0864",
        SERVER,
        "A persistence engine tells clients apart by what they say instead of by their addresses. The kernel has one, for SIP over UDP: the calls of one Call-ID go to one server. It refuses a service with any other name, unless somebody has added a module to it. keepalived takes every name, and says so only when the kernel refuses it.",
    ),
];

fn find(code: &Code) -> Option<&'static (&'static str, &'static str, &'static str)> {
    ADVICE.binary_search_by(|(id, ..)| id.cmp(&code.id)).ok().and_then(|i| ADVICE.get(i))
}

/// Why a piece of advice is given.
#[must_use]
pub fn reason(code: &Code) -> Option<&'static str> {
    find(code).map(|(_, _, why)| *why)
}

/// The section of keepalived.conf(5) that the advice is about.
#[must_use]
pub fn section(code: &Code) -> Option<&'static str> {
    find(code).map(|(_, section, _)| *section)
}

/// The same as a link.
#[must_use]
pub fn link(code: &Code) -> Option<String> {
    // Browsers scroll to the words behind `:~:text=`; the page has no other marks.
    section(code).map(|section| format!("{MANUAL}#:~:text={}", section.replace(' ', "%20")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::diagnostic::codes;

    #[test]
    fn every_advice_has_its_reason_and_every_reason_its_code() {
        assert!(ADVICE.is_sorted_by(|a, b| a.0 < b.0));
        for (id, ..) in ADVICE {
            assert!(codes::find(id).is_some(), "{id}");
        }
        for code in codes::ALL.iter().filter(|c| ("V0801".."V0870").contains(&c.id)) {
            assert!(reason(code).is_some(), "{}", code.id);
        }
    }

    #[test]
    fn a_link_leads_to_the_section() {
        let expected = "https://www.keepalived.org/manpage.html#:~:text=VRRP%20instance(s)";
        assert_eq!(link(&codes::LINT_PREFIX).as_deref(), Some(expected));
        assert_eq!(link(&codes::UNKNOWN_KEYWORD), None);
    }
}
