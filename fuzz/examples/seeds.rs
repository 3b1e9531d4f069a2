//! `seeds FOLDER`: what libFuzzer begins with. FOLDER/seeds has texts, FOLDER/words is a dictionary; FOLDER/seeds-NAME
//! has bytes for the decoder of this name.

#[path = "../material.rs"]
mod material;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(folder) = env::args().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("usage: seeds FOLDER"));
    };
    fs::create_dir_all(folder.join("seeds"))?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (number, text) in material::texts(&root)?.iter().enumerate() {
        fs::write(folder.join(format!("seeds/{number:04}")), text)?;
    }
    for decoder in vipd::fuzzing::DECODERS {
        let folder = folder.join(format!("seeds-{}", decoder.name));
        fs::create_dir_all(&folder)?;
        for (number, bytes) in (decoder.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("{number:04}")), bytes)?;
        }
    }
    fs::write(folder.join("words"), dictionary())
}

/// A word a line, in quotes.
fn dictionary() -> String {
    material::words().iter().fold(String::new(), |mut text, word| {
        let quoted = word.bytes().fold(String::new(), |mut quoted, byte| {
            let _ = match byte {
                b'"' | b'\\' => write!(quoted, "\\{}", char::from(byte)),
                b' '..=b'~' => write!(quoted, "{}", char::from(byte)),
                _ => write!(quoted, "\\x{byte:02x}"),
            };
            quoted
        });
        let _ = writeln!(text, "\"{quoted}\"");
        text
    })
}
