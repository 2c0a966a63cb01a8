//! Rust: build once, then each test in a process and a sandbox of its own.
//!
//! What the repository's own `.cargo/config.toml` says about runners, flags and wrappers does not count: only its `[source]` tables
//! are kept, for vendored crates. The tree is read-only while it is built, and what was built is read-only while it is tested.
//! Documentation tests are not run.

use super::execute::{Bench, Ended, Program, Trouble};
use super::junit::by_id;
use super::messages::{Executable, Messages};
use super::{Told, toolchain};
use crate::domain::run::{Completion, Outcome};
use crate::edge::sandbox::{Bind, Isolation};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const PARALLEL: usize = 2;

/// The owner's Rust and the crates that it has downloaded.
pub(super) struct Rust {
    cargo: PathBuf,
    bin: PathBuf,
    library: PathBuf,
    binds: Vec<Bind>,
}

type Outcomes = Vec<(String, Outcome)>;

/// One test of one executable.
struct Case {
    id: String,
    name: String,
    executable: Executable,
}

pub(super) fn run(bench: &Bench) -> Result<Told, Trouble> {
    let rust = Rust::found(bench)?;
    keep_only_sources(&bench.place.checkout().join(".cargo"))?;
    let program = rust.build(bench);
    let command: Vec<String> = program.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let built = bench.execute(&program)?;
    let messages = Messages::read(&built.text(), &bench.place.target);
    if built.code != Some(0) {
        return not_built(command, &messages, &built);
    }
    let (cases, mut results) = rust.list(bench, &messages)?;
    results.extend(rust.test(bench, &messages, &cases)?);
    let note = format!("{} tests in {} executables", results.len(), messages.executables.len());
    Ok(Told::finished(command, by_id(results), note))
}

fn not_built(command: Vec<String>, messages: &Messages, built: &Ended) -> Result<Told, Trouble> {
    let said = built.errors();
    let unreachable =
        messages.errors.is_empty() && (said.contains("--offline") || said.contains("offline mode") || said.contains("registry"));
    if unreachable {
        let hint = "fix: run `cargo fetch` in a checkout you trust, as the user that runs the supervisor";
        return Ok(Told { completion: Completion::Infrastructure, ..Told::not_built(command, Vec::new(), format!("{hint}\n{said}")) });
    }
    let rendered = messages.rendered();
    Ok(Told::not_built(command, messages.missing(), if rendered.is_empty() { said } else { rendered }))
}

impl Rust {
    pub(super) fn found(bench: &Bench) -> Result<Self, Trouble> {
        let install = "install Rust (rustup) for the user that runs the supervisor";
        let rustc = toolchain::first("rustc", install)?;
        let root = toolchain::ask(&rustc, &["--print", "sysroot"]).and_then(|lines| lines.first().map(PathBuf::from));
        let root =
            root.ok_or_else(|| Trouble::Infrastructure(format!("{} does not say where it stands; fix: {install}", rustc.display())))?;
        let cargo = match root.join("bin/cargo") {
            own if own.is_file() => own,
            _ => toolchain::first("cargo", install)?,
        };
        let mut binds: Vec<Bind> = toolchain::shown(&root)?.into_iter().collect();
        binds.extend(crates(bench)?);
        Ok(Self { cargo, bin: root.join("bin"), library: root.join("lib"), binds })
    }

    /// The folder of LLVM's tools, where this Rust has them.
    pub(super) fn tools(&self) -> Option<PathBuf> {
        let hosts = fs::read_dir(self.library.join("rustlib")).into_iter().flatten().flatten();
        hosts.map(|host| host.path().join("bin")).find(|bin| ["llvm-cov", "llvm-profdata"].iter().all(|tool| bin.join(tool).is_file()))
    }

    /// Builds with the tree read-only, so that a build script cannot rewrite what is compiled after it.
    pub(super) fn build(&self, bench: &Bench) -> Program {
        let locked = bench.place.checkout().join("Cargo.lock").is_file();
        let mut words = vec!["test", "--no-run", "--workspace", "--offline", "--message-format=json"];
        words.extend(locked.then_some("--locked"));
        let mut program = self.program(bench);
        program.argv = [self.cargo.clone().into_os_string()].into_iter().chain(words.into_iter().map(OsString::from)).collect();
        if locked && bench.job.isolation != Isolation::None {
            program.binds.push(Bind::read_only(bench.place.checkout(), &bench.place.tree));
        }
        program
    }

