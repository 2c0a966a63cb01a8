//! The screen at two sizes as it stands in `tests/*.txt`, and what the keys do.

use super::board::{Board, Mode, Wish};
use super::draw;
use super::keys::press;
use crate::domain::command::Act;
use crate::domain::lock;
use crate::domain::message::Priority;
use crate::domain::name::SeatName;
use crate::interface::rows::{Panel, Skin};
use crate::view::tests::Journey;
use crate::view::{self, Dashboard};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn seat(name: &str) -> SeatName {
    SeatName::new(name).unwrap()
}

/// A workshop with a task before DEPLOY, a lock, mail and refusals, and seats that write what they should not.
fn journey() -> Journey {
    let mut journey = Journey::at_deploy();
    journey.mail();
    let wish = lock::Wish { paths: vec!["src/auth/**".to_owned()], priority: Priority::Normal, wait: None };
    journey.run(&crate::view::tests::dev(), Act::Lock { wish });
    journey.run(&crate::view::tests::dev(), Act::Freeze { reason: "mine\u{1b}[2J".into() });
    journey
}

fn page(journey: &Journey) -> Dashboard {
    let mut page = view::dashboard(&journey.state, journey.state.now + 5_000);
    page.from = 0;
    page.entries = journey.entries.iter().map(|entry| String::from_utf8(entry.bytes()).unwrap()).collect();
    page
}

fn board(journey: &Journey) -> Board {
    let mut board = Board::new(Skin { colour: false, unicode: true });
    assert_eq!(board.take(page(journey)), journey.state.len);
    board
}

fn screen(board: &Board, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(frame, board)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let row = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| format!("{}\n", row(y).trim_end())).collect()
}

fn key(board: &mut Board, code: KeyCode) -> Wish {
    press(board, KeyEvent::new(code, KeyModifiers::NONE))
}

fn typed(board: &mut Board, text: &str) -> Vec<Wish> {
    text.chars().map(|typed| key(board, KeyCode::Char(typed))).collect()
}

/// Compares with the file beside this one; `UPDATE_SCREENS=1` writes it anew.
#[track_caller]
fn looks_like(name: &str, screen: &str) {
    let path = format!("{}/src/interface/tui/tests/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, screen).unwrap();
    }
    assert_eq!(screen, std::fs::read_to_string(&path).unwrap_or_default(), "UPDATE_SCREENS=1 cargo test --lib tui");
}

#[test]
fn the_screen_stands_as_it_is_written_down() {
    let journey = journey();
    let mut board = board(&journey);
    looks_like("80x24", &screen(&board, 80, 24));
    looks_like("160x50", &screen(&board, 160, 50));
    key(&mut board, KeyCode::Char('?'));
    looks_like("help", &screen(&board, 80, 24));
    key(&mut board, KeyCode::Esc);
    board.focus = Panel::Tasks;
    key(&mut board, KeyCode::Enter);
    looks_like("task", &screen(&board, 80, 24));
    board = self::board(&journey);
    board.skin.unicode = false;
    let plain = screen(&board, 80, 24);
    assert!(plain.is_ascii(), "{plain}");
}

#[test]
fn no_size_of_terminal_is_too_odd() {
    let board = board(&journey());
    for (width, height) in [(1, 1), (20, 5), (40, 14), (79, 23), (119, 30), (120, 15), (400, 100), (80, 500)] {
        screen(&board, width, height);
    }
    assert!(screen(&board, 30, 10).contains("too small"));
    assert!(screen(&Board::new(board.skin), 80, 24).contains("no seats"));
}

#[test]
fn what_seats_wrote_cannot_act_on_the_terminal() {
    let mut board = board(&journey());
    for panel in Panel::ALL {
        board.focus = panel;
        for row in board.rows(panel) {
            let told = row.told.iter().map(|(_, text)| text.as_str());
            let all: String = row.words.iter().map(|word| word.text.as_str()).chain(told).collect();
            assert!(!all.chars().any(view::text::is_treacherous), "{panel:?}: {all:?}");
        }
        key(&mut board, KeyCode::Enter);
        let shown = screen(&board, 160, 50);
        assert!(!shown.chars().any(|c| c != '\n' && view::text::is_treacherous(c)), "{shown}");
        key(&mut board, KeyCode::Esc);
    }
    typed(&mut board, "/\u{1b}[2J\u{202e}");
    assert!(!screen(&board, 80, 24).chars().any(|c| c != '\n' && view::text::is_treacherous(c)));
}

