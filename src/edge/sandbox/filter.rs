//! The system call filter: what no program in a sandbox needs and an attacker would like.

use crate::domain::failure::{Doing, Failure};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter,
    sock_filter,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused in every sandbox: keyrings are shared with the host, and the rest is kernel surface without a use here.
const NEVER: [libc::c_long; 9] = [
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
];

/// Refused as well where the program builds no sandbox of its own.
const HARD: [libc::c_long; 13] = [
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
];

/// Two files exchange their contents, and their times tell nothing of it: ext4's MOVE_EXT, xfs' SWAPEXT and EXCHANGE_RANGE.
const SWAPS: [u64; 3] = [0xC028_660F, 0xC0C0_586D, 0x4028_5881];

/// Puts the filter on this process and all that it starts; it cannot be taken off.
pub(super) fn install(hard: bool) -> Result<(), Failure> {
    apply_filter(&program(hard)?).doing("cannot install the system call filter")
}

fn program(hard: bool) -> Result<BpfProgram, Failure> {
    let what = "cannot build the system call filter";
    let arch = TargetArch::try_from(std::env::consts::ARCH).doing(what)?;
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules(hard).doing(what)?, SeccompAction::Allow, refuse, arch).doing(what)?;
    let rest = BpfProgram::try_from(filter).doing(what)?;
    Ok(refuse_x32().into_iter().chain(rest).collect())
}

fn rules(hard: bool) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = NEVER.iter().map(|number| (*number, Vec::new())).collect();
    // Only the low half of an ioctl's number counts for the kernel.
    let never = [libc::TIOCSTI, libc::TIOCLINUX].into_iter().chain(SWAPS);
    let never = never.map(|number| when(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number));
    rules.insert(libc::SYS_ioctl, never.collect::<Result<_, _>>()?);
    if hard {
        rules.extend(HARD.iter().map(|number| (*number, Vec::new())));
        for number in [libc::SYS_unshare, libc::SYS_clone] {
            let user = libc::CLONE_NEWUSER as u64;
            rules.insert(number, vec![when(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(user), user)?]);
        }
    }
    Ok(rules)
}

fn when(argument: u8, length: SeccompCmpArgLen, comparison: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, length, comparison, value)?])
}

/// Three instructions before the rest: system calls numbered in the x32 way (bit 30) would slip past rules by number.
fn refuse_x32() -> [sock_filter; 3] {
    let word = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    [
        word(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        word(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, 0x4000_0000),
        word(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
    ]
}
