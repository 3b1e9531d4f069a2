use super::*;
use crate::ipvs::model::{Reading, Stats};
use crate::ipvs::rates::compare;
use crate::ipvs::testing::{self, key, listed, listed_dest, service};
use std::time::Duration;

fn dest(n: u8, weight: u32, inpkts: u64) -> DestEntry {
    let stats = Stats { conns: inpkts / 10, inpkts, inbytes: inpkts * 1000, ..Stats::default() };
    DestEntry { active_conns: 12, ..listed_dest(testing::dest(n, weight), stats) }
}

fn reading(dests: Vec<DestEntry>) -> Reading {
    testing::reading(vec![listed(service(key(1), "wlc"), dests)])
}

fn look(width: usize, unicode: bool) -> Look {
    Look { columns: Columns::Default, exact: false, width, unicode }
}

fn shown(look: Look) -> Vec<String> {
    let before = reading(vec![dest(1, 1, 0), dest(2, 1, 0), dest(4, 1, 0)]);
    let after = reading(vec![dest(1, 1, 300), dest(2, 0, 100), dest(3, 1, 0)]);
    lines(&compare(Some(&before), &after, Duration::from_secs(2)), look)
}

#[test]
fn a_table_with_bars_of_shares() {
    assert_eq!(
        shown(look(80, true)),
        [
            "  Service / server        Weight  Active  Conn/s   InB/s  OutB/s Share",
            "  TCP 192.0.2.1:80           wlc              20    200K       0",
            "  -> 10.0.0.1:80               1      12      15    150K       0 ███████▌    75%",
            "~ -> 10.0.0.2:80               0      12       5   50000       0 ██▌         25%",
            "- -> 10.0.0.4:80               1      12       -       -       -",
            "+ -> 10.0.0.3:80               1      12       0       0       0              0%",
        ]
    );
}

#[test]
fn no_line_is_wider_than_the_window() {
    for width in [1, 10, 24, 40, 60, 79, 80, 100, 132, 400] {
        for look in [look(width, true), look(width, false), Look { exact: true, ..look(width, true) }] {
            let wide = shown(look).into_iter().find(|line| line.chars().count() > width);
            assert_eq!(wide, None, "{width}");
        }
    }
    assert!(shown(look(80, false)).iter().all(|line| line.is_ascii()));
    assert!(shown(look(200, true))[2].contains(&"█".repeat(15)), "a wide window has wide bars");
}

#[test]
fn the_summary_counts_what_is_there() {
    let before = reading(vec![dest(1, 1, 0), dest(4, 1, 0)]);
    let after = reading(vec![dest(1, 1, 300)]);
    let seen = compare(Some(&before), &after, Duration::from_secs(2));
    let text = summary(&seen, look(80, true));
    assert_eq!(text, "1 service, 1 server   15 conn/s   in 150K B/s   out 0 B/s");
}
