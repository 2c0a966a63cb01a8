//! Whose key is whose: the registry that every signature is judged against.

use super::actor::{Actor, Party};
use super::budget;
use super::command::Command;
use super::entry::Millis;
use super::event::Event as Any;
use super::lock;
use super::name::{Digest, Fingerprint, SeatName};
use super::policy::Act as Budgeted;
use super::refusal::Refusal;
use super::state::State;
use super::task;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A key came into being; the certificate is armored OpenPGP.
    Made { holder: Party, fingerprint: Fingerprint, certificate: String },
    /// The broker signed a commit or tag for the seat; `digest` is SHA-256 of the signed bytes.
    Signed { digest: Digest },
    /// The owner took a seat's key away; the certificate carries its revocation, for stock OpenPGP tools.
    Revoked { holder: Party, fingerprint: Fingerprint, certificate: String, reason: String },
}

/// A registered key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub fingerprint: Fingerprint,
    pub certificate: String,
    /// The ledger position from which it counts.
    pub since: u64,
}

/// A key that counts no more: what it signed before stays what it was, what comes after is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    pub holder: Party,
    pub key: Key,
    /// The ledger position of its end.
    pub until: u64,
    pub reason: String,
    /// Its certificate with the revocation.
    pub certificate: String,
}

/// Registers a key once; a second key for a holder, or one key for two holders, is refused.
pub fn made(state: &State, holder: &Party, fingerprint: &Fingerprint, certificate: &str) -> Result<Vec<Any>, Refusal> {
    if state.keys.contains_key(holder) {
        return Err(Refusal::new("key-exists", format!("{holder} has a key already"), "orchestrate keys list"));
    }
    if state.keys.values().any(|key| key.fingerprint == *fingerprint) || state.retired.contains_key(fingerprint) {
        return Err(Refusal::new("key-shared", format!("{fingerprint} belongs to somebody else"), "orchestrate keys list"));
    }
    let (holder, fingerprint, certificate) = (holder.clone(), fingerprint.clone(), certificate.to_owned());
    Ok(vec![Any::Key(Event::Made { holder, fingerprint, certificate })])
}

/// Takes a seat's key away; the owner's act alone. What it signed and is still under way goes back to its author.
pub fn revoke(state: &State, actor: &Actor, seat: &SeatName, certificate: &str, reason: &str) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner revokes a key", "orchestrate mail send owner --subject 'my key'"));
    }
    let reason = Command::line(reason, "a revocation wants a reason", "orchestrate keys revoke SEAT --reason 'what happened'")?;
    let holder = Party::Seat(seat.clone());
    let Some(key) = state.keys.get(&holder) else {
        return Err(keyless(state, seat));
    };
    let (fingerprint, certificate) = (key.fingerprint.clone(), certificate.to_owned());
    let back = task::send_back_of(state, seat, &format!("the key of {seat} was revoked: sign again with the new one and submit"));
    Ok(std::iter::once(Any::Key(Event::Revoked { holder, fingerprint, certificate, reason })).chain(back).collect())
}

/// Says no to a seat whose key was revoked and not replaced: nothing that wants its signature.
pub fn stands(state: &State, actor: &Actor) -> Result<(), Refusal> {
    let Some(seat) = actor.seat() else { return Ok(()) };
    let holder = Party::Seat(seat.clone());
    let revoked = !state.keys.contains_key(&holder) && state.retired.values().any(|retired| retired.holder == holder);
    if revoked { Err(keyless(state, seat)) } else { Ok(()) }
}

fn keyless(state: &State, seat: &SeatName) -> Refusal {
    let retired = state.retired.values().filter(|retired| retired.holder == Party::Seat(seat.clone())).max_by_key(|retired| retired.until);
    match retired {
        Some(retired) => {
            let why = format!("the key of {seat} was revoked at entry {}: {}", retired.until, retired.reason);
            Refusal::new("key-revoked", why, format!("orchestrate keys rotate {seat}   (by the owner)"))
        }
        None => Refusal::new("no-such-holder", format!("{seat} has no key here"), "orchestrate keys list"),
    }
}

/// What a seat asks the broker to sign: the commit's own words about its author and committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    pub digest: Digest,
    /// E-mail addresses of author and committer as the payload has them; empty when it is no commit.
    pub emails: Vec<String>,
    /// Why the payload is not a commit or tag in the accepted grammar, if so.
    pub malformed: Option<String>,
}

impl Signing {
    /// Reads what git asks to have signed: a commit or a tag, in git's own grammar and nothing else.
    pub fn read(payload: &[u8]) -> Self {
        let digest = Digest::of(payload);
        match headers(payload) {
            Ok(emails) => Self { digest, emails, malformed: None },
            Err(why) => Self { digest, emails: Vec::new(), malformed: Some(why.to_owned()) },
        }
    }
}

/// The addresses of author and committer, or of the tagger; any header that is not git's own is refused.
fn headers(payload: &[u8]) -> Result<Vec<String>, &'static str> {
    let text = std::str::from_utf8(payload).map_err(|_| "it is not UTF-8")?;
    let (head, _) = text.split_once("\n\n").ok_or("it has no message")?;
    let mut lines = head.split('\n').map(|line| line.split_once(' ').unwrap_or((line, ""))).peekable();
    let (tree, tag) = (lines.next_if(|(key, _)| *key == "tree"), lines.next_if(|(key, _)| *key == "object"));
    match (tree, tag) {
        (Some(_), None) => commit(&lines.collect::<Vec<_>>()),
        (None, Some(_)) => tagger(&lines.collect::<Vec<_>>()),
        _ => Err("it is neither a commit nor a tag"),
    }
}

