//! Keys in process: what is refused, and what is kept how. Against other programs: `tests/interop.rs`.

mod envelopes;
mod interop;
mod seals;

use super::*;
use crate::domain::change::Signature;
use crate::domain::name::SeatName;
use openpgp::cert::prelude::*;
use openpgp::packet::signature::SignatureBuilder;
use openpgp::parse::Parse as _;
use openpgp::serialize::SerializeInto as _;
use openpgp::types::{HashAlgorithm, KeyFlags, SignatureType};
use openpgp::{Packet, Profile};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

fn key(name: &str) -> SecretKey {
    SecretKey::generate(&format!("{name} (seat) <{name}@lab.orchestrate>")).unwrap()
}

fn certs(keys: &[&SecretKey]) -> Certs {
    let mut certs = Certs::default();
    for key in keys {
        assert_eq!(certs.add(&key.certificate_armored()).unwrap(), key.fingerprint());
    }
    certs
}

/// Joins the armor of some packets.
fn armor(packets: &[u8]) -> String {
    use std::io::Write as _;
    let mut writer = openpgp::armor::Writer::new(Vec::new(), openpgp::armor::Kind::Signature).unwrap();
    writer.write_all(packets).unwrap();
    String::from_utf8(writer.finalize().unwrap()).unwrap()
}

fn is_bad(judged: &Signature, word: &str) -> bool {
    matches!(judged, Signature::Bad(why) if why.contains(word))
}

#[test]
fn a_good_signature_names_the_primary_key() {
    let (ours, other) = (key("dev-a"), key("dev-b"));
    let certs = certs(&[&other, &ours]);
    let good = Signature::Good(ours.fingerprint());
    assert_eq!(certs.verify_armored(&ours.sign_armored(b"work").unwrap(), b"work"), good);
    assert_eq!(certs.verify_binary(&ours.sign_binary(b"work").unwrap(), b"work"), good);
    assert_ne!(ours.signing_fingerprint(), ours.fingerprint().as_str());
}

#[test]
fn the_primary_certifies_only() {
    let key = key("dev-a");
    let cert = openpgp::Cert::from_bytes(&key.to_bytes().unwrap()).unwrap();
    let policy = openpgp::policy::StandardPolicy::new();
    let flags: Vec<KeyFlags> = cert.keys().with_policy(&policy, None).map(|key| key.key_flags().unwrap()).collect();
    assert_eq!(flags, [KeyFlags::empty().set_certification(), KeyFlags::empty().set_signing()]);
    let primary = cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
    let signature = SignatureBuilder::new(SignatureType::Binary).sign_message(&mut primary.clone(), b"x").unwrap();
    assert!(is_bad(&certs(&[&key]).verify_binary(&Packet::from(signature).to_vec().unwrap(), b"x"), "may not sign"));
}

#[test]
fn an_altered_byte_anywhere_is_never_good() {
    let key = key("dev-a");
    let certs = certs(&[&key]);
    let signature = key.sign_binary(b"work").unwrap();
    assert!(is_bad(&certs.verify_binary(&signature, b"wort"), "does not fit"));
    let header = if signature[1] < 192 { 2 } else { 3 };
    let hashed = usize::from(signature[header + 5]);
    // No signature covers the unhashed area (a hint at the key) and the two bytes of the digest; what follows are its two numbers.
    let begin = header + 6 + hashed;
    let uncovered = begin..begin + 2 + usize::from(signature[begin + 1]) + 2;
    for end in 0..signature.len() {
        assert!(!matches!(certs.verify_binary(&signature[..end], b"work"), Signature::Good(_)), "cut at {end}");
    }
    for at in (0..signature.len()).filter(|at| !uncovered.contains(at)) {
        for bit in 0..8 {
            let mut altered = signature.clone();
            altered[at] ^= 1 << bit;
            let judged = certs.verify_binary(&altered, b"work");
            assert!(!matches!(judged, Signature::Good(_) | Signature::Missing), "byte {at}: {judged:?}");
        }
    }
}

