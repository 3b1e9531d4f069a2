//! The names of routing tables, protocols, scopes, realms, types of service and groups of interfaces, as iproute2
//! keeps them in `/etc/iproute2` and `/usr/share/iproute2`.

use crate::net::NameTable;
use crate::sys::input;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the administrator's names are.
const ETC: &str = "/etc/iproute2";

/// Where the distribution's names are.
const USR: &str = "/usr/share/iproute2";

type Numbers = HashMap<String, u32>;

/// The names of this machine; a table is read when it is first asked for.
#[derive(Debug, Default)]
pub struct Names {
    read: RefCell<HashMap<(PathBuf, PathBuf, NameTable), Numbers>>,
}

impl Names {
    /// Nothing is read yet.
    #[must_use]
    pub fn new() -> Names {
        Names::default()
    }

    /// The number of a name; `None` if there is none. The folders are the usual ones where none are given.
    #[must_use]
    pub fn number(&self, etc: Option<&str>, usr: Option<&str>, table: NameTable, name: &str) -> Option<u32> {
        let (etc, usr) = (PathBuf::from(etc.unwrap_or(ETC)), PathBuf::from(usr.unwrap_or(USR)));
        let mut read = self.read.borrow_mut();
        let numbers =
            read.entry((etc, usr, table)).or_insert_with_key(|(etc, usr, table)| load(etc, usr, *table));
        numbers.get(name).copied()
    }
}

/// No table of names is larger.
const MAX_BYTES: u64 = 16 << 20;

/// The file of `etc` hides that of `usr`; so does each file in the folder `*.d`. The first line of a name holds.
fn load(etc: &Path, usr: &Path, table: NameTable) -> Numbers {
    let mut numbers = Numbers::new();
    let mut add = |path: &Path| match input::file(path, MAX_BYTES) {
        Ok(text) => {
            for (name, number) in parse(&String::from_utf8_lossy(&text), table.max()) {
                numbers.entry(name.to_owned()).or_insert(number);
            }
            true
        }
        Err(_) => false,
    };
    let file = table.file();
    if !add(&etc.join(file)) {
        add(&usr.join(file));
    }
    let folder = format!("{file}.d");
    for path in parts(&usr.join(&folder)) {
        let hidden = path.file_name().is_some_and(|name| etc.join(&folder).join(name).exists());
        if !hidden {
            add(&path);
        }
    }
    for path in parts(&etc.join(&folder)) {
        add(&path);
    }
    numbers
}

/// The files `*.conf` of a folder in the order of their names.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let wanted = |path: &PathBuf| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        !name.starts_with('.') && name.ends_with(".conf") && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(wanted).collect();
    files.sort();
    files
}

/// Lines of a number and a name; `#` begins a comment. Other lines are passed over, as iproute2 does.
fn parse(text: &str, max: u32) -> impl Iterator<Item = (&str, u32)> {
    text.lines().filter_map(move |line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let (number, name) = (words.next()?, words.next()?);
        if words.next().is_some() {
            return None;
        }
        let number = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        (number <= max).then_some((name, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_number_and_a_name() {
        let text = "#\n# reserved\n255\tlocal\n0x10 hex # comment\n1 two words\nname\n256 large\n-1 minus\n  7   seven\n";
        let read: Vec<_> = parse(text, 255).collect();
        assert_eq!(read, [("local", 255), ("hex", 16), ("seven", 7)]);
        assert_eq!(parse("", 255).count(), 0);
    }

    #[test]
    fn the_administrator_s_files_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("usr/rt_tables", "254 main\n100 theirs\n");
        write("usr/rt_protos", "18 keepalived\n");
        write("etc/rt_tables", "254 main\n101 ours\n");
        write("usr/rt_tables.d/a.conf", "110 a\n");
        write("usr/rt_tables.d/b.conf", "111 b\n");
        write("etc/rt_tables.d/b.conf", "112 b\n");
        write("etc/rt_tables.d/README", "113 readme\n");
        let (etc, usr) = (folder.path().join("etc"), folder.path().join("usr"));
        let names = Names::new();
        let number = |table, name| names.number(etc.to_str(), usr.to_str(), table, name);
        assert_eq!(number(NameTable::Tables, "ours"), Some(101));
        assert_eq!(number(NameTable::Tables, "theirs"), None);
        assert_eq!(number(NameTable::Tables, "a"), Some(110));
        assert_eq!(number(NameTable::Tables, "b"), Some(112));
        assert_eq!(number(NameTable::Tables, "readme"), None);
        assert_eq!(number(NameTable::Protocols, "keepalived"), Some(18));
        assert_eq!(number(NameTable::Realms, "x"), None);
    }
}
