//! The roll: which servers a service has at one time. Tells what others' removals have hidden from a list that came in
//! parts. It has not all that a list has, so it replaces none.
//!
//! | file | what it is for |
//! |---|---|
//! | [`caller`] | asks the kernel |
//! | [`compare`] | what a list lacks by it |
//! | [`sockopt`] | the roll of an IPv4 service: it takes a tenth of the time of the list |
//! | [`proc`] | of the others, by reading the whole table as text |
//!
//! Of a list that is to come in parts, [`Caller::before`] takes less time still.

pub mod caller;
pub mod compare;
pub mod proc;
pub mod sockopt;

pub use caller::Caller;
