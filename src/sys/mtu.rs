//! How many bytes an interface sends in one packet.

use nix::errno::Errno;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// The MTU of this network namespace's interface. `/sys` may show those of another namespace.
///
/// # Errors
/// The kernel's reason, most often that there is no such interface.
#[allow(unsafe_code)]
pub fn of(name: &str) -> std::io::Result<u32> {
    // SAFETY: numbers and addresses, for which zeros are values.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let bytes = name.as_bytes();
    // The last byte stays the end of the name.
    if bytes.len() >= request.ifr_name.len() {
        return Err(Errno::ENAMETOOLONG.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = from.cast_signed() as libc::c_char;
    }
    let socket = UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: the kernel reads and writes an `ifreq`, which outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU, &raw mut request) };
    Errno::result(result)?;
    // SAFETY: it is what the kernel has filled in.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    u32::try_from(mtu).map_err(|_| Errno::ERANGE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_one_and_nobody_else_is_made_up() {
        assert!(of("lo").unwrap() >= 1500);
        assert!(of("no-such-if").is_err());
        assert!(of("a-name-that-no-interface-can-have").is_err());
    }
}
