//! What `--watch` shows: a table in the light of earlier readings as lines of a given width. Pure.

use crate::cli::ipvs::figure::{number_of, short};
use crate::ipvs::grammar::Columns;
use crate::ipvs::model::{DestEntry, Service};
use crate::ipvs::rates::{Change, Observed, ObservedService, Rates};
use std::fmt::Write;

/// As narrow as the column of names gets; what does not fit then is cut on the right.
const NAME_MIN: usize = 24;
/// As wide as a bar gets.
const BAR_MAX: usize = 20;

/// How the lines look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) columns: Columns,
    /// Numbers in full.
    pub(super) exact: bool,
    /// Characters of a line.
    pub(super) width: usize,
    /// Whether the terminal has more than ASCII.
    pub(super) unicode: bool,
}

/// A line for the titles, and one for each service and server.
pub(super) fn lines(observed: &[ObservedService<'_>], look: Look) -> Vec<String> {
    let titles = titles(look.columns);
    let figure = if look.exact { 12 } else { 7 };
    let fixed = titles.len() * (figure + 1);
    let longest = observed.iter().flat_map(names).map(|name| name.chars().count() + 2).max().unwrap_or(0);
    // The bar gets what the names leave of a wide line.
    let room = look.width.saturating_sub(fixed + " 100%".len());
    let name = longest.max(NAME_MIN).min(room.saturating_sub(5).max(NAME_MIN));
    let bar = room.saturating_sub(name + 1).min(BAR_MAX);
    let layout = Layout { look, name, figure, bar };
    let mut lines = vec![layout.line("  Service / server", &titles.map(str::to_owned), "Share")];
    for observed in observed {
        let service = &observed.service;
        let texts = layout.figures(service.rates, None, &service.entry.service);
        let title = format!("{}{}", mark(service), service.entry.service.key);
        lines.push(layout.line(&title, &texts, ""));
        for (dest, share) in observed.shares() {
            let texts = layout.figures(dest.rates, Some(dest.entry), &service.entry.service);
            let title = format!("{}-> {}", mark(dest), dest.entry.dest.key);
            lines.push(layout.line(&title, &texts, &layout.share(share)));
        }
    }
    lines
}

/// What stands above: how much there is, and what it gets in all.
pub(super) fn summary(observed: &[ObservedService<'_>], look: Look) -> String {
    let there = || observed.iter().filter(|s| s.service.change != Change::Gone);
    let servers = there().flat_map(|s| &s.dests).filter(|d| d.change != Change::Gone).count();
    let mut sum = Rates::default();
    for rates in there().filter_map(|s| s.service.rates) {
        sum.cps += rates.cps;
        sum.inbps += rates.inbps;
        sum.outbps += rates.outbps;
    }
    let text = format!(
        "{}, {}   {} conn/s   in {} B/s   out {} B/s",
        number_of(there().count(), "service"),
        number_of(servers, "server"),
        short(sum.cps),
        short(sum.inbps),
        short(sum.outbps),
    );
    cut(&text, look.width)
}

/// At most `width` characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect::<String>().trim_end().to_owned()
}

fn names(observed: &ObservedService<'_>) -> impl Iterator<Item = String> {
    let service = std::iter::once(observed.service.entry.service.key.to_string());
    service.chain(observed.dests.iter().map(|d| format!("-> {}", d.entry.dest.key)))
}

/// `+` new, `-` gone, `~` set in another way, `0` counters that began again.
fn mark<T>(observed: &Observed<'_, T>) -> &'static str {
    match observed.change {
        Change::New => "+ ",
        Change::Gone => "- ",
        Change::Changed => "~ ",
        Change::None if observed.reset => "0 ",
        Change::None => "  ",
    }
}

const fn titles(columns: Columns) -> [&'static str; 5] {
    match columns {
        Columns::Stats | Columns::Rate => ["Conn/s", "InPkt/s", "OutPk/s", "InB/s", "OutB/s"],
        Columns::Thresholds => ["Upper", "Lower", "Active", "InAct", "Conn/s"],
        Columns::PersistentConn => ["Weight", "Persist", "Active", "InAct", "Conn/s"],
        Columns::TunnelInfo => ["Forward", "Weight", "Active", "InAct", "Conn/s"],
        Columns::Default => ["Weight", "Active", "Conn/s", "InB/s", "OutB/s"],
    }
}

struct Layout {
    look: Look,
    name: usize,
    figure: usize,
    bar: usize,
}

impl Layout {
    fn line(&self, name: &str, figures: &[String], share: &str) -> String {
        let mut line = String::new();
        let long = name.chars().count() > self.name;
        let shown = if long { self.name.saturating_sub(1) } else { self.name };
        line.extend(name.chars().take(shown));
        if long {
            line.push(if self.look.unicode { '…' } else { '>' });
        }
        for _ in line.chars().count()..self.name {
            line.push(' ');
        }
        for figure in figures {
            // Writing to a string does not fail.
            let _ = write!(line, " {figure:>width$}", width = self.figure);
        }
        line.push(' ');
        line.push_str(share);
        cut(&line, self.look.width)
    }

    fn figures(&self, rates: Option<Rates>, dest: Option<&DestEntry>, service: &Service) -> [String; 5] {
        let rate = |of: fn(&Rates) -> f64| match rates {
            Some(rates) if self.look.exact => format!("{:.1}", of(&rates)),
            Some(rates) => short(of(&rates)),
            None => "-".to_owned(),
        };
        let count = |of: fn(&DestEntry) -> u32| match dest {
            Some(dest) if self.look.exact => of(dest).to_string(),
            Some(dest) => short(of(dest).into()),
            None => String::new(),
        };
        let weight = || dest.map_or_else(|| service.scheduler.clone(), |_| count(|d| d.dest.weight));
        let (active, inactive) = (count(|d| d.active_conns), count(|d| d.inactive_conns));
        let cps = rate(|r| r.cps);
        match self.look.columns {
            Columns::Stats | Columns::Rate => {
                [cps, rate(|r| r.inpps), rate(|r| r.outpps), rate(|r| r.inbps), rate(|r| r.outbps)]
            }
            Columns::Thresholds => {
                [count(|d| d.dest.upper_threshold), count(|d| d.dest.lower_threshold), active, inactive, cps]
            }
            Columns::PersistentConn => [weight(), count(|d| d.persistent_conns), active, inactive, cps],
            Columns::TunnelInfo => {
                let forward = dest.map_or("", |d| d.dest.forward.name()).to_owned();
                [forward, weight(), active, inactive, cps]
            }
            Columns::Default => [weight(), active, cps, rate(|r| r.inbps), rate(|r| r.outbps)],
        }
    }

    /// A bar and what it stands for.
    fn share(&self, part: Option<f64>) -> String {
        let Some(part) = part else { return String::new() };
        let eighths = (part * self.bar as f64 * 8.0).round() as usize;
        let mut bar = String::new();
        if self.look.unicode {
            bar.extend(std::iter::repeat_n('█', eighths / 8));
            bar.extend(['▏', '▎', '▍', '▌', '▋', '▊', '▉'].get((eighths % 8).wrapping_sub(1)));
        } else {
            bar.extend(std::iter::repeat_n('#', (eighths + 4) / 8));
        }
        for _ in bar.chars().count()..self.bar {
            bar.push(' ');
        }
        format!("{bar} {:>3.0}%", part * 100.0)
    }
}

#[cfg(test)]
mod tests;
