//! What a master puts on the wire: advertisements as tshark reads them, gratuitous ARPs and their times.

mod kinds;

use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::{Capture, Config, Director, Lab, Scenario, Test, Waited, checked, wait_for};
use std::process::Command;
use std::time::Duration;

const IMPLEMENTATIONS: [Implementation; 2] = [Vipd, Keepalived];

/// What happens to one director of that program, on the network that was built for it.
type Story = fn(&Scenario, Implementation);

pub(crate) fn tests() -> Vec<Test> {
    let stories: [(&str, Story); 3] = [
        ("adverts_are_valid", adverts_are_valid),
        ("addresses_are_announced_twice", addresses_are_announced_twice),
        ("backup_waits_for_skew_only", backup_waits_for_skew_only),
    ];
    let all = IMPLEMENTATIONS.into_iter().flat_map(|program| stories.map(|story| (program, story)));
    let all = all.map(|(program, (name, story))| {
        Test::new(format!("wire::{program}::{name}"), move |lab: &Lab| {
            story(&Scenario::build(lab, VIPD), program)
        })
    });
    all.chain(kinds::tests()).collect()
}

/// Starts a director that does only VRRP.
#[track_caller]
fn start(scenario: &Scenario, which: usize, program: Implementation) -> Director {
    let config = Config::with_priority(Scenario::PRIORITIES[which]).vrrp();
    scenario.start_with(which, program, &config, &["-P"])
}

fn adverts_are_valid(scenario: &Scenario, program: Implementation) {
    let capture = Capture::start(scenario.client.host());
    let master = start(scenario, 0, program);
    wait_for("three adverts", Scenario::FAILOVER_LIMIT, || -> Waited<()> {
        let count = capture.adverts().len();
        if count >= 3 { Ok(()) } else { Err(format!("{count}")) }
    });
    master.terminate();
    capture.wait_advert("the last advert", Duration::ZERO, Scenario::FAILOVER_LIMIT, |advert| {
        advert.priority == 0
    });

    let file = scenario.client.host().file("adverts.pcap");
    capture.save(&file).expect("save the capture");
    let fields = [
        "eth.src",
        "eth.dst",
        "ip.src",
        "ip.dst",
        "ip.ttl",
        "ip.dsfield",
        "ip.checksum.status",
        "vrrp.version",
        "vrrp.virt_rtr_id",
        "vrrp.prio",
        "vrrp.adver_int",
        "vrrp.auth_type",
        "vrrp.auth_string",
        "vrrp.ip_addr",
        "vrrp.checksum.status",
        "_ws.expert.message",
        "_ws.malformed",
    ];
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&file).args(["-n", "-Y", "vrrp", "-T", "fields", "-E", "separator=|"]);
    tshark.args(["-o", "ip.check_checksum:TRUE"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = checked(&mut tshark);
    // 1 is tshark's word for a good checksum.
    let advert = |priority: u8| {
        format!(
            "{}|01:00:5e:00:00:12|192.168.219.201|224.0.0.18|255|0xc0|1|2|230|{priority}|1|1|himitsu|\
             192.168.219.230,192.168.219.119|1||",
            master.host().mac(),
        )
    };
    let lines: Vec<_> = output.lines().map(str::to_owned).collect();
    let (last, others) = lines.split_last().expect("adverts");
    assert!(others.len() >= 3, "{lines:#?}");
    for line in others {
        assert_eq!(*line, advert(150));
    }
    assert_eq!(*last, advert(0), "the last one gives the addresses up");
}

/// Five gratuitous ARPs for each address at the transition, and five more after `garp_master_delay`.
fn addresses_are_announced_twice(scenario: &Scenario, program: Implementation) {
    let capture = Capture::start(scenario.client.host());
    let master = start(scenario, 0, program);
    let count = |vip: &str| {
        let arps = capture.gratuitous_arps();
        arps.iter().filter(|(_, arp)| arp.sender.to_string() == vip).count()
    };
    wait_for(
        "twenty gratuitous ARPs",
        Scenario::FAILOVER_LIMIT + Duration::from_secs(5),
        || -> Waited<()> {
            let counts = Scenario::VIPS.map(count);
            if counts == [10, 10] { Ok(()) } else { Err(format!("{counts:?}")) }
        },
    );
    let (first_advert, _) =
        capture.wait_advert("an advert", Duration::ZERO, Duration::ZERO, |advert| advert.priority == 150);
    for vip in Scenario::VIPS {
        let arps = capture.gratuitous_arps();
        let arps: Vec<_> = arps.iter().filter(|(_, arp)| arp.sender.to_string() == vip).collect();
        assert!(arps.iter().all(|(_, arp)| arp.sender_mac == master.host().mac()), "{arps:?}");
        // The first ones are due at once, the others after five seconds: a machine may be late with either.
        let (burst, later) = arps.split_at(5);
        let after = |at: &Duration| at.saturating_sub(first_advert);
        let border = Duration::from_secs(3);
        assert!(burst.iter().all(|(at, _)| after(at) < border), "{vip}: {burst:?} after {first_advert:?}");
        assert!(later.iter().all(|(at, _)| after(at) > border), "{vip}: {later:?} after {first_advert:?}");
    }
    assert!(first_advert <= capture.gratuitous_arps()[0].0, "first the advert, then the announcements");
}

/// Told that the master goes, the backup waits for its skew time, not for the whole interval.
fn backup_waits_for_skew_only(scenario: &Scenario, program: Implementation) {
    let [master, _backup] = [0, 1].map(|which| start(scenario, which, program));
    scenario.wait_master(0);
    let capture = Capture::start(scenario.client.host());
    master.terminate();
    let (goodbye, _) =
        capture.wait_advert("the goodbye", Duration::ZERO, Scenario::FAILOVER_LIMIT, |advert| {
            advert.priority == 0 && advert.source.to_string() == "192.168.219.201"
        });
    let (first, _) = capture.wait_advert("the new master", goodbye, Scenario::FAILOVER_LIMIT, |advert| {
        advert.priority == 100 && advert.source.to_string() == "192.168.219.202"
    });
    // (256 - 100) / 256 s of skew, and however late the machine is; without the goodbye three seconds more.
    let waited = first - goodbye;
    assert!(waited > Duration::from_millis(600) && waited < Duration::from_secs(3), "{waited:?}");
}
