//! `vipd ipvs top`: the table on the whole screen, kept up to date.
//!
//! | file | what it is for |
//! |---|---|
//! | `mod` | arguments, and the loop around the rest: keys, signals, readings |
//! | `app` | the state: what keys and readings make of it |
//! | `table` | the rows: figures, order, folding, filter |
//! | `view` | the state on a screen |
//! | `terminal` | the terminal, taken and given back |

mod app;
mod table;
mod terminal;
mod view;

use super::wait::{poll_until, seconds};
use super::{Stop, stdout};
use crate::ipvs::client::Client;
use crate::ipvs::operation::Operation;
use crate::sys::clock;
use crate::sys::signal::SignalFd;
use crate::time::Instant;
use app::{App, Change, Command, Note};
use nix::poll::{PollFd, PollFlags};
use ratatui::crossterm::event::{self, Event};
use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;
use terminal::Session;
use view::Theme;

/// Show services and servers on the whole screen, kept up to date
///
/// Connections, rates since the last reading, weights. Sorts by any column (s), filters (/), folds services (space),
/// and changes a server's weight (+ and -, with confirmation). ? shows all keys.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(super) struct Args {
    /// How often to read the table; a large one is read less often, so that it takes no more than a tenth of the time,
    /// but at least every 30 seconds
    #[arg(short, long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    interval: Duration,
    /// Show only services and servers that contain these words
    #[arg(short, long, value_name = "WORDS", default_value = "")]
    filter: String,
}

const HELP: &str = "\
No colours are used where NO_COLOR is set. A terminal is needed; to a file or a pipe, vipd ipvs -L writes.

Exit status: 0 after q or Ctrl-C, 1 without a terminal or IPVS, 128+N when ended by signal N.";

/// Shows the table until the user has seen enough.
pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let terminal = |error: io::Error| Stop::new(1, format!("the terminal: {error}"));
    if !terminal::is_capable() {
        return Err(Stop::new(
            1,
            "top needs a terminal as standard input and output, and TERM to say which (not dumb); \
             vipd ipvs -Ln --rate writes to anything",
        ));
    }
    let mut client = Client::open_or_load()?;
    let mut app = App::new(args.interval, args.filter.clone());
    // Errors are best read before the screen changes.
    read(&mut client, &mut app)?;
    let signals = [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGTSTP, libc::SIGCONT, libc::SIGWINCH];
    let signals = SignalFd::new(&signals).map_err(terminal)?;
    let theme = Theme::new(stdout::colours_are_wanted());
    let session = Session::open().map_err(terminal)?;
    let ended_by = Top { client, app, theme, session, signals }.run().map_err(terminal)?;
    match ended_by {
        None => Ok(()),
        Some(signal) => Err(Stop::by_signal(signal, "")),
    }
}

struct Top {
    client: Client,
    app: App,
    theme: Theme,
    session: Session,
    signals: SignalFd,
}

impl Top {
    /// Until the user quits (`None`) or a signal ends it.
    fn run(mut self) -> io::Result<Option<c_int>> {
        loop {
            let (app, theme) = (&mut self.app, self.theme);
            self.session.screen().draw(|frame| view::draw(frame, app, theme))?;
            let due = self.app.next_reading();
            if !wait(due, &self.signals)? {
                return Ok(Some(libc::SIGHUP));
            }
            while let Some(signal) = self.signals.read()? {
                match signal {
                    libc::SIGTSTP => self.session.suspend()?,
                    // Whoever stopped us has used the terminal meanwhile.
                    libc::SIGCONT => self.session.forget()?,
                    // The next frame looks at the size.
                    libc::SIGWINCH => {}
                    other => return Ok(Some(other)),
                }
            }
            while event::poll(Duration::ZERO)? {
                if let Event::Key(key) = event::read()? {
                    match self.app.key(key) {
                        None => {}
                        Some(Command::Quit) => return Ok(None),
                        Some(command) => self.obey(command)?,
                    }
                }
            }
            if self.app.next_reading().is_some_and(|due| clock::now() >= due) {
                self.read();
            }
        }
    }

    fn obey(&mut self, command: Command) -> io::Result<()> {
        match command {
            Command::Quit => {}
            Command::Suspend => self.session.suspend()?,
            Command::Repaint => self.session.forget()?,
            Command::Read => self.read(),
            Command::SetWeight(change) => {
                let note = set_weight(&mut self.client, change);
                self.read();
                self.app.note = Some(note);
            }
        }
        Ok(())
    }

    fn read(&mut self) {
        if let Err(stop) = read(&mut self.client, &mut self.app) {
            self.app.note = Some(Note::Problem(stop.message));
            self.app.put_off(clock::now());
        }
    }
}

fn read(client: &mut Client, app: &mut App) -> Result<(), Stop> {
    let start = clock::now();
    let reading = client.reading()?;
    app.take(start, reading);
    app.spent(clock::now() - start);
    Ok(())
}

/// Sets a server's weight, and nothing else of it, unless someone else has done so.
fn set_weight(client: &mut Client, change: Change) -> Note {
    let Change { service, server, from, to } = change;
    let dests = match client.dests(&service) {
        Ok(dests) => dests,
        Err(error) => return Note::Problem(super::chain(error)),
    };
    let Some(entry) = dests.into_iter().find(|entry| entry.dest.key == server) else {
        return Note::Problem(format!("{server} is not there any more"));
    };
    if entry.dest.weight != from {
        let now = entry.dest.weight;
        return Note::Problem(format!("someone else has set the weight of {server} to {now}: left so"));
    }
    let mut dest = entry.dest;
    dest.weight = to;
    match client.execute([&Operation::EditDest(service, dest)]).into_iter().next() {
        None => Note::Done(format!("{server} has weight {to} now")),
        Some(failed) => Note::Problem(failed.to_string()),
    }
}

/// Waits for a key, a signal or the moment `due`; whether the terminal is still there.
fn wait(due: Option<Instant>, signals: &SignalFd) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut fds =
        [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    poll_until(due, &mut fds)?;
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR;
    Ok(!fds[0].revents().is_some_and(|events| events.intersects(gone)))
}

#[cfg(test)]
mod tests;
