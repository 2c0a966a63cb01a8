//! A mail server and a web server on this machine's loopback: they keep what they were sent, and misbehave as they are told.

use super::DEADLINE;
use base64::Engine as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};

/// A certificate for `localhost`, its key, and the authority that signed it: made for tests, and good for nothing else.
const AUTHORITY: &[u8] = include_bytes!("../../src/edge/upstream/fixture/ca.der");
const CERTIFICATE: &[u8] = include_bytes!("../../src/edge/upstream/fixture/server.der");
const KEY: &[u8] = include_bytes!("../../src/edge/upstream/fixture/server.key.der");

/// How the mail server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Plain,
    /// Offers STARTTLS and takes logins in it.
    Starttls,
    /// Refuses every login, and says back what it heard.
    Tattling,
    /// Takes the message and never says so.
    Silent,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<Vec<String>>,
    bell: Condvar,
}

impl Shared {
    fn keep(&self, text: String) {
        self.taken.lock().unwrap().push(text);
        self.bell.notify_all();
    }
}

/// What came to one of the two servers.
pub struct Post {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Post {
    /// A mail server; what it keeps of each message is what was said, line by line.
    pub fn mail(manner: Manner) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").unwrap(), move |stream, shared| drop(talk(stream, manner, shared)))
    }

    /// The same at an address that was free before.
    pub fn mail_at(address: SocketAddr, manner: Manner) -> Self {
        Self::serve(TcpListener::bind(address).unwrap(), move |stream, shared| drop(talk(stream, manner, shared)))
    }

    /// A web server that answers 204 to everything.
    pub fn web() -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").unwrap(), |stream, shared| drop(posted(&stream, shared)))
    }

    /// An address at which nobody listens.
    pub fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    fn serve(listener: TcpListener, one: impl Fn(TcpStream, &Shared) + Send + Sync + 'static) -> Self {
        let (address, shared) = (listener.local_addr().unwrap(), Arc::new(Shared::default()));
        let (here, one) = (Arc::clone(&shared), Arc::new(one));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, here, one) = (stream.unwrap(), Arc::clone(&here), Arc::clone(&one));
                std::thread::spawn(move || one(stream, &here));
            }
        });
        Self { address, shared }
    }

    /// Waits until such a message has come.
    #[track_caller]
    pub fn wait(&self, wanted: impl Fn(&str) -> bool) -> String {
        let silent = |taken: &mut Vec<String>| !taken.iter().any(|text| wanted(text));
        let (taken, _) = self.shared.bell.wait_timeout_while(self.shared.taken.lock().unwrap(), DEADLINE, silent).unwrap();
        taken.iter().find(|text| wanted(text)).unwrap_or_else(|| panic!("it did not come: {taken:?}")).clone()
    }

    pub fn taken(&self) -> Vec<String> {
        self.shared.taken.lock().unwrap().clone()
    }
}

/// The authority as the owner's file has it.
pub fn authority() -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(AUTHORITY);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn talk(mut stream: TcpStream, manner: Manner, shared: &Shared) -> std::io::Result<()> {
    stream.write_all(b"220 sink\r\n")?;
    let secure = matches!(manner, Manner::Starttls | Manner::Tattling);
    if !secure {
        return session(stream, manner, shared, false);
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        match line.trim_end().to_uppercase().as_str() {
            "STARTTLS" => {
                stream.write_all(b"220 go\r\n")?;
                let chain = vec![CertificateDer::from(CERTIFICATE)];
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
                let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
                let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
                let tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
                return session(tls, manner, shared, true);
            }
            hello if hello.starts_with("EHLO") => stream.write_all(b"250-sink\r\n250 STARTTLS\r\n")?,
            _ => stream.write_all(b"530 not in the clear\r\n")?,
        }
        line.clear();
    }
    Ok(())
}

/// One conversation; everything that was said is kept when it ends.
fn session(stream: impl Read + Write, manner: Manner, shared: &Shared, login: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut said, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        said.push_str(&line);
        let word = line.trim_end().split(' ').next().unwrap_or_default().to_uppercase();
        let answer = match word.as_str() {
            "EHLO" if login => "250-sink\r\n250 AUTH PLAIN LOGIN\r\n".to_owned(),
            "AUTH" if manner == Manner::Tattling => format!("535 you said {}\r\n", line.trim_end()),
            "AUTH" => "235 come in\r\n".to_owned(),
            "DATA" => {
                reader.get_mut().write_all(b"354 go on\r\n")?;
                while !said.ends_with("\r\n.\r\n") {
                    line.clear();
                    reader.read_line(&mut line)?;
                    said.push_str(&line);
                }
                if manner == Manner::Silent {
                    continue;
                }
                shared.keep(std::mem::take(&mut said));
                "250 taken\r\n".to_owned()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 well\r\n".to_owned(),
        };
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}

fn posted(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head)?;
    }
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    shared.keep(format!("{head}{}", String::from_utf8_lossy(&body)));
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
}
