use crate::conf::{LoadOptions, Loaded, load_text};
use crate::vrrp::config::{Config, Tracked, Weight};

fn instance(n: u8, lines: &str) -> String {
    format!(
        "vrrp_instance V{n} {{\ninterface eth{n}\nvirtual_router_id {n}\nvirtual_ipaddress {{\n10.0.{n}.1/24\n}}\n{lines}\n}}\n"
    )
}

fn text(text: &str) -> Loaded {
    load_text("keepalived.conf", text, &LoadOptions::default())
}

/// The codes of what is wrong, in the order of the text, the status, and what is left.
fn read(conf: &str) -> (Vec<&'static str>, u8, Config) {
    let loaded = text(conf);
    let codes = loaded.diagnostics.iter().map(|d| d.code.id).filter(|id| *id != "V0901").collect();
    (codes, loaded.test_status(), loaded.config.unwrap().vrrp)
}

/// Two instances, what stands in the first, and a sync group with these lines.
fn group(of_instance: &str, lines: &str) -> (Vec<&'static str>, u8, Config) {
    let (one, two) = (instance(1, of_instance), instance(2, ""));
    let known = "vrrp_script s {\nscript /s\nweight 5\n}\ntrack_file f {\nfile /f\n}\nvrrp_track_process p {\nprocess p\nweight 3\n}\n";
    read(&format!("{known}{one}{two}vrrp_sync_group G {{\n{lines}\n}}\n"))
}

const BOTH: &str = "group {\nV1\nV2\n}";

fn tracked(name: &str, value: i16) -> Tracked {
    Tracked { name: name.into(), weight: Weight { value, reverse: false } }
}

#[test]
fn a_group_has_its_instances_in_their_order() {
    let (codes, status, config) = group("", "group {\nV2 V1\n}\nnotify_master /m\nsmtp_alert");
    assert_eq!((codes, status), (vec![], 0));
    let group = &config.sync_groups[0];
    assert_eq!(
        (group.name.as_str(), group.instances.as_slice()),
        ("G", ["V2".into(), "V1".into()].as_slice())
    );
    assert_eq!(group.notify.master.as_ref().map(|c| c.program()), Some("/m"));
    assert!(group.notify.smtp_alert && !group.tracking_weight);
}

#[test]
fn members_are_instances_each_in_one_group() {
    assert_eq!(group("", "group {\nV1\nV3\nV2\n}").0, ["V0615"]);
    assert_eq!(group("", "group {\nV1\n}").0, ["V0617"]);
    assert_eq!(group("", "group {\nV1\nV1\nV2\n}").0, ["V0616"]);
    let two = format!("{BOTH}\n}}\nvrrp_sync_group H {{\n{BOTH}");
    let (codes, status, config) = group("", &two);
    assert_eq!((codes, status, config.sync_groups.len()), (vec!["V0616", "V0616"], 5, 1));
}

#[test]
fn an_instance_that_is_wrong_itself_is_not_reported_once_more() {
    let conf = format!("{}{}", instance(1, ""), instance(2, "").replace("virtual_router_id 2", ""));
    let loaded = text(&format!("{conf}vrrp_sync_group G {{\n{BOTH}\n}}\n"));
    let codes: Vec<_> = loaded.diagnostics.iter().map(|d| d.code.id).filter(|id| *id != "V0901").collect();
    assert_eq!(codes, ["V0303"]);
}

#[test]
fn a_group_without_instances_is_left_out() {
    for lines in ["", "group {\n}", "notify_master /m"] {
        let (codes, status, config) = group("", lines);
        assert_eq!((codes, status, config.sync_groups.len()), (vec!["V0614"], 5, 0), "{lines}");
    }
    let (codes, _, config) = group("", "group {\nV3\n}");
    assert_eq!((codes, config.sync_groups.len()), (vec!["V0615"], 0));
    assert_eq!(group("", &format!("{BOTH}\n{BOTH}")).0, ["V0605"]);
}

