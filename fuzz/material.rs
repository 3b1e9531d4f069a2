//! What texts are made of: the tests' own configurations with their mistakes, each sample of the walk over the
//! keywords, and the words of the language.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};
use vipd::conf::schema::{self, Shape, reference};

/// Signs and values that mean something somewhere.
const SIGNS: &[&str] = &[
    "{",
    "}",
    "\"",
    "'",
    "#",
    "!",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\\\n",
    "@a ",
    "@^a ",
    "$A=",
    "$A",
    "${A}",
    "$A=${A}",
    "${_PWD}",
    "${_ENV A}",
    "${_RANDOM 1 2}",
    "~SEQ(A, 1, 3) ",
    "~SEQx(A, 9, -1, 2) ",
    "~LST(A, 1, 2) ",
    "~LST({A,B}, {1,2}) ",
    "include a",
    "\u{feff}",
    "\u{fc}",
    "\0",
    "10.0.0.1",
    "10.0.0.1/24",
    "10.0.0.1-9",
    "fe80::1",
    "::/0",
    "224.0.0.18",
    "fwmark",
    "group",
    "eth0",
    "0",
    "-1",
    "254",
    "255",
    "256",
    "65535",
    "65536",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "0.000001",
    "1e9",
    "0x10",
    "via",
    "dev",
    "table",
    "label",
    "weight",
    "reverse",
    "noreverse",
    "script",
    "/bin/true",
    "VI_1",
];

/// Texts to begin with, in an order that does not change. `root` is the project's folder.
pub(super) fn texts(root: &Path) -> io::Result<Vec<Vec<u8>>> {
    let tests = root.join("tests/conf");
    let mut texts = vec![fs::read(root.join("examples/keepalived.conf"))?];
    for path in files(&tests.join("err"))? {
        texts.push(fs::read(path)?);
    }
    for path in files(&tests.join("keywords"))? {
        if path.extension().is_some_and(|e| e == "tsv") {
            for line in fs::read_to_string(path)?.lines().filter(|l| !l.starts_with(['#', '>'])) {
                let cells: Vec<String> = line.split('\t').map(|c| c.replace("\\n", "\n")).collect();
                for cell in cells.iter().skip(1).take(2) {
                    texts.push(around(&cells[0], cell.trim_start_matches('=')).into_bytes());
                }
            }
        }
    }
    Ok(texts)
}

fn files(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// The line within its blocks; their names and addresses serve for all.
fn around(path: &str, line: &str) -> String {
    let blocks: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != "-").collect();
    let open: String = blocks.iter().map(|b| format!("{b} 10.0.0.1 80 {{\n")).collect();
    format!("{open}{line}\n{}", "}\n".repeat(blocks.len()))
}

/// Keywords, choices of arguments, and signs.
pub(super) fn words() -> Vec<String> {
    let mut words: BTreeSet<String> = SIGNS.iter().map(|s| (*s).to_owned()).collect();
    for place in reference::places() {
        let space = if matches!(place.keyword.shape, Shape::Line) { " " } else { " {\n" };
        words.insert(format!("{}{space}", place.keyword.name));
        words.extend(place.keyword.args.iter().flat_map(schema::choices).map(str::to_owned));
    }
    words.into_iter().collect()
}
