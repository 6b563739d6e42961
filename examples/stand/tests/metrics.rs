//! `/metrics`: the text of Prometheus, what is counted in it, and the guide's table of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Serving, ask, folder, serve};

const GUIDE: &str = include_str!("../../../docs/guide/operating.md");
const ORDER: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
const PAYMENT: &str = "/pos/v1/payments/5d2f0c1e-7a43-4c58-9c0b-2b1a6e4f8d01";
const TOKEN: &str = "Authorization: Bearer till-1-secret";
const JSON: &str = "Content-Type: application/json";

/// Metrics that a stand on which nothing fails never begins.
const QUIET: [&str; 2] = ["tillway_store_claims_total", "tillway_store_read_failures_total"];

/// A metric with its series.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(label, _)| label == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Reads the text strictly: each metric is told with help and type, at once, and named once.
fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut helped, mut current) = (String::new(), String::new());
    let mut seen = BTreeSet::new();
    assert!(text.ends_with('\n'));
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(!words.is_empty(), "{line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, helped, "a type follows the help");
            assert!(is_name(name) && name.starts_with("tillway_"), "{line}");
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            let family = Family { kind: kind.to_owned(), samples: Vec::new() };
            assert!(families.insert(name.to_owned(), family).is_none(), "{name} comes twice");
            current = name.to_owned();
        } else {
            assert!(!line.starts_with('#'), "{line}");
            assert!(seen.insert(line.rsplit_once(' ').unwrap().0.to_owned()), "twice: {line}");
            let sample = sample(line);
            let family = families.get_mut(&current).unwrap();
            let suffix = sample.name.strip_prefix(&*current);
            let suffix = suffix.unwrap_or_else(|| panic!("{line} under {current}"));
            let fits = match &*family.kind {
                "histogram" => matches!(suffix, "_bucket" | "_sum" | "_count"),
                _ => suffix.is_empty(),
            };
            assert!(fits, "{line} under {current}");
            family.samples.push(sample);
        }
    }
    families
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, rest) = series.split_once('{').unwrap_or((series, ""));
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    if !rest.is_empty() {
        for pair in rest.strip_suffix('}').unwrap().split(',') {
            let (label, value) = pair.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
            assert!(is_name(label), "{line}");
            // A word of ours: no id, no card, no text of anybody.
            let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.+".contains(&b));
            assert!(plain && (1..=24).contains(&value.len()), "{line}");
            labels.push((label.to_owned(), value.to_owned()));
        }
    }
    let value: f64 = value.parse().unwrap();
    assert!(value >= 0.0 && value.is_finite(), "{line}");
    Sample { name: name.to_owned(), labels, value }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Buckets grow, and the last one has everything.
fn has_whole_histograms(name: &str, family: &Family) {
    let mut series: BTreeMap<Vec<(String, String)>, Vec<&Sample>> = BTreeMap::new();
    for sample in &family.samples {
        let labels = sample.labels.iter().filter(|(label, _)| label != "le").cloned().collect();
        series.entry(labels).or_default().push(sample);
    }
    for samples in series.values() {
        let of = |suffix: &str| {
            let wanted = format!("{name}{suffix}");
            samples.iter().filter(move |sample| sample.name == wanted).collect::<Vec<_>>()
        };
        let (buckets, sums, counts) = (of("_bucket"), of("_sum"), of("_count"));
        assert_eq!((sums.len(), counts.len()), (1, 1), "{samples:?}");
        assert!(buckets.is_sorted_by(|a, b| a.value <= b.value), "{samples:?}");
        let border = |sample: &Sample| sample.label("le").parse::<f64>().unwrap();
        assert!(buckets.is_sorted_by(|a, b| border(a) < border(b)), "{samples:?}");
        let last = buckets.last().unwrap();
        assert_eq!(last.label("le"), "+Inf");
        assert!(last.value.to_bits() == counts[0].value.to_bits(), "{samples:?}");
    }
}

fn read(stand: &Serving) -> (String, BTreeMap<String, Family>) {
    let answer = ask(stand.page, "GET", "/metrics", &[], "");
    assert_eq!(answer.status, "HTTP/1.1 200 OK");
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(answer.headers.iter().any(|header| header == kind), "{:?}", answer.headers);
    let families = parse(&answer.body);
    for (name, family) in families.iter().filter(|(_, family)| family.kind == "histogram") {
        has_whole_histograms(name, family);
    }
    (answer.body, families)
}