    pub(super) fn program(&self, bench: &Bench) -> Program {
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        let env = [
            ("PATH", toolchain::path(&self.bin)),
            ("RUSTC", shown(&self.bin.join("rustc"))),
            ("CARGO", shown(&self.cargo)),
            ("CARGO_HOME", shown(&bench.place.home.join("cargo"))),
            ("CARGO_TARGET_DIR", shown(&bench.place.target)),
            ("CARGO_TERM_COLOR", "never".into()),
            ("CARGO_INCREMENTAL", "0".into()),
            ("CARGO_PROFILE_DEV_DEBUG", "0".into()),
        ];
        let env = env.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let binds = if bench.job.isolation == Isolation::None { Vec::new() } else { self.binds.clone() };
        Program { env, binds, ..Program::default() }
    }

    /// A test executable with arguments, as `cargo test` would start it, with what was built read-only.
    pub(super) fn started(&self, bench: &Bench, messages: &Messages, executable: &Executable, args: &[&str]) -> Program {
        let mut program = self.program(bench);
        program.env.remove("CARGO_TARGET_DIR");
        let target = &bench.place.target;
        let own = [target.join("debug/deps"), target.join("debug"), self.library.clone()];
        let libraries: Vec<String> = messages.libraries.iter().chain(&own).map(|path| path.to_string_lossy().into_owned()).collect();
        let folder = executable.manifest.parent().unwrap_or(&bench.place.tree).to_owned();
        program.env.insert("LD_LIBRARY_PATH".into(), libraries.join(":"));
        program.env.insert("CARGO_MANIFEST_DIR".into(), folder.to_string_lossy().into_owned());
        program.argv = [executable.path.clone().into_os_string()].into_iter().chain(args.iter().map(OsString::from)).collect();
        program.chdir = folder;
        if bench.job.isolation != Isolation::None {
            program.binds.push(Bind::read_only(bench.place.host("target"), target));
            program.binds.push(Bind::writable(bench.place.host("target").join("tmp"), target.join("tmp")));
        }
        program
    }

    /// Asks every executable for its tests. What cannot be listed is one broken test; what is ignored is skipped.
    fn list(&self, bench: &Bench, messages: &Messages) -> Result<(Vec<Case>, Outcomes), Trouble> {
        let scratch = bench.place.host("target").join("tmp");
        fs::create_dir_all(&scratch).map_err(|why| Trouble::outside("cannot make the tests' scratch folder", why))?;
        let (mut cases, mut results) = (Vec::new(), Vec::new());
        for executable in &messages.executables {
            let names = |args: &[&str]| bench.execute(&self.started(bench, messages, executable, args)).map(|ended| listed(&ended));
            match (names(&["--list", "--format", "terse"])?, names(&["--list", "--format", "terse", "--ignored"])?) {
                (Some(all), Some(ignored)) => {
                    let (skipped, run): (Vec<String>, Vec<String>) = all.into_iter().partition(|name| ignored.contains(name));
                    let id = |name: &String| format!("{}{name}", executable.prefix);
                    results.extend(skipped.iter().map(|name| (id(name), Outcome::Skipped)));
                    cases.extend(run.into_iter().map(|name| Case { id: id(&name), name, executable: executable.clone() }));
                }
                _ => results.push((executable.prefix.trim_end_matches(':').to_owned(), Outcome::Broken)),
            }
        }
        Ok((cases, results))
    }

    fn test(&self, bench: &Bench, messages: &Messages, cases: &[Case]) -> Result<Outcomes, Trouble> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Outcomes, Trouble> {
            let mut done = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                let args = ["--exact", case.name.as_str(), "--test-threads", "1"];
                let ended = bench.execute(&self.started(bench, messages, &case.executable, &args));
                // The other worker stops too: there is no next case any more.
                let ended = ended.inspect_err(|_| next.store(cases.len(), Ordering::SeqCst))?;
                done.push((case.id.clone(), judge(&ended, &case.name)));
            }
            Ok(done)
        };
        // A sandbox dies with the thread that started it; each worker waits for its own.
        let parts: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..PARALLEL).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| Err(Trouble::Infrastructure("a worker died".into()))))
                .collect()
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

