//! The supervisor's secrets, and what the loop does with its own hands: sign, draw, move references.

use super::drive::Hands;
use super::place::Place;
use crate::domain::actor::Party;
use crate::domain::dsse::Envelope;
use crate::domain::entry::Millis;
use crate::domain::failure::{Doing, Failure};
use crate::domain::name::{Digest, SeatName};
use crate::domain::push::Move;
use crate::edge::clock::Clock;
use crate::edge::git;
use crate::edge::keys::{KeyStore, SecretKey, Vault, also_seal, lock};
use crate::edge::totp::{Recovery, Totp};
use crate::ledger::chain::Hash;
use crate::ledger::checkpoint::{Checkpoint, VerifierKey, note};
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use zeroize::Zeroizing;

/// All private keys; they never leave this process.
pub struct Keys {
    secret: RwLock<BTreeMap<Party, Arc<SecretKey>>>,
    store: KeyStore,
    note: SigningKey,
    draw: Zeroizing<Vec<u8>>,
    /// The secrets of later epochs, made when they are committed to.
    draws: RwLock<BTreeMap<u32, Arc<Zeroizing<Vec<u8>>>>>,
    totp: Totp,
    pub recovery: Recovery,
}

impl Keys {
    /// Loads the keys of the place, making those that are missing; says how many were made.
    ///
    /// Each has a thread of its own: making a key durable is waiting for the disk, which takes many at once as soon as one.
    pub fn open(place: &Place, workshop: &str, seats: &[SeatName], passphrase: Option<&str>) -> Result<(Self, usize), Failure> {
        let kept = KeyStore::unlock(&place.join("keys"), passphrase)?;
        let store = &kept;
        let holders = [Party::Owner, Party::Gatekeeper].into_iter().chain(seats.iter().cloned().map(Party::Seat));
        let (secret, note, draw, totp, recovery) = std::thread::scope(|scope| {
            let note = scope.spawn(|| store.note_key()?.map_or_else(|| store.make_note_key(), Ok));
            let draw = scope.spawn(|| store.secret("draw.secret", 32));
            let totp = scope.spawn(|| store.secret("totp.secret", 20));
            let recovery = scope.spawn(|| store.secret("recovery.secret", 32));
            let keys: Vec<_> = holders.map(|holder| scope.spawn(move || key(store, &holder, workshop).map(|found| (holder, found)))).collect();
            let keys = keys.into_iter().map(end).collect::<Result<Vec<_>, Failure>>()?;
            Ok::<_, Failure>((keys, end(note)?, end(draw)?, Totp::new(&end(totp)?), Recovery::new(&end(recovery)?)))
        })?;
        let made = secret.iter().filter(|(_, (_, fresh))| *fresh).count();
        let secret = RwLock::new(secret.into_iter().map(|(holder, (key, _))| (holder, locked(key))).collect());
        lock(draw.as_slice());
        Ok((Self { secret, store: kept, note, draw, draws: RwLock::default(), totp, recovery }, made))
    }

    pub fn of(&self, party: &Party) -> Result<Arc<SecretKey>, Failure> {
        let secret = self.secret.read().unwrap_or_else(PoisonError::into_inner);
        secret.get(party).cloned().ok_or_else(|| Failure::new("cannot sign", format!("there is no key for {party}")))
    }

    pub fn holders(&self) -> Vec<(Party, Arc<SecretKey>)> {
        self.secret.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(party, key)| (party.clone(), Arc::clone(key))).collect()
    }

    /// Makes a new key in the place of a holder's old one, which is gone then.
    pub fn renew(&self, holder: &Party, workshop: &str) -> Result<Arc<SecretKey>, Failure> {
        let key = locked(SecretKey::generate(&user_id(holder, workshop))?);
        self.store.replace(&SeatName::new(holder.to_string()).doing("cannot name a key")?, &key)?;
        self.secret.write().unwrap_or_else(PoisonError::into_inner).insert(holder.clone(), Arc::clone(&key));
        Ok(key)
    }

    /// The step that a code of the owner's belongs to; a reset makes another secret count.
    pub fn step(&self, generation: u32, now: Millis, code: &str) -> Option<u64> {
        if generation == 0 { self.totp.find(now, code) } else { self.recovery.totp(generation).find(now, code) }
    }

    /// The address that the owner's authenticator takes.
    pub fn totp_uri(&self, generation: u32, workshop: &str) -> String {
        if generation == 0 { self.totp.uri(workshop) } else { self.recovery.totp(generation).uri(workshop) }
    }

    /// The key to which archives are encrypted, made the first time.
    pub fn vault(&self) -> Result<Vault, Failure> {
        self.store.vault()
    }

    /// Whether the keys lie on disk encrypted.
    pub fn sealed(&self) -> bool {
        self.store.sealed()
    }

    /// What genesis commits to: SHA-256 of the draw secret.
    pub fn draw_commitment(&self) -> Digest {
        Digest::of(&self.draw)
    }

    /// The secret of an epoch; genesis commits to that of the first, each opening to the next one's.
    pub fn epoch_secret(&self, epoch: u32) -> Result<Arc<Zeroizing<Vec<u8>>>, Failure> {
        if epoch == 0 {
            return Ok(Arc::new(self.draw.clone()));
        }
        if let Some(known) = self.draws.read().unwrap_or_else(PoisonError::into_inner).get(&epoch) {
            return Ok(Arc::clone(known));
        }
        let secret = Arc::new(self.store.secret(&format!("draw-{epoch}.secret"), 32)?);
        lock(secret.as_slice());
        self.draws.write().unwrap_or_else(PoisonError::into_inner).insert(epoch, Arc::clone(&secret));
        Ok(secret)
    }

    /// The verifier key of signed checkpoints.
    pub fn note_key(&self, workshop: &str) -> Result<String, Failure> {
        VerifierKey::new(workshop, self.note.verifying_key()).map(|key| key.encode()).doing("cannot name the checkpoint key")
    }

    /// A signed checkpoint over the first `size` entries.
    pub fn checkpoint(&self, workshop: &str, size: u64, root: Hash) -> Result<String, Failure> {
        let text = Checkpoint { origin: workshop.to_owned(), size, root }.text();
        note(&text, &self.note, workshop).doing("cannot sign a checkpoint")
    }
}

