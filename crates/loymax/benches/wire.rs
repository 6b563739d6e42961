//! G15: a message sealed and an answer judged, against quick-xml's bare writer and reader over the
//! same bytes. Nothing is durable here.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures real time"
)]

mod cheque;
#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Instant;

use quick_xml::events::{BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};
use tillway_core::port::processing::Outcome;
use tillway_loymax::{Dialect, judge, wire};
use tillway_measure::{Figure, Goal, Plan};

use cheque::{answer, operation};

/// What is said of a cheque of so many lines: its number of passes in a round, and its goal.
const SIZES: [(u32, usize, bool); 3] = [(1, 20_000, false), (20, 2_000, true), (200, 200, false)];

fn main() {
    let plan = Plan::of(std::env::args().skip(1));
    for (lines, passes, judged) in SIZES {
        let passes = plan.pick(passes, 4);
        let name = format!("G15-loymax-encode-{lines}");
        if plan.wants(&name) {
            encode(&plan, &name, lines, passes, judged);
        }
        let name = format!("G15-loymax-decode-{lines}");
        if plan.wants(&name) {
            decode(&plan, &name, lines, passes, judged);
        }
    }
}

fn per_pass(passes: usize, mut work: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..passes {
        work();
    }
    began.elapsed().as_nanos() as f64 / passes as f64 / 1_000.0
}

/// Every event and every attribute, looked at and forgotten.
fn bare_read(text: &str) -> usize {
    let mut reader = Reader::from_str(text);
    let mut seen = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return seen,
            Event::Start(start) | Event::Empty(start) => {
                for attribute in start.attributes() {
                    seen += black_box(attribute.unwrap()).value.len();
                }
            }
            other => seen += black_box(other).len(),
        }
    }
}

/// What a message consists of, its values written out already.
enum Piece {
    Start(String, Vec<(String, String)>),
    Empty(String, Vec<(String, String)>),
    Other(Event<'static>),
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut reader = Reader::from_str(text);
    let taken = |start: &BytesStart<'_>| {
        let name = start.name().as_ref().to_owned();
        let pair = |it: quick_xml::events::attributes::Attribute<'_>| {
            let value = it.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap();
            (it.key.as_ref().to_owned(), value.into_owned())
        };
        (name, start.attributes().map(|it| pair(it.unwrap())).collect::<Vec<_>>())
    };
    let mut pieces = Vec::new();
    loop {
        pieces.push(match reader.read_event().unwrap() {
            Event::Eof => return pieces,
            Event::Start(start) => {
                let (name, attributes) = taken(&start);
                Piece::Start(name, attributes)
            }
            Event::Empty(start) => {
                let (name, attributes) = taken(&start);
                Piece::Empty(name, attributes)
            }
            Event::End(end) => {
                Piece::Other(Event::End(BytesEnd::new(end.name().as_ref().to_owned())))
            }
            other => Piece::Other(other.into_owned()),
        });
    }
}

/// Each element with its attributes, escaped by quick-xml.
fn bare_write(pieces: &[Piece]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::with_capacity(1_024));
    for piece in pieces {
        match piece {
            Piece::Start(name, attributes) => {
                let pairs = attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                let start = BytesStart::new(name.as_str()).with_attributes(pairs);
                writer.write_event(Event::Start(start)).unwrap();
            }
            Piece::Empty(name, attributes) => {
                let pairs = attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                let start = BytesStart::new(name.as_str()).with_attributes(pairs);
                writer.write_event(Event::Empty(start)).unwrap();
            }
            Piece::Other(event) => writer.write_event(event.borrow()).unwrap(),
        }
    }
    writer.into_inner()
}

fn encode(plan: &Plan, name: &str, lines: u32, passes: usize, judged: bool) {
    let (dialect, operation) = (Dialect::default(), operation(lines));
    let sealed = wire::seal(&dialect, support::TILL, &operation).unwrap();
    let pieces = pieces(std::str::from_utf8(&sealed.body).unwrap());
    assert_eq!(bare_write(&pieces), sealed.body, "the same bytes");
    let mut ours = || {
        per_pass(passes, || {
            black_box(wire::seal(&dialect, support::TILL, black_box(&operation)).unwrap());
        })
    };
    let mut floor = || {
        per_pass(passes, || {
            black_box(bare_write(black_box(&pieces)));
        })
    };
    let [ours, floor] = plan.interleave(&mut ours, &mut floor);
    let about = format!(
        "seal a calculate of {lines} lines, {} bytes; the floor writes them with quick-xml from \
         values that are text already",
        sealed.body.len()
    );
    let figure = Figure::new(name, "µs", ours).against(floor).about(about);
    plan.show(&if judged { figure.goal(Goal::ratio_at_most(2.5, 1.5)) } else { figure });
}

fn decode(plan: &Plan, name: &str, lines: u32, passes: usize, judged: bool) {
    let (dialect, text) = (Dialect::default(), answer(lines));
    let sealed = wire::seal(&dialect, support::TILL, &operation(lines)).unwrap();
    let Outcome::Done(read) = judge::outcome(&dialect, &sealed, text.as_bytes()) else {
        panic!("the answer is a yes")
    };
    assert_eq!(read.lines.len(), usize::try_from(lines).unwrap());
    let mut ours = || {
        per_pass(passes, || {
            black_box(judge::outcome(&dialect, &sealed, black_box(text.as_bytes())));
        })
    };
    let mut floor = || {
        per_pass(passes, || {
            black_box(bare_read(black_box(&text)));
        })
    };
    let [ours, floor] = plan.interleave(&mut ours, &mut floor);
    let about = format!(
        "judge its answer with an offer on each line, {} bytes; the floor reads every event and \
         attribute with quick-xml and keeps none",
        text.len()
    );
    let figure = Figure::new(name, "µs", ours).against(floor).about(about);
    plan.show(&if judged { figure.goal(Goal::ratio_at_most(2.0, 1.4)) } else { figure });
}
