//! What servers say: MariaDB 10.11's greeting, packets laid out by hand from the protocol's description.

use super::*;
use crate::check::config::Login;
use crate::check::probe::dialogue::play_turns;

/// The challenge of the greeting: eight bytes, then twelve.
const CHALLENGE: &[u8; 20] = b"abcdefghijklmnopqrst";

fn greeting(plugin: &str) -> Vec<u8> {
    let mut payload = b"\x0a5.5.5-10.11.19-MariaDB-0+deb12u1\0\x07\0\0\0abcdefgh\0".to_vec();
    payload.extend(b"\xfe\xf7\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0ijklmnopqrst\0");
    payload.extend(plugin.as_bytes());
    payload.push(0);
    framed(0, &payload)
}

const OK: &[u8] = b"\x07\0\0\x02\0\0\0\x02\0\0\0";
const QUIT: &[u8] = b"\x01\0\0\0\x01";

fn error(number: u8, code: u16, text: &str) -> Vec<u8> {
    let code = code.to_le_bytes();
    framed(number, &[&[0xff], &code[..], b"#HY000", text.as_bytes()].concat())
}

/// An answer to a query: columns of these names, and a row of these values.
fn table(columns: &[(&str, Option<&str>)], rows: usize) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let mut packets = vec![vec![columns.len() as u8]];
    for (name, _) in columns {
        let names = ["def", "", "", "", name, ""].map(text).concat();
        packets.push([&names[..], b"\x0c\x21\0\0\0\0\0\xfd\0\0\0\0\0"].concat());
    }
    let end = b"\xfe\0\0\x02\0".to_vec();
    packets.push(end.clone());
    for _ in 0..rows {
        packets.push(columns.iter().flat_map(|(_, value)| value.map_or(vec![0xfb], text)).collect());
    }
    packets.push(end);
    (1..).zip(packets).flat_map(|(number, packet)| framed(number, &packet)).collect()
}

fn of(check: &config::Mysql, password: Option<&str>, turns: &[&[u8]]) -> (Vec<u8>, Result<(), String>) {
    let mut all: Vec<_> = [1, 3, 7, 10_000]
        .into_iter()
        .map(|size| {
            let (said, outcome) = play_turns(&mut Mysql::new(check, password), turns, size);
            (said, outcome.map_err(|failure| failure.to_string()))
        })
        .collect();
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn check() -> config::Mysql {
    let login = Login { user: Some("lb".into()), password: None };
    config::Mysql { login, ..config::Mysql::default() }
}

/// What is said behind a login that succeeds, and the outcome.
fn behind_the_login(check: &config::Mysql, turns: &[&[u8]]) -> (Vec<u8>, Result<(), String>) {
    let greeting = greeting("mysql_native_password");
    let turns = [&[&greeting[..], OK], turns].concat();
    let (said, outcome) = of(check, None, &turns);
    let length = length(&said).unwrap();
    (said[length..].to_vec(), outcome)
}

#[test]
fn mysql_greets() {
    let nobody = config::Mysql::default();
    assert_eq!(of(&nobody, None, &[&greeting("mysql_native_password")]), (Vec::new(), Ok(())));
    let failed = |server: &[u8]| of(&nobody, None, &[server]).1.unwrap_err();
    // As it is before anybody has said which version he speaks.
    let blocked = framed(0, b"\xff\x69\x04Host '10.0.0.1' is blocked because of many connection errors");
    assert_eq!(
        failed(&blocked),
        "the server answers the connection with error 1129: Host '10.0.0.1' is blocked because of many connection errors"
    );
    assert_eq!(failed(b""), "the server ended the connection");
    assert_eq!(failed(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "a message of the server is too long");
    assert_eq!(failed(&framed(0, b"hello")), "the server's answer to the connection is no MySQL");
    assert_eq!(failed(&framed(0, b"\x0a5.5\0abc")), "the server's greeting is cut short");
}

/// Proofs as Python's hashlib computes them.
#[test]
fn mysql_is_logged_in_to() {
    let native = "613e55086a4cff7ee5e72155de2dc8f9a411472c";
    let caching = "1ec72bde06563fbbd3b7ca9429446f15fe7322aa5823c6f9ca21771ce4206c1e";
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&scrambled(b"mysql_native_password", Some("sesame"), CHALLENGE).unwrap()), native);
    assert_eq!(hex(&scrambled(b"caching_sha2_password", Some("sesame"), CHALLENGE).unwrap()), caching);
    let database = config::Mysql { database: Some("shop".into()), ..check() };
    let first = greeting("mysql_native_password");
    let (said, outcome) = of(&database, Some("sesame"), &[&first, OK, b""]);
    assert_eq!(outcome, Ok(()));
    let proof = scrambled(b"mysql_native_password", Some("sesame"), CHALLENGE).unwrap();
    let answer = [
        b"\x08\x82\x08\0\0\0\0\x01\x21".as_slice(),
        &[0; 23],
        b"lb\0\x14",
        &proof,
        b"shop\0mysql_native_password\0",
    ];
    assert_eq!(said, [framed(1, &answer.concat()), QUIT.to_vec()].concat());
    let refused = error(2, 1045, "Access denied for user 'lb'");
    assert_eq!(
        of(&check(), Some("wrong"), &[&first, &refused]).1,
        Err("the server answers the login with error 1045: Access denied for user 'lb'".to_owned())
    );
}

