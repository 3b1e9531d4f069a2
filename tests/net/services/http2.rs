//! `http_protocol 2` of `SSL_GET` with nginx, which speaks HTTP/2 on one of its ports, and a server that has never heard of it.

use super::{Check, halt, is_ready, last_says, lines, watch};
use crate::support::{Host, Lab, Process};
use md5::{Digest, Md5};
use std::fs;

/// Many times what may come before a client says that more may (RFC 9113 §6.9.2).
const BIG: usize = 3_000_000;

fn certificate(host: &Host) -> String {
    let pair = rcgen::generate_simple_self_signed(["www.example".to_owned()]).expect("make a certificate");
    let file = host.file("pair.pem");
    fs::write(&file, pair.cert.pem() + &pair.signing_key.serialize_pem()).expect("write a file");
    file.display().to_string()
}

fn nginx(host: &Host, pair: &str) -> Process {
    let folder = host.file("nginx");
    fs::create_dir_all(&folder).expect("make a folder");
    fs::write(folder.join("big"), vec![b'x'; BIG]).expect("write a file");
    let folder = folder.display();
    // Who connects with another name is not served.
    let config = format!(
        "user root;\nworker_processes 1;\ndaemon off;\npid {folder}/pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\n  \
         access_log off;\n  client_body_temp_path {folder}/t;\n  proxy_temp_path {folder}/t;\n  fastcgi_temp_path {folder}/t;\n  \
         uwsgi_temp_path {folder}/t;\n  scgi_temp_path {folder}/t;\n  ssl_certificate {pair};\n  ssl_certificate_key {pair};\n  \
         server {{\n    listen 127.0.0.1:8443 ssl http2 default_server;\n    return 404;\n  }}\n  \
         server {{\n    listen 127.0.0.1:8443 ssl http2;\n    listen 127.0.0.1:8444 ssl;\n    server_name www.example;\n    \
         location = / {{\n      return 200 \"hello\\n\";\n    }}\n    location /busy {{\n      return 503;\n    }}\n    \
         location /big {{\n      root {folder};\n    }}\n  }}\n}}\n"
    );
    let file = host.file("nginx.conf");
    fs::write(&file, config).expect("write a file");
    let mut command = host.command("nginx");
    command.arg("-c").arg(file);
    let server = host.start("nginx", &mut command);
    is_ready(&server, "start worker process");
    server
}

fn page(lines: &str) -> String {
    format!("http_protocol 2\nvirtualhost www.example\nurl {{\n{lines}\n}}")
}

pub(super) fn comes_and_goes(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let pair = certificate(&host);
    let server = nginx(&host, &pair);
    let mut command = host.command("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:8445", "-cert", &pair, "-key", &pair, "-www"]);
    let _other = host.start("openssl", &mut command);
    let sum =
        |body: &[u8]| Md5::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let root = page(&format!("path /\ndigest {}\nregex ^hello$\nregex_options multiline", sum(b"hello\n")));
    let big = page(&format!("path /big\ndigest {}", sum(&vec![b'x'; BIG])));
    // No goodbye of TLS is waited for: the server keeps the connection.
    let compliant = format!("tls_compliant\n{}", page("path /"));
    let (busy, is_busy) = (page("path /busy"), page("path /busy\nstatus_code 503"));
    let unmatched = page("path /\nregex bye");
    let nameless = "http_protocol 2\nurl {\npath /\n}".to_owned();
    let checks: [Check<'_>; 10] = [
        ("SSL_GET", &root, 8443),
        ("SSL_GET", &big, 8443),
        ("SSL_GET", &compliant, 8443),
        ("SSL_GET", &is_busy, 8443),
        ("SSL_GET", &busy, 8443),
        ("SSL_GET", &unmatched, 8443),
        ("SSL_GET", &nameless, 8443),
        ("SSL_GET", &root, 8444),
        ("SSL_GET", &root, 8445),
        ("SSL_GET", &root, 8446),
    ];
    let director = watch(&host, &checks);
    for (server, words) in [
        (1, "succeed on service"),
        (2, "succeed on service"),
        (3, "succeed on service"),
        (4, "succeed on service"),
        (5, "HTTP status code 503"),
        (6, "the regular expression does not match"),
        (7, "HTTP status code 404"),
        (8, "the server did not choose HTTP/2"),
        (9, "the server did not choose HTTP/2"),
        (10, "Connection refused"),
    ] {
        last_says(&director, server, words);
    }
    halt(&server, true);
    last_says(&director, 1, "failed after 1 retries");
    last_says(&director, 1, "timeout");
    halt(&server, false);
    last_says(&director, 1, "succeed on service");
    server.kill_tree();
    last_says(&director, 1, "failed after 1 retries");
    last_says(&director, 1, "Connection refused");
    let _again = nginx(&host, &pair);
    last_says(&director, 1, "succeed on service");
    let refused = lines(&director, 5);
    assert!(refused.iter().all(|line| !line.contains("succeed")), "{refused:?}");
    director.terminate();
}
