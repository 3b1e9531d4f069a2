//! What servers say: messages laid out by hand from the protocol's description.

use super::*;
use crate::check::config::Login;
use crate::check::probe::dialogue::play_turns;

const NUMBER: u64 = 0x0123_4567_89ab_cdef;

fn of(check: &config::Pgsql, password: Option<&str>, turns: &[&[u8]]) -> (Vec<u8>, Result<(), String>) {
    let mut all: Vec<_> = [1, 3, 7, 10_000]
        .into_iter()
        .map(|size| {
            let (said, outcome) = play_turns(&mut Pgsql::new(check, password, NUMBER), turns, size);
            (said, outcome.map_err(|failure| failure.to_string()))
        })
        .collect();
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn check(role: Option<PgsqlRole>) -> config::Pgsql {
    let login = Login { user: Some("lb".into()), password: None };
    config::Pgsql { login, database: Some("shop".into()), role }
}

fn server(letter: u8, payload: &[u8]) -> Vec<u8> {
    message(Some(letter), payload)
}

fn authentication(kind: u32, more: &[u8]) -> Vec<u8> {
    server(b'R', &[&kind.to_be_bytes(), more].concat())
}

fn error(code: &str, text: &str) -> Vec<u8> {
    server(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{text}\0Fauth.c\0L1\0R\0\0").as_bytes())
}

/// All is well, and it waits for questions.
fn ready() -> Vec<u8> {
    let settings = [server(b'S', b"server_version\x0015.15\0"), server(b'K', &[0; 8]), server(b'Z', b"I")];
    [authentication(0, &[]), settings.concat()].concat()
}

const STARTUP: &[u8] = b"\0\0\0\x1f\0\x03\0\0user\0lb\0database\0shop\0\0";
const TERMINATE: &[u8] = b"X\0\0\0\x04";

#[test]
fn pgsql_takes_a_connection() {
    let nobody = config::Pgsql::default();
    let startup = b"\0\0\0\x13\0\x03\0\0user\0vipd\0\0".to_vec();
    for answer in [
        authentication(10, b"SCRAM-SHA-256\0\0"),
        authentication(0, &[]),
        error("28000", "no pg_hba.conf entry for host"),
        error("28000", "role \"vipd\" does not exist"),
        error("3D000", "database \"vipd\" does not exist"),
    ] {
        assert_eq!(of(&nobody, None, &[&answer]), (startup.clone(), Ok(())));
    }
    let failed = |server: &[u8]| of(&nobody, None, &[server]).1.unwrap_err();
    for (code, text) in [
        ("57P03", "the database system is starting up"),
        ("57P03", "the database system is shutting down"),
        ("53300", "sorry, too many clients already"),
    ] {
        assert_eq!(failed(&error(code, text)), format!("the server answers with error {code}: {text}"));
    }
    assert_eq!(failed(b""), "the server ended the connection");
    assert_eq!(failed(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "a message of the server is too long");
    assert_eq!(failed(b"N\0\0\0\0"), "a message of the server is too long", "of no length");
    assert_eq!(failed(&server(b'Z', b"I")), "the answer is no PostgreSQL");
}

#[test]
fn pgsql_is_logged_in_to() {
    let clear = [STARTUP, b"p\0\0\0\x0bsesame\0", TERMINATE].concat();
    let turns: [&[u8]; 3] = [&authentication(3, &[]), &ready(), b""];
    assert_eq!(of(&check(None), Some("sesame"), &turns), (clear, Ok(())));
    let trusted = [STARTUP, TERMINATE].concat();
    assert_eq!(of(&check(None), None, &[&ready(), b""]), (trusted, Ok(())));
    // Computed by Python's hashlib.
    let md5 = [STARTUP, b"p\0\0\0\x28md5ef45eeb15d57e3ff343f657a57f86173\0", TERMINATE].concat();
    let turns: [&[u8]; 3] = [&authentication(5, b"salt"), &ready(), b""];
    assert_eq!(of(&check(None), Some("sesame"), &turns), (md5, Ok(())));
    let refused = error("28P01", "password authentication failed for user \"lb\"");
    assert_eq!(
        of(&check(None), Some("wrong"), &[&authentication(3, &[]), &refused]).1,
        Err("the server answers with error 28P01: password authentication failed for user \"lb\"".to_owned())
    );
    // Kerberos.
    let unknown = of(&check(None), None, &[&authentication(7, &[])]).1.unwrap_err();
    assert!(unknown.contains("in the clear, md5 and scram-sha-256 are known"), "{unknown}");
}

/// The server's side as in the tests of SCRAM itself.
#[test]
fn pgsql_and_who_asks_prove_the_password_to_each_other() {
    let offer = authentication(10, b"SCRAM-SHA-256\0\0");
    let go_on = authentication(11, b"r=0123456789abcdefXYZ,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    let last = authentication(12, b"v=UWntZ3BC8SWwsl1ejWqUYiAZI2/04+wVYYFcqldNor4=");
    let (said, outcome) = of(&check(None), Some("pencil"), &[&offer, &go_on, &[last, ready()].concat(), b""]);
    assert_eq!(outcome, Ok(()));
    let first = b"p\0\0\0\x2eSCRAM-SHA-256\0\0\0\0\x18n,,n=,r=0123456789abcdef";
    assert!(said.get(STARTUP.len()..).unwrap().starts_with(first), "{said:?}");
    assert!(said.ends_with(TERMINATE));
    let unproven = of(&check(None), Some("pencil"), &[&offer, &go_on, &ready()]).1;
    assert_eq!(unproven, Err("the server does not prove that it knows the password".to_owned()));
    let other = of(&check(None), None, &[&authentication(10, b"SCRAM-SHA-256-PLUS\0\0")]).1.unwrap_err();
    assert!(other.starts_with("the server wants a login"), "{other}");
    let nothing_asked = of(&check(None), None, &[&go_on]).1;
    assert_eq!(nothing_asked, Err("the answer is no PostgreSQL".to_owned()));
}

#[test]
fn pgsql_has_the_role_that_is_wanted() {
    let query = b"Q\0\0\0\x1fSELECT pg_is_in_recovery()\0";
    let asked = [STARTUP, query, TERMINATE].concat();
    let answer = |value: &[u8]| {
        let columns =
            server(b'T', b"\0\x01pg_is_in_recovery\0\0\0\0\0\0\0\0\0\0\x10\0\x01\xff\xff\xff\xff\0\0");
        let row = server(b'D', &[b"\0\x01\0\0\0\x01", value].concat());
        [columns, row, server(b'C', b"SELECT 1\0"), server(b'Z', b"I")].concat()
    };
    for (wanted, value, outcome) in [
        (PgsqlRole::Primary, b"f", Ok(())),
        (PgsqlRole::Standby, b"t", Ok(())),
        (PgsqlRole::Primary, b"t", Err("the server is a standby".to_owned())),
        (PgsqlRole::Standby, b"f", Err("the server is the primary".to_owned())),
        (PgsqlRole::Standby, b"?", Err("the answer is no PostgreSQL".to_owned())),
    ] {
        let said = of(&check(Some(wanted)), None, &[&ready(), &answer(value), b""]);
        assert_eq!(said, (asked.clone(), outcome));
    }
}