#[test]
fn mysql_may_want_another_login() {
    let first = greeting("mysql_native_password");
    let switch = framed(2, b"\xfecaching_sha2_password\0ABCDEFGHIJKLMNOPQRST\0");
    let (said, outcome) = of(&check(), Some("sesame"), &[&first, &switch, &framed(4, &[1, 3]), OK, b""]);
    assert_eq!(outcome, Ok(()));
    let proof = scrambled(b"caching_sha2_password", Some("sesame"), b"ABCDEFGHIJKLMNOPQRST").unwrap();
    assert!(said.ends_with(&[framed(3, &proof), QUIT.to_vec()].concat()));
    let whole = of(&check(), Some("sesame"), &[&first, &switch, &framed(4, &[1, 4])]).1.unwrap_err();
    assert!(whole.contains("caching_sha2_password, which needs TLS or RSA"), "{whole}");
    let unknown = framed(2, b"\xfeclient_ed25519\0ABCDEFGHIJKLMNOPQRST\0");
    let unknown = of(&check(), Some("sesame"), &[&first, &unknown]).1.unwrap_err();
    assert!(unknown.starts_with("the server wants a login by `client_ed25519`"), "{unknown}");
    let old = of(&check(), None, &[&first, &framed(2, &[0xfe])]).1.unwrap_err();
    assert_eq!(old, "the server wants a login of before MySQL 4.1");
    // What it greets with need not be what the user has.
    let (said, outcome) = of(&check(), None, &[&greeting("client_ed25519"), OK, b""]);
    assert_eq!(outcome, Ok(()));
    assert!(said.windows(21).any(|name| name == b"mysql_native_password"));
}

#[test]
fn mysql_is_close_behind_its_primary() {
    let lagging = config::Mysql { max_lag: Some(10), ..check() };
    let status = |name, lag, rows| table(&[("Replica_IO_State", Some("")), (name, lag)], rows);
    let asked = [query("SHOW REPLICA STATUS"), QUIT.to_vec()].concat();
    for (answer, outcome) in [
        (status("Seconds_Behind_Source", Some("10"), 1), Ok(())),
        (status("Seconds_Behind_Master", Some("0"), 1), Ok(())),
        (status("Seconds_Behind_Master", None, 0), Ok(())),
        (status("Seconds_Behind_Master", Some("11"), 1), Err("the server is 11 seconds behind".to_owned())),
        (status("Seconds_Behind_Source", None, 1), Err("replication of the server does not run".to_owned())),
        (
            error(1, 1227, "Access denied; you need REPLICA MONITOR"),
            Err("the server answers SHOW REPLICA STATUS with error 1227: Access denied; you need REPLICA MONITOR".to_owned()),
        ),
    ] {
        let (said, found) = behind_the_login(&lagging, &[&answer, b""]);
        assert_eq!(found, outcome);
        assert_eq!(said, asked, "whatever came, the server is told that we leave");
    }
    // Servers of before the newer word.
    let unknown = error(1, SYNTAX, "You have an error in your SQL syntax");
    let answer = status("Seconds_Behind_Master", Some("3"), 1);
    let (said, outcome) = behind_the_login(&lagging, &[&unknown, &answer, b""]);
    assert_eq!(
        (said, outcome),
        ([query("SHOW REPLICA STATUS"), query("SHOW SLAVE STATUS"), QUIT.to_vec()].concat(), Ok(()))
    );
}

#[test]
fn mysql_takes_writes_or_not() {
    let answer = |value| table(&[("@@global.read_only", Some(value))], 1);
    for (wanted, value, outcome) in [
        (true, "1", Ok(())),
        (false, "0", Ok(())),
        (false, "OFF", Ok(())),
        (false, "1", Err("read_only of the server is on".to_owned())),
        (true, "0", Err("read_only of the server is off".to_owned())),
        (true, "perhaps", Err("the server does not say whether it is read_only".to_owned())),
    ] {
        let check = config::Mysql { read_only: Some(wanted), ..check() };
        assert_eq!(behind_the_login(&check, &[&answer(value), b""]).1, outcome, "{wanted} {value}");
    }
    // Both are asked for, one after the other.
    let both = config::Mysql { read_only: Some(true), max_lag: Some(1), ..check() };
    let status = table(&[("Seconds_Behind_Master", Some("1"))], 1);
    let (said, outcome) = behind_the_login(&both, &[&answer("1"), &status, b""]);
    assert_eq!(outcome, Ok(()));
    let asked = [query("SELECT @@global.read_only"), query("SHOW REPLICA STATUS"), QUIT.to_vec()];
    assert_eq!(said, asked.concat());
}

#[test]
fn an_answer_without_end_is_given_up() {
    let check = config::Mysql { max_lag: Some(1), ..check() };
    let head = framed(1, &[1]);
    let columns = table(&[("a", None)], 0);
    let column = columns.get(5..5 + length(&columns[5..]).unwrap()).unwrap().to_vec();
    let endless = [head, column.repeat(2000)].concat();
    let reason = behind_the_login(&check, &[&endless]).1.unwrap_err();
    assert_eq!(reason, "the server's answer to SHOW REPLICA STATUS is no MySQL");
    let end = framed(3, b"\xfe\0\0\x02\0");
    let rows = [&framed(1, &[1])[..], &column, &end, &framed(4, &[1, b'x']).repeat(20_000)].concat();
    assert_eq!(behind_the_login(&check, &[&rows]).1, Err("the server's answer does not end".to_owned()));
}
