//! A configuration that chance writes and changes, and the peer's.

use super::random::Random;
use std::fmt::Write as _;
use std::iter;

/// What an instance tracks of a script: its name, and the weight that it gives it.
type Tracked = Vec<(&'static str, Option<i64>)>;

#[derive(Debug)]
struct Instance {
    name: String,
    is_member: bool,
    vrid: u64,
    interface: &'static str,
    is_v6: bool,
    version: u64,
    is_unicast: bool,
    has_password: bool,
    priority: u64,
    state: &'static str,
    nopreempt: bool,
    preempt_delay: u64,
    vmac: bool,
    xmit_base: bool,
    /// `advert_int`: the same on both routers.
    interval: &'static str,
    addresses: &'static [u64],
    /// What stands behind the first address.
    address_options: &'static str,
    /// A line that the host under test has alone.
    option: &'static str,
    elsewhere: bool,
    excluded: bool,
    /// What stands behind a route's destination; none without it.
    route: Option<&'static str>,
    rule: bool,
    scripts: Tracked,
    file: Option<i64>,
    other_interface: Option<i64>,
}

#[derive(Debug)]
struct Script {
    name: &'static str,
    weight: i64,
    fall: u64,
    rise: u64,
}

/// The configuration of the host under test.
#[derive(Debug)]
pub(super) struct Setup {
    instances: Vec<Instance>,
    made: u64,
    scripts: [Script; 2],
    file_weight: i64,
    group: bool,
    tracking_weight: bool,
    group_script: Option<&'static str>,
    /// What else the group tracks.
    group_tracks: &'static str,
    dynamic_interfaces: bool,
    priority_changes: bool,
}

const PRIORITIES: [u64; 7] = [90, 100, 110, 125, 150, 150, 200];
const ADDRESSES: [&[u64]; 5] = [&[1], &[1], &[1, 2], &[2], &[1, 3]];
const WEIGHTS: [i64; 5] = [0, 0, 10, -30, 50];
const ADDRESS_OPTIONS: [&str; 5] = ["", "", " scope link", " label eth0:v", " no_track"];
const OPTIONS: [&str; 7] = [
    "",
    "",
    "",
    "dont_track_primary",
    "skip_check_adv_addr",
    "promote_secondaries",
    "higher_prio_send_advert",
];
const ROUTES: [Option<&str>; 6] = [
    None,
    None,
    None,
    Some("dev eth0"),
    Some("dev eth1 table 100 metric 7"),
    Some("dev eth1 scope link no_track"),
];
const GROUP_TRACKS: [&str; 5] = [
    "",
    "",
    "track_interface {\n  eth1\n }",
    "track_interface {\n  eth1 weight -20\n }",
    "track_file {\n  number weight 1\n }",
];

impl Setup {
    pub(super) fn new(random: &mut Random) -> Setup {
        let mut setup = Setup {
            instances: Vec::new(),
            made: 0,
            scripts: ["s0", "s1"].map(|name| Script {
                name,
                weight: random.pick(&WEIGHTS),
                fall: random.pick(&[1, 1, 2]),
                rise: random.pick(&[1, 1, 2]),
            }),
            file_weight: random.pick(&[0, 1, 2, -3]),
            group: random.percent(50),
            tracking_weight: random.percent(30),
            group_script: None,
            group_tracks: random.pick(&GROUP_TRACKS),
            dynamic_interfaces: random.percent(30),
            priority_changes: random.percent(70),
        };
        for _ in 0..random.within(1, 3) {
            setup.add(random);
        }
        setup.group &= setup.instances.len() > 1;
        // Those of the start. That one joins a group which is master is a story of its own.
        setup.instances.iter_mut().for_each(|one| one.is_member = true);
        if setup.group && random.percent(40) {
            // keepalived waits for ever for a script that the group and a member of it track.
            let script = random.pick(&["s0", "s1"]);
            setup.group_script = Some(script);
            setup.instances.iter_mut().for_each(|one| one.scripts.retain(|(name, _)| *name != script));
        }
        setup
    }

    fn add(&mut self, random: &mut Random) {
        let is_v6 = random.percent(30);
        let interface = random.pick(&["eth0", "eth0", "eth1"]);
        let version = if is_v6 { 3 } else { random.pick(&[2, 2, 3]) };
        let nopreempt = random.percent(25);
        let other = if interface == "eth1" {
            None
        } else {
            random.pick(&[None, None, None, Some(0), Some(30), Some(-30)])
        };
        self.instances.push(Instance {
            name: format!("V{}", self.made),
            is_member: false,
            vrid: 10 + self.made,
            interface,
            is_v6,
            version,
            is_unicast: !is_v6 && random.percent(15),
            has_password: version == 2 && random.percent(20),
            priority: random.pick(&PRIORITIES),
            state: if nopreempt { "BACKUP" } else { random.pick(&["MASTER", "BACKUP", "BACKUP"]) },
            nopreempt,
            preempt_delay: random.pick(&[0, 0, 0, 2]),
            vmac: random.percent(30),
            xmit_base: random.percent(25),
            interval: if version == 3 { random.pick(&["1", "1", "0.4"]) } else { "1" },
            addresses: random.pick(&ADDRESSES),
            address_options: if is_v6 { "" } else { random.pick(&ADDRESS_OPTIONS) },
            option: random.pick(&OPTIONS),
            elsewhere: random.percent(20),
            excluded: random.percent(30),
            route: random.pick(&ROUTES),
            rule: random.percent(20),
            scripts: self.some_scripts(random),
            file: random.pick(&[None, None, Some(1), Some(-2), Some(0)]),
            other_interface: other,
        });
        self.made += 1;
    }

    fn some_scripts(&self, random: &mut Random) -> Tracked {
        let mut tracked = Tracked::new();
        for name in ["s0", "s1"] {
            if random.percent(35) && self.group_script != Some(name) {
                tracked.push((name, random.pick(&[None, None, Some(20), Some(-20), Some(0)])));
            }
        }
        tracked
    }

    /// Changes something, and says what.
    pub(super) fn change(&mut self, random: &mut Random) -> String {
        let scripts = self.some_scripts(random);
        let count = self.instances.len() as u64;
        let at = random.within(0, count - 1) as usize;
        let one = &mut self.instances[at];
        let name = one.name.clone();
        // Another virtual router in its place would join the group.
        let in_group = self.group && one.is_member;
        let what = match random.within(1, 22) {
            20 => {
                one.option = random.pick(&OPTIONS);
                "option"
            }
            21 if !one.is_v6 => {
                one.address_options = random.pick(&ADDRESS_OPTIONS);
                "options of an address"
            }
            1 => {
                one.priority = random.pick(&PRIORITIES);
                "priority"
            }
            2..=4 => {
                one.addresses = random.pick(&ADDRESSES);
                "addresses"
            }
            5 => {
                one.excluded = !one.excluded;
                "excluded address"
            }
            6 => {
                one.route = random.pick(&ROUTES);
                "route"
            }
            7 => {
                one.rule = !one.rule;
                "rule"
            }
            8 => {
                one.nopreempt = !one.nopreempt;
                one.state = "BACKUP";
                "nopreempt"
            }
            9 => {
                one.preempt_delay = random.pick(&[0, 2]);
                "preempt_delay"
            }
            10 => {
                one.scripts = scripts;
                "tracked scripts"
            }
            11 => {
                one.file = random.pick(&[None, Some(1), Some(-2), Some(0)]);
                "tracked file"
            }
            12 if one.interface == "eth0" => {
                one.other_interface = random.pick(&[None, Some(0), Some(30), Some(-30)]);
                "tracked interface"
            }
            // A unicast instance with a VMAC, and without: a story of its own.
            13 | 14 if !one.is_unicast && !in_group => {
                one.vmac = !one.vmac;
                "VMAC"
            }
            15 => {
                one.name += "n";
                "name"
            }
            16 if !in_group => {
                one.vrid += 20;
                "VRID"
            }
            17 if !in_group => {
                one.interface = if one.interface == "eth0" { "eth1" } else { "eth0" };
                one.other_interface = None;
                "interface"
            }
            18 if count < 4 => {
                self.add(random);
                "one more than"
            }
            19 if count > 1 => {
                self.instances.remove(at);
                "removal"
            }
            _ => {
                self.scripts[0].weight = random.pick(&WEIGHTS);
                "weight of s0, not"
            }
        };
        self.group &= self.instances.iter().filter(|one| one.is_member).count() > 1;
        format!("{what} {name}")
    }

    /// The configuration of the host under test.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        text += "global_defs {\n";
        if self.priority_changes {
            text += " vrrp_notify_priority_changes true\n";
        }
        if self.dynamic_interfaces {
            text += " dynamic_interfaces\n";
        }
        text += "}\n";
        for Script { name, weight, fall, rise } in &self.scripts {
            let _ = writeln!(
                text,
                "vrrp_script {name} {{\n script {{dir}}{name}\n interval 1\n weight {weight}\n fall {fall}\n rise {rise}\n}}"
            );
        }
        let _ = writeln!(text, "track_file number {{\n file {{dir}}number\n weight {}\n}}", self.file_weight);
        if self.group {
            let names: String = self
                .instances
                .iter()
                .filter(|one| one.is_member)
                .map(|one| format!("  {}\n", one.name))
                .collect();
            let _ = writeln!(text, "vrrp_sync_group G {{\n group {{\n{names} }}\n {{notify}}");
            if self.tracking_weight {
                text += " sync_group_tracking_weight\n";
            }
            if let Some(script) = self.group_script {
                let _ = writeln!(text, " track_script {{\n  {script}\n }}");
            }
            let _ = writeln!(text, " {}\n}}", self.group_tracks);
        }
        self.instances.iter().for_each(|one| one.write(&mut text));
        text
    }

    /// The peer's, with the same virtual routers, and nothing but the addresses.
    pub(super) fn peer(&self, priority: u64) -> String {
        let mut text = String::new();
        for one in &self.instances {
            one.write_router(&mut text, ["10.0.0.2", "10.0.0.1"]);
            let _ = writeln!(text, " state BACKUP\n priority {priority}\n}}");
        }
        text
    }
}

