//! The port: who is heard, for how long, and what every answer carries.

use super::Site;
use super::route::{answer, plain};
use crate::domain::failure::{Doing, Failure};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// Connections at once, how long one may take to say what it wants, and how much it may say.
const AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_BODY: usize = 64 * 1024;

/// Nothing but our own script and style runs or is asked for, no other page frames or reads this one, and nothing is kept.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Answers until a signal says that it is enough.
pub async fn serve(site: Site, listen: SocketAddr, ready: impl FnOnce(SocketAddr)) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.doing(format!("cannot listen at {listen}"))?;
    let what = "cannot wait for signals";
    let mut interrupt = signal(SignalKind::interrupt()).doing(what)?;
    let mut end = signal(SignalKind::terminate()).doing(what)?;
    let mut gone = signal(SignalKind::hangup()).doing(what)?;
    ready(listener.local_addr().doing("cannot tell the page's address")?);
    tokio::select! {
        () = listen_on(&listener, Arc::new(site)) => {}
        _ = interrupt.recv() => {}
        _ = end.recv() => {}
        _ = gone.recv() => {}
    }
    Ok(())
}

async fn listen_on(listener: &TcpListener, site: Arc<Site>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            converse(stream, site).await;
            drop(permit);
        });
    }
}

async fn converse(stream: TcpStream, site: Arc<Site>) {
    let answer = |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(dressed(heard(site, request).await)) }
    };
    let mut http = hyper::server::conn::http1::Builder::new();
    let served = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A reader that went away is nobody's trouble.
    drop(served.serve_connection(TokioIo::new(stream), service_fn(answer)).await);
}

/// Takes the whole request, and answers beside the port: the supervisor may let a question wait.
async fn heard(site: Arc<Site>, request: Request<Incoming>) -> Response<String> {
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(PATIENCE, Limited::new(body, MOST_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return plain(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT),
    };
    let request = Request::from_parts(head, body);
    let answered = tokio::task::spawn_blocking(move || answer(&site, &request)).await;
    answered.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

fn dressed(response: Response<String>) -> Response<Full<Bytes>> {
    let mut response = response.map(|text| Full::new(Bytes::from(text)));
    HEADERS.iter().for_each(|(name, value)| drop(response.headers_mut().insert(name, HeaderValue::from_static(value))));
    response
}
