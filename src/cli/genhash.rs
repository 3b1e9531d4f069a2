//! `vipd genhash`: the digest of a page, for `digest` in a `url` block. Command line and output are those of keepalived's
//! genhash, whose name the program answers to as well.

use crate::check::config::{Connect, HttpProtocol, Tls, Url};
use crate::check::probe::http::Answer;
use crate::check::probe::{Failure, Operation};
use crate::daemon::check::fetch::{Request, fetch};
use crate::sys::clock;
use clap::Parser;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

/// Print the MD5 sum of a page, as digest of HTTP_GET and SSL_GET wants it
///
/// It is the sum of what comes behind the head of the answer, whatever the status. The command line is that of keepalived's
/// genhash.
///
/// Exit status: 0 it is printed, 1 the page did not come, 2 the arguments are wrong (1 as genhash).
#[derive(Debug, Parser)]
#[command(args_override_self = true, disable_version_flag = true, infer_long_args = true)]
pub(super) struct Args {
    /// Over TLS; the server's certificate may be any
    #[arg(short = 'S', long)]
    use_ssl: bool,
    /// Name the virtual host in the handshake of TLS
    #[arg(short = 'I', long)]
    use_sni: bool,
    /// Address of the server
    #[arg(short = 's', long, value_name = "ADDRESS")]
    server: IpAddr,
    /// Port of the server
    #[arg(short = 'p', long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Path of the page
    #[arg(short = 'u', long, value_name = "PATH")]
    url: String,
    /// The host that is asked for [default: address and port]
    #[arg(short = 'V', long, value_name = "HOST")]
    use_virtualhost: Option<String>,
    /// Print the head of the answer and the page as well, and how long it took
    #[arg(short = 'v', long)]
    verbose: bool,
    /// Firewall mark of the packets
    #[arg(short = 'm', long, value_name = "MARK", default_value_t = 0, hide_default_value = true)]
    fwmark: u32,
    /// Version of HTTP: 1.0, 1.1, or 1.0C, which closes the connection
    #[arg(short = 'P', long, value_name = "VERSION", default_value = "1.0", value_parser = protocol)]
    protocol: HttpProtocol,
    /// How long the connection, and each piece of the answer, may take
    #[arg(short = 't', long, value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
}

fn protocol(text: &str) -> Result<HttpProtocol, String> {
    match text {
        "1.0" => Ok(HttpProtocol::V10),
        "1.0c" | "1.0C" => Ok(HttpProtocol::V10Close),
        "1.1" => Ok(HttpProtocol::V11),
        _ => Err("1.0, 1.0C or 1.1 is expected".to_owned()),
    }
}

/// A name of the program: `genhash`.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
    Args::try_parse_from(arguments)
}

