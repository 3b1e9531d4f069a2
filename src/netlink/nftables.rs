//! nftables over netlink (`nfnetlink`): tables, chains, rules, sets and their elements, in transactions: everything of one
//! is there at once, or nothing. Only writing, and only what is needed here.
//!
//! ```text
//! NFNL_MSG_BATCH_BEGIN │ NFT_MSG_… │ NFT_MSG_… │ … │ NFNL_MSG_BATCH_END
//! ```
//!
//! Each message has a `struct nfgenmsg` (family, version, the subsystem in network order) behind its netlink header. Other
//! than elsewhere in netlink, numbers in attributes are in network order (`include/uapi/linux/netfilter/nf_tables.h`).

use super::message::{Batch, CREATE, Request};
use super::socket::{Error, Protocol, Socket};

/// `NFNL_MSG_BATCH_BEGIN`, `NFNL_MSG_BATCH_END`
const BEGIN: u16 = 0x10;
const END: u16 = 0x11;
/// `NFNL_SUBSYS_NFTABLES`
const SUBSYSTEM: u16 = 10;
/// `NFT_MSG_*`
const NEW_TABLE: u16 = 0;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const NEW_SET: u16 = 9;
const NEW_ELEMENTS: u16 = 12;
const DELETE_ELEMENTS: u16 = 14;
/// `NLM_F_APPEND`
const APPEND: u16 = 0x800;
/// So many elements a message.
const ELEMENTS: usize = 512;
/// `NFTA_LIST_ELEM`
const LIST_ELEMENT: u16 = 1;
/// `NFTA_DATA_VALUE`, `NFTA_DATA_VERDICT`
const VALUE: u16 = 1;
const VERDICT: u16 = 2;
/// `NFT_SET_MAP`, `NFT_SET_CONCAT`
const MAP: u32 = 8;
const CONCATENATION: u32 = 128;

/// The address family of a table (`NFPROTO_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// Packets of IPv4: `ip`.
    V4 = 2,
    /// Packets of IPv6: `ip6`.
    V6 = 10,
}

/// Where a base chain sees packets (`NF_INET_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Packets for this host.
    Input = 1,
    /// Packets of this host.
    Output = 3,
}

/// What a set's keys are. The numbers are those of the `nft` program, which shows them by it; the kernel knows the lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `ipv4_addr`
    V4Address,
    /// `ipv6_addr`
    V6Address,
    /// `iface_index`
    Interface,
    /// `ipv6_addr . iface_index`
    V6AddressOnInterface,
    /// `ipv4_addr . inet_service`: the port is followed by two bytes of 0.
    V4Service,
    /// `ipv6_addr . inet_service`: the same.
    V6Service,
    /// `mark`
    Mark,
}

impl Key {
    const fn kind(self) -> u32 {
        match self {
            Key::V4Address => 7,
            Key::V6Address => 8,
            Key::Interface => 20,
            Key::V6AddressOnInterface => 8 << 6 | 20,
            Key::V4Service => 7 << 6 | 13,
            Key::V6Service => 8 << 6 | 13,
            Key::Mark => 19,
        }
    }

    /// Of its bytes: the machine's, or that of the network.
    const fn order(self) -> u32 {
        match self {
            Key::Interface | Key::Mark => 1,
            Key::V4Address | Key::V6Address | Key::V6AddressOnInterface | Key::V4Service | Key::V6Service => {
                2
            }
        }
    }

    const fn len(self) -> u32 {
        match self {
            Key::V4Address | Key::Interface | Key::Mark => 4,
            Key::V4Service => 8,
            Key::V6Address => 16,
            Key::V6AddressOnInterface | Key::V6Service => 20,
        }
    }

    /// The lengths of its parts, where it has several.
    const fn parts(self) -> &'static [u32] {
        match self {
            Key::V6AddressOnInterface => &[16, 4],
            Key::V4Service => &[4, 2],
            Key::V6Service => &[16, 2],
            Key::V4Address | Key::V6Address | Key::Interface | Key::Mark => &[],
        }
    }
}

/// A register of 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// The first.
    One = 1,
    /// The second, right behind it.
    Two = 2,
    /// The second four bytes of the first.
    SecondOfOne = 9,
}

/// Where in a packet something is (`NFT_PAYLOAD_*_HEADER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// IP's.
    Network = 1,
    /// That of what IP carries.
    Transport = 2,
}

/// What is known of a packet beside its bytes (`NFT_META_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    /// The index of the interface by which it came.
    InputInterface = 4,
    /// The index of the interface by which it leaves.
    OutputInterface = 5,
    /// Which protocol IP carries.
    Protocol = 16,
    /// The kind of the interface by which it leaves, as 16 bytes of text.
    OutputKind = 27,
}

