//! The checks of a real server.

use super::{
    Arg, Block, Keyword, Kind, MAX_U32, SECOND_US, arg, block, expected, integer, line, optional, timer,
};

const BOOL: &[Arg] = &[optional("BOOL", Kind::Bool)];

const HTTP_PROTOCOLS: &[&str] = &["1.0", "1.0C", "1.0c", "1.1"];

/// HTTP/2 is vipd's own.
const HTTPS_PROTOCOLS: &[&str] = &["1.0", "1.0C", "1.0c", "1.1", "2"];

/// Record types that keepalived asks for.
const DNS_RECORDS: &[&str] = &["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"];

pub(super) const ALPHA: Keyword =
    line("alpha", BOOL, "failed until it first passes").default("that of the real server");
pub(super) const BIND_IF: Keyword = line(
    "bind_if",
    &[arg("INTERFACE", Kind::Interface)],
    "the interface to use; link-local addresses need it",
);
pub(super) const BIND_PORT: Keyword = line("bind_port", &[arg("PORT", integer(1, 65_535))], "source port");
pub(super) const BINDTO: Keyword = line("bindto", &[arg("ADDRESS", Kind::Address(None))], "source address");
pub(super) const CONNECT_IP: Keyword =
    line("connect_ip", &[arg("ADDRESS", Kind::Address(None))], "where to connect to")
        .default("the real server's address");
pub(super) const CONNECT_PORT: Keyword =
    line("connect_port", &[arg("PORT", integer(1, 65_535))], "which port to connect to")
        .default("the real server's port");
pub(super) const CONNECT_TIMEOUT: Keyword = line(
    "connect_timeout",
    &[arg("SECONDS", Kind::Timer { min_us: 1, max_us: MAX_U32 })],
    "how long a connection may take",
)
.default("that of the real server");
pub(super) const DELAY_BEFORE_RETRY: Keyword =
    line("delay_before_retry", &[arg("SECONDS", timer(0))], "time before a failed check is tried again")
        .default("that of the real server, else 1; 3 for HTTP_GET and SSL_GET; delay_loop for DNS_CHECK");
pub(super) const DELAY_LOOP: Keyword =
    line("delay_loop", &[arg("SECONDS", timer(1))], "time between two checks")
        .default("that of the real server");
pub(super) const FALL: Keyword = line(
    "fall",
    &[arg("COUNT", integer(1, MAX_U32))],
    "so many tries in a row must fail: one more than retry",
)
.ours()
.default("retry and one");
pub(super) const FWMARK: Keyword =
    line("fwmark", &[arg("MARK", integer(0, MAX_U32))], "firewall mark of the packets").default("0");
pub(super) const LOG_ALL_FAILURES: Keyword =
    line("log_all_failures", BOOL, "log each failed try, not just the change").default("no");
pub(super) const RETRY: Keyword =
    line("retry", &[arg("COUNT", integer(0, MAX_U32))], "further tries before the check counts as failed")
        .default("that of the real server, else 1; 3 for DNS_CHECK; 0 for MISC_CHECK");
pub(super) const RISE: Keyword = line(
    "rise",
    &[arg("COUNT", integer(1, MAX_U32))],
    "so many checks in a row must pass for a server that is down to come back",
)
.ours()
.default("that of the real server, else 1");
pub(super) const WARMUP: Keyword =
    line("warmup", &[arg("SECONDS", timer(0))], "the first check comes at a random moment of this long")
        .default("that of the real server, else delay_loop");

/// In `virtual_server / real_server / BFD_CHECK`.
pub(super) static BFD_CHECK: Block = Block {
    name: "BFD_CHECK",
    keywords: &[
        ALPHA,
        line("name", &[expected("NAME", Kind::Text)], "the bfd_instance whose session must be up"),
    ],
};

