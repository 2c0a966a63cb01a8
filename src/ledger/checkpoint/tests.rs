use super::super::chain::{inclusion_proof, leaf_hash, root_of};
use super::*;

/// The example of the signed-note specification.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// A key, a note and its signature as Go's `golang.org/x/mod/sumdb/note` publishes them.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_SIGNATURE: &str =
    "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ORIGIN: &str = "orchestrate.example/lab";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn verifier(name: &str, seed: u8) -> VerifierKey {
    VerifierKey::new(name, key(seed).verifying_key()).unwrap()
}

fn malformed_note(note: &str) -> bool {
    matches!(open_note(note, &[verifier(ORIGIN, 1)]), Err(NoteError::Malformed { .. }))
}

#[test]
fn the_specification_s_note_opens() {
    let key = VerifierKey::parse(SPEC_KEY).unwrap();
    assert_eq!(key.encode(), SPEC_KEY);
    assert_eq!(open_note(SPEC_NOTE, &[key]).unwrap(), "This is an example message.\n");
}

#[test]
fn go_s_note_is_written_and_opened_byte_for_byte() {
    let verifier = VerifierKey::parse(GO_KEY).unwrap();
    let secret = SigningKey::from_bytes(STANDARD.decode(GO_SECRET).unwrap()[1..].try_into().unwrap());
    let written = note(GO_TEXT, &secret, verifier.name()).unwrap();
    assert_eq!(written, format!("{GO_TEXT}\n{GO_SIGNATURE}"));
    assert_eq!(open_note(&written, &[verifier]).unwrap(), GO_TEXT);
}

#[test]
fn a_key_with_another_name_or_id_is_unknown() {
    let signed = note("x\n", &key(1), ORIGIN).unwrap();
    assert_eq!(open_note(&signed, &[verifier("other", 1)]), Err(NoteError::NoKnownKey));
    assert_eq!(open_note(&signed, &[verifier(ORIGIN, 2)]), Err(NoteError::NoKnownKey));
    assert_eq!(open_note(&signed, &[]), Err(NoteError::NoKnownKey));
    assert_eq!(open_note(&signed, &[verifier("other", 2), verifier(ORIGIN, 1)]).unwrap(), "x\n");
}

#[test]
fn an_altered_text_or_signature_is_bad() {
    let signed = note("one\ntwo\n", &key(1), ORIGIN).unwrap();
    let keys = [verifier(ORIGIN, 1)];
    let bad = Err(NoteError::BadSignature(ORIGIN.to_owned()));
    assert_eq!(open_note(&signed.replace("two", "tvo"), &keys), bad);
    let (text, lines) = split_note(&signed).unwrap();
    for at in 0..64 {
        let mut bytes = [&lines[0].id[..], &lines[0].signature].concat();
        bytes[4 + at] ^= 1;
        assert_eq!(open_note(&format!("{text}\n\u{2014} {ORIGIN} {}\n", STANDARD.encode(bytes)), &keys), bad, "byte {at}");
    }
}

#[test]
fn one_bad_signature_of_a_known_key_spoils_the_note() {
    let good = note("x\n", &key(1), ORIGIN).unwrap();
    let second = note("x\n", &key(2), "witness").unwrap();
    let both = format!("{good}{}", &second[3..]);
    let keys = [verifier(ORIGIN, 1), verifier("witness", 2)];
    assert_eq!(open_note(&both, &keys).unwrap(), "x\n");
    let other = note("y\n", &key(2), "witness").unwrap();
    let spoilt = format!("{good}{}", &other[3..]);
    assert_eq!(open_note(&spoilt, &keys), Err(NoteError::BadSignature("witness".into())));
    assert_eq!(open_note(&spoilt, &keys[..1]).unwrap(), "x\n");
}

#[test]
fn the_text_may_hold_empty_lines_and_ends_at_the_last() {
    let text = "one\n\n\u{2014} someone fake=\n";
    let signed = note(text, &key(1), ORIGIN).unwrap();
    assert_eq!(open_note(&signed, &[verifier(ORIGIN, 1)]).unwrap(), text);
}

#[test]
fn malformed_notes_are_refused() {
    let signed = note("x\n", &key(1), ORIGIN).unwrap();
    let (_, line) = signed.split_once("\n\n").unwrap();
    let slack = line.replace("=\n", "B=\n");
    for bad in [
        "",
        "x\n",
        "x\n\n",
        "\n\n",
        signed.trim_end(),
        &signed.replace('\u{2014}', "-"),
        &signed.replace("\n\n", "\n"),
        &signed.replace("x\n", "x\r\n"),
        &signed.replace("x\n", "x\u{0}\n"),
        &format!("{signed}\n"),
        &format!("{signed}junk\n"),
        &signed.replace(" orch", "  orch"),
        &signed.replace('=', ""),
        &format!("x\n\n{slack}"),
        "x\n\n\u{2014} name AAAAAA==\n",
        "x\n\n\u{2014} na+me AAAAAAA=\n",
    ] {
        assert!(malformed_note(bad), "{bad:?}");
    }
    assert!(note("no newline", &key(1), ORIGIN).is_err());
    assert!(note("x\n", &key(1), "a b").is_err());
    assert!(malformed_note(&format!("{}{signed}", "x".repeat(NOTE_LIMIT))));
}

