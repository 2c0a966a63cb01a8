//! Alerts and the daily report, by real sockets to servers that behave and that do not.

use crate::world::World;
use crate::world::post::{Manner, Post, authority};
use base64::Engine as _;
use orchestrate::domain::actor::Party;
use orchestrate::domain::alert::{Event as Alert, Way};
use orchestrate::domain::dsse::Envelope;
use orchestrate::domain::event::Event;
use orchestrate::edge::keys::{Certs, open};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const SECRET: &str = "hunter2-the-second";

fn secret(world: &World, name: &str) -> PathBuf {
    let path = world.path("rules").join(name);
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Mail in the clear to this machine.
fn plain(world: &World, address: SocketAddr, more: &str) {
    world.rule(&format!(
        "[report]\nhour = 0\n[mail]\nserver = \"{address}\"\nsecurity = \"loopback\"\nfrom = \"workshop@example.org\"\nto = [\"owner@example.org\"]\n{more}"
    ));
}

/// Mail by STARTTLS, with a login.
fn starttls(world: &World, address: SocketAddr, trusted: bool) {
    let file = secret(world, "mail.secret");
    let own = world.path("rules/authority.pem");
    std::fs::write(&own, authority()).unwrap();
    let own = if trusted { own.display().to_string() } else { String::new() };
    world.rule(&format!(
        "[mail]\nserver = \"localhost:{}\"\nsecurity = \"starttls\"\nfrom = \"workshop@example.org\"\nto = [\"owner@example.org\"]\nuser = \"workshop\"\nsecret_file = \"{}\"\nauthority_file = \"{own}\"\n",
        address.port(),
        file.display()
    ));
}

fn freeze(world: &World) {
    world.seat("librarian").run("orchestrate freeze --reason 'odd approvals'").ok();
}

/// The next failure of a way, as the ledger has it.
fn failure(world: &World, way: Way) -> String {
    world.wait_for("a failure", |entry| match &entry.event {
        Event::Alert(Alert::Failed { way: other, why, .. }) if *other == way => Some(why.clone()),
        _ => None,
    })
}

fn told(world: &World, way: Way) {
    world.wait_for("the word on a message", |entry| match &entry.event {
        Event::Alert(Alert::Told { way: other, .. }) if *other == way => Some(()),
        _ => None,
    });
}

/// The secret stands in no entry, answer or log, in no spelling.
fn nowhere(world: &World) {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("\0workshop\0{SECRET}"));
    let entries: String = world.entries().iter().map(|entry| String::from_utf8(entry.bytes()).unwrap()).collect();
    let log = std::fs::read_to_string(world.state().join("supervisor.log")).unwrap();
    let config = world.owner(&["config", "show"]).ok().out;
    for text in [entries, log, config] {
        assert!(!text.contains(SECRET) && !text.contains(&encoded) && !text.contains("hunter2"));
    }
}

