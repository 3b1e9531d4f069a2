//! `Global definitions`.

use super::{Host, Process, Text, command, on_off, yes_no};
use crate::check::config::{FlushOnStop, Settings as Check};
use crate::command::Command;
use crate::conf::config::{
    Fifo, Firewall, Global, Instancing, Ipsets, IpvsNamespace, Mail, Process as ProcessSettings, SyncDaemon,
};
use crate::state::keepalived::number::short;
use crate::state::settings::Settings;
use crate::vrrp::config::{Config, DynamicInterfaces, RxBuffers};
use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};

const GROUP4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// What holds without `*_rlimit_rttime`, in microseconds.
const RLIMIT_RTTIME: u32 = 10_000;

pub(super) fn put(text: &mut Text, settings: &Settings, host: &dyn Host, process: Process) {
    let Settings { global, vrrp, check, ssl: _ } = settings;
    text.line(format_args!("------< Global definitions >------"));
    some(text, "Config save dir", global.files.config_save_dir.as_ref());
    put_names(text, global, host);
    put_mail(text, &global.mail, host);
    put_alerts(text, vrrp, check);
    put_reload(text, global);
    if process == Process::Parent {
        put_hooks(text, global, host);
    }
    put_interfaces(text, vrrp, check, process);
    if let Some(daemon) = &global.sync_daemon {
        put_sync_daemon(text, daemon);
    }
    key(text, "LVS flush", check.flush);
    let flush_on_stop = match check.flush_on_stop {
        FlushOnStop::Each => "disabled",
        FlushOnStop::VirtualServers => "VS",
        FlushOnStop::Everything => "full",
    };
    key(text, "LVS flush on stop", flush_on_stop);
    let fifos = &global.fifos;
    for (name, fifo) in [("Global", &fifos.all), ("VRRP", &fifos.vrrp), ("LVS", &fifos.lvs)] {
        put_fifo(text, name, fifo, host);
    }
    key(text, "FIFO write vrrp states on reload", vrrp.settings.fifo_states_on_reload);
    put_defaults(text, vrrp);
    put_firewall(text, &global.firewall);
    put_policy(text, global, vrrp);
    put_process(text, "VRRP", "VRRP process", &global.processes.vrrp);
    put_process(text, "Checker", "Checker process", &global.processes.checker);
    put_process(text, "BFD", "BFD process", &global.processes.bfd);
    put_agents(text, global);
    text.line(format_args!(" Script security {}", on_off(global.scripts.security)));
    text.line(format_args!(" Default script uid:gid {}", host.account(global.scripts.user.as_ref())));
    put_buffers(text, global, vrrp, check);
    text.line(format_args!(" umask = 0{:o}", host.umask()));
    if !vrrp.settings.startup_delay.is_zero() {
        key(text, "vrrp_startup_delay", short(vrrp.settings.startup_delay.as_secs_f64()));
    }
    if vrrp.settings.log_unknown_vrids {
        text.line(format_args!(" log_unknown_vrids"));
    }
    if vrrp.defaults.vmac_prefix != "vrrp" {
        key(text, "VMAC prefix", &vrrp.defaults.vmac_prefix);
    }
    some(text, "VMAC address prefix", vrrp.defaults.vmac_addr_prefix.as_ref());
}

fn key(text: &mut Text, name: &str, value: impl Display) {
    text.line(format_args!(" {name} = {value}"));
}

fn some(text: &mut Text, name: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        key(text, name, value);
    }
}

/// A command and who runs it.
fn put_command(text: &mut Text, name: &str, script: &Command, host: &dyn Host, behind: &str) {
    let account = host.account(script.run_as.as_ref());
    key(text, name, format_args!("{}, uid:gid {account}{behind}", command(script)));
}

