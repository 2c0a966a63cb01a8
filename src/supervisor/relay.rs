//! The only way out of a seat: CONNECT to hosts that the owner lists, and the model's API with the owner's credential put in.

pub mod api;
pub mod meter;
mod usage;

use super::serve;
use super::yard::Yard;
use crate::domain::failure::{Doing, Failure};
use crate::domain::freeze;
use crate::domain::name::SeatName;
use crate::domain::planted;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Connections that one seat may have open at once; more wait.
const AT_ONCE: usize = 64;
const LONGEST_HEAD: usize = 8192;
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves one seat's relay socket.
pub fn listen(yard: &Arc<Yard>, seat: &SeatName, listener: UnixListener) {
    let (yard, seat, room) = (Arc::clone(yard), seat.clone(), Arc::new(Semaphore::new(AT_ONCE)));
    tokio::spawn(async move {
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let Some(stream) = serve::next(&yard, &listener).await else { continue };
            let (yard, seat) = (Arc::clone(&yard), seat.clone());
            tokio::spawn(async move {
                if let Err(failure) = relay(&yard, &seat, stream).await {
                    eprintln!("orchestrate: relay: {failure}");
                }
                drop(permit);
            });
        }
    });
}

async fn relay(yard: &Arc<Yard>, seat: &SeatName, mut inside: UnixStream) -> Result<(), Failure> {
    let head = tokio::time::timeout(PATIENCE, head(&mut inside)).await.doing("a client of the relay said nothing")??;
    if let Some(refusal) = serve::refused(yard, seat, &inside).await {
        return answer(&mut inside, "403 Forbidden", &refusal.why).await;
    }
    let Some(target) = target(&head) else {
        return answer(&mut inside, "400 Bad Request", "the relay only knows CONNECT host:port").await;
    };
    let begins = yard.freeze_begins();
    let (allowed, frozen) = yard.see(|state, _| (state.charter().policy.agent.hosts.clone(), freeze::open(state).err())).await?;
    if let Some(refusal) = frozen.filter(|_| !planted::out("frozen-relay")) {
        api::note(yard, seat, &refusal).await;
        return answer(&mut inside, "403 Forbidden", &refusal.to_string()).await;
    }
    if !allowed.contains(&target) && !planted::out("relay-hosts") {
        let why = format!("{target} is not among the owner's agent.hosts");
        return answer(&mut inside, "403 Forbidden", &why).await;
    }
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(&target)).await;
    let mut outside = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(why)) => return answer(&mut inside, "502 Bad Gateway", &why.to_string()).await,
        Err(_) => return answer(&mut inside, "504 Gateway Timeout", "the host did not answer").await,
    };
    inside.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await.doing("cannot answer a client of the relay")?;
    tokio::select! {
        // What is under way is cut off as well: both ends see the connection end.
        () = begins => Ok(()),
        ended = copy_bidirectional(&mut inside, &mut outside) => ended.map(drop).doing("a relayed connection broke"),
    }
}

async fn head(stream: &mut UnixStream) -> Result<String, Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.doing("a client of the relay left")?;
        head.push(byte);
        if head.len() > LONGEST_HEAD {
            return Err(Failure::new("a client of the relay talks too much", "its request's head does not end"));
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The `host:port` of a CONNECT request; plain names only.
fn target(head: &str) -> Option<String> {
    let mut words = head.lines().next()?.split(' ');
    let (verb, target) = (words.next()?, words.next()?);
    let (host, port) = target.rsplit_once(':')?;
    let plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    (verb == "CONNECT" && plain && port.parse::<u16>().is_ok()).then(|| target.to_ascii_lowercase())
}

async fn answer(stream: &mut UnixStream, status: &str, why: &str) -> Result<(), Failure> {
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{why}", why.len());
    stream.write_all(text.as_bytes()).await.doing("cannot answer a client of the relay")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_connects_are_understood() {
        assert_eq!(target("CONNECT API.example.com:443 HTTP/1.1\r\n\r\n").as_deref(), Some("api.example.com:443"));
        for bad in ["GET / HTTP/1.1", "CONNECT x HTTP/1.1", "CONNECT :443 HTTP/1.1", "CONNECT [::1]:443 HTTP/1.1", "CONNECT a@b:1 HTTP/1.1", ""] {
            assert_eq!(target(bad), None, "{bad}");
        }
    }
}
