//! Against stock gpg, ssh-keygen and git.

use super::*;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A private gpg home; its agent ends with it.
struct Gpg(TempDir);

impl Gpg {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(home)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("GNUPGHOME", self.0.path()).env("HOME", self.0.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").current_dir(self.0.path());
        command
    }

    fn run(&self, program: &str, args: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(program);
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    fn must(&self, program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.run(program, args, input);
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn gpg(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let quiet = ["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--status-fd=1"];
        self.must("gpg", &[&quiet[..], args].concat(), input)
    }

    fn says(&self, args: &[&str], input: &[u8]) -> String {
        String::from_utf8_lossy(&self.gpg(args, input)).into_owned()
    }

    /// An Ed25519 key of gpg's own making; gives its certificate.
    fn make_key(&self, extra: &[&str], expires: &str) -> String {
        self.gpg(&[extra, &["--quick-generate-key", "gpg <gpg@lab.orchestrate>", "ed25519", "sign", expires]].concat(), b"");
        let text = self.must("gpg", &["--batch", "--armor", "--export"], b"");
        String::from_utf8(text).unwrap()
    }

    fn sign(&self, extra: &[&str], data: &[u8]) -> String {
        String::from_utf8(self.must("gpg", &[extra, &["--batch", "--armor", "--detach-sign"]].concat(), data)).unwrap()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let ended = self.command("gpgconf").args(["--kill", "all"]).status();
        assert!(std::thread::panicking() || ended.is_ok_and(|status| status.success()), "gpg's agent was not ended");
    }
}

#[test]
fn stock_gpg_takes_the_certificate_and_both_kinds_of_signature() {
    let gpg = Gpg::new();
    let key = key("dev-a");
    let imported = gpg.says(&["--import"], key.certificate_armored().as_bytes());
    assert!(imported.contains(&format!("IMPORT_OK 1 {}", key.fingerprint())), "{imported}");
    let data = gpg.file("data", b"work");
    for signature in [key.sign_armored(b"work").unwrap().into_bytes(), key.sign_binary(b"work").unwrap()] {
        let said = gpg.says(&["--verify", &gpg.file("sig", &signature), &data], b"");
        let valid = said.lines().find(|line| line.contains("VALIDSIG")).unwrap_or_else(|| panic!("{said}"));
        assert!(said.contains("GOODSIG") && valid.ends_with(key.fingerprint().as_str()) && valid.contains(&key.signing_fingerprint()));
    }
    let other = gpg.file("data", b"wort");
    assert!(!gpg.run("gpg", &["--batch", "--verify", &gpg.file("sig", &key.sign_binary(b"work").unwrap()), &other], b"").status.success());
}

#[test]
fn stock_gpg_takes_the_private_key_and_signs_with_it() {
    let gpg = Gpg::new();
    let key = key("dev-a");
    gpg.gpg(&["--import"], &key.to_bytes().unwrap());
    let signature = gpg.sign(&[], b"work");
    assert_eq!(certs(&[&key]).verify_armored(&signature, b"work"), Signature::Good(key.fingerprint()));
}

#[test]
fn a_signature_by_gpg_is_judged_here() {
    let gpg = Gpg::new();
    let mut certs = Certs::default();
    let fingerprint = certs.add(&gpg.make_key(&[], "never")).unwrap();
    assert_eq!(certs.verify_armored(&gpg.sign(&[], b"work"), b"work"), Signature::Good(fingerprint));
    assert!(is_bad(&certs.verify_armored(&gpg.sign(&[], b"work"), b"wort"), "does not fit"));
    assert!(is_bad(&certs.verify_armored(&gpg.sign(&["--textmode"], b"work"), b"work"), "type"));
    assert!(is_bad(&certs.verify_armored(&gpg.sign(&["--digest-algo", "SHA1"], b"work"), b"work"), "weak"));
}

#[test]
fn a_key_revoked_by_gpg_is_refused() {
    let gpg = Gpg::new();
    let mut certs = Certs::default();
    let fingerprint = certs.add(&gpg.make_key(&[], "never")).unwrap();
    let signature = gpg.sign(&[], b"work");
    let revocation = fs::read_to_string(gpg.0.path().join(format!("openpgp-revocs.d/{fingerprint}.rev"))).unwrap();
    gpg.gpg(&["--import"], revocation.replace("\n:-----BEGIN", "\n-----BEGIN").as_bytes());
    let revoked = String::from_utf8(gpg.must("gpg", &["--batch", "--armor", "--export"], b"")).unwrap();
    certs.add(&revoked).unwrap();
    assert!(is_bad(&certs.verify_armored(&signature, b"work"), "revoked"));
}

#[test]
fn a_key_that_expires_is_refused_from_then_on() {
    let gpg = Gpg::new();
    let mut certs = Certs::default();
    let fingerprint = certs.add(&gpg.make_key(&[], "1d")).unwrap();
    let signature = gpg.sign(&[], b"work");
    assert_eq!(certs.verify_armored(&signature, b"work"), Signature::Good(fingerprint));
    assert!(is_bad(&certs.verify_armored_at(&signature, b"work", SystemTime::now() + 2 * DAY), "not live"));
}

#[test]
fn a_certificate_bound_by_sha1_is_refused() {
    let gpg = Gpg::new();
    let weak = gpg.make_key(&["--cert-digest-algo", "SHA1"], "never");
    let failure = Certs::default().add(&weak).unwrap_err();
    assert!(failure.why.contains("SHA1"), "{failure}");
}

#[test]
fn an_ssh_signature_is_another_format() {
    let gpg = Gpg::new();
    gpg.must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "id"], b"");
    let signature = gpg.must("ssh-keygen", &["-q", "-Y", "sign", "-f", "id", "-n", "git"], b"work");
    let signature = String::from_utf8(signature).unwrap();
    assert!(signature.starts_with("-----BEGIN SSH SIGNATURE-----"), "{signature}");
    assert_eq!(certs(&[&key("dev-a")]).verify_armored(&signature, b"work"), Signature::OtherFormat);
}

