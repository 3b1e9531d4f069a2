//! The files of `track_file`: the numbers in them, and what `init_file` writes.

use crate::daemon::paths::Paths;
use crate::sys::input::{self, reason};
use crate::sys::watch::Watcher;
use crate::time::Instant;
use crate::vrrp::config::{Config, InitFile, TrackFile};
use crate::vrrp::event::Event;
use crate::vrrp::track::file::number;
use std::collections::{BTreeMap, HashSet};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// More than any number needs; a longer file holds none.
const MAX_SIZE: u64 = 4096;

/// All files.
#[derive(Debug, Default)]
pub(super) struct Files {
    paths: Paths<Watcher>,
    /// What is watched, by the names of the blocks.
    all: BTreeMap<String, PathBuf>,
    /// This process follows another one: what `overwrite` is to overwrite is its.
    respawned: bool,
}

impl Files {
    pub(super) fn new(respawned: bool) -> Files {
        Files { respawned, ..Files::default() }
    }

    /// From now on these are watched. Those that are new are written, where they are to be, and read.
    pub(super) fn watch(&mut self, now: Instant, files: Vec<TrackFile>, seen: &mut Vec<Event<'static>>) {
        let mut before = std::mem::take(&mut self.all);
        for file in files {
            let TrackFile { name, path, init, .. } = file;
            if let Some(init) = init.filter(|_| !before.contains_key(&name)) {
                self.write(&path, init);
            }
            // Through links, what is written is the file at their end.
            let path = path.canonicalize().unwrap_or(path);
            match before.remove(&name) {
                Some(known) if known == path => {}
                known => {
                    known.iter().for_each(|known| self.paths.unwatch(known));
                    self.paths.watch(now, &path);
                    seen.push(
                        read(&name, &path).unwrap_or(Event::File { name: name.as_str().into(), number: 0 }),
                    );
                }
            }
            self.all.insert(name, path);
        }
        before.values().for_each(|gone| self.paths.unwatch(gone));
    }

