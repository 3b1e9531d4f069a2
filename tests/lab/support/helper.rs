//! The real server's program: answers each TCP connection with its own name. It is the test's own binary, started
//! with a word of its own, so that the lab needs no other program and can kill it like any process.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;

const WORD: &str = "lab-real-server";

/// The program and the arguments that make it a real server called `name` that listens at `address`.
pub(crate) fn command_line(name: &str, address: &str) -> (PathBuf, [String; 3]) {
    let program = std::env::current_exe().expect("the path of this program");
    (program, [WORD.to_owned(), name.to_owned(), address.to_owned()])
}

/// Serves, and does not return, if the program was started to do so. Every `main` of the lab calls it first.
pub(crate) fn serve_if_asked() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(WORD) {
        return;
    }
    let (Some(name), Some(address)) = (arguments.next(), arguments.next()) else {
        panic!("usage: {WORD} NAME ADDRESS:PORT");
    };
    let listener = TcpListener::bind(&address).unwrap_or_else(|error| panic!("listen at {address}: {error}"));
    for connection in listener.incoming() {
        // A health check connects and leaves: that the answer reaches nobody is no matter.
        let _ = connection.and_then(|mut connection| writeln!(connection, "{name}"));
    }
}
