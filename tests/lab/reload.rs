//! SIGHUP with another configuration: what changed changes, and nothing else is disturbed.

use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::{Capture, Config, Director, Lab, Process, RealServer, Scenario, Table, Test, wait_for};
use std::time::Duration;

const IMPLEMENTATIONS: [Implementation; 2] = [Keepalived, Vipd];

/// What happens to a pair of directors of one program.
type Story = fn(&Lab, Implementation);

pub(crate) fn tests() -> Vec<Test> {
    let stories: [(&str, Story); 3] = [
        ("addition_disturbs_nothing", addition_disturbs_nothing),
        ("removal_disturbs_nothing_else", removal_disturbs_nothing_else),
        ("priority_moves_the_master", priority_moves_the_master),
    ];
    let all = IMPLEMENTATIONS.into_iter().flat_map(|program| stories.map(|story| (program, story)));
    all.map(|(program, (name, story))| {
        Test::new(format!("reload::{program}::{name}"), move |lab: &Lab| story(lab, program))
    })
    .collect()
}

/// The bounds of a reload are seconds; this one leaves time for a machine that is slow.
const LIMIT: Duration = Duration::from_secs(10);

const THIRD_SERVER: &str = "192.168.219.113";
const THIRD_VIP: &str = "192.168.219.120";

struct Watched<'a> {
    scenario: &'a Scenario,
    master: Director,
    backup: Director,
    capture: Capture,
    monitor: Process,
}

/// Starts two directors, lets six requests pass, and begins to watch the master.
fn start<'a>(scenario: &'a Scenario, program: Implementation, config: &Config) -> Watched<'a> {
    let master = scenario.start_with(0, program, &config.text(), &[]);
    let backup = Config { priority: Scenario::PRIORITIES[1], ..config.clone() };
    let backup = scenario.start_with(1, program, &backup.text(), &[]);
    scenario.wait_addresses(0, true);
    scenario.wait_weights(0, [1, 1], LIMIT);
    assert_eq!(scenario.requests(6), [3, 3]);
    let host = &scenario.directors[0];
    let mut follow = host.command("ip");
    let monitor = host.start("ip monitor", follow.args(["-o", "monitor", "address"]));
    // It shows that it listens by a change of our own.
    wait_for("ip monitor to follow", LIMIT, || {
        host.try_run("ip address replace 192.0.2.1/32 dev lo")?;
        let log = monitor.log();
        if log.contains("192.0.2.1") { Ok(()) } else { Err(log) }
    });
    let capture = Capture::start(scenario.client.host());
    Watched { scenario, master, backup, capture, monitor }
}

impl Watched<'_> {
    /// Reloads both directors: a backup refuses adverts whose addresses are not its own.
    fn reload(&self, config: &Config) {
        self.backup.reload(&Config { priority: Scenario::PRIORITIES[1], ..config.clone() }.text());
        self.master.reload(&config.text());
    }

    /// The addresses of `eth0` that came and went since [`start`].
    fn address_changes(&self) -> Vec<String> {
        let lines = self.monitor.log();
        let changes = lines.lines().filter(|line| line.contains("eth0"));
        let word_after = |line: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "inet");
            words.nth(1).map(|address| {
                if line.contains("Deleted") { format!("-{address}") } else { format!("+{address}") }
            })
        };
        changes.filter_map(word_after).collect()
    }

    /// Nobody but the first director was master, and it never gave the addresses up.
    #[track_caller]
    fn assert_no_failover(&self) {
        for (at, advert) in self.capture.adverts() {
            let calm =
                advert.source.to_string() == "192.168.219.201" && advert.priority == Scenario::PRIORITIES[0];
            assert!(calm, "{advert:?} at {at:?}");
        }
    }

    /// The kernel has counted so many connections for the service. Its statistics lag up to two seconds behind, differently on
    /// each processor; a service that was made anew would begin at zero and never get there.
    #[track_caller]
    fn wait_connections(&self, wanted: u64, why: &str) {
        wait_for(why, LIMIT, || {
            let counted = self.connections();
            if counted == wanted { Ok(()) } else { Err(format!("{counted} instead of {wanted}")) }
        });
    }

    /// Connections that the kernel counted for the service.
    fn connections(&self) -> u64 {
        let text = self.scenario.directors[0].run("ipvsadm -Ln --stats --exact");
        let line = text.lines().find(|line| line.contains(Scenario::SERVICE));
        line.and_then(|line| line.split_whitespace().nth(2)?.parse().ok()).unwrap_or_else(|| panic!("{text}"))
    }
}

