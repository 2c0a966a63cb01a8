//! What everything outside the loop shares: the way to ask it, the gate, the keys, the bells.

use super::report::Kept;
use super::drive::{Ask, Outcome};
use super::hands::Keys;
use super::perform::lay::Laid;
use super::place::Place;
use super::relay::meter::Meter;
use super::runs::Runs;
use super::seats::moods::Moods;
use super::secrets::{self, Handed};
use super::serve::kin::Kin;
use crate::domain::actor::{Actor, Party};
use crate::domain::change::Signature;
use crate::domain::command::Act;
use crate::domain::entry::Millis;
use crate::domain::failure::Failure;
use crate::domain::isolation::Isolation;
use crate::domain::name::{Digest, SeatName};
use crate::domain::planted;
use crate::domain::policy::Agent;
use crate::domain::state::State;
use crate::edge::clock::Clock;
use crate::edge::git::{Gate, Git};
use crate::edge::keys::{Certs, lock, split_commit};
use crate::edge::tmux::Tmux;
use crate::edge::upstream::{self, Credential, Upstream};
use crate::ledger::Ledger;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot, watch};

/// Commits remembered as well signed, and for how many milliseconds: a branch is judged whole at every push.
const MOST_SIGNED: usize = 10_000;
const STILL_SIGNED: Millis = 600_000;

/// The supervisor's shared things.
pub struct Yard {
    pub place: Place,
    pub repo: PathBuf,
    pub workshop: String,
    pub git: Git,
    pub gate: Arc<OnceLock<Gate>>,
    pub keys: Arc<Keys>,
    pub clock: Clock,
    pub launcher: PathBuf,
    pub isolation: Isolation,
    /// The seats' unix users, at level `users`.
    pub users: BTreeMap<SeatName, u32>,
    pub tmux: OnceLock<Tmux>,
    /// Held by whoever fills seats or looks who has left one.
    pub filling: tokio::sync::Mutex<()>,
    /// How often panes were started, told after each time.
    pub grid: watch::Sender<u64>,
    certs: RwLock<Certs>,
    /// Commits found well signed, by the digest of their bytes; forgotten when a certificate changes, and after a while.
    signed: Mutex<HashMap<Digest, (Millis, Signature)>>,
    asks: mpsc::UnboundedSender<Ask>,
    /// The ledger's length, told after each append.
    pub grown: watch::Sender<u64>,
    /// Whether everything stands still, told with each change.
    pub frozen: watch::Sender<bool>,
    bells: Mutex<BTreeMap<Party, watch::Sender<u64>>>,
    /// Pushes under way, by the socket they came through.
    pub pushes: Mutex<BTreeMap<String, SeatName>>,
    /// Where tests are run, and who is next.
    pub runs: Arc<Runs>,
    /// Checkouts that a run left as they were, for the next one.
    pub spare: Mutex<Vec<Laid>>,
    pub stop: watch::Sender<bool>,
    /// Seats whose present instance is known to have answered, so that its further words need no look at the state.
    met: RwLock<BTreeSet<SeatName>>,
    /// Whose process is whose.
    pub kin: Kin,
    /// How often each seat asked the model's API.
    pub meter: Meter,
    /// What each seat is at, for people.
    pub moods: Moods,
    /// What the owner's start handed over, the credential that counts, and where the API is.
    handed: RwLock<Option<Handed>>,
    credential: RwLock<Option<Arc<Credential>>>,
    upstream: Mutex<Option<(String, Arc<Upstream>)>>,
    /// Where the last security report's fold stands.
    pub reported: Mutex<Option<Kept>>,
}

/// Who holds it fills seats, or looks who has left one; nobody else does meanwhile.
pub type Turn<'y> = tokio::sync::MutexGuard<'y, ()>;

/// What a yard is made of.
pub struct Ground {
    pub place: Place,
    pub repo: PathBuf,
    pub workshop: String,
    pub git: Git,
    pub gate: Arc<OnceLock<Gate>>,
    pub keys: Arc<Keys>,
    pub clock: Clock,
    pub isolation: Isolation,
    pub users: BTreeMap<SeatName, u32>,
}

