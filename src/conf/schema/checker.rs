//! The checks of a real server.

use super::{
    Arg, Block, Kind, MAX_U32, arg, integer, known, known_block, known_command, line, optional, timer,
};

const BOOL: &[Arg] = &[optional("BOOL", Kind::Bool)];

/// In `virtual_server / real_server / BFD_CHECK`.
pub(super) static BFD_CHECK: Block = Block { name: "BFD_CHECK", keywords: &[known("alpha"), known("name")] };

/// In `virtual_server / real_server / DNS_CHECK`.
pub(super) static DNS_CHECK: Block = Block {
    name: "DNS_CHECK",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("fwmark"),
        known("log_all_failures"),
        known("name"),
        known("retry"),
        known("type"),
        known("warmup"),
    ],
};

/// In `virtual_server / real_server / FILE_CHECK`.
pub(super) static FILE_CHECK: Block =
    Block { name: "FILE_CHECK", keywords: &[known("track_file"), known("weight")] };

/// In `virtual_server / real_server / HTTP_GET`.
pub(super) static HTTP_GET: Block = Block {
    name: "HTTP_GET",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("enable_sni"),
        known("fast_recovery"),
        known("fwmark"),
        known("http_protocol"),
        known("log_all_failures"),
        known("nb_get_retry"),
        known("retry"),
        known("sni_name"),
        known("tls_compliant"),
        known_block("url", &URL),
        known("virtualhost"),
        known("warmup"),
    ],
};

/// In `virtual_server / real_server / HTTP_GET / url`.
pub(super) static URL: Block = Block {
    name: "url",
    keywords: &[
        known("digest"),
        known("path"),
        known("regex"),
        known("regex_max_offset"),
        known("regex_min_offset"),
        known("regex_no_match"),
        known("regex_options"),
        known("regex_stack"),
        known("status_code"),
        known("tls_compliant"),
        known("virtualhost"),
    ],
};

/// In `virtual_server / real_server / MISC_CHECK`.
pub(super) static MISC_CHECK: Block = Block {
    name: "MISC_CHECK",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("fwmark"),
        known("log_all_failures"),
        known("misc_dynamic"),
        known_command("misc_path"),
        known("misc_timeout"),
        known("retry"),
        known("user"),
        known("warmup"),
    ],
};

/// In `virtual_server / real_server / PING_CHECK`.
pub(super) static PING_CHECK: Block = Block {
    name: "PING_CHECK",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("fwmark"),
        known("log_all_failures"),
        known("retry"),
        known("warmup"),
    ],
};

/// In `virtual_server / real_server / SMTP_CHECK`.
pub(super) static SMTP_CHECK: Block = Block {
    name: "SMTP_CHECK",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("fwmark"),
        known("helo_name"),
        known_block("host", &HOST),
        known("log_all_failures"),
        known("retry"),
        known("warmup"),
    ],
};

/// In `virtual_server / real_server / SMTP_CHECK / host`.
pub(super) static HOST: Block = Block {
    name: "host",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("fwmark"),
        known("log_all_failures"),
        known("retry"),
        known("warmup"),
    ],
};

/// In `virtual_server / real_server / SSL_GET`.
pub(super) static SSL_GET: Block = Block {
    name: "SSL_GET",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("enable_sni"),
        known("fast_recovery"),
        known("fwmark"),
        known("http_protocol"),
        known("log_all_failures"),
        known("nb_get_retry"),
        known("retry"),
        known("sni_name"),
        known("tls_compliant"),
        known_block("url", &URL),
        known("virtualhost"),
        known("warmup"),
    ],
};

/// In `virtual_server / real_server / TCP_CHECK`.
pub(super) static TCP_CHECK: Block = Block {
    name: "TCP_CHECK",
    keywords: &[
        line("alpha", BOOL, "failed until it first passes").default("that of the real server"),
        known("bind_if"),
        line("bind_port", &[arg("PORT", integer(1, 65_535))], "source port"),
        line("bindto", &[arg("ADDRESS", Kind::Address(None))], "source address"),
        line("connect_ip", &[arg("ADDRESS", Kind::Address(None))], "where to connect to")
            .default("the real server's address"),
        line("connect_port", &[arg("PORT", integer(1, 65_535))], "which port to connect to")
            .default("the real server's port"),
        line(
            "connect_timeout",
            &[arg("SECONDS", Kind::Timer { min_us: 1, max_us: MAX_U32 })],
            "how long a connection may take",
        )
        .default("that of the real server"),
        line("delay_before_retry", &[arg("SECONDS", timer(0))], "time before a failed check is tried again")
            .default("that of the real server, else 1"),
        line("delay_loop", &[arg("SECONDS", timer(1))], "time between two checks")
            .default("that of the real server"),
        line("fwmark", &[arg("MARK", integer(0, MAX_U32))], "firewall mark of the packets").default("0"),
        line("log_all_failures", BOOL, "log each failed try, not just the change").default("no"),
        line(
            "retry",
            &[arg("COUNT", integer(0, MAX_U32))],
            "further tries before the check counts as failed",
        )
        .default("that of the real server, else 1"),
        line("warmup", &[arg("SECONDS", timer(0))], "the first check comes at a random moment of this long")
            .default("that of the real server, else delay_loop"),
    ],
};

/// In `virtual_server / real_server / UDP_CHECK`.
pub(super) static UDP_CHECK: Block = Block {
    name: "UDP_CHECK",
    keywords: &[
        known("alpha"),
        known("bind_if"),
        known("bind_port"),
        known("bindto"),
        known("connect_ip"),
        known("connect_port"),
        known("connect_timeout"),
        known("delay_before_retry"),
        known("delay_loop"),
        known("fwmark"),
        known("log_all_failures"),
        known("max_reply_length"),
        known("min_reply_length"),
        known("payload"),
        known("require_reply"),
        known("retry"),
        known("warmup"),
    ],
};
