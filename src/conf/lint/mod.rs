//! Advice beyond keepalived's own checks: what is allowed, and probably not meant, or will hurt one day.
//!
//! Lints see the [`Config`], with its defaults, where what will run matters, and the tree where it matters what the
//! file says; [`places`] leads from one to the other. Each is a hint with its reason in
//! [`super::diagnostic::advice`], and changes nothing of what runs. [`pair`] compares two directors.

pub(super) mod characters;
mod hashing;
mod nat;
mod network;
mod nobody;
mod notification;
mod pair;
mod places;
mod refused;
mod sample;
mod script;
mod twice;
mod virtual_server;
mod vrrp;

#[cfg(test)]
mod tests;

use super::config::Config;
use super::lower::Lowered;
use super::sink::Sink;
use super::tree::Tree;
use places::{Index, Places};

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

/// Gives advice on one configuration. `config_id` is the one that it was parsed with.
pub(super) fn lint<'s>(
    tree: &Tree<'s>,
    lowered: &Lowered,
    lints: &Lints<'_>,
    config_id: Option<&'s str>,
    sink: &mut Sink,
) {
    let index = Index::new(tree, lowered, config_id);
    let places = Places::new(&index);
    let config = &lowered.config;
    if lints.hints {
        advise(&places, config, lints.cloud, sink);
    }
    if let Some((name, other)) = lints.against {
        pair::compare(&places, config, name, other, sink);
    }
}

/// Looks at each block once, since many of them may be left in the text, and then at what they have to do with each
/// other.
fn advise(places: &Places<'_, '_>, config: &Config, cloud: Option<&str>, sink: &mut Sink) {
    let mut routers = vrrp::Advisor::new(config, cloud);
    let networks = network::Advisor::new(config);
    let mut scripts = script::Advisor::default();
    let mut notifications = notification::Advisor::default();
    let mut services = virtual_server::Advisor::new(config);
    let around = nat::Advisor::new(config);
    for (place, statement) in places.top().iter().enumerate() {
        let instance = routers.instance_of(places, statement);
        let service = services.next_at(places, place);
        places.with_block(statement, |places, block| {
            if let Some(instance) = instance {
                routers.advise(places, instance, block, sink);
                networks.advise(places, instance, block, sink);
                nobody::instance(places, instance, block, sink);
            }
            scripts.advise(places, instance, block, sink);
            notifications.advise(places, block, sink);
            if let Some(service) = service {
                services.advise(places, service, block, sink);
                around.advise(places, service, block, sink);
                hashing::advise(places, service, block, sink);
                refused::advise(places, service, block, sink);
                nobody::service(places, service, block, sink);
            }
            if places::is(block, "virtual_server_group") {
                nobody::group(places, block, sink);
            }
            twice::advise(places, block, sink);
            sample::advise(places, block, sink);
        });
    }
    routers.finish(places, sink);
    scripts.finish(places, sink);
    notifications.finish(sink);
}
