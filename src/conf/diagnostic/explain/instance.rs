//! Virtual routers, their authentication and their links (V03xx).

use super::Reason;

pub(super) const REASONS: &[Reason] = &[
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
    (
        "V0337",
        "Adverts of version 3 hold one address at least (RFC 9568 §5.2.5): others refuse them without. keepalived does not start. `no_virtual_ipaddress` says that it is meant (2.4), but not in strict mode.",
    ),
];
