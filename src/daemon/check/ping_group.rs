//! `PING_CHECK`: the kernel lets those groups send echo requests that `net.ipv4.ping_group_range` names, and by default
//! none. As in keepalived, ours (0) is let in while there are such checks, and what was there before comes back at the
//! end.

use std::fs;
use std::io;
use tracing::{info, warn};

const PATH: &str = "/proc/sys/net/ipv4/ping_group_range";

/// What was changed, if anything was.
#[derive(Debug, Default)]
pub(super) struct PingGroup {
    before: Option<String>,
}

impl PingGroup {
    /// Lets this group in, or takes that back.
    pub(super) fn allow(&mut self, is_wanted: bool) {
        let done = match (is_wanted, self.before.take()) {
            (false, None) => return,
            (false, Some(before)) => fs::write(PATH, &before),
            (true, Some(before)) => {
                self.before = Some(before);
                return;
            }
            (true, None) => self.let_in(),
        };
        if let Err(error) = done {
            warn!("{PATH}: {error}");
        }
    }

    fn let_in(&mut self) -> io::Result<()> {
        let range = fs::read_to_string(PATH)?;
        let mut numbers = range.split_whitespace().map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(last))) = (numbers.next(), numbers.next()) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if first == 0 {
            return Ok(());
        }
        // `1 0` is nobody.
        let last = if last < first { 0 } else { last };
        fs::write(PATH, format!("0 {last}"))?;
        if first <= last {
            info!("net.ipv4.ping_group_range begins at 0 now, instead of {first}: PING_CHECK needs it");
        }
        self.before = Some(range);
        Ok(())
    }
}
