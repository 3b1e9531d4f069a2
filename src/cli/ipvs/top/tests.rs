//! The view as a user sees it: readings and keys in, screens out.

use super::app::{App, Change, Command, Mode};
use super::view::{self, Theme};
use crate::ipvs::model::{
    Dest, DestEntry, DestKey, Forward, Netmask, Protocol, Reading, Service, ServiceEntry, ServiceFlags,
    ServiceKey, Stats,
};
use crate::net::Family;
use crate::time::Instant;
use insta::assert_snapshot;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::cell::RefCell;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

fn service_entry(key: ServiceKey, scheduler: &str, stats: Stats) -> ServiceEntry {
    let family = key.family();
    let service = Service {
        key,
        scheduler: scheduler.into(),
        flags: ServiceFlags::empty(),
        timeout: 0,
        netmask: Netmask::host(family),
        pe_name: None,
    };
    ServiceEntry { service, stats }
}

fn address(protocol: Protocol, text: &str) -> ServiceKey {
    let address: SocketAddr = text.parse().unwrap();
    ServiceKey::Address { protocol, address: address.ip(), port: address.port() }
}

fn server(text: &str, forward: Forward, weight: u32, conns: [u32; 2], stats: Stats) -> DestEntry {
    let address: SocketAddr = text.parse().unwrap();
    DestEntry {
        dest: Dest {
            key: DestKey { address: address.ip(), port: address.port() },
            forward,
            weight,
            upper_threshold: 0,
            lower_threshold: 0,
        },
        active_conns: conns[0],
        inactive_conns: conns[1],
        persistent_conns: 0,
        stats,
    }
}

/// `times` what a server counts in a second.
fn counted(times: u64, conns: u64) -> Stats {
    Stats {
        conns: conns * times,
        inpkts: conns * 8 * times,
        outpkts: conns * 11 * times,
        inbytes: conns * 1200 * times,
        outbytes: conns * 45_000 * times,
        ..Stats::default()
    }
}

/// A table that has counted for so many seconds.
fn reading(seconds: u64) -> Reading {
    let web = service_entry(address(Protocol::Tcp, "192.0.2.80:443"), "wlc", counted(seconds, 160));
    let dns = service_entry(address(Protocol::Udp, "[2001:db8::53]:53"), "rr", counted(seconds, 3));
    let mark = service_entry(ServiceKey::Fwmark { mark: 5, family: Family::V4 }, "sh", Stats::default());
    Reading {
        services: vec![
            (
                web,
                vec![
                    server("10.0.0.13:443", Forward::DirectRoute, 0, [7, 0], Stats::default()),
                    server("10.0.0.12:443", Forward::DirectRoute, 3, [1234, 99_000], counted(seconds, 120)),
                    server("10.0.0.11:443", Forward::DirectRoute, 1, [411, 301_000], counted(seconds, 40)),
                ],
            ),
            (
                dns,
                vec![
                    server("[2001:db8::a]:53", Forward::Masq, 1, [0, 9], counted(seconds, 2)),
                    server("[2001:db8::b]:53", Forward::Masq, 1, [0, 4], counted(seconds, 1)),
                ],
            ),
            (
                mark,
                vec![server("10.0.9.1:0", Forward::Tunnel(Default::default()), 0, [0, 0], Stats::default())],
            ),
        ],
    }
}

/// The view after two readings, two seconds apart.
fn app() -> App {
    let mut app = App::new(Duration::from_secs(2), String::new());
    let start = Instant::from_nanos(1_000_000_000);
    app.take(start, reading(100));
    app.take(start + Duration::from_secs(2), reading(102));
    app
}

fn press(app: &mut App, keys: &str) -> Option<Command> {
    let mut last = None;
    for key in keys.chars() {
        last = hit(app, KeyCode::Char(key));
    }
    last
}

fn hit(app: &mut App, code: KeyCode) -> Option<Command> {
    app.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn buffer(app: &mut App, width: u16, height: u16, colours: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, app, Theme::new(colours))).unwrap();
    terminal.backend().buffer().clone()
}

/// The screen as lines; the cursor's row ends with `<`.
fn screen(app: &mut App, width: u16, height: u16) -> String {
    let buffer = buffer(app, width, height, false);
    let mut text = String::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        if y >= 2 && buffer[(0, y)].modifier.contains(Modifier::REVERSED) {
            text.push_str(" <");
        }
        text.push('\n');
    }
    text
}

#[test]
fn eighty_columns() {
    assert_snapshot!(screen(&mut app(), 80, 24));
}

