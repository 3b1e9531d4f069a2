//! Completion in the shells themselves: each is typed to at a terminal of its own, and what the completed lines did to
//! the kernel's table is looked at.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use crate::VIPD;
use crate::support::{Host, Lab, Test, wait_for};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An emulated machine takes its time to start a shell.
const PATIENCE: Duration = Duration::from_secs(240);

/// How each shell is started, and taught. zsh would read hundreds of other completions first.
const SHELLS: [(&str, &str, &str); 3] = [
    ("bash", "bash --norc --noprofile -i", "source <(vipd completions bash)\n"),
    (
        "zsh",
        "zsh -f -i",
        "fpath=(${(M)fpath:#*/Completion(|/Base)}); autoload -U compinit; compinit -C -D; source <(vipd completions zsh)\n",
    ),
    ("fish", "fish --no-config -i", "vipd completions fish | source\n"),
];

pub(crate) fn tests() -> Vec<Test> {
    let shells = SHELLS.iter().map(|&(name, start, teach)| {
        Test::new(format!("completions::{name}"), move |lab: &Lab| in_shell(lab, name, start, teach))
    });
    shells.chain([Test::new("completions::who_may_not_read_is_offered_nothing", unprivileged)]).collect()
}

/// The table before, and what is typed: at each tab there is one way to go on.
const TABLE: &str = "\
-A -t 10.9.0.1:80 -s rr
-A -t 10.9.0.1:443 -s rr
-a -t 10.9.0.1:443 -r 10.8.0.1:443 -g -w 1
-a -t 10.9.0.1:443 -r 10.8.0.2:443 -g -w 1
-A -t [2001:db8::1]:443 -s rr
-a -t [2001:db8::1]:443 -r [2001:db8::a]:443 -g -w 1
-a -t [2001:db8::1]:443 -r [2001:db8::b]:443 -g -w 1
-A -t 10.9.0.2:8000 -s rr
-a -t 10.9.0.2:8000 -r 10.8.0.9:8000 -g -w 1
-A -u 10.9.0.1:53 -s rr
-A -f 77 -s rr
-a -f 77 -r 10.8.0.1:0 -g -w 1
";
const TYPED: [&str; 9] = [
    "vipd ipvs -d -t 10.9.0.1:4\t-r 10.8.0.2\t\n",
    "ipvsadm -e --tcp-service 10.9.0.1:4\t-r 10.\t-g -w 7\n",
    "vipd ipvs -d -t [2001:db8::1]:\t-r [2001:db8::b\t\n",
    "ipvsadm -D -u 1\t\n",
    "vipd ipvs -d -f \t-r \t\n",
    "ipvsadm -E -t 10.9.0.1:8\t-s mh -b mh-f\t\n",
    "vipd ipvs -E -f 7\t--schedu\trr -p 60\n",
    "vipd ipvs drain tcp:10.9.0.2:\t10.8\t--fo\t\n",
    "vipd ipvs --start-d\tmas\t--mcast-interface eth\t--syncid 9\n",
];
const AFTER: &str = "\
-A -f 77 -s rr -p 60
-A -t 10.9.0.1:443 -s rr
-A -t 10.9.0.1:80 -s mh -b mh-fallback
-A -t 10.9.0.2:8000 -s rr
-A -t [2001:db8::1]:443 -s rr
-a -t 10.9.0.1:443 -r 10.8.0.1:443 -g -w 7
-a -t [2001:db8::1]:443 -r [2001:db8::a]:443 -g -w 1
";

/// A shell at a terminal.
struct Shell {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Shell {
    fn start(host: &Host, home: &Path, command: &str) -> Self {
        let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap_or_default());
        let mut child = host
            .command("script")
            .args(["-qefc", command, "/dev/null"])
            .env("PATH", path)
            .env("HOME", home)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let screen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (mut output, copy) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                copy.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        Self { keys: child.stdin.take().unwrap(), child, screen }
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n") + "\n"
}

fn fill(host: &Host) {
    let mut command = host.command(VIPD);
    let mut child = command.args(["ipvs", "-R"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(TABLE.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn in_shell(lab: &Lab, name: &str, start: &str, teach: &str) {
    if !Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("There is no {name} here: its completion is not tested.");
        return;
    }
    let host = lab.host("host", "10.9.0.1/16");
    fill(&host);
    for program in ["vipd", "ipvsadm"] {
        symlink(VIPD, lab.dir().join(program)).unwrap();
    }
    let mut shell = Shell::start(&host, lab.dir(), start);
    shell.type_in(teach);
    shell.type_in("echo rea''dy\n");
    wait_for(format_args!("{name} to be ready"), PATIENCE, || {
        let screen = shell.screen();
        if screen.contains("ready") { Ok(()) } else { Err(screen) }
    });
    for line in TYPED {
        // In zsh brackets are patterns, which have to fit the name of a file.
        let line = if name == "zsh" { line.replace('[', "\\[").replace(']', "\\]") } else { line.to_owned() };
        shell.type_in(&line);
    }
    wait_for(format_args!("what was typed to {name} to be done"), PATIENCE, || {
        let table = sorted(&host.try_run(&format!("{VIPD} ipvs -Sn"))?);
        let daemon = host.try_run(&format!("{VIPD} ipvs -L --daemon"))?;
        let done = table == AFTER && daemon.contains("mcast=eth0") && daemon.contains("syncid=9");
        if done { Ok(()) } else { Err(format!("{table}{daemon}--- the terminal\n{}", shell.screen())) }
    });
}

fn unprivileged(lab: &Lab) {
    let host = lab.host("host", "10.9.0.1/16");
    fill(&host);
    let ask = |before: &[&str]| {
        let mut command = host.command(before[0]);
        command.args(&before[1..]).args(["complete", "vipd", "ipvs", "-D", "-f", ""]);
        let output = command.output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask(&[VIPD]), "77\n");
    assert_eq!(ask(&["setpriv", "--reuid", "65534", "--clear-groups", VIPD]), "");
}
