//! The terminal in its other state (raw, the alternate screen), and back in its own whatever happens: the end, a
//! panic, a signal, ^Z.

use crate::cli::ipvs::stdout;
use crate::sys::signal;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{Command, execute};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// A frame leaves in one piece: its parts do not appear one after another.
const FRAME: usize = 1 << 16;

/// Giving it back twice would put the cursor back too, onto what was written in between.
static TAKEN: AtomicBool = AtomicBool::new(false);

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Session {
    screen: Screen,
}

/// Whether there is a terminal that can do what is needed.
pub(super) fn is_capable() -> bool {
    stdout::is_screen() && io::stdin().is_terminal()
}

impl Session {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn open() -> io::Result<Session> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let hook = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                // The message is to be read.
                give_back();
                hook(info);
            }));
        });
        take()?;
        let out = BufWriter::with_capacity(FRAME, io::stdout());
        let screen = Terminal::new(CrosstermBackend::new(out)).inspect_err(|_| give_back())?;
        Ok(Session { screen })
    }

    pub(super) fn screen(&mut self) -> &mut Screen {
        &mut self.screen
    }

    /// Draws all of the next frame, whatever the terminal shows now.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        take()?;
        self.screen.clear()
    }

    /// Stops as the terminal's ^Z would, everything in its own state, until the shell continues us. `SIGTSTP` is
    /// among the signals that are blocked.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        signal::stop_job()?;
        self.forget()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::Relaxed);
    // Whoever stopped us (SIGSTOP lets nobody tidy up) may have changed the mode, which is set only once otherwise.
    disable_raw_mode()?;
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

/// Does what it can: the terminal may be gone.
fn give_back() {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    let mut out = io::stdout().lock();
    let mut bytes = String::new();
    // Show before the switch: some terminals keep a cursor a screen.
    let _ = Show.write_ansi(&mut bytes).and_then(|()| LeaveAlternateScreen.write_ansi(&mut bytes));
    let _ = out.write_all(bytes.as_bytes()).and_then(|()| out.flush());
    let _ = disable_raw_mode();
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;
    use nix::sys::termios::{LocalFlags, tcgetattr};
    use std::fs::File;
    use std::io::Read;
    use std::process::{Command, Stdio};

    /// Set for the process that panics.
    const PANICS: &str = "VIPD_TEST_PANICS";

    /// Runs itself once more, at a terminal of its own, and panics there while the terminal is taken.
    #[test]
    fn a_panic_leaves_the_terminal_as_it_was() {
        if std::env::var_os(PANICS).is_some() {
            let _session = Session::open().unwrap();
            let taken = tcgetattr(io::stdin()).unwrap();
            assert!(!taken.local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO), "it is taken");
            panic!("on purpose");
        }
        let pty = openpty(None, None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let terminal = || Stdio::from(pty.slave.try_clone().unwrap());
        let name = std::thread::current().name().unwrap().to_owned();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", &name, "--nocapture"]).env(PANICS, "1").env("RUST_BACKTRACE", "0");
        let mut child = child.stdin(terminal()).stdout(terminal()).stderr(terminal()).spawn().unwrap();
        let mut screen = File::from(pty.master);
        let (mut shown, mut buffer) = (String::new(), [0; 1024]);
        while !shown.contains("test result: ") {
            let read = screen.read(&mut buffer).unwrap();
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        assert!(!child.wait().unwrap().success(), "{shown:?}");
        let after = tcgetattr(&pty.slave).unwrap();
        assert_eq!(
            (after.input_flags, after.output_flags, after.control_flags, after.local_flags),
            (before.input_flags, before.output_flags, before.control_flags, before.local_flags),
        );
        // Taken, given back once, and then the message, which is to be read, as the terminal shows it.
        let places = ["\x1b[?1049h", "\x1b[?25l", "\x1b[?25h", "\x1b[?1049l", "on purpose\r\n"].map(|part| {
            assert_eq!(shown.matches(part).count(), 1, "{part:?} in {shown:?}");
            shown.find(part)
        });
        assert!(places.is_sorted(), "{places:?} in {shown:?}");
    }
}
