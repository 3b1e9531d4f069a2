//! Generic netlink: finding a family's number by its name.
//!
//! The kernel loads the module of a family that is asked for (`net-pf-16-proto-16-family-NAME`) where it can.

use super::message::{Batch, Malformed, Message};
use super::socket::{Error, Socket};
use nix::errno::Errno;

/// Length of `genlmsghdr`: command, version, two reserved bytes.
pub const HEADER: usize = 4;

/// `GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY`, `CTRL_ATTR_*` (`include/uapi/linux/genetlink.h`).
const CONTROLLER: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const ATTR_FAMILY_ID: u16 = 1;
const ATTR_FAMILY_NAME: u16 = 2;
const ATTR_VERSION: u16 = 3;
const ATTR_MAX_ATTRIBUTE: u16 = 5;

/// A family of the running kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The message type of its requests; another one after its module was loaded again.
    pub id: u16,
    /// Its version.
    pub version: u8,
    /// The highest attribute number it knows at the top level; 0 where its commands differ.
    pub max_attribute: u32,
}

/// Why a family has no number.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The kernel has no such family, even after it tried to load its module.
    #[error("this kernel has no generic netlink family {0}")]
    NoSuchFamily(String),
    /// It could not be asked.
    #[error("look up the generic netlink family {name}")]
    Query {
        /// The family.
        name: String,
        /// What went wrong.
        #[source]
        source: Error,
    },
}

/// Looks up the family `name` on a socket of [`super::Protocol::Generic`].
///
/// # Errors
/// [`ResolveError`]
pub fn resolve(socket: &mut Socket, name: &str) -> Result<Family, ResolveError> {
    let mut batch = Batch::new();
    batch.begin_generic(CONTROLLER, 0, GET_FAMILY, 1).attr_str(ATTR_FAMILY_NAME, name);
    let mut found = Err(Malformed);
    let failed = socket.query(&mut batch, |_, message| found = read(&message));
    let result = match failed.into_iter().next() {
        Some(failed) => Err(Error::from(failed.failure)),
        None => found.map_err(Error::from),
    };
    result.map_err(|source| match source.errno() {
        Some(Errno::ENOENT) => ResolveError::NoSuchFamily(name.to_owned()),
        _ => ResolveError::Query { name: name.to_owned(), source },
    })
}

pub(crate) fn read(message: &Message<'_>) -> Result<Family, Malformed> {
    let (mut id, mut version, mut max_attribute) = (None, 0, 0);
    for attribute in message.attributes(HEADER)? {
        let attribute = attribute?;
        match attribute.kind {
            ATTR_FAMILY_ID => id = attribute.u16(),
            ATTR_VERSION => version = attribute.u32().unwrap_or_default() as u8,
            ATTR_MAX_ATTRIBUTE => max_attribute = attribute.u32().unwrap_or_default(),
            _ => {}
        }
    }
    Ok(Family { id: id.ok_or(Malformed)?, version, max_attribute })
}

#[cfg(test)]
mod tests {
    use super::super::socket::Protocol;
    use super::*;

    #[test]
    fn the_controller_finds_itself_and_names_what_is_missing() {
        let mut socket = Socket::open(Protocol::Generic).unwrap();
        let family = resolve(&mut socket, "nlctrl").unwrap();
        assert_eq!(family.id, CONTROLLER);
        let error = resolve(&mut socket, "VIPD_NONE").unwrap_err();
        assert!(matches!(&error, ResolveError::NoSuchFamily(name) if name == "VIPD_NONE"), "{error:?}");
        // The socket is as good as new after a refusal.
        assert!(resolve(&mut socket, "nlctrl").is_ok());
    }

    #[test]
    fn an_answer_without_a_number_or_cut_short_is_malformed() {
        let mut bytes = vec![1, 2, 0, 0];
        bytes.extend_from_slice(&[6, 0, 1, 0, 0x22, 0, 0, 0, 8, 0, 3, 0, 1, 0, 0, 0]);
        let message = |payload| Message { kind: 0x10, flags: 0, sequence: 0, port: 0, payload };
        assert_eq!(read(&message(&bytes)), Ok(Family { id: 0x22, version: 1, max_attribute: 0 }));
        for cut in 0..bytes.len() {
            // Where the cut leaves whole attributes behind, what is left is still an answer.
            assert_eq!(read(&message(&bytes[..cut])).is_ok(), [10, 11, 12].contains(&cut), "cut at {cut}");
        }
    }
}
