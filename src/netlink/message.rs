//! Netlink messages as bytes: requests are appended to one buffer, what the kernel sends is read in place.
//!
//! ```text
//!  0               1               2               3
//! +---------------------------------------------------------------+
//! | nlmsg_len (with this header)                                  |
//! +-------------------------------+-------------------------------+
//! | nlmsg_type                    | nlmsg_flags                   |
//! +-------------------------------+-------------------------------+
//! | nlmsg_seq                                                     |
//! +---------------------------------------------------------------+
//! | nlmsg_pid (port)                                              |
//! +---------------------------------------------------------------+
//! | the family's own header, then attributes, each padded to 4    |
//! +---------------------------------------------------------------+
//! ```
//!
//! Numbers are in the machine's byte order unless a name says `be` (`include/uapi/linux/netlink.h`).

use netlink_packet_core::Emitable;

/// `NLM_F_REQUEST`: set on every request by the engine.
pub const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`: set by the engine where it wants an answer.
pub const ACK: u16 = 0x4;
/// `NLM_F_DUMP_INTR`: the table changed while it was dumped.
pub const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLM_F_DUMP` of a GET request: every object.
pub const DUMP: u16 = 0x300;
/// `NLM_F_REPLACE` of a NEW request.
pub const REPLACE: u16 = 0x100;
/// `NLM_F_EXCL` of a NEW request: it must not exist yet.
pub const EXCLUSIVE: u16 = 0x200;
/// `NLM_F_CREATE` of a NEW request.
pub const CREATE: u16 = 0x400;

/// `NLMSG_NOOP`
pub(crate) const KIND_NOOP: u16 = 1;
/// `NLMSG_ERROR`: an error or, with 0, an acknowledgement.
pub(crate) const KIND_ERROR: u16 = 2;
/// `NLMSG_DONE`: a dump's end.
pub(crate) const KIND_DONE: u16 = 3;
/// `NLMSG_OVERRUN`: data lost.
pub(crate) const KIND_OVERRUN: u16 = 4;

/// Length of `nlmsghdr`.
pub(crate) const HEADER: usize = 16;
/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;
/// What remains of an attribute's type without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
const KIND_MASK: u16 = 0x3fff;

/// Requests in the order they are to be carried out, in one reusable buffer.
///
/// Their index in the batch is how [`super::Failed`] names them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    /// Requests that could not be written: an attribute longer than its 16-bit length can say.
    oversized: Vec<usize>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Number of requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Forgets the requests and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
        self.oversized.clear();
    }

    /// Begins the next request: a message of type `kind` with `flags` (without [`REQUEST`] and [`ACK`], which are
    /// the engine's). It ends where the next one begins.
    pub fn begin(&mut self, kind: u16, flags: u16) -> Request<'_> {
        let start = self.bytes.len();
        self.starts.push(start);
        self.bytes.extend_from_slice(&[0; HEADER]);
        self.bytes[start + 4..start + 6].copy_from_slice(&kind.to_ne_bytes());
        self.bytes[start + 6..start + 8].copy_from_slice(&flags.to_ne_bytes());
        Request { batch: self }
    }

    /// Begins a generic netlink request: [`Batch::begin`], then `genlmsghdr`.
    pub fn begin_generic(&mut self, family: u16, flags: u16, command: u8, version: u8) -> Request<'_> {
        let mut request = self.begin(family, flags);
        request.bytes(&[command, version, 0, 0]);
        request
    }

    /// Where request `index` begins; the end of the bytes for the one after the last.
    pub(crate) fn start(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or(self.bytes.len())
    }

    /// Requests that can't be sent, ascending; they stand in the bytes as messages that do nothing.
    pub(crate) fn oversized(&self) -> &[usize] {
        &self.oversized
    }

    /// The bytes of the requests `from..to`.
    pub(crate) fn range(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[self.start(from)..self.start(to)]
    }

    /// Asks for an answer to this request, which is sealed.
    pub(crate) fn ask_answer(&mut self, index: usize) {
        let start = self.start(index);
        if let Some(flags) = self.bytes.get_mut(start + 6..start + 8).and_then(|b| b.first_chunk_mut::<2>()) {
            *flags = (u16::from_ne_bytes(*flags) | ACK).to_ne_bytes();
        }
    }

    /// Completes the headers of the requests `from..to`: lengths, flags, sequence numbers counting up from
    /// `sequence`, and only the last one (or, with `ack` false, none) asking for an answer.
    pub(crate) fn seal(&mut self, from: usize, to: usize, sequence: u32, ack: bool) {
        for (n, index) in (from..to).enumerate() {
            let start = self.start(index);
            let len = (self.start(index + 1) - start) as u32;
            let header = &mut self.bytes[start..start + HEADER];
            let mut flags = u16::from_ne_bytes([header[6], header[7]]) & !ACK | REQUEST;
            if ack && index + 1 == to {
                flags |= ACK;
            }
            header[0..4].copy_from_slice(&len.to_ne_bytes());
            header[6..8].copy_from_slice(&flags.to_ne_bytes());
            header[8..12].copy_from_slice(&sequence.wrapping_add(n as u32).to_ne_bytes());
            // The port stays 0: the kernel takes it from the socket.
        }
    }
}

