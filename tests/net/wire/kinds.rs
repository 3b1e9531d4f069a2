//! Each kind of packet, field by field as tshark reads it: what vipd sends is what keepalived sends.

use super::*;
use std::path::Path;

/// A kind of packet: lines of the instance and its addresses, the packets that are meant, their fields, and what one has.
struct Kind {
    name: &'static str,
    lines: &'static str,
    addresses: &'static [&'static str],
    filter: &'static str,
    fields: &'static [&'static str],
    /// One of them, with `MAC` for the host's hardware address.
    expected: &'static str,
    /// keepalived 2.2.7 can send it.
    both: bool,
}

const V4: &[&str] = &["192.0.2.100/32", "192.0.2.101/32"];
const V6: &[&str] = &["fe80::100/64", "2001:db8::100/64"];

/// What all adverts over IPv4 have in common, as far as the kinds tell it.
const ADVERT: &[&str] = &[
    "eth.src",
    "eth.dst",
    "ip.src",
    "ip.dst",
    "ip.ttl",
    "ip.proto",
    "vrrp.version",
    "vrrp.type",
    "vrrp.virt_rtr_id",
    "vrrp.prio",
    "vrrp.addr_count",
    "vrrp.auth_type",
    "vrrp.adver_int",
    "vrrp.short_adver_int",
    "vrrp.checksum.status",
    "vrrp.ip_addr",
    "vrrp.auth_string",
    "ah.next_header",
    "ah.length",
    "_ws.malformed",
];

const ADVERT_V6: &[&str] = &[
    "eth.src",
    "eth.dst",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.hlim",
    "ipv6.nxt",
    "vrrp.version",
    "vrrp.type",
    "vrrp.virt_rtr_id",
    "vrrp.prio",
    "vrrp.addr_count",
    "vrrp.short_adver_int",
    "vrrp.checksum.status",
    "vrrp.ipv6_addr",
    "_ws.malformed",
];

const HMAC: &str = "  version 3\n  auth_hmac {\n    key 7 hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n    \
                    active_key 7\n  }\n";

