use super::*;
use crate::domain::failure::Failure;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Output, Stdio};

/// A gate with hooks that ask this test through named pipes.
struct Desk {
    world: World,
    gate: Gate,
    hooks: PathBuf,
}

const PRE: &str = "#!/bin/sh\n{ env | grep -a '^GIT_\\|^ORCH'; echo; cat; } > $D/pre-asked\nread verdict < $D/pre-answer\n[ \"$verdict\" = yes ] || { echo \"no: $verdict\" >&2; exit 1; }\n";
const PROC: &str = "#!/bin/sh\nexec 3<&0\ncat <&3 > $D/proc-asked &\ncat $D/proc-answer\nwait\n";

impl Desk {
    fn new() -> Self {
        let world = World::new();
        let gate = world.gate();
        let hooks = world.at("hooks");
        world.rogue();
        let desk = Self { world, gate, hooks };
        for (name, text) in [("pre-receive", PRE), ("proc-receive", PROC)] {
            put(&desk.hooks, name, text.replace("$D", desk.hooks.to_str().expect("a path")));
            desk.allow(name, 0o755);
        }
        for name in ["pre-asked", "pre-answer", "proc-asked", "proc-answer"] {
            assert!(Command::new("/usr/bin/mkfifo").arg(desk.hooks.join(name)).status().expect("mkfifo").success());
        }
        desk
    }

