//! The wall, tried from inside with real programs. Nothing here is skipped: without `bwrap` these tests fail and say the fix.

mod terminal;

use super::*;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The built binary beside this test: `target/debug/deps/x` -> `target/debug/orchestrate`.
pub(crate) fn launcher() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows itself");
    let path = test.ancestors().map(|folder| folder.join("orchestrate")).find(|path| path.is_file());
    path.unwrap_or_else(|| panic!("no orchestrate binary above {}; run `cargo build` first", test.display()))
}

fn limits() -> Limits {
    Limits { processes: 128, open_files: 512, file_size: 64 << 20, tmp_size: 8 << 20, cpu_seconds: None, memory: None }
}

fn plan<S: AsRef<OsStr>>(argv: impl IntoIterator<Item = S>) -> Plan {
    let env = BTreeMap::from([("HOME".into(), "/tmp".into()), ("TERM".into(), "xterm".into())]);
    let (binds, forwards, etc) = (Vec::new(), Vec::new(), Vec::new());
    Plan { name: "dev-a".into(), binds, env, chdir: "/tmp".into(), argv: words(argv), limits: limits(), forwards, etc, nested: false, user: None }
}

fn shell(script: &str) -> Plan {
    plan(["bash", "-c", script])
}

fn python(script: &str) -> Plan {
    plan(["/usr/bin/python3", "-c", script])
}

impl Plan {
    fn with(mut self, bind: Bind) -> Self {
        self.binds.push(bind);
        self
    }

    fn process(&self, isolation: Isolation) -> Command {
        let line = self.command(isolation, &launcher()).unwrap_or_else(|failure| panic!("{failure}; fix: {}", failure.hint));
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).stdin(Stdio::null());
        command
    }

    fn run(&self) -> Output {
        self.process(Isolation::Sandbox).output().expect("the sandbox starts")
    }

    fn says(&self) -> String {
        let output = self.run();
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{:?}: {} {}", output.status, text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }
}

/// The number of an error that a Python expression raises, or what it gives when it raises none.
fn errno(setup: &str, expression: &str) -> Plan {
    python(&format!(
        "import errno,os,socket,ctypes,fcntl\n{setup}\ntry:\n print({expression})\nexcept OSError as e:\n print(errno.errorcode[e.errno])"
    ))
}

/// The error of a raw system call made inside.
fn syscall(number: i64, args: &str) -> Plan {
    let call = format!("libc.syscall({number},{args})");
    errno(
        "libc=ctypes.CDLL(None,use_errno=True)\ndef call(r):\n if r<0: raise OSError(ctypes.get_errno(),'')\n return r",
        &format!("call({call})"),
    )
}

#[test]
fn files_outside_the_binds_cannot_be_read() {
    let folder = TempDir::new().expect("folder");
    std::fs::write(folder.path().join("key"), "the secret").expect("key");
    let script =
        format!("cat {}/key 2>/dev/null; cat /etc/shadow 2>/dev/null; ls -A /root /home 2>/dev/null; true", folder.path().display());
    assert_eq!(shell(&script).says(), "");
    let shown = shell("cat /shown/key").with(Bind::read_only(folder.path(), "/shown"));
    assert_eq!(shown.says(), "the secret", "the positive control");
}

#[test]
fn etc_knows_only_the_seat() {
    let says = shell(
        "cut -d: -f1 /etc/passwd | tr '\\n' ' '; id -un; ls /etc/resolv.conf /etc/gitconfig /etc/ssl/private 2>&1 | grep -c 'No such'",
    )
    .says();
    assert_eq!(says, "root dev-a dev-a\n3");
    assert_eq!(errno("", "open('/etc/new','w')").says(), "EROFS");
}

#[test]
fn an_own_file_of_etc_wins_and_cannot_be_replaced() {
    let folder = TempDir::new().expect("folder");
    let policy = folder.path().join("policy");
    std::fs::write(&policy, "the policy").expect("policy");
    let mut plan = shell("cat /etc/agent/policy; mv /etc/agent /etc/other 2>/dev/null || echo ' stays'");
    plan.etc = vec![("agent/policy".into(), policy)];
    assert_eq!(plan.says(), "the policy stays");
}

