//! The steps of a deployment, done: commands on exports of the merged tree, and the list of what would be transferred.

use super::drive::Denied;
use super::place::{make_private, read_private};
use super::yard::{Yard, blocking};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::deploy::{Event, Listed, Order, Seen, Step, Terms, Where, order, terms};
use crate::domain::event::Event as Any;
use crate::domain::failure::{Doing, Failure};
use crate::domain::gate::GateName;
use crate::domain::glob::FoldedPath;
use crate::domain::name::{Digest, Oid, TaskId};
use crate::domain::policy::RunLimits;
use crate::domain::secret;
use crate::edge::git::{Packed, Parcel};
use crate::edge::runner::{self, Harness, Job};
use crate::edge::script;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A longer list is more than anybody reads, and the end of what a command says is not heard.
const LONGEST: usize = 1 << 20;
/// Values shorter than this stand in many a file by accident.
const TELLING: usize = 8;

type Values = BTreeMap<String, Zeroizing<String>>;

/// A step that has begun, and what it needs to know.
struct Begun {
    task: TaskId,
    step: Step,
    seq: u64,
    merge: Oid,
    tree: Oid,
    /// The digest of the charter that it began under.
    policy: Digest,
    list: Option<Digest>,
}

/// Does one step, where it is to be done; each is on record before it begins.
pub async fn step(yard: &Arc<Yard>, task: &TaskId, step: Step) -> Result<(), Failure> {
    let deploying = |seen| Act::Deploying { task: task.clone(), step, seen };
    let entries = match yard.ask(Actor::Edge, deploying(None)).await {
        Ok(entries) => entries,
        Err(Denied::Refused(_)) => return Ok(()),
        Err(Denied::Failed(failure)) => return Err(failure),
    };
    let begun = entries.into_iter().find_map(|entry| match entry.event {
        Any::Deploy(Event::Begun { task, step, merge, tree, policy, list, .. }) => Some(Begun { task, step, seq: entry.seq, merge, tree, policy, list }),
        _ => None,
    });
    let Some(begun) = begun else { return Ok(()) };
    let (seq, policy) = (begun.seq, begun.policy.clone());
    let rules = yard.see(move |state, _| (state.policy == policy).then(|| rules(state)).flatten()).await?;
    let here = Arc::clone(yard);
    let seen = blocking(move || match rules {
        Some((terms, limits)) => Work { yard: &here, begun: &begun, terms: &terms, limits: &limits }.done(),
        None => Err(Failure::new("cannot do this step", "another charter was adopted as it began")),
    })
    .await;
    let seen = seen.unwrap_or_else(|failure| Seen { ok: false, note: failure.to_string(), output: Digest::of(b""), list: None });
    yard.ask(Actor::Edge, deploying(Some((seq, seen)))).await.map(drop).or_else(|denied| match denied {
        Denied::Refused(_) => Ok(()),
        Denied::Failed(failure) => Err(failure),
    })
}

fn rules(state: &crate::domain::state::State) -> Option<(Terms, RunLimits)> {
    Some((terms(state)?.clone(), state.charter().run_limits(GateName::Deploy)))
}

/// The list of the newest deployment of a task, as it was made; none where the file is not what the record says.
pub fn list(yard: &Yard, task: &TaskId, digest: &Digest) -> Option<String> {
    let text = std::fs::read_to_string(folder(yard, task).join("list")).ok()?;
    (Digest::of(text.as_bytes()) == *digest).then_some(text)
}

/// Where what commands said is kept, for the owner alone.
pub fn folder(yard: &Yard, task: &TaskId) -> PathBuf {
    yard.place.join("deploy").join(task.as_str())
}

struct Work<'a> {
    yard: &'a Yard,
    begun: &'a Begun,
    terms: &'a Terms,
    limits: &'a RunLimits,
}