#[test]
fn a_signature_of_a_key_that_is_not_registered_is_unknown() {
    let (ours, other) = (key("dev-a"), key("dev-b"));
    let signature = other.sign_armored(b"work").unwrap();
    assert_eq!(certs(&[&ours]).verify_armored(&signature, b"work"), Signature::UnknownKey);
    assert_eq!(Certs::default().verify_armored(&signature, b"work"), Signature::UnknownKey);
}

#[test]
fn a_signature_moved_to_other_bytes_or_another_name_is_bad() {
    let (ours, other) = (key("dev-a"), key("dev-b"));
    let registry = certs(&[&ours, &other]);
    let moved = ours.sign_armored(b"one commit").unwrap();
    assert!(is_bad(&registry.verify_armored(&moved, b"another commit"), "does not fit"));
    let other_subkey: openpgp::Fingerprint = other.signing_fingerprint().parse().unwrap();
    let forged = SignatureBuilder::new(SignatureType::Binary).set_issuer_fingerprint(other_subkey.clone()).unwrap();
    let forged = forged.set_issuer(other_subkey.into()).unwrap().sign_message(&mut ours.pair(), b"x").unwrap();
    assert!(is_bad(&registry.verify_binary(&Packet::from(forged).to_vec().unwrap(), b"x"), "does not fit"));
}

#[test]
fn only_one_binary_signature_packet_counts() {
    let key = key("dev-a");
    let certs = certs(&[&key]);
    let signature = key.sign_binary(b"x").unwrap();
    let twice = signature.repeat(2);
    assert!(is_bad(&certs.verify_binary(&twice, b"x"), "only one"));
    assert!(is_bad(&certs.verify_armored(&armor(&twice), b"x"), "only one"));
    let armored = key.sign_armored(b"x").unwrap();
    assert!(is_bad(&certs.verify_armored(&armored.repeat(2), b"x"), "exactly one"));
    assert!(is_bad(&certs.verify_armored(&format!("{armored}junk"), b"x"), "exactly one"));
    assert_eq!(certs.verify_armored(&format!("junk\n{armored}"), b"x"), Signature::OtherFormat);
    let text = SignatureBuilder::new(SignatureType::Text).sign_message(&mut key.pair(), b"x").unwrap();
    assert!(is_bad(&certs.verify_binary(&Packet::from(text).to_vec().unwrap(), b"x"), "type"));
}

#[test]
fn what_is_no_openpgp_signature_is_said_to_be_another_format() {
    let key = key("dev-a");
    let certs = certs(&[&key]);
    for text in ["", "x", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", "-----BEGIN SIGNED MESSAGE-----\n"] {
        assert_eq!(certs.verify_armored(text, b"x"), Signature::OtherFormat, "{text}");
    }
    for bytes in [&b""[..], b"\0\0", b"tree 1234", &[0x7f; 40]] {
        assert_eq!(certs.verify_binary(bytes, b"x"), Signature::OtherFormat, "{bytes:?}");
    }
    let armored = key.sign_armored(b"x").unwrap();
    assert_eq!(certs.verify_binary(armored.as_bytes(), b"x"), Signature::OtherFormat);
    let literal = [0xcb, 8, b'b', 0, 0, 0, 0, 0, b'x', b'y'];
    assert!(is_bad(&certs.verify_binary(&literal, b"x"), "another kind"));
    let cert = openpgp::Cert::from_bytes(&key.to_bytes().unwrap()).unwrap();
    assert!(is_bad(&certs.verify_binary(&cert.to_vec().unwrap(), b"x"), "another kind"));
    assert!(is_bad(&certs.verify_binary(&vec![0xc2; 1 << 15], b"x"), "longer"));
}

#[test]
fn a_weak_hash_is_refused() {
    let key = key("dev-a");
    let weak = SignatureBuilder::new(SignatureType::Binary).set_hash_algo(HashAlgorithm::SHA1).sign_message(&mut key.pair(), b"x").unwrap();
    assert!(is_bad(&certs(&[&key]).verify_binary(&Packet::from(weak).to_vec().unwrap(), b"x"), "weak"));
}