impl Instance {
    /// Only one of IPv4 has a network: the kernel removes secondary addresses with their primary one, and keepalived lets
    /// them go.
    fn address(&self, n: u64) -> String {
        let net = if self.interface == "eth0" { 20 } else { 21 };
        match (self.is_v6, n) {
            (true, _) => format!("2001:db8:{}::{n}/64", self.vrid),
            (false, 1) => format!("10.{net}.{}.1/24", self.vrid),
            (false, _) => format!("10.{net}.{}.{n}/32", self.vrid),
        }
    }

    /// What both routers have: all but the end of the block.
    fn write_router(&self, text: &mut String, [source, peer]: [&str; 2]) {
        let Instance { name, interface, vrid, version, interval, .. } = self;
        let _ = writeln!(
            text,
            "vrrp_instance {name} {{\n interface {interface}\n virtual_router_id {vrid}\n version {version}\n advert_int {interval}"
        );
        if self.is_unicast {
            let net = if self.interface == "eth0" { "10.0." } else { "10.1." };
            let [source, peer] = [source, peer].map(|address| address.replace("10.0.", net));
            let _ = writeln!(text, " unicast_src_ip {source}\n unicast_peer {{\n  {peer}\n }}");
        }
        if self.has_password && self.version == 2 {
            text.push_str(" authentication {\n  auth_type PASS\n  auth_pass secret\n }\n");
        }
        text.push_str(" virtual_ipaddress {\n");
        if self.is_v6 {
            let _ = writeln!(text, "  fe80::{}/64", self.vrid);
        }
        for (n, options) in
            self.addresses.iter().zip([self.address_options].into_iter().chain(iter::repeat("")))
        {
            let _ = writeln!(text, "  {}{options}", self.address(*n));
        }
        if self.elsewhere {
            let other = if self.interface == "eth0" { "eth1" } else { "eth0" };
            let _ = writeln!(text, "  {} dev {other}", self.address(7));
        }
        text.push_str(" }\n");
        if self.excluded {
            let _ = writeln!(text, " virtual_ipaddress_excluded {{\n  {}\n }}", self.address(9));
        }
    }