impl Yard {
    pub fn new(ground: Ground, moods: Moods, asks: mpsc::UnboundedSender<Ask>) -> Self {
        Self {
            launcher: ground.place.join("bin/orchestrate"),
            place: ground.place,
            repo: ground.repo,
            workshop: ground.workshop,
            git: ground.git,
            gate: ground.gate,
            keys: ground.keys,
            clock: ground.clock,
            isolation: ground.isolation,
            users: ground.users,
            tmux: OnceLock::new(),
            filling: tokio::sync::Mutex::default(),
            grid: watch::Sender::new(0),
            certs: RwLock::default(),
            signed: Mutex::default(),
            asks,
            grown: watch::Sender::new(0),
            frozen: watch::Sender::new(false),
            bells: Mutex::default(),
            pushes: Mutex::default(),
            runs: Runs::new(),
            spare: Mutex::default(),
            stop: watch::Sender::new(false),
            met: RwLock::default(),
            kin: Kin::default(),
            meter: Meter::default(),
            moods,
            handed: RwLock::default(),
            credential: RwLock::default(),
            upstream: Mutex::default(),
            reported: Mutex::default(),
        }
    }

    /// Asks the loop; answers when the entry is durable.
    pub async fn ask(&self, actor: Actor, act: Act) -> Outcome {
        self.send(actor, act).await.unwrap_or_else(|_| Err(gone().into()))
    }

    /// Asks several things in this order before waiting for the first answer, so that they share durable appends.
    pub async fn ask_all(&self, actor: &Actor, acts: impl IntoIterator<Item = Act>) -> Vec<Outcome> {
        let sent: Vec<_> = acts.into_iter().map(|act| self.send(actor.clone(), act)).collect();
        let mut outcomes = Vec::with_capacity(sent.len());
        for answer in sent {
            outcomes.push(answer.await.unwrap_or_else(|_| Err(gone().into())));
        }
        outcomes
    }

    /// Where the loop has ended, the answer's sender is dropped with the question, and whoever waits is told.
    fn send(&self, actor: Actor, act: Act) -> oneshot::Receiver<Outcome> {
        let (reply, answer) = oneshot::channel();
        drop(self.asks.send(Ask::Do { actor, act: Box::new(act), reply }));
        answer
    }

