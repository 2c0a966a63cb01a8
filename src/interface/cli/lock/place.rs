//! Paths as people write them: from the folder they are in, and a folder without its slash.

use std::path::{Path, PathBuf};

/// The same paths from the repository's root, folders with a slash at the end.
pub fn from_root(paths: &[String]) -> Vec<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf).unwrap_or_else(|| here.clone());
    paths.iter().map(|path| one(&root, &here, path)).collect()
}

fn one(root: &Path, here: &Path, path: &str) -> String {
    let inside = here.strip_prefix(root).unwrap_or(Path::new(""));
    // What is absolute, or leads out, is the supervisor's to refuse.
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." if !parts.is_empty() && parts.last() != Some(&"..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let whole = parts.join("/");
    let folder = path.ends_with('/') || is_folder(&root.join(PathBuf::from(&whole)));
    if folder && !whole.is_empty() { format!("{whole}/") } else { whole }
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|seen| seen.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_from_where_one_is() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("src/deep")).unwrap();
        let from = |here: &str, path: &str| one(root.path(), &root.path().join(here), path);
        for (here, path, whole) in [
            ("", "src", "src/"),
            ("", "src/", "src/"),
            ("", "./src/a.rs", "src/a.rs"),
            ("src", "a.rs", "src/a.rs"),
            ("src", "deep", "src/deep/"),
            ("src", "../docs/x", "docs/x"),
            ("src", ".", "src/"),
            ("src/deep", "../../README.md", "README.md"),
            ("src", "*.rs", "src/*.rs"),
            ("src", "../../up", "../up"),
            ("", "/etc", "/etc"),
            ("", "", ""),
            ("", "new/", "new/"),
        ] {
            assert_eq!(from(here, path), whole, "{path} in {here}");
        }
    }
}
