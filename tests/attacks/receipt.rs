//! Receipts: a stranger with stock gpg and nothing of ours judges every statement of a task, and a changed one does not hold.

use crate::world::World;
use crate::world::seat::yes;
use orchestrate::domain::event::Event;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::review;

fn merged() -> (World, String) {
    let world = World::python().bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    let work = "orchestrate task take T1 && git checkout -q -b dev-a/t1 && echo note > NOTES.md && git add -A && git commit -q -m note";
    world.seat("dev-a").run(&format!("{work} && git push -q origin dev-a/t1 && orchestrate task submit T1")).ok();
    world.seat("dev-a").run("orchestrate review approve T1 --note 'I wrote it, I must know'").ends(1);
    for gate in [GateName::Peer, GateName::Qa, GateName::Deploy] {
        let seats = world.wait_for("a draw", |entry| match &entry.event {
            Event::Review(review::Event::Drawn { gate: at, seats, .. }) if *at == gate => Some(seats.clone()),
            _ => None,
        });
        for seat in seats {
            let word = yes("T1");
            let lines = format!("until {word} >said 2>&1; do grep -q not-tested-yet said || exit 1; orchestrate gate show T1 --wait 5 >seen || true; done");
            world.seat(seat.as_str()).run(&lines).ok();
        }
    }
    let commit = world.wait_merged("T1");
    (world, commit)
}

#[test]
fn a_stranger_with_stock_gpg_judges_every_statement() {
    let (world, commit) = merged();
    let folder = world.path("receipt");
    let shown = folder.to_str().unwrap();
    world.owner(&["receipt", "export", "T1", shown]).ok();
    world.owner(&["receipt", "export", "T1", shown]).ends(10);
    world.owner(&["receipt", "export", "T9", &format!("{shown}-9")]).ends(1).says("no-such-task");
    let gpg = world.path("gpg");
    let check = format!(
        "mkdir -m 700 '{gpg}'; cd '{shown}'; gpg -q --batch --no-autostart --homedir '{gpg}' --import keys/*.asc; n=0; \
         for s in *.sig; do gpg -q --batch --no-autostart --homedir '{gpg}' --verify \"$s\" \"${{s%.sig}}.pae\" || exit 9; n=$((n + 1)); done; echo \"$n hold\"; \
         ls *.dsse.json | wc -l; f=$(ls *.sig | head -n 1); printf x >>\"${{f%.sig}}.pae\"; gpg -q --batch --no-autostart --homedir '{gpg}' --verify \"$f\" \"${{f%.sig}}.pae\" && echo LEAKED; true",
        gpg = gpg.display()
    );
    let said = world.command("sh", &["-c", &check], "").ok();
    assert!(!said.out.contains("LEAKED"), "{said}");
    let lines: Vec<&str> = said.out.lines().collect();
    let count = lines[0].strip_suffix(" hold").unwrap();
    assert_eq!(count, lines[1].trim(), "{said}");
    assert!(count.parse::<u32>().unwrap() >= 8, "runs, verdicts and words: {said}");
    world.owner(&["receipt", "show", &commit[..9]]).ok().says("brought T1 in").says("pass reviewed: 1 of 1").says("accepts T1 at qa");
    world.owner(&["receipt", "show", "0123456789"]).ends(1).says("no-such-merge");
    from_the_bundle_alone(&world, &commit);
}

/// The same without the workshop; and `verify` explains one commit.
fn from_the_bundle_alone(world: &World, commit: &str) {
    let (bundle, clone) = (world.path("bundle"), world.path("clone"));
    let bundle = bundle.to_str().unwrap();
    world.owner(&["bundle", bundle]).ok();
    world.command("git", &["clone", "-q", world.state().join("gate.git").to_str().unwrap(), clone.to_str().unwrap()], "").ok();
    world.down().ok();
    world.orchestrate(&["receipt", "show", commit, "--bundle", bundle]).ok().says("brought T1 in");
    let clone = clone.to_str().unwrap();
    world.orchestrate(&["verify", clone, "--bundle", bundle, "--commit", &commit[..10]]).ok().says("T1").says("the history holds");
    let base = world.git(&["rev-parse", "main"]);
    world.orchestrate(&["verify", clone, "--bundle", bundle, "--commit", &base]).ok().says("stood there when the workshop was founded");
    let sarif = world.orchestrate(&["ledger", "refusals", "--bundle", bundle]).ok();
    let value: serde_json::Value = serde_json::from_str(&sarif.out).unwrap();
    let results = value["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().any(|result| result["ruleId"] == "own-work" && result["properties"]["by"] == "dev-a"), "{sarif}");
    let rules = value["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(results.iter().all(|result| rules.iter().any(|rule| rule["id"] == result["ruleId"])));
}
