//! The workshop's figures: from the owner's socket, and, where the owner asks for it, on loopback for whoever brings the token.

use super::herald::secret;
use super::serve::{self, METRICS};
use super::yard::Yard;
use crate::domain::failure::{Doing, Failure};
use crate::domain::name::Digest;
use crate::domain::policy::Measuring;
use crate::edge::upstream::Body;
use crate::view;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Readers that are served at once, and how long one may take to say what it wants.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// The page as it is now.
pub async fn text(yard: &Arc<Yard>) -> Result<String, Failure> {
    let now = yard.clock.now();
    let mut status = yard.see(move |state, _| view::status(state, now)).await?;
    super::answer::complete(yard, &mut status);
    Ok(view::metrics(&status))
}

/// Opens the port where one is asked for. One that cannot be had is told of: the workshop does not depend on being measured.
pub async fn open(yard: &Arc<Yard>, terms: &Measuring) {
    let address = terms.listen.as_str();
    if address.is_empty() {
        return;
    }
    let what = format!("cannot give figures at {address}");
    let opened = match secret(&terms.token_file) {
        Ok(Some(token)) if !token.is_empty() => {
            TcpListener::bind(address).await.doing(&what).map(|listener| (listener, Digest::of(token.as_bytes())))
        }
        Ok(_) => Err(Failure::new(&what, "the token is empty")),
        Err(failure) => Err(failure),
    };
    match opened {
        Ok((listener, token)) => drop(tokio::spawn(listen(Arc::clone(yard), listener, token))),
        Err(failure) => eprintln!("orchestrate: {failure}"),
    }
}

async fn listen(yard: Arc<Yard>, listener: TcpListener, token: Digest) {
    let (room, token) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(token));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (yard, token) = (Arc::clone(&yard), Arc::clone(&token));
        tokio::spawn(async move {
            let answer = |request| async { Ok::<_, Infallible>(answer(&yard, &token, request).await) };
            let mut http = hyper::server::conn::http1::Builder::new();
            let served = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
            // One question for each connection: whoever holds it open holds up nobody for long.
            drop(tokio::time::timeout(2 * PATIENCE, served.serve_connection(TokioIo::new(stream), service_fn(answer))).await);
            drop(permit);
        });
    }
}

async fn answer(yard: &Arc<Yard>, token: &Digest, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
    let brought = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    // Digests are compared, so that the time this takes tells nothing of the token.
    if brought.map(|brought| Digest::of(brought.as_bytes())).as_ref() != Some(token) {
        return serve::plain(StatusCode::UNAUTHORIZED);
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, METRICS) => page(yard).await,
        (_, METRICS) => serve::plain(StatusCode::METHOD_NOT_ALLOWED),
        _ => serve::plain(StatusCode::NOT_FOUND),
    }
}

/// The page as an answer.
pub async fn page(yard: &Arc<Yard>) -> hyper::Response<Body> {
    let Ok(text) = text(yard).await else { return serve::plain(StatusCode::BAD_GATEWAY) };
    let mut said = hyper::Response::new(crate::edge::upstream::whole(text));
    said.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    said
}
