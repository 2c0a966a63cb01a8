//! What the screen hears: keys, signals, and a new page whenever the ledger has grown.

use crate::domain::failure::{Doing as _, Failure};
use crate::interface::client::Client;
use crate::supervisor::protocol::Request;
use crate::view::Dashboard;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long one question waits for the next entry; after it the ages on the screen are told anew.
const WAIT: u32 = 10;
/// The shortest time between two pages, however fast the ledger grows, and between two tries to reach a supervisor that is gone.
const PACE: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_secs(2);

/// One thing that happened.
pub enum Heard {
    Page(Box<Dashboard>),
    /// The supervisor does not answer; it is asked again.
    Lost(String),
    Key(KeyEvent),
    Resized,
    /// This process was told to end.
    Signal,
    /// A part that should go on for ever has ended.
    Ended(&'static str),
}

/// The parts that listen, each a thread.
pub struct Feed {
    heard: Receiver<Heard>,
    /// Lets the keyboard be read again: while another program has the terminal, its keys are not ours.
    keyboard: Sender<()>,
    /// Ends the pause between two pages when it is dropped.
    _pace: Sender<()>,
}

/// Tells that a thread has ended, however it did.
struct Farewell(Sender<Heard>, &'static str);

impl Drop for Farewell {
    fn drop(&mut self) {
        drop(self.0.send(Heard::Ended(self.1)));
    }
}

impl Feed {
    pub fn start(client: &Client, known: u64) -> Result<Self, Failure> {
        let (tell, heard) = channel();
        let ((keyboard, go), (pace, paced)) = (channel(), channel());
        spawn("the keyboard", &tell, move |tell| listen(tell, &go))?;
        let client = client.clone();
        spawn("the ledger's stream", &tell, move |tell| follow(&client, known, tell, &paced))?;
        let (ready, listens) = channel();
        spawn("the signals", &tell, move |tell| signals(tell, &ready))?;
        // Before anything is drawn: a signal that comes early finds somebody who puts the terminal right.
        listens.recv().doing("cannot wait for signals")?;
        Ok(Self { heard, keyboard, _pace: pace })
    }

    pub fn next(&self) -> Heard {
        self.heard.recv().unwrap_or(Heard::Ended("everything"))
    }

    /// The key that was heard is dealt with, one call for each. A keyboard that is gone has said so itself.
    pub fn next_key(&self) {
        match self.keyboard.send(()) {
            Ok(()) | Err(_) => {}
        }
    }
}

fn spawn(what: &'static str, tell: &Sender<Heard>, work: impl FnOnce(&Sender<Heard>) + Send + 'static) -> Result<(), Failure> {
    let tell = tell.clone();
    let body = move || {
        let farewell = Farewell(tell.clone(), what);
        work(&tell);
        drop(farewell);
    };
    std::thread::Builder::new().name(what.to_owned()).spawn(body).map(drop).doing("cannot start the dashboard")
}

/// Reads one event at a time; after a key nothing is read until it is dealt with.
fn listen(tell: &Sender<Heard>, go: &Receiver<()>) {
    while let Ok(event) = event::read() {
        let heard = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Heard::Key(key),
            Event::Resize(..) => Heard::Resized,
            Event::Key(_) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Paste(_) => continue,
        };
        let waits = matches!(heard, Heard::Key(_));
        if tell.send(heard).is_err() || (waits && go.recv().is_err()) {
            return;
        }
    }
}

/// Asks for the next page for ever; the supervisor answers when there is one.
fn follow(client: &Client, mut since: u64, tell: &Sender<Heard>, pace: &Receiver<()>) {
    loop {
        let (heard, pause) = match client.read::<Dashboard>(&Request::Dashboard { since, wait: WAIT }) {
            Ok(page) => {
                since = page.from + page.entries.len() as u64;
                (Heard::Page(Box::new(page)), PACE)
            }
            Err(trouble) => (Heard::Lost(trouble.lines()), RETRY),
        };
        if tell.send(heard).is_err() || pace.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// Waits for the signals that end a program.
fn signals(tell: &Sender<Heard>, ready: &Sender<()>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let told = runtime.block_on(async {
        let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()].map(signal);
        let [Ok(mut end), Ok(mut gone), Ok(mut interrupt), Ok(mut quit)] = kinds else { return None };
        ready.send(()).ok()?;
        tokio::select! {
            told = end.recv() => told,
            told = gone.recv() => told,
            told = interrupt.recv() => told,
            told = quit.recv() => told,
        }
    });
    if told.is_some() {
        drop(tell.send(Heard::Signal));
    }
}
