//! The command line: argument lines, and what a user sees of them. Nothing here needs privileges or starts a daemon.

#![allow(clippy::unwrap_used, reason = "the tests' own files")]

mod check;
mod ci;
mod config;
mod expand;
mod flags;
mod fmt;
mod ipvs;
mod lsp;
mod personality;
#[path = "../conf/validator.rs"]
mod validator;

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What a program said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The program under one of its names, with a directory of its own.
struct Program {
    dir: TempDir,
    name: &'static str,
}

impl Program {
    fn called(name: &'static str) -> Program {
        let dir = tempfile::tempdir().unwrap();
        symlink(env!("CARGO_BIN_EXE_vipd"), dir.path().join(name)).unwrap();
        Program { dir, name }
    }

    /// Writes a file into the directory that the program runs in.
    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    /// Runs it with these words, in its directory.
    fn run(&self, line: &str) -> Outcome {
        Outcome::of(self.command(line).output().unwrap())
    }

    /// What [`Program::run`] runs.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(self.dir.path().join(self.name));
        command.args(line.split_whitespace()).current_dir(self.dir.path());
        command
    }

    /// The same, with this on its standard input.
    fn run_with_input(&self, line: &str, input: &[u8]) -> Outcome {
        let mut command = self.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Outcome::of(child.wait_with_output().unwrap())
    }
}

impl Outcome {
    fn of(output: Output) -> Outcome {
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
