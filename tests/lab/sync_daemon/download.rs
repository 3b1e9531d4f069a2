//! Long downloads go on while directors come and go, since each director hears of the other one's connections.
//!
//! ```text
//!   client .50      directors .1, .2         servers .3, .4          10.0.0.0/24
//!                   10.0.0.100 of VRRP       10.0.0.100 on lo
//!      |                  |                       |
//!   ---+------------------+-----------------------+---
//! ```
//!
//! By direct routing, what the client says passes a director, and what servers say does not. A director that does not know
//! a connection refuses what belongs to it, and the client's download fails.

use super::LIMIT;
use crate::VIPD;
use crate::support::{Director, Host, Implementation, Lab, holds, wait_for};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const VIP: &str = "10.0.0.100";

/// Each director's configuration.
fn config(priority: u8) -> String {
    let server = |n: u8| format!("real_server 10.0.0.{n} 80 {{\nTCP_CHECK {{\nconnect_timeout 5\n}}\n}}\n");
    format!(
        "global_defs {{\nvrrp_version 3\nlvs_sync_daemon eth0 inst VI id 7\n}}\n\
         vrrp_instance VI {{\ninterface eth0\nvirtual_router_id 51\npriority {priority}\nadvert_int 0.5\n\
         garp_master_delay 1\nvirtual_ipaddress {{\n{VIP}\n}}\n}}\n\
         virtual_server {VIP} 80 {{\nprotocol TCP\nlvs_sched rr\nlvs_method DR\ndelay_loop 1\nwarmup 0\n{}{}}}\n",
        server(3),
        server(4)
    )
}

/// How much is said at once, and how long a pause follows.
const PIECE: usize = 16 * 1024;
const PAUSE: Duration = Duration::from_millis(10);

/// The byte with this number of each download, of a sequence that does not repeat itself soon.
fn byte(at: u64) -> u8 {
    (at ^ (at >> 8) ^ (at >> 16)).wrapping_mul(167) as u8
}

fn piece(begin: u64) -> Vec<u8> {
    (begin..).take(PIECE).map(byte).collect()
}

/// Real servers: each client gets bytes until it is enough, and then how many they were.
fn serve(host: &Host, enough: &Arc<AtomicBool>) {
    host.sysctl("ipv4.conf.all.arp_ignore", "1");
    host.sysctl("ipv4.conf.all.arp_announce", "2");
    host.configure(&[&format!("address add {VIP}/32 dev lo")]);
    let listener = host.enter(|| TcpListener::bind("0.0.0.0:80")).expect("listen");
    let enough = Arc::clone(enough);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let enough = Arc::clone(&enough);
            // A check leaves at once.
            thread::spawn(move || upload(client, &enough));
        }
    });
}

fn upload(mut client: TcpStream, enough: &AtomicBool) -> io::Result<()> {
    let mut said = 0;
    // Who downloads says so.
    client.read_exact(&mut [0; 1])?;
    while !enough.load(Ordering::SeqCst) {
        client.write_all(&piece(said))?;
        said += PIECE as u64;
        thread::sleep(PAUSE);
    }
    client.write_all(&said.to_be_bytes())?;
    client.shutdown(Shutdown::Write)
}

/// A download of the client's.
struct Download {
    heard: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<()>>,
}

impl Download {
    fn start(client: &Host) -> Download {
        let heard = Arc::new(AtomicU64::new(0));
        let (counted, client) = (Arc::clone(&heard), client.clone());
        let thread = thread::spawn(move || {
            client.join_namespace();
            let mut stream = TcpStream::connect((VIP, 80))?;
            stream.set_read_timeout(Some(LIMIT))?;
            stream.write_all(b"?")?;
            let mut rest = Vec::new();
            let mut room = [0; PIECE];
            let mut begin = 0;
            loop {
                let count = stream.read(&mut room)?;
                rest.extend_from_slice(&room[..count]);
                if count == 0 {
                    let length = rest.try_into().map(u64::from_be_bytes);
                    return if length == Ok(begin) {
                        Ok(())
                    } else {
                        Err(io::Error::other("it is not complete"))
                    };
                }
                while rest.len() >= PIECE {
                    let more = rest.split_off(PIECE);
                    if rest != piece(begin) {
                        return Err(io::Error::other(format!("it is spoiled behind byte {begin}")));
                    }
                    rest = more;
                    begin += PIECE as u64;
                    counted.store(begin, Ordering::SeqCst);
                }
            }
        });
        Download { heard, thread }
    }

