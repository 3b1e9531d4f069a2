//! Each kind of check against real servers, by vipd and by keepalived at the same time: nginx, apache, openssl, exim and
//! unbound, which serve, are spoiled, stand still, are gone and come back, and proxies in front of them that misbehave in
//! every way. Both have to come to the same verdict of each, and to tell it, but for what `docs/differences.md` says.
//!
//! ```text
//!   keepalived .1      vipd .2                   servers .3               10.98.0.0/24
//!   virtual servers 10.99.0.1, fd99::1           10.97.N.0/24: real servers, each at one of its own
//!      |                  |                          |
//!   ---+------------------+--------------------------+---
//! ```

mod certificates;
mod daemons;
mod proxy;
mod rows;

use super::script;
use crate::VIPD;
use crate::support::Implementation::{Keepalived, Vipd};
use crate::support::{Director, Host, Lab, Test, wait_every};
use daemons::{CERTIFICATES, Daemons, NGINX};
use proxy::{Manner, Proxy};
use rows::Row;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use vipd::ipvs::client::Client;

const DIFFERENCES: &str = include_str!("../../../../docs/differences.md");

/// For a pause: all checks of both several times, on an emulated machine that runs other tests too.
const LIMIT: Duration = Duration::from_secs(120);

/// A look at all tables and lines is not cheap.
const LOOKS: Duration = Duration::from_millis(500);

/// Where proxies listen, from this port on.
const PROXIES: u16 = 9000;

const PAUSES: [&str; 5] =
    ["all is well", "trouble", "servers stand still", "they are gone", "all is well again"];

const TROUBLE: usize = 1;

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("check::servers::both_come_to_the_same_verdict", same_verdict)]
}

/// A director, and how its table is read.
struct Watched {
    director: Director,
    table: Client,
}

/// Where the real server of the row with this number is.
fn address(row: &Row, n: usize) -> IpAddr {
    let text = if row.is_v6 { format!("fd97::{}", n + 1) } else { format!("10.97.0.{}", n + 1) };
    text.parse().expect("an address")
}

/// And at which port.
fn port(row: &Row, n: usize) -> u16 {
    if row.proxy.is_some() { PROXIES + n as u16 } else { row.port }
}

impl Watched {
    /// What its FIFO has said last of each row's server, if it said anything.
    fn told(&self, rows: &[Row]) -> Vec<Option<bool>> {
        let heard = fs::read_to_string(self.director.host().file("heard")).unwrap_or_default();
        let last: HashMap<&str, bool> = heard
            .lines()
            .filter_map(|line| {
                let (server, rest) = line.strip_prefix("RS ")?.split_once(' ')?;
                Some((server, rest.ends_with(" UP")))
            })
            .collect();
        let name = |(n, row): (usize, &Row)| format!("[{}]:tcp:{}", address(row, n), port(row, n));
        rows.iter().enumerate().map(|row| last.get(name(row).as_str()).copied()).collect()
    }

    /// The rows whose servers the table has.
    fn up(&mut self) -> Result<BTreeSet<usize>, String> {
        let table = self.table.table().map_err(|error| error.to_string())?;
        let dests = table.services.iter().flat_map(|(_, dests)| dests);
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => usize::from(address.octets()[3]),
            IpAddr::V6(address) => {
                let text = address.to_string();
                text.rsplit(':').next().and_then(|last| last.parse().ok()).unwrap_or(0)
            }
        };
        Ok(dests.map(|dest| number(dest.key.address) - 1).collect())
    }
}

