//! The checks that speak a service's own protocol.

use super::connect::Common;
use crate::check::config::{Agent, Grpc, Ldap, Login, Mysql, Password, Pgsql, PgsqlRole, Redis, RedisRole};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lower::{Lower, body, end_of};
use crate::conf::tree::Statement;
use crate::raw;

/// `GRPC_CHECK`
pub(super) fn grpc(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Grpc {
    let mut grpc = Grpc::default();
    each(cx, statement, common, |cx, name, statement| match name {
        "service" => grpc.service = text(cx, statement).or(grpc.service.take()),
        "virtualhost" => grpc.virtual_host = text(cx, statement).or(grpc.virtual_host.take()),
        _ => {}
    });
    grpc
}

/// `LDAP_CHECK`
pub(super) fn ldap(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Ldap {
    let mut ldap = Ldap::default();
    each(cx, statement, common, |cx, name, statement| match name {
        "base" => ldap.base = text(cx, statement).or(ldap.base.take()),
        _ => login(cx, name, statement, &mut ldap.login),
    });
    let Login { user, password } = &ldap.login;
    // Without a password directories take the bind of a user for an anonymous one (RFC 4513 §5.1.2).
    needs(cx, statement, user.is_some() && password.is_none(), "user", "password");
    needs(cx, statement, password.is_some() && user.is_none(), "password", "user");
    ldap
}

/// `MYSQL_CHECK`
pub(super) fn mysql(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Mysql {
    let mut mysql = Mysql::default();
    each(cx, statement, common, |cx, name, statement| match name {
        "database" => mysql.database = text(cx, statement).or(mysql.database.take()),
        "max_lag" => mysql.max_lag = cx.u32(statement).or(mysql.max_lag),
        "read_only" => mysql.read_only = cx.flag(statement).or(mysql.read_only),
        _ => login(cx, name, statement, &mut mysql.login),
    });
    let Mysql { login, database, max_lag, read_only } = &mysql;
    for (is_given, name) in [
        (login.password.is_some(), "password"),
        (database.is_some(), "database"),
        (max_lag.is_some(), "max_lag"),
        (read_only.is_some(), "read_only"),
    ] {
        needs(cx, statement, is_given && login.user.is_none(), name, "user");
    }
    mysql
}

/// `PGSQL_CHECK`
pub(super) fn pgsql(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Pgsql {
    let mut pgsql = Pgsql::default();
    each(cx, statement, common, |cx, name, statement| match name {
        "database" => pgsql.database = text(cx, statement).or(pgsql.database.take()),
        "role" => {
            pgsql.role = match cx.choice(statement) {
                Some("primary") => Some(PgsqlRole::Primary),
                Some(_) => Some(PgsqlRole::Standby),
                None => pgsql.role,
            };
        }
        _ => login(cx, name, statement, &mut pgsql.login),
    });
    let Pgsql { login, database, role } = &pgsql;
    for (is_given, name) in
        [(login.password.is_some(), "password"), (database.is_some(), "database"), (role.is_some(), "role")]
    {
        needs(cx, statement, is_given && login.user.is_none(), name, "user");
    }
    pgsql
}

/// `REDIS_CHECK`
pub(super) fn redis(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Redis {
    let mut redis = Redis::default();
    each(cx, statement, common, |cx, name, statement| match name {
        "role" => {
            redis.role = match cx.choice(statement) {
                Some("master") => Some(RedisRole::Master),
                Some(_) => Some(RedisRole::Replica),
                None => redis.role,
            };
        }
        _ => login(cx, name, statement, &mut redis.login),
    });
    needs(cx, statement, redis.login.user.is_some() && redis.login.password.is_none(), "user", "password");
    redis
}

/// `AGENT_CHECK`
pub(super) fn agent(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Agent {
    let mut agent = Agent::default();
    each(cx, statement, common, |cx, name, statement| {
        if name == "send" {
            agent.send = text(cx, statement).or(agent.send.take());
        }
    });
    agent
}

/// Reads what all checks have, and has the rest read.
fn each(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    common: &mut Common,
    mut read: impl FnMut(&mut Lower<'_, '_>, &'static str, &Statement),
) {
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        let name = keyword.canonical();
        if !common.statement(cx, name, statement) {
            read(cx, name, statement);
        }
    }
}

fn login(cx: &mut Lower<'_, '_>, name: &str, statement: &Statement, login: &mut Login) {
    match name {
        "user" => login.user = text(cx, statement).or(login.user.take()),
        "password" => {
            let password = text(cx, statement).map(|text| match text.strip_prefix("file:") {
                Some(path) => Password::File(raw::path(path)),
                None => Password::Text(text),
            });
            login.password = password.or(login.password.take());
        }
        _ => {}
    }
}

fn text(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Box<str>> {
    cx.text(statement).map(|word| word.text.as_ref().into())
}

/// Reports a setting that has no effect without another one, if it `lacks` that.
fn needs(cx: &mut Lower<'_, '_>, block: &Statement, lacks: bool, given: &str, missing: &str) {
    if lacks {
        let message = format!("`{given}` needs `{missing}`");
        let diagnostic = Diagnostic::new(&codes::INCOMPLETE, end_of(block), message);
        cx.sink.push(diagnostic.also(block.span, "of this check"));
    }
}
