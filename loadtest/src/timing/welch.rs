//! Whether two samples have the same mean: Welch's t (Biometrika 34, 1947), which asks for neither
//! equal variances nor equal sizes.

use serde::Serialize;

use crate::stats::thousandths;

/// Part of the pooled values that a cropped test keeps: the smallest ones (Reparaz, Balasch and
/// Verbauwhede, "Dude, is my code constant time?", 2017). What the scheduler adds lies above.
const CROP_AT: f64 = 0.95;

/// What is needed of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Sample {
    pub(super) n: usize,
    pub(super) mean: f64,
    /// With n - 1.
    pub(super) variance: f64,
}

/// The statistic and its degrees of freedom (Welch-Satterthwaite).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Welch {
    pub(super) t: f64,
    pub(super) degrees: f64,
}

impl Sample {
    /// Reads values; `None` of fewer than two.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { n, mean, variance: squares / (n - 1) as f64 })
    }

    /// The same with figures that do not pretend to more than they are.
    pub(super) fn rounded(self) -> Self {
        Self { mean: thousandths(self.mean), variance: thousandths(self.variance), ..self }
    }

    /// Variance of the mean.
    fn error(&self) -> f64 {
        self.variance / self.n as f64
    }
}

impl Welch {
    /// Compares two samples; `None` where neither varies.
    pub(super) fn of(one: &Sample, other: &Sample) -> Option<Self> {
        let both = one.error() + other.error();
        if both <= 0.0 {
            return None;
        }
        let part = |sample: &Sample| sample.error().powi(2) / (sample.n - 1) as f64;
        Some(Self {
            t: thousandths((one.mean - other.mean) / both.sqrt()),
            degrees: thousandths(both.powi(2) / (part(one) + part(other))),
        })
    }

    /// Compares two lists of values.
    pub(super) fn raw(one: &[f64], other: &[f64]) -> Option<Self> {
        Self::of(&Sample::of(one)?, &Sample::of(other)?)
    }

    /// Compares what lies at or below the 95th percentile of both together.
    pub(super) fn cropped(one: &[f64], other: &[f64]) -> Option<Self> {
        let mut pooled = [one, other].concat();
        pooled.sort_by(f64::total_cmp);
        let at = (pooled.len() as f64 * CROP_AT).ceil() as usize;
        let bound = *pooled.get(at.checked_sub(1)?)?;
        let crop = |values: &[f64]| -> Vec<f64> {
            values.iter().copied().filter(|value| *value <= bound).collect()
        };
        Self::raw(&crop(one), &crop(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples that Wikipedia works out, of equal sizes ("Student's t-test") and of unequal
    /// ones ("Welch's t-test").
    const EQUAL: [&[f64]; 2] =
        [&[30.02, 29.99, 30.11, 29.97, 30.01, 29.99], &[29.89, 29.93, 29.72, 29.98, 30.02, 29.98]];
    const UNEQUAL: [&[f64]; 2] = [
        &[17.2, 20.9, 22.6, 18.1, 21.7, 21.4, 23.5, 24.2, 14.7, 21.8],
        &[
            21.5, 22.8, 21.0, 23.0, 21.6, 23.6, 22.5, 20.7, 23.4, 21.8, 20.7, 21.7, 21.5, 22.5,
            23.6, 21.5, 22.5, 23.5, 21.5, 21.8,
        ],
    ];

    #[test]
    fn worked_examples_have_their_known_figures() {
        let [one, other] = EQUAL;
        assert_eq!(Welch::raw(one, other), Some(Welch { t: 1.959, degrees: 7.031 }));
        assert_eq!(Welch::raw(other, one), Some(Welch { t: -1.959, degrees: 7.031 }));
        let [one, other] = UNEQUAL;
        assert_eq!(Welch::raw(one, other), Some(Welch { t: -1.565, degrees: 9.905 }));
        let sample = Sample::of(one).unwrap().rounded();
        assert_eq!(sample, Sample { n: 10, mean: 20.61, variance: 9.041 });
    }

    #[test]
    fn a_few_late_answers_hide_a_difference_that_cropping_shows() {
        let wave = |index: usize| (index % 7) as f64;
        let late = |index: usize| if index.is_multiple_of(40) { 5_000.0 } else { 0.0 };
        let one: Vec<f64> = (0..1_000).map(|index| 100.0 + wave(index) + late(index)).collect();
        let other: Vec<f64> = (0..1_000).map(|index| 101.0 + wave(index) + late(index)).collect();
        assert!(Welch::raw(&one, &other).unwrap().t.abs() < 1.0);
        assert!(Welch::cropped(&one, &other).unwrap().t < -4.5);
    }

    #[test]
    fn nothing_is_said_of_values_that_do_not_vary_or_are_too_few() {
        assert_eq!(Welch::raw(&[1.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!(Welch::raw(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(Welch::cropped(&[], &[]), None);
    }
}
