use crate::conf::{InterfaceKind, LoadOptions, Loaded, load_text};
use crate::vrrp::config::{Tracked, Tracking, Weight};

const KNOWN: &str = "vrrp_script s {\nscript /s\nweight 5 reverse\n}\ntrack_file f {\nfile /f\nweight 2\n}\nvrrp_track_process p {\nprocess p\nweight -7\n}\nbfd_instance b {\nneighbor_ip 10.0.0.9\nweight 4\n}\n";

fn load(known: &str, lines: &str) -> Loaded {
    let ask = |name: &str| {
        let missing = name == "eth9";
        Some(if missing { InterfaceKind::Missing } else { InterfaceKind::Usable { mtu: 1500 } })
    };
    let text = format!(
        "{known}vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n10.0.0.1/24\n}}\n{lines}\n}}\n"
    );
    load_text("keepalived.conf", text, &LoadOptions { interfaces: Some(&ask), ..LoadOptions::default() })
}

/// The codes of what is wrong, in the order of the text, and what is tracked.
fn tracking(lines: &str) -> (Vec<&'static str>, Tracking) {
    let loaded = load(KNOWN, lines);
    let codes = loaded.diagnostics.iter().map(|d| d.code.id).filter(|id| *id != "V0901").collect();
    (codes, (*loaded.config.unwrap().vrrp.instances.remove(0).tracking).clone())
}

fn tracked(name: &str, value: i16, reverse: bool) -> Tracked {
    Tracked { name: name.into(), weight: Weight { value, reverse } }
}

#[test]
fn the_weight_is_that_of_what_is_tracked() {
    let lines = "track_script {\ns\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}\ntrack_bfd {\nb\n}\ntrack_interface {\neth1\n}";
    let expected = Tracking {
        interfaces: vec![tracked("eth1", 0, false)],
        scripts: vec![tracked("s", 5, true)],
        files: vec![tracked("f", 2, false)],
        processes: vec![tracked("p", -7, false)],
        virtual_servers: Vec::new(),
        bfds: vec![tracked("b", 4, false)],
    };
    assert_eq!(tracking(lines), (vec![], expected));
}

#[test]
fn a_line_can_say_another_weight() {
    let scripts = |line: &str| tracking(&format!("track_script {{\n{line}\n}}")).1.scripts;
    assert_eq!(scripts("s weight -10"), [tracked("s", -10, true)]);
    assert_eq!(scripts("s weight 0 noreverse"), [tracked("s", 0, false)]);
    let interfaces = tracking("track_interface {\neth1 weight 10 reverse\neth2\n}").1.interfaces;
    assert_eq!(interfaces, [tracked("eth1", 10, true), tracked("eth2", 0, false)]);
}

#[test]
fn weights_have_their_ranges() {
    let of = |lines: &str| tracking(lines);
    let (codes, found) = of("track_script {\ns weight 254\n}\ntrack_interface {\neth1 weight -254\n}");
    assert_eq!(codes, ["V0210", "V0210"]);
    assert_eq!((found.scripts[0].weight.value, found.interfaces[0].weight.value), (253, -253));
    let (codes, found) = of("track_file {\nf weight -254\n}\ntrack_process {\np weight 254\n}");
    assert_eq!((codes, found.files[0].weight.value, found.processes[0].weight.value), (vec![], -254, 254));
    // Out of range: the weight of what is tracked.
    let (codes, found) = of("track_bfd {\nb weight 254\n}\ntrack_script {\ns weight 255\n}");
    assert_eq!(
        (codes, found.bfds, found.scripts),
        (vec!["V0204"; 2], vec![tracked("b", 4, false)], vec![tracked("s", 5, true)])
    );
}

#[test]
fn lines_that_keepalived_leaves_out_are_left_out() {
    for (lines, code) in [
        ("track_script {\nz\n}", "V0601"),
        ("track_script {\ns weihgt 3\n}", "V0207"),
        ("track_script {\ns weight\n}", "V0203"),
        ("track_file {\nf weight 3 reversed\n}", "V0207"),
        ("track_process {\ns\n}", "V0601"),
        ("track_bfd {\nz\n}", "V0601"),
        ("track_interface {\neth0 weight 5\n}", "V0612"),
    ] {
        assert_eq!(tracking(lines), (vec![code], Tracking::default()), "{lines}");
    }
}

#[test]
fn an_interface_that_is_missing_is_tracked_from_when_it_appears() {
    let (codes, found) = tracking("track_interface {\neth9\n}");
    assert_eq!((codes, found.interfaces), (vec!["V0312"], vec![tracked("eth9", 0, false)]));
}

#[test]
fn the_first_of_two_lines_counts() {
    let (codes, found) = tracking("track_script {\ns\n}\ntrack_script {\ns weight 9\n}");
    assert_eq!((codes, found.scripts), (vec!["V0602"], vec![tracked("s", 5, true)]));
}

#[test]
fn what_is_tracked_must_be_defined_before() {
    let text = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1/24\n}\ntrack_script {\ns\n}\n}\nvrrp_script s {\nscript /s\n}\n";
    let loaded = load_text("keepalived.conf", text, &LoadOptions::default());
    let said = loaded.diagnostics.iter().find(|d| d.code.id == "V0601").unwrap();
    assert_eq!(said.secondary.len(), 1);
    assert_eq!(loaded.test_status(), 5);
}

#[test]
fn a_virtual_server_is_tracked_by_either_name_wherever_it_stands() {
    let vs = "virtual_server 10.9.0.1 80 {\nsnmp_name web\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.9.1.1 80 {\n}\n}\n";
    let of = |names: &str| {
        let lines = format!("track_virtual_server {{\n{names}\n}}\n}}\n{vs}vrrp_script end {{\nscript /s");
        let loaded = load("", &lines);
        let unknown: Vec<String> = loaded
            .diagnostics
            .iter()
            .filter(|d| d.message.contains("virtual server `"))
            .map(|d| format!("{} ({})", d.message, d.help.as_deref().unwrap_or_default()))
            .collect();
        let mut config = loaded.config.unwrap();
        let tracked = config.vrrp.instances.remove(0).tracking.virtual_servers.clone();
        (unknown, tracked, config.check.virtual_servers[0].is_tracked)
    };
    let by_log = || vec![tracked("[10.9.0.1]:tcp:80", -5, false)];
    assert_eq!(of("web weight -5"), (vec![], by_log(), true));
    assert_eq!(of("[10.9.0.1]:tcp:80 weight -5"), (vec![], by_log(), true));
    let unknown = "(V) virtual server `wep` is not defined; it is not tracked (did you mean `web`?)";
    assert_eq!(of("wep"), (vec![unknown.to_owned()], vec![], false));
}