#[test]
fn other_processes_are_not_seen() {
    let says = shell("ls -d /proc/[0-9]* | wc -l; kill -0 -1 2>/dev/null && echo reached || echo alone").says();
    let (count, reach) = says.split_once('\n').expect("two lines");
    assert!(count.trim().parse::<u32>().is_ok_and(|count| count <= 6), "{says}");
    assert_eq!(reach, "alone");
}

#[test]
fn sockets_of_the_host_are_out_of_reach() {
    let name = format!("orchestrate-test-{}", std::process::id());
    let _unix = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).expect("name")).expect("abstract socket");
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
    let port = tcp.local_addr().expect("address").port();
    let setup = "s=socket.socket(socket.AF_UNIX)";
    let answer = errno(setup, &format!("s.connect('\\0{name}')")).says();
    assert!(["ECONNREFUSED", "EPERM"].contains(&answer.as_str()), "{answer}");
    assert_eq!(errno("", &format!("socket.create_connection(('127.0.0.1',{port}))")).says(), "ECONNREFUSED");
}

#[test]
fn read_only_binds_stay_so_below_writable_ones() {
    let folder = TempDir::new().expect("folder");
    std::fs::create_dir(folder.path().join("policy")).expect("policy");
    let clone = |expression| {
        let child = Bind::read_only(folder.path().join("policy"), "/work/clone/policy");
        errno("", expression).with(child).with(Bind::writable(folder.path(), "/work/clone")).says()
    };
    assert_eq!(clone("open('/work/clone/policy/x','w')"), "EROFS");
    assert_eq!(clone("os.rename('/work/clone/policy','/work/clone/other')"), "EBUSY");
    assert_eq!(clone("open('/work/clone/x','w').write('x')"), "1");
    assert_eq!(errno("", "open('/usr/x','w')").says(), "EROFS");
    assert_eq!(errno("", "os.chmod('/opt/orchestrate/bin/orchestrate',0o777)").says(), "EROFS");
}

#[test]
fn an_own_socket_in_a_read_only_folder_answers() {
    let folder = TempDir::new().expect("folder");
    let listener = UnixListener::bind(folder.path().join("sup.sock")).expect("socket");
    let answer = std::thread::spawn(move || listener.accept().and_then(|(mut stream, _)| stream.write_all(b"hello")));
    let script = "import socket,os\ns=socket.socket(socket.AF_UNIX); s.connect('/run/own/sup.sock'); print(s.recv(9).decode())\n\
                  try: os.unlink('/run/own/sup.sock')\nexcept OSError as e: print(e.errno)";
    assert_eq!(python(script).with(Bind::read_only(folder.path(), "/run/own")).says(), format!("hello\n{}", libc::EROFS));
    answer.join().expect("joins").expect("answers");
}

#[test]
fn refused_calls_say_eperm() {
    assert_eq!(errno("", "fcntl.ioctl(0,0x5412,b'x')").says(), "EPERM", "TIOCSTI");
    assert_eq!(errno("", "fcntl.ioctl(0,0x541C,b'x')").says(), "EPERM", "TIOCLINUX");
    assert_eq!(syscall(libc::SYS_ioctl, "0,ctypes.c_ulong(0xff00005412),b'x'").says(), "EPERM", "TIOCSTI with a high half");
    for number in
        [libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_io_uring_setup, libc::SYS_bpf, libc::SYS_userfaultfd, libc::SYS_perf_event_open]
    {
        assert_eq!(syscall(number, "0,0,0,0,0").says(), "EPERM", "{number}");
    }
    assert_eq!(syscall(libc::SYS_mount, "b'x',b'/tmp',b'tmpfs',0,0").says(), "EPERM", "mount");
    assert_eq!(syscall(libc::SYS_setns, "0,0").says(), "EPERM", "setns");
    #[cfg(target_arch = "x86_64")]
    assert_eq!(syscall(0x4000_0000 + libc::SYS_getpid, "0").says(), "EPERM", "x32");
}

#[test]
fn no_user_namespace_can_be_made() {
    let says = shell("unshare -U true 2>&1; unshare -Ur true 2>&1; bwrap --unshare-user --ro-bind / / true 2>&1; true").says();
    assert!(says.contains("unshare failed") && says.contains("bwrap:"), "{says}");
    let mut nested = shell("unshare -U echo made");
    nested.nested = true;
    assert_eq!(nested.says(), "made", "the positive control");
}

