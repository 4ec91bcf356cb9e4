//! The order in which connections get their packets: each as often as the other, or few of them most of the time.
//!
//! Connections must not come in the order of their insertion: neighbours in the table would be neighbours in time.

/// Steele, Lea and Flood's SplitMix64: small, fast, and good enough to shuffle with.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    #[expect(clippy::cast_possible_truncation, reason = "the product's upper half is less than `end`")]
    pub(crate) const fn below(&mut self, end: u32) -> u32 {
        ((self.bits() as u128 * end as u128) >> 64) as u32
    }

    /// A fraction, from 0 up to but not including 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what the fraction has room for")]
    pub(crate) const fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The numbers below `count`, each once, in random order.
pub(crate) fn shuffled(count: u32, random: &mut Random) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count).collect();
    for last in (1..count).rev() {
        numbers.swap(last as usize, random.below(last + 1) as usize);
    }
    numbers
}

/// Zipf's law with exponent 1: of `count` connections, the one of rank k gets its turn in proportion to 1/k.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipf {
    count: u32,
}

impl Zipf {
    /// The law for ranks 1 to `count`.
    pub(crate) const fn new(count: u32) -> Self {
        Self { count }
    }

    /// A rank, counted from 0.
    ///
    /// By rejection: exp of a uniform number, rounded down, is k with a probability in proportion to ln(1 + 1/k). What
    /// 1/k is in proportion to that falls from 1 / ln 2 for k = 1, which is always taken, to 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 32 bits")]
    pub(crate) fn rank(self, random: &mut Random) -> u32 {
        let end = (f64::from(self.count) + 1.0).ln();
        loop {
            let rank = (random.fraction() * end).exp().floor().clamp(1.0, f64::from(self.count));
            let wanted_by_offered = 1.0 / (rank * (1.0 / rank).ln_1p());
            if random.fraction() * std::f64::consts::LN_2.recip() < wanted_by_offered {
                return rank as u32 - 1;
            }
        }
    }
}

/// `length` picks out of `connections`, whose order says who has which rank.
pub(crate) fn zipf_picks(connections: &[u32], length: usize, random: &mut Random) -> Vec<u32> {
    let zipf = Zipf::new(u32::try_from(connections.len()).unwrap_or(u32::MAX));
    (0..length).map(|_| connections[zipf.rank(random) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_keeps_everybody_and_hardly_anybody_in_place() {
        let numbers = shuffled(10_000, &mut Random::new(1));
        let in_place = (0..).zip(&numbers).filter(|(place, number)| place == *number).count();
        assert!(in_place < 10, "{in_place} are where they were");
        assert_eq!(numbers, shuffled(10_000, &mut Random::new(1)), "a seed gives one order");
        assert_ne!(numbers, shuffled(10_000, &mut Random::new(2)));
        let mut sorted = numbers;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10_000).collect::<Vec<_>>());
    }

    /// A million draws against the law: each of the first ranks within five standard deviations, and the far half
    /// together, too.
    #[test]
    fn ranks_follow_zipf_s_law() {
        const COUNT: u32 = 1_000;
        const DRAWS: u32 = 1_000_000;
        let (mut random, mut drawn) = (Random::new(1), vec![0_u32; COUNT as usize]);
        (0..DRAWS).for_each(|_| drawn[Zipf::new(COUNT).rank(&mut random) as usize] += 1);
        let harmonic = |ranks: std::ops::RangeInclusive<u32>| ranks.map(|k| 1.0 / f64::from(k)).sum::<f64>();
        let check = |ranks: std::ops::RangeInclusive<u32>| {
            let probability = harmonic(ranks.clone()) / harmonic(1..=COUNT);
            let expected = f64::from(DRAWS) * probability;
            let deviation = (expected * (1.0 - probability)).sqrt();
            let found: u32 = ranks.clone().map(|rank| drawn[rank as usize - 1]).sum();
            assert!(
                (f64::from(found) - expected).abs() < 5.0 * deviation,
                "{ranks:?}: {found} for {expected:.0}"
            );
        };
        (1..=20).for_each(|rank| check(rank..=rank));
        check(COUNT / 2..=COUNT);
    }
}
