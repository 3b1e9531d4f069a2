//! `nexthop …`, once or several times: the last options of a route.

use super::{Entry, encap};
use crate::conf::diagnostic::codes;
use crate::conf::lexer::Word;
use crate::conf::schema::iproute::NEXT_HOP;
use crate::vrrp::config::route::NextHop;

/// Reads all that stands behind the first `nexthop`. A mistake leaves out its next hop and those behind it.
pub(super) fn lower(entry: &mut Entry<'_, '_, '_>, next_hops: &mut Vec<NextHop>) {
    let mut hop = NextHop::default();
    while let Some(word) = entry.take() {
        if word.text == "nexthop" {
            next_hops.push(std::mem::take(&mut hop));
        } else if option(entry, word, &mut hop).is_none() {
            entry.next = entry.words.len();
            return;
        }
    }
    next_hops.push(hop);
}

fn option(entry: &mut Entry<'_, '_, '_>, word: &Word<'_>, hop: &mut NextHop) -> Option<()> {
    let Some(keyword) = NEXT_HOP.find(&word.text) else {
        let whole = std::mem::replace(&mut entry.what, "next hop");
        entry.unknown(word, &NEXT_HOP, "what follows is passed over");
        entry.what = whole;
        return None;
    };
    match keyword.name {
        "via" => hop.via = Some(entry.gateway(word)?),
        "dev" => hop.interface = Some(entry.interface(word)?),
        "weight" => hop.weight = Some(entry.integer(word, keyword)?.try_into().ok()?),
        "onlink" => hop.onlink = true,
        "realms" => hop.realms = Some(entry.realms(word)?),
        "encap" => hop.encap = encap::lower(entry, word).or(hop.encap.take()),
        _ => {
            let message = "`as` (address translation) does not exist any more; the next hop is left out";
            entry.cx.report(&codes::OPTION_WITHOUT_EFFECT, word.span, message);
            return None;
        }
    }
    Some(())
}
