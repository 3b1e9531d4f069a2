//! A value that is the default one in most of thousands of instances: it takes a word then, and otherwise one that copies share.
//!
//! It reads and writes as the value itself. The value is made by the first write, and stays.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

/// What has one default value for all who need it.
pub trait Usual: Clone + Default + 'static {
    /// Where that is kept.
    fn usual() -> &'static OnceLock<Self>;
}

/// See the module.
pub struct Rare<T>(Option<Arc<T>>);

impl<T> Clone for Rare<T> {
    fn clone(&self) -> Self {
        Rare(self.0.clone())
    }
}

impl<T: Usual> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::usual().get_or_init(T::default))
    }
}

impl<T: Usual> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl<T: Usual> Rare<T> {
    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Rare(None)
    }
}

impl<T: Usual + PartialEq> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        let is_usual = value == *T::usual().get_or_init(T::default);
        Rare((!is_usual).then(|| Arc::new(value)))
    }
}

impl<T> FromIterator<T> for Rare<Vec<T>>
where
    Vec<T>: Usual + PartialEq,
{
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl<T: Usual + PartialEq> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Usual + Eq> Eq for Rare<T> {}

impl<T: Usual + Hash> Hash for Rare<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: Usual + PartialEq> PartialEq<T> for Rare<T> {
    fn eq(&self, other: &T) -> bool {
        **self == *other
    }
}

impl<T: Usual + fmt::Debug> fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Usual + Serialize> Serialize for Rare<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Usual + PartialEq + Deserialize<'de>> Deserialize<'de> for Rare<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Rare::from)
    }
}

/// Keeps the default value of a type.
macro_rules! usual {
    ($type:ty) => {
        impl $crate::vrrp::rare::Usual for $type {
            fn usual() -> &'static std::sync::OnceLock<Self> {
                static USUAL: std::sync::OnceLock<$type> = std::sync::OnceLock::new();
                &USUAL
            }
        }
    };
}

pub(in crate::vrrp) use usual;

usual!(Option<IpAddr>);
usual!(Option<String>);

#[cfg(test)]
mod tests {
    use super::Rare;

    #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Many {
        numbers: [u64; 16],
    }

    usual!(Many);

    #[test]
    fn it_reads_and_writes_as_the_value_and_takes_a_word_while_it_is_the_usual_one() {
        assert_eq!(size_of::<Rare<Many>>(), size_of::<usize>());
        let mut rare = Rare::<Many>::default();
        assert_eq!((rare.numbers, rare.0.is_none()), ([0; 16], true));
        rare.numbers[3] = 7;
        assert_eq!(rare.numbers[3], 7);
        let text = serde_json::to_string(&rare).unwrap();
        assert_eq!(text, serde_json::to_string(&*rare).unwrap());
        assert_eq!(serde_json::from_str::<Rare<Many>>(&text).unwrap(), rare);
        rare.numbers[3] = 0;
        assert_eq!(rare, Rare::default(), "equal by value");
        assert!(Rare::from(Many::default()).0.is_none());
    }
}
