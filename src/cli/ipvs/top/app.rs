//! What the user sees and where they are: readings and keys in, commands out. No terminal, no kernel, no clock.

use super::table::{Folds, Row, Sort, Table};
use crate::ipvs::model::{DestKey, Reading, ServiceKey};
use crate::ipvs::rates::Watch;
use crate::time::Instant;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::time::Duration;

/// What the driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    /// Stop, as ^Z does, until the shell continues it.
    Suspend,
    /// Draw the whole screen anew.
    Repaint,
    /// Read the table now.
    Read,
    /// Set a server's weight, if it is still what the user saw.
    SetWeight(Change),
}

/// A weight that is to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) service: ServiceKey,
    pub(super) server: DestKey,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// What keys mean now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Table,
    /// A filter is being typed; what was there before.
    Filter { before: String },
    /// A weight awaits confirmation; whether digits have been typed.
    Weight { change: Change, typed: bool },
    /// The help, from this line on.
    Help { line: usize },
}

/// Something to tell the user, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    Done(String),
    Problem(String),
}

/// The state of the view.
#[derive(Debug)]
pub(super) struct App {
    pub(super) table: Table,
    pub(super) sort: Sort,
    pub(super) reversed: bool,
    pub(super) filter: String,
    pub(super) mode: Mode,
    pub(super) note: Option<Note>,
    pub(super) paused: bool,
    /// How long after one reading the next one is wanted.
    pub(super) interval: Duration,
    /// The first row on the screen.
    pub(super) offset: usize,
    folds: Folds,
    /// The cursor stays with what it points at, wherever sorting moves that: a key never meets another server.
    selected: Option<(ServiceKey, Option<DestKey>)>,
    /// Which row that is now, if it shows.
    cursor: Option<usize>,
    watch: Watch,
    /// When the table was read last, or that was tried.
    read_at: Instant,
    /// How long the last reading took, with what was made of it.
    cost: Duration,
    /// How many rows the screen has.
    page: usize,
}

const INTERVALS: std::ops::RangeInclusive<Duration> = Duration::from_millis(250)..=Duration::from_secs(60);
/// Reading takes at most one part in so many of the time, however large the table is…
const PATIENCE: u32 = 10;
/// … unless nothing would be read for longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// The kernel's largest weight.
const MAX_WEIGHT: u32 = i32::MAX as u32;

impl App {
    pub(super) fn new(interval: Duration, filter: String) -> App {
        App {
            table: Table::default(),
            sort: Sort::Name,
            reversed: false,
            filter,
            mode: Mode::Table,
            note: None,
            paused: false,
            interval,
            offset: 0,
            folds: Folds::default(),
            selected: None,
            cursor: None,
            watch: Watch::default(),
            read_at: Instant::ZERO,
            cost: Duration::ZERO,
            page: 1,
        }
    }

    /// Takes a reading that began at `at`.
    pub(super) fn take(&mut self, at: Instant, reading: Reading) {
        self.table = Table::new(&self.watch.observe(at, reading));
        self.read_at = at;
        self.arrange();
    }

    /// To read the table and to take it took so long.
    pub(super) fn spent(&mut self, cost: Duration) {
        self.cost = cost;
    }

    /// When the next reading is due; `None` while it is paused.
    pub(super) fn next_reading(&self) -> Option<Instant> {
        (!self.paused).then(|| self.read_at + self.pace())
    }

