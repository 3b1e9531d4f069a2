//! Reads the table again and again: what a single dump has hidden is not taken for gone.
//!
//! Whoever removes a server while the servers of its service are listed may hide another one from that listing (see
//! [`client`](super::client)). Who reads once can't know; who has read before can: what was there the last time, and is not
//! there now, is looked for again, until nothing more of it turns up. It would take further removals, each at the very
//! same place, to hide it every time.

use crate::ipvs::client::{Client, Error};
use crate::ipvs::model::{DestEntry, DestKey, Reading, ServiceKey};
use std::collections::{HashMap, HashSet};

/// How often it is looked for.
const LOOKS: usize = 8;

/// What was there the last time.
#[derive(Debug, Default)]
pub struct Follower {
    known: HashMap<ServiceKey, Vec<DestKey>>,
}

impl Follower {
    /// The whole table, as [`Client::reading`] gives it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn reading(&mut self, client: &mut Client) -> Result<Reading, Error> {
        let mut reading = client.reading()?;
        let mut known = std::mem::take(&mut self.known);
        for (entry, dests) in &mut reading.services {
            let key = entry.service.key;
            let before = known.remove(&key).unwrap_or_default();
            self.known.insert(key, complete(before, dests, || client.dests(&key))?);
        }
        Ok(reading)
    }

    /// The servers of a service, as [`Client::dests`] gives them.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn dests(&mut self, client: &mut Client, service: &ServiceKey) -> Result<Vec<DestEntry>, Error> {
        let mut dests = client.dests(service)?;
        let before = self.known.remove(service).unwrap_or_default();
        self.known.insert(*service, complete(before, &mut dests, || client.dests(service))?);
        Ok(dests)
    }
}

/// Adds what `dests` lacks of what was there `before`, and is there when one looks `again`; gives the keys of all that
/// is there now.
fn complete<E>(
    mut before: Vec<DestKey>,
    dests: &mut Vec<DestEntry>,
    mut again: impl FnMut() -> Result<Vec<DestEntry>, E>,
) -> Result<Vec<DestKey>, E> {
    // Mostly nothing has changed.
    if before.iter().ne(dests.iter().map(|d| &d.dest.key)) {
        let present: HashSet<DestKey> = dests.iter().map(|d| d.dest.key).collect();
        let mut missing: HashSet<DestKey> =
            before.iter().copied().filter(|key| !present.contains(key)).collect();
        for _ in 0..LOOKS {
            let known = dests.len();
            if !missing.is_empty() {
                dests.extend(again()?.into_iter().filter(|d| missing.remove(&d.dest.key)));
            }
            if dests.len() == known {
                break;
            }
        }
        before.clear();
        before.extend(dests.iter().map(|d| d.dest.key));
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::model::Stats;
    use crate::ipvs::testing::{dest, listed_dest};
    use std::convert::Infallible;

    fn list(servers: &[u8]) -> Vec<DestEntry> {
        servers.iter().map(|&n| listed_dest(dest(n, 1), Stats::default())).collect()
    }

    /// What is there after a first listing, and further ones, each of which has to be asked for.
    fn completed(before: &[u8], first: &[u8], further: &[&[u8]]) -> Vec<DestEntry> {
        let before = list(before).iter().map(|d| d.dest.key).collect();
        let mut dests = list(first);
        let mut asked = further.iter();
        let again = || Ok::<_, Infallible>(list(asked.next().expect("nothing is missing any more")));
        let known = complete(before, &mut dests, again);
        assert_eq!(asked.next(), None, "something may be missing still");
        let keys: Vec<DestKey> = dests.iter().map(|d| d.dest.key).collect();
        assert_eq!(known, Ok(keys));
        dests
    }

    #[test]
    fn what_is_hidden_once_is_there_and_what_is_gone_is_gone() {
        assert_eq!(completed(&[], &[1, 2, 3], &[]), list(&[1, 2, 3]));
        assert_eq!(completed(&[1, 2, 3], &[1, 2, 3], &[]), list(&[1, 2, 3]));
        assert_eq!(completed(&[1, 2], &[2, 1, 3], &[]), list(&[2, 1, 3]));
        assert_eq!(completed(&[1, 2, 3], &[2, 3], &[&[2, 3]]), list(&[2, 3]));
        assert_eq!(completed(&[1, 2], &[], &[&[]]), list(&[]));
        // The second was hidden; the first, which hid it, is gone.
        assert_eq!(completed(&[1, 2, 3], &[3], &[&[2, 3], &[2, 3]]), list(&[3, 2]));
        assert_eq!(completed(&[1, 2, 3], &[1, 3], &[&[2, 3]]), list(&[1, 3, 2]), "nothing else is missing");
        // What came meanwhile is for the next time.
        assert_eq!(completed(&[1, 2], &[2], &[&[4, 2]]), list(&[2]));
        // It ends, whatever happens.
        let all: Vec<u8> = (1..20).collect();
        let looks: Vec<&[u8]> = all.chunks(1).take(LOOKS).collect();
        assert_eq!(completed(&all, &[], &looks), list(&all[..LOOKS]));
    }
}
