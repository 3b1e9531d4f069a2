//! What is written down of a story beside what is told: adverts, announcements, and what the kernel holds.

use crate::support::{Frame, Host, Mac};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::net::{IpAddr, Ipv6Addr};

/// What left since `first`: the priorities of adverts as they changed, by VRID, and how many announcements.
pub(super) fn frames(text: &mut String, frames: &[Frame], first: usize, one: Mac, two: Mac) {
    let mut last: BTreeMap<(u8, Mac), u8> = BTreeMap::new();
    let mut priorities: BTreeMap<(u8, Mac), Vec<u8>> = BTreeMap::new();
    let mut counts: BTreeMap<(IpAddr, Mac), usize> = BTreeMap::new();
    let ours = |source: &Mac| *source != two;
    for (at, frame) in frames.iter().enumerate() {
        let Some(source) = frame.source().filter(ours) else { continue };
        if let Some(advert) = frame.advert() {
            let key = (advert.vrid, source);
            let changed = last.insert(key, advert.priority) != Some(advert.priority);
            if changed && at >= first {
                priorities.entry(key).or_default().push(advert.priority);
            }
        }
        if at >= first
            && let Some(announced) = announcement(frame)
        {
            *counts.entry(announced).or_default() += 1;
        }
    }
    let name = |mac: Mac| if mac == one { String::new() } else { format!(" from {mac}") };
    for ((vrid, mac), priorities) in priorities {
        let _ = writeln!(text, "adverts: VRID {vrid}{}, priority {priorities:?}", name(mac));
    }
    for ((address, mac), count) in counts {
        let _ = writeln!(text, "announced: {address}{} {count} times", name(mac));
    }
}

/// How many announcements left.
pub(super) fn announced(frames: &[Frame], two: Mac) -> usize {
    frames.iter().filter(|f| f.source().is_some_and(|mac| mac != two) && announcement(f).is_some()).count()
}

/// A gratuitous ARP or an unsolicited neighbour advertisement: for which address, at which hardware address.
fn announcement(frame: &Frame) -> Option<(IpAddr, Mac)> {
    if let Some(arp) = frame.arp() {
        // The kernel answers the other host's, as long as it has the address: that one is for it alone.
        let to_all = frame.bytes.starts_with(&[0xff; 6]);
        return (to_all && arp.is_gratuitous()).then_some((arp.sender.into(), arp.sender_mac));
    }
    let bytes = &frame.bytes;
    let is_advert = bytes.get(12..14)? == [0x86, 0xdd] && *bytes.get(20)? == 58 && *bytes.get(54)? == 136;
    let to_all = bytes.get(38..54)? == Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).octets();
    let target = <[u8; 16]>::try_from(bytes.get(62..78)?).ok()?;
    // Those of the kernel are for addresses that it has just made.
    let is_ours = !Ipv6Addr::from(target).is_unicast_link_local() || bytes.get(58)? & 0x20 != 0;
    let mac = <[u8; 6]>::try_from(bytes.get(80..86)?).ok()?;
    (is_advert && to_all && is_ours).then_some((IpAddr::from(target), Mac(mac)))
}

/// What the kernel of the host holds, in lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kernel(Vec<String>);

impl Kernel {
    pub(super) fn read(host: &Host, with_sysctls: bool) -> Kernel {
        let json = |line: &str| -> Vec<Value> {
            serde_json::from_str(&host.try_run(line).unwrap_or_default()).unwrap_or_default()
        };
        let mut all = Vec::new();
        let links = json("ip -d -j link");
        for link in &links {
            all.extend(link_line(link));
        }
        for link in json("ip -d -j address") {
            let name = string(&link["ifname"]).to_owned();
            for address in link["addr_info"].as_array().into_iter().flatten() {
                all.extend(address_line(&name, address));
            }
        }
        for family in ["-4", "-6"] {
            let routes = host.try_run(&format!("ip {family} -d route show table all")).unwrap_or_default();
            let mut routes: Vec<String> =
                routes.lines().filter_map(|line| route_line(family, line)).collect();
            routes.sort();
            all.extend(routes);
            let rules = host.try_run(&format!("ip {family} -d rule")).unwrap_or_default();
            all.extend(rules.lines().map(|rule| format!("rule: {family} {}", rule.trim())));
        }
        if with_sysctls {
            for link in links.iter().filter(|link| string(&link["ifname"]) != "lo") {
                all.extend(sysctls(host, string(&link["ifname"])));
            }
        }
        Kernel(all)
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn link_line(link: &Value) -> Option<String> {
    let name = string(&link["ifname"]);
    let flags = link["flags"].as_array()?;
    let up = if flags.iter().any(|flag| flag == "UP") { "up" } else { "down" };
    let mut line = format!("link: {name} {up} mtu {} {}", link["mtu"], string(&link["address"]));
    let info = &link["linkinfo"];
    if let Some(kind) = info["info_kind"].as_str() {
        let _ = write!(line, " {kind}");
        if let Some(mode) = info["info_data"]["mode"].as_str() {
            let _ = write!(line, " mode {mode} on {}", string(&link["link"]));
        }
    }
    if link["group"] != "default" {
        let _ = write!(line, " group {}", link["group"]);
    }
    if let Some(mode) = link["inet6_addr_gen_mode"].as_str().filter(|mode| *mode != "eui64") {
        let _ = write!(line, " addrgenmode {mode}");
    }
    Some(line)
}

fn address_line(name: &str, address: &Value) -> Option<String> {
    let mut line = format!(
        "address: {name} {}/{}",
        address["local"].as_str().or(address["address"].as_str())?,
        address["prefixlen"]
    );
    for key in ["address", "broadcast", "label"] {
        let default =
            key == "label" && address[key] == name || key == "address" && address["local"].is_null();
        if let Some(value) = address[key].as_str().filter(|_| !default) {
            let _ = write!(line, " {key} {value}");
        }
    }
    let _ = write!(line, " scope {}", string(&address["scope"]));
    for flag in ["secondary", "deprecated", "nodad", "home", "mngtmpaddr", "noprefixroute", "autojoin"] {
        if address[flag] == true {
            let _ = write!(line, " {flag}");
        }
    }
    if address["preferred_life_time"] == 0 {
        line += " preferred 0";
    }
    Some(line)
}

/// Routes that the kernel makes of addresses are left out.
fn route_line(family: &str, line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let made = words
        .windows(2)
        .any(|pair| pair == ["proto", "kernel"] || pair == ["table", "local"] || pair == ["proto", "ra"]);
    (!made && !words.is_empty()).then(|| format!("route: {family} {}", words.join(" ")))
}

/// The parameters of an interface that the program may have reason to set.
fn sysctls(host: &Host, interface: &str) -> Vec<String> {
    let v4 = [
        "accept_local",
        "arp_filter",
        "arp_ignore",
        "arp_announce",
        "rp_filter",
        "promote_secondaries",
        "send_redirects",
        "accept_redirects",
        "forwarding",
    ];
    let v6 = ["disable_ipv6", "accept_ra", "autoconf", "accept_redirects", "forwarding", "accept_dad"];
    let all = [("ipv4", v4.as_slice()), ("ipv6", v6.as_slice())];
    host.enter(|| {
        let mut lines = Vec::new();
        for (family, keys) in all {
            for key in keys {
                let path = format!("/proc/sys/net/{family}/conf/{interface}/{key}");
                if let Ok(value) = fs::read_to_string(path) {
                    lines.push(format!("sysctl: {interface} {family} {key} {}", value.trim()));
                }
            }
        }
        lines
    })
}
