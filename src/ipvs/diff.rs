//! Two tables beside each other, as rules: which lines only one of them has. Pure.
//!
//! The order of services and servers means nothing here: both tables are taken in the order of their keys. So the
//! comparison is one walk along both, whatever their size.

use crate::ipvs::format::Rule;
use crate::ipvs::model::{Dest, Service, Table};
use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

/// Unchanged lines around changes.
const CONTEXT: usize = 3;

/// A line of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Which table has it.
    pub side: Side,
    /// The rule.
    pub rule: Rule<'a>,
}

/// Which table has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both.
    Both,
    /// The first one.
    Old,
    /// The second one.
    New,
}

/// As a unified diff has it: a sign, then the rule.
impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.side {
            Side::Both => ' ',
            Side::Old => '-',
            Side::New => '+',
        };
        write!(f, "{sign}{}", self.rule)
    }
}

/// All lines of both tables, in the order of their keys; what was changed comes as the old line, then the new one.
#[must_use]
pub fn lines<'a>(old: &'a Table, new: &'a Table) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    merge(
        &services(old),
        &services(new),
        |(s, _)| s.key,
        |old, new| {
            pair(&mut lines, old.map(|(s, _)| Rule::Service(s)), new.map(|(s, _)| Rule::Service(s)));
            let dests = |of: Option<&Sorted<'a>>| of.map(|(_, dests)| dests.clone()).unwrap_or_default();
            let Some((service, _)) = old.or(new) else { return };
            merge(
                &dests(old),
                &dests(new),
                |d| d.key,
                |old, new| {
                    let rule = |d: &&'a Dest| Rule::Dest(service.key, d);
                    pair(&mut lines, old.map(rule), new.map(rule));
                },
            );
        },
    );
    lines
}

/// The parts of `lines` with a change in them, each with some lines around it, as `@@ … @@` and its lines.
#[must_use]
pub fn hunks(lines: &[Line<'_>]) -> Vec<(String, Range<usize>)> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (n, _) in lines.iter().enumerate().filter(|(_, line)| line.side != Side::Both) {
        let around = n.saturating_sub(CONTEXT)..(n + 1 + CONTEXT).min(lines.len());
        match ranges.last_mut() {
            Some(last) if around.start <= last.end => last.end = around.end,
            _ => ranges.push(around),
        }
    }
    let mut passed = [0, 0];
    let mut at = 0;
    let count = |range: Range<usize>, other: Side| {
        lines.get(range).unwrap_or_default().iter().filter(|line| line.side != other).count()
    };
    let mut hunks = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut place = |n: usize, other: Side| {
            passed[n] += count(at..range.start, other);
            let len = count(range.clone(), other);
            // Where there are no lines, it is the line before that is named.
            let start = passed[n] + usize::from(len > 0);
            passed[n] += len;
            format!("{start},{len}")
        };
        let (old, new) = (place(0, Side::New), place(1, Side::Old));
        at = range.end;
        hunks.push((format!("@@ -{old} +{new} @@"), range));
    }
    hunks
}

type Sorted<'a> = (&'a Service, Vec<&'a Dest>);

fn services(table: &Table) -> Vec<Sorted<'_>> {
    let mut services: Vec<Sorted<'_>> =
        table.services.iter().map(|(service, dests)| (service, dests.iter().collect())).collect();
    services.sort_by_key(|(s, _)| s.key);
    for (_, dests) in &mut services {
        dests.sort_by_key(|d| d.key);
    }
    services
}

/// Walks along two sorted lists: each key once, with what either has of it.
fn merge<T, K: Ord>(
    old: &[T],
    new: &[T],
    key: impl Fn(&T) -> K,
    mut visit: impl FnMut(Option<&T>, Option<&T>),
) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => key(a).cmp(&key(b)),
        };
        match order {
            Ordering::Less => visit(old.next(), None),
            Ordering::Greater => visit(None, new.next()),
            Ordering::Equal => visit(old.next(), new.next()),
        }
    }
}

fn pair<'a>(lines: &mut Vec<Line<'a>>, old: Option<Rule<'a>>, new: Option<Rule<'a>>) {
    let sides = match (old, new) {
        (Some(old), Some(new)) if old == new => [Some((Side::Both, new)), None],
        (old, new) => [old.map(|rule| (Side::Old, rule)), new.map(|rule| (Side::New, rule))],
    };
    lines.extend(sides.into_iter().flatten().map(|(side, rule)| Line { side, rule }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::names::Numeric;
    use crate::ipvs::rules::Rules;

    fn table(text: &str) -> Table {
        Rules::parse(text.as_bytes(), &Numeric).unwrap().table
    }

    fn unified(old: &str, new: &str) -> String {
        let (old, new) = (table(old), table(new));
        let lines = lines(&old, &new);
        let text = |(head, range): (String, Range<usize>)| {
            let lines: Vec<String> = lines[range].iter().map(ToString::to_string).collect();
            format!("{head}\n{}\n", lines.join("\n"))
        };
        hunks(&lines).into_iter().map(text).collect()
    }

    #[test]
    fn the_order_means_nothing() {
        let a =
            "-A -f 1\n-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.2\n-a -t 192.0.2.1:80 -r 10.0.0.1\n";
        let b =
            "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1\n-a -t 192.0.2.1:80 -r 10.0.0.2\n-A -f 1\n";
        assert_eq!(unified(a, b), "");
        assert_eq!(unified("", ""), "");
    }

    #[test]
    fn what_only_one_has_with_lines_around() {
        let rules = |weights: &[u32]| {
            let dest = |(n, w)| format!("-a -t 192.0.2.1:80 -r 10.0.0.{n}:80 -w {w}\n");
            format!("-A -t 192.0.2.1:80\n{}", weights.iter().enumerate().map(dest).collect::<String>())
        };
        let (old, new) =
            (rules(&[1; 20]), rules(&[1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
        let text = unified(&old, &new);
        let expected = "\
@@ -4,7 +4,7 @@
 -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1
 -a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1
 -a -t 192.0.2.1:80 -r 10.0.0.4:80 -g -w 1
--a -t 192.0.2.1:80 -r 10.0.0.5:80 -g -w 1
+-a -t 192.0.2.1:80 -r 10.0.0.5:80 -g -w 2
 -a -t 192.0.2.1:80 -r 10.0.0.6:80 -g -w 1
 -a -t 192.0.2.1:80 -r 10.0.0.7:80 -g -w 1
 -a -t 192.0.2.1:80 -r 10.0.0.8:80 -g -w 1
@@ -19,3 +19,4 @@
 -a -t 192.0.2.1:80 -r 10.0.0.17:80 -g -w 1
 -a -t 192.0.2.1:80 -r 10.0.0.18:80 -g -w 1
 -a -t 192.0.2.1:80 -r 10.0.0.19:80 -g -w 1
+-a -t 192.0.2.1:80 -r 10.0.0.20:80 -g -w 1
";
        assert_eq!(text, expected);
    }

    #[test]
    fn whole_services() {
        let text = unified("-A -t 192.0.2.1:80\n", "-A -f 5 -s rr\n-a -f 5 -r 10.0.0.1:0\n");
        let expected = "\
@@ -1,1 +1,2 @@
--A -t 192.0.2.1:80 -s wlc
+-A -f 5 -s rr
+-a -f 5 -r 10.0.0.1:0 -g -w 1
";
        assert_eq!(text, expected);
        assert_eq!(unified("", "-A -f 5 -s rr"), "@@ -0,0 +1,1 @@\n+-A -f 5 -s rr\n");
    }
}
