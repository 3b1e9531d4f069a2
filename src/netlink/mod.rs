//! Netlink: sockets, sequence numbers, acknowledgements, dumps; rtnetlink addresses and links.