#[test]
fn an_expired_or_future_signature_is_bad() {
    let key = key("dev-a");
    let certs = certs(&[&key]);
    let now = SystemTime::now();
    let sign = |builder: SignatureBuilder| Packet::from(builder.sign_message(&mut key.pair(), b"x").unwrap()).to_vec().unwrap();
    let short = sign(SignatureBuilder::new(SignatureType::Binary).set_signature_validity_period(Duration::from_secs(5)).unwrap());
    assert!(matches!(certs.verify_binary_at(&short, b"x", now), Signature::Good(_)));
    assert!(is_bad(&certs.verify_binary_at(&short, b"x", now + DAY), "xpired"));
    let later = sign(SignatureBuilder::new(SignatureType::Binary).set_signature_creation_time(now + DAY).unwrap());
    assert!(is_bad(&certs.verify_binary_at(&later, b"x", now), "live"));
    let critical = SignatureBuilder::new(SignatureType::Binary);
    let critical = sign(critical.set_notation("purpose@elsewhere.example", b"x", None, true).unwrap());
    assert!(is_bad(&certs.verify_binary_at(&critical, b"x", now), "notation"));
}

/// A key made two days ago that lives for one day.
fn expired_key() -> SecretKey {
    let made = SystemTime::now() - 2 * DAY;
    let builder = CertBuilder::new().set_profile(Profile::RFC4880).unwrap().set_cipher_suite(CipherSuite::Cv25519);
    let builder = builder.set_creation_time(made).set_primary_key_flags(KeyFlags::empty().set_certification());
    let builder = builder.add_userid("old").add_subkey(KeyFlags::empty().set_signing(), None, None);
    let (cert, _) = builder.set_validity_period(DAY).generate().unwrap();
    SecretKey::unchecked(cert)
}

#[test]
fn an_expired_key_signs_nothing_not_even_back_in_time() {
    let key = expired_key();
    let certs = certs(&[&key]);
    let now = SystemTime::now();
    let sign = |time: SystemTime| {
        let builder = SignatureBuilder::new(SignatureType::Binary).set_signature_creation_time(time).unwrap();
        Packet::from(builder.sign_message(&mut key.pair(), b"x").unwrap()).to_vec().unwrap()
    };
    assert!(is_bad(&certs.verify_binary(&sign(now), b"x"), "not live"));
    let backdated = sign(now - 3 * DAY / 2);
    assert!(is_bad(&certs.verify_binary(&backdated, b"x"), "not live"));
    assert_eq!(certs.verify_binary_at(&backdated, b"x", now - 3 * DAY / 2), Signature::Good(key.fingerprint()));
}

#[test]
fn a_revocation_counts_and_stays() {
    let key = key("dev-a");
    let mut certs = certs(&[&key]);
    let signature = key.sign_binary(b"x").unwrap();
    assert!(matches!(certs.verify_binary(&signature, b"x"), Signature::Good(_)));
    certs.add(&key.revoked_armored("lost").unwrap()).unwrap();
    assert!(is_bad(&certs.verify_binary(&signature, b"x"), "revoked"));
    certs.add(&key.certificate_armored()).unwrap();
    assert!(is_bad(&certs.verify_binary(&signature, b"x"), "revoked"));
    assert_eq!(certs.fingerprints(), [key.fingerprint()]);
}

#[test]
fn no_key_belongs_to_two_certificates() {
    let (ours, thief) = (key("dev-a"), key("dev-b"));
    let certificate = |key: &SecretKey| openpgp::Cert::from_bytes(&key.to_bytes().unwrap()).unwrap().strip_secret_key_material();
    let subkey = certificate(&ours).keys().subkeys().next().unwrap().key().clone();
    let (stolen, _) = certificate(&thief).insert_packets([Packet::from(subkey)]).unwrap();
    let stolen = String::from_utf8(stolen.armored().to_vec().unwrap()).unwrap();
    let failure = certs(&[&ours]).add(&stolen).unwrap_err();
    assert!(failure.why.contains("belongs to the certificate"), "{failure}");
    let primary = certificate(&ours).primary_key().key().clone().role_into_subordinate();
    let (stolen, _) = certificate(&thief).insert_packets([Packet::from(primary)]).unwrap();
    let stolen = String::from_utf8(stolen.armored().to_vec().unwrap()).unwrap();
    assert!(certs(&[&ours]).add(&stolen).is_err());
}