fn same_verdict(lab: &Lab) {
    let rows = rows::rows();
    for row in &rows {
        let differ = row.keepalived != row.vipd;
        assert!(differ != row.reason.is_empty() && DIFFERENCES.contains(row.reason), "{}", row.title());
    }
    let hosts = [lab.host("keepalived", "10.98.0.1/24"), lab.host("vipd", "10.98.0.2/24")];
    for (host, n) in hosts.iter().zip(1..) {
        host.configure(&[
            &format!("address add fd98::{n}/64 dev eth0 nodad"),
            "route add 10.97.0.0/24 via 10.98.0.3",
            "route add fd97::/64 via fd98::3",
        ]);
    }
    let servers = lab.host("servers", "10.98.0.3/24");
    servers.configure(&[
        "address add fd98::3/64 dev eth0 nodad",
        "route add local 10.97.0.0/24 dev lo",
        "route add local fd97::/64 dev lo",
    ]);
    // It tells of each closed port, to each datagram.
    for key in ["ipv4.icmp_ratelimit", "ipv6.icmp.ratelimit"] {
        servers.sysctl(key, "0");
    }
    let mut stage = Stage::new(&servers);
    stage.daemons.start();
    stage.ping(true);
    let from = ["10.98.0.1", "10.98.0.2"].map(|ip| ip.parse().expect("an address"));
    let mut proxies: Vec<Option<Proxy>> = (PROXIES..)
        .zip(&rows)
        .map(|(port, row)| row.proxy.map(|_| Proxy::start(&servers, port, row.port, row.is_datagram(), from)))
        .collect();
    let services = services(&rows, &stage, &hosts[1]);
    let mut watched = [(Keepalived, &hosts[0]), (Vipd, &hosts[1])].map(|(program, host)| {
        let config = globals(host, stage.daemons.dir()) + &services;
        let director = Director::start(program, host, Path::new(VIPD), &config, &["-C"]);
        Watched { director, table: host.enter(Client::open).expect("IPVS") }
    });

    for pause in 0..PAUSES.len() {
        match pause {
            TROUBLE => {
                stage.spoil(true);
                for (row, proxy) in rows.iter().zip(&mut proxies) {
                    if let (Some(manner), Some(proxy)) = (row.proxy, proxy) {
                        proxy.does(manner);
                    }
                }
            }
            2 => {
                stage.spoil(false);
                stage.daemons.halt();
                proxies.iter_mut().flatten().for_each(|proxy| proxy.does(Manner::Passes));
            }
            3 => stage.daemons.kill(),
            4 => stage.daemons.start(),
            _ => {}
        }
        settle(&rows, &proxies, &served(&proxies), &mut watched, pause);
    }
    reasons(&rows, &watched[1].director);
    for watched in watched {
        watched.director.terminate();
    }
}

/// vipd has said what is wrong with each broken certificate that it was asked to verify.
#[track_caller]
fn reasons(rows: &[Row], vipd: &Director) {
    let log = vipd.process().log();
    for (certificate, why) in
        [("expired", "expired"), ("misnamed", "not valid for name"), ("unsigned", "UnknownIssuer")]
    {
        let which = CERTIFICATES.1.iter().position(|name| *name == certificate).expect("it is served");
        let is_of = |row: &Row| {
            usize::from(row.port) == usize::from(CERTIFICATES.0) + which
                && row.check.contains("verify_certificate")
        };
        let n = rows.iter().position(is_of).expect("it is verified");
        let name = format!("[{}]:tcp:{}", address(&rows[n], n), rows[n].port);
        let said: Vec<&str> = log.lines().filter(|line| line.contains(&name)).collect();
        assert!(said.iter().any(|line| line.contains(why)), "{certificate}: {why}: {said:#?}");
    }
}

/// What the servers are made to do.
struct Stage {
    host: Host,
    daemons: Daemons,
}

impl Stage {
    fn new(host: &Host) -> Stage {
        Stage { host: host.clone(), daemons: Daemons::new(host) }
    }

    /// The addresses that are pinged are there, or not.
    fn ping(&self, answers: bool) {
        let word = if answers { "add" } else { "del" };
        self.host.configure(&[
            &format!("address {word} 10.98.0.77/24 dev eth0"),
            &format!(
                "address {word} fd98::77/64 dev eth0{}",
                if answers { " nodad preferred_lft 0" } else { "" }
            ),
        ]);
    }

    fn spoil(&self, spoiled: bool) {
        self.daemons.spoil(spoiled);
        self.ping(!spoiled);
        fs::write(self.daemons.dir().join("f"), if spoiled { "1\n" } else { "0\n" }).expect("write a file");
    }
}

/// What both have, and a program for each that reads its FIFO.
fn globals(director: &Host, dir: &Path) -> String {
    let (fifo, heard, dir) = (director.file("fifo"), director.file("heard"), dir.display());
    let reader = script(director, "reader", &format!("exec cat \"$1\" >>{}", heard.display()));
    format!(
        "global_defs {{\nscript_user root\nlvs_notify_fifo {}\nlvs_notify_fifo_script {}\n}}\n\
         SSL {{\nca {dir}/ca.pem\ncertificate {dir}/client.pem\nkey {dir}/client.key\n}}\n\
         track_file F {{\nfile {dir}/f\nweight 0\n}}\n",
        fifo.display(),
        reader.display()
    )
}