    /// Looks at the state, after everything asked before is durable.
    pub async fn see<T: Send + 'static>(&self, look: impl FnOnce(&State, &dyn Ledger) -> T + Send + 'static) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let look = move |state: &State, ledger: &dyn Ledger| drop(reply.send(look(state, ledger)));
        self.asks.send(Ask::See(Box::new(look))).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// Puts other bytes in entries' places, which have to stand under the same leaves.
    pub async fn replace(&self, bodies: Vec<(u64, Vec<u8>)>) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Replace { bodies, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Ends when a freeze begins that is not in force at this call, however late the answer is waited for.
    pub fn freeze_begins(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut frozen = self.frozen.subscribe();
        let already = *frozen.borrow_and_update();
        async move {
            let ended = !already || frozen.wait_for(|frozen| !frozen).await.is_ok();
            let begun = ended && frozen.wait_for(|frozen| *frozen).await.is_ok();
            // Where nobody tells any more, the supervisor is ending, and with it whatever waits here.
            if !begun || planted::out("frozen-relay") {
                std::future::pending().await
            }
        }
    }

    /// The user whose processes a seat's are.
    pub fn user_of(&self, seat: &SeatName) -> u32 {
        self.users.get(seat).copied().unwrap_or_else(|| rustix::process::geteuid().as_raw())
    }

    pub fn gate(&self) -> Result<&Gate, Failure> {
        self.gate.get().ok_or_else(|| Failure::new("the gate repository is not there yet", "the start has not come so far").hint("orchestrate status"))
    }

    /// Takes a registered certificate among those that signatures are judged by.
    pub fn trust(&self, certificate: &str) -> Result<(), Failure> {
        let mut certs = self.certs.write().unwrap_or_else(PoisonError::into_inner);
        self.signed.lock().unwrap_or_else(PoisonError::into_inner).clear();
        certs.add(certificate).map(drop)
    }

    /// Judges a commit's signature by the registry alone.
    pub fn judge(&self, raw: &[u8]) -> Signature {
        let Some((payload, signature)) = split_commit(raw) else {
            return Signature::Missing;
        };
        let (id, now) = (Digest::of(raw), self.clock.now());
        if let Some(known) = self.known(&id, now) {
            return known;
        }
        // Held while judging: what a changed certificate makes forgotten must not be written down after it.
        let certs = self.certs.read().unwrap_or_else(PoisonError::into_inner);
        let judged = certs.verify_armored(&signature, &payload);
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if signed.len() >= MOST_SIGNED {
            signed.clear();
        }
        if matches!(judged, Signature::Good(_)) {
            signed.insert(id, (now, judged.clone()));
        }
        judged
    }

    fn known(&self, id: &Digest, now: Millis) -> Option<Signature> {
        let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        signed.get(id).filter(|(when, _)| (*when..*when + STILL_SIGNED).contains(&now)).map(|(_, judged)| judged.clone())
    }

    pub fn judge_signature(&self, signature: &str, payload: &[u8]) -> Signature {
        self.certs.read().unwrap_or_else(PoisonError::into_inner).verify_armored(signature, payload)
    }

    /// A listener that is woken when the party gets mail.
    pub fn bell(&self, party: &Party) -> watch::Receiver<u64> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(party.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    pub fn ring(&self, party: &Party) {
        if let Some(bell) = self.bells.lock().unwrap_or_else(PoisonError::into_inner).get(party) {
            bell.send_modify(|count| *count += 1);
        }
    }

    /// Takes a seat as met; false when it was already.
    pub fn meet(&self, seat: &SeatName) -> bool {
        let known = self.met.read().unwrap_or_else(PoisonError::into_inner).contains(seat);
        !known && self.met.write().unwrap_or_else(PoisonError::into_inner).insert(seat.clone())
    }

    /// A new instance comes into the seat: its first word will be its answer.
    pub fn expect(&self, seat: &SeatName) {
        self.met.write().unwrap_or_else(PoisonError::into_inner).remove(seat);
        self.kin.forget();
    }

    /// Takes what the owner's start handed over.
    pub fn hand(&self, handed: Handed) {
        *self.handed.write().unwrap_or_else(PoisonError::into_inner) = Some(handed);
    }

    /// Looks where the API credential is now: systemd, the owner's file, or what was handed over.
    pub fn unlock(&self, terms: &Agent) -> Result<Option<secrets::From>, Failure> {
        let handed = self.handed.read().unwrap_or_else(PoisonError::into_inner);
        let (found, from) = secrets::credential(terms, handed.as_ref())?.unzip();
        let found = found.map(Arc::new);
        found.iter().for_each(|found| lock(found.reveal()));
        *self.credential.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(from)
    }

    /// The credential that counts now; a login's is read anew, since the owner's client makes a new one every few hours.
    pub fn credential(&self) -> Option<Arc<Credential>> {
        let known = self.known_credential()?;
        if known.kind != upstream::Kind::Login {
            return Some(known);
        }
        let handed = self.handed.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        match secrets::given(&handed) {
            Ok((fresh, _)) if fresh.reveal() == known.reveal() => Some(known),
            Ok((fresh, _)) => {
                lock(fresh.reveal());
                let fresh = Arc::new(fresh);
                *self.credential.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
                Some(fresh)
            }
            Err(failure) => {
                eprintln!("orchestrate: relay: {failure}");
                None
            }
        }
    }

    fn known_credential(&self) -> Option<Arc<Credential>> {
        self.credential.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model's API: where the charter says, or, where that says nothing of its own, where the credential's environment said.
    pub fn upstream(&self, chartered: &str) -> Result<Arc<Upstream>, Failure> {
        let handed = self.handed.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|handed| handed.upstream.clone());
        let address = handed.filter(|_| chartered == upstream::DEFAULT).unwrap_or_else(|| chartered.to_owned());
        let mut known = self.upstream.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, upstream)) = known.as_ref().filter(|(at, _)| *at == address) {
            return Ok(Arc::clone(upstream));
        }
        let upstream = Arc::new(Upstream::new(&address)?);
        *known = Some((address, Arc::clone(&upstream)));
        Ok(upstream)
    }

    /// Remembers whose push this is, and forgets it when the guard goes.
    pub fn enter_push(self: &Arc<Self>, push: &str, seat: &SeatName) -> PushGuard {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner).insert(push.to_owned(), seat.clone());
        PushGuard { yard: Arc::clone(self), push: push.to_owned() }
    }

    pub fn pusher(&self, push: &str) -> Option<SeatName> {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner).get(push).cloned()
    }
}

/// Keeps a push known while git works on it.
pub struct PushGuard {
    yard: Arc<Yard>,
    push: String,
}

impl Drop for PushGuard {
    fn drop(&mut self) {
        self.yard.pushes.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.push);
    }
}

fn gone() -> Failure {
    Failure::new("the supervisor is stopping", "its loop has ended").hint("orchestrate bootstrap")
}

/// Runs blocking work of the edge beside the loop; a panic in it is told, not spread.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|why| Err(Failure::new("BUG: a step of the supervisor panicked", why)))
}