/// A request being written; every piece is padded to four bytes.
#[derive(Debug)]
pub struct Request<'a> {
    batch: &'a mut Batch,
}

impl Request<'_> {
    /// Appends bytes as they are: the family's own header.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.batch.bytes.extend_from_slice(bytes);
        self.pad(bytes.len())
    }

    /// Appends a message that a netlink-packet library knows how to write.
    pub fn emit(&mut self, message: &impl Emitable) -> &mut Self {
        let (start, len) = (self.batch.bytes.len(), message.buffer_len());
        self.batch.bytes.resize(start + len, 0);
        message.emit(&mut self.batch.bytes[start..]);
        self.pad(len)
    }

    /// Appends an attribute. Over 65,531 bytes the whole request is given up, and reported as
    /// [`super::Failure::NotSent`] with `EMSGSIZE` when the batch is carried out.
    pub fn attr(&mut self, kind: u16, payload: &[u8]) -> &mut Self {
        let Ok(len) = u16::try_from(payload.len() + 4) else { return self.give_up() };
        let [l0, l1] = len.to_ne_bytes();
        let [k0, k1] = kind.to_ne_bytes();
        self.batch.bytes.extend_from_slice(&[l0, l1, k0, k1]);
        self.bytes(payload)
    }

    /// An attribute of one byte.
    pub fn attr_u8(&mut self, kind: u16, value: u8) -> &mut Self {
        self.attr(kind, &[value])
    }

    /// An attribute of two bytes in the machine's order.
    pub fn attr_u16(&mut self, kind: u16, value: u16) -> &mut Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// An attribute of two bytes in network order.
    pub fn attr_be16(&mut self, kind: u16, value: u16) -> &mut Self {
        self.attr(kind, &value.to_be_bytes())
    }

    /// An attribute of four bytes in network order.
    pub fn attr_be32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attr(kind, &value.to_be_bytes())
    }

    /// An attribute of four bytes in the machine's order.
    pub fn attr_u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// A string with the terminating zero that the kernel's `NLA_NUL_STRING` wants.
    pub fn attr_str(&mut self, kind: u16, value: &str) -> &mut Self {
        let Ok(len) = u16::try_from(value.len() + 5) else { return self.give_up() };
        self.batch.bytes.extend_from_slice(&len.to_ne_bytes());
        self.batch.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.batch.bytes.extend_from_slice(value.as_bytes());
        self.batch.bytes.push(0);
        self.pad(value.len() + 1)
    }

    /// An attribute (`NLA_F_NESTED`) that holds what `inner` writes.
    pub fn nested(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.batch.bytes.len();
        self.attr(kind | NESTED, &[]);
        inner(self);
        match u16::try_from(self.batch.bytes.len().saturating_sub(start)) {
            // Given up within: nothing of this attribute is left.
            Ok(0) => {}
            Ok(len) => {
                if let Some(field) = self.batch.bytes.get_mut(start..start + 2) {
                    field.copy_from_slice(&len.to_ne_bytes());
                }
            }
            Err(_) => return self.give_up(),
        }
        self
    }

    /// Appends a header that begins with the length of itself and of what `inner` writes behind it: `rtnexthop`.
    pub fn measured(&mut self, header: &[u8], inner: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.batch.bytes.len();
        self.bytes(header);
        inner(self);
        match u16::try_from(self.batch.bytes.len().saturating_sub(start)) {
            Ok(0) => {}
            Ok(len) => {
                if let Some(field) = self.batch.bytes.get_mut(start..start + 2) {
                    field.copy_from_slice(&len.to_ne_bytes());
                }
            }
            Err(_) => return self.give_up(),
        }
        self
    }

    fn pad(&mut self, len: usize) -> &mut Self {
        const ZEROS: [u8; 3] = [0; 3];
        self.batch.bytes.extend_from_slice(&ZEROS[..len.wrapping_neg() & 3]);
        self
    }

    /// Turns the request into one that does nothing, and remembers it.
    fn give_up(&mut self) -> &mut Self {
        let Some(index) = self.batch.starts.len().checked_sub(1) else { return self };
        let start = self.batch.starts[index];
        self.batch.bytes.truncate(start + HEADER);
        self.batch.bytes[start + 4..start + 8].fill(0);
        self.batch.bytes[start + 4..start + 6].copy_from_slice(&KIND_NOOP.to_ne_bytes());
        if self.batch.oversized.last() != Some(&index) {
            self.batch.oversized.push(index);
        }
        self
    }
}

