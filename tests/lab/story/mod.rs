//! The same story of virtual servers twice (see `support::story`): once with keepalived as director, once with vipd.

mod checks;
mod daemon;
mod quorum;
mod reload;
mod services;
mod stage;
mod table;
mod web;

use crate::support::story::{self, written};
use crate::support::{Implementation, Test};
use stage::Stage;

type Play = fn(&mut Stage<'_>);
type Story = story::Story<Play>;

const fn story(name: &'static str, play: Play) -> Story {
    Story::new(name, play)
}

pub(crate) fn tests() -> Vec<Test> {
    let all =
        [checks::STORIES, daemon::STORIES, quorum::STORIES, reload::STORIES, table::STORIES, web::STORIES];
    all.into_iter().flatten().map(|story| story.test("lvs_story", transcript)).collect()
}

fn transcript(play: impl Fn(&mut Stage<'_>), program: Implementation) -> Result<String, String> {
    written(|lab, text| {
        let mut stage = Stage::new(lab, program, &["-C"], text);
        play(&mut stage);
        stage.end();
    })
}

/// `virtual_server NAME`, where quorums have programs and checks don't dawdle.
fn service(name: &str, lines: &str, servers: &str) -> String {
    let sched = if lines.contains("lvs_sched") { "" } else { "lvs_sched rr" };
    let method = if lines.contains("lvs_method") { "" } else { "lvs_method DR" };
    let protocol = if lines.contains("protocol") { "" } else { "protocol TCP" };
    format!(
        "virtual_server {name} {{
    delay_loop 1
    warmup 0
    delay_before_retry 1
    connect_timeout 1
    {sched}
    {method}
    {protocol}
    quorum_up \"{{dir}}called quorum_up {name}\"
    quorum_down \"{{dir}}called quorum_down {name}\"
    {lines}
{servers}}}
"
    )
}

/// The virtual server of most stories.
fn vip(lines: &str, servers: &str) -> String {
    service("10.99.0.1 80", lines, servers)
}

/// Real server `n` of most stories: where programs hear of it.
fn server(n: u8, lines: &str) -> String {
    real_server(&format!("10.98.0.{n} 80"), lines)
}

fn real_server(address: &str, lines: &str) -> String {
    format!(
        "    real_server {address} {{
        notify_up \"{{dir}}called up {address}\"
        notify_down \"{{dir}}called down {address}\"
        {}
    }}
",
        quick(lines)
    )
}

/// Checks that say nothing of retries have none: the default takes a second more each time. It can't be set for the whole
/// virtual server.
fn quick(lines: &str) -> String {
    if lines.contains("retry") {
        return lines.to_owned();
    }
    let kinds = ["TCP_CHECK", "UDP_CHECK", "SMTP_CHECK", "DNS_CHECK", "PING_CHECK", "HTTP_GET", "SSL_GET"];
    kinds.iter().fold(lines.to_owned(), |lines, kind| {
        lines.replace(&format!("{kind} {{"), &format!("{kind} {{\n        retry 0"))
    })
}

/// The check of most stories.
const CHECK: &str = "TCP_CHECK {\n}";

const SORRY: &str = "sorry_server 10.98.0.9 80";

/// What the FIFO says of a real server of [`server`], in [`vip`].
fn rs(n: u8, state: &str) -> String {
    rs_of(n, "10.99.0.1", state)
}

/// The same, in another virtual server.
fn rs_of(n: u8, address: &str, state: &str) -> String {
    format!("RS [10.98.0.{n}]:tcp:80 [{address}]:tcp:80 {state}")
}

/// What the FIFO says of [`vip`].
fn vs(state: &str) -> String {
    vs_of("10.99.0.1", state)
}

/// The same, of another virtual server.
fn vs_of(address: &str, state: &str) -> String {
    format!("VS [{address}]:tcp:80 {state}")
}

/// Where real server `n` of [`server`] serves.
fn at(n: u8) -> String {
    format!("10.98.0.{n}:80")
}

/// How it begins when those who hear of quorums hear that [`vip`] has lost its own.
const QUORUM_DOWN: &[&str] = &["fifo: VS [10.99.0.1]:tcp:80 DOWN", "call: quorum_down 10.99.0.1 80"];