fn put_names(text: &mut Text, global: &Global, host: &dyn Host) {
    let Instancing { instance, net_namespace, net_namespace_ipvs, .. } = &global.instancing;
    key(text, "Network namespace", net_namespace.as_deref().unwrap_or("(default)"));
    let of_table = match net_namespace_ipvs {
        IpvsNamespace::Same => "(main namespace)",
        IpvsNamespace::Default => "(default)",
        IpvsNamespace::Named(name) => name,
    };
    key(text, "Network namespace ipvs", of_table);
    some(text, "Instance name", instance.as_ref());
    let processes = &global.processes;
    some(text, "Parent process name", processes.parent_name.as_ref());
    some(text, "VRRP process name", processes.vrrp.name.as_ref());
    some(text, "LVS process name", processes.checker.name.as_ref());
    some(text, "BFD process name", processes.bfd.name.as_ref());
    key(text, "Router ID", global.router_id.clone().unwrap_or_else(|| host.name()));
}

fn put_mail(text: &mut Text, mail: &Mail, host: &dyn Host) {
    if mail.to.is_empty() && mail.server.is_none() {
        return;
    }
    if let Some(server) = &mail.server {
        key(text, "Smtp server", &server.host);
        key(text, "Smtp server port", server.port);
    }
    key(text, "Smtp HELO name", mail.helo_name.clone().unwrap_or_else(|| host.name()));
    key(text, "Smtp server connection timeout", mail.connect_timeout.as_secs());
    let from = mail.from.clone().unwrap_or_else(|| format!("root@{}", host.name()));
    key(text, "Email notification from", from);
    text.line(format_args!(" Email notification to:"));
    mail.to.iter().for_each(|to| text.line(format_args!("   {to}")));
}

fn put_alerts(text: &mut Text, vrrp: &Config, check: &Check) {
    key(text, "Default smtp_alert", "unset");
    key(text, "Default smtp_alert_vrrp", if vrrp.defaults.smtp_alert { "on" } else { "unset" });
    let of_checks = match check.smtp_alert {
        None => "unset",
        Some(true) => "on",
        Some(false) => "off",
    };
    key(text, "Default smtp_alert_checker", of_checks);
    key(text, "Checkers log all failures", check.log_all_failures);
}

fn put_reload(text: &mut Text, global: &Global) {
    let reload = &global.reload;
    match &reload.check_config {
        Some(file) => text.line(format_args!(" Test config before reload, log to {file}")),
        None => text.line(format_args!(" No test config before reload")),
    }
    if let Some(file) = &reload.time_file {
        let repeat = if reload.repeat { " (repeat)" } else { "" };
        key(text, "Reload time file", format_args!("{file}{repeat}"));
    }
    some(text, "Reload_file", reload.file.as_ref());
    some(text, "config save directory", global.files.tmp_config_directory.as_ref());
    if global.files.data_use_instance {
        text.line(format_args!(" Use instance name in data dumps"));
    }
}

fn put_hooks(text: &mut Text, global: &Global, host: &dyn Host) {
    let hooks = &global.hooks;
    if let Some(script) = &hooks.startup {
        let timeout = format!(", timeout {}", hooks.startup_timeout.as_secs());
        put_command(text, "Startup script", script, host, &timeout);
    }
    if let Some(script) = &hooks.shutdown {
        let timeout = format!(" timeout {}", hooks.shutdown_timeout.as_secs());
        put_command(text, "Shutdown script", script, host, &timeout);
    }
}

fn put_interfaces(text: &mut Text, vrrp: &Config, check: &Check, process: Process) {
    let dynamic = vrrp.settings.dynamic_interfaces;
    key(text, "Dynamic interfaces", dynamic != DynamicInterfaces::No);
    if dynamic != DynamicInterfaces::No {
        key(text, "Allow interface changes", dynamic == DynamicInterfaces::AllowChanges);
    }
    if vrrp.settings.no_email_faults {
        key(text, "Send emails for fault transitions", "off");
    }
    let timeouts = &check.timeouts;
    some(text, "LVS TCP timeout", timeouts.tcp);
    some(text, "LVS TCP FIN timeout", timeouts.tcp_fin);
    some(text, "LVS UDP timeout", timeouts.udp);
    if process == Process::Vrrp {
        key(text, "Default interface", &vrrp.defaults.interface);
    }
    key(text, "Disable local IGMP", yes_no(vrrp.settings.disable_local_igmp));
}

