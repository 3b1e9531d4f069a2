//! `--watch`: reads the table again and again, and shows what became of it: on a terminal in place, elsewhere or with
//! `--json` as a line of JSON a reading.

mod lines;
mod screen;

use super::wait::{heed, sleep_until};
use super::{Stop, chain, utf8};
use crate::ipvs::client::{self, Client};
use crate::ipvs::document::Document;
use crate::ipvs::format;
use crate::ipvs::grammar::{Listing, Subject};
use crate::ipvs::model::Reading;
use crate::ipvs::rates::Watch;
use crate::sys::clock;
use crate::sys::signal::SignalFd;
use lines::Look;
use nix::errno::Errno;
use ratatui::crossterm::terminal;
use screen::Screen;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Columns and rows where the terminal does not tell.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// Shows the subject of `listing` every `period`, until a signal ends it.
pub(super) fn run(listing: &Listing, json: bool, period: Duration) -> Result<(), Stop> {
    if !matches!(listing.subject, Subject::All | Subject::Service(_)) {
        return Err(Stop::new(2, "--watch shows the table, or a service of it"));
    }
    let signals = heed(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGWINCH])?;
    let on_screen = !json && io::stdout().is_terminal();
    let mut screen = on_screen.then(Screen::default);
    let result = watch(listing, period, &signals, &mut screen);
    if let Some(screen) = &screen {
        // Whatever happened, the terminal is left in order; if it is gone, nobody is left to see.
        let _ = write(&screen.end());
    }
    result
}

fn watch(
    listing: &Listing,
    period: Duration,
    signals: &SignalFd,
    screen: &mut Option<Screen>,
) -> Result<(), Stop> {
    let mut source = Source { client: None, listing: *listing };
    let mut watch = Watch::default();
    let mut before = None;
    let mut next = clock::now();
    loop {
        let reading = source.read()?;
        let now = clock::now();
        let heading = |rest: &str| format!("vipd ipvs, every {} s   {rest}", period.as_secs_f64());
        match (reading, &mut *screen) {
            (Ok(reading), Some(screen)) => {
                let size = terminal::size().unwrap_or(USUAL_SIZE);
                let look = Look {
                    columns: listing.columns,
                    exact: listing.exact,
                    width: size.0.into(),
                    unicode: utf8(),
                };
                let seen = watch.observe(now, reading);
                let mut shown = vec![lines::cut(&heading(&lines::summary(&seen, look)), look.width)];
                shown.extend(lines::lines(&seen, look));
                write(&screen.show(size, shown))?;
            }
            (Err(waiting), Some(screen)) => {
                let size = terminal::size().unwrap_or(USUAL_SIZE);
                write(&screen.show(size, vec![lines::cut(&heading(&waiting), size.0.into())]))?;
            }
            (Ok(reading), None) => {
                let elapsed = before.map(|before| now.saturating_since(before));
                let seen = watch.observe(now, reading);
                let document = Document::changes(clock::wall(), elapsed, &seen);
                let text = serde_json::to_string(&document).map_err(io::Error::from)?;
                write(&format!("{text}\n"))?;
                before = Some(now);
            }
            // Lines are for what there is.
            (Err(_), None) => {}
        }
        // At a steady pace, unless reading takes longer than that.
        next = (next + period).max(clock::now());
        match sleep_until(next, signals)? {
            None => {}
            // Drawn anew at once, for the size that the window has now.
            Some(libc::SIGWINCH) => next = clock::now(),
            // Looking on has no end of its own: this is how it ends well.
            Some(libc::SIGINT) => return Ok(()),
            Some(signal) => return Err(Stop::by_signal(signal, "")),
        }
    }
}

/// Where readings come from.
struct Source {
    client: Option<Client>,
    listing: Listing,
}

impl Source {
    /// A reading, or what it waits for.
    fn read(&mut self) -> Result<Result<Reading, String>, Stop> {
        match self.try_read() {
            Ok(reading) => Ok(Ok(reading)),
            Err(error @ client::Error::NoIpvs) => {
                // The module was taken out: a new connection finds it when it is back.
                self.client = None;
                Ok(Err(format!("waiting: {}", chain(error))))
            }
            Err(error @ client::Error::Restless) => Ok(Err(chain(error))),
            Err(error) if error.errno() == Some(Errno::ESRCH) => Ok(Ok(Reading::default())),
            Err(error) => Err(error.into()),
        }
    }

    fn try_read(&mut self) -> Result<Reading, client::Error> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::open_or_load()?),
        };
        let mut reading = match self.listing.subject {
            Subject::Service(key) => {
                let entry = client.service(&key)?;
                Reading { services: vec![(entry, client.dests(&key)?)] }
            }
            _ => client.reading()?,
        };
        if self.listing.sorted {
            format::sort_reading(&mut reading);
        }
        Ok(reading)
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