/// The names in a terse list, or nothing when it is no such list.
fn listed(ended: &Ended) -> Option<BTreeSet<String>> {
    let text = ended.text();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let known = lines.iter().all(|line| line.ends_with(": test") || line.ends_with(": benchmark"));
    let names = lines.iter().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned);
    (ended.code == Some(0) && known).then(|| names.collect())
}

/// Believes a test only when its exit and its one summary agree that exactly one test ran.
fn judge(ended: &Ended, name: &str) -> Outcome {
    let text = ended.text();
    let summaries: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("test result: ")).collect();
    let ran = text.lines().filter(|line| *line == "running 1 test").count() == 1;
    let says = |end: &str| text.lines().any(|line| line.starts_with(&format!("test {name}")) && line.ends_with(end));
    match (ended.code, summaries.as_slice()) {
        (Some(0), [line]) if ran && says("... ok") && line.starts_with("ok. 1 passed; 0 failed; 0 ignored;") => Outcome::Passed,
        (Some(101), [line]) if ran && line.starts_with("FAILED. 0 passed; 1 failed; 0 ignored;") => Outcome::Failed,
        _ => Outcome::Broken,
    }
}

/// Shows the downloaded crates and the registry's index, never the unpacked sources: those are unpacked anew, against their checksums.
fn crates(bench: &Bench) -> Result<Vec<Bind>, Trouble> {
    let what = "cannot prepare cargo's home";
    let own =
        std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let Some(own) = own else { return Ok(Vec::new()) };
    let (home, mut binds) = (bench.place.host("home").join("cargo"), Vec::new());
    for part in ["registry/index", "registry/cache", "git/db"] {
        let (source, place) = (own.join(part), home.join(part));
        fs::create_dir_all(place.parent().unwrap_or(&home)).map_err(|why| Trouble::outside(what, why))?;
        match source.is_dir() {
            true if bench.job.isolation == Isolation::None => {
                std::os::unix::fs::symlink(&source, &place).map_err(|why| Trouble::outside(what, why))?
            }
            true => binds.push(Bind::read_only(source, bench.place.home.join("cargo").join(part))),
            false => {}
        }
    }
    if let Some(sources) = sources(&own.join("config.toml"), &["source", "registries"]) {
        fs::write(home.join("config.toml"), sources).map_err(|why| Trouble::outside(what, why))?;
    }
    Ok(binds)
}

/// Replaces a repository's `.cargo` settings by the `[source]` tables in them.
pub(super) fn keep_only_sources(folder: &Path) -> Result<(), Trouble> {
    let trouble = |why: std::io::Error| Trouble::outside("cannot set the repository's cargo settings aside", why);
    let Ok(found) = folder.symlink_metadata() else { return Ok(()) };
    if !found.is_dir() {
        return fs::remove_file(folder).map_err(trouble);
    }
    let plain = |path: &PathBuf| path.symlink_metadata().is_ok_and(|found| found.is_file());
    let kept = sources(Some(folder.join("config.toml")).filter(plain).as_deref().unwrap_or(Path::new("")), &["source"]);
    for name in ["config", "config.toml"] {
        match folder.join(name) {
            path if path.is_dir() && !path.is_symlink() => fs::remove_dir_all(path).map_err(trouble)?,
            path if path.symlink_metadata().is_ok() => fs::remove_file(path).map_err(trouble)?,
            _ => {}
        }
    }
    kept.map_or(Ok(()), |text| fs::write(folder.join("config.toml"), text).map_err(trouble))
}

/// The named tables of a settings file, without anything secret in them.
fn sources(path: &Path, names: &[&str]) -> Option<String> {
    let all: toml::Table = toml::from_str(&fs::read_to_string(path).ok()?).ok()?;
    let mut kept: toml::Table = all.into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect();
    let tables = kept.iter_mut().filter_map(|(_, all)| all.as_table_mut());
    for table in tables.flat_map(|all| all.iter_mut()).filter_map(|(_, one)| one.as_table_mut()) {
        for secret in ["token", "secret-key", "credential-provider"] {
            table.remove(secret);
        }
    }
    if kept.is_empty() { None } else { toml::to_string(&kept).ok() }
}
