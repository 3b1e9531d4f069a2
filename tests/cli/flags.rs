//! keepalived's flags, one by one.

use super::Program;

const GOOD: &str = "vrrp_instance VI {\n    interface eth0\n    virtual_router_id 1\n    priority 100\n    \
                    virtual_ipaddress {\n        192.0.2.1/24\n    }\n}\n";

fn keepalived(conf: &str) -> Program {
    let program = Program::called("keepalived");
    program.file("k.conf", conf);
    program
}

#[test]
fn signum_prints_keepalived_2_2_7s_numbers() {
    let keepalived = Program::called("keepalived");
    for (function, number) in
        [("STOP", 15), ("RELOAD", 1), ("DATA", 10), ("STATS", 12), ("STATS_CLEAR", 63), ("JSON", 36)]
    {
        let outcome = keepalived.run(&format!("--signum={function}"));
        assert_eq!((outcome.status, outcome.stdout), (Some(0), format!("{number}\n")), "{function}");
    }
    let outcome = keepalived.run("--signum=FOO");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(outcome.stderr, "Unknown sigfunc FOO\n");
}

#[test]
fn config_test_tells_keepalived_s_findings_with_its_statuses() {
    let program = keepalived(&GOOD.replace("priority", "foo bar\n    priority"));
    let unknown = program.run("--config-te -f k.conf");
    assert_eq!((unknown.status, unknown.stdout.as_str()), (Some(5), ""), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("(k.conf: Line 4)"), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("'foo'"), "{}", unknown.stderr);
    program.file("other.conf", &GOOD.replace("eth0", "no-such-if"));
    let missing = program.run("-t -f other.conf");
    assert_eq!(missing.status, Some(5), "{}", missing.stderr);
    assert!(missing.stderr.contains("no-such-if"), "{}", missing.stderr);
    program.file("clean.conf", "global_defs {\n    router_id a\n}\n");
    let clean = program.run("-t -f clean.conf");
    assert_eq!((clean.status, clean.stderr.as_str()), (Some(0), ""));
}

#[test]
fn config_test_writes_to_a_file_in_all_of_getopts_forms() {
    let program = keepalived(&GOOD.replace("priority", "foo bar\n    priority"));
    for (number, line) in
        ["-tOUT -f k.conf", "-f k.conf --config-test=OUT", "-nltOUT -f k.conf"].iter().enumerate()
    {
        let file = format!("out{number}");
        let outcome = program.run(&line.replace("OUT", &file));
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(5), ""), "{line}");
        assert!(program.read(&file).contains("'foo'"), "{line}");
    }
    let outcome = program.run("-t/nonexistent/out -f k.conf");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("/nonexistent/out"), "{}", outcome.stderr);
}

#[test]
fn a_configuration_that_can_not_be_run_is_refused_on_the_terminal() {
    let program = keepalived("vrrp_instance VI {\n    interface eth0\n}\n");
    for line in ["-f k.conf -p a.pid", "-n -f k.conf -p a.pid -G"] {
        let refused = program.run(line);
        assert_eq!(refused.status, Some(2), "{line}: {}", refused.stderr);
        assert!(refused.stderr.contains("k.conf"), "{line}: {}", refused.stderr);
    }
    let missing = program.run("-n -f none.conf -p a.pid -G");
    assert_eq!(missing.status, Some(6), "{}", missing.stderr);
    assert!(missing.stderr.contains("none.conf"), "{}", missing.stderr);
    assert!(!program.dir.path().join("a.pid").exists());
}

#[test]
fn what_has_no_effect_yet_is_said() {
    let program = keepalived("");
    let outcome = program.run("-x -X -a -b b.pid --perf --debug=D -M -n -G -f none.conf -p a.pid");
    for flag in ["-x", "-X", "-a", "-b", "--perf", "--debug", "-M"] {
        assert!(outcome.stderr.contains(&format!("warning: {flag}: ")), "{flag} in:\n{}", outcome.stderr);
    }
    let quiet = program.run("-e -B --no-mem-check --flush-log-file -n -G -f none.conf -p a.pid");
    assert!(!quiet.stderr.contains("warning: -"), "{}", quiet.stderr);
}

