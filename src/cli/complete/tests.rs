use super::*;

/// A table, as nobody else sees it.
struct Table;

fn address(protocol: Protocol, text: &str) -> ServiceKey {
    let end: std::net::SocketAddr = text.parse().unwrap();
    ServiceKey::Address { protocol, address: end.ip(), port: end.port() }
}

impl Known for Table {
    fn services(&mut self) -> Vec<ServiceKey> {
        let marked = |family| ServiceKey::Fwmark { mark: 7, family };
        vec![
            address(Protocol::Tcp, "192.0.2.1:80"),
            address(Protocol::Tcp, "192.0.2.1:443"),
            address(Protocol::Tcp, "[2001:db8::1]:80"),
            address(Protocol::Udp, "192.0.2.1:53"),
            marked(crate::net::Family::V4),
            marked(crate::net::Family::V6),
        ]
    }

    fn servers(&mut self, service: &ServiceKey) -> Vec<DestKey> {
        let server = |text: &str| {
            let end: std::net::SocketAddr = text.parse().unwrap();
            DestKey { address: end.ip(), port: end.port() }
        };
        match service.to_string().as_str() {
            "TCP 192.0.2.1:80" => vec![server("10.0.0.1:8080"), server("10.0.0.2:8080")],
            "TCP [2001:db8::1]:80" => vec![server("[2001:db8::a]:80")],
            "FWM 7" => vec![server("10.0.0.3:0")],
            "FWM 7 IPv6" => vec![server("[2001:db8::b]:0")],
            _ => Vec::new(),
        }
    }

    fn interfaces(&mut self) -> Vec<String> {
        vec!["eth0".into(), "lo".into()]
    }
}

