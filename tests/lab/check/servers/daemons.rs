//! Real servers as Debian has them, each with a small configuration of its own and nothing of the system's.

use super::certificates;
use crate::support::{Host, Process, descendants, wait_for};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

pub(super) const NGINX: u16 = 8001;
/// nginx over TLS: who names no host of its own in the handshake is refused.
pub(super) const NAMED: u16 = 8002;
/// nginx over TLS, which wants a certificate of the test's authority.
pub(super) const KNOWN: u16 = 8003;
/// The same, but of another authority.
pub(super) const STRANGERS: u16 = 8004;
/// nginx with these certificates, from this port on.
pub(super) const CERTIFICATES: (u16, [&str; 4]) = (8010, ["good", "expired", "misnamed", "unsigned"]);
pub(super) const APACHE: u16 = 8101;
/// openssl s_server: any version of TLS, 1.2 alone, and 1.2 with a cipher in CBC mode.
pub(super) const OPENSSL: [u16; 3] = [8201, 8202, 8203];
pub(super) const EXIM: u16 = 2525;
/// With a greeting of two lines.
pub(super) const EXIM_LINES: u16 = 2526;
/// Also when it is busy.
pub(super) const EXIM_STEADY: u16 = 2527;
pub(super) const UNBOUND: u16 = 5353;

/// What the pages are, so that a part of one is no whole one.
pub(super) fn page(good: bool) -> String {
    let text = if good { "all is well here " } else { "this is not as it should be " };
    format!("{}until the end. Nothing more.", text.repeat(36))
}

/// The servers of the test, on one host.
pub(super) struct Daemons {
    host: Host,
    /// Readable for all: some servers give up root's rights.
    dir: TempDir,
    running: Vec<Process>,
}

impl Daemons {
    pub(super) fn new(host: &Host) -> Daemons {
        let dir = tempfile::Builder::new().prefix("vipd-servers-").tempdir().expect("a directory");
        let all = |path: &Path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("set permissions");
        };
        all(dir.path());
        for name in ["spool", "logs", "pages"] {
            fs::create_dir(dir.path().join(name)).expect("make a directory");
            all(&dir.path().join(name));
        }
        certificates::write(dir.path());
        let daemons = Daemons { host: host.clone(), dir, running: Vec::new() };
        for (name, text) in [
            ("nginx.conf", nginx()),
            ("apache.conf", APACHE_CONF.to_owned()),
            ("exim.conf", EXIM_CONF.to_owned()),
            ("unbound.conf", unbound()),
        ] {
            daemons.write(name, &daemons.fill(&text));
        }
        daemons.write("pages/steady", &page(true));
        daemons.write(
            "pages/long",
            &format!("{}It is the end of the long page. Nothing more.", page(true).repeat(32)),
        );
        daemons.spoil(false);
        daemons
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A text with what its words in capitals stand for.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{dir}", &self.dir().display().to_string())
    }

    fn write(&self, name: &str, text: &str) {
        let (path, new) = (self.dir().join(name), self.dir().join("new"));
        fs::write(&new, text).expect("write a file");
        fs::rename(new, path).expect("put a file in its place");
    }

    /// Their pages are other ones, and nginx and exim say that they are busy; or all is as before.
    pub(super) fn spoil(&self, spoiled: bool) {
        self.write("pages/page", &page(!spoiled));
        let parts = "<!--#set var=\"x\" value=\"it is \" --><!--#echo var=\"x\" -->";
        self.write("pages/parts.shtml", &format!("{parts}{}", page(!spoiled)));
        let busy = self.dir().join("busy");
        if spoiled {
            fs::write(busy, "").expect("write a file");
        } else {
            let _ = fs::remove_file(busy);
        }
    }

    /// Starts all of them and waits until they listen.
    #[track_caller]
    pub(super) fn start(&mut self) {
        let file = |name: &str| self.dir().join(name).display().to_string();
        let (good, key) = (file("good.pem"), file("good.key"));
        let mut commands = vec![
            ("nginx", format!("nginx -e stderr -c {} -p {}", file("nginx.conf"), self.dir().display())),
            ("apache", format!("apache2 -DFOREGROUND -f {}", file("apache.conf"))),
            ("exim", format!("exim4 -bdf -C {}", file("exim.conf"))),
            ("unbound", format!("unbound -d -c {}", file("unbound.conf"))),
        ];
        let ciphers = ["", "-tls1_2", "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256"];
        for (port, more) in OPENSSL.iter().zip(ciphers) {
            let line = format!("openssl s_server -quiet -www -accept {port} -cert {good} -key {key} {more}");
            commands.push(("openssl", line));
        }
        self.running = commands
            .iter()
            .map(|(name, line)| {
                let mut words = line.split_whitespace();
                let mut command = self.host.command(words.next().expect("a command"));
                self.host.start(name, command.args(words))
            })
            .collect();
        for port in [NGINX, APACHE, EXIM, EXIM_LINES, OPENSSL[0], OPENSSL[1], OPENSSL[2], UNBOUND] {
            wait_for(format_args!("a server at port {port}"), super::LIMIT, || {
                let at = SocketAddr::from(([127, 0, 0, 1], port));
                let connected = self.host.enter(|| TcpStream::connect_timeout(&at, Duration::from_secs(1)));
                connected.map(drop).map_err(|error| error.to_string())
            });
        }
    }

    /// They stand still: who connects is answered by the kernel alone.
    pub(super) fn halt(&self) {
        for process in &self.running {
            for pid in descendants(process.pid()).into_iter().chain([process.pid()]) {
                let _ = kill(pid, Signal::SIGSTOP);
            }
        }
    }

    /// They are gone, with all that they had open.
    pub(super) fn kill(&mut self) {
        self.running.clear();
    }
}

