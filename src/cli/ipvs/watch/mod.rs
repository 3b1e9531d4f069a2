//! `--watch`: reads the table again and again, and shows what became of it: on a terminal in place, elsewhere or with
//! `--json` as a line of JSON a reading.

mod lines;
mod screen;

use super::terminal_size;
use super::wait::{heed, sleep_until};
use super::{Session, Stop, chain, stdout, utf8};
use crate::ipvs::client::{self, Client};
use crate::ipvs::document::Document;
use crate::ipvs::format;
use crate::ipvs::grammar::{Listing, Subject};
use crate::ipvs::model::Reading;
use crate::ipvs::rates::Watch;
use crate::sys::{clock, signal};
use crate::time::Instant;
use lines::Look;
use nix::errno::Errno;
use screen::Screen;
use std::io::{self, Write};
use std::time::Duration;

/// Columns and rows where the terminal does not tell.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// Shows the subject of `listing` every `period`, until a signal ends it.
pub(super) fn run(listing: &Listing, json: bool, period: Duration) -> Result<(), Stop> {
    if !matches!(listing.subject, Subject::All | Subject::Service(_)) {
        return Err(Stop::new(2, "--watch shows the table, or a service of it"));
    }
    // Where there is no IPVS, that is told at once, as by any listing.
    let client = Session::open()?.client;
    let mut source = Source { client: Some(client), listing: *listing };
    match !json && stdout::is_screen() {
        true => in_place(&mut source, period),
        false => line_by_line(&mut source, period),
    }
}

/// On a terminal, over what stands there.
fn in_place(source: &mut Source, period: Duration) -> Result<(), Stop> {
    let jobs = [libc::SIGTSTP, libc::SIGCONT, libc::SIGWINCH];
    let signals = heed(&[&ENDING[..], &jobs[..]].concat())?;
    let mut view = View { screen: Screen::default(), listing: source.listing, period };
    let mut watch = Watch::default();
    let mut next = clock::now();
    loop {
        let reading = source.read()?;
        let now = clock::now();
        match reading {
            Ok(reading) => view.table(&mut watch, now, reading)?,
            Err(waiting) => view.waiting(&waiting)?,
        }
        next = after(next, period);
        match sleep_until(next, &signals)? {
            None => {}
            Some(libc::SIGTSTP) => {
                view.leave();
                signal::stop_job()?;
                view.screen = Screen::default();
                next = clock::now();
            }
            Some(libc::SIGCONT) => {
                // Whoever stopped us has used the terminal meanwhile.
                view.screen = Screen::default();
                next = clock::now();
            }
            // Drawn anew at once, for the size that the window has now.
            Some(libc::SIGWINCH) => next = clock::now(),
            Some(signal) => return end(signal),
        }
    }
}

/// As lines of JSON, for what there is.
fn line_by_line(source: &mut Source, period: Duration) -> Result<(), Stop> {
    let signals = heed(&ENDING)?;
    let mut watch = Watch::default();
    let mut before: Option<Instant> = None;
    let mut next = clock::now();
    loop {
        if let Ok(reading) = source.read()? {
            let now = clock::now();
            let elapsed = before.map(|before| now.saturating_since(before));
            let document = Document::changes(clock::wall(), elapsed, &watch.observe(now, reading));
            let text = serde_json::to_string(&document).map_err(io::Error::from)?;
            write(&format!("{text}\n"))?;
            before = Some(now);
        }
        next = after(next, period);
        if let Some(signal) = sleep_until(next, &signals)? {
            return end(signal);
        }
    }
}

/// Signals that end it.
const ENDING: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

fn end(signal: libc::c_int) -> Result<(), Stop> {
    // Looking on has no end of its own: ^C is how it ends well.
    if signal == libc::SIGINT { Ok(()) } else { Err(Stop::by_signal(signal, "")) }
}

/// When to read again: at a steady pace, unless reading takes longer than that.
fn after(reading: Instant, period: Duration) -> Instant {
    (reading + period).max(clock::now())
}

/// What is on the terminal. Dropped, whatever happened, it leaves the terminal in order.
struct View {
    screen: Screen,
    listing: Listing,
    period: Duration,
}

impl View {
    fn table(&mut self, watch: &mut Watch, now: Instant, reading: Reading) -> io::Result<()> {
        let size = terminal_size().unwrap_or(USUAL_SIZE);
        let look = Look {
            columns: self.listing.columns,
            exact: self.listing.exact,
            width: size.0.into(),
            unicode: utf8(),
        };
        let seen = watch.observe(now, reading);
        let mut shown = vec![self.heading(&lines::summary(&seen, look), look.width)];
        shown.extend(lines::lines(&seen, look));
        write(&self.screen.show(size, shown))
    }

    fn waiting(&mut self, reason: &str) -> io::Result<()> {
        let size = terminal_size().unwrap_or(USUAL_SIZE);
        let heading = self.heading(reason, size.0.into());
        write(&self.screen.show(size, vec![heading]))
    }

    fn heading(&self, rest: &str, width: usize) -> String {
        lines::cut(&format!("vipd ipvs, every {} s   {rest}", self.period.as_secs_f64()), width)
    }

    fn leave(&self) {
        // If the terminal is gone, nobody is left to see.
        let _ = write(&self.screen.end());
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Where readings come from.
struct Source {
    /// None while there is no IPVS.
    client: Option<Client>,
    listing: Listing,
}

impl Source {
    /// A reading, or what it waits for.
    fn read(&mut self) -> Result<Result<Reading, String>, Stop> {
        let mut result = self.try_read();
        if result.as_ref().is_err_and(|error| error.errno() == Some(Errno::ENOENT)) {
            // The module was taken out: what is back has another number, which a new connection finds.
            self.client = None;
            result = self.try_read();
        }
        match result {
            Ok(reading) => Ok(Ok(reading)),
            Err(error @ client::Error::NoIpvs) => Ok(Err(format!("waiting: {}", chain(error)))),
            Err(error @ client::Error::KeepsChanging) => Ok(Err(chain(error))),
            Err(error) if error.errno() == Some(Errno::ESRCH) => Ok(Ok(Reading::default())),
            Err(error) => Err(error.into()),
        }
    }

    fn try_read(&mut self) -> Result<Reading, client::Error> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::open()?),
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
