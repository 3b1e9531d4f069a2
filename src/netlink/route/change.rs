//! Changes of any kind, which are made in their order in one batch.

use super::address::{self, AddressChange};
use super::fib::{self, Place, Route};
use super::rule::{self, Rule};
use crate::netlink::message::Batch;
use crate::netlink::reply::{Failure, Refusal};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// One change to what the kernel holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// To an address.
    Address(AddressChange),
    /// Adds a route; the same one twice is [`Problem::Exists`].
    AddRoute(Route, Place),
    /// Deletes the first route that has everything this one has, but for the scope.
    DeleteRoute(Route),
    /// Adds a rule; the same one twice is [`Problem::Exists`].
    AddRule(Rule),
    /// Deletes the first rule that has everything this one has.
    DeleteRule(Rule),
}

impl From<AddressChange> for Change {
    fn from(change: AddressChange) -> Change {
        Change::Address(change)
    }
}

impl Change {
    pub(super) fn write(&self, batch: &mut Batch) {
        match self {
            Change::Address(change) => address::change(batch, change),
            Change::AddRoute(route, place) => fib::add(batch, route, *place),
            Change::DeleteRoute(route) => fib::delete(batch, route),
            Change::AddRule(rule) => rule::add(batch, rule),
            Change::DeleteRule(rule) => rule::delete(batch, rule),
        }
    }
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// To be added, but already there (`EEXIST`): whoever wants it there has it.
    #[error("it is already there")]
    Exists,
    /// To be deleted, but not there (`EADDRNOTAVAIL` of addresses, `ESRCH` of routes, `ENOENT` of rules): whoever wants it
    /// gone has that.
    #[error("it is not there")]
    NotThere,
    /// The interface does not exist (any more): `ENODEV`.
    #[error("the interface does not exist")]
    NoInterface,
    /// Any other failure.
    #[error(transparent)]
    Other(Failure),
}

impl Problem {
    pub(super) fn of(change: &Change, failure: Failure) -> Problem {
        let Failure::Refused(Refusal { errno, .. }) = &failure else { return Problem::Other(failure) };
        match (change, errno) {
            (
                Change::Address(AddressChange::Add(_)) | Change::AddRoute(..) | Change::AddRule(_),
                Errno::EEXIST,
            ) => Problem::Exists,
            (Change::Address(AddressChange::Delete(_)), Errno::EADDRNOTAVAIL)
            | (Change::DeleteRoute(_), Errno::ESRCH)
            | (Change::DeleteRule(_), Errno::ENOENT) => Problem::NotThere,
            (_, Errno::ENODEV) => Problem::NoInterface,
            _ => Problem::Other(failure),
        }
    }
}
