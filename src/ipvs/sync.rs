//! The kernel's daemons that synchronise connections: from those that run to those that should.

use super::model::Daemon;
use super::operation::Operation;

/// What makes of the daemons that run those that are wanted: at most one of each kind. `started` are those that this
/// program has started; of others the kernel tells what it runs with, not what was left to it.
///
/// Those that are to stop come first: the kernel may refuse one that sends beside one that receives with another id.
#[must_use]
pub fn plan(running: &[Daemon], started: &[Daemon], wanted: &[Daemon]) -> Vec<Operation> {
    let stays = |runs: &Daemon, wanted: &Daemon| match started.iter().find(|one| one.state == runs.state) {
        Some(started) => started == wanted,
        None => fits(runs, wanted),
    };
    let goes = |runs: &&Daemon| !wanted.iter().any(|one| one.state == runs.state && stays(runs, one));
    let comes = |one: &&Daemon| !running.iter().any(|runs| runs.state == one.state && stays(runs, one));
    let stop = running.iter().filter(goes).map(|daemon| Operation::StopDaemon(daemon.state));
    let start = wanted.iter().filter(comes).map(|daemon| Operation::StartDaemon(daemon.clone()));
    stop.chain(start).collect()
}

/// Whether one that runs is as it is wanted, in all that is said of it.
fn fits(runs: &Daemon, wanted: &Daemon) -> bool {
    fn same<T: PartialEq>(runs: Option<T>, wanted: Option<T>) -> bool {
        wanted.is_none() || wanted == runs
    }
    runs.interface == wanted.interface
        && runs.sync_id == wanted.sync_id
        && same(runs.sync_maxlen, wanted.sync_maxlen)
        && same(runs.group, wanted.group)
        && same(runs.port, wanted.port)
        && same(runs.ttl, wanted.ttl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::model::DaemonState;
    use DaemonState::{Backup, Master};
    use Operation::{StartDaemon, StopDaemon};

    fn daemon(state: DaemonState) -> Daemon {
        let (sync_maxlen, group, port, ttl) = (None, None, None, None);
        Daemon { state, interface: "eth0".to_owned(), sync_id: 51, sync_maxlen, group, port, ttl }
    }

    /// As the kernel tells of it.
    fn told(state: DaemonState) -> Daemon {
        let group = Some([224, 0, 0, 81].into());
        Daemon { sync_maxlen: Some(1472), group, port: Some(8848), ttl: Some(1), ..daemon(state) }
    }

    #[test]
    fn one_goes_before_the_other_comes() {
        let (master, backup) = (daemon(Master), daemon(Backup));
        let start = |one: &Daemon| StartDaemon(one.clone());
        assert_eq!(plan(&[], &[], std::slice::from_ref(&backup)), [start(&backup)]);
        let swapped = plan(&[told(Backup)], std::slice::from_ref(&backup), std::slice::from_ref(&master));
        assert_eq!(swapped, [StopDaemon(Backup), start(&master)]);
        assert_eq!(plan(&[told(Master), told(Backup)], &[], &[]), [StopDaemon(Master), StopDaemon(Backup)]);
        let both = [master.clone(), backup.clone()];
        assert_eq!(plan(&[told(Master)], &both, &both), [start(&backup)]);
    }

    #[test]
    fn one_that_runs_as_it_should_stays() {
        for started in [&[][..], &[daemon(Backup)]] {
            assert_eq!(plan(&[told(Backup)], started, &[daemon(Backup)]), []);
        }
        let others = [
            Daemon { interface: "eth1".to_owned(), ..daemon(Backup) },
            Daemon { sync_id: 52, ..daemon(Backup) },
            Daemon { sync_maxlen: Some(1000), ..daemon(Backup) },
            Daemon { group: Some([224, 0, 0, 99].into()), ..daemon(Backup) },
            Daemon { port: Some(8849), ..daemon(Backup) },
            Daemon { ttl: Some(2), ..daemon(Backup) },
        ];
        for other in others {
            for started in [&[][..], &[daemon(Backup)]] {
                let expected = [StopDaemon(Backup), StartDaemon(other.clone())];
                assert_eq!(plan(&[told(Backup)], started, std::slice::from_ref(&other)), expected);
            }
            // What the file says no more is left to the kernel again.
            if other.interface == "eth0" && other.sync_id == 51 {
                let runs = Daemon { state: Backup, ..told(Backup) };
                let expected = [StopDaemon(Backup), StartDaemon(daemon(Backup))];
                assert_eq!(plan(&[runs], &[other], &[daemon(Backup)]), expected);
            }
        }
    }
}
