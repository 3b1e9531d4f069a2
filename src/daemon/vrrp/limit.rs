//! Which of many lines that say the same are written.
//!
//! Anybody on the link can send packets that are refused, from any number of forged sources. So lines are limited for
//! each group (an instance, and the rule that was broken), and within it for each source. A flood of one kind takes no
//! room from another kind or another instance; and within a group, sources that are known as peers have places of
//! their own: the peer whose password is wrong is named, however many strangers guess. What is not written is counted,
//! and how many they were is written.

use crate::time::Instant;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// A source is written of so often.
const PAUSE: Duration = Duration::from_secs(60);
/// A source that has fallen silent is waited for so long, before what was left out of it is written.
const SILENCE: Duration = Duration::from_secs(90);
/// Sources a group that are written of in that time: strangers, and peers beside them.
const STRANGERS: usize = 8;
const PEERS: usize = 8;
/// Groups of which nothing is left to be said are forgotten from this number on.
const GROUPS: usize = 256;

/// Counts what comes in groups `G`.
#[derive(Debug)]
pub(super) struct Limiter<G, T> {
    groups: HashMap<G, Lines<T>>,
    /// When something that was left out is to be written, at the earliest.
    due_at: Option<Instant>,
    tidied_at: Instant,
}

#[derive(Debug)]
struct Lines<T> {
    sources: HashMap<IpAddr, Source>,
    /// How many were left out of sources that have no place, and since when.
    others: u64,
    others_since: Instant,
    /// The last that was left out.
    last: T,
}

#[derive(Debug)]
struct Source {
    is_peer: bool,
    written_at: Instant,
    left_out: u64,
}

impl<G, T> Default for Limiter<G, T> {
    fn default() -> Self {
        Limiter { groups: HashMap::new(), due_at: None, tidied_at: Instant::ZERO }
    }
}

impl<G: Clone + Eq + Hash, T: Clone> Limiter<G, T> {
    /// `count` of them came from `source`. `Some` if it is to be written now, with how many of its like were left out
    /// since the last line.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        group: &G,
        source: IpAddr,
        is_peer: bool,
        what: T,
    ) -> Option<u64> {
        if self.groups.len() >= GROUPS && now - self.tidied_at >= PAUSE {
            self.tidied_at = now;
            self.groups.retain(|_, lines| lines.others > 0 || !lines.is_idle(now));
        }
        let lines = match self.groups.get_mut(group) {
            Some(lines) => lines,
            None => self.groups.entry(group.clone()).or_insert_with(|| Lines {
                sources: HashMap::new(),
                others: 0,
                others_since: now,
                last: what.clone(),
            }),
        };
        if let Some(known) = lines.sources.get_mut(&source) {
            known.is_peer |= is_peer;
            if now - known.written_at < PAUSE {
                known.left_out += 1;
                lines.last = what;
                let due = known.written_at + SILENCE;
                self.due_at = Some(self.due_at.map_or(due, |at| at.min(due)));
                return None;
            }
            known.written_at = now;
            return Some(std::mem::take(&mut known.left_out));
        }
        if !lines.has_place(is_peer) {
            lines.sources.retain(|_, s| s.left_out > 0 || now - s.written_at < PAUSE);
        }
        if !lines.has_place(is_peer) {
            if lines.others == 0 {
                lines.others_since = now;
            }
            lines.others += 1;
            lines.last = what;
            let due = lines.others_since + PAUSE;
            self.due_at = Some(self.due_at.map_or(due, |at| at.min(due)));
            return None;
        }
        lines.sources.insert(source, Source { is_peer, written_at: now, left_out: 0 });
        Some(0)
    }

    /// What was left out and is to be written now: of which group, how many, and the last of them.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(G, u64, T)> {
        if self.due_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.take(|since, pause| now - since >= pause, now)
    }

    /// Everything that was left out, at the end.
    pub(super) fn rest(&mut self, now: Instant) -> Vec<(G, u64, T)> {
        self.take(|_, _| true, now)
    }

    fn take(&mut self, is_due: impl Fn(Instant, Duration) -> bool, now: Instant) -> Vec<(G, u64, T)> {
        let mut due = Vec::new();
        let mut next: Option<Instant> = None;
        for (group, lines) in &mut self.groups {
            let mut count = 0;
            if lines.others > 0 && is_due(lines.others_since, PAUSE) {
                count += std::mem::take(&mut lines.others);
            }
            for source in lines.sources.values_mut() {
                if source.left_out > 0 && is_due(source.written_at, SILENCE) {
                    count += std::mem::take(&mut source.left_out);
                }
            }
            lines.sources.retain(|_, s| s.left_out > 0 || now - s.written_at < PAUSE);
            if count > 0 {
                due.push((group.clone(), count, lines.last.clone()));
            }
            let waiting = lines.sources.values().filter(|s| s.left_out > 0).map(|s| s.written_at + SILENCE);
            let others = (lines.others > 0).then(|| lines.others_since + PAUSE);
            next = waiting.chain(others).chain(next).min();
        }
        self.due_at = next;
        due
    }
}

