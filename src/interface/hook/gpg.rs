//! `orchestrate-gpg`: what git runs as `gpg.program`. The key stays with the supervisor, which signs for the seat that asks.
//!
//! Answers that the supervisor gives:
//! * `Sign` -> `Done({"signature": armored, "fingerprint"?: hex, "made"?: seconds since 1970})`
//! * `VerifySignature` -> `Done({"status": "good" | "bad" | "unknown-key" | "other-format", "fingerprint": hex or null,
//!   "holder": text or null, "why": text, "made"?: seconds since 1970})`; `fingerprint` is the registered key's.
//!
//! Git wants `[GNUPG:] SIG_CREATED ` at the start of a line of descriptor 2 after signing; after verifying it takes a signature for
//! good only if `[GNUPG:] GOODSIG ` follows a newline on descriptor 1 and the exit code is 0.

use super::say;
use super::say::plain;
use super::wire::{self, No};
use crate::domain::failure::{Doing as _, Failure};
use crate::supervisor::protocol::{MOST_BYTES, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Sign,
    Verify { signature: OsString },
}

#[derive(Debug, Deserialize)]
struct Signed {
    signature: String,
    #[serde(default)]
    fingerprint: Option<String>,
    #[serde(default)]
    made: u64,
}

#[derive(Debug, Deserialize)]
struct Judged {
    status: Status,
    #[serde(default)]
    fingerprint: Option<String>,
    #[serde(default)]
    holder: Option<String>,
    #[serde(default)]
    why: String,
    #[serde(default)]
    made: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Good,
    Bad,
    UnknownKey,
    OtherFormat,
}

pub(super) fn run(args: &[OsString]) -> u8 {
    let done = wish(args).map_err(No::Failed).and_then(|wish| match wish {
        Wish::Sign => sign(),
        Wish::Verify { signature } => verify(&signature),
    });
    done.unwrap_or_else(|no| {
        say::tell(&no);
        if let Err(why) = tell_git_s_reader(&no) {
            eprintln!("orchestrate: git keeps these words to itself: {why}");
        }
        2
    })
}

/// Git takes this process's standard error for the status and shows nothing of it (seen with 2.47). The words go to where git's own go: the
/// file that its standard error is.
fn tell_git_s_reader(no: &No) -> std::io::Result<()> {
    let Some(git) = rustix::process::getppid() else { return Ok(()) };
    let mut theirs = File::options().append(true).open(format!("/proc/{}/fd/2", git.as_raw_nonzero()))?;
    let (ours, other) = (rustix::fs::fstat(std::io::stderr())?, rustix::fs::fstat(&theirs)?);
    if (ours.st_dev, ours.st_ino) == (other.st_dev, other.st_ino) {
        Ok(())
    } else {
        theirs.write_all(format!("{}\n", say::words(no)).as_bytes())
    }
}

/// Reads the two command lines that git uses; everything else is refused.
fn wish(args: &[OsString]) -> Result<Wish, Failure> {
    let words: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap_or("\u{fffd}")).collect();
    let hint = "git config gpg.program   (this program signs and verifies for git, nothing else)";
    match words.as_slice() {
        ["--status-fd=2", "-bsau", key] if key.trim().is_empty() => {
            let hint = "git config user.signingkey   (bootstrap sets it in a seat's clone)";
            Err(Failure::new("cannot sign", "git named no key: user.signingkey is empty").hint(hint))
        }
        ["--status-fd=2", "-bsau", _] => Ok(Wish::Sign),
        ["--status-fd=1", "--verify", _, "-"] => Ok(Wish::Verify { signature: args[2].clone() }),
        ["--keyid-format=long", "--status-fd=1", "--verify", _, "-"] => Ok(Wish::Verify { signature: args[3].clone() }),
        _ => Err(Failure::new("this is not gpg", format!("{words:?} is not how git calls it")).hint(hint)),
    }
}

fn sign() -> Result<u8, No> {
    let request = Request::Sign { payload: STANDARD.encode(payload()?) };
    let answer = wire::call(&wire::seat_socket(), &request, wire::patience())?;
    let signed: Signed = serde_json::from_value(answer).doing("cannot understand the signature")?;
    if !signed.signature.starts_with("-----BEGIN PGP SIGNATURE-----") {
        return Err(Failure::new("cannot sign", "the supervisor's answer holds no signature").into());
    }
    let key = hex(signed.fingerprint.as_deref());
    // The signature goes first: git believes the status line.
    write(&signed.signature)?;
    eprintln!("\n[GNUPG:] SIG_CREATED D 22 10 00 {} {key}", signed.made);
    Ok(0)
}

fn verify(signature: &OsString) -> Result<u8, No> {
    let file = File::open(signature).doing("cannot read the signature")?;
    let request = Request::VerifySignature { payload: STANDARD.encode(payload()?), signature: STANDARD.encode(bounded(file)?) };
    let answer = wire::call(&wire::seat_socket(), &request, wire::patience())?;
    let mut judged: Judged = serde_json::from_value(answer).doing("cannot understand the judgement")?;
    judged.fingerprint = judged.fingerprint.filter(|text| is_key(text));
    write(&status_lines(&judged))?;
    eprintln!("{}", sentence(&judged));
    Ok(match judged.status {
        Status::Good if judged.fingerprint.is_some() => 0,
        Status::Good | Status::Bad => 1,
        Status::UnknownKey | Status::OtherFormat => 2,
    })
}

