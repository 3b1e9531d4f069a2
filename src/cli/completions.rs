//! `vipd completions`: the scripts that teach shells vipd's command line.

use clap::{Parser, ValueEnum};
use std::io::{self, Write};
use std::process::ExitCode;

/// Print the script that completes command lines of vipd, and of ipvsadm where that is vipd, in a shell
///
/// It asks vipd itself at each press of the key, so it knows the services and servers of the kernel's table (as root: a
/// table that can't be read completes nothing), and needs no new installation when vipd is a newer one.
#[derive(Debug, Parser)]
#[command(after_help = INSTALL)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

const INSTALL: &str = "\
To install, for all users:
  bash  vipd completions bash >/usr/share/bash-completion/completions/vipd
        ln -s vipd /usr/share/bash-completion/completions/ipvsadm
  zsh   vipd completions zsh >/usr/share/zsh/vendor-completions/_vipd
        (or any other folder of $fpath)
  fish  vipd completions fish >/usr/share/fish/vendor_completions.d/vipd.fish
        ln -s vipd.fish /usr/share/fish/vendor_completions.d/ipvsadm.fish

For the shell that runs:
  bash  source <(vipd completions bash)
  zsh   source <(vipd completions zsh)
  fish  vipd completions fish | source";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Runs `vipd completions`.
#[must_use]
pub(super) fn run(args: &Args) -> ExitCode {
    let script = match args.shell {
        Shell::Bash => include_str!("complete/vipd.bash"),
        Shell::Zsh => include_str!("complete/vipd.zsh"),
        Shell::Fish => include_str!("complete/vipd.fish"),
    };
    match io::stdout().write_all(script.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error!("vipd completions: write the script: {error}");
            ExitCode::FAILURE
        }
    }
}