#[test]
fn a_hundred_and_twenty_columns() {
    let mut app = app();
    press(&mut app, "ssss");
    assert_snapshot!(screen(&mut app, 120, 40));
}

#[test]
fn forty_columns() {
    let mut app = app();
    press(&mut app, "jjj");
    assert_snapshot!(screen(&mut app, 40, 10));
}

#[test]
fn every_size_is_drawn() {
    let mut app = app();
    for keys in ["", "?", "q", "jj+", "n", "/2001"] {
        press(&mut app, keys);
        for (width, height) in [(1, 1), (3, 2), (12, 3), (20, 4), (26, 5), (33, 60), (300, 3)] {
            let text = screen(&mut app, width, height);
            assert_eq!(text.lines().count(), usize::from(height));
        }
    }
}

#[test]
fn the_help_fits() {
    let mut app = app();
    press(&mut app, "?");
    assert_snapshot!(screen(&mut app, 80, 24));
    // On a small screen it scrolls, and ends at its last line.
    for _ in 0..50 {
        hit(&mut app, KeyCode::Down);
    }
    assert!(screen(&mut app, 40, 10).contains("Any other key closes this."));
    press(&mut app, "x");
    assert_eq!(app.mode, Mode::Table);
}

#[test]
fn an_empty_table_says_so() {
    let mut app = App::new(Duration::from_secs(2), String::new());
    app.take(Instant::ZERO, Reading::default());
    assert!(screen(&mut app, 80, 24).contains("The table is empty."));
    press(&mut app, "jjG+zsr ");
    assert!(screen(&mut app, 80, 24).contains("0 services, 0 servers"));
}

