use super::chain::{empty_root, leaf_hash, root_of};
use super::memory::MemoryLedger;
use super::sqlite::SqliteLedger;
use super::*;

fn entries(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What every ledger promises, whatever it is made of.
fn keeps_its_promises(mut ledger: impl Ledger) {
    assert_eq!((ledger.len(), ledger.root(), ledger.is_empty()), (0, empty_root(), true));
    assert_eq!(ledger.check(), Ok(Verified { len: 0, root: empty_root(), sealed: 0 }));
    ledger.append(0, &entries(&["genesis"])).unwrap();
    ledger.append(1, &entries(&["a", "", "a"])).unwrap();
    ledger.append(4, &[]).unwrap();
    assert_eq!(ledger.append(3, &entries(&["late"])), Err(AppendError::Conflict { expected: 3, found: 4 }));
    assert_eq!(ledger.append(5, &entries(&["early"])), Err(AppendError::Conflict { expected: 5, found: 4 }));
    let leaves: Vec<Hash> = ["genesis", "a", "", "a"].iter().map(|text| leaf_hash(text.as_bytes())).collect();
    assert_eq!((ledger.len(), ledger.root()), (4, root_of(&leaves)));
    assert_eq!(ledger.leaf_hashes(4).unwrap(), leaves);
    assert_eq!(ledger.leaf_hashes(2).unwrap(), leaves[..2]);
    assert!(ledger.leaf_hashes(5).is_err());
    let record = |seq: u64, text: &str| Record { seq, bytes: text.as_bytes().to_vec() };
    assert_eq!(ledger.read(1, 2).unwrap(), [record(1, "a"), record(2, "")]);
    assert_eq!(ledger.read(3, 100).unwrap(), [record(3, "a")]);
    assert_eq!(ledger.read(0, usize::MAX).unwrap().len(), 4);
    assert_eq!(ledger.read(2, 0).unwrap(), []);
    assert_eq!(ledger.read(4, 9).unwrap(), []);
    assert_eq!(ledger.read(u64::MAX, 9).unwrap(), []);
    assert_eq!(ledger.check(), Ok(Verified { len: 4, root: root_of(&leaves), sealed: 0 }));
}

#[test]
fn memory_keeps_its_promises() {
    keeps_its_promises(MemoryLedger::default());
}

#[test]
fn sqlite_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    keeps_its_promises(SqliteLedger::create(&folder.path().join("ledger.sqlite")).unwrap());
}
