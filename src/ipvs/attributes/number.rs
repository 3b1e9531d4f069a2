//! The numbers of commands and attributes, named as in `linux/ip_vs.h`, as neli's identifiers.
//!
//! neli's macro adds to each a variant for numbers that a later kernel may invent.

use neli::consts::genl::{Cmd, NlAttrType};
use neli::neli_enum;

/// `IPVS_CMD_*`
#[neli_enum(serialized_type = "u8")]
pub(crate) enum Command {
    NewService = 1,
    SetService = 2,
    DelService = 3,
    GetService = 4,
    NewDest = 5,
    SetDest = 6,
    DelDest = 7,
    GetDest = 8,
    NewDaemon = 9,
    DelDaemon = 10,
    GetDaemon = 11,
    SetConfig = 12,
    GetConfig = 13,
    SetInfo = 14,
    GetInfo = 15,
    Zero = 16,
    Flush = 17,
}
impl Cmd for Command {}

/// `IPVS_CMD_ATTR_*`
#[neli_enum(serialized_type = "u16")]
pub(crate) enum CommandAttr {
    Service = 1,
    Dest = 2,
    Daemon = 3,
    TimeoutTcp = 4,
    TimeoutTcpFin = 5,
    TimeoutUdp = 6,
}
impl NlAttrType for CommandAttr {}

/// `IPVS_SVC_ATTR_*`
#[neli_enum(serialized_type = "u16")]
pub(crate) enum ServiceAttr {
    Af = 1,
    Protocol = 2,
    Addr = 3,
    Port = 4,
    Fwmark = 5,
    SchedName = 6,
    Flags = 7,
    Timeout = 8,
    Netmask = 9,
    Stats = 10,
    PeName = 11,
    Stats64 = 12,
}
impl NlAttrType for ServiceAttr {}

/// `IPVS_DEST_ATTR_*`
#[neli_enum(serialized_type = "u16")]
pub(crate) enum DestAttr {
    Addr = 1,
    Port = 2,
    FwdMethod = 3,
    Weight = 4,
    UThresh = 5,
    LThresh = 6,
    ActiveConns = 7,
    InactConns = 8,
    PersistConns = 9,
    Stats = 10,
    AddrFamily = 11,
    Stats64 = 12,
    TunType = 13,
    TunPort = 14,
    TunFlags = 15,
}
impl NlAttrType for DestAttr {}

/// `IPVS_DAEMON_ATTR_*`
#[neli_enum(serialized_type = "u16")]
pub(crate) enum DaemonAttr {
    State = 1,
    McastIfn = 2,
    SyncId = 3,
    SyncMaxlen = 4,
    McastGroup = 5,
    McastGroup6 = 6,
    McastPort = 7,
    McastTtl = 8,
}
impl NlAttrType for DaemonAttr {}

/// `IPVS_STATS_ATTR_*`
#[neli_enum(serialized_type = "u16")]
pub(crate) enum StatsAttr {
    Conns = 1,
    InPkts = 2,
    OutPkts = 3,
    InBytes = 4,
    OutBytes = 5,
    Cps = 6,
    InPps = 7,
    OutPps = 8,
    InBps = 9,
    OutBps = 10,
    Pad = 11,
}
impl NlAttrType for StatsAttr {}

/// `IPVS_INFO_ATTR_*`
#[neli_enum(serialized_type = "u16")]
pub(crate) enum InfoAttr {
    Version = 1,
    ConnTabSize = 2,
}
impl NlAttrType for InfoAttr {}
