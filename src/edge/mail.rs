//! E-mail to the owner: TLS, STARTTLS, or in the clear on this machine's own loopback.
//!
//! What a server says is never passed on, only its code: a hostile one could say our password back.

use crate::domain::failure::{Doing as _, Failure};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::time::Duration;
use zeroize::Zeroizing;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    Tls,
    Starttls,
    /// In the clear; the host has to be this machine's own loopback.
    Loopback,
}

/// The mail server, and how to be let in.
pub struct Server {
    pub host: String,
    pub port: u16,
    pub guard: Guard,
    pub login: Option<(String, Zeroizing<String>)>,
    /// The certificate of an authority of the owner's own, in PEM; else the public ones count.
    pub authority: Option<Vec<u8>>,
    /// The longest that one message may take, from the first byte to the last.
    pub patience: Duration,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The same message sent again bears the same name, so that it is known again.
    pub id: String,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// Name, media type and bytes of each attachment.
    pub attached: Vec<(String, &'static str, Vec<u8>)>,
}

/// Sends a message; when this returns well, the server has taken it.
pub async fn send(server: &Server, letter: &Letter) -> Result<(), Failure> {
    let what = format!("cannot send mail by {}:{}", server.host, server.port);
    let message = message(letter)?;
    let transport = transport(server)?;
    let sent = tokio::time::timeout(server.patience, transport.send(message)).await;
    match sent {
        Err(_) => Err(Failure::new(what, format!("the server did not take it within {} s", server.patience.as_secs()))),
        Ok(Err(why)) => Err(Failure::new(what, told(&why))),
        Ok(Ok(_)) => Ok(()),
    }
}

/// What went wrong, in our words.
fn told(why: &smtp::Error) -> String {
    match why.status() {
        Some(code) => format!("the server refused it with code {code}"),
        None if why.is_timeout() => "the server did not answer in time".to_owned(),
        None if why.is_response() => "the server's answer could not be understood".to_owned(),
        None if why.is_client() => "the server offers no way to log in, or no STARTTLS".to_owned(),
        None => plain(&why.to_string()),
    }
}

/// Our own side's words, such as those on a certificate that is not trusted.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn transport(server: &Server) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let local = matches!(server.host.as_str(), "127.0.0.1" | "localhost" | "[::1]");
    let tls = match server.guard {
        Guard::Tls => Tls::Wrapper(parameters(server, host)?),
        Guard::Starttls => Tls::Required(parameters(server, host)?),
        Guard::Loopback if local && server.login.is_none() => Tls::None,
        Guard::Loopback => return Err(Failure::new("cannot send mail", "mail in the clear stays on this machine, and takes no password")),
    };
    let open = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(server.port).tls(tls);
    let open = open.timeout(Some(server.patience));
    let login = |(user, secret): &(String, Zeroizing<String>)| Credentials::new(user.clone(), secret.to_string());
    Ok(match &server.login {
        Some(login_as) => open.credentials(login(login_as)).build(),
        None => open.build(),
    })
}

fn parameters(server: &Server, host: &str) -> Result<TlsParameters, Failure> {
    const WHAT: &str = "cannot set up TLS for mail";
    let builder = TlsParameters::builder(host.to_owned());
    let builder = match &server.authority {
        Some(pem) => {
            let authority =
                Certificate::from_pem(pem).map_err(|_| Failure::new(WHAT, "the authority's file holds no certificate in PEM"))?;
            builder.certificate_store(CertificateStore::None).add_root_certificate(authority)
        }
        None => builder.certificate_store(CertificateStore::WebpkiRoots),
    };
    builder.build().map_err(|why| Failure::new(WHAT, plain(&why.to_string())))
}

fn message(letter: &Letter) -> Result<Message, Failure> {
    const WHAT: &str = "cannot write the mail";
    let mailbox = |text: &str| text.parse::<Mailbox>().doing(format!("{WHAT} to or from {}", plain(text)));
    let mut head = Message::builder().from(mailbox(&letter.from)?).subject(plain(&letter.subject)).message_id(Some(letter.id.clone()));
    for to in &letter.to {
        head = head.to(mailbox(to)?);
    }
    let body = match &letter.html {
        Some(html) => MultiPart::alternative_plain_html(letter.text.clone(), html.clone()),
        None => MultiPart::alternative().singlepart(SinglePart::plain(letter.text.clone())),
    };
    let mut whole = MultiPart::mixed().multipart(body);
    for (name, kind, bytes) in &letter.attached {
        whole = whole.singlepart(Attachment::new(name.clone()).body(bytes.clone(), ContentType::parse(kind).doing(WHAT)?));
    }
    head.multipart(whole).doing(WHAT)
}