#[test]
fn a_nested_plan_lets_a_program_build_its_own_sandbox() {
    let root = rustix::process::geteuid().is_root();
    let proc = if root { "" } else { "--proc /proc" };
    let mut plan = shell(&format!("bwrap --unshare-all --ro-bind / / --dev /dev {proc} --tmpfs /tmp bash -c 'echo made; : </dev/null'"));
    plan.nested = true;
    assert_eq!(plan.says(), "made");
}

#[test]
fn ordinary_programs_work() {
    let folder = TempDir::new().expect("folder");
    let script = "set -e; cd /work; git init -q .; git config user.name a; git config user.email a@b; echo x >f; git add f; git commit -qm x; git log --format=%s\n\
                  python3 -c 'import threading,tempfile,multiprocessing as m; m.Lock(); print(tempfile.gettempdir())'\n\
                  node -e 'setTimeout(()=>console.log(require(\"os\").userInfo().username),1)'; vim -es -c 'wq! out' f; cat out; mv f /tmp/f; mkdir a b; touch a/x; mv a/x b/y; ln b/y a/z";
    assert_eq!(shell(script).with(Bind::writable(folder.path(), "/work")).says(), "x\n/tmp\ndev-a\nx");
}

#[test]
fn the_hosts_kernel_settings_and_devices_stay() {
    for path in ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/pid_max", "/proc/sysrq-trigger"] {
        let answer = errno("", &format!("open('{path}','a')")).says();
        assert!(["EROFS", "EACCES", "EPERM", "ENOENT"].contains(&answer.as_str()), "{path}: {answer}");
        let mut nested = errno("", &format!("open('{path}','a')"));
        nested.nested = true;
        let answer = nested.says();
        // The largest process id belongs to a nested sandbox's own namespace; the rest belongs to the host.
        let own = path.ends_with("pid_max");
        assert!(own || ["EROFS", "EACCES", "EPERM", "ENOENT"].contains(&answer.as_str()), "nested {path}: {answer}");
    }
    let chmod = errno("", "os.chmod('/dev/null',0o666)").says();
    assert!(["EROFS", "EPERM"].contains(&chmod.as_str()), "{chmod}");
    assert_eq!(shell("echo x >/dev/null && echo fine").says(), "fine");
}

#[test]
fn inherited_descriptors_are_closed() {
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join("key");
    std::fs::write(&path, "the secret").expect("key");
    let key = std::fs::File::open(&path).expect("opens");
    let fd = key.as_raw_fd();
    for isolation in [Isolation::Sandbox, Isolation::None] {
        let mut command = shell("cat <&9 2>/dev/null; ls /proc/self/fd | wc -l").process(isolation);
        // SAFETY: dup2 is allowed between fork and exec.
        unsafe { command.pre_exec(move || if libc::dup2(fd, 9) < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }) };
        let output = command.output().expect("runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "4", "{isolation}");
    }
}

#[test]
fn a_port_inside_leads_to_a_socket_outside() {
    let folder = TempDir::new().expect("folder");
    let listener = UnixListener::bind(folder.path().join("net.sock")).expect("socket");
    let server = std::thread::spawn(move || -> std::io::Result<String> {
        let (mut stream, _) = listener.accept()?;
        let mut request = String::new();
        stream.read_to_string(&mut request)?;
        stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\nechoed {}", request.lines().next().unwrap_or_default()).as_bytes())?;
        Ok(request)
    });
    let script = "import socket\ns=socket.create_connection(('127.0.0.1',3128)); s.sendall(b'GET /hello HTTP/1.0\\r\\n\\r\\n'); s.shutdown(1)\n\
                  print(s.makefile().read().splitlines()[-1])";
    let mut plan = python(script).with(Bind::read_only(folder.path(), "/run/own"));
    plan.forwards = vec![Forward { port: 3128, socket: "/run/own/net.sock".into() }];
    assert_eq!(plan.says(), "echoed GET /hello HTTP/1.0");
    assert!(server.join().expect("joins").expect("serves").starts_with("GET /hello"));
}