static KINDS: [Kind; 9] = [
    Kind {
        name: "version_2",
        lines: "  version 2\n",
        addresses: V4,
        filter: "vrrp",
        fields: ADVERT,
        expected: "MAC|01:00:5e:00:00:12|10.0.0.1|224.0.0.18|255|112|2|1|7|150|2|0|1||1|192.0.2.100,192.0.2.101||||",
        both: true,
    },
    Kind {
        name: "pass",
        lines: "  authentication {\n    auth_type PASS\n    auth_pass himitsu\n  }\n",
        addresses: V4,
        filter: "vrrp",
        fields: ADVERT,
        expected: "MAC|01:00:5e:00:00:12|10.0.0.1|224.0.0.18|255|112|2|1|7|150|2|1|1||1|192.0.2.100,192.0.2.101|himitsu|||",
        both: true,
    },
    Kind {
        name: "ah",
        lines: "  authentication {\n    auth_type AH\n    auth_pass himitsu\n  }\n",
        addresses: V4,
        filter: "vrrp",
        fields: ADVERT,
        expected: "MAC|01:00:5e:00:00:12|10.0.0.1|224.0.0.18|255|51|2|1|7|150|2|2|1||1|192.0.2.100,192.0.2.101||112|4|",
        both: true,
    },
    Kind {
        name: "version_3",
        lines: "  version 3\n",
        addresses: V4,
        filter: "vrrp",
        fields: ADVERT,
        expected: "MAC|01:00:5e:00:00:12|10.0.0.1|224.0.0.18|255|112|3|1|7|150|2|||100|1|192.0.2.100,192.0.2.101||||",
        both: true,
    },
    Kind {
        name: "version_3_over_ipv6",
        lines: "  version 3\n",
        addresses: V6,
        filter: "vrrp",
        fields: ADVERT_V6,
        expected: "MAC|33:33:00:00:00:12|fe80::ff:fe00:1|ff02::12|255|112|3|1|7|150|2|100|1|fe80::100,2001:db8::100|",
        both: true,
    },
    Kind {
        name: "hmac",
        lines: HMAC,
        addresses: V4,
        filter: "vrrp",
        fields: ADVERT,
        // In IPv4 the checksum ends before the trailer, of which tshark knows nothing.
        expected: "MAC|01:00:5e:00:00:12|10.0.0.1|224.0.0.18|255|112|3|1|7|150|2|||100|0|192.0.2.100,192.0.2.101||||",
        both: false,
    },
    Kind {
        name: "hmac_over_ipv6",
        lines: HMAC,
        addresses: V6,
        filter: "vrrp",
        fields: ADVERT_V6,
        expected: "MAC|33:33:00:00:00:12|fe80::ff:fe00:1|ff02::12|255|112|3|1|7|150|2|100|1|fe80::100,2001:db8::100|",
        both: false,
    },
    Kind {
        name: "gratuitous_arp",
        lines: "",
        addresses: V4,
        filter: "arp.isgratuitous == 1 && arp.src.proto_ipv4 == 192.0.2.101",
        fields: &[
            "eth.src",
            "eth.dst",
            "arp.hw.type",
            "arp.proto.type",
            "arp.hw.size",
            "arp.proto.size",
            "arp.opcode",
            "arp.src.hw_mac",
            "arp.src.proto_ipv4",
            "arp.dst.hw_mac",
            "arp.dst.proto_ipv4",
            "_ws.malformed",
        ],
        expected: "MAC|ff:ff:ff:ff:ff:ff|1|0x0800|6|4|1|MAC|192.0.2.101|ff:ff:ff:ff:ff:ff|192.0.2.101|",
        both: true,
    },
    Kind {
        name: "neighbour_advertisement",
        lines: "",
        addresses: V6,
        filter: "icmpv6.type == 136 && icmpv6.nd.na.target_address == 2001:db8::100",
        fields: &[
            "eth.src",
            "eth.dst",
            "ipv6.src",
            "ipv6.dst",
            "ipv6.hlim",
            "icmpv6.code",
            "icmpv6.checksum.status",
            "icmpv6.nd.na.flag.r",
            "icmpv6.nd.na.flag.s",
            "icmpv6.nd.na.flag.o",
            "icmpv6.opt.type",
            "icmpv6.opt.linkaddr",
            "_ws.malformed",
        ],
        expected: "MAC|33:33:00:00:00:01|2001:db8::100|ff02::1|255|0|1|0|0|1|2|MAC|",
        both: true,
    },
];

pub(super) fn tests() -> impl Iterator<Item = Test> {
    let both = |kind: &'static Kind| {
        let programs = IMPLEMENTATIONS.into_iter().filter(|program| kind.both || *program == Vipd);
        programs.map(move |program| (kind, program))
    };
    KINDS.iter().flat_map(both).map(|(kind, program)| {
        Test::new(format!("wire::{program}::kind_{}", kind.name), move |lab: &Lab| read(lab, kind, program))
    })
}

fn read(lab: &Lab, kind: &Kind, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let addresses: String = kind.addresses.iter().map(|a| format!("    {a}\n")).collect();
    let config = format!(
        "vrrp_instance VI {{\n  state BACKUP\n  interface eth0\n  virtual_router_id 7\n  priority 150\n  advert_int 1\n{}  \
         virtual_ipaddress {{\n{addresses}  }}\n}}\n",
        kind.lines
    );
    let capture = Capture::start(&one);
    let _director = Director::start(program, &one, Path::new(VIPD), &config, &["-P"]);
    let file = one.file("packets.pcap");
    let lines = wait_for("two packets", Scenario::FAILOVER_LIMIT, || -> Waited<_> {
        capture.save(&file).map_err(|error| error.to_string())?;
        let mut tshark = Command::new("tshark");
        tshark.arg("-r").arg(&file).args(["-n", "-Y", kind.filter, "-T", "fields", "-E", "separator=|"]);
        let output = checked(tshark.args(kind.fields.iter().flat_map(|field| ["-e", *field])));
        let lines: Vec<_> = output.lines().map(str::to_owned).collect();
        if lines.len() >= 2 { Ok(lines) } else { Err(output) }
    });
    let expected = kind.expected.replace("MAC", &one.mac().to_string());
    for line in lines {
        assert_eq!(line, expected);
    }
}
