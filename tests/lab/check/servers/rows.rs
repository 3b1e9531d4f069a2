//! The checks, and what is to come of them at each pause.

use super::daemons::{
    APACHE, CERTIFICATES, EXIM, EXIM_LINES, EXIM_STEADY, KNOWN, NAMED, NGINX, OPENSSL, STRANGERS, UNBOUND,
};
use super::proxy::Manner::{self, *};

/// What becomes of a real server at each pause, in order: `+` if the table has it, `-` if not. The pauses are: all is well;
/// trouble (proxies misbehave, pages are spoiled, an address is gone); servers stand still; they are gone; all is well.
pub(super) type Verdicts = &'static str;

/// A real server with its check.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) check: String,
    pub(super) port: u16,
    pub(super) is_v6: bool,
    /// How a proxy in front of the server misbehaves, if there is one.
    pub(super) proxy: Option<Manner>,
    pub(super) keepalived: Verdicts,
    pub(super) vipd: Verdicts,
    /// Where the two differ: how the row of `docs/differences.md` begins.
    pub(super) reason: &'static str,
}

/// In trouble where pages, mails or addresses are.
const SPOILED: Verdicts = "+---+";
/// Trouble is others'.
const ALONE: Verdicts = "++--+";
const NEVER: Verdicts = "-----";
/// The kernel answers for a server that stands still.
const OPEN: Verdicts = "+++-+";

impl Row {
    fn new(port: u16, check: impl Into<String>, verdicts: Verdicts) -> Row {
        let check = check.into();
        Row { check, port, is_v6: false, proxy: None, keepalived: verdicts, vipd: verdicts, reason: "" }
    }

    fn v6(self) -> Row {
        Row { is_v6: true, ..self }
    }

    fn behind(self, manner: Manner) -> Row {
        Row { proxy: Some(manner), ..self }
    }

    fn but(self, vipd: Verdicts, reason: &'static str) -> Row {
        Row { vipd, reason, ..self }
    }

    /// For messages.
    pub(super) fn title(&self) -> String {
        let check = self.check.split_whitespace().collect::<Vec<_>>().join(" ");
        let Row { port, proxy, .. } = self;
        format!("{check} at port {port}{}", proxy.map(|manner| format!(", {manner:?}")).unwrap_or_default())
    }

    pub(super) fn is_datagram(&self) -> bool {
        self.check.starts_with("DNS_CHECK") || self.check.starts_with("UDP_CHECK")
    }
}

/// `HTTP_GET` or `SSL_GET` of a page.
fn get(kind: &str, lines: &str, path: &str, url: &str) -> String {
    format!("{kind} {{\n{lines}\nurl {{\npath {path}\n{url}\n}}\n}}")
}

fn http(version: &str, path: &str, url: &str) -> String {
    get("HTTP_GET", &format!("http_protocol {version}"), path, url)
}

/// Behind the end there is more: where a match ends with the page, keepalived has none.
const GOOD_PAGE: &str = "status_code 200\nregex \"(all is well here )+until the end\"";

/// `{digest PATH}` in a check is what genhash says of that page of nginx.
pub(super) fn rows() -> Vec<Row> {
    [pages(), encrypted(), others(), behind_proxies()].into_iter().flatten().collect()
}

fn pages() -> Vec<Row> {
    let host = "status_code 200\nvirtualhost api.example";
    vec![
        Row::new(NGINX, http("1.0", "/page", "status_code 200"), SPOILED),
        Row::new(NGINX, http("1.0C", "/page", "digest {digest /page}"), SPOILED),
        Row::new(NGINX, http("1.1", "/page", GOOD_PAGE), SPOILED),
        Row::new(NGINX, http("1.1", "/page", "digest {digest /page}"), SPOILED).v6(),
        Row::new(NGINX, http("1.1", "/parts.shtml", "regex \"here until the end\""), SPOILED),
        Row::new(NGINX, http("1.0", "/empty", "status_code 204"), SPOILED),
        Row::new(NGINX, http("1.0", "/moved", "status_code 300-399"), SPOILED),
        Row::new(NGINX, http("1.1", "/none", "status_code 404"), SPOILED),
        Row::new(NGINX, http("1.1", "/none", "status_code 200"), NEVER),
        Row::new(NGINX, http("1.1", "/page", "regex \"more\\.$\""), NEVER)
            .but(SPOILED, "| a `regex` that matches the very end"),
        Row::new(NGINX, http("1.1", "/page", "regex \"not as it\"\nregex_no_match"), SPOILED),
        Row::new(NGINX, http("1.1", "/page", "status_code 403\nvirtualhost api.example"), ALONE),
        Row::new(NGINX, http("1.0", "/page", host), NEVER),
        Row::new(APACHE, http("1.0", "/page", GOOD_PAGE), SPOILED),
        Row::new(APACHE, http("1.1", "/page", "digest {digest /page}"), SPOILED),
        Row::new(APACHE, http("1.0C", "/page", "status_code 200"), ALONE),
        Row::new(APACHE, http("1.1", "/parts.shtml", "regex \"here until the end\""), SPOILED),
        Row::new(NGINX, http("1.1", "/parts.shtml", "digest {digest /parts.shtml}"), SPOILED),
        Row::new(APACHE, http("1.1", "/forbidden", "status_code 403"), ALONE),
        // What other servers say.
        Row::new(EXIM, http("1.1", "/page", "status_code 200"), NEVER),
        Row::new(KNOWN, http("1.1", "/page", "status_code 200"), NEVER),
    ]
}