impl Work<'_> {
    fn done(&self) -> Result<Seen, Failure> {
        let values = self.values()?;
        let export = Export::new(&folder(self.yard, &self.begun.task))?;
        match (self.begun.step, order(self.terms, self.begun.step)) {
            (Step::Check(_), Some(order)) => {
                self.yard.gate()?.materialise(&self.begun.tree, &export.tree())?;
                self.command(order, &export, &values)
            }
            (Step::List | Step::Again, order) => self.listed(order, &export, &values),
            (Step::Run | Step::Health | Step::Rollback | Step::Restored, Some(order)) => {
                let (parcel, _) = self.packed(&values)?;
                self.yard.gate()?.materialise(&parcel.tree, &export.tree())?;
                self.command(order, &export, &values)
            }
            (_, None) => Err(Failure::new("cannot do this step", "the charter has no command for it")),
        }
    }

    /// The names and values of the owner's private file, as far as a command of this deployment names them.
    fn values(&self) -> Result<Values, Failure> {
        let orders = self.terms.checks.iter().chain([&self.terms.run, &self.terms.health]).chain(&self.terms.dry_run).chain(&self.terms.rollback);
        let wanted: Vec<&String> = orders.flat_map(|order| &order.env).collect();
        if wanted.is_empty() {
            return Ok(Values::new());
        }
        let bytes = read_private(Path::new(&self.terms.secrets))?;
        let text = std::str::from_utf8(&bytes).doing(format!("cannot read {}", self.terms.secrets))?;
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
        let known: Values = lines.map(|(name, value)| (name.trim().to_owned(), Zeroizing::new(value.trim().to_owned()))).collect();
        match wanted.into_iter().find(|name| !known.contains_key(*name)) {
            Some(name) => Err(Failure::new("cannot do this step", format!("{} has no line {name}=", self.terms.secrets))),
            None => Ok(known),
        }
    }

    /// The files that are transferred, and what in them looks like a secret.
    fn packed(&self, values: &Values) -> Result<(Parcel, Vec<String>), Failure> {
        let mut found = Vec::new();
        let wanted = |path: &str| FoldedPath::new(path).is_any(&self.terms.files);
        let mut look = |file: &Packed, bytes: &[u8]| {
            if !self.terms.harmless.contains(&file.digest) {
                found.extend(suspicious(&file.path, bytes, values));
            }
        };
        let parcel = self.yard.gate()?.parcel(&self.begun.tree, &wanted, &mut look)?;
        Ok((parcel, found))
    }

    /// Makes the list, and keeps the first one for the owner to read.
    fn listed(&self, order: Option<&Order>, export: &Export, values: &Values) -> Result<Seen, Failure> {
        let (parcel, mut found) = self.packed(values)?;
        let mut text = spelled(&parcel.files)?;
        if let Some(order) = order {
            self.yard.gate()?.materialise(&parcel.tree, &export.tree())?;
            let (ended, said) = self.run(order, export, values);
            found.extend(suspicious("what the dry run says", said.as_bytes(), values));
            let said = redacted(&said, values);
            if let Err(why) = ended.and_then(|code| fine(order, code)) {
                return Ok(Seen { ok: false, note: format!("the dry run: {why}"), output: Digest::of(said.as_bytes()), list: None });
            }
            writeln!(text, "\n{}:\n{said}", order.argv.join(" ")).map_err(|why| Failure::new("cannot spell the list", why))?;
        }
        let digest = Digest::of(text.as_bytes());
        let fault = match () {
            () if parcel.files.is_empty() => Some("no file of the merged tree is to be transferred".to_owned()),
            () if text.len() >= LONGEST => Some(format!("the list is longer than {LONGEST} bytes")),
            () if !found.is_empty() => Some(found.iter().take(20).cloned().collect::<Vec<_>>().join("; ")),
            () => None,
        };
        if self.begun.step == Step::List {
            std::fs::write(folder(self.yard, &self.begun.task).join("list"), &text).doing("cannot keep the list")?;
        }
        let bytes = parcel.files.iter().map(|file| file.size).sum();
        let list = Listed { digest: digest.clone(), files: parcel.files.len() as u64, bytes };
        let note = fault.clone().unwrap_or_else(|| format!("{} files, {bytes} bytes", list.files));
        Ok(Seen { ok: fault.is_none(), note, output: digest, list: Some(list) })
    }

    fn command(&self, order: &Order, export: &Export, values: &Values) -> Result<Seen, Failure> {
        let (ended, said) = self.run(order, export, values);
        let name = self.begun.step.to_string().replace(' ', "-");
        let kept = folder(self.yard, &self.begun.task).join(format!("{name}.log"));
        let said = redacted(&said, values);
        std::fs::write(&kept, &said).doing("cannot keep what a command said")?;
        let (ok, note) = match ended.and_then(|code| fine(order, code)) {
            Ok(()) => (true, "it ended well".to_owned()),
            Err(why) => (false, why),
        };
        Ok(Seen { ok, note, output: Digest::of(said.as_bytes()), list: None })
    }

    /// Runs a command where the owner's policy says, and gives its exit code, where it came to an end by itself.
    fn run(&self, order: &Order, export: &Export, values: &Values) -> (Result<Option<i32>, String>, String) {
        match order.place {
            Where::Sandbox => self.inside(order, export),
            Where::Host => self.outside(order, export, values),
        }
    }

    fn inside(&self, order: &Order, export: &Export) -> (Result<Option<i32>, String>, String) {
        let limits = runner::RunLimits {
            wall: Duration::from_secs(order.seconds.into()),
            output: self.limits.output_bytes,
            memory: Some(self.limits.memory_bytes),
            processes: 4096,
        };
        let (checkout, yard) = (export.tree(), self.yard);
        let harness = Harness::Command { argv: order.argv.clone(), junit: None };
        let job = Job { tree: &self.begun.tree, checkout: &checkout, harness, launcher: &yard.launcher, isolation: yard.isolation, limits, cancel: None, dependencies: Vec::new() };
        runner::command(&job, &order.argv)
    }

    /// Only what the policy says is run, with the names that it says and nothing else of the supervisor's.
    fn outside(&self, order: &Order, export: &Export, values: &Values) -> (Result<Option<i32>, String>, String) {
        let Begun { task, merge, tree, list, .. } = self.begun;
        let list = list.as_ref().map(ToString::to_string).unwrap_or_default();
        let fixed = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("ORCHESTRATE_TASK", task.as_str()),
            ("ORCHESTRATE_COMMIT", merge.as_str()),
            ("ORCHESTRATE_TREE", tree.as_str()),
            ("ORCHESTRATE_LIST", &list),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let named = order.env.iter().filter_map(|name| Some((name.clone(), values.get(name)?.to_string())));
        let env: Vec<(String, String)> = fixed.into_iter().chain(named).collect();
        let argv: Vec<&str> = order.argv.iter().map(String::as_str).collect();
        match script::run(&argv, &env, &export.tree(), order.seconds) {
            Ok(said) => (Ok(said.code), said.output),
            Err(failure) => (Err(failure.to_string()), String::new()),
        }
    }
}