/// Bytes that are no netlink message or attribute: a length that is too short or points behind the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed netlink message")]
pub struct Malformed;

/// A message as the kernel sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsg_type`
    pub kind: u16,
    /// `nlmsg_flags`
    pub flags: u16,
    /// `nlmsg_seq`: the request's, 0 for notifications.
    pub sequence: u32,
    /// `nlmsg_pid`: the port of the socket that asked, 0 for notifications.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The payload behind a family header of `len` bytes, as attributes.
    ///
    /// # Errors
    /// [`Malformed`] where the payload is shorter than the header.
    pub fn attributes(&self, len: usize) -> Result<Attributes<'a>, Malformed> {
        self.payload.get(align(len)..).map(Attributes::new).ok_or(Malformed)
    }
}

/// The messages in one datagram; ends at the first malformed one, which it reports.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages in `datagram`.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Messages<'a> {
        Messages { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Some(Err(Malformed)) };
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = *header;
        let len = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let Some(payload) = bytes.get(HEADER..len) else { return Some(Err(Malformed)) };
        self.rest = bytes.get(align(len)..).unwrap_or_default();
        Some(Ok(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            payload,
        }))
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// `nla_type` without its flags.
    pub kind: u16,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Exactly one byte, or `None`.
    #[must_use]
    pub fn u8(&self) -> Option<u8> {
        self.array().map(|[b]| b)
    }

    /// Exactly two bytes in the machine's order, or `None`.
    #[must_use]
    pub fn u16(&self) -> Option<u16> {
        self.array().map(u16::from_ne_bytes)
    }

    /// Exactly two bytes in network order, or `None`.
    #[must_use]
    pub fn be16(&self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Exactly four bytes in the machine's order, or `None`.
    #[must_use]
    pub fn u32(&self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    /// Exactly eight bytes in the machine's order, or `None`.
    #[must_use]
    pub fn u64(&self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    /// Exactly `N` bytes, or `None`.
    #[must_use]
    pub fn array<const N: usize>(&self) -> Option<[u8; N]> {
        self.payload.try_into().ok()
    }

    /// Text up to the terminating zero (or the end), or `None` where it is not UTF-8.
    #[must_use]
    pub fn str(&self) -> Option<&'a str> {
        let text = self.payload.split(|&b| b == 0).next().unwrap_or_default();
        std::str::from_utf8(text).ok()
    }

    /// The attributes within.
    #[must_use]
    pub const fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }
}

/// Attributes in a row; ends at the first malformed one, which it reports.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The attributes in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Attributes<'a> {
        Attributes { rest: bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        let header = bytes.split_first_chunk::<2>().and_then(|(len, rest)| Some((len, rest.first_chunk()?)));
        let Some((len, kind)) = header else { return Some(Err(Malformed)) };
        let len = usize::from(u16::from_ne_bytes(*len));
        let Some(payload) = bytes.get(4..len) else { return Some(Err(Malformed)) };
        self.rest = bytes.get(align(len)..).unwrap_or_default();
        Some(Ok(Attribute { kind: u16::from_ne_bytes(*kind) & KIND_MASK, payload }))
    }
}

/// Attributes by their kind, the last of each kind below `N`; others are passed over. One pass, then a look at each
/// place is quicker than a choice at each attribute.
#[derive(Clone, Copy, Debug)]
pub struct ByKind<'a, const N: usize>([Option<&'a [u8]>; N]);

impl<'a, const N: usize> ByKind<'a, N> {
    /// Looks through all of them.
    ///
    /// # Errors
    /// [`Malformed`] where one is, wherever it stands.
    pub fn new(attributes: Attributes<'a>) -> Result<ByKind<'a, N>, Malformed> {
        let mut found = [None; N];
        for attribute in attributes {
            let Attribute { kind, payload } = attribute?;
            if let Some(place) = found.get_mut(usize::from(kind)) {
                *place = Some(payload);
            }
        }
        Ok(ByKind(found))
    }

    /// The attribute of this kind, if there was one.
    #[must_use]
    pub fn get(&self, kind: impl Into<u16>) -> Option<Attribute<'a>> {
        let kind = kind.into();
        let payload = (*self.0.get(usize::from(kind))?)?;
        Some(Attribute { kind, payload })
    }
}

/// `NLMSG_ALIGN`, `NLA_ALIGN`
pub(crate) const fn align(len: usize) -> usize {
    (len.saturating_add(3)) & !3
}

#[cfg(test)]
mod tests;