fn encrypted() -> Vec<Row> {
    let tls = |lines: &str| get("SSL_GET", lines, "/page", GOOD_PAGE);
    let name = "enable_sni\nvirtualhost www.example";
    let mut rows = vec![
        Row::new(NAMED, tls(name), SPOILED),
        Row::new(NAMED, tls("virtualhost www.example"), NEVER),
        Row::new(NAMED, tls("enable_sni\nvirtualhost other.example"), NEVER),
        Row::new(KNOWN, get("SSL_GET", name, "/page", "digest {digest /page}"), SPOILED),
        Row::new(STRANGERS, tls(name), NEVER),
        Row::new(OPENSSL[0], get("SSL_GET", "", "/", "status_code 200"), ALONE),
        Row::new(OPENSSL[1], get("SSL_GET", name, "/", "status_code 200"), ALONE),
        Row::new(OPENSSL[2], get("SSL_GET", name, "/", "status_code 200"), ALONE).but(NEVER, "| TLS |"),
        Row::new(NGINX, tls(""), NEVER),
        Row::new(EXIM, tls(""), NEVER),
    ];
    for (port, certificate) in (CERTIFICATES.0..).zip(CERTIFICATES.1) {
        // Nobody looks at certificates, unless it is asked for: keepalived doesn't even then.
        if certificate == "unsigned" {
            rows.push(Row::new(port, tls(name), SPOILED));
        }
        let asked = Row::new(port, tls(&format!("{name}\nverify_certificate")), SPOILED);
        rows.push(if certificate == "good" {
            asked
        } else {
            asked.but(NEVER, "| `verify_certificate` in `SSL_GET` |")
        });
    }
    rows
}

fn others() -> Vec<Row> {
    let dns = |kind: &str, name: &str| format!("DNS_CHECK {{\ntype {kind}\nname {name}\n}}");
    let ping = |ip: &str| format!("PING_CHECK {{\nconnect_ip {ip}\n}}");
    vec![
        Row::new(NGINX, "TCP_CHECK {\n}", OPEN),
        Row::new(NGINX, "TCP_CHECK {\n}", OPEN).v6(),
        Row::new(7, "TCP_CHECK {\n}", NEVER),
        Row::new(EXIM, "SMTP_CHECK {\n}", SPOILED),
        Row::new(EXIM, "SMTP_CHECK {\nhelo_name lb.example\n}", SPOILED),
        Row::new(EXIM, "SMTP_CHECK {\nhelo_name stranger.example\n}", NEVER),
        Row::new(EXIM_LINES, "SMTP_CHECK {\n}", NEVER).but(ALONE, "| replies of many lines to `SMTP_CHECK`"),
        Row::new(NGINX, "SMTP_CHECK {\n}", NEVER),
        Row::new(UNBOUND, dns("A", "www.example"), ALONE),
        Row::new(UNBOUND, dns("AAAA", "six.example"), ALONE),
        Row::new(UNBOUND, dns("AAAA", "six.example"), ALONE).v6(),
        Row::new(UNBOUND, dns("MX", "example"), ALONE),
        Row::new(UNBOUND, dns("SOA", "example"), ALONE),
        // There is none, but the name is there.
        Row::new(UNBOUND, dns("AAAA", "www.example"), ALONE),
        // Cut short.
        Row::new(UNBOUND, dns("TXT", "long.example"), ALONE),
        Row::new(UNBOUND, dns("A", "none.example"), NEVER),
        Row::new(UNBOUND, dns("A", "www.refused"), NEVER),
        Row::new(UNBOUND, dns("A", "www.silent"), NEVER),
        Row::new(UNBOUND, dns("A", "www.broken"), NEVER),
        Row::new(53, dns("A", "www.example"), NEVER),
        Row::new(UNBOUND, "UDP_CHECK {\n}", OPEN),
        Row::new(53, "UDP_CHECK {\n}", NEVER),
        Row::new(
            UNBOUND,
            format!("UDP_CHECK {{\n{QUESTION}\nrequire_reply 1234XXXX00010001\nmin_reply_length 30\n}}"),
            ALONE,
        ),
        Row::new(UNBOUND, format!("UDP_CHECK {{\n{QUESTION}\nrequire_reply 4321\n}}"), NEVER),
        Row::new(80, ping("10.98.0.77"), "+-+++"),
        Row::new(80, ping("fd98::77"), "+-+++").v6(),
        Row::new(80, "MISC_CHECK {\nmisc_path {dir}/fetch\nmisc_timeout 4\nuser root\n}", SPOILED),
        Row::new(80, "FILE_CHECK {\ntrack_file F\n}", "+-+++"),
    ]
}

