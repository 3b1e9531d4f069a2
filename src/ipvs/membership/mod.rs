//! The membership of a service: which servers it has at one moment.
//!
//! A netlink listing that comes in parts can miss servers, because other programs remove some meanwhile. Two other
//! interfaces of the kernel name all servers of a service at once, and so show what a listing lacks. They give
//! addresses and ports only, neither tunnels nor counters: they complete a listing, and can't replace it.
//!
//! | file | what it is for |
//! |---|---|
//! | [`reader`] | asks the kernel |
//! | [`compare`] | what a listing lacks |
//! | [`sockopt`] | the members of an IPv4 service, in a tenth of the time of a listing |
//! | [`proc`] | those of other services, from the whole table as text |
//!
//! Cheaper still is [`MembershipReader::before_listing`], where it is known that the listing will come in parts.

pub mod compare;
pub mod proc;
pub mod reader;
pub mod sockopt;

pub use reader::MembershipReader;
