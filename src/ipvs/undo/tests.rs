use super::*;
use crate::ipvs::model::DaemonState;
use crate::ipvs::testing::{Kernel, dest, key, service, tables};
use proptest::prelude::*;

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = (0u8..13, 0u8..6, 0u8..6, 0u32..3).prop_map(|(kind, s, d, weight)| {
        match (kind, key(s), dest(d, weight)) {
            (0, s, _) => Operation::AddService(service(s, "rr")),
            (1, s, _) => Operation::EditService(service(s, if weight == 0 { "sh" } else { "rr" })),
            (2, s, _) => Operation::DeleteService(s),
            (3..7, s, d) => Operation::AddDest(s, d),
            (7..9, s, d) => Operation::EditDest(s, d),
            (9..12, s, d) => Operation::DeleteDest(s, d.key),
            _ => Operation::Flush,
        }
    });
    prop::collection::vec(operation, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_was_done_is_undone(before in tables(), operations in operations()) {
        let mut kernel = Kernel(before.services.clone());
        let mut done = operations;
        done.retain(|operation| {
            let accepted = kernel.accepts(operation);
            if accepted {
                kernel.apply(operation);
            }
            accepted
        });
        let was = Kernel(before.services.clone()).content();
        let before = Snapshot { table: before, ..Snapshot::default() };
        let back = undo(&before, &done);
        prop_assert!(back.is_empty() == (kernel.content() == was), "nothing is done where nothing changed");
        for operation in &back {
            prop_assert!(kernel.accepts(operation), "{operation}");
            kernel.apply(operation);
        }
        prop_assert_eq!(kernel.content(), was);
    }

    #[test]
    fn where_answers_were_lost_the_kernel_tells_what_is_to_be_undone(
        before in tables(),
        operations in operations(),
    ) {
        let mut kernel = Kernel(before.services.clone());
        for operation in &operations {
            if kernel.accepts(operation) {
                kernel.apply(operation);
            }
        }
        let was = Kernel(before.services.clone()).content();
        let touched = Touched::by(&operations);
        let snapshot = |services| touched.of(&Snapshot { table: Table { services }, ..Snapshot::default() });
        let back = snapshot(kernel.0.clone()).back_to(&snapshot(before.services));
        for operation in &back {
            prop_assert!(operation.service().is_some_and(|key| touched.has(&key)), "{operation}");
            kernel.apply(operation);
        }
        prop_assert_eq!(kernel.content(), was);
    }

    #[test]
    fn what_others_did_stays(before in tables(), n in 0u8..6) {
        // Only what was touched is known of the table before.
        let mut touched = before.clone();
        touched.services.retain(|(s, _)| s.key == key(n));
        let there = !touched.services.is_empty();
        let done = if there { Operation::DeleteService(key(n)) } else { Operation::AddService(service(key(n), "sh")) };
        let back = undo(&Snapshot { table: touched, ..Snapshot::default() }, [&done]);
        prop_assert!(back.iter().all(|o| o.service() == Some(key(n))));
        prop_assert!(!back.is_empty());
    }
}

#[test]
fn timeouts_and_daemons() {
    let daemon = |state, id| Daemon {
        state,
        interface: "eth0".into(),
        sync_id: id,
        sync_maxlen: None,
        group: None,
        port: None,
        ttl: None,
    };
    let (master, backup) = (daemon(DaemonState::Master, 1), daemon(DaemonState::Backup, 2));
    let timeouts = Timeouts { tcp: 900, tcp_fin: 120, udp: 300 };
    let before = Snapshot { timeouts, daemons: vec![master.clone()], ..Snapshot::default() };
    let done = [
        Operation::SetTimeouts(Timeouts { tcp: 1, tcp_fin: 0, udp: 0 }),
        Operation::StopDaemon(DaemonState::Master),
        Operation::StartDaemon(daemon(DaemonState::Master, 9)),
        Operation::StartDaemon(backup),
    ];
    assert_eq!(
        undo(&before, &done),
        [
            Operation::SetTimeouts(timeouts),
            Operation::StopDaemon(DaemonState::Master),
            Operation::StopDaemon(DaemonState::Backup),
            Operation::StartDaemon(master),
        ]
    );
    assert_eq!(undo(&before, []), []);
}
