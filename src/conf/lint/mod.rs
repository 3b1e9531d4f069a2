//! Advice beyond keepalived's own checks: what is allowed, and probably not meant, or will hurt one day.
//!
//! Lints see the [`Config`], with its defaults, where what will run matters, and the tree where it matters what the
//! file says; [`places`] leads from one to the other. Each is a hint with its reason in
//! [`super::diagnostic::advice`], and none changes what runs. [`pair`] holds two directors against each other.

mod pair;
mod places;
mod sample;
mod script;
mod virtual_server;
mod vrrp;

#[cfg(test)]
mod tests;

use super::config::Config;
use super::sink::Sink;
use super::tree::Tree;
use places::Places;

/// What the advice is about.
#[derive(Clone, Copy, Debug)]
pub struct Lints<'a> {
    /// Whether there is advice on the configuration by itself.
    pub hints: bool,
    /// The configuration of the other director, and what its file is called.
    pub against: Option<(&'a str, &'a Config)>,
    /// The cloud that the configuration runs in, where the caller knows of one.
    pub cloud: Option<&'a str>,
}

impl Default for Lints<'_> {
    /// All advice on one configuration, on no machine in particular.
    fn default() -> Self {
        Lints { hints: true, against: None, cloud: None }
    }
}

/// Gives advice on one configuration.
pub(super) fn lint(tree: &Tree<'_>, config: &Config, lints: &Lints<'_>, sink: &mut Sink) {
    let places = Places::new(tree, config);
    if lints.hints {
        vrrp::lint(&places, config, lints.cloud, sink);
        script::lint(&places, config, sink);
        virtual_server::lint(&places, config, sink);
        sample::lint(&places, sink);
    }
    if let Some((name, other)) = lints.against {
        pair::compare(&places, config, name, other, sink);
    }
}
