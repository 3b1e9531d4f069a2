//! FRR's vrrpd as the peer, both ways round: who is better takes over, gives way and comes back, and each hears what the
//! other one says. FRR neither makes interfaces nor sets addresses: it holds those of a macvlan down while it is a backup.

use super::VIPD;
use super::peers::tshark_reads;
use super::support::Implementation::Vipd;
use super::support::{Capture, Director, Frame, Host, Lab, Process, Test, wait_for};
use nix::sys::signal::Signal;
use nix::unistd::{User, chown};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// A way to speak.
#[derive(Clone, Copy, Debug)]
struct Way {
    name: &'static str,
    version: u8,
    addresses: &'static [&'static str],
    /// More lines of vipd's instance.
    lines: &'static str,
}

const V4: &[&str] = &["10.0.0.100/24", "10.0.0.101/24"];
const V6: &[&str] = &["fe80::100/64", "2001:db8::100/64"];

const WAYS: [Way; 5] = [
    Way { name: "version_2", version: 2, addresses: V4, lines: "" },
    Way { name: "version_3", version: 3, addresses: V4, lines: "" },
    Way { name: "vmac", version: 3, addresses: V4, lines: "  use_vmac\n" },
    Way { name: "ipv6", version: 3, addresses: V6, lines: "" },
    Way { name: "ipv6_vmac", version: 3, addresses: V6, lines: "  use_vmac\n" },
];

impl Way {
    fn is_v6(&self) -> bool {
        self.addresses[0].contains(':')
    }

    /// As FRR's log calls it.
    fn family(&self) -> &'static str {
        if self.is_v6() { "IPv6" } else { "IPv4" }
    }

    /// The last address, which is global.
    fn address(&self) -> &'static str {
        self.addresses[1].split('/').next().expect("an address")
    }

    fn config(&self, priority: u8, more: &str) -> String {
        let addresses: String = self.addresses.iter().map(|a| format!("    {a}\n")).collect();
        format!(
            "vrrp_instance VI {{\n  state BACKUP\n  interface eth0\n  virtual_router_id 7\n  version {}\n  priority {priority}\n  \
             advert_int 1\n{}{more}  virtual_ipaddress {{\n{addresses}  }}\n}}\n",
            self.version, self.lines
        )
    }
}

type Story = fn(&Lab, Way);

pub(crate) fn tests() -> Vec<Test> {
    let stories: [(&str, Story); 4] = [
        ("vipd_is_better", vipd_is_better),
        ("frr_is_better", frr_is_better),
        ("nobody_preempts_who_must_not", nopreempt),
        ("a_tracker_hands_over_and_back", tracked),
    ];
    // Version 2 has one interval for all.
    let learning: [(&str, Story); 2] =
        [("vipd_learns_the_interval", vipd_learns), ("frr_learns_the_interval", frr_learns)];
    let third = WAYS.into_iter().filter(|way| way.version == 3);
    let third = third.flat_map(|way| learning.map(|story| (way, story)));
    let tests = WAYS.into_iter().flat_map(|way| stories.map(|story| (way, story))).chain(third);
    let tests = tests.map(|(way, (name, story))| {
        Test::new(format!("frr::{}::{name}", way.name), move |lab: &Lab| story(lab, way))
    });
    tests.collect()
}

/// FRR on a host: zebra, which knows interfaces, and vrrpd.
struct Frr {
    host: Host,
    way: Way,
    folder: PathBuf,
    _zebra: Process,
    vrrpd: Process,
}

impl Frr {
    /// Makes the interface that it wants, and starts both.
    #[track_caller]
    fn start(lab: &Lab, host: &Host, way: Way, priority: u8, more: &str) -> Frr {
        let kind = if way.is_v6() { 2 } else { 1 };
        host.configure(&[
            &format!("link add vrrp7 link eth0 address 00:00:5e:00:0{kind}:07 type macvlan mode bridge"),
            "link set vrrp7 up",
        ]);
        for address in way.addresses {
            let nodad = if way.is_v6() { "nodad" } else { "" };
            host.run(&format!("ip address add {address} dev vrrp7 {nodad}"));
        }
        // Both run as a user of their own, who has to get at their files.
        let folder = host.file("frr");
        let user = User::from_name("frr").expect("read the users").expect("FRR's user");
        fs::set_permissions(lab.dir(), fs::Permissions::from_mode(0o711)).expect("open the folder");
        fs::create_dir(&folder).expect("make a folder");
        fs::create_dir(folder.join("vty")).expect("make a folder");
        let family = if way.is_v6() { "ipv6" } else { "ip" };
        let addresses = way.addresses.iter().map(|a| a.split('/').next().expect("an address"));
        let addresses: String = addresses.map(|a| format!(" vrrp 7 {family} {a}\n")).collect();
        let vrrpd = format!(
            "log stdout\ninterface eth0\n vrrp 7 version {}\n vrrp 7 priority {priority}\n \
             vrrp 7 advertisement-interval 1000\n{more}{addresses}",
            way.version
        );
        for (name, text) in [("zebra", "log stdout\n"), ("vrrpd", &vrrpd)] {
            fs::write(folder.join(format!("{name}.conf")), text).expect("write a configuration");
        }
        for path in [&folder, &folder.join("vty"), &folder.join("zebra.conf"), &folder.join("vrrpd.conf")] {
            chown(path, Some(user.uid), Some(user.gid)).expect("give it to FRR");
        }
        let zebra = daemon(host, &folder, "zebra");
        wait_for("zebra's socket", LIMIT, || {
            if folder.join("zebra.sock").exists() { Ok(()) } else { Err(zebra.log()) }
        });
        let vrrpd = daemon(host, &folder, "vrrpd");
        Frr { host: host.clone(), way, folder, _zebra: zebra, vrrpd }
    }

