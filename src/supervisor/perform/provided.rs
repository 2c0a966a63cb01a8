//! What the owner has installed beside the repository's files, such as `node_modules`, and shows to the tests: no seat can write there.

use crate::edge::runner::TREE;
use crate::edge::sandbox::Bind;
use std::io::ErrorKind;
use std::path::Path;

/// The folders that are there. Where the tree brings something in the place of one, tests would see the one and a merge bring the other.
pub(super) fn binds(repo: &Path, checkout: &Path, names: &[String]) -> Result<Vec<Bind>, String> {
    if let Some(name) = names.iter().find(|name| !is_real(checkout, name) || has_files(&checkout.join(name))) {
        return Err(format!("the tree brings {name}, which comes from outside by runner.provided: one of the two has to go"));
    }
    let found = names.iter().filter(|name| repo.join(name).is_dir() && is_real(repo, name));
    Ok(found.map(|name| Bind::read_only(repo.join(name), format!("{TREE}/{name}"))).collect())
}

/// Whether nothing on the way to a folder is a link or a file, as far as there is something.
fn is_real(root: &Path, name: &str) -> bool {
    let mut path = root.to_path_buf();
    name.split('/').all(|part| {
        path.push(part);
        path.symlink_metadata().map_or_else(|why| why.kind() == ErrorKind::NotFound, |found| found.is_dir())
    })
}

/// A run leaves the empty folder on which it saw the owner's.
fn has_files(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut inside| inside.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_tree_brings_nothing_in_the_place_of_what_the_owner_installed() {
        let folder = tempfile::tempdir().unwrap();
        let (repo, checkout, other) = (folder.path().join("repo"), folder.path().join("checkout"), folder.path().join("other"));
        fs::create_dir_all(repo.join("web/node_modules/left")).unwrap();
        [&checkout, &other].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        let names = ["web/node_modules".to_owned(), ".venv".to_owned()];
        let binds = || binds(&repo, &checkout, &names).map(|binds| binds.into_iter().map(|bind| bind.target).collect::<Vec<_>>());
        let one = Ok(vec![Path::new(TREE).join("web/node_modules")]);
        assert_eq!(binds(), one, "what is not there is not shown");
        fs::create_dir_all(checkout.join("web/node_modules")).unwrap();
        assert_eq!(binds(), one, "an empty folder is what the last run left");
        fs::write(checkout.join("web/node_modules/own.js"), "").unwrap();
        assert!(binds().unwrap_err().starts_with("the tree brings web/node_modules,"));
        fs::remove_dir_all(checkout.join("web")).unwrap();
        symlink(&other, checkout.join("web")).unwrap();
        assert!(binds().is_err(), "a link on the way leads elsewhere");
        fs::remove_file(checkout.join("web")).unwrap();
        fs::write(checkout.join(".venv"), "").unwrap();
        assert!(binds().is_err(), "a file in its place");
        fs::remove_file(checkout.join(".venv")).unwrap();
        symlink(&other, repo.join(".venv")).unwrap();
        assert_eq!(binds(), one, "a link in the repository may be a change's that was merged");
    }
}
