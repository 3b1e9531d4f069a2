//! Bytes recorded from keepalived 2.2.7, both ways, and what a flipped byte does to each field.

use super::*;
use crate::wire::internet_checksum;
use proptest::prelude::*;

/// A recorded packet: its IP addresses, its bytes from the VRRP header on, what they say.
struct Vector {
    source: &'static str,
    destination: &'static str,
    bytes: &'static [u8],
    advert: Advert,
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn vectors() -> Vec<Vector> {
    let vrid = |id| Vrid::new(id).unwrap();
    let v4: Shared<[IpAddr]> = [ip("10.9.0.230"), ip("10.9.0.119")].into();
    vec![
        Vector {
            source: "10.9.0.1",
            destination: "224.0.0.18",
            bytes: include_bytes!("../../../tests/vectors/vrrp/keepalived-2.2.7-v2-pass.bin"),
            advert: Advert {
                vrid: vrid(230),
                priority: 150,
                addresses: v4.clone(),
                body: Body::V2 { interval: Secs(1), auth: Authentication::Pass(*b"himitsu\0") },
            },
        },
        Vector {
            source: "10.9.0.1",
            destination: "224.0.0.18",
            bytes: include_bytes!("../../../tests/vectors/vrrp/keepalived-2.2.7-v3-ipv4.bin"),
            advert: Advert {
                vrid: vrid(7),
                priority: 150,
                addresses: v4,
                body: Body::V3 { interval: Centis(50) },
            },
        },
        Vector {
            source: "fe80::ff:fe00:1",
            destination: "ff02::12",
            bytes: include_bytes!("../../../tests/vectors/vrrp/keepalived-2.2.7-v3-ipv6.bin"),
            advert: Advert {
                vrid: vrid(6),
                priority: 150,
                addresses: [ip("fe80::230"), ip("2001:db8::230")].into(),
                body: Body::V3 { interval: Centis(100) },
            },
        },
    ]
}

#[test]
fn says_and_reads_what_keepalived_says() {
    for v in vectors() {
        let (source, destination) = (ip(v.source), ip(v.destination));
        assert_eq!(Advert::decode(v.bytes, source, destination), Ok(v.advert.clone()));
        assert_eq!(v.advert.encode(source, destination), v.bytes);
    }
}

#[test]
fn a_flipped_byte_is_seen_wherever_it_is() {
    for v in vectors() {
        for at in 0..v.bytes.len() {
            let mut bytes = v.bytes.to_vec();
            bytes[at] ^= 0x41;
            let got = Advert::decode(&bytes, ip(v.source), ip(v.destination));
            let expected: &[DecodeError] = match at {
                0 => &[DecodeError::Version(v.bytes[0] >> 4 ^ 4)],
                // The count also says how long the packet must be.
                3 => &[DecodeError::Length { expected: length_for(v.bytes, bytes[3]), got: bytes.len() }],
                _ => &[DecodeError::Checksum],
            };
            assert!(expected.contains(&got.clone().unwrap_err()), "byte {at}: {got:?}");
        }
    }
}

fn length_for(original: &[u8], count: u8) -> usize {
    let fixed = if original[0] >> 4 == 2 { 16 } else { 8 };
    let each = (original.len() - fixed) / usize::from(original[3]);
    fixed + each * usize::from(count)
}

#[test]
fn each_rule_has_its_error() {
    let v = &vectors()[1];
    let (source, destination) = (ip(v.source), ip(v.destination));
    // What follows is made with a right checksum: only the one rule is broken.
    let decode = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = v.bytes.to_vec();
        change(&mut bytes);
        bytes[6..8].copy_from_slice(&[0, 0]);
        let sum = Sum::PseudoHeader.of(Version::V3, source, destination, &bytes);
        bytes[6..8].copy_from_slice(&sum.to_be_bytes());
        Advert::decode(&bytes, source, destination).unwrap_err()
    };
    assert_eq!(decode(&|b| b[0] = 0x32), DecodeError::Type(2));
    assert_eq!(decode(&|b| b[0] = 0x41), DecodeError::Version(4));
    assert_eq!(decode(&|b| b[1] = 0), DecodeError::Vrid);
    assert_eq!(decode(&|b| b[4..6].fill(0)), DecodeError::Interval);
    assert_eq!(decode(&|b| b.push(0)), DecodeError::Length { expected: 16, got: 17 });
    let v6 = Advert::decode(vectors()[0].bytes, ip("fe80::1"), ip("ff02::12"));
    assert_eq!(v6, Err(DecodeError::Version(2)), "version 2 has no IPv6");
    let empty = Advert::decode(&[], source, destination);
    assert_eq!(empty, Err(DecodeError::Length { expected: 8, got: 0 }));
}

