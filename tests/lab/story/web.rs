//! What `HTTP_GET` and `SSL_GET` make of pages.

use super::checks::checked;
use super::services::{Does, tls, web};
use super::stage::Stage;
use super::{Story, at, rs, server, story, vip, vs};

pub(super) const STORIES: &[Story] = &[
    story("pages", |stage| {
        let answer = |answer: &str| web(&[("", answer)]);
        let case = |lines: &str, good: &str, bad: &str| page("HTTP_GET", lines, answer(good), answer(bad));
        let digest = "digest 5d41402abc4b2a76b9719d911017c592";
        checks(
            stage,
            &[
                case("", "204 nothing", "302 elsewhere"),
                case("", "299 hello", "199 hello"),
                case("status_code 301", "301 elsewhere", "200 hello"),
                case("status_code 200-204 404", "404 nothing", "205 reset"),
                case(digest, "200 hello", "200 other"),
                case(digest, "200 hello", "500 hello"),
                case("regex hel+o", "200 hello", "200 other"),
                case("regex HELLO\n regex_options caseless", "200 hello", "200 other"),
                case("regex other\n regex_no_match", "200 hello", "200 other"),
                case("status_code 404\n regex hello", "404 hello", "200 hello"),
                case("status_code 404\n regex hello", "404 hello", "404 other"),
            ],
        );
    }),
    story("hosts", hosts),
    story("requests_of_http_1_1", |stage| {
        let lines = "path /\n status_code 200\n virtualhost www.example";
        let check =
            |version: &str| format!("HTTP_GET {{\n http_protocol {version}\n url {{\n {lines}\n }}\n}}");
        let whole = "HTTP/1.1 200 Fine\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
        let good = |line: &str| Some(web(&[(line, whole)]));
        let (new, old) = (check("1.1"), check("1.0C"));
        checked(
            stage,
            &[
                (&new, good("GET / HTTP/1.1\r\n"), good("nothing like that")),
                (&new, good("Connection: close\r\n"), good("nothing like that")),
                (&old, good("Connection: close\r\n"), good("nothing like that")),
                (&old, good("GET / HTTP/1.0\r\n"), good("nothing like that")),
            ],
        );
    }),
    story("tls", |stage| {
        let answer = |answer: &str| tls(&[("", answer)]);
        checks(
            stage,
            &[
                page("SSL_GET", "status_code 200", answer("200 hello"), answer("503 busy")),
                page("SSL_GET", "regex hello", answer("200 hello"), web(&[("", "200 hello")])),
                page(
                    "SSL_GET",
                    "digest 5d41402abc4b2a76b9719d911017c592",
                    answer("200 hello"),
                    answer("200 other"),
                ),
            ],
        );
    }),
    story("names_in_the_handshake", names),
    story("several_pages", |stage| pages(stage, "")),
    story("several_pages_recover_fast", |stage| pages(stage, "fast_recovery")),
];

/// A check of one page, and who is content.
type Page = (String, Does, Does);

fn page(kind: &str, lines: &str, good: Does, bad: Does) -> Page {
    (format!("{kind} {{\n url {{\n path /\n {lines}\n }}\n}}"), good, bad)
}

fn checks(stage: &mut Stage<'_>, pages: &[Page]) {
    let cases: Vec<_> = pages
        .iter()
        .map(|(check, good, bad)| (check.as_str(), Some(good.clone()), Some(bad.clone())))
        .collect();
    checked(stage, &cases);
}

/// The host of a request is that of the page, the check, the server, or the virtual server.
fn hosts(stage: &mut Stage<'_>) {
    let url = "url {\n path /\n status_code 200\n }";
    let of_page = "virtualhost server.example\n HTTP_GET {\n virtualhost check.example\n url {\n path /\n \
                   status_code 200\n virtualhost page.example\n }\n}";
    let of_check =
        format!("virtualhost server.example\n HTTP_GET {{\n virtualhost check.example\n {url}\n}}");
    let of_server = format!("virtualhost server.example\n HTTP_GET {{\n {url}\n}}");
    let of_service = format!("HTTP_GET {{\n {url}\n}}");
    let hosts = ["page", "check", "server", "service"];
    let answers = |host: &str| web(&[(&format!("Host: {host}.example\r\n"), "200 hello")]);
    for (n, host) in (1..).zip(hosts) {
        stage.serve(&at(n), answers(host));
    }
    let servers =
        server(1, of_page) + &server(2, &of_check) + &server(3, &of_server) + &server(4, &of_service);
    stage.start(&vip("virtualhost service.example", &servers));
    stage.told(&vs("UP"));
    stage.pause("each is asked for its host");
    for n in 1..=4 {
        stage.serve(&at(n), answers("other"));
    }
    stage.told(&vs("DOWN"));
    stage.pause("none has it");
}

fn names(stage: &mut Stage<'_>) {
    let url = "url {\n path /\n status_code 200\n }";
    let checks = [
        format!("SSL_GET {{\n enable_sni\n virtualhost check.example\n {url}\n}}"),
        "SSL_GET {\n enable_sni\n url {\n path /\n status_code 200\n virtualhost page.example\n }\n}"
            .to_owned(),
        format!("SSL_GET {{\n enable_sni\n {url}\n}}"),
        format!("SSL_GET {{\n virtualhost service.example\n {url}\n}}"),
    ];
    let named = |name: &str| tls(&[(&format!("SNI: {name}.example\r\n"), "200 hello")]);
    let unnamed = tls(&[("SNI: ", "503 no"), ("", "200 hello")]);
    for (n, does) in (1..).zip([named("check"), named("page"), named("service"), unnamed]) {
        stage.serve(&at(n), does);
    }
    let servers: String = (1..).zip(&checks).map(|(n, check)| server(n, check)).collect();
    stage.start(&vip("virtualhost service.example", &servers));
    stage.told(&vs("UP"));
    stage.pause("each is asked for by its name");
    stage.serve(&at(1), named("other"));
    stage.told(&rs(1, "DOWN"));
    stage.pause("one has it no more");
}

/// All pages of a server have to be there, first one after another.
fn pages(stage: &mut Stage<'_>, lines: &str) {
    let check = format!(
        "HTTP_GET {{\n {lines}\n url {{\n path /a\n status_code 200\n }}\n url {{\n path /b\n status_code 200\n }}\n}}"
    );
    let (good, bad) = (
        web(&[("GET /a ", "200 a"), ("GET /b ", "200 b")]),
        web(&[("GET /a ", "200 a"), ("GET /b ", "503 b")]),
    );
    stage.serve(&at(1), good.clone());
    stage.serve(&at(2), good.clone());
    stage.start(&vip("", &(server(1, &check) + &server(2, &check))));
    stage.told(&vs("UP"));
    stage.pause("up");
    stage.serve(&at(1), bad);
    stage.told(&rs(1, "DOWN"));
    stage.pause("a page is missing");
    stage.serve(&at(1), good);
    stage.told(&rs(1, "UP"));
    stage.pause("up again");
}
