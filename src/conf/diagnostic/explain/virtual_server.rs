//! Virtual servers, their real servers and their groups (V04xx).

use super::Reason;

pub(super) const REASONS: &[Reason] = &[
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
        "With DR and TUN packets reach the server as they are: nothing rewrites the port. Checks go to the port that the real_server names, as keepalived's do, unless they have a `connect_port`.",
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
        "PCRE2 refuses it. keepalived says so in its log when it starts, and the page then passes without the expression.",
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
        "V0427",
        "A number is the whole mask, not its length: 24 is 0.0.0.24, and two bits of an address tell clients apart. For IPv4 write the mask, as 255.255.255.0; for IPv6 the length.",
    ),
    (
        "V0428",
        "Each address is a service of its own in the kernel, with all of its real servers. keepalived would set up all of them, one after another. A firewall rule that marks the packets, and `virtual_server fwmark N`, serve any number of addresses with one entry.",
    ),
    (
        "V0429",
        "keepalived reads the escapes of the line itself, as in command lines, and PCRE2 those that are left: each backslash that is meant for PCRE2 is written twice, as `\\\\d` and `\\\\.`.",
    ),
    (
        "V0430",
        "A check goes to its `connect_port`, else to the port of its real_server, else to the only port of the service. A mark has no port, nor has a service for every port, and a group may have several. keepalived connects to port 0, which is always refused, and takes the server away.",
    ),
    (
        "V0431",
        "The kernel sends its connections to the other director while the instance is master, and takes them in while it is not: without the instance nobody says which. Leave its name out, and it does both all the time.",
    ),
];
