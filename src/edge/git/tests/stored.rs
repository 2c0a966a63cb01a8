//! Objects read off the disk are what git reads, or nothing.

use super::super::stored::{Stored, Type};
use super::*;

/// A repository of this format whose files change a little in each of some commits: as it stands, and packed in chains of deltas.
fn history(world: &World, format: &str) -> PathBuf {
    let repo = world.at(format);
    plain(world.dir.path(), &["init", "-q", &format!("--object-format={format}"), format]);
    for round in 0..12 {
        for file in 0..40 {
            let lines: String = (0..30 + file).map(|line| format!("line {line} of {file}\n")).collect();
            put(&repo, &format!("src/{}/{file}.txt", file % 7), format!("{lines}round {}\n", if file % 12 <= round { round } else { 0 }));
        }
        save(&repo, &round.to_string());
    }
    plain(&repo, &["tag", "-a", "-m", "a tag", "v1"]);
    repo
}

fn stored(repo: &Path, format: &str) -> Stored {
    Stored::new([repo.join(".git/objects")], if format == "sha256" { 32 } else { 20 })
}

fn ids(repo: &Path) -> Vec<String> {
    let all = plain(repo, &["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)"]);
    all.lines().map(str::to_owned).collect()
}

fn raw(id: &str) -> Vec<u8> {
    hex::decode(id).expect("an id")
}

/// Every object, as git has it.
fn as_git_reads(repo: &Path) -> BTreeMap<String, (Type, Vec<u8>)> {
    let read = |id: String| {
        let kind = plain(repo, &["cat-file", "-t", &id]);
        let body = must(plain_command(repo, &["cat-file", &kind, &id]), b"", "read an object").expect("an object");
        (id, (Type::parse(&kind).expect("a kind"), body))
    };
    ids(repo).into_iter().map(read).collect()
}

#[test]
fn loose_and_packed_they_are_what_git_reads() {
    let world = World::new();
    for format in ["sha1", "sha256"] {
        let repo = history(&world, format);
        let all = as_git_reads(&repo);
        let same = |stored: &Stored| all.iter().all(|(id, object)| stored.find(&raw(id)).as_ref() == Some(object));
        assert!(same(&stored(&repo, format)), "loose, {format}");
        plain(&repo, &["repack", "-adfq", "--depth=50", "--window=50"]);
        let chains = plain(&repo, &["cat-file", "--batch-all-objects", "--batch-check=%(deltabase)"]);
        assert!(chains.lines().filter(|base| base.contains(|c| c != '0')).count() > 100, "most are deltas");
        assert!(same(&stored(&repo, format)), "packed, {format}");
        let ends: std::collections::BTreeSet<_> = all.values().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(ends.len(), 4, "every kind is among them");
        assert!(stored(&repo, format).find(&raw(&"5".repeat(if format == "sha1" { 40 } else { 64 }))).is_none());
    }
}

/// One damaged byte after the other: what is given out is what the name says, whatever else is lost.
#[test]
fn damage_gives_nothing_and_never_something_else() {
    let world = World::new();
    let repo = history(&world, "sha1");
    plain(&repo, &["repack", "-adfq", "--depth=50", "--window=50"]);
    let (all, intact) = (as_git_reads(&repo), stored(&repo, "sha1"));
    let packs = std::fs::read_dir(repo.join(".git/objects/pack")).expect("packs").flatten().map(|entry| entry.path());
    let (mut lost, mut files) = (0, 0);
    for path in packs.filter(|path| path.extension().is_some_and(|end| end == "pack" || end == "idx")) {
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
        let bytes = std::fs::read(&path).expect("bytes");
        for at in (0..bytes.len()).step_by(bytes.len() / 40) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x15;
            std::fs::write(&path, &damaged).expect("damage");
            let damaged = stored(&repo, "sha1");
            let found = |(id, object): (&String, &(Type, Vec<u8>))| match damaged.find(&raw(id)) {
                Some(read) => assert!(read == *object, "{id} with byte {at} of {} damaged", path.display()),
                None => lost += 1,
            };
            all.iter().for_each(found);
        }
        std::fs::write(&path, &bytes).expect("repair");
        files += 1;
    }
    assert!(files == 2 && lost > 0, "the damage was felt: {lost}");
    assert!(all.iter().all(|(id, object)| intact.find(&raw(id)).as_ref() == Some(object)));
}

