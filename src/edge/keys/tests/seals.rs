//! Sealed files open with their passphrase, under their own name, unchanged; and not otherwise.

use super::super::KeyStore;
use super::super::seal::{Seal, is_sealed};

#[test]
fn a_sealed_file_opens_under_its_own_name_and_unchanged_only() {
    let (seal, header) = Seal::make("words").unwrap();
    let closed = seal.close("a", b"secret").unwrap();
    assert!(is_sealed(&closed) && !is_sealed(b"secret") && !closed.windows(6).any(|part| part == b"secret"));
    let again = Seal::open("words", &header).unwrap();
    assert_eq!(*again.reveal("a", &closed).unwrap(), b"secret");
    assert!(again.reveal("b", &closed).is_err() && again.reveal("a", b"secret").is_err());
    for at in 0..closed.len() {
        let mut other = closed.clone();
        other[at] ^= 1;
        assert!(again.reveal("a", &other).is_err(), "byte {at}");
    }
    assert!(again.reveal("a", &closed[..30]).is_err());
    assert_ne!(seal.close("a", b"secret").unwrap(), closed, "a nonce serves once");
}

#[test]
fn a_wrong_passphrase_and_a_forged_header_open_nothing() {
    let (_, header) = Seal::make("words").unwrap();
    assert!(Seal::open("Words", &header).unwrap_err().why.contains("wrong"));
    assert!(Seal::open("", &header).is_err());
    let text = String::from_utf8(header).unwrap();
    for (from, to) in
        [("\"v\": 1", "\"v\": 2"), ("65536", "4194304"), ("\"passes\": 3", "\"passes\": 2"), ("\"salt\": \"", "\"salt\": \"00")]
    {
        assert!(text.contains(from), "{text}");
        assert!(Seal::open("words", text.replacen(from, to, 1).as_bytes()).is_err(), "{from}");
    }
}

#[test]
fn sealing_can_be_broken_off_and_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keys");
    let store = KeyStore::open(&path).unwrap();
    let (draw, totp) = (store.secret("draw.secret", 32).unwrap(), store.secret("totp.secret", 20).unwrap());
    assert!(KeyStore::unlock(&path, Some("words")).unwrap().seal.is_none(), "an open folder is not sealed unasked");
    assert_eq!(KeyStore::seal_all(&path, "words").unwrap(), 2);
    std::fs::remove_file(path.join("totp.secret")).unwrap();
    store.put("totp.secret", &totp, rustix::fs::RenameFlags::NOREPLACE).unwrap();
    assert!(KeyStore::seal_all(&path, "other").is_err());
    for _ in 0..2 {
        let open = KeyStore::unlock(&path, Some("words")).unwrap();
        assert_eq!((open.secret("draw.secret", 32).unwrap(), open.secret("totp.secret", 20).unwrap()), (draw.clone(), totp.clone()));
        KeyStore::seal_all(&path, "words").unwrap();
    }
    assert!(KeyStore::unlock(&path, None).unwrap_err().why.contains("no passphrase"));
    assert!(store.secret("draw.secret", 32).unwrap_err().why.contains("no passphrase"));
    assert_eq!(KeyStore::unseal_all(&path, "words").unwrap(), 2);
    assert!(!KeyStore::is_sealed(&path).unwrap());
    assert_eq!(store.secret("draw.secret", 32).unwrap(), draw);
}
