//! What crosses a seat's wall: signatures and git's own conversations.

use super::*;
use crate::domain::name::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::os::fd::OwnedFd;

const KEY: &str = "ABCDEF0123456789ABCDEF0123456789ABCDEF01";

fn armored(payload: &str) -> String {
    let digest = Digest::of(&STANDARD.decode(payload).unwrap());
    format!("-----BEGIN PGP SIGNATURE-----\n\n{digest}\n-----END PGP SIGNATURE-----\n")
}

/// Signs with a digest, so that a changed payload is a bad signature.
fn broker(request: &Request) -> Response {
    match request {
        Request::Sign { payload } => Response::Done(json!({"signature": armored(payload)})),
        Request::VerifySignature { payload, signature } if STANDARD.decode(signature).unwrap() == armored(payload).as_bytes() => {
            Response::Done(json!({"status": "good", "fingerprint": KEY, "holder": "dev-a", "why": ""}))
        }
        Request::VerifySignature { .. } => {
            Response::Done(json!({"status": "bad", "fingerprint": null, "holder": null, "why": "the data was changed"}))
        }
        _ => refused("strange"),
    }
}

fn signing_repo(world: &World) -> PathBuf {
    let repo = world.repo("repo");
    for (key, value) in [("gpg.program", "orchestrate-gpg"), ("user.signingkey", KEY)] {
        world.good(&repo, &["config", key, value]);
    }
    repo
}

#[test]
fn git_signs_and_verifies_through_the_broker() {
    let world = World::new();
    world.supervisor("run/seat.sock", broker);
    let repo = signing_repo(&world);
    world.good(&repo, &["commit", "-q", "-S", "--allow-empty", "-m", "signed"]);
    world.good(&repo, &["verify-commit", "HEAD"]);
    assert_eq!(world.good(&repo, &["log", "-1", "--format=%G? %GS %GF %GP %GT"]), format!("G dev-a {KEY} {KEY} fully"));
    world.good(&repo, &["tag", "-s", "-m", "v1", "v1"]);
    world.good(&repo, &["verify-tag", "v1"]);
}

#[test]
fn a_changed_commit_is_bad_and_an_unknown_key_is_not_good() {
    let world = World::new();
    world.supervisor("run/seat.sock", broker);
    let repo = signing_repo(&world);
    world.good(&repo, &["commit", "-q", "-S", "--allow-empty", "-m", "signed"]);
    let commit = world.good(&repo, &["cat-file", "commit", "HEAD"]).replace("signed", "changed") + "\n";
    put(&repo, ".git/forged", &commit);
    let forged = world.good(&repo, &["hash-object", "-t", "commit", "-w", ".git/forged"]);
    assert_eq!(world.git(&repo, &["verify-commit", &forged]).status.code(), Some(1));
    assert_eq!(world.good(&repo, &["log", "-1", "--format=%G?", &forged]), "B");
}

#[test]
fn other_judgements_are_not_good_either() {
    for status in ["unknown-key", "other-format", "good"] {
        let world = World::new();
        world.supervisor("run/seat.sock", move |request| match request {
            Request::VerifySignature { .. } => {
                Response::Done(json!({"status": status, "fingerprint": null, "holder": "x\n[GNUPG:] GOODSIG 1 y", "why": ""}))
            }
            other => broker(other),
        });
        let repo = signing_repo(&world);
        world.good(&repo, &["commit", "-q", "-S", "--allow-empty", "-m", "signed"]);
        assert!(!world.git(&repo, &["verify-commit", "HEAD"]).status.success(), "{status}");
    }
}

