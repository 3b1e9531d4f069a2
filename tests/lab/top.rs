//! `vipd ipvs top` in a terminal: what it shows, what its keys do to the kernel's table, and how it leaves.

use crate::VIPD;
use crate::support::{Host, Lab, Screen, Table, Test, descendants, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Stdio;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(240);
const SERVICE: &str = "192.0.2.1:80";

type Story = fn(&Lab);

pub(crate) fn tests() -> Vec<Test> {
    let stories: [(&str, Story); 4] = [
        ("shows_sorts_and_filters", shows_sorts_and_filters),
        ("changes_weights", changes_weights),
        ("gives_the_terminal_back", gives_the_terminal_back),
        ("needs_a_terminal", needs_a_terminal),
    ];
    stories.into_iter().map(|(name, story)| Test::new(format!("top::{name}"), story)).collect()
}

/// A host with two services; servers 10.9.1.1 to .3 have weights 1 to 3.
fn director(lab: &Lab) -> Host {
    let host = lab.host("director", "10.9.0.1/16");
    host.run(&format!("ipvsadm -A -t {SERVICE} -s wlc"));
    for n in 1..=3 {
        host.run(&format!("ipvsadm -a -t {SERVICE} -r 10.9.1.{n} -w {n}"));
    }
    host.run("ipvsadm -A -u [2001:db8::53]:53 -s rr");
    host.run("ipvsadm -a -u [2001:db8::53]:53 -r [2001:db8::1]:5353 -m -w 7");
    host
}

fn start(screen: &Screen, more: &str) -> String {
    screen.enter(&format!("clear; {VIPD} ipvs top --interval 0.25 {more}; echo status=$?"));
    screen.wait_text("2 services, 4 servers")
}

/// The names of the rows, from top to bottom.
fn names(screen: &str) -> Vec<&str> {
    let rows = screen.lines().skip(2).filter(|line| line.starts_with(['-', '+', ' ']));
    rows.filter_map(|row| row.split_whitespace().find(|word| word.contains(':'))).collect()
}

fn shows_sorts_and_filters(lab: &Lab) {
    let host = director(lab);
    let screen = Screen::open(&host, 80, 24);
    let first = start(&screen, "");
    let [one, two, three] = ["10.9.1.1:80", "10.9.1.2:80", "10.9.1.3:80"];
    let [udp, six] = ["[2001:db8::53]:53", "[2001:db8::1]:5353"];
    assert_eq!(names(&first), [SERVICE, one, two, three, udp, six], "{first}");
    let wide = |line: &&str| line.chars().count() > 80;
    assert!(!first.lines().any(|line| wide(&line)), "{first}");
    let shows = |wanted: &[&str]| {
        screen.wait(&format!("{wanted:?}"), |text| names(text) == wanted);
    };
    // By weight: the sum of UDP's is 7, that of TCP's 6.
    screen.press(&["s"]);
    screen.wait_text("vWeight");
    shows(&[udp, six, SERVICE, three, two, one]);
    screen.press(&["r"]);
    shows(&[SERVICE, one, two, three, udp, six]);
    screen.press(&["/"]);
    screen.press(&["u", "d", "p"]);
    shows(&[udp, six]);
    screen.press(&["Enter"]);
    screen.wait_text("filter: udp");
    // What others change appears by itself.
    host.run("ipvsadm -a -u [2001:db8::53]:53 -r [2001:db8::2]:53 -m -w 4321");
    screen.wait_text("4321");
    screen.press(&["Escape"]);
    screen.wait_text("10.9.1.3:80");
    screen.press(&["z"]);
    shows(&[SERVICE, udp]);
    screen.resize(40, 10);
    let small = screen.wait("a small screen", |text| !text.contains("InAct") && text.contains("Active"));
    assert_eq!(names(&small), [SERVICE, udp], "{small}");
    screen.resize(120, 30);
    screen.wait_text("OutBPS");
    screen.press(&["?"]);
    screen.wait_text("Any other key closes this.");
    screen.press(&["x"]);
    shows(&[SERVICE, udp]);
    screen.press(&["q"]);
    screen.wait_text("status=0");
}

fn changes_weights(lab: &Lab) {
    let host = director(lab);
    let screen = Screen::open(&host, 80, 24);
    let weight = |server: &str| Table::of(&host).ok()?.weight(SERVICE, server);
    let wait_weight = |server: &str, wanted: u32| {
        wait_for(format_args!("weight {wanted} of {server}"), PATIENCE, || match weight(server) {
            Some(seen) if seen == wanted => Ok(()),
            seen => Err(format!("{seen:?}")),
        });
    };
    start(&screen, "");
    // To the second server of the first service.
    screen.press(&["Down", "Down", "Down", "+"]);
    screen.wait("the question", |text| {
        text.contains("Set the weight of 10.9.1.2:80") && text.contains("from 2 to 3")
    });
    assert_eq!(weight("10.9.1.2:80"), Some(2), "not before it is confirmed");
    screen.press(&["n"]);
    screen.wait("the table", |text| !text.contains("from 2"));
    screen.press(&["+", "+", "Enter"]);
    screen.wait_text("10.9.1.2:80 has weight 4 now");
    wait_weight("10.9.1.2:80", 4);
    screen.press(&["w", "0", "y"]);
    screen.wait_text("10.9.1.2:80 has weight 0 now");
    wait_weight("10.9.1.2:80", 0);
    // Nobody overwrites what someone else has set meanwhile.
    screen.press(&["+"]);
    screen.wait_text("from 0 to 1");
    host.run(&format!("ipvsadm -e -t {SERVICE} -r 10.9.1.2 -w 50"));
    screen.press(&["Enter"]);
    screen.wait_text("someone else has set the weight of 10.9.1.2:80 to 50: left so");
    wait_weight("10.9.1.2:80", 50);
    assert_eq!([weight("10.9.1.1:80"), weight("10.9.1.3:80")], [Some(1), Some(3)]);
    screen.press(&["+"]);
    screen.wait_text("from 50 to 51");
    host.run(&format!("ipvsadm -d -t {SERVICE} -r 10.9.1.2"));
    screen.press(&["Enter"]);
    screen.wait_text("10.9.1.2:80 is not there any more");
}

/// After q, ^C, ^Z and a signal, the shell has its screen, and the terminal its settings.
fn gives_the_terminal_back(lab: &Lab) {
    let host = director(lab);
    let screen = Screen::open(&host, 80, 24);
    let sane = |after: &str| {
        let text = screen.wait(after, |text| text.contains("status="));
        assert!(!text.contains("servers"), "{text}");
        screen.enter("clear; stty -a | tr ' ;' '\\n\\n' | grep -cxE 'echo|icanon|isig|icrnl|opost'");
        screen.wait("all settings as they were", |text| text.lines().any(|line| line == "5"));
    };
    for (key, status) in [("q", "status=0"), ("C-c", "status=0")] {
        start(&screen, "");
        screen.press(&[key]);
        screen.wait_text(status);
        sane(key);
    }
    start(&screen, "");
    screen.press(&["C-z"]);
    screen.wait_text("Stopped");
    screen
        .enter("clear; stty -a | tr ' ;' '\\n\\n' | grep -cxE 'echo|icanon|isig|icrnl|opost'; echo status=");
    sane("^Z");
    screen.enter("fg");
    screen.wait_text("2 services, 4 servers");
    screen.press(&["s"]);
    screen.wait_text("vWeight");
    let signal = |signal| {
        let pid = pid_of_top(&screen);
        kill(pid, signal).unwrap_or_else(|error| panic!("{signal}: {error}"));
    };
    // Stopped from outside, and continued.
    signal(Signal::SIGTSTP);
    screen.wait_text("Stopped");
    screen.enter("clear; fg");
    screen.wait_text("vWeight");
    screen.press(&["r"]);
    screen.wait_text("^Weight");
    signal(Signal::SIGSTOP);
    screen.wait_text("Stopped");
    screen.enter("stty sane; fg");
    screen.wait("all of the table", |text| text.contains("^Weight") && !text.contains("Stopped"));
    screen.press(&["r"]);
    screen.wait_text("vWeight");
    signal(Signal::SIGTERM);
    screen.wait("the shell", |text| {
        !text.contains("Weight") && text.trim_end().ends_with(Screen::PROMPT.trim_end())
    });
    screen.enter("echo status=$?");
    screen.wait_text("status=143");
    sane("SIGTERM");
    start(&screen, "");
    signal(Signal::SIGHUP);
    screen.wait_text("status=129");
    sane("SIGHUP");
}

/// The program that the screen's shell runs.
fn pid_of_top(screen: &Screen) -> Pid {
    let found = descendants(screen.shell());
    found.first().copied().expect("the shell has started it")
}

fn needs_a_terminal(lab: &Lab) {
    let host = director(lab);
    let output = host.command(VIPD).args(["ipvs", "top"]).stdin(Stdio::null()).output().expect("vipd starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("top needs a terminal"), "{output:?}");
    let screen = Screen::open(&host, 80, 24);
    screen.enter(&format!("TERM=dumb {VIPD} ipvs top; echo status=$?"));
    screen.wait("a refusal", |text| text.contains("top needs a terminal") && text.contains("status=1"));
    // Colours, unless nobody wants them.
    let coloured = || screen.styled().contains("38;5;") || screen.styled().contains("\u{1b}[36m");
    start(&screen, "");
    assert!(coloured(), "{}", screen.styled());
    screen.press(&["q"]);
    screen.wait_text("status=0");
    screen.enter("export NO_COLOR=1");
    start(&screen, "");
    assert!(!coloured(), "{}", screen.styled());
}
