//! Durations, sorted into buckets as they come.
//!
//! The recorder of Prometheus keeps each value until somebody asks for all of them; here a value
//! is two numbers that grow.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// From a read of a page that is in memory to a check-in that waits for its till, in seconds.
const BORDERS: [(f64, &str); 14] = [
    (0.0005, "0.0005"),
    (0.001, "0.001"),
    (0.0025, "0.0025"),
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.025, "0.025"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (1.0, "1"),
    (2.5, "2.5"),
    (5.0, "5"),
    (10.0, "10"),
];

/// A recorder of counters and gauges, with these histograms.
pub(super) struct With<R> {
    pub(super) inner: R,
    pub(super) histograms: Histograms,
}

impl<R: Recorder> Recorder for With<R> {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.inner.describe_counter(name, unit, text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.inner.describe_gauge(name, unit, text);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.histograms.lock().entry(name.as_str().to_owned()).or_default().help = text;
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.inner.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.inner.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let mut families = self.histograms.lock();
        let family = families.entry(key.name().to_owned()).or_default();
        // Words of ours, which need no escapes.
        let labels = key.labels().map(|l| format!("{}=\"{}\"", l.key(), l.value()));
        let labels = labels.collect::<Vec<_>>().join(",");
        Histogram::from_arc(Arc::clone(family.series.entry(labels).or_default()))
    }
}

/// All histograms of this process, by name. A clone is the same ones.
#[derive(Clone, Default)]
pub(super) struct Histograms(Arc<Mutex<BTreeMap<String, Family>>>);

#[derive(Default)]
struct Family {
    help: SharedString,
    /// By their labels.
    series: BTreeMap<String, Arc<Buckets>>,
}

impl Histograms {
    /// Appends the text for Prometheus.
    pub(super) fn write(&self, text: &mut String) {
        for (name, family) in self.lock().iter().filter(|(_, family)| !family.series.is_empty()) {
            let _ = write!(text, "# HELP {name} {}\n# TYPE {name} histogram\n", family.help);
            for (labels, buckets) in &family.series {
                buckets.write(name, labels, text);
            }
            text.push('\n');
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One series.
#[derive(Default)]
struct Buckets {
    /// How many values are at most each border, and more than the one before; then all others.
    counts: [AtomicU64; BORDERS.len() + 1],
    sum_ns: AtomicU64,
}

impl HistogramFn for Buckets {
    /// Counts a duration in seconds.
    fn record(&self, seconds: f64) {
        let bucket = BORDERS.partition_point(|(border, _)| *border < seconds);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let took = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or_default();
        self.sum_ns.fetch_add(took_ns, Ordering::Relaxed);
    }
}

impl Buckets {
    fn write(&self, name: &str, labels: &str, text: &mut String) {
        let comma = if labels.is_empty() { "" } else { "," };
        let borders = BORDERS.iter().map(|(_, border)| *border).chain(["+Inf"]);
        let mut all = 0_u64;
        for (border, count) in borders.zip(&self.counts) {
            all = all.saturating_add(count.load(Ordering::Relaxed));
            let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{border}\"}} {all}");
        }
        let sum = Duration::from_nanos(self.sum_ns.load(Ordering::Relaxed));
        let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
        let (seconds, ns) = (sum.as_secs(), sum.subsec_nanos());
        let _ = writeln!(text, "{name}_sum{open}{labels}{close} {seconds}.{ns:09}");
        let _ = writeln!(text, "{name}_count{open}{labels}{close} {all}");
    }
}

#[cfg(test)]
mod tests {
    use metrics::{NoopRecorder, describe_histogram, histogram, with_local_recorder};

    use super::*;

    #[test]
    fn values_are_sorted_into_buckets() {
        let histograms = Histograms::default();
        let recorder = With { inner: NoopRecorder, histograms: histograms.clone() };
        with_local_recorder(&recorder, || {
            describe_histogram!("took", "How long it took");
            describe_histogram!("silent", "What never happened");
            for ns in [0, 500_000, 500_001, 10_000_000_000, 10_000_000_001] {
                histogram!("took", "read" => "guest").record(Duration::from_nanos(ns));
            }
            histogram!("took", "read" => "order").record(Duration::from_millis(1_500));
        });
        let mut text = String::new();
        histograms.write(&mut text);
        assert!(
            text.starts_with("# HELP took How long it took\n# TYPE took histogram\n"),
            "{text}"
        );
        assert!(!text.contains("silent"), "{text}");
        for line in [
            r#"took_bucket{read="guest",le="0.0005"} 2"#,
            r#"took_bucket{read="guest",le="0.001"} 3"#,
            r#"took_bucket{read="guest",le="5"} 3"#,
            r#"took_bucket{read="guest",le="10"} 4"#,
            r#"took_bucket{read="guest",le="+Inf"} 5"#,
            r#"took_sum{read="guest"} 20.001000002"#,
            r#"took_count{read="guest"} 5"#,
            r#"took_bucket{read="order",le="1"} 0"#,
            r#"took_bucket{read="order",le="2.5"} 1"#,
            r#"took_sum{read="order"} 1.500000000"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
