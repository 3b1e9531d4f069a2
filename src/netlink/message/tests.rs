use super::*;

fn sealed(batch: &mut Batch) -> Vec<u8> {
    let n = batch.len();
    batch.seal(0, n, 7, true);
    batch.range(0, n).to_vec()
}

#[test]
fn a_request_is_written_as_the_kernel_reads_it() {
    let mut batch = Batch::new();
    batch.begin_generic(0x22, DUMP, 5, 1).nested(1, |service| {
        service.attr_u16(2, 0x1234).attr_str(6, "rr").attr(7, &[9]);
    });
    let one = |n: u16| n.to_ne_bytes();
    let four = |n: u32| n.to_ne_bytes();
    let mut expected = Vec::new();
    expected.extend(four(48));
    expected.extend(one(0x22));
    expected.extend(one(DUMP | REQUEST | ACK));
    expected.extend(four(7));
    expected.extend(four(0));
    expected.extend([5, 1, 0, 0]);
    expected.extend(one(28));
    expected.extend(one(0x8001));
    expected.extend(one(6));
    expected.extend(one(2));
    expected.extend(one(0x1234));
    expected.extend([0, 0]);
    expected.extend(one(7));
    expected.extend(one(6));
    expected.extend(b"rr\0\0");
    expected.extend(one(5));
    expected.extend(one(7));
    expected.extend([9, 0, 0, 0]);
    assert_eq!(sealed(&mut batch), expected);
}

#[test]
fn only_the_last_request_of_a_send_asks_for_an_answer() {
    let mut batch = Batch::new();
    for kind in 20..25 {
        batch.begin(kind, CREATE).bytes(&[1, 2, 3]);
    }
    batch.seal(0, 3, u32::MAX, true);
    batch.seal(3, 5, 2, true);
    let messages: Vec<_> = Messages::new(batch.range(0, 5)).map(Result::unwrap).collect();
    assert_eq!(
        messages.iter().map(|m| m.flags & ACK != 0).collect::<Vec<_>>(),
        [false, false, true, false, true]
    );
    assert_eq!(messages.iter().map(|m| m.sequence).collect::<Vec<_>>(), [u32::MAX, 0, 1, 2, 3]);
    assert_eq!(messages.iter().map(|m| m.kind).collect::<Vec<_>>(), [20, 21, 22, 23, 24]);
    // Sealing again in another division takes earlier marks back.
    batch.seal(0, 5, 9, true);
    let acks = Messages::new(batch.range(0, 5)).filter(|m| m.as_ref().unwrap().flags & ACK != 0).count();
    assert_eq!(acks, 1);
}

#[test]
fn what_is_too_long_gives_up_its_own_request_only() {
    let long = vec![0; 65_532];
    let mut batch = Batch::new();
    batch.begin(20, 0).attr_u8(1, 1);
    batch.begin(21, 0).nested(1, |n| {
        n.attr_u8(1, 1).attr(2, &long).attr_u8(3, 3);
    });
    batch.begin(22, 0).nested(1, |n| {
        n.attr(1, &long[..40_000]).attr(2, &long[..40_000]);
    });
    batch.begin(23, 0).attr_str(1, &"x".repeat(65_531));
    batch.begin(24, 0).attr_str(1, &"x".repeat(65_530));
    assert_eq!(batch.oversized(), [1, 2, 3]);
    let bytes = sealed(&mut batch);
    let kinds: Vec<_> = Messages::new(&bytes).map(|m| m.unwrap().kind).collect();
    assert_eq!(kinds, [20, KIND_NOOP, KIND_NOOP, KIND_NOOP, 24]);
    batch.clear();
    assert!(batch.is_empty() && batch.oversized().is_empty());
}

#[test]
fn what_was_written_is_read_back() {
    let mut batch = Batch::new();
    batch.begin(30, 0).bytes(&[1, 0, 0, 0]).attr_u32(1, 70_000).attr_be16(2, 3306).nested(3, |n| {
        n.attr_u8(1, 4).attr_str(2, "eth0");
    });
    let bytes = sealed(&mut batch);
    let message = Messages::new(&bytes).next().unwrap().unwrap();
    let attributes: Vec<_> = message.attributes(4).unwrap().map(Result::unwrap).collect();
    assert_eq!(attributes[0].u32(), Some(70_000));
    assert_eq!(attributes[0].u16(), None);
    assert_eq!((attributes[1].be16(), attributes[1].payload), (Some(3306), &[0x0c, 0xea][..]));
    assert_eq!(attributes[2].kind, 3);
    let inner: Vec<_> = attributes[2].nested().map(Result::unwrap).collect();
    assert_eq!((inner[0].u8(), inner[1].str()), (Some(4), Some("eth0")));
}

#[test]
fn cut_anywhere_or_with_any_length_reading_ends_without_a_panic() {
    let mut batch = Batch::new();
    batch.begin(30, 0).bytes(&[1, 0, 0, 0]).attr_u32(1, 5).nested(3, |n| {
        n.attr_str(2, "eth0");
    });
    batch.begin(31, 0).attr_u8(1, 1);
    let whole = sealed(&mut batch);
    let walk = |bytes: &[u8]| -> (usize, bool) {
        let (mut good, mut bad) = (0, false);
        for message in Messages::new(bytes) {
            match message {
                Ok(m) => {
                    good += 1;
                    for a in m.attributes(4).into_iter().flatten().flatten() {
                        let _ = (a.u8(), a.str(), a.nested().count());
                    }
                }
                Err(Malformed) => bad = true,
            }
        }
        (good, bad)
    };
    assert_eq!(walk(&whole), (2, false));
    for cut in 1..whole.len() {
        let (good, bad) = walk(&whole[..cut]);
        assert!(good <= 2 && (bad || good == 1 || cut >= whole.len() - 3), "cut at {cut}: {good} {bad}");
    }
    for position in 0..whole.len() {
        for value in [0, 1, 3, 15, 17, 0x7f, 0xff] {
            let mut broken = whole.clone();
            broken[position] = value;
            walk(&broken);
        }
    }
}