/// What a series has counted, `u64::MAX` for one that is not there.
fn count(families: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> u64 {
    let mut samples = families.get(name).into_iter().flat_map(|family| &family.samples);
    let found = samples.find(|s| labels.iter().all(|(label, value)| s.label(label) == *value));
    found.map_or(u64::MAX, |sample| sample.value.to_string().parse().unwrap())
}

/// A guest pays, and tries what is refused.
fn play(stand: &Serving) {
    let ask = |method: &str, path: &str, headers: &[&str], body: &str, status: u16| {
        let answer = stand.ask(method, path, headers, body);
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.status.starts_with(&expected), "{path}: {} {}", answer.status, answer.body);
    };
    assert_eq!(stand.check_in(ORDER, "149725735").status, "HTTP/1.1 204 No Content");
    assert_eq!(stand.check_in(ORDER, "a-stranger's-card").status, "HTTP/1.1 200 OK");
    let pay = |sum: u32| {
        format!(
            r#"{{"orderId":"{ORDER}","bindingEpoch":1,"amountMinor":{sum},"orderTotalMinor":165000,
                "walletId":"6d0a1a52-7d5c-5b52-8a5e-0d3f7c7b1e01",
                "paymentTypeId":"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc"}}"#
        )
    };
    ask("PUT", PAYMENT, &[TOKEN, JSON], &pay(75_000), 201);
    ask("PUT", PAYMENT, &[TOKEN, JSON], &pay(75_000), 200);
    ask("PUT", &format!("{}2", &PAYMENT[..PAYMENT.len() - 1]), &[TOKEN, JSON], &pay(165_001), 409);
    ask("GET", "/pos/v1/health", &["Authorization: Bearer a-guess"], "", 401);
    ask("GET", "/nowhere", &[], "", 404);
}

#[test]
fn what_happens_is_counted_and_the_text_is_well_formed() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    play(&stand);
    let (text, families) = read(&stand);
    let requests = |operation, status| {
        let labels = [("operation", operation), ("status", status)];
        count(&families, "tillway_http_requests_total", &labels)
    };
    assert_eq!(requests("checkIn", "2xx"), 2, "{text}");
    assert_eq!(requests("capture", "2xx"), 2, "{text}");
    assert_eq!(requests("capture", "4xx"), 1, "{text}");
    assert_eq!(requests("health", "4xx"), 1, "{text}");
    assert_eq!(requests("none", "4xx"), 1, "{text}");
    for code in ["unknown_card", "bad_token", "over_total"] {
        assert_eq!(count(&families, "tillway_http_refusals_total", &[("code", code)]), 1, "{text}");
    }
    let commits =
        |outcome| count(&families, "tillway_store_commits_total", &[("outcome", outcome)]);
    assert_eq!((commits("refused"), commits("replayed"), commits("in_doubt")), (1, 1, 0), "{text}");
    let captures = [("operation", "capture")];
    assert_eq!(count(&families, "tillway_store_operations_total", &captures), 1, "{text}");
    let refused = [("code", "over_total")];
    assert_eq!(count(&families, "tillway_store_refusals_total", &refused), 1, "{text}");
    let payments = [("flow", "payment"), ("status", "open")];
    assert_eq!(count(&families, "tillway_flows", &payments), 1, "{text}");
    assert_eq!(count(&families, "tillway_store_up", &[]), 1, "{text}");
    assert!(count(&families, "tillway_store_queue", &[]) < 4_096, "{text}");
    let batches = count(&families, "tillway_store_batches_total", &[]);
    let batched = count(&families, "tillway_store_batched_total", &[]);
    assert!(0 < batches && batches <= batched && batched < u64::MAX, "{text}");
    for told in [ORDER, "149725735", "stranger", "guess", "till-1", "5d2f0c1e"] {
        assert!(!text.contains(told), "{told} is in the metrics");
    }

    // Reading counts nothing away.
    let (_, again) = read(&stand);
    let refusals = [("code", "bad_token")];
    assert_eq!(count(&again, "tillway_http_refusals_total", &refusals), 1);
    assert_eq!(ask(stand.page, "HEAD", "/metrics", &[], "").body, "");
    assert_eq!(
        ask(stand.page, "POST", "/metrics", &[], "x").status,
        "HTTP/1.1 405 Method Not Allowed"
    );
    assert_eq!(stand.stop().0, Some(0));
}

/// Name, type and labels of each metric in the table of the guide.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let rows = GUIDE.lines().filter(|line| line.starts_with("| `tillway_"));
    let rows = rows.map(|row| {
        let mut cells = row.split('|').skip(1).map(|cell| cell.trim().replace('`', ""));
        let (name, kind, labels) =
            (cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap());
        let labels = labels.split(", ").filter(|label| !label.is_empty() && *label != "–");
        (name, (kind, labels.map(str::to_owned).collect()))
    });
    rows.collect()
}

#[test]
fn the_guide_names_every_metric_with_type_and_labels() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    play(&stand);
    let (text, families) = read(&stand);
    let documented = documented();
    for (name, family) in &families {
        let (kind, labels) = documented.get(name).unwrap_or_else(|| panic!("{name}: {text}"));
        assert_eq!(kind, &family.kind, "{name}");
        let told = family.samples.iter().flat_map(|sample| &sample.labels);
        let told: BTreeSet<_> = told.map(|(l, _)| l.clone()).filter(|l| l != "le").collect();
        assert_eq!(labels, &told, "{name}");
    }
    let told = |name: &&String| !families.contains_key(*name);
    let missing: Vec<_> = documented.keys().filter(told).collect();
    assert_eq!(missing, QUIET, "in the guide and never told");
}