#[test]
fn processes_and_scratch_space_are_bounded() {
    let script = "import os,signal\nn=0\ntry:\n for _ in range(500):\n  if os.fork()==0: signal.pause()\n  n+=1\nexcept OSError as e: print(n<130, e.errno)";
    assert_eq!(python(script).says(), format!("True {}", libc::EAGAIN));
    let fill = |path: &str| errno(&format!("f=open('{path}/big','wb',0)"), "[f.write(b'x'*65536) for _ in range(400)]").says();
    assert_eq!([fill("/tmp"), fill("/dev/shm")], ["ENOSPC", "ENOSPC"]);
    let mut plan = shell("ulimit -f; ulimit -n; ulimit -v 1>/dev/null; ulimit -Hd; ulimit -d unlimited 2>/dev/null || echo kept");
    plan.limits.memory = Some(512 << 20);
    assert_eq!(plan.says(), "65536\n512\n524288\nkept");
}

#[test]
fn exit_codes_and_signals_pass_through() {
    assert_eq!(shell("exit 7").run().status.code(), Some(7));
    assert_eq!(shell("kill -TERM $$").run().status.code(), Some(128 + libc::SIGTERM));
    assert_eq!(shell("exit 9").process(Isolation::None).status().expect("runs").code(), Some(9));
}

#[test]
fn nothing_survives_the_death_of_the_outer_process() {
    let folder = TempDir::new().expect("folder");
    let lock = folder.path().join("alive");
    // The survivor would hold the pipe's write end; the read below ends only when it is dead too.
    let plan = shell("setsid bash -c 'trap \"\" HUP TERM; echo up; while :; do read -t 100 < <(tail -f /dev/null); done' & wait")
        .with(Bind::writable(folder.path(), "/work"));
    let mut child = plan.process(Isolation::Sandbox).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut output = child.stdout.take().expect("piped");
    let mut up = [0; 3];
    output.read_exact(&mut up).expect("is up");
    child.kill().expect("killed");
    child.wait().expect("ends");
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).expect("ends");
    assert!(!lock.exists() && rest.is_empty());
}

#[test]
fn plans_that_would_open_the_wall_are_refused() {
    let refused = |change: &dyn Fn(&mut Plan)| {
        let mut plan = shell("true");
        change(&mut plan);
        plan.command(Isolation::Sandbox, &launcher()).is_err()
    };
    assert!(refused(&|plan| plan.name = "--bind".into()));
    assert!(refused(&|plan| plan.name = "a b".into()));
    assert!(refused(&|plan| plan.binds.push(Bind::writable("/tmp/../etc", "/x"))));
    assert!(refused(&|plan| plan.binds.push(Bind::writable("etc", "/x"))));
    assert!(refused(&|plan| plan.etc.push(("../x".into(), "/etc/passwd".into()))));
    assert!(refused(&|plan| plan.etc.push(("/etc/x".into(), "/etc/passwd".into()))));
    assert!(refused(&|plan| drop(plan.env.insert("A=B".into(), String::new()))));
    assert!(refused(&|plan| plan.argv.clear()));
    assert!(!refused(&|_| ()));
    let users = shell("true").command(Isolation::Users, &launcher()).expect_err("not there");
    assert!(users.what.contains("unix user") && !users.hint.is_empty());
}

#[test]
fn the_environment_is_only_what_the_plan_says() {
    let mut plan = plan(["env"]);
    plan.env.insert("PATH".into(), format!("/usr/bin:relative::{BIN}:/bin"));
    let says = plan.says();
    let mut lines: Vec<&str> = says.lines().filter(|line| !line.starts_with("PWD=")).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["HOME=/tmp", "PATH=/opt/orchestrate/bin:/usr/bin:/bin", "TERM=xterm"]);
    let advisory = String::from_utf8(plan.process(Isolation::None).output().expect("runs").stdout).expect("text");
    assert!(
        !advisory.contains("CARGO") && advisory.contains(&format!("PATH={}:", launcher().parent().expect("folder").display())),
        "{advisory}"
    );
}

#[test]
fn this_machine_reaches_the_sandbox_level() {
    let seen = observe(&launcher());
    assert_eq!(seen.level, Isolation::Sandbox, "{} fix: {}", seen.why, seen.fix);
    assert!(seen.walls.len() >= 18 && seen.walls.iter().all(|wall| wall.held), "{:#?}", seen.walls);
    let lost = observe(Path::new("/nonexistent/orchestrate"));
    assert_eq!(lost.level, Isolation::None);
    assert!(!lost.why.is_empty());
}
