//! Pushes that must not land.

use super::{futile, refused, standing};
use crate::world::World;

const WORK: &str = "echo x >> NOTES.md && git add -A && git commit -q -m note";

#[test]
fn no_push_leaves_its_own_namespace_or_its_own_name() {
    let world = World::python().bootstrap();
    world.seat("dev-a").run(&format!("{WORK} && git push -q origin HEAD:dev-a/base")).ok();
    world.seat("dev-b").run("git checkout -q -b b && echo b > B.md && git add -A && git commit -q -m b && git push -q origin HEAD:dev-b/b").ok();
    places(&world);
    commits(&world);
    histories(&world);
    around(&world);
    world.owner(&["ledger", "verify"]).ok();
}

fn places(world: &World) {
    let to = |name: &str| format!("{WORK}; git push origin HEAD:{name}");
    refused(world, "dev-a", &to("main"), &["protected-branch"]).says("protected");
    refused(world, "dev-a", "git push --force origin HEAD:main", &["protected-branch"]);
    refused(world, "dev-a", "git push --force origin HEAD:refs/heads/dev-a/both HEAD:refs/heads/main", &["protected-branch"]);
    for name in ["refs/heads/dev-b/mine", "refs/heads/librarian/x", "refs/heads/dev-ab/x", "refs/heads/free"] {
        refused(world, "dev-a", &to(name), &["ref-not-yours"]);
    }
    for name in ["refs/tags/v1", "refs/notes/commits", "refs/gate/tasks/t1/1", "refs/meta/config"] {
        refused(world, "dev-a", &to(name), &["ref-not-yours"]);
    }
    refused(world, "dev-a", "git push origin HEAD:refs/replace/$(git rev-parse origin/main)", &["ref-name"]);
    refused(world, "dev-a", "git push origin HEAD:refs/replace/x", &["ref-not-yours"]);
    refused(world, "dev-a", "git tag -a -m v v1 2>/dev/null || git tag v1; git push origin v1", &["ref-not-yours"]);
    refused(world, "dev-a", "git push origin HEAD:refs/heads/dev-a/$(git rev-parse HEAD)", &["ref-name"]);
    refused(world, "dev-a", "git push origin HEAD:refs/heads/dev-a/UPPER", &["ref-name"]);
    refused(world, "dev-a", "git push origin :refs/heads/dev-a/base", &["no-deletes"]);
    refused(world, "dev-a", "git push origin :refs/heads/main", &["protected-branch"]);
    refused(world, "dev-a", "git push origin HEAD:refs/heads/dev-a/base/below", &["ref-conflict"]);
    refused(world, "dev-a", "git push --mirror origin", &["no-deletes"]);
}

fn commits(world: &World) {
    let seat = "dev-a";
    refused(world, seat, "git -c commit.gpgsign=false commit -q --allow-empty -m bare && git push origin HEAD:dev-a/u", &["unsigned"]).says("not signed");
    world.seat(seat).run("git reset -q --hard HEAD~1").ok();
    let other = "GIT_AUTHOR_NAME=dev-b GIT_AUTHOR_EMAIL=$(git config user.email | sed s/dev-a/dev-b/) git commit -q --allow-empty -S -m forged";
    refused(world, seat, other, &["not-your-name"]);
    refused(world, seat, &format!("{other} --no-gpg-sign && git push origin HEAD:dev-a/f"), &["unsigned"]);
    world.seat(seat).run("git reset -q --hard HEAD~1").ok();
    let transplant = "git cat-file commit HEAD > /tmp/good && sed -n '/^gpgsig/,/END PGP/p' /tmp/good > /tmp/sig \
        && git -c commit.gpgsign=false commit -q --allow-empty -m grafted && git cat-file commit HEAD > /tmp/raw \
        && sed '/^committer/r /tmp/sig' /tmp/raw > /tmp/new && git update-ref HEAD $(git hash-object -t commit -w /tmp/new) && git push origin HEAD:dev-a/g";
    refused(world, seat, transplant, &["bad-signature"]);
    world.seat(seat).run("git reset -q --hard HEAD~1").ok();
    let ssh = "git cat-file commit HEAD | sed 's/BEGIN PGP SIGNATURE/BEGIN SSH SIGNATURE/; s/END PGP SIGNATURE/END SSH SIGNATURE/' > /tmp/ssh \
        && git push origin $(git hash-object -t commit -w /tmp/ssh):refs/heads/dev-a/ssh";
    refused(world, seat, ssh, &["not-openpgp"]);
    let extra = "git cat-file commit HEAD | sed '/^committer/a mergetag object' > /tmp/odd && git push origin $(git hash-object -t commit -w --literally /tmp/odd):refs/heads/dev-a/odd";
    let said = world.seat(seat).run(extra);
    assert_ne!(said.code, 0, "{said}");
}

fn histories(world: &World) {
    let seat = "dev-a";
    let orphan = "git checkout -q --orphan root && git commit -q -m root && git push origin HEAD:dev-a/root";
    refused(world, seat, orphan, &["unrelated-history"]);
    world.seat(seat).run("git checkout -q -f main").ok();
    let evil = "git checkout -q -b left && echo l > L.md && git add -A && git commit -q -m l && git checkout -q -b right main && echo r > R.md \
        && git add -A && git commit -q -m r && git merge -q --no-commit left && echo evil > src/evil.py && git add -A && git commit -q -m merge && git push origin HEAD:dev-a/m";
    refused(world, seat, evil, &["merge-commit"]);
    refused(world, seat, "git checkout -q -f main; ln -s /etc/passwd link && git add link && git commit -q -m l; git push origin $(git rev-parse HEAD^{tree}):refs/heads/dev-a/t", &["not-a-commit"]);
}

/// The tricks of one who hopes that somebody else's git runs with one's own settings.
fn around(world: &World) {
    let tricks = [
        "git push --receive-pack='git -c core.hooksPath=/dev/null receive-pack' origin HEAD:main",
        "git -c core.hooksPath=/dev/null push origin HEAD:main",
        "git push --no-verify origin HEAD:main",
        "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=/dev/null git push origin HEAD:main",
        "GIT_CONFIG_PARAMETERS=\"'core.hooksPath=/dev/null'\" git push origin HEAD:main",
        "ORCHESTRATE_SEAT=librarian git push origin HEAD:main",
        "GIT_PUSH_OPTION_COUNT=0 git push -o ci.skip origin HEAD:main || git push origin HEAD:main",
    ];
    for trick in tricks {
        refused(world, "dev-a", &format!("git checkout -q -f main; {WORK}; {trick}"), &["protected-branch"]);
    }
    let helper = "mkdir -p ~/bin && printf '#!/bin/sh\\nprintf \"connect\\\\n\\\\n\"\\nread c\\nprintf \"\\\\n\"\\nexec git-receive-pack /nowhere\\n' > ~/bin/git-remote-mine \
        && chmod +x ~/bin/git-remote-mine && PATH=~/bin:$PATH git push mine::gate HEAD:main";
    futile(world, "dev-a", helper);
    futile(world, "dev-a", "git push /opt/orchestrate/mirror.git HEAD:main");
    let before = standing(world);
    world.seat("dev-a").run("rm -rf ~/bin; git fetch -q origin && git cat-file -e origin/main").ok();
    assert_eq!(standing(world), before);
}