    fn write(&self, text: &mut String) {
        let vrid = self.vrid;
        self.write_router(text, ["10.0.0.1", "10.0.0.2"]);
        let _ = writeln!(
            text,
            " state {}\n priority {}\n {{notify}}\n {}",
            self.state, self.priority, self.option
        );
        if self.nopreempt {
            text.push_str(" nopreempt\n");
        }
        if self.preempt_delay > 0 {
            let _ = writeln!(text, " preempt_delay {}", self.preempt_delay);
        }
        if self.vmac {
            let _ = writeln!(text, " use_vmac vr{vrid}");
            if self.xmit_base {
                text.push_str(" vmac_xmit_base\n");
            }
        }
        if let Some(options) = self.route {
            let to =
                if self.is_v6 { format!("2001:db8:f{vrid}::/48") } else { format!("172.16.{vrid}.0/24") };
            let _ = writeln!(text, " virtual_routes {{\n  {to} {options}\n }}");
        }
        if self.rule && !self.is_v6 {
            let _ =
                writeln!(text, " virtual_rules {{\n  from 10.99.{vrid}.0/24 table 100 priority 2{vrid}\n }}");
        }
        let weight =
            |weight: Option<i64>| weight.map_or_else(String::new, |weight| format!(" weight {weight}"));
        if !self.scripts.is_empty() {
            text.push_str(" track_script {\n");
            for (name, of) in &self.scripts {
                let _ = writeln!(text, "  {name}{}", weight(*of));
            }
            text.push_str(" }\n");
        }
        if let Some(of) = self.file {
            let _ = writeln!(text, " track_file {{\n  number weight {of}\n }}");
        }
        if let Some(of) = self.other_interface {
            let of = weight((of != 0).then_some(of));
            let _ = writeln!(text, " track_interface {{\n  eth1{of}\n }}");
        }
        text.push_str("}\n");
    }
}
