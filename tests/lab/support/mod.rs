//! The lab: small networks of namespaces in which daemons, real servers and clients meet, and what a test needs to
//! watch them. It knows how to build, drive and observe; what is to be expected stands in the tests.
//!
//! Targets that use it (the lab's tests, the namespace tests, the demo, benchmarks) include it by path and each uses
//! a part of it.
#![allow(dead_code, unused_imports, reason = "each target uses a part")]
#![allow(clippy::disallowed_methods, reason = "the lab runs in real time")]

mod capture;
mod client;
mod director;
mod example;
mod folder;
mod helper;
mod host;
mod ipvs;
pub(crate) mod mailbox;
pub(crate) mod mariadb;
mod process;
mod runner;
mod scenario;
mod screen;
pub(crate) mod story;
mod wait;

pub(crate) use capture::{Capture, Frame, Unread};
pub(crate) use client::{Client, Stream};
pub(crate) use director::{Director, Implementation, Worker};
pub(crate) use example::example;
pub(crate) use folder::start_in_folder;
pub(crate) use helper::serve_if_asked;
pub(crate) use host::{Host, Lab, Mac, checked, holds};
pub(crate) use ipvs::Table;
pub(crate) use process::{Process, descendants};
pub(crate) use runner::{Kernel, Test, guarded, has_ipvs, main, run_where_possible, vm, yield_to_others};
pub(crate) use scenario::{Config, RealServer, Scenario};
pub(crate) use screen::Screen;
pub(crate) use wait::{Waited, wait_every, wait_for};