#[test]
fn the_same_key_under_another_date_is_the_same_key() {
    let ours = key("dev-a");
    let cert = openpgp::Cert::from_bytes(&ours.to_bytes().unwrap()).unwrap();
    let mut primary = cert.primary_key().key().clone().parts_into_secret().unwrap();
    primary.set_creation_time(SystemTime::now() - 9 * DAY).unwrap();
    assert_ne!(primary.fingerprint(), cert.fingerprint());
    let mut pair = primary.clone().into_keypair().unwrap();
    let user = openpgp::packet::UserID::from("twin");
    let binding = SignatureBuilder::new(SignatureType::PositiveCertification).set_key_flags(KeyFlags::empty().set_signing()).unwrap();
    let binding = binding.sign_userid_binding(&mut pair, primary.parts_as_public(), &user).unwrap();
    let packets = [Packet::from(primary.take_secret().0), user.into(), binding.into()];
    let twin = openpgp::Cert::from_packets(packets.into_iter()).unwrap();
    let twin = String::from_utf8(twin.armored().to_vec().unwrap()).unwrap();
    assert!(Certs::default().add(&twin).is_ok());
    assert!(certs(&[&ours]).add(&twin).unwrap_err().why.contains("belongs"));
}

#[test]
fn certificates_that_are_weak_private_or_many_are_refused() {
    let (one, two) = (key("dev-a"), key("dev-b"));
    let mut certs = Certs::default();
    let private = openpgp::Cert::from_bytes(&one.to_bytes().unwrap()).unwrap();
    let private = String::from_utf8(private.as_tsk().armored().to_vec().unwrap()).unwrap();
    let both = format!("{}{}", one.certificate_armored(), two.certificate_armored());
    let long = "x".repeat(1 << 17);
    for bad in ["", "junk", &private, &both, &long, &one.sign_armored(b"x").unwrap(), &weakly_bound()] {
        let failure = certs.add(bad).unwrap_err();
        assert!(!failure.hint.is_empty(), "{failure}");
    }
    assert!(certs.add(&weakly_bound()).unwrap_err().why.contains("weak"));
    assert!(certs.fingerprints().is_empty());
}

/// A certificate with a further user id, bound by SHA-1.
fn weakly_bound() -> String {
    let cert = openpgp::Cert::from_bytes(&key("weak").to_bytes().unwrap()).unwrap();
    let mut pair = cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
    let user = openpgp::packet::UserID::from("weak too");
    let binding = SignatureBuilder::new(SignatureType::PositiveCertification).set_hash_algo(HashAlgorithm::SHA1);
    let binding = binding.sign_userid_binding(&mut pair, cert.primary_key().key(), &user).unwrap();
    let (cert, _) = cert.insert_packets([Packet::from(user), binding.into()]).unwrap();
    String::from_utf8(cert.armored().to_vec().unwrap()).unwrap()
}

#[test]
fn a_private_key_survives_its_bytes() {
    let key = key("dev-a");
    let again = SecretKey::from_bytes(&key.to_bytes().unwrap()).unwrap();
    assert_eq!((again.fingerprint(), again.certificate_armored()), (key.fingerprint(), key.certificate_armored()));
    assert!(matches!(certs(&[&key]).verify_binary(&again.sign_binary(b"x").unwrap(), b"x"), Signature::Good(_)));
    assert!(SecretKey::from_bytes(key.certificate_armored().as_bytes()).is_err());
    assert!(SecretKey::from_bytes(b"junk").is_err());
    assert_eq!(format!("{key:?}"), format!("SecretKey({})", key.fingerprint()));
}