/// What is the address of www.example?
const QUESTION: &str = "payload 12340100000100000000000003777777076578616d706c650000010001";

/// Each kind of check with each way to misbehave, in front of what is not spoiled otherwise.
fn behind_proxies() -> Vec<Row> {
    const FAILS: Verdicts = "+---+";
    let row = |port: u16, check: &str, ways: &[(Manner, Verdicts)]| -> Vec<Row> {
        ways.iter().map(|(manner, verdicts)| Row::new(port, check, verdicts).behind(*manner)).collect()
    };
    /// The ways of all that talk, where both are within what decides.
    fn ways(middle: usize, garbled: usize) -> Vec<(Manner, Verdicts)> {
        let fail = [Hangs, Stalls(middle), Refuses, Resets, Cuts(middle), Tears(middle), Garbles(garbled)];
        let mut ways: Vec<_> = fail.map(|manner| (manner, FAILS)).to_vec();
        ways.extend([(ByteByByte(400), ALONE), (IsSlow, ALONE)]);
        ways
    }
    let tls = |path: &str, regex: &str| {
        get("SSL_GET", "enable_sni\nvirtualhost www.example", path, &format!("regex \"{regex}\""))
    };
    let udp = format!("UDP_CHECK {{\n{QUESTION}\nrequire_reply 1234XXXX00010001\nmin_reply_length 30\n}}");
    let datagrams =
        [(Hangs, FAILS), (Refuses, FAILS), (Cuts(5), FAILS), (Garbles(0), FAILS), (IsSlow, ALONE)];
    [
        row(NGINX, "TCP_CHECK {\n}", &[(Hangs, "+++++"), (Refuses, "+-+++"), (IsSlow, "+++++")]),
        // Of the first line only the number counts.
        row(
            NGINX,
            &http("1.0", "/", "status_code 403\nvirtualhost api.example"),
            &[(Cuts(60), FAILS), (Garbles(0), ALONE), (Garbles(9), FAILS)],
        ),
        row(APACHE, &http("1.1", "/steady", "status_code 200"), &[(Cuts(500), ALONE), (Tears(500), FAILS)]),
        row(APACHE, &http("1.1", "/steady", GOOD_PAGE), &ways(500, 9)),
        row(NAMED, &tls("/steady", "(all is well here )+until the end"), &ways(300, 0)[..8]),
        row(NAMED, &tls("/steady", "(all is well here )+until the end"), &[(IsSlow, FAILS)])
            .into_iter()
            .map(|row| row.but(ALONE, "| an answer over TLS that comes slowly |"))
            .collect(),
        row(
            NAMED,
            &tls("/long", "end of the long page"),
            &[(Cuts(10_000), FAILS), (Tears(10_000), FAILS), (Garbles(10_000), FAILS)],
        ),
        row(EXIM_STEADY, "SMTP_CHECK {\n}", &ways(5, 0)),
        row(UNBOUND, "DNS_CHECK {\ntype A\nname www.example\n}", &datagrams),
        row(UNBOUND, "DNS_CHECK {\ntype A\nname www.example\n}", &[(Garbles(3), FAILS)]),
        row(UNBOUND, "DNS_CHECK {\ntype A\nname www.example\n}", &[(Cuts(8), ALONE)])
            .into_iter()
            .map(|row| row.but(FAILS, "| an answer to `DNS_CHECK` of 8 to 11 bytes |"))
            .collect(),
        row(UNBOUND, &udp, &datagrams),
        // Nobody cares for that byte.
        row(UNBOUND, &udp, &[(Garbles(3), ALONE)]),
    ]
    .concat()
}
