//! Names, priorities and limits of the processes.

use super::super::Lower;
use super::{put, set};
use crate::conf::config::{Process, Processes};
use crate::conf::diagnostic::codes;
use crate::conf::tree::Statement;
use std::time::Duration;

/// The longest name that the kernel keeps of a process (`TASK_COMM_LEN` without its NUL).
const MAX_NAME: usize = 15;

/// Bits in a set of processors (`CPU_SETSIZE`).
const MAX_CPU: u64 = 1023;

/// The greatest real-time priority of SCHED_RR.
const MAX_REAL_TIME: i64 = 99;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &str,
    processes: &mut Processes,
) -> bool {
    match name {
        "process_names" => {
            if cx.present(statement) {
                processes.vrrp.name = Some("keepalived_vrrp".to_owned());
                processes.checker.name = Some("keepalived_lvs".to_owned());
                processes.bfd.name = Some("keepalived_bfd".to_owned());
            }
        }
        "process_name" => put(&mut processes.parent_name, process_name(cx, statement)),
        "max_auto_priority" => {
            let given = cx.words(statement).len() > 1;
            let value = if given { cx.signed(statement) } else { Some(MAX_REAL_TIME) };
            set(&mut processes.max_auto_priority, value.and_then(|n| i32::try_from(n).ok()));
        }
        "min_auto_priority_delay" => {
            let delay = cx.integer(statement).map(Duration::from_micros);
            set(&mut processes.min_auto_priority_delay, delay);
        }
        _ => {
            let (process, what) = if let Some(what) = name.strip_prefix("vrrp_") {
                (&mut processes.vrrp, what)
            } else if let Some(what) = name.strip_prefix("checker_") {
                (&mut processes.checker, what)
            } else if let Some(what) = name.strip_prefix("bfd_") {
                (&mut processes.bfd, what)
            } else {
                return false;
            };
            return one(cx, statement, what, process);
        }
    }
    true
}

fn one(cx: &mut Lower<'_, '_>, statement: &Statement, what: &str, process: &mut Process) -> bool {
    match what {
        "process_name" => put(&mut process.name, process_name(cx, statement)),
        "priority" => set(&mut process.priority, cx.signed(statement).and_then(|n| i8::try_from(n).ok())),
        "rt_priority" => put(&mut process.rt_priority, rt_priority(cx, statement)),
        // keepalived halves it, and needs something left.
        "rlimit_rttime" => put(&mut process.rlimit_rttime_us, cx.u32(statement).map(|us| us.max(2))),
        "no_swap" => process.no_swap = cx.present(statement),
        "cpu_affinity" => set(&mut process.cpu_affinity, cpu_affinity(cx, statement)),
        _ => return false,
    }
    true
}

fn process_name(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<String> {
    let word = cx.text(statement)?;
    let mut name = word.text.to_string();
    if name.len() > MAX_NAME {
        name.truncate(name.floor_char_boundary(MAX_NAME));
        let message = format!("the kernel keeps {MAX_NAME} bytes of a process's name; it will be `{name}`");
        cx.report(&codes::ADJUSTED, word.span, message);
    }
    Some(name)
}

fn rt_priority(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<u8> {
    cx.no_more_arguments(statement);
    let (_, word) = cx.argument(statement, 0)?;
    let given = match word.text.trim().parse::<i64>() {
        Ok(given) => given,
        Err(_) => cx.signed_word(word, 1, MAX_REAL_TIME)?,
    };
    let taken = given.clamp(1, MAX_REAL_TIME);
    if given != taken {
        let message = format!("real-time priorities are 1 to {MAX_REAL_TIME}; it is taken as {taken}");
        cx.report(&codes::ADJUSTED, word.span, message);
    }
    u8::try_from(taken).ok()
}

/// One that can't be read leaves no set at all.
fn cpu_affinity(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Vec<u32>> {
    cx.argument(statement, 0)?;
    let mut set = Vec::new();
    for word in &cx.words(statement)[1..] {
        set.push(u32::try_from(cx.integer_word(word, 0, MAX_CPU)?).ok()?);
    }
    set.sort_unstable();
    set.dedup();
    Some(set)
}
