//! A terminal that a test types into and reads: a pane of tmux with a shell in it.

use super::host::{Host, checked, run};
use super::wait::wait_for;
use nix::unistd::Pid;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Dropping it ends what runs in it.
#[derive(Debug)]
pub(crate) struct Screen {
    socket: PathBuf,
}

impl Screen {
    /// For a program to start and for its answer to a key, on an emulated machine that runs other tests too.
    const PATIENCE: Duration = Duration::from_secs(240);
    /// What the shell writes when it waits for a command.
    pub(crate) const PROMPT: &'static str = "ready> ";

    /// A shell on `host`, in a terminal of that size.
    #[track_caller]
    pub(crate) fn open(host: &Host, columns: u16, lines: u16) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("screen{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (socket, config) = (host.file(&name), host.file(&format!("{name}.conf")));
        // No status line: all lines are the program's. Escape is a key at once, not the beginning of one.
        let settings = "set -g status off\nset -g escape-time 0\nset -g default-terminal screen-256color\n";
        std::fs::write(&config, settings).expect("write tmux's configuration");
        let mut command = host.command("tmux");
        command.arg("-u").arg("-S").arg(&socket).arg("-f").arg(config);
        command.args(["new-session", "-d", "-x", &columns.to_string(), "-y", &lines.to_string()]);
        command.args(["env", "-u", "NO_COLOR", &format!("PS1={}", Self::PROMPT)]);
        checked(command.args(["bash", "--norc", "--noprofile", "-i"]).env_remove("TMUX"));
        let screen = Self { socket };
        screen.wait("the shell's prompt", |text| text.starts_with(Self::PROMPT.trim_end()));
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(arguments);
        command
    }

    /// What is on the screen, its cursor aside.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        checked(&mut self.tmux(&["capture-pane", "-p"]))
    }

    /// The same with the escape sequences of its colours and other attributes.
    #[track_caller]
    pub(crate) fn styled(&self) -> String {
        checked(&mut self.tmux(&["capture-pane", "-e", "-p"]))
    }

    /// The shell's process.
    #[track_caller]
    pub(crate) fn shell(&self) -> Pid {
        let pid = checked(&mut self.tmux(&["display-message", "-p", "#{pane_pid}"]));
        Pid::from_raw(pid.trim().parse().expect("a process id"))
    }

    /// Whether the cursor shows.
    #[track_caller]
    pub(crate) fn has_cursor(&self) -> bool {
        checked(&mut self.tmux(&["display-message", "-p", "#{cursor_flag}"])).trim() == "1"
    }

    /// Presses keys, by tmux's names for those that are no characters: `Enter`, `Escape`, `C-c`, `Down`.
    #[track_caller]
    pub(crate) fn press(&self, keys: &[&str]) {
        checked(self.tmux(&["send-keys"]).args(keys));
    }

    /// Types a command line and Enter.
    #[track_caller]
    pub(crate) fn enter(&self, line: &str) {
        checked(&mut self.tmux(&["send-keys", "-l", line]));
        self.press(&["Enter"]);
    }

    #[track_caller]
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        let (columns, lines) = (columns.to_string(), lines.to_string());
        checked(&mut self.tmux(&["resize-window", "-x", &columns, "-y", &lines]));
    }

    /// Waits until the screen is as wanted, and gives it.
    ///
    /// # Panics
    /// When it does not become so, with the screen.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        wait_for(what, Self::PATIENCE, || {
            let text = run(&mut self.tmux(&["capture-pane", "-p"]))?;
            if wanted(&text) { Ok(text) } else { Err(format!("the screen\n{}", framed(&text))) }
        })
    }

    /// Waits until the screen has this text.
    #[track_caller]
    pub(crate) fn wait_text(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = run(&mut self.tmux(&["kill-server"]));
    }
}

/// The screen for a message: where it ends is seen.
fn framed(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  | {line}\n")).collect()
}