fn addition_disturbs_nothing(lab: &Lab, program: Implementation) {
    let scenario = Scenario::build(lab, VIPD);
    let _third = RealServer::start(lab.host("server3", &format!("{THIRD_SERVER}/24")), Scenario::VIP);
    let before = Config::with_priority(Scenario::PRIORITIES[0]);
    let watched = start(&scenario, program, &before);

    let mut after = before.clone();
    after.addresses.push("192.168.219.120/24");
    after.servers = vec![("192.168.219.111", 3), ("192.168.219.112", 1), (THIRD_SERVER, 2)];
    watched.reload(&after);

    scenario.wait_weights(0, [3, 1], LIMIT);
    wait_for("the third server and the third address", LIMIT, || {
        let table = Table::of(watched.master.host())?;
        let weight = table.weight(Scenario::SERVICE, &format!("{THIRD_SERVER}:3306"));
        let address = watched.master.host().has_address(THIRD_VIP);
        if (weight, address) == (Some(2), true) { Ok(()) } else { Err(format!("address {address}, {table}")) }
    });
    watched.capture.wait_advert("an advert with three addresses", Duration::ZERO, LIMIT, |advert| {
        advert.addresses.len() == 3
    });
    watched.assert_no_failover();
    assert_eq!(watched.address_changes(), [format!("+{THIRD_VIP}/24")]);
    watched.wait_connections(6, "the kernel's counters go on: the service is the same");
}

fn removal_disturbs_nothing_else(lab: &Lab, program: Implementation) {
    let scenario = Scenario::build(lab, VIPD);
    let _third = RealServer::start(lab.host("server3", &format!("{THIRD_SERVER}/24")), Scenario::VIP);
    let after = Config::with_priority(Scenario::PRIORITIES[0]);
    let mut before = after.clone();
    before.addresses.push("192.168.219.120/24");
    // It answers checks, but no request shall be sent there.
    before.servers.push((THIRD_SERVER, 0));
    let watched = start(&scenario, program, &before);
    wait_for("the third address", LIMIT, || {
        let addresses = watched.master.host().addresses();
        if watched.master.host().has_address(THIRD_VIP) { Ok(()) } else { Err(format!("{addresses:?}")) }
    });

    watched.reload(&after);
    wait_for("the third server and the third address to go", LIMIT, || {
        let table = Table::of(watched.master.host())?;
        let weight = table.weight(Scenario::SERVICE, &format!("{THIRD_SERVER}:3306"));
        let address = watched.master.host().has_address(THIRD_VIP);
        if (weight, address) == (None, false) { Ok(()) } else { Err(format!("address {address}, {table}")) }
    });
    watched.capture.wait_advert("an advert with two addresses", Duration::ZERO, LIMIT, |advert| {
        advert.addresses.len() == 2
    });
    watched.assert_no_failover();
    assert_eq!(watched.address_changes(), [format!("-{THIRD_VIP}/24")]);
    scenario.wait_weights(0, [1, 1], Duration::ZERO);
    watched.wait_connections(6, "the kernel's counters go on: the service is the same");
}

fn priority_moves_the_master(lab: &Lab, program: Implementation) {
    let scenario = Scenario::build(lab, VIPD);
    let watched = start(&scenario, program, &Config::with_priority(Scenario::PRIORITIES[0]));
    watched.reload(&Config::with_priority(90));
    scenario.wait_master(1);
    watched.reload(&Config::with_priority(150));
    scenario.wait_master(0);
    scenario.wait_weights(0, [1, 1], Duration::ZERO);
    watched.wait_connections(6, "the table has nothing to do with it");
}
