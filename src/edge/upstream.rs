//! The model's API, outside: where it is, the credential that is put in, and the requests that go there.

use crate::domain::failure::{Doing as _, Failure};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use zeroize::Zeroizing;

/// Where the model's API is, unless the owner says otherwise.
pub const DEFAULT: &str = "https://api.anthropic.com";

/// How long the API may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(20);
/// How long the API may think before the first byte of its answer.
const THINK: Duration = Duration::from_secs(600);
/// Open connections kept for the next request.
const KEPT: usize = 24;
/// What an API asks of a long-lived token, beside the token.
const TOKEN_BETA: &str = "oauth-2025-04-20";

/// A request's or answer's body, passed on as it comes.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What kind of credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `x-api-key`.
    ApiKey,
    /// `authorization: Bearer`, as a gateway wants it.
    Bearer,
    /// A long-lived token of a subscription, as `claude setup-token` makes it.
    Token,
    /// The token of the owner's own login, which the owner's client makes anew every few hours.
    Login,
}

impl Kind {
    /// A token stands for a person's subscription.
    fn is_subscription(self) -> bool {
        matches!(self, Self::Token | Self::Login)
    }
}

/// The owner's credential; it is printed nowhere and wiped when it goes.
#[derive(Clone)]
pub struct Credential {
    pub kind: Kind,
    secret: Zeroizing<String>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({:?})", self.kind)
    }
}

impl Credential {
    /// Takes one line of visible characters.
    pub fn new(kind: Kind, text: &str) -> Result<Self, Failure> {
        let secret = text.trim();
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::new("cannot use the API credential", "it is not one line of visible characters"));
        }
        Ok(Self { kind, secret: Zeroizing::new(secret.to_owned()) })
    }

    /// Tells a key from a long-lived token by the way it begins, as a file does not say.
    pub fn guess(text: &str) -> Result<Self, Failure> {
        let kind = if text.trim().starts_with("sk-ant-oat") { Kind::Token } else { Kind::ApiKey };
        Self::new(kind, text)
    }

    /// The text itself: for the request's header, and for a seat without walls.
    pub fn reveal(&self) -> &str {
        &self.secret
    }

    fn put(&self, headers: &mut HeaderMap) -> Result<(), Failure> {
        const WHAT: &str = "cannot use the API credential";
        let (name, text) = match self.kind {
            Kind::ApiKey => (HeaderName::from_static("x-api-key"), self.secret.clone()),
            Kind::Bearer | Kind::Token | Kind::Login => (header::AUTHORIZATION, Zeroizing::new(format!("Bearer {}", *self.secret))),
        };
        let mut value = HeaderValue::from_str(&text).doing(WHAT)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        if self.kind.is_subscription() {
            headers.append("anthropic-beta", HeaderValue::from_static(TOKEN_BETA));
        }
        Ok(())
    }
}

/// Where requests go: `https`, or `http` on this machine's own loopback.
pub struct Upstream {
    authority: Authority,
    /// What stands before the path of every request; empty as a rule.
    base: String,
    tls: Option<TlsConnector>,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl Upstream {
    pub fn new(address: &str) -> Result<Self, Failure> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::trusting(address, roots)
    }

    fn trusting(address: &str, roots: RootCertStore) -> Result<Self, Failure> {
        let refuse = |why: &str| {
            Failure::new("cannot use the API's address", format!("{address}: {why}")).hint("upstream = \"https://api.anthropic.com\"")
        };
        let uri: Uri = address.parse().map_err(|_| refuse("it is no URL"))?;
        let authority = uri.authority().cloned().ok_or_else(|| refuse("it names no host"))?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(refuse("it holds more than scheme, host and path"));
        }
        let local = matches!(authority.host(), "127.0.0.1" | "localhost" | "[::1]");
        let tls = match uri.scheme_str() {
            Some("https") => Some(connector(roots)?),
            Some("http") if local => None,
            Some("http") => return Err(refuse("a key goes to another machine through TLS only")),
            _ => return Err(refuse("it is neither https nor http")),
        };
        Ok(Self { authority, base: uri.path().trim_end_matches('/').to_owned(), tls, idle: Mutex::default() })
    }

    /// Host and port, for people.
    pub fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// Sends a request there with the credential put in; headers are what the caller let through.
    pub async fn send(&self, credential: &Credential, mut request: Request<Body>) -> Result<Response<Incoming>, Failure> {
        const WHAT: &str = "the model's API did not answer";
        let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        *request.uri_mut() = format!("{}{path}", self.base).parse::<Uri>().doing(WHAT)?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_str(self.authority.as_str()).doing(WHAT)?);
        credential.put(headers)?;
        let mut sender = match self.kept() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let answer = match tokio::time::timeout(THINK, sender.try_send_request(request)).await.doing(WHAT)? {
            Ok(answer) => answer,
            // The API closed a kept connection meanwhile, and nothing of the request was sent.
            Err(mut lost) => match lost.take_message() {
                Some(request) => {
                    sender = self.connect().await?;
                    tokio::time::timeout(THINK, sender.send_request(request)).await.doing(WHAT)?.doing(WHAT)?
                }
                None => return Err(Failure::new(WHAT, lost.into_error())),
            },
        };
        self.keep(sender);
        Ok(answer)
    }

    fn kept(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        let at = idle.iter().position(SendRequest::is_ready)?;
        Some(idle.swap_remove(at))
    }

    /// Keeps a connection; it is ready again when its answer has been read to the end.
    fn keep(&self, sender: SendRequest<Body>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(sender);
        }
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Failure> {
        let what = format!("cannot reach the model's API at {}", self.authority);
        let wire = tokio::time::timeout(CONNECT, self.wire()).await.doing(&what)?.doing(&what)?;
        let (sender, connection) = handshake(TokioIo::new(wire)).await.doing(&what)?;
        tokio::spawn(async move {
            if let Err(why) = connection.await {
                eprintln!("orchestrate: relay: a connection to the model's API broke: {why}");
            }
        });
        Ok(sender)
    }

    async fn wire(&self) -> std::io::Result<Box<dyn Wire>> {
        let port = self.authority.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let plain = TcpStream::connect((host, port)).await?;
        plain.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(plain)),
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
                Ok(Box::new(tls.connect(name, plain).await?))
            }
        }
    }
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, Failure> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().doing("cannot set up TLS")?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

/// A body of these bytes.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests;
