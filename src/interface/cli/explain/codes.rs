//! Every code of a refusal, and what it means. A test compares this table with the source.

pub const CODES: &[(&str, &str)] = &[
    ("ambiguous", "The beginning of an id fits several messages, or is too short; give more digits."),
    ("bad-charter", "The rules that were to be adopted do not fit each other; the reason names the key."),
    ("bad-checkpoint", "A checkpoint is not signed by the key of its log."),
    ("bad-signature", "A commit's signature does not fit its bytes, or its key is expired, revoked or weak."),
    ("bad-tree", "A commit holds a tree entry that is not accepted, such as an odd path or mode."),
    ("before-genesis", "A report was asked for about a time before the workshop's first entry."),
    ("busy", "Another merge is under way; this one is tried again by itself."),
    ("bypass-disputed", "Somebody who was drawn to look at an earlier bypass said no, and the owner has not answered it yet."),
    ("bypass-over", "There is no bypass of this candidate that can be used: none was opened, its time is over, or something moved since."),
    ("decided", "The motion is decided; what is to be decided anew is a new motion."),
    ("deploy-waits", "A deployment stands at another step than was asked for, or a step is under way: look, and wait for its end."),
    ("expired", "The message expired before it was acknowledged."),
    ("file-not-in-change", "A review gave a verdict on a file that the change does not touch."),
    ("files-unjudged", "A review at PEER has a verdict on each file of the change; a no names at least one that is bad."),
    ("follow-up-due", "A change of this author went round its gates, and the two seats that were drawn have not looked at it in time."),
    ("forged-sender", "A message named another sender than the one whose socket it came through."),
    ("founded-already", "This ledger has its genesis already."),
    ("frozen", "The workshop was frozen: nothing is pushed, merged, signed or approved until the owner thaws it."),
    ("gates-open", "The change has not passed all of its gates."),
    ("in-the-future", "A report was asked for about a day that has not begun in its time zone."),
    ("in-use", "The one-time code's secret is in use, and is shown only until its first use."),
    ("inbox-full", "The recipient has so many messages of this seat's that it did not acknowledge; write again when it has dealt with some."),
    ("key-exists", "The holder has a key already; a key is made once."),
    ("key-revoked", "The key was revoked: nothing that it signed is accepted any more, and its seat signs nothing until the owner rotates it."),
    ("key-shared", "The key belongs to another holder already."),
    ("lock-deadlock", "Two seats would wait for each other's locks for ever; take all that is needed at once."),
    ("lock-held", "Another seat holds a lock on the path, or waits for one and comes first; its name, token and time are in the reason."),
    ("lock-needed", "This workshop wants a lock of one's own on every path of a push (locks.required)."),
    ("lock-path", "A lock is on paths from the repository's root: not absolute, not empty, without .. and without odd characters."),
    ("lock-stale", "The seat's lock on the path was lost, and another seat has had a newer one: the push comes too late. Look first, lock again."),
    ("lock-too-many", "The seat holds or names as many paths as it may (locks.most_paths)."),
    ("lock-too-wide", "A lock may not begin with a wildcard unless the owner allows it (locks.wide)."),
    ("locked-out", "Too many wrong codes in a row: for a while no code is accepted, not even the right one."),
    ("mail-open", "A message that somebody has still to acknowledge is not put away."),
    ("malformed", "What was asked could not be read."),
    ("malformed-commit", "A commit object breaks the accepted grammar: an unknown header, a NUL byte, two authors …"),
    ("merge-commit", "A pushed commit is a merge; only the supervisor merges. Rebase instead."),
    ("merged-already", "The task is on the protected branch already."),
    ("merging", "The task is being merged at this moment."),
    ("no-bundle", "A hook outside a workshop needs an exported bundle to judge by, and found none."),
    ("no-bypass", "The policy has no emergency bypass ([bypass] lines is 0)."),
    ("no-credential", "The relay has no API credential: the owner has to start the workshop with one."),
    ("no-deletes", "Nothing that was pushed is ever deleted."),
    ("no-deployment", "Nothing of this task is on its way out: it was not merged, the policy has no deployment, or it is over."),
    ("no-proof", "A proof does not hold: its path, its entry or its checkpoint's signature does not fit."),
    ("no-quote", "A review at PEER quotes whole lines of the difference, at least one of which says something."),
    ("no-reason", "A review wants a note of 10 to 8000 characters: a word without a reason is a rubber stamp."),
    ("no-such-day", "What was given is no day of the calendar, or the time zone left it out; it is written like 2026-11-20."),
    ("no-such-entry", "The ledger has no entry at this position."),
    ("no-such-holder", "Nobody of this name has a key here."),
    ("no-such-lock", "The seat holds no such lock and waits for none."),
    ("no-such-matter", "The policy has no rule for this matter; the reason lists those that there are."),
    ("no-such-merge", "The record knows no merge that made this commit."),
    ("no-such-motion", "There is no motion of this number."),
    ("no-such-recipient", "There is nobody of this name to write to."),
    ("no-such-seat", "There is no seat of this name."),
    ("no-such-task", "There is no task of this number."),
    ("no-such-zone", "There is no time zone of this name; it is one such as Europe/Berlin."),
    ("no-task", "An edit is nobody's work: the seat has no task and no review under way. Said before the edit, by the agent's own client."),
    ("no-upstream", "The model's API could not be reached by the relay."),
    ("no-voice", "The matter names other roles, the seat put the motion itself, or it contributed to what the motion is about."),
    ("not-a-beginning", "The ledger does not begin with what an earlier checkpoint was signed over: it was cut or altered since."),
    ("not-a-commit", "What was to be pushed or signed is not a commit."),
    ("not-a-seat", "A commit is signed by a key that is no seat's."),
    ("not-accepted", "The push was never accepted, so that nothing of it can land."),
    ("not-accounted", "An offline check found a commit that no merge of the record accounts for."),
    ("not-agreed", "No seat that has a word in the end of a freeze has given it; the owner may thaw alone, and every report says so."),
    ("not-at-a-gate", "The task stands at no gate now, so that there is nothing to judge."),
    ("not-at-deploy", "The task does not wait for the owner's confirmation."),
    ("not-disputed", "Nobody's no to a bypass of this task waits for the owner's answer."),
    ("not-drawn", "The gate draws its reviewers; this seat was not drawn for this gate of this task."),
    ("not-forward", "The protected branch only ever moves forward."),
    ("not-founded", "The workshop has no genesis yet."),
    ("not-frozen", "The workshop is not frozen, so that there is nothing to thaw."),
    ("not-measured", "The candidate has not been measured yet; wait a moment."),
    ("not-offered", "This socket does not offer what was asked: it belongs to somebody else."),
    ("not-openpgp", "A commit bears a signature that is not OpenPGP."),
    ("not-ours", "A cosigned checkpoint is not one of this very ledger, or nobody but the workshop signed it."),
    ("not-pushed", "The commit is not the tip of one of the author's branches in the gate; push it first."),
    ("not-rejected", "No reviewer's no waits for the librarian's signature there."),
    ("not-stalled", "The task is not stalled, or it is not yours to retry."),
    ("not-taken", "Nobody has taken the task."),
    ("not-tested-yet", "The full run on the merge result has not ended; QA's word comes after it."),
    ("not-the-author", "Only the seat that took a task submits it."),
    ("not-yet-yours", "The seats whom the matter names decide first; it comes to the owner when they cannot, or when they said yes."),
    ("not-your-lock", "A lock is given back by its holder, or taken away by the owner."),
    ("not-your-mail", "The message was not sent to you."),
    ("not-your-name", "A seat asked for a signature on a commit in another name than its own."),
    ("not-your-role", "The seat's role lacks the capability for this."),
    ("not-your-task", "A task is given back by who has it, and taken away by the owner or a role that plans or may veto."),
    ("nothing-said", "There is no yes of this seat's on this task that could be taken back."),
    ("nothing-submitted", "Nothing was submitted for the task yet."),
    ("nothing-to-seal", "No message before the given point is over and still has its body."),
    ("one-line", "A title or reason has to be one plain line of 1 to 200 characters."),
    ("other-archive", "This ledger does not say that anything was put into an archive with this digest."),
    ("other-commit", "The task is at another commit by now than the one that was looked at."),
    ("other-digest", "The task is not what was shown any more; look again before confirming."),
    ("other-epoch", "The epoch is not the one in force, so that its secret cannot be opened now."),
    ("other-key", "The witness knows this log by another key."),
    ("other-size", "The proof does not begin where the witness saw the ledger last; the size is in the reason."),
    ("outside-process", "A seat's socket was used by a process that does not come out of that seat's pane, or the owner's by a seat."),
    ("over-budget", "The seat did this as often as its budget allows; the reason says when to try again."),
    ("own-work", "Whoever contributed to a change cannot judge it."),
    ("owner-only", "Only the owner may do this."),
    ("protected-branch", "The protected branch moves only by the supervisor's merge, after every gate."),
    ("push-certificate", "A push came with a certificate, which nobody asks for and nothing believes."),
    ("put-away", "The body of the entry was put away; the owner has it in an archive and can bring it back."),
    ("quote-not-in-change", "What a review quotes does not stand in the difference that the gate shows, to the letter."),
    ("quote-of-another-attempt", "What a review quotes stands in an earlier attempt of the task, which is over; look at the newest."),
    ("recipients", "A message has 1 to 64 recipients."),
    ("ref-conflict", "Two references collide, or one is named twice."),
    ("ref-name", "The reference's name breaks the naming rules."),
    ("ref-not-yours", "A seat pushes only below refs/heads/<its name>/."),
    ("relay-path", "The relay does not offer this path or method of the model's API; the owner's agent.paths lists what it does."),
    ("reserved", "The task is reserved for another seat: only that one may take it, until the task is released."),
    ("said-already", "The seat has given its word at this gate already."),
    ("seat-only", "Only a seat does this, never the owner or the supervisor."),
    ("seats-fixed", "Seats are fixed in genesis; another set of seats is another workshop."),
    ("secret", "The candidate brings what looks like a secret; no bypass lets that in."),
    ("shutting-down", "The workshop ended while the request waited for its turn at the relay."),
    ("signed-by-other", "A commit bears another name than that of the seat that signed it."),
    ("spent-out", "The day's limit of tokens or money is reached, the seat's or that of all ([spending]): nothing is lost, and it goes on tomorrow."),
    ("stale", "A reference moved meanwhile; fetch and push again."),
    ("subject", "A subject is one plain line of 1 to 200 characters."),
    ("superseded", "The attempt is over: a newer one was submitted, or it came back."),
    ("supervisor-only", "Only the supervisor itself reports this."),
    ("taken", "Another seat works on the task."),
    ("too-large", "The candidate has more lines or files than may go round the gates."),
    ("too-late", "The change is merged or sent back, so that no word on it can be taken back."),
    ("too-long", "The text is longer than the policy allows."),
    ("too-many-commits", "A push may bring at most 1000 new commits."),
    ("too-many-refs", "A push may update at most 20 references, and a seat may own at most 200."),
    ("too-many-tasks", "The seat has as many unfinished tasks as it may have (tasks.held): finish one, or orchestrate task release one."),
    ("too-young", "The policy keeps the bodies of messages at hand for longer than that (retention.keep_days)."),
    ("torn-word", "A review calls a file good and bad, or accepts a change and calls a file of it bad."),
    ("unknown-key", "A commit is signed by a key that nobody here holds."),
    ("unknown-log", "The witness meets this log for the first time and has to be told its key."),
    ("unknown-push", "The push is not one that was announced."),
    ("unreadable", "The message cannot be read back from the ledger."),
    ("unrelated-history", "The commit does not grow from the protected branch."),
    ("unsigned", "A commit is not signed; seats sign with git commit -S."),
    ("unwitnessed", "The policy lets nothing be merged until the witness on another machine has signed again (witness.trouble)."),
    ("vetoed", "The task was vetoed, which sticks to it."),
    ("wrong-code", "The one-time code is wrong, too old, or was used before."),
];

#[cfg(test)]
mod tests {
    use super::CODES;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The first string after each place where a refusal is made.
    fn codes_in(text: &str) -> Vec<String> {
        let production = text.split("#[cfg(test)]").next().unwrap_or_default();
        let places = ["Refusal::new(", "refuse("].iter().flat_map(|made| production.split(made).skip(1));
        places
            .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"').map(|(code, _)| code.to_owned()))
            .filter(|code| is_code(code))
            .collect()
    }

    fn is_code(text: &str) -> bool {
        text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    }

    fn sources(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("tests.rs") {
                found.extend(codes_in(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }

    #[test]
    fn the_table_has_every_code_of_the_source_and_no_other() {
        let mut found = BTreeSet::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let table: BTreeSet<String> = CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(found.difference(&table).collect::<Vec<_>>(), Vec::<&String>::new(), "codes without an explanation");
        assert_eq!(table.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "explanations without a code");
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0), "the table is sorted");
    }
}
