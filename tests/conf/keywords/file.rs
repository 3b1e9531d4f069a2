//! The least file around a line: each block with what it can't do without.

use super::sample::{Sample, first_word};
use std::fmt::Write as _;

/// A block: its path, the line that opens it, and what it can't do without.
type Frame = (&'static str, &'static str, &'static [&'static str]);

const URL: &[&str] = &["path /", "status_code 200"];

const FRAMES: &[Frame] = &[
    ("", "", &[]),
    ("SSL", "SSL", &[]),
    ("bfd_instance", "bfd_instance B", &["neighbor_ip 10.0.0.2"]),
    ("garp_group", "garp_group", &["garp_interval 2", "interface eth0"]),
    ("global_defs", "global_defs", &[]),
    ("track_file", "track_file F", &["file /etc/hostname"]),
    ("track_group", "track_group G", &[]),
    (
        "virtual_server",
        "virtual_server 10.0.0.1 80",
        &["protocol TCP", "lvs_sched rr", "lvs_method NAT", "real_server 10.0.1.1 80 {\n}"],
    ),
    ("virtual_server/real_server", "real_server 10.0.1.1 80", &[]),
    ("virtual_server/real_server/AGENT_CHECK", "AGENT_CHECK", &[]),
    ("virtual_server/real_server/BFD_CHECK", "BFD_CHECK", &["name B"]),
    ("virtual_server/real_server/DNS_CHECK", "DNS_CHECK", &[]),
    ("virtual_server/real_server/FILE_CHECK", "FILE_CHECK", &["track_file F"]),
    ("virtual_server/real_server/GRPC_CHECK", "GRPC_CHECK", &[]),
    ("virtual_server/real_server/HTTP_GET", "HTTP_GET", &["url {\n  path /\n  status_code 200\n}"]),
    ("virtual_server/real_server/HTTP_GET/url", "url", URL),
    ("virtual_server/real_server/LDAP_CHECK", "LDAP_CHECK", &[]),
    ("virtual_server/real_server/MISC_CHECK", "MISC_CHECK", &["misc_path /bin/true"]),
    ("virtual_server/real_server/MYSQL_CHECK", "MYSQL_CHECK", &[]),
    ("virtual_server/real_server/PGSQL_CHECK", "PGSQL_CHECK", &[]),
    ("virtual_server/real_server/PING_CHECK", "PING_CHECK", &[]),
    ("virtual_server/real_server/REDIS_CHECK", "REDIS_CHECK", &[]),
    ("virtual_server/real_server/SMTP_CHECK", "SMTP_CHECK", &[]),
    ("virtual_server/real_server/SMTP_CHECK/host", "host", &[]),
    ("virtual_server/real_server/SSL_GET", "SSL_GET", &["url {\n  path /\n  status_code 200\n}"]),
    ("virtual_server/real_server/SSL_GET/url", "url", URL),
    ("virtual_server/real_server/TCP_CHECK", "TCP_CHECK", &[]),
    ("virtual_server/real_server/UDP_CHECK", "UDP_CHECK", &[]),
    (
        "vrrp_instance",
        "vrrp_instance VI_1",
        &["interface eth0", "virtual_router_id 51", "virtual_ipaddress {\n  10.0.0.1/24\n}"],
    ),
    ("vrrp_instance/auth_hmac", "auth_hmac", &[]),
    ("vrrp_instance/authentication", "authentication", &["auth_type PASS", "auth_pass secret"]),
    ("vrrp_script", "vrrp_script S", &["script /bin/true"]),
    ("vrrp_sync_group", "vrrp_sync_group G", &["group {\n  VI_1\n  VI_2\n}"]),
    ("vrrp_track_file", "vrrp_track_file F", &["file /etc/hostname"]),
    ("vrrp_track_process", "vrrp_track_process P", &["process nginx"]),
];

/// What the top of the file has besides, where the block refers to it.
const AROUND: &[(&str, &str)] = &[
    ("virtual_server/real_server/BFD_CHECK", "bfd_instance B {\n  neighbor_ip 10.0.1.1\n}"),
    ("virtual_server/real_server/FILE_CHECK", "track_file F {\n  file /etc/hostname\n}"),
    (
        "vrrp_sync_group",
        "vrrp_instance VI_1 {\n  interface eth0\n  virtual_router_id 51\n  virtual_ipaddress {\n    10.0.0.1/24\n  }\n}",
    ),
    (
        "vrrp_sync_group",
        "vrrp_instance VI_2 {\n  interface eth1\n  virtual_router_id 52\n  virtual_ipaddress {\n    10.0.2.1/24\n  }\n}",
    ),
];

/// The file around this line of the sample; an empty line is the file without it.
pub(super) fn write(sample: &Sample, line: &str) -> String {
    let mut text = String::new();
    let replaced = |candidate: &str| {
        [line, &sample.beside].iter().any(|l| l.lines().any(|l| first_word(l) == first_word(candidate)))
    };
    // A file with nothing else in it would be remarked on.
    if sample.path != "global_defs" && !sample.above.contains("global_defs") && !replaced("global_defs") {
        text.push_str("global_defs {\n  router_id here\n}\n");
    }
    for (_, lines) in AROUND.iter().filter(|(path, _)| *path == sample.path) {
        let name: Vec<&str> = lines.split_whitespace().take(2).collect();
        if !sample.above.contains(&name.join(" ")) {
            let _ = writeln!(text, "{lines}");
        }
    }
    if !sample.above.is_empty() {
        let _ = writeln!(text, "{}", sample.above);
    }
    // Each block around the line, then the line, then the ends of the blocks.
    let ends: Vec<usize> = match sample.path.as_str() {
        "" => Vec::new(),
        path => path.match_indices('/').map(|(i, _)| i).chain([path.len()]).collect(),
    };
    for (depth, end) in ends.iter().enumerate() {
        let path = &sample.path[..*end];
        let (_, opening, lines) = FRAMES.iter().find(|(p, ..)| *p == path).unwrap();
        put(&mut text, depth, &format!("{opening} {{"));
        let inner = ends.get(depth + 1).map(|next| &sample.path[end + 1..*next]);
        for candidate in *lines {
            let stays = match inner {
                Some(inner) => first_word(candidate) != inner,
                None => !replaced(candidate),
            };
            if stays {
                put(&mut text, depth + 1, candidate);
            }
        }
    }
    put(&mut text, ends.len(), &sample.beside);
    put(&mut text, ends.len(), line);
    for depth in (0..ends.len()).rev() {
        put(&mut text, depth, "}");
    }
    text
}

fn put(text: &mut String, depth: usize, lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "{:1$}{line}", "", depth * 2);
    }
}
