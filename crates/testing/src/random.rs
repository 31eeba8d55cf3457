//! Random numbers that can be repeated.

/// Steele, Lea and Flood's SplitMix64: the same seed gives the same numbers on every machine, so
/// that a test which fails on random changes says its seed and can be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Returns the generator for `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 up to, but not including, `limit`, which must not be 0. The bias is
    /// far below what a test could notice.
    pub fn below(&mut self, limit: usize) -> usize {
        assert!(limit > 0, "nothing is below 0");
        let wide = u128::from(self.next_u64()) * limit as u128;
        usize::try_from(wide >> 64).expect("the quotient is below limit, which is a usize")
    }

    /// Returns true `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns one of `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Puts `items` in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Returns `length` random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_numbers() {
        let mut random = SplitMix64::new(1_234_567);
        let numbers = [(); 5].map(|()| random.next_u64());
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn numbers_stay_below_the_limit_and_reach_all_of_it() {
        let mut random = SplitMix64::new(1);
        let mut seen = [0_u32; 6];
        for _ in 0..600 {
            seen[random.below(6)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
    }

    #[test]
    #[should_panic(expected = "nothing is below 0")]
    fn an_empty_choice_fails() {
        let _ = SplitMix64::new(1).pick::<u8>(&[]);
    }

    #[test]
    fn chances_are_kept() {
        let mut random = SplitMix64::new(7);
        assert!((0..100).all(|_| random.chance(100) && !random.chance(0)));
        let hits = (0..1_000).filter(|_| random.chance(30)).count();
        assert!((240..360).contains(&hits), "{hits}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        SplitMix64::new(3).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn bytes_have_the_length_asked_for_and_repeat_with_the_seed() {
        for length in [0, 1, 8, 13] {
            let bytes = SplitMix64::new(9).bytes(length);
            assert_eq!(bytes.len(), length);
            assert_eq!(bytes, SplitMix64::new(9).bytes(length));
        }
    }
}
