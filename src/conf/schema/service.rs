//! The checks of a real server that speak a service's own protocol: ours, keepalived has none of them.

use super::checker::{
    ALPHA, BIND_IF, BIND_PORT, BINDTO, CONNECT_IP, CONNECT_PORT, CONNECT_TIMEOUT, DELAY_BEFORE_RETRY,
    DELAY_LOOP, FWMARK, LOG_ALL_FAILURES, RETRY, WARMUP,
};
use super::{Block, Keyword, Kind, expected, line};

const REDIS_ROLES: &[&str] = &["master", "replica"];

const PASSWORD: Keyword = line(
    "password",
    &[expected("PASSWORD", Kind::Text)],
    "the user's; or file:PATH: the first line of a file",
)
.ours();

/// In `virtual_server / real_server / AGENT_CHECK`.
pub(super) static AGENT_CHECK: Block = Block {
    name: "AGENT_CHECK",
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
        FWMARK,
        LOG_ALL_FAILURES,
        RETRY,
        line("send", &[expected("TEXT", Kind::Text)], "what the agent is sent first, as a line")
            .ours()
            .default("nothing"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / REDIS_CHECK`.
pub(super) static REDIS_CHECK: Block = Block {
    name: "REDIS_CHECK",
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
        FWMARK,
        LOG_ALL_FAILURES,
        PASSWORD,
        RETRY,
        line("role", &[expected("ROLE", Kind::Choice(REDIS_ROLES))], "the role that the server must have")
            .ours()
            .default("any"),
        line("user", &[expected("USER", Kind::Text)], "who logs in")
            .ours()
            .default("the password's default user"),
        WARMUP,
    ],
};
