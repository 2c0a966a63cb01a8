//! One human line per entry.

use super::text::{clip, count, one_line, time};
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::fix::Fix;
use crate::domain::name::{Digest, SeatName, TaskId};
use crate::domain::refusal::Refused;
use crate::domain::{alert, bypass as round, confirm, deploy as shipping, fleet, freeze, key, lock, merge, message, motion as putting, panel as sitting, push, review, task, workshop};

/// The entry as one line: position, time, who, what. Harmless on a terminal whatever seats wrote.
pub fn line(entry: &Entry) -> String {
    let what = clip(&one_line(&of_event(&entry.event)), 400);
    format!("{:>6}  {}  {:<12}  {what}", entry.seq, time(entry.time), entry.by)
}

/// What happened, in words; not yet harmless on a terminal.
pub(super) fn of_event(event: &Event) -> String {
    match event {
        Event::Workshop(event) => workshop(event),
        Event::Key(event) => key(event),
        Event::Fleet(event) => fleet(event),
        Event::Push(event) => push(event),
        Event::Task(event) => task(event),
        Event::Review(event) => review(event),
        Event::Panel(event) => panel(event),
        Event::Motion(event) => motion(event),
        Event::Merge(event) => merge(event),
        Event::Deploy(event) => deploy(event),
        Event::Bypass(event) => bypass(event),
        Event::Message(event) => message(event),
        Event::Lock(event) => lock(event),
        Event::Freeze(event) => freeze(event),
        Event::Confirm(event) => confirm(event),
        Event::Refused(refused) => refusal(refused),
        Event::Alert(event) => alert(event),
    }
}

fn workshop(event: &workshop::Event) -> String {
    match event {
        workshop::Event::Founded { genesis } => {
            format!("workshop {} founded on {} at {}", genesis.workshop, genesis.branch, genesis.base.short())
        }
        workshop::Event::Sworn { .. } => "genesis sworn with the owner's key".to_owned(),
        workshop::Event::Started { version, level, .. } => format!("supervisor {version} started, isolation {level}"),
        workshop::Event::Rechartered { motion: Some(motion), .. } => format!("the owner adopted another charter, by M{motion}"),
        workshop::Event::Rechartered { motion: None, .. } => "the owner adopted another charter alone".to_owned(),
        workshop::Event::Stopped => "supervisor stopped".to_owned(),
        workshop::Event::Witnessed { note } => {
            let names: Vec<&str> = note.lines().filter_map(|line| line.strip_prefix("\u{2014} ")?.split(' ').next()).skip(1).collect();
            format!("{} saw the first {} entries", names.join(", "), note.lines().nth(1).unwrap_or_default())
        }
        workshop::Event::Unwitnessed { why, refused, tries } => {
            let how = if *refused { "REFUSED" } else { "has not signed" };
            format!("the witness {how}, {tries} times in a row: {why}")
        }
        workshop::Event::Archived { entries, archive, .. } => {
            format!("the bodies of {} are put away, in the archive {}", count(entries.len() as u64, "message"), archive.short())
        }
        workshop::Event::Restored { entries, archive } => {
            format!("the bodies of {} are brought back, from the archive {}", count(*entries, "message"), archive.short())
        }
    }
}

fn key(event: &key::Event) -> String {
    match event {
        key::Event::Made { holder, fingerprint, .. } => format!("key of {holder}: {fingerprint}"),
        key::Event::Revoked { holder, fingerprint, reason, .. } => format!("key of {holder} revoked: {fingerprint}: {reason}"),
        key::Event::Signed { digest } => format!("commit signed by the broker, bytes {}", digest.short()),
    }
}

fn fleet(event: &fleet::Event) -> String {
    match event {
        fleet::Event::Seated { seat, instance, agent, .. } => format!("{seat} filled, instance {instance}: {}", agent.join(" ")),
        fleet::Event::Answered { instance } => format!("instance {instance} answered"),
        fleet::Event::Relayed { seat, requests, refused, used, told } => {
            let tokens = if used.is_nothing() { String::new() } else { format!(", {}", count(used.tokens(), "token")) };
            let own = if told.is_nothing() { String::new() } else { format!("; beside the relay {} by its own word", count(told.tokens(), "token")) };
            format!("{seat} asked the model {requests} times more, refused {refused}{tokens}{own}")
        }
        fleet::Event::Paused { seat, why } => {
            let who = seat.as_ref().map_or("every seat", |seat| seat.as_str());
            format!("{who} PAUSED until tomorrow: {why}")
        }
        fleet::Event::Recalled { seats } => {
            let seats: Vec<&str> = seats.iter().map(|seat| seat.as_str()).collect();
            format!("called back: {}", seats.join(", "))
        }
        fleet::Event::Stuck { seat, instance, why, restart } => {
            format!("{seat} is STUCK, instance {instance}: {why}; {}", if *restart { "it is started again" } else { "you are told" })
        }
        fleet::Event::Moving { seat, instance } => format!("{seat} gets on again, instance {instance}"),
        fleet::Event::Overfull { seat, bytes, limit } => format!("{seat} is STOPPED: its files take {bytes} bytes, more than {limit}"),
        fleet::Event::GivenUp { seat, ends } => format!("{seat} is NOT started again: it ended {ends} times within an hour"),
        fleet::Event::Left { seat, instance, why } => format!("{seat} empty, instance {instance} ended: {why}"),
    }
}