    /// Waits until it has gone on for a while.
    #[track_caller]
    fn goes_on(&self, when: &str) {
        let before = self.heard.load(Ordering::SeqCst);
        wait_for(format_args!("a download to go on {when}"), LIMIT, || {
            let heard = self.heard.load(Ordering::SeqCst);
            if heard >= before + 20 * PIECE as u64 {
                Ok(())
            } else {
                Err(format!("{before} bytes and then {heard}; it ended: {}", self.thread.is_finished()))
            }
        });
    }
}

/// Waits until a director has so many connections, of which each server has its share.
#[track_caller]
fn knows(director: &Host, connections: usize) {
    wait_for(format_args!("{connections} connections on {}", director.name()), LIMIT, || {
        let listed = director.run("ipvsadm -Lnc");
        let of = |server: &str| {
            let is_of = |line: &&str| line.contains("ESTABLISHED") && line.contains(server);
            listed.lines().filter(is_of).count()
        };
        let counts = ["10.0.0.3:80", "10.0.0.4:80"].map(of);
        if counts == [connections / 2; 2] { Ok(()) } else { Err(listed) }
    });
}

pub(super) fn survives(lab: &Lab, program: Implementation) {
    let enough = Arc::new(AtomicBool::new(false));
    for n in [3, 4] {
        serve(&lab.host(&format!("server{n}"), &format!("10.0.0.{n}/24")), &enough);
    }
    let client = lab.host("client", "10.0.0.50/24");
    let hosts = [lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24")];
    for host in &hosts {
        for key in ["ipv4.conf.all.send_redirects", "ipv4.conf.eth0.send_redirects"] {
            host.sysctl(key, "0");
        }
    }
    let start = |which: usize| {
        Director::start(program, &hosts[which], Path::new(VIPD), &config([150, 100][which]), &[])
    };
    let [one, two] = &hosts;
    let first = start(0);
    holds(one, VIP, true);
    let _second = start(1);
    wait_for("the second director's table", LIMIT, || {
        let table = two.run("ipvsadm -Ln");
        if table.matches(" Route ").count() == 2 { Ok(()) } else { Err(table) }
    });
    // It listens before there is anything to hear.
    super::run(two, &["backup sync daemon"]);
    super::run(one, &["master sync daemon"]);

    let downloads = [Download::start(&client), Download::start(&client)];
    let go_on = |when: &str| downloads.iter().for_each(|download| download.goes_on(when));
    go_on("at first");
    knows(one, 2);
    knows(two, 2);

    // The master's cable is pulled out.
    one.unplug();
    holds(two, VIP, true);
    go_on("behind the second director");
    super::run(two, &["master sync daemon"]);
    one.plug_in();
    holds(two, VIP, false);
    holds(one, VIP, true);
    go_on("behind the first one again");
    super::run(two, &["backup sync daemon"]);

    // All of the master's processes end at once; its addresses stay behind.
    first.kill();
    holds(two, VIP, true);
    wait_for("the client to see the other director", LIMIT, || {
        let seen = client.neighbour(VIP);
        if seen.as_deref() == Some(&two.mac().to_string()) { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    go_on("when the first one is dead");

    enough.store(true, Ordering::SeqCst);
    for download in downloads {
        let outcome = download.thread.join().expect("no panic");
        outcome.unwrap_or_else(|error| panic!("a download: {error}"));
    }
}
