//! Guards that a test build can be told to leave out, one at a time, so that each is shown to be what stops its attack.
//!
//! A release build has neither the names nor the switches: every question is answered with a constant no.

/// Every guard that can be left out. `tests/attacks/planted.rs` names the attack that gets through, or is stopped for another
/// reason, without it.
#[cfg(debug_assertions)]
pub const ALL: &[&str] = &[
    "bad-signature",
    "branch-collision",
    "broker-commits-only",
    "broker-own-name",
    "bypass-librarian",
    "checkpoint-root",
    "checkpoint-signature",
    "commit-grammar",
    "contributors",
    "cosigned-back",
    "deletions",
    "drawn-only",
    "fair-queue",
    "fetch-advertised-only",
    "former-hands",
    "freeze",
    "frozen-delivery",
    "frozen-relay",
    "history-related",
    "home-links",
    "husks",
    "lock-fencing",
    "mail-addressee",
    "mail-sender",
    "managed-settings",
    "marks",
    "merge-commits",
    "mirror-read-only",
    "namespace",
    "network-namespace",
    "object-kind",
    "openpgp-only",
    "own-branches-shown",
    "own-processes",
    "own-socket-read-only",
    "owner-requests",
    "port-token",
    "private-tmp",
    "process-namespace",
    "programs-read-only",
    "protected-branch",
    "push-certificates",
    "push-options",
    "quotes",
    "reference-count",
    "reference-names",
    "relay-hosts",
    "release-role",
    "reserved",
    "same-eyes",
    "secrets",
    "shallow-pushes",
    "signature-needed",
    "slices",
    "steady-draw",
    "system-calls",
    "thaw-agreed",
    "tree-entries",
    "veto-sticks",
    "witness-consistency",
    "witness-demanded",
    "write-locks",
];

#[cfg(debug_assertions)]
static LEFT_OUT: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// The name under which a test build is told, by its environment.
#[cfg(debug_assertions)]
pub const VARIABLE: &str = "ORCHESTRATE_PLANTED";

/// Leaves a guard out of this process, once and for all; false where there is no such guard.
#[cfg(debug_assertions)]
pub fn plant(guard: &str) -> bool {
    ALL.contains(&guard) && LEFT_OUT.set(guard.to_owned()).is_ok()
}

/// Whether a guard is left out.
#[cfg(debug_assertions)]
pub fn out(guard: &str) -> bool {
    debug_assert!(ALL.contains(&guard), "BUG: {guard} is not in the list of guards");
    LEFT_OUT.get().is_some_and(|left_out| left_out == guard)
}

/// Whether a guard is left out: never, in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn out(_: &str) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out_unasked_and_nothing_unknown_ever() {
        assert!(ALL.is_sorted() && ALL.iter().all(|guard| !out(guard)));
        assert!(!plant("kindness"));
    }
}