#[test]
fn names_are_given_once() {
    assert_eq!(group("", &format!("{BOTH}\n}}\nvrrp_sync_group G {{\ngroup {{\n}}")).0, ["V0619"]);
    assert_eq!(read("vrrp_sync_group {\n}\nvrrp_sync_group A B {\n}\n").0, ["V0209", "V0208"]);
}

#[test]
fn weights_of_members_are_dropped_unless_the_group_allows_them() {
    let lines = "track_script {\ns\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}\ntrack_interface {\neth7 weight 9\n}";
    let (codes, status, config) = group(lines, BOTH);
    assert_eq!((codes, status), (vec!["V0613"; 3], 5));
    let tracking = &config.instances[0].tracking;
    assert_eq!(tracking.scripts, []);
    assert_eq!(tracking.files, [tracked("f", 0)]);
    assert_eq!(tracking.processes, [tracked("p", 3)]);
    assert_eq!(tracking.interfaces, [tracked("eth7", 9)], "keepalived says otherwise, and counts it");
    let (codes, status, config) = group(lines, &format!("{BOTH}\nsync_group_tracking_weight"));
    assert_eq!((codes, status), (vec![], 0));
    assert_eq!(config.instances[0].tracking.scripts, [tracked("s", 5)]);
    let (codes, status, _) = group(lines, &format!("{BOTH}\nglobal_tracking"));
    assert_eq!((codes, status), (vec!["V0212"], 5));
}

#[test]
fn an_address_owner_has_no_weights() {
    let lines = "priority 255\nstate MASTER\ntrack_script {\ns\n}\ntrack_file {\nf weight 2\n}\ntrack_interface {\neth7 weight 9\neth8\n}";
    let (codes, _, config) = read(&format!(
        "vrrp_script s {{\nscript /s\nweight 5\n}}\ntrack_file f {{\nfile /f\n}}\n{}",
        instance(1, lines)
    ));
    assert_eq!(codes, ["V0613"; 3]);
    let tracking = &config.instances[0].tracking;
    assert_eq!((tracking.scripts.len(), tracking.files.len()), (0, 0));
    assert_eq!(tracking.interfaces, [tracked("eth8", 0)]);
}

#[test]
fn an_owner_in_a_group_rules_out_the_groups_weights_and_other_members() {
    let (codes, _, config) = group("priority 255\nstate MASTER", &format!("{BOTH}\ntrack_script {{\ns\n}}"));
    assert_eq!(codes, ["V0618", "V0613"]);
    assert_eq!(config.sync_groups[0].tracking.scripts, [tracked("s", 0)]);
}

#[test]
fn what_group_and_instance_both_track_is_named() {
    let (codes, status, _) =
        group("track_script {\ns weight 0\n}", &format!("{BOTH}\ntrack_script {{\ns\n}}"));
    assert_eq!((codes, status), (vec!["V0621"], 0));
    let (codes, status, _) =
        group("track_interface {\neth7\n}", &format!("{BOTH}\ntrack_interface {{\neth7\neth2\n}}"));
    assert_eq!((codes, status), (vec!["V0620", "V0620"], 5));
}

#[test]
fn members_tell_priority_changes_as_their_group_does() {
    let (_, _, config) = group("notify_priority_changes off", &format!("{BOTH}\nnotify_priority_changes"));
    let told: Vec<bool> = config.instances.iter().map(|i| i.notify.priority_changes).collect();
    assert_eq!(told, [false, true]);
}

#[test]
fn a_track_group_names_instances() {
    let one = instance(1, "");
    let (codes, status, config) = read(&format!("{one}track_group T {{\ngroup {{\nV1\nV9\n}}\n}}\n"));
    assert_eq!((codes, status), (vec!["V0622"], 0));
    assert_eq!(config.track_groups[0].instances, ["V1"]);
    let (codes, _, config) = read(&format!("{one}track_group T {{\n}}\ntrack_group T {{\n}}\n"));
    assert_eq!((codes, config.track_groups.len()), (vec!["V0622", "V0619"], 0));
}