fn push(event: &push::Event) -> String {
    match event {
        push::Event::Accepted { moves, .. } => {
            let moves: Vec<String> = moves.iter().map(|step| format!("{} -> {}", step.name, step.new.short())).collect();
            format!("push accepted: {}", moves.join(", "))
        }
        push::Event::Landing { push } => format!("push {push} is about to land"),
        push::Event::Landed { push } => format!("push {push} landed"),
        push::Event::Dropped { push, why } => format!("push {push} dropped: {why}"),
    }
}

fn task(event: &task::Event) -> String {
    match event {
        task::Event::Opened { task, title, assign: None, .. } => format!("{task} opened: {title}"),
        task::Event::Opened { task, title, assign: Some(seat), .. } => format!("{task} opened: {title} (for {seat})"),
        task::Event::Taken { task } => format!("{task} taken"),
        task::Event::Released { task, reason, from, assign } => {
            let from = from.as_ref().map(|seat| format!(" by {seat}")).unwrap_or_default();
            let to = assign.as_ref().map(|seat| format!(", for {seat}")).unwrap_or_default();
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            format!("{task} is had no more{from}{to}{why}")
        }
        task::Event::Submitted { task, attempt, commit } => format!("{task} submitted, attempt {attempt}: {}", commit.short()),
        task::Event::Measured { task, change, needs, fix, .. } => {
            let gates: Vec<&str> = needs.gates.iter().map(|gate| gate.as_str()).collect();
            let size = format!("{}, {}", count(change.lines(), "line"), count(change.file_count() as u64, "file"));
            let again = |fix: &Fix| format!(", {} since attempt {}: starts again at {}", count(fix.lines, "line"), fix.of, fix.starts);
            format!("{task} measured: {size}, risk {}, gates {}{}", needs.risk, gates.join(" "), fix.as_ref().map(again).unwrap_or_default())
        }
        task::Event::Tested { task, kind, statement, .. } => format!("{task} test run `{}`{}", kind.word(), tested(statement)),
        task::Event::Judged { task, gate, pass, checks, .. } => {
            let word = if *pass { "passed" } else { "failed" };
            format!("{task} {word} {gate} ({})", count(checks.len() as u64, "check"))
        }
        task::Event::SentBack { task, gate, why, .. } => format!("{task} sent back from {gate}: {why}"),
        task::Event::Outdated { task, .. } => format!("{task} has to be tested again on the new tip"),
        task::Event::Stalled { task, why, .. } => format!("{task} stalled: {why}"),
        task::Event::Vetoed { task, reason } => format!("{task} vetoed: {reason}"),
    }
}

/// The task that an event is about.
pub(super) fn of_task(event: &task::Event) -> &TaskId {
    match event {
        task::Event::Opened { task, .. }
        | task::Event::Taken { task }
        | task::Event::Released { task, .. }
        | task::Event::Submitted { task, .. }
        | task::Event::Measured { task, .. }
        | task::Event::Tested { task, .. }
        | task::Event::Judged { task, .. }
        | task::Event::SentBack { task, .. }
        | task::Event::Outdated { task, .. }
        | task::Event::Stalled { task, .. }
        | task::Event::Vetoed { task, .. } => task,
    }
}

fn tested(statement: &crate::domain::dsse::Envelope) -> String {
    let Some(run) = crate::domain::statement::read_run(statement) else {
        return ": unreadable".to_owned();
    };
    if let Some(told) = &run.coverage {
        return format!(": {} of {} changed lines ran, {} of {} in all", told.changed_run, told.changed, told.run, told.lines);
    }
    let (passed, failed) = (run.passed().count(), run.failed().count());
    format!(": {}, {passed} passed, {failed} failed of {}", super::text::word(&run.completion), run.results.len())
}

