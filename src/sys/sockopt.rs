//! Socket options that the socket libraries have no name for.

use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd};

/// `setsockopt(2)` with an `int`.
#[allow(unsafe_code)]
pub(crate) fn set(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> Result<(), Errno> {
    // SAFETY: the kernel reads the size of an int from a pointer to one that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

/// `setsockopt(2)` with bytes.
#[allow(unsafe_code)]
pub(crate) fn set_bytes(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    bytes: &[u8],
) -> Result<(), Errno> {
    let len = libc::socklen_t::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads at most `len` bytes, the size of the slice, which outlives the call.
    let result =
        unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, bytes.as_ptr().cast(), len) };
    Errno::result(result).map(drop)
}

/// `getsockopt(2)` of an `int`.
#[allow(unsafe_code)]
pub(crate) fn get(socket: &impl AsFd, level: libc::c_int, name: libc::c_int) -> Result<libc::c_int, Errno> {
    let mut value: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, the size of an int, to a pointer to one that outlives the call.
    let result = unsafe {
        libc::getsockopt(socket.as_fd().as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut len)
    };
    Errno::result(result).map(|_| value)
}

/// `getsockopt(2)` of bytes, by which some options also tell what is asked for. The kernel may write fewer.
#[allow(unsafe_code)]
pub(crate) fn exchange(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    bytes: &mut [u8],
) -> Result<(), Errno> {
    let mut len = libc::socklen_t::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads and writes at most `len` bytes, the size of the slice, which outlives the call.
    let result = unsafe {
        libc::getsockopt(socket.as_fd().as_raw_fd(), level, name, bytes.as_mut_ptr().cast(), &raw mut len)
    };
    Errno::result(result).map(drop)
}

/// Lets a classic BPF program decide what comes into a socket (`SO_ATTACH_FILTER`).
#[allow(unsafe_code)]
pub(crate) fn attach_filter(socket: &impl AsFd, program: &[libc::sock_filter]) -> Result<(), Errno> {
    let len = libc::c_ushort::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel copies `len` instructions from a slice that outlives the call, and writes none.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

/// The buffers that [`enlarge_buffers`] asks for, in bytes (the kernel doubles the number for its bookkeeping).
const BUFFER: libc::c_int = 4 << 20;

/// Large buffers: forced where we may (`CAP_NET_ADMIN`), else as large as the system allows.
pub(crate) fn enlarge_buffers(socket: &impl AsFd) {
    for (forced, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
    {
        if set(socket, libc::SOL_SOCKET, forced, BUFFER).is_err() {
            let _ = set(socket, libc::SOL_SOCKET, plain, BUFFER);
        }
    }
}

/// A receive buffer of so many bytes, or one as [`enlarge_buffers`] asks for.
pub(crate) fn receive_buffer(socket: &impl AsFd, bytes: Option<libc::c_int>) {
    let bytes = bytes.unwrap_or(BUFFER);
    if set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_err() {
        let _ = set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_read_back_and_errors_come_through() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        set(&socket, libc::SOL_SOCKET, libc::SO_PRIORITY, 6).unwrap();
        assert_eq!(get(&socket, libc::SOL_SOCKET, libc::SO_PRIORITY), Ok(6));
        assert_eq!(set(&socket, libc::SOL_SOCKET, 9999, 1), Err(Errno::ENOPROTOOPT));
        let mut bytes = [0xff; 6];
        assert_eq!(exchange(&socket, libc::SOL_SOCKET, libc::SO_PRIORITY, &mut bytes), Ok(()));
        assert_eq!(bytes, *[&6_i32.to_ne_bytes()[..], &[0xff; 2]].concat(), "no more than there is");
        assert_eq!(exchange(&socket, libc::SOL_SOCKET, 9999, &mut bytes), Err(Errno::ENOPROTOOPT));
    }
}
