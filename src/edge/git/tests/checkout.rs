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

/// One content under any number of names is as much as all of them.
#[test]
fn a_tree_of_more_bytes_than_allowed_is_not_written_out() {
    let world = World::new();
    let rogue = world.rogue();
    (0..100).for_each(|file| put(&rogue, &format!("same/{file}"), "x".repeat(1000)));
    save(&rogue, "one content often");
    let gate = world.gate();
    let tree = gate.tree_of(&world.smuggle(&gate, "dev-a/x")).expect("a tree");
    let whole: u64 = listed(&rogue).iter().filter(|(name, _)| !name.starts_with(".git/")).map(|(_, bytes)| bytes.len() as u64).sum();
    assert!(whole > 100_000);
    gate.materialise_within(&tree, &world.at("just"), whole).expect("files");
    let why = gate.materialise_within(&tree, &world.at("more"), whole - 1).expect_err("too much").to_string();
    assert!(why.contains(&format!("more than {} bytes", whole - 1)), "{why}");
}

#[test]
fn contents_are_hashed_again_whatever_their_times_say() {
    let world = World::new();
    let (gate, first, second) = trees(&world);
    let checkout = gate.check_out(&first, &world.at("out")).expect("files");
    put(checkout.dir(), "README.md", "HELLO\n");
    assert!(gate.refit(checkout, &second).is_none());
}

/// On a disk that is in memory alone, a mapping leaves no trace in a file's times.
#[test]
fn what_is_written_through_a_mapping_uses_a_checkout_up() {
    use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
    let world = World::new();
    let (gate, first, _) = trees(&world);
    let in_memory = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    for place in [in_memory.path(), world.dir.path()] {
        let checkout = gate.check_out(&first, &place.join("out")).expect("files");
        assert!(checkout.is_untouched());
        let file = std::fs::OpenOptions::new().read(true).write(true).open(checkout.dir().join("README.md")).expect("a file");
        // SAFETY: the mapping lies where the kernel puts it, is as long as the file, and is gone after its first byte was read and written.
        unsafe {
            let at = mmap(std::ptr::null_mut(), 6, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &file, 0).expect("a mapping");
            // Read first: the page is there then, and writing to it asks nobody.
            assert_eq!(at.cast::<u8>().read_volatile(), b'h');
            at.cast::<u8>().write_volatile(b'J');
            munmap(at, 6).expect("gone");
        }
        assert_eq!(std::fs::read(checkout.dir().join("README.md")).expect("a file"), b"Jello\n");
        assert!(!checkout.is_untouched(), "{}", place.display());
    }
}
