//! The RFC 6962 Merkle tree: leaves, roots, proofs, and how each is judged. Pure.

use sha2::{Digest as _, Sha256};

/// A SHA-256 node of the tree.
pub type Hash = [u8; 32];

/// Hashes an entry as a leaf, so that no entry can pass for an inner node.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The right edge of a growing tree: all that is needed to append and to know the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    len: u64,
    /// Roots of the perfect subtrees, from the largest on the left; one for each bit set in `len`.
    peaks: Vec<Hash>,
}

impl Frontier {
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends one leaf hash.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.len.trailing_ones() {
            let left = self.peaks.pop().expect("BUG: a bit of the length without its peak");
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.len += 1;
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let fold = |right: Hash, left: &Hash| node_hash(left, &right);
        match self.peaks.split_last() {
            None => empty_root(),
            Some((last, rest)) => rest.iter().rev().fold(*last, fold),
        }
    }

    /// Finds the first stretch of leaves (start, length) in which two frontiers of one length differ.
    pub fn differs(&self, other: &Self) -> Option<(u64, u64)> {
        let mut start = 0;
        let sizes = (0..64).rev().map(|bit| 1u64 << bit).filter(|size| self.len & size != 0);
        for (size, (ours, theirs)) in sizes.zip(self.peaks.iter().zip(&other.peaks)) {
            if ours != theirs {
                return Some((start, size));
            }
            start += size;
        }
        None
    }
}

impl Extend<Hash> for Frontier {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.append(leaf));
    }
}

/// The root over the given leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    frontier.extend(leaves.iter().copied());
    frontier.root()
}

/// The largest power of two smaller than `size`, which is at least 2: where RFC 6962 splits.
fn split(size: usize) -> usize {
    1 << (usize::BITS - 1 - (size - 1).leading_zeros())
}

/// Proves that the leaf at `index` is in the tree over `leaves`; none where there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    let index = usize::try_from(index).ok().filter(|index| *index < leaves.len())?;
    let mut path = Vec::new();
    climb(leaves, index, &mut path);
    Some(path)
}

fn climb(leaves: &[Hash], index: usize, path: &mut Vec<Hash>) {
    if leaves.len() == 1 {
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        climb(left, index, path);
        path.push(root_of(right));
    } else {
        climb(right, index - left.len(), path);
        path.push(root_of(left));
    }
}