    fn allow(&self, hook: &str, mode: u32) {
        std::fs::set_permissions(self.hooks.join(hook), std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn start(&self, service: Service, args: &[&str], limits: Limits) -> (Child, Served) {
        self.start_at(&self.world.at("rogue"), service, args, limits, &[branch("dev-a")])
    }

    /// Starts git on both ends of a socket: ours by `serve`, the seat's by `fd::`.
    fn start_at(&self, at: &Path, service: Service, args: &[&str], limits: Limits, visible: &[RefName]) -> (Child, Served) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("as an event loop would");
        let env = [("ORCHESTRATE_PUSH".to_owned(), "7".to_owned())];
        let about = Conversation { service, protocol: Some("version=2"), hooks: &self.hooks, visible, env: &env, limits };
        let server = serve(&self.gate, &about, ours.into()).expect("a server");
        let mut client = Command::new("/bin/sh");
        client.args(["-c", "exec 7<&0 </dev/null; exec git \"$@\"", "sh"]).args(args).current_dir(at).env_clear();
        client.env("PATH", PLACES).env("HOME", at).env("LC_ALL", "C").stdin(Stdio::from(OwnedFd::from(theirs)));
        let client = client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a client");
        (client, server)
    }

    fn push(&self, what: &[&str]) -> (Child, Served) {
        self.start(Service::Receive, &[&["push", "fd::7"], what].concat(), Limits::default())
    }

    /// What pre-receive was given: its environment and its commands.
    fn pre(&self) -> (BTreeMap<String, String>, Vec<Update>) {
        let text = std::fs::read_to_string(self.hooks.join("pre-asked")).expect("a question");
        let (env, commands) = text.split_once("\n\n").expect("two parts");
        let env = env.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let update = |line: &str| {
            let command = pkt::command(line.as_bytes()).expect("a command");
            Update { name: command.name, old: Oid::new(command.old).expect("an id"), new: Oid::new(command.new).expect("an id") }
        };
        (env, commands.lines().map(update).collect())
    }

    fn say(&self, verdict: &str) {
        std::fs::write(self.hooks.join("pre-answer"), format!("{verdict}\n")).expect("an answer");
    }

    /// Plays proc-receive: reads the push, moves the references, reports.
    fn settle(&self) -> Result<Vec<String>, Failure> {
        let mut from = File::open(self.hooks.join("proc-asked")).expect("a pipe");
        let mut to = File::create(self.hooks.join("proc-answer")).expect("a pipe");
        let asked = pkt::asked(&mut from, &mut to)?;
        let moves: Vec<Move> = asked
            .commands
            .iter()
            .map(|command| {
                let id = |text: &str| Oid::new(text).ok().filter(|id| !id.is_zero());
                Move { name: RefName::new(command.name.clone()).expect("a name"), old: id(&command.old), new: id(&command.new) }
            })
            .collect();
        self.gate.move_refs(&moves)?;
        let answers: Vec<_> = asked.commands.iter().map(|command| pkt::Answer::Moved { name: command.name.clone() }).collect();
        pkt::report(&mut to, &answers)?;
        Ok(asked.commands.into_iter().map(|command| command.name).collect())
    }

    fn finish(&self, (client, mut server): (Child, Served)) -> (bool, String) {
        let output: Output = client.wait_with_output().expect("a client");
        server.wait().expect("a server");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn quarantine(env: &BTreeMap<String, String>, gate: &Gate) -> Quarantine {
    // Git gives the hook paths that are relative to the repository, or absolute ones.
    let full = |path: &str| gate.dir().join(path);
    let alternates = env["GIT_ALTERNATE_OBJECT_DIRECTORIES"].split(':').map(|path| full(path.trim_matches('"'))).collect();
    Quarantine { objects: full(&env["GIT_OBJECT_DIRECTORY"]), alternates }
}

#[test]
fn a_push_is_judged_in_quarantine_and_moved_by_us() {
    let desk = Desk::new();
    let rogue = desk.world.at("rogue");
    put(&rogue, "new.rs", "new\n");
    let id = save(&rogue, "work");
    let running = desk.push(&["HEAD:refs/heads/dev-a/x"]);
    let (env, updates) = desk.pre();
    assert_eq!(env["ORCHESTRATE_PUSH"], "7");
    let quarantine = quarantine(&env, &desk.gate);
    assert!(desk.gate.raw_commit(None, &id).is_err(), "not in the gate yet");
    let facts = desk.gate.inspect(Some(&quarantine), &updates, &[branch("dev-a")], &[], &unsigned).expect("facts");
    let incoming = &facts.updates[0];
    assert_eq!((incoming.kind, incoming.forward, incoming.update.name.as_str()), (Kind::Commit, true, "refs/heads/dev-a/x"));
    assert_eq!((incoming.commits.len(), &incoming.merge_base), (1, &Some(desk.gate.tip().expect("a tip"))));
    assert_eq!((&incoming.borrowed, incoming.touched.as_slice()), (&vec![], &["new.rs".to_owned()][..]));
    assert!(desk.gate.raw_commit(Some(&quarantine), &id).expect("bytes").starts_with(b"tree "));
    desk.say("yes");
    assert_eq!(desk.settle().expect("a report"), ["refs/heads/dev-a/x"]);
    let (ok, said) = desk.finish(running);
    assert!(ok, "{said}");
    assert_eq!(desk.gate.find_ref(&branch("dev-a/x")).expect("a look"), Some(id));
    desk.gate.check().expect("a sound gate");
}

#[test]
fn a_refused_push_leaves_nothing() {
    let desk = Desk::new();
    let rogue = desk.world.at("rogue");
    put(&rogue, "new.rs", "new\n");
    let id = save(&rogue, "work");
    let before = picture(&desk.gate.dir().join("objects")).into_keys().collect::<Vec<_>>();
    for what in [
        &["+HEAD:refs/heads/main"][..],
        &["HEAD:refs/replace/1111111111111111111111111111111111111111"],
        &["HEAD:refs/heads/a", "HEAD:refs/heads/b"],
    ] {
        let running = desk.push(what);
        let (_, updates) = desk.pre();
        assert_eq!(updates.len(), what.len(), "each command is seen");
        desk.say("by rule 7");
        let (ok, said) = desk.finish(running);
        assert!(!ok && said.contains("no: by rule 7") && said.contains("pre-receive hook declined"), "{said}");
    }
    assert_eq!(desk.gate.refs().expect("refs").len(), 1);
    assert!(desk.gate.raw_commit(None, &id).is_err());
    assert_eq!(picture(&desk.gate.dir().join("objects")).into_keys().collect::<Vec<_>>(), before);
}

#[test]
fn a_missing_hook_refuses() {
    let desk = Desk::new();
    let id = save(&desk.world.at("rogue"), "work");
    desk.allow("proc-receive", 0o644);
    desk.allow("pre-receive", 0o644);
    let (ok, said) = desk.finish(desk.push(&["HEAD:refs/heads/main"]));
    assert!(!ok && said.contains("proc-receive"), "{said}");
    assert_ne!(desk.gate.tip().expect("a tip"), id);
}

#[test]
fn broken_and_oversized_pushes_do_not_reach_the_hook() {
    let desk = Desk::new();
    let rogue = desk.world.at("rogue");
    let evil = blob(&rogue, "x");
    save_tree(&rogue, &[("100644", &evil, ".git")]);
    let (ok, said) = desk.finish(desk.push(&["HEAD:refs/heads/dev-a/x"]));
    assert!(!ok && said.contains("hasDotgit"), "{said}");
    plain(&rogue, &["reset", "-q", "--hard", "origin/main"]);
    let noise: Vec<u8> = (0..200_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    put(&rogue, "noise", noise);
    save(&rogue, "noise");
    let small = Limits { input: 500_000, ..Limits::default() };
    let running = desk.start(Service::Receive, &["push", "fd::7", "HEAD:refs/heads/dev-a/x"], small);
    let (ok, said) = desk.finish(running);
    assert!(!ok && said.contains("maximum allowed size"), "{said}");
    assert_eq!(desk.gate.refs().expect("refs").len(), 1);
}

#[test]
fn a_fetch_sees_the_protected_branch_and_its_own() {
    let desk = Desk::new();
    let rogue = desk.world.at("rogue");
    save(&rogue, "mine");
    desk.world.smuggle(&desk.gate, "dev-a/x");
    let secret = save(&rogue, "theirs");
    desk.world.smuggle(&desk.gate, "dev-b/draft");
    let reader = desk.world.at("reader");
    plain(desk.world.dir.path(), &["init", "-q", "reader"]);
    let at = |args: &[&str], visible: &[RefName]| {
        let (client, mut server) = desk.start_at(&reader, Service::Upload, args, Limits::default(), visible);
        let output = client.wait_with_output().expect("a client");
        server.wait().expect("a server");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (ok, shown) = at(&["ls-remote", "fd::7"], &[branch("dev-a")]);
    let names: Vec<&str> = shown.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!((ok, names), (true, vec!["HEAD", "refs/heads/dev-a/x", "refs/heads/main"]));
    let (ok, _) = at(&["fetch", "fd::7", "+refs/heads/*:refs/remotes/origin/*"], &[branch("dev-a")]);
    assert!(ok);
    plain(&reader, &["cat-file", "-e", "origin/dev-a/x"]);
    let (ok, _) = at(&["fetch", "fd::7", secret.as_str()], &[branch("dev-a")]);
    assert!(!ok, "an id alone fetches nothing");
    let (ok, _) = at(&["-c", "protocol.version=2", "fetch", "fd::7", secret.as_str()], &[]);
    assert!(!ok, "also not by version 2");
    let (ok, _) = at(&["fetch", "fd::7", secret.as_str()], &[branch("dev-b")]);
    assert!(ok, "it is there for those who may");
}

#[test]
fn only_our_own_words_reach_the_hooks() {
    let desk = Desk::new();
    let (ours, _theirs) = UnixStream::pair().expect("a pair");
    let env = [("GIT_CONFIG_GLOBAL".to_owned(), "/tmp/x".to_owned())];
    let limits = Limits::default();
    let about = Conversation { service: Service::Receive, protocol: None, hooks: &desk.hooks, visible: &[], env: &env, limits };
    assert!(serve(&desk.gate, &about, ours.into()).is_err());
    let (ours, _theirs) = UnixStream::pair().expect("a pair");
    let about = Conversation { env: &[], hooks: Path::new("hooks"), ..about };
    assert!(serve(&desk.gate, &about, ours.into()).is_err());
}
