//! This process's memory: how much there may be of it, and that it keeps no more than it needs.

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::ops::Range;

/// The machine's memory in bytes.
#[must_use]
pub fn of_the_machine() -> Option<u64> {
    let ask = |what| sysconf(what).ok().flatten().and_then(|n| u64::try_from(n).ok());
    ask(SysconfVar::_PHYS_PAGES)?.checked_mul(ask(SysconfVar::PAGE_SIZE)?)
}

/// Lets this process have no more than so many bytes of memory of its own.
///
/// # Errors
/// None is expected of a Linux kernel.
pub fn limit(bytes: u64) -> io::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_DATA)?;
    Ok(setrlimit(Resource::RLIMIT_DATA, bytes.min(soft), bytes.min(hard))?)
}

/// When the machine's memory is short, this process is the one to be ended. That it can't be asked for does not matter.
pub fn end_first_when_short() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Makes glibc's allocator keep no memory that nobody uses. All threads share one heap, since what one frees is of no use to
/// the others else; and a large block is always returned to the kernel when it is freed, which it is not by default once
/// there has been another large one. To be called before a second thread starts.
#[allow(unsafe_code)]
pub fn keep_no_unused() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_THRESHOLD, 128 * 1024)] {
        // SAFETY: it takes two numbers and sets a parameter of the allocator.
        let _ = unsafe { libc::mallopt(parameter, value) };
    }
}

/// Gives pages of freed memory back to the kernel, also those between blocks that are in use. Takes some milliseconds for tens
/// of megabytes.
#[allow(unsafe_code)]
pub fn return_unused() {
    // SAFETY: it takes a number, and locks the allocator itself.
    #[cfg(target_env = "gnu")]
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Gives up the pages of the program and its libraries that nothing was written to: most of them were needed once, to start.
/// Those that are used again come back from the page cache one by one, at some microseconds each; not for a process
/// whose time is that short.
#[allow(unsafe_code)]
pub fn return_unused_program() {
    let Ok(smaps) = std::fs::read_to_string("/proc/self/smaps") else { return };
    for range in unwritten(&smaps) {
        let start = std::ptr::without_provenance_mut(range.start);
        // SAFETY: the range is a mapping of a file that can't be written to and has no page of its own: what is given up
        // comes back from the file as it was. The kernel refuses what is no mapping any more, or is locked.
        let _ = unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) };
    }
}

/// The mappings of files, in the words of `/proc/PID/smaps`, that are not to be written to and never were.
fn unwritten(smaps: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        if let Some((range, rest)) = mapping(line) {
            let mut words = rest.split_ascii_whitespace();
            let permissions = words.next().unwrap_or_default();
            let inode = words.nth(2).unwrap_or("0");
            candidate = (permissions.starts_with("r-") && permissions.ends_with('p') && inode != "0")
                .then_some(range);
        } else if line.split_ascii_whitespace().eq(["Anonymous:", "0", "kB"]) {
            found.extend(candidate.take());
        }
    }
    found
}

/// The range of a line that begins a mapping, and what is behind it.
fn mapping(line: &str) -> Option<(Range<usize>, &str)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |digits| usize::from_str_radix(digits, 16).ok();
    Some((number(start)?..number(end)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_nobody_wrote_to_are_given_up() {
        let mapping = |head: &str, anonymous: u32| {
            format!("{head}\nSize: 4 kB\nRss: 4 kB\nAnonymous: {anonymous} kB\nVmFlags: rd ex\n")
        };
        let smaps = [
            mapping("1000-3000 r-xp 00001000 fe:00 1234                    /usr/bin/vipd", 0),
            mapping("3000-4000 r--p 00003000 fe:00 1234                    /usr/bin/vipd", 4),
            mapping("4000-5000 rw-p 00004000 fe:00 1234                    /usr/bin/vipd", 0),
            mapping("5000-6000 r--p 00000000 fe:00 99                      /usr/lib/a library", 0),
            mapping("6000-7000 r--s 00000000 fe:00 99                      /shared", 0),
            mapping("7000-8000 r--p 00000000 00:00 0 ", 0),
            mapping("7fff1000-7fff2000 r-xp 00000000 00:00 0                [vdso]", 0),
        ];
        assert_eq!(unwritten(&smaps.concat()), [0x1000..0x3000, 0x5000..0x6000]);
    }

    #[test]
    fn a_program_goes_on_without_its_pages() {
        let resident = || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            statm.split(' ').nth(2).unwrap().parse::<u64>().unwrap()
        };
        let before = resident();
        return_unused_program();
        let after = resident();
        assert!(after < before, "{before} {after}");
        assert_eq!(format!("{:?}", "x".repeat(3)), "\"xxx\"");
    }
}
