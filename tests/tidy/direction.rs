//! Who may use whom: the table of the design, as data.

use super::source::{Source, paths};

struct Layer {
    name: &'static str,
    /// What it may use of ours, apart from itself.
    may: &'static [&'static str],
    /// Whether its files (or folders) stand each for itself.
    apart: Apart,
}

#[derive(PartialEq)]
enum Apart {
    No,
    /// No file uses another.
    Files,
    /// These do not use each other; what lies beside them is for all.
    These(&'static [&'static str]),
}

const LAYERS: &[Layer] = &[
    Layer { name: "domain", may: &[], apart: Apart::No },
    Layer { name: "ledger", may: &["domain"], apart: Apart::No },
    Layer { name: "view", may: &["domain"], apart: Apart::No },
    Layer { name: "edge", may: &["domain"], apart: Apart::Files },
    Layer { name: "verify", may: &["domain", "ledger::archive", "ledger::bundle", "ledger::chain", "ledger::checkpoint", "ledger::husk", "edge"], apart: Apart::No },
    Layer { name: "supervisor", may: &["domain", "ledger", "edge", "view"], apart: Apart::No },
    Layer {
        name: "interface",
        may: &["supervisor::protocol", "supervisor::door", "view", "domain", "verify", "edge::git::stored"],
        apart: Apart::These(&["cli", "hook", "mcp", "tui", "web"]),
    },
];

/// Neighbours that may know each other, each pair with its reason in `src/README.md`.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("edge::runner", "edge::sandbox"),
    ("interface::cli", "interface::hook::run"),
    ("interface::cli::dashboard", "interface::tui"),
    ("interface::cli::web", "interface::web"),
];

fn starts<T: AsRef<str>>(path: &[T], with: &str) -> bool {
    with.split("::").enumerate().all(|(at, part)| path.get(at).is_some_and(|own| own.as_ref() == part))
}

/// Names every use that the table does not allow.
pub fn judge(source: &Source) -> Vec<(usize, String)> {
    let Some(module) = source.module() else { return Vec::new() };
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == module[0]) else {
        return vec![(1, format!("{} is no layer of the table", module[0]))];
    };
    let used = paths(&source.plain, &["crate", "super"]).into_iter().map(|named| (named.line, absolute(&module, &named.parts)));
    used.filter(|(_, path)| !allowed(layer, &module, path))
        .map(|(line, path)| (line, format!("{} uses {}", layer.name, path.join("::"))))
        .collect()
}

/// Resolves `super` against the module; `crate` falls away.
fn absolute(module: &[&str], parts: &[String]) -> Vec<String> {
    let ups = parts.iter().take_while(|part| *part == "super").count();
    let base = if ups == 0 { &[] } else { &module[..module.len().saturating_sub(ups)] };
    let rest = parts.iter().filter(|part| !["super", "crate", "self"].contains(&part.as_str()));
    base.iter().map(|part| (*part).to_owned()).chain(rest.cloned()).collect()
}

fn allowed(layer: &Layer, module: &[&str], path: &[String]) -> bool {
    match path.first() {
        Some(first) if first == layer.name => {
            let known = EXCEPTIONS.iter().any(|(own, other)| starts(module, own) && starts(path, other));
            known || !strange(layer, module.get(1).copied(), path.get(1).map(String::as_str))
        }
        Some(_) => layer.may.iter().any(|may| may.split("::").enumerate().all(|(at, part)| path.get(at).is_some_and(|own| own == part))),
        None => true,
    }
}

/// Tells whether a file reaches into a neighbour that stands for itself. What lies in the layer's own `mod.rs` may name all.
fn strange(layer: &Layer, own: Option<&str>, other: Option<&str>) -> bool {
    let (Some(own), Some(other)) = (own, other) else { return false };
    let module = other.starts_with(|c: char| c.is_ascii_lowercase());
    match layer.apart {
        Apart::No => false,
        Apart::Files => module && own != other,
        Apart::These(these) => own != other && these.contains(&other),
    }
}
