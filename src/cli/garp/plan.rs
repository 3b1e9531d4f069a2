//! From the words of the command line to what is to be announced. Nothing here asks the system.

use super::Args;
use crate::net::MacAddr;
use crate::vrrp::garp::Operation;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// Whether it is asked who has the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// No.
    No,
    /// Before anything is announced.
    First,
    /// And nothing is announced.
    Only,
}

/// What is to be announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The interface; that of the first address otherwise.
    pub(super) interface: Option<String>,
    pub(super) announcements: Vec<Announcement>,
    /// Rounds over all of them, and the time between two.
    pub(super) count: u32,
    pub(super) interval: Duration,
    pub(super) check: Check,
    /// How long answers are waited for.
    pub(super) wait: Duration,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) quiet: bool,
}

/// One address and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) address: IpAddr,
    /// The interface's otherwise.
    pub(super) mac: Option<MacAddr>,
    /// IPv4: request or reply.
    pub(super) operation: Operation,
    /// IPv4: who is told; everybody otherwise.
    pub(super) target: Option<(Option<MacAddr>, Ipv4Addr)>,
}

impl Plan {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(super) fn of(args: &Args) -> Result<Plan, String> {
        let mut plan = Plan {
            interface: args.interface.clone(),
            announcements: Vec::new(),
            count: args.repeat.unwrap_or(args.count),
            interval: args.interval,
            check: match (args.check_only, args.check) {
                (true, _) => Check::Only,
                (false, true) => Check::First,
                (false, false) => Check::No,
            },
            wait: args.wait,
            pid_file: args.pid_file.clone(),
            quiet: args.quiet,
        };
        if let Some(text) = &args.interface_or_interval {
            match text.parse() {
                Ok(ms) => plan.interval = Duration::from_millis(ms),
                Err(_) => plan.interface = Some(text.clone()),
            }
        }
        let operation = if args.reply { Operation::Reply } else { Operation::Request };
        let mac = args.mac.as_deref().map(mac).transpose()?;
        let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            // send_arp of "fake": a reply to a target that is named.
            [source, source_mac, target, target_mac]
                if is_address(source) && mac_of(source_mac).is_some() =>
            {
                plan.announcements.push(Announcement {
                    address: IpAddr::V4(ipv4(source)?),
                    mac: Some(self::mac(source_mac)?),
                    operation: Operation::Reply,
                    target: Some((Some(self::mac(target_mac)?), ipv4(target)?)),
                });
            }
            // send_arp of heartbeat and of the resource agents.
            [interface, source, source_mac, _broadcast, _netmask] if !is_address(interface) => {
                plan.interface = Some((*interface).to_owned());
                plan.announcements.push(Announcement {
                    address: address(source)?,
                    mac: if *source_mac == "auto" { mac } else { Some(self::mac(source_mac)?) },
                    operation,
                    target: None,
                });
            }
            addresses => {
                for text in addresses {
                    let address = address(text)?;
                    plan.announcements.push(match args.source {
                        None => Announcement { address, mac, operation, target: None },
                        Some(source) => told(source, address, operation, mac)?,
                    });
                }
            }
        }
        Ok(plan)
    }
}

