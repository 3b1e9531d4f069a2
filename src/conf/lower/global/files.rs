//! Files, and what a reload does with them.

use super::super::Lower;
use super::{Firsts, put, set, umask};
use crate::conf::config::{Global, JsonVersion};
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::expand::{self, CHECK_WORDS, CheckProblem};
use crate::conf::tree::Statement;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &str,
    global: &mut Global,
    firsts: &mut Firsts,
) -> bool {
    let (files, reload) = (&mut global.files, &mut global.reload);
    match name {
        "include_check" => include_check(cx, statement),
        "umask" => put(&mut files.umask, umask::read(cx, statement)),
        "use_symlink_paths" => set(&mut files.use_symlink_paths, cx.flag(statement)),
        "tmp_config_directory" => {
            if let Some(directory) = cx.name(statement)
                && firsts.is_first(cx, statement, files.tmp_config_directory.is_some())
            {
                files.tmp_config_directory = Some(directory);
            }
        }
        "config_save_dir" => {
            let directory = cx.name(statement).map(|d| d.strip_suffix('/').unwrap_or(&d).to_owned());
            put(&mut files.config_save_dir, directory);
        }
        "data_use_instance" => set(&mut files.data_use_instance, cx.flag(statement)),
        "state_dump_file" => put(&mut files.state_dump_file, cx.only_text(statement)),
        "stats_dump_file" => put(&mut files.stats_dump_file, cx.only_text(statement)),
        "json_dump_file" => put(&mut files.json_dump_file, cx.only_text(statement)),
        "json_version" => {
            let version =
                cx.integer(statement).map(|n| if n == 2 { JsonVersion::V2 } else { JsonVersion::V1 });
            set(&mut files.json_version, version);
        }
        "iproute_usr_dir" => put(&mut files.iproute_usr_dir, cx.only_text(statement)),
        "iproute_etc_dir" => put(&mut files.iproute_etc_dir, cx.only_text(statement)),
        "reload_as_keepalived" => reload.as_keepalived = cx.present(statement),
        "reload_check_config" => {
            reload.check_config = Some(cx.name(statement).unwrap_or_else(|| "/dev/null".to_owned()));
        }
        "reload_time_file" => put(&mut reload.time_file, cx.only_text(statement)),
        "reload_repeat" => reload.repeat = cx.present(statement),
        "reload_file" => reload.file = Some(cx.name(statement).unwrap_or_default()),
        _ => return false,
    }
    true
}

/// The expansion has carried it out already.
fn include_check(cx: &mut Lower<'_, '_>, statement: &Statement) {
    for (i, word) in cx.words(statement).iter().skip(1).enumerate() {
        let (code, message) = match expand::check_problem(i, &word.text) {
            None => continue,
            Some(CheckProblem::Unsigned) => {
                let message =
                    format!("`{}` has no effect: only the first word can do without a sign", word.text);
                (&codes::CHECK_UNSIGNED, message)
            }
            Some(CheckProblem::Unknown) => {
                (&codes::BAD_CHOICE, format!("`{}` is nothing that an include can be checked for", word.text))
            }
        };
        let name = word.text.trim_start_matches(['+', '-']);
        let mut diagnostic = Diagnostic::new(code, word.span, message);
        if std::ptr::eq(code, &codes::CHECK_UNSIGNED) {
            diagnostic = diagnostic.help(format!("write `+{name}`"));
        } else if name == "readable" {
            diagnostic = diagnostic.help("write `read`: keepalived's manual page has it wrong");
        } else if let Some(close) = did_you_mean(name, CHECK_WORDS.into_iter()) {
            diagnostic = diagnostic.help(format!("did you mean `{close}`?"));
        } else {
            diagnostic = diagnostic.label(format!("expected one of {}", CHECK_WORDS.join(", ")));
        }
        cx.sink.push(diagnostic);
    }
}