/// A repository with one unsigned commit; gives that commit's bytes.
fn repository(gpg: &Gpg) -> Vec<u8> {
    gpg.must("git", &["init", "-q", "."], b"");
    let identity = ["-c", "user.name=dev-a", "-c", "user.email=dev-a@lab.orchestrate"];
    gpg.must("git", &[&identity[..], &["commit", "-q", "--allow-empty", "-m", "work\n\n with a body\n\ngpgsig is a word"]].concat(), b"");
    gpg.must("git", &["cat-file", "commit", "HEAD"], b"")
}

fn store(gpg: &Gpg, raw: &[u8]) -> String {
    let id = gpg.must("git", &["hash-object", "-t", "commit", "-w", "--stdin"], raw);
    String::from_utf8(id).unwrap().trim().to_owned()
}

#[test]
fn git_with_stock_gpg_finds_a_signed_commit_good() {
    let gpg = Gpg::new();
    let key = key("dev-a");
    gpg.gpg(&["--import"], key.certificate_armored().as_bytes());
    let raw = repository(&gpg);
    let signed = sign_commit(&raw, &key).unwrap();
    let id = store(&gpg, &signed);
    let said = gpg.run("git", &["verify-commit", "--raw", &id], b"");
    assert!(said.status.success() && String::from_utf8_lossy(&said.stderr).contains(key.fingerprint().as_str()));
    let (payload, signature) = split_commit(&signed).unwrap();
    assert_eq!(payload, raw);
    assert_eq!(certs(&[&key]).verify_armored(&signature, &payload), Signature::Good(key.fingerprint()));
    assert!(split_commit(&raw).is_none() && sign_commit(&signed, &key).is_err() && sign_commit(b"tree x\n", &key).is_err());
}

#[test]
fn a_commit_that_git_signed_through_gpg_is_judged_here() {
    let gpg = Gpg::new();
    let mut certs = Certs::default();
    let fingerprint = certs.add(&gpg.make_key(&[], "never")).unwrap();
    repository(&gpg);
    let options = ["-c", "user.name=gpg", "-c", "user.email=gpg@lab.orchestrate", "commit", "-q", "--allow-empty", "-S", "-m", "signed"];
    gpg.must("git", &options, b"");
    let raw = gpg.must("git", &["cat-file", "commit", "HEAD"], b"");
    let (payload, signature) = split_commit(&raw).unwrap();
    assert_eq!(certs.verify_armored(&signature, &payload), Signature::Good(fingerprint));
}

#[test]
fn a_signature_moved_to_another_commit_is_bad_here_as_in_git() {
    let gpg = Gpg::new();
    let key = key("dev-a");
    gpg.gpg(&["--import"], key.certificate_armored().as_bytes());
    let raw = repository(&gpg);
    let signed = String::from_utf8(sign_commit(&raw, &key).unwrap()).unwrap();
    let moved = signed.replace("work\n\n with", "evil\n\n with");
    assert_ne!(moved, signed);
    assert!(!gpg.run("git", &["verify-commit", &store(&gpg, moved.as_bytes())], b"").status.success());
    let (payload, signature) = split_commit(moved.as_bytes()).unwrap();
    assert!(is_bad(&certs(&[&key]).verify_armored(&signature, &payload), "does not fit"));
}

#[test]
fn other_signature_headers_are_left_out_as_git_does() {
    let gpg = Gpg::new();
    let key = key("dev-a");
    gpg.gpg(&["--import"], key.certificate_armored().as_bytes());
    let raw = repository(&gpg);
    let signed = String::from_utf8(sign_commit(&raw, &key).unwrap()).unwrap();
    for other in ["gpgsig-sha256 -----BEGIN\n folded\n lines\n", "gpgsig-sha256 one\n", "gpgsigx\n"] {
        for both in [signed.replacen("gpgsig ", &format!("{other}gpgsig "), 1), signed.replacen("\n\n", &format!("\n{other}\n"), 1)] {
            assert!(gpg.run("git", &["verify-commit", &store(&gpg, both.as_bytes())], b"").status.success(), "{both}");
            let (payload, signature) = split_commit(both.as_bytes()).unwrap();
            assert_eq!(payload, raw, "{both}");
            assert_eq!(certs(&[&key]).verify_armored(&signature, &payload), Signature::Good(key.fingerprint()));
        }
    }
    assert!(split_commit(format!("tree x\ngpgsig-sha256 {}\n\nm", "y").as_bytes()).is_none());
}

#[test]
fn two_signatures_in_one_commit_are_bad_here_as_in_git() {
    let gpg = Gpg::new();
    let (ours, other) = (key("dev-a"), key("dev-b"));
    let raw = repository(&gpg);
    let header = |key: &SecretKey| format!("gpgsig {}\n", key.sign_armored(&raw).unwrap().trim_end().replace('\n', "\n "));
    let text = String::from_utf8(raw.clone()).unwrap();
    let both = text.replacen("\n\n", &format!("\n{}{}\n", header(&ours), header(&other)), 1);
    let (payload, signature) = split_commit(both.as_bytes()).unwrap();
    assert_eq!(payload, raw);
    assert!(is_bad(&certs(&[&ours, &other]).verify_armored(&signature, &payload), "exactly one"));
    for key in [&ours, &other] {
        gpg.gpg(&["--import"], key.certificate_armored().as_bytes());
    }
    assert!(!gpg.run("git", &["verify-commit", &store(&gpg, both.as_bytes())], b"").status.success());
}
