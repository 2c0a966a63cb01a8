//! The owner's own command, judged by the JUnit file that it writes.

use super::execute::{Bench, Program, Trouble};
use super::junit::{self, by_id};
use super::{Told, toolchain};
use std::path::{Component, Path};

pub(super) fn run(bench: &Bench, argv: &[String], name: Option<&str>) -> Result<Told, Trouble> {
    let name = name.unwrap_or("junit.xml");
    if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) || argv.is_empty() {
        return Err(Trouble::Infrastructure(
            "the test command needs words and a plain name for its JUnit file; fix the owner's configuration".into(),
        ));
    }
    let file = bench.place.out.join(name).to_string_lossy().into_owned();
    let env = [("PATH".into(), toolchain::path(Path::new("/usr/local/sbin"))), ("ORCHESTRATE_JUNIT".into(), file)].into();
    bench.execute(&Program { argv: argv.iter().map(Into::into).collect(), env, ..Program::default() })?;
    let cases = read(bench, name)?;
    Ok(Told::finished(argv.to_vec(), by_id(cases.iter().map(|case| (case.id(), case.outcome))), String::new()))
}

/// Reads a JUnit report of this run; no report is trouble, never a pass.
pub(super) fn read(bench: &Bench, name: &str) -> Result<Vec<junit::Case>, Trouble> {
    let bytes = bench.place.report(name).map_err(|why| Trouble::Infrastructure(format!("the tests left no report {name}: {why}")))?;
    junit::read(&bytes).map_err(|why| Trouble::Infrastructure(format!("the report {name} cannot be read: {why}")))
}