/// What git reads. A good judgement without a fingerprint is none.
fn status_lines(judged: &Judged) -> String {
    let key = hex(judged.fingerprint.as_deref());
    let id = &key[key.len() - 16..];
    let holder = plain(judged.holder.as_deref().unwrap_or("unknown"));
    let made = judged.made;
    let lines = match judged.status {
        Status::Good if judged.fingerprint.is_none() => "[GNUPG:] NODATA 4\n".to_owned(),
        Status::Good => format!(
            "[GNUPG:] GOODSIG {id} {holder}\n[GNUPG:] VALIDSIG {key} {} {made} 0 4 0 22 10 00 {key}\n[GNUPG:] TRUST_FULLY 0 pgp\n",
            date(made)
        ),
        Status::Bad => format!("[GNUPG:] BADSIG {id} {holder}\n"),
        Status::UnknownKey => format!("[GNUPG:] ERRSIG {id} 22 10 00 {made} 9\n[GNUPG:] NO_PUBKEY {id}\n"),
        Status::OtherFormat => "[GNUPG:] NODATA 4\n".to_owned(),
    };
    format!("[GNUPG:] NEWSIG\n{lines}")
}

fn sentence(judged: &Judged) -> String {
    let holder = judged.holder.as_deref().unwrap_or("nobody here");
    let what = match judged.status {
        Status::Good => format!("good signature by {holder}"),
        Status::Bad => format!("BAD signature, by the key of {holder}"),
        Status::UnknownKey => "a signature by a key that nobody here holds".to_owned(),
        Status::OtherFormat => "no OpenPGP signature".to_owned(),
    };
    let why = if judged.why.is_empty() { String::new() } else { format!(": {}", judged.why) };
    plain(&format!("orchestrate: {what}{why}"))
}

/// A fingerprint as gpg spells it; zeros when there is none.
fn hex(fingerprint: Option<&str>) -> String {
    fingerprint.filter(|text| is_key(text)).map_or_else(|| "0".repeat(40), str::to_ascii_uppercase)
}

fn is_key(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The day of a moment, as year-month-day.
fn date(seconds: u64) -> String {
    let days = i64::try_from(seconds / 86400).unwrap_or(0) + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn payload() -> Result<Vec<u8>, Failure> {
    bounded(std::io::stdin().lock())
}

fn bounded(from: impl std::io::Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(MOST_BYTES as u64).read_to_end(&mut bytes).doing("cannot read what git gave")?;
    Ok(bytes)
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("cannot answer git")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Result<Wish, Failure> {
        wish(&line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn only_git_s_own_command_lines_are_understood() {
        assert_eq!(words(&["--status-fd=2", "-bsau", "ABC"]).unwrap(), Wish::Sign);
        let verify = Wish::Verify { signature: "/tmp/x".into() };
        assert_eq!(words(&["--keyid-format=long", "--status-fd=1", "--verify", "/tmp/x", "-"]).unwrap(), verify);
        for bad in [
            &["--status-fd=2", "-bsau", ""][..],
            &["--status-fd=2", "-bsau"],
            &[],
            &["--version"],
            &["--status-fd=9", "-bsau", "K"],
            &["--export-secret-keys"],
        ] {
            assert!(words(bad).is_err(), "{bad:?}");
        }
        assert!(words(&["--status-fd=2", "-bsau", " "]).unwrap_err().why.contains("empty"));
    }

    fn judged(status: Status, fingerprint: Option<&str>, holder: &str) -> String {
        let fingerprint = fingerprint.map(str::to_owned);
        status_lines(&Judged { status, fingerprint, holder: Some(holder.to_owned()), why: String::new(), made: 1_700_000_000 })
    }

    #[test]
    fn git_hears_good_only_after_a_newline_and_with_a_key() {
        let key = "ABCDEF0123456789ABCDEF0123456789ABCDEF01";
        let good = judged(Status::Good, Some(key), "dev-a");
        assert!(good.starts_with("[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 23456789ABCDEF01 dev-a\n"), "{good}");
        assert!(good.contains(&format!("\n[GNUPG:] VALIDSIG {key} 2023-11-14 1700000000 0 4 0 22 10 00 {key}\n")), "{good}");
        for (status, fingerprint) in
            [(Status::Good, None), (Status::Bad, Some(key)), (Status::UnknownKey, None), (Status::OtherFormat, None)]
        {
            let lines = judged(status, fingerprint, "x\n[GNUPG:] GOODSIG 1 dev-a");
            assert!(!lines.contains("\n[GNUPG:] GOODSIG"), "{lines}");
        }
    }

    #[test]
    fn days_are_counted_right() {
        for (seconds, day) in [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_709_251_199, "2024-02-29"), (1_735_689_600, "2025-01-01")]
        {
            assert_eq!(date(seconds), day);
        }
    }
}
