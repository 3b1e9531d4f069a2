//! Trailers that another implementation computed (Python's `hmac` and `hashlib`, over recorded adverts).

use super::*;
use proptest::prelude::*;

const V4: &[u8] = include_bytes!("../../../../tests/vectors/vrrp/keepalived-2.2.7-v3-ipv4.bin");
const V6: &[u8] = include_bytes!("../../../../tests/vectors/vrrp/keepalived-2.2.7-v3-ipv6.bin");
const TRAILER_V4: [u8; LEN] = [
    0x01, 0x07, 0, 0, 0x65, 0x53, 0xf1, 0x00, 0x80, 0x00, 0x00, 0x03, 0x23, 0x22, 0xdf, 0xf0, 0xd5, 0x4d,
    0x80, 0x94, 0xd7, 0x9a, 0xa9, 0x01, 0x8c, 0xf2, 0xca, 0x9e,
];
const TRAILER_V6: [u8; LEN] = [
    0x01, 0x07, 0, 0, 0x65, 0x53, 0xf1, 0x00, 0x80, 0x00, 0x00, 0x03, 0xf9, 0x8a, 0x79, 0x05, 0x5b, 0xf4,
    0x8e, 0x0c, 0xef, 0x83, 0x28, 0xaa, 0x07, 0xe6, 0xea, 0x67,
];
const SAID: Trailer = Trailer { key: 7, sequence: 1_700_000_000 << 32 | 0x8000 << 16 | 3 };

fn key() -> Vec<u8> {
    (0..32).collect()
}

fn all() -> [(&'static [u8], [u8; LEN], IpAddr); 2] {
    [(V4, TRAILER_V4, "10.9.0.1".parse().unwrap()), (V6, TRAILER_V6, "fe80::ff:fe00:1".parse().unwrap())]
}

#[test]
fn trailers_are_read_and_written_as_another_implementation_has_them() {
    for (advert, trailer, source) in all() {
        assert_eq!(Trailer::parse(&trailer), Some(SAID));
        let mut bytes = [advert, &[0; LEN]].concat();
        SAID.write(&key(), source, &mut bytes);
        assert_eq!(bytes, [advert, &trailer].concat());
        assert!(is_signed(&key(), source, &bytes));
    }
}

#[test]
fn a_changed_byte_is_seen_unless_it_is_the_checksum() {
    for (advert, trailer, source) in all() {
        let signed = [advert, &trailer].concat();
        for at in 0..signed.len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            assert_eq!(is_signed(&key(), source, &changed), SUM.contains(&at), "byte {at}");
        }
        assert!(!is_signed(&key(), "10.9.0.2".parse().unwrap(), &signed), "another source");
        assert!(!is_signed(&[1; 32], source, &signed), "another key");
    }
}

#[test]
fn other_kinds_are_none() {
    let with = |at: usize, byte: u8| {
        let mut trailer = TRAILER_V4;
        trailer[at] = byte;
        trailer
    };
    assert_eq!(Trailer::parse(&with(0, 2)), None);
    assert_eq!(Trailer::parse(&with(3, 1)), None);
    assert_eq!(Trailer::parse(&TRAILER_V4[1..]), None);
    assert_eq!(Trailer::parse(&[&TRAILER_V4[..], &[0]].concat()), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), key in prop::collection::vec(any::<u8>(), 0..80)) {
        let source = "10.9.0.1".parse().unwrap();
        let _ = Trailer::parse(&bytes);
        prop_assert!(!is_signed(&key, source, &bytes));
        let mut bytes = bytes;
        SAID.write(&key, source, &mut bytes);
    }
}