/// A step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression<'a> {
    /// Bytes of the packet, into a register.
    Payload(Header, u32, u32, Register),
    /// Something else of the packet, into a register.
    Meta(Meta, Register),
    /// The rule goes on if the register holds this.
    Equals(Register, &'a [u8]),
    /// Of the register only these bits.
    Masked(Register, &'a [u8]),
    /// The rule goes on if a set has what begins in this register.
    In(Register, &'a str),
    /// The rule goes on if a map has the register's value as key; its value goes into another register.
    Mapped(Register, &'a str, Register),
    /// A copy of the packet leaves by the interface in the second register, for the address in the first.
    Duplicate(Register, Register),
    /// The packet's firewall mark is what is in this register from now on.
    SetMark(Register),
    /// Count the packet.
    Counter,
    /// No further rule of this chain.
    Return,
    /// Drop it.
    Drop,
    /// Take it.
    Accept,
    /// Go on in another chain, for good.
    Goto(&'a str),
}

/// Changes that are made together.
#[derive(Debug, Default)]
pub struct Transaction {
    batch: Batch,
    sets: u32,
}

impl Transaction {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Transaction {
        let mut batch = Batch::new();
        batch.begin(BEGIN, 0).bytes(&[0, 0, 0, SUBSYSTEM as u8]);
        Transaction { batch, sets: 0 }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.len() <= 1
    }

    fn message(&mut self, kind: u16, flags: u16, family: Family, table: &str) -> Request<'_> {
        let mut request = self.batch.begin(SUBSYSTEM << 8 | kind, flags);
        request.bytes(&[family as u8, 0, 0, 0]).attr_str(1, table);
        request
    }

    /// A table; one that is there stays.
    pub fn table(&mut self, family: Family, table: &str) {
        self.message(NEW_TABLE, CREATE, family, table);
    }

    /// Removes a table with all that is in it, and fails where there is none.
    pub fn delete_table(&mut self, family: Family, table: &str) {
        self.message(DELETE_TABLE, 0, family, table);
    }

    /// A set; with `data` a map.
    pub fn set(&mut self, family: Family, table: &str, name: &str, key: Key, data: Option<Key>) {
        self.sets += 1;
        let id = self.sets;
        let flags = if data.is_some() { MAP } else { 0 };
        let flags = flags | if key.parts().is_empty() { 0 } else { CONCATENATION };
        let mut request = self.message(NEW_SET, CREATE, family, table);
        request.attr_str(2, name).attr_be32(3, flags).attr_be32(4, key.kind()).attr_be32(5, key.len());
        if let Some(data) = data {
            request.attr_be32(6, data.kind()).attr_be32(7, data.len());
        }
        request.attr_be32(10, id);
        // For the `nft` program, which can't know otherwise how to read indexes.
        let orders = [(0_u8, Some(key)), (1, data)];
        let orders = orders.into_iter().filter_map(|(what, key)| key.map(|key| (what, key.order())));
        let user: Vec<u8> =
            orders.flat_map(|(what, order)| [what, 4].into_iter().chain(order.to_ne_bytes())).collect();
        request.attr(13, &user);
        if !key.parts().is_empty() {
            request.nested(9, |description| {
                description.nested(2, |parts| {
                    for len in key.parts() {
                        parts.nested(LIST_ELEMENT, |part| {
                            part.attr_be32(1, *len);
                        });
                    }
                });
            });
        }
    }

    /// A chain; with a hook and a priority a base chain, whose policy is to accept.
    pub fn chain(&mut self, family: Family, table: &str, name: &str, hook: Option<(Hook, i32)>) {
        let mut request = self.message(NEW_CHAIN, CREATE, family, table);
        request.attr_str(3, name);
        if let Some((hook, priority)) = hook {
            request.nested(4, |nested| {
                nested.attr_be32(1, hook as u32).attr_be32(2, priority.cast_unsigned());
            });
            request.attr_str(7, "filter");
        }
    }

    /// A rule at the end of a chain.
    pub fn rule(&mut self, family: Family, table: &str, chain: &str, steps: &[Expression<'_>]) {
        let mut request = self.message(NEW_RULE, CREATE | APPEND, family, table);
        request.attr_str(2, chain).nested(4, |list| {
            for step in steps {
                list.nested(LIST_ELEMENT, |element| expression(element, step));
            }
        });
    }

    /// Elements of a set: added (those that are there stay), or removed (all must be there). With data, for a map.
    pub fn elements<'a>(
        &mut self,
        family: Family,
        table: &str,
        set: &str,
        add: bool,
        elements: &[(&'a [u8], Option<&'a [u8]>)],
    ) {
        let (kind, flags) = if add { (NEW_ELEMENTS, CREATE) } else { (DELETE_ELEMENTS, 0) };
        for some in elements.chunks(ELEMENTS) {
            let mut request = self.message(kind, flags, family, table);
            request.attr_str(2, set).nested(3, |list| {
                for (key, data) in some {
                    list.nested(LIST_ELEMENT, |element| {
                        value(element, 1, key);
                        if let Some(data) = data {
                            value(element, 2, data);
                        }
                    });
                }
            });
        }
    }
}

/// `NFTA_DATA_VALUE` in an attribute.
fn value(request: &mut Request<'_>, kind: u16, bytes: &[u8]) {
    request.nested(kind, |nested| {
        nested.attr(VALUE, bytes);
    });
}

/// `NFTA_EXPR_NAME` and `NFTA_EXPR_DATA`.
fn expression(request: &mut Request<'_>, step: &Expression<'_>) {
    let name = match step {
        Expression::Payload(..) => "payload",
        Expression::Meta(..) | Expression::SetMark(_) => "meta",
        Expression::Equals(..) => "cmp",
        Expression::Masked(..) => "bitwise",
        Expression::In(..) | Expression::Mapped(..) => "lookup",
        Expression::Duplicate(..) => "dup",
        Expression::Counter => "counter",
        Expression::Drop | Expression::Accept | Expression::Return | Expression::Goto(_) => "immediate",
    };
    request.attr_str(1, name).nested(2, |data| match step {
        Expression::Payload(header, offset, len, register) => {
            data.attr_be32(1, *register as u32).attr_be32(2, *header as u32);
            data.attr_be32(3, *offset).attr_be32(4, *len);
        }
        Expression::Meta(meta, register) => {
            data.attr_be32(1, *register as u32).attr_be32(2, *meta as u32);
        }
        Expression::Equals(register, bytes) => {
            // `NFT_CMP_EQ`
            data.attr_be32(1, *register as u32).attr_be32(2, 0);
            value(data, 3, bytes);
        }
        Expression::Masked(register, mask) => {
            let len = u32::try_from(mask.len()).unwrap_or_default();
            data.attr_be32(1, *register as u32).attr_be32(2, *register as u32).attr_be32(3, len);
            value(data, 4, mask);
            value(data, 5, &vec![0; mask.len()]);
        }
        Expression::In(register, set) => {
            data.attr_str(1, set).attr_be32(2, *register as u32);
        }
        Expression::Mapped(register, map, to) => {
            data.attr_str(1, map).attr_be32(2, *register as u32).attr_be32(3, *to as u32);
        }
        Expression::Duplicate(address, interface) => {
            data.attr_be32(1, *address as u32).attr_be32(2, *interface as u32);
        }
        Expression::SetMark(register) => {
            // `NFT_META_MARK`
            data.attr_be32(2, 3).attr_be32(3, *register as u32);
        }
        Expression::Counter => {}
        // `NF_DROP`, `NF_ACCEPT`, `NFT_RETURN`, `NFT_GOTO`
        Expression::Drop => verdict(data, 0, None),
        Expression::Accept => verdict(data, 1, None),
        Expression::Return => verdict(data, -5, None),
        Expression::Goto(chain) => verdict(data, -4, Some(chain)),
    });
}

fn verdict(request: &mut Request<'_>, code: i32, chain: Option<&str>) {
    // `NFT_REG_VERDICT`
    request.attr_be32(1, 0).nested(2, |data| {
        data.nested(VERDICT, |verdict| {
            verdict.attr_be32(1, code.cast_unsigned());
            if let Some(chain) = chain {
                verdict.attr_str(2, chain);
            }
        });
    });
}

/// A connection to nftables of one network namespace.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
}

impl Client {
    /// Connects to the calling thread's network namespace.
    ///
    /// # Errors
    /// [`Error::Open`]: the kernel has no nfnetlink.
    pub fn open() -> Result<Client, Error> {
        Ok(Client { socket: Socket::open(Protocol::Netfilter)? })
    }

    /// Carries a transaction out, as a whole or not at all.
    ///
    /// # Errors
    /// Why not: the first message that was refused.
    pub fn commit(&mut self, mut transaction: Transaction) -> Result<(), Error> {
        if transaction.is_empty() {
            return Ok(());
        }
        transaction.batch.begin(END, 0).bytes(&[0, 0, 0, SUBSYSTEM as u8]);
        self.socket.transact(&mut transaction.batch)
    }
}
