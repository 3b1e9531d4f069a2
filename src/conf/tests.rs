use super::*;
use crate::check::config::Endpoint;
use crate::ipvs::model::{Forward, Protocol};
use crate::vrrp::config::{Auth, InitialState, Version};
use std::time::Duration;

fn text(text: &str) -> Loaded {
    load_text("keepalived.conf", text, &LoadOptions::default())
}

#[test]
fn the_example_means_what_its_comments_say() {
    let loaded = text(include_str!("../../examples/keepalived.conf"));
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(loaded.test_status(), 0);
    let config = loaded.config.unwrap();

    let [instance] = config.vrrp.instances.as_slice() else { panic!("{:?}", config.vrrp) };
    assert_eq!((instance.name.as_str(), instance.interface.as_deref()), ("VI", Some("eth0")));
    assert_eq!((instance.state, instance.version), (InitialState::Backup, Version::V2));
    assert_eq!((instance.vrid.get(), instance.priority), (230, 150));
    assert_eq!(instance.advert_int, Duration::from_secs(1));
    assert_eq!(instance.auth, Some(Auth::Pass(*b"himitsu\0")));
    let addresses: Vec<_> =
        instance.addresses.iter().map(|a| (a.net.to_string(), &a.interface[..])).collect();
    assert_eq!(
        addresses,
        [("192.168.219.230/24".to_owned(), "eth0"), ("192.168.219.119/24".to_owned(), "eth0")]
    );
    assert_eq!(instance.garp, crate::vrrp::config::Garp::default());

    let [server] = config.check.virtual_servers.as_slice() else { panic!("{:?}", config.check) };
    assert_eq!(server.name, "[MYSQL100]:0");
    assert_eq!(server.endpoints, [Endpoint::Address("192.168.219.119:3306".parse().unwrap())]);
    assert_eq!((server.protocol, server.scheduler.as_str(), server.quorum), (Protocol::Tcp, "rr", 1));
    let addresses: Vec<_> = server.real_servers.iter().map(|r| r.address.to_string()).collect();
    assert_eq!(addresses, ["192.168.219.111:3306", "192.168.219.112:3306"]);
    for real in &server.real_servers {
        assert_eq!((real.forward, real.weight, real.inhibit_on_failure), (Forward::DirectRoute, 1, true));
        let [check] = real.checkers.as_slice() else { panic!("{real:?}") };
        assert_eq!((check.to, check.connect.timeout), (real.address, Duration::from_secs(3)));
        assert_eq!(check.schedule.delay_loop, Duration::from_secs(3));
        assert_eq!((check.schedule.retry, check.schedule.delay_before_retry), (1, Duration::from_secs(1)));
        assert_eq!(check.schedule.warmup, Duration::from_secs(3));
        assert!(!check.schedule.alpha);
    }
}

/// Whatever `nopreempt` says; and no other address than those of its family is advertised.
#[test]
fn an_owner_takes_over_in_any_case_and_an_instance_has_one_family() {
    for (priority, nopreempt) in [(254, true), (255, false)] {
        let loaded = text(&format!(
            "vrrp_instance VI {{\n  interface eth0\n  virtual_router_id 7\n  state BACKUP\n  priority {priority}\n  \
             nopreempt\n  virtual_ipaddress {{\n    10.0.0.1/24\n    2001:db8::1/64\n  }}\n}}\n"
        ));
        assert!(loaded.diagnostics.iter().any(|d| d.code == &diagnostic::codes::MIXED_FAMILIES));
        let [instance] = &loaded.config.unwrap().vrrp.instances[..] else { panic!("one instance") };
        assert_eq!((instance.priority, instance.nopreempt), (priority, nopreempt));
        let addresses: Vec<String> = instance.addresses.iter().map(|a| a.net.to_string()).collect();
        assert_eq!(addresses, ["10.0.0.1/24"]);
    }
}

#[test]
fn a_block_that_is_left_in_the_text_means_the_same() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conf/err");
    let files = std::fs::read_dir(folder).unwrap().map(|f| std::fs::read(f.unwrap().path()).unwrap());
    let example: &[u8] = include_bytes!("../../examples/keepalived.conf");
    // A brace less, somewhere: one block is broken, the others are not.
    let braces = example.iter().enumerate().filter(|(_, b)| matches!(b, b'{' | b'}'));
    let broken = braces.map(|(i, _)| [&example[..i], &example[i + 1..]].concat());
    for text in files.chain(broken).chain([example.to_vec()]) {
        let mut sources = Sources::new();
        let file = sources.add("keepalived.conf", text);
        let text = sources.get(file).text();
        let options = LoadOptions::default();
        let read = |deferred: bool| {
            let mut sink = Sink::new(file);
            let tree = match deferred {
                true => parser::parse_deferred(text, file, None, &mut sink),
                false => parser::parse(text, file, None, &mut sink),
            };
            let lowered = lower::lower(&tree, &options, &mut sink);
            lint::lint(&tree, &lowered, &Lints::default(), None, &mut sink);
            (lowered.config, sink.finish())
        };
        assert_eq!(read(true), read(false), "{text}");
    }
}

#[test]
fn what_the_expansion_finds_is_bounded_with_all_the_rest() {
    let includes: String = (0..700).map(|i| format!("include /nonexistent/{i}.conf\n")).collect();
    let text = format!("global_defs {{\n}}\n{includes}foo\n");
    let options = LoadOptions { all_files: true, ..LoadOptions::default() };
    let loaded = load_text("keepalived.conf", text, &options);
    assert_eq!(loaded.diagnostics.len(), 501);
    let last = &loaded.diagnostics[500].message;
    assert_eq!(last, "201 more problems are not shown; correct these first");
    assert_eq!(loaded.test_status(), 6, "the verdict is that on all of them");

    // What ends the expansion is said even then.
    let text = format!("{includes}~SEQ(N,1,3000) x ${{N}}\n");
    let limits = Limits { lines: 2000, ..Limits::DEFAULT };
    let loaded = load_text("keepalived.conf", text, &LoadOptions { limits, ..options });
    assert!(loaded.diagnostics.iter().any(|d| d.code.id == codes::EXPANSION_TOO_LARGE.id));
}
