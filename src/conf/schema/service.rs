//! The checks of a real server that speak a service's own protocol: ours, keepalived has none of them.

use super::checker::{
    ALPHA, BIND_IF, BIND_PORT, BINDTO, CONNECT_IP, CONNECT_PORT, CONNECT_TIMEOUT, DELAY_BEFORE_RETRY,
    DELAY_LOOP, FALL, FWMARK, LOG_ALL_FAILURES, RETRY, RISE, WARMUP,
};
use super::{Block, Keyword, Kind, MAX_U32, arg, expected, integer, line, optional};

const PGSQL_ROLES: &[&str] = &["primary", "standby"];
const REDIS_ROLES: &[&str] = &["master", "replica"];

const DATABASE: Keyword =
    line("database", &[expected("DATABASE", Kind::Text)], "which database is used").ours().default("none");

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
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        RETRY,
        RISE,
        line("send", &[expected("TEXT", Kind::Text)], "what the agent is sent first, as a line")
            .ours()
            .default("nothing"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / GRPC_CHECK`.
pub(super) static GRPC_CHECK: Block = Block {
    name: "GRPC_CHECK",
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
        line("service", &[expected("NAME", Kind::Text)], "which service is asked about")
            .ours()
            .default("the server as a whole"),
        line("virtualhost", &[expected("HOST", Kind::Text)], "which host is asked for")
            .ours()
            .default("address and port"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / LDAP_CHECK`.
pub(super) static LDAP_CHECK: Block = Block {
    name: "LDAP_CHECK",
    keywords: &[
        ALPHA,
        line("base", &[expected("DN", Kind::Text)], "an entry that the user must be shown")
            .ours()
            .default("none is asked for"),
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
        PASSWORD,
        RETRY,
        RISE,
        line("user", &[expected("DN", Kind::Text)], "who binds")
            .ours()
            .default("nobody: the bind is anonymous"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / MYSQL_CHECK`.
pub(super) static MYSQL_CHECK: Block = Block {
    name: "MYSQL_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        DATABASE,
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        line("max_lag", &[arg("SECONDS", integer(0, MAX_U32))], "how far a replica may be behind").ours().default("any"),
        PASSWORD,
        line("read_only", &[optional("BOOL", Kind::Bool)], "the server must be read_only, or must not").ours().default("any"),
        RETRY,
        RISE,
        line(
            "user",
            &[expected("USER", Kind::Text)],
            "who logs in; without one the server's greeting is enough, and it counts connections that log nobody in: with as \
             many in a row as its max_connect_errors says it refuses this host",
        )
        .ours()
        .default("nobody"),
        WARMUP,
    ],
};

/// In `virtual_server / real_server / PGSQL_CHECK`.
pub(super) static PGSQL_CHECK: Block = Block {
    name: "PGSQL_CHECK",
    keywords: &[
        ALPHA,
        BIND_IF,
        BIND_PORT,
        BINDTO,
        CONNECT_IP,
        CONNECT_PORT,
        CONNECT_TIMEOUT,
        line("database", &[expected("DATABASE", Kind::Text)], "which database is used").ours().default("that of the user's name"),
        DELAY_BEFORE_RETRY,
        DELAY_LOOP,
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        PASSWORD,
        RETRY,
        RISE,
        line("role", &[expected("ROLE", Kind::Choice(PGSQL_ROLES))], "the role that the server must have")
            .ours()
            .default("any"),
        line(
            "user",
            &[expected("USER", Kind::Text)],
            "who logs in; without one it is enough that the server asks who we are, or refuses whom it does not know",
        )
        .ours()
        .default("nobody"),
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
        FALL,
        FWMARK,
        LOG_ALL_FAILURES,
        PASSWORD,
        RETRY,
        RISE,
        line("role", &[expected("ROLE", Kind::Choice(REDIS_ROLES))], "the role that the server must have")
            .ours()
            .default("any"),
        line("user", &[expected("USER", Kind::Text)], "who logs in")
            .ours()
            .default("the password's default user"),
        WARMUP,
    ],
};
