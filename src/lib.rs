//! vipd: keepalived and ipvsadm in one program.
//!
//! Modules import only from those below them in this list, one layer upon the other (`tests/layering.rs` checks it):
//!
//! | module | what lives there |
//! |---|---|
//! | [`cli`] | a file a subcommand: arguments, and the call into the library |
//! | [`lsp`] | the language server: a document and a place to an answer |
//! | [`daemon`] | the parent, its workers, and their drivers: where decisions meet sockets and clocks |
//! | [`state`] | what is going on, as values and in keepalived's forms |
//! | [`conf`] | text to [`conf::Config`], or to diagnostics |
//! | [`check`] | health checks and virtual servers, as pure machines |
//! | [`vrrp`] | virtual routers, as pure machines; packets |
//! | [`bfd`] | what a configuration says of BFD |
//! | [`ipvs`] | the kernel's table: model, wire form, plan, client |
//! | [`netlink`] | netlink sockets, rtnetlink |
//! | [`sys`] | clock, raw sockets, processes, capabilities, logs |
//! | [`net`], [`command`], [`mail`], [`raw`], [`run`], [`time`], [`wire`] | plain values |
//!
//! Start with [`conf::Config`] (what is asked for), then [`vrrp`] and [`check`] (what decides), then [`daemon`]
//! (what acts). ARCHITECTURE.md tells the life of an advert and of a failed check.

pub mod bfd;
pub mod check;
pub mod cli;
pub mod command;
pub mod conf;
pub mod daemon;
#[doc(hidden)]
pub mod fuzzing;
pub mod ipvs;
#[cfg(feature = "lsp")]
pub mod lsp;
pub mod mail;
pub mod net;
pub mod netlink;
pub mod raw;
pub mod run;
pub mod state;
pub mod sys;
pub mod time;
pub mod vrrp;
pub mod wire;
