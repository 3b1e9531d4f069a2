//! Names of hosts and services, as the system's resolver knows them (`/etc/hosts`, DNS, `/etc/services`).
//!
//! These calls may wait for a name server: they are for commands, and for threads of a worker that may wait.

use std::ffi::{CStr, CString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

/// The first part of this node's name, as `uname(2)` has it: what a configuration is called without `-i`. Never waits.
#[must_use]
pub fn node_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    name.split('.').next().filter(|n| !n.is_empty()).map(str::to_owned)
}

// gethostbyname, getservbyname and getservbyport answer in buffers of the C library's, one each.
static ANSWERS: Mutex<()> = Mutex::new(());

/// The first IPv4 address of a host name, as `gethostbyname(3)` finds it.
///
/// That is more than `getaddrinfo` finds: a name whose line of `/etc/hosts` has `::1` (Debian's `ip6-localhost`) or an
/// IPv4-mapped address is the IPv4 address that belongs to it.
#[must_use]
#[allow(unsafe_code)]
pub fn address(host: &str) -> Option<Ipv4Addr> {
    unsafe extern "C" {
        fn gethostbyname(name: *const libc::c_char) -> *const libc::hostent;
    }
    let host = CString::new(host).ok()?;
    let _one_at_a_time = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the name ends with a zero; what comes back is null, or valid until the next call, which the lock keeps
    // off. The list ends with a null pointer, and what is in it has `h_length` bytes, for IPv4 four.
    let bytes = unsafe {
        let entry = gethostbyname(host.as_ptr()).as_ref()?;
        if entry.h_addrtype != libc::AF_INET || entry.h_length != 4 {
            return None;
        }
        (*entry.h_addr_list).cast::<[u8; 4]>().as_ref().copied()?
    };
    Some(Ipv4Addr::from(bytes))
}

/// This node's name as others know it, with its domain where the resolver has one.
#[must_use]
#[allow(unsafe_code)]
pub fn full_node_name() -> Option<String> {
    unsafe extern "C" {
        fn gethostbyname(name: *const libc::c_char) -> *const libc::hostent;
    }
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let asked = CString::new(name.as_str()).ok()?;
    let _one_at_a_time = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as in `address`; the name ends with a zero.
    let full = unsafe {
        gethostbyname(asked.as_ptr())
            .as_ref()
            .and_then(|entry| CStr::from_ptr(entry.h_name).to_str().ok().map(str::to_owned))
    };
    Some(full.unwrap_or(name))
}

/// The name of an address.
#[must_use]
#[allow(unsafe_code)]
pub fn host(address: IpAddr) -> Option<String> {
    let address = socket2::SockAddr::from(SocketAddr::new(address, 0));
    let mut name = [0u8; libc::NI_MAXHOST as usize];
    // SAFETY: the address and the buffer outlive the call, and their lengths are theirs.
    let result = unsafe {
        libc::getnameinfo(
            address.as_ptr().cast(),
            address.len(),
            name.as_mut_ptr().cast(),
            name.len() as libc::socklen_t,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if result != 0 {
        return None;
    }
    CStr::from_bytes_until_nul(&name).ok()?.to_str().ok().map(str::to_owned)
}

/// The port of a service name; `protocol` is `tcp`, `udp` or `sctp`.
#[must_use]
#[allow(unsafe_code)]
pub fn port(service: &str, protocol: &str) -> Option<u16> {
    let (service, protocol) = (CString::new(service).ok()?, CString::new(protocol).ok()?);
    let _one_at_a_time = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: both strings end with a zero; what comes back is null, or valid until the next call, which the lock
    // keeps off.
    let entry = unsafe { libc::getservbyname(service.as_ptr(), protocol.as_ptr()).as_ref() }?;
    u16::try_from(entry.s_port).ok().map(u16::from_be)
}

/// The service name of a port; `protocol` is `tcp`, `udp` or `sctp`.
#[must_use]
#[allow(unsafe_code)]
pub fn service(port: u16, protocol: &str) -> Option<String> {
    let protocol = CString::new(protocol).ok()?;
    let _one_at_a_time = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the string ends with a zero; what comes back is null, or valid (with a name that ends with a zero)
    // until the next call, which the lock keeps off.
    unsafe {
        let entry = libc::getservbyport(libc::c_int::from(port.to_be()), protocol.as_ptr()).as_ref()?;
        CStr::from_ptr(entry.s_name).to_str().ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_names_are_known_and_others_are_not() {
        assert_eq!(address("localhost"), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(address("256.0.0.1"), None);
        assert!(host(IpAddr::V4(Ipv4Addr::LOCALHOST)).is_some());
        assert_eq!(port("http", "tcp"), Some(80));
        assert_eq!(service(80, "tcp").as_deref(), Some("http"));
        assert_eq!(port("no such service", "tcp"), None);
        assert_eq!(port("http\0", "tcp"), None);
        assert_eq!(service(1, "no such protocol"), None);
    }
}
