//! The exact test: how often chance names a seat at least so many times in draws of different size. Fixed point, no floats.

/// One, as a fixed-point number; a product of two such numbers fits 128 bits.
const ONE: u128 = 1 << 60;
const MILLION: u128 = 1_000_000;

/// In how many of a million workshops at least `times` of these draws name a given seat; each draw takes so many seats of so many.
///
/// The sum of unlike coin tosses, built toss by toss; with `n` tosses it is off by less than `n` in 2^60, and rounded up.
pub fn more_often(draws: &[(u64, u64)], times: usize) -> u64 {
    let mut odds = vec![0_u128; draws.len() + 1];
    odds[0] = ONE;
    for (at, (seats, pool)) in draws.iter().enumerate() {
        let yes = ONE * u128::from(*seats.min(pool)) / u128::from(*pool).max(1);
        for count in (0..=at + 1).rev() {
            let before = if count > 0 { product(odds[count - 1], yes) } else { 0 };
            odds[count] = product(odds[count], ONE - yes) + before;
        }
    }
    let tail: u128 = odds.iter().skip(times).sum();
    u64::try_from((tail * MILLION).div_ceil(ONE)).unwrap_or(u64::MAX).min(1_000_000)
}

fn product(a: u128, b: u128) -> u128 {
    (a * b) >> 60
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are those of the binomial distribution, worked out by fractions elsewhere.
    #[test]
    fn equal_draws_are_the_binomial_distribution() {
        let rows = [
            (1, 2, 1, 1, 500_000),
            (1, 2, 10, 10, 977),
            (1, 2, 10, 9, 10_743),
            (1, 4, 10, 10, 1),
            (1, 4, 5, 5, 977),
            (1, 4, 10, 8, 416),
            (2, 4, 10, 10, 977),
            (1, 4, 10, 0, 1_000_000),
            (1, 1, 7, 7, 1_000_000),
        ];
        for (seats, pool, draws, times, expected) in rows {
            assert_eq!(more_often(&vec![(seats, pool); draws], times), expected, "{seats} of {pool}, {times} of {draws}");
        }
    }

    #[test]
    fn unlike_draws_count_each_with_its_own_odds() {
        assert_eq!(more_often(&[(1, 2), (1, 4)], 2), 125_000);
        assert_eq!(more_often(&[(1, 2), (1, 4)], 1), 625_000);
        assert_eq!(more_often(&[(1, 4), (1, 2)], 1), 625_000);
        assert_eq!(more_often(&[], 0), 1_000_000);
        assert_eq!(more_often(&[], 1), 0);
    }

    #[test]
    fn many_draws_neither_overflow_nor_lose_the_sum() {
        let draws = vec![(1, 3); 200];
        assert_eq!(more_often(&draws, 0), 1_000_000);
        assert!(more_often(&draws, 66) > more_often(&draws, 67));
        assert!(more_often(&draws, 200) <= 1);
    }
}
