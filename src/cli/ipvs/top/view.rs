//! Draws the state: only the rows that the screen has room for, in ASCII, so that it is right in every locale.
//!
//! ```text
//! vipd ipvs top   2 services, 3 servers   every 2s              a line about the table
//!   Name                 Weight Active  InAct ...               titles; v or ^ at the column that sorts
//! - TCP 10.0.0.1:80 wlc       3     12     40 ...               services, with the sums of their servers
//!     10.0.0.5:80             1      4     12 ...               servers
//! q quit  ? help ...                                            keys, a message, or what is being typed
//! ```

use super::app::{App, Mode, Note};
use super::table::{Figures, Row, Service, Sort};
use crate::cli::ipvs::figure::{number_of, short};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{Block, Clear, Widget};
use std::fmt::Write as _;
use std::time::Duration;

/// How things look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    service: Style,
    idle: Style,
    problem: Style,
    done: Style,
}

impl Theme {
    pub(super) fn new(colours: bool) -> Theme {
        let coloured = |colour| if colours { Style::new().fg(colour) } else { Style::new() };
        Theme {
            service: coloured(Color::Cyan).add_modifier(Modifier::BOLD),
            idle: coloured(Color::Yellow),
            problem: coloured(Color::Red).add_modifier(Modifier::BOLD),
            done: coloured(Color::Green),
        }
    }
}

const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);
const CURSOR: Style = Style::new().add_modifier(Modifier::REVERSED);
const SORTED: Style = Style::new().add_modifier(Modifier::BOLD).add_modifier(Modifier::REVERSED);

/// A column besides the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// Scheduler of a service, forwarding method of a server.
    Method,
    Figure(Sort),
    /// Of its service's connections a second, in tenths.
    Share,
}

impl Column {
    /// From left to right.
    const ORDER: [Column; 10] = [
        Column::Method,
        Column::Figure(Sort::Weight),
        Column::Figure(Sort::Active),
        Column::Figure(Sort::Inactive),
        Column::Figure(Sort::Conns),
        Column::Figure(Sort::InPackets),
        Column::Figure(Sort::OutPackets),
        Column::Figure(Sort::InBytes),
        Column::Figure(Sort::OutBytes),
        Column::Share,
    ];

    /// What there has to be room for first.
    const RANK: [Column; 10] = [
        Column::Figure(Sort::Active),
        Column::Figure(Sort::Weight),
        Column::Figure(Sort::Conns),
        Column::Figure(Sort::InBytes),
        Column::Figure(Sort::Inactive),
        Column::Figure(Sort::OutBytes),
        Column::Figure(Sort::InPackets),
        Column::Figure(Sort::OutPackets),
        Column::Method,
        Column::Share,
    ];

    /// With the space before it.
    const fn width(self) -> u16 {
        match self {
            Column::Method | Column::Figure(_) => 7,
            Column::Share => 12,
        }
    }
}

/// The columns that fit, from left to right, and the width of the name before them.
fn columns(width: u16, longest_name: usize) -> (u16, Vec<Column>) {
    // An IPv4 service in full; longer names are cut before a column of the first seven is left out.
    const SHORT: u16 = 26;
    const LONG: u16 = 50;
    let longest = u16::try_from(longest_name + 4).unwrap_or(LONG).clamp(12, LONG);
    let (mut name, mut chosen) = (width, Vec::new());
    for (rank, column) in Column::RANK.into_iter().enumerate() {
        let least = if rank < 7 { longest.min(SHORT) } else { longest };
        if name < least + column.width() {
            break;
        }
        name -= column.width();
        chosen.push(column);
    }
    (name, Column::ORDER.into_iter().filter(|column| chosen.contains(column)).collect())
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, theme: Theme) {
    let area = frame.area();
    let rows = area.height.saturating_sub(3);
    app.set_page(rows.into());
    let buffer = frame.buffer_mut();
    let line = |y: u16| Rect { y: area.y + y, height: 1, ..area }.intersection(area);
    text(buffer, line(0), &headline(app, area.width), TITLE);
    let (name, columns) = columns(area.width, app.table.longest_name);
    titles(buffer, line(1), app, name, &columns);
    let cursor = app.cursor();
    for (y, (index, row)) in (2..).zip(app.table.rows.iter().enumerate().skip(app.offset).take(rows.into())) {
        draw_row(buffer, line(y), app, *row, name, &columns, theme);
        if cursor == Some(index) {
            buffer.set_style(line(y), CURSOR);
        }
    }
    if app.table.rows.is_empty() && rows > 0 {
        let nothing = match app.filter.is_empty() {
            true => "  The table is empty.",
            false => "  No service or server matches the filter.",
        };
        text(buffer, line(2), nothing, Style::new());
    }
    if area.height > 2 {
        footer(buffer, line(area.height - 1), app, theme);
    }
    match &app.mode {
        Mode::Weight { .. } => weight_dialog(buffer, area, app),
        Mode::Help { line } => help(buffer, area, *line),
        Mode::Table | Mode::Filter { .. } => {}
    }
}

