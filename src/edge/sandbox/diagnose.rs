//! Why a sandbox does not start, and the command that mends it.

use crate::domain::failure::{Doing, Failure};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The oldest bubblewrap that can forbid nested user namespaces.
const OLDEST: (u32, u32) = (0, 8);

/// What of this machine decides whether `bwrap` can work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Machine {
    /// `ID` and `ID_LIKE` of `/etc/os-release`.
    pub(super) system: String,
    /// Contents of `/proc/sys/kernel/apparmor_restrict_unprivileged_userns`.
    pub(super) apparmor: String,
    /// Contents of `/proc/sys/kernel/unprivileged_userns_clone`.
    pub(super) clone: String,
    /// Contents of `/proc/sys/user/max_user_namespaces`.
    pub(super) most: String,
    pub(super) setuid: bool,
    pub(super) container: bool,
}

impl Machine {
    fn here(bwrap: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let ids = read("/etc/os-release");
        let ids = ids.lines().filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")));
        Self {
            system: ids.map(|id| id.trim_matches('"')).collect::<Vec<_>>().join(" "),
            apparmor: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            clone: read("/proc/sys/kernel/unprivileged_userns_clone"),
            most: read("/proc/sys/user/max_user_namespaces"),
            setuid: fs::metadata(bwrap).is_ok_and(|found| found.permissions().mode() & 0o4000 != 0),
            container: Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists(),
        }
    }
}

/// Finds a `bwrap` that is new enough; the system's own first, since AppArmor's profile goes by its path.
pub(super) fn bubblewrap() -> Result<PathBuf, Failure> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = FOUND.get().filter(|path| path.exists()) {
        return Ok(path.clone());
    }
    let what = "cannot build a sandbox";
    let path =
        find().ok_or_else(|| Failure::new(what, "bubblewrap is not installed").hint(install(&Machine::here(Path::new("/")).system)))?;
    let said = Command::new(&path).arg("--version").env_clear().stdin(Stdio::null()).output().doing(what)?;
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    if version(&said).is_none_or(|found| found < OLDEST) {
        let hint = "install bubblewrap 0.8.0 or newer (Debian 12, Ubuntu 24.04, Fedora 38 and later have it)";
        return Err(Failure::new(what, format!("{} is too old: {said:?}", path.display())).hint(hint));
    }
    Ok(FOUND.get_or_init(|| path).clone())
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = ["/usr/bin", "/usr/local/bin", "/bin"].into_iter().map(PathBuf::from).chain(std::env::split_paths(&path));
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("bwrap")).find(|path| path.is_file())
}

fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.rsplit(' ').next()?.split('.').map(|part| part.parse::<u32>().ok());
    Some((parts.next()??, parts.next()??))
}

fn install(system: &str) -> String {
    let has = |names: &[&str]| system.split_whitespace().any(|id| names.contains(&id));
    match () {
        () if has(&["debian", "ubuntu"]) => "sudo apt-get install -y bubblewrap".into(),
        () if has(&["fedora", "rhel", "centos"]) => "sudo dnf install -y bubblewrap".into(),
        () if has(&["arch"]) => "sudo pacman -S --noconfirm bubblewrap".into(),
        () if has(&["suse", "opensuse"]) => "sudo zypper install -y bubblewrap".into(),
        () if has(&["alpine"]) => "sudo apk add bubblewrap".into(),
        () => "install the package bubblewrap with your system's package tool".into(),
    }
}

/// Explains what `bwrap` said when it did not start.
pub(super) fn explain(bwrap: &Path, said: &str) -> Failure {
    judge(&Machine::here(bwrap), said)
}

pub(super) fn judge(machine: &Machine, said: &str) -> Failure {
    let said = said.trim();
    let (why, hint) = match () {
        () if machine.setuid => {
            ("bwrap is setuid root, which cannot forbid nested namespaces".into(), "sudo chmod u-s \"$(command -v bwrap)\"")
        }
        () if machine.clone == "0" => {
            let hint = "echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-userns.conf && sudo sysctl --system";
            ("unprivileged user namespaces are switched off".into(), hint)
        }
        () if machine.most == "0" => {
            let hint = "echo user.max_user_namespaces=15000 | sudo tee /etc/sysctl.d/60-userns.conf && sudo sysctl --system";
            ("no user namespace may be made (user.max_user_namespaces is 0)".into(), hint)
        }
        () if machine.apparmor == "1" => {
            let hint = "sudo apt-get install -y apparmor-profiles && sudo cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ \
                        && sudo apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict";
            (format!("AppArmor keeps bwrap from using user namespaces: {said}"), hint)
        }
        () if machine.container => {
            let hint = "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined";
            (format!("the container forbids namespaces: {said}"), hint)
        }
        () if said.is_empty() => ("the sandbox said nothing".into(), ""),
        () => (said.to_owned(), ""),
    };
    Failure::new("cannot build a sandbox", why).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_command() {
        let plain = Machine { apparmor: "0".into(), clone: "1".into(), most: "96343".into(), ..Machine::default() };
        let cases = [
            (Machine { setuid: true, ..plain.clone() }, "chmod u-s"),
            (Machine { clone: "0".into(), ..plain.clone() }, "unprivileged_userns_clone=1"),
            (Machine { most: "0".into(), ..plain.clone() }, "max_user_namespaces=15000"),
            (Machine { apparmor: "1".into(), ..plain.clone() }, "bwrap-userns-restrict"),
            (Machine { container: true, ..plain.clone() }, "--security-opt"),
        ];
        for (machine, command) in cases {
            let failure = judge(&machine, "bwrap: setting up uid map: Permission denied");
            assert!(failure.hint.contains(command), "{failure:?}");
        }
        assert_eq!(judge(&plain, " bwrap: odd \n").why, "bwrap: odd");
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(version("bubblewrap 0.8.0"), Some((0, 8)));
        assert_eq!(version("bubblewrap 0.11.0"), Some((0, 11)));
        assert_eq!(version("nonsense"), None);
        assert!(version("bubblewrap 0.6.1").is_some_and(|found| found < OLDEST));
    }

    #[test]
    fn the_package_tool_follows_the_system() {
        assert!(install("ubuntu debian").contains("apt-get"));
        assert!(install("fedora").contains("dnf"));
        assert!(!install("unheard-of").is_empty());
    }
}