impl<T> Lines<T> {
    fn has_place(&self, is_peer: bool) -> bool {
        let taken = self.sources.values().filter(|s| s.is_peer == is_peer).count();
        taken < if is_peer { PEERS } else { STRANGERS }
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.sources.values().all(|s| s.left_out == 0 && now - s.written_at >= PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(1_000_000_000) + Duration::from_secs(seconds)
    }

    fn source(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into()
    }

    type Two = Limiter<&'static str, ()>;

    fn stranger(limiter: &mut Two, seconds: u64, group: &'static str, n: u32) -> Option<u64> {
        limiter.offer(at(seconds), &group, source(n), false, ())
    }

    #[test]
    fn one_source_is_written_once_a_minute_with_what_was_left_out() {
        let mut limiter = Two::default();
        let written: Vec<_> = (0..=120).filter_map(|s| stranger(&mut limiter, s, "a", 1)).collect();
        assert_eq!(written, [0, 59, 59]);
        assert_eq!(limiter.due(at(121)), []);
    }

    #[test]
    fn a_flood_of_forged_sources_leaves_room_for_other_groups_and_for_peers_and_is_counted() {
        let mut limiter = Two::default();
        let mut lines = 0;
        for n in 0..100_000 {
            lines += u32::from(stranger(&mut limiter, 0, "a", n).is_some());
        }
        assert_eq!(lines, STRANGERS as u32);
        assert_eq!(stranger(&mut limiter, 1, "b", 7), Some(0), "another rule, or another instance");
        let peer = source(999_999);
        assert_eq!(limiter.offer(at(1), &"a", peer, true, ()), Some(0), "a peer is named");
        assert_eq!(limiter.offer(at(2), &"a", peer, true, ()), None);
        assert!(limiter.groups["a"].sources.len() <= STRANGERS + PEERS);
        assert_eq!(limiter.due(at(59)), []);
        assert_eq!(limiter.due(at(60)), [("a", 100_000 - STRANGERS as u64, ())]);
        assert_eq!(stranger(&mut limiter, 61, "a", 5), Some(0), "the places are free again");
        assert_eq!(limiter.due(at(91)), [("a", 1, ())], "of the peer, which has fallen silent");
        assert_eq!(limiter.due(at(1000)), []);
    }

    #[test]
    fn nothing_is_left_uncounted_whatever_comes_when() {
        let mut limiter = Limiter::<u32, ()>::default();
        let (mut offered, mut told) = (0, 0);
        for step in 0_u32..50_000 {
            // Some sources often, many once, in three groups.
            let n = if step % 3 == 0 { step % 7 } else { step };
            let now = at(u64::from(step / 40));
            offered += 1;
            let written = limiter.offer(now, &(step % 3), source(n), step % 11 == 0, ());
            told += written.map_or(0, |left_out| left_out + 1);
            told += limiter.due(now).iter().map(|(_, count, ())| count).sum::<u64>();
        }
        told += limiter.rest(at(10_000)).iter().map(|(_, count, ())| count).sum::<u64>();
        assert_eq!(told, offered);
    }

    #[test]
    fn groups_that_have_nothing_to_say_are_forgotten() {
        let mut limiter = Limiter::<u32, ()>::default();
        for group in 0..100_000 {
            let _ = limiter.offer(at(u64::from(group)), &group, source(1), false, ());
        }
        assert!(limiter.groups.len() <= GROUPS + 60, "{}", limiter.groups.len());
    }
}