fn nginx() -> String {
    let tls = |port: u16, certificate: &str, more: &str| {
        format!(
            "server {{
                listen {port} ssl;
                server_name www.example;
                ssl_certificate {{dir}}/{certificate}.pem;
                ssl_certificate_key {{dir}}/{certificate}.key;
                {more}
            }}
            "
        )
    };
    let verify = |ca: &str| format!("ssl_verify_client on; ssl_client_certificate {{dir}}/{ca}.pem;");
    let mut servers = tls(NAMED, "good", "")
        + &format!("server {{ listen {NAMED} ssl default_server; ssl_reject_handshake on; }}\n")
        + &tls(KNOWN, "good", &verify("ca"))
        + &tls(STRANGERS, "good", &verify("other"));
    for (port, certificate) in (CERTIFICATES.0..).zip(CERTIFICATES.1) {
        servers += &tls(port, certificate, "");
    }
    format!(
        "user root;
        worker_processes 1;
        daemon off;
        pid {{dir}}/nginx.pid;
        events {{}}
        http {{
            access_log off;
            log_not_found off;
            default_type text/html;
            root {{dir}}/pages;
            client_body_temp_path {{dir}}/logs;
            proxy_temp_path {{dir}}/logs;
            fastcgi_temp_path {{dir}}/logs;
            uwsgi_temp_path {{dir}}/logs;
            scgi_temp_path {{dir}}/logs;
            server {{
                listen {NGINX} default_server;
                listen [::]:{NGINX};
                if (-f {{dir}}/busy) {{ return 503; }}
                location = /moved {{ return 301 /page; }}
                location = /empty {{ return 204; }}
                location = /parts.shtml {{ ssi on; }}
            }}
            server {{
                listen {NGINX};
                server_name api.example;
                return 403;
            }}
            {servers}
        }}
        "
    )
}

const APACHE_CONF: &str = r#"
ServerName apache.example
ServerRoot {dir}
Listen 8101
PidFile {dir}/apache.pid
ErrorLog {dir}/logs/apache
User www-data
Group www-data
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
TypesConfig /dev/null
LoadModule include_module /usr/lib/apache2/modules/mod_include.so
LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
DocumentRoot {dir}/pages
<Directory {dir}/pages>
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    Require all granted
</Directory>
<Location /forbidden>
    Require all denied
</Location>
"#;

/// It would make a key of its own if it had none, which takes a while. With the file `busy`, the first port's clients are
/// turned away at the greeting.
const EXIM_CONF: &str = r"
exim_path = /usr/sbin/exim4
spool_directory = {dir}/spool
log_file_path = {dir}/logs/exim-%slog
keep_environment =
tls_advertise_hosts =
tls_certificate = {dir}/good.pem
tls_privatekey = {dir}/good.key
tls_dhparam = none
primary_hostname = mail.example
daemon_smtp_ports = 2525 : 2526 : 2527
smtp_banner = ${if eq{$received_port}{2526}{two\nlines}{ready}}
smtp_accept_max = 0
acl_smtp_connect = ${if and{{eq{$received_port}{2525}}{exists{{dir}/busy}}}{busy}{free}}
acl_smtp_helo = ${if eq{$sender_helo_name}{stranger.example}{busy}{free}}
begin acl
free:
  accept
busy:
  deny message = busy
";

fn unbound() -> String {
    let texts: String = (0..12)
        .map(|n| format!("  local-data: 'long.example. TXT \"{n} {}\"'\n", "text ".repeat(12)))
        .collect();
    format!(
        r#"server:
  chroot: ""
  username: ""
  directory: "{{dir}}"
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  interface: 0.0.0.0@{UNBOUND}
  interface: ::@{UNBOUND}
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "example." static
  local-data: "example. SOA ns.example. admin.example. 1 3600 600 86400 60"
  local-data: "example. MX 10 mail.example."
  local-data: "www.example. A 192.0.2.1"
  local-data: "six.example. AAAA 2001:db8::1"
{texts}  local-zone: "refused." refuse
  local-zone: "silent." deny
remote-control:
  control-enable: no
stub-zone:
  name: "broken."
  stub-addr: 127.0.0.1@9
"#
    )
}
