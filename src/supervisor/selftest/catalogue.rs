//! The catalogue: every row of `attacks/*.toml`, built into the program.

use crate::domain::attack::Attack;
use crate::domain::failure::{Doing as _, Failure};
use serde::Deserialize;

/// A file's name is its group's.
const FILES: &[(&str, &str)] = &[
    ("A", include_str!("../../../attacks/A.toml")),
    ("B", include_str!("../../../attacks/B.toml")),
    ("C", include_str!("../../../attacks/C.toml")),
    ("D", include_str!("../../../attacks/D.toml")),
    ("E", include_str!("../../../attacks/E.toml")),
    ("F", include_str!("../../../attacks/F.toml")),
    ("G", include_str!("../../../attacks/G.toml")),
    ("H", include_str!("../../../attacks/H.toml")),
    ("I", include_str!("../../../attacks/I.toml")),
    ("J", include_str!("../../../attacks/J.toml")),
    ("K", include_str!("../../../attacks/K.toml")),
    ("L", include_str!("../../../attacks/L.toml")),
    ("M", include_str!("../../../attacks/M.toml")),
    ("N", include_str!("../../../attacks/N.toml")),
    ("O", include_str!("../../../attacks/O.toml")),
    ("P", include_str!("../../../attacks/P.toml")),
    ("Q", include_str!("../../../attacks/Q.toml")),
    ("wall", include_str!("../../../attacks/wall.toml")),
];

/// An attack with the group it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub group: &'static str,
    pub attack: Attack,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    attack: Vec<Attack>,
}

/// Every row, in the order of the files.
pub fn catalogue() -> Result<Vec<Row>, Failure> {
    let pages: Vec<Vec<Row>> = FILES.iter().map(|(group, text)| rows(group, text)).collect::<Result<_, _>>()?;
    Ok(pages.into_iter().flatten().collect())
}

fn rows(group: &'static str, text: &str) -> Result<Vec<Row>, Failure> {
    let what = format!("cannot read attacks/{group}.toml");
    let page: Page = toml::from_str(text).doing(&what)?;
    let faults: Vec<String> = page.attack.iter().filter_map(|attack| Some(format!("{}: {}", attack.id, attack.fault()?))).collect();
    if !faults.is_empty() {
        return Err(Failure::new(what, faults.join("; ")));
    }
    Ok(page.attack.into_iter().map(|attack| Row { group, attack }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_is_built_in_and_every_row_is_sound() {
        let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks")).unwrap();
        let there: BTreeSet<String> =
            folder.filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned)).collect();
        assert_eq!(there, FILES.iter().map(|(group, _)| (*group).to_owned()).collect());
        let all = catalogue().unwrap();
        let ids: BTreeSet<(&str, &str)> = all.iter().map(|row| (row.group, row.attack.id.as_str())).collect();
        assert_eq!(ids.len(), all.len(), "an id stands twice");
    }

    #[test]
    fn every_claim_of_the_security_page_names_rows_that_promise_it() {
        let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")).unwrap();
        let all = catalogue().unwrap();
        let claims: Vec<Vec<&str>> = page.lines().filter(|line| line.contains(" | `")).map(|line| line.split(" | ").collect()).collect();
        assert!(claims.len() > 15, "{claims:?}");
        for claim in &claims {
            let (level, ids) = (claim[1], claim[2]);
            for id in ids.split('`').skip(1).step_by(2) {
                let row = all.iter().find(|row| row.attack.id == id).unwrap_or_else(|| panic!("{id} is no row: {claim:?}"));
                assert!(level == "sandbox" || row.attack.level.as_str() == "none", "{id} does not hold at level {level}: {claim:?}");
            }
        }
    }

    #[test]
    fn a_bad_row_is_named() {
        let bad = |text: &str| rows("X", text).unwrap_err().to_string();
        let row = "[[attack]]\nid = 'X1'\nabout = 'x'\nlevel = 'sandbox'\ntry = 'x'\n";
        assert!(bad(row).contains("X1: it expects nothing"), "{}", bad(row));
        assert!(bad(&format!("{row}refuse = 'x'\n")).contains("unknown field"));
        assert_eq!(rows("X", &format!("{row}refused = 'unsigned'\n")).unwrap().len(), 1);
    }
}
