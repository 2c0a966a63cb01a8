use super::*;

#[test]
fn only_chosen_files_are_packed_and_nothing_that_leads_out_of_the_tree() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "site/index.html", "<p>\n");
    put(&rogue, "site/deep/run", "#!/bin/sh\n");
    std::os::unix::fs::symlink("index.html", rogue.join("site/home")).expect("a link");
    put(&rogue, "keys/secret", "x\n");
    save(&rogue, "a site");
    let tree = gate.tree_of(&world.smuggle(&gate, "dev-a/x")).expect("a tree");
    let mut seen = Vec::new();
    let mut look = |file: &Packed, bytes: &[u8]| seen.push((file.path.clone(), bytes.len() as u64 == file.size));
    let parcel = gate.parcel(&tree, &|path| path.starts_with("site/"), &mut look).expect("a parcel");
    let paths: Vec<(&str, u32)> = parcel.files.iter().map(|file| (file.path.as_str(), file.mode)).collect();
    assert_eq!(paths, [("site/deep/run", 0o100_644), ("site/home", 0o120_000), ("site/index.html", 0o100_644)]);
    assert_eq!(parcel.files[2].digest, crate::domain::name::Digest::of(b"<p>\n"));
    assert!(seen.len() == 3 && seen.iter().all(|(_, whole)| *whole));
    let out = world.at("out");
    assert_eq!(gate.materialise(&parcel.tree, &out).expect("files"), Vec::<String>::new());
    assert!(out.join("site/index.html").is_file() && !out.join("keys").exists() && !out.join("src").exists());
    std::os::unix::fs::symlink("../../../etc/passwd", rogue.join("site/out")).expect("a link");
    save(&rogue, "a way out");
    let tree = gate.tree_of(&world.smuggle(&gate, "dev-a/y")).expect("a tree");
    let failure = gate.parcel(&tree, &|path| path.starts_with("site/"), &mut |_, _| ()).expect_err("it leads out");
    assert!(failure.to_string().contains("leaves the tree"), "{failure}");
    assert!(gate.parcel(&tree, &|path| path == "site/index.html", &mut |_, _| ()).is_ok(), "what is not chosen is not there");
}
