//! Addresses that something happened to, as a line of the log can hold them.

use super::Name;
use crate::net::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;

/// So many are named.
pub(super) const NAMED: usize = 8;

/// Addresses: how many, and some of them by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressList {
    count: u32,
    named: Vec<(IpNet, Name)>,
}

impl AddressList {
    /// One address, and its interface.
    #[must_use]
    pub fn one(net: IpNet, interface: Name) -> AddressList {
        AddressList { count: 1, named: vec![(net, interface)] }
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// These, too.
    pub fn add(&mut self, others: AddressList) {
        self.count += others.count;
        let room = NAMED.saturating_sub(self.named.len());
        self.named.extend(others.named.into_iter().take(room));
    }
}

impl fmt::Display for AddressList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count > 1 {
            write!(f, "{} addresses: ", self.count)?;
        }
        let mut named = self.named.iter().peekable();
        while let Some((net, interface)) = named.next() {
            write!(f, "{net}")?;
            match named.peek() {
                Some((_, next)) if next == interface => write!(f, ", ")?,
                Some(_) => write!(f, " on {interface}, ")?,
                None => write!(f, " on {interface}")?,
            }
        }
        match self.count as usize - self.named.len() {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_named_as_a_line_can_hold() {
        let one = |n: u8, interface: &str| {
            AddressList::one(format!("10.0.0.{n}/32").parse().unwrap(), interface.into())
        };
        let mut list = one(1, "eth0");
        assert_eq!(list.to_string(), "10.0.0.1/32 on eth0");
        list.add(one(2, "eth0"));
        list.add(one(3, "eth1"));
        assert_eq!(list.to_string(), "3 addresses: 10.0.0.1/32, 10.0.0.2/32 on eth0, 10.0.0.3/32 on eth1");
        (4..=11).for_each(|n| list.add(one(n, "eth1")));
        assert!(list.to_string().starts_with("11 addresses: 10.0.0.1/32, "), "{list}");
        assert!(list.to_string().ends_with("10.0.0.8/32 on eth1, and 3 more"), "{list}");
    }
}