#[test]
fn an_object_under_another_name_is_nothing() {
    let world = World::new();
    let repo = world.owner();
    let (one, other) = (blob(&repo, "one"), blob(&repo, "another"));
    let file = |id: &str| repo.join(".git/objects").join(&id[..2]).join(&id[2..]);
    std::fs::remove_file(file(&one)).expect("a loose object");
    std::fs::copy(file(&other), file(&one)).expect("a copy");
    assert!(stored(&repo, "sha1").find(&raw(&one)).is_none());
    assert_eq!(stored(&repo, "sha1").find(&raw(&other)), Some((Type::Blob, b"another".to_vec())));
}

/// What is too large, or comes after the reader was opened, git is asked for.
#[test]
fn where_the_disk_does_not_say_git_does() {
    let world = World::new();
    let (gate, rogue) = (world.gate(), world.rogue());
    let mut objects = gate.objects(None).expect("a reader");
    assert!(objects.find(&gate.tip().expect("a tip")).expect("an answer").is_some(), "its packs are open");
    (0..150).for_each(|file| put(&rogue, &format!("many/{file}"), format!("{file}")));
    put(&rogue, "large", vec![b'x'; (16 << 20) + 1]);
    save(&rogue, "a pack of its own");
    let late = world.smuggle(&gate, "dev-a/late");
    assert_eq!(objects.find(&late).expect("an answer").expect("a commit").kind, Type::Commit);
    let large = Oid::new(plain(&rogue, &["rev-parse", "HEAD:large"])).expect("an id");
    let object = gate.objects(None).expect("a reader").find(&large).expect("an answer").expect("a blob");
    assert_eq!((object.size, object.bytes), ((16 << 20) + 1, None));
    let all: Vec<Oid> = ids(&rogue).iter().map(|id| Oid::new(id).expect("an id")).collect();
    let mut seen = 0;
    let mut objects = gate.objects(None).expect("a reader");
    objects
        .each(&all, |at, object| {
            let size: u64 = plain(&rogue, &["cat-file", "-s", all[at].as_str()]).parse().expect("a size");
            assert_eq!((at, object.size), (seen, size), "in the order asked, past the large one");
            seen += 1;
            Ok(())
        })
        .expect("all");
    assert_eq!(seen, all.len());
}

/// A delta upon itself, by name, and one upon the other: no end, and no answer.
#[test]
fn deltas_in_a_circle_are_nothing() {
    let world = World::new();
    let repo = history(&world, "sha1");
    let (one, other) = (raw(&"1".repeat(40)), raw(&"2".repeat(40)));
    let entry = |base: &[u8]| [&[0x74][..], base, b"\x78\x01\x01\x04\x00\xfb\xff\x05\x05\x90\x05\x01\x4c\x00\xa0"].concat();
    let (first, second) = (entry(&other), entry(&one));
    let pack = [&b"PACK\0\0\0\x02\0\0\0\x02"[..], &first, &second, &[0; 20]].concat();
    let fanout: Vec<u8> = (0..256u32).flat_map(|at| (u32::from(at >= 0x11) + u32::from(at >= 0x22)).to_be_bytes()).collect();
    let places = [12u32, 12 + first.len() as u32].map(u32::to_be_bytes).concat();
    let index = [&b"\xfftOc\0\0\0\x02"[..], &fanout, &one, &other, &[0; 8], &places, &[0; 40]].concat();
    put(&repo, ".git/objects/pack/pack-x.pack", pack);
    put(&repo, ".git/objects/pack/pack-x.idx", index);
    assert!(stored(&repo, "sha1").find(&one).is_none());
    assert!(stored(&repo, "sha1").find(&raw(head(&repo).as_str())).is_some(), "the others are still read");
}

