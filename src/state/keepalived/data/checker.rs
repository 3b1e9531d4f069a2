//! `Health checkers`: the checks of all real servers, in the order of the configuration.

use super::{Host, Text, command, yes_no};
use crate::check::config::{DnsRecord, Http, HttpProtocol, Probe, Regex, Udp, Url};
use crate::state::check::{Check, Checker};
use std::net::SocketAddr;

pub(super) fn put(text: &mut Text, check: &Check, host: &dyn Host) {
    let all = check.virtual_servers.iter().flat_map(|vs| {
        vs.real_servers
            .iter()
            .flat_map(move |rs| rs.checkers.iter().map(move |checker| (&*vs.config.name, &*rs.name, checker)))
    });
    let all: Vec<(&str, &str, &Checker)> = all.collect();
    text.section("Health checkers", &all, |text, (vs, rs, checker)| {
        text.line(format_args!(" {vs} -> {rs}"));
        put_one(text, checker, host);
    });
}

fn put_one(text: &mut Text, checker: &Checker, host: &dyn Host) {
    let settings = &checker.settings;
    let schedule = settings.schedule;
    key(text, "Enabled", yes_no(!checker.is_suspended));
    key(text, "Up", yes_no(checker.is_up));
    key(text, "Has run", yes_no(checker.has_run));
    key(text, "Current weight", checker.adds);
    if !settings.probe.is_watched() {
        key(text, "Alpha", yes_no(schedule.alpha));
        key(text, "Delay loop", format_args!("{} us", schedule.delay_loop.as_micros()));
        key(text, "Warmup", format_args!("{} us", schedule.warmup.as_micros()));
        key(text, "Retries", schedule.retry);
        if schedule.retry > 0 {
            let delay = schedule.delay_before_retry.as_micros();
            key(text, "Delay before retry", format_args!("{delay} us"));
            key(text, "Retries iterations", checker.tries);
        }
        if schedule.rise > 1 {
            key(text, "Rise", schedule.rise);
        }
    }
    key(text, "Log all failures", yes_no(schedule.log_all_failures));
    if !matches!(settings.probe, Probe::Misc(_) | Probe::File(_) | Probe::Bfd { .. }) {
        put_connection(text, checker);
    }
    put_probe(text, &settings.probe, host);
}

fn key(text: &mut Text, name: &str, value: impl std::fmt::Display) {
    text.line(format_args!("   {name} = {value}"));
}

fn pair(address: SocketAddr) -> String {
    format!("[{}]:{}", address.ip(), address.port())
}

fn put_connection(text: &mut Text, checker: &Checker) {
    let connect = &checker.settings.connect;
    text.line(format_args!("   Connection"));
    text.item(&format!("Dest = {}", pair(checker.settings.to)));
    if let Some(address) = connect.bind_address {
        text.item(&format!("Bind to = {}", pair(SocketAddr::new(address, connect.bind_port.unwrap_or(0)))));
    }
    if let Some(interface) = &connect.bind_if {
        text.item(&format!("Bind i/f = {interface}"));
    }
    if connect.fwmark != 0 {
        text.item(&format!("Mark = {}", connect.fwmark));
    }
    text.item(&format!("Timeout = {:.6}", connect.timeout.as_secs_f64()));
    if connect.half_open {
        text.item("Half open");
    }
}

