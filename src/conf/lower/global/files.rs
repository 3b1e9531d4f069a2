//! Files, and what a reload does with them.

use super::super::Lower;
use super::{Firsts, put, set, umask};
use crate::conf::config::{Global, JsonVersion};
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
