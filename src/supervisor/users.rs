//! A unix user per seat: accounts, and whose the seats' folders are.

use super::charter::{self, Overlay};
use super::place::{self, DEEPEST, Place};
use crate::domain::failure::Failure;
use crate::domain::name::SeatName;
use crate::edge::sandbox::hand_over;
use crate::edge::users;
use std::collections::BTreeMap;
use std::path::Path;

/// A seat with its account and that account's number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct User {
    pub seat: SeatName,
    pub account: String,
    pub number: u32,
}

/// The account of a seat: no two workshops share one.
fn account(place: &Place, seat: &SeatName) -> String {
    let name = place.root().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let digest = name.rsplit('-').next().unwrap_or_default().to_owned();
    let seat: String = seat.as_str().chars().take(32 - "o--".len() - digest.len()).collect();
    format!("o-{digest}-{seat}")
}

fn fit(place: &Place) -> Result<(), Failure> {
    const WHAT: &str = "cannot change the seats' users";
    if !users::may() {
        return Err(Failure::new(WHAT, "only root can").hint("sudo orchestrate users setup <repo>"));
    }
    if super::door::runs(place) {
        return Err(Failure::new(WHAT, "the workshop runs, and its seats with it").hint("orchestrate down"));
    }
    Ok(())
}

/// Gives every seat of a repository's workshop a user of its own, and hands over what the seat has already.
pub fn setup(repo: &Path) -> Result<Vec<User>, Failure> {
    let place = Place::of(repo)?;
    fit(&place)?;
    place.prepare(repo)?;
    let folder = place::config().filter(|folder| folder.is_dir());
    let (charter, _) = charter::load(&Overlay { folder: folder.as_deref(), ..Overlay::default() })?;
    let mut told = place.users()?;
    let mut made = Vec::new();
    for seat in charter.seats() {
        let account = account(&place, seat);
        let number = users::make(&account)?;
        hand(&place, seat, told.get(seat).copied().unwrap_or(0), number)?;
        told.insert(seat.clone(), number);
        // After each: broken off, nothing is forgotten.
        place.set_users(&told)?;
        made.push(User { seat: seat.clone(), account, number });
    }
    Ok(made)
}

/// Takes the users away again; what the seats have becomes root's.
pub fn remove(repo: &Path) -> Result<Vec<User>, Failure> {
    let place = Place::of(repo)?;
    fit(&place)?;
    let mut told: BTreeMap<SeatName, u32> = place.users()?;
    let mut gone = Vec::new();
    for (seat, number) in told.clone() {
        let account = account(&place, &seat);
        hand(&place, &seat, number, 0)?;
        users::remove(&account)?;
        told.remove(&seat);
        place.set_users(&told)?;
        gone.push(User { seat, account, number });
    }
    Ok(gone)
}

fn hand(place: &Place, seat: &SeatName, from: u32, to: u32) -> Result<(), Failure> {
    let folders = [place.clone_of(seat), place.home_of(seat), place.sockets_of(seat)];
    folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| hand_over(folder, from, to, DEEPEST))
}
