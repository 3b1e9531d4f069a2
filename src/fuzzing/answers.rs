//! What checked servers answer: whatever it is, a check ends, and an answer that came in pieces means what it means whole.

use crate::check::config::{self, HttpProtocol, Login, Regex, Reply, Url};
use crate::check::probe::agent::Agent;
use crate::check::probe::dialogue::play;
use crate::check::probe::dns::Dns;
use crate::check::probe::grpc::Grpc;
use crate::check::probe::http::{Exchange, Page};
use crate::check::probe::ldap::Ldap;
use crate::check::probe::mysql::Mysql;
use crate::check::probe::pgsql::Pgsql;
use crate::check::probe::ping::Ping;
use crate::check::probe::query::Query;
use crate::check::probe::redis::Redis;
use crate::check::probe::smtp::Smtp;
use crate::check::probe::udp::Udp;
use crate::net::Family;

fn page(protocol: HttpProtocol) -> Page {
    let regex = Regex {
        pattern: r"(?<=\bup)(time|is)+: *(\d+)$".to_owned(),
        no_match: false,
        options: vec!["multiline".to_owned()],
        min_offset: 3,
        max_offset: Some(1000),
        stack: None,
    };
    let url = Url {
        path: "/".into(),
        virtual_host: None,
        status_codes: vec![(200, 299)],
        digest: Some([7; 16]),
        regex: Some(Box::new(regex)),
        tls_compliant: false,
    };
    Page::new(protocol, &url, ([192, 0, 2, 1], 80).into())
}

pub(super) fn check(bytes: &[u8]) {
    let pages = [HttpProtocol::V11, HttpProtocol::V2].map(page);
    for page in &pages {
        let whole = play(&mut Exchange::new(page), bytes, usize::MAX).1;
        for size in [1, 3] {
            assert_eq!(play(&mut Exchange::new(page), bytes, size).1, whole, "in pieces of {size}");
        }
    }
    for size in [1, 3, usize::MAX] {
        let _ = play(&mut Smtp::new("me"), bytes, size);
    }
    for size in [1, 3, usize::MAX] {
        let login = Login { user: Some("lb".into()), password: None };
        let redis = config::Redis { login, role: Some(config::RedisRole::Master) };
        let _ = play(&mut Redis::new(&redis, Some("sesame")), bytes, size);
        let _ = play(&mut Redis::new(&config::Redis::default(), None), bytes, size);
    }
    for size in [1, 3, usize::MAX] {
        let login = Login { user: Some("lb".into()), password: None };
        let mysql = config::Mysql { login, database: None, max_lag: Some(5), read_only: Some(true) };
        let _ = play(&mut Mysql::new(&mysql, Some("sesame")), bytes, size);
        let login = Login { user: Some("lb".into()), password: None };
        let role = Some(config::PgsqlRole::Primary);
        let pgsql = config::Pgsql { login, database: Some("shop".into()), role };
        let _ = play(&mut Pgsql::new(&pgsql, Some("sesame"), 1), bytes, size);
        let ldap = config::Ldap { login: Login::default(), base: Some("dc=x".into()) };
        let _ = play(&mut Ldap::new(&ldap, None), bytes, size);
        let grpc = config::Grpc { service: Some("shop".into()), virtual_host: None };
        let _ = play(&mut Grpc::new(&grpc, ([192, 0, 2, 1], 80).into()), bytes, size);
        let _ = play(&mut Agent::new(&config::Agent::default()), bytes, size);
    }
    let dns = config::Dns { record: config::DnsRecord::A, name: "www.example".into() };
    let _ = Dns::new(&dns, 0x1234).hear(bytes);
    let half = bytes.len() / 2;
    let reply = Reply {
        data: bytes.get(..half).unwrap_or_default().to_vec(),
        mask: vec![0x5f; half],
        min_length: 1,
        max_length: 100,
    };
    let udp = config::Udp { payload: None, reply: Some(reply) };
    let _ = Udp::new(&udp).hear(bytes.get(half..).unwrap_or_default());
    for family in [Family::V4, Family::V6] {
        let _ = Ping::new(family, 1).hear(bytes);
    }
    #[cfg(feature = "tls")]
    pages.iter().for_each(|page| encrypted(bytes, page));
}

/// What is no TLS, or nearly.
#[cfg(feature = "tls")]
fn encrypted(bytes: &[u8], page: &Page) {
    use crate::check::probe::certificate;
    use crate::check::probe::tls::{Encrypted, TakesAll};
    use rustls::ClientConfig;
    use rustls::pki_types::ServerName;
    use std::sync::{Arc, LazyLock};

    static CONFIG: LazyLock<Option<Arc<ClientConfig>>> = LazyLock::new(|| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(TakesAll));
        Some(Arc::new(config.with_no_client_auth()))
    });
    let _ = certificate::end_of(bytes);
    let (Some(config), Ok(name)) = (CONFIG.as_ref(), ServerName::try_from("www.example")) else { return };
    for size in [1, usize::MAX] {
        let client = Encrypted::new(Arc::clone(config), name.clone(), false, Exchange::new(page));
        let outcome = client.map(|mut client| play(&mut client, bytes, size).1);
        assert!(!matches!(outcome, Ok(Ok(()))), "nobody can have answered");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    [
        &b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 21\r\nConnection: close\r\n\r\nuptime: 12\nuptime: 99"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.0 503 Service Unavailable\r\n\r\n",
        b"220-mx.example ESMTP\r\n220 ready\r\n250-mx.example\r\n250 HELP\r\n221 bye\r\n",
        b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x07example\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",
        b"\0\0\0\0\0\x07\0\x01keepalived check - ",
        b"+OK\r\n+PONG\r\n*3\r\n$6\r\nmaster\r\n:28\r\n*0\r\n",
        b"up 75%,maxconn:30 # busy\r\n",
        b"\x3b\0\0\0\x0a8\0\x07\0\0\0abcdefgh\0\xfe\xf7\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0caching_sha2_p\0\
          \x01\0\0\x02\0\x01\0\0\x01\x01\x0c\0\0\x02\x03def\0\0\0\x01a\0\x0c?\0\x05\0\0\x03\xfe\0\0\x02\0\x02\0\0\x04\x010\x05\0\0\x05\xfe\0\0\x02\0",
        b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0R\0\0\0\x2f\0\0\0\x0br=0000000000000001XYZ,s=W22ZaJ0S,i=2048",
        b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05IT\0\0\0\x06\0\x01D\0\0\0\x0b\0\x01\0\0\0\x01fC\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I",
        b"0\x0c\x02\x01\x01a\x07\x0a\x01\0\x04\0\x04\x000\x84\0\0\0\x0d\x02\x01\x02d\x08\x04\x04dc=x0\x000\x0c\x02\x01\x02e\x07\x0a\x01\0\x04\0\x04\0",
        b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\x40\0\0\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x0a\0\x09\0\0\0\x01\x02\0\0\0\0\x02\x08\x01\0\0",
        b"\0\0\0\x04\0\0\0\0\0\0\0\x05\x01\0\0\0\0\x01\x20\x48\x03103\0\0\x03\x09\x04\0\0\0\x01\x48\x82\x10\x01\0\0\x0d\0\x08\0\0\0\x01\x02uptime: 99\0\0\
          \0\0\x08\x06\0\0\0\0\x0012345678\0\0\0\0\x01\0\0\0\x01",
        // TLS: a fatal alert; the head of a ServerHello.
        &[21, 3, 3, 0, 2, 2, 40],
        &[22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3],
    ]
    .map(<[u8]>::to_vec)
    .into()
}
