//! The wire form of IPVS: the generic netlink family of the kernel's `include/uapi/linux/ip_vs.h`.
//!
//! [`encode`] appends requests to a batch without an allocation of their own; [`decode`] reads the kernel's replies
//! in place. Neither knows of sockets, sequence numbers or acknowledgements.
//!
//! ```text
//! nlmsghdr │ genlmsghdr: Command, version 1 │ CommandAttr ─┬─ Service ── ServiceAttr … ── StatsAttr …
//!                                                          ├─ Dest ───── DestAttr …    ── StatsAttr …
//!                                                          ├─ Daemon ─── DaemonAttr …
//!                                                          └─ TimeoutTcp, TimeoutTcpFin, TimeoutUdp
//! ```
//!
//! Ports are in network order, addresses 16 bytes for both families, everything else in the machine's order.

pub mod decode;
pub mod encode;
pub(crate) mod number;

#[cfg(test)]
mod tests;

/// `IPVS_GENL_NAME`
pub const FAMILY: &str = "IPVS";
/// `IPVS_GENL_VERSION`
pub(crate) const VERSION: u8 = 1;
