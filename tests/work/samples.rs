//! Configurations of any size, to see how the work of reading them grows. `tests/work` reads these too.

use std::fmt::Write as _;

/// Of everything that a file has many of, `n`; nothing is wrong with it, and there is no advice to give.
pub(crate) fn large(n: usize) -> String {
    let mut text = String::new();
    let octets = |i: usize| format!("{}.{}", i >> 8, i & 255);
    for i in 0..n {
        let at = octets(i);
        let _ = write!(
            text,
            "vrrp_script s{i} {{\n    script /bin/true\n    weight 0\n}}\n\
             track_file f{i} {{\n    file /tmp/f{i}\n    weight 0\n}}\n\
             virtual_server_group g{i} {{\n    10.1.{at} 80\n}}\n\
             virtual_server_group m{i} {{\n    fwmark {mark}\n}}\n\
             vrrp_sync_group p{i} {{\n    group {{\n        v{i}\n        w{i}\n    }}\n}}\n\
             vrrp_instance v{i} {{\n    interface eth{i}\n    virtual_router_id {vrid}\n    priority 101\n    \
             virtual_ipaddress {{\n        10.1.{at}/32\n        10.3.{at}/32\n    }}\n    track_script {{\n        s{i}\n    }}\n    \
             track_file {{\n        f{i}\n    }}\n}}\n\
             vrrp_instance w{i} {{\n    interface eth{i}\n    virtual_router_id 255\n    priority 101\n    \
             virtual_ipaddress {{\n        10.2.{at}/32\n    }}\n}}\n",
            mark = i + 1,
            vrid = i % 254 + 1,
        );
        for (service, port, protocol) in [
            (format!("group g{i}"), 80, "TCP"),
            (format!("group m{i}"), 0, ""),
            (format!("fwmark {}", n + i + 1), 0, ""),
            (format!("10.3.{at} 80"), 80, "TCP"),
        ] {
            let _ = write!(
                text,
                "virtual_server {service} {{\n    delay_loop 6\n    lvs_sched wlc\n    lvs_method DR\n"
            );
            if port > 0 {
                let _ = writeln!(text, "    protocol {protocol}");
            }
            for network in [4, 5] {
                let _ = write!(
                    text,
                    "    real_server 10.{network}.{at} {port} {{\n        TCP_CHECK {{\n            connect_port 80\n            \
                     connect_timeout 3\n        }}\n    }}\n"
                );
            }
            text.push_str("}\n");
        }
    }
    text
}

/// One block that has `n` of what stands in it.
pub(crate) fn wide(n: usize) -> String {
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
pub(crate) fn sequence(n: usize) -> String {
    format!(
        "$V= \\\nvrrp_instance v${{I}} {{ \\\n    interface eth${{I}} \\\n    virtual_router_id 7 \\\n    priority 101 \\\n    \
         virtual_ipaddress {{ \\\n        fe80::${{I}}/128 \\\n    }} \\\n}}\n\n~SEQ(I,1,{n}) $V\n"
    )
}

/// The same mistakes again and again.
pub(crate) fn wrong(n: usize) -> String {
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

/// As many parameters, each used by its own service and by the next one's, and by way of a definition of several lines.
pub(crate) fn parameters(n: usize) -> String {
    let mut text = String::from(
        "$SERVICE= \\\nvirtual_server ${V} 80 { \\\n    lvs_sched rr \\\n    lvs_method DR \\\n    protocol TCP \\\n    \
         delay_loop 6 \\\n    real_server ${R} 80 { \\\n        TCP_CHECK { \\\n        } \\\n    } \\\n}\n\n",
    );
    for i in 0..n {
        let _ = writeln!(text, "$P{i}=10.6.{}.{}", i >> 8, i & 255);
    }
    for i in 0..n {
        let next = if i + 1 < n { i + 1 } else { 0 };
        let _ = writeln!(text, "$V=${{P{i}}}\n$R=${{P{next}}}\n$SERVICE");
    }
    text
}

/// The example of keepalived's manual page: 8 × `numbers` × 254 instances, of 32 numbers 65,024.
pub(crate) fn example(numbers: usize) -> String {
    format!(
        "$VI4= \\\nvrrp_instance vrrp4.${{IF}}.${{NUM}}.${{ID}} {{ \\\n    interface bond${{IF}}.${{NUM}} \\\n    \
         virtual_router_id ${{ID}} \\\n    priority 130 \\\n    virtual_ipaddress {{ \\\n        \
         10.${{IF}}.${{NUM}}.${{ID}}/24 \\\n    }} \\\n}}\n\n\
         ~SEQ(IF,0,7) ~SEQ(NUM,0,{}) ~SEQ(ID,1,254) $VI4\n",
        numbers - 1
    )
}
