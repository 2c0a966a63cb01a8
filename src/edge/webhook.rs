//! A POST of JSON to a program of the owner's: a gateway for text messages, or anything else.
//!
//! Only the status of the answer counts; its words are not read.

use crate::domain::failure::{Doing as _, Failure};
use http_body_util::Full;
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
    let status = tokio::time::timeout(patience, exchange(&uri, bearer, json)).await;
    let status = status.map_err(|_| Failure::new(&what, format!("it did not answer within {} s", patience.as_secs())))?.doing(&what)?;
    if status.is_success() { Ok(()) } else { Err(Failure::new(what, format!("it answered {}", status.as_u16()))) }
}

async fn exchange(uri: &Uri, bearer: Option<&str>, json: &Value) -> Result<StatusCode, Failure> {
    const WHAT: &str = "the exchange broke";
    let wire = wire(uri).await?;
    let (mut sender, connection) = handshake(TokioIo::new(wire)).await.doing(WHAT)?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(json.to_string())))
        .doing(WHAT)?;
    if let Some(bearer) = bearer {
        let mut value = HeaderValue::from_str(&format!("Bearer {bearer}"))
            .map_err(|_| Failure::new(WHAT, "the secret is not one line of visible characters"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let answer = sender.send_request(request).await.doing(WHAT)?;
    connection.abort();
    Ok(answer.status())
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
