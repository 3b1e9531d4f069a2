//! What a server may say of frames and headers.

use super::*;

/// The parts of what comes in pieces of `size` bytes, what is said, and how it ends.
fn parts(bytes: &[u8], size: usize) -> (Vec<String>, Vec<u8>, Option<String>) {
    let (mut connection, mut found, mut said) = (Connection::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(size) {
        connection.extend(piece);
        loop {
            match connection.next() {
                Ok(Some(part)) => found.push(match part {
                    Part::Headers(block, ends) => format!("headers {} {ends}", block.escape_ascii()),
                    Part::Data(bytes, ends) => format!("data {} {ends}", bytes.escape_ascii()),
                }),
                Ok(None) => break,
                Err(failure) => return (found, said, Some(failure.to_string())),
            }
        }
        if let Step::Say(more) = connection.wait() {
            said.extend(more);
        }
    }
    (found, said, None)
}

/// The same however it is cut.
fn of(frames: &[Vec<u8>]) -> (Vec<String>, Vec<u8>, Option<String>) {
    let bytes = frames.concat();
    let all = [1, 2, 9, 100, usize::MAX].map(|size| parts(&bytes, size));
    // What is said in vain before a failure is up to the pieces.
    assert!(all.iter().all(|(found, _, failure)| (found, failure) == (&all[0].0, &all[0].2)), "{all:?}");
    if all[0].2.is_none() {
        assert!(all.iter().all(|(_, said, _)| *said == all[0].1), "{all:?}");
    }
    all.into_iter().next().unwrap()
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

/// What is wrong with an answer of these frames behind its settings.
fn wrong(frames: &[Vec<u8>]) -> String {
    of(&[&[settings()], frames].concat()).2.expect("a failure")
}

#[test]
fn headers_and_data_come_without_what_is_around_them() {
    let (found, said, failure) = of(&[
        frame(SETTINGS, 0, 0, b"\0\x03\0\0\0\x64\0\x04\0\0\xff\xff"),
        frame(SETTINGS, ACK, 0, &[]),
        frame(WINDOW_UPDATE, 0, 0, b"\0\0\xff\xff"),
        frame(HEADERS, PADDED | PRIORITY, STREAM, b"\x02\0\0\0\0\x10ab\0\0"),
        frame(CONTINUATION, 0, STREAM, b""),
        // Its other flags mean nothing.
        frame(CONTINUATION, END_HEADERS | PADDED | END_STREAM, STREAM, b"\x01cd"),
        frame(PING, 0, 0, b"12345678"),
        frame(DATA, PADDED, STREAM, b"\x03hello\0\0\0"),
        // Of a type that nobody knows.
        frame(0xbe, 0xff, 77, b"?"),
        frame(PING, ACK, 0, b"87654321"),
        frame(DATA, 0, STREAM, b"bye"),
        // The server is about to end, and what it has begun goes on.
        frame(GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\0"),
        frame(HEADERS, END_HEADERS | END_STREAM, STREAM, b"x"),
    ]);
    assert_eq!(failure, None);
    assert_eq!(found, ["headers ab\\x01cd false", "data hello false", "data bye false", "headers x true"]);
    assert_eq!(said, [frame(SETTINGS, ACK, 0, &[]), frame(PING, ACK, 0, b"12345678")].concat());
    let (found, ..) = of(&[settings(), frame(DATA, END_STREAM, STREAM, &[])]);
    assert_eq!(found, ["data  true"]);
}

#[test]
fn what_breaks_the_rules_is_no_http_2() {
    for frames in [
        vec![frame(SETTINGS, 0, STREAM, &[])],
        vec![frame(SETTINGS, 0, 0, &[0; 5])],
        vec![frame(PING, 0, 0, &[0; 7])],
        vec![frame(PUSH_PROMISE, END_HEADERS, STREAM, &[0; 4])],
        // Headers that are not whole, and something else; or the rest of none.
        vec![frame(HEADERS, 0, STREAM, b"a"), frame(PING, 0, 0, &[0; 8])],
        vec![frame(HEADERS, 0, STREAM, b"a"), frame(HEADERS, END_HEADERS, STREAM, b"b")],
        vec![frame(CONTINUATION, END_HEADERS, STREAM, b"a")],
        // More padding than there is.
        vec![frame(DATA, PADDED, STREAM, &[])],
        vec![frame(DATA, PADDED, STREAM, b"\x02a")],
        vec![frame(HEADERS, PADDED | PRIORITY | END_HEADERS, STREAM, b"\x01\0\0\0\0\0")],
        vec![frame(HEADERS, PRIORITY | END_HEADERS, STREAM, b"\0\0\0\0")],
    ] {
        assert_eq!(wrong(&frames), "the answer is no HTTP/2", "{frames:?}");
    }
    for first in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, ACK, 0, &[]), b"HTTP/1.1 400 Oh".to_vec()] {
        assert_eq!(of(&[first]).2.as_deref(), Some("the answer is no HTTP/2"));
    }
}

#[test]
fn other_streams_and_ends_are_failures() {
    for frames in [
        frame(DATA, 0, 3, b"x"),
        frame(HEADERS, END_HEADERS, 2, b"x"),
        frame(RST_STREAM, 0, 0, &[0; 4]),
        frame(DATA, 0, 0, b"x"),
    ] {
        assert_eq!(wrong(&[frames]), "the server answers what nobody has asked for");
    }
    let continued = [frame(HEADERS, 0, STREAM, b"a"), frame(CONTINUATION, END_HEADERS, 3, b"b")];
    assert_eq!(wrong(&continued), "the server answers what nobody has asked for");
    for (goaway, error) in [
        (&b"\0\0\0\0\0\0\0\0"[..], "error 0 (NO_ERROR)"),
        (b"\0\0\0\x01\0\0\0\x01", "error 1 (PROTOCOL_ERROR)"),
        (b"\0\0\0\x01\0\0\0\x0dwith a text", "error 13 (HTTP_1_1_REQUIRED)"),
        (b"\0\0\0\x01\0\0\0\x0e", "error 14"),
        (b"", "error 0 (NO_ERROR)"),
    ] {
        let goaway = frame(GOAWAY, 0, 0, goaway);
        assert_eq!(wrong(&[goaway]), format!("the server ends the connection with {error}"));
    }
    assert_eq!(
        wrong(&[frame(RST_STREAM, 0, STREAM, b"\0\0\0\x08")]),
        "the server ends the request with error 8 (CANCEL)"
    );
}

#[test]
fn floods_end() {
    let endless = "the server's answer does not end";
    for flood in [
        frame(SETTINGS, 0, 0, &[]),
        frame(PING, 0, 0, &[0; 8]),
        frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01"),
        frame(DATA, 0, STREAM, &[]),
        frame(DATA, PADDED, STREAM, b"\x01\0"),
        frame(HEADERS, END_HEADERS, STREAM, b"\x88"),
        frame(0x77, 0, 0, &[]),
    ] {
        let bytes = [settings(), flood.repeat(MOST_EMPTY as usize)].concat();
        assert_eq!(parts(&bytes, 16_384).2.as_deref(), Some(endless), "{flood:?}");
    }
    let continued = frame(CONTINUATION, 0, STREAM, &[]).repeat(MOST_EMPTY as usize);
    let bytes = [settings(), frame(HEADERS, 0, STREAM, b"a"), continued].concat();
    assert_eq!(parts(&bytes, 16_384).2.as_deref(), Some(endless));
    // A flood of CONTINUATION that brings something ends after 64 KiB.
    let bomb = frame(CONTINUATION, 0, STREAM, &[b'a'; 16_000]).repeat(5);
    let bytes = [settings(), frame(HEADERS, 0, STREAM, b"a"), bomb].concat();
    assert_eq!(parts(&bytes, 100_000).2.as_deref(), Some("the head of the answer does not end"));
    // Nobody waits for the end of a frame of 16 MiB.
    let huge = [settings(), b"\xff\xff\xff\0\0\0\0\0\x01".to_vec()].concat();
    assert_eq!(parts(&huge, 1).2.as_deref(), Some("a frame of the server is too long"));
}

#[test]
fn what_was_read_is_not_kept() {
    let mut connection = Connection::default();
    connection.extend(&settings());
    let data = frame(DATA, 0, STREAM, &[b'a'; 16_384]);
    for _ in 0..1000 {
        connection.extend(&data);
        while connection.next().unwrap().is_some() {}
        let _ = connection.wait();
    }
    assert!(connection.kept.capacity() < 100_000, "{}", connection.kept.capacity());
}

/// Vectors of RFC 7541, appendix C, and of servers.
#[test]
fn the_status_is_the_first_of_the_headers() {
    for (block, expected) in [
        (&b"\x88"[..], Some(200)),
        (b"\x89", Some(204)),
        (b"\x8e\x61\x02ab", Some(500)),
        // C.5.1, C.6.1 and C.6.2: as it is, and in Huffman's code.
        (b"\x48\x03302\x58\x07private", Some(302)),
        (b"\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b", Some(302)),
        (b"\x48\x83\x64\x0e\xff", Some(307)),
        // As nginx, behind the size of its table.
        (b"\x20\x48\x82\x10\x05", Some(202)),
        (b"\x3f\xe1\x1f\x88", Some(200)),
        (b"\x08\x03503", Some(503)),
        (b"\x18\x03503", Some(503)),
        (b"\x00\x07:status\x03404", Some(404)),
        (b"\x10\x85\xb8\x84\x8d\x36\xa3\x03404", Some(404)),
        // Other headers, other forms, less than there should be.
        (b"", None),
        (b"\x20", None),
        (b"\x3f\xff", None),
        (b"\x81", None),
        (b"\xbe", None),
        (b"\x7f\x00\x03200", None),
        (b"\x48", None),
        (b"\x48\x03", None),
        (b"\x48\x0220", None),
        (b"\x48\x042000", None),
        (b"\x48\x03-20", None),
        (b"\x48\x7f200", None),
        (b"\x48\x80", None),
        (b"\x48\x82\x64", None),
        (b"\x48\x84\x64\x02\xff\xff", None),
        (b"\x48\x82\xff\xff", None),
        (b"\x00\x06status\x03200", None),
    ] {
        assert_eq!(status(block), expected, "{}", block.escape_ascii());
    }
}

/// Codes of RFC 7541, appendix B: five bits up to 2, then six.
#[test]
fn each_status_is_read_in_huffmans_code() {
    for number in 100..=999_u16 {
        let mut bits = String::new();
        for digit in number.to_string().bytes().map(|byte| u32::from(byte - b'0')) {
            bits +=
                &if digit < 3 { format!("{digit:05b}") } else { format!("{:06b}", 0b01_1001 + digit - 3) };
        }
        bits += &"1".repeat((8 - bits.len() % 8) % 8);
        let byte = |at: usize| u8::from_str_radix(&bits[at..at + 8], 2).unwrap();
        let text: Vec<u8> = (0..bits.len()).step_by(8).map(byte).collect();
        let block = [&[0x48, 0x80 | text.len() as u8], text.as_slice()].concat();
        assert_eq!(status(&block), Some(number));
        // Whoever ends with zeros instead breaks the rules.
        let mut other = block.clone();
        if bits.ends_with('1') && number % 10 != 9 {
            *other.last_mut().unwrap() &= 0xfe;
            assert_ne!(status(&other), Some(number));
        }
    }
}
