//! The elements that LDAP and certificates are made of: a tag of a byte, a length, a content (X.690).

/// The tag and the content of the element at the front, and what is behind it.
pub(super) fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, length, head) = front(bytes)?;
    let (content, rest) = bytes.get(head..)?.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The tag at the front, the length of the content, and that of both of them.
pub(super) fn front(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    match first {
        0..=0x7f => Some((tag, usize::from(first), 2)),
        0x81..=0x84 => {
            let digits = rest.get(..usize::from(first & 0x7f))?;
            let length = digits.iter().fold(0_u32, |length, digit| length << 8 | u32::from(*digit));
            Some((tag, usize::try_from(length).ok()?, 2 + digits.len()))
        }
        // No length that LDAP and certificates allow: longer than anything that is taken.
        _ => Some((tag, usize::MAX / 2, 2)),
    }
}
