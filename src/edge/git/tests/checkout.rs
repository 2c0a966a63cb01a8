//! Checkouts that serve again, and what uses them up.

use super::*;

fn trees(world: &World) -> (Gate, Oid, Oid) {
    let first = world.owner_tree("HEAD~1");
    (world.gate(), first, world.owner_tree("HEAD"))
}

impl World {
    fn owner_tree(&self, commit: &str) -> Oid {
        let said = plain(&self.owner(), &["rev-parse", &format!("{commit}^{{tree}}")]);
        Oid::new(said.trim()).expect("a tree")
    }
}

fn listed(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let said = std::process::Command::new("find").arg(dir).args(["-type", "f", "-printf", "%P\n"]).output().expect("find");
    let mut names: Vec<String> = String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), std::fs::read(dir.join(&name)).expect("a file"))).collect()
}

#[test]
fn a_checkout_becomes_another_tree_and_the_same_again() {
    let world = World::new();
    let (gate, first, second) = trees(&world);
    let checkout = gate.check_out(&first, &world.at("out")).expect("files");
    gate.check_out(&second, &world.at("fresh")).expect("files");
    assert!(checkout.is_untouched());
    let checkout = gate.refit(checkout, &second).expect("another tree");
    assert!(checkout.is_untouched() && *checkout.tree() == second);
    assert_eq!(listed(checkout.dir()), listed(&world.at("fresh")));
    let checkout = gate.refit(checkout, &first).expect("the first again");
    assert!(!checkout.dir().join("src/main.rs").exists() && checkout.dir().join("src/lib.rs").exists());
    let checkout = gate.refit(checkout, &first).expect("the same");
    assert!(checkout.is_untouched());
}

#[test]
fn whatever_a_run_leaves_uses_a_checkout_up() {
    let world = World::new();
    let (gate, first, _) = trees(&world);
    let tries: [fn(&Path); 8] = [
        |dir| put(dir, "new", "x\n"),
        |dir| put(dir, "src/lib.rs", "one\ntwo\nTHREE\n"),
        |dir| put(dir, "src/lib.rs", "one\ntwo\nthree\n"),
        |dir| std::fs::remove_file(dir.join("README.md")).expect("gone"),
        |dir| std::fs::create_dir(dir.join("empty")).expect("a folder"),
        |dir| std::fs::hard_link(dir.join("README.md"), dir.parent().expect("a parent").join("kept")).expect("a link"),
        |dir| std::fs::set_permissions(dir.join("src"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a mode"),
        |dir| {
            put(dir, "gone", "x\n");
            std::fs::remove_file(dir.join("gone")).expect("gone");
        },
    ];
    for (number, leave) in tries.into_iter().enumerate() {
        let checkout = gate.check_out(&first, &world.at(&format!("out{number}"))).expect("files");
        leave(checkout.dir());
        assert!(!checkout.is_untouched(), "{number}");
        std::fs::remove_file(world.at("kept")).unwrap_or_default();
    }
}

#[test]
fn contents_are_hashed_again_whatever_their_times_say() {
    let world = World::new();
    let (gate, first, second) = trees(&world);
    let checkout = gate.check_out(&first, &world.at("out")).expect("files");
    put(checkout.dir(), "README.md", "HELLO\n");
    assert!(gate.refit(checkout, &second).is_none());
}
