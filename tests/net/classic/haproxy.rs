//! Two HAProxy servers that share an address: it is with one that works.

use super::*;
use nix::sys::signal::Signal;

const VIP: &str = "192.0.2.10";
const URL: &str = "http://192.0.2.10/";

struct Stage {
    one: Host,
    two: Host,
    client: Host,
    /// Both of them, and the names that their processes have.
    programs: [(Process, String); 2],
}

impl Stage {
    fn build(lab: &Lab) -> Stage {
        let (one, two) = (lab.host("lb1", "192.0.2.11/24"), lab.host("lb2", "192.0.2.12/24"));
        let client = lab.host("client", "192.0.2.100/24");
        // All tests see one list of processes: these are to be told from each other, within the 15 bytes of a name.
        let programs = [(&one, 1), (&two, 2)].map(|(host, n)| {
            let name = format!("ha{}-{n}", std::process::id());
            let program = lab.dir().join(&name);
            fs::copy("/usr/sbin/haproxy", &program).expect("copy HAProxy");
            (haproxy(host, &program), name)
        });
        Stage { one, two, client, programs }
    }

    /// The file of lb1 and of lb2. keepalived gets it without the process: the kernel's news of processes end at a network
    /// namespace, and it then takes none to be there.
    fn configs(&self, programs: Programs) -> [String; 2] {
        let config = |at: usize, program: Implementation, second: &[(&str, &str)]| {
            let process = format!("process {}\n", self.programs[at].1);
            let tracked = "    track_process {\n        haproxy_runs\n    }\n";
            let own = match program {
                Vipd => ("process haproxy\n", &*process),
                Keepalived => (tracked, ""),
            };
            example("haproxy.conf", &[second, &[own]].concat())
        };
        [config(0, programs.0, &[]), config(1, programs.1, &[SECOND])]
    }
}

/// What runs, but does not answer any more, fails the script.
pub(super) fn hangs(lab: &Lab, programs: Programs) {
    let stage = Stage::build(lab);
    let (one, two) = (&stage.one, &stage.two);
    let (first, _second) = start_both(programs, (one, two), VIP, stage.configs(programs));
    answers(&stage.client, URL, one);
    stage.programs[0].0.signal(Signal::SIGSTOP);
    answers(&stage.client, URL, two);
    holds(one, VIP, false);
    says(&first, "(WWW) Entering FAULT STATE", 1);
    stage.programs[0].0.signal(Signal::SIGCONT);
    answers(&stage.client, URL, one);
    holds(two, VIP, false);
    first.terminate();
    answers(&stage.client, URL, two);
}

/// A process that ends is noticed without waiting for a script.
pub(super) fn killed(lab: &Lab) {
    let mut stage = Stage::build(lab);
    let programs = (Vipd, Vipd);
    let (one, two) = (&stage.one, &stage.two);
    let (first, _second) = start_both(programs, (one, two), VIP, stage.configs(programs));
    answers(&stage.client, URL, one);
    stage.programs[0].0.kill_tree();
    answers(&stage.client, URL, two);
    holds(one, VIP, false);
    let log = first.process().log();
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text:?} is missing in {log}"));
    at("(WWW) Entering FAULT STATE");
    let name = stage.programs[0].1.clone();
    stage.programs[0].0 = haproxy(one, &lab.dir().join(name));
    answers(&stage.client, URL, one);
    holds(two, VIP, false);
}