/// A chain of deltas too long to be followed, in two packs: what fails in one is not tried in the other, link by link, which would never end.
#[test]
fn a_chain_that_is_too_long_is_not_tried_again_in_another_pack() {
    let world = World::new();
    let repo = history(&world, "sha1");
    let name = |number: u8| [number; 20];
    let delta = b"\x78\x01\x01\x04\x00\xfb\xff\x05\x05\x90\x05\x01\x4c\x00\xa0";
    let whole = [&b"\x35"[..], b"\x78\x01\x01\x05\x00\xfa\xffhello\x06\x2c\x02\x15"].concat();
    let entries: Vec<Vec<u8>> = (1..200).map(|number| [&[0x74][..], &name(number + 1), delta].concat()).chain([whole]).collect();
    let fanout: Vec<u8> = (0..256u32).flat_map(|at| at.min(200).to_be_bytes()).collect();
    let names: Vec<u8> = (1..=200).flat_map(name).collect();
    let ends = entries.iter().scan(12u32, |at, entry| {
        *at += entry.len() as u32;
        Some(*at)
    });
    let places: Vec<u8> = [12].into_iter().chain(ends).take(200).flat_map(u32::to_be_bytes).collect();
    for number in ["a", "b"] {
        put(&repo, &format!(".git/objects/pack/pack-{number}.pack"), [&b"PACK\0\0\0\x02\0\0\0\xc8"[..], &entries.concat(), &[0; 20]].concat());
        let index = [&b"\xfftOc\0\0\0\x02"[..], &fanout, &names, &[0; 800], &places, &[0; 40]].concat();
        put(&repo, &format!(".git/objects/pack/pack-{number}.idx"), index);
    }
    (1..=200).for_each(|number| assert!(stored(&repo, "sha1").find(&name(number)).is_none(), "{number}: none is what its name says"));
    assert!(stored(&repo, "sha1").find(&raw(head(&repo).as_str())).is_some(), "the others are still read");
}

/// One large object named 200,000 times, and a judge who has seen enough at the first: read to the end, it would be a terabyte.
#[test]
fn nobody_reads_on_for_a_judge_who_has_stopped() {
    let world = World::new();
    let (gate, rogue) = (world.gate(), world.rogue());
    put(&rogue, "large", vec![b'x'; 8 << 20]);
    save(&rogue, "a large one");
    world.smuggle(&gate, "dev-a/large");
    let large = Oid::new(plain(&rogue, &["rev-parse", "HEAD:large"])).expect("an id");
    let ids = vec![large; 200_000];
    let mut seen = 0;
    let stops = gate.objects(None).expect("a reader").each_small(&ids, |_, _| {
        seen += 1;
        Err(Failure::new("enough", "it is too much"))
    });
    assert_eq!((stops.expect_err("it stops").what.as_str(), seen), ("enough", 1));
}

/// Twenty thousand links to one large content: it is read once, and no link to it stays inside.
#[test]
fn what_many_links_share_is_read_once() {
    let world = World::new();
    let (gate, rogue) = (world.gate(), world.rogue());
    put(&rogue, "large", vec![b'x'; 8 << 20]);
    save(&rogue, "a large one");
    let large = plain(&rogue, &["rev-parse", "HEAD:large"]);
    let entries: String = (0..20_000).map(|number| format!("120000 blob {large}\tl{number:05}\n")).collect();
    let tree = Oid::new(plain_with(&rogue, &["mktree"], entries.as_bytes())).expect("a tree");
    plain(&rogue, &["commit", "-q", "--allow-empty", "-m", "links"]);
    let commit = plain(&rogue, &["commit-tree", "-m", "links", tree.as_str()]);
    plain(&rogue, &["reset", "-q", "--soft", &commit]);
    world.smuggle(&gate, "dev-a/links");
    let faults = gate.tree_faults(None, None, &tree).expect("faults");
    assert!(faults.len() >= 100 && faults.iter().all(|fault| fault.contains("the link is empty")), "{}", faults.len());
}