/// The virtual servers. Who is to be up at first has to have passed: `alpha`.
fn services(rows: &[Row], stage: &Stage, director: &Host) -> String {
    fs::write(stage.daemons.dir().join("f"), "0\n").expect("write a file");
    let fetch =
        script(&stage.host, "fetch", &format!("curl -sf http://10.98.0.3:{NGINX}/page | grep -q well"));
    let digests =
        ["/page", "/parts.shtml"].map(|path| (format!("{{digest {path}}}"), digest(director, path)));
    let real_server = |(n, row): (usize, &Row)| {
        let mut check = row.check.replace("{dir}/fetch", &fetch.display().to_string());
        for (word, digest) in &digests {
            check = check.replace(word, digest);
        }
        let port = port(row, n);
        let network = !check.starts_with("MISC_CHECK") && !check.starts_with("FILE_CHECK");
        let mut more = String::new();
        if row.keepalived.starts_with('+') && !check.starts_with("FILE_CHECK") && row.vipd.starts_with('+') {
            more += "alpha\n";
        }
        if network {
            more += "retry 0\n";
        }
        if row.is_datagram() {
            // Answers come from an address of the interface.
            let ip = if row.is_v6 { "fd98::3" } else { "10.98.0.3" };
            more += &format!("connect_ip {ip}\nconnect_port {port}\n");
        }
        if let Some(brace) = check.find("{\n") {
            check.insert_str(brace + 2, &more);
        }
        format!("real_server {} {port} {{\n{check}\n}}\n", address(row, n))
    };
    let service = |address: &str, is_v6: bool| {
        let servers: String =
            rows.iter().enumerate().filter(|(_, row)| row.is_v6 == is_v6).map(real_server).collect();
        format!(
            "virtual_server {address} 80 {{\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\ndelay_loop 4\nwarmup 4\n\
             delay_before_retry 1\nconnect_timeout 3\n{servers}}}\n"
        )
    };
    service("10.99.0.1", false) + &service("fd99::1", true)
}

/// What both print of a page of nginx.
#[track_caller]
fn digest(director: &Host, path: &str) -> String {
    let [theirs, ours] = ["genhash".to_owned(), format!("{VIPD} genhash")].map(|program| {
        let printed = director.run(&format!("{program} -s 10.98.0.3 -p {NGINX} -u {path} -P 1.1"));
        let digest = printed.split_whitespace().find(|word| word.len() == 32).map(str::to_owned);
        digest.unwrap_or_else(|| panic!("no digest: {printed}"))
    });
    assert_eq!(ours, theirs, "genhash");
    ours
}

/// Waits until both tables are as they should be, and FIFOs have said so, behind changes at which proxies had had so many
/// clients: where one gets in the way and the server stays up all the same, it was asked twice since, so that its check
/// has passed.
#[track_caller]
fn settle(
    rows: &[Row],
    proxies: &[Option<Proxy>],
    before: &[[u32; 2]],
    watched: &mut [Watched; 2],
    pause: usize,
) {
    let is_up_at =
        |row: &Row, which: usize, pause: usize| [row.keepalived, row.vipd][which].as_bytes()[pause] == b'+';
    let is_up = |row: &Row, which: usize| is_up_at(row, which, pause);
    wait_every(LOOKS, PAUSES[pause], LIMIT, || {
        let mut wrong = Vec::new();
        for (watched, which) in watched.iter_mut().zip(0..) {
            let (up, told) = (watched.up()?, watched.told(rows));
            for (n, row) in rows.iter().enumerate() {
                let mut say = |what: &str| {
                    let name = watched.director.implementation;
                    wrong.push(format!("{name}: {} {what}: {}", address(row, n), row.title()));
                };
                if up.contains(&n) != is_up(row, which) {
                    say(if up.contains(&n) { "is up" } else { "is down" });
                } else if let Some(proxy) = &proxies[n]
                    && up.contains(&n)
                    && pause == TROUBLE
                    && proxy.served()[which] < before[n][which] + 2
                {
                    say("was not asked again");
                }
                let before = pause.checked_sub(1).map(|before| is_up_at(row, which, before));
                let changed = before.is_some_and(|before| before != is_up(row, which));
                if told[n].map_or(changed, |told| told != is_up(row, which)) {
                    say("is told of otherwise");
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong:#?}")) }
    });
}

fn served(proxies: &[Option<Proxy>]) -> Vec<[u32; 2]> {
    proxies.iter().map(|proxy| proxy.as_ref().map_or([0; 2], Proxy::served)).collect()
}
