//! `--explain V0101`: what a code is about, what keepalived does on it, and why it matters.
//!
//! The table here has the reasons; id, severity and summary stand in [`super::codes`].

use super::{Code, Verdict, advice, codes};
use std::fmt::Write as _;

/// Why each finding matters, or what to do about it.
const REASONS: &[(&str, &str)] = &[
    (
        "V0001",
        "Nothing can be said about a file that can't be opened. Check the path, its permissions, and that it is a file.",
    ),
    (
        "V0002",
        "A configuration is text. NUL bytes come from a copy that went wrong, a compressed file, or UTF-16: convert it to UTF-8.",
    ),
    (
        "V0003",
        "keepalived starts with an empty file and does nothing. This is rarely meant: the file may have been cut off.",
    ),
    (
        "V0004",
        "Mistakes at the top of a file often cause those below. Correct what is shown and check again.",
    ),
    (
        "V0005",
        "`includer`, `includem`, `includew`, `includeb`, `includea` and `include_check` say that the files must be there: without them the configuration is not complete, and it is not run.",
    ),
    (
        "V0006",
        "A plain `include` goes on as if the line were not there. Say `includea` where the file must be there, so that a mistyped path can't pass for a clean configuration.",
    ),
    (
        "V0007",
        "keepalived would open the files again and again until it runs out of them. Move what both need into a third file.",
    ),
    (
        "V0008",
        "Look for parameters that use each other several times, or a sequence with more rounds than were meant.",
    ),
    ("V0009", "A name, or a pattern of names, must follow: `include /etc/keepalived/conf.d/*.conf`."),
    (
        "V0010",
        "A word without a sign sets the checks anew, so only one is taken, the first. Put `+` before the others.",
    ),
    (
        "V0101",
        "The line has no effect, and where it opens a block, neither has the block. A misspelt `priority` silently becomes the default 100.",
    ),
    (
        "V0102",
        "The keyword exists, but not in this block, so the line has no effect. Often a `}` before it is missing, or there is one too many.",
    ),
    (
        "V0103",
        "keepalived takes the lines that should be in the block for lines of the level around it, and reports each of them. vipd reads them as they were meant.",
    ),
    (
        "V0104",
        "keepalived takes all that follows for a part of the open block. The indentation of a later `}` often shows where the missing one belongs.",
    ),
    (
        "V0105",
        "The brace opens nothing. Remove it together with its `}`, or write the keyword that it belongs to before it.",
    ),
    (
        "V0106",
        "There is one `}` more than `{` up to here. What follows may have been meant for the block that ended too early.",
    ),
    (
        "V0107",
        "A quoted string ends on the line where it begins: the quote hides the rest of the line, a `{` included.",
    ),
    (
        "V0108",
        "Only definitions of parameters (`$NAME=...`) go on behind a backslash. The next line is read as a line of its own.",
    ),
    (
        "V0109",
        "No block of the language lies this deep. The braces before this place are not what they should be.",
    ),
    ("V0201", "keepalived ends when it comes to such a line: nothing of the file runs."),
    (
        "V0202",
        "The words behind the last argument have no effect. Two lines may have been joined, or a comment sign is missing.",
    ),
    (
        "V0203",
        "The value is left out, and the default holds. Units are part of the keyword, not of the number: write `3`, not `3s`.",
    ),
    ("V0204", "The value is left out, and the default holds."),
    ("V0205", "The line is left out: the address is not set, not probed, or not served."),
    (
        "V0206",
        "Prefix lengths are 0 to 32 (IPv4) or 0 to 128 (IPv6); a netmask such as 255.255.255.0 is written /24.",
    ),
    ("V0207", "Only the words listed are understood here. The line has no effect."),
    (
        "V0208",
        "Names go to the kernel and to scripts, which limit their length and characters (15 characters for interfaces).",
    ),
    ("V0209", "Logs, reloads and references know a block by its name."),
    ("V0210", "What runs differs from what is written. Write what runs, so that the next reader knows it."),
    ("V0211", "The line has no effect without its value."),
    ("V0212", "It still works. Write the spelling that is named, before it goes."),
    (
        "V0213",
        "The block can't do its work without it, so it is left out as a whole: what it was to guard is not guarded.",
    ),
    ("V0214", "The first line holds, the others have no effect."),
    ("V0215", "The line has no effect here. Remove it, or move it to where it belongs."),
    (
        "V0216",
        "keepalived at most writes to its log about it, when it runs: the file counts as correct, and does something else than it says.",
    ),
    ("V0218", "The last one holds. Remove the others, so that the next reader need not know that."),
    (
        "V0219",
        "The setting is one address, and keepalived passes over what stands behind it without a word. A router's own prefix length stands at its interface.",
    ),
    (
        "V0220",
        "The length may have been lost. keepalived reads nothing as 0, so that the address comes with a route to everywhere.",
    ),
    ("V0221", "An address goes without what is not understood; a route or rule is left out altogether."),
    (
        "V0222",
        "Numbers always work. Names are those of /etc/iproute2 (or /usr/share/iproute2) and its folders *.d, on each machine that runs the file.",
    ),
    ("V0223", "Only the last one counts, and keepalived says nothing about it. Remove the other."),
    (
        "V0224",
        "After `inet` or `inet6` keepalived leaves out a word unread, and what is left is rarely right. vipd reads the line as it is meant.",
    ),
    ("V0225", "It is understood; keepalived reports it each time it reads the file."),
    ("V0226", "It is understood; a later version may not understand it."),
    ("V0227", "keepalived reads it and does nothing with it. Remove it."),
    (
        "V0228",
        "keepalived takes ports only as FIRST-LAST. It sets the rule without what it can't read, so that the rule is for every port.",
    ),
    (
        "V0229",
        "The kernel refuses a rule with such a range, and it is missing when the instance becomes master.",
    ),
    (
        "V0231",
        "Here keepalived does not pass over words too many: it passes over the whole line. Names with blanks stand in double quotes.",
    ),
    ("V0232", "It still works. The keyword that replaced it says better what it does."),
    (
        "V0301",
        "The name is the instance's identity in logs, scripts and across reloads: the second block is left out.",
    ),
    ("V0302", "Adverts need an interface to go out on: keepalived does not start without."),
    (
        "V0303",
        "The VRID is the virtual router's identity on the wire: keepalived does not start without. Give it the same number on both routers.",
    ),
    (
        "V0304",
        "An instance without addresses moves nothing when it changes state. It can be meant, for its notify scripts alone.",
    ),
    (
        "V0305",
        "Both instances would answer to the same adverts, and neither could tell its own from the other's. Give each its own virtual_router_id.",
    ),
    (
        "V0306",
        "An advert carries addresses of one family. Move the others to a second instance, or to virtual_ipaddress_excluded.",
    ),
    ("V0307", "The address is set once. The second line is left out."),
    (
        "V0308",
        "nopreempt works from state BACKUP only, and the owner of the addresses (priority 255) always takes over.",
    ),
    (
        "V0309",
        "The packet has room for eight characters; the rest is cut off on every router in the same way, so it works, with less secret than it seems.",
    ),
    ("V0310", "VRRP version 3 and IPv6 have no authentication (RFC 9568 section 9): it is left out."),
    (
        "V0311",
        "IPv6 needs version 3, and both routers must speak the same version: adverts of the other are refused.",
    ),
    (
        "V0312",
        "What names this interface is left out, or waits until it appears. Check for a spelling mistake (`ip link`).",
    ),
    (
        "V0313",
        "The count of addresses in an advert is one byte, and the advert must fit the interface's MTU. Put the others into virtual_ipaddress_excluded.",
    ),
    ("V0314", "No other router hears an advert on the loopback interface."),
    (
        "V0315",
        "Without peers adverts go to the multicast group after all, where the network may drop them: each router then becomes master. List the other routers in `unicast_peer`.",
    ),
    ("V0316", "An option of a peer (`min_ttl`, `max_ttl`) needs its value behind it."),
    (
        "V0317",
        "No advert can arrive with a TTL that is both above the one and below the other limit: the peer counts as silent, and both routers become master.",
    ),
    (
        "V0318",
        "`unicast_fault_no_peer` keeps an instance from falling back on multicast; without any peer it never leaves FAULT. List the other routers in `unicast_peer`.",
    ),
    (
        "V0319",
        "Without an interface, the source address decides where adverts leave. A link-local address exists on every interface, so it decides nothing.",
    ),
    (
        "V0320",
        "`strict_mode` (or global `vrrp_strict`) holds the instance to the RFC. What departs from it is switched off or replaced, as the message says.",
    ),
    (
        "V0321",
        "The RFC knows adverts by multicast only. keepalived 2.2.7 lets it pass all the same; later ones do not start where the interface can do multicast. Remove one of the two.",
    ),
    ("V0322", "With unicast peers nothing is sent to a group. Remove one of the two."),
    (
        "V0324",
        "The link that `use_vmac` or `use_ipvlan` makes has one name, one address, one mode, and an interface below it; some settings follow from it and need not, or must not, be given.",
    ),
    (
        "V0325",
        "A link belongs to one instance. The second instance gets a name made of `vmac_prefix` and its VRID instead.",
    ),
    (
        "V0326",
        "A VMAC needs an address of a single station that is not one of the RFC's own (00:00:5e:00:01:XX, 00:00:5e:00:02:XX). The line's address has no effect: the RFC's is taken.",
    ),
    (
        "V0327",
        "An IPv4 ipvlan has no address that adverts could come from, unless `use_ipvlan` gives one. The instance stays in FAULT.",
    ),
    (
        "V0328",
        "`vrf` says where unicast adverts are routed if no interface is named; with an interface, that one's VRF holds.",
    ),
    (
        "V0329",
        "A key has an id of its own, 1 to 255, and 32 to 64 bytes: as text, as `hex:` and digits, or in a `file:` that only root may read. `openssl rand -hex 32` makes one.",
    ),
    (
        "V0330",
        "`active_key` names the key that signs. Without it the whole block is dropped: adverts go out unsigned, and unsigned ones are believed.",
    ),
    (
        "V0331",
        "Signed adverts replace the password of version 2. Remove `authentication` on all routers of this VRID.",
    ),
    ("V0332", "Only the owner of the addresses (priority 255) may be deaf to others: nobody can outrank it."),
    (
        "V0333",
        "`timer_expired_backup` lets a master that was held up step back, which makes sense only where it would not take over again at once.",
    ),
    (
        "V0334",
        "Hosts use the first address as that of the router, and RFC 9568 §5.2.9 wants it to be link-local. keepalived says so in its log.",
    ),
    ("V0335", "keepalived takes the line and does nothing with it. Add what it needs, or remove it."),
    (
        "V0336",
        "Each peer is told once. keepalived 2.2.7 sends it each advert twice; later ones report the line.",
    ),
    ("V0401", "A service without servers has nothing to send its clients to: the block is left out."),
    ("V0402", "Address and port identify a real server in the kernel's table: the second block is left out."),
    (
        "V0403",
        "The block is left out, since nothing says which addresses it serves. keepalived says so only in its log, when it runs.",
    ),
    ("V0404", "The second group of a name is left out, as keepalived does without a word."),
    ("V0405", "A virtual_server for this group serves nothing."),
    (
        "V0406",
        "The kernel's table has one service for an address, port and protocol: the second block is left out. keepalived says nothing, and both blocks change the same service.",
    ),
    ("V0407", "Only tunnels carry one family in the other."),
    ("V0408", "A range is `10.0.0.1-20`: the last part of the last address, not below the first."),
    ("V0409", "TCP is taken. Name the protocol: UDP services look the same otherwise."),
    ("V0410", "The firewall rule that sets the mark decides about the protocol."),
    ("V0411", "wlc is taken. Name the scheduler, so that the file says how clients are spread."),
    ("V0412", "NAT is taken. NAT needs the answers to come back through this machine; DR and TUN don't."),
    ("V0413", "The kernel would not look at this flag."),
    (
        "V0414",
        "A service for every port only works if a client stays with its server: the kernel wants persistence for it.",
    ),
    (
        "V0415",
        "With DR and TUN packets reach the server as they are: nothing rewrites the port. Checks go to the port of the service.",
    ),
    (
        "V0416",
        "The service would never count as up: quorum_up would not run, and the sorry server would never leave.",
    ),
    ("V0417", "The option changes the sorry_server line before it. Write that line first."),
    (
        "V0418",
        "Checks are suspended while the service's address is not set here. A firewall mark has no address, so checks always run.",
    ),
    (
        "V0419",
        "The virtual server is left out: its real servers can't serve these addresses. One group may have both families where all real servers are reached by tunnels.",
    ),
    (
        "V0422",
        "Address and port are one entry in the kernel's table: it can't be kept at weight 0 and removed. What the real server says holds.",
    ),
    (
        "V0423",
        "keepalived says so in its log when it starts, and the page then passes without the expression.",
    ),
    ("V0424", "The kernel has one service for it. Remove the line, or correct it."),
    (
        "V0425",
        "0 is the mark of packets that no firewall rule has marked: the kernel takes it for `no mark`, and has no such service.",
    ),
    (
        "V0426",
        "Clients count as one where the bits of the mask are equal. The kernel allows any bits; a gap is rarely meant.",
    ),
    (
        "V0501",
        "The parameter's value needs the parameter itself: there is no end to it, and keepalived hangs on such a file.",
    ),
    (
        "V0502",
        "`$NAME` is replaced before a blank, a comma, `)` and the end of the line; `${NAME}` anywhere. A value of several lines is replaced at the end of a line only. Otherwise the text stays as it is written.",
    ),
    ("V0503", "The line is left out with all that it would have repeated."),
    (
        "V0504",
        "A line as long as this is not meant: parameters that use each other several times double it again and again.",
    ),
    (
        "V0505",
        "`${_RANDOM}` takes none, one or two numbers, `${_ENV NAME}` the name of a variable of the environment.",
    ),
    (
        "V0506",
        "What follows the empty line is no longer part of the definition, and is read on its own. Lines with only a comment or blanks don't end it.",
    ),
    (
        "V0601",
        "Names are looked up as the file is read: the block must stand before what refers to it. The line is left out, so nothing depends on what was to be tracked.",
    ),
    ("V0602", "The first line counts, with its weight; the second has no effect."),
    (
        "V0603",
        "keepalived takes both blocks, and every reference finds the first one. What the second says has no effect.",
    ),
    (
        "V0604",
        "Without a script, a file or a process there is nothing to track: the block is left out, and so is what refers to it.",
    ),
    ("V0605", "The first one counts. Often a block was copied and not changed all the way."),
    (
        "V0606",
        "Scripts do not run as somebody else instead: what should run under this account does not run at all.",
    ),
    (
        "V0607",
        "The script is not run, and the instance goes on as if it were not tracked: no failover where it was meant to bring one about. The path is looked up as the user who runs it.",
    ),
    (
        "V0608",
        "It runs as root: whoever can write to it, or to a directory above it, is root within one interval. With enable_script_security it is not run. Give the file and its directories to root, without write permission for others, or run it as somebody else.",
    ),
    (
        "V0609",
        "keepalived starts and passes its configuration test, but this script never runs: only its log tells.",
    ),
    (
        "V0610",
        "Scripts run as root by default, also those that others can change. `enable_script_security` refuses these; `script_user` names who runs the others.",
    ),
    (
        "V0611",
        "A command line is one word for keepalived: put it in quotes as a whole. Behind it stand, at most, the user and the group that it runs under.",
    ),
    (
        "V0612",
        "An instance goes to fault when its own interface goes down; `dont_track_primary` turns that off. The line is left out, and a weight on it has no effect.",
    ),
    (
        "V0613",
        "A sync group stands or falls as one, so its instances' priorities must not move one by one; an address owner's priority is always 255. Scripts, files and BFD sessions with a weight are not tracked at all then: give them weight 0, track them in the group, or write `sync_group_tracking_weight` there.",
    ),
    ("V0614", "Nothing is held together: the group is left out, with its scripts and notifications."),
    (
        "V0615",
        "The instance fails over alone, while its group was to move it together with the others. Often the instance was renamed.",
    ),
    ("V0616", "An instance changes state with one group. It stays in the first."),
    (
        "V0617",
        "A sync group moves its instances together; with one there is nothing to move. An instance is missing, or the group is not needed.",
    ),
    (
        "V0618",
        "The owner of its addresses (priority 255) is always master, the others are not: they can't be in one state.",
    ),
    ("V0619", "The second block is left out as a whole. Its instances are in no group."),
    ("V0620", "It counts once for each: remove the line of the instance or that of the group."),
    ("V0621", "The group's weight counts, unless the instance has none. Remove the line of the instance."),
    ("V0622", "keepalived leaves it out, and only its log tells."),
    ("V0701", "One family is settled by the first address or word that tells it. The entry is left out."),
    (
        "V0702",
        "The destination is an address with its prefix length, `default`, or a type with one of them, as `blackhole 10.0.0.0/8`.",
    ),
    (
        "V0703",
        "keepalived watches only routes that name their interface. If somebody deletes this one, the instance stays master without it.",
    ),
    (
        "V0704",
        "By the protocol keepalived knows its own routes and rules. `no_track` gives up watching them, and leaves the protocol alone.",
    ),
    ("V0705", "The route is set without the encapsulation: packets go out as they are."),
    ("V0706", "`or` is keepalived's own old form of what iproute2 calls `nexthop`. Use one of them."),
    ("V0707", "A point-to-point address has neither a network nor a broadcast address of its own."),
    (
        "V0708",
        "keepalived looks for the group when it reads the line: the track_group block must stand before it. It watches what is on an interface, so the entry must name one.",
    ),
    ("V0709", "A rule that matches and then does nothing is left out."),
    ("V0710", "A rule does one thing. Write a second rule."),
    (
        "V0711",
        "Rules without a priority get one, from 16384 downward in the order of the file: each new rule comes before all others.",
    ),
    ("V0712", "The kernel goes forward only: the target's priority is greater than the rule's own."),
    (
        "V0713",
        "Realms and suppressors say something about the route that a table gives. The rule is left out.",
    ),
    (
        "V0714",
        "Which of them is tried first depends on the order in which they are set, and that changes with each failover.",
    ),
    ("V0715", "An interface is in one group, and a group has at least one interval."),
    ("V0716", "The group is for no interface, and has no effect."),
    ("V0717", "A line is INTERFACE DOWN [UP]: seconds, with decimals, up to 255."),
    ("V0718", "The session is left out. Sessions with one neighbour differ in their source_ip."),
    ("V0719", "A session is with somebody: without neighbor_ip the block is left out."),
    ("V0720", "source_ip and neighbor_ip are of one family. The block is left out."),
    ("V0721", "BFD finds a failure within multiplier × interval; above ten seconds VRRP itself is faster."),
    ("V0722", "The line has no effect; it is not waited for an interface of that name."),
    ("V0901", "vipd starts with this file, and this line has no effect. keepalived carries it out."),
];