fn put_sync_daemon(text: &mut Text, daemon: &SyncDaemon) {
    let SyncDaemon { interface, instance, id, maxlen, port, ttl, group } = daemon;
    some(text, "LVS syncd vrrp instance", instance.as_ref());
    key(text, "LVS syncd interface", interface);
    some(text, "LVS syncd syncid", id.as_ref());
    some(text, "LVS syncd maxlen", maxlen.as_ref());
    if let Some(group) = group {
        text.line(format_args!(" LVS mcast group {group}"));
    }
    some(text, "LVS syncd mcast port", port.as_ref());
    some(text, "LVS syncd mcast ttl", ttl.as_ref());
}

fn put_fifo(text: &mut Text, whose: &str, fifo: &Fifo, host: &dyn Host) {
    let Some(path) = &fifo.path else { return };
    let account = host.account(fifo.owner.as_ref());
    key(text, &format!("{whose} notify fifo"), format_args!("{path}, uid:gid {account}"));
    if let Some(reader) = &fifo.reader {
        put_command(text, &format!("{whose} notify fifo script"), reader, host, "");
    }
}

fn put_defaults(text: &mut Text, vrrp: &Config) {
    let defaults = &vrrp.defaults;
    key(text, "VRRP notify priority changes", defaults.notify_priority_changes);
    key(text, "VRRP IPv4 mcast group", defaults.mcast_group4.unwrap_or(GROUP4));
    key(text, "VRRP IPv6 mcast group", defaults.mcast_group6.unwrap_or(GROUP6));
    let garp = &defaults.garp;
    key(text, "Gratuitous ARP delay", garp.master_delay.as_secs());
    key(text, "Gratuitous ARP repeat", garp.master_repeat);
    key(text, "Gratuitous ARP refresh timer", garp.refresh.as_secs());
    key(text, "Gratuitous ARP refresh repeat", garp.refresh_repeat);
    key(text, "Gratuitous ARP lower priority delay", garp.lower_prio_delay.as_secs());
    key(text, "Gratuitous ARP lower priority repeat", garp.lower_prio_repeat);
    key(text, "Num adverts before down", defaults.policy.down_timer_adverts);
    let (what, seconds) = match defaults.garp_extra_if {
        Some(extra) => (if extra.all { "i/f" } else { "VMAC" }, extra.interval.as_secs()),
        None => ("VMAC", 0),
    };
    key(text, &format!("Gratuitous ARP for each secondary {what}"), format_args!("{seconds}s"));
    key(text, "Send advert after receive lower priority advert", !defaults.policy.lower_prio_no_advert);
    key(text, "Send advert after receive higher priority advert", defaults.policy.higher_prio_send_advert);
    key(text, "Gratuitous ARP interval", format_args!("{:.6}", defaults.garp_interval.as_secs_f64()));
    key(text, "Gratuitous NA interval", format_args!("{:.6}", defaults.gna_interval.as_secs_f64()));
    key(text, "VRRP default protocol version", defaults.version.number());
}

fn put_firewall(text: &mut Text, firewall: &Firewall) {
    if let Some(iptables) = &firewall.iptables {
        key(text, "Iptables input chain", &iptables.input);
        some(text, "Iptables output chain", iptables.output.as_ref());
        key(text, "Using ipsets", firewall.ipsets != Ipsets::Off);
        if let Ipsets::Named(names) = &firewall.ipsets {
            let sets =
                ["IPv4 address set", "IPv6 address set", "IPv6 address,iface set", "IGMP set", "MLD set"];
            for (set, name) in sets.iter().zip(names) {
                key(text, &format!("ipset {set}"), name);
            }
        }
    }
    if let Some(nftables) = &firewall.nftables {
        key(text, "nftables table name", &nftables.table);
        key(text, "nftables base chain priority", nftables.priority);
        let force = if nftables.ifindex { "" } else { "don't " };
        text.line(format_args!(" nftables {force}force use ifindex for link local IPv6"));
    }
    if let Some(ipvs) = &firewall.ipvs {
        key(text, "ipvs nftables table name", &ipvs.table);
        key(text, "ipvs nftables base chain priority", ipvs.priority);
        key(text, "ipvs nftables start fwmark", ipvs.start_fwmark);
    }
    text.line(format_args!(" nftables with{} counters", if firewall.counters { "" } else { "out" }));
}

