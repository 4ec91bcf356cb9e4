//! Means that interruptions are not in: on a machine that others use too, a few pieces of work in a thousand are stopped
//! in the middle, for as long as a thousand of them take.

/// Of so many values, one is left out.
const ONE_OF: usize = 64;

/// The mean of all but the greatest values: one in 64, and one at least if there are two.
pub(crate) fn mean(values: &mut [u64]) -> f64 {
    values.sort_unstable();
    let kept = values.len() - values.len().div_ceil(ONE_OF).min(values.len().saturating_sub(1));
    values[..kept].iter().sum::<u64>() as f64 / kept as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_left_out() {
        let mut values: Vec<u64> =
            (0..640).map(|value| if value % 64 == 5 { 1_000_000 } else { 10 }).collect();
        assert_eq!(mean(&mut values), 10.0);
        let mut values: Vec<u64> =
            (0..640).map(|value| if value % 32 == 5 { 1_000_000 } else { 10 }).collect();
        assert!(mean(&mut values) > 10_000.0, "what is frequent is no interruption");
        assert_eq!(mean(&mut [7]), 7.0);
        assert_eq!(mean(&mut [7, 1_000]), 7.0);
    }
}