/// What a thread came to; its panic goes on in this one.
fn end<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T, Failure>>) -> Result<T, Failure> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn key(store: &KeyStore, holder: &Party, workshop: &str) -> Result<(SecretKey, bool), Failure> {
    let name = SeatName::new(holder.to_string()).doing("cannot name a key")?;
    if let Some(key) = store.load(&name)? {
        return Ok((key, false));
    }
    let key = SecretKey::generate(&user_id(holder, workshop))?;
    store.save(&name, &key)?;
    Ok((key, true))
}

/// A key at a place in memory that it keeps, and that never goes to swap.
fn locked(key: SecretKey) -> Arc<SecretKey> {
    let key = Arc::new(key);
    lock(&*key);
    key
}

fn user_id(holder: &Party, workshop: &str) -> String {
    format!("{holder} <{holder}@{workshop}.orchestrate>")
}

/// What the loop holds.
pub struct Grip {
    pub keys: Arc<Keys>,
    pub gate: Arc<OnceLock<git::Gate>>,
    pub clock: Clock,
    mover: RefCell<Option<git::Mover>>,
}

impl Grip {
    pub fn new(keys: Arc<Keys>, gate: Arc<OnceLock<git::Gate>>, clock: Clock) -> Self {
        Self { keys, gate, clock, mover: RefCell::default() }
    }

    /// Moves by the git that is open; where that fails, a fresh one has the last word, with its reasons.
    fn moved(&self, gate: &git::Gate, steps: &[git::Move]) -> Result<(), Failure> {
        let open = self.mover.take().map_or_else(|| git::Mover::open(gate), Ok);
        match open.and_then(|open| open.move_refs(steps)) {
            Ok(open) => {
                self.mover.replace(Some(open));
                Ok(())
            }
            Err(_) => gate.move_refs(steps),
        }
    }

    fn gate(&self) -> Result<&git::Gate, Failure> {
        self.gate.get().ok_or_else(|| Failure::new("cannot move references", "the gate repository is not there yet").hint("orchestrate bootstrap"))
    }
}

impl Hands for Grip {
    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn seal(&self, party: &Party, envelope: &mut Envelope) -> Result<(), Failure> {
        also_seal(envelope, &*self.keys.of(party)?)
    }

    fn draw(&self, epoch: u32, words: &str) -> Digest {
        let secret = self.keys.epoch_secret(epoch).expect("BUG: the secret of an epoch was kept when it was committed to");
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("BUG: HMAC takes keys of every length");
        mac.update(words.as_bytes());
        Digest::new(hex::encode(mac.finalize().into_bytes())).expect("BUG: an HMAC-SHA-256 is 64 hex digits")
    }

    fn checkpoint(&self, workshop: &str, size: u64, root: Hash) -> Result<Option<String>, Failure> {
        self.keys.checkpoint(workshop, size, root).map(Some)
    }

    fn move_refs(&self, moves: &[Move]) -> Result<(), Failure> {
        let gate = self.gate()?;
        let steps = moves.iter().map(|step| git::Move { name: step.name.clone(), old: step.old.clone(), new: Some(step.new.clone()) });
        let moved = self.moved(gate, &steps.collect::<Vec<_>>());
        // A crash between the move and its entry: what is to be moved is there already.
        let there = |step: &Move| matches!(gate.find_ref(&step.name), Ok(Some(at)) if at == step.new);
        if moved.is_err() && moves.iter().all(there) { Ok(()) } else { moved }
    }
}
