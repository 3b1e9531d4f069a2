//! What can be tracked: `vrrp_script`, `track_file`, `vrrp_track_process`; and the lines that refer to it.

use super::{
    Arg, Block, Keyword, Kind, MAX_U32, SECOND_US, arg, entries, expected, integer, line, optional, signed,
};

pub(super) const FLAG: &[Arg] = &[optional("BOOL", Kind::Bool)];
pub(super) const COMMAND: &[Arg] =
    &[arg("COMMAND", Kind::Text), optional("USER", Kind::Text), optional("GROUP", Kind::Text)];
pub(super) const DELETED: &[Arg] =
    &[optional("COMMAND", Kind::Text), optional("USER", Kind::Text), optional("GROUP", Kind::Text)];
const TIMES: &[Arg] = &[arg("COUNT", integer(1, i32::MAX as u64))];
const SCRIPT_SECONDS: &[Arg] =
    &[arg("SECONDS", Kind::Timer { min_us: 0, max_us: MAX_U32 / SECOND_US * SECOND_US })];
const PROCESS_SECONDS: &[Arg] = &[arg("SECONDS", Kind::Timer { min_us: 1, max_us: 3600 * SECOND_US })];
const USER: &[Arg] = &[arg("USER", Kind::Text), optional("GROUP", Kind::Text)];
const MATCH: &[Arg] = &[optional("COMPARISON", Kind::Choice(&["initial", "partial"]))];
const REVERSE: Arg = optional("reverse", Kind::Choice(&["reverse"]));
const SCRIPT_WEIGHT: &[Arg] = &[arg("WEIGHT", signed(-253, 253)), REVERSE];
const WEIGHT: &[Arg] = &[expected("WEIGHT", signed(-254, 254)), REVERSE];
const PROCESSES: u64 = 65_535;

/// A `track_*` block of an instance or a sync group.
pub(super) const fn tracks(name: &'static str, help: &'static str) -> Keyword {
    entries(name, &[], help)
}

/// A script of an instance or a sync group, and who runs it.
pub(super) const fn notify(name: &'static str, help: &'static str) -> Keyword {
    line(name, COMMAND, help).command()
}

/// A flag of an instance or a sync group, with the global keyword that it follows.
pub(super) const fn flag(name: &'static str, global: &'static str, help: &'static str) -> Keyword {
    line(name, FLAG, help).default(global)
}

/// In `vrrp_script`.
pub(super) static VRRP_SCRIPT: Block = Block {
    name: "vrrp_script",
    keywords: &[
        line("fall", TIMES, "so many failures in a row make it down").default("1"),
        line("init_fail", &[], "it counts as down until it first succeeds"),
        line("interval", SCRIPT_SECONDS, "from one start to the next").default("1"),
        line("rise", TIMES, "so many successes in a row make it up").default("1"),
        line(
            "script",
            &[expected("COMMAND", Kind::Text)],
            "what is run, in quotes if it has arguments; status 0 is success",
        )
        .command(),
        line("timeout", SCRIPT_SECONDS, "after this it is killed, and has failed").default("the interval"),
        line("user", USER, "who runs it").default("script_user"),
        line("weight", SCRIPT_WEIGHT, "changes the priority; 0: down means fault").default("0"),
    ],
};

/// In `track_file`, which was called `vrrp_track_file`.
pub(super) static TRACK_FILE: Block = Block {
    name: "track_file",
    keywords: &[
        line(
            "file",
            &[expected("PATH", Kind::Text)],
            "a number in it, times the weight, is added to the priority",
        ),
        line(
            "init_file",
            &[optional("VALUE | overwrite", Kind::Special)],
            "write this number into it at start",
        )
        .default("it is left as it is"),
        line("weight", WEIGHT, "the factor; 0: any number but 0 means fault").default("1"),
    ],
};

/// In `vrrp_track_process`.
pub(super) static VRRP_TRACK_PROCESS: Block = Block {
    name: "vrrp_track_process",
    keywords: &[
        line("delay", PROCESS_SECONDS, "fork_delay and terminate_delay in one").since("2.0.11").default("0"),
        line("fork_delay", PROCESS_SECONDS, "wait so long until a gained quorum counts")
            .since("2.0.16")
            .default("0"),
        line("full_command", &[], "compare /proc/PID/cmdline, not the name of the process").since("2.0.11"),
        line("param_match", MATCH, "compare the first parameters only; alone: there must be no others")
            .since("2.0.16")
            .default("all are compared, if there are any"),
        line("process", &[arg("COMMAND", Kind::Special)], "the process, and its parameters if they count")
            .since("2.0.11"),
        line("quorum", &[arg("COUNT", integer(1, PROCESSES))], "so many must run").default("1"),
        line("quorum_max", &[arg("COUNT", integer(0, PROCESSES))], "no more than these may run; 0: none")
            .since("2.0.16")
            .default("no limit"),
        line("terminate_delay", PROCESS_SECONDS, "wait so long until a lost quorum counts")
            .since("2.0.16")
            .default("0"),
        line("weight", WEIGHT, "changes the priority; 0: down means fault").default("0"),
    ],
};