fn commit(lines: &[(&str, &str)]) -> Result<Vec<String>, &'static str> {
    let rest: Vec<(&str, &str)> = lines.iter().copied().skip_while(|(key, _)| *key == "parent").collect();
    match rest.as_slice() {
        [("author", author), ("committer", committer)] => [author, committer].into_iter().map(|person| email(person)).collect(),
        _ => Err("its headers are not tree, parents, author and committer"),
    }
}

fn tagger(lines: &[(&str, &str)]) -> Result<Vec<String>, &'static str> {
    match lines {
        [("type", _), ("tag", _), ("tagger", person)] => email(person).map(|email| vec![email]),
        _ => Err("its headers are not object, type, tag and tagger"),
    }
}

fn email(person: &str) -> Result<String, &'static str> {
    let (_, rest) = person.split_once('<').ok_or("a name has no address")?;
    let (email, when) = rest.split_once("> ").ok_or("a name has no date")?;
    let dated = when.bytes().all(|b| b.is_ascii_digit() || b" +-".contains(&b));
    if email.contains(['<', '>']) || !dated { Err("a name, address or date is malformed") } else { Ok(email.to_owned()) }
}

/// Signs a seat's own commits only, and nothing while frozen.
pub fn sign(state: &State, actor: &Actor, now: Millis, signing: &Signing) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let Some(seat) = actor.seat() else {
        return Err(Refusal::new("seat-only", "only a seat signs through the broker", "git commit -S"));
    };
    if let Some(why) = signing.malformed.as_ref().filter(|_| !super::planted::out("broker-commits-only")) {
        return Err(Refusal::new("not-a-commit", format!("the broker signs commits and tags only: {why}"), "git commit -S"));
    }
    let own = state.email(seat);
    match signing.emails.iter().find(|email| **email != own).filter(|_| !super::planted::out("broker-own-name")) {
        Some(other) => Err(Refusal::new(
            "not-your-name",
            format!("{seat} asked for a signature on a commit in the name of {other}"),
            format!("git config user.email {own} && git commit --amend --reset-author"),
        )),
        None => {
            budget::within(state, seat, Budgeted::Commits, now).map(|()| vec![Any::Key(Event::Signed { digest: signing.digest.clone() })])
        }
    }
}

fn retire(state: &mut State, seq: u64, holder: &Party, certificate: &str, reason: &str) {
    if let Some(key) = state.keys.remove(holder) {
        let fingerprint = key.fingerprint.clone();
        let (certificate, reason) = (certificate.to_owned(), reason.to_owned());
        state.retired.insert(fingerprint, Retired { holder: holder.clone(), key, until: seq, reason, certificate });
    }
}

pub fn apply(state: &mut State, by: &Actor, seq: u64, time: Millis, event: &Event) {
    match event {
        Event::Made { holder, fingerprint, certificate } => {
            let key = Key { fingerprint: fingerprint.clone(), certificate: certificate.clone(), since: seq };
            state.keys.insert(holder.clone(), key);
        }
        Event::Signed { .. } => {
            state.signatures += 1;
            if let Some(seat) = by.seat() {
                budget::spend(state, seat, Budgeted::Commits, time);
                lock::used(state, seat, time);
            }
        }
        Event::Revoked { holder, certificate, reason, .. } => retire(state, seq, holder, certificate, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "dev-a <dev-a@w.orchestrate> 1700000000 +0000";

    fn emails(head: &str) -> Result<Vec<String>, String> {
        let signing = Signing::read(format!("{head}\n\nwords\n").as_bytes());
        signing.malformed.map_or(Ok(signing.emails), Err)
    }

    #[test]
    fn commits_and_tags_say_whose_they_are() {
        let two = vec!["dev-a@w.orchestrate".to_owned(); 2];
        assert_eq!(emails(&format!("tree 1\nauthor {OWN}\ncommitter {OWN}")), Ok(two.clone()));
        assert_eq!(emails(&format!("tree 1\nparent 2\nparent 3\nauthor {OWN}\ncommitter {OWN}")), Ok(two));
        assert_eq!(emails(&format!("object 1\ntype commit\ntag v1\ntagger {OWN}")), Ok(vec!["dev-a@w.orchestrate".to_owned()]));
    }

    #[test]
    fn nothing_else_is_signed() {
        for bad in [
            "approve T1".to_owned(),
            format!("tree 1\nauthor {OWN}\nauthor {OWN}\ncommitter {OWN}"),
            format!("tree 1\nauthor {OWN}\ncommitter {OWN}\nencoding latin1"),
            format!("tree 1\nauthor {OWN}"),
            "tree 1\nauthor x\ncommitter y".to_owned(),
            format!("tree 1\nauthor <a>b> 1 +0\ncommitter {OWN}"),
        ] {
            assert!(emails(&bad).is_err(), "{bad}");
        }
        assert!(Signing::read(b"DSSEv1 3 a/b 2 {}").malformed.is_some());
        assert!(Signing::read(b"\xff").malformed.is_some());
    }
}
