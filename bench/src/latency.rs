//! Percentiles of measured times.

use std::time::Duration;

/// Measured times, to be summed up once.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<Duration>);

/// What is reported of them, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many were measured.
    pub count: usize,
    /// Half of them took at most this.
    pub p50_ms: f64,
    /// 99 of 100 took at most this.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Latencies {
    /// Adds one.
    pub fn record(&mut self, elapsed: Duration) {
        self.0.push(elapsed);
    }

    /// Percentiles by the nearest-rank method; all zero when nothing was measured.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let Some(last) = sorted.last() else { return Summary::default() };
        let rank = |per_cent: usize| sorted[(sorted.len() * per_cent).div_ceil(100).max(1) - 1];
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        Summary { count: sorted.len(), p50_ms: ms(rank(50)), p99_ms: ms(rank(99)), max_ms: ms(*last) }
    }
}

/// The middle of a few measurements; the mean of the two middle ones when their number is even, 0 for none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut latencies = Latencies::default();
        for ms in (1..=200).rev() {
            latencies.record(Duration::from_millis(ms));
        }
        let summary = latencies.summary();
        assert_eq!((summary.p50_ms, summary.p99_ms, summary.max_ms), (100.0, 198.0, 200.0));
        assert_eq!(Latencies::default().summary(), Summary::default());
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < f64::EPSILON);
        assert!((median(&[9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
    }
}