/// In `virtual_server / real_server / DNS_CHECK`.
pub(super) static DNS_CHECK: Block = Block {
    name: "DNS_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        line("name", &[arg("NAME", Kind::Text)], "which name is asked for").default("."),
        RETRY,
        RISE,
        line("type", &[arg("TYPE", Kind::ChoiceAnyCase(DNS_RECORDS))], "which record is asked for")
            .default("SOA"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / FILE_CHECK`.
pub(super) static FILE_CHECK: Block = Block {
    name: "FILE_CHECK",
    keywords: &[
        line("track_file", &[arg("NAME", Kind::Text)], "the block that names the file to watch"),
        line(
            "weight",
            &[expected("WEIGHT", Kind::Special), optional("reverse | noreverse", Kind::Special)],
            "by what the number in the file is multiplied, to be added to the server's weight",
        )
        .default("that of the track_file"),
    ],
};

/// In `virtual_server / real_server / HTTP_GET`.
pub(super) static HTTP_GET: Block = Block {
    name: "HTTP_GET",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        line("enable_sni", BOOL, "name the virtual host in the handshake of TLS").default("no"),
        FALL,
        line("fast_recovery", BOOL, "ask for all pages at once when the server comes back")
            .since("2.0.17")
            .default("no"),
        FWMARK,
        line(
            "http_protocol",
            &[expected("VERSION", Kind::Choice(HTTP_PROTOCOLS))],
            "version of HTTP; 1.0C closes the connection",
        )
        .since("2.0.17")
        .default("1.0"),
        LOG_ALL_FAILURES,
        line(
            "nb_get_retry",
            &[arg("COUNT", integer(0, MAX_U32))],
            "deprecated: further tries before the check counts as failed",
        )
        .synonym_of("retry"),
        RETRY,
        RISE,
        line(
            "sni_name",
            &[optional("NAME", Kind::Text)],
            "the name to give in the handshake of TLS; switches enable_sni on",
        )
        .default("the virtual host"),
        line("tls_compliant", BOOL, "a connection that ends without TLS's own goodbye has failed")
            .default("no"),
        block("url", &[], &URL, "a page, and what must come back"),
        line("virtualhost", &[expected("HOST", Kind::Text)], "which host is asked for")
            .default("that of the real server"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / HTTP_GET / url`.
pub(super) static URL: Block = Block {
    name: "url",
    keywords: &[
        line("digest", &[arg("MD5", Kind::Text)], "MD5 sum of the body, as genhash prints it"),
        line("path", &[arg("PATH", Kind::Text)], "the page"),
        line(
            "regex",
            &[expected("PATTERN", Kind::Text)],
            "what the body must match; a backslash that is meant for PCRE2 is written twice",
        )
        .since("2.0.7")
        .quoted(),
        line(
            "regex_max_offset",
            &[expected("BYTES", integer(0, u64::MAX - 1))],
            "the last byte at which a match may begin",
        )
        .since("2.0.7"),
        line(
            "regex_min_offset",
            &[expected("BYTES", integer(0, u64::MAX - 1))],
            "how many bytes are passed over before the search",
        )
        .since("2.0.7"),
        line("regex_no_match", &[], "a match is a failure").since("2.0.7"),
        line("regex_options", &[optional("OPTION...", Kind::Special)], "options of PCRE2, in small letters")
            .since("2.0.7"),
        line(
            "regex_stack",
            &[expected("START", Kind::Special), expected("MAX", Kind::Special)],
            "first and greatest size of the matcher's stack in bytes",
        )
        .since("2.0.7"),
        line(
            "status_code",
            &[optional("CODE | FIRST-LAST ...", Kind::Special)],
            "which status codes are good",
        )
        .default("200-299"),
        line("tls_compliant", BOOL, "a connection that ends without TLS's own goodbye has failed")
            .default("that of the check"),
        line("virtualhost", &[expected("HOST", Kind::Text)], "which host is asked for")
            .default("that of the check"),
    ],
};

/// In `virtual_server / real_server / MISC_CHECK`.
pub(super) static MISC_CHECK: Block = Block {
    name: "MISC_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        line(
            "misc_dynamic",
            &[],
            "a status of 2 or more is success, and two less than it the server's weight",
        ),
        line(
            "misc_path",
            &[expected("COMMAND", Kind::Text)],
            "what is run, in quotes if it has arguments; status 0 is success, 1 a failure",
        )
        .command(),
        line(
            "misc_timeout",
            &[arg("SECONDS", integer(0, MAX_U32 / SECOND_US))],
            "after this the program is ended, and has failed",
        )
        .default("delay_loop of the virtual server"),
        RETRY,
        RISE,
        line("user", &[expected("USER", Kind::Text), optional("GROUP", Kind::Text)], "who runs it")
            .default("script_user"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / PING_CHECK`.
pub(super) static PING_CHECK: Block = Block {
    name: "PING_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        RETRY,
        RISE,
        WARMUP,
    ],
};

/// In `virtual_server / real_server / SMTP_CHECK`.
pub(super) static SMTP_CHECK: Block = Block {
    name: "SMTP_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        line("helo_name", &[expected("NAME", Kind::Text)], "the name that HELO gives")
            .default("smtpchecker.keepalived.org"),
        block("host", &[], &HOST, "deprecated: one more server to check"),
        LOG_ALL_FAILURES,
        RETRY,
        RISE,
        WARMUP,
    ],
};

/// In `virtual_server / real_server / SMTP_CHECK / host`.
pub(super) static HOST: Block = Block {
    name: "host",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        RETRY,
        RISE,
        WARMUP,
    ],
};

/// In `virtual_server / real_server / SSL_GET`.
pub(super) static SSL_GET: Block = Block {
    name: "SSL_GET",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        line(
            "certificate_expiry",
            &[arg("DAYS", integer(1, 3650))],
            "warn of a certificate that ends within so many days, at once and then daily; the server stays",
        )
        .ours()
        .default("no warning"),
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        line("enable_sni", BOOL, "name the virtual host in the handshake of TLS").default("no"),
        FALL,
        line("fast_recovery", BOOL, "ask for all pages at once when the server comes back")
            .since("2.0.17")
            .default("no"),
        FWMARK,
        line(
            "http_protocol",
            &[expected("VERSION", Kind::Choice(HTTPS_PROTOCOLS))],
            "version of HTTP; 1.0C closes the connection; 2, which the server has to choose in the handshake of TLS (ALPN), is known to vipd alone: keepalived reports it, and asks with 1.0",
        )
        .since("2.0.17")
        .default("1.0"),
        LOG_ALL_FAILURES,
        line(
            "nb_get_retry",
            &[arg("COUNT", integer(0, MAX_U32))],
            "deprecated: further tries before the check counts as failed",
        )
        .synonym_of("retry"),
        RETRY,
        RISE,
        line(
            "sni_name",
            &[optional("NAME", Kind::Text)],
            "the name to give in the handshake of TLS; switches enable_sni on",
        )
        .default("the virtual host"),
        line("tls_compliant", BOOL, "a connection that ends without TLS's own goodbye has failed")
            .default("no"),
        block("url", &[], &URL, "a page, and what must come back"),
        line(
            "verify_certificate",
            BOOL,
            "the server's certificate has to be for the host that is asked for, and from an authority of `ca` in `SSL`, or of the system",
        )
        .ours()
        .default("no"),
        line("virtualhost", &[expected("HOST", Kind::Text)], "which host is asked for")
            .default("that of the real server"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / TCP_CHECK`.
pub(super) static TCP_CHECK: Block = Block {
    name: "TCP_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        line(
            "half_open",
            BOOL,
            "reset the connection before the server's program hears of it: nothing of the check in its log",
        )
        .ours()
        .default("no"),
        LOG_ALL_FAILURES,
        RETRY,
        RISE,
        WARMUP,
    ],
};

/// In `virtual_server / real_server / UDP_CHECK`.
pub(super) static UDP_CHECK: Block = Block {
    name: "UDP_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        line("max_reply_length", &[arg("BYTES", integer(0, 65_535))], "most bytes of an answer")
            .since("2.2.0")
            .default("255"),
        line("min_reply_length", &[arg("BYTES", integer(0, 65_535))], "fewest bytes of an answer")
            .since("2.2.0")
            .default("0"),
        line("payload", &[expected("HEX", Kind::Special)], "what is sent, in hexadecimal")
            .since("2.2.0")
            .default("random bytes"),
        line(
            "require_reply",
            &[optional("HEX", Kind::Special)],
            "an answer must come, and begin with this; X stands for any digit",
        )
        .since("2.1.0"),
        RETRY,
        RISE,
        WARMUP,
    ],
};
