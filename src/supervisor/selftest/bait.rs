//! What lies around the workshop to be stolen, changed, stopped or read; and the names under which a script knows it all.

use super::seat;
use super::stage::{Stage, locked, text};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::SeatName;
use crate::edge::chance;
use crate::edge::lure::Lure;
use crate::edge::process::start_time;
use crate::edge::script::Bystander;
use crate::edge::tmux::Tmux;
use std::path::{Path, PathBuf};

/// The bait; it goes with this value.
pub(super) struct Bait {
    /// What every piece of bait says, so that it is known where it turns up.
    word: String,
    lure: Lure,
    bystander: Bystander,
    agent: PathBuf,
    /// What another seat pushed and nobody approved, a file's object id; and what it wrote to the owner, a message's.
    draft: [String; 2],
}

/// Work of another seat's that is on its way.
const DRAFT_SEAT: &str = "dev-b";
const DRAFT: &str = "cat /proc/sys/kernel/random/uuid >draft.txt && git add draft.txt && git commit -q -m draft \
    && git push -q origin \"HEAD:$BRANCH\" && git rev-parse HEAD:draft.txt \
    && orchestrate mail send owner --subject 'a draft' --body 'a body for the owner alone' --json";

impl Bait {
    pub(super) fn lay(folder: &Path, home: &Path) -> Result<Self, Failure> {
        const WHAT: &str = "cannot lay out the bait";
        let chance = chance::bytes::<12>()?;
        let word = format!("word-{}", hex::encode(chance));
        let name = format!("selftest-{}", &hex::encode(chance)[..8]);
        for (path, content) in [("secret", word.as_str()), ("note", "as it was\n")] {
            std::fs::write(folder.join(path), content).doing(WHAT)?;
        }
        for path in [".bashrc", ".gitconfig"] {
            std::fs::write(home.join(path), "# as it was\n").doing(WHAT)?;
        }
        let agent = folder.join("agent.sock");
        let lure = Lure::lay(&name, &word, &agent)?;
        let bystander = Bystander::start(&[("TOKEN".to_owned(), word.clone())], &folder.join("secret"))?;
        Ok(Self { word, lure, bystander, agent, draft: Default::default() })
    }
}

impl Stage {
    /// The names of everything that an attack could reach for, as it is on the host.
    pub(super) fn surroundings(&self, seat: &str) -> Result<Vec<(&'static str, String)>, Failure> {
        let other = if seat == "dev-b" { "dev-a" } else { "dev-b" };
        let seat = SeatName::new(other).doing("cannot name the other seat")?;
        let mut names = vec![
            ("BAIT", self.join("bait")),
            ("USER_HOME", self.join("home")),
            ("STATE", self.place.root().to_path_buf()),
            ("GATE", self.place.gate()),
            ("LEDGER", self.place.ledger()),
            ("REPO", self.repo()),
            ("TMUX_SOCKET", self.place.tmux()),
            ("OTHER_CLONE", self.place.clone_of(&seat)),
            ("OTHER_HOME", self.place.home_of(&seat)),
            ("OTHER_RUN", self.place.sockets_of(&seat)),
        ]
        .into_iter()
        .map(|(name, path)| Ok((name, text(&path)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
        names.push(("OTHER", other.to_owned()));
        names.extend(self.processes(other)?);
        if let Some(bait) = &*locked(&self.bait) {
            names.extend(bait.names()?);
        }
        Ok(names)
    }

    /// Has the other seat push a draft, once.
    pub(super) fn leave_draft(&self) -> Result<(), Failure> {
        let known = locked(&self.bait).as_ref().is_none_or(|bait| !bait.draft[0].is_empty());
        let home = self.home_of(DRAFT_SEAT)?;
        if known || !home.exists() {
            return Ok(());
        }
        let branch = format!("{DRAFT_SEAT}/draft");
        let said = seat::run(&home, 0, &branch, &format!("BRANCH={branch}\n{DRAFT}"), 60)?;
        match (&mut *locked(&self.bait), said.code) {
            (Some(bait), Some(0)) => bait.draft = drafted(&said.output),
            (None, _) => {}
            (Some(_), _) => return Err(Failure::new("cannot lay out the bait", said.output)),
        }
        Ok(())
    }

    /// The supervisor and the other seat's first process: numbers, and numbers with the time of their start.
    fn processes(&self, other: &str) -> Result<Vec<(&'static str, String)>, Failure> {
        let panes = Tmux::find(&self.place.tmux())?.panes()?;
        let pane = panes.iter().find(|pane| pane.seat == other);
        let terminal = pane.and_then(|pane| std::fs::read_link(format!("/proc/{}/fd/0", pane.pid)).ok());
        let mut names = vec![
            ("OTHER_PANE", pane.map(|pane| pane.id.clone()).unwrap_or_default()),
            ("OTHER_TTY", terminal.map(|path| path.display().to_string()).unwrap_or_default()),
            ("NETWORK", std::fs::read_link("/proc/self/ns/net").map(|link| link.display().to_string()).unwrap_or_default()),
        ];
        names.extend(numbered("SUPERVISOR", "SUPERVISOR_AT", self.supervisor().unwrap_or(0)));
        names.extend(numbered("OTHER_PID", "OTHER_AT", pane.map_or(0, |pane| pane.pid)));
        Ok(names)
    }
}

/// A process by its number, and by number and start: in a namespace of its own another process may bear the number.
fn numbered(name: &'static str, at: &'static str, pid: u32) -> [(&'static str, String); 2] {
    [(name, pid.to_string()), (at, format!("{pid}:{}", start_time(pid).unwrap_or(0)))]
}

impl Bait {
    fn names(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut names = vec![
            ("WORD", self.word.clone()),
            ("ABSTRACT", self.lure.name.clone()),
            ("KEY", self.lure.name.clone()),
            ("QUEUE", format!("/{}", self.lure.name)),
            ("PORT", self.lure.ports[0].to_string()),
            ("OTHER_PORT", self.lure.ports[1].to_string()),
            ("MEMORY", self.lure.memory.map(|key| key.to_string()).unwrap_or_default()),
            ("AGENT_SOCKET", text(&self.agent)?),
            ("DRAFT", self.draft[0].clone()),
            ("MESSAGE", self.draft[1].clone()),
        ];
        names.extend(numbered("VICTIM", "VICTIM_AT", self.bystander.pid()));
        Ok(names)
    }
}

/// The object's id on a line of its own, and the message's in the answer after it.
fn drafted(said: &str) -> [String; 2] {
    let mut last = said.lines().rev();
    let answer: serde_json::Value = last.next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let message = answer["done"]["id"].as_str().unwrap_or_default().to_owned();
    [last.next().unwrap_or_default().to_owned(), message]
}
