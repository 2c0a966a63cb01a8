//! The owner's one-time codes: RFC 6238 with SHA-1, 30 seconds, 6 digits, as every authenticator app knows them.

use crate::domain::entry::Millis;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

const STEP_MS: u64 = 30_000;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The shared secret, 20 bytes.
pub struct Totp {
    secret: zeroize::Zeroizing<Vec<u8>>,
}

impl Totp {
    pub fn new(secret: &[u8]) -> Self {
        Self { secret: zeroize::Zeroizing::new(secret.to_vec()) }
    }

    /// The code of a time step.
    pub fn code(&self, step: u64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.secret).expect("BUG: HMAC takes keys of every length");
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let number = u32::from_be_bytes([hash[at] & 127, hash[at + 1], hash[at + 2], hash[at + 3]]);
        format!("{:06}", number % 1_000_000)
    }

    pub fn step(now: Millis) -> u64 {
        now / STEP_MS
    }

    /// The step that a code belongs to: this one, or the one before or after for clocks that differ a little.
    pub fn find(&self, now: Millis, code: &str) -> Option<u64> {
        let step = Self::step(now);
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        (step.saturating_sub(1)..=step + 1).find(|step| same(self.code(*step).as_bytes(), code.as_bytes()))
    }

    /// The secret in base32, as apps take it.
    pub fn base32(&self) -> String {
        let bit = |at: usize| self.secret.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
        let letter = |group: usize| (0..5).fold(0, |sum, at| sum << 1 | usize::from(bit(group * 5 + at)));
        (0..(self.secret.len() * 8).div_ceil(5)).map(|group| char::from(ALPHABET[letter(group)])).collect()
    }

    /// The secret that such an address carries.
    pub fn secret_of(uri: &str) -> Option<Vec<u8>> {
        let letters = uri.split_once("secret=")?.1.split('&').next()?;
        let value = |letter: u8| ALPHABET.iter().position(|known| *known == letter);
        let fives: Vec<usize> = letters.bytes().map(value).collect::<Option<_>>()?;
        let bits: Vec<bool> = fives.iter().flat_map(|five| (0..5).map(move |at| five >> (4 - at) & 1 == 1)).collect();
        Some(bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect())
    }

    /// The address that a QR code carries.
    pub fn uri(&self, workshop: &str) -> String {
        format!("otpauth://totp/orchestrate:{workshop}?secret={}&issuer=orchestrate", self.base32())
    }
}

/// What lets the owner in when the authenticator is lost: codes for one use each, and the secrets that follow the first.
pub struct Recovery {
    secret: zeroize::Zeroizing<Vec<u8>>,
}

impl Recovery {
    /// Codes that there are.
    pub const CODES: u8 = 8;

    pub fn new(secret: &[u8]) -> Self {
        Self { secret: zeroize::Zeroizing::new(secret.to_vec()) }
    }

    /// A code: sixteen letters and digits in four groups.
    pub fn code(&self, number: u8) -> String {
        let letters = Totp::new(&self.derived(&format!("recovery code {number}"), 10)).base32();
        letters.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect::<Vec<_>>().join("-")
    }

    /// Which code was typed, in whatever spelling.
    pub fn find(&self, typed: &str) -> Option<u8> {
        let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let typed = plain(typed);
        let is = |number: u8| same(plain(&self.code(number)).as_bytes(), typed.as_bytes());
        (0..Self::CODES).fold(None, |found, number| if is(number) { Some(number) } else { found })
    }

    /// The secret after so many resets; the first one does not come from here, so that who has it knows none of these.
    pub fn totp(&self, generation: u32) -> Totp {
        Totp::new(&self.derived(&format!("totp {generation}"), 20))
    }

    fn derived(&self, words: &str, bytes: usize) -> zeroize::Zeroizing<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("BUG: HMAC takes keys of every length");
        mac.update(words.as_bytes());
        zeroize::Zeroizing::new(mac.finalize().into_bytes()[..bytes].to_vec())
    }
}

/// Compares in a time that does not tell where two codes differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, cut to six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let totp = Totp::new(b"12345678901234567890");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(totp.code(Totp::step(seconds * 1000)), code);
        }
    }

    #[test]
    fn a_code_counts_one_step_around_its_time() {
        let totp = Totp::new(b"12345678901234567890");
        let code = totp.code(100);
        for (step, found) in [(98, None), (99, Some(100)), (100, Some(100)), (101, Some(100)), (102, None)] {
            assert_eq!(totp.find(step * STEP_MS, &code), found);
        }
        assert_eq!(totp.find(100 * STEP_MS, "12345"), None);
    }

    #[test]
    fn the_secret_is_spelled_in_base32() {
        assert_eq!(Totp::new(b"12345678901234567890").base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(Totp::secret_of(&Totp::new(b"12345678901234567890").uri("w")), Some(b"12345678901234567890".to_vec()));
        assert_eq!(Totp::secret_of("otpauth://totp/w?secret=a1"), None);
    }

    #[test]
    fn recovery_codes_are_different_and_known_in_any_spelling() {
        let recovery = Recovery::new(&[7; 32]);
        let codes: std::collections::BTreeSet<String> = (0..Recovery::CODES).map(|number| recovery.code(number)).collect();
        assert_eq!(codes.len(), 8);
        for number in 0..Recovery::CODES {
            let code = recovery.code(number);
            assert_eq!((code.len(), recovery.find(&code)), (19, Some(number)), "{code}");
            assert_eq!(recovery.find(&code.to_lowercase().replace('-', " ")), Some(number));
            assert_eq!(recovery.find(&code[..18]), None);
        }
        assert_eq!((recovery.find(""), recovery.find("AAAA-AAAA-AAAA-AAAA")), (None, None));
        assert_ne!(recovery.totp(1).base32(), recovery.totp(2).base32());
    }
}