    /// Waits until vrrpd has said so often that it goes from one state to another one.
    #[track_caller]
    fn goes(&self, transition: &str, times: usize) {
        let line = format!("[VRID 7] [{}] {transition}", self.way.family());
        wait_for(format_args!("{line}, {times} times"), LIMIT, || {
            let log = self.vrrpd.log();
            if log.matches(&line).count() >= times { Ok(()) } else { Err(log) }
        });
    }

    /// So often it has said so.
    fn went(&self, transition: &str) -> usize {
        self.vrrpd.log().matches(&format!("[VRID 7] [{}] {transition}", self.way.family())).count()
    }

    /// Ends vrrpd, which says goodbye.
    #[track_caller]
    fn stop(&self) {
        self.vrrpd.signal(Signal::SIGTERM);
        self.vrrpd.wait_exit(LIMIT);
    }

    fn restart(&mut self) {
        self.vrrpd = daemon(&self.host, &self.folder, "vrrpd");
    }
}

fn daemon(host: &Host, folder: &Path, name: &str) -> Process {
    let mut command = host.command(format!("/usr/lib/frr/{name}"));
    command.arg("-f").arg(folder.join(format!("{name}.conf")));
    command.arg("-i").arg(folder.join(format!("{name}.pid")));
    command.arg("-z").arg(folder.join("zebra.sock"));
    command.arg("--vty_socket").arg(folder.join("vty")).args(["-P", "0"]);
    host.start(name, &mut command)
}

/// Two hosts, and a capture of what passes the first one's interface, where vipd is.
struct Stage {
    one: Host,
    two: Host,
    way: Way,
    capture: Capture,
}

impl Stage {
    fn build(lab: &Lab, way: Way) -> Stage {
        let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
        if way.is_v6() {
            one.configure(&["address add 2001:db8::1/64 dev eth0 nodad"]);
            two.configure(&["address add 2001:db8::2/64 dev eth0 nodad"]);
        }
        let capture = Capture::start(&one);
        Stage { one, two, way, capture }
    }

    fn vipd(&self, priority: u8, more: &str) -> Director {
        Director::start(Vipd, &self.one, Path::new(VIPD), &self.way.config(priority, more), &["-P"])
    }

    /// Waits until vipd has the addresses, or has them no more.
    #[track_caller]
    fn holds(&self, expected: bool) {
        let address = self.way.address();
        wait_for(format_args!("{address}: {expected}"), LIMIT, || {
            let shown = self.one.run("ip -o address show");
            if shown.contains(&format!(" {address}/")) == expected { Ok(()) } else { Err(shown) }
        });
    }

    /// Waits for five adverts of whoever is the master: a backup that did not believe them would have taken over.
    #[track_caller]
    fn five_adverts(&self) {
        let is_advert = |frame: &&Frame| {
            let bytes = &frame.bytes;
            match bytes.get(12..14) {
                Some([0x08, 0x00]) => bytes.get(23) == Some(&112),
                Some([0x86, 0xdd]) => bytes.get(20) == Some(&112),
                _ => false,
            }
        };
        let count = || self.capture.frames().iter().filter(is_advert).count();
        let before = count();
        wait_for("five more adverts", LIMIT, || {
            let more = count() - before;
            if more >= 5 { Ok(()) } else { Err(format!("{more}")) }
        });
    }

    fn end(&self) {
        tshark_reads(&self.capture, &self.one.file("adverts.pcap"), false);
    }
}

fn master_states(director: &Director) -> usize {
    director.process().log().matches("Entering MASTER STATE").count()
}

fn vipd_is_better(lab: &Lab, way: Way) {
    let stage = Stage::build(lab, way);
    let frr = Frr::start(lab, &stage.two, way, 100, "");
    frr.goes("Backup -> Master", 1);
    let vipd = stage.vipd(150, "");
    frr.goes("Master -> Backup", 1);
    stage.holds(true);
    stage.five_adverts();
    assert_eq!((frr.went("Backup -> Master"), master_states(&vipd)), (1, 1), "{}", vipd.process().log());
    vipd.terminate();
    frr.goes("Backup -> Master", 2);
    let vipd = stage.vipd(150, "");
    frr.goes("Master -> Backup", 2);
    stage.holds(true);
    // Without a goodbye.
    vipd.kill();
    frr.goes("Backup -> Master", 3);
    stage.end();
}

