//! `interface`, `virtual_router_id` and `version`: which virtual router it is.

use super::super::Lower;
use super::draft::Draft;
use super::settings::Given;
use crate::conf::InterfaceKind;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::vrrp::config::{Version, Vrid};
use std::net::IpAddr;

/// What is missing is reported; without it there is no instance.
pub(super) struct Unusable;

impl Draft {
    pub(super) fn interface(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        self.interface_given = true;
        let Some(word) = cx.interface(statement) else { return };
        match cx.ask_interface(&word.text) {
            Some(InterfaceKind::Missing) => {
                let message =
                    format!("interface {} for vrrp_instance {} doesn't exist", word.text, self.name);
                cx.report(&codes::NO_SUCH_INTERFACE, word.span, message);
            }
            Some(InterfaceKind::Usable { .. }) => {}
            // It is called so in every network namespace.
            None if word.text != "lo" => {}
            Some(InterfaceKind::Loopback) | None => {
                let message = format!("a loopback interface ({}) can't be used for VRRP", word.text);
                self.report(cx, &codes::LOOPBACK, word.span, &message);
                return;
            }
        }
        self.interface = Some((word.text.to_string(), word.span));
    }

    pub(super) fn version(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(n) = cx.integer(statement) else { return };
        let version = if n == 3 { Version::V3 } else { Version::V2 };
        let ipv6 = matches!(self.family, Some((Family::V6, _)));
        if self.version.is_some_and(|(v, _)| v != version) || (version == Version::V2 && ipv6) {
            let message = format!("version {n} conflicts with what was said before; it is passed over");
            self.report(cx, &codes::VERSION_CONFLICT, statement.span, &message);
            return;
        }
        self.version = Some((version, statement.span));
    }

    /// Unspoken but for the version: the addresses say it better.
    pub(super) fn native_ipv6(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        cx.no_more_arguments(statement);
        match self.family {
            Some((Family::V4, settled)) => {
                let message = format!("({}) native_ipv6 in an IPv4 instance; it has no effect", self.name);
                let diagnostic = Diagnostic::new(&codes::MIXED_FAMILIES, statement.span, message);
                cx.sink.push(diagnostic.also(settled, "this makes it IPv4"));
            }
            _ => {
                self.family = self.family.or(Some((Family::V6, statement.span)));
                self.version = Some((Version::V3, statement.span));
            }
        }
    }

    /// The interface. It may be missing where unicast adverts have a source that says the way.
    pub(super) fn required_interface(
        &self,
        cx: &mut Lower<'_, '_>,
        unicast: bool,
    ) -> Result<Option<String>, Unusable> {
        if let Some((name, _)) = &self.interface {
            return Ok(Some(name.clone()));
        }
        if self.interface_given {
            return Err(Unusable);
        }
        let at = self.named_at;
        match self.source {
            _ if !unicast => self.report(cx, &codes::NO_INTERFACE, at, "the interface must be set"),
            None => {
                let message = "unicast without interface needs `unicast_src_ip`";
                self.report(cx, &codes::NO_SOURCE, at, message);
            }
            Some((IpAddr::V6(source), at)) if source.is_unicast_link_local() => {
                let message = format!("{source} is a link-local address, but no interface is set");
                self.report(cx, &codes::NO_SOURCE, at, &message);
            }
            Some(_) => return Ok(None),
        }
        Err(Unusable)
    }

    pub(super) fn required_vrid(&self, cx: &mut Lower<'_, '_>) -> Given<Vrid> {
        if self.vrid.is_none() && !self.vrid_given {
            self.report(cx, &codes::NO_VRID, self.named_at, "the virtual router id must be set");
        }
        self.vrid
    }
}