/// Only an end by itself, with 0, is a good one.
fn fine(order: &Order, code: Option<i32>) -> Result<(), String> {
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(format!("it ended with {code}")),
        None => Err(format!("it did not end by itself within {} s", order.seconds)),
    }
}

/// One line for each file: mode, size, SHA-256, path.
fn spelled(files: &[Packed]) -> Result<String, Failure> {
    files.iter().try_fold(String::new(), |mut text, file| {
        writeln!(text, "{:o} {:>10} {} {}", file.mode, file.size, file.digest, crate::domain::glob::shown(&file.path))
            .map_err(|why| Failure::new("cannot spell the list", why))?;
        Ok(text)
    })
}

/// What looks like a secret, by place and kind; never what it is.
fn suspicious(name: &str, bytes: &[u8], values: &Values) -> Vec<String> {
    let found = secret::find(bytes).into_iter().map(|found| format!("{name}, line {}: it looks like {}", found.line, found.kind));
    let holds = |value: &str| value.len() >= TELLING && bytes.windows(value.len()).any(|part| part == value.as_bytes());
    let own = values.iter().filter(|(_, value)| holds(value)).map(|(key, _)| format!("{name} holds the value of {key}"));
    found.chain(own).collect()
}

/// A text without the values of secrets in it.
fn redacted(text: &str, values: &Values) -> String {
    values.iter().filter(|(_, value)| !value.is_empty()).fold(text.to_owned(), |text, (name, value)| text.replace(value.as_str(), &format!("[{name}]")))
}

/// A folder of its own for one step, beside what commands said; it stays where the supervisor is killed, as a command may still read it.
struct Export {
    root: PathBuf,
}

impl Export {
    fn new(folder: &Path) -> Result<Self, Failure> {
        make_private(folder)?;
        let root = folder.join("export");
        if root.exists() {
            crate::edge::sandbox::clear(&root).doing(format!("cannot remove {}", root.display()))?;
        }
        make_private(&root)?;
        Ok(Self { root })
    }

    fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if let Err(why) = crate::edge::sandbox::clear(&self.root) {
            eprintln!("orchestrate: cannot remove {}: {why}", self.root.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(value: &str) -> Values {
        Values::from([("TOKEN".to_owned(), Zeroizing::new(value.to_owned()))])
    }

    #[test]
    fn only_a_good_end_by_itself_is_good() {
        let order: Order = toml::from_str("argv = [\"true\"]\nseconds = 9\n").unwrap();
        assert_eq!(fine(&order, Some(0)), Ok(()));
        assert_eq!(fine(&order, Some(127)).unwrap_err(), "it ended with 127");
        assert_eq!(fine(&order, None).unwrap_err(), "it did not end by itself within 9 s");
    }

    #[test]
    fn a_secret_is_named_by_its_place_and_never_told() {
        let found = suspicious("a.txt", b"x\nhunter2-hunter2\n", &values("hunter2-hunter2"));
        assert_eq!(found, ["a.txt holds the value of TOKEN"]);
        assert!(suspicious("a.txt", b"short", &values("short")).is_empty(), "it stands in many a file by accident");
        assert_eq!(suspicious("a.txt", b"exactly8", &values("exactly8")).len(), 1);
        assert_eq!(redacted("a hunter2 b", &values("hunter2")), "a [TOKEN] b");
        assert_eq!(redacted("a b", &values("")), "a b");
    }
}
