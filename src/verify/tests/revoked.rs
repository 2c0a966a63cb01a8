//! Keys that were taken away and replaced: what they said before counts, what comes after does not.

use super::forged::{Forgery, after, table};
use super::world::{World, party, seat};
use super::{history, verify};
use crate::domain::actor::Actor;
use crate::domain::event::Event;
use crate::domain::key;
use crate::edge::keys::SecretKey;

const REVOKED: &[Forgery] = &[
    after("dev-a had no key when this was written", |world| {
        world.revoked("dev-a", Actor::Owner);
        world.letter("dev-a", "dev-b", Actor::Seat(seat("dev-a")));
    }),
    after("only the owner takes a key away", |world| world.revoked("dev-a", Actor::Seat(seat("dev-a")))),
    after("only the owner takes a key away", |world| world.revoked("gatekeeper", Actor::Owner)),
    after("there is no key to revoke", |world| {
        world.revoked("dev-a", Actor::Owner);
        world.revoked("dev-a", Actor::Owner);
    }),
    after("its certificate does not carry it", |world| {
        let key = &world.keys[&party("dev-a")];
        let (holder, fingerprint, certificate) = (party("dev-a"), key.fingerprint(), key.certificate_armored());
        world.put(Actor::Owner, Event::Key(key::Event::Revoked { holder, fingerprint, certificate, reason: "x".to_owned() }));
    }),
    after("a second key for the same holder", |world| {
        let other = SecretKey::generate("dev-a <x@y>").unwrap();
        world.made(&party("dev-a"), &other);
    }),
    after("belongs to somebody else already", |world| {
        world.revoked("dev-a", Actor::Owner);
        let old = world.keys[&party("dev-a")].clone();
        world.made(&party("dev-a"), &old);
    }),
    after("it has to be signed by dev-a", |world| {
        world.revoked("dev-a", Actor::Owner);
        world.made(&party("dev-a"), &SecretKey::generate("dev-a <x@y>").unwrap());
        world.letter("dev-a", "dev-b", Actor::Seat(seat("dev-a")));
    }),
];

#[test]
fn revoked_keys() {
    table(REVOKED);
}

#[test]
fn a_key_that_was_replaced_is_judged_by_where_its_words_stand() {
    let mut world = history(World::found(None, None), |_, _| ());
    world.letter("dev-a", "dev-b", Actor::Seat(seat("dev-a")));
    world.revoked("dev-a", Actor::Owner);
    let new = SecretKey::generate("dev-a <x@y>").unwrap();
    world.made(&party("dev-a"), &new);
    world.keys.insert(party("dev-a"), new);
    world.letter("dev-a", "dev-b", Actor::Seat(seat("dev-a")));
    assert_eq!(verify(&world, None).problems, Vec::<String>::new());
}
