//! Git's pkt-lines: four hex digits of length, then that much; `0000` ends a group.

use std::io::{self, Read, Write};

/// The longest payload of one line.
pub(super) const MOST: usize = 65516;

/// Reads one line without its final newline; `None` is the flush that ends a group.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0u8; 4];
    from.read_exact(&mut head)?;
    let length = head.iter().try_fold(0usize, |sum, digit| char::from(*digit).to_digit(16).map(|value| sum * 16 + value as usize));
    let length = match length {
        Some(0) => return Ok(None),
        Some(length) if (4..=MOST + 4).contains(&length) => length - 4,
        Some(_) | None => return Err(io::Error::other(format!("{:?} is no pkt-line length", String::from_utf8_lossy(&head)))),
    };
    let mut line = vec![0; length];
    from.read_exact(&mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(Some(line))
}

/// Reads lines up to the flush.
pub(super) fn read_group(from: &mut impl Read, most: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    while let Some(line) = read(from)? {
        if lines.len() == most {
            return Err(io::Error::other(format!("more than {most} lines")));
        }
        lines.push(line);
    }
    Ok(lines)
}

pub(super) fn write(to: &mut impl Write, line: &[u8]) -> io::Result<()> {
    if line.len() > MOST {
        return Err(io::Error::other("a line too long for git"));
    }
    write!(to, "{:04x}", line.len() + 4)?;
    to.write_all(line)
}

pub(super) fn flush(to: &mut impl Write) -> io::Result<()> {
    to.write_all(b"0000")?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut wire = Vec::new();
        for line in [&b"a\0b"[..], b"", &vec![b'x'; MOST]] {
            write(&mut wire, line).unwrap();
        }
        flush(&mut wire).unwrap();
        let read = read_group(&mut wire.as_slice(), 3).unwrap();
        assert_eq!(read, [b"a\0b".to_vec(), Vec::new(), vec![b'x'; MOST]]);
        assert!(read_group(&mut wire.as_slice(), 2).is_err());
        assert!(write(&mut Vec::new(), &vec![b'x'; MOST + 1]).is_err());
    }

    #[test]
    fn git_s_own_spelling() {
        assert_eq!(read(&mut &b"000ahello\n"[..]).unwrap().unwrap(), b"hello");
        assert_eq!(read(&mut &b"0000"[..]).unwrap(), None);
        for bad in ["", "00", "0003", "zzzz", "+123", "0009abc", "fff5"] {
            assert!(read(&mut bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
