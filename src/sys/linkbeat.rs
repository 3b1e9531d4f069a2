//! Asking an interface's driver whether its link is up: the registers of its transceiver, the ethtool call, its flags.

use nix::errno::Errno;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// `linux/sockios.h`
const SIOCETHTOOL: libc::c_ulong = 0x8946;
const SIOCGMIIPHY: libc::c_ulong = 0x8947;
const SIOCGMIIREG: libc::c_ulong = 0x8948;
/// `linux/ethtool.h`
const ETHTOOL_GLINK: u32 = 0x0a;
/// `linux/mii.h`: the basic mode status register, and its link bit.
const MII_BMSR: u16 = 1;
const BMSR_LSTATUS: u16 = 4;

/// `linux/mii.h`: `mii_ioctl_data`
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Mii {
    phy: u16,
    register: u16,
    value_in: u16,
    value_out: u16,
}

/// `linux/ethtool.h`: `ethtool_value`
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// A socket to ask through, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Asker(UdpSocket);

impl Asker {
    /// # Errors
    /// Those of `socket(2)`: descriptors or memory exhausted.
    pub(crate) fn new() -> io::Result<Asker> {
        Ok(Asker(UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0))?))
    }

    /// The link bit of the transceiver.
    ///
    /// # Errors
    /// The driver has no such registers, or the interface is not there.
    #[allow(unsafe_code)]
    pub(crate) fn mii(&self, interface: &str) -> io::Result<bool> {
        let mut request = request(interface)?;
        self.ask(SIOCGMIIPHY, &mut request)?;
        // SAFETY: the structure begins in the request's union, which is longer, and any bits are a value of it.
        let phy = unsafe { mii(&mut request).read_unaligned() }.phy;
        let mut status = 0;
        // The bit sticks while it is 0: the second reading is the present one.
        for _ in 0..2 {
            let register = Mii { phy, register: MII_BMSR, ..Mii::default() };
            // SAFETY: as above.
            unsafe { mii(&mut request).write_unaligned(register) };
            self.ask(SIOCGMIIREG, &mut request)?;
            // SAFETY: as above.
            status |= unsafe { mii(&mut request).read_unaligned() }.value_out;
        }
        match status {
            0 => Err(Errno::ENODEV.into()),
            status => Ok(status & BMSR_LSTATUS != 0),
        }
    }

    /// What the driver says to ethtool.
    ///
    /// # Errors
    /// The driver does not know, or the interface is not there.
    #[allow(unsafe_code)]
    pub(crate) fn ethtool(&self, interface: &str) -> io::Result<bool> {
        let mut value = EthtoolValue { command: ETHTOOL_GLINK, data: 0 };
        let mut request = request(interface)?;
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        self.ask(SIOCETHTOOL, &mut request)?;
        Ok(value.data != 0)
    }

    /// Its flags: set up, and running.
    ///
    /// # Errors
    /// The interface is not there.
    #[allow(unsafe_code)]
    pub(crate) fn flags(&self, interface: &str) -> io::Result<bool> {
        let mut request = request(interface)?;
        self.ask(libc::SIOCGIFFLAGS as libc::c_ulong, &mut request)?;
        // SAFETY: it is what the kernel has filled in.
        let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
        Ok(flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0)
    }

    #[allow(unsafe_code)]
    fn ask(&self, what: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: the kernel reads and writes an `ifreq`, and what it points to; both outlive the call.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), what as _, std::ptr::from_mut(request)) };
        Errno::result(result).map(drop).map_err(Into::into)
    }
}

/// `if_mii`: the kernel finds the structure in the union itself.
const fn mii(request: &mut libc::ifreq) -> *mut Mii {
    (&raw mut request.ifr_ifru).cast()
}

#[allow(unsafe_code)]
fn request(interface: &str) -> io::Result<libc::ifreq> {
    // SAFETY: numbers and addresses, for which zeros are values.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let bytes = interface.as_bytes();
    // The last byte stays the end of the name.
    if bytes.len() >= request.ifr_name.len() {
        return Err(Errno::ENAMETOOLONG.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = from.cast_signed() as libc::c_char;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_up_and_has_no_transceiver() {
        let asker = Asker::new().unwrap();
        assert!(asker.flags("lo").unwrap());
        assert!(asker.ethtool("lo").unwrap());
        assert!(asker.mii("lo").is_err());
        for asked in [asker.flags("no-such-if"), asker.ethtool("no-such-if"), asker.mii("no-such-if")] {
            assert!(asked.is_err());
        }
        assert!(asker.flags("a-name-that-no-interface-can-have").is_err());
    }
}
