//! What whole answers mean.

use super::*;
use crate::check::config::{self, HttpProtocol, Url};
use crate::check::probe::dialogue::play;
use md5::{Digest, Md5};
use proptest::prelude::*;

fn url() -> Url {
    Url {
        path: "/health".into(),
        virtual_host: None,
        status_codes: vec![(200, 299)],
        digest: None,
        regex: None,
        tls_compliant: false,
    }
}

fn regex(pattern: &str) -> config::Regex {
    config::Regex {
        pattern: pattern.to_owned(),
        no_match: false,
        options: Vec::new(),
        min_offset: 0,
        max_offset: None,
        stack: None,
    }
}

fn page(url: &Url) -> Page {
    Page::new(HttpProtocol::V10, url, "192.0.2.1:80".parse().unwrap())
}

/// The outcome of an answer, however it is cut.
fn outcome(page: &Page, answer: &[u8]) -> Result<(), String> {
    let outcomes: Vec<_> = [1, 3, 1000, 1 << 20]
        .into_iter()
        .map(|size| play(&mut Exchange::new(page), answer, size).1.map_err(|failure| failure.to_string()))
        .collect();
    assert!(outcomes.iter().all(|o| *o == outcomes[0]), "{outcomes:?}");
    outcomes[0].clone()
}

fn of(url: &Url, answer: &str) -> Result<(), String> {
    outcome(&page(url), answer.as_bytes())
}

fn failed(reason: &str) -> Result<(), String> {
    Err(reason.to_owned())
}

/// Recorded of keepalived 2.2.7.
#[test]
fn the_request_is_keepaliveds() {
    let asked = |protocol, host: Option<&str>, to: &str| {
        let url = Url { virtual_host: host.map(Into::into), ..url() };
        let page = Page::new(protocol, &url, to.parse().unwrap());
        String::from_utf8(page.request().to_vec()).unwrap()
    };
    assert_eq!(
        asked(HttpProtocol::V10, None, "192.0.2.1:80"),
        "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.1:80\r\n\r\n"
    );
    assert_eq!(
        asked(HttpProtocol::V11, None, "[2001:db8::1]:8080"),
        "GET /health HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: [2001:db8::1]:8080\r\n\r\n"
    );
    assert_eq!(
        asked(HttpProtocol::V10Close, Some("www.example"), "192.0.2.1:80"),
        "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example\r\n\r\n"
    );
}

#[test]
fn the_status_decides() {
    assert_eq!(of(&url(), "HTTP/1.1 200 OK\r\n\r\nhello"), Ok(()));
    assert_eq!(of(&url(), "HTTP/1.1 204 No Content\r\n\r\n"), Ok(()));
    assert_eq!(of(&url(), "HTTP/1.1 301 Moved\r\n\r\n"), failed("HTTP status code 301"));
    assert_eq!(of(&url(), "hello\r\n\r\n"), failed("the answer has no HTTP status code"));
    let other = Url { status_codes: vec![(301, 302), (503, 503)], ..url() };
    assert_eq!(of(&other, "HTTP/1.1 302 Found\r\n\r\n"), Ok(()));
    assert_eq!(of(&other, "HTTP/1.1 503 Busy\r\n\r\n"), Ok(()));
    assert_eq!(of(&other, "HTTP/1.1 200 OK\r\n\r\n"), failed("HTTP status code 200"));
}

#[test]
fn an_answer_that_is_none_is_told_apart() {
    assert_eq!(of(&url(), ""), failed("no data received"));
    assert_eq!(of(&url(), "HTTP/1.1 200 OK\r\n"), failed("the answer ends within its head"));
    let bomb = "a: b\r\n".repeat(20_000);
    assert_eq!(
        of(&url(), &format!("HTTP/1.1 200 OK\r\n{bomb}")),
        failed("the head of the answer does not end")
    );
    assert_eq!(of(&url(), &"x".repeat(1 << 20)), failed("the head of the answer does not end"));
}

#[test]
fn an_answer_ends_where_it_says_so() {
    let page = page(&url());
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let mut exchange = Exchange::new(&page);
        exchange.begin();
        let mut steps = answer.as_bytes().chunks(1).map(|piece| exchange.hear(Heard::Bytes(piece)));
        assert!(steps.any(|step| matches!(step, Step::End(_))), "{answer}");
    }
    let mut exchange = Exchange::new(&page);
    exchange.begin();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
    assert_eq!(exchange.hear(Heard::Bytes(answer)), Step::Listen);
    // keepalived tells of it in its log, and passes.
    assert_eq!(exchange.hear(Heard::End), Step::End(Ok(())));
}

