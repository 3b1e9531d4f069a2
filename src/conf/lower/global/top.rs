//! The keywords at the top of the file that are no block: how several of us live on one machine, and the like.

use super::super::Lower;
use super::{Firsts, set};
use crate::conf::config::{Config, IpvsNamespace};
use crate::conf::tree::Statement;

/// Reads them all.
pub(super) fn lower(cx: &mut Lower<'_, '_>, config: &mut Config) {
    let mut firsts = Firsts::default();
    for statement in &cx.tree.statements {
        if let Some(keyword) = statement.keyword {
            read(cx, statement, keyword.name, config, &mut firsts);
        }
    }
}

fn read(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &'static str,
    config: &mut Config,
    firsts: &mut Firsts,
) {
    let global = &mut config.global;
    let instancing = &mut global.instancing;
    match name {
        "child_wait_time" => set(&mut global.processes.child_wait_time, cx.seconds(statement)),
        "linkbeat_use_polling" => global.linkbeat_use_polling = cx.present(statement),
        "use_pid_dir" => instancing.use_pid_dir = cx.present(statement),
        "namespace_with_ipsets" => instancing.namespace_with_ipsets = cx.present(statement),
        "instance" | "net_namespace" => {
            let to = match name {
                "instance" => &mut instancing.instance,
                _ => &mut instancing.net_namespace,
            };
            if let Some(given) = cx.name(statement)
                && firsts.is_first(cx, statement, to.is_some())
            {
                *to = Some(given);
                instancing.use_pid_dir = true;
            }
        }
        "net_namespace_ipvs" => {
            let set = instancing.net_namespace_ipvs != IpvsNamespace::Same;
            let namespace = cx.name(statement);
            if firsts.is_first(cx, statement, set) {
                instancing.net_namespace_ipvs = match namespace {
                    Some(name) => IpvsNamespace::Named(name),
                    None => IpvsNamespace::Default,
                };
            }
        }
        _ => {}
    }
}
