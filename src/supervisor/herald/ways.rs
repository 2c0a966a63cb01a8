//! The ways to the owner, as the charter sets them up; secrets are read from the owner's files when they are needed, and kept nowhere.

use super::super::drive::Denied;
use super::super::report::{Wanted, make};
use super::super::secrets;
use super::super::yard::{Yard, blocking};
use super::compose::Telling;
use crate::domain::actor::{Actor, Party};
use crate::domain::alert::{Raised, Way};
use crate::domain::command::Act;
use crate::domain::failure::{Doing, Failure};
use crate::domain::name::Digest;
use crate::domain::policy::{Mailing, Policy, Security};
use crate::edge::keys::seal;
use crate::edge::mail::{self, Guard, Letter, Server};
use crate::edge::webhook;
use crate::view::report::{Report, Subject, html, text};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The media type of a sealed report.
const REPORT: &str = "application/vnd.orchestrate.report+json";

/// Sends one message by one way.
pub async fn tell(yard: &Arc<Yard>, way: Way, waiting: &[(u64, Raised)], more: u64) -> Result<(), Failure> {
    let policy = policy(yard).await?;
    let telling = Telling::of(yard, waiting, more).await?;
    let patience = Duration::from_secs(policy.mail.timeout_seconds.into());
    match way {
        Way::Tmux => tmux(yard, telling.line()).await,
        Way::Mail => {
            let checkpoint = checkpoint(yard).await?;
            let id = format!("{}-{}", telling.subject(), names(waiting));
            by_mail(&policy.mail, &policy.mail.to, letter(yard, &id, telling.subject(), telling.text(&checkpoint))).await
        }
        Way::Sms if policy.sms.url.is_empty() => {
            let id = format!("sms-{}", names(waiting));
            by_mail(&policy.mail, std::slice::from_ref(&policy.sms.to), letter(yard, &id, "orchestrate".to_owned(), telling.short())).await
        }
        Way::Sms => {
            let body = json!({"to": policy.sms.to, "text": telling.short()});
            posted(&policy.sms.url, &policy.sms.secret_file, &body, patience).await
        }
        Way::Webhook => posted(&policy.webhook.url, &policy.webhook.secret_file, &telling.json(), patience).await,
    }
}

/// The secret goes where the address says `{secret}`, else into the head of the request.
async fn posted(url: &str, secret_file: &str, body: &Value, patience: Duration) -> Result<(), Failure> {
    let secret = secret(secret_file)?;
    match secret {
        Some(secret) if url.contains("{secret}") => {
            webhook::post(&Zeroizing::new(url.replace("{secret}", &secret)), None, body, patience).await
        }
        secret => webhook::post(url, secret.as_ref().map(|secret| secret.as_str()), body, patience).await,
    }
}

fn names(waiting: &[(u64, Raised)]) -> String {
    waiting.iter().map(|(seq, _)| seq.to_string()).collect::<Vec<_>>().join("-")
}

async fn policy(yard: &Yard) -> Result<Policy, Failure> {
    yard.see(|state, _| state.charter().policy.clone()).await
}

async fn checkpoint(yard: &Yard) -> Result<String, Failure> {
    let (size, root) = yard.see(|_, ledger| (ledger.len(), ledger.root())).await?;
    yard.keys.checkpoint(&yard.workshop, size, root)
}

async fn tmux(yard: &Arc<Yard>, line: String) -> Result<(), Failure> {
    let here = Arc::clone(yard);
    blocking(move || here.tmux.get().map_or(Ok(()), |tmux| tmux.announce(&line))).await
}

/// A message that is sent again bears the same name.
fn letter(yard: &Yard, id: &str, subject: String, text: String) -> Letter {
    let name = Digest::of(format!("{} {id}", yard.workshop).as_bytes());
    let id = format!("<{}@{}.orchestrate>", name.short(), yard.workshop);
    Letter { id, from: String::new(), to: Vec::new(), subject, text, html: None, attached: Vec::new() }
}

