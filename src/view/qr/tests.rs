use super::*;
use crate::domain::name::Digest;

/// Each of these was read back by an independent decoder (ZBar) before its digest was written down; one text for each version.
#[test]
fn codes_are_those_that_a_camera_read() {
    for (version, text, digest) in ROWS {
        let text = if text.len() == 1 { text.repeat(room(version)) } else { text.to_owned() };
        let code = code(&text).unwrap();
        assert_eq!(code.size, 17 + 4 * version, "{text}");
        assert_eq!(Digest::of(code.lines().join("\n").as_bytes()).short(), digest, "version {version}");
    }
}

const ROWS: [(usize, &str, &str); 11] = [
    (1, "a", "d0e51d23603d"),
    (2, "b", "71d5fce607ef"),
    (3, "c", "53875c510863"),
    (4, "d", "fa90f9d62335"),
    (5, "e", "254f791dee4e"),
    (6, "f", "f76bbf756d4d"),
    (7, "g", "323ed00c4bb2"),
    (8, "h", "4ba9b0175a4e"),
    (9, "i", "6a64b1de595c"),
    (10, "j", "fa9c6b35ab73"),
    (6, "otpauth://totp/orchestrate:demo-1638424f?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=orchestrate", "5a02a0fcf179"),
];

#[test]
fn lines_are_framed_by_light_and_what_is_too_long_has_no_code() {
    let lines = code("HELLO").unwrap().lines();
    assert_eq!((lines.len(), lines[0].chars().count()), (13, 25));
    assert!(lines[0].chars().all(|c| c == '█') && lines[12].chars().all(|c| c == '▀'));
    assert!(lines[..12].iter().all(|line| line.starts_with("██") && line.ends_with("██")));
    assert!(code(&"x".repeat(213)).is_some() && code(&"x".repeat(214)).is_none());
}
