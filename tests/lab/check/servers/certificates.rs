//! Certificates of an authority of the test's own, and broken ones.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

/// Writes `NAME.pem` and `NAME.key` for each: `ca`; `good` and `client` by it; `expired`, `misnamed` (for another host),
/// `unsigned` (by itself); `other`, another authority.
pub(super) fn write(dir: &Path) {
    let authority = authority("the test's authority");
    let (ca, key) = &authority;
    save(dir, "ca", &ca.self_signed(key).expect("a certificate").pem(), key);
    let (other, other_key) = self::authority("another authority");
    save(dir, "other", &other.self_signed(&other_key).expect("a certificate").pem(), &other_key);
    let issuer = Issuer::from_params(ca, key);
    let signed = |name: &str, host: &str, days_ago: u32| {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(host, days_ago).signed_by(&key, &issuer).expect("a certificate");
        save(dir, name, &certificate.pem(), &key);
    };
    signed("good", "www.example", 0);
    signed("client", "client.example", 0);
    signed("expired", "www.example", 2);
    signed("misnamed", "elsewhere.example", 0);
    let key = KeyPair::generate().expect("a key");
    let own = params("www.example", 0).self_signed(&key).expect("a certificate");
    save(dir, "unsigned", &own.pem(), &key);
}

/// A certificate for a host, for three days that began a day and so many more ago.
fn params(host: &str, days_ago: u32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
    let begin = SystemTime::now() - DAY * (days_ago + 2);
    params.not_before = begin.into();
    params.not_after = (begin + DAY * 3).into();
    params
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = params(name, 0);
    params.subject_alt_names.clear();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params, KeyPair::generate().expect("a key"))
}

fn save(dir: &Path, name: &str, certificate: &str, key: &KeyPair) {
    fs::write(dir.join(format!("{name}.pem")), certificate).expect("write a certificate");
    fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).expect("write a key");
}