/// Writes a line, cut where it does not fit. What came from elsewhere (a filter) may hold anything: ratatui leaves
/// control characters out.
fn text(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if area.height > 0 {
        buffer.set_stringn(area.x, area.y, text, area.width.into(), style);
    }
}

fn headline(app: &App, width: u16) -> String {
    let mut line = format!(
        "vipd ipvs top   {}, {}   ",
        number_of(app.table.services.len(), "service"),
        number_of(app.table.servers, "server")
    );
    if app.paused {
        line.push_str("PAUSED");
    } else {
        let _ = write!(line, "every {}s", seconds(app.pace()));
        if app.pace() > app.interval {
            let _ = write!(line, " instead of {}s", seconds(app.interval));
        }
    }
    if !app.filter.is_empty() {
        let _ = write!(line, "   filter: {}", app.filter);
    }
    let rates = &app.table.total.rates;
    let total = format!("CPS {} in {} out {}", short(rates.cps), short(rates.inbps), short(rates.outbps));
    let room = usize::from(width).saturating_sub(line.chars().count());
    if total.len() + 3 <= room {
        let _ = write!(line, "{total:>room$}");
    }
    line
}

/// With as many digits as matter.
fn seconds(duration: Duration) -> f64 {
    let seconds = duration.as_secs_f64();
    let digits = match seconds {
        ..1.0 => 100.0,
        ..10.0 => 10.0,
        _ => 1.0,
    };
    (seconds * digits).round() / digits
}

fn titles(buffer: &mut Buffer, area: Rect, app: &App, name: u16, columns: &[Column]) {
    let mark = if (app.sort == Sort::Name) == app.reversed { 'v' } else { '^' };
    let mut x = area.x;
    let mut put = |width: u16, title: String, sorts: bool| {
        let style = if sorts { SORTED } else { TITLE };
        let cell = Rect { x, width, ..area }.intersection(area);
        let blanks = title.len() - title.trim_start().len();
        text(buffer, cell, &title, TITLE);
        // The blanks before the title are no part of it.
        let blanks = u16::try_from(blanks).unwrap_or_default();
        buffer
            .set_style(Rect { x: cell.x + blanks, width: cell.width.saturating_sub(blanks), ..cell }, style);
        x += width;
    };
    let sorts = |sort| app.sort == sort;
    put(
        name.min(7),
        if sorts(Sort::Name) { format!(" {mark}Name ") } else { "  Name ".into() },
        sorts(Sort::Name),
    );
    put(name.saturating_sub(7), String::new(), false);
    for column in columns {
        let width = usize::from(column.width());
        match column {
            Column::Method => put(7, " Method".into(), false),
            Column::Share => put(12, "  Share/CPS ".into(), false),
            Column::Figure(sort) => {
                let mark = if sorts(*sort) { String::from(mark) } else { String::new() };
                put(7, format!("{:>width$}", format!("{mark}{}", sort.title())), sorts(*sort));
            }
        }
    }
}