fn put_policy(text: &mut Text, global: &Global, vrrp: &Config) {
    let defaults = &vrrp.defaults;
    key(text, "VRRP check unicast_src", defaults.check_unicast_src);
    key(text, "VRRP skip check advert addresses", defaults.policy.skip_check_adv_addr);
    key(text, "VRRP strict mode", defaults.policy.strict);
    match global.processes.max_auto_priority {
        -1 => key(text, "Max auto priority", "Disabled"),
        most => key(text, "Max auto priority", most),
    }
    let delay = global.processes.min_auto_priority_delay.as_micros();
    key(text, "Min auto priority delay", format_args!("{delay} usecs"));
}

fn put_process(text: &mut Text, name: &str, long: &str, process: &ProcessSettings) {
    key(text, &format!("{long} priority"), process.priority);
    key(text, &format!("{name} don't swap"), process.no_swap);
    key(text, &format!("{name} realtime priority"), process.rt_priority.unwrap_or(0));
    if !process.cpu_affinity.is_empty() {
        let processors: Vec<String> = process.cpu_affinity.iter().map(ToString::to_string).collect();
        key(text, &format!("{name} CPU Affinity"), processors.join(" "));
    }
    key(text, &format!("{name} realtime limit"), process.rlimit_rttime_us.unwrap_or(RLIMIT_RTTIME));
}

fn put_agents(text: &mut Text, global: &Global) {
    let snmp = &global.snmp;
    for (what, is_on) in [
        ("SNMP vrrp", snmp.vrrp),
        ("SNMP checker", snmp.checker),
        ("SNMP RFCv2", snmp.rfc_v2),
        ("SNMP RFCv3", snmp.rfc_v3),
        ("SNMP traps", snmp.traps),
    ] {
        text.line(format_args!(" {what} {}", on_off(is_on)));
    }
    key(text, "SNMP socket", snmp.socket.as_deref().unwrap_or("default (unix:/var/agentx/master)"));
    text.line(format_args!(" DBus {}", on_off(global.dbus.enabled)));
    key(text, "DBus service name", if global.dbus.enabled { &*global.dbus.service_name } else { "" });
}

fn put_buffers(text: &mut Text, global: &Global, vrrp: &Config, check: &Check) {
    let netlink = &global.netlink;
    for (name, buffer) in [
        ("vrrp_netlink_cmd", netlink.vrrp_cmd),
        ("vrrp_netlink_monitor", netlink.vrrp_monitor),
        ("process_monitor", netlink.process_monitor),
        ("lvs_netlink_cmd", netlink.lvs_cmd),
        ("lvs_netlink_monitor", netlink.lvs_monitor),
    ] {
        key(text, &format!("{name}_rcv_bufs"), buffer.bytes.unwrap_or(0));
        key(text, &format!("{name}_rcv_bufs_force"), u8::from(buffer.force));
    }
    key(text, "rs_init_notifies", u8::from(check.rs_init_notifies));
    key(text, "no_checker_emails", u8::from(check.no_checker_emails));
    match vrrp.settings.rx_buffers {
        RxBuffers::System => {}
        RxBuffers::Mtu => key(text, "rx_bufs_policy", "MTU"),
        RxBuffers::Advert => key(text, "rx_bufs_policy", "ADVERT"),
        RxBuffers::Bytes(bytes) => key(text, "rx_bufs_size", bytes),
    }
    key(text, "rx_bufs_multiples", vrrp.settings.rx_buffers_multiplier);
}