#[test]
fn a_freeze_goes_by_mail_text_message_webhook_and_tmux() {
    let world = World::python();
    let (mail, sms, hook) = (Post::mail(Manner::Plain), Post::web(), Post::web());
    plain(&world, mail.address, "");
    let file = secret(&world, "token");
    world.rule(&format!(
        "[alerts]\nsms = \"high\"\n[sms]\nurl = \"http://{}/send\"\nto = \"+49123\"\nsecret_file = \"{}\"\n[webhook]\nurl = \"http://{}/in/{{secret}}\"\nsecret_file = \"{}\"\n",
        sms.address,
        file.display(),
        hook.address,
        file.display()
    ));
    let world = world.bootstrap();
    freeze(&world);
    let letter = mail.wait(|text| text.contains("Subject: orchestrate"));
    assert!(letter.contains("HIGH: librarian FROZEN: odd approvals") && letter.contains("To: owner@example.org"), "{letter}");
    assert!(letter.contains("orchestrate status"), "{letter}");
    let text = sms.wait(|text| text.contains("FROZEN"));
    assert!(text.contains(&format!("authorization: Bearer {SECRET}")) && text.contains("\"to\":\"+49123\""), "{text}");
    let call = hook.wait(|text| text.contains("FROZEN"));
    assert!(call.starts_with(&format!("POST /in/{SECRET} ")) && !call.contains("authorization"), "{call}");
    let body: serde_json::Value = serde_json::from_str(call.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((body["severity"].as_str(), body["alerts"][0]["severity"].as_str()), (Some("high"), Some("high")));
    [Way::Tmux, Way::Mail, Way::Sms, Way::Webhook].into_iter().for_each(|way| told(&world, way));
    let shown =
        world.command("tmux", &["-S", world.state().join("run/tmux.sock").to_str().unwrap(), "show-options", "-g", "@alert"], "").ok();
    assert!(shown.out.contains("HIGH: librarian FROZEN: odd approvals"), "{shown}");
    nowhere(&world);
    world.down().ok();
    world.start().ok();
    world.owner(&["task", "open", "after the restart"]);
    assert_eq!(mail.taken().len(), 1, "a restart tells nothing twice");
}

#[test]
fn starttls_logs_in_and_trusts_only_the_owner_s_authority() {
    let mut world = World::python();
    let mail = Post::mail(Manner::Starttls);
    starttls(&world, mail.address, true);
    let rules = std::fs::read_to_string(world.path("rules/config.toml")).unwrap();
    let file = world.path("rules/mail.secret").display().to_string();
    std::fs::write(world.path("rules/config.toml"), rules.replace(&file, "env:WORKSHOP_MAIL")).unwrap();
    world.set("WORKSHOP_MAIL", SECRET);
    let world = world.bootstrap();
    freeze(&world);
    let letter = mail.wait(|text| text.contains("FROZEN"));
    assert!(letter.contains("AUTH PLAIN"), "{letter}");
    told(&world, Way::Mail);
    nowhere(&world);
    world.seat("dev-a").run("cat /proc/*/environ | tr '\\0' '\\n' | grep -c hunter2").says("0");
}

#[test]
fn a_certificate_that_is_not_trusted_gets_neither_password_nor_mail() {
    let world = World::python();
    let mail = Post::mail(Manner::Starttls);
    starttls(&world, mail.address, false);
    let world = world.bootstrap();
    freeze(&world);
    let why = failure(&world, Way::Mail);
    assert!(why.contains("certificate"), "{why}");
    assert!(mail.taken().is_empty());
    world.owner(&["status"]).ok().says("mail");
}

#[test]
fn a_server_that_says_our_password_back_is_not_quoted() {
    let world = World::python();
    let mail = Post::mail(Manner::Tattling);
    starttls(&world, mail.address, true);
    let world = world.bootstrap();
    freeze(&world);
    assert!(failure(&world, Way::Mail).ends_with("the server refused it with code 535"));
    nowhere(&world);
}

#[test]
fn a_server_that_hangs_has_failed_and_one_that_is_down_is_tried_again() {
    let world = World::python();
    let silent = Post::mail(Manner::Silent);
    plain(&world, silent.address, "timeout_seconds = 1\n");
    let world = world.bootstrap();
    freeze(&world);
    let why = failure(&world, Way::Mail);
    assert!(why.contains("within 1 s") || why.contains("in time"), "{why}");
    world.down().ok();

    let world = World::python();
    let address = Post::nowhere();
    plain(&world, address, "");
    let world = world.bootstrap();
    freeze(&world);
    assert!(failure(&world, Way::Mail).contains("cannot send mail by 127.0.0.1"));
    let mail = Post::mail_at(address, Manner::Plain);
    world.ahead(31);
    // Whatever grows the ledger makes the supervisor look at its clock.
    world.seat("dev-a").run("orchestrate mail send dev-b --subject hello --body there").ok();
    mail.wait(|text| text.contains("FROZEN"));
    told(&world, Way::Mail);
}

#[test]
fn the_report_of_yesterday_goes_out_by_itself_sealed_and_is_missed_when_it_does_not() {
    let world = World::python();
    let address = Post::nowhere();
    plain(&world, address, "");
    let world = world.bootstrap();
    world.seat("dev-a").run("git commit -q --allow-empty -m x; git push origin HEAD:main");
    let wake = || world.seat("dev-a").run("orchestrate mail send dev-b --subject hello --body there").ok();
    world.ahead(86_400);
    wake();
    failure(&world, Way::Mail);
    // However late in the day the test runs: three hours on it is after the time of grace, and perhaps another day.
    world.ahead(86_400 + 3 * 3600 + 60);
    wake();
    let due = |entry: &orchestrate::domain::entry::Entry| match &entry.event {
        Event::Alert(Alert::Overdue { day }) => Some(day.clone()),
        _ => None,
    };
    world.wait_for("the alarm", due);
    let mail = Post::mail_at(address, Manner::Plain);
    world.ahead(86_400 + 5 * 3600);
    wake();
    let letter = unbroken(&mail.wait(|text| text.contains("DAILY SECURITY REPORT")));
    assert!(
        letter.contains("report.dsse.json") && letter.contains("text/html") && letter.contains("A day without one is an alarm"),
        "{letter}"
    );
    let (day, digest) = world.wait_for("the report's entry", |entry| match &entry.event {
        Event::Alert(Alert::Reported { day, digest, .. }) => Some((day.clone(), digest.clone())),
        _ => None,
    });
    let sealed = attached(&letter, "report.dsse.json");
    let envelope: Envelope = serde_json::from_slice(&sealed).unwrap();
    let gatekeeper = world.fold().keys[&Party::Gatekeeper].certificate.clone();
    let mut certs = Certs::default();
    certs.add(&gatekeeper).unwrap();
    let (payload, _) = open(&envelope, &certs).unwrap();
    assert_eq!(orchestrate::domain::name::Digest::of(&payload), digest, "the ledger knows what was mailed");
    let report: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((report["span"]["name"].as_str(), report["over"].as_bool()), (Some(day.as_str()), Some(true)));
    let now: serde_json::Value =
        serde_json::from_str(&world.owner(&["report", "daily", "--date", &day, "--format", "json"]).ok().out).unwrap();
    assert_eq!(now, report, "it comes out the same again");
    world.owner(&["report", "weekly", "--mail"]).ok().says("mailed to owner@example.org");
    mail.wait(|text| text.contains("WEEKLY SECURITY REPORT"));
}

/// Quoted-printable undone, as far as our own letters need it.
fn unbroken(letter: &str) -> String {
    letter.replace("=\r\n", "").replace("=3D", "=")
}

/// The bytes of one attachment.
fn attached(letter: &str, name: &str) -> Vec<u8> {
    let part = letter.split(&format!("filename=\"{name}\"")).nth(1).unwrap_or_else(|| panic!("{name} is not attached: {letter}"));
    let (head, rest) = part.split_once("\r\n\r\n").unwrap();
    let body = rest.split("\r\n--").next().unwrap();
    if head.contains("base64") {
        let text: String = body.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD.decode(text).unwrap()
    } else {
        body.as_bytes().to_vec()
    }
}
