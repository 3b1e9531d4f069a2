use crate::command::{Command, RunAs};
use crate::conf::script::{Examined, ScriptHost, UnknownAccount};
use crate::conf::{LoadOptions, Loaded, load_text};
use crate::vrrp::config::{Config, InitFile, ParameterMatch, Parameters, Script, TrackFile, Weight};
use std::time::Duration;

const INSTANCE: &str =
    "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1/24\n}\n}\n";

/// A machine with the users `root` and `nobody`; a script's name says how it is.
struct Host {
    default_user: bool,
}

impl ScriptHost for Host {
    fn account(&self, run_as: &RunAs) -> Result<(), UnknownAccount> {
        match (run_as.user.as_str(), run_as.group.as_deref()) {
            ("root" | "nobody", None | Some("root" | "nogroup")) => Ok(()),
            ("keepalived_script", None) if self.default_user => Ok(()),
            ("root" | "nobody", Some(_)) => Err(UnknownAccount::Group),
            _ => Err(UnknownAccount::User),
        }
    }

    fn examine(&self, program: &str, run_as: Option<&RunAs>) -> Examined {
        let as_root = run_as.is_none_or(|r| r.user == "root");
        match program {
            "/missing" => Examined::Missing,
            "/directory" => Examined::NotAFile,
            "/plain" => Examined::Script { executable: false, insecure: false },
            "/writable" => Examined::Script { executable: true, insecure: as_root },
            _ => Examined::Script { executable: true, insecure: false },
        }
    }
}

fn text(text: &str) -> Loaded {
    load_text("keepalived.conf", text, &LoadOptions::default())
}

fn on_host(text: &str, default_user: bool) -> Loaded {
    let host = Host { default_user };
    load_text("keepalived.conf", text, &LoadOptions { scripts: Some(&host), ..LoadOptions::default() })
}

fn vrrp(loaded: &Loaded) -> Config {
    loaded.config.clone().unwrap().vrrp
}

/// The codes of what is wrong, in the order of the text.
fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|d| d.code.id).filter(|id| *id != "V0901").collect()
}

