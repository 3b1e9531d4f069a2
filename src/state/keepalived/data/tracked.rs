//! `VRRP Scripts`, `VRRP Track files`, `VRRP Track processes`: in the order of the configuration, with who tracks them.

use super::{Host, Text, command, yes_no};
use crate::state::settings::Settings;
use crate::state::vrrp::{Process, Script, Vrrp};
use crate::vrrp::config::{self, ParameterMatch, TrackFile, TrackProcess, Weight};
use crate::vrrp::track::{Kind, Track, resolve};
use std::collections::HashMap;

/// By the kind and the name of what is tracked: who does, and what it means to them.
type Trackers<'a> = HashMap<(Kind, &'a str), Vec<(&'a str, Weight)>>;

pub(super) fn put(text: &mut Text, vrrp: &Vrrp, settings: &Settings, host: &dyn Host) {
    let tracks = tracks(vrrp, settings);
    let trackers = trackers(&tracks);
    text.section("VRRP Scripts", &settings.vrrp.scripts, |text, script| {
        let known = vrrp.scripts.iter().find(|known| known.config.name == script.name);
        put_script(text, script, known, host);
        put_trackers(text, &trackers, Kind::Script, &script.name);
        let runs = known.is_some_and(|known| known.runs);
        text.line(format_args!("   State = {}", if runs { "running" } else { "idle" }));
    });
    text.section("VRRP Track files", &settings.vrrp.track_files, |text, file| {
        put_file(text, vrrp, file);
        put_trackers(text, &trackers, Kind::File, &file.name);
    });
    text.section("VRRP Track processes", &settings.vrrp.track_processes, |text, process| {
        let known = vrrp.processes.iter().find(|known| known.config.name == process.name);
        put_process(text, process, known);
        put_trackers(text, &trackers, Kind::Process, &process.name);
    });
}

/// What each instance tracks, itself and by its sync group.
fn tracks(vrrp: &Vrrp, settings: &Settings) -> Vec<(String, Vec<Track>)> {
    let instances = vrrp.instances.iter().map(|instance| instance.config.clone()).collect();
    let sync_groups = settings.vrrp.sync_groups.clone();
    let mut resolved = resolve(&config::Config { instances, sync_groups, ..Default::default() });
    let of_each = vrrp.instances.iter().filter_map(|instance| {
        let name = instance.config.name.to_string();
        let tracks = resolved.remove(&name)?;
        Some((name, tracks))
    });
    of_each.collect()
}

fn trackers(tracks: &[(String, Vec<Track>)]) -> Trackers<'_> {
    let mut trackers = Trackers::new();
    for (instance, tracks) in tracks {
        for Track { object, weight } in tracks {
            trackers.entry((object.kind, &object.name)).or_default().push((instance, *weight));
        }
    }
    trackers
}

fn put_trackers(text: &mut Text, trackers: &Trackers<'_>, kind: Kind, name: &str) {
    let Some(trackers) = trackers.get(&(kind, name)) else { return };
    let line = |(instance, weight): &(&str, Weight)| {
        format!("{instance}, weight {}{}", weight.value, reverse(*weight))
    };
    text.list("Tracking instances", &trackers.iter().map(line).collect::<Vec<_>>());
}

const fn reverse(weight: Weight) -> &'static str {
    if weight.reverse { " reverse" } else { "" }
}

fn put_script(text: &mut Text, script: &config::Script, known: Option<&Script>, host: &dyn Host) {
    let counter = known.map_or(0, |known| known.counter);
    let is_up = known.is_some_and(|known| known.is_up == Some(true));
    text.line(format_args!(" VRRP Script = {}", script.name));
    text.line(format_args!("   Command = {}", command(&script.command)));
    text.line(format_args!("   Interval = {} sec", script.interval.as_secs()));
    text.line(format_args!("   Timeout = {} sec", script.timeout.unwrap_or_default().as_secs()));
    text.line(format_args!("   Weight = {}{}", script.weight.value, reverse(script.weight)));
    text.line(format_args!("   Rise = {}", script.rise));
    text.line(format_args!("   Fall = {}", script.fall));
    text.line(format_args!("   Result = {counter}"));
    text.line(format_args!("   Insecure = {}", yes_no(false)));
    let init = match (known.and_then(|known| known.is_up), script.init_fail) {
        (Some(_), _) => "unknown",
        (None, true) => "INIT/FAILED",
        (None, false) => "INIT",
    };
    text.line(format_args!("   Init state = {init}"));
    text.line(format_args!("   Status = {}", if is_up { "GOOD" } else { "BAD" }));
    text.line(format_args!("   Script uid:gid = {}", host.account(script.command.run_as.as_ref())));
    text.line(format_args!("   VRRP instances :"));
}

fn put_file(text: &mut Text, vrrp: &Vrrp, file: &TrackFile) {
    let number = vrrp.files.iter().find(|known| known.name == file.name).and_then(|known| known.number);
    text.line(format_args!(" Track file = {}", file.name));
    text.line(format_args!("   File = {}", file.path.display()));
    text.line(format_args!("   Status = {}", number.unwrap_or(0)));
    text.line(format_args!("   Weight = {}{}", file.weight.value, reverse(file.weight)));
}

fn put_process(text: &mut Text, process: &TrackProcess, known: Option<&Process>) {
    text.line(format_args!(" VRRP Track process = {}", process.name));
    text.line(format_args!("   Process = {}", process.process));
    if let Some(parameters) = &process.parameters {
        text.line(format_args!("   Parameters = {}", parameters.words.join(" ")));
        let compare = match parameters.compare {
            ParameterMatch::Exact => "",
            ParameterMatch::Partial => " = partial",
            ParameterMatch::Initial => " = initial",
        };
        text.line(format_args!("   Param match{compare}"));
    }
    text.line(format_args!("   Min processes = {}", process.quorum));
    if let Some(most) = process.quorum_max {
        text.line(format_args!("   Max processes = {most}"));
    }
    let has_quorum = known.and_then(|known| known.has_quorum).unwrap_or(false);
    let waits = known.is_some_and(|known| known.waits);
    text.line(format_args!("   Current processes = {}", known.and_then(|known| known.count).unwrap_or(0)));
    text.line(format_args!("   Have quorum = {has_quorum}"));
    text.line(format_args!("   Weight = {}{}", process.weight.value, reverse(process.weight)));
    text.line(format_args!("   Terminate delay = {:.6}s", process.terminate_delay.as_secs_f64()));
    text.line(format_args!("   Fork delay = {:.6}s", process.fork_delay.as_secs_f64()));
    let timer = |runs: bool| if runs { "" } else { "not " };
    text.line(format_args!("   Fork delay timer {}running", timer(waits && !has_quorum)));
    text.line(format_args!("   Terminate delay timer {}running", timer(waits && has_quorum)));
    text.line(format_args!("   Full command = {}", process.full_command));
}
