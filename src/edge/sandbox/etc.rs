//! The `/etc` inside: built from nothing, so that it tells about the host no more than programs need.

use super::words;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What of the host's `/etc` is shown, where it exists: no passwords, no network, no keys, no git configuration.
const SHOWN: [&str; 26] = [
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "fonts",
    "inputrc",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "magic",
    "mailcap",
    "mime.types",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "protocols",
    "python3",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
    "vim",
    "xdg/nvim",
];

/// The bwrap words that build `/etc`; the caller's own files win over the host's.
pub(super) fn mounts(own: &[(String, PathBuf)]) -> Vec<OsString> {
    let mut line = words(["--tmpfs", "/etc"]);
    let shown = SHOWN.iter().filter(|name| !own.iter().any(|(path, _)| path == **name)).map(|name| Path::new("/etc").join(name));
    for path in shown.filter(|path| path.exists()) {
        line.extend(words([OsStr::new("--ro-bind"), path.as_os_str(), path.as_os_str()]));
    }
    for (path, source) in own {
        line.extend(words([OsStr::new("--ro-bind"), source.as_os_str(), Path::new("/etc").join(path).as_os_str()]));
    }
    line
}

/// The files of `/etc` that are written anew for a sandbox, by relative path.
pub(super) fn written(name: &str, user: u32, group: u32, home: &str) -> Vec<(String, String)> {
    let home = home.replace([':', '\n'], "_");
    let texts = [
        ("passwd", format!("root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n{name}:x:{user}:{group}:{name}:{home}:/bin/bash\n")),
        ("group", format!("root:x:0:\n{name}:x:{group}:\n")),
        ("hosts", format!("127.0.0.1 localhost {name}\n::1 localhost\n")),
        ("hostname", format!("{name}\n")),
        ("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n".into()),
    ];
    texts.into_iter().map(|(path, text)| (path.into(), text)).collect()
}
