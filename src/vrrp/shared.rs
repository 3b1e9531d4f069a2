//! A value that many own and none changes: names, lists of addresses. An `Arc` that can be recorded and replayed.
//!
//! Actions carry the name of their instance and its addresses; an advert every hundredth of a second must not copy them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A shared, immutable value; copying it is cheap.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shared<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> Shared<[T]> {
    /// The value, to be changed; a copy of it where others own it too.
    pub fn make_mut(&mut self) -> &mut [T] {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: ?Sized> Shared<T> {
    /// Whether both are one value, kept once.
    #[must_use]
    pub fn is(&self, other: &Shared<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Shared<str> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A map keyed by it can be asked with the plain value.
impl<T: ?Sized> Borrow<T> for Shared<T> {
    fn borrow(&self) -> &T {
        &self.0
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Shared(Arc::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ?Sized, F> From<F> for Shared<T>
where
    Arc<T>: From<F>,
{
    fn from(value: F) -> Self {
        Shared(value.into())
    }
}

impl<T> Default for Shared<[T]> {
    fn default() -> Self {
        Shared(Arc::default())
    }
}

impl<T> FromIterator<T> for Shared<[T]> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter().peekable();
        // All empty lists are one.
        if items.peek().is_none() { Shared::default() } else { Shared(items.collect()) }
    }
}

impl<T: ?Sized + Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Shared<T>
where
    Box<T>: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<T>::deserialize(deserializer).map(|value| Shared(value.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_recorded_as_the_value_it_holds() {
        let name: Shared<str> = "VI".into();
        let list: Shared<[u8]> = [1, 2].into();
        let text = serde_json::to_string(&(&name, &list)).unwrap();
        assert_eq!(text, r#"["VI",[1,2]]"#);
        assert_eq!(serde_json::from_str::<(Shared<str>, Shared<[u8]>)>(&text).unwrap(), (name, list));
    }
}
