//! The median of some rounds and their range.

/// What the rounds of one side came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The lowest round.
    pub low: f64,
    /// The middle one; of an even number the upper of the two.
    pub median: f64,
    /// The highest round.
    pub high: f64,
    /// How many there were.
    pub rounds: usize,
}

impl Spread {
    /// Of these rounds.
    ///
    /// # Panics
    /// When there is none.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let (Some(low), Some(high)) = (values.first(), values.last()) else {
            panic!("no round was measured");
        };
        let median = values[values.len() / 2];
        Self { low: *low, median, high: *high, rounds: values.len() }
    }

    /// Whether a ratio to it says anything: its rounds are within a factor of two.
    pub fn is_steady(&self) -> bool {
        self.high <= 2.0 * self.low
    }
}

impl From<Vec<f64>> for Spread {
    fn from(values: Vec<f64>) -> Self {
        Self::of(values)
    }
}

impl From<f64> for Spread {
    fn from(value: f64) -> Self {
        Self::of(vec![value])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_the_sorted_rounds() {
        let spread = Spread::of(vec![30.0, 10.0, 20.0]);
        assert_eq!(spread, Spread { low: 10.0, median: 20.0, high: 30.0, rounds: 3 });
        assert!(!spread.is_steady());
        assert!(Spread::of(vec![10.0, 20.0]).is_steady());
    }
}
