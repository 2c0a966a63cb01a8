use super::*;
use crate::domain::dsse::{Envelope, EnvelopeSignature, IN_TOTO, pae};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;

fn sealed(key: &SecretKey) -> Envelope {
    seal(IN_TOTO, STATEMENT, key).unwrap()
}

fn refused(envelope: &Envelope, certs: &Certs, word: &str) -> bool {
    open(envelope, certs).is_err_and(|why| why.contains(word))
}

#[test]
fn the_signed_bytes_are_those_of_the_specification() {
    assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

#[test]
fn an_envelope_opens_with_all_its_signers() {
    let (orchestrator, librarian) = (key("orchestrator"), key("librarian"));
    let certs = certs(&[&orchestrator, &librarian]);
    let mut envelope = sealed(&orchestrator);
    assert_eq!(open(&envelope, &certs).unwrap(), (STATEMENT.to_vec(), vec![orchestrator.fingerprint()]));
    also_seal(&mut envelope, &librarian).unwrap();
    assert_eq!(open(&envelope, &certs).unwrap().1, [orchestrator.fingerprint(), librarian.fingerprint()]);
}

#[test]
fn one_signature_that_is_not_good_spoils_the_envelope() {
    let (ours, other, stranger) = (key("qa-a"), key("qa-b"), key("stranger"));
    let certs = certs(&[&ours, &other]);
    let with = |signature: EnvelopeSignature| Envelope { signatures: vec![sealed(&ours).signatures.remove(0), signature], ..sealed(&ours) };
    let theirs = || sealed(&other).signatures.remove(0);
    assert!(open(&with(theirs()), &certs).is_ok());
    assert!(refused(&with(sealed(&ours).signatures.remove(0)), &certs, "twice"));
    assert!(refused(&with(sealed(&stranger).signatures.remove(0)), &certs, "not registered"));
    let as_another = EnvelopeSignature { keyid: ours.fingerprint().to_string(), ..theirs() };
    assert!(refused(&with(as_another), &certs, "was made by"));
    let of_other_type = seal("text/plain", STATEMENT, &other).unwrap().signatures.remove(0);
    assert!(refused(&with(of_other_type), &certs, "does not fit"));
    let garbage = EnvelopeSignature { sig: "AAAA".into(), ..theirs() };
    assert!(refused(&with(garbage), &certs, "not an OpenPGP"));
}

#[test]
fn another_payload_or_type_or_spelling_is_refused() {
    let key = key("qa-a");
    let certs = certs(&[&key]);
    let envelope = sealed(&key);
    assert!(refused(&Envelope { payload: STANDARD.encode("{}"), ..envelope.clone() }, &certs, "does not fit"));
    assert!(refused(&Envelope { payload_type: "text/plain".into(), ..envelope.clone() }, &certs, "does not fit"));
    assert!(refused(&Envelope { signatures: vec![], ..envelope.clone() }, &certs, "0 signatures"));
    assert!(refused(&Envelope { signatures: vec![envelope.signatures[0].clone(); 65], ..envelope.clone() }, &certs, "65 signatures"));
    assert!(refused(&Envelope { payload: format!("{}\n", envelope.payload), ..envelope.clone() }, &certs, "base64"));
    let two_more = seal(IN_TOTO, b"a", &key).unwrap();
    assert_eq!(two_more.payload, "YQ==");
    assert!(open(&two_more, &certs).is_ok());
    assert!(refused(&Envelope { payload: "YR==".into(), ..two_more.clone() }, &certs, "base64"));
    assert!(refused(&Envelope { payload: "YQ".into(), ..two_more }, &certs, "base64"));
}

#[test]
fn a_plain_signature_over_the_payload_is_no_seal() {
    let key = key("qa-a");
    let mut envelope = sealed(&key);
    envelope.signatures[0].sig = STANDARD.encode(key.sign_binary(STATEMENT).unwrap());
    assert!(refused(&envelope, &certs(&[&key]), "does not fit"));
}