/// Runs `vipd genhash`.
#[must_use]
pub(super) fn run(args: Args) -> ExitCode {
    let started = clock::now();
    let verbose = args.verbose;
    let request = args.request();
    let text = match fetch(&request) {
        Ok(answer) if verbose => {
            let took = clock::now().saturating_since(started);
            verbosely(&answer, &request.url.path, took)
        }
        Ok(answer) => format!("{}\n", hex(&answer.digest)).into_bytes(),
        Err(failure) => {
            print_error!("{}", words(&failure));
            return ExitCode::FAILURE;
        }
    };
    match io::stdout().write_all(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

impl Args {
    fn request(self) -> Request {
        let timeout = Duration::from_secs(self.timeout.into());
        Request {
            to: SocketAddr::new(self.server, self.port),
            connect: Connect { timeout, fwmark: self.fwmark, ..Connect::DEFAULT },
            url: Url {
                path: self.url.into(),
                virtual_host: self.use_virtualhost.map(Into::into),
                status_codes: Vec::new(),
                digest: None,
                regex: None,
                tls_compliant: false,
            },
            protocol: self.protocol,
            tls: self.use_ssl.then(|| Tls { sni: self.use_sni, ..Tls::default() }),
            keeps_body: self.verbose,
        }
    }
}

/// genhash's words, and the reason.
fn words(failure: &Failure) -> String {
    match failure {
        Failure::System { operation: Operation::Connect | Operation::Wait, .. } => {
            format!("Connection failed: {failure}")
        }
        Failure::Timeout => "Timeout: the server did not answer".to_owned(),
        _ => failure.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// As genhash lays it out.
fn verbosely(answer: &Answer, path: &str, took: Duration) -> Vec<u8> {
    let mut text = Vec::new();
    let title = |text: &mut Vec<u8>, title: &str| {
        text.extend(format!("-----------------------[{title}]-----------------------\n").into_bytes());
    };
    title(&mut text, "    HTTP Header Buffer    ");
    dump(&mut text, &answer.head);
    title(&mut text, " HTTP Header Ascii Buffer ");
    text.extend(&answer.head);
    text.push(b'\n');
    title(&mut text, "        HTML Buffer        ");
    dump(&mut text, answer.body.as_deref().unwrap_or_default());
    text.push(b'\n');
    title(&mut text, "    HTML hash resulting    ");
    dump(&mut text, &answer.digest);
    title(&mut text, " HTML hash final resulting ");
    text.extend(format!("{}\n\n", hex(&answer.digest)).into_bytes());
    text.extend(format!("Global response time for [{path}] = {} usecs\n", took.as_micros()).into_bytes());
    text
}

/// Sixteen bytes a line, with the letters among them.
fn dump(text: &mut Vec<u8>, bytes: &[u8]) {
    for (at, line) in bytes.chunks(16).enumerate() {
        let mut shown = format!("{:04}  ", at * 16);
        for place in 0..16 {
            let _ = match line.get(place) {
                Some(byte) => write!(shown, "{byte:02x} "),
                None => write!(shown, "   "),
            };
            if place == 7 {
                shown.push_str("- ");
            }
        }
        shown.push_str("  ");
        let letter = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
        shown.extend(line.iter().map(letter));
        shown.extend(std::iter::repeat_n(' ', 16 - line.len()));
        shown.push('\n');
        text.extend(shown.into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, clap::Error> {
        parse(line.split_whitespace().map(Into::into)).map(Args::request)
    }

    #[test]
    fn the_command_line_is_genhashs() {
        let all = "genhash -S -I -s ::1 -p 443 -u /a -V www.example -v -m 7 -P 1.1 -t 9";
        let long = "genhash --use-ssl --use-sni --server ::1 --port=443 --url /a --use-v www.example --verb \
                    --fwmark 7 --proto 1.1 --timeout 9";
        for line in [all, long] {
            let request = request(line).unwrap();
            let connect = Connect { timeout: Duration::from_secs(9), fwmark: 7, ..Connect::DEFAULT };
            assert_eq!((request.to, request.connect), ("[::1]:443".parse().unwrap(), connect), "{line}");
            assert_eq!((request.protocol, request.keeps_body), (HttpProtocol::V11, true), "{line}");
            assert_eq!(&*request.url.path, "/a", "{line}");
            assert_eq!(request.url.virtual_host.as_deref(), Some("www.example"), "{line}");
            assert_eq!(request.tls, Some(Tls { sni: true, ..Tls::default() }), "{line}");
        }
        let least = request("genhash -s 192.0.2.1 -p 80 -u /").unwrap();
        let to = "192.0.2.1:80".parse().unwrap();
        assert_eq!((least.to, least.connect), (to, Connect::DEFAULT), "five seconds");
        assert_eq!((least.protocol, least.keeps_body, least.tls), (HttpProtocol::V10, false, None));
        for version in ["1.0c", "1.0C"] {
            let line = format!("genhash -s 192.0.2.1 -p 80 -u / -P {version}");
            assert_eq!(request(&line).unwrap().protocol, HttpProtocol::V10Close);
        }
    }

    #[test]
    fn what_genhash_refuses_is_refused() {
        let good = "genhash -s 192.0.2.1 -p 80 -u /";
        assert!(request(good).is_ok());
        for line in [
            "genhash",
            "genhash -p 80 -u /",
            "genhash -s 192.0.2.1 -u /",
            "genhash -s 192.0.2.1 -p 80",
            "genhash -s localhost -p 80 -u /",
            "genhash -s 192.0.2.1 -p 0 -u /",
            "genhash -s 192.0.2.1 -p x -u /",
        ] {
            assert!(request(line).is_err(), "{line}");
        }
        for more in ["-P 2", "-m x", "-t x", "-t 0.5", "-V", "-Z", "more"] {
            assert!(request(&format!("{good} {more}")).is_err(), "{more}");
        }
    }

    /// What genhash 2.2.7 prints.
    #[test]
    fn everything_is_laid_out_as_by_genhash() {
        let answer = Answer {
            head: b"HTTP/1.1 404 Not\r\n\r\n".to_vec(),
            body: Some(b"body".to_vec()),
            digest: *b"\x84\x1a\x2d\x68\x9a\xd8\x6b\xd1\x61\x14\x47\x45\x3c\x22\xc6\xfc",
        };
        let expected = "\
-----------------------[    HTTP Header Buffer    ]-----------------------
0000  48 54 54 50 2f 31 2e 31 - 20 34 30 34 20 4e 6f 74   HTTP/1.1 404 Not
0016  0d 0a 0d 0a             -                           ....            \n\
-----------------------[ HTTP Header Ascii Buffer ]-----------------------
HTTP/1.1 404 Not\r\n\r\n
-----------------------[        HTML Buffer        ]-----------------------
0000  62 6f 64 79             -                           body            \n
-----------------------[    HTML hash resulting    ]-----------------------
0000  84 1a 2d 68 9a d8 6b d1 - 61 14 47 45 3c 22 c6 fc   ..-h..k.a.GE<\"..
-----------------------[ HTML hash final resulting ]-----------------------
841a2d689ad86bd1611447453c22c6fc

Global response time for [/x] = 1606 usecs
";
        let shown = verbosely(&answer, "/x", Duration::from_micros(1606));
        assert_eq!(String::from_utf8(shown).unwrap(), expected);
    }
}