fn put_probe(text: &mut Text, probe: &Probe, host: &dyn Host) {
    let method = match probe {
        Probe::Tcp => "TCP_CHECK",
        Probe::Http(http) => return put_http(text, http),
        Probe::Smtp { .. } => "SMTP_CHECK",
        Probe::Dns(_) => "DNS_CHECK",
        Probe::Udp(_) => "UDP_CHECK",
        Probe::Ping => "PING_CHECK",
        Probe::Misc(_) => "MISC_CHECK",
        Probe::File(_) => "FILE_CHECK",
        Probe::Bfd { .. } => "BFD_CHECK",
        Probe::Agent(_)
        | Probe::Mysql(_)
        | Probe::Pgsql(_)
        | Probe::Ldap(_)
        | Probe::Grpc(_)
        | Probe::Redis(_) => probe.service().unwrap_or_default(),
    };
    key(text, "Keepalive method", method);
    match probe {
        Probe::Smtp { helo_name } => key(text, "helo", helo_name),
        Probe::Dns(dns) => {
            key(text, "Type", record(dns.record));
            key(text, "Name", &dns.name);
        }
        Probe::Udp(udp) => put_udp(text, udp),
        Probe::Misc(misc) => {
            key(text, "script", command(&misc.command));
            key(text, "timeout", misc.timeout.as_secs());
            key(text, "dynamic", if misc.dynamic { "YES" } else { "NO" });
            key(text, "uid:gid", host.account(misc.command.run_as.as_ref()));
        }
        Probe::File(file) => text.item(&format!("Tracked file = {}", file.track_file)),
        Probe::Bfd { name } => key(text, "Name", name),
        _ => {}
    }
}

const fn record(record: DnsRecord) -> &'static str {
    match record {
        DnsRecord::A => "A",
        DnsRecord::Ns => "NS",
        DnsRecord::Cname => "CNAME",
        DnsRecord::Soa => "SOA",
        DnsRecord::Mx => "MX",
        DnsRecord::Txt => "TXT",
        DnsRecord::Aaaa => "AAAA",
        DnsRecord::Rrsig => "RRSIG",
        DnsRecord::Dnskey => "DNSKEY",
    }
}

fn put_udp(text: &mut Text, udp: &Udp) {
    match &udp.payload {
        Some(payload) => key(text, "Payload len", payload.len()),
        None => key(text, "Payload specified", "no"),
    }
    key(text, "Require reply", yes_no(udp.reply.is_some()));
    if let Some(reply) = &udp.reply {
        text.item(&format!("Min reply length = {}", reply.min_length));
        text.item(&format!("Max reply length = {}", reply.max_length));
        text.item(&format!("Reply data len = {}", reply.data.len()));
        if !reply.data.is_empty() {
            let has_mask = reply.mask.iter().any(|byte| *byte != 0xff);
            text.item(&format!("Reply data mask = {}", yes_no(has_mask)));
        }
    }
}

fn put_http(text: &mut Text, http: &Http) {
    let method = if http.tls.is_some() { "SSL" } else { "HTTP" };
    let protocol = match http.protocol {
        HttpProtocol::V10 => "1.0",
        HttpProtocol::V10Close => "1.0C",
        HttpProtocol::V11 => "1.1",
        HttpProtocol::V2 => "2",
    };
    key(text, "Keepalive method", format_args!("{method}_GET, http protocol {protocol}"));
    let set = |is_set: bool| if is_set { "" } else { "un" };
    let sni = http.tls.as_ref().is_some_and(|tls| tls.sni);
    text.line(format_args!("   Enable SNI {}set", set(sni)));
    text.line(format_args!("   Fast recovery {}set", set(http.fast_recovery)));
    http.urls.iter().for_each(|url| put_url(text, url));
}

fn put_url(text: &mut Text, url: &Url) {
    key(text, "Checked url", &url.path);
    if let Some(digest) = &url.digest {
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        text.item(&format!("digest = {digest}"));
    }
    text.item("HTTP Status Code(s)");
    for (from, to) in &url.status_codes {
        match from == to {
            true => text.line(format_args!("       {from}")),
            false => text.line(format_args!("       {from}-{to}")),
        }
    }
    if let Some(host) = &url.virtual_host {
        text.item(&format!("Virtual host = {host}"));
    }
    if let Some(regex) = &url.regex {
        put_regex(text, regex);
    }
}

fn put_regex(text: &mut Text, regex: &Regex) {
    text.item(&format!("Regex = \"{}\"", regex.pattern));
    if regex.no_match {
        text.item("Regex no match");
    }
    match (regex.min_offset, regex.max_offset) {
        (min, Some(max)) => text.item(&format!("Regex min offset = {min}, max_offset = {max}")),
        (0, None) => {}
        (min, None) => text.item(&format!("Regex min offset = {min}")),
    }
    text.item("Regex options:");
    regex.options.iter().for_each(|option| text.line(format_args!("       {option}")));
}
