//! Advice on what the kernel refuses: thresholds, and the server with them (`ip_vs_add_dest`: ERANGE); a persistence
//! engine that it does not have, and the service with it (`ip_vs_add_service`: ENOENT).

use super::places::{Places, span};
use crate::check::config::VirtualServer;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;

/// The only engine of the kernel.
const ENGINE: &str = "sip";

pub(super) fn advise(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    thresholds(places, server, block, sink);
    if let Some(engine) = server.persistence_engine.as_deref().filter(|engine| *engine != ENGINE) {
        let message = format!(
            "persistence engine `{engine}`: the kernel has only `{ENGINE}`; it refuses this service, and nobody is served"
        );
        let diagnostic = Diagnostic::new(&codes::LINT_ENGINE, span(block, "persistence_engine"), message);
        let help = "write `persistence_engine sip`, or leave the line out: clients are then known by their addresses";
        sink.push(diagnostic.help(help));
    }
}

/// One a server: each is lost by its own.
fn thresholds(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    for real in server.real_servers.iter().filter(|real| real.lower_threshold > real.upper_threshold) {
        let message = match real.upper_threshold {
            0 => format!(
                "real server {}: lthreshold {} without uthreshold: the kernel refuses the server, and it never serves",
                real.address, real.lower_threshold
            ),
            upper => format!(
                "real server {}: lthreshold {} is above uthreshold {upper}: the kernel refuses the server, and it never \
                 serves",
                real.address, real.lower_threshold
            ),
        };
        let inner = places.real_server(block, real).unwrap_or(block);
        let help = "give a uthreshold above it: from so many connections on, the server gets no new ones, until there are \
                    fewer than lthreshold";
        sink.push(Diagnostic::new(&codes::LINT_THRESHOLDS, span(inner, "lthreshold"), message).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::linted;
    use crate::conf::Lints;

    /// What is said of a server with these lines.
    fn said(lines: &str) -> Vec<String> {
        let text = format!(
            "virtual_server 10.0.0.1 80 {{\n lvs_sched rr\n real_server 10.0.1.1 80 {{\n{lines} TCP_CHECK {{\n }}\n }}\n}}\n"
        );
        of(&text, "V0863")
    }

    fn of(text: &str, code: &str) -> Vec<String> {
        let loaded = linted(text, Lints::default());
        loaded.diagnostics.iter().filter(|d| d.code.id == code).map(|d| d.message.clone()).collect()
    }

    #[test]
    fn an_engine_that_no_kernel_has_is_told() {
        let with = |engine: &str| {
            let text = format!(
                "virtual_server 10.0.0.1 80 {{\n lvs_sched rr\n persistence_timeout 50\n persistence_engine {engine}\n \
                 real_server 10.0.1.1 80 {{\n TCP_CHECK {{\n }}\n }}\n}}\n"
            );
            of(&text, "V0864")
        };
        assert_eq!(with("sip"), Vec::<String>::new());
        let message = "persistence engine `sop`: the kernel has only `sip`; it refuses this service, and nobody is served";
        assert_eq!(with("sop"), [message]);
    }

    #[test]
    fn a_server_that_the_kernel_refuses_for_its_thresholds_is_told() {
        assert_eq!(
            said(" lthreshold 10\n"),
            [
                "real server 10.0.1.1:80: lthreshold 10 without uthreshold: the kernel refuses the server, and it never serves"
            ]
        );
        assert_eq!(
            said(" uthreshold 5\n lthreshold 10\n"),
            [
                "real server 10.0.1.1:80: lthreshold 10 is above uthreshold 5: the kernel refuses the server, and it never serves"
            ]
        );
        for fine in
            ["", " uthreshold 10\n", " uthreshold 10\n lthreshold 10\n", " uthreshold 10\n lthreshold 5\n"]
        {
            assert_eq!(said(fine), Vec::<String>::new(), "{fine}");
        }
    }
}