fn review(event: &review::Event) -> String {
    match event {
        review::Event::Drawn { task, gate, pool, seats, extra, .. } => {
            let names: Vec<&str> = seats.iter().map(|seat| seat.as_str()).collect();
            let because = extra.as_ref().map(|extra| format!("; {} from outside, because {}", extra.seats.len(), extra.why)).unwrap_or_default();
            format!("{task} drew for {gate}: {} of {}{because}", names.join(", "), pool.len())
        }
        review::Event::Decided { task, gate, accept, note, reading, .. } => {
            let word = if *accept { "accepts" } else { "rejects" };
            let (files, quotes) = (count(reading.files.len() as u64, "file"), count(reading.quotes.len() as u64, "quote"));
            let read = if reading.is_empty() { String::new() } else { format!(" ({files} judged, {quotes})") };
            format!("{word} {task} at {gate}{read}: {note}")
        }
    }
}

fn motion(event: &putting::Event) -> String {
    match event {
        putting::Event::Moved { motion, matter, title, .. } => format!("M{motion} put ({matter}): {title}"),
        putting::Event::Voted { motion, accept, note, .. } => format!("says {} to M{motion}: {note}", if *accept { "yes" } else { "no" }),
        putting::Event::Reminded { motion, seats } => format!("{} reminded of M{motion}", count(seats.len() as u64, "seat")),
        putting::Event::Referred { motion, why } => format!("M{motion} is the owner's: {why}"),
        putting::Event::Closed { motion, passed, why } => format!("M{motion} {}: {why}", if *passed { "passed" } else { "refused" }),
    }
}

fn panel(event: &sitting::Event) -> String {
    let names = |list: &[SeatName]| list.iter().map(SeatName::as_str).collect::<Vec<_>>().join(", ");
    match event {
        sitting::Event::Lot { task, seat: Some(seat), sealed, .. } => format!("{task} gets a third reviewer by the lot of entry {sealed}: {seat}"),
        sitting::Event::Lot { task, seat: None, sealed, .. } => format!("{task} gets no third reviewer by the lot of entry {sealed}"),
        sitting::Event::Reminded { task, gate, seats, .. } => format!("{} reminded of {task} at {gate}", names(seats)),
        sitting::Event::Lapsed { task, gate, seats, asked, .. } => {
            let then = if *asked { "; the owner is asked" } else { "" };
            format!("{} let the time pass at {gate} of {task}{then}", names(seats))
        }
        sitting::Event::Redrawn { task, gate, out, seats, .. } => format!("{task} drew for {gate} anew: {} in the place of {}", names(seats), names(out)),
        sitting::Event::Cosigned { task, gate, note, .. } => format!("signs that {task} goes back from {gate}: {note}"),
        sitting::Event::Withdrawn { task, gate, reason, .. } => format!("takes its word on {task} at {gate} back: {reason}"),
        sitting::Event::Opened { epoch, .. } => format!("the secret of epoch {epoch} is open: orchestrate audit draw {epoch}"),
    }
}

fn merge(event: &merge::Event) -> String {
    match event {
        merge::Event::Intended { task, commit, old, .. } => {
            format!("{task} is about to move the protected branch {} -> {}", old.short(), commit.short())
        }
        merge::Event::Merged { task, commit, .. } => format!("{task} merged as {}", commit.short()),
        merge::Event::Missed { task, why, .. } => format!("{task} did not merge: {why}"),
        merge::Event::Home { branch, outcome, .. } => format!("{branch} at home: {outcome}"),
    }
}

fn bypass(event: &round::Event) -> String {
    use round::Event;
    match event {
        Event::Opened { task, reason, .. } => format!("BYPASS of {task} opened: {reason}"),
        Event::Signed { task, note, .. } => format!("BYPASS of {task} signed: {note}"),
        Event::Drawn { task, pool, seats, .. } => {
            let names: Vec<&str> = seats.iter().map(|seat| seat.as_str()).collect();
            format!("{task} drew for a look at its bypass: {} of {}", names.join(", "), pool.len())
        }
        Event::Reviewed { task, accept, note, .. } => format!("{} the bypass of {task}: {note}", if *accept { "accepts" } else { "REJECTS" }),
        Event::Answered { task, note, .. } => format!("answers the no to the BYPASS of {task}: {note}"),
        Event::Redrawn { task, out, seats, pool, .. } => {
            let listed = |seats: &[SeatName]| seats.iter().map(SeatName::as_str).collect::<Vec<_>>().join(", ");
            format!("{task} drew for a look at its bypass, in the place of {}: {} of {}", listed(out), listed(seats), pool.len())
        }
        Event::Lapsed { task } => format!("nobody looked at the BYPASS of {task} in time: its author's merges wait"),
    }
}