    /// A reading failed: the next one is due an interval from `now`.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.read_at = now;
    }

    /// The time between two readings: the interval, or more where reading takes long.
    pub(super) fn pace(&self) -> Duration {
        self.interval.max((self.cost * PATIENCE).min(LONGEST))
    }

    /// The screen has room for so many rows.
    pub(super) fn set_page(&mut self, rows: usize) {
        self.page = rows.max(1);
        self.scroll();
    }

    /// The row of the cursor, if it is shown.
    pub(super) const fn cursor(&self) -> Option<usize> {
        self.cursor
    }

    pub(super) fn is_folded(&self, row: Row) -> bool {
        self.table.service(row).is_some_and(|service| self.folds.is_folded(&service.key))
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Option<Command> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        self.note = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Some(Command::Quit),
                KeyCode::Char('z') => Some(Command::Suspend),
                KeyCode::Char('l') => Some(Command::Repaint),
                _ => None,
            };
        }
        match &mut self.mode {
            Mode::Table => return self.table_key(key.code),
            Mode::Filter { before } => {
                match key.code {
                    KeyCode::Enter => self.mode = Mode::Table,
                    KeyCode::Esc => {
                        self.filter = std::mem::take(before);
                        self.mode = Mode::Table;
                    }
                    KeyCode::Backspace => {
                        self.filter.pop();
                    }
                    KeyCode::Char(c) => self.filter.push(c),
                    _ => return None,
                }
                self.arrange();
            }
            Mode::Weight { change, typed } => match key.code {
                KeyCode::Enter | KeyCode::Char('y') => {
                    let change = *change;
                    self.mode = Mode::Table;
                    return (change.from != change.to).then_some(Command::SetWeight(change));
                }
                KeyCode::Esc | KeyCode::Char('n' | 'q') => self.mode = Mode::Table,
                KeyCode::Char('+' | '=') | KeyCode::Up => change.to = (change.to + 1).min(MAX_WEIGHT),
                KeyCode::Char('-') | KeyCode::Down => change.to = change.to.saturating_sub(1),
                KeyCode::Backspace => {
                    change.to /= 10;
                    *typed = true;
                }
                KeyCode::Char(c) => {
                    if let Some(digit) = c.to_digit(10) {
                        // The first digit begins a new number.
                        let before = if *typed { change.to } else { 0 };
                        change.to = before.saturating_mul(10).saturating_add(digit).min(MAX_WEIGHT);
                        *typed = true;
                    }
                }
                _ => {}
            },
            Mode::Help { line } => match key.code {
                KeyCode::Up | KeyCode::Char('k') => *line = line.saturating_sub(1),
                KeyCode::Down | KeyCode::Char('j') => *line += 1,
                _ => self.mode = Mode::Table,
            },
        }
        None
    }

    fn table_key(&mut self, code: KeyCode) -> Option<Command> {
        let page = isize::try_from(self.page).unwrap_or(isize::MAX);
        match code {
            KeyCode::Char('q') => return Some(Command::Quit),
            KeyCode::Down | KeyCode::Char('j') => self.go(1),
            KeyCode::Up | KeyCode::Char('k') => self.go(-1),
            KeyCode::PageDown => self.go(page),
            KeyCode::PageUp => self.go(-page),
            KeyCode::Home | KeyCode::Char('g') => self.go(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.go(isize::MAX),
            KeyCode::Char(' ') | KeyCode::Enter => self.fold(None),
            KeyCode::Left => self.fold(Some(true)),
            KeyCode::Right => self.fold(Some(false)),
            KeyCode::Char('z') => {
                self.folds.toggle_all();
                // The cursor goes to the service that its server is folded into.
                self.selected = self.selected.map(|(service, _)| (service, None));
                self.arrange();
            }
            KeyCode::Char('s' | '>') => self.sort_by(1),
            KeyCode::Char('S' | '<') => self.sort_by(Sort::ALL.len() - 1),
            KeyCode::Char('r') => {
                self.reversed = !self.reversed;
                self.arrange_from_top();
            }
            KeyCode::Char('/') => self.mode = Mode::Filter { before: self.filter.clone() },
            KeyCode::Esc => {
                if self.filter.is_empty() {
                    (self.selected, self.cursor) = (None, None);
                } else {
                    self.filter.clear();
                    self.arrange();
                }
            }
            KeyCode::Char('+' | '=') => self.change_weight(1),
            KeyCode::Char('-') => self.change_weight(-1),
            KeyCode::Char('w') => self.change_weight(0),
            KeyCode::Char('p') => {
                self.paused = !self.paused;
                return (!self.paused).then_some(Command::Read);
            }
            KeyCode::Char('u') => return Some(Command::Read),
            KeyCode::Char('[') => self.interval = (self.interval / 2).max(*INTERVALS.start()),
            KeyCode::Char(']') => self.interval = (self.interval * 2).min(*INTERVALS.end()),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.mode = Mode::Help { line: 0 },
            _ => {}
        }
        None
    }

    /// Moves the cursor; the first time it appears at the top of the screen.
    fn go(&mut self, by: isize) {
        let last = self.table.rows.len().saturating_sub(1);
        let to = match (self.cursor, by) {
            (Some(at), _) => at.saturating_add_signed(by),
            (None, isize::MIN..=1) if by != isize::MIN => self.offset,
            (None, _) => self.offset.saturating_add_signed(by),
        };
        let to = to.min(last);
        if let Some(id) = self.table.rows.get(to).and_then(|row| self.table.id(*row)) {
            (self.selected, self.cursor) = (Some(id), Some(to));
        }
        self.scroll();
    }

    /// Folds the cursor's service, unfolds it, or either.
    fn fold(&mut self, folded: Option<bool>) {
        let Some((service, _)) = self.selected.filter(|_| self.cursor.is_some()) else { return };
        let folded = folded.unwrap_or(!self.folds.is_folded(&service));
        self.folds.set(service, folded);
        if folded {
            self.selected = Some((service, None));
        }
        self.arrange();
    }

    fn sort_by(&mut self, steps: usize) {
        let at = Sort::ALL.iter().position(|sort| *sort == self.sort).unwrap_or_default();
        self.sort = Sort::ALL[(at + steps) % Sort::ALL.len()];
        self.reversed = false;
        self.arrange_from_top();
    }

    /// Asks whether the cursor's server is to get another weight.
    fn change_weight(&mut self, by: i32) {
        let row = self.cursor.and_then(|at| self.table.rows.get(at)).copied();
        let pair = row.and_then(|row| Some((self.table.service(row)?, self.table.server(row)?)));
        let Some((service, server)) = pair else {
            self.note = Some(Note::Problem("move to a server first: arrow keys".into()));
            return;
        };
        let from = server.dest.weight;
        let to = from.saturating_add_signed(by).min(MAX_WEIGHT);
        let change = Change { service: service.key, server: server.dest.key, from, to };
        self.mode = Mode::Weight { change, typed: false };
    }

    /// Another order is wanted to see what comes first; a cursor that is not there any more is gone.
    fn arrange_from_top(&mut self) {
        self.arrange();
        if self.cursor.is_some_and(|at| at >= self.page) {
            (self.selected, self.cursor) = (None, None);
        }
        self.offset = 0;
    }

    fn arrange(&mut self) {
        self.table.arrange(self.sort, self.reversed, &self.folds, &self.filter);
        let table = &self.table;
        let at = |selected| table.rows.iter().position(|row| table.id(*row) == Some(selected));
        self.cursor = self.selected.and_then(at);
        self.scroll();
    }

    /// Keeps the cursor on the screen, and no empty space below the last row.
    fn scroll(&mut self) {
        if let Some(at) = self.cursor {
            self.offset = self.offset.clamp((at + 1).saturating_sub(self.page), at);
        }
        self.offset = self.offset.min(self.table.rows.len().saturating_sub(self.page));
    }
}