async fn by_mail(terms: &Mailing, to: &[String], letter: Letter) -> Result<(), Failure> {
    if terms.server.is_empty() {
        return Err(
            Failure::new("cannot send mail", "no server is set").hint("set mail.server in config.toml, then: orchestrate config adopt")
        );
    }
    mail::send(&server(terms)?, &Letter { from: terms.from.clone(), to: to.to_vec(), ..letter }).await
}

fn server(terms: &Mailing) -> Result<Server, Failure> {
    let guard = match terms.security {
        Security::Tls => Guard::Tls,
        Security::Starttls => Guard::Starttls,
        Security::Loopback => Guard::Loopback,
    };
    let login = secret(&terms.secret_file)?.map(|secret| (terms.user.clone(), secret));
    let authority = match terms.authority_file.as_str() {
        "" => None,
        path => Some(std::fs::read(path).doing(format!("cannot read {path}"))?),
    };
    let patience = Duration::from_secs(terms.timeout_seconds.into());
    Ok(Server { host: terms.host().to_owned(), port: terms.port(), guard, login, authority, patience })
}

/// The owner's secret: in a file that nobody else can read, or handed over by systemd or with the environment of the start.
pub fn secret(place: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let text = match place.split_once(':') {
        _ if place.is_empty() => return Ok(None),
        Some(("env", name)) => std::env::var(name).map(Zeroizing::new).map_err(|_| missing(place))?,
        Some(("credential", name)) => secrets::systemd(name)?.ok_or_else(|| missing(place))?,
        _ => secrets::text(Path::new(place))?,
    };
    Ok(Some(Zeroizing::new(text.trim().to_owned())))
}

fn missing(place: &str) -> Failure {
    Failure::new("cannot read a secret", format!("there is no {place}")).hint("orchestrate down, then bootstrap with it set")
}

/// Makes a report and mails it: as text and page, and sealed by the gatekeeper's key. One on a day that is over is noted in the ledger.
pub async fn mail_report(yard: &Arc<Yard>, wanted: Wanted) -> Result<Report, Denied> {
    let usual = wanted.zone.is_none();
    let report = make(yard, wanted).await?;
    let policy = policy(yard).await?;
    let json = serde_json::to_vec(&report).doing("cannot write the report")?;
    let sealed = seal(REPORT, &json, &*yard.keys.of(&Party::Gatekeeper)?)?;
    let sealed = serde_json::to_vec(&sealed).doing("cannot write the report")?;
    let urgent = report.attention.len();
    let needs = if urgent == 0 { "nothing needs you".to_owned() } else { format!("{urgent} to look at") };
    let subject = format!("{}: {} {}: {needs}", report.title(), report.workshop, report.span.name);
    let id = format!("report {} {}", report.span.name, report.size);
    let mut letter = letter(yard, &id, subject, format!("{}\n{}", text(&report), next(&report, policy.report.hour)));
    letter.html = Some(html(&report));
    letter.attached = vec![
        ("report.html".to_owned(), "text/html", html(&report).into_bytes()),
        ("report.dsse.json".to_owned(), "application/json", sealed),
        ("checkpoint.txt".to_owned(), "text/plain; charset=utf-8", report.checkpoint.clone().into_bytes()),
    ];
    by_mail(&policy.mail, &policy.mail.to, letter).await?;
    if report.over && usual && report.subject == Subject::Day {
        let (day, size, digest) = (report.span.name.clone(), report.size, Digest::of(&json));
        yard.ask(Actor::Edge, Act::Reported { day, size, digest }).await?;
    }
    Ok(report)
}

fn next(report: &Report, hour: u32) -> String {
    let zone = &report.span.zone;
    format!("The report of each day comes by mail on the next, at {hour}:00 in {zone}. A day without one is an alarm: look at once.\n")
}