fn deploy(event: &shipping::Event) -> String {
    use shipping::Event;
    match event {
        Event::Queued { task, merge, .. } => format!("{task} is to be deployed: {}", merge.short()),
        Event::Begun { task, step, list: Some(list), .. } => format!("{task} deployment: {step} begins, list {}", list.short()),
        Event::Begun { task, step, .. } => format!("{task} deployment: {step} begins"),
        Event::Ended { task, step, seen, .. } => format!("{task} deployment: {step} {}: {}", if seen.ok { "done" } else { "FAILED" }, seen.note),
        Event::Confirmed { task, .. } => format!("{task} deployment: the list is confirmed by the owner"),
        Event::Interrupted { task, step, unknown: true, why } => format!("{task} deployment: the outcome of {step} is UNKNOWN: {why}"),
        Event::Interrupted { task, step, unknown: false, why } => format!("{task} deployment: {step} begins again: {why}"),
        Event::Undoing { task, .. } => format!("{task} deployment: the owner wants back what was there before"),
        Event::Over { task, why } => format!("{task} deployment: ended: {why}"),
    }
}

fn message(event: &message::Event) -> String {
    match event {
        message::Event::Sent { id, statement } => match message::letter(statement) {
            Some(letter) => mail(id, &letter),
            None => format!("mail {}: unreadable", id.short()),
        },
        message::Event::Delivered { ids, to } => format!("{} shown to {to}", count(ids.len() as u64, "message")),
        message::Event::Acknowledged { id, by } => format!("mail {} acknowledged by {by}", id.short()),
        message::Event::Expired { ids } => format!("{} expired unacknowledged", count(ids.len() as u64, "message")),
        message::Event::Sealed { id, letter, .. } => format!("{} (its body is put away)", mail(id, letter)),
        message::Event::Returned { to } => format!("mail of {to} counts as not shown: a new instance sits there"),
    }
}

fn mail(id: &Digest, letter: &message::Letter) -> String {
    let to: Vec<String> = letter.to.iter().map(ToString::to_string).collect();
    format!("mail {} to {}: {}", id.short(), to.join(", "), letter.subject)
}

fn lock(event: &lock::Event) -> String {
    use lock::{Event, listed};
    match event {
        Event::Granted { token, seat, paths, .. } => format!("{seat} locks {}, token {token}", listed(paths)),
        Event::Renewed { tokens } => format!("lock renewed, token {}", tokens.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
        Event::Queued { paths, priority, .. } => format!("waits for a lock on {}, {} priority", listed(paths), super::text::word(priority)),
        Event::Preempted { token, ends, seat } => format!("lock with token {token} ends at {}: {seat} needs it urgently", time(*ends)),
        Event::Released { token, paths } => format!("lock on {} given back, token {token}", listed(paths)),
        Event::Withdrawn { seat } => format!("{seat} waits for no lock any more"),
    }
}

fn freeze(event: &freeze::Event) -> String {
    match event {
        freeze::Event::Frozen { reason, .. } => format!("FROZEN: {reason}"),
        freeze::Event::Thawed { alone: true } => "thawed by the owner alone".to_owned(),
        freeze::Event::Thawed { alone: false } => "thawed by the owner, as a seat had agreed".to_owned(),
        freeze::Event::Agreed { .. } => "says that the workshop may go on".to_owned(),
    }
}

fn confirm(event: &confirm::Event) -> String {
    match event {
        confirm::Event::Confirmed { task, attempt, .. } => format!("{task} confirmed by the owner, attempt {attempt}"),
        confirm::Event::Used { what, .. } => format!("the owner's code was used: {what}"),
        confirm::Event::Missed => "a wrong code was typed".to_owned(),
        confirm::Event::Reset { code, .. } => format!("the owner's second factor was made anew with recovery code {}", code + 1),
    }
}

fn alert(event: &alert::Event) -> String {
    match event {
        alert::Event::Told { way, severity, about, more } => {
            format!("the owner was told by {way} of {} of {severity} severity", count(about.len() as u64 + more, "alert"))
        }
        alert::Event::Failed { way, why, tries } => format!("an alert by {way} did not go out, try {tries}: {why}"),
        alert::Event::Reported { day, size, .. } => format!("the report of {day} went out, over the first {size} entries"),
        alert::Event::Overdue { day } => format!("the report of {day} has NOT gone out in time"),
    }
}

fn refusal(refused: &Refused) -> String {
    let on = if refused.on.is_empty() { String::new() } else { format!(" {}", refused.on) };
    format!("REFUSED {}{on}: {}", refused.verb, refused.refusal)
}
