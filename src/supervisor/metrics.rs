//! The workshop's figures: from the owner's socket, and, where the owner asks for it, on loopback for whoever brings the token.

use super::herald::secret;
use super::serve::{self, METRICS};
use super::yard::Yard;
use crate::domain::failure::{Doing, Failure};
use crate::domain::policy::Measuring;
use crate::edge::port::{Asked, Port, Said};
use crate::edge::upstream::Body;
use crate::view;
use hyper::{Method, StatusCode, header};
use std::sync::Arc;

/// A reader brings no body.
const MOST: usize = 1024;
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

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
        Ok(token) => Port::open(address, token.as_deref().map_or("", String::as_str)).await.doing(&what),
        Err(failure) => Err(failure),
    };
    match opened {
        Ok(port) => {
            let yard = Arc::clone(yard);
            drop(tokio::spawn(port.serve(MOST, move |asked| answer(Arc::clone(&yard), asked))));
        }
        Err(failure) => eprintln!("orchestrate: {failure}"),
    }
}

async fn answer(yard: Arc<Yard>, asked: Asked) -> Said {
    match (&asked.method, asked.path.as_str()) {
        (&Method::GET, METRICS) => match text(&yard).await {
            Ok(text) => Said::new(StatusCode::OK, KIND, text),
            Err(_) => Said::plain(StatusCode::BAD_GATEWAY),
        },
        (_, METRICS) => Said::plain(StatusCode::METHOD_NOT_ALLOWED),
        _ => Said::plain(StatusCode::NOT_FOUND),
    }
}

/// The page as an answer.
pub async fn page(yard: &Arc<Yard>) -> hyper::Response<Body> {
    let Ok(text) = text(yard).await else { return serve::plain(StatusCode::BAD_GATEWAY) };
    let mut said = hyper::Response::new(crate::edge::upstream::whole(text));
    said.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(KIND));
    said
}
