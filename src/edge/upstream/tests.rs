use super::*;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate for `localhost`, its key, and the authority that signed it: made for these tests, and good for nothing else.
const AUTHORITY: &[u8] = include_bytes!("fixture/ca.der");
const CERTIFICATE: &[u8] = include_bytes!("fixture/server.der");
const KEY: &[u8] = include_bytes!("fixture/server.key.der");

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Says back what it was sent, line by line.
async fn echo(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let head: String = request.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
    let line = format!("{} {}\n{head}", request.method(), request.uri());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(whole(format!("{line}\n{}", String::from_utf8_lossy(&body)))))
}

async fn api(tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let wire: Box<dyn Wire> = match &tls {
                None => Box::new(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => continue,
                },
            };
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(wire), service_fn(echo)));
        }
    });
    address
}

fn acceptor() -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from(CERTIFICATE)];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

fn request() -> Request<Body> {
    Request::post("/v1/messages?beta=true").header("anthropic-beta", "a").body(whole("words")).unwrap()
}

async fn said(upstream: &Upstream, credential: &Credential) -> Result<String, Failure> {
    let answer = upstream.send(credential, request()).await?;
    Ok(String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[test]
fn the_credential_is_put_in_by_its_kind() {
    run(async {
        let upstream = Upstream::new(&format!("http://{}/base/", api(None).await)).unwrap();
        let key = said(&upstream, &Credential::new(Kind::ApiKey, " sk-1\n").unwrap()).await.unwrap();
        assert!(key.starts_with("POST /base/v1/messages?beta=true\n") && key.ends_with("\nwords"), "{key}");
        assert!(key.contains("x-api-key: sk-1\n") && key.contains(&format!("host: {}\n", upstream.host())), "{key}");
        let token = said(&upstream, &Credential::guess("sk-ant-oat01-x").unwrap()).await.unwrap();
        assert!(token.contains("authorization: Bearer sk-ant-oat01-x\n") && !token.contains("x-api-key"), "{token}");
        assert!(token.contains("anthropic-beta: a\n") && token.contains(&format!("anthropic-beta: {TOKEN_BETA}\n")), "{token}");
        let bearer = said(&upstream, &Credential::new(Kind::Bearer, "b").unwrap()).await.unwrap();
        assert!(bearer.contains("authorization: Bearer b\n") && !bearer.contains(TOKEN_BETA), "{bearer}");
        assert_eq!(upstream.idle.lock().unwrap().len(), 1, "one connection served all three");
    });
}

#[test]
fn tls_trusts_the_roots_it_was_given_and_no_other() {
    run(async {
        let port = api(Some(acceptor())).await.port();
        let address = format!("https://localhost:{port}");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(AUTHORITY)).unwrap();
        let credential = Credential::new(Kind::ApiKey, "k").unwrap();
        let known = Upstream::trusting(&address, roots.clone()).unwrap();
        assert!(said(&known, &credential).await.unwrap().contains("x-api-key: k\n"));
        let failure = said(&Upstream::new(&address).unwrap(), &credential).await.unwrap_err();
        assert!(failure.why.contains("invalid peer certificate"), "{failure:?}");
        let other = Upstream::trusting(&format!("https://127.0.0.1:{port}"), roots).unwrap();
        assert!(said(&other, &credential).await.is_err(), "the certificate is for another name");
    });
}

#[test]
fn a_key_never_goes_out_in_the_open() {
    for bad in ["http://api.anthropic.com", "http://10.0.0.1", "ftp://x", "api.anthropic.com", "https://u:p@x", "https://x/?q=1", ""] {
        assert!(Upstream::new(bad).is_err(), "{bad}");
    }
    for good in ["https://api.anthropic.com", "https://gateway.example:8443/llm", "http://127.0.0.1:9", "http://localhost:9"] {
        assert!(Upstream::new(good).is_ok(), "{good}");
    }
}

#[test]
fn a_credential_is_one_line_and_is_not_printed() {
    for bad in ["", " \n", "a b", "a\nb", "a\u{7f}", "ä"] {
        assert!(Credential::new(Kind::ApiKey, bad).is_err(), "{bad:?}");
    }
    assert_eq!(format!("{:?}", Credential::guess("sk-ant-secret").unwrap()), "Credential(ApiKey)");
}
