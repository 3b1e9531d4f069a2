//! What keepalived 2.2.7 sent, read and written; and what one changed byte does.

use super::*;
use proptest::prelude::*;

const KEY: &[u8; 8] = b"himitsu\0";
const MULTICAST: &[u8] = include_bytes!("../../../../tests/vectors/vrrp/keepalived-2.2.7-ah-multicast.bin");
const UNICAST: &[u8] = include_bytes!("../../../../tests/vectors/vrrp/keepalived-2.2.7-ah-unicast.bin");
const ALL: [(&[u8], Way, [u8; 4]); 2] =
    [(MULTICAST, Way::Multicast, [224, 0, 0, 18]), (UNICAST, Way::Unicast, [10, 9, 0, 2])];

#[test]
fn keepalives_packets_are_read_and_written_byte_for_byte() {
    for (packet, way, destination) in ALL {
        let (ip, payload) = packet.split_at(IPV4_LEN);
        assert_eq!(open(KEY, way, ip, payload), Ok(1));
        assert!(is_vrrp(payload));
        let ours = ip_header([10, 9, 0, 1].into(), destination.into(), 255, 1, payload.len());
        let mut written = payload.to_vec();
        written[..HEADER_LEN].fill(0);
        seal(KEY, way, 1, &ours, &mut written);
        assert_eq!(written, payload);
    }
}

#[test]
fn a_changed_byte_is_seen_unless_the_way_may_change_it() {
    for (packet, way, _) in ALL {
        for at in 0..packet.len() {
            let mut changed = packet.to_vec();
            changed[at] ^= 0x11;
            let (ip, payload) = changed.split_at(IPV4_LEN);
            let may_change = match at {
                1 | 6 | 7 | 10 | 11 => true,
                8 => way == Way::Unicast,
                _ => false,
            };
            let expected = if may_change { Ok(1) } else { Err(Unsealed::Digest) };
            assert_eq!(open(KEY, way, ip, payload), expected, "byte {at}");
        }
        let (ip, payload) = packet.split_at(IPV4_LEN);
        assert_eq!(open(b"himitsu2", way, ip, payload), Err(Unsealed::Digest));
        for cut in 0..HEADER_LEN {
            assert_eq!(open(KEY, way, ip, &payload[..cut]), Err(Unsealed::Short));
        }
        for cut in 0..IPV4_LEN {
            assert_eq!(open(KEY, way, &ip[..cut], payload), Err(Unsealed::Short));
        }
    }
}

#[test]
fn the_spi_is_the_source() {
    let mut payload = vec![0; HEADER_LEN + 20];
    let ip = ip_header([10, 0, 0, 1].into(), [224, 0, 0, 18].into(), 255, 7, payload.len());
    let other = ip_header([10, 0, 0, 2].into(), [224, 0, 0, 18].into(), 255, 7, payload.len());
    seal(KEY, Way::Multicast, 9, &ip, &mut payload);
    // Signed again for another source: only the SPI is left of the first one.
    let spi = payload[4..8].to_vec();
    seal(KEY, Way::Multicast, 9, &other, &mut payload);
    payload[4..8].copy_from_slice(&spi);
    payload[DIGEST_AT..HEADER_LEN].fill(0);
    let digest = mac(KEY, Way::Multicast, &other, &payload).unwrap().finalize().into_bytes();
    payload[DIGEST_AT..HEADER_LEN].copy_from_slice(&digest[..DIGEST_LEN]);
    assert_eq!(open(KEY, Way::Multicast, &other, &payload), Err(Unsealed::Spi));
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(sequence: u32, id: u16, ttl: u8, way: bool, advert in prop::collection::vec(any::<u8>(), 0..64)) {
        let way = if way { Way::Unicast } else { Way::Multicast };
        let mut payload = [vec![0; HEADER_LEN], advert].concat();
        let ip = ip_header([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), ttl, id, payload.len());
        seal(KEY, way, sequence, &ip, &mut payload);
        prop_assert_eq!(open(KEY, way, &ip, &payload), Ok(sequence));
    }

    #[test]
    fn no_bytes_panic(ip in prop::collection::vec(any::<u8>(), 0..64), payload in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(open(KEY, Way::Multicast, &ip, &payload).is_err());
    }
}