#[test]
fn what_would_run_in_the_wrong_place_is_refused() {
    let program = keepalived(GOOD);
    let outcome = program.run("-s blue -n -f k.conf");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("unable to set network namespace blue: "), "{}", outcome.stderr);
    assert_eq!(program.run("-T").status, Some(1));
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let program = keepalived(GOOD);
    for line in ["-S 9", "-S local8", "-u zz", "-u 01000", "-f", "-p"] {
        let outcome = program.run(line);
        assert_eq!(outcome.status, Some(1), "{line}");
        assert!(outcome.stderr.starts_with("error: "), "{line}: {}", outcome.stderr);
    }
}

#[test]
fn the_last_of_a_repeated_flag_counts() {
    let program = keepalived(GOOD);
    program.file("bad.conf", "foo\n");
    let outcome = program.run("-t -n -n -f k.conf -f bad.conf");
    assert!(outcome.stderr.contains("bad.conf"), "{}", outcome.stderr);
}

#[test]
fn a_pattern_stands_for_all_its_files_in_their_order() {
    let program = keepalived("");
    std::fs::create_dir(program.dir.path().join("d")).unwrap();
    program.file("d/1.conf", "global_defs {\n    router_id a\n    fooo\n}\n");
    program.file("d/2.conf", "barr\n");
    let whole = program.dir.path().join("d/*.conf").display().to_string();
    for pattern in ["d/*.conf", "d/{1,2}.conf", &whole] {
        let outcome = program.run(&format!("-t -f {pattern}"));
        assert_eq!(outcome.status, Some(5), "{pattern}: {}", outcome.stderr);
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        let [one, two] = lines[..] else { panic!("{pattern}: {lines:?}") };
        assert!(one.contains("d/1.conf: Line 3") && two.contains("d/2.conf: Line 1"), "{pattern}: {lines:?}");
    }
    let none = program.run("-n -G -f d/*.cfg -p a.pid");
    assert_eq!(none.status, Some(6));
    assert!(none.stderr.contains("d/*.cfg is missing"), "{}", none.stderr);
    assert_eq!(program.run("-t -f d/*.cfg").status, Some(2), "what was not read has not passed");
}

#[test]
fn two_options_for_one_pid_file_are_a_wrong_command_line() {
    let program = keepalived(GOOD);
    for (flags, said) in [
        ("-n -f k.conf -p a.pid -r a.pid", "keepalived: -p and -r name the same pid file "),
        ("-n -f k.conf -p ./a.pid -c a.pid", "keepalived: -p and -c name the same pid file "),
        ("-n -f k.conf -p b.pid -r a.pid -c a.pid", "keepalived: -r and -c name the same pid file "),
    ] {
        let outcome = program.run(flags);
        assert_eq!(outcome.status, Some(1), "{flags}: {}", outcome.stderr);
        assert!(outcome.stderr.starts_with(said), "{flags}: {}", outcome.stderr);
        assert!(outcome.stderr.ends_with("/a.pid\n"), "{flags}: {}", outcome.stderr);
    }
}

#[test]
fn the_help_names_what_is_not_done_yet() {
    let help = keepalived(GOOD).run("--help").stdout;
    let lines: Vec<&str> = help.lines().map(str::trim).collect();
    for flag in ["-X,", "-b,", "-M,", "-a,", "-x,", "-A,", "--perf", "--debug"] {
        let at =
            lines.iter().position(|line| line.starts_with(flag)).unwrap_or_else(|| panic!("{flag}: {help}"));
        let said = lines[at..].iter().take(2).any(|line| line.contains("not done yet"));
        assert!(said, "{flag}: {help}");
    }
}