#[test]
fn a_body_without_end_is_given_up() {
    let page = page(&url());
    let mut exchange = Exchange::new(&page);
    assert_eq!(exchange.hear(Heard::Bytes(b"HTTP/1.1 200 OK\r\n\r\n")), Step::Listen);
    let filler = vec![0; 16 << 20];
    let steps = (0..17).map(|_| exchange.hear(Heard::Bytes(&filler))).find(|step| *step != Step::Listen);
    assert_eq!(steps, Some(Step::fail("the answer does not end")));
}

#[test]
fn the_digest_is_of_what_comes_behind_the_head() {
    let of_body = |body: &str| Url { digest: Some(Md5::digest(body.as_bytes()).into()), ..url() };
    assert_eq!(of(&of_body("hello"), "HTTP/1.1 200 OK\r\n\r\nhello"), Ok(()));
    assert_eq!(of(&of_body(""), "HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
    assert_eq!(of(&of_body("hello"), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world"), Ok(()));
    let frames = "5\r\nhello\r\n0\r\n\r\n";
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{frames}");
    assert_eq!(of(&of_body(frames), &chunked), Ok(()));
    assert_eq!(
        of(&of_body("hello"), "HTTP/1.1 200 OK\r\n\r\nhellO"),
        failed(&format!("MD5 digest {}", hex("hellO")))
    );
}

fn hex(body: &str) -> String {
    Md5::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_regular_expression_is_of_the_body_alone() {
    let matching = |pattern: &str| Url { regex: Some(Box::new(regex(pattern))), ..url() };
    assert_eq!(of(&matching("UP"), "HTTP/1.1 200 OK\r\n\r\nis UP"), Ok(()));
    let mismatch = failed("the regular expression does not match");
    assert_eq!(of(&matching("OK"), "HTTP/1.1 200 OK\r\nOK: OK\r\n\r\nis UP"), mismatch);
    let none = Url { regex: Some(Box::new(config::Regex { no_match: true, ..regex("DOWN") })), ..url() };
    assert_eq!(of(&none, "HTTP/1.1 200 OK\r\n\r\nis UP"), Ok(()));
    assert_eq!(of(&none, "HTTP/1.1 200 OK\r\n\r\nDOWN"), failed("the regular expression matches"));
}

#[test]
fn a_broken_connection_is_no_end() {
    let page = page(&url());
    let mut exchange = Exchange::new(&page);
    exchange.hear(Heard::Bytes(b"HTTP/1.1 200 OK\r\n\r\nhello"));
    let failed = Step::End(Err(Failure::broken(libc::ECONNRESET)));
    assert_eq!(exchange.hear(Heard::Broken(libc::ECONNRESET)), failed);
}

proptest! {
    #[test]
    fn no_answer_is_too_strange(answer in prop::collection::vec(any::<u8>(), 0..300), head in any::<bool>()) {
        let url = Url { regex: Some(Box::new(regex("a+b"))), digest: Some([0; 16]), ..url() };
        let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_bytes();
        let answer = if head { [start, &answer].concat() } else { answer };
        prop_assert!(outcome(&page(&url), &answer).is_err());
    }
}

mod version2 {
    use super::*;
    use crate::check::probe::http2::{
        END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, SETTINGS, STREAM, frame,
    };

    const DATA: u8 = crate::check::probe::http2::DATA;

    fn page(url: &Url) -> Page {
        Page::new(HttpProtocol::V2, url, "192.0.2.1:443".parse().unwrap())
    }

    fn of(url: &Url, frames: &[Vec<u8>]) -> Result<(), String> {
        outcome(&page(url), &[frame(SETTINGS, 0, 0, &[]), frames.concat()].concat())
    }

    fn headers(block: &[u8]) -> Vec<u8> {
        frame(HEADERS, END_HEADERS, STREAM, block)
    }

    fn last(data: &[u8]) -> Vec<u8> {
        frame(DATA, END_STREAM, STREAM, data)
    }

    #[test]
    fn the_request_names_path_and_host() {
        let named = Url { virtual_host: Some("www.example".into()), ..url() };
        let asked = page(&named).request().to_vec();
        let expected: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
            \0\0\x12\x04\0\0\0\0\0\0\x01\0\0\0\0\0\x02\0\0\0\0\0\x04\x7f\xff\xff\xff\
            \0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0\
            \0\0\x5f\x01\x05\0\0\0\x01\0\x07:method\x03GET\0\x07:scheme\x05https\0\x0a:authority\x0bwww.example\
            \0\x05:path\x07/health\0\x0auser-agent\x0fKeepAliveClient";
        assert_eq!(asked.escape_ascii().to_string(), expected.escape_ascii().to_string());
        let nameless = page(&url()).request().to_vec();
        assert!(
            nameless.windows(24).any(|host| host == b"\x0a:authority\x0d192.0.2.1:443".get(..24).unwrap())
        );
    }

    #[test]
    fn status_digest_and_regex_decide_as_over_http_1() {
        assert_eq!(of(&url(), &[headers(b"\x88"), last(b"hello")]), Ok(()));
        assert_eq!(of(&url(), &[frame(HEADERS, END_HEADERS | END_STREAM, STREAM, b"\x89")]), Ok(()));
        let unavailable = b"\x48\x03503";
        assert_eq!(of(&url(), &[headers(unavailable), last(b"oh")]), failed("HTTP status code 503"));
        assert_eq!(
            of(&url(), &[headers(b"\x82"), last(b"oh")]),
            failed("the answer has no HTTP status code")
        );
        let digested = Url { digest: Some(Md5::digest(b"hello").into()), ..url() };
        let halves = [headers(b"\x88"), frame(DATA, 0, STREAM, b"hel"), last(b"lo")];
        assert_eq!(of(&digested, &halves), Ok(()));
        assert!(of(&digested, &[headers(b"\x88"), last(b"hell")]).unwrap_err().starts_with("MD5 digest"));
        let matched = Url { regex: Some(Box::new(regex("ell"))), ..url() };
        assert_eq!(of(&matched, &halves), Ok(()));
        assert_eq!(
            of(&matched, &[headers(b"\x88"), last(b"bye")]),
            failed("the regular expression does not match")
        );
    }

    #[test]
    fn notices_and_trailers_are_no_answers() {
        let early = headers(b"\x48\x03103");
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, STREAM, b"\0\x01a\x01b");
        let hello = frame(DATA, 0, STREAM, b"hello");
        let matched = Url { regex: Some(Box::new(regex("^hello$"))), ..url() };
        assert_eq!(of(&matched, &[early.clone(), early, headers(b"\x88"), hello, trailers]), Ok(()));
        assert_eq!(
            of(&url(), &[headers(b"\x88"), headers(b"\x88"), last(b"")]),
            failed("the answer has two heads")
        );
        assert_eq!(of(&url(), &[last(b"hello")]), failed("the answer has a body before its head"));
    }

    #[test]
    fn an_answer_has_to_end() {
        let ended = "the server ended the connection";
        assert_eq!(of(&url(), &[]), failed(ended));
        assert_eq!(of(&url(), &[headers(b"\x88")]), failed(ended));
        assert_eq!(of(&url(), &[headers(b"\x88"), frame(DATA, 0, STREAM, b"hello")]), failed(ended));
        let graceful = frame(GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\0");
        assert_eq!(of(&url(), &[headers(b"\x88"), graceful, last(b"hello")]), Ok(()));
        assert_eq!(
            of(&url(), &[headers(b"\x88"), frame(RST_STREAM, 0, STREAM, b"\0\0\0\x02")]),
            failed("the server ends the request with error 2 (INTERNAL_ERROR)")
        );
    }

    #[test]
    fn a_body_without_end_is_not_kept() {
        let page = page(&url());
        let mut exchange = Exchange::new(&page);
        exchange.begin();
        assert!(matches!(exchange.hear(Heard::Bytes(&frame(SETTINGS, 0, 0, &[]))), Step::Say(_)));
        assert_eq!(exchange.hear(Heard::Bytes(&headers(b"\x88"))), Step::Listen);
        let data = frame(DATA, 0, STREAM, &[b'a'; 16_384]);
        let mut heard = 0_u64;
        let end = loop {
            heard += 16_384;
            match exchange.hear(Heard::Bytes(&data)) {
                Step::Listen => assert!(heard <= LONGEST_BODY),
                end => break end,
            }
        };
        assert_eq!(end, Step::fail("the answer does not end"));
    }

    proptest! {
        #[test]
        fn pieces_of_any_frames_mean_the_same(
            frames in proptest::collection::vec(
                (0_u8..11, any::<u8>(), 0_u32..4, proptest::collection::vec(any::<u8>(), 0..20)), 0..12),
        ) {
            let frames: Vec<_> = frames.iter().map(|(kind, flags, stream, payload)| frame(*kind, *flags, *stream, payload)).collect();
            let _ = of(&url(), &frames);
        }
    }
}