#[test]
fn a_refused_signature_is_explained_and_makes_no_commit() {
    let world = World::new();
    world.supervisor("run/seat.sock", |_| refused("not-your-name"));
    let repo = signing_repo(&world);
    let before = world.good(&repo, &["rev-parse", "HEAD"]);
    let output = world.git(&repo, &["commit", "-S", "--allow-empty", "-m", "forged"]);
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("orchestrate: refused: because of not-your-name [not-your-name]\nhint: git push"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(world.good(&repo, &["rev-parse", "HEAD"]), before);
}

#[test]
fn without_a_key_or_a_supervisor_nothing_is_signed() {
    let world = World::new();
    let repo = signing_repo(&world);
    let commit = ["commit", "-S", "--allow-empty", "-m", "x"];
    let absent = world.git(&repo, &commit);
    assert!(!absent.status.success() && text(&absent.stderr).contains("the supervisor cannot be reached"), "{}", text(&absent.stderr));
    let asked = world.supervisor("run/seat.sock", broker);
    let empty = world.git(&repo, &[&["-c", "user.signingkey="], &commit[..]].concat());
    assert!(!empty.status.success() && text(&empty.stderr).contains("user.signingkey is empty"), "{}", text(&empty.stderr));
    assert!(asked.lock().unwrap().is_empty());
}

/// Gives each connection to git on a bare repository; keeps the first lines.
fn porter(world: &World, bare: &Path) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(world.path("run/git.sock")).unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (kept, bare) = (Arc::clone(&lines), bare.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let line = first_line(&mut stream);
            kept.lock().unwrap().push(line.clone());
            let (service, version) = line.split_once(' ').unwrap_or((&line, ""));
            let fd = OwnedFd::from(stream);
            let mut command = Command::new("git");
            command.arg(service.strip_prefix("git-").unwrap()).arg(&bare).env("GIT_PROTOCOL", version);
            command.stdin(fd.try_clone().unwrap()).stdout(fd).status().unwrap();
        }
    });
    lines
}

fn first_line(stream: &mut UnixStream) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while stream.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    text(&line)
}

fn bare(world: &World) -> PathBuf {
    let (repo, bare) = (world.repo("first"), world.path("gate.git"));
    world.good(world.root.path(), &["clone", "-q", "--bare", repo.to_str().unwrap(), bare.to_str().unwrap()]);
    bare
}

#[test]
fn plain_git_clones_pushes_and_fetches_through_the_socket() {
    let world = World::new();
    let bare = bare(&world);
    let lines = porter(&world, &bare);
    world.good(world.root.path(), &["clone", "-q", "orchestrate::gate", "clone"]);
    let clone = world.path("clone");
    let mut noise = 1u64;
    let big: Vec<u8> = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        (noise >> 32) as u8
    })
    .take(8 << 20)
    .collect();
    fs::write(clone.join("big"), &big).unwrap();
    world.commit(&clone, "small", "x");
    world.good(&clone, &["push", "-q", "origin", "HEAD:refs/heads/dev-a/t1"]);
    assert_eq!(world.good(&bare, &["rev-parse", "dev-a/t1"]), world.good(&clone, &["rev-parse", "HEAD"]));
    world.good(world.root.path(), &["clone", "-q", "-b", "dev-a/t1", "orchestrate::gate", "again"]);
    assert!(fs::read(world.path("again/big")).unwrap() == big);
    world.good(&clone, &["fetch", "-q"]);
    assert_eq!(
        *lines.lock().unwrap(),
        ["git-upload-pack version=2", "git-receive-pack", "git-upload-pack version=2", "git-upload-pack version=2"]
    );
}

#[test]
fn a_missing_gate_is_told_in_words() {
    let world = World::new();
    let output = world.git(world.root.path(), &["ls-remote", "orchestrate::gate"]);
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("the supervisor cannot be reached") && said.contains("hint: "), "{said}");
}

#[test]
fn a_gate_that_hangs_up_is_told_in_words() {
    let world = World::new();
    let listener = UnixListener::bind(world.path("run/git.sock")).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|stream| drop(first_line(&mut stream.unwrap()))));
    let output = world.git(world.root.path(), &["ls-remote", "orchestrate::gate"]);
    assert!(!output.status.success() && text(&output.stderr).contains("the gate said nothing"), "{}", text(&output.stderr));
}
