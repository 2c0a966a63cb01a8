//! `pre-push`: says before the transfer what the gate would say after it. Only for the gate's own remote; nothing rests on it.

use super::repo::Repo;
use super::say;
use super::wire::No;
use crate::domain::refusal::Refusal;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;

/// The longest list that is looked at.
const MOST: u64 = 1 << 20;

pub(super) fn run(args: &[OsString]) -> u8 {
    let ours = args.get(1).and_then(|url| url.to_str()).is_some_and(|url| url.starts_with("orchestrate::"));
    let seat = std::env::var("ORCHESTRATE_SEAT").unwrap_or_default();
    let mut list = String::new();
    let read = std::io::stdin().lock().take(MOST).read_to_string(&mut list);
    if !ours || seat.is_empty() || read.is_err() {
        return 0;
    }
    match list.lines().filter_map(foreign(&seat, &protected())).next() {
        None => 0,
        Some(refusal) => {
            say::tell(&No::Refused(refusal));
            1
        }
    }
}

/// The protected branch, as the clone knows it: what the remote's HEAD is.
fn protected() -> String {
    let head = Repo::here().ok().and_then(|repo| fs::read_to_string(repo.common.join("refs/remotes/origin/HEAD")).ok());
    let branch = head.as_deref().and_then(|text| text.trim_end().strip_prefix("ref: refs/remotes/origin/")).unwrap_or("main");
    format!("refs/heads/{branch}")
}

/// Judges one line of git's list: `<local ref> <local object> <remote ref> <remote object>`.
fn foreign<'a>(seat: &'a str, protected: &'a str) -> impl Fn(&str) -> Option<Refusal> + 'a {
    move |line| {
        let words: Vec<&str> = line.split(' ').collect();
        let [local, _, remote, _] = words.as_slice() else { return None };
        let branch = remote.rsplit('/').next().unwrap_or("work").to_ascii_lowercase();
        let hint = format!("git push origin HEAD:refs/heads/{seat}/{branch}");
        if *local == "(delete)" {
            return Some(Refusal::new(
                "no-deletes",
                format!("{remote} stays: nothing that was pushed is deleted"),
                "git push origin <branch>",
            ));
        }
        if remote == &protected {
            let why = format!("{remote} is protected: it moves only by the supervisor's merge, after RED, GREEN, PEER, QA and DEPLOY");
            return Some(Refusal::new(
                "protected-branch",
                why,
                format!("git push origin HEAD:refs/heads/{seat}/<name> && orchestrate task submit <task>"),
            ));
        }
        let own = remote.starts_with(&format!("refs/heads/{seat}/"));
        (!own).then(|| Refusal::new("ref-not-yours", format!("{seat} may push only to refs/heads/{seat}/*, not to {remote}"), hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_references_are_named_before_the_transfer() {
        let judge = foreign("dev-a", "refs/heads/main");
        for (line, code) in [
            ("refs/heads/t1 1 refs/heads/dev-a/t1 0", None),
            ("HEAD 1 refs/heads/main 0", Some("protected-branch")),
            ("HEAD 1 refs/heads/dev-b/t1 0", Some("ref-not-yours")),
            ("HEAD 1 refs/heads/dev-ab/t1 0", Some("ref-not-yours")),
            ("HEAD 1 refs/tags/v1 0", Some("ref-not-yours")),
            ("(delete) 0 refs/heads/dev-a/t1 1", Some("no-deletes")),
            ("junk", None),
        ] {
            assert_eq!(judge(line).map(|refusal| refusal.code).as_deref(), code, "{line}");
        }
    }
}