/// Why a finding matters.
#[must_use]
pub fn reason(id: &str) -> Option<&'static str> {
    let own = REASONS.iter().find(|(of, _)| *of == id).map(|(_, text)| *text);
    own.or_else(|| codes::find(id).and_then(advice::reason))
}

/// A code in a few lines of text.
#[must_use]
pub fn text(code: &Code) -> String {
    let mut text = format!("{} ({}): {}\n", code.id, code.severity.name(), code.summary);
    if let Some(reason) = reason(code.id) {
        let _ = write!(text, "\n{reason}\n");
    }
    let keepalived = match code.verdict {
        Verdict::Silent => "says nothing about it: the finding is vipd's own.",
        Verdict::Reports => {
            "reports it and goes on without the line or with a corrected value (`keepalived -t`: status 5)."
        }
        Verdict::Interface => {
            "reports it and goes on without the line (`keepalived -t`: status 4, or 5 with other findings)."
        }
        Verdict::Security => "reports a violation of script security (`keepalived -t`: status 6).",
        Verdict::Refuses => "reports it and does not run with the file (`keepalived -t`: status 5).",
        Verdict::Lacks => "reports it and does not run with the file (`keepalived -t`: status 6).",
        Verdict::GivesUp => "ends at once (`keepalived -t`: status 2).",
    };
    let _ = write!(text, "\nkeepalived {keepalived}\n");
    if let (Some(section), Some(link)) = (advice::section(code), advice::link(code)) {
        let _ = write!(text, "\nSee keepalived.conf(5), \"{section}\": {link}\n");
    }
    text
}

/// The code that was asked for, in capitals or not.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    codes::find(&id.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_given_for_codes_that_exist_and_once() {
        assert!(REASONS.is_sorted_by(|a, b| a.0 < b.0));
        for (id, _) in REASONS {
            assert!(codes::find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        assert_eq!(find("v0101").map(|c| c.id), Some("V0101"));
        assert_eq!(find("V9999"), None);
    }

    #[test]
    fn the_text_says_what_keepalived_does() {
        let said = text(&codes::NO_VRID);
        assert!(said.starts_with("V0303 (error): a vrrp_instance without virtual_router_id\n\n"), "{said}");
        assert!(said.contains("does not run with the file (`keepalived -t`: status 5)"), "{said}");
    }
}