/// arping's `-s SOURCE TARGET`.
fn told(
    source: IpAddr,
    target: IpAddr,
    operation: Operation,
    mac: Option<MacAddr>,
) -> Result<Announcement, String> {
    match (source, target) {
        (_, target) if target == source => Ok(Announcement { address: source, mac, operation, target: None }),
        (IpAddr::V4(_), IpAddr::V4(target)) => {
            Ok(Announcement { address: source, mac, operation, target: Some((None, target)) })
        }
        _ => Err(format!("{target} can't be told of {source}: ARP is for IPv4")),
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn address(text: &str) -> Result<IpAddr, String> {
    let address =
        text.parse().map_err(|_| format!("`{text}` is no IP address (write 192.0.2.9 or 2001:db8::9)"))?;
    match address {
        IpAddr::V4(a) if a.is_multicast() || a.is_unspecified() || a.is_broadcast() => {
            Err(format!("{a} is no host's address"))
        }
        IpAddr::V6(a) if a.is_multicast() || a.is_unspecified() => Err(format!("{a} is no host's address")),
        other => Ok(other),
    }
}

fn ipv4(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| format!("`{text}` is no IPv4 address"))
}

fn mac(text: &str) -> Result<MacAddr, String> {
    mac_of(text)
        .ok_or_else(|| format!("`{text}` is no MAC address (write 02:00:5e:10:00:01, or without colons)"))
}

/// Six bytes, with colons or hyphens between them, or with nothing, as send_arp takes them.
fn mac_of(text: &str) -> Option<MacAddr> {
    let separator = text.chars().find(|c| matches!(c, ':' | '-'));
    let bytes: Vec<u8> = match separator {
        Some(separator) => text
            .split(separator)
            .map(|part| (1..=2).contains(&part.len()).then(|| u8::from_str_radix(part, 16).ok()).flatten())
            .collect::<Option<_>>()?,
        None if text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u64::from_str_radix(text, 16).ok()?.to_be_bytes().into_iter().skip(2).collect()
        }
        None => return None,
    };
    bytes.try_into().ok().map(MacAddr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn plan(line: &str) -> Result<Plan, String> {
        let words = ["garp"].into_iter().chain(line.split_whitespace());
        Plan::of(&Args::try_parse_from(words).map_err(|error| error.to_string())?)
    }

    fn announcement(address: &str) -> Announcement {
        Announcement {
            address: address.parse().unwrap(),
            mac: None,
            operation: Operation::Request,
            target: None,
        }
    }

    #[test]
    fn plain_addresses_are_requests_to_all() {
        let plan = plan("-I eth1 -c 3 --interval 0.5 192.0.2.9 2001:db8::9").unwrap();
        assert_eq!(plan.announcements, [announcement("192.0.2.9"), announcement("2001:db8::9")]);
        assert_eq!((plan.interface.as_deref(), plan.count), (Some("eth1"), 3));
        assert_eq!((plan.interval, plan.check), (Duration::from_millis(500), Check::No));
    }

    #[test]
    fn send_arp_with_four_words_is_a_reply_to_a_target() {
        let plan = plan("192.168.219.119 0050BA123456 255.255.255.255 FFFFFFFFFFFF").unwrap();
        let mac = MacAddr([0, 0x50, 0xba, 0x12, 0x34, 0x56]);
        let target = Some((Some(MacAddr::BROADCAST), Ipv4Addr::BROADCAST));
        let expected = Announcement {
            mac: Some(mac),
            operation: Operation::Reply,
            target,
            ..announcement("192.168.219.119")
        };
        assert_eq!((plan.interface, plan.announcements), (None, vec![expected]));
    }

    #[test]
    fn send_arp_with_an_interface_knows_milliseconds_and_auto() {
        let plan = plan("-i 300 -r 7 -p /run/x.pid eth0 192.0.2.9 auto 192.0.2.255 ffffffffffff").unwrap();
        assert_eq!((plan.interface.as_deref(), plan.count), (Some("eth0"), 7));
        assert_eq!((plan.interval, plan.pid_file), (Duration::from_millis(300), Some("/run/x.pid".into())));
        assert_eq!(plan.announcements, [announcement("192.0.2.9")]);
        let plan = self::plan("eth0 192.0.2.9 02:0:0:00:00:1 192.0.2.255 255.255.255.0").unwrap();
        assert_eq!(plan.announcements[0].mac, Some(MacAddr([2, 0, 0, 0, 0, 1])));
    }

    #[test]
    fn arping_announces_its_source() {
        let plan = plan("-U -q -c 1 -I eth0 -s 192.0.2.9 192.0.2.1").unwrap();
        let target = Some((None, "192.0.2.1".parse().unwrap()));
        assert_eq!(plan.announcements, [Announcement { target, ..announcement("192.0.2.9") }]);
        assert_eq!((plan.count, plan.quiet), (1, true));
        let plan = self::plan("-A -I eth0 -s 192.0.2.9 192.0.2.9").unwrap();
        assert_eq!(
            plan.announcements,
            [Announcement { operation: Operation::Reply, ..announcement("192.0.2.9") }]
        );
        assert_eq!(self::plan("-D -I eth0 -w 3 192.0.2.9").unwrap().check, Check::Only);
        assert_eq!(self::plan("-i eth0 --check 192.0.2.9").unwrap().interface.as_deref(), Some("eth0"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, said) in [
            ("192.0.2.300", "`192.0.2.300` is no IP address"),
            ("224.0.0.18", "224.0.0.18 is no host's address"),
            ("--mac 02:00 192.0.2.9", "`02:00` is no MAC address"),
            ("-s 2001:db8::1 192.0.2.9", "192.0.2.9 can't be told of 2001:db8::1"),
            ("192.0.2.9 0050BA123456 255.255.255.255 x", "`x` is no MAC address"),
        ] {
            let error = plan(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
