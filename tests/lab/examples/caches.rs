//! `caches.conf`: two Squids, for browsers that know of them, by the client's address, and for those that don't, by the
//! site's address.

use super::*;
use std::fmt::Write;

const BY_CLIENT: &str = "TCP 10.0.0.80:3128";
const BY_SITE: &str = "FWM 1";

/// The clients' addresses in 10.0.0.0/24, and the web servers' in 203.0.113.0/24: an odd number of each, so that one after
/// the other would not come to the same Squid each time by taking turns.
const CLIENTS: [u8; 5] = [101, 102, 103, 104, 105];
const SITES: [u8; 5] = [1, 2, 3, 4, 5];

/// A real Squid, which forgets at once what it has fetched: web servers tell who asked them.
fn squid(lab: &Lab, host: &Host) -> Process {
    let log = folder(lab, host).join("log");
    let config = format!(
        "visible_hostname {}\nhttp_port 3128\nhttp_port 3129 intercept\nhttp_access allow all\ncache deny all\n\
         cache_mem 8 MB\ncache_log {}\ncache_store_log none\naccess_log none\npid_filename none\nnetdb_filename none\n\
         coredump_dir none\npinger_enable off\nmax_filedescriptors 1024\nshutdown_lifetime 0 seconds\n\
         dns_nameservers 127.0.0.1\n",
        host.name(),
        log.display()
    );
    let file = host.file("squid.conf");
    fs::write(&file, config).expect("write Squid's configuration");
    host.start("squid", host.command("squid").arg("-N").arg("-d1").arg("-f").arg(&file))
}

/// Words of curl for a request from each of these addresses for each of these sites, all with connections of their own.
fn requests(clients: &[u8], sites: &[u8], more: &str) -> String {
    let mut words = String::new();
    for (client, site) in clients.iter().flat_map(|client| sites.iter().map(move |site| (client, site))) {
        if !words.is_empty() {
            let _ = write!(words, " --next {REQUEST} ");
        }
        let _ = write!(words, "{more} --interface 10.0.0.{client} http://203.0.113.{site}/");
    }
    words
}

/// The Squids that fetched what was asked for, as web servers saw them.
#[track_caller]
fn fetched(client: &Host, clients: &[u8], sites: &[u8], more: &str) -> Vec<String> {
    let seen = curl(client, &requests(clients, sites, more));
    assert_eq!(seen.len(), clients.len() * sites.len(), "{seen:?}");
    seen
}

const PROXY: &str = "--proxy http://10.0.0.80:3128";

pub(super) fn plays(lab: &Lab) {
    let client = lab.host("client", "10.0.0.100/24");
    client.configure(&["route add default via 10.0.0.1"]);
    for n in CLIENTS {
        client.configure(&[&format!("address add 10.0.0.{n}/24 dev eth0")]);
    }
    let director = lab.host("director", "10.0.0.2/24");
    director.configure(&["route add default via 10.0.0.254"]);
    director.sysctl("ipv4.ip_forward", "1");
    for key in ["ipv4.conf.all.send_redirects", "ipv4.conf.eth0.send_redirects"] {
        director.sysctl(key, "0");
    }
    let config = example("caches.conf", &[("delay_loop 5", "delay_loop 1")]);
    // The file's comments have them.
    let marks = blocks(&config.replace("\n# ", "\n  "));
    assert_eq!(marks.len(), 1, "{marks:?}");
    types(&director, &marks[0]);

    let router = lab.host("router", "10.0.0.254/24");
    router.configure(&["route add local 203.0.113.0/24 dev lo"]);
    let _web = nginx(lab, &router, "listen 8080;\nreturn 200 \"$remote_addr\\n\";");
    let told = blocks(&readme("Caches"));
    assert_eq!(told.len(), 1, "{told:?}");
    let mut squids = [21, 22].map(|n| {
        let host = lab.host(&format!("squid{}", n - 20), &format!("10.0.0.{n}/24"));
        host.configure(&["route add default via 10.0.0.254"]);
        prepare_for_dr(&host, "10.0.0.80");
        types(&host, &told[0]);
        let process = squid(lab, &host);
        (host, Some(process))
    });
    for (host, _) in &squids {
        listens(host, 3128);
        listens(host, 3129);
    }
    let _director = start(&director, &config, "10.0.0.80");
    let all = ["10.0.0.21", "10.0.0.22"];
    let served_by = |servers: &[&str]| {
        for (service, port) in [(BY_CLIENT, "3128"), (BY_SITE, "0")] {
            let names: Vec<String> = servers.iter().map(|server| format!("{server}:{port}")).collect();
            serves(&director, service, &names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>());
        }
    };
    served_by(&all);

    // Each client stays with its Squid, whatever the site; not all with the same one.
    let by_client = fetched(&client, &CLIENTS, &[1], PROXY);
    assert_eq!(counted(&by_client).into_keys().collect::<Vec<_>>(), all, "{by_client:?}");
    for site in [2, 3] {
        assert_eq!(fetched(&client, &CLIENTS, &[site], PROXY), by_client, "site {site}");
    }
    // Each site stays with its Squid, whoever asks for it.
    let by_site = fetched(&client, &[101], &SITES, "");
    assert_eq!(counted(&by_site).into_keys().collect::<Vec<_>>(), all, "{by_site:?}");
    for n in [102, 103] {
        assert_eq!(fetched(&client, &[n], &SITES, ""), by_site, "client {n}");
    }
    // What is not marked goes the usual way.
    assert_eq!(curl(&client, "--interface 10.0.0.101 http://203.0.113.1:8080/"), ["10.0.0.101"]);

    // One is gone: the other one serves its clients and its sites.
    squids[0].1.take();
    served_by(&all[1..]);
    assert_eq!(counted(&fetched(&client, &CLIENTS, &[1], PROXY)), [(all[1], CLIENTS.len())].into());
    assert_eq!(counted(&fetched(&client, &[101], &SITES, "")), [(all[1], SITES.len())].into());
}
