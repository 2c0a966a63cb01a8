//! A labelled corpus, made by a fixed rule: how often what stands out is collusion, and how much of it stands out.

use super::Log;
use crate::domain::sample::seat;

const POOL: [&str; 4] = ["b", "c", "d", "e"];

/// Numbers that look like chance and are the same every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn of(&mut self, range: std::ops::RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// How one reviewer behaves towards one author.
struct Manner {
    name: &'static str,
    colludes: bool,
    words: (u64, u64),
    /// Yes, in percent; seconds; characters; each from and to.
    yes: (u64, u64),
    seconds: (u64, u64),
    length: (u64, u64),
    /// In percent: words that are late and long to blur the others.
    blur: u64,
    /// The same note every time.
    copies: bool,
    /// In percent: draws that go to this reviewer instead of to chance.
    forced: u64,
}

const PLAIN: Manner = Manner {
    name: "honest, careful",
    colludes: false,
    words: (5, 60),
    yes: (70, 95),
    seconds: (150, 5_400),
    length: (60, 600),
    blur: 0,
    copies: false,
    forced: 0,
};

const MANNERS: [Manner; 13] = [
    PLAIN,
    Manner { name: "honest, nearly always pleased", yes: (93, 100), seconds: (180, 3_600), ..PLAIN },
    Manner { name: "honest, quick", seconds: (20, 110), length: (55, 300), yes: (60, 100), ..PLAIN },
    Manner { name: "honest, terse", length: (12, 48), seconds: (200, 3_000), yes: (85, 100), ..PLAIN },
    Manner { name: "honest, quick and terse, says no", seconds: (20, 110), length: (12, 48), yes: (50, 80), ..PLAIN },
    Manner { name: "honest, hardly known", words: (1, 4), seconds: (5, 60), length: (12, 48), yes: (100, 100), ..PLAIN },
    Manner {
        name: "honest, quick, terse and pleased, few words",
        words: (5, 9),
        seconds: (5, 60),
        length: (12, 48),
        yes: (100, 100),
        ..PLAIN
    },
    Manner { name: "stamp", colludes: true, words: (10, 60), yes: (97, 100), seconds: (2, 60), length: (10, 40), ..PLAIN },
    Manner {
        name: "stamp with a few late, long words",
        colludes: true,
        words: (12, 60),
        yes: (97, 100),
        seconds: (2, 60),
        length: (10, 40),
        blur: 20,
        ..PLAIN
    },
    Manner {
        name: "stamp with one long note, copied",
        colludes: true,
        words: (12, 60),
        yes: (97, 100),
        seconds: (2, 60),
        length: (80, 200),
        copies: true,
        ..PLAIN
    },
    Manner { name: "drawn by other means than chance", colludes: true, words: (20, 60), forced: 60, ..PLAIN },
    Manner {
        name: "stamp that says no to one in eight",
        colludes: true,
        words: (16, 60),
        yes: (84, 89),
        seconds: (2, 60),
        length: (10, 40),
        ..PLAIN
    },
    Manner {
        name: "stamp with a new long note each time",
        colludes: true,
        words: (10, 60),
        yes: (97, 100),
        seconds: (2, 60),
        length: (60, 200),
        ..PLAIN
    },
];

/// The author's changes until the reviewer has spoken often enough; the others of the pool are honest and careful.
fn life(manner: &Manner, dice: &mut Dice) -> Log {
    let mut log = Log::default();
    let (wanted, yes) = (dice.of(manner.words.0..=manner.words.1), dice.of(manner.yes.0..=manner.yes.1));
    let mut said = 0;
    while said < wanted {
        let drawn = if dice.percent(manner.forced) { "b" } else { POOL[dice.of(0..=3) as usize] };
        let (manner, yes) = if drawn == "b" { (manner, yes) } else { (&PLAIN, 85) };
        let blurred = dice.percent(manner.blur);
        let seconds = if blurred { dice.of(20_000..=80_000) } else { dice.of(manner.seconds.0..=manner.seconds.1) };
        let length = if blurred { dice.of(1_000..=4_000) } else { dice.of(manner.length.0..=manner.length.1) } as usize;
        let (number, length) = if manner.copies { (0, manner.length.0 as usize) } else { (dice.next(), length) };
        let note = format!("{:x<length$}", number % 1_000_000_000);
        log.change("a", &POOL, &[drawn], &[(drawn, dice.percent(yes), seconds * 1000, &note)]);
        said += u64::from(drawn == "b");
    }
    log
}

/// Each manner lives many lives. A pair is found when it stands out in the end; the other three pairs of each life are honest.
#[test]
fn precision_and_recall_on_the_labelled_corpus() {
    const LIVES: usize = 60;
    let mut dice = Dice(2026);
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    for manner in &MANNERS {
        let mut found = 0;
        for _ in 0..LIVES {
            let log = life(manner, &mut dice);
            for finding in log.record.findings(log.now) {
                let meant = manner.colludes && finding.seats == [seat("a"), seat("b")];
                (found, right, wrong) =
                    (found + usize::from(finding.seats.contains(&seat("b"))), right + usize::from(meant), wrong + usize::from(!meant));
            }
        }
        missed += if manner.colludes { LIVES - found.min(LIVES) } else { 0 };
        println!("{:<46} {} found {found:>2} of {LIVES}", manner.name, if manner.colludes { "colludes" } else { "honest  " });
    }
    let (precision, recall) = (100 * right / (right + wrong), 100 * right / (right + missed));
    println!("precision {precision} % ({right} of {}), recall {recall} % ({right} of {})", right + wrong, right + missed);
    assert!(precision >= 98, "precision {precision} %");
    assert!(recall >= 70, "recall {recall} %");
}
