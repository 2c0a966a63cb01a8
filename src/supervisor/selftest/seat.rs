//! A seat of the throw-away workshop, told what to try through two named pipes of its home.

use crate::domain::failure::{Doing as _, Failure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a seat may take beyond the try's own limit.
const GRACE: Duration = Duration::from_secs(20);
/// More of what a try printed is not read.
const MOST: u64 = 1 << 20;
/// What `timeout` ends with, and what the seat says when it could not begin.
const LATE: [i32; 2] = [124, 137];
const NOT_BEGUN: i32 = 125;

/// What a try in a seat came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// None where it did not end in time.
    pub code: Option<i32>,
    pub output: String,
}

/// Has a script run in the seat whose home this is; `number` is new each time.
pub fn run(home: &Path, number: u32, branch: &str, script: &str, seconds: u32) -> Result<Answer, Failure> {
    const WHAT: &str = "cannot speak to the seat";
    let mut answers = pipe(&home.join("answer"))?;
    let path = home.join(format!("{number}.sh"));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // The home around it is closed; the seat may be another user.
    let mut file = File::from(open(&path, flags, Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH).doing(WHAT)?);
    file.write_all(script.as_bytes()).doing(WHAT)?;
    writeln!(pipe(&home.join("ask"))?, "{number} {seconds} {branch}").doing(WHAT)?;
    let code = ended(&mut answers, number, Duration::from_secs(seconds.into()) + GRACE)?;
    let output = printed(&home.join(format!("{number}.out")))?;
    match code {
        Some(NOT_BEGUN) => Err(Failure::new("the seat could not be made fresh for the try", output)),
        code => Ok(Answer { code: code.filter(|code| !LATE.contains(code)), output }),
    }
}

fn pipe(path: &PathBuf) -> Result<File, Failure> {
    let what = format!("cannot open {}", path.display());
    let file = open(path, OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).doing(&what)?;
    let kind = FileType::from_raw_mode(fstat(&file).doing(&what)?.st_mode);
    if kind != FileType::Fifo {
        return Err(Failure::new(what, "it is no named pipe"));
    }
    Ok(File::from(file))
}

/// Waits for the line that tells this try's end; lines of earlier ones, which ended late, are passed over.
fn ended(answers: &mut File, number: u32, limit: Duration) -> Result<Option<i32>, Failure> {
    let begun = Instant::now();
    let mut line = Vec::new();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        let wait = Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        let ready = poll(&mut [PollFd::new(&*answers, PollFlags::IN)], Some(&wait)).doing("cannot hear the seat")?;
        let mut byte = [0];
        if ready == 0 || answers.read(&mut byte).doing("cannot hear the seat")? == 0 {
            return Ok(None);
        }
        if byte[0] != b'\n' {
            line.push(byte[0]);
            continue;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        match text.split_once(' ') {
            Some((told, code)) if told == number.to_string() => return Ok(code.parse().ok()),
            _ => line.clear(),
        }
    }
}

/// What a try printed; the file lies where the seat writes, so that no link is followed and nothing but a plain file is read.
fn printed(path: &Path) -> Result<String, Failure> {
    let what = format!("cannot read {}", path.display());
    let file = open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).doing(&what)?;
    if FileType::from_raw_mode(fstat(&file).doing(&what)?.st_mode) != FileType::RegularFile {
        return Err(Failure::new(what, "it is no plain file"));
    }
    let mut bytes = Vec::new();
    File::from(file).take(MOST).read_to_end(&mut bytes).doing(&what)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
