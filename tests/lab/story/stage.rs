//! The stage of a story: one host, on which the program under test is the director and all services of real servers are.

use super::services::{Does, Service};
use crate::VIPD;
use crate::support::story::{LIMIT, Subject};
use crate::support::{Implementation, Lab, wait_for};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;
use std::time::Duration;
use vipd::ipvs::client::Client;
use vipd::ipvs::format::Rule;

/// It is quiet when nothing was seen to change for so long: longer than from one check to the next.
const QUIET: Duration = Duration::from_millis(1400);
/// The same when the program has ended: only scripts may run then.
const QUIET_AT_THE_END: Duration = Duration::from_millis(400);

/// What stands before every configuration of a story.
const GLOBALS: &str = "global_defs {
    router_id story
    script_user root
    lvs_notify_fifo {dir}fifo
    {globals}
}
";

/// Addresses of real servers, and their number.
pub(super) const SERVERS: u8 = 12;

/// The stage. What the program under test can do by itself is its [`Subject`]'s.
pub(super) struct Stage<'a> {
    subject: Subject<'a>,
    services: HashMap<SocketAddr, Service>,
    /// Reads the table of the host.
    client: RefCell<Client>,
}

impl<'a> Deref for Stage<'a> {
    type Target = Subject<'a>;

    fn deref(&self) -> &Subject<'a> {
        &self.subject
    }
}

impl DerefMut for Stage<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.subject
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        lab: &Lab,
        program: Implementation,
        options: &'static [&'static str],
        transcript: &'a Mutex<String>,
    ) -> Self {
        let host = lab.lonely_host("director");
        let addresses: Vec<String> = (1..=SERVERS)
            .flat_map(|n| {
                [format!("address add 10.98.0.{n}/32 dev lo"), format!("address add fd98::{n}/128 dev lo")]
            })
            .collect();
        host.configure(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
        let mut subject = Subject::new(host, program, VIPD, options, transcript);
        subject.word("{globals}", "");
        // One write a call: two at once don't mix.
        subject.script("called", "echo \"$*\" >>{dir}calls");
        let client = subject.host.enter(Client::open).expect("IPVS");
        Self { subject, services: HashMap::new(), client: RefCell::new(client) }
    }

    /// Lines for `global_defs`.
    pub(super) fn globals(&mut self, lines: &str) {
        self.word("{globals}", lines);
    }

    /// A service of the host does this from now on; if it is not there yet, it begins.
    #[track_caller]
    pub(super) fn serve(&mut self, at: &str, does: Does) {
        let at: SocketAddr = at.parse().expect("an address with its port");
        match self.services.get(&at) {
            Some(service) => service.change(does),
            None => drop(self.services.insert(at, Service::start(&self.subject.host, at, does))),
        }
    }

    /// The service ends: its port is closed.
    #[track_caller]
    pub(super) fn ends(&mut self, at: &str) {
        let at: SocketAddr = at.parse().expect("an address with its port");
        assert!(self.services.remove(&at).is_some(), "nothing serves at {at}");
    }

    /// Starts the program under test.
    #[track_caller]
    pub(super) fn start(&mut self, config: &str) {
        self.subject.start(&format!("{GLOBALS}{config}"));
    }

    /// Gives the program under test another configuration.
    pub(super) fn reload(&self, config: &str) {
        self.subject.reload(&format!("{GLOBALS}{config}"));
    }

    /// Waits until the kernel's table has this rule, or part of one, or has it no more.
    #[track_caller]
    pub(super) fn holds(&self, rule: &str, expected: bool) {
        wait_for(format_args!("{rule} in the table: {expected}"), LIMIT, || {
            let table = table(&self.client);
            if table.iter().any(|line| line.contains(rule)) == expected {
                Ok(())
            } else {
                Err(table.join("\n"))
            }
        });
    }

    /// Waits until nothing changes any more, and writes down what was told since the last pause and the kernel's table.
    #[track_caller]
    pub(super) fn pause(&mut self, name: &str) {
        let quiet = if self.runs() { QUIET } else { QUIET_AT_THE_END };
        let Self { subject, client, .. } = self;
        subject.scripts_are_called();
        let table = subject.quiet(name, quiet, |_| table(client));
        let lines: String = table.iter().map(|line| format!("table: {line}\n")).collect();
        self.record(&lines);
    }

    /// The end of every story: the program under test stops, if it still runs.
    #[track_caller]
    pub(super) fn end(&mut self) {
        if self.runs() {
            self.stop();
            self.pause("stopped");
        }
    }
}

/// The kernel's table as rules of ipvsadm with thresholds, sorted.
fn table(client: &RefCell<Client>) -> Vec<String> {
    let table = match client.borrow_mut().table() {
        Ok(table) => table,
        Err(error) => return vec![error.to_string()],
    };
    let mut lines: Vec<String> = Vec::new();
    for (service, dests) in &table.services {
        lines.push(Rule::Service(service).to_string());
        lines.extend(dests.iter().map(|dest| Rule::Dest(service.key, dest).to_string()));
    }
    lines.sort();
    lines
}
