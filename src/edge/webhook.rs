//! A POST to a program elsewhere: JSON for a gateway of the owner's, whose words are not read, or a text that is answered by a text.

use crate::domain::failure::{Doing as _, Failure};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Posts; an answer of 200 to 299 within the time is success, and a redirection is none.
pub async fn post(url: &str, bearer: Option<&str>, json: &Value, patience: Duration) -> Result<(), Failure> {
    let uri: Uri = url.parse().map_err(|_| Failure::new("cannot call the webhook", "its address is no URL"))?;
    let what = format!("cannot call the webhook at {}", uri.host().unwrap_or_default());
    let body = Sent { kind: "application/json", text: json.to_string(), most: 0 };
    let status = tokio::time::timeout(patience, exchange(&uri, bearer, body)).await;
    let (status, _) = status.map_err(|_| Failure::new(&what, format!("it did not answer within {} s", patience.as_secs())))?.doing(&what)?;
    if status.is_success() { Ok(()) } else { Err(Failure::new(what, format!("it answered {}", status.as_u16()))) }
}

/// Posts a text; gives the answer's status and its words, which have to be UTF-8 and no longer than `most` bytes.
pub async fn ask(url: &str, bearer: Option<&str>, text: String, most: usize, patience: Duration) -> Result<(u16, String), Failure> {
    let uri: Uri = url.parse().map_err(|_| Failure::new("cannot ask", "the address is no URL"))?;
    let what = format!("cannot ask {}", uri.host().unwrap_or_default());
    let answer = tokio::time::timeout(patience, exchange(&uri, bearer, Sent { kind: "text/plain", text, most })).await;
    let (status, body) =
        answer.map_err(|_| Failure::new(&what, format!("it did not answer within {} s", patience.as_secs())))?.doing(&what)?;
    Ok((status.as_u16(), body))
}

struct Sent {
    kind: &'static str,
    text: String,
    /// The most bytes of an answer that are read; with none, only its status is.
    most: usize,
}

async fn exchange(uri: &Uri, bearer: Option<&str>, sent: Sent) -> Result<(StatusCode, String), Failure> {
    const WHAT: &str = "the exchange broke";
    let wire = wire(uri).await?;
    let (mut sender, connection) = handshake(TokioIo::new(wire)).await.doing(WHAT)?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, sent.kind)
        .body(Full::new(Bytes::from(sent.text)))
        .doing(WHAT)?;
    if let Some(bearer) = bearer {
        let mut value = HeaderValue::from_str(&format!("Bearer {bearer}"))
            .map_err(|_| Failure::new(WHAT, "the secret is not one line of visible characters"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let answer = sender.send_request(request).await.doing(WHAT)?;
    let status = answer.status();
    let body = match sent.most {
        0 => String::new(),
        most => {
            let read = Limited::new(answer.into_body(), most).collect().await;
            let read = read.map_err(|_| Failure::new(WHAT, format!("the answer broke off, or is longer than {most} bytes")))?;
            String::from_utf8(read.to_bytes().to_vec()).map_err(|_| Failure::new(WHAT, "the answer is no text"))?
        }
    };
    connection.abort();
    Ok((status, body))
}

/// `https`, or `http` on this machine's own loopback.
async fn wire(uri: &Uri) -> Result<Box<dyn Wire>, Failure> {
    const WHAT: &str = "cannot connect";
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let local = matches!(host.as_str(), "127.0.0.1" | "localhost" | "::1");
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if local => false,
        _ => return Err(Failure::new(WHAT, "it is neither https nor on this machine")),
    };
    let plain = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(if tls { 443 } else { 80 }))).await.doing(WHAT)?;
    if !tls {
        return Ok(Box::new(plain));
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config =
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().doing(WHAT)?;
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let name = ServerName::try_from(host).doing(WHAT)?;
    Ok(Box::new(connector.connect(name, plain).await.doing(WHAT)?))
}