fn frr_is_better(lab: &Lab, way: Way) {
    let stage = Stage::build(lab, way);
    let vipd = stage.vipd(100, "");
    stage.holds(true);
    let mut frr = Frr::start(lab, &stage.two, way, 200, "");
    frr.goes("Backup -> Master", 1);
    stage.holds(false);
    stage.five_adverts();
    assert_eq!((frr.went("Backup -> Master"), master_states(&vipd)), (1, 1), "{}", vipd.process().log());
    frr.stop();
    stage.holds(true);
    frr.restart();
    frr.goes("Backup -> Master", 2);
    stage.holds(false);
    // Without a goodbye.
    frr.vrrpd.kill_tree();
    stage.holds(true);
    assert_eq!(master_states(&vipd), 3, "{}", vipd.process().log());
    stage.end();
}

fn nopreempt(lab: &Lab, way: Way) {
    let stage = Stage::build(lab, way);
    let frr = Frr::start(lab, &stage.two, way, 100, "");
    frr.goes("Backup -> Master", 1);
    let vipd = stage.vipd(150, "  nopreempt\n");
    stage.five_adverts();
    assert_eq!((frr.went("Master -> Backup"), master_states(&vipd)), (0, 0), "{}", vipd.process().log());
    frr.stop();
    stage.holds(true);
    drop(frr);
    stage.two.run("ip link delete vrrp7");
    fs::remove_dir_all(stage.two.file("frr")).expect("remove a folder");
    let frr = Frr::start(lab, &stage.two, way, 200, " no vrrp 7 preempt\n");
    stage.five_adverts();
    // Its log goes on: once is from before.
    assert_eq!((frr.went("Backup -> Master"), master_states(&vipd)), (1, 1), "{}", vipd.process().log());
    vipd.terminate();
    frr.goes("Backup -> Master", 2);
    stage.end();
}

fn tracked(lab: &Lab, way: Way) {
    let stage = Stage::build(lab, way);
    let number = stage.one.file("number");
    fs::write(&number, "0\n").expect("write a file");
    let more = "  track_file {\n    F weight 1\n  }\n";
    let file = format!("vrrp_track_file F {{\n  file {}\n}}\n", number.display());
    let frr = Frr::start(lab, &stage.two, way, 100, "");
    let config = file + &way.config(150, more);
    let _vipd = Director::start(Vipd, &stage.one, Path::new(VIPD), &config, &["-P"]);
    stage.holds(true);
    stage.five_adverts();
    fs::write(&number, "-80\n").expect("write a file");
    frr.goes("Backup -> Master", 1);
    stage.holds(false);
    fs::write(&number, "-20\n").expect("write a file");
    stage.holds(true);
    frr.goes("Master -> Backup", 1);
    stage.end();
}

/// Version 3: a backup waits as long as the master's interval says (RFC 9568 §6.4.2), whatever its own is.
fn vipd_learns(lab: &Lab, way: Way) {
    let stage = Stage::build(lab, way);
    let frr = Frr::start(lab, &stage.two, way, 200, " vrrp 7 advertisement-interval 100\n");
    frr.goes("Backup -> Master", 1);
    let vipd = stage.vipd(100, "");
    wait_for("vipd to learn the interval", LIMIT, || {
        let log = vipd.process().log();
        if log.contains("advertisement interval updated from 1s to 100ms by master") {
            Ok(())
        } else {
            Err(log)
        }
    });
    stage.five_adverts();
    assert_eq!((frr.went("Master -> Backup"), master_states(&vipd)), (0, 0), "{}", vipd.process().log());
    frr.vrrpd.kill_tree();
    stage.holds(true);
    stage.end();
}

fn frr_learns(lab: &Lab, way: Way) {
    let stage = Stage::build(lab, way);
    let config = way.config(150, "").replace("advert_int 1", "advert_int 0.1");
    let vipd = Director::start(Vipd, &stage.one, Path::new(VIPD), &config, &["-P"]);
    stage.holds(true);
    let frr = Frr::start(lab, &stage.two, way, 100, "");
    wait_for("FRR to learn the interval", LIMIT, || {
        let mut vtysh = stage.two.command("vtysh");
        let vtysh = vtysh.arg("--vty_socket").arg(frr.folder.join("vty")).args(["-c", "show vrrp"]);
        let output = vtysh.output().map_err(|error| error.to_string())?;
        let shown = String::from_utf8_lossy(&output.stdout);
        let learnt = |line: &str| line.contains("Master Advertisement Interval") && line.contains(" 100 ms");
        if shown.lines().any(learnt) { Ok(()) } else { Err(shown.into_owned()) }
    });
    stage.five_adverts();
    assert_eq!((frr.went("Backup -> Master"), master_states(&vipd)), (0, 1), "{}", vipd.process().log());
    vipd.kill();
    frr.goes("Backup -> Master", 1);
    stage.end();
}
