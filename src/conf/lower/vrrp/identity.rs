//! `interface`, `virtual_router_id` and `version`: which virtual router it is.

use super::super::Lower;
use super::draft::{Draft, Given};
use crate::conf::InterfaceKind;
use crate::conf::diagnostic::codes;
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::vrrp::config::{Version, Vrid};

impl Draft {
    pub(super) fn interface(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        self.interface_said = true;
        let Some(word) = cx.interface(statement) else { return };
        match cx.ask_interface(&word.text) {
            Some(InterfaceKind::Missing) => {
                let message =
                    format!("interface {} for vrrp_instance {} doesn't exist", word.text, self.name);
                cx.report(&codes::NO_SUCH_INTERFACE, word.span, message);
            }
            Some(InterfaceKind::Loopback) => {
                let message = format!("a loopback interface ({}) can't be used for VRRP", word.text);
                self.report(cx, &codes::LOOPBACK, word.span, &message);
                return;
            }
            Some(InterfaceKind::Usable) | None => {}
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

    pub(super) fn required_interface(&self, cx: &mut Lower<'_, '_>) -> Option<String> {
        if self.interface.is_none() && !self.interface_said {
            self.report(cx, &codes::NO_INTERFACE, self.named_at, "the interface must be set");
        }
        self.interface.clone().map(|(name, _)| name)
    }

    pub(super) fn required_vrid(&self, cx: &mut Lower<'_, '_>) -> Given<Vrid> {
        if self.vrid.is_none() && !self.vrid_said {
            self.report(cx, &codes::NO_VRID, self.named_at, "the virtual router id must be set");
        }
        self.vrid
    }
}
