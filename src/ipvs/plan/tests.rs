use super::*;
use crate::ipvs::testing::{Kernel, dest, key, service, tables};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_plan_leads_to_the_desired_table_and_no_service_is_ever_without_servers(
        actual in tables(), desired in tables(), owned in prop::collection::vec(0u8..6, 0..6),
    ) {
        let owned: Vec<ServiceKey> = owned.into_iter().map(key).collect::<HashSet<_>>().into_iter().collect();
        let mut kernel = Kernel(actual.services.clone());
        let before = kernel.state();
        let after = Kernel(desired.services.clone()).state();
        let operations = plan(&actual, &desired, &owned);

        let mut removed = false;
        for operation in &operations {
            kernel.apply(operation);
            removed |= matches!(operation, Operation::DeleteDest(..) | Operation::DeleteService(_));
            let adds = matches!(operation, Operation::AddDest(..) | Operation::AddService(_));
            prop_assert!(!(adds && removed), "added after a removal");
            for (key, now) in kernel.state() {
                let (Some(b), Some(a)) = (before.get(&key), after.get(&key)) else { continue };
                prop_assert!(now.0 || !(b.0 && a.0), "{key} lost its servers at: {operation}");
                prop_assert!(now.1 || !(b.1 && a.1), "{key} lost its live servers at: {operation}");
            }
        }

        let mut expected = Kernel(desired.services.clone()).content();
        for (s, dests) in &actual.services {
            if !expected.contains_key(&s.key) && !owned.contains(&s.key) {
                expected.insert(s.key, (s.clone(), dests.iter().map(|d| (d.key, *d)).collect()));
            }
        }
        prop_assert_eq!(kernel.content(), expected);
        prop_assert_eq!(plan(&Table { services: kernel.0 }, &desired, &owned), []);
    }

    #[test]
    fn the_plan_is_the_least(actual in tables(), desired in tables()) {
        // One operation for each object that is new, other or gone; none else.
        let (old, new) = (Kernel(actual.services.clone()).content(), Kernel(desired.services.clone()).content());
        let owned: Vec<ServiceKey> = old.keys().copied().collect();
        let mut least = old.keys().filter(|k| !new.contains_key(k)).count();
        for (key, (service, dests)) in &new {
            match old.get(key) {
                None => least += 1 + dests.len(),
                Some((old_service, old_dests)) => {
                    least += usize::from(old_service != service);
                    least += dests.iter().filter(|(k, d)| old_dests.get(k) != Some(d)).count();
                    least += old_dests.keys().filter(|k| !dests.contains_key(k)).count();
                }
            }
        }
        prop_assert_eq!(plan(&actual, &desired, &owned).len(), least);
    }
}

#[test]
fn what_is_removed_goes_newest_first() {
    let table = |services: &[u8], dests: &[u8]| Table {
        services: services
            .iter()
            .map(|&n| (service(key(n), "rr"), dests.iter().map(|&d| dest(d, 1)).collect()))
            .collect(),
    };
    let operations = plan(&table(&[0, 1], &[1, 2, 3]), &table(&[0, 1], &[1]), &[]);
    let expected = [(1, 3), (1, 2), (0, 3), (0, 2)];
    assert_eq!(operations, expected.map(|(s, d)| Operation::DeleteDest(key(s), dest(d, 1).key)));

    let operations = plan(&table(&[0, 1, 2], &[1]), &Table::default(), &[key(0), key(1), key(2)]);
    assert_eq!(operations, [2, 1, 0].map(|s| Operation::DeleteService(key(s))));
}

#[test]
fn a_key_given_twice_counts_once() {
    let twice = Table {
        services: vec![
            (service(key(0), "rr"), vec![dest(1, 1), dest(1, 2)]),
            (service(key(0), "wlc"), vec![dest(9, 1)]),
        ],
    };
    let once = Table { services: vec![(service(key(0), "rr"), vec![dest(1, 1)])] };
    assert_eq!(plan(&Table::default(), &twice, &[]), plan(&Table::default(), &once, &[]));
    assert_eq!(plan(&once, &twice, &[]), []);
    assert_eq!(plan(&twice, &once, &[key(0)]), []);
}