#[test]
fn a_script_has_keepaliveds_defaults() {
    let loaded = text("vrrp_script chk {\nscript \"/usr/bin/killall -0 'my daemon'\"\n}\n");
    assert_eq!(codes(&loaded), [""; 0]);
    let argv = ["/usr/bin/killall", "-0", "my daemon"].map(String::from).to_vec();
    let script = Script {
        name: "chk".into(),
        command: Command { argv, run_as: None },
        interval: Duration::from_secs(1),
        timeout: None,
        weight: Weight { value: 0, reverse: false },
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    assert_eq!(vrrp(&loaded).scripts, [script]);
}

#[test]
fn a_script_with_everything() {
    let loaded = text(
        "vrrp_script chk {\nscript /bin/true\ninterval 0.5\ntimeout 3\nweight -20 reverse\nrise 2\nfall 3\ninit_fail\nuser nobody nogroup\n}\n",
    );
    assert_eq!(codes(&loaded), [""; 0]);
    let script = &vrrp(&loaded).scripts[0];
    assert_eq!((script.interval, script.timeout), (Duration::from_millis(500), Some(Duration::from_secs(3))));
    assert_eq!(script.weight, Weight { value: -20, reverse: true });
    assert_eq!((script.rise, script.fall, script.init_fail), (2, 3, true));
    let run_as = RunAs { user: "nobody".into(), group: Some("nogroup".into()) };
    assert_eq!(script.command.run_as, Some(run_as));
}

#[test]
fn what_is_out_of_range_leaves_the_default() {
    let loaded = text(
        "vrrp_script a {\nscript /a\ninterval 0\ntimeout x\nweight 254\nrise 0\nfall -1\n}\nvrrp_script b {\ninterval 1\n}\n",
    );
    assert_eq!(codes(&loaded), ["V0210", "V0203", "V0204", "V0204", "V0203", "V0604"]);
    let scripts = vrrp(&loaded).scripts;
    assert_eq!(scripts.len(), 1);
    assert_eq!((scripts[0].interval, scripts[0].timeout), (Duration::from_secs(1), None));
    assert_eq!((scripts[0].weight, scripts[0].rise, scripts[0].fall), (Weight::default(), 1, 1));
}

#[test]
fn arguments_outside_the_quotes_do_not_reach_the_command() {
    let loaded = text("vrrp_script a {\nscript /bin/pidof haproxy nginx\n}\n");
    assert_eq!(codes(&loaded), ["V0611"]);
    let help = loaded.diagnostics.iter().find_map(|d| d.help.clone());
    assert_eq!(help.as_deref(), Some("put it in quotes: `script \"/bin/pidof haproxy nginx\"`"));
    assert_eq!(vrrp(&loaded).scripts[0].command.argv, ["/bin/pidof"]);
}

#[test]
fn the_first_of_two_blocks_of_one_name_is_found() {
    let loaded = text("vrrp_script a {\nscript /one\n}\nvrrp_script a {\nscript /two\n}\n");
    assert_eq!((codes(&loaded), loaded.test_status()), (vec!["V0603"], 0));
    let scripts = vrrp(&loaded).scripts;
    assert_eq!((scripts.len(), scripts[0].command.program()), (1, "/one"));
}

#[test]
fn a_file_counts_once_unless_it_says_otherwise() {
    let loaded = text(
        "track_file a {\nfile /run/a\n}\nvrrp_track_file b {\nfile /run/b\nweight -3 reverse\ninit_file 7 overwrite\n}\n",
    );
    assert_eq!(codes(&loaded), [""; 0]);
    let [a, b] = vrrp(&loaded).track_files.try_into().unwrap();
    let weight = Weight { value: 1, reverse: false };
    assert_eq!(a, TrackFile { name: "a".into(), path: "/run/a".into(), weight, init: None });
    assert_eq!(b.weight, Weight { value: -3, reverse: true });
    assert_eq!(b.init, Some(InitFile { value: 7, overwrite: true }));
}

#[test]
fn a_file_is_written_with_a_number() {
    let loaded = text("track_file a {\nfile /run/a\ninit_file\n}\n");
    assert_eq!(vrrp(&loaded).track_files[0].init, Some(InitFile::default()));
    assert_eq!(codes(&loaded), [""; 0]);
    let loaded = text(
        "track_file a {\nfile /run/a\nfile /run/b\ninit_file 300 overwrites\nweight\n}\ntrack_file b {\n}\n",
    );
    assert_eq!(codes(&loaded), ["V0605", "V0204", "V0207", "V0211", "V0604"]);
}

#[test]
fn a_process_has_keepaliveds_defaults() {
    let loaded = text("vrrp_track_process p {\nprocess haproxy\n}\n");
    assert_eq!(codes(&loaded), [""; 0]);
    let p = &vrrp(&loaded).track_processes[0];
    assert_eq!((p.process.as_str(), &p.parameters, p.full_command), ("haproxy", &None, false));
    assert_eq!((p.weight, p.quorum, p.quorum_max), (Weight::default(), 1, None));
    assert_eq!((p.fork_delay, p.terminate_delay), (Duration::ZERO, Duration::ZERO));
}

#[test]
fn parameters_of_a_process_are_compared_as_asked() {
    let compare = |lines: &str| {
        let loaded = text(&format!("vrrp_track_process p {{\n{lines}\n}}\n"));
        assert_eq!(codes(&loaded), [""; 0]);
        let p = vrrp(&loaded).track_processes.remove(0);
        assert!(p.full_command);
        p.parameters
    };
    let words = vec!["-f".to_owned(), "a b".to_owned()];
    let line = "process /usr/sbin/haproxy -f \"a b\"";
    let with = |compare| Some(Parameters { words: words.clone(), compare });
    assert_eq!(compare(line), with(ParameterMatch::Exact));
    assert_eq!(compare(&format!("{line}\nparam_match partial")), with(ParameterMatch::Partial));
    assert_eq!(compare(&format!("{line}\nparam_match initial")), with(ParameterMatch::Initial));
    let none = Some(Parameters { words: vec![], compare: ParameterMatch::Exact });
    assert_eq!(compare("process haproxy\nparam_match"), none);
    assert_eq!(compare("process haproxy\nfull_command"), None);
}

#[test]
fn quorum_and_quorum_max_must_fit() {
    let quorum = |lines: &str| {
        let loaded = text(&format!("vrrp_track_process p {{\nprocess a\n{lines}\n}}\n"));
        let p = vrrp(&loaded).track_processes.remove(0);
        (codes(&loaded), p.quorum, p.quorum_max)
    };
    assert_eq!(quorum("quorum 2\nquorum_max 4"), (vec![], 2, Some(4)));
    assert_eq!(quorum("quorum_max 0"), (vec![], 0, Some(0)));
    assert_eq!(quorum("quorum 3\nquorum_max 2"), (vec!["V0204"], 3, None));
    assert_eq!(quorum("quorum_max 2\nquorum 3"), (vec!["V0204"], 1, Some(2)));
    assert_eq!(quorum("quorum 0"), (vec!["V0204"], 1, None));
}

#[test]
fn delay_is_both_delays() {
    let loaded = text("vrrp_track_process p {\nprocess a\ndelay 1.5\nfork_delay 2\n}\n");
    let p = &vrrp(&loaded).track_processes[0];
    assert_eq!((p.fork_delay, p.terminate_delay), (Duration::from_secs(2), Duration::from_millis(1500)));
}

#[test]
fn a_script_runs_as_the_default_user_if_there_is_one() {
    let conf =
        format!("global_defs {{\nenable_script_security\n}}\nvrrp_script a {{\nscript /a\n}}\n{INSTANCE}");
    let loaded = on_host(&conf, true);
    assert_eq!((codes(&loaded), loaded.test_status()), (vec![], 0));
    let run_as = vrrp(&loaded).scripts[0].command.run_as.clone().unwrap();
    assert_eq!(run_as, RunAs { user: "keepalived_script".into(), group: None });
    let loaded = on_host(&conf, false);
    assert_eq!((codes(&loaded), loaded.test_status()), (vec!["V0606"], 5));
    assert_eq!(vrrp(&loaded).scripts, []);
    let named = conf.replace("security\n", "security\nscript_user nobody\n");
    let loaded = on_host(&named, false);
    assert_eq!((codes(&loaded), loaded.test_status()), (vec![], 0));
}

#[test]
fn scripts_without_script_security_are_a_violation_of_their_own() {
    let loaded = on_host(&format!("vrrp_script a {{\nscript /a\n}}\n{INSTANCE}"), true);
    assert_eq!((codes(&loaded), loaded.test_status()), (vec!["V0610"], 6));
    // Nothing could run it.
    let loaded = on_host("vrrp_script a {\nscript /a\n}\n", true);
    assert_eq!((codes(&loaded), loaded.test_status()), (vec![], 0));
    // To open a file is not to run it.
    let loaded = on_host(&format!("vrrp_script a {{\nscript </run/up\n}}\n{INSTANCE}"), true);
    assert_eq!((codes(&loaded), loaded.test_status()), (vec![], 0));
}

#[test]
fn scripts_that_will_not_run_are_left_out() {
    let secure = "global_defs {\nenable_script_security\nscript_user root\n}\n";
    for (script, code, status) in [
        ("/missing", "V0607", 5),
        ("/directory", "V0608", 5),
        ("/writable", "V0608", 5),
        ("/plain", "V0609", 0),
    ] {
        let loaded = on_host(&format!("{secure}vrrp_script a {{\nscript {script}\n}}\n{INSTANCE}"), true);
        assert_eq!((codes(&loaded), loaded.test_status()), (vec![code], status), "{script}");
        assert_eq!(vrrp(&loaded).scripts, [], "{script}");
    }
    // As somebody else it may.
    let conf = format!("{secure}vrrp_script a {{\nscript /writable\nuser nobody\n}}\n{INSTANCE}");
    assert_eq!(codes(&on_host(&conf, true)), [""; 0]);
}

#[test]
fn unknown_accounts_are_named() {
    for (user, message) in
        [("tomcat", "there is no user `tomcat`"), ("root wheel", "there is no group `wheel`")]
    {
        let loaded = on_host(&format!("vrrp_script a {{\nscript /a\nuser {user}\n}}\n"), true);
        let said = loaded.diagnostics.iter().find(|d| d.code.id == "V0606").unwrap();
        assert!(said.message.starts_with(message), "{}", said.message);
        assert_eq!(vrrp(&loaded).scripts, []);
    }
}

#[test]
fn escapes_of_a_command_line_are_resolved_once() {
    let loaded = text(
        r#"vrrp_script a {
script "/bin/grep -q '\\d \"up\"' /run/state"
}
"#,
    );
    assert_eq!(codes(&loaded), ["V0624"], "keepalived 2.2.7 reads it otherwise");
    assert_eq!(vrrp(&loaded).scripts[0].command.argv, ["/bin/grep", "-q", r#"\d "up""#, "/run/state"]);
}

#[test]
fn a_keyword_without_its_argument_is_reported_once() {
    for (conf, status) in [
        ("vrrp_script a {\nscript\n}\n", 5),
        ("track_file a {\nfile\n}\n", 5),
        ("track_file a {\nfile /f\nweight\n}\n", 5),
        ("vrrp_track_process a {\nprocess\n}\n", 2),
        ("vrrp_script a {\nscript /a\nuser\n}\n", 2),
    ] {
        let loaded = text(conf);
        assert_eq!((codes(&loaded).len(), loaded.test_status()), (1, status), "{conf}");
    }
}
