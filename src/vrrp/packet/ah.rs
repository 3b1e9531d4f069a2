//! The IPsec authentication header of `auth_type AH` (RFC 2402).

/// Bytes of the header before VRRP's, with a digest of 96 bits.
pub const HEADER_LEN: usize = 24;