#[test]
fn slack_bits_in_base64_are_refused() {
    assert_eq!(strict_base64("AA==").unwrap(), [0]);
    for other_spelling in ["AB==", "AA", "AA=", "AA==\n", "A A==", "AA===", "-_==", "AP9="] {
        assert!(strict_base64(other_spelling).is_err(), "{other_spelling}");
    }
}

#[test]
fn keys_have_one_spelling() {
    assert_eq!(VerifierKey::parse(&verifier(ORIGIN, 7).encode()).unwrap(), verifier(ORIGIN, 7));
    for bad in [
        "",
        "a+b",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ] {
        assert!(VerifierKey::parse(bad).is_err(), "{bad}");
    }
    let small_order = VerifyingKey::from_bytes(&[[1].as_slice(), &[0; 31]].concat().try_into().unwrap()).unwrap();
    assert!(VerifierKey::new("x", small_order).is_err());
}

#[test]
fn the_specification_s_checkpoint_is_read_and_written() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.text(), text);
}

#[test]
fn checkpoints_have_one_spelling() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for bad in [
        format!("o\n1\n{root}"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n 1\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("o\n1\n{root}\nextension\n"),
        format!("o\n1\n{root}\n\n"),
        format!("o\r\n1\n{root}\n"),
        format!("o\n1\n{}\n", root.replace("2I=", "2J=")),
        "o\n1\nAA==\n".to_owned(),
        "o\n1\n".to_owned(),
        String::new(),
    ] {
        assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
    }
    assert!(Checkpoint::parse(&format!("o\n18446744073709551615\n{root}\n")).is_ok());
}

fn five_leaves() -> Vec<Hash> {
    (0..5).map(|n| leaf_hash(&[n])).collect()
}

fn proof_of(index: u64) -> String {
    let leaves = five_leaves();
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 5, root: root_of(&leaves) };
    let note = note(&checkpoint.text(), &key(1), ORIGIN).unwrap();
    tlog_proof(index, &inclusion_proof(&leaves, index).unwrap(), &note)
}

#[test]
fn a_proof_travels_as_text_and_holds() {
    let keys = [verifier(ORIGIN, 1)];
    for index in 0..5 {
        let text = proof_of(index);
        let proof = TlogProof::parse(&text).unwrap();
        assert_eq!(proof.text(), text);
        assert_eq!(proof.verify(&leaf_hash(&[index as u8]), ORIGIN, &keys).unwrap().size, 5);
        let other = leaf_hash(&[index as u8 + 1]);
        assert_eq!(proof.verify(&other, ORIGIN, &keys), Err(NoteError::NotIncluded { index, size: 5 }));
    }
}

#[test]
fn a_proof_of_another_log_or_key_is_refused() {
    let proof = TlogProof::parse(&proof_of(2)).unwrap();
    let leaf = leaf_hash(&[2]);
    assert!(matches!(proof.verify(&leaf, "other", &[verifier(ORIGIN, 1)]), Err(NoteError::OtherOrigin { .. })));
    assert_eq!(proof.verify(&leaf, ORIGIN, &[verifier(ORIGIN, 2)]), Err(NoteError::NoKnownKey));
    let elsewhere = TlogProof { index: 3, ..proof };
    assert!(elsewhere.verify(&leaf, ORIGIN, &[verifier(ORIGIN, 1)]).is_err());
}

#[test]
fn the_lines_of_a_proof_are_those_of_the_specification() {
    let text = proof_of(4);
    let root = STANDARD.encode(root_of(&five_leaves()[..4]));
    assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex 4\n{root}\n\n{ORIGIN}\n5\n")), "{text}");
    let with_extra = text.replace("index 4", "extra aGk=\nindex 4");
    let proof = TlogProof::parse(&with_extra).unwrap();
    assert_eq!((proof.extra.as_deref(), proof.text()), (Some(&b"hi"[..]), with_extra));
}

#[test]
fn malformed_proofs_are_refused() {
    let text = proof_of(4);
    let node = STANDARD.encode([0; 32]);
    for bad in [
        text.replace("@v1", "@v2"),
        text.replace("index 4", "index 04"),
        text.replace("index 4\n", ""),
        text.replace("index 4", "extra aGl=\nindex 4"),
        text.replace("index 4", "extra aGk=\nextra aGk=\nindex 4"),
        text.replace("index 4\n", &format!("index 4\n{}", format!("{node}\n").repeat(63))),
        text.replace("index 4\n", "index 4\nAA==\n"),
        text.replace("\n\n", "\n"),
        text.replacen("\n\n", "\n\n\n", 2),
        text.trim_end().to_owned(),
    ] {
        assert!(TlogProof::parse(&bad).is_err(), "{bad}");
    }
}
