//! `keepalived.data`, `keepalived_check.data`, `keepalived_parent.data`: what SIGUSR1 writes, for people, and for programs
//! that look for its headings and keys.
//!
//! Sections, keys and their order are those of keepalived 2.2.7. Passwords are masked, as since 2.4.

mod balancer;
mod checker;
mod global;
mod group;
mod instance;
mod link;
mod socket;
mod tracked;

use super::{address, command, route};
use crate::check::config::Ssl;
use crate::command::{Command, RunAs};
use crate::state::Moment;
use crate::state::check::Check;
use crate::state::settings::Settings;
use crate::state::vrrp::Vrrp;
use crate::vrrp::config::statics::Statics;
use std::fmt::{Arguments, Write as _};

/// `IP_VS_VERSION_CODE` of `linux/ip_vs.h`.
const IP_VS_VERSION: &str = "1.2.1";

/// What the machine knows that such a file is written on.
pub trait Host {
    /// Under whom something runs, as numbers of a user and a group: `0:0`. Where nobody is named, as scripts that name
    /// nobody.
    fn account(&self, run_as: Option<&RunAs>) -> String;
    /// The host's name.
    fn name(&self) -> String;
    /// What new files are not allowed.
    fn umask(&self) -> u32;
    /// In the zone of this machine: `Tue Dec  1 00:04:28 2026`.
    fn date(&self, moment: Moment) -> String;
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// `keepalived_parent.data`
    Parent,
    /// `keepalived.data`
    Vrrp,
    /// `keepalived_check.data`
    Check,
}

/// `keepalived_parent.data`: what is configured for all.
#[must_use]
pub fn parent(settings: &Settings, host: &dyn Host) -> String {
    let mut text = Text::default();
    global::put(&mut text, settings, host, Process::Parent);
    text.0
}

/// `keepalived.data`
#[must_use]
pub fn vrrp(vrrp: &Vrrp, settings: &Settings, host: &dyn Host) -> String {
    let mut text = Text::default();
    global::put(&mut text, settings, host, Process::Vrrp);
    put_statics(&mut text, vrrp, &settings.vrrp.statics);
    text.section("Static Track groups", &settings.vrrp.track_groups, |text, group| {
        text.line(format_args!(" Static Track Group = {}", group.name));
        text.list("VRRP member instances", &group.instances);
    });
    text.section("VRRP Topology", &vrrp.instances, |text, instance| {
        instance::put(text, vrrp, instance, host);
    });
    socket::put(&mut text, vrrp);
    text.section("VRRP Sync groups", &vrrp.groups, |text, group| group::put(text, settings, group, host));
    tracked::put(&mut text, vrrp, settings, host);
    text.section("Interfaces", &vrrp.links, |text, link| link::put(text, vrrp, settings, link));
    text.0
}

/// `keepalived_check.data`
#[must_use]
pub fn check(check: &Check, settings: &Settings, host: &dyn Host) -> String {
    let mut text = Text::default();
    global::put(&mut text, settings, host, Process::Check);
    if settings.ssl != Ssl::default() {
        text.line(format_args!("------< SSL definitions >------"));
        let Ssl { ca, certificate, key, password } = &settings.ssl;
        for (name, value) in
            [("Password", password), ("CA-file", ca), ("Certificate file", certificate), ("Key file", key)]
        {
            if let Some(value) = value {
                text.line(format_args!(" {name} : {value}"));
            }
        }
    }
    if !check.virtual_servers.is_empty() {
        text.line(format_args!("------< LVS Topology >------"));
        text.line(format_args!(" System is compiled with LVS v{IP_VS_VERSION}"));
        check.virtual_servers.iter().for_each(|vs| balancer::put(&mut text, vs, host));
        checker::put(&mut text, check, host);
    }
    text.0
}

fn put_statics(text: &mut Text, vrrp: &Vrrp, statics: &Statics) {
    let held = &vrrp.held_statics;
    let addresses: Vec<_> = statics.addresses.iter().zip(flags(held)).collect();
    text.section("Static Addresses", &addresses, |text, (address, held)| {
        let line = address::line(&address.item, *held, None);
        text.item(&with_group(line, address.track_group.as_deref()));
    });
    text.section("Static Routes", &statics.routes, |text, route| {
        text.item(&with_group(route::route(&route.item), route.track_group.as_deref()));
    });
    text.section("Static Rules", &statics.rules, |text, rule| {
        text.item(&with_group(route::rule(&rule.item), rule.track_group.as_deref()));
    });
}

fn with_group(line: String, group: Option<&str>) -> String {
    match group {
        Some(group) => format!("{line} track_group {group}"),
        None => line,
    }
}

/// Those that are known, and then no more.
fn flags(held: &[bool]) -> impl Iterator<Item = bool> {
    held.iter().copied().chain(std::iter::repeat(false))
}

/// A file that is being written.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: Arguments<'_>) {
        let _ = self.0.write_fmt(line);
        self.0.push('\n');
    }

    /// A heading, where there is something below it.
    fn section<T>(&mut self, title: &str, all: &[T], mut put: impl FnMut(&mut Text, &T)) {
        if !all.is_empty() {
            self.line(format_args!("------< {title} >------"));
            all.iter().for_each(|one| put(self, one));
        }
    }

    /// Below a heading with a colon.
    fn item(&mut self, item: &str) {
        self.line(format_args!("     {item}"));
    }

    /// A heading with a colon, and what is below it; nothing without.
    fn list<T: AsRef<str>>(&mut self, title: &str, items: &[T]) {
        if !items.is_empty() {
            self.line(format_args!("   {title} :"));
            items.iter().for_each(|item| self.item(item.as_ref()));
        }
    }

    fn script(&mut self, what: &str, script: Option<&Command>, host: &dyn Host) {
        if let Some(script) = script {
            let (account, script) = (host.account(script.run_as.as_ref()), command(script));
            self.line(format_args!("   {what} state transition script = {script}, uid:gid {account}"));
        }
    }
}

const fn on_off(is_on: bool) -> &'static str {
    if is_on { "enabled" } else { "disabled" }
}

const fn upper_on_off(is_on: bool) -> &'static str {
    if is_on { "ON" } else { "OFF" }
}

const fn yes_no(is_it: bool) -> &'static str {
    if is_it { "yes" } else { "no" }
}
