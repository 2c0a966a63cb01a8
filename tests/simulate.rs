//! The rules under simulation: a seed draws acts by hostile and honest seats, crashes, lost, doubled and late effects; the laws are asked
//! after each step, and at the end every change that is under way comes to an end. A law that breaks names its seed:
//! `SEED=17 cargo test --test all simulate`. All of it: `SEEDS=10000 cargo test --test all simulate`.

mod laws;
mod shop;

use shop::{Shop, Step};

const SEEDS: u64 = 200;
const STEPS: u32 = 64;

/// What a life had in it, so that the laws are not true of nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub merges: u64,
    pub refusals: u64,
    pub crashes: u64,
    pub freezes: u64,
    pub landings: u64,
    pub sent_back: u64,
    pub locks: u64,
    pub carried: u64,
}

#[test]
fn the_laws_hold_whatever_seats_do() {
    let one = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let many = std::env::var("SEEDS").ok().and_then(|many| many.parse().ok()).unwrap_or(SEEDS);
    let seeds = one.map_or(0..many, |seed| seed..seed + 1);
    let wide = seeds.end - seeds.start > 1;
    let (even, odd): (Vec<u64>, Vec<u64>) = seeds.partition(|seed| seed % 2 == 0);
    let other = std::thread::spawn(move || live_all(&odd));
    let mut all = live_all(&even);
    all.add(other.join().unwrap_or_else(|why| std::panic::resume_unwind(why)));
    let lived = [all.merges, all.refusals, all.crashes, all.freezes, all.landings, all.sent_back, all.locks];
    assert!(!wide || lived.iter().all(|count| *count > 20), "too little happened: {all:?}");
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.merges += other.merges;
        self.refusals += other.refusals;
        self.crashes += other.crashes;
        self.freezes += other.freezes;
        self.landings += other.landings;
        self.sent_back += other.sent_back;
        self.locks += other.locks;
        self.carried += other.carried;
    }
}

fn live_all(seeds: &[u64]) -> Tally {
    let mut all = Tally::default();
    seeds.iter().for_each(|seed| all.add(live(*seed)));
    all
}

fn live(seed: u64) -> Tally {
    let mut shop = Shop::open(seed);
    let mut laws = laws::Laws::new(&shop);
    for number in 0..STEPS {
        let step: Step = shop.step();
        if let Err(broken) = laws.hold(&shop, &step) {
            panic!("seed {seed}, step {number}, {}: {broken}\n{step:?}\nagain: SEED={seed} cargo test --test all simulate", step.act);
        }
    }
    let end = shop.finish().and_then(|step| laws.hold(&shop, &step));
    if let Err(broken) = end {
        panic!("seed {seed}, at the end: {broken}\nagain: SEED={seed} cargo test --test all simulate");
    }
    laws.tally
}

/// A law that nobody can break is no law: each sees its own breach.
#[test]
fn the_laws_see_a_breach() {
    laws::see_breaches();
}
