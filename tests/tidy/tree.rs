//! Every text file of the tree, but for what is built or stored by tools.

use super::source::Source;
use std::path::Path;

const SKIPPED: &[&str] = &[".git", "target", "node_modules"];

pub fn read(root: &Path) -> Vec<Source> {
    let mut tree = Vec::new();
    collect(root, root, &mut tree);
    tree.sort_by(|a, b| a.path.cmp(&b.path));
    tree
}

fn collect(root: &Path, folder: &Path, tree: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if SKIPPED.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            collect(root, &path, tree);
        } else if let Some(text) = text(&path).filter(|_| kind.is_file()) {
            tree.push(Source::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &text));
        }
    }
}

fn text(path: &Path) -> Option<String> {
    String::from_utf8(std::fs::read(path).ok()?).ok().filter(|text| !text.contains('\0'))
}