/// The addresses of the servers that show, from top to bottom.
fn shown(app: &mut App) -> Vec<String> {
    let screen = screen(app, 120, 40);
    let names = screen.lines().filter(|line| line.starts_with("    "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn rows_are_sorted_by_any_column_either_way() {
    let mut app = app();
    assert_eq!(shown(&mut app)[..3], ["10.0.0.11:443", "10.0.0.12:443", "10.0.0.13:443"]);
    // Active connections.
    press(&mut app, "ss");
    assert_eq!(shown(&mut app)[..3], ["10.0.0.12:443", "10.0.0.11:443", "10.0.0.13:443"]);
    // Others.
    press(&mut app, "s");
    assert_eq!(shown(&mut app)[..3], ["10.0.0.11:443", "10.0.0.12:443", "10.0.0.13:443"]);
    press(&mut app, "r");
    assert_eq!(shown(&mut app)[0], "10.0.9.1:0");
    // All the way round.
    press(&mut app, "ssssss");
    assert_eq!(shown(&mut app)[0], "10.0.0.11:443");
    press(&mut app, "S");
    assert!(screen(&mut app, 80, 24).contains("vOutBPS") || screen(&mut app, 80, 24).contains("OutBPS"));
}

#[test]
fn a_filter_shows_what_has_all_its_words() {
    let mut app = app();
    press(&mut app, "/udp");
    assert_eq!(shown(&mut app), ["[2001:db8::a]:53", "[2001:db8::b]:53"]);
    assert_snapshot!(screen(&mut app, 80, 10));
    press(&mut app, " ::B");
    assert_eq!(shown(&mut app), ["[2001:db8::b]:53"]);
    hit(&mut app, KeyCode::Enter);
    assert!(screen(&mut app, 80, 10).contains("filter: udp ::B"));
    // Escape drops what is being typed, then the filter, then the cursor.
    press(&mut app, "/x");
    assert!(screen(&mut app, 80, 10).contains("No service or server matches"));
    hit(&mut app, KeyCode::Esc);
    assert_eq!(app.filter, "udp ::B");
    press(&mut app, "j");
    hit(&mut app, KeyCode::Esc);
    assert_eq!((app.filter.as_str(), app.cursor()), ("", Some(4)));
    hit(&mut app, KeyCode::Esc);
    assert_eq!(app.cursor(), None);
}

#[test]
fn services_fold() {
    let mut app = app();
    press(&mut app, "jj ");
    // The cursor was on a server and is on its service now.
    assert_eq!(shown(&mut app), ["[2001:db8::a]:53", "[2001:db8::b]:53", "10.0.9.1:0"]);
    assert_eq!(app.cursor(), Some(0));
    press(&mut app, "z");
    assert_eq!(shown(&mut app), [""; 0]);
    press(&mut app, "j");
    hit(&mut app, KeyCode::Right);
    assert_eq!(shown(&mut app), ["[2001:db8::a]:53", "[2001:db8::b]:53"]);
    press(&mut app, "zz");
    assert_eq!(shown(&mut app).len(), 6);
    // A folded service shows the servers that a filter means.
    press(&mut app, "z/10.0.0.12");
    assert_eq!(shown(&mut app), ["10.0.0.12:443"]);
}

#[test]
fn the_cursor_stays_with_its_server() {
    let mut app = app();
    press(&mut app, "jjj");
    let at = |app: &mut App| screen(app, 80, 24).lines().find(|line| line.ends_with('<')).unwrap().to_owned();
    assert!(at(&mut app).contains("10.0.0.12:443"));
    press(&mut app, "ssr");
    assert!(at(&mut app).contains("10.0.0.12:443"), "sorted");
    let mut gone = reading(104);
    gone.services[0].1.remove(1);
    app.take(Instant::from_nanos(9_000_000_000), gone);
    assert_eq!(app.cursor(), None, "it is gone, and no other server takes its place");
    assert_eq!(press(&mut app, "+"), None);
    assert_eq!(app.mode, Mode::Table);
}

#[test]
fn a_weight_changes_after_confirmation() {
    let mut app = app();
    press(&mut app, "+");
    assert!(screen(&mut app, 80, 24).contains("move to a server first"));
    press(&mut app, "jjj++");
    assert_snapshot!(screen(&mut app, 80, 24));
    assert_snapshot!(screen(&mut app, 40, 10));
    let change = Change {
        service: address(Protocol::Tcp, "192.0.2.80:443"),
        server: DestKey { address: "10.0.0.12".parse().unwrap(), port: 443 },
        from: 3,
        to: 5,
    };
    assert_eq!(hit(&mut app, KeyCode::Enter), Some(Command::SetWeight(change)));
    assert_eq!(app.mode, Mode::Table);
    // Left as it is, or changed to what it is.
    for keys in ["-n", "-q", "w\n"] {
        assert_eq!(press(&mut app, keys), None);
    }
    assert_eq!(press(&mut app, "-+y"), None);
    // Digits replace, and never exceed what the kernel takes.
    assert_eq!(press(&mut app, "w120y"), Some(Command::SetWeight(Change { to: 120, ..change })));
    let most = Change { to: i32::MAX as u32, ..change };
    assert_eq!(press(&mut app, "w99999999999+y"), Some(Command::SetWeight(most)));
    assert_eq!(press(&mut app, "-----y"), Some(Command::SetWeight(Change { to: 0, ..change })));
}

#[test]
fn what_is_left_out_of_a_weight_dialog_does_not_quit() {
    let mut app = app();
    press(&mut app, "jj+");
    assert_eq!(press(&mut app, "q"), None);
    assert_eq!(press(&mut app, "q"), Some(Command::Quit));
}

#[test]
fn control_keys_work_in_every_mode() {
    for keys in ["", "/x", "jj+", "?"] {
        let mut app = app();
        press(&mut app, keys);
        let control = |app: &mut App, c| app.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
        assert_eq!(control(&mut app, 'z'), Some(Command::Suspend));
        assert_eq!(control(&mut app, 'l'), Some(Command::Repaint));
        assert_eq!(control(&mut app, 'c'), Some(Command::Quit));
    }
}

#[test]
fn pause_and_interval_say_when_to_read() {
    let mut app = app();
    let last = Instant::from_nanos(3_000_000_000);
    assert_eq!(app.next_reading(), Some(last + Duration::from_secs(2)));
    press(&mut app, "[[");
    assert_eq!(app.next_reading(), Some(last + Duration::from_millis(500)));
    press(&mut app, "[[[[");
    assert!(screen(&mut app, 80, 24).contains("every 0.25s"));
    press(&mut app, "]]]]]]]]]]]]]]");
    assert!(screen(&mut app, 80, 24).contains("every 60s"));
    assert_eq!(press(&mut app, "p"), None);
    assert_eq!(app.next_reading(), None);
    assert!(screen(&mut app, 80, 24).contains("PAUSED"));
    assert_eq!(press(&mut app, "p"), Some(Command::Read));
}

#[test]
fn a_table_that_takes_long_to_read_is_read_less_often() {
    let mut app = app();
    let at = Instant::from_nanos(9_000_000_000);
    app.take(at, reading(108));
    app.spent(Duration::from_millis(700));
    assert_eq!(app.next_reading(), Some(at + Duration::from_secs(7)));
    assert!(screen(&mut app, 80, 24).contains("every 7s instead of 2s"));
    // However long it takes, the screen is not left alone for minutes.
    app.spent(Duration::from_secs(8));
    assert_eq!(app.next_reading(), Some(at + Duration::from_secs(30)));
    assert!(screen(&mut app, 80, 24).contains("every 30s instead of 2s"));
    press(&mut app, "]]]]]");
    assert_eq!(app.next_reading(), Some(at + Duration::from_secs(60)), "that is what was asked for");
    assert!(screen(&mut app, 80, 24).contains("every 60s "));
}

#[test]
fn rates_are_steady_at_short_intervals() {
    let mut app = App::new(Duration::from_millis(250), String::new());
    let start = Instant::from_nanos(1_000_000_000);
    for quarter in 0..40 {
        // The kernel adds up every other second.
        let mut counted = reading(100 + quarter / 8 * 2);
        for stats in counted.services.iter_mut().map(|(service, _)| &mut service.stats) {
            stats.cps = 155;
        }
        app.take(start + Duration::from_millis(250) * u32::try_from(quarter).unwrap(), counted);
        let line =
            screen(&mut app, 80, 24).lines().find(|l| l.contains("192.0.2.80:443")).unwrap().to_owned();
        // At first there is what the kernel says.
        let rate = if quarter < 8 { "155" } else { "160" };
        assert!(line.split_whitespace().any(|word| word == rate), "{quarter}: {line}");
    }
}

/// One service with 10,000 servers.
fn crowd_reading() -> Reading {
    let servers = (0..10_000_u32).map(|n| {
        let address = SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 + n), 80));
        server(&address.to_string(), Forward::DirectRoute, 1, [n, 0], Stats::default())
    });
    let entry = service_entry(address(Protocol::Tcp, "192.0.2.1:80"), "wlc", Stats::default());
    Reading { services: vec![(entry, servers.collect())] }
}

