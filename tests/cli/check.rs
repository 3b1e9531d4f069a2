//! `vipd check`: its advice, what silences it, and how it ends.

use super::Program;

const TWO: &str = "vrrp_instance A {
    interface eth0
    virtual_router_id 7
    priority 150
    virtual_ipaddress {
        192.0.2.1
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 8
    priority 150
    virtual_ipaddress {
        192.0.2.2
    }
}
";

fn checked(text: &str) -> Program {
    let vipd = Program::called("vipd");
    vipd.file("k.conf", text);
    vipd
}

#[test]
fn advice_is_explained_once_and_then_told_in_a_line() {
    let outcome = checked(TWO).run("check k.conf");
    let expected = "\
hint[V0801]: (A) 192.0.2.1 has no prefix length: /32 is taken
 --> k.conf:6:9
  |
6 |         192.0.2.1
  |         ^^^^^^^^^
  |
  = help: write 192.0.2.1/32 if that is meant, else the network's own length
  = note: Without a length keepalived takes that of the address alone (/32, /128). The address then
          brings no route to its network, and programs that ask for the interface's network get a
          wrong answer. It is right for an address beside the interface's own one.
  = see: https://www.keepalived.org/manpage.html#:~:text=VRRP%20instance(s)

hint[V0801]: (B) 192.0.2.2 has no prefix length: /32 is taken (k.conf:14:9)

k.conf: 2 hints
";
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""));
    assert_eq!(outcome.stderr, expected);
}

#[test]
fn hints_fail_a_check_only_where_they_are_denied() {
    let vipd = checked(TWO);
    for (line, status, said) in [
        ("check k.conf", 0, "k.conf: 2 hints\n"),
        ("check --deny warnings k.conf", 0, "k.conf: 2 hints\n"),
        ("check --deny hints k.conf", 1, "k.conf: 2 hints\n"),
        ("check --deny hints --allow V0801 k.conf", 0, "k.conf: no problems found\n"),
        ("check --deny hints --allow v0803,v0801 k.conf", 0, "k.conf: no problems found\n"),
        ("check --deny hints --no-hints k.conf", 0, "k.conf: no problems found\n"),
        ("check --deny hints missing.conf", 2, "missing.conf: 1 error\n"),
        ("-t k.conf", 2, ""),
    ] {
        let outcome = vipd.run(line);
        assert_eq!(outcome.status, Some(status), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.ends_with(said), "{line}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains('\x1b'), "no colours where no terminal is");
    }
}

#[test]
fn a_comment_allows_a_finding_where_it_stands() {
    let one = TWO.replace(
        "        192.0.2.1\n",
        "        # vipd: allow V0801: a host route is meant\n        192.0.2.1\n",
    );
    let outcome = checked(&one).run("check k.conf");
    assert!(
        outcome.stderr.contains("(B) 192.0.2.2") && !outcome.stderr.contains("(A)"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn only_what_keepalived_does_not_report_can_be_allowed() {
    let vipd = checked("no_such_keyword\n");
    for (code, said) in [("V0101", "keepalived reports this itself"), ("V7777", "there is no such code")] {
        let outcome = vipd.run(&format!("check --allow {code} k.conf"));
        assert_eq!(outcome.status, Some(2));
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
}

#[test]
fn keepalived_says_nothing_of_advice() {
    let keepalived = Program::called("keepalived");
    keepalived.file("k.conf", TWO);
    let outcome = keepalived.run("-t -f k.conf");
    assert!(!outcome.stderr.contains("prefix length"), "{}", outcome.stderr);
}

#[test]
fn two_directors_are_held_against_each_other() {
    let vipd = checked(TWO);
    vipd.file("other.conf", &TWO.replace("150", "100").replace("id 8", "id 9"));
    let outcome = vipd.run("check --deny warnings --against other.conf k.conf");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("warning[V0846]: (B) virtual_router_id 8 is 9 in other.conf\n"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.ends_with("k.conf: 1 warning, 2 hints\n"), "{}", outcome.stderr);
    let outcome = vipd.run("check --no-hints --against other.conf k.conf");
    assert!(outcome.stderr.ends_with("k.conf: 1 warning\n"), "{}", outcome.stderr);
    vipd.file("other.conf", &TWO.replace("150", "100"));
    assert_eq!(vipd.run("check --deny warnings --against other.conf k.conf").status, Some(0));
    vipd.file("other.conf", "vrrp_instance A {\n}\n");
    let outcome = vipd.run("check --against other.conf k.conf");
    assert_eq!((outcome.status, outcome.stderr.lines().count()), (Some(1), 1), "{}", outcome.stderr);
    assert_eq!(vipd.run("check --against missing.conf k.conf").status, Some(2));
}

#[test]
fn a_code_is_explained_with_its_reason_and_the_manual() {
    let outcome = Program::called("vipd").run("check --explain V0803");
    assert_eq!(outcome.status, Some(0));
    assert!(outcome.stdout.starts_with("V0803 (hint): a password that everyone"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("See keepalived.conf(5), \"VRRP instance(s)\": https://"),
        "{}",
        outcome.stdout
    );
    assert_eq!(Program::called("vipd").run("check --explain V7777").status, Some(1));
}

#[test]
fn the_help_names_the_exit_statuses() {
    for command in ["check", "fmt", "explain"] {
        let said = Program::called("vipd").run(&format!("{command} --help")).stdout;
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("Exit status: 0 "), "{command}: {said}");
        assert!(said.contains(" 1 ") && said.contains(" 2 "), "{command}: {said}");
    }
}

/// What the program says where a terminal is: `script` runs it on one.
fn on_a_terminal(vipd: &Program, environment: &str) -> String {
    let command = format!("{environment} ./vipd check k.conf");
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).env_remove("NO_COLOR").env("TERM", "xterm");
    let output = script.current_dir(vipd.dir.path()).stdin(std::process::Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn colours_come_on_a_terminal_that_wants_them() {
    let vipd = checked(TWO);
    assert!(on_a_terminal(&vipd, "").contains("\x1b["));
    let plain = on_a_terminal(&vipd, "NO_COLOR=1");
    assert!(plain.contains("2 hints") && !plain.contains("\x1b["), "{plain}");
}

#[test]
fn standard_input_is_a_file_too() {
    let vipd = checked("");
    let outcome = vipd.run_with_input("check --no-hints -", b"vrrp_instance A {\n    pririty 5\n}\n");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains(" --> standard input:2:5\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\nstandard input: "), "{}", outcome.stderr);
    let json = vipd.run_with_input("check --format json -", b"");
    assert!(json.stdout.contains("\"file\": \"-\""), "{}", json.stdout);
}
