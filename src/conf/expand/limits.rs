//! How much an expansion does at most.

/// How much is done at most. What goes beyond is one diagnostic, and nothing is made of the configuration.
///
/// A few bytes of `~SEQ` ask for any amount of work: who reads texts of strangers lowers these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines worked on beyond those of the files.
    pub lines: u64,
    /// Bytes written beyond twice those of the files.
    pub bytes: u64,
    /// Includes, parameters and sequences within each other.
    pub depth: usize,
    /// Bytes of one line with its parameters replaced.
    pub line_bytes: usize,
    /// Parameters replaced on one line.
    pub line_uses: usize,
    /// Parameters replaced within the values of others, on all lines together: values that double make any number of
    /// them from a few lines.
    pub nested_uses: u64,
    /// Files included, one counted as often as it is.
    pub includes: usize,
}

impl Limits {
    /// Room for a hundred thousand virtual servers with ten real servers each.
    pub const DEFAULT: Limits = Limits {
        lines: 8 << 20,
        bytes: 256 << 20,
        depth: 64,
        line_bytes: 64 << 10,
        line_uses: 10_000,
        nested_uses: 2 << 20,
        includes: 10_000,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

/// Whatever the limits are, offsets have 32 bits.
pub(super) const ALL_BYTES: u64 = 2 << 30;
