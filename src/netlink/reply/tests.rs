use super::*;

const PORT: u32 = 4242;

/// An `NLMSG_ERROR` as the kernel writes it with `NETLINK_CAP_ACK`.
fn error(sequence: u32, code: i32, text: Option<&str>) -> Vec<u8> {
    let mut payload = code.to_ne_bytes().to_vec();
    payload.extend([0; HEADER]);
    let mut flags = CAPPED;
    if let Some(text) = text {
        flags |= ACK_TLVS;
        payload.extend((text.len() as u16 + 5).to_ne_bytes());
        payload.extend(ATTR_MSG.to_ne_bytes());
        payload.extend(text.as_bytes());
        payload.push(0);
        payload.resize(payload.len().next_multiple_of(4), 0);
    }
    message(KIND_ERROR, flags, sequence, PORT, &payload)
}

fn message(kind: u16, flags: u16, sequence: u32, port: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32 + 16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(payload);
    bytes
}

fn refused(index: usize, errno: Errno, explanation: Option<&str>) -> Failed {
    let explanation = explanation.map(str::to_owned);
    Failed { index, failure: Failure::Refused(Refusal { errno, explanation }) }
}

fn unknown(index: usize) -> Failed {
    Failed { index, failure: Failure::Unknown }
}

fn finish(tally: Tally) -> Vec<Failed> {
    let mut failed = Vec::new();
    tally.finish(&mut failed);
    failed
}

fn read(tally: &mut Tally, datagram: &[u8]) {
    tally.read(datagram, &mut |_, _| {});
}

#[test]
fn silence_before_the_last_acknowledgement_is_success() {
    let mut tally = Tally::new(10, 4, 100, PORT);
    read(&mut tally, &error(101, -libc::EEXIST, Some("Already there")));
    assert!(!tally.complete());
    read(&mut tally, &error(103, 0, None));
    assert!(tally.complete());
    assert_eq!(finish(tally), [refused(11, Errno::EEXIST, Some("Already there"))]);
}

#[test]
fn the_last_request_may_fail_too_and_numbers_may_wrap() {
    let mut tally = Tally::new(0, 3, u32::MAX, PORT);
    let mut both = error(u32::MAX, -libc::ENOENT, None);
    both.extend(error(1, -libc::ESRCH, None));
    read(&mut tally, &both);
    assert!(tally.complete());
    assert_eq!(finish(tally), [refused(0, Errno::ENOENT, None), refused(2, Errno::ESRCH, None)]);
}

#[test]
fn answers_to_others_do_not_count() {
    let mut tally = Tally::new(0, 2, 100, PORT);
    read(&mut tally, &error(99, -libc::EPERM, None));
    read(&mut tally, &error(102, 0, None));
    read(&mut tally, &message(KIND_ERROR, CAPPED, 101, PORT + 1, &[0; 20]));
    assert!(!tally.complete());
    read(&mut tally, &error(101, 0, None));
    assert_eq!(finish(tally), []);
}

#[test]
fn after_a_loss_silence_says_nothing() {
    let mut tally = Tally::new(5, 4, 100, PORT);
    read(&mut tally, &error(101, -libc::EEXIST, None));
    tally.lose();
    assert_eq!(finish(tally), [unknown(5), refused(6, Errno::EEXIST, None), unknown(7), unknown(8)]);

    let mut tally = Tally::new(5, 3, 100, PORT);
    tally.lose();
    read(&mut tally, &error(102, 0, None));
    assert_eq!(finish(tally), [unknown(5), unknown(6)], "the last one's own answer came");

    let mut tally = Tally::new(0, 1, 100, PORT);
    read(&mut tally, &message(KIND_OVERRUN, 0, 100, PORT, &[]));
    assert_eq!(finish(tally), [unknown(0)]);
}

#[test]
fn without_any_answer_nothing_is_known() {
    assert_eq!(finish(Tally::new(0, 2, 1, PORT)), [unknown(0), unknown(1)]);
}

#[test]
fn objects_go_to_the_request_they_answer() {
    let mut tally = Tally::new(3, 2, 100, PORT);
    let mut got = Vec::new();
    let mut datagram = message(30, 0, 101, PORT, b"four");
    datagram.extend(message(KIND_NOOP, 0, 100, PORT, &[]));
    datagram.extend(error(101, 0, None));
    tally.read(&datagram, &mut |index, m| got.push((index, m.kind, m.payload.to_vec())));
    assert_eq!(got, [(4, 30, b"four".to_vec())]);
    assert_eq!(finish(tally), []);
}

#[test]
fn an_uncapped_error_has_its_text_behind_the_whole_request() {
    let mut payload = (-libc::EINVAL).to_ne_bytes().to_vec();
    payload.extend(22_u32.to_ne_bytes());
    payload.extend([0; 20]);
    payload.extend(9_u16.to_ne_bytes());
    payload.extend(ATTR_MSG.to_ne_bytes());
    payload.extend(b"what\0\0\0\0");
    let mut tally = Tally::new(0, 1, 1, PORT);
    read(&mut tally, &message(KIND_ERROR, ACK_TLVS, 1, PORT, &payload));
    assert_eq!(finish(tally), [refused(0, Errno::EINVAL, Some("what"))]);
}

#[test]
fn hostile_answers_never_pass_for_success() {
    let whole = error(7, -libc::EEXIST, Some("text"));
    for cut in 0..whole.len() {
        let mut tally = Tally::new(0, 1, 7, PORT);
        read(&mut tally, &whole[..cut]);
        assert_eq!(finish(tally), [unknown(0)], "cut at {cut}");
    }
    // A length that promises more than is there, an error without a code, lengths of the text.
    for (position, value) in [(0, 255), (0, 3), (0, 18), (36, 255), (36, 1), (3, 255)] {
        let mut broken = whole.clone();
        broken[position] = value;
        let mut tally = Tally::new(0, 1, 7, PORT);
        read(&mut tally, &broken);
        let failed = finish(tally);
        assert_eq!(failed.len(), 1, "{position} {value}");
    }
}

#[test]
fn a_dump_may_end_in_an_error() {
    let end = |payload: &[u8]| {
        let bytes = message(KIND_DONE, 0, 1, PORT, payload);
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        done(&message).map(|r| r.errno)
    };
    assert_eq!(end(&0_i32.to_ne_bytes()), None);
    assert_eq!(end(&[]), None);
    assert_eq!(end(&(-libc::EINTR).to_ne_bytes()), Some(Errno::EINTR));
    assert_eq!(end(&i32::MIN.to_ne_bytes()), Some(Errno::UnknownErrno));
}
