//! How much work reading a configuration is, in steps that can be counted: a clock says nothing certain on a busy
//! machine. Only tests count; anywhere else [`add`] is nothing.
//!
//! Whatever a search could walk through counts: words, statements looked at, names looked up. [`Table`] and [`Set`] are
//! how this room looks names up (clippy refuses others here), and walking through one costs as many steps as it has
//! entries. What is searched without a word here, `tests/work` sees: it counts the processor's instructions.

#![allow(clippy::disallowed_types, reason = "what is counted is built on what is not")]

use std::borrow::Borrow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A line that the expansion wrote.
    Line,
    /// A word that the lexer cut.
    Word,
    /// A keyword that was searched for in a block.
    Keyword,
    /// A statement that was walked past, or whose words were asked for.
    Statement,
    /// A name, address or number that was looked up; or an entry of a table that was walked through.
    Name,
    /// A finding.
    Finding,
}

/// Counts steps.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn add(_: Step, _: usize) {}

#[cfg(test)]
pub(super) use counting::{add, count};

#[cfg(test)]
mod counting {
    use super::Step;
    use std::cell::Cell;

    const KINDS: usize = 6;

    thread_local! {
        static STEPS: [Cell<u64>; KINDS] = const { [const { Cell::new(0) }; KINDS] };
    }

    pub(in crate::conf) fn add(step: Step, n: usize) {
        STEPS.with(|s| s[step as usize].set(s[step as usize].get() + n as u64));
    }

    /// What a piece of work takes, by [`Step`].
    pub(in crate::conf) fn count<T>(work: impl FnOnce() -> T) -> ([u64; KINDS], T) {
        let taken = || STEPS.with(|s| std::array::from_fn(|i| s[i].replace(0)));
        let _: [u64; KINDS] = taken();
        let result = work();
        (taken(), result)
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

/// A `HashMap` whose use is counted.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V>(HashMap<K, V>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table(HashMap::new())
    }
}

impl<K: Hash + Eq, V> Table<K, V> {
    pub(super) fn new() -> Table<K, V> {
        Table::default()
    }

    pub(super) fn with_capacity(n: usize) -> Table<K, V> {
        Table(HashMap::with_capacity(n))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        add(Step::Name, 1);
        self.0.get(key)
    }

    pub(super) fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        add(Step::Name, 1);
        self.0.insert(key, value)
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        add(Step::Name, 1);
        self.0.remove(key)
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_values().inspect(|_| add(Step::Name, 1))
    }

    pub(super) fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        add(Step::Name, 1);
        self.0.entry(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().inspect(|_| add(Step::Name, 1))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }
}

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Table(entries.into_iter().inspect(|_| add(Step::Name, 1)).collect())
    }
}

/// A `HashSet` whose use is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set<T: Hash + Eq>(HashSet<T>);

impl<T: Hash + Eq> Default for Set<T> {
    fn default() -> Self {
        Set(HashSet::new())
    }
}

impl<T: Hash + Eq> Set<T> {
    pub(super) fn new() -> Set<T> {
        Set::default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains<Q: Hash + Eq + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        add(Step::Name, 1);
        self.0.contains(value)
    }

    pub(super) fn insert(&mut self, value: T) -> bool {
        add(Step::Name, 1);
        self.0.insert(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().inspect(|_| add(Step::Name, 1))
    }
}

impl<T: Hash + Eq> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Set(values.into_iter().inspect(|_| add(Step::Name, 1)).collect())
    }
}
