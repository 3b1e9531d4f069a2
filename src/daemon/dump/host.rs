//! What this machine knows that stands in a file. Workers ask no directory service: an account that /etc/passwd and
//! /etc/group do not have is called by its name.

use crate::command::RunAs;
use crate::state::Moment;
use crate::state::keepalived::data::Host;
use crate::sys::clock;
use nix::unistd::{getegid, geteuid, gethostname};
use std::fs;

/// Who runs scripts that name nobody, if there is such a user.
const DEFAULT_USER: &str = "keepalived_script";

/// This machine, as it was when this was made.
pub(in crate::daemon) struct Machine {
    users: String,
    groups: String,
}

impl Machine {
    pub(in crate::daemon) fn new() -> Machine {
        let read = |path: &str| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Machine {
            users: read("/etc/passwd").unwrap_or_default(),
            groups: read("/etc/group").unwrap_or_default(),
        }
    }

    /// The fields behind a name in one of both files.
    fn fields<'a>(table: &'a str, name: &str) -> Option<Vec<&'a str>> {
        let mut lines = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
        lines.find(|fields| fields.first() == Some(&name))
    }
}

impl Host for Machine {
    fn account(&self, run_as: Option<&RunAs>) -> String {
        let usual = RunAs { user: DEFAULT_USER.to_owned(), group: None };
        let (user, group) = match run_as {
            Some(run_as) => (&run_as.user, run_as.group.as_deref()),
            None if Machine::fields(&self.users, DEFAULT_USER).is_none() => {
                return format!("{}:{}", geteuid(), getegid());
            }
            None => (&usual.user, None),
        };
        let account = Machine::fields(&self.users, user);
        let field = |n: usize| account.as_ref().and_then(|fields| fields.get(n)).copied();
        let uid = field(2).unwrap_or(user);
        let gid = match group {
            None => field(3).unwrap_or("?"),
            Some(group) => {
                let fields = Machine::fields(&self.groups, group);
                fields.and_then(|fields| fields.get(2).copied()).unwrap_or(group)
            }
        };
        format!("{uid}:{gid}")
    }

    fn name(&self) -> String {
        gethostname().map_or_else(|_| "(unknown)".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    fn umask(&self) -> u32 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let digits = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        digits.and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok()).unwrap_or(0)
    }

    fn date(&self, moment: Moment) -> String {
        clock::local_date(moment.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_numbers_where_they_are_known() {
        let machine = Machine {
            users: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/:\nbroken\n".to_owned(),
            groups: "root:x:0:\nadm:x:4:nobody\n".to_owned(),
        };
        let account = |user: &str, group: Option<&str>| {
            machine.account(Some(&RunAs { user: user.to_owned(), group: group.map(str::to_owned) }))
        };
        assert_eq!(account("root", None), "0:0");
        assert_eq!(account("nobody", None), "65534:65533");
        assert_eq!(account("nobody", Some("adm")), "65534:4");
        assert_eq!(account("elsewhere", Some("staff")), "elsewhere:staff");
        assert_eq!(account("broken", None), "broken:?");
        assert_eq!(machine.account(None), format!("{}:{}", geteuid(), getegid()));
        assert_eq!(machine.umask() & !0o777, 0);
    }
}