/// Judges an inclusion proof (RFC 9162, 2.1.3.2).
#[must_use]
pub fn verify_inclusion(root: &Hash, size: u64, index: u64, leaf: &Hash, proof: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut node) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(sibling, &node);
            let skip = if at == 0 { last.trailing_zeros() } else { at.trailing_zeros() };
            (at, last) = (at >> skip, last >> skip);
        } else {
            node = node_hash(&node, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && node == *root
}

/// Proves that the tree over the first `old_size` leaves is a beginning of the tree over `leaves`; none where it is not shorter or equal.
pub fn consistency_proof(leaves: &[Hash], old_size: u64) -> Option<Vec<Hash>> {
    let old = usize::try_from(old_size).ok().filter(|old| *old <= leaves.len())?;
    let mut path = Vec::new();
    if old > 0 {
        descend(leaves, old, true, &mut path);
    }
    Some(path)
}

/// RFC 6962's SUBPROOF; `known` says that the verifier has this subtree's root already.
fn descend(leaves: &[Hash], old: usize, known: bool, path: &mut Vec<Hash>) {
    if old == leaves.len() {
        if !known {
            path.push(root_of(leaves));
        }
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if old <= left.len() {
        descend(left, old, known, path);
        path.push(root_of(right));
    } else {
        descend(right, old - left.len(), false, path);
        path.push(root_of(left));
    }
}

/// Judges a consistency proof (RFC 9162, 2.1.4.2); an empty tree is the beginning of every tree.
#[must_use]
pub fn verify_consistency(old_size: u64, old_root: &Hash, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    if old_size > size {
        return false;
    }
    if old_size == 0 || old_size == size {
        let old_fits = if old_size == 0 { *old_root == empty_root() } else { old_root == root };
        let empty_fits = size > 0 || *root == empty_root();
        return proof.is_empty() && old_fits && empty_fits;
    }
    let rest = if old_size.is_power_of_two() { Some((old_root, proof)) } else { proof.split_first() };
    let Some((first, rest)) = rest else { return false };
    walk_consistency(old_size, size, *first, rest) == Some((*old_root, *root))
}

/// Rebuilds both roots from a proof; none where its length does not fit the sizes.
fn walk_consistency(old_size: u64, size: u64, first: Hash, rest: &[Hash]) -> Option<(Hash, Hash)> {
    let skip = (old_size - 1).trailing_ones();
    let (mut at, mut last) = ((old_size - 1) >> skip, (size - 1) >> skip);
    let (mut old, mut new) = (first, first);
    for node in rest {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            (old, new) = (node_hash(node, &old), node_hash(node, &new));
            let skip = if at == 0 { last.trailing_zeros() } else { at.trailing_zeros() };
            (at, last) = (at >> skip, last >> skip);
        } else {
            new = node_hash(&new, node);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some((old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight inputs of the reference implementation of Certificate Transparency.
    const INPUTS: [&str; 8] = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn reference_leaves() -> Vec<Hash> {
        INPUTS.iter().map(|text| leaf_hash(&hex::decode(text).unwrap())).collect()
    }

    fn leaves(size: usize) -> Vec<Hash> {
        (0..size).map(|n| leaf_hash(&[n as u8, 7])).collect()
    }

    fn hashes(texts: &[&str]) -> Vec<Hash> {
        texts.iter().map(|text| hex::decode(text).unwrap().try_into().unwrap()).collect()
    }

    /// RFC 6962, 2.1, word for word.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves.len() {
            0 => Sha256::digest(b"").into(),
            1 => leaves[0],
            n => {
                let mut k = 1;
                while k * 2 < n {
                    k *= 2;
                }
                let bytes = [&[1][..], &naive_root(&leaves[..k]), &naive_root(&leaves[k..])].concat();
                Sha256::digest(bytes).into()
            }
        }
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves = reference_leaves();
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(hex::encode(root_of(&leaves[..size])), *root, "size {size}");
        }
    }

    #[test]
    fn inclusion_paths_are_those_of_certificate_transparency() {
        let leaves = reference_leaves();
        let cases: [(usize, u64, &[&str]); 4] = [
            (1, 0, &[]),
            (
                8,
                0,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                8,
                5,
                &[
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (3, 2, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        ];
        for (size, index, path) in cases {
            assert_eq!(inclusion_proof(&leaves[..size], index).unwrap(), hashes(path), "{index} of {size}");
        }
    }

    #[test]
    fn consistency_paths_are_those_of_certificate_transparency() {
        let leaves = reference_leaves();
        let cases: [(usize, u64, &[&str]); 4] = [
            (1, 1, &[]),
            (
                8,
                1,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                8,
                6,
                &[
                    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                5,
                2,
                &[
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        for (size, old, path) in cases {
            assert_eq!(consistency_proof(&leaves[..size], old).unwrap(), hashes(path), "{old} in {size}");
        }
    }

    #[test]
    fn the_frontier_is_the_naive_tree() {
        for size in 0..=33 {
            let leaves = leaves(size);
            let mut frontier = Frontier::default();
            frontier.extend(leaves.iter().copied());
            assert_eq!((frontier.len(), frontier.root()), (size as u64, naive_root(&leaves)));
            assert_eq!(root_of(&leaves), naive_root(&leaves));
        }
    }

    #[test]
    fn every_inclusion_proof_holds_and_no_altered_one_does() {
        for size in 1..=33u64 {
            let leaves = leaves(size as usize);
            let root = naive_root(&leaves);
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index).unwrap();
                let leaf = leaves[index as usize];
                assert!(verify_inclusion(&root, size, index, &leaf, &proof), "{index} of {size}");
                refuses_every_bit(&root, &leaf, &proof, |root, leaf, proof| verify_inclusion(root, size, index, leaf, proof));
                for other in (0..=size + 1).filter(|other| *other != index) {
                    assert!(!verify_inclusion(&root, size, other, &leaf, &proof), "{index} as {other} of {size}");
                }
            }
            assert_eq!(inclusion_proof(&leaves, size), None);
        }
    }

    #[test]
    fn every_consistency_proof_holds_and_no_altered_one_does() {
        for size in 0..=33u64 {
            let leaves = leaves(size as usize);
            let root = naive_root(&leaves);
            for old in 0..=size {
                let proof = consistency_proof(&leaves, old).unwrap();
                let old_root = naive_root(&leaves[..old as usize]);
                assert!(verify_consistency(old, &old_root, size, &root, &proof), "{old} in {size}");
                if old > 0 {
                    refuses_every_bit(&root, &old_root, &proof, |root, old_root, proof| {
                        verify_consistency(old, old_root, size, root, proof)
                    });
                }
                for other in (1..=size + 1).filter(|other| *other != old) {
                    assert!(!verify_consistency(other, &old_root, size, &root, &proof), "{old} as {other} in {size}");
                }
            }
            assert_eq!(consistency_proof(&leaves, size + 1), None);
        }
    }

    /// Flips bits in each part (all of them in short proofs), drops and adds a node: the judge must say no each time.
    fn refuses_every_bit(a: &Hash, b: &Hash, proof: &[Hash], judge: impl Fn(&Hash, &Hash, &[Hash]) -> bool) {
        let bits = || (0..256).step_by(if proof.len() < 4 { 1 } else { 23 });
        for bit in bits() {
            assert!(!judge(&flipped(a, bit), b, proof) && !judge(a, &flipped(b, bit), proof), "bit {bit}");
        }
        for at in 0..proof.len() {
            for bit in bits() {
                let mut altered = proof.to_vec();
                altered[at] = flipped(&altered[at], bit);
                assert!(!judge(a, b, &altered), "node {at} bit {bit}");
            }
        }
        let longer = [proof, &[*a]].concat();
        assert!(!judge(a, b, &longer));
        assert!(proof.is_empty() || !judge(a, b, &proof[1..]) && !judge(a, b, &proof[..proof.len() - 1]));
    }

    fn flipped(hash: &Hash, bit: usize) -> Hash {
        let mut hash = *hash;
        hash[bit / 8] ^= 1 << (bit % 8);
        hash
    }

    #[test]
    fn an_empty_tree_proves_nothing() {
        assert!(!verify_inclusion(&empty_root(), 0, 0, &leaf_hash(b""), &[]));
        let root = root_of(&leaves(3));
        assert!(!verify_consistency(0, &leaf_hash(b""), 3, &root, &[]));
        assert!(!verify_consistency(0, &empty_root(), 0, &root, &[]));
        assert!(!verify_consistency(0, &empty_root(), 3, &root, &[root]));
    }

    #[test]
    fn sizes_at_the_end_of_the_number_range_do_not_overflow() {
        let hash = leaf_hash(b"x");
        assert!(!verify_inclusion(&hash, u64::MAX, u64::MAX - 1, &hash, &[hash; 64]));
        assert!(!verify_consistency(u64::MAX - 1, &hash, u64::MAX, &hash, &[hash; 70]));
        assert!(!verify_consistency(1 << 63, &hash, u64::MAX, &hash, &[]));
    }

    #[test]
    fn two_frontiers_show_where_they_part() {
        let ours = leaves(13);
        let mut theirs = ours.clone();
        theirs[9] = leaf_hash(b"other");
        let frontier = |leaves: &[Hash]| {
            let mut frontier = Frontier::default();
            frontier.extend(leaves.iter().copied());
            frontier
        };
        assert_eq!(frontier(&ours).differs(&frontier(&theirs)), Some((8, 4)));
        assert_eq!(frontier(&ours).differs(&frontier(&ours)), None);
    }
}