#[test]
fn reserved_bits_are_sent_as_zero_and_ignored() {
    let v = &vectors()[1];
    let (source, destination) = (ip(v.source), ip(v.destination));
    let mut bytes = v.bytes.to_vec();
    bytes[4] |= 0xf0;
    Sum::PseudoHeader.renew(Version::V3, source, destination, &mut bytes);
    assert_eq!(Advert::decode(&bytes, source, destination), Ok(v.advert.clone()));
    let body = Body::V3 { interval: Centis(0xf032) };
    let written = Advert { body, ..v.advert.clone() }.encode(source, destination);
    assert_eq!(written, v.bytes);
}

#[test]
fn the_checksum_covers_where_a_packet_of_version_3_goes_and_none_of_version_2() {
    for v in vectors() {
        let destination = if ip(v.source).is_ipv4() { "224.0.0.99" } else { "ff02::99" };
        let got = Advert::decode(v.bytes, ip(v.source), ip(destination));
        let expected = match v.advert.body.version() {
            Version::V2 => Ok(v.advert),
            Version::V3 => Err(DecodeError::Checksum),
        };
        assert_eq!(got, expected);
    }
    // `v3_checksum_as_v2`: over IPv4 the packet alone, as in RFC 9568; over IPv6 nothing else.
    let [_, v4, v6] = &vectors()[..] else { panic!("three vectors") };
    for (v, is_ipv6) in [(v4, false), (v6, true)] {
        let bytes = v.advert.encode_with(Sum::AsV2, ip(v.source), ip(v.destination));
        assert_eq!(internet_checksum(&[&bytes]) == 0, !is_ipv6);
        assert_eq!(bytes == v.bytes, is_ipv6);
    }
}

#[test]
fn authentication_data_of_type_0_are_sent_as_zeros_and_ignored() {
    let v = &vectors()[0];
    let (source, destination) = (ip(v.source), ip(v.destination));
    let body = Body::V2 { interval: Secs(1), auth: Authentication::None };
    let advert = Advert { body, ..v.advert.clone() };
    let mut bytes = advert.encode(source, destination);
    let data = bytes.len() - AUTH_LEN;
    assert_eq!(bytes[data..], [0; AUTH_LEN]);
    bytes[data..].copy_from_slice(b"whatever");
    Sum::PseudoHeader.renew(Version::V2, source, destination, &mut bytes);
    assert_eq!(Advert::decode(&bytes, source, destination), Ok(advert));
}

#[test]
fn an_interval_that_does_not_fit_is_cut_off_not_wrapped() {
    assert_eq!(Centis::from(Duration::from_secs(41)), Centis(4095));
    assert_eq!(Centis::from(Duration::from_millis(5)), Centis(1));
    assert_eq!(Secs::from(Duration::from_secs(300)), Secs(255));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), v6 in any::<bool>()) {
        let (s, d) = if v6 { ("fe80::1", "ff02::12") } else { ("10.0.0.1", "224.0.0.18") };
        if let Ok(advert) = Advert::decode(&bytes, ip(s), ip(d)) {
            prop_assert_eq!(Advert::decode(&advert.encode(ip(s), ip(d)), ip(s), ip(d)), Ok(advert));
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        vrid in 1..=255u8, priority: u8, v3: bool, interval in 1..4096u16, pass: Option<[u8; 8]>,
        addresses in prop::collection::vec(any::<[u8; 4]>(), 0..255),
    ) {
        let body = if v3 {
            Body::V3 { interval: Centis(interval) }
        } else {
            let auth = pass.map_or(Authentication::None, Authentication::Pass);
            Body::V2 { interval: Secs::from(Duration::from_secs(interval.into())), auth }
        };
        let addresses = addresses.into_iter().map(IpAddr::from).collect();
        let advert = Advert { vrid: Vrid::new(vrid).unwrap(), priority, addresses, body };
        let (source, destination) = (ip("192.0.2.1"), ip("224.0.0.18"));
        let bytes = advert.encode(source, destination);
        prop_assert_eq!(Advert::decode(&bytes, source, destination), Ok(advert));
        for cut in 0..bytes.len() {
            prop_assert!(Advert::decode(&bytes[..cut], source, destination).is_err());
        }
    }
}