    fn write(&self, path: &Path, init: InitFile) {
        let overwrite = init.overwrite && !self.respawned;
        match create(path, init.value, overwrite) {
            Err(error) if is_failure(&error, overwrite) => {
                warn!("track_file {} can't be written: {}", path.display(), reason(&error));
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Reads those that have changed.
    pub(super) fn look(&mut self, now: Instant, seen: &mut Vec<Event<'static>>) {
        let mut changed = self.paths.handle_timeout(now);
        loop {
            let (heard, more) = self.paths.heard(now);
            changed.extend(heard);
            if !more {
                break;
            }
        }
        if !changed.is_empty() {
            let all = self.all.iter().filter(|(_, path)| changed.contains(path));
            seen.extend(all.filter_map(|(name, path)| read(name, path)));
        }
    }

    pub(super) const fn watcher(&self) -> Option<&Watcher> {
        self.paths.holder()
    }

    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.paths.next_timeout()
    }
}

/// Writes the files of `init_file` of a process that starts, while it has all of its capabilities: they may be in
/// directories of others. What is done is taken out of the configuration; what fails stays there, to be tried once more when
/// the file is watched, and said.
pub(in crate::daemon) fn write_first(config: &mut Config, respawned: bool) {
    let tracking = config.instances.iter().map(|instance| &*instance.tracking);
    let tracking = tracking.chain(config.sync_groups.iter().map(|group| &group.tracking));
    let followed: HashSet<&str> =
        tracking.flat_map(|all| &all.files).map(|file| file.name.as_str()).collect();
    for file in config.track_files.iter_mut().filter(|file| followed.contains(file.name.as_str())) {
        file.init = file.init.filter(|init| {
            let overwrite = init.overwrite && !respawned;
            create(&file.path, init.value, overwrite).is_err_and(|error| is_failure(&error, overwrite))
        });
    }
}

/// One that is there already is as it should be, unless it is to be overwritten.
fn is_failure(error: &io::Error, overwrite: bool) -> bool {
    overwrite || error.kind() != ErrorKind::AlreadyExists
}

/// What a file holds; nothing, where it is to be left as it was.
fn read(name: &str, path: &Path) -> Option<Event<'static>> {
    let number = match input::file(path, MAX_SIZE) {
        Ok(content) => number(&content),
        Err(input::Error::Io(error)) if error.kind() == ErrorKind::NotFound => Some(0),
        Err(error) => {
            warn!("track_file {name} can't be read, and counts as 0: {}: {error}", path.display());
            Some(0)
        }
    };
    if number.is_none() {
        info!("Invalid number read from {} - ignoring", path.display());
    }
    number.map(|number| Event::File { name: name.into(), number })
}

/// Writes a number into a file; with `overwrite` also where it is there already. Never through a link.
fn create(path: &Path, value: i32, overwrite: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o644).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    match overwrite {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    writeln!(options.open(path)?, "{value}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock;
    use crate::vrrp::config::{Instance, Tracked, Tracking, Vrid, Weight};
    use std::fs;

    fn file(path: &Path, init: Option<InitFile>) -> TrackFile {
        TrackFile { name: "F".to_owned(), path: path.to_owned(), weight: Weight::default(), init }
    }

    fn numbers(seen: &mut Vec<Event<'static>>) -> Vec<i64> {
        let number = |event| match event {
            Event::File { number, .. } => number,
            other => panic!("{other:?}"),
        };
        seen.drain(..).map(number).collect()
    }

    #[test]
    fn writes_replacements_and_removals_are_read_and_only_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let mut files = Files::new(false);
        let mut seen = vec![];
        files.watch(clock::now(), vec![file(&path, None)], &mut seen);
        assert_eq!(numbers(&mut seen), [0], "it is not there");
        let mut after = |action: &dyn Fn()| {
            action();
            files.look(clock::now(), &mut seen);
            numbers(&mut seen)
        };
        assert_eq!(after(&|| fs::write(&path, "5").unwrap()), [5]);
        let other = directory.path().join("g");
        assert_eq!(after(&|| fs::write(&other, "-254\n").unwrap()), Vec::<i64>::new());
        assert_eq!(after(&|| fs::rename(&other, &path).unwrap()), [-254]);
        assert_eq!(
            after(&|| fs::write(&path, "99999999999").unwrap()),
            Vec::<i64>::new(),
            "no number: as it was"
        );
        assert_eq!(after(&|| fs::remove_file(&path).unwrap()), [0]);
    }

    #[test]
    fn a_file_behind_a_link_is_heard_of() {
        let directory = tempfile::tempdir().unwrap();
        let [path, real] = ["link", "real"].map(|name| directory.path().join(name));
        fs::create_dir(&real).unwrap();
        let real = real.join("f");
        fs::write(&real, "1").unwrap();
        std::os::unix::fs::symlink(&real, &path).unwrap();
        let mut files = Files::new(false);
        let mut seen = vec![];
        files.watch(clock::now(), vec![file(&path, None)], &mut seen);
        fs::write(&real, "2").unwrap();
        files.look(clock::now(), &mut seen);
        assert_eq!(numbers(&mut seen), [1, 2]);
    }

    #[test]
    fn what_is_written_at_the_start_is_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let init = Some(InitFile { value: 7, overwrite: true });
        let named = |name: &str, path: PathBuf| TrackFile { name: name.to_owned(), ..file(&path, init) };
        let mut instance = Instance::new("VI", "eth0", Vrid::new(1).unwrap());
        let followed =
            ["done", "fails"].map(|name| Tracked { name: name.to_owned(), weight: Weight::default() });
        instance.tracking = Tracking { files: followed.into(), ..Tracking::default() }.into();
        let track_files =
            vec![named("done", path("done")), named("fails", path("no/such")), named("idle", path("idle"))];
        let mut config = Config { instances: vec![instance], track_files, ..Config::default() };
        write_first(&mut config, false);
        assert_eq!(config.track_files.iter().map(|file| file.init).collect::<Vec<_>>(), [None, init, init]);
        assert_eq!(fs::read_to_string(path("done")).unwrap(), "7\n");
        assert!(!path("idle").exists(), "nobody follows it");
        // Somebody has written meanwhile.
        fs::write(path("done"), "9\n").unwrap();
        let mut seen = vec![];
        Files::new(false).watch(clock::now(), vec![config.track_files.remove(0)], &mut seen);
        assert_eq!(numbers(&mut seen), [9]);
    }

    #[test]
    fn init_file_writes_what_is_missing_and_overwrites_what_it_may() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let init = |value, overwrite| Some(InitFile { value, overwrite });
        let first = |respawned, init: Option<InitFile>| {
            let mut files = Files::new(respawned);
            let mut seen = vec![];
            files.watch(clock::now(), vec![file(&path, init)], &mut seen);
            files.watch(clock::now(), vec![file(&path, init)], &mut seen);
            numbers(&mut seen)
        };
        assert_eq!(first(false, init(7, false)), [7]);
        assert_eq!(first(false, init(8, false)), [7]);
        assert_eq!(first(true, init(9, true)), [7], "its predecessor's number");
        assert_eq!(first(false, init(9, true)), [9]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "9\n");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(create(&link, 1, true).is_err());
    }
}