/// The words that are offered, at the end of the line: behind a blank, or for what is begun.
fn offered(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut out = Vec::new();
    print(&answer(&words, &mut Table), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[track_caller]
fn offers(line: &str, words: &str) {
    assert_eq!(offered(line), words.split_whitespace().collect::<Vec<_>>(), "{line:?}");
}

#[test]
fn services_are_those_of_the_table() {
    for command in
        ["ipvsadm -d", "vipd ipvs -E", "vipd ipvs -D", "/sbin/ipvsadm -L", "vipd ipvs -Ln", "ipvsadm -Z"]
    {
        offers(&format!("{command} -t "), "192.0.2.1:80 192.0.2.1:443 [2001:db8::1]:80");
        offers(
            &format!("{command} --tcp-service="),
            "--tcp-service=192.0.2.1:80 --tcp-service=192.0.2.1:443 --tcp-service=[2001:db8::1]:80",
        );
    }
    offers("ipvsadm -E -t 192.0.2.1:4", "192.0.2.1:443");
    offers("ipvsadm -E -t [", "[2001:db8::1]:80");
    offers("ipvsadm -E -u ", "192.0.2.1:53");
    offers("ipvsadm -E --sctp-service ", "");
    offers("ipvsadm -E -f ", "7");
    // One that is to be added is not there yet.
    offers("ipvsadm -A -t ", "");
}

#[test]
fn servers_are_those_of_the_service_on_the_line() {
    offers("ipvsadm -d -t 192.0.2.1:80 -r ", "10.0.0.1:8080 10.0.0.2:8080");
    offers("vipd ipvs -e --real-server 10.0.0.2", "");
    offers("vipd ipvs -e -t 192.0.2.1:http -r 10.0.0.2", "10.0.0.2:8080");
    offers("vipd ipvs -d -t [2001:db8::1]:80 -r ", "[2001:db8::a]:80");
    offers("vipd ipvs -d -f 7 -r ", "10.0.0.3:0");
    offers("vipd ipvs -d -f 7 -6 -r ", "[2001:db8::b]:0");
    offers("vipd ipvs -a -t 192.0.2.1:80 -r ", "");
}

#[test]
fn values_of_options() {
    assert_eq!(offered("ipvsadm -A -t 192.0.2.1:80 -s ").len(), 14);
    offers("ipvsadm -A -t 192.0.2.1:80 -s l", "lc lblc lblcr");
    offers("ipvsadm -A -t 192.0.2.1:80 -s sh -b ", "sh-fallback sh-port");
    offers("ipvsadm -A -t 192.0.2.1:80 -s mh -b mh-port,", "mh-port,mh-fallback");
    offers("ipvsadm -A -t 192.0.2.1:80 -s rr -b flag-1,", "flag-1,flag-2 flag-1,flag-3");
    offers("ipvsadm --start-daemon ", "master backup");
    offers("ipvsadm --start-daemon master --mcast-interface ", "eth0 lo");
    offers("ipvsadm --start-daemon master --mcast-interface=e", "--mcast-interface=eth0");
    offers("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type g", "gue gre");
    offers("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -w ", "");
    offers("ipvsadm-save -", "-n");
    offers("ipvsadm-restore -", "");
}

#[test]
fn options_are_those_of_the_command() {
    assert!(offered("ipvsadm ").contains(&"-A".to_owned()));
    offers("ipvsadm --st", "--start-daemon --stop-daemon");
    offers("ipvsadm -D ", "-t -u --sctp-service -f");
    offers("ipvsadm -D -f 7 ", "-6");
    offers("ipvsadm -d -t 192.0.2.1:80 ", "-r");
    offers("ipvsadm -S ", "-n");
    offers("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -m -", "-w -x -y");
    offers("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-c", "--tun-csum");
    offers("ipvsadm -Q ", "");
}

#[test]
fn what_ipvsadm_lacks_is_vipd_s() {
    offers("ipvsadm -R -", "");
    offers("vipd ipvs -R --a", "--atomic");
    offers("vipd ipvs -Ln --j", "--json");
    offers("vipd ipvs -Ln --w", "--watch");
    assert!(offered("vipd ipvs ").contains(&"apply".to_owned()));
    assert!(!offered("ipvsadm ").contains(&"apply".to_owned()));
    offers("vipd ipvs apply --dry-run", "--dry-run");
    offers("vipd ipvs apply ", "/");
    offers("vipd ipvs apply rules --only t", "tcp:192.0.2.1:80 tcp:192.0.2.1:443 tcp:[2001:db8::1]:80");
}

#[test]
fn drain_takes_both_spellings() {
    offers("vipd ipvs drain udp", "udp:192.0.2.1:53");
    offers("vipd ipvs drain f", "fwmark:7 fwmark6:7");
    offers("vipd ipvs drain tcp:192.0.2.1:80 ", "10.0.0.1:8080 10.0.0.2:8080");
    offers("vipd ipvs drain tcp:[2001:db8::1]:http ", "[2001:db8::a]:80");
    offers("vipd ipvs drain --timeout 60 fwmark6:7 ", "[2001:db8::b]:0");
    offers("vipd ipvs drain tcp:192.0.2.1:80 10.0.0.1:8080 ", "");
    offers("vipd ipvs drain -u ", "192.0.2.1:53");
    offers("vipd ipvs drain -t 192.0.2.1:80 -r ", "10.0.0.1:8080 10.0.0.2:8080");
    offers("vipd ipvs drain --timeout 60 -f 7 -6 -r ", "[2001:db8::b]:0");
}

#[test]
fn vipd_s_own_command_line() {
    offers("vipd comp", "completions");
    offers("vipd completions ", "bash zsh fish");
    offers("vipd ch", "check");
    offers("vipd check ", "/");
    offers("vipd check --form", "--format");
    offers("vipd check --format j", "json");
    offers("vipd check --format=j", "--format=json");
    offers("vipd check --against ", "/");
    offers("vipd check --explain V010", "V0101 V0102 V0103 V0104 V0105 V0106 V0107 V0108 V0109");
    // What keepalived reports can't be allowed.
    offers("vipd check --allow V010", "");
    offers("vipd check --allow V0801,V082", &(0..10).map(|n| format!("V0801,V082{n} ")).collect::<String>());
    offers("vipd explain advert", "advert_int");
    offers("vipd run -f ", "/");
    offers("vipd run -n -p ", "/");
    offers("vipd nonsense -x ", "");
}

#[test]
fn each_option_of_ipvsadm_is_offered_somewhere() {
    let mut seen = HashSet::new();
    let starts =
        ["", "-A -t a:1 ", "-A -f 7 ", "-a -t a:1 -i ", "-a -t a:1 ", "-L ", "--start-daemon master "];
    for start in starts {
        for prefix in ["", "--"] {
            seen.extend(offered(&format!("ipvsadm {start}{prefix}")));
        }
    }
    for option in
        crate::ipvs::grammar::HELP.split([' ', '\n', '|', '[', ']']).filter(|word| word.starts_with('-'))
    {
        // -l is -L, -v is not ipvsadm's shortest word for it.
        let other_spelling = ["-l", "-X", "-v"].contains(&option);
        assert!(other_spelling || seen.contains(option), "{option} is in the help and is not completed");
    }
}