fn crowd() -> App {
    let mut app = App::new(Duration::from_secs(2), String::new());
    app.take(Instant::ZERO, crowd_reading());
    app
}

#[test]
fn a_large_table_scrolls() {
    let mut app = crowd();
    screen(&mut app, 80, 24);
    press(&mut app, "G");
    let text = screen(&mut app, 80, 24);
    assert!(text.lines().nth(22).unwrap().contains("10.0.39.15:80"), "{text}");
    for _ in 0..3 {
        hit(&mut app, KeyCode::PageUp);
    }
    assert_eq!(app.cursor(), Some(10_000 - 3 * 21));
    press(&mut app, "g");
    assert_eq!((app.cursor(), app.offset), (Some(0), 0));
    press(&mut app, "ss");
    assert!(screen(&mut app, 80, 24).lines().nth(3).unwrap().contains("9999"));
    // Another order begins at its top, whatever the cursor was on.
    press(&mut app, "gjr");
    assert_eq!((app.cursor(), app.offset), (None, 0));
    // A filter leaves few rows: nothing is empty above them.
    press(&mut app, "G/10.0.39.15:");
    assert_eq!(app.offset, 0);
}

/// What a terminal is sent.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_refresh_sends_only_what_changed() {
    let wire = Wire::default();
    let viewport = Viewport::Fixed(Rect::new(0, 0, 80, 24));
    let mut terminal =
        Terminal::with_options(CrosstermBackend::new(wire.clone()), TerminalOptions { viewport }).unwrap();
    let mut app = crowd();
    let mut sent = |app: &mut App| {
        terminal.draw(|frame| view::draw(frame, app, Theme::new(true))).unwrap();
        std::mem::take(&mut *wire.0.borrow_mut()).len()
    };
    let busy = |seconds: u64| {
        let Reading { mut services } = crowd_reading();
        for (n, dest) in (0..).zip(&mut services[0].1) {
            dest.active_conns += u32::try_from(seconds).unwrap();
            dest.stats = counted(seconds * seconds, n % 50 + 1);
        }
        Reading { services }
    };
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    let first = sent(&mut app);
    assert!((500..4000).contains(&first), "{first}");
    app.take(at(2), crowd_reading());
    let idle = sent(&mut app);
    assert!(idle < 50, "nothing has changed: {idle}");
    app.take(at(4), busy(2));
    sent(&mut app);
    app.take(at(6), busy(4));
    let all = sent(&mut app);
    assert!(all < 2000, "every figure on the screen has changed: {all}");
    press(&mut app, "j");
    let cursor = sent(&mut app);
    assert!(cursor < 300, "the cursor has appeared: {cursor}");
    println!("bytes at 80 columns: {first} first, {idle} idle, {all} every figure, {cursor} the cursor");
}

#[test]
fn colours_are_used_where_they_are_wanted() {
    let used = |colours| {
        let buffer = buffer(&mut app(), 80, 24, colours);
        buffer.content().iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(used(true));
    assert!(!used(false));
}