fn draw_row(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    row: Row,
    name: u16,
    columns: &[Column],
    theme: Theme,
) {
    let Some(service) = app.table.service(row) else { return };
    let server = app.table.server(row);
    let (label, method, figures) = match server {
        Some(server) => (format!("    {}", server.name()), server.dest.forward.name(), &server.figures),
        None => {
            let mark = if app.is_folded(row) { '+' } else { '-' };
            (format!("{mark} {}", service.name()), &*service.scheduler, &service.figures)
        }
    };
    let style = match (server.is_some(), figures.weight) {
        // Takes no new connections.
        (true, 0) => theme.idle,
        (false, 0) => theme.problem,
        (true, _) => Style::new(),
        (false, _) => theme.service,
    };
    let cell = |x: u16, width: u16| Rect { x, width, ..area }.intersection(area);
    let room = usize::from(name);
    if label.len() > room && room > 1 {
        let cut = label.floor_char_boundary(room - 1);
        text(buffer, cell(area.x, name), &format!("{}>", &label[..cut]), style);
    } else {
        text(buffer, cell(area.x, name), &label, style);
    }
    let mut x = area.x + name;
    for column in columns {
        let value = match column {
            Column::Method => format!(" {method:<6.6}"),
            Column::Figure(sort) => format!("{:>7}", short(sort.value(figures))),
            Column::Share => server.map_or_else(String::new, |_| share(service, figures)),
        };
        text(buffer, cell(x, column.width()), &value, style);
        x += column.width();
    }
}

/// A bar of ten for what part of its service's new connections a server gets.
fn share(service: &Service, figures: &Figures) -> String {
    let whole: f64 = service.servers.iter().map(|server| server.figures.rates.cps).sum();
    if whole > 0.0 {
        let tenths = (figures.rates.cps / whole * 10.0).round() as usize;
        format!("  {}", "#".repeat(tenths.min(10)))
    } else {
        String::new()
    }
}

const KEYS: &str = "q quit  ? help  / filter  s sort  space fold  + - weight  p pause  [ ] interval";

fn footer(buffer: &mut Buffer, area: Rect, app: &App, theme: Theme) {
    match (&app.mode, &app.note) {
        (Mode::Filter { .. }, _) => {
            text(buffer, area, &format!("filter: {}_   Enter keeps it, Esc drops it", app.filter), TITLE);
        }
        (_, Some(Note::Problem(problem))) => text(buffer, area, problem, theme.problem),
        (_, Some(Note::Done(done))) => text(buffer, area, done, theme.done),
        (_, None) => text(buffer, area, KEYS, Style::new()),
    }
}

fn weight_dialog(buffer: &mut Buffer, area: Rect, app: &App) {
    let Mode::Weight { change, .. } = &app.mode else { return };
    let first = format!("Set the weight of {}", change.server);
    let lines = [
        first,
        format!("of {}", change.service),
        format!("from {} to {}", change.from, change.to),
        String::new(),
        "Enter or y: set it".to_owned(),
        "+ - or digits: another weight".to_owned(),
        "Esc or n: leave it as it is".to_owned(),
    ];
    window(buffer, area, " Weight ", &lines);
}

const HELP: [&str; 22] = [
    "Up Down j k PgUp PgDn Home End   move",
    "Space Enter Left Right           fold, unfold a service",
    "z                                fold, unfold all",
    "s S or > <                       sort by the next, previous column",
    "r                                sort the other way round",
    "/                                show what contains all words typed",
    "Esc                              drop the filter, the cursor",
    "+ - w                            change the server's weight",
    "p                                pause, go on",
    "u                                read the table now",
    "[ ]                              read more often, less often",
    "^L                               draw the screen anew",
    "^Z                               suspend",
    "q ^C                             quit",
    "",
    "Weight   0 takes no new connections; a service has its servers' sum",
    "Active   connections established; InAct: others",
    "CPS      new connections a second since the last reading",
    "PPS BPS  packets and bytes a second, in and out",
    "Share    of its service's new connections",
    "",
    "Any other key closes this.",
];

fn help(buffer: &mut Buffer, area: Rect, from: usize) {
    let room = usize::from(area.height.saturating_sub(2)).max(1);
    let from = from.min(HELP.len().saturating_sub(room));
    let lines: Vec<String> = HELP.iter().skip(from).map(|line| (*line).to_owned()).collect();
    window(buffer, area, " Keys ", &lines);
}

/// A box in the middle of the screen, as large as its lines or the screen.
fn window(buffer: &mut Buffer, area: Rect, title: &str, lines: &[String]) {
    let longest = lines.iter().map(String::len).max().unwrap_or_default();
    let width = u16::try_from(longest + 4).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let window =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(window, buffer);
    let block = Block::bordered().border_set(ASCII).title(title);
    let inner = block.inner(window);
    block.render(window, buffer);
    for (y, line) in (inner.y..inner.bottom()).zip(lines) {
        let row = Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(2), height: 1 };
        text(buffer, row.intersection(inner), line, Style::new());
    }
}

const ASCII: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};
