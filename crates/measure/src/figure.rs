//! One figure: a line for people and scripts, and a row of a table.

use std::fmt;

use crate::spread::Spread;

/// What a figure should come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    of_ratio: bool,
    at_least: bool,
    /// The least that is wanted.
    reach: f64,
    /// What would be remarked on.
    shine: f64,
}

impl Goal {
    /// A ratio where more is better.
    pub fn ratio_at_least(reach: f64, shine: f64) -> Self {
        Self { of_ratio: true, at_least: true, reach, shine }
    }

    /// A ratio where less is better.
    pub fn ratio_at_most(reach: f64, shine: f64) -> Self {
        Self { of_ratio: true, at_least: false, reach, shine }
    }

    /// Our own figure, where less is better.
    pub fn at_most(reach: f64, shine: f64) -> Self {
        Self { of_ratio: false, at_least: false, reach, shine }
    }

    fn verdict(self, value: f64) -> &'static str {
        let met = |goal: f64| if self.at_least { value >= goal } else { value <= goal };
        match (met(self.shine), met(self.reach)) {
            (true, _) => "shine",
            (false, true) => "reach",
            (false, false) => "missed",
        }
    }

    fn text(self, goal: f64) -> String {
        let sign = if self.at_least { '≥' } else { '≤' };
        let digits = if goal < 10.0 { 2 } else { 0 };
        format!("{sign} {goal:.digits$}")
    }
}

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    name: String,
    unit: &'static str,
    ours: Spread,
    floor: Option<Spread>,
    goal: Option<Goal>,
    about: String,
}

impl Figure {
    /// Our side's rounds.
    pub fn new(name: impl Into<String>, unit: &'static str, ours: impl Into<Spread>) -> Self {
        let (ours, name) = (ours.into(), name.into());
        Self { name, unit, ours, floor: None, goal: None, about: String::new() }
    }

    /// The floor's rounds of the same run.
    #[must_use]
    pub fn against(self, floor: impl Into<Spread>) -> Self {
        Self { floor: Some(floor.into()), ..self }
    }

    /// What it should come to.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// What is durable, how many rows there are, what the floor is.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }

    /// `ours / floor`, by their medians; `None` without a floor, or with one that is unsteady.
    pub fn ratio(&self) -> Option<f64> {
        let floor = self.floor.filter(Spread::is_steady)?;
        Some(self.ours.median / floor.median)
    }

    /// The row of a table: name, ours, floor, ratio, goals, verdict, what it is.
    pub fn row(&self) -> String {
        let cell = |spread: &Spread| {
            let median = self.number(spread.median);
            if spread.rounds == 1 { median } else { format!("{median} ({})", self.range(spread)) }
        };
        let floor = self.floor.as_ref().map_or_else(|| "–".to_owned(), cell);
        let ratio = match (self.floor, self.ratio()) {
            (None, _) => "–".to_owned(),
            (Some(_), None) => "unsteady".to_owned(),
            (Some(_), Some(ratio)) => format!("{ratio:.2}"),
        };
        let goals = self.goal.map_or_else(
            || "– | –".to_owned(),
            |goal| format!("{} | {}", goal.text(goal.reach), goal.text(goal.shine)),
        );
        let (name, ours, about) = (&self.name, cell(&self.ours), &self.about);
        let verdict = self.verdict().unwrap_or("–");
        format!("| {name} | {ours} | {floor} | {ratio} | {goals} | {verdict} | {about} |")
    }

    /// How the goal was met; `None` without one, or when the ratio says nothing.
    fn verdict(&self) -> Option<&'static str> {
        let goal = self.goal?;
        let value = if goal.of_ratio { self.ratio()? } else { self.ours.median };
        Some(goal.verdict(value))
    }

    fn number(&self, value: f64) -> String {
        let digits = match value.abs() {
            100.0.. => 0,
            10.0.. => 1,
            _ => 2,
        };
        format!("{value:.digits$}{}", self.unit)
    }

    fn range(&self, spread: &Spread) -> String {
        let plain = Self { unit: "", ..self.clone() };
        format!("{}..{}", plain.number(spread.low), plain.number(spread.high))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bench {} ours={}", self.name, self.number(self.ours.median))?;
        if let Some(floor) = &self.floor {
            write!(f, " floor={}", self.number(floor.median))?;
            match self.ratio() {
                Some(ratio) => write!(f, " ratio={ratio:.2}")?,
                None => write!(f, " ratio=none (the floor is too unsteady)")?,
            }
        }
        if let Some(verdict) = self.verdict() {
            write!(f, " {verdict}")?;
        }
        let mut notes = Vec::new();
        if self.ours.rounds > 1 {
            notes.push(format!("ours {}", self.range(&self.ours)));
            notes.extend(self.floor.map(|floor| format!("floor {}", self.range(&floor))));
            notes.push(format!("{} rounds", self.ours.rounds));
        }
        if !self.about.is_empty() {
            notes.push(self.about.clone());
        }
        if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_the_goal_was_met() {
        let rows = [
            (Goal::ratio_at_least(0.5, 0.75), 80.0, "ratio=0.80 shine"),
            (Goal::ratio_at_least(0.5, 0.75), 60.0, "ratio=0.60 reach"),
            (Goal::ratio_at_least(0.5, 0.75), 40.0, "ratio=0.40 missed"),
            (Goal::ratio_at_most(1.5, 1.2), 120.0, "ratio=1.20 shine"),
            (Goal::ratio_at_most(1.5, 1.2), 151.0, "ratio=1.51 missed"),
            (Goal::at_most(60.0, 25.0), 26.0, "ratio=0.26 reach"),
            (Goal::at_most(60.0, 25.0), 61.0, "ratio=0.61 missed"),
        ];
        for (goal, ours, expected) in rows {
            let figure = Figure::new("x", "/s", ours).against(100.0).goal(goal);
            let line = figure.to_string();
            assert!(line.ends_with(expected), "{line}");
        }
    }

    #[test]
    fn an_unsteady_floor_gives_no_ratio_and_no_verdict() {
        let figure = Figure::new("x", "us", vec![1.0, 2.0, 3.0]).against(vec![10.0, 21.0]);
        let figure = figure.goal(Goal::ratio_at_most(1.5, 1.2)).about("nothing durable");
        assert_eq!(
            figure.to_string(),
            "bench x ours=2.00us floor=21.0us ratio=none (the floor is too unsteady) \
             (ours 1.00..3.00, floor 10.0..21.0, 3 rounds, nothing durable)"
        );
        let row = "| x | 2.00us (1.00..3.00) | 21.0us (10.0..21.0) | unsteady | ≤ 1.50 | ≤ 1.20 \
                   | – | nothing durable |";
        assert_eq!(figure.row(), row);
    }

    #[test]
    fn a_figure_may_stand_alone() {
        let figure =
            Figure::new("G20-empty-store", "KiB", 150.0).goal(Goal::at_most(1024.0, 200.0));
        assert_eq!(figure.to_string(), "bench G20-empty-store ours=150KiB shine");
        let row = "| G20-empty-store | 150KiB | – | – | ≤ 1024 | ≤ 200 | shine |  |";
        assert_eq!(figure.row(), row);
    }
}
