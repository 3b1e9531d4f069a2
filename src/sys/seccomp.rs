//! System calls that a process gives up for good: those that run other programs, change who it is, or administer the
//! machine. Whoever takes a worker over through a bug can then do with it what the worker does, and little else.
//!
//! It is a list of what is refused, not of what is allowed: another C library, another kernel or another resolver makes
//! calls that nobody here has thought of, and a router that dies of one helps nobody. What is refused fails with `EPERM`
//! (the process goes on), and the kernel's audit log has it.

use nix::libc::{self, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;
use std::io;

/// Refused whatever the arguments.
const REFUSED: &[c_long] = &[
    // Other programs, and other processes' memory and descriptors.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Another user, other groups.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    // Code for the kernel.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // These make calls that no filter sees.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Keys.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Namespaces and file systems.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_personality,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Calls of the same processor's second interface (x32) have this bit in their numbers.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;

/// What has a number of its own there: execve, ptrace, kexec_load, process_vm_readv, process_vm_writev, execveat.
#[cfg(target_arch = "x86_64")]
const X32_REFUSED: [c_long; 6] = [520, 521, 528, 539, 540, 545];

/// Why the process keeps all its system calls.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no filter for this processor.
    #[error("system calls can't be refused on this processor ({})", std::env::consts::ARCH)]
    Processor,
    /// The filter can't be made. This is a bug.
    #[error("the filter of system calls can't be made: {0}")]
    Filter(#[from] seccompiler::BackendError),
    /// The kernel has no such filters, or does not let this process have one.
    #[error("system calls can't be refused: {}", super::input::reason(.0))]
    Kernel(#[from] io::Error),
}

/// Gives up, in the calling thread and all that it starts from now on, what neither a worker nor the reader of a
/// configuration needs. It implies `no_new_privs`.
///
/// # Errors
/// [`Error`]: the process goes on as it was.
pub fn confine() -> Result<(), Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| Error::Processor)?;
    let (refused, unknown) = (refused(arch)?, unknown(arch)?);
    super::process::gain_nothing_by_executing()?;
    install(&refused, libc::SECCOMP_FILTER_FLAG_LOG)?;
    // Each thread's start meets this one: that is no news.
    Ok(install(&unknown, 0)?)
}

/// What fails with `EPERM`.
fn refused(arch: TargetArch) -> Result<BpfProgram, Error> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    {
        let same = REFUSED.iter().map(|&call| (call | X32, Vec::new()));
        rules.extend(same.chain(X32_REFUSED.map(|call| (call | X32, Vec::new()))));
    }
    // Threads yes; a user namespace, in which the process would be everything again, no.
    let namespace = u64::from(libc::CLONE_NEWUSER.unsigned_abs());
    let operator = SeccompCmpOp::MaskedEq(namespace);
    let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, operator, namespace)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![condition])?]);
    program(rules, libc::EPERM, arch)
}

/// What fails as if the kernel did not know it, so that the C library takes the older call: the flags of this one can't
/// be looked at.
fn unknown(arch: TargetArch) -> Result<BpfProgram, Error> {
    program([(libc::SYS_clone3, Vec::new())].into(), libc::ENOSYS, arch)
}

fn program(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    errno: i32,
    arch: TargetArch,
) -> Result<BpfProgram, Error> {
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()?)
}

/// Nothing of others' making runs in this process, so it needs no protection of its memory from itself, which older
/// kernels would add and which costs time (`SPEC_ALLOW`).
#[allow(unsafe_code)]
fn install(program: &BpfProgram, more: libc::c_ulong) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut().cast(),
    };
    let install = |flags: libc::c_ulong| {
        // SAFETY: the kernel copies the filter, whose length and place are those of `program`, and writes nothing.
        match unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter)
        } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    install(libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW | more)
        // Kernels before 4.17 don't know all of these.
        .or_else(|error| if error.raw_os_error() == Some(libc::EINVAL) { install(0) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use nix::sched::{CloneFlags, unshare};
    use std::process::Command;

    /// Filters belong to a thread: the rest of the tests keep what they have.
    fn confined<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
        let thread = std::thread::spawn(|| {
            confine().unwrap();
            test()
        });
        thread.join().unwrap()
    }

    #[test]
    fn nothing_is_executed_any_more_not_even_by_a_child() {
        let error = confined(|| Command::new("/bin/true").status().unwrap_err());
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        assert!(Command::new("/bin/true").status().unwrap().success(), "elsewhere all is as before");
    }

    #[test]
    #[allow(unsafe_code)]
    fn each_of_the_list_is_refused() {
        // Without arguments that mean anything, each of them fails otherwise too, most of them as root with another error.
        let refused = confined(|| {
            let numbers = REFUSED.to_vec();
            #[cfg(target_arch = "x86_64")]
            let numbers = [numbers, X32_REFUSED.map(|call| call | X32).to_vec()].concat();
            let call = |&number: &c_long| {
                // SAFETY: these fail before they look at an argument; the filter is there (see the other tests).
                let result = unsafe { libc::syscall(number, -1_i64, -1_i64, -1_i64, -1_i64, -1_i64) };
                (number, result, Errno::last())
            };
            numbers.iter().map(call).collect::<Vec<_>>()
        });
        assert!(refused.len() >= REFUSED.len());
        for (number, result, error) in refused {
            assert_eq!((result, error), (-1, Errno::EPERM), "system call {number}");
        }
    }

    #[test]
    fn threads_start_and_namespaces_do_not() {
        confined(|| {
            assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7);
            assert_eq!(unshare(CloneFlags::CLONE_NEWUSER), Err(Errno::EPERM));
        });
    }

    #[test]
    #[allow(unsafe_code)]
    fn no_child_gets_a_user_namespace() {
        let call = |flags: libc::c_int| {
            // SAFETY: a fork, with the parent's stack copied; the child ends at once.
            let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
            match pid {
                // SAFETY: runs nothing of the parent's.
                0 => unsafe { libc::_exit(0) },
                -1 => Err(Errno::last()),
                pid => {
                    let pid = nix::unistd::Pid::from_raw(libc::pid_t::try_from(pid).unwrap());
                    Ok(nix::sys::wait::waitpid(pid, None).unwrap())
                }
            }
        };
        confined(move || {
            assert!(call(0).is_ok());
            assert_eq!(call(libc::CLONE_NEWUSER), Err(Errno::EPERM));
            assert_eq!(call(libc::CLONE_NEWUSER | libc::CLONE_NEWNET), Err(Errno::EPERM));
        });
    }
}
