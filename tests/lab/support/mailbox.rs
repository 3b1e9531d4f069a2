//! A mail server that keeps what it is told, or behaves badly.

use super::Host;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What clients said, a connection each.
pub(crate) type Talks = Arc<Mutex<Vec<String>>>;

/// How the next connection is treated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It takes every mail.
    Takes,
    /// It greets nobody.
    Silent,
    /// Each recipient is refused for good.
    Refuses,
}

/// Serves on port 25 of the host, each connection in the next manner, the last one for ever.
pub(crate) fn serve(host: &Host, manners: &'static [Manner]) -> Talks {
    let listener = host.enter(|| TcpListener::bind("127.0.0.1:25")).expect("listen");
    let talks = Talks::default();
    let theirs = Arc::clone(&talks);
    std::thread::spawn(move || {
        for (at, connection) in listener.incoming().enumerate() {
            let Ok(connection) = connection else { return };
            let manner = manners.get(at).or(manners.last()).copied().unwrap_or(Manner::Takes);
            let talks = Arc::clone(&theirs);
            std::thread::spawn(move || {
                // Who leaves in the middle is no matter.
                let _ = talk(&connection, manner, &talks);
            });
        }
    });
    talks
}

fn talk(connection: &TcpStream, manner: Manner, talks: &Talks) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection).lines();
    let answer = |text: &str| write!(&*connection, "{text}\r\n");
    if manner == Manner::Silent {
        lines.next();
        return Ok(());
    }
    answer("220-mail.example.com\r\n220 ready")?;
    let (mut said, mut in_text) = (String::new(), false);
    while let Some(line) = lines.next().transpose()? {
        said += &format!("{line}\n");
        match line.as_str() {
            "." if in_text => {
                in_text = false;
                // Before the answer: who hears of it finds it here.
                talks.lock().expect("no panic while held").push(said.clone());
                answer("250 taken")?;
            }
            _ if in_text => {}
            "DATA" => {
                in_text = true;
                answer("354 go on")?;
            }
            "QUIT" => return answer("221 bye"),
            other if other.starts_with("RCPT") && manner == Manner::Refuses => answer("550 unknown")?,
            _ => answer("250 ok")?,
        }
    }
    Ok(())
}
