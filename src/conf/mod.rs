//! The language of keepalived.conf: text in, one typed [`Config`] or a list of diagnostics out.

mod config;

pub use config::{Config, Global};
