//! A configuration four times as large is four times the work, and not more.

use super::count;
use crate::conf::{Lints, LoadOptions, load_text};
use std::fmt::Write as _;

/// Of everything that a file has many of, `n`.
fn large(n: usize) -> String {
    let mut text = String::new();
    let octets = |i: usize| format!("{}.{}", i >> 8, i & 255);
    for i in 0..n {
        let at = octets(i);
        let next = if i + 1 < n { i + 1 } else { 0 };
        let _ = write!(
            text,
            "vrrp_script s{i} {{\n    script /bin/true\n}}\n\
             track_file f{i} {{\n    file /tmp/f{i}\n}}\n\
             virtual_server_group g{i} {{\n    10.1.{at} 80\n    fwmark {mark}\n}}\n\
             vrrp_sync_group p{i} {{\n    group {{\n        v{i}\n    }}\n}}\n\
             vrrp_instance v{i} {{\n    interface eth{i}\n    virtual_router_id {vrid}\n    virtual_ipaddress {{\n        \
             10.2.{at}\n    }}\n    track_script {{\n        s{i}\n    }}\n    track_file {{\n        f{i}\n    }}\n}}\n\
             virtual_server group g{i} {{\n    lvs_sched rr\n    lvs_method NAT\n    protocol TCP\n}}\n\
             virtual_server 10.3.{at} 80 {{\n    lvs_sched rr\n    lvs_method NAT\n    protocol TCP\n    \
             real_server 10.4.{at} 80 {{\n        TCP_CHECK {{\n            connect_timeout 3\n        }}\n    }}\n    \
             real_server 10.5.{at} 80 {{\n        weight {next}\n    }}\n}}\n",
            mark = i + 1,
            vrid = i % 255 + 1,
        );
    }
    text
}

/// One block that has `n` of what stands in it.
fn wide(n: usize) -> String {
    let mut text = String::from(
        "virtual_server 10.3.0.1 80 {\n    lvs_sched rr\n    lvs_method NAT\n    protocol TCP\n",
    );
    for i in 0..n {
        let _ = writeln!(text, "    real_server 10.4.{}.{} 80 {{\n        weight 1\n    }}", i >> 8, i & 255);
    }
    text.push_str("}\nvirtual_server_group g {\n");
    for i in 0..n {
        let _ = writeln!(text, "    10.1.{}.{} 80", i >> 8, i & 255);
    }
    text.push_str(
        "}\nvrrp_instance v {\n    interface eth0\n    virtual_router_id 1\n    virtual_ipaddress {\n",
    );
    for i in 0..n {
        let _ = writeln!(text, "        10.2.{}.{}", i >> 8, i & 255);
    }
    text.push_str("    }\n}\n");
    text
}

/// Instances by `~SEQ`.
fn sequence(n: usize) -> String {
    format!(
        "$V= \\\nvrrp_instance v${{I}} {{ \\\n    interface eth${{I}} \\\n    virtual_router_id 7 \\\n    \
         virtual_ipaddress {{ \\\n        10.2.0.1 \\\n    }} \\\n}}\n\n~SEQ(I,1,{n}) $V\n"
    )
}

/// The same mistakes again and again.
fn wrong(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n {
        let _ = write!(
            text,
            "vrrp_instance v {{\n    interfce eth0\n    track_script {{\n        missing{i}\n    }}\n}}\n\
             virtual_server 10.3.0.1 80 {{\n    lvs_sched rr\n    real_server 10.4.0.1 80 {{\n    }}\n    \
             real_server 10.4.0.1 80 {{\n    }}\n}}\n"
        );
    }
    text
}

#[test]
fn four_times_the_configuration_is_four_times_the_work() {
    let kinds = ["lines", "words", "keywords", "statements", "names", "findings"];
    for (what, of, begin) in [
        ("large", large as fn(usize) -> String, 60),
        ("wide", wide, 200),
        ("sequence", sequence, 200),
        // Beyond the number of findings that are kept.
        ("wrong", wrong, 400),
    ] {
        for lints in [None, Some(Lints::default())] {
            let options = LoadOptions { lints, ..LoadOptions::default() };
            let taken = |n: usize| count(|| load_text("keepalived.conf", of(n), &options)).0;
            let (small, great) = (taken(begin), taken(4 * begin));
            for ((kind, small), great) in kinds.iter().zip(small).zip(great) {
                // What is the same for every file may be more than nothing; a square would be sixteen times as much.
                assert!(
                    great <= 5 * small + 50,
                    "{what}, hints {}: {small} {kind} became {great}",
                    lints.is_some()
                );
            }
            assert!(small[1] > 0 && small[2] > 0 && small[3] > 0 && small[4] > 0, "{what}: {small:?}");
        }
    }
}
