//! How far a share that was measured can be from the one that was computed.

/// What lies outside of the interval, on each side: 99.9 % are within.
const TAIL: f64 = 0.000_5;
/// Halvings of an interval of one: beyond what a float tells apart.
const HALVINGS: u32 = 60;

/// The interval of Clopper and Pearson for so many of so many: the probabilities by which neither so
/// many nor so few would surprise.
pub(super) fn interval(hits: u64, of: u64) -> (f64, f64) {
    let low = if hits == 0 {
        0.0
    } else {
        // At least so many.
        boundary(|p| 1.0 - at_most(hits - 1, of, p) < TAIL)
    };
    let high = if hits == of { 1.0 } else { boundary(|p| at_most(hits, of, p) > TAIL) };
    (low, high)
}

/// Where something that holds of small probabilities ceases to.
fn boundary(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if holds(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The probability of no more than `hits` of `of`.
fn at_most(hits: u64, of: u64, p: f64) -> f64 {
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return f64::from(u8::from(hits >= of));
    }
    let (mut term, odds) = (of as f64 * (-p).ln_1p(), (p / (1.0 - p)).ln());
    let mut sum = term.exp();
    for hit in 1..=hits {
        term += ((of - hit + 1) as f64 / hit as f64).ln() + odds;
        sum += term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-4
    }

    #[test]
    fn the_interval_is_the_published_one() {
        // Of none: 1 - tail^(1/n); and the other way round of all.
        let (low, high) = interval(0, 100);
        assert!(low == 0.0 && near(high, 1.0 - TAIL.powf(0.01)), "{low} {high}");
        let (low, high) = interval(100, 100);
        assert!(near(low, TAIL.powf(0.01)) && near(high, 1.0), "{low} {high}");
        let (low, high) = interval(10, 200);
        assert!((0.012..0.015).contains(&low) && (0.120..0.126).contains(&high), "{low} {high}");
    }

    #[test]
    fn it_is_as_wide_as_its_tails_say() {
        let (low, high) = interval(34, 400);
        assert!((at_most(34, 400, high) - TAIL).abs() < 1e-9);
        assert!((1.0 - at_most(33, 400, low) - TAIL).abs() < 1e-9);
    }
}
