//! Settings of interfaces as the kernel tells of them: whether it forwards. netlink-packet-route has no type for them.

use crate::netlink::message::{Malformed, Message};

/// `RTM_NEWNETCONF`
pub(super) const NEW: u16 = 80;

/// Length of `netconfmsg`, with its padding.
const HEADER: usize = 4;
/// `NETCONFA_*` (`include/uapi/linux/netconf.h`).
const IFINDEX: u16 = 1;
const FORWARDING: u16 = 2;

/// The interface whose forwarding of IPv6 packets is told, and whether it does; `None` for what concerns other
/// settings, another family, or no interface that exists (the settings of all, and of those to come).
pub(super) fn read(message: &Message<'_>) -> Result<Option<(u32, bool)>, Malformed> {
    let family = message.payload.first().copied();
    let (mut interface, mut forwards) = (None, None);
    for attribute in message.attributes(HEADER)? {
        let attribute = attribute?;
        match attribute.kind {
            IFINDEX => interface = attribute.u32().filter(|&index| i32::try_from(index).is_ok_and(|i| i > 0)),
            FORWARDING => forwards = attribute.u32().map(|value| value != 0),
            _ => {}
        }
    }
    let is_v6 = family.map(i32::from) == Some(libc::AF_INET6);
    Ok(interface.zip(forwards).filter(|_| is_v6))
}