#[test]
fn keys_may_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<SecretKey>();
    crosses::<Certs>();
    crosses::<KeyStore>();
}

fn seat(name: &str) -> SeatName {
    SeatName::new(name).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(path: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|item| item.unwrap().file_name().into()).collect();
    names.sort();
    names
}

#[test]
fn the_store_keeps_keys_for_its_owner_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keys");
    let store = KeyStore::open(&path).unwrap();
    let (a, b) = (key("dev-a"), key("dev-b"));
    store.save(&seat("dev-a"), &a).unwrap();
    store.save(&seat("dev-b"), &b).unwrap();
    assert_eq!((mode(&path), mode(&path.join("dev-a.pgp"))), (0o700, 0o600));
    assert_eq!(names(&path), [PathBuf::from("dev-a.pgp"), "dev-b.pgp".into()]);
    let again = KeyStore::open(&path).unwrap();
    let all: Vec<_> = again.load_all().unwrap().into_iter().map(|(holder, key)| (holder, key.fingerprint())).collect();
    assert_eq!(all, [(seat("dev-a"), a.fingerprint()), (seat("dev-b"), b.fingerprint())]);
    assert!(again.load(&seat("qa-a")).unwrap().is_none());
}

#[test]
fn a_kept_key_is_never_written_over_and_a_stale_draft_does_not_hinder() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keys");
    let store = KeyStore::open(&path).unwrap();
    fs::write(path.join(".dev-a.pgp.new"), "torn").unwrap();
    let (first, second) = (key("dev-a"), key("dev-a"));
    store.save(&seat("dev-a"), &first).unwrap();
    assert!(store.save(&seat("dev-a"), &second).is_err());
    assert_eq!(store.load(&seat("dev-a")).unwrap().unwrap().fingerprint(), first.fingerprint());
    assert_eq!(names(&path), [PathBuf::from("dev-a.pgp")]);
}

#[test]
fn the_checkpoint_key_is_made_once() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keys");
    let store = KeyStore::open(&path).unwrap();
    assert!(store.note_key().unwrap().is_none());
    let made = store.make_note_key().unwrap();
    assert_eq!(store.note_key().unwrap().unwrap(), made);
    assert!(store.make_note_key().is_err());
    assert_eq!((mode(&path.join("note.seed")), fs::metadata(path.join("note.seed")).unwrap().len()), (0o600, 32));
    assert!(store.load_all().unwrap().is_empty());
}

#[test]
fn a_folder_or_file_that_others_could_use_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keys");
    let store = KeyStore::open(&path).unwrap();
    store.save(&seat("dev-a"), &key("dev-a")).unwrap();
    symlink(&path, place.path().join("link")).unwrap();
    assert!(KeyStore::open(&place.path().join("link")).is_err());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let failure = KeyStore::open(&path).unwrap_err();
    assert!(failure.hint.starts_with("chmod 700"), "{failure:?}");
    fs::set_permissions(path.join("dev-a.pgp"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(store.load(&seat("dev-a")).unwrap_err().why.contains("others"));
    symlink("/etc/passwd", path.join("qa-a.pgp")).unwrap();
    assert!(store.load(&seat("qa-a")).is_err());
    fs::create_dir(path.join("docs.pgp")).unwrap();
    assert!(store.load(&seat("docs")).unwrap_err().why.contains("plain file"));
    fs::write(place.path().join("file"), "").unwrap();
    assert!(KeyStore::open(&place.path().join("file")).is_err());
}

#[test]
fn a_damaged_key_file_fails_by_name() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keys");
    let store = KeyStore::open(&path).unwrap();
    for (name, bytes) in [("dev-a.pgp", "junk"), ("note.seed", "short")] {
        fs::write(path.join(name), bytes).unwrap();
        fs::set_permissions(path.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(store.load_all().unwrap_err().why.contains("dev-a.pgp"));
    assert!(store.note_key().unwrap_err().why.contains("note.seed"));
}