#[test]
fn a_freeze_is_asked_for_twice_and_any_other_key_is_no() {
    let mut board = board(&journey());
    key(&mut board, KeyCode::Char('F'));
    key(&mut board, KeyCode::Enter);
    assert!(matches!(board.mode, Mode::Reason(_)), "a freeze has a reason");
    assert!(typed(&mut board, "qy\u{fffd}").iter().all(|wish| *wish == Wish::Nothing));
    key(&mut board, KeyCode::Backspace);
    assert_eq!(key(&mut board, KeyCode::Enter), Wish::Nothing);
    assert_eq!(board.mode, Mode::Sure("qy".to_owned()));
    assert!(screen(&board, 80, 24).contains("Freeze everything now: qy"));
    assert_eq!(key(&mut board, KeyCode::Enter), Wish::Nothing);
    assert!(screen(&board, 80, 24).contains("not frozen"));
    typed(&mut board, "Fodd");
    key(&mut board, KeyCode::Enter);
    assert_eq!(typed(&mut board, "y"), [Wish::Freeze("odd".to_owned())]);
}

#[test]
fn a_frozen_workshop_says_so_first_and_is_not_frozen_again() {
    let mut journey = journey();
    journey.run(&crate::domain::actor::Actor::Owner, Act::Freeze { reason: "odd".into() });
    let mut board = board(&journey);
    let shown = screen(&board, 80, 24);
    assert!(shown.starts_with(" FROZEN "), "{shown}");
    assert!(board.rows(Panel::Alerts)[0].words.iter().any(|word| word.text.contains("odd")));
    key(&mut board, KeyCode::Char('F'));
    assert_eq!(board.mode, Mode::Browse);
}

#[test]
fn keys_go_where_people_expect() {
    let mut board = board(&journey());
    assert_eq!(key(&mut board, KeyCode::Enter), Wish::Attach(seat("orchestrator")));
    typed(&mut board, "jj");
    key(&mut board, KeyCode::Up);
    assert_eq!(key(&mut board, KeyCode::Enter), Wish::Attach(board.page.as_ref().unwrap().status.seats[1].seat.clone()));
    typed(&mut board, "G");
    let last = board.page.as_ref().unwrap().status.seats.last().unwrap().seat.clone();
    assert_eq!(key(&mut board, KeyCode::Enter), Wish::Attach(last));
    let visited: Vec<Panel> = (0..6)
        .map(|_| {
            key(&mut board, KeyCode::Tab);
            board.focus
        })
        .collect();
    assert_eq!(visited, [Panel::Tasks, Panel::Mail, Panel::Locks, Panel::Alerts, Panel::Ledger, Panel::Seats]);
    key(&mut board, KeyCode::BackTab);
    assert_eq!(board.focus, Panel::Ledger);
    assert_eq!(typed(&mut board, "q"), [Wish::Quit]);
    assert_eq!(press(&mut board, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Wish::Quit);
}

#[test]
fn a_search_keeps_what_holds_it_everywhere() {
    let mut board = board(&journey());
    let all = board.rows(Panel::Seats).len();
    assert!(typed(&mut board, "/DEV-A").iter().all(|wish| *wish == Wish::Nothing));
    assert_eq!(board.rows(Panel::Seats).len(), 1);
    assert!(board.rows(Panel::Ledger).iter().all(|row| row.holds("dev-a")));
    key(&mut board, KeyCode::Enter);
    assert_eq!(key(&mut board, KeyCode::Enter), Wish::Attach(seat("dev-a")));
    assert!(screen(&board, 80, 24).contains("only what holds"));
    key(&mut board, KeyCode::Esc);
    assert_eq!(board.rows(Panel::Seats).len(), all);
}

#[test]
fn the_ledgers_end_is_followed_until_the_reader_goes_up() {
    let mut journey = journey();
    let mut board = board(&journey);
    board.focus = Panel::Ledger;
    let last = board.chosen().unwrap().key;
    let more = |board: &mut Board, journey: &mut Journey| {
        let from = journey.state.len;
        journey.mail();
        let mut next = page(journey);
        next.entries.drain(..usize::try_from(from).unwrap());
        next.from = from;
        board.take(next);
    };
    more(&mut board, &mut journey);
    assert_ne!(board.chosen().unwrap().key, last, "it follows");
    typed(&mut board, "k");
    let held = board.chosen().unwrap().key;
    more(&mut board, &mut journey);
    assert_eq!(board.chosen().unwrap().key, held, "it stays");
    typed(&mut board, "G");
    assert_eq!(board.chosen().unwrap().key, format!("entry {}", journey.state.len - 1));
}
